"""Parameters along the layers and by part, and which part and place a tensor has."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from merge_made import built, merge, named, of, pruned, weights

from playground.engine.fork import Fork
from playground.engine.fork.structure import parameters, select_parameters
from playground.engine.merging.run import places
from playground.engine.merging.values import value_at
from playground.engine.recipe import parse_edit
from playground.errors import RecipeError

NUMBERS = st.lists(st.floats(-10, 10), min_size=1, max_size=9)


# Values


def test_a_number_is_the_same_everywhere():
    assert value_at(0.3, "mlp", 0.0, 9.0) == value_at(0.3, "norms", 1.0, 9.0) == 0.3
    assert value_at(0, "mlp", 0.5, 9.0) == 0


@given(NUMBERS, st.floats(0, 1))
def test_numbers_along_the_layers_are_joined_by_straight_lines(numbers, place):
    ends = np.linspace(0, 1, len(numbers)) if len(numbers) > 1 else [0]
    truth = np.interp(place, ends, numbers)
    assert value_at(numbers, "mlp", place, 9.0) == pytest.approx(truth, abs=1e-9)


def test_a_gradient_by_hand():
    assert [value_at([0, 1], "mlp", place / 4, 9.0) for place in range(5)] == [0, 0.25, 0.5, 0.75, 1]
    assert [value_at((1, 0, 1), "mlp", place, 9.0) for place in (0, 0.25, 0.5, 1)] == [1, 0.5, 0, 1]
    assert value_at([0.7], "mlp", 1.0, 9.0) == 0.7


def test_each_part_has_its_own_and_the_others_the_rest():
    value = {"attention": 0.2, "mlp": [0, 1], "rest": 0.5}
    assert value_at(value, "attention", 1.0, 9.0) == 0.2
    assert value_at(value, "mlp", 0.5, 9.0) == 0.5
    assert value_at(value, "norms", 0.0, 9.0) == value_at(value, "embeddings", 1.0, 9.0) == 0.5
    assert value_at({"rest": [2, 4]}, "mlp", 1.0, 9.0) == 4


def test_a_part_of_which_nothing_is_said_has_the_default():
    assert value_at({"attention": 0.2}, "mlp", 0.0, 9.0) == 9.0
    assert value_at({}, "mlp", 0.0, 9.0) == 9.0
    assert value_at({"attention": 0}, "attention", 0.0, 9.0) == 0


def test_a_piece_of_a_name_comes_before_its_part_and_a_long_one_before_a_short():
    value = {"attention": 0.1, "q_proj": 0.2, "self_attn.q_proj": [0.3, 0.5], "rest": 0.9}
    q, k = (f"model.layers.0.self_attn.{name}_proj.weight" for name in "qk")
    assert value_at(value, "attention", 0.5, 9.0, q) == 0.4
    assert value_at(value, "attention", 0.5, 9.0, k) == 0.1
    assert value_at(value, "attention", 0.5, 9.0, "h.0.q_proj.weight") == 0.2
    assert value_at(value, "mlp", 0.5, 9.0, "model.layers.0.mlp.up_proj.weight") == 0.9
    assert value_at({"q_proj": 0.2}, "attention", 0.5, 9.0, k) == 9.0


def test_values_by_matrix_reach_those_matrices_alone(siblings):
    value = {"o_proj": 0.0, "up_proj": 0.5, "rest": 1.0}
    fork = built(merge(of("tiny-llama-1", weight=value), method="task_arithmetic"))
    own, other = (weights(built(model=name)) for name in ("tiny-llama", "tiny-llama-1"))
    for name, found in weights(fork).items():
        share = 0.0 if "o_proj" in name else 0.5 if "up_proj" in name else 1.0
        np.testing.assert_allclose(found, own[name] + share * (other[name] - own[name]), atol=1e-6)


def test_a_piece_that_is_in_no_name_is_refused_when_it_is_built(known):
    for key in ("weight", "density"):
        edit = merge(of("tiny-llama", **{key: {"c_attn": 0.5, "rest": 1.0}}), method="ties")
        with pytest.raises(RecipeError, match=r"has c_attn in its name.*attention.*q_proj"):
            built(edit)
    for name in ("heads", "atention", "", "x y_z", "q_proj\n", "_a", "a_" + "b" * 65):
        with pytest.raises(RecipeError, match="merge"):
            parse_edit(merge(of("tiny-llama", weight={name: 1.0})))


# Parts and places


def test_every_parameter_of_every_layout_is_listed_once_and_in_order(layout):
    assert [one.name for one in parameters(Fork(layout))] == named(layout)


def expected_part(name: str) -> str:
    """From the names in the papers' code, not from ours."""
    words = name.split(".")
    if "norm" in name or any(word.startswith("ln_") for word in words):
        return "norms"
    if any(word in ("lm_head", "wte", "wpe") or word.startswith("embed_") for word in words):
        return "embeddings"
    return "attention" if {"attn", "self_attn", "attention"} & set(words) else "mlp"


def test_parts_and_layers_are_those_that_the_names_say(layout):
    for one in parameters(Fork(layout)):
        numbers = [int(word) for word in one.name.split(".") if word.isdigit()]
        assert one.layer == (numbers[0] if numbers else None), one.name
        assert one.part == expected_part(one.name), one.name


def test_places_run_from_the_embedding_to_the_final_norm_and_the_head(layout):
    found = places(Fork(layout))
    assert list(found) == named(layout)
    for name, place in found.items():
        numbers = [int(word) for word in name.split(".") if word.isdigit()]
        before = not numbers and any(word in ("wte", "wpe") or word.startswith("embed_") for word in name.split("."))
        assert place == (numbers[0] if numbers else float(not before)), name


def test_layers_in_between_have_places_in_between(known):
    models = of("tiny-llama"), of("tiny-llama"), of("tiny-llama", layers=[1, 2])
    stacked = built(merge(*models, method="passthrough"))
    found = places(stacked)
    assert [found[f"model.layers.{n}.mlp.up_proj.weight"] for n in range(5)] == [0, 0.25, 0.5, 0.75, 1]


def test_dropped_layers_have_no_parameters(known):
    fork = built({"kind": "prune", "pattern": "layers", "sparsity": 0.5})
    assert {one.layer for one in parameters(fork)} in ({None, 0}, {None, 1})


# Choosing


def chosen(base, *targets):
    return [one.name for one in select_parameters(Fork(base), targets)]


def test_all_and_norms_and_parts_choose_what_they_name(layout):
    every = parameters(Fork(layout))
    assert chosen(layout, "all") == named(layout)
    parts = ("attention", "mlp", "embeddings", "norms")
    for part in parts:
        names = chosen(layout, part)
        assert names == [name for name in named(layout) if expected_part(name) == part]
        assert names
    assert chosen(layout, *parts) == chosen(layout, *reversed(parts)) == named(layout)
    linear = [one.name for one in every if one.layer is not None and one.part != "norms"]
    assert chosen(layout, "linear") == linear


def test_ranges_and_patterns_choose_parameters_of_any_shape(llama):
    path = "model.layers.1"
    assert chosen(llama, "norms@1") == [f"{path}.input_layernorm.weight", f"{path}.post_attention_layernorm.weight"]
    assert chosen(llama, "model.norm.weight") == ["model.norm.weight"]
    assert chosen(llama, "all@0-1") == [name for name in named(llama) if ".layers." in name]
    assert chosen(llama, "*") == named(llama)


@pytest.mark.parametrize("target", ["", "norm", "all@2", "embeddings@0", "all@1-0", "norms@x"])
def test_a_target_that_names_nothing_is_refused_with_the_presets(llama, target):
    with pytest.raises(RecipeError, match=r"names no parameter.*all, attention, mlp, .*norms"):
        chosen(llama, "all", target)


def test_pruned_recipes_still_name_every_parameter(known):
    assert [one.name for one in parameters(built(pruned()))] == named(known["tiny-llama"])
