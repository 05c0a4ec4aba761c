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
from playground.engine.work import Work
from playground.retrieval.context import MAX_START, MAX_TEMPLATE, Context, Order
from playground.retrieval.corpus import load_corpus
from playground.retrieval.retrievers import NONE, need, retriever_names
from playground.ui.compare.examples import EXAMPLES
from playground.ui.parts import html
from playground.ui.parts.carried import carries
from playground.ui.parts.comparison import FIRST_COLUMNS, FIRST_PROMPT, set_up
from playground.ui.parts.corpus_menu import FIRST_CORPUS, OWN, chosen_corpus, corpus_choices
from playground.ui.parts.indexing import index
from playground.ui.parts.streaming import stream
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import AT_ONCE, CLICKS, TOLD, clears, shown
from playground.ui.shell.run import Run
from playground.ui.shell.stale import belongs, each, touches
from playground.ui.shell.tab import Comparison, Tab, Visit, Wired
from playground.ui.shell.turns import stops
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
        rows, columns = _column_rows()
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

    form = Form(
        saved=saved,
        own=own,
        language=language,
        prompt=prompt,
        corpus=corpus,
        length=length,
        temperature=temperature,
        seed=seed,
        count=count,
        **context,
        **columns,
    )
    comparing = Run(
        name="compare",
        first=prepare_comparison,
        handler=run_compare,
        form=form,
        outputs=[answers],
        told=answers,
        over=("without",),
        words="stopped",
    )
    Run(
        name="without",
        handler=run_without,
        form=form,
        outputs=[without],
        told=without,
        words="stopped",
        picks=passage_of,
    ).on(answers.click)
    starts = [go.click, prompt.submit]
    touches([part for part in form.values() if isinstance(part, gr.Dropdown)], "answers")
    stop.click(stops("compare", "without"), **AT_ONCE)
    count.change(show_rows, count, rows, **AT_ONCE)
    setup = [prompt, corpus, count, *context.values(), *columns.values()]
    for button, example in zip(buttons, EXAMPLES, strict=True):
        number = gr.State(EXAMPLES.index(example))
        starts.append(button.click(take_example, [saved, language, number], [saved, *setup], **TOLD).success)
    clears(*starts, parts=[without])
    comparing.on(*starts)
    carries(visit, page, prompt)
    visit.comparison = Comparison(setup=setup, answers=[answers, without])
    return Wired(typed={"prompt": prompt})


def _context_controls() -> Form:
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
    return Form(order=order, budget=budget, start=start, template=template)


def _context(values: Values) -> Context:
    return Context(values["order"], int(values["budget"]) or None, values["template"], values["start"] or None)


def _column_rows() -> tuple[list[gr.Row], Form]:
    """One row of controls per contestant; those beyond the count are hidden."""
    rows, form = [], Form()
    for number, (weights, retriever, k) in enumerate(FIRST_COLUMNS, 1):
        with gr.Row(visible=number <= 4) as row:
            form[f"weights_{number}"] = gr.Dropdown(
                [(label(f"weights_{name}"), name) for name in ("base", "mine")],
                value=weights,
                label=label(f"weights_of_{number}"),
                min_width=120,
                elem_id=f"weights-{number}",
            )
            form[f"retriever_{number}"] = gr.Dropdown(
                [(label(f"retriever_{name}"), name) for name in retriever_names()],
                value=retriever,
                label=label("retrieval"),
                min_width=120,
                elem_id=f"retriever-{number}",
            )
            form[f"k_{number}"] = gr.Slider(
                1, 10, k, step=1, label=label("passages_k"), min_width=120, elem_id=f"k-{number}"
            )
        rows.append(row)
    return rows, form


def show_rows(count: float) -> list[Any]:
    """Show the controls of as many contestants as there are columns."""
    return [gr.update(visible=number <= count) for number in range(1, MOST + 1)]


@shown
def take_example(saved: Any, language: str, number: int) -> tuple[Any, ...]:
    """Set the tab up for a ready example."""
    example, space = EXAMPLES[number], spaces.workspace_from_json(saved)
    edit = parse_edit(example.edit) if example.edit else None
    if edit and edit not in space.recipe().edits:
        space = space.add(edit)
    return space.to_json(), *set_up(example.prompt, example.corpus, example.columns)


def prepare_comparison(values: Values, work: Work) -> Any:
    """Embed the corpus where a column searches it by meaning and nobody has done so yet."""
    if need((values[f"retriever_{number}"] for number in _columns(values)), "vectors"):
        index(load_corpus(chosen_corpus(values["own"], values["corpus"])), work, values["language"])
    return gr.skip()


def run_compare(values: Values, work: Work) -> Iterator[str]:
    """Answer the prompt with every contestant, growing side by side."""
    contestants = [_contestant(values, number) for number in _columns(values)]
    growing = contest.compare(contestants, values["prompt"], _sampling(values), work.stopped)
    fields = {"new-tokens": "length", "temperature": "temperature", "seed": "seed", "prompt": "prompt"}
    mark = belongs({field: values[name] for field, name in fields.items()}, also=["without"])
    yield from each(stream(growing, work, values["language"]), mark)


def passage_of(press: gr.EventData) -> tuple[int, str]:
    """A passage is to be taken away: from which column, and which."""
    return int(press.place), str(press.passage)


def run_without(values: Values, work: Work) -> Iterator[str]:
    """One column's answer again, with its passages and with one of them taken away: what changes
    came from that passage, what stays from the others or from the weights."""
    language, (number, passage) = values["language"], values["picked"]
    if not 0 <= number < len(_columns(values)):
        return
    contestant = _contestant(values, number + 1)
    less = replace(contestant, label=say(language, "without", passage=passage), without=(passage,))
    growing = contest.compare([contestant, less], values["prompt"], _sampling(values), work.stopped)
    intro = html.note(say(language, "without_info", passage=passage))
    for shown_answers in stream(growing, work, language, again=True):
        yield intro + shown_answers


def _columns(values: Values) -> range:
    """The numbers of the contestants that are shown."""
    return range(1, min(int(values["count"]), MOST) + 1)


def _sampling(values: Values) -> Sampling:
    return Sampling(int(values["length"]), float(values["temperature"]), int(values["seed"] or 0))


def _contestant(values: Values, number: int) -> contest.Contestant:
    """A column's recipe and documents, and how passages go into its prompt.

    :param number: of the column, from 1 on.
    """
    weights, retriever, k = (values[f"{name}_{number}"] for name in ("weights", "retriever", "k"))
    space, language = spaces.workspace_from_json(values["saved"]), values["language"]
    name = say(language, f"weights_{weights}")
    if retriever != NONE:
        name = f"{name} + {say(language, f'retriever_{retriever}')} (k={int(k)})"
    return contest.Contestant(
        label=name,
        recipe=space.recipe() if weights == "mine" else space.base(),
        retriever=retriever,
        corpus_id=chosen_corpus(values["own"], values["corpus"]) if retriever != NONE else "",
        k=int(k),
        context=_context(values),
    )


TAB = Tab("compare", build_tab)
