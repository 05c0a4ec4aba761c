"""A variant is its recipe: a base model and an ordered list of edits. ``parse`` turns JSON into one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, SerializeAsAny, ValidationError

from playground.engine.edit import EDITS, Edit
from playground.engine.validation_messages import explained
from playground.errors import RecipeError

MAX_EDITS = 64
MAX_RECIPE_BYTES = 4_000_000  # 64 edits, each with a calibration text


class Recipe(BaseModel):
    """A base model's id and the edits made to it, in order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    edits: tuple[SerializeAsAny[Edit], ...] = ()

    def json_text(self) -> str:
        """Canonical JSON: the same recipe always gives the same text."""
        return json.dumps(self.model_dump(), sort_keys=True, ensure_ascii=False)

    @property
    def id(self) -> str:
        """Hash of the canonical JSON; names the built fork."""
        return hashlib.sha256(self.json_text().encode()).hexdigest()[:16]

    def prefix(self, length: int) -> Recipe:
        """The recipe of the first edits only."""
        return Recipe(model=self.model, edits=self.edits[:length])


def parse(data: object) -> Recipe:
    """A recipe from JSON data (a dictionary, or its text); one that is a recipe already is given back.

    :raises RecipeError: anything about it is not usable; the message says what and what is.
    """
    if isinstance(data, Recipe):
        return data
    if isinstance(data, str):
        data = _from_text(data)
    if not isinstance(data, Mapping):
        raise RecipeError(
            "A recipe is a JSON object like {example}, not {given}.",
            example='{"model": "smollm2-135m-instruct", "edits": []}',
            given=type(data).__name__,
        )
    unknown = sorted(str(key) for key in set(data) - set(Recipe.model_fields))
    if unknown:
        raise RecipeError("The recipe has an unknown key {key!r}. Its keys are: model, edits.", key=unknown[0][:60])
    model, edits = data.get("model"), data.get("edits", [])
    if not isinstance(model, str) or not model:
        raise RecipeError('The recipe names no model. Give one, like "smollm2-135m-instruct".')
    if not isinstance(edits, list | tuple):
        raise RecipeError("The recipe's edits are not a list. Give a list, empty for the base.")
    if len(edits) > MAX_EDITS:
        raise RecipeError(
            "The recipe has {count} edits: at most {limit} are allowed. Remove some.", count=len(edits), limit=MAX_EDITS
        )
    parsed = tuple(parse_edit(edit, number) for number, edit in enumerate(edits, 1))
    return Recipe(model=model, edits=parsed)


def _from_text(text: str) -> Any:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise RecipeError("This is not JSON. Choose a recipe that was saved from this page.") from error
    if size > MAX_RECIPE_BYTES:
        raise RecipeError(
            "The recipe is larger than {limit} kB. Recipes are small: is this the right file?",
            limit=MAX_RECIPE_BYTES // 1000,
        )
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecipeError("This is not JSON. Choose a recipe that was saved from this page.") from error


def parse_edit(data: object, number: int = 1) -> Edit:
    """One edit from JSON data.

    :param number: its place in the recipe, for the message.
    :raises RecipeError: unknown kind, unknown key, or a value out of its range.
    """
    if isinstance(data, Edit):
        return data
    kind = data.get("kind") if isinstance(data, Mapping) else None
    if not isinstance(data, Mapping) or not isinstance(kind, str) or kind not in EDITS:
        raise RecipeError(
            "Edit {number} has the unknown kind {kind!r}. The kinds are: {known}.",
            number=number,
            kind=str(kind)[:60],
            known=", ".join(sorted(EDITS)),
        )
    try:
        return EDITS[kind].model_validate(dict(data))
    except ValidationError as error:
        raise explained(error, EDITS[kind], number) from error
