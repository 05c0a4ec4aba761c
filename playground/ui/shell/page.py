"""What all tabs share: lanes for events, messages in the visitor's language, stopping a run."""

from __future__ import annotations

import functools
import inspect
import itertools
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr
from gradio.context import LocalContext
from markupsafe import escape

from playground import owners
from playground.disk import refusal
from playground.engine.work import MOST_WORK_SECONDS, Work
from playground.errors import Message, PlaygroundError
from playground.ui.shell.faults import report
from playground.ui.text import say, tell

# Model work waits in one line; looking things up (milliseconds) has a line of its own, so that
# it is not stuck behind somebody's long answer. Embedding documents and fetching a model, which
# may take minutes, have theirs too.
MODEL: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 1, "api_visibility": "private"}
LOOK: dict[str, Any] = {
    "concurrency_id": "look",
    "concurrency_limit": 1,
    "api_visibility": "private",
    "show_progress": "minimal",
}
# A preview: what is set while one is worked out is not dropped, the last of it comes after.
LAST: dict[str, Any] = LOOK | {"trigger_mode": "always_last"}
SEARCH: dict[str, Any] = LOOK | {"concurrency_id": "search", "show_progress": "full"}
LOAD: dict[str, Any] = LOOK | {"concurrency_id": "load", "show_progress": "full"}
VIEW: dict[str, Any] = LOOK | {"concurrency_id": "view"}  # pictures that take a second
AT_ONCE: dict[str, Any] = {"queue": False, "api_visibility": "private", "show_progress": "hidden"}
# As quick as AT_ONCE, for what may be refused: gradio shows errors only of what is queued.
TOLD: dict[str, Any] = LOOK | {"concurrency_id": "told", "concurrency_limit": 8, "show_progress": "hidden"}
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
SWITCH = "() => ({__type__: 'update', interactive: %s})"  # a button, in the browser
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
        return gr.Error(str(escape(text)), title=say(language, "error_title"), print_exception=False)

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
    """Whose turns are running or waiting. A visitor has one for each activity, whose names are the
    page's own; a newer turn of an activity ends the older, and leaves the other activities alone.
    """

    def __init__(self) -> None:
        # A visitor's turns are replaced, never changed: they are read without the lock.
        self._turns: OrderedDict[str, dict[str, int]] = OrderedDict()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def begin(self, session: str, activity: str = "", *over: str) -> int:
        """A visitor pressed the button: the number of their turn.

        :param over: other activities that are of no use any more with this one.
        """
        with self._lock:
            turn = next(self._numbers)
            turns = self._without(session, over)
            self._turns[session] = {**turns, activity: turn}
            self._turns.move_to_end(session)
            while len(self._turns) > MAX_RUNS:
                self._turns.popitem(last=False)
            return turn

    def stopped(self, session: str, turn: int) -> Callable[[], bool]:
        """Whether a turn was stopped, overtaken, or its visitor left: asked between tokens."""
        return lambda: turn not in self._turns.get(session, {}).values()

    def stop(self, session: str, *activities: str) -> None:
        """End a visitor's turns of some activities, of all where none is named: at the next token,
        or before they have begun."""
        with self._lock:
            turns = self._without(session, activities) if activities else {}
            self._turns.pop(session, None)
            if turns:
                self._turns[session] = turns

    def _without(self, session: str, activities: Sequence[str]) -> dict[str, int]:
        turns = self._turns.get(session, {})
        return {name: turn for name, turn in turns.items() if name not in activities}


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


def session() -> str:
    """The session of the visitor for whom this thread works, "" outside of an event."""
    return str(getattr(LocalContext.request.get(None), "session_hash", None) or "")


def session_of(request: gr.Request) -> str:
    """Whose turns a visitor's buttons begin and end."""
    return str(request.session_hash)


def begin_building(request: gr.Request) -> int:
    """The recipe is another one: an older one is built no further."""
    return RUNS.begin(session_of(request), "building")


def leave(session: str) -> None:
    """A page was closed: nothing of its visitor's goes on."""
    RUNS.stop(session)


def begins(activity: str, *over: str) -> Callable[[gr.Request], int]:
    """The handler of a press that starts an activity; ``over`` names those that it ends."""

    def begin_run(request: gr.Request) -> int:
        return RUNS.begin(session_of(request), activity, *over)

    return begin_run


def stops(*activities: str) -> Callable[[gr.Request], None]:
    """The handler of a stop button: it ends these activities and no others."""

    def stop_run(request: gr.Request) -> None:
        RUNS.stop(session_of(request), *activities)

    return stop_run


def working(button: gr.Button, *events: Any) -> None:
    """Switch a button off when it is pressed, and on again when the last of the events that the
    press sets off is over: done, stopped, refused, or turned away by a server that is full.

    The browser does both by itself, so that no answer of the server is needed for it. ("then" is
    not told of errors. After a lost connection gradio opens the page anew, with the button on.)
    """
    button.click(None, None, button, js=SWITCH % "false", api_visibility="private")
    ends = [*(event.failure for event in events), events[-1].then]
    for end in ends:
        end(None, None, button, js=SWITCH % "true", api_visibility="private")


def clears(*events: Any, parts: Sequence[Any]) -> None:
    """Empty some pieces of HTML at events: the browser alone, without asking the server."""
    for event in events:
        event(None, None, parts, js=f"() => {[''] * len(parts)}", api_visibility="private")


def follows(parts: Sequence[Any], handler: Callable[..., Any], inputs: Any, outputs: Any, **lane: Any) -> None:
    """Answer when the values of some parts are others than before, whoever set them.

    A menu of several choices says "change" whenever it is drawn, and every event that reads it
    draws it: an answer to each "change" would set off the next, for ever. What the browser keeps
    says it twice when its tab is opened. So the browser compares.
    """
    values = [_plain(getattr(part, "default_value", part.value)) for part in parts]
    first = json.dumps(values, separators=(",", ":"), ensure_ascii=False)
    seen = gr.Textbox(first, visible="hidden")
    for part in parts:
        part.change(None, parts, seen, js="(...now) => JSON.stringify(now)", api_visibility="private")
    seen.change(handler, inputs, outputs, trigger_mode="always_last", **lane)


def _plain(value: Any) -> Any:
    """A number as a browser writes it: 1 and not 1.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
