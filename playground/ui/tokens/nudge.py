"""The controls of a nudge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.engine.nudging.edit import DIRECTIONS
from playground.ui.text import label


@dataclass(frozen=True)
class NudgePanel:
    """The controls of a nudge."""

    text: gr.Textbox
    direction: gr.Radio
    target: gr.Textbox
    strength: gr.Slider
    side: gr.Radio
    seed: gr.Number
    advice: gr.HTML
    button: gr.Button

    @property
    def fields(self) -> list[Any]:
        """What makes up the edit, in the order in which handlers take it."""
        return [self.text, self.direction, self.target, self.strength, self.side, self.seed]


def build_panel() -> NudgePanel:
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
    return NudgePanel(text, direction, target, strength, side, seed, advice, button)
