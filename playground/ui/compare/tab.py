"""The Compare tab: one prompt, two to six contestants, their answers side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args

import gradio as gr

from playground import compare as contest
from playground import workspace as spaces
from playground.engine.decoding.generate import MAX_NEW_TOKENS, MAX_TEMPERATURE, Sampling
from playground.engine.recipe import parse_edit
from playground.retrieval.context import MAX_START, MAX_TEMPLATE, Context, Order
from playground.retrieval.corpus import load_corpus
from playground.retrieval.retrievers import NONE, need, retriever_names
from playground.ui.compare.examples import EXAMPLES, FIRST_PROMPT
from playground.ui.parts import html
from playground.ui.parts.comparison import CONTEXT, FIRST_COLUMNS, set_up
from playground.ui.parts.corpus_menu import FIRST_CORPUS, OWN, chosen_corpus, corpus_choices
from playground.ui.parts.indexing import index
from playground.ui.parts.streaming import stream
from playground.ui.shell.page import AT_ONCE, CLICKS, MODEL, PROGRESS, RUNS, SEARCH, TOLD, begins, clears, shown, stops
from playground.ui.shell.stale import belongs, each, touches
from playground.ui.shell.tab import Comparison, Tab, Visit, Wired
from playground.ui.text import label, say

LEAST, MOST = 2, contest.MAX_CONTESTANTS


def build_tab(visit: Visit, page: gr.Tab) -> Wired:
    """Lay out the tab and wire it."""
    saved, own, language = visit.saved, visit.own, visit.language
    gr.Markdown(label("compare_intro"))
    with gr.Row():
        buttons = [
            gr.Button(label(f"example_{example.key}"), size="sm", elem_id=f"example-{example.key}")
            for example in EXAMPLES
        ]
    with gr.Accordion(label("poisoned_heading"), open=False):
        gr.Markdown(label("poisoned_info"))
    prompt = gr.Textbox(FIRST_PROMPT, label=label("prompt"), lines=2, elem_id="prompt")
    with gr.Row():
        go = gr.Button(label("compare"), variant="primary", elem_id="compare")
        stop = gr.Button(label("stop"), elem_id="stop")
    with gr.Accordion(label("contestants"), open=False):
        count = gr.Slider(LEAST, MOST, 4, step=1, label=label("columns"), elem_id="columns")
        corpus = gr.Dropdown(
            [*corpus_choices(), (label("own_documents"), OWN)],
            value=FIRST_CORPUS,
            label=label("corpus"),
            elem_id="compare-corpus",
        )
        rows, fields = _column_rows()
    context = _context_controls()
    with gr.Accordion(label("settings"), open=False):
        length = gr.Slider(1, MAX_NEW_TOKENS, 48, step=1, label=label("new_tokens"), elem_id="new-tokens")
        temperature = gr.Slider(
            0,
            MAX_TEMPERATURE,
            0,
            step=0.1,
            label=label("temperature"),
            info=label("temperature_info"),
            elem_id="temperature",
        )
        seed = gr.Number(0, label=label("seed"), precision=0, minimum=0, elem_id="seed")
    answers = gr.HTML(js_on_load=CLICKS, elem_id="answers")
    without = gr.HTML(elem_id="without")

    turn = gr.State(0)
    given = [*context, *fields]
    asked = [saved, own, language, prompt, corpus, length, temperature, seed, turn, count, *given]
    indexed = [own, language, corpus, turn, count, *fields]

    def starts(event: Any) -> None:
        """Take a turn, index what dense search lacks in its own line, then answer."""
        clears(event, parts=[without])
        taken = event(begins("compare", "without"), None, turn, trigger_mode="multiple", **AT_ONCE)
        ready = taken.then(prepare, indexed, answers, **SEARCH)
        ready.success(run, asked, answers, **MODEL)

    starts(go.click)
    starts(prompt.submit)
    removed, again = gr.State(("", "")), gr.State(0)
    asked_again = [again if part is turn else part for part in asked[: -len(given)]]
    answers.click(press_without, None, [again, removed], trigger_mode="multiple", **AT_ONCE).then(
        run_without, [*asked_again, removed, *given], without, **MODEL
    )
    touches([corpus, *(part for part in given if isinstance(part, gr.Dropdown))], "answers")
    stop.click(stops("compare", "without"), **AT_ONCE)
    count.change(show_rows, count, rows, **AT_ONCE)
    setup = [prompt, corpus, count, *context, *fields]
    for button, example in zip(buttons, EXAMPLES, strict=True):
        number = gr.State(EXAMPLES.index(example))
        taken = button.click(take_example, [saved, language, number], [saved, *setup], **TOLD)
        starts(taken.success)
    visit.comparison = Comparison(setup=setup, answers=[answers, without])
    return Wired(typed={"prompt": prompt})


def _context_controls() -> list[Any]:
    """How passages go into the prompt, folded away."""
    with gr.Accordion(label("context_heading"), open=False):
        gr.Markdown(label("context_intro"))
        with gr.Row():
            order = gr.Dropdown(
                [(label(f"order_{name}"), name) for name in get_args(Order)],
                value="best_first",
                label=label("order"),
                elem_id="order",
                min_width=180,
            )
            budget = gr.Slider(
                0, 1_000, 0, step=10, label=label("budget"), info=label("budget_info"), elem_id="budget", min_width=180
            )
            start = gr.Textbox(
                "",
                label=label("answer_start"),
                info=label("answer_start_info"),
                max_length=MAX_START,
                elem_id="answer-start",
                min_width=180,
            )
        template = gr.Textbox(
            "",
            label=label("template"),
            info=label("template_info"),
            lines=4,
            max_length=MAX_TEMPLATE,
            elem_id="template",
        )
    return [order, budget, start, template]


def _context(order: Order, budget: float, start: str, template: str) -> Context:
    return Context(order, int(budget) or None, template, start or None)


def _column_rows() -> tuple[list[gr.Row], list[Any]]:
    """One row of controls per contestant; those beyond the count are hidden."""
    rows, fields = [], []
    for number, (weights, retriever, k) in enumerate(FIRST_COLUMNS, 1):
        with gr.Row(visible=number <= 4) as row:
            fields += [
                gr.Dropdown(
                    [(label(f"weights_{name}"), name) for name in ("base", "mine")],
                    value=weights,
                    label=label(f"weights_of_{number}"),
                    min_width=120,
                    elem_id=f"weights-{number}",
                ),
                gr.Dropdown(
                    [(label(f"retriever_{name}"), name) for name in retriever_names()],
                    value=retriever,
                    label=label("retrieval"),
                    min_width=120,
                    elem_id=f"retriever-{number}",
                ),
                gr.Slider(1, 10, k, step=1, label=label("passages_k"), min_width=120, elem_id=f"k-{number}"),
            ]
        rows.append(row)
    return rows, fields


def show_rows(count: float) -> list[Any]:
    """Show the controls of as many contestants as there are columns."""
    return [gr.update(visible=number <= count) for number in range(1, MOST + 1)]


@shown
def take_example(saved: Any, language: str, number: int) -> tuple[Any, ...]:
    """Set the tab up for a ready example."""
    example, space = EXAMPLES[number], spaces.from_json(saved)
    edit = parse_edit(example.edit) if example.edit else None
    if edit and edit not in space.recipe().edits:
        space = space.add(edit)
    return space.to_json(), *set_up(example.prompt, example.corpus, example.columns)


@shown
def prepare(
    own: str,
    language: str,
    choice: str,
    turn: int,
    count: float,
    request: gr.Request,
    progress: Any = PROGRESS,
    *fields: Any,
) -> Any:
    """Embed the corpus where a column searches it by meaning and nobody has done so yet."""
    if need((retriever for _, retriever, _ in _columns(count, fields)), "vectors"):
        corpus = load_corpus(chosen_corpus(own, choice))
        stopped = RUNS.stopped(str(request.session_hash), turn)
        index(corpus, language, progress, stopped)
    return gr.skip()


@shown
def run(
    saved: Any,
    own: str,
    language: str,
    prompt: str,
    choice: str,
    length: float,
    temperature: float,
    seed: float,
    turn: int,
    count: float,
    request: gr.Request,
    *fields: Any,
) -> Iterator[str]:
    """Answer the prompt with every contestant, growing side by side.

    :param fields: the controls of the context, then three for each contestant.
    """
    context = _context(*fields[:CONTEXT])
    contestants = [
        replace(_contestant(saved, own, language, choice, *column), context=context)
        for column in _columns(count, fields[CONTEXT:])
    ]
    sampling = Sampling(int(length), float(temperature), int(seed or 0))
    of = {"prompt": prompt, "new-tokens": length, "temperature": temperature, "seed": seed}
    answers = stream(contestants, prompt, sampling, language, request, turn)
    yield from each(answers, belongs(of, also=["without"]))


def press_without(event: gr.EventData, request: gr.Request) -> tuple[int, tuple[int, str]]:
    """A passage is to be taken away: the visitor's turn, from which column, and which."""
    return begins("without")(request), (int(event.place), str(event.passage))


@shown
def run_without(
    saved: Any,
    own: str,
    language: str,
    prompt: str,
    choice: str,
    length: float,
    temperature: float,
    seed: float,
    turn: int,
    count: float,
    removed: tuple[int, str],
    request: gr.Request,
    *fields: Any,
) -> Iterator[str]:
    """One column's answer again, with its passages and with one of them taken away: what changes
    came from that passage, what stays from the others or from the weights."""
    place, passage = removed
    columns = _columns(count, fields[CONTEXT:])
    if not 0 <= place < len(columns):
        return
    given = replace(_contestant(saved, own, language, choice, *columns[place]), context=_context(*fields[:CONTEXT]))
    label = say(language, "without", passage=passage)
    less = replace(given, label=label, without=(passage,))
    sampling = Sampling(int(length), float(temperature), int(seed or 0))
    intro = html.note(say(language, "without_info", passage=passage))
    for shown_answers in stream([given, less], prompt, sampling, language, request, turn, again=True):
        yield intro + shown_answers


def _columns(count: float, fields: tuple[Any, ...]) -> list[tuple[Any, Any, Any]]:
    """The controls of the contestants that are shown, three for each."""
    return list(zip(*[iter(fields)] * 3, strict=True))[: int(count)]


def _contestant(
    saved: Any, own: str, language: str, choice: str, weights: str, retriever: str, k: float
) -> contest.Contestant:
    space = spaces.from_json(saved)
    name = say(language, f"weights_{weights}")
    if retriever != NONE:
        name = f"{name} + {say(language, f'retriever_{retriever}')} (k={int(k)})"
    return contest.Contestant(
        name,
        space.recipe() if weights == "mine" else space.base(),
        retriever,
        chosen_corpus(own, choice) if retriever != NONE else "",
        int(k),
    )


TAB = Tab("compare", build_tab)
