"""The results of a table of the sources: what is compared with what, cells to open, a file to save."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.errors import PlaygroundError
from playground.sources.kept import read_table
from playground.sources.table import SourcesTable
from playground.ui.compare import sources_view as view
from playground.ui.compare.sources_view import Sheet, sheet_from_json
from playground.ui.parts.html import note
from playground.ui.shell.js import saves
from playground.ui.shell.page import AT_ONCE, CLICKS, LOOK, TOLD, clears, shown
from playground.ui.shell.state import kept
from playground.ui.text import label, say

KINDS = ("", "keyword", "paraphrase")


@dataclass(frozen=True)
class Results:
    """What the panel fills, and what a reload shows again."""

    sheet: gr.BrowserState
    against: gr.State
    kind: gr.Radio
    table: gr.HTML
    inputs: list[Any]


def build_results(language: gr.Textbox) -> Results:
    """Lay them out and wire them."""
    sheet, against = kept("sources", {}), gr.State(0)
    pressed, text = gr.State(("", "")), gr.Textbox("", visible=False)
    table = gr.HTML(js_on_load=CLICKS, elem_id="sources-table")
    with gr.Row(elem_id="sources-below"):
        kind = gr.Radio(
            [(label(f"asked_{name or 'all'}"), name) for name in KINDS],
            value="",
            label=label("sources_kind"),
            elem_id="sources-kind",
            min_width=260,
        )
        save = gr.Button(label("evaluate_save"), size="sm", elem_id="sources-save", scale=0, min_width=140)
    opened = gr.HTML(js_on_load=CLICKS, elem_id="sources-opened")
    inputs = [sheet, language, against, kind]
    kind.input(show_table, inputs, table, **LOOK)
    for links in (table, opened):
        press = links.click(press_cell, None, pressed, trigger_mode="multiple", **AT_ONCE)
        press.then(open_cell, [*inputs, pressed], [opened, against, table], **LOOK)
    clears(sheet.change, parts=[opened])
    written = save.click(save_answers, [sheet, language], text, **TOLD)
    saves(written.success, text, "sources.csv", "text/csv").then(lambda: "", None, text, **AT_ONCE)
    return Results(sheet, against, kind, table, inputs)


def press_cell(event: gr.EventData) -> tuple[str, str]:
    """What was pressed, and its place: a source's number, or a question's id."""
    return str(event.do), str(event.place)


@shown
def show_table(sheet: Any, language: str, against: int, kind: str) -> str:
    """The table that the browser remembers; the measured example where there is none."""
    own = sheet_from_json(sheet)
    table = read_table(own.id) if own else None
    if own is None or table is None:
        lost = note(say(language, "sources_lost")) if own else ""
        return lost + view.example_html(int(against), kind, language)
    return view.table_html(table, own, int(against), kind, language)


@shown
def open_cell(sheet: Any, language: str, against: int, kind: str, pressed: tuple[str, str]) -> tuple[Any, Any, Any]:
    """The answers behind a cell or a question; or all others compared with the pressed source."""
    do, place = pressed
    own, table = _read(sheet)
    if do == "question":
        return view.question_html(table, own, place, language), gr.skip(), gr.skip()
    number = table.place(int(place) if place.isdecimal() else 0)
    if do == "against":
        return "", number, view.table_html(table, own, number, kind, language)
    return view.cell_html(table, own, number, int(against), kind, language), gr.skip(), gr.skip()


@shown
def save_answers(sheet: Any, language: str) -> str:
    """Every answer as CSV."""
    own, table = _read(sheet)
    return view.answers_csv(table, own, language)


def _read(sheet: Any) -> tuple[Sheet, SourcesTable]:
    """The visitor's table, else the example.

    :raises PlaygroundError: it is not kept any more.
    """
    own = sheet_from_json(sheet)
    if own is None:
        return view.example()
    table = read_table(own.id)
    if table is None:
        raise PlaygroundError("This table is not kept any more. Ask all again.")
    return own, table
