"""Where a merge here is another than mergekit's of the same configuration, on purpose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from playground.engine.merging import METHODS
from playground.engine.merging.edit import Merge
from playground.engine.merging.values import numbers_in
from playground.errors import Message

DARE = Message(
    "DARE here divides what stays by the density, as its paper does; mergekit makes it so much "
    "larger that the sizes in each tensor sum to what they did."
)
DELLA = Message(
    "DELLA here divides each number that stays by its own chance, as its paper does; mergekit "
    "multiplies a whole tensor by one factor."
)
NARROWED = Message("Epsilon is narrowed here where a chance would leave 0 to 1; mergekit refuses such an epsilon.")
GRADIENT = Message(
    "Here the last norm and the output head have the last value of a list along the layers; "
    "mergekit 0.1 gives them the first."
)
NUSLERP = Message(
    "Above a cosine of 0.9995 a straight line is taken here, and mergekit's NuSLERP takes the arc: "
    "they differ by less than 0.01 %."
)
SCE = Message(
    "SCE here weighs the models by their changes, however small; mergekit weighs them alike in a "
    "tensor whose mean squared changes sum to less than 0.000001."
)
MODEL_STOCK = Message(
    "Model Stock here stays at the base where the models' changes point apart; mergekit goes beyond it."
)
FUSION = Message(
    "Arcee Fusion here finds its threshold among all numbers of a tensor, in float64; mergekit "
    "draws a million of them where there are more."
)
ENDS = Message(
    "Here what is outside the layers stays the recipe's; mergekit takes the embedding from the "
    "first slice, and the last norm and the head from the last."
)


def differences(edit: Merge) -> list[Message]:
    """Where mergekit would do otherwise, in sentences."""
    return list(_differences(edit))


def _differences(edit: Merge) -> Iterator[Message]:
    thinned = any(number < 1 for model in edit.models for number in numbers_in(model.density))
    if edit.rescale and thinned and edit.method.startswith("dare"):
        yield DARE
    if edit.rescale and thinned and edit.method.startswith("della"):
        yield DELLA
    if edit.narrowed_at() is not None:
        yield NARROWED
    if not METHODS[edit.method].whole and any(map(_rises, edit.values())):
        yield GRADIENT
    if edit.method == "passthrough" and edit.ends == "own":
        yield ENDS
    by_method = {"nuslerp": NUSLERP, "sce": SCE, "model_stock": MODEL_STOCK, "arcee_fusion": FUSION}
    if edit.method in by_method:
        yield by_method[edit.method]


def _rises(value: Any) -> bool:
    """Whether a value ends otherwise than it begins, where the last norm or the head have it."""
    if isinstance(value, Mapping):
        inside = ("attention", "mlp")
        return any(_rises(line) for part, line in value.items() if part not in inside)
    return not isinstance(value, int | float) and value[0] != value[-1]
