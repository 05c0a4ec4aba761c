"""Task vectors against float64 numpy from the papers' formulas, and against PEFT."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st
from merge_made import METHODS, SHAPES, drawn, numpy_of, options
from peft.utils import merge_utils

from playground.engine.merging import thinning
from playground.engine.merging.method import TaskVector, draws, joined, seed_of

task_arithmetic, ties, dare_linear, dare_ties, della, breadcrumbs, sce = (
    METHODS[name].merge
    for name in ("task_arithmetic", "ties", "dare_linear", "dare_ties", "della", "breadcrumbs", "sce")
)
DENSITIES = [0.0, 0.2, 0.5, 0.77, 1.0]
WEIGHTS = [(1.0,), (1.0, 1.0), (0.3, 0.9), (2.0, 0.5, 0.7)]


def near(found: torch.Tensor, truth: np.ndarray, atol: float = 1e-9) -> None:
    np.testing.assert_allclose(found.double().numpy(), truth, rtol=1e-9, atol=atol)


def thinned(way: str, delta: torch.Tensor, *parameters) -> torch.Tensor:
    """What a way of thinning leaves of a task vector from zero."""
    vector = TaskVector(delta, torch.zeros_like(delta))
    return joined(getattr(thinning, way)(vector, *parameters), delta)


def deltas_of(base: torch.Tensor, models: list[torch.Tensor]) -> list[np.ndarray]:
    b, *arrays = numpy_of(base, *models)
    return [array - b for array in arrays]


# The papers


def trimmed(delta: np.ndarray, density: float) -> np.ndarray:
    """The share of a task vector that is largest by size, the rest 0."""
    flat, kept = delta.ravel().copy(), int(density * delta.size)
    flat[np.argsort(-np.abs(flat), kind="stable")[kept:]] = 0
    return flat.reshape(delta.shape)


def without_outliers(delta: np.ndarray, density: float, gamma: float) -> np.ndarray:
    """Masked are the share gamma that is largest and, from below, all that is too many."""
    flat, kept = delta.ravel().copy(), int(density * delta.size)
    order = np.argsort(-np.abs(flat), kind="stable")
    top = min(int(gamma * delta.size), delta.size - kept)
    flat[order[:top]] = 0
    flat[order[top + kept :]] = 0
    return flat.reshape(delta.shape)


def disjoint(deltas: list[np.ndarray], weights: tuple[float, ...], mean: bool) -> np.ndarray:
    """Elect a sign for each place, and add up those that have it, or take their mean."""
    found = np.zeros_like(deltas[0])
    for place in np.ndindex(found.shape):
        votes = [(w * d[place], w) for d, w in zip(deltas, weights, strict=True)]
        sign = 1 if sum(vote for vote, _ in votes) >= 0 else -1
        agreeing = [(vote, w) for vote, w in votes if vote * sign > 0]
        total = sum(vote for vote, _ in agreeing)
        found[place] = total / sum(w for _, w in agreeing) if mean and agreeing else total
    return found


def added(deltas: list[np.ndarray], weights: tuple[float, ...], mean: bool) -> np.ndarray:
    return sum(w * d for w, d in zip(weights, deltas, strict=True)) / (sum(weights) if mean else 1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("weights", [*WEIGHTS, (-1.0,), (1.0, -1.0)])
def test_task_arithmetic_adds_the_weighted_changes(shape, weights):
    base, *models = drawn(shape, len(weights) + 1)
    truth = base.numpy() + added(deltas_of(base, models), weights, False)
    near(task_arithmetic(models, base, options(weights, normalize=False)), truth)


def test_a_negative_weight_takes_away_what_was_learned():
    base, model = drawn((6, 9), 2)
    near(task_arithmetic([model], base, options([-1.0], normalize=False)), (2 * base - model).numpy())


@pytest.mark.parametrize("mean", [True, False])
@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_ties_trims_elects_and_averages(weights, density, mean):
    for shape in SHAPES:
        base, *models = drawn(shape, len(weights) + 1)
        kept = [trimmed(delta, density) for delta in deltas_of(base, models)]
        found = ties(models, base, options(weights, [density] * len(weights), mean))
        near(found, base.numpy() + disjoint(kept, weights, mean))


def test_ties_with_a_density_for_each_model():
    base, *models = drawn((6, 9), 4)
    densities = [0.0, 0.3, 1.0]
    kept = [trimmed(d, p) for d, p in zip(deltas_of(base, models), densities, strict=True)]
    truth = base.numpy() + disjoint(kept, (1, 1, 1), True)
    near(ties(models, base, options([1.0] * 3, densities)), truth)


def test_ties_of_a_conflict_by_hand():
    zero = torch.zeros(4)
    models = [torch.tensor([1.0, 1.0, 1.0, 0.0]), torch.tensor([3.0, -3.0, -1.0, 0.0])]
    found = ties(models, zero, options([1.0, 1.0]))
    assert found.tolist() == [2.0, -3.0, 1.0, 0.0]  # a draw goes to the positive
    found = ties(models, zero, options([1.0, 1.0], normalize=False))
    assert found.tolist() == [4.0, -3.0, 1.0, 0.0]
    found = ties(models, zero, options([5.0, 1.0], normalize=False))  # the heavier one decides
    assert found.tolist() == [8.0, 5.0, 5.0, 0.0]


@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize("gamma", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_breadcrumbs_masks_both_ends(weights, density, gamma):
    for shape in SHAPES:
        base, *models = drawn(shape, len(weights) + 1)
        kept = [without_outliers(delta, density, gamma) for delta in deltas_of(base, models)]
        given = options(weights, [density] * len(weights), False, gamma=gamma)
        near(breadcrumbs(models, base, given), base.numpy() + added(kept, weights, False))


def test_breadcrumbs_by_hand():
    delta = torch.tensor([5.0, -4.0, 3.0, -2.0, 1.0, 0.5, 0.4, 0.3, 0.2, 0.1])
    assert thinned("keep_middle", delta, 0.3, 0.2).tolist() == [0, 0, 3, -2, 1, 0, 0, 0, 0, 0]
    assert thinned("keep_middle", delta, 0.9, 0.5).nonzero().flatten().tolist() == list(range(1, 10))


@pytest.mark.parametrize("method", ["dare_linear", "dare_ties"])
@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_dare_drops_at_random_and_makes_the_rest_larger(method, weights, density):
    base, *models = drawn((6, 9), len(weights) + 1)
    given = options(weights, [density] * len(weights), method == "dare_ties", seed=5)
    kept = []
    for place, delta in enumerate(deltas_of(base, models)):
        chances = torch.full((6, 9), density, dtype=torch.float64)
        mask = torch.bernoulli(chances, generator=draws(given["seed"], place)).numpy()
        kept.append(delta * mask / (density or 1))
    found = METHODS[method].merge(models, base, given)
    truth = disjoint(kept, weights, True) if method == "dare_ties" else added(kept, weights, False)
    near(found, base.numpy() + truth)


def chances_by_rank(delta: np.ndarray, density: float, epsilon: float) -> np.ndarray:
    """The chance to stay grows with the rank in the row, in even steps around the density."""
    rows = np.atleast_2d(delta)
    found = np.zeros_like(rows)
    for row, values in enumerate(np.abs(rows)):
        steps = np.linspace(density - epsilon, density + epsilon, len(values))
        found[row, np.argsort(values, kind="stable")] = steps if len(values) > 1 else density
    return found.reshape(delta.shape)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("density", "epsilon"), [(0.5, 0.1), (0.3, 0.3), (0.5, 0.0), (0.8, 0.2)])
def test_della_keeps_by_rank_and_divides_by_the_chance(shape, density, epsilon):
    base, *models = drawn(shape, 3)
    given = options([1.0, 0.5], [density] * 2, epsilon=epsilon, seed=9)
    kept = []
    for place, delta in enumerate(deltas_of(base, models)):
        chances = chances_by_rank(delta, density, epsilon)
        rows = torch.from_numpy(np.atleast_2d(chances))
        mask = torch.bernoulli(rows, generator=draws(given["seed"], place)).numpy().reshape(shape)
        kept.append(np.where(mask > 0, delta / np.maximum(chances, 1e-12), 0))
    near(della(models, base, given), base.numpy() + disjoint(kept, (1.0, 0.5), True))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("select", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_sce_selects_calculates_and_erases(shape, select, count):
    base, *models = drawn(shape, count + 1)
    deltas = np.stack(deltas_of(base, models))
    if count > 1:
        variance, kept = deltas.var(axis=0).ravel(), int(select * base.numel())  # all differ
        chosen = np.zeros(base.numel(), dtype=bool)
        chosen[np.argsort(-variance)[:kept]] = True
        deltas = deltas * chosen.reshape(shape)
    squares = (deltas**2).reshape(count, -1).sum(1)
    eta = squares / squares.sum() if squares.sum() else np.full(count, 1 / count)
    truth = np.zeros(shape)
    for place in np.ndindex(*shape):
        sign = 1 if sum(d[place] for d in deltas) >= 0 else -1
        left = [(d[place], e) for d, e in zip(deltas, eta, strict=True) if d[place] * sign > 0]
        share = sum(e for _, e in left)
        truth[place] = sum(d * e for d, e in left) / share if share else 0
    near(sce(models, base, options([1.0] * count, select=select)), base.numpy() + truth)


def test_sce_of_models_that_do_not_differ_keeps_the_base():
    base, model = drawn((6, 9), 2)
    for select in (0.0, 0.5, 0.99):
        found = sce([model, model.clone()], base, options([1.0] * 2, select=select))
        assert torch.equal(found, base)
    assert torch.equal(sce([base, base.clone()], base, options([1.0] * 2, select=0.5)), base)


def test_sce_selects_among_the_places_that_differ():
    """Of eight places four differ, and half of those are two: the two that differ most."""
    base, one = torch.zeros(8, dtype=torch.float64), torch.ones(8, dtype=torch.float64)
    other = one + torch.tensor([0, 0, 0, 0, 1, 2, 3, 4.0], dtype=torch.float64)
    found = sce([one, other], base, options([1.0] * 2, select=0.5))
    assert found.nonzero().flatten().tolist() == [6, 7]


@pytest.mark.parametrize("weights", [(0.5, -0.5), (0.1, 0.2, -0.3), (0.0,), (1.0, -1.0)])
@pytest.mark.parametrize("method", ["ties", "dare_ties", "della", "breadcrumbs_ties"])
def test_weights_that_sum_to_0_are_normalized_place_by_place(method, weights):
    """Where those that agree cancel each other out there is nothing to divide by."""
    base, *models = (one.float() for one in drawn((6, 9), len(weights) + 1))
    given = options(weights, [1.0] * len(weights), True)
    truth = np.zeros((6, 9))
    deltas = deltas_of(base, models)
    for place in np.ndindex(6, 9):
        votes = [(w * d[place], w) for d, w in zip(deltas, weights, strict=True)]
        sign = 1 if sum(vote for vote, _ in votes) >= 0 else -1
        agreeing = [(vote, w) for vote, w in votes if vote * sign > 0]
        share = sum(w for _, w in agreeing)
        total = sum(vote for vote, _ in agreeing)
        truth[place] = total if abs(share) < 1e-9 else total / share
    found = METHODS[method].merge(models, base, given)
    np.testing.assert_allclose(found.double().numpy(), base.double().numpy() + truth, atol=1e-5)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("mean", [True, False])
def test_breadcrumbs_ties_masks_both_ends_and_elects(weights, mean):
    for shape in SHAPES:
        base, *models = drawn(shape, len(weights) + 1)
        kept = [without_outliers(delta, 0.6, 0.1) for delta in deltas_of(base, models)]
        given = options(weights, [0.6] * len(weights), mean, gamma=0.1)
        found = METHODS["breadcrumbs_ties"].merge(models, base, given)
        near(found, base.numpy() + disjoint(kept, weights, mean))


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("rescale", [True, False])
def test_della_linear_keeps_by_rank_and_adds(weights, rescale):
    base, *models = drawn((6, 9), len(weights) + 1)
    given = options(weights, [0.5] * len(weights), False, epsilon=0.2, seed=9, rescale=rescale)
    kept = []
    for place, delta in enumerate(deltas_of(base, models)):
        chances = chances_by_rank(delta, 0.5, 0.2)
        mask = torch.bernoulli(torch.from_numpy(chances), generator=draws(given["seed"], place)).numpy()
        kept.append(delta * mask / (chances if rescale else 1))
    found = METHODS["della_linear"].merge(models, base, given)
    near(found, base.numpy() + added(kept, weights, False))


@pytest.mark.parametrize("method", ["ties", "breadcrumbs", "breadcrumbs_ties"])
def test_rescaled_changes_have_the_sizes_that_they_had(method):
    """What is left of each model's change is so much larger that its sizes sum to the same."""
    for weights, density in itertools.product(WEIGHTS, (0.0, 0.3, 0.8, 1.0)):
        base, *models = drawn((6, 9), len(weights) + 1)
        kept = []
        for delta in deltas_of(base, models):
            whole = method == "ties"
            left = trimmed(delta, density) if whole else without_outliers(delta, density, 0.1)
            size = np.abs(left).sum()
            kept.append(left * (np.abs(delta).sum() / size if size else 1))
        given = options(weights, [density] * len(weights), False, gamma=0.1, rescale=True)
        found = METHODS[method].merge(models, base, given)
        agreed = method != "breadcrumbs"
        truth = disjoint(kept, weights, False) if agreed else added(kept, weights, False)
        near(found, base.numpy() + truth)


@pytest.mark.parametrize("method", ["dare_linear", "dare_ties"])
def test_dare_that_is_not_rescaled_leaves_what_stays_as_it_is(method):
    base, *models = drawn((6, 9), 3)
    given = options([0.3, 0.9], [0.4] * 2, False, seed=5, rescale=False)
    kept = []
    for place, delta in enumerate(deltas_of(base, models)):
        chances = torch.full((6, 9), 0.4, dtype=torch.float64)
        kept.append(delta * torch.bernoulli(chances, generator=draws(given["seed"], place)).numpy())
    truth = (disjoint if method == "dare_ties" else added)(kept, (0.3, 0.9), False)
    near(METHODS[method].merge(models, base, given), base.numpy() + truth)


# PEFT


def peft_deltas(count: int = 3, seed: int = 1) -> list[torch.Tensor]:
    return [one.float() for one in drawn((11, 13), count + 1, seed)[1:]]


@pytest.mark.parametrize("density", DENSITIES)
def test_trimming_is_pefts(density):
    deltas = peft_deltas()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        truth = merge_utils.magnitude_prune(deltas, torch.tensor([0.7, -1.0, 2.0]), density)
    found = sum(w * thinned("keep_largest", d, density) for w, d in zip([0.7, -1.0, 2.0], deltas, strict=True))
    torch.testing.assert_close(found, truth)


@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_ties_is_pefts(density, count):
    deltas = peft_deltas(count)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        truth = merge_utils.ties(deltas, torch.ones(count), density)
    found = ties(deltas, torch.zeros(11, 13), options([1.0] * count, [density] * count))
    torch.testing.assert_close(found, truth)


@pytest.fixture
def in_turn(monkeypatch):
    """All models draw from one stream, as PEFT does from the global one."""
    stream = torch.Generator().manual_seed(8)
    monkeypatch.setattr(thinning, "draws", lambda seed, place: stream)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(8)
        yield


@pytest.mark.parametrize("density", [0.2, 0.5, 0.77])
def test_dare_linear_is_pefts(in_turn, density):
    deltas, weights = peft_deltas(), [0.7, -1.0, 2.0]
    truth = merge_utils.dare_linear(deltas, torch.tensor(weights), density)
    found = dare_linear(deltas, torch.zeros(11, 13), options(weights, [density] * 3, False))
    torch.testing.assert_close(found, truth)


@pytest.mark.parametrize("density", [0.2, 0.5, 0.77])
def test_dare_ties_is_pefts(in_turn, density):
    deltas = peft_deltas()
    truth = merge_utils.dare_ties(deltas, torch.ones(3), density)
    found = dare_ties(deltas, torch.zeros(11, 13), options([1.0] * 3, [density] * 3))
    torch.testing.assert_close(found, truth)


# Density at its ends, ties, and how many stay


@pytest.mark.parametrize("method", [n for n, m in METHODS.items() if "density" in m.uses])
def test_density_0_is_the_base_and_1_drops_nothing(method):
    base, *models = drawn((6, 9), 3)
    mean = METHODS[method].default("normalize", True)
    run = METHODS[method].merge
    assert torch.equal(run(models, base, options([1.0, 2.0], [0.0, 0.0], mean)), base)
    plain = METHODS["ties" if METHODS[method].by_place else "task_arithmetic"].merge
    found = run(models, base, options([1.0, 2.0], [1.0, 1.0], mean))
    torch.testing.assert_close(found, plain(models, base, options([1.0, 2.0], (), mean)))


@over(st.integers(0, 40), st.floats(0, 1), st.integers(0, 2**20))
@settings(deadline=None, max_examples=80)
def test_as_many_numbers_stay_as_the_density_says(count, density, seed):
    delta = torch.randn(count, generator=torch.Generator().manual_seed(seed))
    kept = int(density * count)
    largest = thinned("keep_largest", delta, density)
    assert int((largest != 0).sum()) == kept
    assert torch.equal(largest[largest != 0], delta[largest != 0])
    dropped = delta[largest == 0].abs()
    assert not (kept and len(dropped)) or largest[largest != 0].abs().min() >= dropped.max()
    assert int((thinned("keep_middle", delta, density, 0.1) != 0).sum()) == kept
    assert int((thinned("keep_middle", delta, density, 1.0) != 0).sum()) == kept


def test_of_equal_numbers_those_at_the_end_stay():
    assert thinned("keep_largest", torch.ones(5), 0.4).tolist() == [0, 0, 0, 1, 1]
    assert thinned("keep_largest", -torch.ones(2, 2), 0.5).tolist() == [[0, 0], [-1, -1]]
    assert thinned("keep_middle", torch.ones(5), 0.4, 0.2).tolist() == [0, 0, 1, 1, 0]


# Chance


def test_random_dropping_keeps_the_mean_and_the_share():
    delta, density = torch.full((200, 500), 3.0), 0.3
    found = thinned("drop_random", delta, density, torch.Generator().manual_seed(1))
    share = float((found != 0).float().mean())
    assert share == pytest.approx(density, abs=4 * (0.3 * 0.7 / 1e5) ** 0.5)
    assert float(found.mean()) == pytest.approx(3.0, rel=0.02)
    assert torch.allclose(found[found != 0], torch.tensor(10.0))


def test_dropping_by_rank_keeps_the_mean_of_every_rank_and_the_share():
    row = torch.tensor([1.0, -5.0, 2.0, -4.0, 3.0])
    delta = row.repeat(40_000, 1)
    found = thinned("drop_by_rank", delta, 0.4, 0.3, torch.Generator().manual_seed(1))
    kept = (found != 0).float().mean(0)
    torch.testing.assert_close(kept, torch.tensor([0.1, 0.7, 0.25, 0.55, 0.4]), atol=0.01, rtol=0)
    assert float(kept.mean()) == pytest.approx(0.4, abs=0.005)
    torch.testing.assert_close(found.mean(0), row, atol=0.1, rtol=0)


@pytest.mark.parametrize(("density", "epsilon"), [(0.05, 0.5), (0.9, 0.5), (0.5, 1.0), (1e-9, 0)])
def test_chances_by_rank_stay_between_0_and_1(density, epsilon):
    delta = torch.randn(30, 40, generator=torch.Generator().manual_seed(0))
    found = thinned("drop_by_rank", delta, density, epsilon, torch.Generator().manual_seed(1))
    assert found.isfinite().all()
    assert float((found != 0).float().mean()) == pytest.approx(density, abs=0.06)


@pytest.mark.parametrize("method", ["dare_linear", "dare_ties", "della", "della_linear"])
def test_each_model_draws_its_own_and_the_same_again(method):
    base, one, _ = drawn((20, 30), 3)
    run = METHODS[method].merge

    def kept(seed, *models):
        given = options([1.0] * len(models), [0.5] * len(models), False, seed=seed)
        return run(list(models), base, given) != base

    alone, again, other = kept(1, one), kept(1, one), kept(2, one)
    assert torch.equal(alone, again)
    assert not torch.equal(alone, other)
    second = kept(1, base, one)  # the first has nothing to say
    assert not torch.equal(alone, second)


def test_every_tensor_has_a_seed_of_its_own():
    seeds = {seed_of(seed, name) for seed in range(20) for name in ("a", "b", "1 a", "")}
    assert len(seeds) == 80
    drawn_first = {torch.rand(1, generator=draws(s, p)).item() for s in (0, 1) for p in (0, 1, 11)}
    assert len(drawn_first) == 6
