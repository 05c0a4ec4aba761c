"""The number line of the Weights tab: what rounding to a few levels means; and the formats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.engine.build import build, build_quickly
from playground.engine.fork import Fork
from playground.engine.fork.structure import matrices
from playground.engine.measuring import formats
from playground.engine.measuring.sizes import sizes
from playground.engine.quantizing.grids import SCHEMES
from playground.errors import PlaygroundError
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import LAST, LOOK, shown
from playground.ui.text import label
from playground.ui.weights import view as weights_html
from playground.ui.weights.form import GROUP_SIZES

INTEGERS = "integers"  # even steps, as many as the slider's bits give
LINE_SCHEMES = (INTEGERS, *(name for name in SCHEMES if not name.startswith(("int", "binary"))))


@dataclass(frozen=True)
class NumberLinePanel:
    """What the tab wires to the recipe."""

    form: Form
    outputs: list[Any]


def build_number_line(saved: gr.BrowserState, language: gr.Textbox) -> NumberLinePanel:
    """Lay out the panel and wire its controls."""
    gr.Markdown(label("line_intro"))
    bits = gr.Slider(1, 8, 4, step=1, label=label("bits"), info=label("bits_info"), elem_id="bits")
    with gr.Row():
        matrix = gr.Dropdown([], label=label("matrix"), elem_id="matrix", min_width=200)
        scheme = gr.Dropdown(
            [(label(f"line_{name}"), name) for name in LINE_SCHEMES],
            value=INTEGERS,
            label=label("line_scheme"),
            elem_id="line-scheme",
            min_width=140,
        )
        group = gr.Dropdown(
            [(label(f"group_{name}"), name) for name in GROUP_SIZES],
            value="64",
            label=label("group_size"),
            elem_id="line-group",
            min_width=140,
        )
    with gr.Accordion(label("more"), open=False):
        row = gr.Number(0, label=label("line_row"), precision=0, minimum=0, elem_id="line-row")
        symmetric = gr.Checkbox(True, label=label("symmetric"), elem_id="line-symmetric")
    picture = gr.HTML(elem_id="number-line")
    with gr.Accordion(label("formats"), open=False):
        table = gr.HTML(elem_id="formats")
    form = Form(
        saved=saved,
        language=language,
        matrix=matrix,
        scheme=scheme,
        bits=bits,
        group=group,
        symmetric=symmetric,
        row=row,
    )
    for moved in (bits.input, row.submit):
        form.on(moved, draw_number_line, picture, **LAST)
    for chosen in (matrix.select, scheme.select, group.select, symmetric.input):
        form.on(chosen, draw_number_line, picture, **LOOK)
    return NumberLinePanel(form, [matrix, picture, table])


@shown
def draw_number_line(values: Values) -> str:
    """The chosen group of the recipe's weights, before and after rounding."""
    return _picture(build_quickly(spaces.workspace_from_json(values["saved"]).recipe()).fork, values)


def _inside(fork: Fork) -> list[str]:
    return [matrix.name for matrix in matrices(fork) if matrix.layer is not None]


def _picture(fork: Fork, values: Values) -> str:
    names = _inside(fork)
    if not names:
        raise PlaygroundError("No layer is left to look into: undo the edit that dropped them.")
    matrix, scheme, group = values["matrix"], values["scheme"], values["group"]
    line = formats.number_line(
        fork,
        matrix if matrix in names else names[0],
        int(values["bits"]) if scheme == INTEGERS else scheme,
        int(group) if group.isdecimal() else group,
        values["symmetric"],
        int(values["row"] or 0),
    )
    return weights_html.number_line_html(line, values["language"])


@shown
def open_number_line(values: Values) -> tuple[Any, str, str]:
    """The matrices of the visitor's model, the picture of one, and the table of formats."""
    base = build(spaces.workspace_from_json(values["saved"]).base()).fork
    names = _inside(base)
    chosen = values["matrix"] if values["matrix"] in names else names[0]
    picture = _picture(base, values | {"matrix": chosen})
    weights = sizes(base, count_zeros=False).weights
    return (gr.update(choices=names, value=chosen), picture, weights_html.formats(weights, values["language"]))
