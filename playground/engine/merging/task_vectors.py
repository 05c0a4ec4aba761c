"""Merging what was learned: changes from a common base, thinned out and added up.

Functions of tensors of one shape and any precision, to the pieces of the merged one. What has to
look at all of a task vector first (for a share of the largest) passes over its pieces more than
once and holds none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from playground.engine.merging.averages import weighted_sum
from playground.engine.merging.method import TaskVector, density_at, draws, merge_method, pieces, shares, wide
from playground.engine.pruning.masks import lowest_of_all

TINY = 1e-7  # a task vector whose sizes sum to less is not made larger
CANCELLED = 1e-6  # of the weights: a sum that is no more than this is 0

# Thinning one task vector out. A task vector is anything that gives its pieces at each pass.


def keep_largest(delta: TaskVector, density: float) -> Iterable[Tensor]:
    """Only the largest numbers stay: ``int(density * numel)`` of them, ties to the higher index."""
    count = int(density * delta.numel())
    if count >= delta.numel():
        return delta
    return _without(delta, _smallest(delta, delta.numel() - count))


def keep_middle(delta: TaskVector, density: float, gamma: float) -> Iterable[Tensor]:
    """Neither the largest share ``gamma`` nor the smallest stay, so that ``density`` does."""
    count = delta.numel()
    most = int(density * count)
    if most >= count:
        return delta
    top = min(int(gamma * count), count - most)
    pairs = zip(_smallest(delta, count - most - top), _smallest(delta, count - top), strict=True)
    return _without(delta, (smallest | ~rest for smallest, rest in pairs))


def _smallest(delta: TaskVector, count: int) -> Iterable[Tensor]:
    """Masks of the smallest numbers of a task vector, one for each piece of it."""
    return lowest_of_all(lambda: (piece.abs_().float() for piece in delta), count)


def _without(delta: Iterable[Tensor], dropped: Iterable[Tensor]) -> Iterator[Tensor]:
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


# Adding them up


def added(changes: Sequence[Iterable[Tensor]], base: Tensor, weights: Sequence[float]) -> Iterator[Tensor]:
    """The base and the weighted sum of changes."""
    for start, *parts in zip(pieces(base), *changes, strict=True):
        yield weighted_sum(parts, weights).add_(wide(start))


def agreed(
    changes: Sequence[Iterable[Tensor]], base: Tensor, weight: Sequence[float], normalize: bool
) -> Iterator[Tensor]:
    """The base and what those say who agree with the weightier sign at each place."""
    for start, *parts in zip(pieces(base), *changes, strict=True):
        yield elected(parts, weight, weight, normalize).add_(wide(start))


def elected(changes: Sequence[Tensor], votes: Sequence[float], weights: Sequence[float], normalize: bool) -> Tensor:
    """Weighted sum of those changes whose sign is that of the vote (a sum of 0 is positive).

    Where the weights that took part cancel each other out there is nothing to divide by.

    :param votes: what each change counts when the sign is elected.
    :param normalize: whether to divide by the sum of the weights that took part.
    """
    positive = weighted_sum(changes, votes) >= 0
    total, taken = torch.zeros_like(changes[0]), torch.zeros_like(changes[0])
    for change, weight in zip(changes, weights, strict=True):
        weighted = change * weight
        agrees = ((weighted > 0) == positive).to(total.dtype)  # where it is 0 nothing counts
        total.addcmul_(weighted, agrees)
        taken.add_(agrees.mul_(weighted != 0), alpha=weight)
    least = CANCELLED * sum(map(abs, weights))  # in float32, .1 + .2 - .3 is not quite 0
    return total.div_(taken.masked_fill_(taken.abs() <= least, 1)) if normalize else total


@merge_method("task_arithmetic", paper="Ilharco et al. 2023", from_base=True)
def task_arithmetic(
    models: Sequence[Tensor], base: Tensor, *, weight: Sequence[float], normalize: bool = False
) -> Iterator[Tensor]:
    """Weighted sum of the task vectors (Ilharco et al. 2023)."""
    return added([TaskVector(model, base) for model in models], base, shares(weight, normalize))


@merge_method("ties", paper="Yadav et al. 2023", from_base=True, thin=largest, by_place=True)
def ties(
    models: Sequence[Tensor],
    base: Tensor,
    *,
    weight: Sequence[float],
    density: Sequence[float] = (),
    normalize: bool = True,
    rescale: bool = False,
) -> Iterator[Tensor]:
    """The largest changes of each, and only where they agree in sign (Yadav et al. 2023)."""
    left = thinned(largest, models, base, density, rescale=rescale)
    return agreed(left, base, weight, normalize)


@merge_method("dare_linear", paper="Yu et al. 2024", from_base=True, thin=at_random)
def dare_linear(
    models: Sequence[Tensor],
    base: Tensor,
    *,
    weight: Sequence[float],
    density: Sequence[float] = (),
    normalize: bool = False,
    seed: int = 0,
    rescale: bool = True,
) -> Iterator[Tensor]:
    """Random changes of each, made larger for those that were dropped (Yu et al. 2024)."""
    left = thinned(at_random, models, base, density, seed=seed, rescale=rescale)
    return added(left, base, shares(weight, normalize))


@merge_method("dare_ties", paper="Yu et al. 2024", from_base=True, thin=at_random, by_place=True)
def dare_ties(
    models: Sequence[Tensor],
    base: Tensor,
    *,
    weight: Sequence[float],
    density: Sequence[float] = (),
    normalize: bool = True,
    seed: int = 0,
    rescale: bool = True,
) -> Iterator[Tensor]:
    """As dare_linear, and only where they agree in sign."""
    left = thinned(at_random, models, base, density, seed=seed, rescale=rescale)
    return agreed(left, base, weight, normalize)


@merge_method("della", paper="Deep et al. 2024", from_base=True, thin=by_rank, by_place=True)
def della(
    models: Sequence[Tensor],
    base: Tensor,
    *,
    weight: Sequence[float],
    density: Sequence[float] = (),
    normalize: bool = True,
    epsilon: float = 0.1,
    seed: int = 0,
    rescale: bool = True,
) -> Iterator[Tensor]:
    """As dare_ties, the larger changes of a row more likely kept (Deep et al. 2024)."""
    left = thinned(by_rank, models, base, density, epsilon=epsilon, seed=seed, rescale=rescale)
    return agreed(left, base, weight, normalize)


@merge_method("della_linear", paper="Deep et al. 2024", from_base=True, thin=by_rank)
def della_linear(
    models: Sequence[Tensor],
    base: Tensor,
    *,
    weight: Sequence[float],
    density: Sequence[float] = (),
    normalize: bool = False,
    epsilon: float = 0.1,
    seed: int = 0,
    rescale: bool = True,
) -> Iterator[Tensor]:
    """As della, whether they agree in sign or not."""
    left = thinned(by_rank, models, base, density, epsilon=epsilon, seed=seed, rescale=rescale)
    return added(left, base, shares(weight, normalize))


@merge_method("breadcrumbs", paper="Davari and Belilovsky 2024", from_base=True, thin=middle)
def breadcrumbs(
    models: Sequence[Tensor],
    base: Tensor,
    *,
    weight: Sequence[float],
    density: Sequence[float] = (),
    normalize: bool = False,
    gamma: float = 0.01,
    rescale: bool = False,
) -> Iterator[Tensor]:
    """Neither the largest nor the smallest changes of each (Davari and Belilovsky 2024)."""
    left = thinned(middle, models, base, density, gamma=gamma, rescale=rescale)
    return added(left, base, shares(weight, normalize))


@merge_method("breadcrumbs_ties", paper="Davari and Belilovsky 2024", from_base=True, thin=middle, by_place=True)
def breadcrumbs_ties(
    models: Sequence[Tensor],
    base: Tensor,
    *,
    weight: Sequence[float],
    density: Sequence[float] = (),
    normalize: bool = False,
    gamma: float = 0.01,
    rescale: bool = False,
) -> Iterator[Tensor]:
    """As breadcrumbs, and only where they agree in sign."""
    left = thinned(middle, models, base, density, gamma=gamma, rescale=rescale)
    return agreed(left, base, weight, normalize)


@merge_method("sce", paper="Wan et al. 2024", from_base=True)
def sce(models: Sequence[Tensor], base: Tensor, *, select: float = 1.0) -> Iterator[Tensor]:
    """Select, calculate, erase (Wan et al. 2024): only places where the models differ most, each
    model weighted by the squares of its changes in this tensor, minority signs erased.

    Of the places where the models differ at all; where they never do, the base is what is left.
    """
    deltas = [TaskVector(model, base) for model in models]
    dropped: list[Tensor] = []  # a byte a number: the only thing of a tensor's size
    if select < 1 and len(deltas) > 1:
        differ = sum(int(spread.count_nonzero()) for spread in map(_spread, *deltas))
        count = base.numel() - int(select * differ)
        dropped = list(lowest_of_all(lambda: map(_spread, *deltas), count))

    def chosen() -> list[Iterable[Tensor]]:
        return [_without(delta, dropped) if dropped else delta for delta in deltas]

    squares = [sum(float(part.square().sum()) for part in change) for change in chosen()]
    total = sum(squares)
    weights = [square / total if total else 1 / len(squares) for square in squares]
    for start, *parts in zip(pieces(base), *chosen(), strict=True):
        yield elected(parts, [1.0] * len(parts), weights, True).add_(wide(start))


def _spread(*parts: Tensor) -> Tensor:
    """How much several tensors differ at each place."""
    return torch.stack(parts).var(dim=0, unbiased=False).float()
