from __future__ import annotations

import bisect
import math

import numpy as np
import pytest
import torch
from bitsandbytes import functional as bnb
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from playground.engine.quantizing.grids import SCHEMES, groups_of, overhead_bits, quantized

NAMES = tuple(SCHEMES)
WITH_ZERO_POINT = ("int8", "int4", "int3", "int2")
NEAREST = tuple(name for name in NAMES if name != "ternary")  # its threshold is not halfway
BOTH = [(name, True) for name in NAMES] + [(name, False) for name in WITH_ZERO_POINT]
BLOCKS = (32, 64, 128, 256, 512, 1024)  # what bitsandbytes takes
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def noise(*shape: int, seed: int = 0, scale: float = 0.05) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


def group_slices(shape: tuple[int, int], group_size: int | str, flat: bool) -> list[list[int]]:
    """The places of every group, as indices into the flattened matrix."""
    rows, columns = shape
    if group_size == "tensor":
        return [list(range(rows * columns))]
    spans = (
        [(0, rows * columns)]
        if flat and group_size != "channel"
        else [(row * columns, (row + 1) * columns) for row in range(rows)]
    )
    size = columns if group_size == "channel" else group_size
    return [list(range(at, min(at + size, end))) for first, end in spans for at in range(first, end, size)]


# Against bitsandbytes


def through_bitsandbytes(weight: torch.Tensor, name: str, block: int) -> torch.Tensor:
    """Its own round trip, as one row: its processor kernel goes wrong where a block does not
    divide a row (version 0.50.2), and one row's end is the only place where that matters not."""
    row = weight.reshape(1, -1)
    codes, state = bnb.quantize_4bit(row, blocksize=block, quant_type=name, compress_statistics=False)
    return bnb.dequantize_4bit(codes, state).view(weight.shape)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("name", ["nf4", "fp4"])
def test_four_bit_tables_are_bitsandbytes_bit_for_bit(name, block, dtype):
    for shape in ((1, 2 * block), (64, 576), (3, 1024), (32, 96)):
        weight = noise(*shape, seed=block).to(dtype)
        mine = quantized(weight.float(), name, block).to(dtype)
        assert torch.equal(mine, through_bitsandbytes(weight, name, block)), shape


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["nf4", "fp4"])
def test_a_shorter_last_block_differs_from_bitsandbytes_in_exact_halves_at_most(name, dtype):
    """There it divides by the scale, where in full blocks it multiplies by the inverse."""
    for shape in ((10, 50), (7, 18), (1, 2)):
        for seed in range(10):
            weight = noise(*shape, seed=seed).to(dtype)
            mine = quantized(weight.float(), name, 64)
            theirs = through_bitsandbytes(weight.float(), name, 64)
            torch.testing.assert_close(
                (weight.float() - mine).abs(), (weight.float() - theirs).abs(), rtol=0, atol=1e-7
            )
            assert int((mine != theirs).sum()) <= 3


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["nf4", "fp4"])
def test_four_bit_tables_are_bitsandbytes_where_the_block_divides_a_row(name, dtype):
    weight = noise(64, 576).to(dtype)
    codes, state = bnb.quantize_4bit(weight, blocksize=64, quant_type=name, compress_statistics=False)
    assert torch.equal(quantized(weight.float(), name, 64).to(dtype), bnb.dequantize_4bit(codes, state))


@pytest.mark.parametrize("name", ["nf4", "fp4"])
def test_a_block_that_does_not_divide_a_row_runs_into_the_next_as_in_bitsandbytes(name):
    """Two shapes of the same numbers: bitsandbytes' blocks know nothing of rows."""
    weight = noise(64, 576)
    as_one_row = quantized(weight.reshape(1, -1), name, 256)
    assert torch.equal(quantized(weight, name, 256).reshape(1, -1), as_one_row)
    assert torch.equal(as_one_row, through_bitsandbytes(weight, name, 256).reshape(1, -1))


@pytest.mark.parametrize("name", ["nf4", "fp4"])
def test_four_bit_tables_agree_on_zeros_and_on_weights_at_the_ends_of_the_range(name):
    weight = torch.zeros(4, 64)
    weight[1, 3], weight[2, 5], weight[2, 6], weight[3] = 7.0, -1e-30, 1e-30, 1e30
    mine = quantized(weight, name, 64)
    assert torch.equal(mine, through_bitsandbytes(weight, name, 64))
    assert torch.equal(mine[[0, 1, 3]], weight[[0, 1, 3]])


def test_the_tables_are_bitsandbytes_own():
    for name in ("nf4", "fp4"):
        theirs = sorted(set(bnb.get_4bit_type(name, device="cpu").tolist()))  # -0.0 is 0.0
        mine = SCHEMES[name].fit(torch.ones(1, 1), True).levels()[0].tolist()
        assert mine == pytest.approx(theirs, abs=1e-7)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (64, 576), (576, 64)])
def test_int8_per_channel_is_bitsandbytes_bit_for_bit(shape, dtype):
    weight = noise(*shape).to(dtype)
    codes, scales, _ = bnb.int8_vectorwise_quant(weight.clone())
    theirs = bnb.int8_vectorwise_dequant(codes, scales)
    assert torch.equal(quantized(weight.float(), "int8", "channel"), theirs)


# By hand


def test_symmetric_int4_on_a_case_worked_by_hand():
    """The largest is 14, so a step is 2: 3 / 2 = 1.5 rounds to the even 2, -5 / 2 = -2.5 to -2."""
    weight = torch.tensor([[14.0, 3.0, -5.0, 0.9, -13.1, 0.0, 1.1, -14.0]])
    expected = [[14.0, 4.0, -4.0, 0.0, -14.0, 0.0, 2.0, -14.0]]
    torch.testing.assert_close(quantized(weight, "int4", 8), torch.tensor(expected))


def test_int4_with_a_zero_point_on_a_case_worked_by_hand():
    """From -5 to 25 in 15 steps of 2; 0 is code 2.5, rounded to the even 2: -4 to 26."""
    weight = torch.tensor([[-5.0, 25.0, 0.0, 7.2, 12.9, -0.9, -1.1, 24.9]])
    expected = [[-4.0, 24.0, 0.0, 8.0, 12.0, 0.0, -2.0, 24.0]]  # 25 / 2 = 12.5 rounds to 12
    torch.testing.assert_close(quantized(weight, "int4", 8, symmetric=False), torch.tensor(expected))


def test_a_zero_point_uses_all_levels_of_weights_on_one_side():
    """0 .. 15 has 16 integers, which is what 4 bits with a zero point can say."""
    weight = torch.arange(16.0)[None]
    assert torch.equal(quantized(weight, "int4", "channel", symmetric=False), weight)
    assert torch.equal(quantized(-weight, "int4", "channel", symmetric=False), -weight)
    assert quantized(weight, "int4", "channel").unique().numel() == 8  # 0 .. 7 steps of 15/7


def test_a_zero_point_keeps_zero_zero():
    for low, high in ((1.0, 2.0), (-2.0, -1.0), (-0.3, 5.0)):
        weight = torch.linspace(low, high, 31)[None]
        weight[0, 7] = 0
        for name in WITH_ZERO_POINT:
            assert quantized(weight, name, "tensor", symmetric=False)[0, 7] == 0


def float64_integers(group: list[float], bits: int, symmetric: bool) -> list[float]:
    if symmetric:
        most, largest = 2 ** (bits - 1) - 1, max(map(abs, group))
        step = largest / most
        return [0.0 if not step else step * max(-most, min(most, round(x / step))) for x in group]
    most, low, high = 2**bits - 1, min(0.0, *group), max(0.0, *group)
    if low == high:
        return [0.0 for _ in group]
    step = (high - low) / most
    zero = round(-low / step)
    return [step * (max(0, min(most, round(x / step) + zero)) - zero) for x in group]


def float64_ternary(group: list[float]) -> list[float]:
    """Li et al. 2016, equations 5 and 6: delta = 0.7 E|W|, alpha = E(|W| where |W| > delta)."""
    delta = 0.7 * math.fsum(map(abs, group)) / len(group)
    above = [abs(x) for x in group if abs(x) > delta]
    alpha = math.fsum(above) / len(above) if above else 0.0
    return [math.copysign(alpha, x) if abs(x) > delta else 0.0 for x in group]


def float64_binary(group: list[float]) -> list[float]:
    """Rastegari et al. 2016, equation 6: B = sign(W), alpha = ||W||_1 / n; sign(0) is 1 here."""
    alpha = math.fsum(map(abs, group)) / len(group)
    return [-alpha if x < 0 else alpha for x in group]


def minifloat_values(exponent_bits: int, bias: int, infinities: bool) -> list[float]:
    """Every finite value of an 8-bit float format, decoded by its definition.

    Micikevicius et al. 2022, table 1: E5M2 keeps the last exponent for infinities and NaN as
    IEEE formats do; E4M3 gives up only the code whose bits are all ones, for NaN.
    """
    mantissa_bits = 7 - exponent_bits
    found = []
    for code in range(128):
        exponent, mantissa = code >> mantissa_bits, code & (2**mantissa_bits - 1)
        if (infinities and exponent == 2**exponent_bits - 1) or (not infinities and code == 127):
            continue
        share = mantissa / 2**mantissa_bits
        size = 2.0 ** (exponent - bias) * (1 + share) if exponent else 2.0 ** (1 - bias) * share
        found += [size, -size]
    return sorted(set(found))


FLOATS = {"fp8_e4m3": minifloat_values(4, 7, False), "fp8_e5m2": minifloat_values(5, 15, True)}


def test_the_formats_of_the_test_are_what_the_paper_says_of_them():
    e4m3, e5m2 = FLOATS["fp8_e4m3"], FLOATS["fp8_e5m2"]
    assert (max(e4m3), min(x for x in e4m3 if x > 0), len(e4m3)) == (448.0, 2.0**-9, 253)
    assert (max(e5m2), min(x for x in e5m2 if x > 0), len(e5m2)) == (57344.0, 2.0**-16, 247)


@pytest.mark.parametrize("group_size", [8, 10, 64, "channel", "tensor"])
@pytest.mark.parametrize(("name", "symmetric"), [(n, s) for n in WITH_ZERO_POINT for s in (1, 0)])
def test_integers_agree_with_float64_loops(name, symmetric, group_size):
    """Shapes whose rows the group size divides and does not divide."""
    for shape in ((1, 1), (3, 64), (4, 27), (5, 8)):
        weight = noise(*shape, seed=5)
        flat = weight.double().flatten().tolist()
        expected = np.full(len(flat), np.nan)
        for group in group_slices(shape, group_size, flat=False):
            bits = int(name[3:])
            expected[group] = float64_integers([flat[i] for i in group], bits, bool(symmetric))
        mine = quantized(weight, name, group_size, bool(symmetric)).double().flatten().numpy()
        np.testing.assert_allclose(mine, expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("group_size", [8, 10, 64, "channel", "tensor"])
@pytest.mark.parametrize(("name", "loop"), [("ternary", float64_ternary), ("binary", float64_binary)])
def test_ternary_and_binary_agree_with_float64_loops(name, loop, group_size):
    for shape in ((1, 1), (3, 64), (4, 27), (5, 8)):
        weight = noise(*shape, seed=6)
        flat = weight.double().flatten().tolist()
        expected = np.full(len(flat), np.nan)
        for group in group_slices(shape, group_size, flat=False):
            expected[group] = loop([flat[i] for i in group])
        mine = quantized(weight, name, group_size).double().flatten().numpy()
        np.testing.assert_allclose(mine, expected, rtol=1e-5, atol=1e-9)


def test_ternary_and_binary_on_a_case_worked_by_hand():
    weight = torch.tensor([[1.0, -2.0, 3.0, -6.0, 0.0, 0.0, 0.0, 0.0]])  # mean size 1.5
    torch.testing.assert_close(  # threshold 1.05, mean of 2, 3 and 6
        quantized(weight, "ternary", 8), torch.tensor([[0, -1, 1, -1, 0, 0, 0, 0]]) * 11 / 3
    )
    torch.testing.assert_close(quantized(weight, "binary", 8), torch.tensor([[1, -1, 1, -1, 1, 1, 1, 1]]) * 1.5)


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("group_size", [16, 30, "channel", "tensor"])
def test_eight_bit_floats_are_the_nearest_of_all_their_values(name, group_size):
    shape, values = (6, 64), FLOATS[name]
    weight = noise(*shape, seed=7) * torch.logspace(-9, 0, 64)  # down to the subnormals
    flat = weight.double().flatten().tolist()
    mine = quantized(weight, name, group_size).double().flatten().tolist()
    for group in group_slices(shape, group_size, flat=False):
        scale = max(abs(flat[i]) for i in group) / values[-1]
        for i in group:
            place = bisect.bisect(values, flat[i] / scale)
            near = [value * scale for value in values[max(0, place - 2) : place + 2]]
            nearest = min(abs(value - flat[i]) for value in near)
            assert abs(mine[i] - flat[i]) <= nearest + 1e-6 * abs(flat[i])
            assert min(abs(mine[i] - value) for value in near) <= 1e-6 * abs(mine[i])


# What holds for every scheme


@pytest.mark.parametrize(("name", "symmetric"), BOTH)
def test_a_zero_tensor_stays_zero(name, symmetric):
    for group_size in (8, 64, 4096, "channel", "tensor"):
        for shape in ((1, 1), (3, 20), (2, 64)):
            rounded = quantized(torch.zeros(shape), name, group_size, symmetric)
            assert rounded.shape == shape
            assert not rounded.any()


@pytest.mark.parametrize(("name", "symmetric"), BOTH)
def test_a_constant_tensor_keeps_its_value(name, symmetric):
    """Every scheme has a level at the largest weight (int8's and the like: one step from it)."""
    for value in (1.0, -1.0, 0.0123, -4e4, 1e-20):
        weight = torch.full((3, 20), value)
        torch.testing.assert_close(quantized(weight, name, 8, symmetric), weight, rtol=1e-5, atol=0)


@pytest.mark.parametrize(("name", "symmetric"), BOTH)
def test_weights_near_the_smallest_number_stay_small_and_finite(name, symmetric):
    """Training with weight decay leaves such rows behind, and pruning leaves zeros in them."""
    for size in (1e-30, 1e-36, 1e-38, 1e-42):
        weight = torch.tensor([[0.0, 1.0, -0.5, 0.3, 0.0, 0.1, -1.0, 0.7]]) * size
        rounded = quantized(weight, name, 8, symmetric)
        assert rounded.isfinite().all()
        assert float(rounded.abs().max()) <= 2 * size


@pytest.mark.parametrize(("name", "symmetric"), BOTH)
def test_every_rounded_weight_is_one_of_the_levels_and_the_levels_ascend(name, symmetric):
    groups = torch.cat([noise(40, 24), torch.zeros(1, 24), noise(1, 24, scale=1e4)])
    grid = SCHEMES[name].fit(groups, symmetric)
    rounded, levels = grid.round(groups), grid.levels()
    assert levels.shape[0] == 42
    assert (levels.diff(dim=1) >= 0).all()
    assert (levels.diff(dim=1)[:40] > 0).all()
    for row, known in zip(rounded.tolist(), levels.tolist(), strict=True):
        assert set(row) <= set(known)
    counts = {"ternary": 3, "binary": 2, "nf4": 16, "fp4": 15, "fp8_e4m3": 253, "fp8_e5m2": 247}
    bits = 0 if name in counts else int(name[3:])
    assert levels.shape[1] == counts.get(name, 2**bits - symmetric)


@pytest.mark.parametrize(("name", "symmetric"), [(n, s) for n, s in BOTH if n in NEAREST])
def test_every_rounded_weight_is_the_nearest_level(name, symmetric):
    groups = torch.cat([noise(40, 24), noise(10, 24, seed=1).abs(), noise(1, 24, scale=1e4)])
    grid = SCHEMES[name].fit(groups, symmetric)
    levels = grid.levels().double().numpy()
    weights, rounded = groups.double().numpy(), grid.round(groups).double().numpy()
    nearest = np.abs(weights[:, :, None] - levels[:, None, :]).min(axis=2)
    slack = 1e-6 * np.abs(weights).max(axis=1, keepdims=True)
    assert (np.abs(weights - rounded) <= nearest + slack).all()


@pytest.mark.parametrize(("name", "symmetric"), BOTH)
def test_rounding_again_to_the_same_grid_changes_nothing(name, symmetric):
    groups = torch.cat([noise(200, 32), torch.zeros(1, 32), noise(1, 32, scale=1e-30)])
    grid = SCHEMES[name].fit(groups, symmetric)
    once = grid.round(groups)
    assert torch.equal(grid.round(once), once)


@pytest.mark.parametrize("name", ["nf4", "fp4", "binary", *WITH_ZERO_POINT])
@pytest.mark.parametrize("group_size", [8, 30, "channel", "tensor"])
def test_quantizing_again_changes_nothing_more_than_the_last_digits(name, group_size):
    """The largest weight of a group is a level itself, so the same grid is fitted again."""
    once = quantized(noise(40, 64), name, group_size)
    again = quantized(once, name, group_size)
    torch.testing.assert_close(again, once, rtol=1e-5, atol=0)
    if name in ("nf4", "fp4"):
        assert torch.equal(again, once)


@hypothesis_settings(deadline=None, max_examples=60)
@given(
    weight=hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.integers(1, 20)),
        elements=st.floats(-1e4, 1e4, width=32, allow_subnormal=False),
    ),
    scheme=st.sampled_from(BOTH),
    group_size=st.sampled_from([1, 3, 8, 64, "channel", "tensor"]),
)
def test_any_weights_become_finite_ones_of_no_larger_size_and_are_left_alone(weight, scheme, group_size):
    given_weight = torch.from_numpy(weight)
    before = given_weight.clone()
    rounded = quantized(given_weight, scheme[0], group_size, scheme[1])
    assert torch.equal(given_weight, before)
    assert rounded.shape == given_weight.shape
    assert rounded.isfinite().all()
    # With a zero point, rounding it may move the ends by half a step of the range.
    most = before.abs().max() if scheme[1] else (before.max() - before.min()).abs() + before.abs().max()
    assert rounded.abs().max() <= most * (1 + 1e-5)


# Groups


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (3, 20), (5, 64), (4, 7)])
def test_every_weight_belongs_to_one_group(shape, flat):
    for group_size in (1, 7, 8, 20, 64, "channel", "tensor"):
        numbered = torch.arange(float(shape[0] * shape[1])).view(shape)
        groups = [row for part in groups_of(numbered, group_size, flat) for row in part.tolist()]
        assert sorted(groups) == [list(map(float, g)) for g in group_slices(shape, group_size, flat)]


def test_no_row_and_no_column_give_no_weight():
    for shape in ((0, 8), (3, 0), (0, 0)):
        for group_size in (8, 64):
            assert sum(part.numel() for part in groups_of(torch.empty(shape), group_size)) == 0


def test_a_shorter_last_group_has_a_grid_of_its_own():
    """Ten columns in groups of eight: the two that are left are far smaller, and stay exact."""
    weight = torch.tensor([[100.0] * 8 + [0.7, -0.7], [100.0] * 8 + [0.3, 0.3]])
    rounded = quantized(weight, "int4", 8)
    torch.testing.assert_close(rounded, weight)
    assert not quantized(weight, "int4", "channel")[:, 8:].any()


def test_tensor_channel_and_group_differ_in_what_shares_a_scale():
    weight = torch.tensor([[7.0, 1.0, 0.2, 0.1], [0.7, 0.1, 0.02, 0.01]])
    per_tensor = [[7.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]
    per_channel = [[7.0, 1.0, 0.0, 0.0], [0.7, 0.1, 0.0, 0.0]]
    in_groups = [[7.0, 1.0, 0.2, 6 / 70], [0.7, 0.1, 0.02, 6 / 700]]
    # 0.1 is 3.5 steps of 0.2 / 7, which rounds to 4 or, in float32, to 3
    in_groups = torch.tensor(in_groups)
    torch.testing.assert_close(quantized(weight, "int4", "tensor"), torch.tensor(per_tensor))
    torch.testing.assert_close(quantized(weight, "int4", "channel"), torch.tensor(per_channel))
    torch.testing.assert_close(quantized(weight, "int4", 2), in_groups, rtol=0, atol=0.2 / 7 + 1e-6)
    torch.testing.assert_close(quantized(weight, "int4", 2)[:, :3], in_groups[:, :3])


# Bits


@pytest.mark.parametrize(
    ("shape", "name", "group_size", "symmetric", "bits"),
    [
        ((4, 64), "int4", 64, True, 32 / 64),
        ((4, 64), "int4", 64, False, 36 / 64),
        ((4, 64), "int8", 32, False, 40 / 32),
        ((4, 64), "int8", "channel", True, 32 / 64),
        ((4, 64), "int2", "channel", False, 34 / 64),
        ((4, 64), "int3", "tensor", True, 32 / 256),
        ((4, 64), "int3", "tensor", False, 35 / 256),
        ((3, 20), "int4", 8, True, 3 * 3 * 32 / 60),  # 8, 8 and 4 in each of three rows
        ((3, 20), "nf4", 8, True, 8 * 32 / 60),  # seven times 8 and once 4 in all
        ((3, 20), "fp4", 4096, True, 32 / 60),
        ((3, 20), "int4", 4096, True, 3 * 32 / 60),
        ((3, 20), "nf4", "channel", True, 3 * 32 / 60),
        ((1, 1), "binary", 64, True, 32),
        ((2, 64), "ternary", 64, True, 0.5),
        ((2, 64), "fp8_e4m3", 64, True, 0.5),
    ],
)
def test_the_bits_of_scales_and_zero_points_by_hand(shape, name, group_size, symmetric, bits):
    assert overhead_bits(shape, name, group_size, symmetric) == pytest.approx(bits, rel=1e-12)


def test_the_bits_of_a_code_can_say_which_level_it_is():
    assert {name: SCHEMES[name].bits for name in NAMES} == {
        "int8": 8,
        "int4": 4,
        "int3": 3,
        "int2": 2,
        "ternary": pytest.approx(1.5849625),
        "binary": 1,
        "nf4": 4,
        "fp4": 4,
        "fp8_e4m3": 8,
        "fp8_e5m2": 8,
    }
    assert [name for name in NAMES if not SCHEMES[name].zero] == ["binary"]
