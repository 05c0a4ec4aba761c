"""The Compare tab: one prompt, two to six contestants, their answers side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args

import gradio as gr

from playground import compare as contest
from playground import workspace as spaces
from playground.ask.question import MAX_ANSWER, check_answer
from playground.engine.decoding.generate import MAX_NEW_TOKENS, MAX_TEMPERATURE, Sampling
from playground.engine.recipe import parse_edit
from playground.engine.work import Work
from playground.retrieval.context import MAX_START, MAX_TEMPLATE, Order
from playground.retrieval.corpus import load_corpus
from playground.retrieval.retrievers import need
from playground.ui.compare import sources, whose
from playground.ui.compare.contestants import LEAST, MOST, contestant_cards, contestant_of, show_rows, shown_columns
from playground.ui.compare.example import show_example
from playground.ui.compare.examples import EXAMPLES
from playground.ui.parts import html
from playground.ui.parts.answers_html import Looked
from playground.ui.parts.carried import carries
from playground.ui.parts.comparison import FIRST_PROMPT, set_up
from playground.ui.parts.corpus_menu import FIRST_CORPUS, OWN, chosen_corpus, corpus_choices
from playground.ui.parts.indexing import index
from playground.ui.parts.streaming import stream
from playground.ui.shell import state
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import ANSWER, AT_ONCE, CLICKS, LOOK, TOLD, clears, shown
from playground.ui.shell.run import Run
from playground.ui.shell.stale import belongs, each, touches
from playground.ui.shell.tab import Comparison, Listener, Tab, Visit, Wired
from playground.ui.shell.turns import stops
from playground.ui.text import label, say

STEP = f"(count) => Math.min({MOST}, Math.max({LEAST}, Number(count) + %(step)d))"


def build_tab(visit: Visit, page: gr.Tab) -> Wired:
    """Lay out the tab and wire it."""
    saved, own, language = visit.saved, visit.own, visit.language
    kept = state.kept("recipes", [])  # for comparing
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
        right = gr.Textbox(
            "",
            label=label("compare_right"),
            info=label("compare_right_info"),
            max_length=MAX_ANSWER,
            elem_id="right-answer",
            min_width=220,
        )
        corpus = gr.Dropdown(
            [*corpus_choices(), (label("own_documents"), OWN)],
            value=FIRST_CORPUS,
            label=label("corpus"),
            elem_id="compare-corpus",
            min_width=220,
        )
    gr.Markdown(label("contestants"))
    count = gr.Number(4, precision=0, visible=False)
    rows, columns = contestant_cards()
    with gr.Row(elem_id="contestants-more"):
        add = gr.Button(label("add_contestant"), size="sm", elem_id="add-contestant", min_width=150, scale=0)
        drop = gr.Button(label("drop_contestant"), size="sm", elem_id="drop-contestant", min_width=150, scale=0)
        more = whose.build_kept(saved, kept, language)
    with gr.Row():
        go = gr.Button(label("compare"), variant="primary", elem_id="compare")
        stop = gr.Button(label("stop"), elem_id="stop", scale=0, min_width=90)
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
    differs = gr.Checkbox(False, label=label("mark_differing"), elem_id="mark-differing")
    answers = gr.HTML(js_on_load=CLICKS, elem_id="answers")
    without = gr.HTML(elem_id="without")
    with gr.Accordion(label("sources_heading"), open=False, elem_id="sources") as folded:
        table = sources.build_sources(visit, kept)

    form = Form(
        saved=saved,
        own=own,
        language=language,
        kept=kept,
        prompt=prompt,
        corpus=corpus,
        length=length,
        temperature=temperature,
        seed=seed,
        count=count,
        right=right,
        differs=differs,
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
        lane=ANSWER,
    )
    Run(
        name="without",
        handler=run_without,
        form=form,
        outputs=[without],
        told=without,
        words="stopped",
        picks=passage_of,
        lane=ANSWER,
    ).on(answers.click)
    without.change(None, without, None, js="(html) => playgroundTaken(html)", api_visibility="private")
    starts = [go.click, prompt.submit]
    touches([part for part in form.values() if isinstance(part, gr.Dropdown)], "answers")
    stop.click(stops("compare", "without", "sources"), **AT_ONCE)
    for button, step in ((add, 1), (drop, -1)):
        button.click(None, count, count, js=STEP % {"step": step}, api_visibility="private")
    count.change(show_rows, count, rows, **AT_ONCE)
    setup = [prompt, corpus, count, *context.values(), *columns.values()]
    for button, example in zip(buttons, EXAMPLES, strict=True):
        number = gr.State(EXAMPLES.index(example))
        starts.append(button.click(take_example, [saved, language, number], [saved, *setup], **TOLD).success)
    clears(*starts, parts=[without])
    comparing.on(*starts)
    brought = carries(visit, page, corpus, prompt, right)
    menus = [*(part for name, part in columns.items() if name.startswith("weights_")), table.weights]
    listed = [visit.adapters, kept, language, *menus]
    for event in (page.select, *more):
        event(whose.list_whose, listed, menus, **LOOK)
    table.opens(folded.expand)
    visit.comparison = Comparison(setup=setup, answers=[answers, without])

    def loaded(event: Listener) -> None:
        event(show_example, language, answers, **AT_ONCE)

    return Wired(typed={"prompt": prompt}, on_load=loaded, documents=[brought])


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
    if need((values[f"retriever_{number}"] for number in shown_columns(values)), "vectors"):
        index(load_corpus(chosen_corpus(values["own"], values["corpus"])), work, values["language"])
    return gr.skip()


def run_compare(values: Values, work: Work) -> Iterator[str]:
    """Answer the prompt with every contestant, growing side by side."""
    contestants = [contestant_of(values, number) for number in shown_columns(values)]
    growing = contest.compare(contestants, values["prompt"], _sampling(values), work.stopped)
    fields = {
        "new-tokens": "length",
        "temperature": "temperature",
        "seed": "seed",
        "prompt": "prompt",
        "right-answer": "right",
    }
    mark = belongs({field: values[name] for field, name in fields.items()}, also=["without"])
    looked = Looked(right=check_answer(values["right"] or ""), differing=bool(values["differs"]))
    yield from each(stream(growing, work, values["language"], looked), mark)


def passage_of(press: gr.EventData) -> tuple[int, str]:
    """A passage is to be taken away: from which column, and which."""
    return int(press.place), str(press.passage)


def run_without(values: Values, work: Work) -> Iterator[str]:
    """One column's answer again, with its passages and with one of them taken away: what changes
    came from that passage, what stays from the others or from the weights."""
    language, (number, passage) = values["language"], values["picked"]
    if not 0 <= number < len(shown_columns(values)):
        return
    contestant = contestant_of(values, number + 1)
    less = replace(contestant, label=say(language, "without", passage=passage), without=(passage,))
    growing = contest.compare([contestant, less], values["prompt"], _sampling(values), work.stopped)
    intro = html.note(say(language, "without_info", passage=passage))
    for shown_answers in stream(growing, work, language, Looked(again=True, right=check_answer(values["right"] or ""))):
        yield intro + shown_answers


def _sampling(values: Values) -> Sampling:
    return Sampling(int(values["length"]), float(values["temperature"]), int(values["seed"] or 0))


TAB = Tab("compare", build_tab)
