"""The Merge tab: mix models of one shape, and walk along the path between them."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.engine.work import Work
from playground.ui.merge import files as merge_files_panel
from playground.ui.merge import form as merge_panel
from playground.ui.merge import picture as merge_picture_panel
from playground.ui.merge import walk as walk_panel
from playground.ui.merge.form import edit_of
from playground.ui.parts.building import built, keep_instead
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import AT_ONCE, LOOK, clears
from playground.ui.shell.run import Run
from playground.ui.shell.state import kept
from playground.ui.shell.tab import Tab, Visit, Wired
from playground.ui.shell.turns import stops
from playground.ui.text import label


def build_tab(visit: Visit, page: gr.Tab) -> Wired:
    """Lay out the tab and wire it."""
    saved, mine, language = visit.saved, visit.adapters, visit.language
    uploaded = kept("checkpoints", [])
    gr.Markdown(label("merge_intro"))
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=320):
            panel = merge_panel.build_merge_form(language)
            with gr.Row():
                go = gr.Button(label("merge"), variant="primary", elem_id="merge", min_width=140)
                stop = gr.Button(label("stop"), elem_id="merge-stop", min_width=90)
            done = gr.HTML(elem_id="merged")
            with gr.Accordion(label("merge_needs_heading"), open=False):
                gr.Markdown(label("merge_needs"))
        with gr.Column(scale=1, min_width=320):
            walking = walk_panel.build_walk(saved, language, panel)
    tensor = merge_picture_panel.build_picture(saved, language, panel)
    text, uploading = merge_files_panel.build_files(saved, uploaded, language, panel)

    clears(go.click, parts=[done])
    Run(
        name="merge",
        handler=run_merge,
        form=Form(saved=saved, language=language, **panel.form),
        told=done,
        keep=keep_instead,
    ).on(go.click)
    # of what else this tab does, too, that has no stop button of its own
    stop.click(stops("merge", "draw", "alike", "yaml", "checkpoint"), **AT_ONCE)
    listed = [mine, uploaded, language, panel.form["models"], panel.form["method"]]
    models = [panel.form["models"], *panel.shown]
    uploading.then(merge_panel.list_models, listed, models, **LOOK)
    fields = (f for name, f in panel.form.items() if not isinstance(f, gr.File) and name not in panel.later)
    typed = {"mergekit": text, **walking.typed}
    typed |= {f"merge{number}": field for number, field in enumerate(fields)}
    typed |= {f"merge_{name}": panel.form[name] for name in panel.later}
    opened = page.select(merge_panel.list_models, listed, models, **LOOK)
    opened.then(merge_picture_panel.list_tensors, [saved, language, tensor], tensor, **LOOK)
    return Wired(typed=typed)


def run_merge(values: Values, work: Work) -> tuple[Any, str]:
    """Build the recipe with the merge on it, in the place of a merge that is its last step."""
    space = spaces.workspace_from_json(values["saved"]).instead(edit_of(values))
    return built(space, work, values["language"])


TAB = Tab("merge", build_tab)
