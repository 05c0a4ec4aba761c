"""The updates, against numpy and against the papers' equations written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from playground.engine.facts import update
from playground.engine.facts.update import Thin

OUT, IN = 5, 9


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def moment():
    keys = noise(IN, 40, seed=1)
    return keys @ keys.T / 40


# ROME


def by_loops(weight, key, value, moment):
    """W' = W + (v - W k)(C^-1 k)^T / (k^T C^-1 k), one number at a time."""
    inverse = np.linalg.inv(moment.numpy())
    out, size = weight.shape
    direction = [sum(inverse[i, j] * float(key[j]) for j in range(size)) for i in range(size)]
    below = sum(float(key[i]) * direction[i] for i in range(size))
    new = np.zeros((out, size))
    for row in range(out):
        missing = float(value[row]) - sum(float(weight[row, i] * key[i]) for i in range(size))
        for column in range(size):
            new[row, column] = float(weight[row, column]) + missing * direction[column] / below
    return new


def test_the_key_gets_the_value_and_nothing_else_changes_more_than_it_must(moment):
    weight, key, value = noise(OUT, IN, seed=2), noise(IN, seed=3), noise(OUT, seed=4)
    change = update.rank_one(weight, key, value, moment)
    new = weight + change.dense().double()
    torch.testing.assert_close(new @ key, value, atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(new.numpy(), by_loops(weight, key, value, moment), atol=1e-5)
    assert change.rank == 1
    inverse = torch.linalg.inv(moment) @ key
    for seed in range(5):  # what has nothing to do with the key, as C measures it, stays
        other = noise(IN, seed=10 + seed)
        other = other - inverse * (other @ inverse) / (inverse @ inverse)
        torch.testing.assert_close(new @ other, weight @ other, atol=1e-5, rtol=1e-5)


def test_a_value_that_is_there_already_changes_nothing(moment):
    weight, key = noise(OUT, IN, seed=2), noise(IN, seed=3)
    change = update.rank_one(weight, key, weight @ key, moment)
    assert float(change.dense().abs().max()) < 1e-12


def test_with_a_moment_of_ones_it_is_the_shortest_change():
    weight, key, value = noise(OUT, IN, seed=2), noise(IN, seed=3), noise(OUT, seed=4)
    change = update.rank_one(weight, key, value, torch.eye(IN)).dense().double()
    wanted = np.linalg.lstsq(key[None].numpy(), (value - weight @ key)[None].numpy(), rcond=None)
    np.testing.assert_allclose(change.numpy(), wanted[0].T, atol=1e-6)  # of least norm


def test_a_moment_without_full_rank_can_be_inverted_once_damped():
    key = noise(IN, 1)
    once = key @ key.T
    damped = update.damped(once, 0.5)
    extra = 0.5 * once.trace() / IN
    torch.testing.assert_close(damped, once + extra * torch.eye(IN, dtype=torch.float64))
    torch.linalg.cholesky(damped)
    torch.linalg.cholesky(update.damped(torch.zeros(IN, IN), 0.5))  # nothing ever reached it


# MEMIT


def test_memit_is_ridge_regression_in_the_moments_measure(moment):
    """min |Delta K - R|^2 + lambda tr(Delta C Delta^T), solved as one stacked least squares."""
    residuals, keys, weight = noise(OUT, 3, seed=5), noise(IN, 3, seed=6), 0.7
    change = update.memit(residuals, keys, moment, weight).dense()
    root = np.linalg.cholesky(weight * moment.numpy())
    left = np.concatenate([keys.numpy().T, root.T])  # (3 + in, in)
    right = np.concatenate([residuals.numpy().T, np.zeros((IN, OUT))])
    wanted, *_ = np.linalg.lstsq(left, right, rcond=None)
    np.testing.assert_allclose(change.numpy(), wanted.T, atol=1e-5)


def test_one_fact_that_outweighs_the_text_is_romes_update(moment):
    weight, key, value = noise(OUT, IN, seed=2), noise(IN, seed=3), noise(OUT, seed=4)
    rome = update.rank_one(weight, key, value, moment).dense()
    residual = (value - weight @ key)[:, None]
    memit = update.memit(residual, key[:, None], moment, 1e-7).dense()
    torch.testing.assert_close(memit, rome, atol=1e-4, rtol=1e-4)


def test_its_rank_is_the_number_of_facts(moment):
    change = update.memit(noise(OUT, 3), noise(IN, 3), moment, 1.0)
    assert (change.up.shape, change.down.shape) == ((OUT, 3), (3, IN))
    assert change.up.dtype == change.down.dtype == torch.float32


# AlphaEdit


def test_the_projector_keeps_the_smallest_eigenvalues(moment):
    values, vectors = np.linalg.eigh(moment.numpy())
    share = 0.1
    count = int((np.cumsum(values) <= share * values.sum()).sum())
    assert 0 < count < IN
    projector = update.null_projector(moment, share)
    torch.testing.assert_close(projector @ projector, projector)
    torch.testing.assert_close(projector, projector.T)
    wanted = vectors[:, :count] @ vectors[:, :count].T
    np.testing.assert_allclose(projector.numpy(), wanted, atol=1e-9)


@pytest.mark.parametrize(("share", "trace"), [(0.0, 0), (1.0, IN)])
def test_a_projector_on_nothing_and_on_everything(moment, share, trace):
    found = float(update.null_projector(moment, share).trace())
    assert found == pytest.approx(trace, abs=1.001)  # the last one, by rounding


def test_alphaedit_adds_nothing_to_the_preserved_inputs(moment):
    _, vectors = torch.linalg.eigh(moment)
    projector = update.null_projector(moment, 0.1)
    count = round(float(projector.trace()))
    residuals, keys = noise(OUT, 3, seed=5), noise(IN, 3, seed=6)
    change = update.alphaedit(residuals, keys, projector, 0.3).dense().double()
    preserved = vectors[:, count:]
    assert preserved.shape[1] > 0
    assert float((change @ preserved).abs().max()) < 1e-5 * float(change.abs().max() + 1)
    assert float((change @ vectors[:, :count]).abs().max()) > 1e-3
    # the paper's own form, a system as large as the matrix
    inside = projector @ (keys @ keys.T) + 0.3 * torch.eye(IN, dtype=torch.float64)
    wanted = torch.linalg.solve(inside, projector @ keys @ residuals.T).T
    torch.testing.assert_close(change, wanted, atol=1e-5, rtol=1e-5)


# Thin changes


def test_a_thin_change_knows_its_norm_and_its_sum():
    one = Thin(noise(OUT, 2).float(), noise(2, IN, seed=1).float())
    two = Thin(noise(OUT, 1, seed=2).float(), noise(1, IN, seed=3).float())
    assert one.norm() == pytest.approx(float(one.dense().norm()), rel=1e-5)
    assert Thin(torch.zeros(OUT, 1), torch.zeros(1, IN)).norm() == 0
    both = two.over(one)
    torch.testing.assert_close(both.dense(), one.dense() + two.dense())
    assert both.rank == 3
    assert one.over(None) is one
