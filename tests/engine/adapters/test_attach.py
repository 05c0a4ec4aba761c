"""An attached adapter against plain PEFT with the same files."""

from __future__ import annotations

import copy
import json

import pytest
import torch
from peft import PeftModel
from peft_made import METHODS, VIRTUAL

from playground.engine.adapters import AdapterError, bottleneck, files, lora
from playground.engine.adapters.base import outputs
from playground.engine.adapters.edit import attach
from playground.engine.decoding.batches import decode
from playground.engine.decoding.generate import Sampling
from playground.engine.fork import Fork
from playground.engine.measuring.sizes import sizes
from playground.engine.training.prepare import prepare_training
from playground.engine.training.settings import TrainingSettings

IDS = [5, 17, 42, 99, 120, 7, 33]
FOLDABLE = [method for method in METHODS if method not in VIRTUAL]


@torch.inference_mode()
def logits_of(model, ids=IDS):
    return model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]


@torch.inference_mode()
def peft_logits(model, ids=IDS):
    """PEFT puts the virtual tokens' own logits in front for prompt tuning."""
    return model(input_ids=torch.tensor([ids])).logits[0, -len(ids) :]


def attached(base, given, scale=1.0, fold=False):
    fork = Fork(base)
    changes = attach(fork, files.read_adapter(given, fork), scale, fold)
    fork.settle()
    return fork, changes


@pytest.mark.parametrize("method", METHODS)
def test_an_adapter_made_by_peft_does_here_what_it_does_there(every_layout, method, by_peft):
    theirs, given = by_peft(every_layout, method)
    fork, changes = attached(every_layout, given)
    assert torch.allclose(logits_of(fork.model), peft_logits(theirs), atol=1e-4, rtol=0)
    assert not torch.allclose(logits_of(fork.model), logits_of(every_layout.model), atol=1e-2)
    assert all(change.change > 0 for change in changes)


def test_a_lora_beside_the_embedding_is_pefts(layout, by_peft):
    theirs, given = by_peft(layout, "table")
    fork, _ = attached(layout, given)
    assert torch.allclose(logits_of(fork.model), peft_logits(theirs), atol=1e-4, rtol=0)
    [pair] = lora.pairs(files.read_adapter(given, Fork(layout)))
    [layer] = [m for n, m in theirs.named_modules() if hasattr(m, "lora_embedding_A") and m.lora_embedding_A]
    assert torch.allclose(pair.scaling * pair.up @ pair.down, layer.get_delta_weight("default"), atol=1e-6)


@pytest.mark.parametrize("method", FOLDABLE)
def test_folded_and_kept_apart_give_the_same_logits(layout, method, by_peft):
    _, given = by_peft(layout, method)
    for scale in (1.0, -0.5, 2.0):
        apart, _ = attached(layout, given, scale)
        folded, _ = attached(layout, given, scale, fold=True)
        assert torch.allclose(logits_of(apart.model), logits_of(folded.model), atol=1e-4, rtol=0)
        assert not list(folded.thin())


@pytest.mark.parametrize("method", ["lora", "rslora", "patterns", "dora"])
@pytest.mark.parametrize("scale", [-2.0, 0.5, 3.0])
def test_the_scale_is_pefts_own(llama, method, scale, by_peft):
    theirs, given = by_peft(llama, method)
    for module in theirs.modules():
        if hasattr(module, "set_scale"):
            module.set_scale("default", scale)
    fork, _ = attached(llama, given, scale)
    assert torch.allclose(logits_of(fork.model), peft_logits(theirs), atol=1e-4, rtol=0)


@pytest.mark.parametrize("method", METHODS)
def test_an_adapter_written_here_loads_in_plain_peft(llama, method, by_peft, tmp_path):
    theirs, given = by_peft(llama, method)
    adapter = files.read_adapter(given, Fork(llama))
    for name, content in files.write_adapter(adapter, "anything").items():
        (tmp_path / name).write_bytes(content)
    again = PeftModel.from_pretrained(copy.deepcopy(llama.model), tmp_path).eval()
    assert torch.equal(peft_logits(again), peft_logits(theirs))
    assert files.read_adapter(files.write_adapter(adapter, "anything"), Fork(llama)).id == adapter.id


@pytest.mark.parametrize("method", METHODS)
def test_decoding_step_by_step_sees_what_reading_at_once_sees(layout, method, by_peft):
    _, given = by_peft(layout, method)
    fork, _ = attached(layout, given)
    *_, rows = decode(fork, [IDS, IDS[:3]], Sampling(max_new_tokens=6))
    for prompt, row in zip((IDS, IDS[:3]), rows, strict=True):
        ids = list(prompt)
        for token in row.ids:
            best = logits_of(fork.model, ids)[-1].topk(2)
            if best.values[0] - best.values[1] > 1e-3:
                assert token == int(best.indices[0])
            ids.append(token)


def test_several_adapters_at_once_add_up(llama, by_peft):
    _, one = by_peft(llama, "lora", 1)
    _, two = by_peft(llama, "rslora", 2)
    fork = Fork(llama)
    for given, scale in ((one, 0.7), (two, -0.4)):
        attach(fork, files.read_adapter(given, fork), scale, False)
    plain = Fork(llama)
    for given, scale in ((two, -0.4), (one, 0.7)):
        attach(plain, files.read_adapter(given, plain), scale, True)
    assert torch.allclose(logits_of(fork.model), logits_of(plain.model), atol=1e-4, rtol=0)


@pytest.mark.parametrize("method", METHODS)
def test_attaching_leaves_the_base_and_other_forks_alone(llama, method, by_peft):
    _, given = by_peft(llama, method)
    before = {name: tensor.clone() for name, tensor in llama.tensors()}
    plain, logits = Fork(llama), logits_of(llama.model)
    fork, _ = attached(llama, given)
    clone = fork.clone()
    assert torch.equal(logits_of(plain.model), logits)
    assert torch.equal(logits_of(llama.model), logits)
    assert all(torch.equal(before[name], tensor) for name, tensor in llama.tensors())
    assert torch.equal(logits_of(clone.model), logits_of(fork.model))


def test_scale_0_is_the_base(llama, by_peft):
    _, given = by_peft(llama, "lora")
    fork, changes = attached(llama, given, 0.0)
    assert changes == []
    assert torch.equal(logits_of(fork.model), logits_of(llama.model))


def test_the_receipt_says_how_far_the_weights_really_moved(layout, by_peft):
    for method in ("lora", "dora", "ia3"):
        _, given = by_peft(layout, method)
        fork, changes = attached(layout, given, 0.5)
        for change in changes:
            moved = fork.tensor(change.name) - layout.model.get_parameter(change.name)
            assert change.change == pytest.approx(float(moved.norm()), rel=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_kept_apart_an_adapter_costs_its_own_size(llama, method, by_peft):
    _, given = by_peft(llama, method)
    fork, _ = attached(llama, given)
    mine = sum(tensor.nbytes for _, tensor in fork.thin())
    adapter = files.read_adapter(given, Fork(llama))
    stretched = {"dora": 0}.get(method, mine)
    assert fork.bytes_held() <= adapter.nbytes() * 3 + 4096
    assert mine <= adapter.nbytes() + 4096 or stretched == 0
    plain, now = sizes(Fork(llama)), sizes(fork)
    assert now.file_bytes > plain.file_bytes
    assert now.weights - plain.weights == sum(tensor.numel() for _, tensor in fork.thin())


def bottlenecked(base):
    """A fork with a noisy bottleneck after every block."""
    fork, generator = Fork(base), torch.Generator().manual_seed(4)
    tensors = {}
    for path in outputs(fork):
        width = fork.tensor(f"{path}.weight").shape[0]
        for part, shape in zip(bottleneck.PARTS, ((4, width), (4,), (width, 4), (width,)), strict=True):
            tensors[f"{path}.{part}"] = torch.randn(shape, generator=generator) / 4
    config = {"peft_type": "BOTTLENECK", "size": 4}
    attach(fork, files.checked_adapter(config, tensors, fork), 1.0, False)
    return fork


def test_over_a_bottleneck_folded_and_kept_apart_are_the_same(llama, by_peft):
    adapter = files.read_adapter(by_peft(llama, "lora")[1], Fork(llama))
    apart, folded = bottlenecked(llama), bottlenecked(llama)
    before = logits_of(apart.model)
    attach(apart, adapter, 1.0, False)
    attach(folded, adapter, 1.0, True)
    assert torch.allclose(logits_of(apart.model), logits_of(folded.model), atol=1e-4, rtol=0)
    assert not torch.allclose(logits_of(apart.model), before, atol=1e-2)


@pytest.mark.parametrize("method", ["bitfit", "last_layers", "full", "embeddings"])
def test_changed_weights_fold_into_themselves(layout, method):
    fork = Fork(layout)
    trainable = prepare_training(fork, TrainingSettings(method=method))
    with torch.no_grad():
        for parameter in trainable.parameters.values():
            parameter += 0.1
    apart, folded = Fork(layout), Fork(layout)
    attach(apart, trainable.adapter(), 1.0, False)
    attach(folded, trainable.adapter(), 1.0, True)
    assert torch.equal(logits_of(apart.model), logits_of(folded.model))


def test_a_rank_that_a_configuration_makes_up_is_not_believed(llama, by_peft):
    given = by_peft(llama, "lora")[1]
    config = json.loads(given["adapter_config.json"])
    config["r"] = 5000
    given["adapter_config.json"] = json.dumps(config).encode()
    assert files.read_adapter(given, Fork(llama)).config["r"] == 4


def test_learned_tokens_have_no_scale_and_cannot_be_folded_or_doubled(llama, by_peft):
    _, given = by_peft(llama, "prefix")
    with pytest.raises(AdapterError, match=r"its scale is 1, not 0\.5"):
        attached(llama, given, 0.5)
    with pytest.raises(AdapterError, match="cannot be folded"):
        attached(llama, given, 1.0, fold=True)
    fork, _ = attached(llama, given)
    with pytest.raises(AdapterError, match="only one such adapter"):
        attach(fork, files.read_adapter(given, fork), 1.0, False)


def test_an_edit_of_whole_weights_folds_what_is_beside_them(llama, by_peft):
    _, given = by_peft(llama, "dora")
    fork, changes = attached(llama, given)
    name = changes[0].name
    effective = fork.tensor(name)
    before = logits_of(fork.model)
    fork.replace(name, effective)
    assert torch.allclose(logits_of(fork.model), before, atol=1e-4)
    assert torch.equal(fork.held(name), effective)
    assert fork.clone().tensor(name).data_ptr() == fork.tensor(name).data_ptr()
