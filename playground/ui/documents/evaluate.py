"""How well each retriever finds, over a corpus's own questions."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from playground.engine.work import Work
from playground.errors import Message
from playground.retrieval.evaluate import Outcome, judged, outcomes, reports
from playground.retrieval.retrievers import RETRIEVERS
from playground.ui.documents import view as documents_html
from playground.ui.documents.search_form import fields_of, options_of
from playground.ui.parts.html import note
from playground.ui.parts.indexing import index
from playground.ui.parts.questions import asked_corpus, written
from playground.ui.parts.zones import build_zone
from playground.ui.shell.form import Form, Values
from playground.ui.shell.js import saves
from playground.ui.shell.page import AT_ONCE, SEARCH
from playground.ui.shell.run import Run
from playground.ui.shell.stale import belongs, touches
from playground.ui.shell.turns import stops
from playground.ui.text import label, say


def build_evaluation(own: gr.BrowserState, language: gr.Textbox, corpus: gr.Dropdown, options: Form) -> None:
    """Lay out the panel and wire it."""
    rows = gr.Textbox("", visible=False)
    with gr.Accordion(label("evaluate_heading"), open=False):
        gr.Markdown(label("evaluate_intro"))
        with gr.Row():
            go = gr.Button(label("evaluate"), variant="primary", elem_id="evaluate", min_width=140)
            stop = gr.Button(label("stop"), elem_id="evaluate-stop", min_width=90)
            save = gr.Button(label("evaluate_save"), elem_id="evaluate-save", min_width=140)
        with gr.Accordion(label("questions_heading"), open=False):
            gr.Markdown(label("questions_intro"))
            questions = build_zone(label("questions_file"), [".csv"], language, elem_id="questions-file").file
        told = gr.HTML(elem_id="evaluated-told")
        table = gr.HTML(elem_id="evaluated")
        gr.Markdown(label("evaluate_answers"))
    Run(
        name="evaluate",
        handler=run_evaluation,
        form=Form(own=own, language=language, corpus=corpus, file=questions, **options),
        outputs=[table, rows],
        told=told,
        lane=SEARCH,
        words="evaluate_stopped",
    ).on(go.click)
    touches([corpus, *(part for part in options.values() if isinstance(part, gr.Dropdown))], "evaluated")
    stop.click(stops("evaluate"), **AT_ONCE)
    saves(save.click, rows, "evaluation.csv", "text/csv")


def run_evaluation(values: Values, work: Work) -> tuple[str, str]:
    """Ask a corpus's questions of every retriever: the tables, and a CSV of all answers."""
    language, options = values["language"], options_of(values)
    corpus = asked_corpus(values["own"], values["corpus"], values["file"])
    questions = judged(corpus)
    index(corpus, work, language, options.encoder)
    results: list[Outcome] = []
    for outcome in outcomes(corpus, questions, list(RETRIEVERS), options):
        done, of = len(results) // len(RETRIEVERS), len(questions)
        work.step(done, of, Message("Question {done} of {of}…", {"done": done + 1, "of": of}))
        results.append(outcome)
    documents = {place: passage.id for place, passage in enumerate(corpus.passages)}
    table = documents_html.evaluated(reports(results), results, documents, language)
    told = note(say(language, "evaluate_options")) + belongs(fields_of(values))
    return table + told, outcomes_csv(results)


def outcomes_csv(results: Sequence[Outcome]) -> str:
    """A line for each question and retriever; a text that a spreadsheet would run is quoted."""
    rows = [["id", "kind", "question", "retriever", "first_rank", "seconds", "passages"]]
    for outcome in results:
        first = min((rank for rank in outcome.ranks if rank is not None), default="")
        rows.append(
            [
                outcome.judged.id,
                outcome.judged.kind,
                outcome.judged.question,
                outcome.retriever,
                str(first),
                f"{outcome.seconds:.4f}",
                " ".join(hit.passage.id for hit in outcome.hits),
            ]
        )
    return written(rows)
