"""The memory calculator: what a model of any size takes to run and to train."""

from __future__ import annotations

from typing import Any, get_args

import gradio as gr

from playground import workspace as spaces
from playground.engine.measuring import calculator
from playground.engine.measuring.calculator import Dtype, Optimizer, Shape, Tuning
from playground.engine.models.loader import load
from playground.errors import PlaygroundError
from playground.ui.adapters import view as adapters_html
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import LOOK, TOLD, follows, shown
from playground.ui.text import label

# A 7-billion model's shape, which most people have heard of.
FIRST = Shape(parameters=7e9, layers=32, width=4096, key_width=4096, inner=11_008)


def build_calculator(saved: gr.BrowserState, language: gr.Textbox) -> None:
    """Lay out the panel, folded away, and wire it."""
    with gr.Accordion(label("calculator_heading"), open=False) as panel:
        gr.Markdown(label("calculator_intro"))
        with gr.Row():
            billions = gr.Number(
                FIRST.parameters / 1e9,
                minimum=0,
                label=label("calculator_billions"),
                elem_id="calculator-billions",
                min_width=140,
            )
            tuning = gr.Dropdown(
                [(label(f"tuning_{name}"), name) for name in get_args(Tuning)],
                value="lora",
                label=label("calculator_tuning"),
                elem_id="calculator-tuning",
                min_width=140,
            )
            dtype = gr.Dropdown(
                [(label(f"dtype_{name}"), name) for name in get_args(Dtype)],
                value="16 bits",
                label=label("calculator_dtype"),
                elem_id="calculator-dtype",
                min_width=140,
            )
            optimizer = gr.Dropdown(
                [(label(f"optimizer_{name}"), name) for name in get_args(Optimizer)],
                value="adam",
                label=label("calculator_optimizer"),
                elem_id="calculator-optimizer",
                min_width=140,
            )
        with gr.Row():
            tokens = gr.Slider(
                128, 32_768, 1_024, step=128, label=label("calculator_tokens"), elem_id="calculator-tokens"
            )
            batch = gr.Slider(1, 64, 1, step=1, label=label("train_batch"), elem_id="calculator-batch")
        with gr.Accordion(label("more"), open=False):
            rank = gr.Slider(1, 256, 8, step=1, label=label("train_rank"), elem_id="calculator-rank")
            matrices = gr.Slider(1, 7, 2, step=1, label=label("calculator_matrices"), elem_id="calculator-matrices")
            layers = gr.Number(
                FIRST.layers, precision=0, minimum=1, label=label("calculator_layers"), elem_id="calculator-layers"
            )
            width = gr.Number(
                FIRST.width, precision=0, minimum=1, label=label("calculator_width"), elem_id="calculator-width"
            )
            keys = gr.Number(
                FIRST.key_width, precision=0, minimum=1, label=label("calculator_keys"), elem_id="calculator-keys"
            )
            inner = gr.Number(
                FIRST.inner, precision=0, minimum=1, label=label("calculator_inner"), elem_id="calculator-inner"
            )
            saving = gr.Checkbox(False, label=label("train_checkpointing"), elem_id="calculator-checkpointing")
            config = gr.Textbox(
                "",
                lines=3,
                max_lines=8,
                max_length=calculator.MAX_CONFIG,
                label=label("calculator_config"),
                elem_id="calculator-config",
            )
            with gr.Row():
                read = gr.Button(label("calculator_read"), size="sm", elem_id="calculator-read")
                own = gr.Button(label("calculator_own"), size="sm", elem_id="calculator-own")
        result = gr.HTML(elem_id="calculated")
    shape = {"billions": billions, "layers": layers, "width": width, "keys": keys, "inner": inner}
    form = Form(
        language=language,
        **shape,
        tuning=tuning,
        dtype=dtype,
        optimizer=optimizer,
        tokens=tokens,
        batch=batch,
        rank=rank,
        matrices=matrices,
        checkpointing=saving,
    )
    follows([*form.values()][1:], form.reads(calculate), form.inputs, result, **TOLD)
    form.on(panel.expand, calculate, result, **TOLD)
    read.click(shape_from_config, [language, config], [*shape.values()], **LOOK)
    own.click(shape_of_mine, [saved, language], [*shape.values()], **LOOK)


@shown
def calculate(values: Values) -> str:
    """Both tables, and which machines they fit."""
    sizes = [float(values[name] or 0) for name in ("billions", "layers", "width", "keys", "inner")]
    if not all(0 < size < 1e7 for size in sizes):
        raise PlaygroundError("A size is missing or not above 0. Give every figure of the model.")
    layers, width, keys, inner = (int(size) for size in sizes[1:])
    shape = Shape(parameters=sizes[0] * 1e9, layers=layers, width=width, key_width=keys, inner=inner)
    dtype, tokens, batch = values["dtype"], int(values["tokens"]), int(values["batch"])
    run = calculator.inference(shape, dtype, tokens, batch)
    train = calculator.training(
        shape,
        dtype,
        values["tuning"],
        int(values["rank"]),
        int(values["matrices"]),
        values["optimizer"],
        tokens,
        batch,
        values["checkpointing"],
    )
    return adapters_html.calculated(run, train, values["language"])


def _fields(shape: Shape) -> list[float]:
    return [shape.parameters / 1e9, shape.layers, shape.width, shape.key_width, shape.inner]


@shown
def shape_from_config(language: str, text: str) -> list[float]:
    """A model's figures from its config.json."""
    return _fields(calculator.read_config(text))


@shown
def shape_of_mine(saved: Any, language: str) -> list[float]:
    """The figures of the visitor's model."""
    return _fields(calculator.shape_of(load(spaces.workspace_from_json(saved).stack.model).model))
