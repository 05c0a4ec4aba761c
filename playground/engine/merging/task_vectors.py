"""Merging what was learned: changes from a common base, thinned out and added up.

Pure functions of tensors of one shape. A task vector is a model's tensor less the base's.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from playground.engine.masks import lowest
from playground.engine.merging.averages import weighted_sum
from playground.engine.merging.given import Given, Thin

# Thinning one task vector out


def keep_largest(delta: Tensor, density: float) -> Tensor:
    """Only the largest numbers stay: ``int(density * numel)`` of them, ties to the higher index."""
    kept = int(density * delta.numel())
    if kept >= delta.numel():
        return delta
    return delta.masked_fill(lowest(delta.abs().float(), delta.numel() - kept), 0)


def keep_middle(delta: Tensor, density: float, gamma: float) -> Tensor:
    """Neither the largest share ``gamma`` nor the smallest stay, so that ``density`` does."""
    count = delta.numel()
    kept = int(density * count)
    if kept >= count:
        return delta
    top = min(int(gamma * count), count - kept)
    size = delta.abs().float()
    smallest, rest = lowest(size, count - kept - top), lowest(size, count - top)
    return delta.masked_fill(smallest | ~rest, 0)


def drop_random(delta: Tensor, density: float, draws: torch.Generator) -> Tensor:
    """Each number stays with the chance ``density`` and is divided by it, else it is dropped."""
    if density >= 1:
        return delta
    if density <= 0:
        return torch.zeros_like(delta)
    kept = torch.bernoulli(torch.full_like(delta, density), generator=draws)
    return delta * kept / density


def drop_by_rank(delta: Tensor, density: float, epsilon: float, draws: torch.Generator) -> Tensor:
    """The larger a number in its row, the likelier it stays, from density - epsilon to density +
    epsilon; what stays is divided by its chance (MagPrune, Deep et al. 2024)."""
    if density >= 1:
        return delta
    if density <= 0:
        return torch.zeros_like(delta)
    rows = delta.flatten(1) if delta.ndim > 1 else delta.reshape(1, -1)
    width = rows.shape[1]
    epsilon = min(epsilon, density, 1 - density)
    ranks = rows.abs().argsort(dim=1, stable=True).argsort(dim=1)
    place = ranks.to(delta.dtype) / max(1, width - 1)  # 0 for the smallest, 1 for the largest
    chance = density - epsilon + 2 * epsilon * (place if width > 1 else place + 0.5)
    kept = torch.bernoulli(chance, generator=draws)
    thin = torch.where(kept > 0, rows / chance.clamp(min=1e-6), torch.zeros_like(rows))
    return thin.view_as(delta)


def everything(delta: Tensor, density: float, given: Given, place: int) -> Tensor:
    """All of it."""
    return delta


def largest(delta: Tensor, density: float, given: Given, place: int) -> Tensor:
    """The largest numbers."""
    return keep_largest(delta, density)


def middle(delta: Tensor, density: float, given: Given, place: int) -> Tensor:
    """All but the largest and the smallest numbers."""
    return keep_middle(delta, density, given.gamma)


def at_random(delta: Tensor, density: float, given: Given, place: int) -> Tensor:
    """Random numbers, made larger."""
    return drop_random(delta, density, given.draws(place))


def by_rank(delta: Tensor, density: float, given: Given, place: int) -> Tensor:
    """Random numbers, the larger the likelier, made larger."""
    return drop_by_rank(delta, density, given.epsilon, given.draws(place))


# Adding them up


def _added(models: Sequence[Tensor], base: Tensor, given: Given, thin: Thin) -> Tensor:
    """The base and the weighted sum of thinned-out task vectors."""
    shares, total = given.shares(), None
    for place, (model, share) in enumerate(zip(models, shares, strict=True)):
        delta = thin(model - base, given.density(place), given, place)
        total = delta * share if total is None else total.add_(delta, alpha=share)
    assert total is not None
    return total.add_(base)


def _agreed(models: Sequence[Tensor], base: Tensor, given: Given, thin: Thin) -> Tensor:
    """The base and what those say who agree with the weightier sign at each place."""
    deltas = [
        thin(model - base, given.density(place), given, place) for place, model in enumerate(models)
    ]
    return elected(deltas, given.weights, given.normalize).add_(base)


def elected(deltas: Sequence[Tensor], weights: Sequence[float], normalize: bool) -> Tensor:
    """Weighted sum of those changes whose sign is that of the sum of all (a sum of 0 is positive).

    :param normalize: whether to divide by the sum of the weights that took part.
    """
    positive = weighted_sum(deltas, weights) >= 0
    total, taken = torch.zeros_like(deltas[0]), torch.zeros_like(deltas[0])
    for delta, weight in zip(deltas, weights, strict=True):
        weighted = delta * weight
        agrees = torch.where(positive, weighted > 0, weighted < 0)
        total += weighted * agrees
        taken[agrees] += weight
    if normalize:
        total /= torch.where(taken == 0, torch.ones_like(taken), taken)
    return total


def task_arithmetic(models: Sequence[Tensor], base: Tensor, given: Given) -> Tensor:
    """Weighted sum of the task vectors (Ilharco et al. 2023)."""
    return _added(models, base, given, everything)


def ties(models: Sequence[Tensor], base: Tensor, given: Given) -> Tensor:
    """The largest changes of each, and only where they agree in sign (Yadav et al. 2023)."""
    return _agreed(models, base, given, largest)


def dare_linear(models: Sequence[Tensor], base: Tensor, given: Given) -> Tensor:
    """Random changes of each, made larger for those that were dropped (Yu et al. 2024)."""
    return _added(models, base, given, at_random)


def dare_ties(models: Sequence[Tensor], base: Tensor, given: Given) -> Tensor:
    """As ``dare_linear``, and only where they agree in sign."""
    return _agreed(models, base, given, at_random)


def della(models: Sequence[Tensor], base: Tensor, given: Given) -> Tensor:
    """As ``dare_ties``, the larger changes of a row more likely kept (Deep et al. 2024)."""
    return _agreed(models, base, given, by_rank)


def breadcrumbs(models: Sequence[Tensor], base: Tensor, given: Given) -> Tensor:
    """Neither the largest nor the smallest changes of each (Davari and Belilovsky 2024)."""
    return _added(models, base, given, middle)


def sce(models: Sequence[Tensor], base: Tensor, given: Given) -> Tensor:
    """Select, calculate, erase (Wan et al. 2024): only places where the models differ most, each
    model weighted by the squares of its changes in this tensor, minority signs erased."""
    deltas = [model - base for model in models]
    if given.select < 1 and len(deltas) > 1:
        spread = torch.stack(deltas).var(dim=0, unbiased=False).float()
        dropped = lowest(spread, spread.numel() - int(given.select * spread.numel()))
        deltas = [delta.masked_fill(dropped, 0) for delta in deltas]
    squares = [float(delta.square().sum()) for delta in deltas]
    total = sum(squares)
    weights = [square / total if total else 1 / len(squares) for square in squares]
    positive = weighted_sum(deltas, [1.0] * len(deltas)) >= 0
    found, taken = torch.zeros_like(base), torch.zeros_like(base)
    for delta, weight in zip(deltas, weights, strict=True):
        agrees = torch.where(positive, delta > 0, delta < 0)
        found += delta * agrees * weight
        taken[agrees] += weight
    return found.div_(torch.where(taken == 0, torch.ones_like(taken), taken)).add_(base)
