"""The Documents tab: search a corpus with every retriever side by side, and add one's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from playground.errors import CorpusError, PlaygroundError
from playground.retrieval import dense, uploads
from playground.retrieval.bm25 import LARGE
from playground.retrieval.corpus import Corpus, list_corpora, load_corpus
from playground.retrieval.reading import KINDS, Read, read_files
from playground.retrieval.search import MAX_K, Options, explained, search
from playground.retrieval.terms import PLAIN, words
from playground.retrieval.uploads import is_own
from playground.ui import documents_html, evaluate_panel, html
from playground.ui.page import AT_ONCE, LOOK, PROGRESS, SEARCH, shown
from playground.ui.search_panel import OWN, build_options, chosen_corpus, options_from
from playground.ui.text import label, say, tell

FIRST_CORPUS = "lantern-handbook"
FIRST_QUERY = "Where do injured baby seals go for treatment?"
SAMPLE_QUESTIONS = 8


@dataclass(frozen=True)
class DocumentsTab:
    """The parts that drafts and other tabs are wired to."""

    query: gr.Textbox
    corpus: gr.Dropdown
    own_list: gr.HTML


def corpus_choices() -> list[tuple[str, str]]:
    """The shipped corpora by title."""
    return [(corpus.title, corpus.id) for corpus in list_corpora()]


def build_tab(own: gr.BrowserState, language: gr.Textbox) -> DocumentsTab:
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
    options = build_options()
    with gr.Row(equal_height=False):
        with gr.Column(min_width=260):
            gr.Markdown(label("bm25_heading"))
            by_words = gr.HTML(elem_id="bm25-hits")
        with gr.Column(min_width=260):
            gr.Markdown(label("dense_heading"))
            meaning = gr.HTML(elem_id="dense-hits")
        with gr.Column(min_width=260):
            gr.Markdown(label("hybrid_heading"))
            both = gr.HTML(elem_id="hybrid-hits")
    evaluate_panel.build_panel(own, language, corpus, options)
    with gr.Accordion(label("own_heading"), open=False):
        gr.Markdown(label("own_intro"))
        files = gr.File(
            label=label("own_files"), file_count="multiple", file_types=list(KINDS),
            elem_id="own-files",
        )  # fmt: skip
        own_list = gr.HTML(elem_id="own-list")
        forget = gr.Button(label("own_forget"), size="sm", elem_id="own-forget")

    asked, hits = [own, language, corpus, query, count, *options], [by_words, meaning, both]
    for ask in (search.click, query.submit):
        ask(search_all, asked, hits, **SEARCH)
    corpus.select(sample_questions, [own, language, corpus], question, **LOOK)
    corpus.select(lambda: ("", "", ""), None, hits, **AT_ONCE)
    question.select(lambda chosen: chosen, question, query, **LOOK).then(
        search_all, asked, hits, **SEARCH
    )
    files.upload(add_own, [own, language, files], [own, own_list, corpus, files], **SEARCH).then(
        lambda: None, None, files, **AT_ONCE
    )  # also after a refusal, else the refused file would be sent again with the next
    forget.click(forget_own, [own, language], [own, own_list, corpus], **LOOK)
    return DocumentsTab(query, corpus, own_list)


def _questions(corpus_id: str) -> list[str]:
    """A few of a corpus's questions, of every kind."""
    questions = load_corpus(corpus_id).questions
    step = max(1, len(questions) // SAMPLE_QUESTIONS)
    return [question.question for question in questions[::step]]


@shown
def sample_questions(own: str, language: str, choice: str) -> Any:
    """The questions that go with a corpus; one's own documents have none."""
    return gr.update(choices=[] if choice == OWN else _questions(choice), value=None)


@shown
def search_all(
    own: str, language: str, choice: str, query: str, k: float, progress: Any = PROGRESS,
    *given: Any,
) -> Iterator[tuple[Any, Any, Any]]:  # fmt: skip
    """BM25's passages at once, then dense search's and those of both together.

    :param given: the controls of how to search; none for the usual ones.
    """
    corpus = load_corpus(chosen_corpus(own, choice))
    options = options_from(*given) if given else Options()
    found = _by_words(corpus, query, int(k), options, language)
    waiting = html.note(say(language, "dense_working"))
    yield found, waiting, ""
    try:
        dense.dense_index(corpus, lambda done, of: progress((done, of)))
        meaning = search(corpus, query, "dense", int(k), options)
        both = search(corpus, query, "hybrid", int(k), options)
    except PlaygroundError as error:
        yield found, html.note(tell(language, error.message), "warn"), ""
        return
    yield (
        found,
        documents_html.found(meaning, [], [], language),
        documents_html.found(both, [], [], language),
    )


def _by_words(corpus: Corpus, query: str, k: int, options: Options, language: str) -> str:
    """BM25's passages, with what each term adds to their scores."""
    result = search(corpus, query, "bm25", k, options)
    why = [explained(corpus, query, hit, options) for hit in result.hits]
    library = html.note(say(language, "bm25s_serves")) if len(corpus.passages) > LARGE else ""
    terms = words(query, options.terms or PLAIN)
    return library + documents_html.found(result, why, terms, language)


@shown
def add_own(own: str, language: str, files: list[str] | None) -> tuple[str, str, Any, Any]:
    """Add uploaded files to the visitor's own documents."""
    paths = list(dict.fromkeys(Path(file) for file in files or []))
    try:
        uploads.check_count(len(paths))
        there = _still_there(own)
        found = read_files([(path.name, path) for path in paths])
        if found.skipped and not found.documents:
            reason = found.skipped[0].message
            raise CorpusError(reason.template, **reason.values)
        corpus = uploads.add_read(found.documents, into=there.id if there else None)
    finally:
        for path in paths:
            path.unlink(missing_ok=True)
    return corpus.id, describe_own(corpus, language) + describe_read(found, language), OWN, None


def describe_read(found: Read, language: str) -> str:
    """What was left out of an upload and why, and how a file was read that is not UTF-8."""
    reasons = [tell(language, one.message) for one in found.skipped]
    lines = [
        say(language, "own_encoding", name=one.name, encoding=one.encoding.upper())
        for one in found.documents
        if one.encoding not in (None, "utf-8", "utf-8-sig")
    ] + [
        say(language, "own_unreadable", name=one.name, pages=one.unreadable)
        for one in found.documents
        if one.unreadable
    ]
    return html.notes(reasons, "warn") + html.notes(lines, "hint")


@shown
def forget_own(own: str, language: str) -> tuple[str, str, Any]:
    """Delete the visitor's own documents."""
    if _still_there(own):
        uploads.remove_corpus(own)
    return "", describe_own(None, language), FIRST_CORPUS


def _still_there(own: str) -> Corpus | None:
    try:
        return load_corpus(own) if is_own(own) else None
    except PlaygroundError:  # deleted after a week unused
        return None


def show_own(own: str, language: str) -> str:
    """The line about one's own documents when the page opens."""
    return describe_own(_still_there(own), language)


def describe_own(corpus: Corpus | None, language: str) -> str:
    """Which documents there are, and how many passages they make."""
    if corpus is None:
        return html.note(say(language, "own_none"))
    names = sorted({passage.document for passage in corpus.passages})
    return html.note(
        say(language, "own_there", names=", ".join(names), passages=len(corpus.passages))
    )
