"""Questions in number: the table of the sources, asked in one run that can be stopped and goes on later."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.compare import source_names
from playground.engine.work import Work
from playground.errors import PlaygroundError
from playground.retrieval.retrievers import need
from playground.retrieval.search import MAX_K
from playground.sources.asking import MOST_QUESTIONS, MOST_WEIGHTS, ask_table, source_contestant
from playground.sources.kept import keep_table, read_table, table_id
from playground.sources.table import FEW, Source, SourcesTable, some
from playground.ui.compare import whose
from playground.ui.compare.sources_results import build_results, show_table
from playground.ui.compare.sources_view import Sheet, table_html
from playground.ui.parts.corpus_menu import FIRST_CORPUS, OWN, corpus_choices
from playground.ui.parts.html import duration, note
from playground.ui.parts.indexing import index
from playground.ui.parts.questions import asked_corpus
from playground.ui.parts.zones import build_zone
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import AT_ONCE, LOOK, follows, shown
from playground.ui.shell.run import Run
from playground.ui.shell.tab import Hook, Listener, Visit
from playground.ui.shell.turns import stops
from playground.ui.text import label, say, tell

GOES_ON = "(asked) => { if (asked) document.getElementById('sources-go').click(); }"
TURN = 45.0  # seconds; then others have theirs, and the page asks for the next
SECONDS = 0.4  # of one answer among those of a batch, on two cores


@dataclass(frozen=True)
class SourcesPanel:
    """What the tab is wired to."""

    weights: gr.Dropdown
    opens: Hook  # what is shown once somebody opens it


def build_sources(visit: Visit, kept: gr.BrowserState) -> SourcesPanel:
    """Lay out the panel and wire it.

    :param kept: recipes that are kept for comparing.
    """
    gr.Markdown(label("sources_intro"))
    fields = _fields(visit.language)
    size = gr.HTML(elem_id="sources-size")
    with gr.Row():
        go = gr.Button(label("sources_go"), variant="primary", elem_id="sources-go", min_width=140)
        stop = gr.Button(label("stop"), elem_id="sources-stop", scale=0, min_width=90)
    told = gr.HTML(elem_id="sources-told")
    # How many questions were asked by now, where a turn ended before all of them were
    more = gr.Textbox("", visible="hidden", elem_id="sources-more")
    results = build_results(visit.language)
    form = Form(
        saved=visit.saved,
        own=visit.own,
        language=visit.language,
        kept=kept,
        **fields,
        against=results.against,
        kind=results.kind,
    )
    Run(
        name="sources",
        first=prepare_sources,
        handler=run_sources,
        form=form,
        outputs=[results.table, results.sheet, more],
        told=told,
        status=told,
        words="sources_stopped",
    ).on(go.click)
    stop.click(stops("sources", "compare", "without"), **AT_ONCE)
    more.change(None, more, None, js=GOES_ON, api_visibility="private")
    counted = {name: fields[name] for name in ("weights", "both", "before", "count")}
    sized = Form(saved=visit.saved, language=visit.language, kept=kept, **counted)
    follows([*counted.values()], sized.reads(size_of_table), sized.inputs, size, **LOOK)

    def opens(event: Listener) -> None:
        sized.on(event, size_of_table, size, **LOOK)
        event(show_table, results.inputs, results.table, **LOOK)

    return SourcesPanel(fields["weights"], opens)


def _fields(language: gr.Textbox) -> Form:
    """Which questions are put to what."""
    with gr.Row():
        corpus = gr.Dropdown(
            [*corpus_choices(), (label("own_documents"), OWN)],
            value=FIRST_CORPUS,
            label=label("sources_corpus"),
            elem_id="sources-corpus",
            min_width=240,
        )
        weights = gr.Dropdown(
            whose.whose_at_first(),
            value=list(whose.FIRST),
            multiselect=True,
            allow_custom_value=True,
            max_choices=MOST_WEIGHTS,
            label=label("sources_weights"),
            elem_id="sources-weights",
            min_width=300,
        )
    both = gr.Checkbox(True, label=label("sources_both"), elem_id="sources-both")
    before = gr.CheckboxGroup(
        [(label(f"retriever_{name}"), name) for name in source_names()],
        value=list(source_names()),
        label=label("sources_before"),
        elem_id="sources-before",
    )
    with gr.Accordion(label("sources_more"), open=False):
        with gr.Row():
            count = gr.Slider(
                1,
                MOST_QUESTIONS,
                FEW,
                step=1,
                label=label("sources_count"),
                info=label("sources_count_info"),
                elem_id="sources-count",
                min_width=220,
            )
            k = gr.Slider(1, MAX_K, 1, step=1, label=label("passages_k"), elem_id="sources-k", min_width=220)
        gr.Markdown(label("questions_intro"))
        file = build_zone(label("questions_file"), [".csv"], language, elem_id="sources-file").file
    return Form(corpus=corpus, weights=weights, both=both, before=before, count=count, k=k, file=file)


@shown
def size_of_table(values: Values) -> str:
    """How many answers a table has, and what that takes; what has to be chosen first."""
    language, before = values["language"], values["before"]
    try:
        rows = chosen_weights(values)
    except PlaygroundError as error:
        return note(tell(language, error.message), "warn")
    columns = len(rows) * len(before)
    if not columns:
        return note(say(language, "sources_none"), "warn")
    questions = int(values["count"])
    answers = columns * questions
    count = {"columns": columns, "questions": questions, "answers": f"{answers:,}"}
    told = note(say(language, "sources_size", **count, time=duration(answers * SECONDS)))
    if len(rows) < len(set(values["weights"])):
        told += note(say(language, "sources_alike"))
    return told


def prepare_sources(values: Values, work: Work) -> Any:
    """Embed the corpus where a source searches it by meaning and nobody has done so yet."""
    if need(values["before"], "vectors"):
        index(asked_corpus(values["own"], values["corpus"], values["file"]), work, values["language"])
    return gr.skip()


def run_sources(values: Values, work: Work) -> Iterator[tuple[str, Any, str]]:
    """Ask what is still to be asked, for one turn; the table grows."""
    start = time.monotonic()
    language = values["language"]
    corpus = asked_corpus(values["own"], values["corpus"], values["file"])
    rows = chosen_weights(values)
    sources = tuple(
        Source(row, name) for row in range(len(rows)) for name in source_names() if name in values["before"]
    )
    if not sources:
        raise PlaygroundError("Choose at least one of the weights, and tick at least one thing to stand before them.")
    questions = some(corpus.questions, min(int(values["count"]), MOST_QUESTIONS))
    if not questions:
        raise PlaygroundError("None of these questions has a right answer, so no answer can be judged.")
    contestants = [
        source_contestant(source, rows[source.weights].recipe, corpus, int(values["k"])) for source in sources
    ]
    table = SourcesTable(questions=tuple(questions), sources=sources)
    name = table_id(table, contestants, corpus)
    table = read_table(name) or table
    sheet = Sheet(name, tuple(row.title for row in rows), corpus.title)
    against, kind = int(values["against"] or 0), values["kind"]
    yield table_html(table, sheet, against, kind, language), sheet.to_json(), ""
    for grown in ask_table(table, contestants, work):
        kept = keep_table(name, grown)  # what is not kept could not go on: it has no turns
        over = kept and time.monotonic() - start > TURN and bool(grown.left())
        yield table_html(grown, sheet, against, kind, language), gr.skip(), str(len(grown.answers)) if over else ""
        if over:
            return


def chosen_weights(values: Values) -> list[whose.Chosen]:
    """Whose weights are asked, each once; where that is wanted, all of them together at last."""
    space = spaces.workspace_from_json(values["saved"])
    check_count(len(values["weights"]))
    each = [whose.chosen(name, space, values["kept"], values["language"]) for name in values["weights"]]
    if values["both"] and len({one.recipe.id for one in each if one.recipe.edits}) > 1:
        each.append(whose.together(each))
    first: dict[str, whose.Chosen] = {}
    for one in each:
        first.setdefault(one.recipe.id, one)
    rows = list(first.values())
    check_count(len(rows))
    return rows


def check_count(count: int) -> None:
    """Refuse more rows of weights than a table may have."""
    if count > MOST_WEIGHTS:
        raise PlaygroundError(
            "These are {count} rows of weights, all of them together included; {limit} are allowed. Leave some out.",
            count=count,
            limit=MOST_WEIGHTS,
        )
