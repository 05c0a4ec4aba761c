"""Mixing against plain PEFT's add_weighted_adapter, and what can be worked out by hand."""

from __future__ import annotations

import copy
from typing import get_args

import pytest
import torch
from peft import PeftModel, get_peft_model
from peft_made import config_of, make_noisy

from playground.engine.adapters import AdapterError, files, lora
from playground.engine.adapters.edit import attach
from playground.engine.adapters.mix import mix
from playground.engine.adapters.names import WITH_DENSITY, MixMethod
from playground.engine.fork import Fork
from playground.engine.work import Stopped, Work

IDS = torch.tensor([[5, 17, 42, 99, 120, 7, 33]])
WEIGHTS = [0.7, -0.4]


@torch.inference_mode()
def logits(model):
    return model(input_ids=IDS).logits[0]


def on(base, adapter):
    fork = Fork(base)
    attach(fork, adapter, 1.0, False)
    return logits(fork.model)


def two(base, by_peft, methods=("lora", "lora")):
    given = [by_peft(base, method, seed)[1] for seed, method in enumerate(methods, 1)]
    return [files.read_adapter(one, Fork(base)) for one in given]


@pytest.mark.parametrize("method", get_args(MixMethod))
def test_a_mix_is_pefts(llama, method, by_peft, tmp_path):
    adapters = two(llama, by_peft)
    for place, adapter in enumerate(adapters):
        (tmp_path / str(place)).mkdir()
        for name, content in files.write_adapter(adapter, "m").items():
            (tmp_path / str(place) / name).write_bytes(content)
    theirs = PeftModel.from_pretrained(copy.deepcopy(llama.model), tmp_path / "0", "0")
    theirs.load_adapter(tmp_path / "1", "1")
    more = {"density": 0.6} if method in WITH_DENSITY else {}
    torch.manual_seed(3)
    theirs.add_weighted_adapter(["0", "1"], WEIGHTS, "both", combination_type=method, svd_full_matrices=False, **more)
    theirs.set_adapter("both")
    mixed = mix(Fork(llama), adapters, WEIGHTS, method, 0.6, 3)
    assert torch.allclose(on(llama, mixed), logits(theirs.eval()), atol=2e-4, rtol=0)


@pytest.mark.parametrize("layouts", ["tiny-gpt2-layout", "tiny-neox", "tiny-opt"])
def test_side_by_side_is_the_sum_of_the_changes_whatever_the_ranks(tiny, layouts, by_peft):
    base = tiny[layouts]
    adapters = two(base, by_peft, ("rslora", "patterns"))
    mixed = mix(Fork(base), adapters, WEIGHTS, "cat", 1.0, 0)
    both = Fork(base)
    for adapter, weight in zip(adapters, WEIGHTS, strict=True):
        attach(both, adapter, weight, False)
    assert torch.allclose(on(base, mixed), logits(both.model), atol=2e-4, rtol=0)


def test_random_choices_follow_the_seed(llama, by_peft):
    adapters = two(llama, by_peft)
    ids = [mix(Fork(llama), adapters, WEIGHTS, "dare_linear", 0.5, seed).id for seed in (1, 1, 2)]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("method", WITH_DENSITY)
def test_density_1_keeps_and_0_drops_everything(llama, method, by_peft):
    adapters = two(llama, by_peft)
    nothing = mix(Fork(llama), adapters, [1.0, 1.0], method, 0.0, 0)
    assert all(pair.norm() == 0 for pair in lora.pairs(nothing))
    alone = mix(Fork(llama), [adapters[0]] * 2, [0.5, 0.5], method, 1.0, 0)
    plain = mix(Fork(llama), [adapters[0]] * 2, [0.5, 0.5], "linear", 1.0, 0)
    if method not in ("ties", "dare_ties"):  # which average instead of adding up
        assert torch.allclose(on(llama, alone), on(llama, plain), atol=1e-4)


def test_mixing_leaves_the_fork_alone(llama, by_peft):
    fork, before = Fork(llama), logits(llama.model)
    mix(fork, two(llama, by_peft), WEIGHTS, "linear", 1.0, 0)
    assert torch.equal(logits(fork.model), before)
    assert list(fork.thin()) == []


def test_ranks_that_differ_need_cat_or_svd(llama, by_peft):
    adapters = two(llama, by_peft, ("lora", "patterns"))
    with pytest.raises(AdapterError, match="ranks 2, 4, and linear needs one rank"):
        mix(Fork(llama), adapters, WEIGHTS, "linear", 1.0, 0)
    mix(Fork(llama), adapters, WEIGHTS, "svd", 1.0, 0)


@pytest.mark.parametrize("method", ["dora", "ia3", "prefix"])
def test_what_has_no_thin_matrices_alone_cannot_be_mixed(llama, method, by_peft):
    adapters = two(llama, by_peft, ("lora", method))
    with pytest.raises(AdapterError, match="Only plain LoRAs"):
        mix(Fork(llama), adapters, WEIGHTS, "cat", 1.0, 0)


def test_ranks_that_add_up_to_too_much_are_refused(llama, monkeypatch, by_peft):
    monkeypatch.setattr("playground.engine.adapters.mix.MOST_RANK", 7)
    with pytest.raises(AdapterError, match="would have rank 8: at most 7"):
        mix(Fork(llama), two(llama, by_peft), WEIGHTS, "cat", 1.0, 0)


def test_ranks_that_add_up_to_the_most_are_taken(llama, monkeypatch, by_peft):
    monkeypatch.setattr("playground.engine.adapters.mix.MOST_RANK", 8)
    assert mix(Fork(llama), two(llama, by_peft), WEIGHTS, "cat", 1.0, 0).config["r"] == 8


def test_the_noise_is_not_nothing(llama):
    model = make_noisy(get_peft_model(copy.deepcopy(llama.model), config_of("lora", llama)), 1)
    assert not torch.allclose(logits(model), logits(llama.model), atol=1e-2)


def test_a_density_of_0_keeps_nothing_and_a_mix_that_is_no_number_is_refused(llama, by_peft):
    adapters = two(llama, by_peft)
    for method in WITH_DENSITY:
        mixed = mix(Fork(llama), adapters, WEIGHTS, method, 0.0, 0)
        assert all(not tensor.any() for tensor in mixed.tensors.values())
        assert torch.equal(on(llama, mixed), logits(llama.model))
    for method in ("dare_linear", "dare_ties"):  # 1e-60 is 0 in float32
        with pytest.raises(AdapterError, match="not of finite numbers"):
            mix(Fork(llama), adapters, WEIGHTS, method, 1e-60, 0)


def test_the_mix_by_svd_is_the_best_of_its_rank_and_never_writes_a_product(llama, by_peft, monkeypatch):
    adapters = two(llama, by_peft, ("rslora", "patterns"))
    seen, svd = [], torch.linalg.svd

    def watched(matrix, *args, **more):
        seen.append(max(matrix.shape))
        return svd(matrix, *args, **more)

    monkeypatch.setattr(torch.linalg, "svd", watched)
    mixed = {pair.path: pair for pair in lora.pairs(mix(Fork(llama), adapters, WEIGHTS, "svd", 1, 0))}
    assert max(seen) <= 8
    sums = {}
    for adapter, weight in zip(adapters, WEIGHTS, strict=True):
        for pair in lora.pairs(adapter):
            dense = weight * pair.scaling * pair.up.double() @ pair.down.double()
            sums[pair.path] = sums.get(pair.path, 0) + dense
    for path, dense in sums.items():
        left, values, right = svd(dense, full_matrices=False)
        best = left[:, :4] * values[:4] @ right[:4]
        pair = mixed[path]
        assert torch.allclose((pair.up @ pair.down).double() * pair.scaling, best, atol=1e-5)


def test_mixing_tells_of_every_matrix_and_stops_at_any(llama, by_peft):
    adapters = two(llama, by_peft)
    matrices = sum(1 for _ in lora.pairs(adapters[0]))
    for method in get_args(MixMethod):
        told = []
        given = Fork(llama), adapters, WEIGHTS, method, 0.6, 3
        mixed = mix(*given, Work(lambda done, of, what, told=told: told.append((done, of))))
        steps = matrices if method == "svd" else 2 + matrices
        assert told == [(done, steps) for done in range(steps)]
        assert mixed.id == mix(*given).id
        told.clear()
        stopping = Work(
            lambda done, of, what, told=told: told.append(done), lambda told=told, steps=steps: len(told) == steps - 1
        )
        with pytest.raises(Stopped):
            mix(*given, stopping)
        assert len(told) == steps - 1
