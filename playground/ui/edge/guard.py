"""The page as gradio serves it, which takes no value that none of its parts could have sent."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.components import Component
from gradio.state_holder import SessionState
from starlette.datastructures import Headers

from playground.ui.edge.line import WaitingLine
from playground.ui.edge.refusal import Refused, spoken
from playground.ui.shell.faults import report_fault

LARGEST = 2**63  # of a number: a float of it, and an int for numpy and torch
# What a part of the page sends, besides null. Parts that are not named check it themselves.
KINDS: tuple[tuple[type[Component], tuple[type, ...]], ...] = (
    (gr.Textbox, (str,)),
    (gr.HTML, (str, list)),  # a table of examples is a list of rows
    (gr.Markdown, (str,)),
    (gr.Checkbox, (bool,)),
    (gr.Slider, (int, float)),
    (gr.Number, (int, float)),
    (gr.CheckboxGroup, (list,)),
)
log = logging.getLogger(__name__)


class Page(gr.Blocks):
    """Blocks whose events end in a message whatever was sent, and in one line of the log.

    :ivar line: who waits, once it is served.
    """

    line: WaitingLine | None = None

    async def preprocess_data(
        self, block_fn: BlockFunction, inputs: list[Any], state: SessionState | None, explicit_call: bool = False
    ) -> list[Any]:
        """What the parts make of what was sent for them.

        :raises gr.Error: it is not what they could have sent.
        """
        try:
            checked = fitting(block_fn.inputs, inputs)
        except Refused as refused:
            raise gr.Error(refused.text(spoken_of(inputs)), print_exception=False) from refused
        values: list[Any] = await super().preprocess_data(block_fn, checked, state, explicit_call)
        return values

    async def process_api(self, *args: Any, **options: Any) -> dict[str, Any]:
        """gradio's, but for faults: they are told, and logged in a line.

        :raises gr.Error: the event cannot be answered.
        """
        try:
            answer: dict[str, Any] = await super().process_api(*args, **options)
        except gr.Error:
            raise
        except Exception as error:
            report_fault("An event failed", error)
            refused = Refused(400, "error_unexpected")
            inputs = options.get("inputs", args[1] if len(args) > 1 else None)
            raise gr.Error(refused.text(spoken_of(inputs)), print_exception=False) from error
        return answer


def spoken_of(inputs: object) -> str:
    """The language that an event's values name."""
    return spoken(Headers(), inputs)


def fitting(parts: Sequence[Any], values: list[Any]) -> list[Any]:
    """Values, each of a kind that its part can have sent.

    What a browser kept is not refused: a state of another kind than its first one counts as none.

    :raises Refused: one is not, a slider's number is missing, or there are too few.
    """
    if len(values) < len(parts):
        raise Refused(422, "edge_count", wanted=len(parts), given=len(values))
    fitted = list(values)
    for index, (part, value) in enumerate(zip(parts, values, strict=False)):
        if isinstance(part, gr.BrowserState):
            first = part.default_value
            if first is not None and value is not None and not isinstance(value, type(first)):
                fitted[index] = first
        elif value is None and isinstance(part, gr.Slider):  # gradio would compare it with the slider's ends
            raise Refused(422, "edge_empty", name=part.label)
        elif value is not None and not _fits(part, value):
            raise Refused(422, "edge_types", place=index + 1)
    return fitted


def _fits(part: object, value: object) -> bool:
    if isinstance(value, int | float) and abs(value) > LARGEST:
        return False
    for kind, types in KINDS:
        if isinstance(part, kind):
            return isinstance(value, types) and (isinstance(value, bool) <= (bool in types))
    return True
