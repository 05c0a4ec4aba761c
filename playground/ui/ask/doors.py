"""From a card to the tab of its way, with everything filled in."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import gradio as gr

from playground.ask.question import Asked
from playground.ask.sheet import AskSheet, ask_sheet_from_json, example_sheet
from playground.ask.statement import NoStatementError
from playground.ask.ways import ASK_WAYS, examples_of
from playground.ui.parts.carried import documents_of
from playground.ui.parts.comparison import SETUP, Column, set_up
from playground.ui.parts.html import note
from playground.ui.shell.page import AT_ONCE, LOOK, TOLD, shown
from playground.ui.shell.tab import Visit
from playground.ui.text import say

EMPTY_ROWS = 5
# The part of a long tab that was filled is looked at, not the top of it
TO_TRAINING = """(way) => {
  if (way === 'lora') setTimeout(
    () => document.getElementById('train-data')?.scrollIntoView({block: 'start', behavior: 'smooth'}), 800);
}"""


def open_doors(visit: Visit, cards: gr.HTML, sheet: gr.BrowserState, told: gr.HTML) -> Any:
    """Wire the cards' links to the tabs; gives the event after which the visitor's documents may be others."""
    assert visit.comparison
    pressed = gr.State("")
    press = cards.click(door_of, None, pressed, trigger_mode="multiple", **AT_ONCE)
    rooms = [*visit.comparison.answers, *visit.comparison.setup]
    rooms += [part for name in ("documents", "lab", "adapters") for part in visit.fills[name]]
    gone = press.then(
        go_inside,
        [visit.saved, visit.own, visit.shelf, visit.language, sheet, pressed],
        [visit.saved, visit.own, visit.shelf, told, visit.tabs, visit.parts, *rooms],
        **LOOK,
    )
    gone.then(None, pressed, None, js=TO_TRAINING, api_visibility="private")
    return gone


def let_in(visit: Visit, fields: Mapping[str, Any]) -> None:
    """Documents that were searched come to Ask, with what was searched for."""
    corpus, query, _ = visit.fills["documents"]
    filled = [fields[name] for name in ("question", "answer", "text", "corpus", "prompt", "subject", "begun")]
    visit.presses["documents"].click(bring_documents, [corpus, query], [visit.tabs, *filled], **TOLD)


def bring_documents(corpus: str, query: str) -> tuple[Any, ...]:
    """Ask what was searched for, with the documents it was searched in."""
    return gr.Tabs(selected="ask"), query, "", "", corpus, "", "", False


def door_of(event: gr.EventData) -> str:
    """The way whose room is asked for; "" for other presses."""
    return str(event.way) if event.do == "inside" else ""


@shown
def go_inside(saved: Any, own: str, shelf: Any, language: str, sheet: Any, pressed: str) -> tuple[Any, ...]:
    """Fill a way's tab with what was asked, and open it."""
    skipped = tuple(gr.skip() for _ in range(2 + SETUP)), (gr.skip(),) * 3, (gr.skip(),) * 4, (gr.skip(),) * 4
    comparison, documents, lab, adapters = skipped
    if pressed not in ASK_WAYS:
        return (*(gr.skip(),) * 6, *comparison, *documents, *lab, *adapters)
    asked, way = ask_sheet_from_json(sheet) if sheet else example_sheet(), ASK_WAYS[pressed]
    about, room = asked.about, "compare"
    if not way.quotable:  # where the text was pasted is nothing to it
        asked = replace(asked, about=replace(about, text=""))
    own, shelf, corpus = documents_of(own, shelf, asked)
    if way.into == "passages":
        room, documents = "documents", (corpus, about.question, str(time.time_ns()))  # searched for at once
    elif way.edits:
        room, lab = "lab", _fact(asked)
    elif way.slow:
        room, rows = "adapters", _rows(about)
        adapters = ("table", gr.update(visible=False), gr.update(visible=False), gr.update(visible=True, value=rows))
    else:
        columns: tuple[Column, ...] = (("base", "none", 1), ("mine", "none", 1))
        question = f"{about.fact()}\n\n{about.question}" if way.into == "prompt" else about.question
        comparison = ("", "", *set_up(question, corpus, columns))
    said = note(say(language, "ask_opened"))
    outer, inner = (room, gr.skip()) if room in ("compare", "documents") else ("change", gr.Tabs(selected=room))
    return saved, own, shelf, said, gr.Tabs(selected=outer), inner, *comparison, *documents, *lab, *adapters


def _rows(about: Asked) -> list[list[str]]:
    """What is trained on; of a style one example, and room for others to be written."""
    if "style" in about.needs:
        return [[about.question, about.answer.split("|")[0].strip()], *([["", ""]] * EMPTY_ROWS)]
    return [[example.prompt, example.completion] for example in examples_of(about)]


def _fact(asked: AskSheet) -> tuple[Any, ...]:
    try:
        statement = asked.about.statement()
    except NoStatementError:
        return (gr.skip(),) * 4
    return statement.prompt, statement.subject, statement.target, ""
