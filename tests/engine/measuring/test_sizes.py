from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from playground.engine.fork import Fork, Format
from playground.engine.fork.structure import layers, select
from playground.engine.measuring.sizes import sizes
from playground.engine.recipe import parse_edit

FOUR = Format("int4", 4, 32 / 64, True)


def distinct(fork) -> dict[str, torch.Tensor]:
    """The parameters that a file would hold, each once, found without the code under test: by
    the addresses of the model's own tensors, row patches written out."""
    found: dict[str, torch.Tensor] = {}
    seen: set[int] = set()
    for name, _ in fork.base.model.named_parameters(remove_duplicate=False):
        try:
            owner = fork.model.get_submodule(name.rpartition(".")[0])
        except AttributeError:
            continue  # in a layer that was taken out
        if hasattr(owner, "dense") and name.endswith(".weight"):
            found[name] = owner.dense()
            continue
        tensor = getattr(owner, name.rpartition(".")[2])
        if tensor.data_ptr() not in seen:
            seen.add(tensor.data_ptr())
            found[name] = tensor.detach().contiguous().clone()
    return found


def file_length(fork, folder) -> int:
    path = folder / "model.safetensors"
    save_file(distinct(fork), path, metadata={"format": "pt"})
    return path.stat().st_size


def zeros_by_numpy(fork) -> int:
    return sum(t.numel() - np.count_nonzero(t.float().numpy()) for t in distinct(fork).values())


def applied(base, *edits) -> Fork:
    fork = Fork(base)
    for edit in edits:
        parse_edit(edit).apply(fork)
    return fork


def numel(fork) -> int:
    return sum(tensor.numel() for tensor in distinct(fork).values())


# An unedited fork


def test_a_fork_of_nothing_is_the_base(every_layout, tmp_path):
    fork = Fork(every_layout)
    found = sizes(fork)
    parameters = sum(p.numel() for p in every_layout.model.parameters())  # a tied pair comes once here
    assert found.weights == parameters
    assert found.zeros == zeros_by_numpy(fork)
    assert found.held_bytes == 0
    assert found.file_bytes == found.packed_bytes == file_length(fork, tmp_path)
    assert found.effective_bits == 32


def test_the_file_of_a_tied_model_is_as_long_as_the_one_that_transformers_wrote(tiny):
    """The files of the tests were written by save_pretrained: one table for both sides."""
    for name in ("tiny-llama", "tiny-llama-untied", "tiny-qwen2", "tiny-mistral"):
        written = (tiny.files(name) / "model.safetensors").stat().st_size
        assert sizes(Fork(tiny[name])).file_bytes == written, name


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_base_in_16_bits_is_half_as_large(tiny, dtype, tmp_path):
    fork = Fork(tiny.fresh("tiny-llama", dtype))
    found = sizes(fork)
    assert found.effective_bits == 16
    assert found.file_bytes == file_length(fork, tmp_path)
    assert found.weights == sizes(Fork(tiny["tiny-llama"])).weights


# File


NUDGE = {"kind": "nudge_tokens", "text": " the of", "direction": "scale", "strength": 2.0}
EDITS = {
    "pruned": [{"kind": "prune", "sparsity": 0.5, "targets": ["mlp@0"]}],
    "quantized": [{"kind": "quantize", "scheme": "int4", "targets": ["linear", "embeddings"]}],
    "cast": [{"kind": "cast", "dtype": "bf16"}],
    "nudged on one side": [NUDGE | {"side": "input"}],
    "head alone quantized": [{"kind": "quantize", "targets": ["lm_head*"]}],
    "a layer dropped": [{"kind": "prune", "pattern": "layers", "sparsity": 0.5}],
    "all layers dropped": [{"kind": "prune", "pattern": "layers", "sparsity": 1}],
}


@pytest.mark.parametrize("edits", EDITS)
def test_the_file_is_as_long_as_safetensors_writes_it(layout, edits, tmp_path):
    """Simulated quantization and zeros are ordinary numbers in a file."""
    fork = applied(layout, *EDITS[edits])
    found = sizes(fork)
    assert found.weights == numel(fork)
    assert found.file_bytes == file_length(fork, tmp_path)


def test_a_tied_pair_that_is_patched_alike_is_written_once(llama, tmp_path):
    fork = applied(llama, NUDGE)
    once = distinct(fork)
    del once["lm_head.weight"]
    save_file(once, tmp_path / "once", metadata={"format": "pt"})
    found = sizes(fork)
    assert found.file_bytes == (tmp_path / "once").stat().st_size
    assert found.weights == sum(p.numel() for p in llama.model.parameters())


def test_a_tied_pair_that_was_parted_is_written_twice(llama):
    before, after = sizes(Fork(llama)), sizes(applied(llama, NUDGE | {"side": "input"}))
    assert after.weights == before.weights + 300 * 32
    assert 0 < after.file_bytes - before.file_bytes - 300 * 32 * 4 < 200  # a name in the header


@pytest.mark.weights
def test_the_file_of_smollm2_is_as_long_as_safetensors_writes_it(smollm2, tmp_path):
    fork = Fork(smollm2)
    found = sizes(fork)
    assert found.weights == 134_515_008
    assert found.file_bytes == file_length(fork, tmp_path)
    assert found.effective_bits == smollm2.dtype.itemsize * 8


# Zeros


@pytest.mark.parametrize("sparsity", [0, 0.25, 1])
@pytest.mark.parametrize("name", ["tiny-llama", "tiny-llama-untied", "tiny-gpt2-layout"])
def test_zeros_are_counted_once_each(tiny, name, sparsity):
    targets = ["mlp", "embeddings"]
    fork = applied(tiny[name], {"kind": "prune", "sparsity": sparsity, "targets": targets})
    assert sizes(fork).zeros == zeros_by_numpy(fork)


def test_zeros_are_not_counted_where_nobody_asks(llama):
    fork = applied(llama, {"kind": "prune", "sparsity": 0.5})
    found, quick = sizes(fork), sizes(fork, count_zeros=False)
    assert found.zeros > 0
    assert quick.zeros == 0
    assert (quick.weights, quick.file_bytes, quick.packed_bytes, quick.effective_bits) == (
        found.weights,
        found.file_bytes,
        found.packed_bytes,
        found.effective_bits,
    )


def test_negative_zeros_are_zeros_and_no_numbers_are_not(llama):
    fork = Fork(llama)
    odd = torch.ones(300, 32)
    odd[0], odd[1, 0], odd[2, 0] = -0.0, float("nan"), 1e-45
    fork.replace("lm_head.weight", odd)
    assert sizes(fork).zeros == zeros_by_numpy(Fork(llama)) + 32


# Bits


def test_packed_bytes_and_effective_bits_by_hand(llama, tmp_path):
    """One matrix of 48 x 32 at 4.5 bits; all else at 32."""
    fork = Fork(llama)
    name = "model.layers.0.mlp.up_proj.weight"
    fork.replace(name, fork.tensor(name).clone(), FOUR)
    found, everything = sizes(fork), numel(fork)
    bits = 48 * 32 * 4.5 + (everything - 48 * 32) * 32
    assert found.effective_bits == pytest.approx(bits / everything, rel=1e-12)
    assert found.file_bytes == file_length(fork, tmp_path)
    assert found.file_bytes - found.packed_bytes == 48 * 32 * (32 - 4.5) / 8


@pytest.mark.parametrize(
    ("edit", "each"),
    [
        ({"scheme": "int4", "group_size": 32}, lambda out, columns: 4 + 32 / 32),
        ({"scheme": "int4", "group_size": 32, "symmetric": False}, lambda o, c: 4 + 36 / 32),
        ({"scheme": "int8", "group_size": "channel"}, lambda out, columns: 8 + 32 / columns),
        ({"scheme": "int3", "group_size": "tensor"}, lambda out, c: 3 + 32 / (out * c)),
        ({"scheme": "nf4", "group_size": 16}, lambda out, columns: 4 + 2),
        ({"scheme": "ternary", "group_size": 8}, lambda out, columns: math.log2(3) + 4),
        ({"scheme": "binary", "group_size": "channel"}, lambda out, columns: 1 + 32 / columns),
        ({"scheme": "fp8_e5m2", "group_size": 8}, lambda out, columns: 8 + 4),
    ],
)
@pytest.mark.parametrize("name", ["tiny-llama", "tiny-gpt2-layout"])
def test_the_effective_bits_of_quantized_layers_by_hand(tiny, name, edit, each):
    """Group sizes that divide every row, except 32 in the rows of 48: two groups there."""
    base = tiny[name]
    edit = {"kind": "quantize"} | edit
    fork, bits = applied(base, edit), 0.0
    inside = {m.name: m for m in select(fork, ["linear"])}
    for tensor_name, tensor in distinct(fork).items():
        if tensor_name not in inside:
            bits += tensor.numel() * 32
            continue
        out, columns = inside[tensor_name].oriented(tensor).shape
        one = each(out, columns)
        if edit["group_size"] == 32 and columns == 48:
            one = 4 + (one - 4) * 32 * 2 / 48
        bits += tensor.numel() * one
    found = sizes(fork)
    assert found.effective_bits == pytest.approx(bits / numel(fork), abs=7 / numel(fork))
    as_plain = numel(fork) * 4
    assert found.file_bytes - found.packed_bytes == pytest.approx(as_plain - bits / 8, abs=8)


def test_a_cast_of_everything_is_16_bits(llama):
    fork = applied(llama, {"kind": "cast", "dtype": "fp16", "targets": ["*"]})
    norms = sum(p.numel() for p in llama.model.parameters() if p.ndim == 1)
    everything = numel(fork)
    expected = ((everything - norms) * 16 + norms * 32) / everything
    assert sizes(fork).effective_bits == pytest.approx(expected, rel=1e-12)


# Layers that were taken out


def test_dropped_layers_are_not_counted(every_layout, tmp_path):
    path, stack = layers(every_layout.model)
    of_layer = [sum(p.numel() for p in layer.parameters()) for layer in stack]
    everything = sum(p.numel() for p in every_layout.model.parameters())
    fork = Fork(every_layout)
    fork.drop_layer(path, 1)
    found = sizes(fork)
    assert found.weights == everything - of_layer[1]
    assert found.held_bytes == 0
    assert found.file_bytes == file_length(fork, tmp_path)
    fork.drop_layer(path, 0)
    assert sizes(fork).weights == everything - sum(of_layer)
    assert sizes(fork).effective_bits == 32


def test_a_quantized_layer_that_is_dropped_leaves_its_bits_with_it(llama):
    fork = applied(llama, {"kind": "quantize", "targets": ["linear@1"]})
    assert sizes(fork).effective_bits < 32
    fork.drop_layer("model.layers", 1)
    assert sizes(fork).effective_bits == 32


# Packed layers


@pytest.mark.parametrize(
    ("scheme", "mode", "group_size", "codes", "scales"),
    [
        ("int8", "packed", "channel", 1, lambda out, columns: 2 * out),
        ("int8", "llm_int8", "channel", 1, lambda out, columns: 4 * out),
        ("int4", "packed", 32, 0.5, lambda out, columns: 4 * out * columns / 32),  # with the zero points of the kernel
        ("nf4", "packed", 32, 0.5, lambda out, columns: 4 * out * columns / 32),
        ("fp4", "packed", 32, 0.5, lambda out, columns: 4 * out * columns / 32),
    ],
)
@pytest.mark.parametrize("name", ["tiny-llama", "tiny-gpt2-layout", "tiny-phi"])
def test_packed_layers_hold_codes_and_scales(tiny, name, scheme, mode, group_size, codes, scales):
    """In bytes by hand, the header's digits aside; a processor's fast kernel may keep the scales
    as 16 bits."""
    base = tiny[name]
    fork = applied(
        base, {"kind": "quantize", "mode": mode, "scheme": scheme, "group_size": group_size, "targets": ["attention"]}
    )
    by_hand = low = plain = 0.0
    for matrix in select(fork, ["attention"]):
        weight = matrix.oriented(base.model.get_parameter(matrix.name))
        by_hand += weight.numel() * codes + scales(*weight.shape)
        low += weight.numel() * codes + scales(*weight.shape) / 2
        plain += weight.numel() * 4
    found = sizes(fork)
    assert low <= found.held_bytes <= by_hand
    assert found.weights == sizes(Fork(base)).weights
    everything = sizes(Fork(base)).file_bytes
    assert found.packed_bytes == pytest.approx(everything - plain + found.held_bytes, abs=64)
    assert found.file_bytes == pytest.approx(found.packed_bytes, abs=16)


def test_the_figures_are_numbers_that_json_can_say(layout):
    fork = applied(layout, {"kind": "quantize", "scheme": "ternary"})
    found = sizes(fork)
    assert json.loads(json.dumps(vars(found))) == vars(found)
    assert {type(value) for key, value in vars(found).items() if key != "effective_bits"} == {int}
