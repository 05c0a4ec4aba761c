"""What one visitor owns: a stack of edits with its history.

Plain JSON that the visitor's browser keeps: a few kilobytes for a few edits, and no model.
Everything that comes back from a browser is checked like any other input: the history when somebody
goes back to it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from playground.engine.edit import Edit
from playground.engine.models import catalog
from playground.engine.recipe import MAX_EDITS, Recipe, parse, parse_edit
from playground.errors import PlaygroundError, RecipeError
from playground.settings import settings

MAX_HISTORY = 20
Json = dict[str, Any]
# What reading something that a browser kept can end in
UNUSABLE = (PlaygroundError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
MAX_CHARACTERS = 1_000_000  # of a stack with its history: browsers keep a few million


@dataclass(frozen=True)
class Step:
    """One edit on the stack, and whether it is switched on."""

    edit: Edit
    on: bool = True


@dataclass(frozen=True)
class Stack:
    """A base model and the edits on it: what undo and redo go back and forth between."""

    model: str
    steps: tuple[Step, ...] = ()

    def to_json(self) -> Json:
        """What the browser keeps of it."""
        steps = [{"edit": step.edit.model_dump(mode="json"), "on": step.on} for step in self.steps]
        return {"model": self.model, "steps": steps}


@dataclass(frozen=True)
class Workspace:
    """A visitor's stack, and what it was before: as JSON, which is read when somebody goes back to it."""

    stack: Stack
    past: tuple[Json, ...] = ()
    future: tuple[Json, ...] = ()

    def recipe(self) -> Recipe:
        """The recipe of the edits that are switched on."""
        return Recipe(model=self.stack.model, edits=tuple(step.edit for step in self.stack.steps if step.on))

    def base(self) -> Recipe:
        """The recipe without any edit."""
        return Recipe(model=self.stack.model)

    def add(self, edit: Edit | Json) -> Workspace:
        """With one more edit on top.

        :raises RecipeError: the edit is not usable, or the stack is full.
        """
        if len(self.stack.steps) >= MAX_EDITS:
            raise RecipeError(
                "Your recipe has {limit} edits, which is as many as it can have. Remove one first.", limit=MAX_EDITS
            )
        step = Step(parse_edit(edit, len(self.stack.steps) + 1))
        return self._now(replace(self.stack, steps=(*self.stack.steps, step)))

    def without(self, kind: str) -> Workspace:
        """Without the last edit that is switched on, if it is of this kind: what another of the
        kind is tried on, and what it then stands in for."""
        on = [number for number, step in enumerate(self.stack.steps) if step.on]
        if not on or self.stack.steps[on[-1]].edit.kind != kind:
            return self
        return self.remove(on[-1])

    def instead(self, edit: Edit | Json) -> Workspace:
        """With an edit on top, in the place of the last one if that is of the same kind.

        :raises RecipeError: the edit is not usable, or the stack is full.
        """
        kind = edit.kind if isinstance(edit, Edit) else str(edit.get("kind"))
        return self._now(self.without(kind).add(edit).stack)

    def put(self, edit: Edit | Json, same: tuple[str, ...]) -> Workspace:
        """With an edit in the place of the last one that has the same values of some keys, which
        is switched on by that; on top where there is none.

        :raises RecipeError: the edit is not usable, or the stack is full.
        """
        steps, wanted = list(self.stack.steps), edit.model_dump() if isinstance(edit, Edit) else edit
        for number in reversed(range(len(steps))):
            if all(getattr(steps[number].edit, key, None) == wanted.get(key) for key in same):
                steps[number] = Step(parse_edit(edit, number + 1))
                return self._now(replace(self.stack, steps=tuple(steps)))
        return self.add(edit)

    def toggle(self, index: int) -> Workspace:
        """With one edit switched off, or on again."""
        steps = list(self.stack.steps)
        if 0 <= index < len(steps):
            steps[index] = replace(steps[index], on=not steps[index].on)
        return self._now(replace(self.stack, steps=tuple(steps)))

    def remove(self, index: int) -> Workspace:
        """Without one edit."""
        steps = [step for number, step in enumerate(self.stack.steps) if number != index]
        return self._now(replace(self.stack, steps=tuple(steps)))

    def reset(self) -> Workspace:
        """Without any edit; undo brings them back."""
        return self._now(replace(self.stack, steps=()))

    def choose_model(self, model: str) -> Workspace:
        """The same edits on another base.

        :raises ModelError: the host does not offer it.
        """
        return self._now(replace(self.stack, model=catalog.find_model(model).id))

    def load(self, text: str) -> Workspace:
        """The recipe of a saved file in place of this one.

        :raises PlaygroundError: it is not a usable recipe, or its model is not offered here.
        """
        recipe = parse(text)
        steps = tuple(map(Step, recipe.edits))
        return self._now(Stack(catalog.find_model(recipe.model).id, steps))

    def take(self, other: Workspace) -> Workspace:
        """The stack of another in the place of this one, which undo brings back."""
        return self._now(other.stack)

    def undo(self) -> Workspace:
        """As it was before the last change."""
        past, stack = _newest(self.past)
        if stack is None:
            return replace(self, past=()) if self.past else self
        return Workspace(stack, past, (self.stack.to_json(), *self.future))

    def redo(self) -> Workspace:
        """As it was before the last undo."""
        future, stack = _newest(self.future[::-1])
        if stack is None:
            return replace(self, future=()) if self.future else self
        return Workspace(stack, (*self.past, self.stack.to_json()), future[::-1])

    def _now(self, stack: Stack) -> Workspace:
        if stack == self.stack:
            return self
        past = (*self.past, self.stack.to_json())[-MAX_HISTORY:]
        sizes = [*map(_length, (*past, stack.to_json()))]  # a calibration text may be in every edit
        while past and sum(sizes) > MAX_CHARACTERS:
            past, sizes = past[1:], sizes[1:]
        return Workspace(stack, past)

    def to_json(self) -> dict[str, Any]:
        """What the browser keeps."""
        return {"stack": self.stack.to_json(), "past": list(self.past), "future": list(self.future)}


def _length(kept: Json) -> int:
    """About how many characters a stack takes; more than there may be where nobody can tell."""
    try:
        return len(str(kept))
    except (RecursionError, ValueError):
        return MAX_CHARACTERS + 1


def _newest(history: tuple[Json, ...]) -> tuple[tuple[Json, ...], Stack | None]:
    """The last stack of a history that can be used, and what was before it."""
    while history:
        *before, last = history
        history = tuple(before)
        with suppress(*UNUSABLE):
            return history, _stack(last)
    return history, None


def new() -> Workspace:
    """What a first visit starts with: the host's model and no edits."""
    return Workspace(Stack(settings().model))


def workspace_from_json(data: object) -> Workspace:
    """A workspace from what a browser kept; a new one where that is not usable."""
    try:
        if not isinstance(data, dict):
            return new()
        return Workspace(
            _stack(data["stack"]),
            tuple(data.get("past", [])[-MAX_HISTORY:]),
            tuple(data.get("future", [])[:MAX_HISTORY]),
        )
    except UNUSABLE:
        return new()


def _stack(data: Json) -> Stack:
    recipe = parse({"model": data["model"], "edits": [step["edit"] for step in data["steps"]]})
    steps = tuple(Step(edit, step["on"] is True) for edit, step in zip(recipe.edits, data["steps"], strict=True))
    if not catalog.is_model_id(recipe.model):
        raise ValueError(recipe.model)
    return Stack(recipe.model, steps)  # kept although this host may not offer it now
