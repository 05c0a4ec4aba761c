"""Merging what was learned: changes from a common base, thinned out and added up.

Pure functions of tensors of one shape. A task vector is a model's tensor less the base's. Models
may come in any precision; the base's is worked in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from playground.engine.masks import lowest_of_all
from playground.engine.merging.averages import weighted_sum
from playground.engine.merging.given import PIECE, Given, Thin, pieces

# Thinning one task vector out, piece by piece, so that what is needed on the way stays small


def keep_largest(delta: Tensor, density: float) -> Tensor:
    """Only the largest numbers stay: ``int(density * numel)`` of them, ties to the higher index."""
    kept = int(density * delta.numel())
    if kept >= delta.numel():
        return delta
    return _without(delta, _smallest(delta, delta.numel() - kept))


def keep_middle(delta: Tensor, density: float, gamma: float) -> Tensor:
    """Neither the largest share ``gamma`` nor the smallest stay, so that ``density`` does."""
    count = delta.numel()
    kept = int(density * count)
    if kept >= count:
        return delta
    top = min(int(gamma * count), count - kept)
    pairs = zip(_smallest(delta, count - kept - top), _smallest(delta, count - top), strict=True)
    return _without(delta, (smallest | ~rest for smallest, rest in pairs))


def _smallest(delta: Tensor, count: int) -> Iterable[Tensor]:
    """Masks of the smallest numbers of a tensor, one for each piece of it."""
    return lowest_of_all(lambda: (one.abs().float() for one in pieces(delta)), count)


def _without(delta: Tensor, dropped: Iterable[Tensor]) -> Tensor:
    """A copy with zeros where the masks of its pieces say so."""
    thin = delta.clone(memory_format=torch.contiguous_format)
    for piece, mask in zip(pieces(thin), dropped, strict=True):
        piece.masked_fill_(mask, 0)
    return thin


def drop_random(delta: Tensor, density: float, draws: torch.Generator) -> Tensor:
    """Each number stays with the chance ``density`` and is divided by it, else it is dropped."""
    if density >= 1:
        return delta
    thin = delta.clone(memory_format=torch.contiguous_format)
    if density <= 0:
        return thin.zero_()
    for piece in pieces(thin):
        kept = torch.bernoulli(torch.full_like(piece, density), generator=draws)
        piece.mul_(kept).div_(density)
    return thin


def drop_by_rank(delta: Tensor, density: float, epsilon: float, draws: torch.Generator) -> Tensor:
    """The larger a number in its row, the likelier it stays, from density - epsilon to density +
    epsilon; what stays is divided by its chance (MagPrune, Deep et al. 2024)."""
    if density >= 1:
        return delta
    thin = delta.clone(memory_format=torch.contiguous_format)
    if density <= 0:
        return thin.zero_()
    table = thin.flatten(1) if thin.ndim > 1 else thin.reshape(1, -1)
    width = table.shape[1]
    epsilon = min(epsilon, density, 1 - density)
    for rows in table.split(max(1, PIECE // max(1, width))):
        ranks = rows.abs().argsort(dim=1, stable=True).argsort(dim=1)
        place = ranks.to(delta.dtype) / max(1, width - 1)  # 0 for the smallest, 1 for the largest
        chance = density - epsilon + 2 * epsilon * (place if width > 1 else place + 0.5)
        kept = torch.bernoulli(chance, generator=draws)
        rows.mul_(kept).div_(chance.clamp(min=1e-6))
    return thin


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


def _delta(model: Tensor, base: Tensor) -> Tensor:
    """A task vector, in the base's precision."""
    return model.to(base.dtype, copy=True).sub_(base)


def _added(models: Sequence[Tensor], base: Tensor, given: Given, thin: Thin) -> Tensor:
    """The base and the weighted sum of thinned-out task vectors."""
    shares, total = given.shares(), torch.zeros_like(base)
    for place, (model, share) in enumerate(zip(models, shares, strict=True)):
        total.add_(thin(_delta(model, base), given.density(place), given, place), alpha=share)
    return total.add_(base)


def _agreed(models: Sequence[Tensor], base: Tensor, given: Given, thin: Thin) -> Tensor:
    """The base and what those say who agree with the weightier sign at each place."""
    deltas = [
        thin(_delta(model, base), given.density(place), given, place)
        for place, model in enumerate(models)
    ]
    return elected(deltas, given.weights, given.weights, given.normalize).add_(base)


def elected(
    deltas: Sequence[Tensor], votes: Sequence[float], weights: Sequence[float], normalize: bool
) -> Tensor:
    """Weighted sum of those changes whose sign is that of the vote (a sum of 0 is positive).

    :param votes: what each change counts when the sign is elected.
    :param normalize: whether to divide by the sum of the weights that took part.
    """
    total = torch.zeros_like(deltas[0], memory_format=torch.contiguous_format)
    for sums, *parts in zip(pieces(total), *map(pieces, deltas), strict=True):
        positive, taken = weighted_sum(parts, votes) >= 0, torch.zeros_like(sums)
        for part, weight in zip(parts, weights, strict=True):
            weighted = part * weight
            agrees = ((weighted > 0) == positive).to(sums.dtype)  # where it is 0 nothing counts
            sums.addcmul_(weighted, agrees)
            taken.add_(agrees.mul_(weighted != 0), alpha=weight)
        if normalize:
            sums /= torch.where(taken == 0, torch.ones_like(taken), taken)
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
    deltas = [_delta(model, base) for model in models]
    if given.select < 1 and len(deltas) > 1:
        count = base.numel() - int(given.select * base.numel())
        dropped = list(lowest_of_all(lambda: map(_spread, *map(pieces, deltas)), count))
        deltas = [_without(delta, dropped) for delta in deltas]
    squares = [float(delta.square().sum()) for delta in deltas]
    total = sum(squares)
    weights = [square / total if total else 1 / len(squares) for square in squares]
    return elected(deltas, [1.0] * len(deltas), weights, True).add_(base)


def _spread(*parts: Tensor) -> Tensor:
    """How much several tensors differ at each place."""
    return torch.stack(parts).var(dim=0, unbiased=False).float()
