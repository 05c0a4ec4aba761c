"""Extraction against numpy's singular values, and what must come back whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from playground.engine.adapters import AdapterError, files, lora
from playground.engine.adapters.edit import attach
from playground.engine.adapters.extract import extract, nearest
from playground.engine.adapters.summary import look_at, spectrum
from playground.engine.fork import Fork
from playground.engine.fork.structure import matrices
from playground.engine.pruning.edit import Prune

IDS = torch.tensor([[5, 17, 42, 99, 120, 7, 33]])


@torch.inference_mode()
def logits(fork):
    return fork.model(input_ids=IDS).logits[0]


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (1, 5), (5, 5)])
@pytest.mark.parametrize("rank", [1, 2, 4, 9])
def test_the_nearest_matrix_of_a_rank_misses_what_numpy_says(shape, rank):
    change = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    down, up = nearest(change, rank)
    values = np.linalg.svd(change.double().numpy(), compute_uv=False)
    assert len(down) == min(rank, *shape)
    missing = float((change - up @ down).norm())
    assert missing == pytest.approx(float(np.sqrt((values[rank:] ** 2).sum())), abs=1e-5)


def test_a_lora_comes_back_whole_at_its_own_rank(layout, by_peft):
    given = files.read_adapter(by_peft(layout, "lora")[1], Fork(layout))
    after = Fork(layout)
    attach(after, given, 1.0, True)
    found = extract(Fork(layout), after, 4)
    assert found.energy == pytest.approx(1, abs=1e-5)
    assert found.left_out == ()
    again = Fork(layout)
    attach(again, found.adapter, 1.0, False)
    assert torch.allclose(logits(again), logits(after), atol=1e-3, rtol=0)


def test_energy_and_error_are_those_of_the_singular_values(llama):
    after = Fork(llama)
    Prune(method="magnitude", sparsity=0.5).apply(after)
    found = extract(Fork(llama), after, 3)
    total = kept = 0.0
    for one in found.kept:
        change = (after.tensor(one.name) - llama.model.get_parameter(one.name)).double().numpy()
        squares = np.linalg.svd(change, compute_uv=False) ** 2
        assert one.energy == pytest.approx(squares[:3].sum() / squares.sum(), abs=1e-4)
        assert one.error == pytest.approx(np.sqrt(squares[3:].sum() / squares.sum()), abs=1e-4)
        total, kept = total + squares.sum(), kept + squares[:3].sum()
    assert found.energy == pytest.approx(kept / total, abs=1e-4)
    assert found.error == pytest.approx(np.sqrt(1 - kept / total), abs=1e-4)


def test_what_a_lora_cannot_have_is_named(llama):
    after = Fork(llama)
    name = "model.norm.weight"
    after.replace(name, after.tensor(name) + 1)
    Prune(targets=("*.q_proj.weight",)).apply(after)
    found = extract(Fork(llama), after, 2, ("*.q_proj.weight",))
    assert found.left_out == (name,)
    assert {one.name for one in found.kept} == {m.name for m in matrices(after) if m.name.endswith("q_proj.weight")}


def test_no_difference_and_ranks_out_of_range_are_refused(llama):
    with pytest.raises(AdapterError, match="nothing to extract"):
        extract(Fork(llama), Fork(llama), 2)
    for rank in (0, 513):
        with pytest.raises(AdapterError, match=f"Rank {rank} is out of range"):
            extract(Fork(llama), Fork(llama), rank)


def test_singular_values_are_numpys(layout, by_peft):
    adapter = files.read_adapter(by_peft(layout, "rslora")[1], Fork(layout))
    for pair in lora.pairs(adapter):
        dense = (pair.up @ pair.down).double().numpy() * pair.scaling
        values = np.linalg.svd(dense, compute_uv=False)
        found = spectrum(adapter, pair.path)
        assert found.values == pytest.approx(values[: pair.rank].tolist(), abs=1e-5)
        assert pair.norm() == pytest.approx(float(np.linalg.norm(dense)), rel=1e-6)
    with pytest.raises(AdapterError, match="no thin matrices there"):
        spectrum(adapter, "nowhere")


def test_a_look_has_the_sizes_and_where_it_changes(llama, by_peft):
    adapter = files.read_adapter(by_peft(llama, "lora")[1], Fork(llama))
    found = look_at(adapter, Fork(llama))
    assert (found.kind, found.rank, found.alpha) == ("lora", 4, 12)
    numbers = sum(tensor.numel() for tensor in adapter.tensors.values())
    model = sum(p.numel() for p in llama.model.parameters())  # tied once
    assert found.share == pytest.approx(numbers / model)
    assert found.bytes == 4 * numbers
    folded = Fork(llama)
    attach(folded, adapter, 1.0, True)
    by_name = {(cell.layer, cell.role): cell.value for cell in found.cells}
    for matrix in matrices(folded):
        if matrix.layer is not None:
            old = llama.model.get_parameter(matrix.name)
            moved = float((folded.tensor(matrix.name) - old).norm() / old.norm())
            assert by_name[matrix.layer, matrix.role] == pytest.approx(moved, rel=1e-3)


def test_the_same_lora_beside_both_is_no_difference(llama, by_peft):
    given = files.read_adapter(by_peft(llama, "lora")[1], Fork(llama))
    both = [Fork(llama), Fork(llama)]
    for fork in both:
        attach(fork, given, 1.0, False)
    with pytest.raises(AdapterError, match="do not differ"):
        extract(*both, 4)
