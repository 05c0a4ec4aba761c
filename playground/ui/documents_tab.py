"""The Documents tab: search a corpus with both retrievers side by side, and add one's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.errors import PlaygroundError
from playground.retrieval import dense, uploads
from playground.retrieval.corpus import Corpus, list_corpora, load_corpus
from playground.retrieval.search import MAX_K, retrieve
from playground.ui import html
from playground.ui.page import LOOK, shown
from playground.ui.text import label, say, tell

OWN = "own"  # the choice that stands for the visitor's own documents
FIRST_CORPUS = "lantern-handbook"
FIRST_QUERY = "Where do injured baby seals go for treatment?"
SAMPLE_QUESTIONS = 8
PROGRESS = gr.Progress()  # gradio looks for it among the defaults
SEARCH: dict[str, Any] = LOOK | {"concurrency_id": "search", "show_progress": "full"}


@dataclass(frozen=True)
class DocumentsTab:
    """The parts that drafts and other tabs are wired to."""

    query: gr.Textbox
    corpus: gr.Dropdown
    own_list: gr.HTML


def corpus_choices() -> list[tuple[str, str]]:
    """The shipped corpora by title."""
    return [(corpus.title, corpus.id) for corpus in list_corpora()]


def build_tab(saved: gr.BrowserState, language: gr.Textbox) -> DocumentsTab:
    """Lay out the tab and wire it."""
    gr.Markdown(label("documents_intro"))
    with gr.Row():
        corpus = gr.Dropdown(
            [*corpus_choices(), (label("own_documents"), OWN)],
            value=FIRST_CORPUS,
            label=label("corpus"),
            elem_id="corpus",
        )
        question = gr.Dropdown(
            _questions(FIRST_CORPUS), value=None, label=label("sample_question"),
            elem_id="sample-question",
        )  # fmt: skip
    query = gr.Textbox(FIRST_QUERY, label=label("query"), elem_id="query")
    with gr.Row():
        count = gr.Slider(1, MAX_K, 3, step=1, label=label("passages_k"), elem_id="query-k")
        search = gr.Button(label("search"), variant="primary", elem_id="search")
    with gr.Row(equal_height=False):
        with gr.Column(min_width=300):
            gr.Markdown(label("bm25_heading"))
            words = gr.HTML(elem_id="bm25-hits")
        with gr.Column(min_width=300):
            gr.Markdown(label("dense_heading"))
            meaning = gr.HTML(elem_id="dense-hits")
    with gr.Accordion(label("own_heading"), open=False):
        gr.Markdown(label("own_intro"))
        files = gr.File(
            label=label("own_files"), file_count="multiple", file_types=[".txt", ".md", ".jsonl"],
            elem_id="own-files",
        )  # fmt: skip
        own_list = gr.HTML(elem_id="own-list")
        forget = gr.Button(label("own_forget"), size="sm", elem_id="own-forget")

    asked = [saved, language, corpus, query, count]
    for ask in (search.click, query.submit):
        ask(search_both, asked, [words, meaning], **SEARCH)
    corpus.input(sample_questions, [saved, language, corpus], question, **LOOK)
    question.input(lambda chosen: chosen, question, query, **LOOK).then(
        search_both, asked, [words, meaning], **SEARCH
    )
    files.upload(add_own, [saved, language, files], [saved, own_list, corpus, files], **LOOK)
    forget.click(forget_own, [saved, language], [saved, own_list, corpus], **LOOK)
    return DocumentsTab(query, corpus, own_list)


def _questions(corpus_id: str) -> list[str]:
    """A few of a corpus's questions, of every kind."""
    questions = load_corpus(corpus_id).questions
    step = max(1, len(questions) // SAMPLE_QUESTIONS)
    return [question.question for question in questions[::step]]


def chosen_corpus(saved: Any, language: str, choice: str) -> str:
    """The id behind a choice in a corpus menu.

    :raises PlaygroundError: it stands for one's own documents, and there are none yet.
    """
    if choice != OWN:
        return choice
    own = spaces.from_json(saved).own_corpus
    if not own:
        raise PlaygroundError(
            "You have added no documents yet. Add some under “Your own documents”, or choose "
            "another corpus."
        )
    return own


@shown
def sample_questions(saved: Any, language: str, choice: str) -> Any:
    """The questions that go with a corpus; one's own documents have none."""
    return gr.update(choices=[] if choice == OWN else _questions(choice), value=None)


@shown
def search_both(
    saved: Any, language: str, choice: str, query: str, k: float, progress: Any = PROGRESS
) -> Iterator[tuple[Any, Any]]:
    """BM25's passages at once, then dense search's."""
    corpus = load_corpus(chosen_corpus(saved, language, choice))
    found = html.passages(retrieve(corpus, query, "bm25", int(k)), language)
    yield found, html.note(say(language, "dense_working"))
    try:
        dense.dense_index(corpus, lambda done, of: progress((done, of)))
        yield found, html.passages(retrieve(corpus, query, "dense", int(k)), language)
    except PlaygroundError as error:
        yield found, html.note(tell(language, error.message), "warn")


@shown
def add_own(
    saved: Any, language: str, files: list[str] | None
) -> tuple[dict[str, Any], str, Any, Any]:
    """Add uploaded files to the visitor's own documents."""
    space = spaces.from_json(saved)
    paths = [Path(file) for file in files or []]
    own = _still_there(space.own_corpus)
    read = [(path.name, path.read_bytes()) for path in paths]
    corpus = uploads.add_documents(read, into=own.id if own else None)
    for path in paths:
        path.unlink(missing_ok=True)
    space = replace(space, own_corpus=corpus.id)
    return space.to_json(), describe_own(corpus, language), OWN, None


@shown
def forget_own(saved: Any, language: str) -> tuple[dict[str, Any], str, Any]:
    """Delete the visitor's own documents."""
    space = spaces.from_json(saved)
    if _still_there(space.own_corpus):
        uploads.remove_corpus(space.own_corpus)
    space = replace(space, own_corpus="")
    return space.to_json(), describe_own(None, language), FIRST_CORPUS


def _still_there(corpus_id: str) -> Corpus | None:
    try:
        return load_corpus(corpus_id) if corpus_id else None
    except PlaygroundError:  # deleted after a week unused
        return None


def show_own(saved: Any, language: str) -> str:
    """The line about one's own documents when the page opens."""
    return describe_own(_still_there(spaces.from_json(saved).own_corpus), language)


def describe_own(corpus: Corpus | None, language: str) -> str:
    """Which documents there are, and how many passages they make."""
    if corpus is None:
        return html.note(say(language, "own_none"))
    names = sorted({passage.document for passage in corpus.passages})
    return html.note(
        say(language, "own_there", names=", ".join(names), passages=len(corpus.passages))
    )
