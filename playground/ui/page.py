"""What all tabs share: lanes for events, messages in the visitor's language, stopping a run."""

from __future__ import annotations

import functools
import inspect
import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from playground import owners
from playground.disk import refusal
from playground.engine.work import MOST_WORK_SECONDS, Work
from playground.errors import Message, PlaygroundError
from playground.ui.faults import report
from playground.ui.text import say, tell

# Model work waits in one line; looking things up (milliseconds) has a line of its own, so that
# it is not stuck behind somebody's long answer. Embedding documents and fetching a model, which
# may take minutes, have theirs too.
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
SEARCH: dict[str, Any] = LOOK | {"concurrency_id": "search", "show_progress": "full"}
LOAD: dict[str, Any] = LOOK | {"concurrency_id": "load", "show_progress": "full"}
VIEW: dict[str, Any] = LOOK | {"concurrency_id": "view"}  # pictures that take a second
AT_ONCE: dict[str, Any] = {"queue": False, "api_visibility": "private", "show_progress": "hidden"}
# As quick as AT_ONCE, for what may be refused: gradio shows errors only of what is queued.
TOLD: dict[str, Any] = LOOK | {
    "concurrency_id": "told", "concurrency_limit": 8, "show_progress": "hidden",
}  # fmt: skip
# Clicks on anything marked data-do inside a piece of HTML reach the handler with its data-* values;
# so do Enter and the space bar on what is no real button.
CLICKS = """
const press = (event) => {
  const target = event.target.closest('[data-do]');
  if (target) trigger('click', {...target.dataset});
  return target;
};
element.addEventListener('click', press);
element.addEventListener('keydown', (event) => {
  if (event.target.tagName !== 'BUTTON' && [' ', 'Enter'].includes(event.key) && press(event))
    event.preventDefault();
});
"""
SHOWN_EVERY = 0.25  # seconds between two steps of a progress
MAX_RUNS = 4096  # visitors whose turn is remembered
PROGRESS = gr.Progress()  # gradio looks for it among the defaults


def shown(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Show what goes wrong in a handler as a message in the language it was called with.

    The handler has a parameter named ``language``.
    """
    place = list(inspect.signature(handler).parameters).index("language")

    def language_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        return str(kwargs.get("language", args[place] if len(args) > place else "en"))

    def failed(error: Exception, language: str) -> gr.Error:
        told = error if isinstance(error, PlaygroundError) else refusal(error)
        if told is not None:
            text = tell(language, told.message)
        else:
            report("A handler failed", error)
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
    """Whose turn is running or waiting. A visitor has one; a newer one ends the older."""

    def __init__(self) -> None:
        self._turns: OrderedDict[str, int] = OrderedDict()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def begin(self, session: str) -> int:
        """A visitor pressed the button: the number of their turn."""
        with self._lock:
            turn = self._turns[session] = next(self._numbers)
            self._turns.move_to_end(session)
            while len(self._turns) > MAX_RUNS:
                self._turns.popitem(last=False)
            return turn

    def stopped(self, session: str, turn: int) -> Callable[[], bool]:
        """Whether a turn was stopped, overtaken, or its visitor left: asked between tokens."""
        return lambda: self._turns.get(session) != turn

    def stop(self, session: str) -> None:
        """End a visitor's turn at its next token, or before it has begun."""
        with self._lock:
            self._turns.pop(session, None)


RUNS = Runs()


def work_for(session: str, turn: int, progress: Any, language: str) -> Work:
    """How a long computation shows its progress to a visitor, and when their turn is over.

    A step that comes too soon after another is not shown: drawing hundreds of them costs a browser
    on the same machine more than the computation.
    """
    shown_at = float("-inf")

    def on_step(done: int, of: int, what: Message) -> None:
        nonlocal shown_at
        now = time.monotonic()
        if now - shown_at >= SHOWN_EVERY:
            shown_at = now
            progress((done, of), desc=tell(language, what))

    ended, end = RUNS.stopped(session, turn), time.monotonic() + MOST_WORK_SECONDS
    return Work(on_step, lambda: ended() or time.monotonic() > end)


def address() -> str:
    """The address of the visitor for whom this thread works, "" outside of an event."""
    client = getattr(LocalContext.request.get(None), "client", None)
    return str(getattr(client, "host", None) or "")


owners.ask(address)


def session_of(request: gr.Request) -> str:
    """Whose turns a visitor's buttons begin and end."""
    return str(request.session_hash)


def building_of(session: str) -> str:
    """Whose turn the sidebar's own building is: what other buttons begin does not end it."""
    return f"{session} builds"


def building(request: gr.Request) -> str:
    """As :func:`building_of`, of whoever asks."""
    return building_of(session_of(request))


def begin_building(request: gr.Request) -> int:
    """The recipe is another one: an older one is built no further."""
    return RUNS.begin(building(request))


def begin_run(request: gr.Request) -> int:
    """A button that starts an answer was pressed; its turn may come later."""
    return RUNS.begin(str(request.session_hash))


def stop_run(request: gr.Request) -> None:
    """The stop button: nothing of this visitor's goes on."""
    leave(session_of(request))


def leave(session: str) -> None:
    """A page was closed: nothing of its visitor's goes on."""
    RUNS.stop(session)
    RUNS.stop(building_of(session))
