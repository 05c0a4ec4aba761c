"""What a merge does to one tensor, drawn, and how alike two models' changes are."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.engine.build import build
from playground.engine.fork import Fork
from playground.engine.fork.structure import matrices
from playground.engine.merging import METHODS, MergeError
from playground.engine.merging.edit import Merge
from playground.engine.merging.picture import likeness, picture
from playground.engine.models.loader import load
from playground.engine.work import Stopped
from playground.ui.merge import view as merge_html
from playground.ui.merge.form import MergePanel, merge_from
from playground.ui.parts.html import note
from playground.ui.shell.page import AT_ONCE, MODEL, PROGRESS, begins, session_of, shown, work_for
from playground.ui.text import label, say, tell


def build_panel(saved: gr.BrowserState, language: gr.Textbox, panel: MergePanel) -> gr.Dropdown:
    """Lay out the panel and wire it; gives the menu of tensors."""
    with gr.Accordion(label("picture_heading"), open=False):
        gr.Markdown(label("picture_intro"))
        tensor = gr.Dropdown([], label=label("picture_tensor"), elem_id="picture-tensor")
        with gr.Row():
            draw = gr.Button(label("picture_draw"), elem_id="picture-draw", min_width=120)
            alike = gr.Button(label("picture_alike"), elem_id="picture-alike", min_width=120)
        drawn = gr.HTML(elem_id="picture")
        map_ = gr.HTML(elem_id="likeness")
    for button, activity, handler, inputs, output in (
        (draw, "draw", draw_tensor, [tensor], drawn),
        (alike, "alike", draw_likeness, [], map_),
    ):
        turn = gr.State(0)
        button.click(begins(activity), None, turn, trigger_mode="multiple", **AT_ONCE).then(
            handler, [saved, language, turn, *inputs, *panel.fields], output, **MODEL
        )
    return tensor


@shown
def list_tensors(saved: Any, language: str, chosen: str | None) -> Any:
    """The matrices inside the layers of the visitor's model."""
    fork = Fork(load(spaces.from_json(saved).stack.model))
    names = [matrix.name for matrix in matrices(fork) if matrix.layer is not None]
    value = chosen if chosen in names else next(iter(names), None)
    return gr.update(choices=names, value=value)


def _ready(merge: Merge, language: str) -> None:
    if METHODS[merge.method].whole:
        raise MergeError(
            "{method} does not go tensor by tensor, so there is nothing to draw. Choose a method that does.",
            method=merge.method,
        )


@shown
def draw_tensor(
    saved: Any,
    language: str,
    turn: int,
    tensor: str | None,
    request: gr.Request,
    progress: Any = PROGRESS,
    *fields: Any,
) -> str:
    """Histograms of the models' changes of one tensor, and of what is kept of them."""
    space = spaces.from_json(saved).without(Merge.KIND)
    merge = merge_from(space, *fields)
    _ready(merge, language)
    if not tensor:
        raise MergeError("No tensor is chosen. Choose one to draw.")
    work = work_for(session_of(request), turn, progress, language)
    try:
        with ExitStack() as stack:
            base, parents = merge.opened(build(space.recipe(), work).fork, stack, work)
            found = picture(base, parents, merge, tensor)
    except Stopped as stop:
        return note(tell(language, stop.message))
    return merge_html.picture(found, language)


@shown
def draw_likeness(
    saved: Any, language: str, turn: int, request: gr.Request, progress: Any = PROGRESS, *fields: Any
) -> str:
    """Cosines between the changes of the first two models, matrix by matrix."""
    space = spaces.from_json(saved).without(Merge.KIND)
    merge = merge_from(space, *fields)
    _ready(merge, language)
    if len(merge.models) < 2:
        raise MergeError("Likeness is between two models. Choose two.")
    work = work_for(session_of(request), turn, progress, language)
    try:
        with ExitStack() as stack:
            base, parents = merge.opened(build(space.recipe(), work).fork, stack, work)
            cells = likeness(base, parents[0], parents[1], work)
    except Stopped as stop:
        return note(tell(language, stop.message))
    return merge_html.likeness(cells, language) + note(say(language, "likeness_line"))
