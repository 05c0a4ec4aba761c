from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from bitsandbytes import functional as bnb

from playground.engine.fork import Fork
from playground.engine.fork.structure import matrices
from playground.engine.measuring.formats import BINS, FORMATS, number_line
from playground.engine.quantizing.edit import Quantize
from playground.engine.quantizing.grids import SCHEMES
from playground.errors import PlaygroundError

DOWN = "model.layers.0.mlp.down_proj.weight"  # (32, 48)
QUERY = "model.layers.1.self_attn.q_proj.weight"  # (32, 32)

# The table of formats

BY_NAME = {one.name: one for one in FORMATS}
TORCH = {
    "FP32": torch.float32,
    "BF16": torch.bfloat16,
    "FP16": torch.float16,
    "FP8 E4M3": torch.float8_e4m3fn,
    "FP8 E5M2": torch.float8_e5m2,
}
# bits, exponent, mantissa, largest number, step after 1: worked out by hand from the standards
# (IEEE 754; NVIDIA's TF32; Micikevicius et al. 2022, table 1; Dettmers et al. 2023, appendix E).
BY_HAND = {
    "FP32": (32, 8, 23, (2 - 2**-23) * 2.0**127, 2**-23),
    "TF32": (32, 8, 10, (2 - 2**-10) * 2.0**127, 2**-10),
    "BF16": (16, 8, 7, (2 - 2**-7) * 2.0**127, 2**-7),
    "FP16": (16, 5, 10, 65504, 2**-10),
    "FP8 E4M3": (8, 4, 3, 448, 2**-3),
    "FP8 E5M2": (8, 5, 2, 57344, 2**-2),
    "INT8": (8, None, None, 127, 1),
    "INT4": (4, None, None, 7, 1),
    "NF4": (4, None, None, 1, 1 - 0.7229568362236023),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_format_is_what_its_standard_says(name):
    one = BY_NAME[name]
    bits, exponent, mantissa, most, step = BY_HAND[name]
    assert (one.bits, one.exponent, one.mantissa) == (bits, exponent, mantissa)
    assert one.most == most
    assert one.step == pytest.approx(step, rel=1e-12)


def test_every_format_stands_in_the_table_once():
    assert [one.name for one in FORMATS] == list(BY_HAND)


@pytest.mark.parametrize("name", TORCH)
def test_a_float_is_torchs(name):
    one, about = BY_NAME[name], torch.finfo(TORCH[name])
    assert (one.bits, one.most, one.step) == (about.bits, about.max, about.eps)
    assert one.bits == 1 + one.exponent + one.mantissa
    # Nothing between 1 and the next number survives, and nothing above the largest does.
    for value in (1.0, 1.0 + one.step, one.most):
        assert float(torch.tensor(value).to(TORCH[name]).float()) == value
    assert float(torch.tensor(1.0 + one.step / 4).to(TORCH[name]).float()) == 1.0


def test_tf32_is_stored_as_32_bits_of_which_19_are_used():
    tf32, fp16, fp32 = BY_NAME["TF32"], BY_NAME["FP16"], BY_NAME["FP32"]
    assert (tf32.bits, 1 + tf32.exponent + tf32.mantissa) == (32, 19)
    assert (tf32.exponent, tf32.step) == (fp32.exponent, fp16.step)


@pytest.mark.parametrize(
    ("name", "weights", "count"),
    [
        ("FP32", 0, 0),
        ("FP32", 1, 4),
        ("TF32", 10, 40),
        ("BF16", 3, 6),
        ("FP16", 1000, 2000),
        ("INT8", 7, 7),
        ("INT4", 0, 0),
        ("INT4", 1, 1),
        ("INT4", 2, 1),
        ("NF4", 3, 2),
        ("NF4", 134_515_008, 67_257_504),
        ("FP32", 134_515_008, 538_060_032),
    ],
)
def test_a_models_bytes_are_its_weights_times_the_bits_rounded_up(name, weights, count):
    assert BY_NAME[name].model_bytes(weights) == count


# The number line, against numpy


def with_rows(base, rows: np.ndarray, name: str = DOWN) -> Fork:
    """A fork one of whose matrices has these rows, its other rows zero."""
    stored = base.model.get_parameter(name)
    weight = torch.zeros(stored.shape)
    weight[: len(rows), : rows.shape[1]] = torch.tensor(rows, dtype=torch.float32)
    fork = Fork(base)
    fork.replace(name, weight)
    return fork


def noise(rows: int = 3, columns: int = 48, seed: int = 0) -> np.ndarray:
    """Weights to float32's precision, none of them near a border of the bins."""
    return np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)


def nearest(group: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The place of each weight's nearest level."""
    return np.abs(group[:, None] - levels[None]).argmin(1)


def check(line, group: np.ndarray, levels: np.ndarray) -> None:
    """A number line against what numpy makes of a group and its levels."""
    group, levels = group.astype(np.float64), np.asarray(levels, dtype=np.float64)
    places = nearest(group, levels)
    most = max(np.abs(group).max(), np.abs(levels).max())
    before, edges = np.histogram(group, bins=61, range=(-most, most))
    assert line.weights == group.size
    assert line.levels == pytest.approx(levels.tolist(), rel=1e-5, abs=1e-7)
    assert line.after == tuple(np.bincount(places, minlength=len(levels)))
    assert line.before == tuple(before)
    assert line.edges == pytest.approx(edges.tolist(), rel=1e-5, abs=1e-6)
    error = np.linalg.norm(levels[places] - group) / np.linalg.norm(group)
    assert line.error == pytest.approx(error, rel=1e-4, abs=1e-6)


def even(group: np.ndarray, bits: int, symmetric: bool) -> np.ndarray:
    """The levels of even steps, from their definitions (LLM.int8(); Jacob et al. 2018)."""
    group = group.astype(np.float64)
    if bits == 1:
        size = np.abs(group).mean()
        return np.array([-size, size])
    if symmetric:
        most = 2 ** (bits - 1) - 1
        return np.arange(-most, most + 1) * np.abs(group).max() / most
    low, high = min(group.min(), 0), max(group.max(), 0)
    step = (high - low) / (2**bits - 1)
    return (np.arange(2**bits) - np.round(-low / step)) * step


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("symmetric", [True, False])
def test_even_steps_of_every_width(llama, bits, symmetric):
    rows = noise()
    line = number_line(with_rows(llama, rows), DOWN, bits, 32, symmetric, 0)
    group = rows[0, :32]
    check(line, group, even(group, bits, symmetric))
    assert len(line.levels) == (2 if bits == 1 else 2**bits - symmetric)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_weights_that_are_all_positive_have_their_levels_where_they_are(llama, bits):
    rows = np.abs(noise()) + 0.5
    for symmetric in (True, False):
        line = number_line(with_rows(llama, rows), DOWN, bits, 32, symmetric, 0)
        check(line, rows[0, :32], even(rows[0, :32], bits, symmetric))
    assert min(line.levels) == 0  # without symmetry none is spent below


def test_one_group_worked_out_by_hand(llama):
    """Three bits around 0: steps of a third of the largest weight, 3."""
    row = [-3, -2.4, -1.6, -0.6, -0.4, 0, 0.4, 0.6, 1.4, 2, 2, 3]
    fork = with_rows(llama, np.array([[*row, *[0.0] * 36]]))
    line = number_line(fork, DOWN, 3, 12, True, 0)
    assert line.weights == 12
    assert line.levels == pytest.approx([-3, -2, -1, 0, 1, 2, 3])
    assert line.after == (1, 2, 1, 3, 2, 2, 1)
    # Moved by 0.4 seven times (-2.4, -1.6, -0.6, -0.4, 0.4, 0.6, 1.4), else by nothing.
    moved, had = 7 * 0.4**2, sum(weight**2 for weight in row)
    assert line.error == pytest.approx(math.sqrt(moved / had), rel=1e-5)
    assert (line.edges[0], line.edges[-1], len(line.edges)) == (-3, 3, BINS + 1)
    assert (line.before[0], line.before[-1], line.before[BINS // 2]) == (1, 1, 1)
    assert sum(line.before) == 12


def ternary(group: np.ndarray) -> np.ndarray:
    size = np.abs(group.astype(np.float64))
    scale = size[size > 0.7 * size.mean()].mean()
    return np.array([-scale, 0, scale])


def every_float(exponent: int, mantissa: int, largest: float) -> np.ndarray:
    """All numbers of a small float format, by its definition."""
    bias = 2 ** (exponent - 1) - 1
    found = {0.0}
    for e in range(2**exponent):
        for m in range(2**mantissa):
            share = m / 2**mantissa
            value = share * 2.0 ** (1 - bias) if e == 0 else (1 + share) * 2.0 ** (e - bias)
            if value <= largest:
                found |= {value, -value}
    return np.array(sorted(found))


@pytest.mark.parametrize(
    ("scheme", "format_", "count"), [("fp8_e4m3", (4, 3, 448), 253), ("fp8_e5m2", (5, 2, 57344), 247)]
)
def test_the_levels_of_8_bit_floats(llama, scheme, format_, count):
    rows = noise()
    line = number_line(with_rows(llama, rows), DOWN, scheme, 32, True, 0)
    group = rows[0, :32]
    every = every_float(*format_)
    assert len(every) == count
    levels = every * np.abs(group.astype(np.float64)).max() / format_[2]
    assert line.levels == pytest.approx(levels.tolist(), rel=1e-5)
    places = nearest(group.astype(np.float64), levels)
    assert line.after == tuple(np.bincount(places, minlength=count))


def test_ternary_and_binary_levels(llama):
    """Ternary rounds by its threshold, 0.7 of the mean size, and not to the nearest level."""
    rows = noise()
    group = rows[0, :32]
    line = number_line(with_rows(llama, rows), DOWN, "ternary", 32, True, 0)
    assert line.levels == pytest.approx(ternary(group).tolist(), rel=1e-5)
    threshold = 0.7 * np.abs(group).mean()
    assert line.after == ((group < -threshold).sum(), (np.abs(group) <= threshold).sum(), (group > threshold).sum())
    line = number_line(with_rows(llama, rows), DOWN, "binary", 32, True, 0)
    check(line, group, even(group, 1, True))


@pytest.mark.parametrize("scheme", ["nf4", "fp4"])
def test_levels_of_a_table_are_scaled_to_the_largest_weight(llama, scheme):
    codes = bnb.get_4bit_type(scheme, device="cpu").double().unique().numpy()
    rows = noise()
    line = number_line(with_rows(llama, rows), DOWN, scheme, 32, True, 0)
    group = rows[0, :32]
    levels = codes * np.abs(group).max()
    assert line.levels == pytest.approx(levels.tolist(), rel=1e-5, abs=1e-7)
    assert line.after == tuple(np.bincount(nearest(group.astype(np.float64), levels), minlength=len(levels)))


@pytest.mark.parametrize(
    ("scheme", "symmetric"), [(name, True) for name in SCHEMES] + [(name, False) for name in SCHEMES if "int" in name]
)
def test_a_schemes_line_is_what_quantizing_does_to_that_group(llama, scheme, symmetric):
    """Of the first group, where groups that run across rows begin with the row too."""
    fork = Fork(llama)
    Quantize(scheme=scheme, group_size=32, symmetric=symmetric).apply(fork)
    old = llama.model.get_parameter(DOWN)[0, :32].double().numpy()
    new = fork.tensor(DOWN)[0, :32].double().numpy()
    line = number_line(Fork(llama), DOWN, scheme, 32, symmetric, 0)
    error = np.linalg.norm(new - old) / np.linalg.norm(old)
    assert line.error == pytest.approx(error, rel=1e-4)
    levels = np.array(line.levels)
    assert np.abs(new[:, None] - levels).min(1) == pytest.approx(0, abs=1e-6)
    assert line.after == tuple(np.bincount(nearest(new, levels), minlength=len(levels)))


# Which group


@pytest.mark.parametrize(
    ("group_size", "count"),
    [(8, 8), (32, 32), (47, 47), (48, 48), (64, 48), (4096, 48), ("channel", 48), ("tensor", 1536)],
)
def test_a_group_is_the_first_of_its_row_and_no_longer_than_it(llama, group_size, count):
    """48 weights in a row: groups that do not divide it, and ones that are longer."""
    rows = noise(32)
    line = number_line(with_rows(llama, rows), DOWN, 4, group_size, True, 0)
    group = rows.flatten()[:count]
    check(line, group, even(group, 4, True))


@pytest.mark.parametrize("row", [0, 1, 2])
def test_a_row_is_an_outputs(llama, row):
    rows = noise(32)
    for size in (32, "channel"):
        line = number_line(with_rows(llama, rows), DOWN, 4, size, True, row)
        group = rows[row, : 32 if size == 32 else 48]
        check(line, group, even(group, 4, True))


def test_the_whole_matrix_is_the_same_from_every_row(llama):
    fork = with_rows(llama, noise(32))
    assert number_line(fork, DOWN, 4, "tensor", True, 3) == number_line(fork, DOWN, 4, "tensor", True)


@pytest.mark.parametrize(("row", "taken"), [(32, 31), (10**9, 31), (-1, 0), (-(10**9), 0)])
def test_a_row_that_is_not_there_is_taken_from_the_end(llama, row, taken):
    fork = with_rows(llama, noise(32))
    assert number_line(fork, DOWN, 4, 32, True, row) == number_line(fork, DOWN, 4, 32, True, taken)
    assert number_line(fork, DOWN, 4, 32, True, 0) != number_line(fork, DOWN, 4, 32, True, 31)


def test_a_matrix_that_is_stored_the_other_way_round_has_outputs_as_rows_too(tiny):
    base = tiny["tiny-gpt2-layout"]
    name = "transformer.h.0.mlp.c_fc.weight"  # (in, out) = (32, 128)
    assert tuple(base.model.get_parameter(name).shape) == (32, 128)
    column = base.model.get_parameter(name)[:, 100].numpy()
    check(number_line(Fork(base), name, 4, "channel", True, 100), column, even(column, 4, True))


@pytest.mark.parametrize("name", ["tiny-gpt2-layout", "tiny-neox", "tiny-opt", "tiny-gemma3"])
def test_every_matrix_of_every_layout_has_a_line(tiny, name):
    fork = Fork(tiny[name])
    inside = [matrix for matrix in matrices(fork) if matrix.layer is not None]
    assert inside
    for matrix in inside:
        line = number_line(fork, matrix.name, 3, 64, True, 0)
        assert line.weights == min(64, matrix.columns) == sum(line.before) == sum(line.after)


def test_the_forks_own_weights_are_shown_and_not_the_bases(llama):
    before = number_line(Fork(llama), DOWN, 4, 32, True)
    fork = with_rows(llama, noise())
    assert number_line(fork, DOWN, 4, 32, True) != before
    assert number_line(Fork(llama), DOWN, 4, 32, True) == before


# The ends


@pytest.mark.parametrize("scheme", [*range(1, 9), *SCHEMES])
@pytest.mark.parametrize("symmetric", [True, False])
def test_a_group_of_zeros_stays_zero(llama, scheme, symmetric):
    line = number_line(with_rows(llama, np.zeros((1, 48))), DOWN, scheme, 32, symmetric, 0)
    assert (line.error, line.weights) == (0, 32)
    assert sum(line.before) == sum(line.after) == 32
    used = [level for level, count in zip(line.levels, line.after, strict=True) if count]
    assert used == pytest.approx([0], abs=1e-30)
    assert line.edges[0] < 0 < line.edges[-1]


@pytest.mark.parametrize("scheme", [*range(1, 9), *SCHEMES])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_weights_of_every_size_are_all_counted(llama, scheme, size):
    rows = (noise() * size).astype(np.float32)
    line = number_line(with_rows(llama, rows), DOWN, scheme, 32, True, 0)
    assert sum(line.before) == sum(line.after) == 32
    assert list(line.levels) == sorted(line.levels)
    assert len(line.after) == len(line.levels)
    assert 0 <= line.error < 1


def test_equal_weights_land_on_the_last_level(llama):
    line = number_line(with_rows(llama, np.full((1, 48), 0.25)), DOWN, 4, 32, True, 0)
    assert line.after[-1] == 32
    assert line.levels[-1] == pytest.approx(0.25)
    assert line.error == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", ["", "nope", "model.embed_tokens", "model.layers.9.mlp.down_proj.weight", None])
def test_a_matrix_that_is_not_there_is_refused(llama, name):
    with pytest.raises(PlaygroundError, match=r"no matrix .* here\. Choose one"):
        number_line(Fork(llama), name, 4, 32, True)


def test_a_matrix_of_a_layer_that_was_taken_out_is_refused(llama):
    fork = Fork(llama)
    fork.drop_layer("model.layers", 0)
    with pytest.raises(PlaygroundError, match="no matrix"):
        number_line(fork, DOWN, 4, 32, True)
    assert number_line(fork, QUERY, 4, 32, True).weights == 32
