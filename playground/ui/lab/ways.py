"""Step 3 of the fact lab: which ways, and teaching the fact in each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic as now
from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.engine.build import build
from playground.engine.work import Work
from playground.errors import PlaygroundError
from playground.lab.propose import lesson_for
from playground.lab.sheet import LabSheet, sheet_to_json
from playground.lab.table import teach
from playground.lab.ways import BASE, WAYS, Room, usual_ways
from playground.lab.ways.prompt import others_of
from playground.ui.lab.fact import FactPanel, lesson_json, typed
from playground.ui.lab.words import way_name
from playground.ui.parts.html import duration, note
from playground.ui.parts.named_work import work_by_names
from playground.ui.parts.retriever_words import words_of
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import AT_ONCE, clears
from playground.ui.shell.run import Run
from playground.ui.shell.turns import stops
from playground.ui.text import label, say, tell

MOST_LAYER = 200
MOST_SEED = 2**31 - 1


@dataclass(frozen=True)
class WaySettings:
    """The controls that are folded away."""

    corpus: gr.Dropdown
    layer: gr.Number
    seed: gr.Number


def build_ways(
    saved: gr.BrowserState, language: gr.Textbox, fact: FactPanel, chosen: WaySettings, sheet: gr.BrowserState
) -> Any:
    """Lay out the panel and wire it.

    :param sheet: the visitor's table, filled as the ways are done.
    :return: the menu of ways.
    """
    gr.Markdown(label("lab_step_ways"))
    ways = gr.CheckboxGroup(
        [(label(words_of("way", way)), way) for way in WAYS if way != BASE],
        value=usual_ways(),
        label=label("lab_ways"),
        info=label("lab_ways_info"),
        elem_id="lab-ways",
    )
    with gr.Accordion(label("lab_settings"), open=False):
        chosen.corpus.render()
        with gr.Row():
            chosen.layer.render()
            chosen.seed.render()
    with gr.Row():
        go = gr.Button(label("lab_teach"), variant="primary", elem_id="lab-teach", min_width=160)
        stop = gr.Button(label("stop"), elem_id="lab-stop", min_width=90, scale=0)
    status = gr.HTML(elem_id="lab-status")
    clears(go.click, parts=[status])
    Run(
        name="teach",
        handler=run_ways,
        form=Form(
            saved=saved,
            language=language,
            ways=ways,
            corpus=chosen.corpus,
            layer=chosen.layer,
            seed=chosen.seed,
            **fact.fact,
            **fact.questions,
        ),
        outputs=[sheet, status, *fact.questions.values()],
        told=status,
        status=status,
        words="lab_stopped",
        early="lab_stopped_early",
        off=go,
    ).on(go.click)
    stop.click(stops("teach"), **AT_ONCE)
    return ways


def build_way_settings(corpora: list[tuple[str, str]], first: str) -> WaySettings:
    """The controls that are folded away, made before they are laid out."""
    corpus = gr.Dropdown(
        corpora,
        value=first,
        label=label("lab_corpus"),
        info=label("lab_corpus_info"),
        elem_id="lab-corpus",
        render=False,
    )
    layer = gr.Number(
        -1,
        label=label("lab_layer"),
        info=label("lab_layer_info"),
        precision=0,
        minimum=-1,
        maximum=MOST_LAYER,
        elem_id="lab-layer",
        min_width=200,
        render=False,
    )
    seed = gr.Number(
        0,
        label=label("seed"),
        precision=0,
        minimum=0,
        maximum=MOST_SEED,
        elem_id="lab-seed",
        min_width=200,
        render=False,
    )
    return WaySettings(corpus, layer, seed)


def checked_seed(seed: float | None) -> int:
    """A seed as it is typed.

    :raises PlaygroundError: it is out of range.
    """
    number = int(seed or 0)
    if not 0 <= number <= MOST_SEED:
        raise PlaygroundError("The seed is a whole number from 0 to {limit}.", limit=MOST_SEED)
    return number


def run_ways(values: Values, work: Work) -> Iterator[tuple[Any, ...]]:
    """Teach the fact in each way; the table grows as they are done, and takes the place of the one
    from before once a way is done. Questions that were proposed are shown."""
    language, ways, layer = values["language"], values["ways"], values["layer"]
    if not ways:
        raise PlaygroundError("No way is ticked. Tick at least one.")
    work, start = work_by_names(work, lambda way: way_name(way, language)), now()
    about, questions = lesson_json(values)
    recipe = spaces.workspace_from_json(values["saved"]).recipe()
    lesson = lesson_for(build(recipe, work).fork, about, questions)
    seed, corpus = checked_seed(values["seed"]), values["corpus"]
    others, layer = others_of(corpus, seed), None if layer is None or layer < 0 else int(layer)
    room = Room(recipe=recipe, others=others, seed=seed, layer=layer)
    table, texts = LabSheet(lesson, seed=room.seed, others=corpus), typed(lesson)
    for row in teach(lesson, [BASE, *ways], room, work):
        table = table.with_row(row, lambda message: tell(language, message))
        yield sheet_to_json(table) if len(table.rows) > 1 else gr.skip(), "", *texts
    failed = sum(row.error is not None for row in table.rows)
    took, done = duration(now() - start), len(table.rows) - 1
    told = say(language, "lab_done", count=done, seconds=took, failed=failed)
    yield sheet_to_json(table), note(told), *texts
