"""Merging what was learned: changes from a common base, thinned out and added up.

Functions of tensors of one shape and any precision, to the pieces of the merged one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from playground.engine.merging.averages import weighted_sum
from playground.engine.merging.method import TaskVector, merge_method, pieces, shares, wide
from playground.engine.merging.thinning import at_random, by_rank, largest, middle, thinned, without
from playground.engine.pruning.masks import lowest_of_all

CANCELLED = 1e-6  # of the weights: a sum that is no more than this is 0


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
        return [without(delta, dropped) if dropped else delta for delta in deltas]

    squares = [sum(float(part.square().sum()) for part in change) for change in chosen()]
    total = sum(squares)
    weights = [square / total if total else 1 / len(squares) for square in squares]
    for start, *parts in zip(pieces(base), *chosen(), strict=True):
        yield elected(parts, [1.0] * len(parts), weights, True).add_(wide(start))


def _spread(*parts: Tensor) -> Tensor:
    """How much several tensors differ at each place."""
    return torch.stack(parts).var(dim=0, unbiased=False).float()
