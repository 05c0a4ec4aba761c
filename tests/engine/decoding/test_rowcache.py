from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from transformers import DynamicCache

from playground.engine.decoding.key_values import BLOCK
from playground.engine.decoding.row_cache import RowCache

HEADS, SIZE = 2, 4


def prefill(length: int, value: float, layers: int = 2) -> DynamicCache:
    """Keys and values of a prompt, recognisable by layer, place and row."""
    cache = DynamicCache()
    for layer in range(layers):
        keys = torch.full((1, HEADS, length, SIZE), value + layer)
        keys += torch.arange(length)[:, None] / 1000
        cache.update(keys, -keys, layer)
    return cache


def filled(*lengths: int, capacity: int = 100) -> RowCache:
    cache = RowCache(len(lengths), capacity)
    for row, length in enumerate(lengths):
        cache.fill(row, prefill(length, 10.0 * (row + 1)), length)
    return cache


def test_each_prompt_lies_at_the_start_of_its_own_row():
    cache = filled(3, 70, 1)
    assert cache.lengths == [3, 70, 1]
    for row, length in enumerate((3, 70, 1)):
        for layer in (0, 1):
            expected = prefill(length, 10.0 * (row + 1)).layers[layer]
            assert torch.equal(cache.layers[layer].keys[row, :, :length], expected.keys[0])
            assert torch.equal(cache.layers[layer].values[row, :, :length], expected.values[0])
            assert not cache.layers[layer].keys[row, :, length:].any()


def test_a_new_token_is_written_at_its_own_rows_end():
    cache = filled(3, 70, 1)
    new = torch.arange(3.0)[:, None, None, None].expand(3, HEADS, 1, SIZE) + 500
    keys, values = cache.layers[0].update(new, -new)
    for row, length in enumerate((3, 70, 1)):
        assert (keys[row, :, length] == 500 + row).all()
        assert (values[row, :, length] == -500 - row).all()
        assert torch.equal(keys[row, :, :length], prefill(length, 10.0 * (row + 1)).layers[0].keys[0])
        assert not keys[row, :, length + 1 :].any()


@pytest.mark.parametrize(
    ("longest", "width"), [(0, BLOCK), (1, BLOCK), (BLOCK - 1, BLOCK), (BLOCK, 2 * BLOCK), (2 * BLOCK - 1, 2 * BLOCK)]
)
def test_a_step_looks_at_full_blocks_up_to_the_new_token(longest, width):
    cache = RowCache(2, 300)
    cache.lengths[1] = longest
    assert cache.width() == width


@pytest.mark.parametrize("capacity", [1, BLOCK - 1, BLOCK, BLOCK + 1, 300])
def test_there_is_room_for_the_capacity_in_full_blocks(capacity):
    cache = filled(1, capacity=capacity)
    room = cache.layers[0].keys.shape[2]
    assert room >= capacity
    assert room % BLOCK == 0
    cache.lengths[0] = capacity - 1  # the last place that may be written
    assert cache.width() <= room


def seen(mask: torch.Tensor) -> list[list[int]]:
    return [row.nonzero()[:, 0].tolist() for row in mask[:, 0, 0]]


def test_a_token_sees_all_before_it_and_itself():
    mask = filled(0 + 1, 3).masks(SimpleNamespace())
    assert mask.shape == (2, 1, 1, BLOCK)
    assert seen(mask) == [[0, 1], [0, 1, 2, 3]]


def test_a_window_counts_the_token_itself():
    mask = filled(1, 2, 9).masks(SimpleNamespace(sliding_window=3))
    assert seen(mask) == [[0, 1], [0, 1, 2], [7, 8, 9]]


def test_layers_of_two_kinds_get_a_mask_each():
    config = SimpleNamespace(sliding_window=3, layer_types=["sliding_attention", "full_attention", "sliding_attention"])
    masks = filled(5).masks(config)
    assert seen(masks["full_attention"]) == [[0, 1, 2, 3, 4, 5]]
    assert seen(masks["sliding_attention"]) == [[3, 4, 5]]


@pytest.mark.parametrize(
    "more",
    [
        {"use_sliding_window": False},
        {"layer_types": ["full_attention", "full_attention"]},
        {"sliding_window": None},
        {"sliding_window": 0},
    ],
)
def test_a_window_that_is_switched_off_hides_nothing(more):
    config = SimpleNamespace(**({"sliding_window": 2} | more))
    assert seen(filled(5).masks(config)) == [[0, 1, 2, 3, 4, 5]]
