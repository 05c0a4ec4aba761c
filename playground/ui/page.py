"""What all tabs share: lanes for events, messages in the visitor's language, stopping a run."""

from __future__ import annotations

import functools
import inspect
import logging
import threading
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

import gradio as gr

from playground.errors import PlaygroundError
from playground.ui.text import say, tell

# Model work waits in one line; looking things up (milliseconds) has a line of its own, so that
# it is not stuck behind somebody's long answer.
MODEL: dict[str, Any] = {
    "concurrency_id": "model",
    "concurrency_limit": 1,
    "api_visibility": "private",
}
LOOK: dict[str, Any] = {
    "concurrency_id": "look",
    "concurrency_limit": 1,
    "api_visibility": "private",
    "show_progress": "minimal",
}
AT_ONCE: dict[str, Any] = {"queue": False, "api_visibility": "private", "show_progress": "hidden"}
# Clicks on anything marked data-do inside a piece of HTML reach the handler with its data-* values.
CLICKS = """
element.addEventListener('click', (event) => {
  const target = event.target.closest('[data-do]');
  if (target) trigger('click', {...target.dataset});
});
"""
log = logging.getLogger(__name__)


def shown(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Show what goes wrong in a handler as a message in the language it was called with.

    The handler has a parameter named ``language``.
    """
    place = list(inspect.signature(handler).parameters).index("language")

    def language_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        return str(kwargs.get("language", args[place] if len(args) > place else "en"))

    def failed(error: Exception, language: str) -> gr.Error:
        if isinstance(error, PlaygroundError):
            text = tell(language, error.message)
        else:
            log.error("A handler failed", exc_info=error)
            text = say(language, "error_unexpected")
        # The page shows the text as HTML, and it may quote what somebody wrote into a file.
        return gr.Error(escape(text), title=say(language, "error_title"), print_exception=False)

    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def stream(*args: Any, **kwargs: Any) -> Iterator[Any]:
            try:
                yield from handler(*args, **kwargs)
            except gr.Error:
                raise
            except Exception as error:
                raise failed(error, language_of(args, kwargs)) from error

        return stream

    @functools.wraps(handler)
    def once(*args: Any, **kwargs: Any) -> Any:
        try:
            return handler(*args, **kwargs)
        except gr.Error:
            raise
        except Exception as error:
            raise failed(error, language_of(args, kwargs)) from error

    return once


class Runs:
    """Which visitors have an answer under way or waiting, and who asked for it to stop."""

    def __init__(self) -> None:
        self._flags: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def begin(self, session: str) -> None:
        """Note that a visitor pressed the button, stopping an earlier run of theirs."""
        with self._lock:
            self._end(session)
            self._flags[session] = threading.Event()

    def stopped(self, session: str) -> Callable[[], bool]:
        """Whether the run that a visitor began last was stopped: asked between tokens."""
        with self._lock:
            return self._flags.setdefault(session, threading.Event()).is_set

    def stop(self, session: str) -> None:
        """End a visitor's run at its next token, or before it has begun."""
        with self._lock:
            self._end(session)

    def forget(self, session: str) -> None:
        """The visitor left: end their run and keep nothing of it."""
        with self._lock:
            self._end(session)
            self._flags.pop(session, None)

    def _end(self, session: str) -> None:
        if session in self._flags:
            self._flags[session].set()


RUNS = Runs()


def begin_run(request: gr.Request) -> None:
    """A button that starts an answer was pressed; its turn may come later."""
    RUNS.begin(str(request.session_hash))


def stop_run(request: gr.Request) -> None:
    """The stop button."""
    RUNS.stop(str(request.session_hash))


def leave(request: gr.Request) -> None:
    """The page was closed."""
    RUNS.forget(str(request.session_hash))
