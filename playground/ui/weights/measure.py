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
from playground.engine.work import Work
from playground.ui.parts.building import keep_instead, place_of, take_point
from playground.ui.parts.html import note
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import AT_ONCE, CLICKS, VIEW, shown
from playground.ui.shell.run import Run
from playground.ui.shell.stale import belongs
from playground.ui.shell.turns import stops
from playground.ui.text import label, say
from playground.ui.weights import view as weights_html
from playground.ui.weights.edit import edit_of


@dataclass(frozen=True)
class MeasurePanel:
    """What the tab wires to the recipe."""

    text: gr.Textbox
    view_inputs: list[Any]
    view: gr.HTML


def build_measure(saved: gr.BrowserState, language: gr.Textbox, edit: Form) -> MeasurePanel:
    """Lay out the panel and wire it.

    :param edit: the edit panel's controls, for sweeps and scans of the edit that they stand for.
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

    on_text = Form(saved=saved, language=language, reading=text)
    with_edit = Form(**on_text, **edit)
    Run(name="measure", handler=run_measure, form=on_text, outputs=[table], told=stale, status=status).on(go.click)
    Run(
        name="sweep",
        handler=run_sweep,
        form=with_edit,
        outputs=[swept, points],
        told=swept,
        status=status,
        words="sweep_stopped",
    ).on(sweep.click)
    Run(
        name="scan",
        handler=run_scan,
        form=with_edit,
        outputs=[scanned],
        told=scanned,
        status=status,
        words="sweep_stopped",
    ).on(scan.click)
    Run(
        name="sweep_point",
        handler=take_point,
        form=Form(saved=saved, language=language, points=points),
        told=taken,
        activity="sweep",  # a point that was taken is what the sweep was for
        status=status,
        picks=place_of,
        keep=keep_instead,
    ).on(swept.click)
    stop.click(stops("measure", "sweep", "scan"), **AT_ONCE)
    by.input(show_view, [saved, language, by], view, **VIEW)
    saved.change(
        lambda spoken, shown: note(say(spoken, "measure_stale")) if "<table" in shown else "",
        [language, table],
        stale,
        **AT_ONCE,
    )
    saved.change(show_view, [saved, language, by], view, **VIEW)
    return MeasurePanel(text, [saved, language, by], view)


def run_measure(values: Values, work: Work) -> str:
    """The recipe against its base."""
    space, text = spaces.workspace_from_json(values["saved"]), values["reading"]
    base, mine = build(space.base()), build(space.recipe(), work)
    figures = measuring.measure(base.fork, mine.fork, text.strip(), work)
    return weights_html.measured_html(figures, values["language"]) + belongs({"measure-text": text})


def run_sweep(values: Values, work: Work) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Try the panel's edit over its range, on top of the recipe (less a last edit of its kind)."""
    edit, text = edit_of(values), values["reading"]
    points: list[dict[str, Any]] = []
    start = build(spaces.workspace_from_json(values["saved"]).without(edit.kind).recipe(), work)
    for point in sweeping.sweep(start, edit, text.strip(), work):
        points.append(_plain(point))
        yield weights_html.sweep_chart(points, values["language"]) + belongs({"measure-text": text}), points


def _plain(point: SweepPoint) -> dict[str, Any]:
    """A point as the page keeps it between events: numbers, and the edit as JSON."""
    return {
        "edit": point.edit.model_dump(),
        "value": point.value,
        "perplexity": point.text.perplexity,
        **asdict(point.sizes),
        "zeros": point.sizes.zeros / max(1, point.sizes.weights),
    }


def run_scan(values: Values, work: Work) -> Iterator[str]:
    """Apply the panel's edit to one layer at a time."""
    edit, text = edit_of(values), values["reading"]
    points: list[ScanPoint] = []
    start = build(spaces.workspace_from_json(values["saved"]).without(edit.kind).recipe(), work)
    for point in sweeping.scan(start, edit, text.strip(), work):
        points.append(point)
        yield weights_html.scan_chart(points, values["language"]) + belongs({"measure-text": text})


@shown
def show_view(saved: Any, language: str, by: sweeping.By) -> str:
    """Layer by layer, what the recipe changed or emptied."""
    space = spaces.workspace_from_json(saved)
    try:
        mine = build_quickly(space.recipe())
    except NotBuiltError:
        return note(say(language, "step_building"))
    cells = sweeping.layer_view(build(space.base()).fork, mine.fork, by)
    return weights_html.layer_view_html(cells, by, language)
