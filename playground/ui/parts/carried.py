"""What was asked last goes on to the tabs where one asks, too."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground.ask.sheet import ask_sheet_from_json
from playground.errors import PlaygroundError
from playground.ui.parts.comparison import FIRST_PROMPT
from playground.ui.shell.tab import Visit

USUAL_QUESTION = "What is the capital of France?"  # where the visitor has asked nothing
QUESTION = "(asked) => asked?.about?.question ?? ''"
STACK = "(saved) => JSON.stringify([saved.stack.model, saved.stack.steps.filter((step) => step.on)])"
CARRY = """(asked, last, text) => {
  const question = asked?.about?.question;
  if (!question) return [last, text];
  return [question, ['', last.trim()].includes(text.trim()) ? question : text];
}"""


def carries(visit: Visit, page: gr.Tab, box: gr.Textbox) -> None:
    """Let a field of a tab begin with the last question, whenever the tab is opened, in the place of what nobody
    typed. The browser does it alone: an answer of the server's would come after somebody's first letters."""
    last = gr.Textbox(FIRST_PROMPT, visible="hidden")  # what stands there without anybody having typed it
    page.select(None, [visit.asked, last, box], [last, box], js=CARRY, api_visibility="private")


def last_question(sheet: Any, otherwise: str) -> str:
    """What was asked last, or something else where nothing was."""
    try:
        return ask_sheet_from_json(sheet).about.question if sheet else otherwise
    except PlaygroundError:  # of another version
        return otherwise
