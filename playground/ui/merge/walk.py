"""The path of a merge: one place on it tried at once, and the whole of it walked and measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import gradio as gr

from playground.engine.adapters.edit import Attach
from playground.engine.build import build, extended
from playground.engine.decoding.answering import answering, chat_prompt
from playground.engine.decoding.generate import Sampling, answer_text, next_shift, prompt_ids
from playground.engine.measuring import token_map
from playground.engine.measuring.measure import MAX_TEXT, shipped_text
from playground.engine.merging import METHODS
from playground.engine.merging.edit import Merge
from playground.engine.merging.walk import WalkPoint, walk
from playground.engine.training.reading import ready_sets
from playground.engine.work import Work
from playground.ui.merge import view as merge_html
from playground.ui.merge.form import MergePanel, below, edit_of
from playground.ui.parts import html
from playground.ui.parts.answers_html import side_by_side
from playground.ui.parts.building import keep_instead, place_of, take_point
from playground.ui.parts.html import note
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import AT_ONCE, CLICKS, follows
from playground.ui.shell.run import Run
from playground.ui.shell.stale import belongs
from playground.ui.shell.turns import stops
from playground.ui.text import label, say

ANSWER_TOKENS = 48
TOP = 8  # next tokens shown
EXAMPLE_TEXT = 1_500  # characters of each text that a walk reads unless told otherwise


@dataclass(frozen=True)
class WalkPanel:
    """What the page is wired to."""

    typed: dict[str, Any]  # what a reload must not lose


def build_walk(saved: gr.BrowserState, language: gr.Textbox, panel: MergePanel) -> WalkPanel:
    """Lay out the panel and wire it."""
    gr.Markdown(label("walk_heading"))
    prompt = gr.Textbox(
        label("merge_first_prompt"),
        lines=2,
        max_lines=8,
        max_length=4_000,
        label=label("walk_prompt"),
        elem_id="walk-prompt",
    )
    with gr.Row():
        there = gr.Button(label("walk_try"), elem_id="walk-try", min_width=120)
        go = gr.Button(label("walk"), variant="primary", elem_id="walk", min_width=120)
        stop = gr.Button(label("stop"), elem_id="walk-stop", min_width=90)
    status = gr.HTML(elem_id="walking")
    answers = gr.HTML(label("walk_empty"), elem_id="walk-answers")
    with gr.Accordion(label("walk_texts"), open=False):
        gr.Markdown(label("walk_texts_info"))
        first = gr.Textbox(
            "",
            lines=3,
            max_lines=8,
            max_length=MAX_TEXT,
            label=label("walk_text_base"),
            placeholder=label("walk_text_base_empty"),
            elem_id="walk-text-base",
        )
        second = gr.Textbox(
            "",
            lines=3,
            max_lines=8,
            max_length=MAX_TEXT,
            label=label("walk_text_models"),
            placeholder=label("walk_text_models_empty"),
            elem_id="walk-text-models",
        )
        probe = gr.Textbox(
            "", max_length=400, label=label("walk_probe"), info=label("walk_probe_info"), elem_id="walk-probe"
        )
    walked = gr.HTML(js_on_load=CLICKS, elem_id="walked")
    taken = gr.HTML(elem_id="walk-taken")
    points = gr.State([])
    prompted = Form(saved=saved, language=language, prompt=prompt, **panel.form)
    Run(
        name="try", handler=try_there, form=prompted, outputs=[answers], told=answers, status=status, words="stopped"
    ).on(there.click, panel.form["t"].release, prompt.submit)
    # An answer to other settings would pass for theirs.
    saved.change(nothing_yet, language, answers, **AT_ONCE)
    follows(list(panel.form.values()), nothing_yet, language, answers, **AT_ONCE)
    Run(
        name="walk",
        handler=run_walk,
        form=Form(**prompted, text_base=first, text_models=second, probe=probe),
        outputs=[walked, points],
        told=walked,
        status=status,
        words="sweep_stopped",
        off=go,
    ).on(go.click)
    Run(
        name="walk_point",
        handler=take_point,
        form=Form(saved=saved, language=language, points=points),
        told=taken,
        activity="walk",  # a point that was taken is what the walk was for
        status=status,
        picks=place_of,
        keep=keep_instead,
    ).on(walked.click)
    stop.click(stops("try", "walk"), **AT_ONCE)
    return WalkPanel({"walked": prompt, "walkBase": first, "walkModels": second, "walkProbe": probe})


def nothing_yet(language: str) -> str:
    """What stands in the place of answers."""
    return note(say(language, "walk_empty"))


@cache
def learned_text(adapter: str) -> str:
    """What a shipped adapter was trained to write, as a text that it is good at."""
    examples = ready_sets().get(adapter, ())
    return "\n".join(example.completion for example in examples)[:EXAMPLE_TEXT]


def texts_for(merge: Merge, first: str, second: str) -> tuple[str, str]:
    """The two texts of a walk: given, or general text and what the first adapter was taught."""
    general = shipped_text()[:EXAMPLE_TEXT]
    sources = [
        edit.source
        for model in merge.models
        for edit in (model.recipe.edits if model.recipe else ())
        if isinstance(edit, Attach)
    ]
    learned = next((text for text in map(learned_text, sources) if text), general)
    return first.strip() or general, second.strip() or learned


def try_there(values: Values, work: Work) -> Iterator[str]:
    """The prompt at one place on the path: next tokens and the answer, beside the recipe's own."""
    language, prompt, merge = values["language"], values["prompt"], edit_of(values)
    before = build(below(values), work)
    after = extended(before, merge, work)
    tokenizer = before.fork.base.tokenizer
    text = chat_prompt(before.fork, prompt)
    ids = prompt_ids(before.fork.base, text, ANSWER_TOKENS)
    rows = [
        (token_map.token_text(tokenizer, shift.id), shift.before, shift.after)
        for shift in next_shift(before.fork, after.fork, ids, TOP)
    ]
    goes = "walk_there_whole" if METHODS[merge.method].whole else "walk_there"
    where = f"{merge.t:g}" if isinstance(merge.t, int | float) else "…"
    heads = [say(language, "walk_here"), say(language, goes, method=merge.method, t=where)]
    shown_bars = html.probability_bars(rows, language, heads) + belongs({"walk-prompt": prompt})
    written = ["", ""]
    yield shown_bars
    for number, fork in enumerate((before.fork, after.fork)):
        for step, found in enumerate(answering(fork, [text], Sampling(ANSWER_TOKENS), work.stopped)):
            written[number] = answer_text(fork.base, found[0])
            if step % 4 == 3:
                yield side_by_side(heads, written) + shown_bars
    yield side_by_side(heads, written) + shown_bars
    work.check()


def run_walk(values: Values, work: Work) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Eleven places on the path, measured one after another."""
    merge, prompt, probe = edit_of(values), values["prompt"], values["probe"].strip()
    first, second = values["text_base"], values["text_models"]
    of = {"walk-text-base": first, "walk-text-models": second, "walk-probe": values["probe"]}
    mark = belongs(of | ({"walk-prompt": prompt} if probe else {}))
    points: list[dict[str, Any]] = []
    start = build(below(values), work)
    for point in walk(start, merge, texts_for(merge, first, second), (prompt, probe) if probe else None, work):
        points.append(_plain(point))
        yield merge_html.walked(points, values["language"]) + mark, points


def _plain(point: WalkPoint) -> dict[str, Any]:
    """A point as the page keeps it between events."""
    return asdict(point) | {"edit": point.edit.model_dump()}
