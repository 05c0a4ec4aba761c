"""The merge edit on tiny models: float64 numpy of the models' own weights is what must come out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from merge_made import METHODS, built, close, merge, named, noisy, of, pruned, recipe, same, saved, weights, weights_of

from playground.engine.build import build
from playground.engine.merging import MOST, MergeError, checkpoints
from playground.engine.merging.edit import MAX_NESTED, Merge
from playground.engine.merging.values import MOST_POINTS
from playground.engine.models import loader
from playground.engine.models.loader import CACHE
from playground.engine.recipe import parse, parse_edit
from playground.errors import ModelError, RecipeError

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
BY_TENSOR = tuple(METHODS)
ALONE = tuple(name for name, method in METHODS.items() if method.models[0] == 1 and not method.partial)
RANDOM = ("dare_linear", "dare_ties", "della", "della_linear")


def checksum(base) -> str:
    digest = hashlib.sha256()
    for name, tensor in base.tensors():
        digest.update(name.encode())
        digest.update(tensor.detach().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def models_for(method: str, model: str = "tiny-llama") -> list[dict]:
    least, most = METHODS[method].models
    count = min(max(least, 2), most)
    return [of(f"{model}-{n}", density=0.6) for n in range(1, count + 1)]


# What comes out


@pytest.mark.parametrize("model", LAYOUTS)
def test_linear_is_the_average_of_every_tensor_of_every_layout(siblings, model):
    truth = [weights(built(model=name)) for name in (model, f"{model}-1", f"{model}-2")]
    average = {name: (truth[0][name] + 3 * truth[1][name]) / 4 for name in truth[0]}
    found = built(merge(of(model), of(f"{model}-1", weight=3.0)), model=model)
    close(weights(found), average)
    base = {name: 2 * truth[0][name] - truth[2][name] for name in truth[0]}
    edit = merge(of(f"{model}-2", weight=-1.0), method="task_arithmetic")
    close(weights(built(edit, model=model)), base)


@pytest.mark.parametrize("model", LAYOUTS)
def test_names_that_are_one_tensor_in_all_models_stay_one(siblings, model):
    fork = built(merge(of(model), of(f"{model}-1")), model=model)
    ends = fork.weight_name("input"), fork.weight_name("output")
    assert (fork.identity(ends[0]) == fork.identity(ends[1])) is fork.tied()
    total = sum(p.nbytes for p in fork.base.model.parameters())
    assert fork.bytes_held() == total
    lengths = [len({fork.identity(n) for n in named(b)}) for b in (fork.base,)]
    assert lengths == [len(list(fork.base.model.parameters()))]


def test_a_pair_that_one_model_has_untied_is_two_tensors_afterwards(known):
    nudged = recipe({"kind": "nudge_tokens", "text": " the", "target": " of", "side": "input"})
    fork = built(merge(of("tiny-llama"), of(nudged)))
    one, other = (fork.tensor(fork.weight_name(side)) for side in ("input", "output"))
    assert one.data_ptr() != other.data_ptr()
    base = weights(built())
    assert np.array_equal(weights(fork)["lm_head.weight"], base["lm_head.weight"])
    assert not np.array_equal(weights(fork)["model.embed_tokens.weight"], base["model.embed_tokens.weight"])


@pytest.mark.parametrize("method", BY_TENSOR)
@pytest.mark.parametrize("model", ["tiny-llama", "tiny-gpt2-layout"])
def test_what_all_models_share_stays_shared_and_costs_nothing(known, method, model):
    """The variants differ in one matrix; a merge by any method holds that one alone."""
    [one] = {"tiny-llama": ["*.1.mlp.up_proj.weight"], "tiny-gpt2-layout": ["*.1.mlp.c_fc.weight"]}[model]
    count = METHODS[method].models[0]
    variants = [of(recipe(pruned(seed, targets=[one]), model=model)) for seed in range(count)]
    fork = built(merge(*variants, method=method), model=model)
    base = known[model]
    kept = {name: base.model.get_parameter(name).data_ptr() for name in named(base)}
    moved = [name for name in kept if fork.tensor(name).data_ptr() != kept[name]]
    assert len(moved) == 1
    assert moved[0].endswith(one[4:])
    assert fork.bytes_held() == base.model.get_parameter(moved[0]).nbytes


@pytest.mark.parametrize("method", [*BY_TENSOR, "passthrough", "ensemble"])
def test_merging_leaves_the_base_and_the_variants_as_they_were(siblings, method):
    names = ["tiny-llama", "tiny-llama-1", "tiny-llama-2"]
    variants = [recipe(pruned(n), model=name) for n, name in enumerate(names)]
    forks = [build(parse(variant)).fork for variant in variants]
    before = [checksum(fork.base) for fork in forks], [weights(fork) for fork in forks]
    count = METHODS[method].models[0] if method in METHODS else 2
    chosen = variants[:count] if method == "ensemble" else variants[-count:]
    built(pruned(0), merge(*map(of, chosen), method=method, t=0.5))
    assert [checksum(fork.base) for fork in forks] == before[0]
    assert all(map(same, [weights(fork) for fork in forks], before[1]))


@pytest.mark.parametrize("method", ALONE)
def test_one_model_alone_is_that_model_bit_for_bit(siblings, method):
    more = {"t": 1.0}
    found = weights(built(merge(of("tiny-llama-1"), method=method, **more)))
    assert same(found, weights(built(model="tiny-llama-1")))


@pytest.mark.parametrize("method", ALONE)
def test_one_model_alone_is_that_model_bit_for_bit_in_bfloat16_too(in_bfloat16, method):
    variant = recipe(pruned(), {"kind": "nudge_tokens", "text": " the", "target": " of"})
    fork = built(merge(of(variant), method=method, t=1.0))
    assert fork.base.dtype == torch.bfloat16
    assert same(weights(fork), weights_of(variant))
    at_base = built(merge(of(variant), method=method, t=0.0))
    assert same(weights(at_base), weights(built()))


def test_bfloat16_models_are_merged_wide_and_rounded_once(in_bfloat16):
    variants = [recipe(pruned(seed)) for seed in (1, 2, 3)]
    shares = [0.2, 0.3, 0.5]
    arrays = [weights_of(variant) for variant in variants]
    fork = built(merge(*(of(v, weight=s) for v, s in zip(variants, shares, strict=True))))
    for name, found in weights(fork).items():
        truth = sum(s * array[name] for s, array in zip(shares, arrays, strict=True))
        rounded = torch.from_numpy(truth).to(torch.bfloat16).double().numpy()
        off = np.abs(found - rounded) > np.abs(truth) * 2**-7
        assert not off.any(), name
        assert np.mean(found != rounded) < 0.001, name  # exact ties may go either way


@pytest.mark.parametrize("method", [name for name in BY_TENSOR if name != "slerp"])
def test_t_walks_in_a_straight_line_from_the_base_to_the_merge(siblings, method):
    def at(t):
        return weights(built(merge(*models_for(method), method=method, t=t, seed=3)))

    start, end = weights(built()), at(1.0)
    assert not same(start, end)
    assert same(at(0.0), start)
    close(at(0.25), {name: 0.75 * start[name] + 0.25 * end[name] for name in start})


def test_slerp_walks_along_the_arc_of_every_tensor(siblings):
    start, end = weights(built()), weights(built(model="tiny-llama-1"))
    assert same(weights(built(merge(of("tiny-llama-1"), method="slerp", t=0.0))), start)
    assert same(weights(built(merge(of("tiny-llama-1"), method="slerp", t=1.0))), end)
    found = weights(built(merge(of("tiny-llama-1"), method="slerp")))  # half of the way
    for name, a in start.items():
        b = end[name]
        w = np.arccos((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))
        truth = (a + b) * np.sin(w / 2) / np.sin(w) if np.cos(w) < 0.9995 else (a + b) / 2
        np.testing.assert_allclose(found[name], truth, atol=1e-6, err_msg=name)


def test_task_vectors_start_from_the_base_that_is_named(siblings):
    own, one, two = (weights(built(model=f"tiny-llama{n}")) for n in ("", "-1", "-2"))
    edit = merge(of("tiny-llama-1"), method="task_arithmetic", base=of("tiny-llama-2"), t=1.0)
    close(weights(built(edit)), one)
    edit = merge(of("tiny-llama-1", weight=0.5), of("tiny-llama"), method="task_arithmetic", base=of("tiny-llama-2"))
    truth = {n: two[n] + 0.5 * (one[n] - two[n]) + (own[n] - two[n]) for n in own}
    close(weights(built(edit)), truth)
    halfway = merge(of("tiny-llama-1"), base=of("tiny-llama-2"), t=0.5)
    close(weights(built(halfway)), {n: (one[n] + two[n]) / 2 for n in own})


def test_the_base_is_the_recipe_as_it_is_before_the_merge(siblings):
    edits = [pruned(4), {"kind": "nudge_tokens", "text": " the", "target": " of"}]
    before, other = weights(built(*edits)), weights(built(model="tiny-llama-1"))
    found = built(*edits, merge(of("tiny-llama-1", weight=0.5), method="task_arithmetic"))
    close(weights(found), {n: before[n] + 0.5 * (other[n] - before[n]) for n in before})


def test_edits_after_a_merge_work_on_the_merged_weights(siblings):
    step = merge(of("tiny-llama"), of("tiny-llama-1"))
    merged = weights(built(step))
    nudge = {"kind": "nudge_tokens", "text": " the", "direction": "scale", "strength": 2}
    found = weights(built(step, nudge))
    rows = (found["lm_head.weight"] != merged["lm_head.weight"]).any(1).nonzero()[0]
    assert len(rows) == 1
    np.testing.assert_allclose(found["lm_head.weight"][rows], 2 * merged["lm_head.weight"][rows], rtol=1e-6)
    zeros = weights(built(step, {"kind": "prune", "sparsity": 1.0}))
    assert not zeros["model.layers.0.mlp.up_proj.weight"].any()


def test_a_merge_of_merges(siblings):
    one, two, three = (weights(built(model=f"tiny-llama-{n}")) for n in (1, 2, 3))
    inner = recipe(merge(of("tiny-llama-1"), of("tiny-llama-2")))
    outer = built(merge(of(inner, weight=2.0), of("tiny-llama-3")))
    close(weights(outer), {n: (one[n] + two[n] + three[n]) / 3 for n in one})


def test_adapters_kept_apart_merge_as_if_they_were_folded(known, adapter):
    for model in ("tiny-llama", "tiny-gpt2-layout", "tiny-opt"):
        ids = [adapter(known[model], seed) for seed in (1, 2)]
        for method in ("linear", "ties", "slerp", "sce"):
            found = []
            for fold in (False, True):
                attached = [recipe({"kind": "adapter", "source": i, "fold": fold}, model=model) for i in ids]
                models = map(of, attached[:1] if method == "slerp" else attached)
                found.append(weights(built(merge(*models, method=method), model=model)))
            close(found[0], found[1], atol=1e-5)
            assert not same(found[0], weights(built(model=model)))


def test_a_recipe_with_an_adapter_of_its_own_merges_to_plain_weights(known, adapter):
    attach = {"kind": "adapter", "source": adapter(known["tiny-opt"])}
    with_it, base = weights(built(attach, model="tiny-opt")), weights(built(model="tiny-opt"))
    edit = merge(of("tiny-opt", weight=3.0), of(recipe(attach, model="tiny-opt")))
    fork = built(attach, edit, model="tiny-opt")
    close(weights(fork), {n: (3 * base[n] + with_it[n]) / 4 for n in base}, atol=1e-5)
    assert list(fork.thin()) == []


# Which tensors, and how much of them


def test_targets_say_which_tensors_are_merged(siblings):
    base, other = weights(built()), weights(built(model="tiny-llama-1"))
    for targets, mine in {
        ("norms",): lambda name: "norm" in name,
        ("attention@1", "*.0.mlp.up_proj.weight"): lambda name: (
            "1.self_attn" in name or name == "model.layers.0.mlp.up_proj.weight"
        ),
        ("embeddings",): lambda name: "embed" in name or "lm_head" in name,
    }.items():
        found = weights(built(merge(of("tiny-llama-1"), targets=list(targets))))
        for name, value in found.items():
            assert np.array_equal(value, (other if mine(name) else base)[name]), name


def test_one_side_of_a_tied_pair_can_be_merged_alone(siblings):
    base, other = weights(built()), weights(built(model="tiny-llama-1"))
    found = weights(built(merge(of("tiny-llama-1"), targets=["lm_head.weight"])))
    assert np.array_equal(found["lm_head.weight"], other["lm_head.weight"])
    assert np.array_equal(found["model.embed_tokens.weight"], base["model.embed_tokens.weight"])


def test_weights_along_the_layers_reach_the_right_ones(known):
    deep = merge(of("tiny-llama"), of("tiny-llama"), method="passthrough")
    empty = pruned(sparsity=1.0)  # all zeros, so that what is left is the base's share
    before = weights(built(deep))
    shares = of(recipe(deep, empty), weight=[0, 1])
    found = weights(built(deep, merge(shares, method="task_arithmetic")))
    for layer in range(4):
        name = f"model.layers.{layer}.mlp.up_proj.weight"
        np.testing.assert_allclose(found[name], (1 - layer / 3) * before[name], atol=1e-6)


@pytest.mark.parametrize("key", ["weight", "t"])
def test_a_value_can_differ_by_part_and_along_the_layers(siblings, key):
    value = {"attention": [0.0, 0.5], "norms": 1.0, "embeddings": 0.25, "rest": [0.75, 0.0]}
    edit = merge(of("tiny-llama-1"), method="task_arithmetic")
    (edit if key == "t" else edit["models"][0])[key] = value
    base, other = weights(built()), weights(built(model="tiny-llama-1"))

    def share(name):
        if "norm" in name:
            return 1.0
        if "embed" in name or "lm_head" in name:
            return 0.25
        return {"0.self_attn": 0.0, "1.self_attn": 0.5, "0.mlp": 0.75, "1.mlp": 0.0}[".".join(name.split(".")[2:4])]

    truth = {n: base[n] + share(n) * (other[n] - base[n]) for n in base}
    close(weights(built(edit)), truth)


def test_densities_can_differ_too(siblings):
    edit = merge(of("tiny-llama-1", density={"mlp": 0.0, "attention": [0.0, 1.0]}), method="ties")
    base, other = weights(built()), weights(built(model="tiny-llama-1"))
    for name, value in weights(built(edit)).items():
        stays = "mlp" in name or "0.self_attn" in name
        assert np.allclose(value, (base if stays else other)[name], atol=1e-6), name


# The same again


@pytest.mark.parametrize("method", BY_TENSOR)
def test_the_same_recipe_gives_the_same_weights_bit_for_bit(siblings, method):
    edit = merge(*models_for(method), method=method, t=0.5, seed=7)
    first = weights(built(edit))
    CACHE.clear()
    assert same(weights(built(edit)), first)
    assert same(weights(built(json.loads(json.dumps(edit)))), first)


@pytest.mark.parametrize("method", RANDOM)
def test_chance_follows_the_seed_and_not_the_targets_or_their_order(siblings, method):
    def run(seed, *targets):
        edit = merge(*models_for(method), method=method, seed=seed, targets=list(targets))
        return weights(built(edit))

    every, base = run(1, "all"), weights(built())
    assert not same(every, run(2, "all"))
    assert same(run(1, "mlp", "attention"), run(1, "attention", "mlp"))
    part = run(1, "attention@1", "norms")
    for name, value in part.items():
        mine = "norm" in name or "1.self_attn" in name
        assert np.array_equal(value, (every if mine else base)[name]), name


def test_chance_falls_differently_in_every_tensor(siblings):
    """Matrices of one shape would lose the same places otherwise."""
    base = weights(built())
    edit = merge(of("tiny-llama-1", density=0.5), method="dare_linear")
    found = weights(built(edit))
    name = "model.layers.{}.self_attn.{}.weight"
    names = [name.format(layer, role) for layer in (0, 1) for role in ("q_proj", "o_proj")]
    kept = [(found[name] != base[name]).tobytes() for name in names]
    assert len(set(kept)) == 4


@pytest.mark.parametrize("method", sorted(set(BY_TENSOR) - set(RANDOM)))
def test_methods_without_chance_ignore_the_seed(siblings, method):
    edits = [merge(*models_for(method), method=method, seed=seed) for seed in (1, 2)]
    assert same(*(weights(built(edit)) for edit in edits))


def test_a_receipt_says_how_much_each_tensor_changed(siblings):
    built_ = build(parse(recipe(merge(of("tiny-llama"), of("tiny-llama-1")))))
    [receipt] = built_.receipts
    base, found = weights(built()), weights(built_.fork)
    assert {change.name for change in receipt.changes} == set(base)
    for change in receipt.changes:
        truth = np.linalg.norm(found[change.name] - base[change.name])
        assert change.change == pytest.approx(truth, rel=1e-4)
    assert receipt.bytes == built_.fork.bytes_held()
    assert receipt.sizes is not None


def test_a_merge_that_changes_nothing_says_so(known):
    [receipt] = build(parse(recipe(merge(of("tiny-llama"), of("tiny-llama"))))).receipts
    assert receipt.changes == ()
    assert "changed nothing" in str(receipt.warnings[0])
    assert receipt.bytes == 0


def test_defaults_are_the_papers(known):
    def parsed(method, count=1):
        return parse_edit(merge(*[of("tiny-llama")] * count, method=method))

    assert parsed("linear").normalize is parsed("ties").normalize is True
    for method in ("task_arithmetic", "dare_linear", "breadcrumbs"):
        assert parsed(method).normalize is False
    assert parsed("slerp").t == 0.5
    assert parsed("ties").t == 1


# Refusals


def refused(words, *edits, model="tiny-llama", error=MergeError):
    with pytest.raises(error, match=words) as caught:
        built(*edits, model=model)
    return str(caught.value)


def test_a_model_of_another_shape_is_refused_naming_the_first_differences(known):
    text = refused("another shape", merge(of("tiny-gpt2-layout")))
    assert "model.embed_tokens.weight: 300 x 32, -;" in text
    assert text.count(";") == 2
    assert "tiny-gpt2-layout has" in text
    text = refused("The first of 6 differences", merge(of("tiny-llama")), model="tiny-qwen2")
    assert "model.layers.0.self_attn.q_proj.bias: 32, -;" in text


@pytest.mark.parametrize("method", [*BY_TENSOR, "passthrough", "ensemble", "concat"])
def test_no_method_takes_a_model_of_another_layout(known, method):
    count = METHODS[method].models[0] if method in METHODS else 2
    for other in ("tiny-gpt2-layout", "tiny-opt"):
        edit = merge(*[of(other)] * count, method=method)
        refused("another shape|starts from another recipe", edit)
        dropped = recipe({"kind": "prune", "pattern": "layers", "sparsity": 0.5}, model=other)
        edit = merge(*[of(dropped)] * count, method=method)
        refused("another shape|starts from another recipe", edit)


@pytest.mark.parametrize("method", ["linear", "ties"])
def test_a_model_without_a_layer_is_refused(known, method):
    dropped = recipe({"kind": "prune", "pattern": "layers", "sparsity": 0.5})
    text = refused("another shape", merge(of(dropped), method=method))
    assert ".self_attn.q_proj.weight: 32 x 32, -" in text
    refused("another shape", dropped["edits"][0], merge(of("tiny-llama"), method=method))


def test_a_base_of_another_shape_is_refused(known):
    refused("another shape", merge(of("tiny-llama"), base=of("tiny-opt")))


@dataclass(frozen=True)
class Words:
    """As much of a tokenizer as a merge asks for."""

    words: dict[str, int]

    def get_vocab(self) -> dict[str, int]:
        return self.words


@pytest.fixture
def renumbered(siblings, known, monkeypatch):
    """``tiny-llama-1`` with every token's number moved on by one; the last one's is 0."""
    real, words = loader._load, known.tokenizer.get_vocab()
    moved = Words({word: (number + 1) % 300 for word, number in words.items()})

    def load(entry, on_step):
        base = real(entry, on_step)
        return replace(base, tokenizer=moved) if entry.id == "tiny-llama-1" else base

    monkeypatch.setattr(loader, "_load", load)


def test_another_vocabulary_is_refused_naming_the_first_differences(renumbered, known):
    first, second, *_, last = sorted(words := known.tokenizer.get_vocab(), key=words.get)
    for edit in (merge(of("tiny-llama-1")), merge(of("tiny-llama"), base=of("tiny-llama-1"))):
        text = refused("tiny-llama-1 has another vocabulary: 300 tokens differ", edit)
        assert f"0: {first!r}, {last!r}; 1: {second!r}, {first!r};" in text
        assert "vocabulary: by_text" in text
    for method in ("passthrough", "ensemble"):
        refused("another vocabulary", merge(of("tiny-llama"), of("tiny-llama-1"), method=method))


def test_recipes_with_another_vocabulary_are_matched_by_text(renumbered):
    own, theirs = weights(built()), weights(built(model="tiny-llama-1"))
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        theirs[name] = np.roll(theirs[name], -1, axis=0)
    found = built(merge(of("tiny-llama"), of("tiny-llama-1"), vocabulary="by_text"))
    close(weights(found), {n: (own[n] + theirs[n]) / 2 for n in own})
    edit = merge(of("tiny-llama"), base=of("tiny-llama-1"), t=0.25, vocabulary="by_text")
    found = built(edit)
    close(weights(found), {n: 0.25 * own[n] + 0.75 * theirs[n] for n in own})
    assert found.identity("lm_head.weight") == found.identity("model.embed_tokens.weight")


def test_learned_tokens_and_bottlenecks_are_refused(known, home):
    from playground.engine.adapters import store
    from playground.engine.adapters.base import Adapter

    prompt = Adapter(
        "virtual", {"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 3}, {"prompt_embeddings": torch.randn(3, 32)}
    )
    source = store.keep_adapter(prompt, store.About("Mine", "uploaded", "tiny-llama", "prompt"))
    attach = {"kind": "adapter", "source": source}
    for edits in ([merge(of(recipe(attach)))], [attach, merge(of("tiny-llama"))]):
        refused("bottleneck adapter or learned tokens", *edits)
    refused("learned tokens", merge(of("tiny-llama"), base=of(recipe(attach))))
    path = "model.layers.0.mlp.down_proj"
    tensors = {
        f"{path}.down.weight": torch.randn(2, 32),
        f"{path}.down.bias": torch.randn(2),
        f"{path}.up.weight": torch.randn(32, 2),
        f"{path}.up.bias": torch.randn(32),
    }
    narrow = Adapter("bottleneck", {"peft_type": "BOTTLENECK", "size": 2}, tensors)
    attach["source"] = store.keep_adapter(narrow, store.About("Mine", "uploaded", "tiny-llama", "x"))
    for method in ("linear", "passthrough"):
        edit = merge(of(recipe(attach)), method=method)
        refused("bottleneck adapter or learned tokens", edit)
        refused("bottleneck adapter", attach, merge(of("tiny-llama"), method=method))


def test_an_ensemble_cannot_be_merged_into_weights(siblings):
    both = merge(of("tiny-llama"), of("tiny-llama-1"), method="ensemble")
    refused("ensemble", merge(of("tiny-llama-2"), of(recipe(both))))
    refused("ensemble", both, merge(of("tiny-llama-2")))
    refused("ensemble", both, merge(of("tiny-llama-2"), method="passthrough"))


@pytest.mark.parametrize("numbers", [(1.0, -1.0), (0.0, 0.0), ([1, 0], [1, 0])])
def test_weights_that_sum_to_0_are_refused_before_anything_is_computed(known, numbers):
    models = [of("tiny-llama", weight=weight) for weight in numbers]
    refused("sum to 0", merge(*models))
    assert built(merge(*models, normalize=False)).bytes_held() > 0


@pytest.mark.parametrize(
    ("method", "given", "allowed"),
    [
        ("slerp", 2, "1 to 1"),
        ("nuslerp", 1, "2 to 2"),
        ("nuslerp", 3, "2 to 2"),
        ("model_stock", 1, f"2 to {MOST}"),
        ("ensemble", 1, f"2 to {MOST}"),
    ],
)
def test_a_wrong_number_of_models_is_refused(method, given, allowed):
    with pytest.raises(MergeError, match=f"{method} merges {allowed} models.*{given} are given"):
        parse_edit(merge(*[of("tiny-llama")] * given, method=method))


@pytest.mark.parametrize(("count", "words"), [(0, "empty"), (MOST + 1, f"at most {MOST}")])
def test_no_models_and_too_many_are_refused(count, words):
    with pytest.raises(RecipeError, match=words):
        parse_edit(merge(*[of("tiny-llama")] * count))


def nested(depth, model="tiny-llama"):
    found = of(model)
    for _ in range(depth):
        found = of(recipe(merge(found)))
    return merge(found)


def test_merges_of_merges_go_only_so_deep():
    assert parse_edit(nested(MAX_NESTED - 1))
    for depth in (MAX_NESTED, MAX_NESTED + 1, 60, 400):
        with pytest.raises(RecipeError, match=f"nested {MAX_NESTED} deep at most"):
            parse_edit(nested(depth))


def test_depth_in_the_base_counts_too():
    inner = nested(MAX_NESTED - 1)
    with pytest.raises(MergeError, match="nested"):
        parse_edit(merge(of("tiny-llama"), base=of(recipe(inner))))


def test_many_merges_one_after_another_are_not_nested(known):
    edits = [merge(of("tiny-llama")) for _ in range(MAX_NESTED + 2)]
    assert parse(recipe(*edits))
    assert parse_edit(merge(of(recipe(*edits[:2]))))


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({}, "either a recipe or a checkpoint"),
        ({"recipe": recipe(), "checkpoint": "x"}, "either a recipe or a checkpoint"),
        ({"recipe": None, "checkpoint": None}, "either a recipe or a checkpoint"),
        ({"checkpoint": ""}, "is"),
        ({"checkpoint": "x" * 201}, "200"),
        ({"checkpoint": 5}, "wrong type"),
        ({"recipe": 5}, "JSON object"),
        ({"recipe": {"model": "m", "edit": []}}, "unknown key 'edit'"),
        ({"recipe": {"model": "m", "edits": [{"kind": "x"}]}}, "unknown kind 'x'"),
        (of("m", wieght=1.0), "unknown key"),
        (of("m", weight=float("nan")), "finite"),
        (of("m", weight=float("inf")), "finite"),
        (of("m", weight=[1.0, float("nan")]), "wrong type|finite"),
        (of("m", weight=True), "wrong type"),
        (of("m", weight=[1.0, True]), "wrong type"),
        (of("m", weight={"mlp": False}), "wrong type"),
        (of("m", density=True), "wrong type"),
        (of("m", weight="1"), "wrong type"),
        (of("m", weight=None), "wrong type"),
        (of("m", weight=[]), "."),
        (of("m", weight=[1.0] * (MOST_POINTS + 1)), "."),
        (of("m", weight=11), "10"),
        (of("m", weight={"heads": 1.0}), "."),
        (of("m", layers=[0]), "."),
        (of("m", layers=[0.5, 1]), "wrong type"),
        (of("m", layers=[True, 1]), "wrong type"),
        (of("m", layers=[-1, 1]), "0 or more"),
        (5, "wrong type"),
    ],
)
def test_a_model_that_is_not_usable_is_refused(model, words):
    with pytest.raises(RecipeError, match=words):
        parse_edit(merge(model))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"method": "frankenmerge"}, "frankenmerge.*linear"),
        ({"method": ["linear"]}, "linear"),
        ({"metod": "linear"}, "unknown key 'metod'"),
        ({"t": float("nan")}, "finite"),
        ({"t": True}, "wrong type"),
        ({"normalize": 1}, "wrong type"),
        ({"seed": -1}, "0 or more"),
        ({"seed": 1.5}, "wrong type"),
        ({"epsilon": 1.1}, "or less"),
        ({"gamma": -0.1}, "or more"),
        ({"select": float("nan")}, "finite"),
        ({"select": True}, "wrong type"),
        ({"targets": []}, "empty"),
        ({"targets": ["x" * 201]}, "200"),
        ({"vocabulary": "any"}, "any.*by_text"),
        ({"base": {}}, "either a recipe or a checkpoint"),
        ({"base": of("m", weight=1.0)}, "unknown key"),
    ],
)
def test_a_setting_that_is_not_usable_is_refused(more, words):
    with pytest.raises(RecipeError, match=words):
        parse_edit(merge(of("tiny-llama")) | more)


def test_what_only_the_model_can_tell_is_refused_when_it_is_built(known):
    refused("names no parameter", merge(of("tiny-llama"), targets=["heads"]), error=RecipeError)
    refused("Unknown model", merge(of("nobody")), error=ModelError)
    refused("not on this host", merge({"checkpoint": "nothing"}))


@pytest.mark.parametrize("method", ["concat", "ensemble"])
def test_loras_side_by_side_and_ensembles_take_no_checkpoints(known, home, method):
    path = checkpoints.home() / "mine" / "0.safetensors"
    saved(noisy(known["tiny-llama"], 1), path)
    edit = merge({"checkpoint": "mine"}, of("tiny-llama"), method=method)
    refused("works with recipes, not with checkpoints", edit)


def test_weights_that_sum_to_0_are_normalized_place_by_place_where_a_method_does_so(siblings):
    models = [of("tiny-llama-1", weight=0.5), of("tiny-llama-2", weight=-0.5)]
    own, one, two = (weights(built(model=f"tiny-llama{n}")) for n in ("", "-1", "-2"))
    found = weights(built(merge(*models, method="ties")))
    for name, start in own.items():
        votes = np.stack([0.5 * (one[name] - start), -0.5 * (two[name] - start)])
        agree = np.sign(votes) == np.where(votes.sum(0) >= 0, 1, -1)
        share = (agree * np.array([0.5, -0.5]).reshape(2, *[1] * start.ndim)).sum(0)
        change = (votes * agree).sum(0) / np.where(share == 0, 1, share)
        np.testing.assert_allclose(found[name], start + change, atol=2e-6)
    assert same(weights(built(merge(of("tiny-llama-1", weight=0), method="ties"))), own)


def test_an_epsilon_that_is_too_wide_for_its_density_is_said_to_be_narrowed(known):
    for method, density, epsilon, words in [
        ("della", 0.9, 0.15, "0.15 around a density of 0.9 is narrowed to 0.1"),
        ("della_linear", [0.5, 0.05], 0.1, "0.1 around a density of 0.05 is narrowed to 0.05"),
        ("della", {"mlp": 0.02, "rest": 1}, 0.1, "of 0.02 is narrowed to 0.02"),
        ("della", 0.5, 0.1, ""),
        ("della", 1, 0.1, ""),
        ("della", 0, 0.1, ""),
        ("ties", 0.9, 0.15, ""),
    ]:
        edit = merge(of(recipe(pruned()), density=density), method=method, epsilon=epsilon)
        [receipt] = build(parse(recipe(edit))).receipts
        said = " ".join(map(str, receipt.warnings))
        assert words in said if words else "Epsilon" not in said


def test_sce_of_identical_models_is_the_base(siblings):
    models = [of("tiny-llama-1"), of("tiny-llama-1")]
    found = weights(built(merge(*models, method="sce", select=0.5)))
    assert same(found, weights(built()))


def test_no_density_leaves_what_is_not_a_number(siblings):
    for method in [name for name in BY_TENSOR if "density" in METHODS[name].uses]:
        for density in (0, 1e-9, 1):
            for rescale in (True, False):
                models = [of(f"tiny-llama-{n}", density=density) for n in (1, 2)]
                found = weights(built(merge(*models, method=method, rescale=rescale)))
                assert all(np.isfinite(value).all() for value in found.values())


def test_a_merge_says_what_it_is_doing_and_can_be_stopped(siblings):
    from playground.engine.work import Stopped, Work

    steps: list[str] = []
    given = parse(recipe(merge(of("tiny-llama-1"), of("tiny-llama-2"))))
    build(given, Work(lambda done, count, what: steps.append(str(what))))
    assert "Merging model.embed_tokens.weight…" in steps
    assert len(steps) == len(list(built().base.model.parameters()))
    CACHE.clear()
    with pytest.raises(Stopped):
        build(given, Work(stopped=lambda: True))


def test_the_recipe_keeps_everything_it_was_given():
    edit = merge(
        of("tiny-llama", weight={"mlp": [0, 1], "rest": 0.5}, density=[0.1, 0.9]),
        {"checkpoint": "mine", "weight": 2},
        method="della",
        t=[0.0, 1.0],
        normalize=False,
        seed=3,
        targets=["mlp@0-1"],
        epsilon=0.05,
        gamma=0.2,
        select=0.3,
        vocabulary="by_text",
        base={"checkpoint": "owner/name"},
    )
    once = parse(recipe(edit))
    again = parse(once.json_text())
    assert again == once
    assert again.id == once.id
    assert isinstance(once.edits[0], Merge)
    dumped = json.loads(once.json_text())["edits"][0]
    assert dumped["models"][0]["weight"] == {"mlp": [0, 1], "rest": 0.5}
    assert dumped["models"][1]["checkpoint"] == "mine"
    assert dumped["base"]["checkpoint"] == "owner/name"
