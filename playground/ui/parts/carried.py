"""What was asked last goes on to the tabs where one asks, too."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground.ask.sheet import sheet_from_json
from playground.errors import PlaygroundError
from playground.ui.parts.comparison import FIRST_PROMPT
from playground.ui.shell.page import TOLD
from playground.ui.shell.tab import Visit


def carries(visit: Visit, page: gr.Tab, box: gr.Textbox) -> None:
    """Let a field of a tab begin with the last question, whenever the tab is opened."""
    last = gr.State(FIRST_PROMPT)  # what stands there without anybody having typed it
    page.select(carried, [visit.asked, last, box], [last, box], **TOLD)


def carried(sheet: Any, last: str, text: str) -> tuple[Any, Any]:
    """The last question, in the place of what nobody typed."""
    question = last_question(sheet, last)
    return question, question if text.strip() in ("", last.strip()) else gr.skip()


def last_question(sheet: Any, otherwise: str) -> str:
    """What was asked last, or something else where nothing was."""
    try:
        return sheet_from_json(sheet).about.question if sheet else otherwise
    except PlaygroundError:  # of another version
        return otherwise
