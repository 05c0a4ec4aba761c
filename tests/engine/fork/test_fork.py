from __future__ import annotations

import copy
import hashlib

import pytest
import torch
from torch import nn

from playground.engine.fork import TREE_BYTES, Fork, relative_change
from playground.engine.fork.patched_rows import PatchedRows
from tests.conftest import DIFFERENT, LAYOUTS

SIDES = {"input": ("input",), "output": ("output",), "both": ("input", "output")}
CASES = [(name, sides) for sides in SIDES for name in (LAYOUTS if sides == "both" else DIFFERENT)]
IDS = [0, 5, 17, 42, 299]


def checksum(base) -> str:
    digest = hashlib.sha256()
    for name, tensor in base.tensors():
        digest.update(name.encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def noise(base, count: int = len(IDS), seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    width = base.model.get_input_embeddings().weight.shape[1]
    return torch.randn(count, width, generator=generator)


def edited_by_hand(base, sides, ids, rows) -> nn.Module:
    """The truth to compare with: a plain deep copy, untied, whose dense weights are written to."""
    plain = copy.deepcopy(base.model)
    for side in ("input", "output"):
        module = getattr(plain, f"get_{side}_embeddings")()
        module.weight = nn.Parameter(module.weight.clone(), requires_grad=False)
        if side in sides:
            module.weight.data[ids] = rows.to(module.weight.dtype)
    return plain


def weights(base, side) -> torch.Tensor:
    return getattr(base.model, f"get_{side}_embeddings")().weight


def hundred_edits(base) -> None:
    for step in range(100):
        fork = Fork(base)
        side = ("input", "output")[step % 2]
        fork.patch_rows(side, torch.tensor([step, step + 1]), noise(base, 2, step))
        if step % 10 == 0:
            fork = fork.clone()
            names = [name for name, _ in base.model.named_parameters()]
            name = names[step % len(names)]
            fork.replace(name, torch.zeros_like(fork.tensor(name)))
            fork.fold()


def test_a_fork_leaves_the_base_untouched(every_layout, logits, texts):
    prompt = texts.ids(13)
    before, answer = checksum(every_layout), logits(every_layout, prompt)
    hundred_edits(every_layout)
    assert checksum(every_layout) == before
    assert torch.equal(logits(every_layout, prompt), answer)


@pytest.mark.weights
def test_a_fork_leaves_smollm2_untouched(smollm2):
    before = checksum(smollm2)
    hundred_edits(smollm2)
    assert checksum(smollm2) == before


def test_a_clone_shares_every_tensor(layout):
    fork = Fork(layout)
    theirs = dict(layout.tensors())
    mine = dict(fork.model.named_parameters(remove_duplicate=False))
    mine |= dict(fork.model.named_buffers(remove_duplicate=False))
    assert mine.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert mine[name].data_ptr() == tensor.data_ptr(), name
    assert fork.bytes_held() == fork.clone().bytes_held() == 0


def reachable_modules(root: nn.Module) -> dict[int, str]:
    """Every module that can be reached through attributes, lists, tuples and dictionaries."""
    found: dict[int, str] = {}
    seen: set[int] = set()
    waiting = [(root, "model")]
    while waiting:
        value, path = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, nn.Module):
            found[id(value)] = path
            waiting += [(inner, f"{path}.{name}") for name, inner in vars(value).items()]
        elif isinstance(value, dict):
            waiting += [(inner, f"{path}[{key!r}]") for key, inner in value.items()]
        elif isinstance(value, list | tuple | set):
            waiting += [(inner, f"{path}[{place}]") for place, inner in enumerate(value)]
        elif hasattr(value, "__self__"):  # a bound method kept as an attribute
            waiting.append((value.__self__, f"{path}.__self__"))
    return found


def test_a_clone_shares_no_module_object_with_the_base(layout, logits, texts):
    logits(layout, texts.ids(3))  # whatever a model puts on itself when it runs is there now
    of_base, of_fork = reachable_modules(layout.model), reachable_modules(Fork(layout).model)
    assert len(of_base) >= len(list(layout.model.modules()))
    assert [of_fork[key] for key in of_fork.keys() & of_base.keys()] == []


def test_a_clone_is_in_eval_mode_and_asks_for_no_gradients(layout):
    model = Fork(layout).model
    assert not any(module.training for module in model.modules())
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_a_fresh_fork_answers_as_the_base_bit_for_bit(layout, logits, texts):
    fork = Fork(layout).clone()
    for prompt in texts.all():
        assert torch.equal(logits(fork, prompt), logits(layout, prompt))


@pytest.mark.parametrize(("name", "sides"), CASES)
def test_patched_rows_answer_as_dense_weights_edited_by_hand(tiny, name, sides, logits, texts):
    base = tiny[name]
    ids, rows = torch.tensor(IDS), noise(base)
    fork = Fork(base)
    for side in SIDES[sides]:
        fork.patch_rows(side, ids, rows)
    truth = edited_by_hand(base, SIDES[sides], IDS, rows)
    moved = False
    for prompt in [*texts.all(), IDS, [5, 5, 5], [299, 0]]:
        mine, theirs = logits(fork, prompt), logits(truth, prompt)
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=2e-5)
        assert torch.equal(mine.argmax(-1), theirs.argmax(-1))
        moved |= not torch.allclose(mine, logits(base, prompt), atol=1e-2)
    assert moved, "the patch did nothing"


def test_the_layouts_cover_scaled_embeddings_a_head_with_bias_and_both_kinds_of_tie(tiny):
    """The tests above mean what they say only while these models are in the list."""
    assert tiny["tiny-gemma3"].model.get_input_embeddings().scalar_embed_scale != 1
    assert tiny["tiny-phi"].model.get_output_embeddings().bias.abs().sum() > 0
    assert {Fork(tiny[name]).tied() for name in tiny.names} == {True, False}


def test_patching_one_side_of_a_tied_model_leaves_the_other_side_as_it_was(llama):
    fork = Fork(llama)
    fork.patch_rows("input", torch.tensor(IDS), noise(llama))
    everything = torch.arange(300)
    assert torch.equal(fork.rows("output", everything), weights(llama, "output"))
    assert not torch.equal(fork.rows("input", everything), weights(llama, "input"))


@pytest.mark.parametrize("side", ["input", "output"])
def test_patching_twice_merges_and_the_later_rows_win(layout, side, logits, texts):
    first, second = noise(layout, 3, 1), noise(layout, 3, 2)
    fork = Fork(layout)
    fork.patch_rows(side, torch.tensor([9, 3, 200]), first)
    fork = fork.clone()
    fork.patch_rows(side, torch.tensor([3, 1, 250]), second)
    truth = edited_by_hand(layout, [side], [9, 200, 3, 1, 250], torch.cat([first[[0, 2]], second]))
    prompt = [9, 3, 200, 1, 250, 4]
    torch.testing.assert_close(logits(fork, prompt), logits(truth, prompt), rtol=1e-5, atol=2e-5)
    assert isinstance(fork._module(side), PatchedRows)
    assert not isinstance(fork._module(side).inner, PatchedRows)
    assert fork.embedding(side)[1].tolist() == [1, 3, 9, 200, 250]


def test_an_edit_of_a_clone_leaves_the_fork_it_came_from_alone(llama, logits):
    first = Fork(llama)
    first.patch_rows("input", torch.tensor([3]), noise(llama, 1, 1))
    before = logits(first, [3, 4])
    second = first.clone()
    second.patch_rows("input", torch.tensor([3, 4]), noise(llama, 2, 2))
    second.fold()
    assert torch.equal(logits(first, [3, 4]), before)
    assert not torch.equal(logits(second, [3, 4]), before)


@pytest.mark.parametrize("side", ["input", "output"])
def test_a_patch_of_all_rows_and_a_patch_of_one(layout, side, logits, texts):
    for ids in ([0], [299], [150], list(range(300))):
        rows = noise(layout, len(ids))
        fork = Fork(layout)
        fork.patch_rows(side, torch.tensor(ids), rows)
        truth = edited_by_hand(layout, [side], ids, rows)
        prompt = [ids[0], 7, *texts.ids(6)]
        mine, theirs = logits(fork, prompt), logits(truth, prompt)
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=2e-5)


def test_rows_come_as_they_are_now_in_any_order_and_twice(llama):
    rows = noise(llama, 3)
    fork = Fork(llama)
    fork.patch_rows("input", torch.tensor([40, 7, 299]), rows)
    dense = weights(llama, "input").clone()
    dense[[40, 7, 299]] = rows
    for ids in ([299, 7, 40], [40, 40, 1, 40], [0], [298, 299], [], list(range(300))):
        wanted = torch.tensor(ids, dtype=torch.long)
        assert torch.equal(fork.rows("input", wanted), dense[wanted])
        assert fork.rows("input", wanted).dtype == torch.float32
    assert torch.equal(fork.tensor(fork.weight_name("input")), dense)


def test_rows_are_stored_in_the_models_dtype(tiny):
    base = tiny.fresh("tiny-llama", torch.bfloat16)
    fork, rows = Fork(base), noise(base, 2)
    fork.patch_rows("input", torch.tensor([1, 2]), rows)
    assert fork.embedding("input")[2].dtype == torch.bfloat16
    assert torch.equal(fork.rows("input", torch.tensor([1, 2])), rows.bfloat16().float())


@pytest.mark.parametrize(("name", "sides"), CASES)
def test_folding_changes_no_answer_and_gives_the_bases_names_back(tiny, name, sides, logits, texts):
    base = tiny[name]
    fork = Fork(base)
    for side in SIDES[sides]:
        fork.patch_rows(side, torch.tensor(IDS), noise(base))
    prompt = [*texts.ids(13), *IDS]
    before = logits(fork, prompt)
    fork.fold()
    torch.testing.assert_close(logits(fork, prompt), before, rtol=1e-5, atol=2e-5)
    assert fork.model.state_dict().keys() == base.model.state_dict().keys()
    for side in ("input", "output"):
        plain = weights(base, side).clone()
        if side in SIDES[sides]:
            plain[IDS] = noise(base)
        assert torch.equal(fork.tensor(fork.weight_name(side)), plain)


def test_folding_a_fork_without_patches_holds_nothing(layout):
    fork = Fork(layout)
    fork.fold()
    assert fork.bytes_held() == 0


def test_replacing_one_of_a_tied_pair_keeps_the_other(llama, logits):
    name = Fork(llama).weight_name
    assert Fork(llama).tied()
    for side, other in (("input", "output"), ("output", "input")):
        fork, new = Fork(llama), torch.ones(300, 32)
        fork.replace(name(side), new)
        assert torch.equal(fork.tensor(name(side)), new)
        assert fork.tensor(name(other)).data_ptr() == weights(llama, other).data_ptr()
        truth = edited_by_hand(llama, [side], list(range(300)), new)
        torch.testing.assert_close(logits(fork, IDS), logits(truth, IDS), rtol=1e-5, atol=2e-5)


def test_replacing_a_patched_weight_drops_its_patch_and_no_other(llama):
    fork = Fork(llama)
    for side in ("input", "output"):
        fork.patch_rows(side, torch.tensor(IDS), noise(llama))
    fork.replace(fork.weight_name("output"), torch.ones(300, 32))
    assert torch.equal(fork.rows("output", torch.tensor(IDS)), torch.ones(5, 32))
    assert torch.equal(fork.rows("input", torch.tensor(IDS)), noise(llama))


def test_replacing_every_tensor_is_seen_by_the_model(every_layout, logits, texts):
    """Halving each parameter by name gives what halving them in a deep copy gives."""
    fork, truth = Fork(every_layout), copy.deepcopy(every_layout.model)
    for name, tensor in every_layout.model.named_parameters(remove_duplicate=False):
        fork.replace(name, tensor * 0.5)
    for parameter in truth.parameters():
        parameter.data *= 0.5
    prompt = texts.ids(13)
    assert torch.equal(logits(fork, prompt), logits(truth, prompt))


def test_replacing_a_heads_bias_keeps_its_patched_rows(tiny, logits):
    base = tiny["tiny-phi"]
    fork = Fork(base)
    fork.patch_rows("output", torch.tensor(IDS), noise(base))
    fork.replace("lm_head.bias", torch.zeros(300))
    assert torch.equal(fork.rows("output", torch.tensor(IDS)), noise(base))
    assert torch.equal(fork.tensor("lm_head.bias"), torch.zeros(300))
    truth = edited_by_hand(base, ["output"], IDS, noise(base))
    truth.lm_head.bias = nn.Parameter(torch.zeros(300))
    torch.testing.assert_close(logits(fork, IDS), logits(truth, IDS), rtol=1e-5, atol=2e-5)


def test_a_tensor_of_another_shape_is_refused(llama):
    with pytest.raises(AssertionError):
        Fork(llama).replace(Fork(llama).weight_name("input"), torch.ones(299, 32))


def test_bytes_held_counts_exactly_the_delta(llama):
    row = 32 * 4 + 8  # 32 float32 numbers, and the row's number in 8 bytes
    fork = Fork(llama)
    fork.patch_rows("input", torch.tensor([1, 2, 3]), noise(llama, 3))
    assert fork.bytes_held() == 3 * row
    fork.patch_rows("input", torch.tensor([3, 4]), noise(llama, 2))
    assert fork.bytes_held() == 4 * row
    fork.patch_rows("output", torch.tensor([9]), noise(llama, 1))
    assert fork.bytes_held() == 5 * row
    assert fork.clone().bytes_held() == 5 * row
    name = "model.layers.0.mlp.up_proj.weight"
    fork.replace(name, fork.tensor(name) * 2)
    assert fork.bytes_held() == 5 * row + 48 * 32 * 4
    fork.fold()
    assert fork.bytes_held() == 2 * 300 * 32 * 4 + 48 * 32 * 4


def test_a_biased_heads_patch_counts_its_bias_too(tiny):
    fork = Fork(tiny["tiny-phi"])
    fork.patch_rows("output", torch.tensor([1, 2]), noise(fork.base, 2))
    assert fork.bytes_held() == 2 * (32 * 4 + 8 + 4)


def test_storages_are_the_bases_the_forks_own_and_its_tree(llama):
    first, second = Fork(llama), Fork(llama)
    for fork in (first, second):
        fork.patch_rows("input", torch.tensor([1]), noise(llama, 1))
    base = sum(p.numel() * 4 for p in llama.model.parameters())
    base += sum(b.nbytes for b in {b.data_ptr(): b for b in llama.model.buffers()}.values())
    own = 32 * 4 + 8
    assert sum(first.storages().values()) == base + own + TREE_BYTES
    together = {**first.storages(), **second.storages()}
    assert sum(together.values()) == base + 2 * (own + TREE_BYTES)


def test_hooks_on_a_fork_do_not_fire_on_the_base_or_its_siblings(layout, logits):
    fork, sibling, fired = Fork(layout), Fork(layout), []
    for module in fork.model.modules():
        module.register_forward_hook(lambda *_: fired.append("after"))
        module.register_forward_pre_hook(lambda *_: fired.append("before"))
    logits(layout, IDS)
    logits(sibling, IDS)
    assert fired == []
    logits(fork, IDS)
    assert {"before", "after"} == set(fired)


def test_the_weight_names_are_the_bases_own(every_layout):
    fork = Fork(every_layout)
    fork.patch_rows("input", torch.tensor([1]), noise(every_layout, 1))
    fork.patch_rows("output", torch.tensor([1]), noise(every_layout, 1))
    named = dict(every_layout.model.named_parameters(remove_duplicate=False))
    for side in ("input", "output"):
        assert named[fork.weight_name(side)].data_ptr() == weights(every_layout, side).data_ptr()


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], 0.0),
        ([(0.0, 5.0)], 0.0),
        ([(0.0, 0.0)], 0.0),
        ([(3.0, 0.0)], 1.0),
        ([(3.0, 6.0)], 0.5),
        ([(3.0, 6.0), (4.0, 8.0)], 0.5),
        ([(5.0, 3.0), (0.0, 4.0)], 1.0),
    ],
)
def test_relative_change_is_a_ratio_of_frobenius_norms(pairs, expected):
    assert relative_change(pairs) == pytest.approx(expected, abs=1e-12)
