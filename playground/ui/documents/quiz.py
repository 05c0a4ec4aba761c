"""A corpus's questions answered by the model, with and without passages, and judged by words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.compare import Contestant
from playground.engine.decoding.generate import Sampling
from playground.engine.work import Stopped
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
from playground.ui.shell.js import saves
from playground.ui.shell.page import AT_ONCE, MODEL, PROGRESS, SEARCH, begins, session_of, shown, stops, work_for
from playground.ui.text import label, say, tell

NEW_TOKENS = 32  # the handbook's answers are a few words
FIRST_QUESTIONS = 12


def build_panel(
    saved: gr.BrowserState, own: gr.BrowserState, language: gr.Textbox, corpus: gr.Dropdown, questions: gr.File
) -> None:
    """Lay out the panel and wire it."""
    turn, rows = gr.State(0), gr.Textbox("", visible=False)
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
        table = gr.HTML(elem_id="answered")
    taken = go.click(begins("answering"), None, turn, trigger_mode="multiple", **AT_ONCE)
    ready = taken.then(prepare_answering, [own, language, corpus, ways, turn], table, **SEARCH)
    ready.success(
        run_answering, [saved, own, language, corpus, questions, ways, weights, count, k, turn], [table, rows], **MODEL
    )
    stop.click(stops("answering"), **AT_ONCE)
    saves(save.click, rows, "answers.csv", "text/csv")


@shown
def prepare_answering(
    own: str, language: str, choice: str, ways: Sequence[str], turn: int, request: gr.Request, progress: Any = PROGRESS
) -> Any:
    """Embed the corpus where a way searches it by meaning and nobody has done so yet."""
    if need(ways, "vectors"):
        corpus = load_corpus(chosen_corpus(own, choice))
        work = work_for(session_of(request), turn, progress, language)
        index(corpus, language, progress, work.stopped)
    return gr.skip()


@shown
def run_answering(
    saved: Any,
    own: str,
    language: str,
    choice: str,
    file: str | None,
    ways: Sequence[str],
    weights: str,
    count: float,
    k: float,
    turn: int,
    request: gr.Request,
    progress: Any = PROGRESS,
) -> Iterator[tuple[str, str]]:
    """Ask the model some of a corpus's questions in every way that is ticked."""
    corpus = asked_corpus(own, choice, file)
    space = spaces.from_json(saved)
    recipe = space.recipe() if weights == "mine" else space.base()
    contestants = [
        Contestant(say(language, f"retriever_{way}"), recipe, way, corpus.id, int(k))
        for way in retriever_names()
        if way in ways
    ]
    if not contestants:
        yield note(say(language, "answering_none"), "warn"), ""
        return
    found: list[Answered] = []
    work, ended = work_for(session_of(request), turn, progress, language), ""
    sampling = Sampling(NEW_TOKENS)
    try:
        for answers in quiz(contestants, some(corpus.questions, int(count)), sampling, work):
            found += answers
    except Stopped:
        ended = note(say(language, "answering_stopped"))
    except PlaygroundError as error:  # of one question: what was answered before it stays
        if not found:
            raise
        ended = note(tell(language, error.message), "warn")
    yield ended + quiz_html.answered(totals(found), found, language), to_csv(found)


def some(questions: Sequence[Question], count: int) -> list[Question]:
    """As many of the questions, evenly spread over their kinds, and over each in its order."""
    count = max(1, min(count, MAX_QUESTIONS, len(questions)))
    sorted_ = sorted(questions, key=lambda question: question.kind)
    return [sorted_[place * len(questions) // count] for place in range(count)]


def to_csv(found: Sequence[Answered]) -> str:
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
            one.question.id,
            one.question.kind,
            one.question.question,
            one.question.answer,
            one.label,
            one.text,
            "" if one.contained is None else str(int(one.contained)),
            *("" if value is None else f"{value:.3f}" for value in (one.f1, one.supported)),
            f"{one.seconds:.3f}",
            " ".join(one.passages),
        ]
        for one in found
    ]
    return written(rows)
