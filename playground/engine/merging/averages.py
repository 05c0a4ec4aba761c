"""Merging whole weights: averages on a line and on a sphere.

Functions of tensors of one shape, to the pieces of the merged one; the base is used by slerp,
model stock and multislerp around it. Norms and angles come from a first pass over the pieces,
summed in float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from playground.engine.merging.method import MOST, TaskVector, merge_method, pieces, shares, wide

PARALLEL = 0.9995  # cosine from which on a straight line is taken for the arc
SMALL, LARGE = 1e-30, 1e38  # between which float32 holds a sum of products well
ROUNDS, NEAR = 10, 1e-7  # of the Karcher mean: how often it is improved, and when it is reached


@merge_method("linear", paper="Wortsman et al. 2022")
def linear(
    models: Sequence[Tensor], base: Tensor, *, weight: Sequence[float], normalize: bool = True
) -> Iterator[Tensor]:
    """Weighted average, a model soup (Wortsman et al. 2022)."""
    return blended(models, shares(weight, normalize))


def blended(models: Sequence[Tensor], weights: Sequence[float]) -> Iterator[Tensor]:
    """Sum of weight times tensor, in pieces."""
    for parts in zip(*map(pieces, models), strict=True):
        yield weighted_sum([wide(part) for part in parts], weights)


def weighted_sum(tensors: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Sum of weight times tensor, without a copy of every tensor."""
    total = tensors[0] * weights[0]
    for tensor, weight in zip(tensors[1:], weights[1:], strict=True):
        total.add_(tensor, alpha=weight)
    return total


def products(*vectors: Iterable[Tensor]) -> Tensor:
    """Inner products of vectors that come in pieces: (vectors, vectors), float64."""
    total = torch.zeros(len(vectors), len(vectors), dtype=torch.float64)
    for parts in zip(*vectors, strict=True):
        rows = [wide(part) for part in parts]
        for row, first in enumerate(rows):
            for other in range(row, len(rows)):
                total[row, other] += _product(first, rows[other])
    return total.triu() + total.triu(1).T


def _product(first: Tensor, second: Tensor) -> float:
    """Of two pieces, (rows, numbers): each row in their precision, their sums in float64, since a
    copy in float64 takes several times as long; such a copy where float32 has no room.
    """
    product = float((first * second).sum(-1).double().sum())
    if SMALL < abs(product) < LARGE:
        return product
    return float(first.double().flatten() @ second.double().flatten())


@merge_method("slerp", paper="Shoemake 1985", models=(1, 1), from_base=True)
def slerp(models: Sequence[Tensor], base: Tensor, *, t: float) -> Iterator[Tensor]:
    """From the base to a model along the arc between them (Shoemake 1985): t of the angle."""
    [model] = models
    return arc(base, model, t)


@merge_method("nuslerp", paper="Shoemake 1985", models=(2, 2), fixed=("normalize",))
def nuslerp(
    models: Sequence[Tensor], base: Tensor, *, weight: Sequence[float], normalize: bool = True
) -> Iterator[Tensor]:
    """Between two models along the arc; the second's share of the weights is the place on it."""
    first, second = models
    return arc(first, second, shares(weight, normalize)[1])


def arc(first: Tensor, second: Tensor, t: float) -> Iterator[Tensor]:
    """Between two tensors seen as vectors, along the arc of their directions.

    The two are not made equally long: at t their coefficients are sin((1 - t) w) / sin w and
    sin(t w) / sin w for the angle w. Where the angle says nothing (a zero, parallel or opposite
    vectors), along a straight line.
    """
    inner = products(pieces(first), pieces(second))
    lengths = math.sqrt(float(inner[0, 0])) * math.sqrt(float(inner[1, 1]))
    cosine = float(inner[0, 1]) / lengths if lengths else 1.0
    if abs(cosine) > PARALLEL or t in (0, 1):
        return _line(first, second, t)
    angle = math.acos(cosine)
    parts = math.sin((1 - t) * angle) / math.sin(angle), math.sin(t * angle) / math.sin(angle)
    return blended((first, second), parts)


def _line(first: Tensor, second: Tensor, t: float) -> Iterator[Tensor]:
    for start, other in zip(pieces(first), pieces(second), strict=True):
        yield torch.lerp(wide(start), wide(other), t)


@merge_method("multislerp", paper="Goddard 2025")
def multislerp(
    models: Sequence[Tensor],
    base: Tensor,
    *,
    weight: Sequence[float],
    normalize: bool = True,
    around_base: bool = False,
) -> Iterator[Tensor]:
    """The weighted mean of the models' directions, as long as the models are on average (Goddard
    2025, https://goddard.blog/posts/multislerp-wow-what-a-cool-idea); around the base where that is
    asked for.

    As it is told, points are moved in the plane that touches the sphere at this mean; seen from
    there their weighted mean is 0, so that only the mean itself is left. Where directions cancel
    each other out, a weighted sum.
    """
    if len(models) == 1:
        return map(wide, pieces(models[0]))
    vectors = [TaskVector(m, base) if around_base else pieces(m) for m in models]
    inner, parts = products(*vectors), torch.tensor(shares(weight, normalize), dtype=torch.float64)
    lengths = inner.diagonal().sqrt()
    directions = torch.where(lengths > 0, parts / lengths, 0)
    size = math.sqrt(max(0.0, float(directions @ inner @ directions)))
    weights = directions * float(parts @ lengths) / size if size > NEAR else parts
    if not around_base:
        return blended(models, weights.tolist())
    return (
        weighted_sum(changes, weights.tolist()).add_(wide(start))
        for start, *changes in zip(pieces(base), *vectors, strict=True)
    )


@merge_method("karcher", paper="Karcher 1977", fixed=("normalize",))
def karcher(
    models: Sequence[Tensor], base: Tensor, *, weight: Sequence[float], normalize: bool = True
) -> Iterator[Tensor]:
    """The Karcher mean of the models' directions, the point on the sphere with the least sum of
    squared angles to them (Karcher 1977), as long as they are on average.

    Mean and steps are sums of the directions, so their inner products are all that is needed.
    """
    parts = torch.tensor(shares(weight, normalize), dtype=torch.float64)
    inner = products(*map(pieces, models))
    lengths = inner.diagonal().sqrt()
    nonzero = lengths > 0
    total = float(parts[nonzero].sum())
    if abs(total) < NEAR:
        return blended(models, parts.tolist())
    directions = inner[nonzero][:, nonzero] / torch.outer(lengths[nonzero], lengths[nonzero])
    weights = torch.zeros_like(parts)
    weights[nonzero] = _mean_direction(directions, parts[nonzero] / total) / lengths[nonzero]
    return blended(models, (weights * (parts @ lengths)).tolist())


def _mean_direction(inner: Tensor, shares: Tensor) -> Tensor:
    """The Karcher mean of unit vectors as their coefficients.

    :param inner: (vectors, vectors), their inner products.
    """

    def length(coefficients: Tensor) -> float:
        return math.sqrt(max(0.0, float(coefficients @ inner @ coefficients)))

    ones = torch.eye(len(shares), dtype=torch.float64)
    mean = shares / length(shares) if length(shares) > NEAR else ones[0]
    for _ in range(ROUNDS):
        step = torch.zeros_like(mean)
        for direction, share, cosine in zip(ones, shares, inner @ mean, strict=True):
            cosine = cosine.clamp(-1, 1)
            angle = math.acos(float(cosine))
            if math.sin(angle) > NEAR:
                step += (direction - cosine * mean) * (share * angle / math.sin(angle))
        size = length(step)
        if size < NEAR:
            break
        mean = math.cos(size) * mean + (math.sin(size) / size) * step
        mean = mean / length(mean)
    return mean


@merge_method("model_stock", paper="Jang et al. 2024", models=(2, MOST), from_base=True)
def model_stock(models: Sequence[Tensor], base: Tensor) -> Iterator[Tensor]:
    """Between the base and the models' average, the nearer to the average the more the models
    agree (Jang et al. 2024): t = N c / (1 + (N - 1) c) for N models whose changes have the mean
    cosine c; changes that point apart count as c = 0.
    """
    count = len(models)
    inner = products(*(TaskVector(model, base) for model in models))
    lengths = inner.diagonal().sqrt()
    cosines = inner / torch.outer(lengths, lengths).clamp(min=torch.finfo(inner.dtype).tiny)
    pairs = count * (count - 1)
    apart = float(cosines.sum() - cosines.diagonal().sum())
    agreement = max(0.0, apart / pairs) if pairs else 1.0
    t = count * agreement / (1 + (count - 1) * agreement)
    average = blended(models, [1 / count] * count)
    return (torch.lerp(wide(start), mean, t) for start, mean in zip(pieces(base), average, strict=True))


def cosine(first: Tensor, second: Tensor) -> float:
    """Of two tensors seen as vectors; 0 where one is zero."""
    inner = products(pieces(first), pieces(second))
    lengths = math.sqrt(float(inner[0, 0])) * math.sqrt(float(inner[1, 1]))
    return float(inner[0, 1]) / lengths if lengths else 0.0
