"""What all tabs share: lanes for events, messages in the visitor's language, parts that follow others."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
from gradio.context import LocalContext
from markupsafe import escape

from playground import caller, owners
from playground.checked import whole
from playground.disk import refusal
from playground.engine.decoding.batch import MOST_ROWS
from playground.engine.decoding.batches import answering
from playground.errors import PlaygroundError
from playground.ui.shell.faults import report_fault
from playground.ui.text import say, tell

# Model work waits in one line; looking things up (milliseconds) has a line of its own, so that
# it is not stuck behind somebody's long answer. Embedding documents and fetching a model, which
# may take minutes, have theirs too.
MODEL: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 1, "api_visibility": "private"}
# Answers are decoded in one batch (engine/decoding/batch.py): so many visitors at once, of four columns each
ANSWER = MODEL | {"concurrency_id": "answer", "concurrency_limit": MOST_ROWS // 4}
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
PROGRESS = gr.Progress()  # gradio looks for it among the defaults


def refused(error: Exception, language: str) -> gr.Error:
    """What goes wrong, as a message in the visitor's language."""
    told = error if isinstance(error, PlaygroundError) else refusal(error)
    if told is not None:
        text = tell(language, told.message)
    else:
        report_fault("A handler failed", error)
        text = say(language, "error_unexpected")
    # The page shows the text as HTML, and it may quote what somebody wrote into a file.
    return gr.Error(str(escape(text)), title=say(language, "error_title"), print_exception=False)


def shown(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Show what goes wrong in a handler as a message in the language it was called with.

    The handler has a parameter named ``language``, or gets the values of a form first.
    """
    assert not inspect.isgeneratorfunction(handler), "what streams is a run"
    names = list(inspect.signature(handler).parameters)
    index = None if names[:1] == ["values"] else names.index("language")

    @functools.wraps(handler)
    def once(*args: Any, **kwargs: Any) -> Any:
        try:
            return handler(*args, **kwargs)
        except gr.Error:
            raise
        except Exception as error:
            if index is None:
                language = args[0]["language"]
            else:
                language = kwargs.get("language", args[index] if len(args) > index else "en")
            raise refused(error, str(language)) from error

    return once


def address() -> str:
    """The address of the visitor for whom this thread works, "" outside of an event."""
    client = getattr(LocalContext.request.get(None), "client", None)
    return str(getattr(client, "host", None) or "")


owners.ask(address)


def session() -> str:
    """The session of the visitor for whom this thread works, "" outside of an event."""
    return str(getattr(LocalContext.request.get(None), "session_hash", None) or "")


caller.ask(lambda: session() or address())


def session_of(request: gr.Request) -> str:
    """Whose turns a visitor's buttons begin and end."""
    return str(request.session_hash)


def somebody_waits() -> bool:
    """Whether an event waits in the line for models, or is being answered, so that what nobody asked for is not
    computed now."""
    line = getattr(LocalContext.blocks.get(None), "line", None)
    return line is not None and (bool(line.waiting(MODEL["concurrency_id"])) or answering())


def clears(*events: Any, parts: Sequence[Any]) -> None:
    """Empty some pieces of HTML at events: the browser alone, without asking the server."""
    for event in events:
        event(None, None, parts, js=f"() => {[''] * len(parts)}", api_visibility="private")


def leaves(state: Any, *presses: Any, of: str = "(now) => now") -> Callable[..., Any]:
    """The event that a state is another one than presses asked about.

    An answer to a press that changed the state can be there before the page says "change": what is emptied at each
    change would be empty for good.

    :param of: the part of the state that counts, as a function of the browser.
    """
    asked, left = gr.Textbox(visible="hidden"), gr.Textbox("0", visible="hidden")
    now = f"JSON.stringify(({of})(now))"
    for press in presses:
        press(None, state, asked, js=f"(now) => {now}", api_visibility="private")
    js = f"(now, asked, left) => !asked || {now} === asked ? left : String(Number(left) + 1)"
    state.change(None, [state, asked, left], left, js=js, api_visibility="private")
    return left.change


def follows(parts: Sequence[Any], handler: Callable[..., Any], inputs: Any, outputs: Any, **lane: Any) -> None:
    """Answer when the values of some parts are others than before, whoever set them.

    A menu of several choices says "change" whenever it is drawn, and every event that reads it
    draws it: an answer to each "change" would set off the next, for ever. What the browser keeps
    says it twice when its tab is opened. So the browser compares.
    """
    watched(parts).change(handler, inputs, outputs, trigger_mode="always_last", **lane)


def watched(parts: Sequence[Any]) -> gr.Textbox:
    """A hidden field that changes when the values of some parts are others than before."""
    values = [whole(getattr(part, "default_value", part.value)) for part in parts]
    first = json.dumps(values, separators=(",", ":"), ensure_ascii=False)
    seen = gr.Textbox(first, visible="hidden")
    for part in parts:
        part.change(None, parts, seen, js="(...now) => JSON.stringify(now)", api_visibility="private")
    return seen
