"""The Documents tab: search a corpus with every retriever side by side, and add one's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import gradio as gr

from playground.engine.work import Stopped, Work
from playground.errors import PlaygroundError
from playground.retrieval.corpus import Corpus, load_corpus
from playground.retrieval.lexical.index import LARGE
from playground.retrieval.lexical.terms import PLAIN, words
from playground.retrieval.low_scores import is_low
from playground.retrieval.options import Options
from playground.retrieval.retrievers import RETRIEVERS, need
from playground.retrieval.search import MAX_K, search
from playground.ui.documents import evaluate as evaluate_panel
from playground.ui.documents import own as own_panel
from playground.ui.documents import view as documents_html
from playground.ui.documents.passages import PassagesPanel
from playground.ui.documents.search_form import build_options, fields_of, options_of
from playground.ui.parts import html
from playground.ui.parts.carried import carries
from playground.ui.parts.comparison import FIRST_PROMPT
from playground.ui.parts.corpus_menu import FIRST_CORPUS, OWN, chosen_corpus, corpus_choices
from playground.ui.parts.indexing import index
from playground.ui.parts.retriever_words import words_of
from playground.ui.parts.shelf import still_there
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import AT_ONCE, LOOK, SEARCH, clears, shown
from playground.ui.shell.run import Run
from playground.ui.shell.stale import belongs, touches
from playground.ui.shell.tab import Listener, Tab, Visit, Wired
from playground.ui.shell.turns import stops
from playground.ui.text import label, say, tell

SAMPLE_QUESTIONS = 8
COLUMNS = [f"{name}-hits" for name in RETRIEVERS]  # their ids
FIRST_LOOK = f"""(hits, query, corpus, own, was) =>
  hits || !query.trim() || (corpus === '{OWN}' && !own) ? was : String(Date.now())"""
LATER = [name for name in RETRIEVERS if need([name], "vectors")]


def build_tab(visit: Visit, page: gr.Tab) -> Wired:
    """Lay out the tab and wire it."""
    own, shelf, language = visit.own, visit.shelf, visit.language
    gr.Markdown(label("documents_intro"))
    with gr.Row():
        corpus = gr.Dropdown(
            [*corpus_choices(), (label("own_documents"), OWN)],
            value=FIRST_CORPUS,
            label=label("corpus"),
            elem_id="corpus",
        )
        question = gr.Dropdown(
            _questions(FIRST_CORPUS), value=None, label=label("sample_question"), elem_id="sample-question"
        )
    query = gr.Textbox(FIRST_PROMPT, label=label("query"), elem_id="query")
    with gr.Row():
        count = gr.Slider(1, MAX_K, 3, step=1, label=label("passages_k"), elem_id="query-k")
        search = gr.Button(label("search"), variant="primary", elem_id="search")
        stop = gr.Button(label("stop"), elem_id="search-stop", min_width=90, scale=0)
    options = build_options()
    hits, opened = [], gr.Textbox("", visible="hidden")
    with gr.Row(equal_height=False):
        for name in RETRIEVERS:
            with gr.Column(min_width=260):
                gr.Markdown(label(words_of("heading", name)))
                hits.append(gr.HTML(elem_id=f"{name}-hits"))
    ask = gr.Button(label("ask_with_these"), elem_id="ask-these")
    evaluate_panel.build_evaluation(own, language, corpus, options)
    mine = own_panel.build_own_documents(own, shelf, language, corpus)
    passages = PassagesPanel(
        own,
        language,
        corpus,
        lambda button: button.click(
            own_panel.copy_corpus, [own, shelf, language, corpus], [own, shelf, *mine.view, corpus], **LOOK
        ),
    )
    passages.refreshes(*mine.changed)

    filled = question.select(lambda chosen: chosen, question, query, **LOOK)
    Run(
        name="search",
        handler=search_all,
        form=Form(own=own, language=language, corpus=corpus, query=query, k=count, **options),
        outputs=hits,
        told=hits[COLUMNS.index(f"{LATER[0]}-hits")],
        lane=SEARCH,
    ).on(search.click, query.submit, filled.then, opened.change)
    # Headings over nothing say nothing: what stands in the field is searched for when the tab is opened
    page.select(None, [hits[0], query, corpus, own, opened], opened, js=FIRST_LOOK, api_visibility="private")
    touches([part for part in options.values() if isinstance(part, gr.Dropdown)], COLUMNS[0])
    stop.click(stops("search"), **AT_ONCE)
    for listen in (corpus.select, *(event.then for event in (*mine.changed, passages.copied))):
        listen(sample_questions, [own, language, corpus], question, **LOOK)
        clears(listen, parts=hits)
    for event in passages.changed:
        event.then(own_panel.show_own, [own, shelf, language], mine.view, **LOOK)
        clears(event.then, parts=hits)

    brought = carries(visit, page, corpus, query)
    clears(brought.then, parts=hits)
    brought.then(None, None, opened, js="() => String(Date.now())", api_visibility="private")
    visit.fills["documents"] = [corpus, query, opened]
    visit.presses["documents"] = ask

    def shows_own(event: Listener) -> None:
        event(own_panel.show_own, [own, shelf, language], mine.view, **AT_ONCE)

    return Wired(typed={"query": query}, on_load=shows_own, on_documents=shows_own, documents=[brought])


def _questions(corpus_id: str) -> list[str]:
    """A few of a corpus's questions, of every kind."""
    questions = load_corpus(corpus_id).questions
    step = max(1, len(questions) // SAMPLE_QUESTIONS)
    return [question.question for question in questions[::step]]


@shown
def sample_questions(own: str, language: str, choice: str) -> Any:
    """The questions that go with a corpus; one's own documents have some if they are a copy."""
    there = choice != OWN or still_there(own)
    return gr.update(choices=_questions(chosen_corpus(own, choice)) if there else [], value=None)


def search_all(values: Values, work: Work) -> Iterator[tuple[str, ...]]:
    """The passages of each retriever: at once of those that search words, then of those that search vectors."""
    language, query, k = values["language"], values["query"], int(values["k"])
    corpus = load_corpus(chosen_corpus(values["own"], values["corpus"]))
    options = options_of(values)
    mark = belongs({"query": query, "query-k": k, **fields_of(values)}, COLUMNS[1:])
    columns = {name: "" if name in LATER else _found(corpus, query, name, k, options, language) for name in RETRIEVERS}
    yield _marked(columns | {LATER[0]: html.note(say(language, "dense_working"))}, mark)
    try:
        index(corpus, work, language, options.encoder)
        columns |= {name: _found(corpus, query, name, k, options, language) for name in LATER}
    except Stopped:
        yield _marked(columns, mark)
        raise
    except PlaygroundError as error:
        columns[LATER[0]] = html.note(tell(language, error.message), "warn")
    yield _marked(columns, mark)


def _marked(columns: Mapping[str, str], mark: str) -> tuple[str, ...]:
    """The columns in their order, the first with the mark of what they belong to."""
    first, *others = columns.values()
    return first + mark, *others


def _found(corpus: Corpus, query: str, name: str, k: int, options: Options, language: str) -> str:
    """A retriever's passages; of one that searches words the query's, and what each adds to a score that is a sum."""
    result, row = search(corpus, query, name, k, options), RETRIEVERS[name]
    why = [row.explain(corpus, query, hit.passage, options) for hit in result.hits] if row.explain else []
    library = html.note(say(language, "bm25s_serves")) if row.explain and len(corpus.passages) > LARGE else ""
    terms = [] if name in LATER else words(query, options.terms or PLAIN)
    limit = is_low(corpus, name, result.hits, options)
    return library + documents_html.found(result, why, terms, language, limit, row.parts)


TAB = Tab("documents", build_tab)
