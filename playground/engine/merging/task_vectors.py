"""Merging what was learned: changes from a common base, thinned out and added up.

Functions of tensors of one shape and any precision, to the pieces of the merged one. What has to
look at all of a task vector first (for a share of the largest) passes over its pieces more than
once and holds none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor

from playground.engine.merging.averages import weighted_sum
from playground.engine.merging.given import Given, TaskVector, Thin, pieces, wide
from playground.engine.pruning.masks import lowest_of_all

TINY = 1e-7  # a task vector whose sizes sum to less is not made larger
CANCELLED = 1e-6  # of the weights: a sum that is no more than this is 0

# Thinning one task vector out. A task vector is anything that gives its pieces at each pass.


def keep_largest(delta: TaskVector, density: float) -> Iterable[Tensor]:
    """Only the largest numbers stay: ``int(density * numel)`` of them, ties to the higher index."""
    kept = int(density * delta.numel())
    if kept >= delta.numel():
        return delta
    return _without(delta, _smallest(delta, delta.numel() - kept))


def keep_middle(delta: TaskVector, density: float, gamma: float) -> Iterable[Tensor]:
    """Neither the largest share ``gamma`` nor the smallest stay, so that ``density`` does."""
    count = delta.numel()
    kept = int(density * count)
    if kept >= count:
        return delta
    top = min(int(gamma * count), count - kept)
    pairs = zip(_smallest(delta, count - kept - top), _smallest(delta, count - top), strict=True)
    return _without(delta, (smallest | ~rest for smallest, rest in pairs))


def _smallest(delta: TaskVector, count: int) -> Iterable[Tensor]:
    """Masks of the smallest numbers of a task vector, one for each piece of it."""
    return lowest_of_all(lambda: (one.abs_().float() for one in delta), count)


def _without(delta: Iterable[Tensor], dropped: Iterable[Tensor]) -> Iterator[Tensor]:
    """Zeros where the masks of its pieces say so."""
    for piece, mask in zip(delta, dropped, strict=True):
        yield piece.masked_fill_(mask, 0)


def drop_random(delta: TaskVector, density: float, draws: torch.Generator, rescale: bool = True) -> Iterable[Tensor]:
    """Each number stays with the chance ``density`` and is divided by it, else it is dropped.

    :param rescale: whether it is divided.
    """
    if density >= 1:
        return delta
    if density <= 0:
        return (torch.zeros_like(piece) for piece in delta)
    return (
        piece.mul_(torch.bernoulli(torch.full_like(piece, density), generator=draws)).div_(density if rescale else 1)
        for piece in delta
    )


def drop_by_rank(
    delta: TaskVector, density: float, epsilon: float, draws: torch.Generator, rescale: bool = True
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
    return (_drop_rows_by_rank(rows, density, epsilon, draws, rescale) for rows in delta)


def narrowed(epsilon: float, density: float) -> float:
    """DELLA's epsilon as far as chances around a density stay between 0 and 1."""
    return min(epsilon, density, 1 - density)


def _drop_rows_by_rank(rows: Tensor, density: float, epsilon: float, draws: torch.Generator, rescale: bool) -> Tensor:
    width = rows.shape[1]
    steps = torch.linspace(-epsilon, epsilon, width, dtype=rows.dtype) if width > 1 else 0.0
    order = rows.abs().argsort(dim=1, stable=True)  # the smallest of a row first
    chance = torch.empty_like(rows).scatter_(1, order, (rows.new_zeros(rows.shape) + steps))
    chance.add_(density)
    kept = torch.bernoulli(chance.clamp_(0, 1), generator=draws)
    rows.mul_(kept)
    return rows.div_(chance.clamp_(min=1e-6)) if rescale else rows


def _as_long(delta: TaskVector, thinned: Callable[[], Iterable[Tensor]]) -> Iterable[Tensor]:
    """What is left of a task vector, made so much larger that its sizes sum to what they did."""
    before, after = (
        sum(float(piece.abs().sum(dtype=torch.float64)) for piece in whole) for whole in (delta, thinned())
    )
    if min(before, after) < TINY:
        return thinned()
    return (piece * (before / after) for piece in thinned())


def everything(delta: TaskVector, density: float, given: Given, place: int) -> Iterable[Tensor]:
    """All of it."""
    return delta


def largest(delta: TaskVector, density: float, given: Given, place: int) -> Iterable[Tensor]:
    """The largest numbers."""
    if given.rescale and density < 1:
        return _as_long(delta, lambda: keep_largest(delta, density))
    return keep_largest(delta, density)


def middle(delta: TaskVector, density: float, given: Given, place: int) -> Iterable[Tensor]:
    """All but the largest and the smallest numbers."""
    if given.rescale and density < 1:
        return _as_long(delta, lambda: keep_middle(delta, density, given.gamma))
    return keep_middle(delta, density, given.gamma)


def at_random(delta: TaskVector, density: float, given: Given, place: int) -> Iterable[Tensor]:
    """Random numbers, made larger."""
    return drop_random(delta, density, given.draws(place), given.rescale is not False)


def by_rank(delta: TaskVector, density: float, given: Given, place: int) -> Iterable[Tensor]:
    """Random numbers, the larger the likelier, made larger."""
    rescale = given.rescale is not False
    return drop_by_rank(delta, density, given.epsilon, given.draws(place), rescale)


# Adding them up


def added(thin: Thin) -> Callable[[Sequence[Tensor], Tensor, Given], Iterator[Tensor]]:
    """A method: the base and the weighted sum of thinned-out task vectors."""

    def method(models: Sequence[Tensor], base: Tensor, given: Given) -> Iterator[Tensor]:
        shares = given.shares()
        for start, *parts in zip(pieces(base), *_thinned(models, base, given, thin), strict=True):
            yield weighted_sum(parts, shares).add_(wide(start))

    return method


def agreed(thin: Thin) -> Callable[[Sequence[Tensor], Tensor, Given], Iterator[Tensor]]:
    """A method: the base and what those say who agree with the weightier sign at each place."""

    def method(models: Sequence[Tensor], base: Tensor, given: Given) -> Iterator[Tensor]:
        weights = given.weights
        for start, *parts in zip(pieces(base), *_thinned(models, base, given, thin), strict=True):
            yield elected(parts, weights, weights, given.normalize).add_(wide(start))

    return method


def _thinned(models: Sequence[Tensor], base: Tensor, given: Given, thin: Thin) -> list[Iterable[Tensor]]:
    return [thin(TaskVector(model, base), given.density(place), given, place) for place, model in enumerate(models)]


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


# Weighted sum of the task vectors (Ilharco et al. 2023)
task_arithmetic = added(everything)
# The largest changes of each, and only where they agree in sign (Yadav et al. 2023)
ties = agreed(largest)
# Random changes of each, made larger for those that were dropped (Yu et al. 2024)
dare_linear = added(at_random)
# As dare_linear, and only where they agree in sign
dare_ties = agreed(at_random)
# As dare_ties, the larger changes of a row more likely kept (Deep et al. 2024)
della = agreed(by_rank)
# As della, whether they agree in sign or not
della_linear = added(by_rank)
# Neither the largest nor the smallest changes of each (Davari and Belilovsky 2024)
breadcrumbs = added(middle)
# As breadcrumbs, and only where they agree in sign
breadcrumbs_ties = agreed(middle)


def sce(models: Sequence[Tensor], base: Tensor, given: Given) -> Iterator[Tensor]:
    """Select, calculate, erase (Wan et al. 2024): only places where the models differ most, each
    model weighted by the squares of its changes in this tensor, minority signs erased.

    Of the places where the models differ at all; where they never do, the base is what is left.
    """
    deltas = [TaskVector(model, base) for model in models]
    dropped: list[Tensor] = []  # a byte a number: the only thing of a tensor's size
    if given.select < 1 and len(deltas) > 1:
        differ = sum(int(spread.count_nonzero()) for spread in map(_spread, *deltas))
        count = base.numel() - int(given.select * differ)
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
