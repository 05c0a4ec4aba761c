"""Measuring on the Weights tab: the recipe against its base, sweeps, and where the damage is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.engine.build import NotBuiltError, build, build_quickly
from playground.engine.measuring import measure as measuring
from playground.engine.measuring import sweep as sweeping
from playground.engine.measuring.sweep import ScanPoint, SweepPoint
from playground.engine.work import Stopped
from playground.ui.parts.building import keep_instead, take_point
from playground.ui.parts.html import note
from playground.ui.shell.page import (
    AT_ONCE,
    CLICKS,
    MODEL,
    PROGRESS,
    TOLD,
    VIEW,
    begins,
    session_of,
    shown,
    stops,
    work_for,
)
from playground.ui.shell.stale import belongs
from playground.ui.text import label, say, tell
from playground.ui.weights import view as weights_html
from playground.ui.weights.form import edit_from


@dataclass(frozen=True)
class MeasurePanel:
    """What the tab wires to the recipe."""

    text: gr.Textbox
    view_inputs: list[Any]
    view: gr.HTML


def build_panel(saved: gr.BrowserState, language: gr.Textbox, fields: list[Any]) -> MeasurePanel:
    """Lay out the panel and wire it.

    :param fields: of the edit panel, for sweeps and scans of the edit that it holds.
    """
    gr.Markdown(label("measure_intro"))
    with gr.Accordion(label("measure_text_title"), open=False):
        text = gr.Textbox(
            "",
            lines=4,
            max_lines=12,
            max_length=measuring.MAX_TEXT,
            label=label("measure_text"),
            placeholder=label("measure_text_empty"),
            elem_id="measure-text",
        )
    with gr.Row():
        go = gr.Button(label("measure"), variant="primary", elem_id="measure", min_width=120)
        sweep = gr.Button(label("sweep"), elem_id="sweep", min_width=120)
        scan = gr.Button(label("scan"), elem_id="scan", min_width=120)
        stop = gr.Button(label("stop"), elem_id="stop-measuring", min_width=90)
    status = gr.HTML(elem_id="measuring")  # where progress is shown, so that results stay legible
    stale = gr.HTML(elem_id="measured-stale")
    table = gr.HTML(label("measure_empty"), elem_id="measured")
    points = gr.State([])
    swept = gr.HTML(js_on_load=CLICKS, elem_id="swept")
    taken = gr.HTML(elem_id="taken")
    scanned = gr.HTML(elem_id="scanned")
    gr.Markdown(label("view_heading"))
    by = gr.Radio(
        [(label(f"view_by_{name}"), name) for name in ("change", "zeros")],
        value="change",
        show_label=False,
        elem_id="view-by",
    )
    view = gr.HTML(label("view_empty"), elem_id="layer-view")

    turns = {name: gr.State(0) for name in ("measure", "sweep", "scan")}

    def runs(press: Any, name: str, handler: Any, more: list[Any], outputs: Any) -> None:
        """Take a turn, then do the work in the line for models."""
        turn = turns[name]
        press(begins(name), None, turn, trigger_mode="multiple", **AT_ONCE).then(
            handler, [saved, language, text, turn, *more], outputs, show_progress_on=status, **MODEL
        )

    runs(go.click, "measure", run_measure, [], [table, stale])
    runs(sweep.click, "sweep", run_sweep, fields, [swept, points])
    runs(scan.click, "scan", run_scan, fields, scanned)
    place, ready = gr.State(-1), gr.State(None)  # the point pressed, its edit once it is built
    turn = turns["sweep"]  # a point that was taken is what the sweep was for
    swept.click(press_point, None, [turn, place], trigger_mode="multiple", **AT_ONCE).then(
        take_point, [saved, language, points, place, turn], [ready, taken], show_progress_on=status, **MODEL
    ).success(keep_instead, [saved, language, ready], saved, **TOLD)
    stop.click(stops(*turns), **AT_ONCE)
    by.input(show_view, [saved, language, by], view, **VIEW)
    saved.change(
        lambda spoken, shown: note(say(spoken, "measure_stale")) if "<table" in shown else "",
        [language, table],
        stale,
        **AT_ONCE,
    )
    saved.change(show_view, [saved, language, by], view, **VIEW)
    return MeasurePanel(text, [saved, language, by], view)


@shown
def run_measure(
    saved: Any, language: str, text: str, turn: int, request: gr.Request, progress: Any = PROGRESS
) -> tuple[Any, str]:
    """The recipe against its base."""
    space = spaces.from_json(saved)
    work = work_for(session_of(request), turn, progress, language)
    try:
        base, mine = build(space.base()), build(space.recipe(), work)
        found = measuring.measure(base.fork, mine.fork, text.strip(), work)
    except Stopped as stop:
        return gr.skip(), note(tell(language, stop.message))
    return weights_html.measured(found, language) + belongs({"measure-text": text}), ""


@shown
def run_sweep(
    saved: Any, language: str, text: str, turn: int, request: gr.Request, progress: Any = PROGRESS, *fields: Any
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Try the panel's edit over its range, on top of the recipe (less a last edit of its kind)."""
    work = work_for(session_of(request), turn, progress, language)
    edit = edit_from(*fields)
    points: list[dict[str, Any]] = []
    try:
        built = build(spaces.from_json(saved).without(edit.kind).recipe(), work)
        for point in sweeping.sweep(built, edit, text.strip(), work):
            points.append(_plain(point))
            yield weights_html.sweep(points, language) + belongs({"measure-text": text}), points
    except Stopped:
        yield weights_html.sweep(points, language) + note(say(language, "sweep_stopped")), points


def _plain(point: SweepPoint) -> dict[str, Any]:
    """A point as the page keeps it between events: numbers, and the edit as JSON."""
    return {
        "edit": point.edit.model_dump(),
        "value": point.value,
        "perplexity": point.text.perplexity,
        **asdict(point.sizes),
        "zeros": point.sizes.zeros / max(1, point.sizes.weights),
    }


def press_point(event: gr.EventData, request: gr.Request) -> tuple[int, int]:
    """A point of the sweep was pressed: the visitor's turn, and which point."""
    return begins("sweep")(request), int(event.place)


@shown
def run_scan(
    saved: Any, language: str, text: str, turn: int, request: gr.Request, progress: Any = PROGRESS, *fields: Any
) -> Iterator[str]:
    """Apply the panel's edit to one layer at a time."""
    work = work_for(session_of(request), turn, progress, language)
    edit = edit_from(*fields)
    points: list[ScanPoint] = []
    try:
        built = build(spaces.from_json(saved).without(edit.kind).recipe(), work)
        for point in sweeping.scan(built, edit, text.strip(), work):
            points.append(point)
            yield weights_html.scan(points, language) + belongs({"measure-text": text})
    except Stopped:
        yield weights_html.scan(points, language) + note(say(language, "sweep_stopped"))


@shown
def show_view(saved: Any, language: str, by: sweeping.By) -> str:
    """Layer by layer, what the recipe changed or emptied."""
    space = spaces.from_json(saved)
    try:
        mine = build_quickly(space.recipe())
    except NotBuiltError:
        return note(say(language, "step_building"))
    cells = sweeping.layer_view(build(space.base()).fork, mine.fork, by)
    return weights_html.layer_view(cells, by, language)
