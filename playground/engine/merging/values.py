"""Parameters that may differ along the layers and between the parts of a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

PartName = Literal["attention", "mlp", "embeddings", "norms", "rest"]
# A piece of tensors' names, such as q_proj; a word alone would rather be a part that is misspelt.
NAME = r"^[A-Za-z]+[_.0-9][A-Za-z0-9_.]{0,63}$"
MOST_NAMES = 32  # parts and pieces of names in one value
MOST_POINTS = 64  # of a gradient
NEAR = 1e-3  # nearswap's, also of what is not named where something is
Number = Annotated[float, Field(strict=True, ge=-10, le=10)]
Line = Annotated[tuple[Number, ...], Field(min_length=1, max_length=MOST_POINTS)]
Key = PartName | Annotated[str, Field(pattern=NAME)]
# One number; numbers spread evenly over the layers, with straight lines between; or one of these
# for each part or piece of a tensor's name, where ``rest`` is for what is not named. The longest
# piece that is in a name counts, and before its part.
Value = Number | Line | Annotated[dict[Key, Number | Line], Field(min_length=1, max_length=MOST_NAMES)]


def names_in(value: Any) -> list[str]:
    """The pieces of tensors' names for which a parameter has a value of its own, in order."""
    keys = value if isinstance(value, Mapping) else ()
    return sorted((key for key in keys if key not in get_args(PartName)), key=_longest_first)


def _longest_first(name: str) -> tuple[int, str]:
    return -len(name), name


def numbers_in(value: Any) -> Iterator[float]:
    """Every number of a parameter."""
    if isinstance(value, Mapping):
        for part in value.values():
            yield from numbers_in(part)
    elif isinstance(value, int | float):
        yield float(value)
    else:
        yield from value


def value_at(
    value: float | Sequence[float] | Mapping[Any, float | Sequence[float]],
    part: str,
    depth: float,
    otherwise: float,
    name: str = "",
) -> float:
    """What a parameter is for a tensor.

    :param part: of the model that the tensor belongs to.
    :param depth: from 0, the first layer and what is before it, to 1, the last and what follows.
    :param otherwise: where the parameter says nothing about the part.
    :param name: the tensor's.
    """
    if isinstance(value, Mapping):
        piece = next((piece for piece in names_in(value) if piece in name), part)
        own = value.get(piece, value.get("rest"))
        return otherwise if own is None else value_at(own, part, depth, otherwise)
    if isinstance(value, int | float):
        return float(value)
    at = depth * (len(value) - 1)
    low = int(at)
    high = min(low + 1, len(value) - 1)
    return value[low] + (value[high] - value[low]) * (at - low)
