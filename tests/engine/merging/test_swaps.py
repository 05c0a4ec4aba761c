"""Swaps and many-model arcs against float64 loops from the methods' own definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from merge_made import METHODS, SHAPES, drawn, numpy_of, options

from playground.engine.pruning.masks import ranked

multislerp, nearswap, arcee_fusion = (METHODS[name].merge for name in ("multislerp", "nearswap", "arcee_fusion"))


def close(found: torch.Tensor, truth: np.ndarray, atol: float = 1e-9) -> None:
    np.testing.assert_allclose(found.double().numpy(), truth, rtol=1e-8, atol=atol)


# Multi-SLERP, step by step as Goddard tells it: mean direction, tangent plane, and back


def barycentre(vectors: list[np.ndarray], weights: list[float]) -> np.ndarray:
    lengths = [np.linalg.norm(vector) for vector in vectors]
    units = [vector / length for vector, length in zip(vectors, lengths, strict=True)]
    mean = sum(w * unit for w, unit in zip(weights, units, strict=True))
    mean /= np.linalg.norm(mean)
    tangents = [unit - (unit * mean).sum() * mean for unit in units]
    step = sum(w * tangent for w, tangent in zip(weights, tangents, strict=True))
    size = np.linalg.norm(step) + 1e-8
    point = mean * math.cos(size) + step * (math.sin(size) / size)
    return point * sum(w * length for w, length in zip(weights, lengths, strict=True))


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.3, 0.9), (2.0, 0.5, 0.5), (1.5, -0.5, 1.0)])
def test_multislerp_is_the_barycentre_on_the_sphere(weights):
    for shape in [(23,), (6, 9)]:
        base, *models = drawn(shape, len(weights) + 1)
        b, *arrays = numpy_of(base, *models)
        shares = [weight / sum(weights) for weight in weights]
        close(multislerp(models, base, options(weights)), barycentre(arrays, shares), 1e-7)
        around = options(weights, around_base=True)
        truth = b + barycentre([array - b for array in arrays], shares)
        close(multislerp(models, base, around), truth, 1e-7)
        plain = options(weights, normalize=False)
        close(multislerp(models, base, plain), barycentre(arrays, list(weights)), 1e-7)


def test_multislerp_of_one_of_zeros_and_of_opposites_is_a_weighted_sum():
    base, model = drawn((6, 9), 2)
    assert torch.equal(multislerp([model], base, options([0.5], normalize=False)), model)
    zeros = torch.zeros(6, 9, dtype=torch.float64)
    close(multislerp([zeros, zeros], base, options([1.0, 2.0])), zeros.numpy())
    close(multislerp([model, -model], base, options([1.0, 1.0])), zeros.numpy())
    close(multislerp([base, base], base, options([1.0, 2.0], around_base=True)), base.numpy())


# NearSwap


@pytest.mark.parametrize("near", [-1.0, 0.0, 1e-8, 1e-4, 0.2, 10.0])
def test_nearswap_moves_each_number_by_so_much_at_most(near):
    for shape in SHAPES:
        base, model = drawn(shape, 2)
        model = torch.where(torch.arange(base.numel()).reshape(shape) % 3 == 1, base, model)
        model.view(-1)[-1] = base.view(-1)[-1] + 1e-7  # nearer than what counts as near
        truth = np.empty(shape)
        for place in np.ndindex(shape):
            a, b = float(base[place]), float(model[place])
            share = min(1.0, max(0.0, near / max(1e-6, abs(a - b))))
            truth[place] = share * b + (1 - share) * a
        close(nearswap([model], base, options([1.0], near=near)), truth)


def test_nearswap_by_hand():
    base, model = torch.zeros(4), torch.tensor([0.05, -0.1, 0.4, -1.0])
    found = nearswap([model], base, options([1.0], near=0.1))
    torch.testing.assert_close(found, torch.tensor([0.05, -0.1, 0.1, -0.1]))


# Arcee Fusion


def softmax(row: np.ndarray) -> np.ndarray:
    powers = np.exp(row - row.max())
    return powers / powers.sum()


def fused(base: np.ndarray, model: np.ndarray) -> np.ndarray:
    rows, there = np.atleast_2d(base), np.atleast_2d(model)
    importance = np.zeros(rows.shape)
    for n, (a, b) in enumerate(zip(rows, there, strict=True)):
        p, q = softmax(b) + 1e-8, softmax(a) + 1e-8
        importance[n] = np.abs(b - a) * (p * np.log(p / q)).sum()
    ordered = np.sort(importance.ravel())
    first, median, third = (ordered[int(q * (len(ordered) - 1))] for q in (0.25, 0.5, 0.75))
    taken = importance >= median + 1.5 * (third - first)
    return np.where(taken, there, rows).reshape(base.shape)


def test_arcee_fusion_takes_what_matters_most():
    for seed, shape in enumerate([(7,), (23,), (6, 9), (40, 30)]):
        base, model = drawn(shape, 2, seed)
        truth = fused(*numpy_of(base, model))
        close(arcee_fusion([model], base, options([1.0])), truth)
        assert not shape[1:] or 0 < (truth != base.numpy()).sum() < truth.size / 2


def test_arcee_fusion_of_equal_models_and_of_a_single_change():
    [base] = drawn((6, 9), 1)
    assert torch.equal(arcee_fusion([base.clone()], base, options([1.0])), base)
    other = base.clone()
    other[2, 3] += 1
    assert torch.equal(arcee_fusion([other], base, options([1.0])), other)


def test_numbers_at_ranks_are_those_of_a_sort():
    draws = torch.Generator().manual_seed(1)
    scores = [torch.rand(1000, generator=draws) * 10**n for n in (-30, 0, 3)]
    scores[1][:500] = 0.25  # many alike
    ordered = torch.cat(scores).sort().values
    ranks = [0, 1, 999, 1200, 1500, 2999]
    assert ranked(lambda: scores, ranks) == ordered[ranks].tolist()
