"""Merging whole weights: averages on a line and on a sphere.

Pure functions of tensors of one shape; the base is used by slerp and model stock alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from playground.engine.merging.given import Given

PARALLEL = 0.9995  # cosine from which on a straight line is taken for the arc
ROUNDS, NEAR = 10, 1e-7  # of the Karcher mean: how often it is improved, and when it is reached


def linear(models: Sequence[Tensor], base: Tensor, given: Given) -> Tensor:
    """Weighted average, a model soup (Wortsman et al. 2022)."""
    return weighted_sum(models, given.shares())


def weighted_sum(tensors: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Sum of weight times tensor, without a copy of every tensor."""
    total = tensors[0] * weights[0]
    for tensor, weight in zip(tensors[1:], weights[1:], strict=True):
        total.add_(tensor, alpha=weight)
    return total


def slerp(models: Sequence[Tensor], base: Tensor, given: Given) -> Tensor:
    """From the base to a model along the arc between them (Shoemake 1985): t of the angle."""
    [model] = models
    return arc(base, model, given.t)


def nuslerp(models: Sequence[Tensor], base: Tensor, given: Given) -> Tensor:
    """Between two models along the arc; the second's share of the weights is the place on it."""
    first, second = models
    return arc(first, second, given.shares()[1])


def arc(first: Tensor, second: Tensor, t: float) -> Tensor:
    """Between two tensors seen as vectors, along the arc of their directions.

    The two are not made equally long: at t their coefficients are sin((1 - t) w) / sin w and
    sin(t w) / sin w for the angle w. Where the angle says nothing (a zero, parallel or opposite
    vectors), along a straight line.
    """
    lengths = float(first.norm()), float(second.norm())
    if min(lengths) == 0 or t in (0, 1):
        return _line(first, second, t)
    cosine = float((first.flatten() / lengths[0]) @ (second.flatten() / lengths[1]))
    if abs(cosine) > PARALLEL:
        return _line(first, second, t)
    angle = math.acos(cosine)
    parts = math.sin((1 - t) * angle) / math.sin(angle), math.sin(t * angle) / math.sin(angle)
    return weighted_sum((first, second), parts)


def _line(first: Tensor, second: Tensor, t: float) -> Tensor:
    return torch.lerp(first, second, t)


def karcher(models: Sequence[Tensor], base: Tensor, given: Given) -> Tensor:
    """The Karcher mean of the models' directions, the point on the sphere with the least sum of
    squared angles to them (Karcher 1977), as long as they are on average."""
    shares = given.shares()
    lengths = [float(model.norm()) for model in models]
    pairs = zip(models, lengths, shares, strict=True)
    units = [(model / length, share) for model, length, share in pairs if length > 0]
    total = sum(share for _, share in units)
    if not units or abs(total) < NEAR:
        return linear(models, base, given)
    units = [(unit, share / total) for unit, share in units]
    mean = weighted_sum([unit for unit, _ in units], [share for _, share in units])
    mean = mean / mean.norm() if float(mean.norm()) > NEAR else units[0][0]
    for _ in range(ROUNDS):
        step = torch.zeros_like(mean)
        for unit, share in units:
            cosine = float((mean * unit).sum().clamp(-1, 1))
            angle = math.acos(cosine)
            if math.sin(angle) > NEAR:
                step += (unit - cosine * mean) * (share * angle / math.sin(angle))
        length = float(step.norm())
        if length < NEAR:
            break
        mean = math.cos(length) * mean + (math.sin(length) / length) * step
        mean = mean / mean.norm()
    return mean * sum(share * length for share, length in zip(shares, lengths, strict=True))


def model_stock(models: Sequence[Tensor], base: Tensor, given: Given) -> Tensor:
    """Between the base and the models' average, the nearer to the average the more the models
    agree (Jang et al. 2024): t = N c / (1 + (N - 1) c) for N models whose changes have the mean
    cosine c; changes that point apart count as c = 0.
    """
    average = weighted_sum(models, [1 / len(models)] * len(models))
    deltas = [model - base for model in models]
    cosines = [
        cosine(first, second)
        for place, first in enumerate(deltas)
        for second in deltas[place + 1 :]
    ]
    agreement = max(0.0, sum(cosines) / len(cosines)) if cosines else 1.0
    count = len(models)
    return torch.lerp(base, average, count * agreement / (1 + (count - 1) * agreement))


def cosine(first: Tensor, second: Tensor) -> float:
    """Of two tensors seen as vectors; 0 where one is zero."""
    lengths = float(first.norm()) * float(second.norm())
    return float(first.flatten() @ second.flatten()) / lengths if lengths else 0.0
