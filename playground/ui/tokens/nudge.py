"""The controls of a nudge, and the edit that they stand for."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from playground.engine.edit import Edit
from playground.engine.nudging.edit import DIRECTIONS, NEEDS_TARGET
from playground.engine.recipe import parse_edit
from playground.ui.shell.form import Form, Values
from playground.ui.text import label


@dataclass(frozen=True)
class NudgePanel:
    """The controls of a nudge."""

    form: Form  # what makes up the edit, by the names of its fields
    advice: gr.HTML
    button: gr.Button


def build_nudge() -> NudgePanel:
    """Lay the controls out."""
    gr.Markdown(label("nudge_heading"))
    text = gr.Textbox(" Paris", label=label("nudge_text"), elem_id="nudge-text")
    direction = gr.Radio(
        [(label(f"direction_{name}"), name) for name in DIRECTIONS],
        value="toward",
        label=label("nudge_direction"),
        elem_id="nudge-direction",
    )
    target = gr.Textbox(" Rome", label=label("nudge_target"), info=label("nudge_target_info"), elem_id="nudge-target")
    strength = gr.Slider(
        0, 2, 0.8, step=0.05, label=label("nudge_strength"), info=label("nudge_strength_info"), elem_id="nudge-strength"
    )
    with gr.Accordion(label("more"), open=False):
        side = gr.Radio(
            [(label(f"side_{name}"), name) for name in ("both", "input", "output")],
            value="both",
            label=label("nudge_side"),
            info=label("nudge_side_info"),
            elem_id="nudge-side",
        )
        seed = gr.Number(0, label=label("seed"), precision=0, minimum=0, elem_id="nudge-seed")
    advice = gr.HTML(elem_id="nudge-advice")
    button = gr.Button(label("nudge"), variant="primary", elem_id="nudge")
    form = Form(text=text, direction=direction, target=target, strength=strength, side=side, seed=seed)
    return NudgePanel(form, advice, button)


def edit_of(values: Values) -> Edit:
    """The nudge that the controls stand for.

    :raises PlaygroundError: one holds what cannot be used.
    """
    fields = {name: values[name] for name in ("text", "direction", "side")}
    target = values["target"] if values["direction"] in NEEDS_TARGET else ""
    strength, seed = round(float(values["strength"]), 4), int(values["seed"] or 0)
    return parse_edit({"kind": "nudge_tokens", **fields, "target": target, "strength": strength, "seed": seed})
