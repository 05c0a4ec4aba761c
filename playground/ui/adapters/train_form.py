"""The settings of a training run: the controls, most of them folded away, and their meaning."""

from __future__ import annotations

from typing import Any, get_args

import gradio as gr

from playground.engine.fork.structure import PRESETS
from playground.engine.training.data import DataError
from playground.engine.training.methods import METHODS, Need
from playground.engine.training.settings import MAX_BATCH, MAX_LENGTH, MAX_STEPS, Schedule, TrainingSettings
from playground.ui.shell.form import Form, Values
from playground.ui.text import label

FIRST_STEPS = 60  # about a minute, which is enough to see a style change
SHOWN: tuple[str, ...] = get_args(Need)  # what ``show_training_method`` is about


def build_settings() -> Form:
    """The controls of a run's settings by their names, all but the method; most folded away."""
    plain = TrainingSettings()
    with gr.Accordion(label("train_settings"), open=False):
        rank = gr.Slider(
            1, 64, plain.rank, step=1, label=label("train_rank"), info=label("train_rank_info"), elem_id="train-rank"
        )
        targets = gr.Dropdown(
            [(label(f"target_{name}"), name) for name in PRESETS if name != "embeddings"] + [("q, v", QV)],
            value=["linear"],
            multiselect=True,
            allow_custom_value=True,
            label=label("train_targets"),
            info=label("train_targets_info"),
            elem_id="train-targets",
        )
        layers = gr.Slider(
            1, 30, plain.layers, step=1, label=label("train_layers"), visible=False, elem_id="train-layers"
        )
        virtual = gr.Slider(
            1,
            64,
            plain.virtual_tokens,
            step=1,
            label=label("train_virtual"),
            info=label("train_virtual_info"),
            visible=False,
            elem_id="train-virtual",
        )
        rate = gr.Number(plain.rate, label=label("train_rate"), info=label("train_rate_info"), elem_id="train-rate")
        epochs = gr.Slider(
            1,
            40,
            plain.epochs,
            step=1,
            label=label("train_epochs"),
            info=label("train_epochs_info"),
            elem_id="train-epochs",
        )
        steps = gr.Slider(
            0,
            MAX_STEPS,
            FIRST_STEPS,
            step=10,
            label=label("train_steps"),
            info=label("train_steps_info"),
            elem_id="train-steps",
        )
        batch = gr.Slider(
            1,
            MAX_BATCH,
            plain.batch,
            step=1,
            label=label("train_batch"),
            info=label("train_batch_info"),
            elem_id="train-batch",
        )
        with gr.Accordion(label("more"), open=False):
            alpha = gr.Slider(
                1,
                128,
                plain.alpha,
                step=1,
                label=label("train_alpha"),
                info=label("train_alpha_info"),
                elem_id="train-alpha",
            )
            dropout = gr.Slider(
                0,
                0.5,
                plain.dropout,
                step=0.05,
                label=label("train_dropout"),
                info=label("train_dropout_info"),
                elem_id="train-dropout",
            )
            warmup = gr.Slider(
                0,
                0.5,
                plain.warmup,
                step=0.05,
                label=label("train_warmup"),
                info=label("train_warmup_info"),
                elem_id="train-warmup",
            )
            schedule = gr.Dropdown(
                [(label(f"schedule_{name}"), name) for name in get_args(Schedule)],
                value=plain.schedule,
                label=label("train_schedule"),
                elem_id="train-schedule",
            )
            decay = gr.Slider(
                0,
                0.2,
                plain.weight_decay,
                step=0.01,
                label=label("train_decay"),
                info=label("train_decay_info"),
                elem_id="train-decay",
            )
            accumulate = gr.Slider(
                1,
                16,
                plain.accumulate,
                step=1,
                label=label("train_accumulate"),
                info=label("train_accumulate_info"),
                elem_id="train-accumulate",
            )
            length = gr.Slider(
                16,
                MAX_LENGTH,
                plain.length,
                step=16,
                label=label("train_length"),
                info=label("train_length_info"),
                elem_id="train-length",
            )
            weight = gr.Slider(
                0,
                1,
                plain.prompt_weight,
                step=0.1,
                label=label("train_prompt_weight"),
                info=label("train_prompt_weight_info"),
                elem_id="train-prompt-weight",
            )
            held = gr.Slider(
                0,
                0.5,
                plain.held_share,
                step=0.05,
                label=label("train_held"),
                info=label("train_held_info"),
                elem_id="train-held",
            )
            patience = gr.Slider(
                0,
                10,
                plain.patience,
                step=1,
                label=label("train_patience"),
                info=label("train_patience_info"),
                elem_id="train-patience",
            )
            saving = gr.Checkbox(
                plain.checkpointing,
                label=label("train_checkpointing"),
                info=label("train_checkpointing_info"),
                elem_id="train-checkpointing",
            )
            seed = gr.Number(0, label=label("seed"), precision=0, minimum=0, elem_id="train-seed")
    return Form(
        rank=rank,
        targets=targets,
        layers=layers,
        virtual_tokens=virtual,
        rate=rate,
        epochs=epochs,
        steps=steps,
        batch=batch,
        alpha=alpha,
        dropout=dropout,
        warmup=warmup,
        schedule=schedule,
        weight_decay=decay,
        accumulate=accumulate,
        length=length,
        prompt_weight=weight,
        held_share=held,
        patience=patience,
        checkpointing=saving,
        seed=seed,
    )


QV = "*.q_proj.weight,*.v_proj.weight"  # the paper's choice, as one entry of the menu


def show_training_method(method: str) -> list[Any]:
    """Only the controls that a method has."""
    needs = METHODS[method].needs
    return [gr.update(visible=name in needs) for name in SHOWN]


def usual_rate(method: str) -> float:
    """A learning rate that suits a method."""
    return METHODS[method].rate


def settings_of(values: Values) -> TrainingSettings:
    """The settings that the controls stand for.

    :raises DataError: one of them cannot be used.
    """
    named = [part for target in values["targets"] or ["linear"] for part in target.split(",")]
    fields = {name: values[name] for name in TrainingSettings.model_fields if name in values}
    try:
        return TrainingSettings(**fields | {"targets": named, "seed": values["seed"] or 0})
    except ValueError as error:
        raise DataError(
            "One of the settings is out of its range. The learning rate should be above 0 and "
            "below 1, and the seed a whole number."
        ) from error
