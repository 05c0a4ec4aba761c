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
from playground.engine.work import Work
from playground.ui.merge import view as merge_html
from playground.ui.merge.form import MergePanel, below, edit_of
from playground.ui.parts.html import note
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import shown
from playground.ui.shell.run import Run
from playground.ui.text import label, say


def build_picture(saved: gr.BrowserState, language: gr.Textbox, panel: MergePanel) -> gr.Dropdown:
    """Lay out the panel and wire it; gives the menu of tensors."""
    with gr.Accordion(label("picture_heading"), open=False):
        gr.Markdown(label("picture_intro"))
        tensor = gr.Dropdown([], label=label("picture_tensor"), elem_id="picture-tensor")
        with gr.Row():
            draw = gr.Button(label("picture_draw"), elem_id="picture-draw", min_width=120)
            alike = gr.Button(label("picture_alike"), elem_id="picture-alike", min_width=120)
        told = gr.HTML(elem_id="picture-told")
        drawn = gr.HTML(elem_id="picture")
        map_ = gr.HTML(elem_id="likeness")
    form = Form(saved=saved, language=language, **panel.form)
    on_tensor = Form(**form, tensor=tensor)
    Run(name="draw", handler=draw_tensor, form=on_tensor, outputs=[drawn], told=told).on(draw.click)
    Run(name="alike", handler=draw_likeness, form=form, outputs=[map_], told=told).on(alike.click)
    return tensor


@shown
def list_tensors(saved: Any, language: str, chosen: str | None) -> Any:
    """The matrices inside the layers of the visitor's model."""
    fork = Fork(load(spaces.workspace_from_json(saved).stack.model))
    names = [matrix.name for matrix in matrices(fork) if matrix.layer is not None]
    value = chosen if chosen in names else next(iter(names), None)
    return gr.update(choices=names, value=value)


def drawable(values: Values) -> Merge:
    """The form's merge.

    :raises MergeError: it does not go tensor by tensor.
    """
    merge = edit_of(values)
    if METHODS[merge.method].whole:
        raise MergeError(
            "{method} does not go tensor by tensor, so there is nothing to draw. Choose a method that does.",
            method=merge.method,
        )
    return merge


def draw_tensor(values: Values, work: Work) -> str:
    """Histograms of the models' changes of one tensor, and of what is kept of them."""
    merge, tensor = drawable(values), values["tensor"]
    if not tensor:
        raise MergeError("No tensor is chosen. Choose one to draw.")
    with ExitStack() as stack:
        base, parents = merge.opened(build(below(values), work).fork, stack, work)
        return merge_html.picture_html(picture(base, parents, merge, tensor), values["language"])


def draw_likeness(values: Values, work: Work) -> str:
    """Cosines between the changes of the first two models, matrix by matrix."""
    merge, language = drawable(values), values["language"]
    if len(merge.models) < 2:
        raise MergeError("Likeness is between two models. Choose two.")
    with ExitStack() as stack:
        base, parents = merge.opened(build(below(values), work).fork, stack, work)
        cells = likeness(base, parents[0], parents[1], work)
    return merge_html.likeness_html(cells, language) + note(say(language, "likeness_line"))
