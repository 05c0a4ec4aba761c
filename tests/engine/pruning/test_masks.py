from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import nn
from torch.nn.utils import prune

from playground.engine.pruning.masks import drop_count, lowest, lowest_in_rows, lowest_n_of_m, lowest_of_all

SPARSITIES = (0.0, 1e-9, 0.1, 0.25, 1 / 3, 0.5, 0.501, 0.77, 0.999, 1.0)
SHAPES = ((1, 1), (1, 7), (7, 1), (12, 20), (31, 33))


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def holder(weight: torch.Tensor) -> nn.Module:
    """A module for torch.nn.utils.prune to work on."""
    module = nn.Module()
    module.weight = nn.Parameter(weight.clone())
    return module


def first_by_stable_sort(scores: np.ndarray, count: int) -> np.ndarray:
    """The truth about ties: a stable sort leaves equal scores in the order of their indices."""
    mask = np.zeros(scores.size, dtype=bool)
    mask[np.argsort(scores.ravel(), kind="stable")[:count]] = True
    return mask.reshape(scores.shape)


# Few values, so that most of them are ties, with zeros, the smallest numbers and infinity.
VALUES = st.sampled_from([0.0, 1e-45, 1e-38, 0.25, 0.5, 0.50000006, 1.0, 3e38, np.inf])


def few_values(shape: tuple[int, ...] | st.SearchStrategy) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(np.float32, shape, elements=VALUES)


# The whole tensor


@pytest.mark.parametrize(
    ("sparsity", "total", "count"),
    [(0, 0, 0), (1, 0, 0), (0, 9, 0), (1, 9, 9), (0.5, 8, 4), (0.5, 5, 2), (0.5, 7, 4), (0.3, 1, 0)],
)
def test_the_count_is_rounded_and_halves_go_to_the_even_number(sparsity, total, count):
    assert drop_count(sparsity, total) == count


@pytest.mark.parametrize("shape", [(0,), (0, 5), (5, 0)])
def test_nothing_is_dropped_from_an_empty_tensor(shape):
    mask = lowest(torch.empty(shape), 0)
    assert mask.shape == shape
    assert mask.dtype == torch.bool


def test_of_an_all_zero_tensor_the_first_entries_go():
    zeros = torch.zeros(2, 3)
    assert lowest(zeros, 0).tolist() == [[False] * 3] * 2
    assert lowest(zeros, 4).tolist() == [[True] * 3, [True, False, False]]
    assert lowest(zeros, 6).all()


@pytest.mark.parametrize("sparsity", SPARSITIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_lowest_are_those_of_l1_unstructured(sparsity, shape):
    weight = noise(*shape)
    theirs = prune.l1_unstructured(holder(weight), "weight", amount=sparsity).weight_mask == 0
    mask = lowest(weight.abs(), drop_count(sparsity, weight.numel()))
    assert torch.equal(mask, theirs)
    assert int(mask.sum()) == round(sparsity * weight.numel())


@pytest.mark.parametrize("sparsity", SPARSITIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_random_scores_drop_what_random_unstructured_drops(sparsity, shape):
    """Theirs drops the highest of its numbers, so it is given one minus ours (exact)."""
    weight = noise(*shape)
    torch.manual_seed(3)
    theirs = prune.random_unstructured(holder(weight), "weight", amount=sparsity).weight_mask == 0
    torch.manual_seed(3)
    scores = 1 - torch.rand_like(weight)
    assert torch.equal(lowest(scores, drop_count(sparsity, weight.numel())), theirs)


@pytest.mark.parametrize("sparsity", SPARSITIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_whole_rows_are_those_of_ln_structured(sparsity, shape):
    weight = noise(*shape)
    module = prune.ln_structured(holder(weight), "weight", amount=sparsity, n=2, dim=0)
    theirs = (module.weight_mask == 0).all(dim=1)
    assert torch.equal(lowest(weight.norm(dim=1), drop_count(sparsity, shape[0])), theirs)


@pytest.mark.parametrize("count", [0, 1, 2, 5, 6])
def test_scores_that_differ_in_their_last_bits_only_are_told_apart(count):
    """The selection counts bits in two halves; here all the high halves are the same."""
    scores = torch.tensor([3, 0, 5, 1, 4, 2], dtype=torch.int32) + 0x3F800000
    order = [1, 3, 5, 0, 4, 2]
    assert lowest(scores.view(torch.float32), count).nonzero().flatten().tolist() == sorted(order[:count])


@hypothesis_settings(deadline=None, max_examples=200)
@given(scores=few_values(hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=6)), share=st.floats(0, 1))
def test_ties_go_to_the_lower_index(scores, share):
    count = round(share * scores.size)
    mask = lowest(torch.from_numpy(scores), count).numpy()
    np.testing.assert_array_equal(mask, first_by_stable_sort(scores, count))


@hypothesis_settings(deadline=None, max_examples=50)
@given(
    scores=hnp.arrays(
        np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40), elements=st.floats(0, np.inf, width=32)
    ),
    share=st.floats(0, 1),
)
def test_any_scores_that_are_not_negative_are_ordered(scores, share):
    scores = np.abs(scores)  # -0.0 is not a score
    count = round(share * scores.size)
    mask = lowest(torch.from_numpy(scores), count).numpy()
    np.testing.assert_array_equal(mask, first_by_stable_sort(scores, count))


def test_scores_that_are_a_view_are_read_as_they_are_shown():
    scores = noise(5, 9).abs()
    assert torch.equal(lowest(scores.T, 11), lowest(scores.T.contiguous(), 11))
    every_second = noise(5, 18).abs()[:, ::2]
    np.testing.assert_array_equal(lowest(every_second, 11), first_by_stable_sort(every_second.numpy(), 11))


# Several tensors together


@pytest.mark.parametrize("sparsity", SPARSITIES)
def test_several_together_are_those_of_global_unstructured(sparsity):
    weights = [noise(*shape, seed=seed) * (seed + 1) for seed, shape in enumerate(SHAPES)]
    modules = [holder(weight) for weight in weights]
    prune.global_unstructured([(module, "weight") for module in modules], prune.L1Unstructured, amount=sparsity)
    total = sum(weight.numel() for weight in weights)
    masks = list(lowest_of_all(lambda: (w.abs() for w in weights), drop_count(sparsity, total)))
    assert sum(int(mask.sum()) for mask in masks) == round(sparsity * total)
    for mask, module in zip(masks, modules, strict=True):
        assert torch.equal(mask, module.weight_mask == 0)


def test_no_tensors_at_all_and_empty_ones_among_others():
    assert list(lowest_of_all(lambda: [], 0)) == []
    parts = [torch.empty(0), torch.tensor([2.0, 1.0]), torch.empty(0, 3), torch.tensor([0.5])]
    masks = list(lowest_of_all(lambda: parts, 2))
    assert [mask.tolist() for mask in masks] == [[], [False, True], [], [True]]


@hypothesis_settings(deadline=None, max_examples=100)
@given(parts=st.lists(few_values(st.tuples(st.integers(0, 4), st.integers(0, 4))), max_size=4), share=st.floats(0, 1))
def test_ties_among_several_go_to_the_earlier_tensor(parts, share):
    flat = np.concatenate([np.empty(0, np.float32), *[part.ravel() for part in parts]])
    count = round(share * flat.size)
    masks = list(lowest_of_all(lambda: map(torch.from_numpy, parts), count))
    mine = np.concatenate([np.empty(0, bool), *[mask.numpy().ravel() for mask in masks]])
    np.testing.assert_array_equal(mine, first_by_stable_sort(flat, count))
    assert [tuple(mask.shape) for mask in masks] == [part.shape for part in parts]


def test_the_selection_is_exact_for_more_numbers_than_float32_counts():
    """2^24 + 3 equal scores: sums kept in float32 would be off by a few."""
    scores = torch.ones(2**24 + 3)
    mask = lowest(scores, 2**24 + 1)
    assert int(mask.sum()) == 2**24 + 1
    assert mask[-3:].tolist() == [True, False, False]


# Rows


@hypothesis_settings(deadline=None, max_examples=150)
@given(scores=few_values(st.tuples(st.integers(0, 5), st.integers(0, 9))), share=st.floats(0, 1))
def test_each_row_loses_its_own_lowest(scores, share):
    count = round(share * scores.shape[1])
    mask = lowest_in_rows(torch.from_numpy(scores), count).numpy()
    expected = [first_by_stable_sort(row, count) for row in scores]
    np.testing.assert_array_equal(mask, np.array(expected, dtype=bool).reshape(scores.shape))


@pytest.mark.parametrize("count", [0, 1, 10, 33])
def test_rows_of_noise_lose_what_l1_unstructured_takes_from_each(count):
    weight = noise(20, 33)
    mask = lowest_in_rows(weight.abs(), count)
    for row, mine in zip(weight, mask, strict=True):
        theirs = prune.l1_unstructured(holder(row), "weight", amount=count).weight_mask == 0
        assert torch.equal(mine, theirs)


# Groups of m


def n_of_m_by_loops(scores: np.ndarray, drop: int, group: int) -> np.ndarray:
    mask = np.zeros(scores.shape, dtype=bool)
    for row in range(scores.shape[0]):
        for first in range(0, scores.shape[1] - group + 1, group):
            places = sorted(range(first, first + group), key=lambda j: (scores[row, j], j))
            mask[row, places[:drop]] = True
    return mask


def test_two_of_four_on_a_case_worked_by_hand():
    scores = torch.tensor([[1.0, 4.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0, 9.0, 8.0]])
    mask = lowest_n_of_m(scores, 2, 4)
    assert mask.int().tolist() == [[1, 0, 1, 0, 1, 1, 0, 0, 0, 0]]


@hypothesis_settings(deadline=None, max_examples=200)
@given(
    scores=few_values(st.tuples(st.integers(0, 4), st.integers(0, 19))),
    pattern=st.sampled_from([(2, 4), (4, 8), (0, 4), (4, 4), (1, 3), (1, 1), (0, 1)]),
)
def test_n_of_m_agrees_with_loops_and_what_is_left_over_stays(scores, pattern):
    mask = lowest_n_of_m(torch.from_numpy(scores), *pattern).numpy()
    np.testing.assert_array_equal(mask, n_of_m_by_loops(scores, *pattern))


@pytest.mark.parametrize("columns", [3, 4, 7, 8, 9, 64, 65])
def test_every_full_group_loses_exactly_n(columns):
    mask = lowest_n_of_m(torch.zeros(3, columns), 2, 4)
    full = columns // 4 * 4
    assert (mask[:, :full].reshape(-1, 4).sum(1) == 2).all()
    assert not mask[:, full:].any()


def test_the_scores_themselves_are_left_alone():
    scores = noise(6, 16).abs()
    before = scores.clone()
    lowest(scores, 40)
    list(lowest_of_all(lambda: [scores], 40))
    lowest_in_rows(scores, 7)
    lowest_n_of_m(scores, 2, 4)
    assert torch.equal(scores, before)
