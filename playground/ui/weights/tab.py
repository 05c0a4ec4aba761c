"""The Weights tab: thin or coarsen the weights, and measure what it cost."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.ui.parts.building import built_or_stopped, keep_edit
from playground.ui.shell.page import (
    AT_ONCE,
    LOOK,
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
from playground.ui.shell.tab import Listener, Tab, Visit, Wired
from playground.ui.text import label
from playground.ui.weights import form as edit_panel
from playground.ui.weights import measure as measure_panel
from playground.ui.weights import number_line as number_line_panel
from playground.ui.weights.form import edit_from


def build_tab(visit: Visit, page: gr.Tab) -> Wired:
    """Lay out the tab and wire it."""
    saved, language = visit.saved, visit.language
    turn = gr.State(0)
    gr.Markdown(label("weights_intro"))
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=320):
            gr.Markdown(label("edit_heading"))
            panel = edit_panel.build_panel(visit.own)
            with gr.Row():
                go = gr.Button(label("apply"), variant="primary", elem_id="apply", min_width=140)
                stop = gr.Button(label("stop"), elem_id="stop-applying", min_width=90)
            done = gr.HTML(elem_id="applied")
            gr.Markdown(label("zeros_truth"), elem_id="zeros-truth")
        with gr.Column(scale=1, min_width=320):
            line = number_line_panel.build_panel(saved, language)
    measuring = measure_panel.build_panel(saved, language, panel.fields)

    taken = go.click(begins("apply"), None, turn, trigger_mode="multiple", **AT_ONCE)
    ready = gr.State(None)  # the edit, once it is built
    taken.then(apply_edit, [saved, language, turn, *panel.fields], [ready, done], **MODEL).success(
        keep_edit, [saved, language, ready], saved, **TOLD
    )
    stop.click(stops("apply"), **AT_ONCE)
    opened = page.select(edit_panel.target_choices, [saved, language], panel.targets, **LOOK)
    opened.then(number_line_panel.open_panel, line.inputs, line.outputs, **LOOK)
    opened.then(measure_panel.show_view, measuring.view_inputs, measuring.view, **VIEW)

    def built(event: Listener) -> None:
        event(measure_panel.show_view, measuring.view_inputs, measuring.view, **VIEW)

    return Wired(typed={"measure": measuring.text}, on_built=built)


@shown
def apply_edit(
    saved: Any, language: str, turn: int, request: gr.Request, progress: Any = PROGRESS, *fields: Any
) -> tuple[Any, str]:
    """Build the recipe with the panel's edit on top."""
    space = spaces.from_json(saved).add(edit_from(*fields).model_dump())
    work = work_for(session_of(request), turn, progress, language)
    return built_or_stopped(space, work, language)


TAB = Tab("weights", build_tab)
