"""What somebody supplies, checked by its types: each field refuses in a sentence of its own."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Annotated, Any, TypeVar, dataclass_transform

from pydantic import BeforeValidator, ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from playground.errors import Message, PlaygroundError

STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
MOST_SHOWN = 80  # characters of a value in a message
HALF_A_CHARACTER = Message("The text has half a character in it (an unpaired surrogate). Type it again.")
T = TypeVar("T")


def whole(value: Any) -> Any:
    """A whole number that JSON or a slider wrote with a decimal point, as an int; anything else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_whole(value: object, least: int, most: int) -> bool:
    """Whether a value is a whole number from ``least`` to ``most``; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


Whole = Annotated[int, BeforeValidator(whole)]  # True and False are none


def printable(value: object) -> str:
    """The start of somebody's value as a message can show it; half a surrogate pair is no text."""
    return str(value)[:MOST_SHOWN].encode(errors="replace").decode()


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:39] + "…"


def from_browser(adapter: TypeAdapter[T], data: Any, most: int) -> T:
    """What a browser kept as JSON, if it is of its form.

    :param most: characters that it may have.
    :raises ValueError: it is longer, or of another form.
    """
    try:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False)
        if len(text) > most:
            raise ValueError(f"{len(text)} characters")
        return adapter.validate_json(text)
    except (PlaygroundError, TypeError, RecursionError) as error:
        raise ValueError("of another form") from error


@dataclass_transform(frozen_default=True)
def checked(error: type[PlaygroundError], refusals: Mapping[str, Message]) -> Callable[[type[T]], type[T]]:
    """A frozen dataclass that cannot hold what its types do not allow.

    :param error: what is raised then.
    :param refusals: what it says, by the field that is wrong; besides a message's own values its
        places are filled with the fields by their names, ``{given}`` with the wrong one and
        ``{field}`` with its name.
    """

    def make(plain: type[T]) -> type[T]:
        made: Any = dataclass(config=STRICT, frozen=True)(plain)
        build, names = made.__init__, [field.name for field in fields(made)]
        assert refusals.keys() == set(names), f"{plain.__name__}: each field needs a refusal"

        @functools.wraps(build)
        def construct(self: T, *args: Any, **values: Any) -> None:
            try:
                build(self, *args, **values)
            except ValidationError as wrong:
                first = wrong.errors(include_url=False)[0]
                field = first["loc"][0] if first["loc"] else ""
                field = names[field] if isinstance(field, int) and field < len(names) else str(field)
                if field not in refusals:  # no field: an argument too many
                    raise
                usual = {each.name: each.default for each in fields(made)}
                said = usual | dict(zip(names, args, strict=False)) | values
                places = {name: printable(value) for name, value in said.items()}
                refusal = HALF_A_CHARACTER if first["type"] == "string_unicode" else refusals[field]
                filled = places | {"field": field, "given": _short(said.get(field))} | dict(refusal.values)
                raise error(refusal.template, **filled) from wrong

        made.__init__ = construct
        return made

    return make
