"""Averages of models against float64 numpy, from the papers' formulas."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from merge_made import METHODS, SHAPES, drawn, numpy_of, options

from playground.engine.merging import MergeError, averages
from playground.engine.merging.method import joined

linear, karcher, model_stock, slerp, nuslerp = (
    METHODS[name].merge for name in ("linear", "karcher", "model_stock", "slerp", "nuslerp")
)

RANDOM = ("dare_linear", "dare_ties", "della", "della_linear")  # draw piece by piece
WEIGHTS = [(1.0,), (1.0, 1.0), (0.3, 0.9), (2.0, 0.5, 0.5), (1.5, -0.5, 1.0)]


def near(found: torch.Tensor, truth: np.ndarray, atol: float = 1e-9) -> None:
    np.testing.assert_allclose(found.double().numpy(), truth, rtol=1e-9, atol=atol)


def arc(first: torch.Tensor, second: torch.Tensor, t: float) -> torch.Tensor:
    return joined(averages.arc(first, second, t), first)


# Linear


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_linear_is_the_weighted_average(shape, weights):
    base, *models = drawn(shape, len(weights) + 1)
    arrays = np.stack(numpy_of(*models))
    truth = np.average(arrays, axis=0, weights=weights)
    near(linear(models, base, options(weights)), truth)


@pytest.mark.parametrize("weights", [*WEIGHTS, (1.0, -1.0), (0.0, 0.0)])
def test_linear_that_is_not_normalized_is_the_weighted_sum(weights):
    base, *models = drawn((6, 9), len(weights) + 1)
    truth = np.tensordot(np.array(weights), np.stack(numpy_of(*models)), 1)
    near(linear(models, base, options(weights, normalize=False)), truth)


@pytest.mark.parametrize("weights", [(0.0,), (1.0, -1.0), (0.5, 0.25, -0.75), (1e-9, 0.0)])
def test_weights_that_sum_to_0_cannot_be_normalized(weights):
    base, *models = drawn((3,), len(weights) + 1)
    with pytest.raises(MergeError, match=r"sum to 0.*switch normalizing off"):
        linear(models, base, options(weights))


# Along an arc


def angle(one: np.ndarray, other: np.ndarray) -> float:
    """By the arc tangent of half the chords: exact for angles near 0 and 180 degrees too."""
    one, other = one.ravel() / np.linalg.norm(one), other.ravel() / np.linalg.norm(other)
    return 2 * math.atan2(np.linalg.norm(one - other), np.linalg.norm(one + other))


@pytest.mark.parametrize("shape", [(2,), (23,), (6, 9)])
@pytest.mark.parametrize("t", [0.001, 0.25, 0.5, 0.9])
def test_slerp_of_directions_stays_on_the_sphere_and_divides_the_angle(shape, t):
    one, other = (v / v.norm() for v in drawn(shape, 2, seed=3))
    found = slerp([other], one, options([1.0], t=t)).numpy()
    one, other = one.numpy(), other.numpy()
    whole = angle(one, other)
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-12)
    assert angle(one, found) == pytest.approx(t * whole, abs=1e-9)
    assert angle(found, other) == pytest.approx((1 - t) * whole, abs=1e-9)


@pytest.mark.parametrize("t", [0.25, 0.5, 0.75])
def test_slerp_of_vectors_of_different_lengths_is_shoemakes_formula(t):
    one, other = drawn((6, 9), 2, seed=5)
    a, b = numpy_of(one, 3 * other)
    w = np.arccos((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))
    truth = np.sin((1 - t) * w) / np.sin(w) * a + np.sin(t * w) / np.sin(w) * b
    near(slerp([3 * other], one, options([1.0], t=t)), truth)


def test_slerp_halfway_over_a_right_angle_by_hand():
    x, y = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    near(arc(x, y, 0.5), np.array([math.sqrt(0.5)] * 2), atol=1e-7)
    near(arc(x, y, 1 / 3), np.array([math.cos(math.pi / 6), 0.5]), atol=1e-7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_slerps_ends_are_the_two_bit_for_bit(dtype):
    one, other = (v.to(dtype) for v in drawn((6, 9), 2))
    for a, b in [(one, other), (one, -one), (one, 2 * one), (0 * one, other), (one, 0 * one)]:
        assert torch.equal(slerp([b], a, options([1.0], t=0.0)), a)
        assert torch.equal(slerp([b], a, options([1.0], t=1.0)), b)


@pytest.mark.parametrize("t", [0.0, 0.3, 0.5, 1.0])
def test_where_the_angle_says_nothing_slerp_goes_straight(t):
    one, _ = drawn((6, 9), 2)
    for other in (2.5 * one, one, -one, -3 * one, 0 * one, one + 1e-7):
        near(arc(one, other, t), ((1 - t) * one + t * other).numpy())
        near(arc(other, one, t), ((1 - t) * other + t * one).numpy())
    near(arc(0 * one, 0 * one, t), 0 * one.numpy())


@given(st.floats(0.9990, 0.9999), st.floats(0.05, 0.95))
@settings(deadline=None, max_examples=50)
def test_slerp_has_no_step_where_the_straight_line_takes_over(cosine, t):
    one = torch.tensor([1.0, 0.0], dtype=torch.float64)
    other = torch.tensor([cosine, math.sqrt(1 - cosine**2)], dtype=torch.float64)
    turned = t * math.acos(cosine)
    near(arc(one, other, t), np.array([math.cos(turned), math.sin(turned)]), atol=2e-4)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (3.0, 1.0), (0.0, 1.0), (1.0, 0.0)])
def test_nuslerp_is_at_the_seconds_share(weights):
    base, one, other = drawn((6, 9), 3)
    share = weights[1] / sum(weights)
    found = nuslerp([one, other], base, options(weights))
    a, b = numpy_of(one, other)
    w = np.arccos((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))
    near(found, (np.sin((1 - share) * w) * a + np.sin(share * w) * b) / np.sin(w))


def test_nuslerp_the_other_way_round_is_the_same_place():
    base, one, other = drawn((6, 9), 3)
    found = nuslerp([one, other], base, options([0.3, 0.7]))
    torch.testing.assert_close(found, nuslerp([other, one], base, options([0.7, 0.3])))


# The Karcher mean


def logarithm(at: np.ndarray, of: np.ndarray) -> np.ndarray:
    """The tangent at a unit vector that leads to another."""
    inside = of - (of * at).sum() * at
    size = np.linalg.norm(inside)
    return inside / size * math.atan2(size, (of * at).sum()) if size else inside


def slope(found: np.ndarray, models: list[np.ndarray], weights: list[float]) -> float:
    """Length of the weighted mean of the ways to the models, 0 at the mean, in radians."""
    at = found / np.linalg.norm(found)
    ways = [w * logarithm(at, m / np.linalg.norm(m)) for m, w in zip(models, weights, strict=True)]
    return float(np.linalg.norm(sum(ways)) / sum(weights))


@pytest.mark.parametrize("shape", [(2,), (23,), (6, 9)])
@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.3, 0.9), (2.0, 0.5, 0.5), (1.0,) * 5])
def test_at_the_karcher_mean_no_way_leads_nearer_to_all(shape, weights):
    base, *models = drawn(shape, len(weights) + 1, seed=2)
    found = karcher(models, base, options(weights)).numpy()
    arrays = numpy_of(*models)
    assert slope(found, arrays, list(weights)) < 1e-5
    lengths = [np.linalg.norm(m) for m in arrays]
    assert np.linalg.norm(found) == pytest.approx(np.average(lengths, weights=weights))


def test_of_two_vectors_of_one_length_the_karcher_mean_is_the_middle_made_as_long():
    base, one, other = drawn((6, 9), 3)
    one, other = 7 * one / one.norm(), 7 * other / other.norm()
    middle = (one + other).numpy()
    near(karcher([one, other], base, options([1.0, 1.0])), 7 * middle / np.linalg.norm(middle), 1e-6)


@pytest.mark.parametrize("weights", [(3.0, 1.0), (0.1, 0.9)])
def test_of_two_vectors_the_karcher_mean_is_their_slerp(weights):
    base, one, other = drawn((6, 9), 3)
    one, other = one / one.norm(), other / other.norm()
    found = karcher([one, other], base, options(weights))
    torch.testing.assert_close(found, arc(one, other, weights[1] / sum(weights)), atol=1e-5, rtol=1e-5)


def test_the_karcher_mean_of_vectors_at_right_angles_is_found_too():
    """Far from each other, as models never are."""
    models = list(torch.eye(4, dtype=torch.float64)[:3])
    weights = [1.0, 2.0, 4.0]
    found = karcher(models, models[0], options(weights)).numpy()
    assert slope(found, numpy_of(*models), weights) < 1e-5


def test_the_karcher_mean_of_parallel_opposite_and_zero_vectors_is_finite():
    base, one = drawn((6, 9), 2)
    near(karcher([one, 3 * one], base, options([1.0, 1.0])), 2 * one.numpy(), 1e-6)
    near(karcher([one, one], base, options([0.2, 0.8])), one.numpy(), 1e-6)
    near(karcher([one, 0 * one], base, options([1.0, 1.0])), 0.5 * one.numpy(), 1e-6)
    near(karcher([0 * one, 0 * one], base, options([1.0, 1.0])), 0 * one.numpy())
    opposite = karcher([one, -one], base, options([1.0, 1.0]))
    assert opposite.isfinite().all()
    assert float(opposite.norm()) == pytest.approx(float(one.norm()))


# Model stock


@pytest.mark.parametrize("count", [2, 3, 5])
def test_model_stock_is_the_point_nearest_to_the_centre_that_the_paper_assumes(count):
    """Fine-tuned models lie around a centre, at one distance and at right angles to each other and
    to it. Of the plane through them and the base, the stock is the point nearest to it."""
    axes = torch.linalg.qr(torch.randn(24, 24, dtype=torch.float64)).Q
    base, centre = torch.randn(24, dtype=torch.float64), 3 * axes[0]
    models = [base + centre + 2 * axis for axis in axes[1 : count + 1]]
    found = model_stock(models, base, options([1.0] * count))
    plane = np.stack(numpy_of(*(model - base for model in models)), axis=1)
    place, *_ = np.linalg.lstsq(plane, centre.numpy(), rcond=None)
    near(found, base.numpy() + plane @ place)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [2, 3, 5])
def test_model_stock_follows_the_papers_ratio(shape, count):
    base, *models = drawn(shape, count + 1, seed=4)
    models = [model + 1 for model in models]  # so that they agree somewhat
    b, *arrays = numpy_of(base, *models)
    d = [m - b for m in arrays]
    pairs = itertools.combinations(d, 2)
    cosine = np.mean([(x * y).sum() / np.linalg.norm(x) / np.linalg.norm(y) for x, y in pairs])
    cosine = max(cosine, 0)
    t = count * cosine / (1 + (count - 1) * cosine)
    near(model_stock(models, base, options([1.0] * count)), t * np.mean(arrays, 0) + (1 - t) * b)


def test_model_stock_at_its_ends():
    base, one, _ = drawn((6, 9), 3)
    near(model_stock([one, one], base, options([1, 1])), one.numpy())
    for other in (2 * base - one, base):  # the opposite change, and no change
        near(model_stock([one, other], base, options([1, 1])), base.numpy())
    near(model_stock([base, base], base, options([1, 1])), base.numpy())
    apart = [torch.tensor([1.0, 0.0]), torch.tensor([-0.5, 1.0])]  # by more than a right angle
    near(model_stock(apart, torch.zeros(2), options([1, 1])), np.zeros(2))


# Of all of them


@pytest.mark.parametrize("method", METHODS)
def test_tensors_without_numbers_and_single_numbers_merge(method):
    for shape in (0,), (0, 4), (4, 0), ():
        least = METHODS[method].models[0]
        models = [torch.full(shape, 2.0)] * least
        found = METHODS[method].merge(
            models,
            torch.full(shape, 2.0),
            options([1.0] * least, [0.5] * least, METHODS[method].default("normalize", True), select=0.5),
        )
        assert found.shape == shape
        assert torch.equal(found, models[0])


@pytest.mark.parametrize("method", METHODS)
def test_zeros_merge_to_zeros(method):
    for density in (0.0, 0.5, 1.0):
        count = METHODS[method].models[0]
        zero = torch.zeros(3, 5)
        given = options([1.0] * count, [density] * count, METHODS[method].default("normalize", True), select=density)
        assert torch.equal(METHODS[method].merge([zero] * count, zero, given), zero)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_is_given_is_never_written_to(method, count):
    least, most = METHODS[method].models
    base, *models = drawn((6, 9), min(max(count, least), most) + 1)
    before = [tensor.clone() for tensor in (base, *models)]
    for density in (0.0, 0.4, 1.0):
        more = {"densities": [density] * len(models), "select": density, "t": 0.5}
        found = METHODS[method].merge(models, base, options([1.0] * len(models), **more))
        found.add_(1)  # and what comes out belongs to whoever asked
        assert all(map(torch.equal, (base, *models), before)), density


@pytest.mark.parametrize(
    "method", ["linear", "karcher", "task_arithmetic", "ties", "breadcrumbs", "sce", "model_stock"]
)
def test_the_order_of_the_models_does_not_matter(method):
    base, *models = drawn((6, 9), 5)
    weights, densities = [0.5, 1.0, 1.5, 2.0], [0.3, 0.5, 0.7, 0.9]
    found = []
    for order in itertools.islice(itertools.permutations(range(4)), 0, 24, 5):
        given = options([weights[n] for n in order], [densities[n] for n in order], select=0.5, gamma=0.1)
        found.append(METHODS[method].merge([models[n] for n in order], base, given))
    for other in found[1:]:
        torch.testing.assert_close(found[0], other, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_float32_is_as_good_as_float64_to_rounding(method):
    base, *models = drawn((6, 9), min(METHODS[method].models[1], 3) + 1)
    given = options([1.0] * len(models), normalize=METHODS[method].default("normalize", True), t=0.5)
    wide = METHODS[method].merge(models, base, given)
    found = METHODS[method].merge([model.float() for model in models], base.float(), given)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), wide, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("method", [name for name in METHODS if name not in RANDOM])
@pytest.mark.parametrize("piece", [1, 10, 27])
def test_a_tensor_in_many_pieces_merges_as_in_one(monkeypatch, method, piece):
    base, *models = drawn((6, 9), min(METHODS[method].models[1], 3) + 1)
    given = options([1.0] * len(models), [0.4] * len(models), select=0.4, gamma=0.1, t=0.5)
    whole = METHODS[method].merge(models, base, given)
    monkeypatch.setattr("playground.engine.merging.method.PIECE", piece)
    torch.testing.assert_close(METHODS[method].merge(models, base, given), whole)


def test_a_recipe_may_leave_weights_as_they_are_where_no_menu_offers_it():
    base, one, other = drawn((6, 9), 3)
    assert "normalize" not in METHODS["karcher"].uses
    doubled = karcher([one, other], base, options([1.0, 1.0], normalize=False))
    torch.testing.assert_close(doubled, 2 * karcher([one, other], base, options([1.0, 1.0])))
    there = nuslerp([one, other], base, options([0.3, 0.5], normalize=False))
    torch.testing.assert_close(there, arc(one, other, 0.5))
