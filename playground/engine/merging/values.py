"""Parameters that may differ along the layers and between the parts of a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

PartName = Literal["attention", "mlp", "embeddings", "norms", "rest"]
MOST_POINTS = 64  # of a gradient
Number = Annotated[float, Field(strict=True, ge=-10, le=10)]
Line = Annotated[tuple[Number, ...], Field(min_length=1, max_length=MOST_POINTS)]
# One number; numbers spread evenly over the layers, with straight lines between; or one of these
# for each part, where ``rest`` is for parts that are not named.
Value = Number | Line | Annotated[dict[PartName, Number | Line], Field(min_length=1)]


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
    value: float | Sequence[float] | Mapping[Any, float | Sequence[float]], part: str, place: float,
    otherwise: float,
) -> float:  # fmt: skip
    """What a parameter is for a tensor.

    :param part: of the model that the tensor belongs to.
    :param place: from 0, the first layer and what is before it, to 1, the last and what follows.
    :param otherwise: where the parameter says nothing about the part.
    """
    if isinstance(value, Mapping):
        found = value.get(part, value.get("rest"))
        return otherwise if found is None else value_at(found, part, place, otherwise)
    if isinstance(value, int | float):
        return float(value)
    at = place * (len(value) - 1)
    low = int(at)
    high = min(low + 1, len(value) - 1)
    return value[low] + (value[high] - value[low]) * (at - low)
