"""A corpus's questions answered by the model, with and without passages, and judged by words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.compare import Contestant
from playground.engine.decoding.generate import Sampling
from playground.engine.work import Stopped, Work
from playground.errors import PlaygroundError
from playground.quiz import MAX_QUESTIONS, Answered, quiz, totals
from playground.retrieval.corpus import load_corpus
from playground.retrieval.passages import Question
from playground.retrieval.retrievers import need, retriever_names
from playground.retrieval.search import MAX_K
from playground.ui.documents import quiz_view as quiz_html
from playground.ui.parts.corpus_menu import chosen_corpus
from playground.ui.parts.html import note
from playground.ui.parts.indexing import index
from playground.ui.parts.questions import asked_corpus, written
from playground.ui.shell.form import Form, Values
from playground.ui.shell.js import saves
from playground.ui.shell.page import AT_ONCE
from playground.ui.shell.run import Run
from playground.ui.shell.turns import stops
from playground.ui.text import label, say, tell

NEW_TOKENS = 32  # the handbook's answers are a few words
FIRST_QUESTIONS = 12


def build_quiz(
    saved: gr.BrowserState, own: gr.BrowserState, language: gr.Textbox, corpus: gr.Dropdown, questions: gr.File
) -> None:
    """Lay out the panel and wire it."""
    rows = gr.Textbox("", visible=False)
    with gr.Accordion(label("answering_heading"), open=False):
        gr.Markdown(label("answering_intro"))
        with gr.Row():
            ways = gr.CheckboxGroup(
                [(label(f"retriever_{name}"), name) for name in retriever_names()],
                value=list(retriever_names()),
                label=label("retrieval"),
                elem_id="answering-ways",
                min_width=260,
            )
            weights = gr.Dropdown(
                [(label(f"weights_{name}"), name) for name in ("base", "mine")],
                value="base",
                label=label("answering_weights"),
                elem_id="answering-weights",
                min_width=160,
            )
        with gr.Row():
            count = gr.Slider(
                1,
                MAX_QUESTIONS,
                FIRST_QUESTIONS,
                step=1,
                label=label("answering_count"),
                info=label("answering_count_info"),
                elem_id="answering-count",
                min_width=160,
            )
            k = gr.Slider(1, MAX_K, 1, step=1, label=label("passages_k"), elem_id="answering-k", min_width=160)
        with gr.Row():
            go = gr.Button(label("answering"), variant="primary", elem_id="answering", min_width=140)
            stop = gr.Button(label("stop"), elem_id="answering-stop", min_width=90)
            save = gr.Button(label("evaluate_save"), elem_id="answering-save", min_width=140)
        told = gr.HTML(elem_id="answered-told")
        table = gr.HTML(elem_id="answered")
    Run(
        name="answering",
        first=prepare_answering,
        handler=run_answering,
        form=Form(
            saved=saved,
            own=own,
            language=language,
            corpus=corpus,
            file=questions,
            ways=ways,
            weights=weights,
            count=count,
            k=k,
        ),
        outputs=[table, rows],
        told=told,
        words="answering_stopped",
        early="evaluate_stopped",
    ).on(go.click)
    stop.click(stops("answering"), **AT_ONCE)
    saves(save.click, rows, "answers.csv", "text/csv")


def prepare_answering(values: Values, work: Work) -> Any:
    """Embed the corpus where a way searches it by meaning and nobody has done so yet."""
    if need(values["ways"], "vectors"):
        index(load_corpus(chosen_corpus(values["own"], values["corpus"])), work, values["language"])
    return gr.skip()


def run_answering(values: Values, work: Work) -> Iterator[tuple[str, ...]]:
    """Ask the model some of a corpus's questions in every way that is ticked."""
    language, space = values["language"], spaces.workspace_from_json(values["saved"])
    corpus = asked_corpus(values["own"], values["corpus"], values["file"])
    recipe = space.recipe() if values["weights"] == "mine" else space.base()
    contestants = [
        Contestant(
            label=say(language, f"retriever_{way}"),
            recipe=recipe,
            retriever=way,
            corpus_id=corpus.id,
            k=int(values["k"]),
        )
        for way in retriever_names()
        if way in values["ways"]
    ]
    if not contestants:
        yield note(say(language, "answering_none"), "warn"), ""
        return
    results: list[Answered] = []
    ended = ""
    try:
        for answers in quiz(contestants, some(corpus.questions, int(values["count"])), Sampling(NEW_TOKENS), work):
            results += answers
    except PlaygroundError as error:  # of one question, or stopped: what was answered before it stays
        if not results:
            raise
        if isinstance(error, Stopped):
            yield quiz_html.answered(totals(results), results, language), answers_csv(results)
            raise
        ended = note(tell(language, error.message), "warn")
    yield quiz_html.answered(totals(results), results, language), answers_csv(results), ended


def some(questions: Sequence[Question], count: int) -> list[Question]:
    """As many of the questions, evenly spread over their kinds, and over each in its order."""
    count = max(1, min(count, MAX_QUESTIONS, len(questions)))
    sorted_ = sorted(questions, key=lambda question: question.kind)
    return [sorted_[number * len(questions) // count] for number in range(count)]


def answers_csv(answers: Sequence[Answered]) -> str:
    """A line for each question and way."""
    rows = [
        [
            "id",
            "kind",
            "question",
            "right_answer",
            "retrieval",
            "answer",
            "contained",
            "token_f1",
            "supported",
            "seconds",
            "passages",
        ]
    ]
    rows += [
        [
            answer.question.id,
            answer.question.kind,
            answer.question.question,
            answer.question.answer,
            answer.label,
            answer.text,
            "" if answer.contained is None else str(int(answer.contained)),
            *("" if value is None else f"{value:.3f}" for value in (answer.f1, answer.supported)),
            f"{answer.seconds:.3f}",
            " ".join(answer.passages),
        ]
        for answer in answers
    ]
    return written(rows)
