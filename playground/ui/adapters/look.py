"""Looking into an adapter: what it is, its thin matrices, what keeping it apart costs."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.engine.adapters import Adapter, lora, store
from playground.engine.adapters.costs import weigh
from playground.engine.adapters.summary import look_at, spectrum
from playground.engine.fork import Fork
from playground.engine.models.loader import load
from playground.engine.work import Work
from playground.errors import PlaygroundError
from playground.ui.adapters import view as adapters_html
from playground.ui.parts.html import note
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import LOOK, shown
from playground.ui.shell.run import Run
from playground.ui.text import label, say, tell


def build_look(saved: gr.BrowserState, language: gr.Textbox, source: gr.Dropdown) -> list[Any]:
    """Lay out the panel and wire it.

    :param source: the menu of adapters.
    :return: what ``describe`` fills.
    """
    gr.Markdown(label("look_heading"))
    seen = gr.HTML(label("look_empty"), elem_id="adapter-look")
    matrix = gr.Dropdown([], label=label("thin_matrix"), visible=False, elem_id="thin")
    thin = gr.HTML(elem_id="thin-drawn")
    weigh_both = gr.Button(label("costs"), size="sm", elem_id="costs")
    told = gr.HTML(elem_id="costs-told")
    paid = gr.HTML(elem_id="costs-table")
    matrix.select(show_thin, [saved, language, source, matrix], thin, **LOOK)
    form = Form(saved=saved, language=language, source=source)
    Run(name="costs", handler=weigh_ways, form=form, outputs=[paid], told=told).on(weigh_both.click)
    return [seen, matrix, thin, paid]


def loaded(saved: Any, source: str | None) -> tuple[Adapter, Fork]:
    """The chosen adapter, and the visitor's base model."""
    if not source:
        raise PlaygroundError("No adapter is chosen. Choose one, or upload or train one first.")
    base = Fork(load(spaces.workspace_from_json(saved).stack.model))
    return store.load_adapter(source, base), base


def describe(saved: Any, language: str, source: str | None) -> list[Any]:
    """What there is to see of an adapter, in the order of ``build_look``'s parts."""
    hidden = gr.update(choices=[], value=None, visible=False)
    if not source:
        return [note(say(language, "look_empty")), hidden, "", ""]
    try:
        adapter, base = loaded(saved, source)
    except PlaygroundError as error:
        return [note(tell(language, error.message), "warn"), hidden, "", ""]
    paths = [pair.path for pair in lora.pairs(adapter)] if adapter.kind == "lora" else []
    first = paths[0] if paths else None
    drawn = adapters_html.thin(spectrum(adapter, first), language) if first else ""
    menus = gr.update(choices=paths, value=first, visible=bool(paths))
    return [adapters_html.look_html(look_at(adapter, base), language), menus, drawn, ""]


@shown
def show_thin(saved: Any, language: str, source: str, path: str) -> str:
    """One pair of thin matrices."""
    adapter, _ = loaded(saved, source)
    return adapters_html.thin(spectrum(adapter, path), language)


def weigh_ways(values: Values, work: Work) -> str:
    """Kept apart against folded, measured."""
    adapter, base = loaded(values["saved"], values["source"])
    return adapters_html.costs(weigh(base, adapter, work), values["language"])
