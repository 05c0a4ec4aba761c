"""What pydantic finds wrong with an edit, in words for a visitor."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from playground.engine.edit import Edit
from playground.errors import Message, RecipeError

# What pydantic finds wrong with a value, by its error types, in our words.
RULES = {
    "literal_error": Message("Edit {number} ({kind}): {field} is {given}. Choose one of {expected}."),
    "greater_than_equal": Message("Edit {number} ({kind}): {field} is {given}. Choose {ge} or more."),
    "less_than_equal": Message("Edit {number} ({kind}): {field} is {given}. Choose {le} or less."),
    "string_too_short": Message("Edit {number} ({kind}): {field} is empty. Type something."),
    "string_too_long": Message("Edit {number} ({kind}): {field} is too long. Keep it to {max_length} characters."),
    "too_short": Message("Edit {number} ({kind}): {field} is empty. Name at least one."),
    "too_long": Message("Edit {number} ({kind}): {field} has too many entries. Name at most {max_length}."),
    "finite_number": Message("Edit {number} ({kind}): {field} is {given}. Give an ordinary finite number."),
    "other": Message("Edit {number} ({kind}): {field} is {given}, which is the wrong type."),
}


def _place(loc: Sequence[str | int]) -> str:
    """Where a value is, as in ``models[0].weight``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return "".join(parts).removeprefix(".") or "?"


def explained(error: ValidationError, edit: type[Edit], number: int) -> RecipeError:
    """The first thing that pydantic found wrong, as a sentence."""
    first = error.errors(include_url=False)[0]
    names = [part for part in first["loc"] if isinstance(part, int) or part.isidentifier()]
    field = _place(first["loc"] if first["type"] == "extra_forbidden" else names)
    if first["type"] == "extra_forbidden":
        return RecipeError(
            "Edit {number} ({kind}) has an unknown key {field!r}. Its keys are: {known}.",
            number=number,
            kind=edit.KIND,
            field=field[:60],
            known=", ".join(edit.model_fields),
        )
    if first["type"] == "missing" and len(first["loc"]) == 1:
        return RecipeError(
            "Edit {number} ({kind}) lacks {field!r}. Add it.", number=number, kind=edit.KIND, field=field
        )
    rule = RULES.get(first["type"], RULES["other"])
    shown = repr(first["input"])
    context = {key: str(value) for key, value in first.get("ctx", {}).items()}
    return RecipeError(
        rule.template,
        **context,
        number=number,
        kind=edit.KIND,
        field=field,
        given=shown if len(shown) <= 60 else shown[:57] + "…",
    )
