"""Thinning a task vector out: what a merging method keeps of the changes that one model learned.

Functions of a task vector, which gives its pieces at each pass, to what is left of them. What has to
look at all of it first (for a share of the largest) passes over it more than once and holds none of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from playground.engine.merging.method import TaskVector, density_at, draws
from playground.engine.pruning.masks import lowest_of_all

TINY = 1e-7  # a task vector whose sizes sum to less is not made larger


def keep_largest(delta: TaskVector, density: float) -> Iterable[Tensor]:
    """Only the largest numbers stay: ``int(density * numel)`` of them, ties to the higher index."""
    count = int(density * delta.numel())
    if count >= delta.numel():
        return delta
    return without(delta, _smallest(delta, delta.numel() - count))


def keep_middle(delta: TaskVector, density: float, gamma: float) -> Iterable[Tensor]:
    """Neither the largest share ``gamma`` nor the smallest stay, so that ``density`` does."""
    count = delta.numel()
    most = int(density * count)
    if most >= count:
        return delta
    top = min(int(gamma * count), count - most)
    pairs = zip(_smallest(delta, count - most - top), _smallest(delta, count - top), strict=True)
    return without(delta, (smallest | ~rest for smallest, rest in pairs))


def _smallest(delta: TaskVector, count: int) -> Iterable[Tensor]:
    """Masks of the smallest numbers of a task vector, one for each piece of it."""
    return lowest_of_all(lambda: (piece.abs_().float() for piece in delta), count)


def without(delta: Iterable[Tensor], dropped: Iterable[Tensor]) -> Iterator[Tensor]:
    """Zeros where the masks of its pieces say so."""
    for piece, mask in zip(delta, dropped, strict=True):
        yield piece.masked_fill_(mask, 0)


def drop_random(
    delta: TaskVector, density: float, generator: torch.Generator, rescale: bool = True
) -> Iterable[Tensor]:
    """Each number stays with the chance ``density`` and is divided by it, else it is dropped.

    :param rescale: whether it is divided.
    """
    if density >= 1:
        return delta
    if density <= 0:
        return (torch.zeros_like(piece) for piece in delta)
    return (
        piece.mul_(torch.bernoulli(torch.full_like(piece, density), generator=generator)).div_(
            density if rescale else 1
        )
        for piece in delta
    )


def drop_by_rank(
    delta: TaskVector, density: float, epsilon: float, generator: torch.Generator, rescale: bool = True
) -> Iterable[Tensor]:
    """The larger a number in its row, the likelier it stays, from density - epsilon to density +
    epsilon; what stays is divided by its chance (MagPrune, Deep et al. 2024).

    :param epsilon: narrowed where a chance would lie outside 0 to 1.
    :param rescale: whether it is divided.
    """
    if density >= 1:
        return delta
    if density <= 0:
        return (torch.zeros_like(piece) for piece in delta)
    epsilon = narrowed(epsilon, density)
    return (_drop_rows_by_rank(rows, density, epsilon, generator, rescale) for rows in delta)


def narrowed(epsilon: float, density: float) -> float:
    """DELLA's epsilon as far as chances around a density stay between 0 and 1."""
    return min(epsilon, density, 1 - density)


def _drop_rows_by_rank(
    rows: Tensor, density: float, epsilon: float, generator: torch.Generator, rescale: bool
) -> Tensor:
    width = rows.shape[1]
    steps = torch.linspace(-epsilon, epsilon, width, dtype=rows.dtype) if width > 1 else 0.0
    order = rows.abs().argsort(dim=1, stable=True)  # the smallest of a row first
    chance = torch.empty_like(rows).scatter_(1, order, (rows.new_zeros(rows.shape) + steps))
    chance.add_(density)
    mask = torch.bernoulli(chance.clamp_(0, 1), generator=generator)
    rows.mul_(mask)
    return rows.div_(chance.clamp_(min=1e-6)) if rescale else rows


def _as_long(delta: TaskVector, thinned: Callable[[], Iterable[Tensor]]) -> Iterable[Tensor]:
    """What is left of a task vector, made so much larger that its sizes sum to what they did."""
    before, after = (
        sum(float(piece.abs().sum(dtype=torch.float64)) for piece in whole) for whole in (delta, thinned())
    )
    if min(before, after) < TINY:
        return thinned()
    return (piece * (before / after) for piece in thinned())


# What a method keeps of the task vector of the model at a place


def largest(delta: TaskVector, model: int, *, density: float, rescale: bool = False) -> Iterable[Tensor]:
    """The largest numbers."""
    if rescale and density < 1:
        return _as_long(delta, lambda: keep_largest(delta, density))
    return keep_largest(delta, density)


def middle(
    delta: TaskVector, model: int, *, density: float, gamma: float = 0.01, rescale: bool = False
) -> Iterable[Tensor]:
    """All but the largest and the smallest numbers."""
    if rescale and density < 1:
        return _as_long(delta, lambda: keep_middle(delta, density, gamma))
    return keep_middle(delta, density, gamma)


def at_random(
    delta: TaskVector, model: int, *, density: float, seed: int = 0, rescale: bool = True
) -> Iterable[Tensor]:
    """Random numbers, made larger."""
    return drop_random(delta, density, draws(seed, model), rescale)


def by_rank(
    delta: TaskVector, model: int, *, density: float, epsilon: float = 0.1, seed: int = 0, rescale: bool = True
) -> Iterable[Tensor]:
    """Random numbers, the larger the likelier, made larger."""
    return drop_by_rank(delta, density, epsilon, draws(seed, model), rescale)


def thinned(
    thin: Callable[..., Iterable[Tensor]],
    models: Sequence[Tensor],
    base: Tensor,
    density: Sequence[float],
    **options: Any,
) -> list[Iterable[Tensor]]:
    """Every model's task vector, with what one of the functions above keeps of it."""
    return [
        thin(TaskVector(model, base), number, density=density_at(density, number), **options)
        for number, model in enumerate(models)
    ]
