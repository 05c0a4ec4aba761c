"""The fact lab's results: table, plot and advice, cells to open, rows to use, files to save."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from markupsafe import Markup

from playground import workspace as spaces
from playground.engine.recipe import parse_edit
from playground.errors import PlaygroundError
from playground.lab.scores import IMPORTANT, USUAL
from playground.lab.sheet import LabSheet, example_lab_sheet, sheet_from_json
from playground.lab.verdict import NEEDS, verdict
from playground.lab.ways import WAYS
from playground.retrieval.corpus import load_collection
from playground.retrieval.own import uploads
from playground.retrieval.own.stored import Collection, Stored
from playground.retrieval.retrievers import RETRIEVERS
from playground.ui.lab import plot as lab_plot
from playground.ui.lab import report as lab_report
from playground.ui.lab import view as lab_html
from playground.ui.lab.fact import fact_fields, mark_of, typed
from playground.ui.lab.words import way_name
from playground.ui.parts.comparison import SETUP, set_up
from playground.ui.parts.corpus_menu import FIRST_CORPUS, OWN
from playground.ui.parts.html import note
from playground.ui.parts.shelf import room_for_collection, with_one
from playground.ui.shell.js import saves
from playground.ui.shell.page import AT_ONCE, CLICKS, LOOK, TOLD, clears, follows, shown
from playground.ui.shell.stale import belongs
from playground.ui.shell.tab import Visit
from playground.ui.text import label, say, tell

TAUGHT = "taught.md"  # the document that holds the fact in a visitor's collection


@dataclass(frozen=True)
class TablePanel:
    """What the page is wired to, so that a table outlives a reload."""

    inputs: list[Any]
    outputs: list[Any]
    sent: Any  # the event after which one's own documents may be others
    typed: dict[str, Any]  # what a reload must not lose


def build_lab_table(visit: Visit, sheet: gr.BrowserState) -> TablePanel:
    """Lay out the panel and wire it."""
    saved, own, shelf, language = visit.saved, visit.own, visit.shelf, visit.language
    assert visit.comparison is not None, "the Compare tab stands before this one"
    gr.Markdown(label("lab_results"))
    advice = gr.HTML(elem_id="lab-advice")
    with gr.Row():
        important = gr.CheckboxGroup(
            [(label(f"lab_{name}"), name) for name in IMPORTANT],
            value=list(USUAL),
            label=label("lab_important"),
            info=label("lab_important_info"),
            elem_id="lab-important",
            min_width=300,
        )
        needs = gr.CheckboxGroup(
            [(label(f"need_{name}"), name) for name in NEEDS],
            value=[],
            label=label("lab_needs"),
            elem_id="lab-needs",
            min_width=260,
        )
    table = gr.HTML(js_on_load=CLICKS, elem_id="lab-table")
    used = gr.HTML(elem_id="lab-used")
    cell = gr.HTML(elem_id="lab-cell")
    picture = gr.HTML(elem_id="lab-plot")
    pressed = gr.State(("", "", ""))
    view, shown_in = [sheet, language, important, needs], [table, advice, picture]
    follows([sheet, important, needs], show_sheet, view, shown_in, **TOLD)
    clears(sheet.change, parts=[used, cell])
    press = table.click(press_table, None, pressed, trigger_mode="multiple", **AT_ONCE)
    press.then(open_cell, [sheet, language, pressed], cell, **TOLD)
    press.then(put_on_stack, [saved, language, sheet, pressed], [saved, used], **LOOK)
    sent = press.then(
        send_to_compare,
        [saved, own, shelf, language, sheet, pressed],
        [saved, own, shelf, used, visit.tabs, *visit.comparison.answers, *visit.comparison.setup],
        **LOOK,
    )
    _files(language, sheet, important, needs)
    return TablePanel(view, shown_in, sent, {"labImportant": important, "labNeeds": needs})


def _files(language: gr.Textbox, sheet: gr.BrowserState, important: Any, needs: Any) -> None:
    """The buttons that save the table, the answers and the report."""
    text = gr.Textbox("", visible=False)
    with gr.Row():
        judged = [sheet, language, important, needs]
        for name, write, inputs, file, kind in (
            ("table", save_table, judged[:2], "fact-lab.csv", "text/csv"),
            ("questions", save_questions, judged[:2], "fact-lab-answers.csv", "text/csv"),
            ("report", save_report, judged, "fact-lab.html", "text/html"),
        ):
            button = gr.Button(label(f"lab_save_{name}"), size="sm", elem_id=f"lab-save-{name}", min_width=140)
            written = button.click(write, inputs, text, **TOLD)
            saves(written.success, text, file, kind).then(lambda: "", None, text, **AT_ONCE)


def _read(sheet: Any) -> LabSheet:
    """The visitor's own table, to be saved.

    :raises PlaygroundError: there is none.
    """
    if not sheet:
        raise PlaygroundError("This table is an example. Teach a fact of your own first.")
    return sheet_from_json(sheet)


def _seen(sheet: Any) -> LabSheet:
    """What stands there: the visitor's table, or the example."""
    return sheet_from_json(sheet) if sheet else example_lab_sheet()


@shown
def show_sheet(sheet: Any, language: str, important: list[str], needs: list[str]) -> tuple[str, str, str]:
    """Table, advice and plot of what the browser kept."""
    try:
        table = _seen(sheet)
    except PlaygroundError as error:  # of another version, perhaps: a page must open
        return note(tell(language, error.message), "warn"), "", ""
    judged = verdict(table.rows, important, needs)
    fact = fact_fields(table.lesson.fact)
    mark = belongs(fact, ["lab-advice", "lab-plot", "lab-cell", "lab-status"])
    asked = mark_of(table.lesson.fact, typed(table.lesson))
    told = Markup() if sheet else note(say(language, "lab_empty"))
    return (
        lab_html.ways_table(table, judged.ranked, language) + mark + asked,
        told + lab_html.verdict_html(judged, language),
        lab_plot.plot(lab_html.ordered(table.rows, judged.ranked), language),
    )


def press_table(event: gr.EventData) -> tuple[str, str, str]:
    """What was pressed: what to do, of which way, and which column."""
    return str(event.do), str(event.way), str(getattr(event, "column", ""))


@shown
def open_cell(sheet: Any, language: str, pressed: tuple[str, str, str]) -> Any:
    """The questions behind a cell."""
    do, way, column = pressed
    return lab_html.cell(_seen(sheet), way, column, language) if do == "cell" else ""


@shown
def put_on_stack(saved: Any, language: str, sheet: Any, pressed: tuple[str, str, str]) -> Any:
    """A way's last edit on the visitor's recipe, and a line that says so."""
    do, way, _ = pressed
    if do != "stack":
        return gr.skip(), gr.skip()
    space = _with_edit(saved, _seen(sheet), way)
    return space.to_json(), note(say(language, "lab_stacked", way=way_name(way, language)))


def _with_edit(saved: Any, sheet: LabSheet, way: str) -> spaces.Workspace:
    """The visitor's workspace with a way's edit, once."""
    row, space = sheet.row(way), spaces.workspace_from_json(saved)
    model = row.recipe.get("model") if row is not None else None
    if model is not None and model != space.stack.model:
        raise PlaygroundError(
            "The table was made with the model {model}. Choose it in the bar first.", model=str(model)[:60]
        )
    edits = row.recipe.get("edits", []) if row is not None and way in WAYS and WAYS[way].writes else []
    if not edits:
        raise PlaygroundError("This way left no edit that could be put on a recipe.")
    if parse_edit(edits[-1], 1) in space.recipe().edits:
        return space
    return space.add(edits[-1])


@shown
def send_to_compare(
    saved: Any, own: str, shelf: Any, language: str, sheet: Any, pressed: tuple[str, str, str]
) -> tuple[Any, ...]:
    """Set Compare up: the model as it is beside a way, on the fact's own prompt.

    A way through the prompt needs documents that hold the fact: a copy of the corpus that it was
    found among, with the fact as one more document, is added to the visitor's own.
    """
    do, way, _ = pressed
    if do != "compare":
        return tuple(gr.skip() for _ in range(7 + SETUP))
    table = _seen(sheet)
    columns: tuple[tuple[str, str, int], ...] = (("base", "none", 1), ("mine", "none", 1))
    if way in WAYS and WAYS[way].writes:
        saved, corpus = _with_edit(saved, table, way).to_json(), FIRST_CORPUS
    else:
        retriever = way if way in RETRIEVERS else "bm25"
        whose = "mine" if spaces.workspace_from_json(saved).recipe().edits else "base"
        columns = ((whose, "none", 1), (whose, retriever, 1))
        own, shelf = _with_fact(own, shelf, table, alone=way == "in_context")
        corpus = OWN
    return (
        saved,
        own,
        shelf,
        note(say(language, "lab_compared")),
        gr.Tabs(selected="compare"),
        "",
        "",
        *set_up(table.lesson.fact.prompt, corpus, columns),
    )


def _with_fact(own: str, shelf: Any, sheet: LabSheet, alone: bool) -> tuple[str, list[str]]:
    """A new collection with the fact.

    :param alone: it is all there is; else the corpus of the table is copied.
    """
    ids = room_for_collection(shelf, own)
    fact = Stored(TAUGHT, "", sheet.lesson.sentence)
    collection = Collection((fact,))
    if not alone:
        copied = load_collection(sheet.others)
        collection = replace(copied, documents=(*copied.documents, fact))
    made = uploads.add_collection(collection)
    return made.id, with_one(ids, made.id)


@shown
def save_table(sheet: Any, language: str) -> str:
    """The table as CSV."""
    return lab_report.ways_csv(_read(sheet))


@shown
def save_questions(sheet: Any, language: str) -> str:
    """Every question with every way's answer as CSV."""
    return lab_report.questions_csv(_read(sheet))


@shown
def save_report(sheet: Any, language: str, important: list[str], needs: list[str]) -> str:
    """All of it as one page."""
    table = _read(sheet)
    judged = verdict(table.rows, important, needs)
    return lab_report.to_html(
        table, judged, lab_plot.plot(lab_html.ordered(table.rows, judged.ranked), language), language
    )
