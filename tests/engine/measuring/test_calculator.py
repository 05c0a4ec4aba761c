"""The calculator against cases that are known, and against models that are there."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from playground.engine.measuring.calculator import (
    MACHINES,
    Shape,
    fits,
    inference,
    lora_parameters,
    read_config,
    shape_of,
    training,
)
from playground.errors import PlaygroundError

LLAMA_7B = Shape(parameters=7e9, layers=32, width=4096, key_width=4096, inner=11_008)


def full(shape, optimizer="adam", dtype="16 bits"):
    return training(shape, dtype, "full", 8, 2, optimizer, 512, 1, False)


def test_13_billion_with_adam_at_2_bytes_are_78_gb_of_gradients_and_states():
    found = full(replace(LLAMA_7B, parameters=13e9))
    assert found.gradients + found.states == 78e9


def test_a_7_billion_model_fully_tuned_in_16_bits_is_14_and_42_gb():
    found = full(LLAMA_7B)
    assert found.weights == 14e9
    assert found.gradients + found.states == 42e9


def test_gpt_3_with_rank_2_on_four_matrices_of_96_layers_has_18_874_368():
    assert lora_parameters(2, 4, 96, 12_288) == 18_874_368
    found = training(
        Shape(parameters=175e9, layers=96, width=12_288, key_width=12_288, inner=49_152),
        "16 bits",
        "lora",
        2,
        4,
        "adam",
        512,
        1,
        True,
    )
    assert found.trained == 18_874_368


@pytest.mark.parametrize(
    ("optimizer", "bytes_each"), [("sgd", 0), ("momentum", 2), ("adam", 4), ("adam_8bit", 2), ("paged_adam_8bit", 0)]
)
def test_states_by_optimizer(optimizer, bytes_each):
    assert full(LLAMA_7B, optimizer).states == bytes_each * 7e9


def test_qlora_holds_the_base_in_4_bits_and_what_learns_in_16():
    found = training(LLAMA_7B, "4 bits", "lora", 8, 4, "adam", 512, 1, False)
    learns = lora_parameters(8, 4, 32, 4096)
    assert found.weights == 3.5e9 + 2 * learns
    assert found.gradients == 2 * learns


def test_the_cache_of_keys_and_values_by_hand():
    found = inference(LLAMA_7B, "16 bits", 4096, 2)
    assert found.weights == 14e9
    assert found.rule == pytest.approx(16.8e9)
    assert found.cache == 2 * 32 * 4096 * 4096 * 2 * 2
    assert found.total == found.weights + found.cache


def test_checkpointing_keeps_less_and_longer_texts_more():
    def kept(tokens, saving):
        return training(LLAMA_7B, "16 bits", "lora", 8, 2, "adam", tokens, 1, saving).activations

    assert kept(512, True) < kept(512, False) / 5
    assert kept(1024, False) == 2 * kept(512, False)


def test_what_fits_where():
    assert fits(0) == list(MACHINES)
    assert fits(16e9) == [name for name, size in MACHINES.items() if size >= 16]
    assert fits(81e9) == []


def test_a_configuration_gives_the_parameters_of_the_real_model(every_layout):
    found = read_config(json.dumps(every_layout.model.config.to_dict(), default=str))
    assert found == shape_of(every_layout.model)
    assert found.parameters == sum(p.numel() for p in every_layout.model.parameters())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        "{}",
        '{"model_type": "no-such"}',
        '{"model_type": "t5"}',
        "[" * 5000,
        '{"model_type": "llama", "hidden_size": "many"}',
        " " * 200_000,
    ],
)
def test_what_is_no_configuration_is_refused(text):
    with pytest.raises(PlaygroundError, match=r"config\.json|The configuration's|not known to the calculator"):
        read_config(text)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("num_hidden_layers", 10**6),
        ("hidden_size", 10**9),
        ("vocab_size", 10**10),
        ("intermediate_size", 10**9),
        ("num_hidden_layers", 0),
    ],
)
def test_sizes_beyond_reason_are_refused_before_anything_is_built(key, value):
    with pytest.raises(PlaygroundError, match=f"The configuration's {key} is {value}"):
        read_config(json.dumps({"model_type": "llama", key: value}))
