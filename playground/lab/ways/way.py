"""What a way to teach is: a row of the registry, what it works with, and what it gives."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from playground.engine.build import build
from playground.engine.fork import Fork
from playground.engine.recipe import Recipe, parse_edit
from playground.engine.work import QUIET, Work
from playground.lab.lesson import Lesson
from playground.retrieval.passages import Passage

BEGINNINGS = ("", "It is known that ", "As everybody says, ", "In short: ", "The guide says: ")
Into = Literal["nothing", "prompt", "passages", "weights"]
Need = Literal["passages", "layer", "gradients"]
# What stands before a prompt. Of ten forms, tried on the first 30 cases of CounterFact that the
# packaged model knows, this one said each fact and changed the others' answers least.
SAID = "Context: {text}\nAnswer: "


@dataclass(frozen=True, kw_only=True)
class Taught:
    """A model that was taught, or a prompt that says it.

    :param before: what goes before a prompt.
    :param seconds: that teaching took.
    :param bytes: that are held for it, beside the base and the other passages.
    :param recipe: that makes the same variant again; the base's for a way through the prompt.
    :param undo: takes it back; to be timed.
    """

    fork: Fork
    recipe: Recipe
    before: Callable[[str], str] = lambda prompt: ""
    seconds: float = 0.0
    bytes: int = 0
    undo: Callable[[], object] = lambda: None


@dataclass(frozen=True, kw_only=True)
class Room:
    """What a way works with.

    :param recipe: of the model to teach.
    :param others: passages among which retrieval has to find this fact.
    :param kept: whether a trained adapter is stored, so that its recipe can be built again.
    :param layer: that methods of one layer change; None for the usual one.
    :param scope: whose the passage is: its vector is found by that alone.
    """

    recipe: Recipe
    others: tuple[Passage, ...] = ()
    seed: int = 0
    kept: bool = True
    layer: int | None = None
    scope: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A way, by where what it says goes.

    :param into: into the model's weights, into a passage that has to be found, into every prompt, or nowhere.
    """

    into: Into

    @property
    def writes(self) -> bool:
        """Whether it changes weights."""
        return self.into == "weights"

    @property
    def quotable(self) -> bool:
        """Whether its text stands in the prompt and can be shown as the source."""
        return self.into in ("prompt", "passages")


@dataclass(frozen=True, kw_only=True)
class Way(Placed):
    """A row of the registry.

    :param id: in tables, menus, endpoints and the page's texts, as ``way_<id>``.
    :param teach: teaches a lesson's fact.
    :param needs: what it works with beside the model and the fact.
    :param usual: whether it is taught where nobody says which ways.
    :param instead: the way that writes many facts at once, where this one writes one at a time.
    """

    id: str
    teach: Callable[[Lesson, Room, Work], Taught]
    needs: tuple[Need, ...] = ()
    usual: bool = True
    instead: str = ""


def with_edit(recipe: Recipe, edit: Mapping[str, Any]) -> Recipe:
    """A recipe with one more step.

    :raises RecipeError: the edit is not usable.
    """
    step = parse_edit(dict(edit), len(recipe.edits) + 1)
    return Recipe(model=recipe.model, edits=(*recipe.edits, step))


def taught_by_edit(room: Room, edit: Mapping[str, Any], work: Work = QUIET) -> Taught:
    """The model with one more edit.

    :raises PlaygroundError: the edit cannot be made.
    """
    before = build(room.recipe, work)
    recipe = with_edit(room.recipe, edit)
    built = build(recipe, work)
    receipt = built.receipts[len(before.receipts)]
    return Taught(
        fork=built.fork, recipe=recipe, seconds=receipt.seconds, bytes=receipt.bytes, undo=lambda: build(room.recipe)
    )
