"""Layers stacked, against models that transformers builds with those layers, and LoRAs side by
side, against what they add up to."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from merge_made import built, close, merge, noisy, of, pruned, recipe, same, saved, weights
from torch import nn

from playground.engine.build import build
from playground.engine.decoding.batches import decode
from playground.engine.decoding.generate import Sampling
from playground.engine.fork import Fork
from playground.engine.fork.structure import layers
from playground.engine.measuring.measure import perplexity
from playground.engine.merging import MergeError, checkpoints
from playground.engine.merging.whole import MOST_LAYERS
from playground.engine.models.loader import CACHE
from playground.engine.recipe import parse

LAYOUTS = (
    "tiny-llama",
    "tiny-llama-untied",
    "tiny-qwen2",
    "tiny-gemma3",
    "tiny-mistral",
    "tiny-gpt2-layout",
    "tiny-neox",
    "tiny-opt",
    "tiny-phi",
)
ORDERS = ([0], [1], [1, 0], [0, 1, 1], [0, 0, 1, 0, 1])


def stacked(order: list[int], model="tiny-llama", **more) -> dict:
    """One model's layers in an order, as ranges of one layer each."""
    given = more.pop("variant", of(model))
    return merge(*({**given, "layers": [n, n + 1]} for n in order), method="passthrough", **more)


def by_hand(base, order: list[int], sources=None) -> nn.Module:
    """transformers' model of so many layers, filled with copies of the layers' tensors."""
    path, stack = layers(base.model)
    sources = sources or [stack] * len(order)
    config = copy.deepcopy(base.model.config)
    kinds = getattr(config, "layer_types", None)
    config.num_hidden_layers = len(order)
    if kinds:
        config.layer_types = [kinds[n] for n in order]
    with torch.random.fork_rng(devices=[]):
        model = type(base.model)(config).eval()
    state = {n: t.clone() for n, t in base.model.state_dict().items() if not n.startswith(f"{path}.")}
    for place, (index, source) in enumerate(zip(order, sources, strict=True)):
        for name, tensor in source[index].state_dict().items():
            state[f"{path}.{place}.{name}"] = tensor.clone()
    model.load_state_dict(state)
    return model


def greedy(fork: Fork, prompts: list[list[int]], count: int) -> list[list[int]]:
    *_, rows = decode(fork, prompts, Sampling(count))
    return [row.ids for row in rows]


# Passthrough


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("model", LAYOUTS)
def test_stacked_layers_answer_as_a_model_that_was_built_with_them(known, model, order, answers, texts):
    fork, truth = built(stacked(order, model), model=model), by_hand(known[model], order)
    for prompt in (texts.ids(1), texts.ids(13)):
        torch.testing.assert_close(answers(fork.model, prompt), answers(truth, prompt), atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("model", "order"), [*((m, [0, 1, 1, 0, 1]) for m in LAYOUTS), *(("tiny-gemma3", o) for o in ORDERS)]
)
def test_stacked_layers_decode_step_by_step_as_they_read_at_once(known, model, order, answers, texts):
    fork, truth = built(stacked(order, model), model=model), by_hand(known[model], order)
    prompts = [texts.ids(9, 1), texts.ids(3, 2)]
    for prompt, ids in zip(prompts, greedy(fork, prompts, 12), strict=True):
        assert ids
        read = answers(truth, prompt + ids)
        assert read[len(prompt) - 1 : -1].argmax(-1).tolist() == ids


def test_a_stack_of_all_layers_is_the_model_itself(layout, known, answers, texts):
    model = layout.entry.id
    fork = built(merge(of(model), method="passthrough"), model=model)
    assert torch.equal(answers(fork.model, texts.ids(13)), answers(layout.model, texts.ids(13)))
    assert fork.bytes_held() == 0


def test_ranges_of_several_variants_are_stacked_one_after_another(known, answers, texts):
    edit = merge(
        of("tiny-llama", layers=[0, 2]),
        of(recipe(pruned(1)), layers=[1, 2]),
        of(recipe(pruned(2))),
        method="passthrough",
    )
    forks = [built(), built(pruned(1)), built(pruned(2))]
    stacks = [layers(forks[n].model)[1] for n in (0, 0, 1, 2, 2)]
    truth = by_hand(known["tiny-llama"], [0, 1, 1, 0, 1], stacks)
    found = built(edit)
    torch.testing.assert_close(answers(found.model, texts.ids(13)), answers(truth, texts.ids(13)), atol=2e-5, rtol=1e-5)


def test_what_is_outside_the_layers_stays_the_recipes_own(known):
    nudge = {"kind": "nudge_tokens", "text": " the", "target": " of"}
    before, after = weights(built(nudge)), weights(built(nudge, stacked([1, 0, 1])))
    for name in ("model.embed_tokens.weight", "lm_head.weight", "model.norm.weight"):
        assert np.array_equal(after[name], before[name])
    other = recipe({"kind": "nudge_tokens", "text": " a", "target": " of"})
    found = weights(built(nudge, stacked([1, 0, 1], variant=of(other))))
    assert same(found, after)


ENDS = {
    "tiny-llama": ("model.embed_tokens.weight", "model.norm.weight"),
    "tiny-llama-untied": ("model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"),
    "tiny-gpt2-layout": (
        "transformer.wte.weight",
        "transformer.wpe.weight",
        "transformer.ln_f.weight",
        "transformer.ln_f.bias",
    ),
    "tiny-phi": ("model.embed_tokens.weight", "model.final_layernorm.weight", "lm_head.weight", "lm_head.bias"),
}
FIRST = ("embed_tokens", "wte", "wpe")


@pytest.mark.parametrize("model", ENDS)
def test_a_stacks_ends_can_be_those_of_its_first_and_last_slice(siblings, home, model, answers, texts):
    """As in mergekit: what is before the layers is the first model's, what is after the last's."""
    base = build(parse(recipe(model=model))).fork.base
    saved(noisy(base, 9), checkpoints.home() / "mine" / "0.safetensors")
    first, last = of(f"{model}-1", layers=[0, 1]), {"checkpoint": "mine", "layers": [1, 2]}
    fork = built(merge(first, last, method="passthrough", ends="slices"), model=model)
    one, other = weights(built(model=f"{model}-1")), numpy_by_name(noisy(base, 9))
    found = weights(fork)
    path, _ = layers(base.model)
    for name in ENDS[model]:
        source = one if any(end in name for end in FIRST) else other
        assert np.array_equal(found[name], source[name]), name
    for name, value in found.items():
        if name.startswith(f"{path}."):
            source = one if name.startswith(f"{path}.0.") else other
            assert np.array_equal(value, source[name]), name
    head, embedding = fork.weight_name("output"), fork.weight_name("input")
    assert (fork.identity(head) == fork.identity(embedding)) is Fork(base).tied()
    truth = copy.deepcopy(base.model)
    truth.load_state_dict({n: torch.from_numpy(v).float() for n, v in found.items()}, strict=False)
    torch.testing.assert_close(answers(fork.model, texts.ids(9)), answers(truth, texts.ids(9)), atol=2e-5, rtol=1e-5)
    changed = {
        change.name
        for change in build(parse(recipe(merge(first, last, method="passthrough", ends="slices"), model=model)))
        .receipts[0]
        .changes
    }
    assert set(ENDS[model]) <= changed
    assert same(weights(Fork(base)), weights(built(model=model)))  # which is as it was


def numpy_by_name(tensors):
    return {name: tensor.detach().double().numpy() for name, tensor in tensors.items()}


def test_a_stacks_ends_stay_the_recipes_own_unless_told(siblings):
    edit = merge(of("tiny-llama-1", layers=[0, 1]), of("tiny-llama-2"), method="passthrough")
    own, found = weights(built()), weights(built(edit))
    for name in ENDS["tiny-llama"]:
        assert np.array_equal(found[name], own[name])


def test_a_checkpoint_of_another_shape_is_no_slice(known, home):
    saved(noisy(known["tiny-opt"], 1), checkpoints.home() / "mine" / "0.safetensors")
    with pytest.raises(MergeError, match="another shape"):
        built(merge({"checkpoint": "mine"}, method="passthrough"))


def test_adapters_in_a_variant_become_part_of_its_layers(known, adapter, answers, texts):
    attach = {"kind": "adapter", "source": adapter(known["tiny-llama"])}
    variant = built(attach)
    fork = built(stacked([0, 1, 1], variant=of(recipe(attach))))
    found = weights(fork)
    for place, index in enumerate([0, 1, 1]):
        for role in ("mlp.up_proj", "self_attn.q_proj"):
            truth = variant.tensor(f"model.layers.{index}.{role}.weight").double().numpy()
            np.testing.assert_allclose(found[f"model.layers.{place}.{role}.weight"], truth, atol=1e-6)
    assert list(variant.thin())  # which is as it was


@pytest.mark.parametrize("model", ["tiny-llama", "tiny-gpt2-layout"])
def test_repeated_layers_share_their_memory(known, model):
    twice = recipe(stacked([0, 1, 0, 1], model), model=model)
    fork = built(*twice["edits"], merge(*[of(twice)] * 8, method="passthrough"), model=model)
    assert fork.bytes_held() == 0
    base = known[model].storages()
    assert {key for key in fork.storages() if isinstance(key, int)} <= set(base)
    path, stack = layers(fork.model)
    assert len(stack) == 32
    assert len({id(layer) for layer in stack}) == 32
    names = [n for n, _ in stack[0].named_parameters()]
    for name in names:
        pointers = {fork.tensor(f"{path}.{place}.{name}").data_ptr() for place in range(0, 32, 2)}
        assert pointers == {known[model].model.get_parameter(f"{path}.0.{name}").data_ptr()}


def test_the_model_under_a_stack_stays_as_it_was(layout, known, answers, texts):
    model, prompt = layout.entry.id, texts.ids(13)
    before, names = answers(layout.model, prompt), [n for n, _ in layout.tensors()]
    built(stacked([1, 1, 0], model), pruned(), model=model)
    assert torch.equal(answers(layout.model, prompt), before)
    assert [n for n, _ in layout.tensors()] == names
    assert layout.model.config.num_hidden_layers == 2
    assert len(getattr(layout.model.config, "layer_types", None) or [1, 2]) == 2
    indices = [m.layer_idx for m in layout.model.modules() if hasattr(m, "layer_idx")]
    assert sorted(set(indices)) == [0, 1]


def test_a_stack_is_built_once_and_found_again(known):
    given = parse(recipe(stacked([0, 1, 1])))
    assert build(given) is build(given)
    longer = parse(recipe(stacked([0, 1, 1]), pruned()))
    assert build(longer) is build(longer)
    assert build(longer).fork.base is build(given).fork.base
    assert build(given).fork.base.root is known["tiny-llama"]


def test_a_stack_of_a_stack_goes_back_to_the_same_root(known, answers, texts):
    first = stacked([0, 1, 1])
    ranges = [of(recipe(first), layers=ends) for ends in ([1, 3], [0, 1])]
    second = merge(*ranges, method="passthrough")
    given = parse(recipe(first, second))
    fork = build(given).fork
    assert fork.base.root is known["tiny-llama"]
    assert build(given).fork is fork
    truth = by_hand(known["tiny-llama"], [1, 1, 0])
    torch.testing.assert_close(answers(fork.model, texts.ids(9)), answers(truth, texts.ids(9)), atol=2e-5, rtol=1e-5)


def test_a_stack_is_not_taken_for_one_on_a_base_that_was_loaded_again(known, tiny, monkeypatch):
    given = parse(recipe(stacked([0, 1, 1])))
    first = build(given)
    CACHE.put(("base", "tiny-llama"), tiny.fresh("tiny-llama"))
    again = build(given)
    assert again is not first
    assert again.fork.base.root is build(parse(recipe())).fork.base


@pytest.mark.parametrize("model", LAYOUTS)
def test_later_edits_work_on_every_layer_of_a_stack(known, model):
    edit = stacked([0, 1, 1, 0], model)
    fork = built(edit, model=model)
    path, stack = layers(fork.model)
    empty = built(edit, {"kind": "prune", "sparsity": 1.0, "targets": ["mlp@3"]}, model=model)
    rounded = built(edit, {"kind": "quantize", "scheme": "int8"}, model=model)
    packed = built(edit, {"kind": "quantize", "scheme": "int8", "mode": "packed", "group_size": "channel"}, model=model)
    matrices = [n for n, p in stack[3].named_parameters() if p.ndim == 2]
    for name in matrices:
        last, second = f"{path}.3.{name}", f"{path}.1.{name}"
        assert not torch.equal(rounded.tensor(last), fork.tensor(last))
        assert packed.packed(last)
        assert torch.equal(empty.tensor(second), fork.tensor(second))
    assert any(not empty.tensor(f"{path}.3.{name}").any() for name in matrices)
    for one in (empty, rounded, packed):
        assert perplexity(one, "The cat sat on the mat.").perplexity > 1
        [ids] = greedy(one, [[5, 17, 42]], 3)
        assert len(ids) <= 3


def test_layers_can_be_dropped_from_a_stack_and_a_stack_made_of_what_is_left(known, answers, texts):
    drop = {"kind": "prune", "pattern": "layers", "sparsity": 0.5}
    fork = built(drop)
    [kept] = {0, 1} - set(fork.dropped)
    found = built(drop, merge(of(recipe(drop)), of(recipe(drop)), method="passthrough"))
    assert found.dropped == ()
    truth = by_hand(known["tiny-llama"], [kept, kept])
    torch.testing.assert_close(answers(found.model, texts.ids(9)), answers(truth, texts.ids(9)), atol=2e-5, rtol=1e-5)
    dropped = built(stacked([0, 1, 0]), {"kind": "prune", "pattern": "layers", "sparsity": 0.34})
    assert len(dropped.dropped) == 1


def test_a_stack_after_dropping_the_first_layer_says_what_changed(known):
    """The layer in the first place is gone, so nothing can be learned from it."""
    fork = Fork(known["tiny-llama"])
    fork.drop_layer("model.layers", 0)
    from playground.engine.merging.parents import Variant
    from playground.engine.merging.whole import passthrough

    changes = passthrough(fork, [Variant("", fork.clone())], layers=[None])
    assert {change.name.split(".")[2] for change in changes} == {"0"}
    assert len(changes) == 9


def test_a_stacks_receipt_lists_the_layers_that_are_others_now(known):
    [receipt] = build(parse(recipe(stacked([0, 0, 1])))).receipts
    assert {change.name.split(".")[2] for change in receipt.changes} == {"1", "2"}
    before = weights(built())
    by_name = {change.name: change.change for change in receipt.changes}
    name = "model.layers.{}.mlp.up_proj.weight"
    moved = np.linalg.norm(before[name.format(0)] - before[name.format(1)])
    assert by_name[name.format(1)] == pytest.approx(moved, rel=1e-5)
    assert by_name[name.format(2)] == pytest.approx(np.linalg.norm(before[name.format(1)]), rel=1e-5)
    assert receipt.sizes is not None


@pytest.mark.parametrize("ends", [[0, 3], [2, 3], [1, 1], [1, 0], [5, 2]])
def test_ranges_outside_the_model_are_refused(known, ends):
    with pytest.raises(MergeError, match=r"not in tiny-llama: it has the layers 0 to 1"):
        built(merge(of("tiny-llama", layers=ends), method="passthrough"))


def test_too_many_layers_are_refused(known):
    some = merge(*[of("tiny-llama")] * 8, method="passthrough")  # 16
    most = merge(*[of(recipe(some))] * 8, method="passthrough")
    assert len(layers(built(some, most).model)[1]) == MOST_LAYERS == 128
    with pytest.raises(MergeError, match=r"256 in all: 1 to 128"):
        built(some, most, merge(*[of(recipe(some, most))] * 2, method="passthrough"))


# Side by side


@pytest.mark.parametrize("model", ["tiny-llama", "tiny-gpt2-layout", "tiny-neox", "tiny-opt"])
def test_loras_side_by_side_are_the_sum_of_what_they_learned(known, adapter, model, answers, texts):
    attached = [
        of(recipe({"kind": "adapter", "source": adapter(known[model], n, rank=n), "scale": s}, model=model), weight=w)
        for n, s, w in ((1, 1.0, 0.7), (3, 0.5, -0.4))
    ]
    fork = built(merge(*attached, method="concat"), model=model)
    truth = built(merge(*attached, method="task_arithmetic"), model=model)
    prompt = texts.ids(13)
    found = answers(fork.model, prompt)
    torch.testing.assert_close(found, answers(truth.model, prompt), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(found, answers(known[model].model, prompt), atol=1e-2)
    close(weights(fork), weights(truth), atol=1e-5)


def test_loras_side_by_side_stay_thin(known, adapter):
    sources = [adapter(known["tiny-llama"], n, rank=n) for n in (1, 2)]
    both = [of(recipe({"kind": "adapter", "source": s})) for s in sources]
    fork = built(merge(*both, method="concat"))
    thin = dict(fork.thin())
    assert thin
    assert fork.bytes_held() == sum(tensor.nbytes for tensor in thin.values())
    ranks = {t.shape[0] for n, t in thin.items() if n.endswith("down")}
    assert ranks == {3}
    base = known["tiny-llama"].model
    name = "model.layers.0.mlp.up_proj.weight"
    assert fork.held(name).data_ptr() == base.get_parameter(name).data_ptr()


def test_one_lora_alone_at_a_weight_is_it_at_that_scale(known, adapter, answers, texts):
    source = adapter(known["tiny-llama"])
    attach = {"kind": "adapter", "source": source}
    one = built(merge(of(recipe(attach), weight=0.5), method="concat"))
    half = built(attach | {"scale": 0.5})
    torch.testing.assert_close(
        answers(one.model, texts.ids(9)), answers(half.model, texts.ids(9)), atol=1e-5, rtol=1e-5
    )
    twice = built(merge(of(recipe(attach, attach), weight=0.25), method="concat"))
    close(weights(twice), weights(half), atol=1e-6)


def test_a_recipe_without_adapters_adds_nothing(known, adapter):
    source = adapter(known["tiny-llama"])
    attached = recipe({"kind": "adapter", "source": source})
    fork = built(merge(of("tiny-llama"), of(attached), method="concat"))
    close(weights(fork), weights(built(*attached["edits"])))
    assert built(merge(of("tiny-llama"), method="concat")).bytes_held() == 0


def test_what_both_recipes_start_with_is_no_hindrance(known, adapter):
    nudge = {"kind": "nudge_tokens", "text": " the", "target": " of"}
    attach = {"kind": "adapter", "source": adapter(known["tiny-llama"])}
    pack = {"kind": "quantize", "scheme": "int8", "mode": "packed", "group_size": "channel"}
    for first in (pruned(), nudge, pack):
        fork = built(first, merge(of(recipe(first, attach)), method="concat"))
        close(weights(fork), weights(built(first, attach)))


@pytest.mark.parametrize(
    "edits",
    [
        [pruned()],
        [{"kind": "nudge_tokens", "text": " the", "target": " of"}],
        [{"kind": "prune", "pattern": "layers", "sparsity": 0.5}],
        [{"kind": "quantize", "scheme": "int8", "mode": "packed", "group_size": "channel"}],
        [stacked([0, 1, 1])],
    ],
)
def test_side_by_side_takes_nothing_but_loras(known, adapter, edits):
    attach = {"kind": "adapter", "source": adapter(known["tiny-llama"])}
    for variant in (recipe(*edits), recipe(attach, *edits)):
        with pytest.raises(MergeError, match="changes more than plain LoRAs"):
            built(merge(of(variant), method="concat"))
    with pytest.raises(MergeError, match="or starts from another recipe than yours"):
        built(*edits, merge(of(recipe(attach)), method="concat"))


@pytest.mark.parametrize("other", [" of", " on"])
def test_two_recipes_that_changed_the_same_rows_differently_are_not_alike(known, adapter, other):
    """Neither holds the whole table in memory of its own, so addresses say nothing."""
    attach = {"kind": "adapter", "source": adapter(known["tiny-llama"])}
    nudge = {"kind": "nudge_tokens", "text": " the", "target": " is"}
    with pytest.raises(MergeError, match="changes more than plain LoRAs"):
        built(nudge, merge(of(recipe(nudge | {"target": other}, attach)), method="concat"))


def test_a_folded_lora_is_not_side_by_side(known, adapter):
    attach = {"kind": "adapter", "source": adapter(known["tiny-llama"]), "fold": True}
    with pytest.raises(MergeError, match="kept apart"):
        built(merge(of(recipe(attach)), method="concat"))


@pytest.mark.parametrize("method", ["concat", "ensemble"])
def test_a_weight_along_the_layers_is_refused_where_there_is_one_for_all(known, method):
    models = [of("tiny-llama", weight=[0.0, 1.0]), of("tiny-llama")]
    with pytest.raises(MergeError, match=f"{method} takes one weight for each model"):
        built(merge(*models, method=method))
