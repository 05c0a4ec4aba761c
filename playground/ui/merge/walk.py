"""The path of a merge: one place on it tried at once, and the whole of it walked and measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import gradio as gr

from playground import workspace as spaces
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
from playground.engine.work import Stopped
from playground.ui.merge import view as merge_html
from playground.ui.merge.form import MergePanel, merge_from
from playground.ui.parts import html
from playground.ui.parts.answers_html import side_by_side
from playground.ui.parts.building import keep_instead, take_point
from playground.ui.parts.html import note
from playground.ui.shell.page import (
    AT_ONCE,
    CLICKS,
    MODEL,
    PROGRESS,
    RUNS,
    TOLD,
    begins,
    follows,
    session_of,
    shown,
    stops,
    work_for,
    working,
)
from playground.ui.shell.stale import belongs
from playground.ui.text import label, say, tell

ANSWER_TOKENS = 48
TOP = 8  # next tokens shown
EXAMPLE_TEXT = 1_500  # characters of each text that a walk reads unless told otherwise


@dataclass(frozen=True)
class WalkPanel:
    """What the page is wired to."""

    typed: dict[str, Any]  # what a reload must not lose


def build_panel(saved: gr.BrowserState, language: gr.Textbox, panel: MergePanel) -> WalkPanel:
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
    place, ready = gr.State(-1), gr.State(None)
    trying, turn = gr.State(0), gr.State(0)

    for event in (there.click, panel.t.release, prompt.submit):
        event(begins("try"), None, trying, trigger_mode="multiple", **AT_ONCE).then(
            try_there, [saved, language, prompt, trying, *panel.fields], answers, show_progress_on=status, **MODEL
        )
    # An answer to other settings would pass for theirs.
    saved.change(nothing_yet, language, answers, **AT_ONCE)
    follows(panel.fields, nothing_yet, language, answers, **AT_ONCE)
    begun = go.click(begins("walk"), None, turn, **AT_ONCE)
    walking = begun.then(
        run_walk,
        [saved, language, turn, prompt, first, second, probe, *panel.fields],
        [walked, points],
        show_progress_on=status,
        **MODEL,
    )
    working(go, begun, walking)
    walked.click(press_place, None, [turn, place], trigger_mode="multiple", **AT_ONCE).then(
        take_point, [saved, language, points, place, turn], [ready, taken], show_progress_on=status, **MODEL
    ).success(keep_instead, [saved, language, ready], saved, **TOLD)
    stop.click(stops("try", "walk"), **AT_ONCE)
    return WalkPanel({"walked": prompt, "walkBase": first, "walkModels": second, "walkProbe": probe})


def press_place(event: gr.EventData, request: gr.Request) -> tuple[int, int]:
    """A point of the walk was pressed, which is what the walk was for: a turn, and which point."""
    return begins("walk")(request), int(event.place)


def nothing_yet(language: str) -> str:
    """What stands in the place of answers."""
    return note(say(language, "walk_empty"))


@cache
def learned_text(adapter: str) -> str:
    """What a shipped adapter was trained to write, as a text that it is good at."""
    examples = ready_sets().get(adapter, ())
    return "\n".join(one.completion for one in examples)[:EXAMPLE_TEXT]


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


@shown
def try_there(
    saved: Any, language: str, prompt: str, turn: int, request: gr.Request, progress: Any = PROGRESS, *fields: Any
) -> Iterator[str]:
    """The prompt at one place on the path: next tokens and the answer, beside the recipe's own."""
    space = spaces.from_json(saved).without(Merge.KIND)
    stopped = RUNS.stopped(session_of(request), turn)
    work = work_for(session_of(request), turn, progress, language)
    merge = merge_from(space, *fields)
    try:
        before = build(space.recipe(), work)
        after = extended(before, merge, work)
    except Stopped as stop:
        yield note(tell(language, stop.message))
        return
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
    shown_bars = html.bars(rows, language, heads) + belongs({"walk-prompt": prompt})
    written = ["", ""]
    yield shown_bars
    for place, fork in enumerate((before.fork, after.fork)):
        for step, found in enumerate(answering(fork, [text], Sampling(ANSWER_TOKENS), stopped)):
            written[place] = answer_text(fork.base, found[0])
            if step % 4 == 3:
                yield side_by_side(heads, written) + shown_bars
    yield side_by_side(heads, written) + shown_bars


@shown
def run_walk(
    saved: Any,
    language: str,
    turn: int,
    prompt: str,
    first: str,
    second: str,
    probe: str,
    request: gr.Request,
    progress: Any = PROGRESS,
    *fields: Any,
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Eleven places on the path, measured one after another."""
    work = work_for(session_of(request), turn, progress, language)
    space = spaces.from_json(saved).without(Merge.KIND)
    merge = merge_from(space, *fields)
    asked = (prompt, probe.strip()) if probe.strip() else None
    of = {"walk-text-base": first, "walk-text-models": second, "walk-probe": probe}
    mark = belongs(of | ({"walk-prompt": prompt} if asked else {}))
    points: list[dict[str, Any]] = []
    try:
        built = build(space.recipe(), work)
        for point in walk(built, merge, texts_for(merge, first, second), asked, work):
            points.append(_plain(point))
            yield merge_html.walked(points, language) + mark, points
    except Stopped:
        ended = mark + note(say(language, "sweep_stopped"))
        yield merge_html.walked(points, language) + ended, points


def _plain(point: WalkPoint) -> dict[str, Any]:
    """A point as the page keeps it between events."""
    return asdict(point) | {"edit": point.edit.model_dump()}
