from __future__ import annotations

import pytest
import torch
from torch import nn

from playground.engine.fork import Fork
from playground.engine.fork.structure import PRESETS, layers, matrices, select, tied_groups
from playground.errors import RecipeError

ATTENTION = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"]
MLP = ["mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]
# For each layout: where its layers are, its embedding, and the roles in a layer, in the order in
# which the model has them. Written down from the models' papers and code, not from ours.
LLAMA = ("model.layers", "model.embed_tokens", ATTENTION, MLP)
KNOWN = {
    "tiny-llama": LLAMA,
    "tiny-llama-untied": LLAMA,
    "tiny-qwen2": LLAMA,
    "tiny-gemma3": LLAMA,
    "tiny-mistral": LLAMA,
    "tiny-gpt2-layout": (
        "transformer.h",
        "transformer.wte",
        ["attn.c_attn", "attn.c_proj"],
        ["mlp.c_fc", "mlp.c_proj"],
    ),
    "tiny-neox": (
        "gpt_neox.layers",
        "gpt_neox.embed_in",
        ["attention.query_key_value", "attention.dense"],
        ["mlp.dense_h_to_4h", "mlp.dense_4h_to_h"],
    ),
    "tiny-opt": (
        "model.decoder.layers",
        "model.decoder.embed_tokens",
        ["self_attn.k_proj", "self_attn.v_proj", "self_attn.q_proj", "self_attn.out_proj"],
        ["fc1", "fc2"],
    ),
    "tiny-phi": (
        "model.layers",
        "model.embed_tokens",
        ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.dense"],
        ["mlp.fc1", "mlp.fc2"],
    ),
}


def names(fork, *targets) -> list[str]:
    return [matrix.name for matrix in select(fork, targets)]


def drop(fork, *indices) -> Fork:
    path, _ = layers(fork.model)
    for index in indices:
        fork.drop_layer(path, index)
    return fork


# What there is


def test_every_layout_is_written_down_here(tiny):
    assert set(KNOWN) == set(tiny.names)


@pytest.mark.parametrize("layout_name", KNOWN)
def test_the_matrices_of_each_layout_are_those_written_down(tiny, layout_name):
    path, embedding, attention, mlp = KNOWN[layout_name]
    expected = [(f"{embedding}.weight", "embeddings", None)]
    for layer in (0, 1):
        for part, roles in (("attention", attention), ("mlp", mlp)):
            expected += [(f"{path}.{layer}.{role}.weight", part, layer) for role in roles]
    expected.append(("lm_head.weight", "embeddings", None))
    fork = Fork(tiny[layout_name])
    assert [(m.name, m.part, m.layer) for m in matrices(fork)] == expected
    roles = [m.role for m in matrices(fork) if m.layer == 0]
    assert roles == [*attention, *mlp]
    assert layers(fork.model)[0] == path
    assert len(layers(fork.model)[1]) == 2


def test_no_matrix_of_the_layers_is_forgotten(every_layout):
    """Everything with two dimensions in a layer, found by shape and not by class."""
    path, _ = layers(every_layout.model)
    inside = {
        name
        for name, parameter in every_layout.model.named_parameters()
        if name.startswith(f"{path}.") and parameter.ndim == 2
    }
    assert set(names(Fork(every_layout), "linear")) == inside


def test_only_gpt2_stores_its_matrices_the_other_way_round(every_layout):
    for matrix in matrices(Fork(every_layout)):
        turned = every_layout.entry.id == "tiny-gpt2-layout" and matrix.part != "embeddings"
        assert matrix.transposed == turned
        weight = every_layout.model.get_parameter(matrix.name)
        assert matrix.shape == tuple(weight.shape)


def test_columns_are_the_inputs_of_a_matrix(every_layout):
    """Seen by a hook: how long the vectors are that reach the module."""
    widths: dict[str, int] = {}
    fork = Fork(every_layout)
    found = [m for m in matrices(fork) if m.layer is not None or m.name == "lm_head.weight"]
    for matrix in found:
        module = fork.model.get_submodule(matrix.name.removesuffix(".weight"))
        module.register_forward_pre_hook(
            lambda module, given, name=matrix.name: widths.update({name: given[0].shape[-1]})
        )
    fork.model(input_ids=torch.tensor([[5, 6, 7]]))
    assert {m.name: m.columns for m in found} == widths


def test_orientation_gives_out_by_in_and_undoes_itself(every_layout):
    """x W^T + b with the oriented weight is what the module answers."""
    fork = Fork(every_layout)
    for matrix in select(fork, ["linear"]):
        module = fork.model.get_submodule(matrix.name.removesuffix(".weight"))
        weight = matrix.oriented(module.weight)
        x = torch.randn(3, matrix.columns, generator=torch.Generator().manual_seed(0))
        bias = 0 if module.bias is None else module.bias
        torch.testing.assert_close(x @ weight.T + bias, module(x), rtol=1e-4, atol=1e-5)
        assert matrix.oriented(weight).data_ptr() == module.weight.data_ptr()
        assert matrix.oriented(weight).shape == module.weight.shape


def test_dropped_layers_have_no_matrices(every_layout):
    everything = matrices(Fork(every_layout))
    for gone in ((0,), (1,), (0, 1)):
        left = matrices(drop(Fork(every_layout), *gone))
        assert left == [m for m in everything if m.layer not in gone]


def test_row_patches_and_packed_layers_change_no_name(llama):
    fork = Fork(llama)
    before = matrices(fork)
    for side in ("input", "output"):
        fork.patch_rows(side, torch.tensor([1]), torch.ones(1, 32))
    assert matrices(fork) == before


def test_a_model_without_a_list_of_layers_is_refused_in_words():
    model = nn.Module()
    model.config = type("Config", (), {"num_hidden_layers": 3})()
    model.others = nn.ModuleList([nn.Linear(1, 1)])
    with pytest.raises(RecipeError, match="no list of layers"):
        layers(model)
    model.config = type("Config", (), {})()
    with pytest.raises(RecipeError, match="no list of layers"):
        layers(model)


# How they are named


def test_the_presets_are_the_parts_and_all_layers_together(every_layout):
    fork = Fork(every_layout)
    path, embedding, attention, mlp = KNOWN[every_layout.entry.id]
    assert names(fork, "embeddings") == [f"{embedding}.weight", "lm_head.weight"]
    for preset, roles in (("attention", attention), ("mlp", mlp), ("linear", attention + mlp)):
        assert names(fork, preset) == [f"{path}.{i}.{r}.weight" for i in (0, 1) for r in roles]
    assert set(PRESETS) == {"linear", "attention", "mlp", "embeddings"}


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("attention@0-0", [(0, role) for role in ATTENTION]),
        ("attention@0", [(0, role) for role in ATTENTION]),
        ("mlp@1-1", [(1, role) for role in MLP]),
        ("linear@1", [(1, role) for role in ATTENTION + MLP]),
        ("linear@0-1", [(i, role) for i in (0, 1) for role in ATTENTION + MLP]),
        ("linear@1-9999", [(1, role) for role in ATTENTION + MLP]),
        ("linear@00-000", [(0, role) for role in ATTENTION + MLP]),
        ("*.q_proj.weight", [(0, ATTENTION[0]), (1, ATTENTION[0])]),
        ("*.q_proj.weight@1", [(1, ATTENTION[0])]),
        ("*.[qk]_proj.weight@0-0", [(0, ATTENTION[0]), (0, ATTENTION[1])]),
        ("*.layers.?.mlp.*", [(i, role) for i in (0, 1) for role in MLP]),
        ("model.layers.1.mlp.up_proj.weight", [(1, MLP[1])]),
        ("*@1", [(1, role) for role in ATTENTION + MLP]),
    ],
)
def test_ranges_and_patterns_name_what_they_say(llama, target, found):
    assert names(Fork(llama), target) == [f"model.layers.{i}.{role}.weight" for i, role in found]


def test_a_star_names_everything_and_a_pattern_reaches_the_head(llama):
    fork = Fork(llama)
    assert names(fork, "*") == [matrix.name for matrix in matrices(fork)]
    assert names(fork, "lm_head*") == ["lm_head.weight"]
    assert names(fork, "model.embed_tokens.weight") == ["model.embed_tokens.weight"]


def test_several_targets_are_joined_in_the_models_order_and_once_each(llama):
    fork = Fork(llama)
    expected = names(fork, "attention@0") + names(fork, "mlp@1") + ["lm_head.weight"]
    assert names(fork, "lm_head*", "mlp@1", "attention@0", "*.q_proj.weight@0") == expected


def test_no_target_names_nothing(llama):
    assert select(Fork(llama), []) == []


@pytest.mark.parametrize(
    "target",
    [
        "",
        " ",
        "liner",
        "LINEAR",
        "linear ",
        "q_proj",
        "*.Q_proj.weight",
        "*.q_proj.bias",
        "*norm*",
        "linear@2",
        "linear@2-9",
        "linear@1-0",
        "linear@-1",
        "linear@a",
        "linear@",
        "linear@0-",
        "linear@0-1-2",
        "linear@0.5",
        "linear@12345",
        "linear@0@1",
        "embeddings@0",
        "lm_head.weight@0",
        "[",
        "model.layers.0",
        "@0",
    ],
)
def test_a_target_that_names_nothing_is_refused_with_what_can_be_named(llama, target):
    with pytest.raises(RecipeError) as caught:
        select(Fork(llama), ["linear", target])
    said = str(caught.value)
    assert repr(target) in said
    assert [word for word in (*PRESETS, "linear@0-9") if word not in said] == []
    assert "*.self_attn.q_proj.weight" in said


def test_the_example_in_the_refusal_names_something(every_layout):
    with pytest.raises(RecipeError) as caught:
        select(Fork(every_layout), ["nothing"])
    example = str(caught.value).partition("a pattern like ")[2].rstrip(".")
    assert len(select(Fork(every_layout), [example])) == 2


def test_a_layer_that_was_dropped_can_no_longer_be_named(llama):
    fork = drop(Fork(llama), 1)
    assert [m.layer for m in select(fork, ["attention"])] == [0] * 4
    with pytest.raises(RecipeError, match="attention@1"):
        select(fork, ["attention@1"])
    with pytest.raises(RecipeError, match="'linear'"):
        select(drop(fork, 0), ["linear"])


# Tied pairs


def grouped(fork, *targets) -> list[list[str]]:
    return [[m.name for m in group] for group in tied_groups(fork, select(fork, targets))]


def test_a_tied_pair_is_one_group_and_an_untied_one_two(every_layout):
    """What the configuration says, which is not how the code finds out."""
    tied = every_layout.model.config.tie_word_embeddings
    pair = [f"{KNOWN[every_layout.entry.id][1]}.weight", "lm_head.weight"]
    assert grouped(Fork(every_layout), "embeddings") == ([pair] if tied else [[pair[0]], [pair[1]]])
    assert all(len(group) == 1 for group in grouped(Fork(every_layout), "linear"))


def test_all_groups_together_are_all_that_was_chosen(every_layout):
    fork = Fork(every_layout)
    together = [name for group in grouped(fork, "*") for name in group]
    assert sorted(together) == sorted(names(fork, "*"))


@pytest.mark.parametrize(
    ("rows", "groups"),
    [
        ({}, 1),
        ({"input": 1.0}, 2),
        ({"output": 1.0}, 2),
        ({"input": 1.0, "output": 1.0}, 1),
        ({"input": 1.0, "output": 2.0}, 2),
    ],
)
def test_a_tied_pair_counts_as_one_while_both_sides_are_patched_alike(llama, rows, groups):
    fork = Fork(llama)
    for side, value in rows.items():
        fork.patch_rows(side, torch.tensor([3, 9]), torch.full((2, 32), value))
    assert len(grouped(fork, "embeddings")) == groups


def test_the_same_values_in_other_rows_are_not_the_same_patch(llama):
    fork = Fork(llama)
    for side, ids in (("input", [3, 9]), ("output", [3, 8])):
        fork.patch_rows(side, torch.tensor(ids), torch.ones(2, 32))
    assert len(grouped(fork, "embeddings")) == 2


def test_replacing_one_side_parts_a_tied_pair(llama):
    fork = Fork(llama)
    fork.replace("lm_head.weight", fork.tensor("lm_head.weight").clone())
    assert len(grouped(fork, "embeddings")) == 2
