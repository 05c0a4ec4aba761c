"""The Weights tab: thin or coarsen the weights, and measure what it cost."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.engine.work import Work
from playground.ui.parts.building import built, keep_edit
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import AT_ONCE, LOOK, VIEW
from playground.ui.shell.run import Run
from playground.ui.shell.tab import Listener, Tab, Visit, Wired
from playground.ui.shell.turns import stops
from playground.ui.text import label
from playground.ui.weights import form as edit_panel
from playground.ui.weights import hear as hear_panel
from playground.ui.weights import measure as measure_panel
from playground.ui.weights import number_line as number_line_panel
from playground.ui.weights.edit import edit_of


def build_tab(visit: Visit, page: gr.Tab) -> Wired:
    """Lay out the tab and wire it."""
    saved, language = visit.saved, visit.language
    gr.Markdown(label("weights_intro"))
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=320):
            gr.Markdown(label("edit_heading"))
            panel = edit_panel.build_weights_form(visit.own)
            with gr.Row():
                go = gr.Button(label("apply"), variant="primary", elem_id="apply", min_width=140)
                stop = gr.Button(label("stop"), elem_id="stop-applying", min_width=90)
            done = gr.HTML(elem_id="applied")
            gr.Markdown(label("zeros_truth"), elem_id="zeros-truth")
        with gr.Column(scale=1, min_width=320):
            line = number_line_panel.build_number_line(saved, language)
    measuring = measure_panel.build_measure(saved, language, panel.form)

    hear_panel.build_hear(visit, panel)

    Run(
        name="apply",
        handler=apply_edit,
        form=Form(saved=saved, language=language, **panel.form),
        told=done,
        keep=keep_edit,
    ).on(go.click)
    stop.click(stops("apply", "hear"), **AT_ONCE)
    opened = page.select(edit_panel.target_choices, [saved, language], panel.targets, **LOOK)
    line.form.on(opened.then, number_line_panel.open_number_line, line.outputs, **LOOK)
    opened.then(measure_panel.show_view, measuring.view_inputs, measuring.view, **VIEW)

    def shows(event: Listener) -> None:
        event(measure_panel.show_view, measuring.view_inputs, measuring.view, **VIEW)

    return Wired(typed={"measure": measuring.text}, on_built=shows)


def apply_edit(values: Values, work: Work) -> tuple[Any, str]:
    """Build the recipe with the panel's edit on top."""
    space = spaces.workspace_from_json(values["saved"]).add(edit_of(values))
    return built(space, work, values["language"])


TAB = Tab("weights", build_tab)
