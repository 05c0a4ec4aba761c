"""How well each retriever finds, over a corpus's own questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from playground.engine.work import Stopped
from playground.errors import Message
from playground.retrieval.evaluate import Outcome, judged, outcomes, reports
from playground.retrieval.retrievers import RETRIEVERS
from playground.ui.documents import quiz as answering_panel
from playground.ui.documents import view as documents_html
from playground.ui.documents.search_form import fields_of, options_from
from playground.ui.parts.html import note
from playground.ui.parts.indexing import index
from playground.ui.parts.questions import asked_corpus, written
from playground.ui.parts.zones import build_zone
from playground.ui.shell.js import saves
from playground.ui.shell.page import AT_ONCE, PROGRESS, SEARCH, begins, session_of, shown, stops, work_for
from playground.ui.shell.stale import belongs, touches
from playground.ui.text import label, say


def build_panel(
    saved: gr.BrowserState, own: gr.BrowserState, language: gr.Textbox, corpus: gr.Dropdown, options: Sequence[Any]
) -> None:
    """Lay out the panel and wire it."""
    turn, rows = gr.State(0), gr.Textbox("", visible=False)
    with gr.Accordion(label("evaluate_heading"), open=False):
        gr.Markdown(label("evaluate_intro"))
        with gr.Row():
            go = gr.Button(label("evaluate"), variant="primary", elem_id="evaluate", min_width=140)
            stop = gr.Button(label("stop"), elem_id="evaluate-stop", min_width=90)
            save = gr.Button(label("evaluate_save"), elem_id="evaluate-save", min_width=140)
        with gr.Accordion(label("questions_heading"), open=False):
            gr.Markdown(label("questions_intro"))
            questions = build_zone(label("questions_file"), [".csv"], language, elem_id="questions-file").file
        table = gr.HTML(elem_id="evaluated")
        answering_panel.build_panel(saved, own, language, corpus, questions)
    go.click(begins("evaluate"), None, turn, trigger_mode="multiple", **AT_ONCE).then(
        run_evaluation, [own, language, corpus, questions, turn, *options], [table, rows], **SEARCH
    )
    touches([corpus, *(part for part in options if isinstance(part, gr.Dropdown))], "evaluated")
    stop.click(stops("evaluate"), **AT_ONCE)
    saves(save.click, rows, "evaluation.csv", "text/csv")


@shown
def run_evaluation(
    own: str,
    language: str,
    choice: str,
    file: str | None,
    turn: int,
    request: gr.Request,
    progress: Any = PROGRESS,
    *given: Any,
) -> tuple[str, str]:
    """Ask a corpus's questions of every retriever: the tables, and a CSV of all answers."""
    corpus = asked_corpus(own, choice, file)
    questions = judged(corpus)
    options = options_from(*given)
    work = work_for(session_of(request), turn, progress, language)
    index(corpus, language, progress, work.stopped, options.encoder)
    found: list[Outcome] = []
    try:
        for one in outcomes(corpus, questions, list(RETRIEVERS), options):
            done, of = len(found) // len(RETRIEVERS), len(questions)
            work.step(done, of, Message("Question {done} of {of}…", {"done": done + 1, "of": of}))
            found.append(one)
    except Stopped:
        return note(say(language, "evaluate_stopped")), ""
    documents = {place: passage.id for place, passage in enumerate(corpus.passages)}
    shown_table = documents_html.evaluated(reports(found), found, documents, language)
    told = note(say(language, "evaluate_options")) + belongs(fields_of(*given))
    return shown_table + told, to_csv(found)


def to_csv(found: Sequence[Outcome]) -> str:
    """A line for each question and retriever; a text that a spreadsheet would run is quoted."""
    rows = [["id", "kind", "question", "retriever", "first_rank", "seconds", "passages"]]
    for one in found:
        first = min((rank for rank in one.ranks if rank is not None), default="")
        rows.append(
            [
                one.judged.id,
                one.judged.kind,
                one.judged.question,
                one.retriever,
                str(first),
                f"{one.seconds:.4f}",
                " ".join(hit.passage.id for hit in one.hits),
            ]
        )
    return written(rows)
