"""The Merge tab: mix models of one shape, and walk along the path between them."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.engine.merging.edit import Merge
from playground.ui.merge import files as merge_files_panel
from playground.ui.merge import form as merge_panel
from playground.ui.merge import picture as merge_picture_panel
from playground.ui.merge import walk as walk_panel
from playground.ui.merge.form import merge_from
from playground.ui.parts.building import built_or_stopped, keep_instead
from playground.ui.shell.page import (
    AT_ONCE,
    LOOK,
    MODEL,
    PROGRESS,
    TOLD,
    begins,
    clears,
    session_of,
    shown,
    stops,
    work_for,
)
from playground.ui.shell.state import kept
from playground.ui.shell.tab import Tab, Visit, Wired
from playground.ui.text import label


def build_tab(visit: Visit, page: gr.Tab) -> Wired:
    """Lay out the tab and wire it."""
    saved, mine, language = visit.saved, visit.adapters, visit.language
    uploaded = kept("checkpoints", [])
    turn, ready = gr.State(0), gr.State(None)
    gr.Markdown(label("merge_intro"))
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=320):
            panel = merge_panel.build_panel(language)
            with gr.Row():
                go = gr.Button(label("merge"), variant="primary", elem_id="merge", min_width=140)
                stop = gr.Button(label("stop"), elem_id="merge-stop", min_width=90)
            done = gr.HTML(elem_id="merged")
            with gr.Accordion(label("merge_needs_heading"), open=False):
                gr.Markdown(label("merge_needs"))
        with gr.Column(scale=1, min_width=320):
            walking = walk_panel.build_panel(saved, language, panel)
    tensor = merge_picture_panel.build_panel(saved, language, panel)
    text, uploading = merge_files_panel.build_panel(saved, uploaded, language, panel)

    clears(go.click, parts=[done])
    go.click(begins("merge"), None, turn, trigger_mode="multiple", **AT_ONCE).then(
        run_merge, [saved, language, turn, *panel.fields], [ready, done], **MODEL
    ).success(keep_instead, [saved, language, ready], saved, **TOLD)
    # of what else this tab does, too, that has no stop button of its own
    stop.click(stops("merge", "draw", "alike", "yaml", "checkpoint"), **AT_ONCE)
    listed = [saved, mine, uploaded, language, panel.models, panel.method]
    models = [panel.models, *panel.shown]
    uploading.then(merge_panel.list_models, listed, models, **LOOK)
    named = {field.elem_id for field in panel.later.values()}
    fields = (f for f in panel.fields if not isinstance(f, gr.File) and f.elem_id not in named)
    typed = {"mergekit": text, **walking.typed}
    typed |= {f"merge{place}": field for place, field in enumerate(fields)}
    typed |= {f"merge_{name}": field for name, field in panel.later.items()}
    opened = page.select(merge_panel.list_models, listed, models, **LOOK)
    opened.then(merge_picture_panel.list_tensors, [saved, language, tensor], tensor, **LOOK)
    return Wired(typed=typed)


@shown
def run_merge(
    saved: Any, language: str, turn: int, request: gr.Request, progress: Any = PROGRESS, *fields: Any
) -> tuple[Any, str]:
    """Build the recipe with the merge on it, in the place of a merge that is its last step."""
    space = spaces.from_json(saved)
    merge = merge_from(space.without(Merge.KIND), *fields)
    work = work_for(session_of(request), turn, progress, language)
    return built_or_stopped(space.instead(merge.model_dump()), work, language)


TAB = Tab("merge", build_tab)
