"""Into the weights by training: a small LoRA on the fact's sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from playground.disk import DiskError
from playground.engine.adapters.base import Adapter, AdapterError
from playground.engine.adapters.store import About, keep_adapter
from playground.engine.build import build
from playground.engine.facts.target_values import DONE
from playground.engine.fork import Fork
from playground.engine.recipe import Recipe
from playground.engine.training.data import Example
from playground.engine.training.settings import TrainingSettings
from playground.engine.work import Work
from playground.errors import Message
from playground.lab.lesson import Lesson
from playground.lab.ways.way import BEGINNINGS, Room, Taught, with_edit

if TYPE_CHECKING:
    from playground.engine.training.run import TrainingRun

LORA = TrainingSettings(rank=8, alpha=16, rate=5e-4, steps=40, batch=5, held_share=0.0, chat=False)
MOST_ADAPTERS = 40  # of all visitors' tables and questions that the host keeps; older ones are trained anew


def train_lora(lesson: Lesson, room: Room, work: Work) -> Taught:
    """A LoRA trained on the fact's sentence behind a few beginnings, until it is learned as well
    as an edit has to learn it."""
    fork = build(room.recipe, work).fork
    examples = [Example(before + lesson.fact.prompt, lesson.fact.target) for before in BEGINNINGS]
    run = trained_run(fork, LORA.model_copy(update={"seed": room.seed}), examples, DONE, work)
    variant = run.variant()
    stored = with_stored(run.adapter(), lesson.sentence, room.recipe) if room.kept else None
    return Taught(
        fork=variant,
        recipe=stored or room.recipe,
        seconds=run.points[-1].seconds,
        bytes=variant.bytes_held() - fork.bytes_held(),
        undo=lambda: build(room.recipe),
    )


def trained_run(
    fork: Fork, settings: TrainingSettings, examples: Sequence[Example], enough: float, work: Work
) -> TrainingRun:
    """A training run up to its end, or to a step whose loss is below what is enough.

    :raises Stopped: nobody waits for it any more.
    """
    from playground.engine.training.run import TrainingRun  # imports peft: seconds

    run = TrainingRun(fork=fork, settings=settings, examples=examples, watched=False)
    for point in run.steps():
        work.step(point.step, run.total, Message("LoRA: step {done} of {of}…", {"done": point.step, "of": run.total}))
        if point.loss < enough:
            break
    return run


def with_stored(adapter: Adapter, title: str, recipe: Recipe) -> Recipe | None:
    """A recipe with an adapter that is stored; None where the host has no room for it."""
    about = About(title[:60], "lab", recipe.model, "lora")
    try:
        return with_edit(recipe, {"kind": "adapter", "source": keep_adapter(adapter, about, MOST_ADAPTERS)})
    except (AdapterError, DiskError):
        return None
