"""Several models answering as one, against averages of their probabilities taken by hand."""

from __future__ import annotations

import math

import pytest
import torch
from merge_made import built, merge, of, pruned, recipe, weights

from playground.engine.adapters import store
from playground.engine.adapters.base import Adapter
from playground.engine.build import build
from playground.engine.decoding.batches import decode
from playground.engine.decoding.generate import Sampling, end_ids, next_probabilities
from playground.engine.fork import Fork
from playground.engine.fork.ensemble import Ensemble
from playground.engine.measuring.measure import measure
from playground.engine.merging import MergeError
from playground.engine.recipe import parse
from playground.engine.training.prepare import prepare_training
from playground.engine.training.settings import TrainingSettings
from playground.errors import PlaygroundError

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
WEIGHTS = (1.0, 2.0, 0.5)


def members(model: str) -> list[dict]:
    return [recipe(model=model), recipe(pruned(1), model=model), recipe(pruned(2), model=model)]


def ensemble(recipes: list[dict], numbers=WEIGHTS) -> dict:
    pairs = zip(recipes, numbers, strict=False)
    return merge(*(of(one, weight=number) for one, number in pairs), method="ensemble")


@torch.inference_mode()
def average(forks: list[Fork], numbers, ids: list[int]) -> torch.Tensor:
    """(length, vocab) float64 probabilities, read at once without any cache."""
    total = torch.zeros((), dtype=torch.float64)
    for fork, number in zip(forks, numbers, strict=True):
        logits = fork.model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
        total = total + number / sum(numbers) * logits.double().softmax(-1)
    return total


def by_hand(forks, numbers, prompt: list[int], count: int) -> list[int]:
    """Greedy decoding, the whole text read again for every token."""
    ids: list[int] = []
    while len(ids) < count:
        token = int(average(forks, numbers, prompt + ids)[-1].argmax())
        if token in end_ids(forks[0].base):
            break
        ids.append(token)
    return ids


def greedy(fork: Fork, prompts: list[list[int]], count: int = 12) -> list[list[int]]:
    *_, rows = decode(fork, prompts, Sampling(count))
    return [row.ids for row in rows]


def all_built(recipes: list[dict]) -> list[Fork]:
    return [build(parse(one)).fork for one in recipes]


# What it answers


@pytest.mark.parametrize("model", LAYOUTS)
def test_an_ensembles_probabilities_are_the_members_average(known, model, answers, texts):
    recipes = members(model)
    fork = built(ensemble(recipes), model=model)
    for prompt in (texts.ids(1), texts.ids(13)):
        truth = average(all_built(recipes), WEIGHTS, prompt)
        logits = answers(fork.model, prompt)
        assert logits.dtype == torch.float32
        torch.testing.assert_close(logits.double(), truth.log(), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(next_probabilities(fork, prompt).double(), truth[-1], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("model", LAYOUTS)
def test_an_ensemble_decodes_several_prompts_as_a_loop_by_hand(known, model, texts):
    recipes = members(model)
    fork, forks = built(ensemble(recipes), model=model), all_built(recipes)
    prompts = [texts.ids(9, 1), texts.ids(2, 2), texts.ids(17, 3)]
    truth = [by_hand(forks, WEIGHTS, prompt, 12) for prompt in prompts]
    assert greedy(fork, prompts) == truth
    assert [greedy(fork, [prompt])[0] for prompt in prompts] == truth
    assert truth != [by_hand(forks[:1], (1.0,), prompt, 12) for prompt in prompts]


def test_members_may_be_other_models_of_the_layout(siblings, texts):
    recipes = [recipe(model=name) for name in ("tiny-llama", "tiny-llama-1", "tiny-llama-2")]
    fork, forks = built(ensemble(recipes)), all_built(recipes)
    prompt = texts.ids(9)
    assert greedy(fork, [prompt]) == [by_hand(forks, WEIGHTS, prompt, 12)]


def test_members_may_have_adapters_kept_apart_and_packed_layers(known, adapter, texts):
    attach = {"kind": "adapter", "source": adapter(known["tiny-llama"])}
    pack = {"kind": "quantize", "scheme": "int8", "mode": "packed", "group_size": "channel"}
    recipes = [recipe(attach), recipe(pack), recipe()]
    fork, forks = built(ensemble(recipes)), all_built(recipes)
    prompts = [texts.ids(9), texts.ids(4)]
    for prompt, ids in zip(prompts, greedy(fork, prompts, 8), strict=True):
        assert len(ids) == 8
        for step, token in enumerate(ids):  # a code more or less may turn a near tie around
            truth = average(forks, WEIGHTS, prompt + ids[:step])[-1]
            assert truth[token] > truth.max() - 0.005


def test_members_may_be_stacks_of_layers(known, texts):
    deep = merge(of("tiny-llama"), of("tiny-llama", layers=[1, 2]), method="passthrough")
    recipes = [recipe(deep), recipe(deep, pruned(1)), recipe(deep, pruned(2))]
    fork, forks = built(deep, ensemble(recipes)), all_built(recipes)
    prompts = [texts.ids(9), texts.ids(4)]
    assert greedy(fork, prompts) == [by_hand(forks, WEIGHTS, prompt, 12) for prompt in prompts]


@pytest.mark.parametrize("gone", [0, 1])
@pytest.mark.parametrize("who", [0, 1, 2])
def test_members_may_lack_a_layer(known, texts, monkeypatch, gone, who):
    """The first or the last: their caches have a gap there."""
    from playground.engine.merging.parents import Variant
    from playground.engine.merging.whole import ensemble as join

    forks = [built(), built(pruned(1)), built(pruned(2))]
    forks[who] = forks[who].clone()
    forks[who].drop_layer("model.layers", gone)
    fork = Fork(known["tiny-llama"])
    join(fork, [Variant("", one) for one in forks], weight=[w / sum(WEIGHTS) for w in WEIGHTS])
    prompts = [texts.ids(9), texts.ids(4)]
    truth = [by_hand(forks, WEIGHTS, prompt, 8) for prompt in prompts]
    assert greedy(fork, prompts, 8) == truth


def test_sampling_draws_from_the_average(known, texts):
    """Of many first tokens drawn with seeds in turn, as many are the likeliest as it is likely."""
    recipes = members("tiny-llama")
    fork, prompt = built(ensemble(recipes)), texts.ids(5)
    truth = average(all_built(recipes), WEIGHTS, prompt)[-1]
    drawn = []
    for seed in range(150):
        *_, rows = decode(fork, [prompt], Sampling(1, 1.0, seed))
        drawn += rows[0].ids
    top = int(truth.argmax())
    expected = float(truth[top])
    spread = math.sqrt(expected * (1 - expected) / 150)
    assert abs(drawn.count(top) / 150 - expected) < 4 * spread


def test_a_share_of_0_leaves_a_member_out_and_of_1_leaves_only_it(siblings, answers, texts):
    prompt = texts.ids(9)
    recipes = [recipe(), recipe(model="tiny-llama-1")]
    for numbers, alone in (((1.0, 0.0), recipes[0]), ((0.0, 3.0), recipes[1])):
        found = answers(built(ensemble(recipes, numbers)).model, prompt)
        truth = answers(build(parse(alone)).fork.model, prompt).log_softmax(-1)
        torch.testing.assert_close(found, truth, atol=1e-4, rtol=1e-4)


def test_a_token_that_all_find_impossible_stays_a_number(known, answers, texts):
    """Probabilities below 1e-45 are 0 in float32, and their logarithm would be no number."""
    fork = built(ensemble(members("tiny-llama")))
    for one in (fork.model, *fork.model.ensemble.members):
        one.lm_head.weight = torch.nn.Parameter(300 * one.lm_head.weight, requires_grad=False)
    found = answers(fork.model, texts.ids(9))
    assert found.min() < -110
    assert found.isfinite().all()
    measured = measure(built(), fork, "The cat sat on the mat.")
    assert math.isfinite(measured.kl)


def test_figures_are_taken_of_the_average(known):
    recipes = members("tiny-llama")
    fork, text = built(ensemble(recipes)), "The cat sat on the mat while the rain fell."
    ids = fork.base.tokenizer(text)["input_ids"]
    probabilities = average(all_built(recipes), WEIGHTS, ids)
    losses = -probabilities[torch.arange(len(ids) - 1), torch.tensor(ids[1:])].log()
    measured = measure(built(), fork, text)
    assert measured.fork.text.perplexity == pytest.approx(float(losses.mean().exp()), rel=1e-4)


# What it is


def test_an_ensemble_costs_only_what_its_members_hold(known):
    recipes = members("tiny-llama")
    held = [fork.bytes_held() for fork in all_built(recipes)]
    assert built(ensemble(recipes)).bytes_held() == sum(held)
    nudge = {"kind": "nudge_tokens", "text": " the", "target": " of"}
    small = [recipe(), recipe(nudge)]
    assert built(ensemble(small, (1.0, 1.0))).bytes_held() == 2 * (32 * 4 + 8)
    [receipt] = build(parse(recipe(ensemble(small, (1.0, 1.0))))).receipts
    assert receipt.bytes == 2 * (32 * 4 + 8)
    assert not any("changed nothing" in str(warning) for warning in receipt.warnings)


def test_the_members_stay_as_they_were(known, answers, texts):
    recipes, prompt = members("tiny-llama"), texts.ids(9)
    forks = all_built(recipes)
    before = [answers(fork.model, prompt) for fork in forks]
    built(ensemble(recipes), pruned(9))
    assert all(map(torch.equal, before, (answers(fork.model, prompt) for fork in forks)))
    assert not any(hasattr(fork.model, Ensemble.NAME) for fork in forks)


def test_edits_that_follow_change_the_first_model_alone(known, answers, texts):
    recipes, prompt = members("tiny-llama"), texts.ids(9)
    nudge = {"kind": "nudge_tokens", "text": " the", "direction": "scale", "strength": 2}
    for edit in (pruned(9), nudge):
        fork = built(ensemble(recipes), edit)
        forks = all_built([recipe(*recipes[0]["edits"], edit), *recipes[1:]])
        truth = average(forks, WEIGHTS, prompt).log()
        torch.testing.assert_close(answers(fork.model, prompt).double(), truth, atol=1e-4, rtol=1e-4)
        assert greedy(fork, [prompt]) == [by_hand(forks, WEIGHTS, prompt, 12)]


def test_the_first_model_takes_the_place_of_the_recipe_so_far(known):
    found = built(pruned(7), ensemble(members("tiny-llama")[1:], (1.0, 1.0)))
    truth = weights(built(pruned(1)))
    assert all((found_ == truth[name]).all() for name, found_ in weights(found).items())


def test_how_the_first_models_tensors_are_stored_is_known_of_the_ensemble(known):
    edits = [{"kind": "quantize", "scheme": "nf4"}, {"kind": "prune", "pattern": "layers", "sparsity": 0.5}]
    fork, first = built(ensemble([recipe(*edits), recipe()], (1.0, 1.0))), built(*edits)
    assert first.formats
    assert fork.formats == first.formats
    assert fork.dropped == first.dropped != ()


def test_an_ensemble_is_built_once_and_found_again(known):
    given = parse(recipe(ensemble(members("tiny-llama"))))
    assert build(given) is build(given)


# Refusals


def refused(words: str, *edits: dict, model: str = "tiny-llama") -> None:
    with pytest.raises(PlaygroundError, match=words):
        built(*edits, model=model)


def test_an_ensemble_in_an_ensemble_is_refused(known):
    inner = recipe(ensemble(members("tiny-llama")))
    for recipes in ([inner, recipe()], [recipe(), inner]):
        refused("is an ensemble itself", ensemble(recipes, (1.0, 1.0)))


def test_the_first_must_be_of_the_recipes_own_model(siblings):
    recipes = [recipe(model="tiny-llama-1"), recipe()]
    refused("first of them a recipe of your own model", ensemble(recipes, (1.0, 1.0)))


def test_members_of_another_depth_are_refused(known):
    deep = recipe(merge(of("tiny-llama"), of("tiny-llama"), method="passthrough"))
    refused("another shape|same number of layers", ensemble([recipe(), deep], (1.0, 1.0)))


def test_members_that_read_their_cache_in_another_way_are_refused(known):
    """Mistral's weights are shaped as Llama's are, and it looks back six tokens only."""
    for one, other in (("tiny-llama-untied", "tiny-mistral"), ("tiny-mistral", "tiny-llama-untied")):
        recipes = [recipe(model=one), recipe(model=other)]
        refused("architecture", ensemble(recipes, (1.0, 1.0)), model=one)
        both = merge(of(one), of(other), method="passthrough")
        refused("architecture", both, model=one)


def test_shares_below_0_and_of_nothing_are_refused(known):
    refused("none below 0", ensemble(members("tiny-llama"), (1.0, -0.5, 1.0)))
    with pytest.raises(MergeError, match="sum to 0"):
        built(ensemble(members("tiny-llama"), (0.0, 0.0, 0.0)))


def test_nothing_is_trained_on_top_of_an_ensemble(known, adapter):
    attach = {"kind": "adapter", "source": adapter(known["tiny-llama"])}
    for second in (recipe(pruned()), recipe(attach)):
        fork = built(ensemble([recipe(), second], (1.0, 1.0)))
        for method in ("lora", "full"):
            with pytest.raises(PlaygroundError, match="is an ensemble, and nothing can be trained"):
                prepare_training(fork, TrainingSettings(method=method))


@pytest.mark.parametrize("prefix", [False, True])
def test_learned_tokens_and_ensembles_do_not_go_together(known, home, prefix):
    """Each member would need room of its own for them in the cache."""
    shape, kind = ((3, 2 * 2 * 2 * 8), "PREFIX_TUNING") if prefix else ((3, 32), "PROMPT_TUNING")
    learned = Adapter(
        "virtual", {"peft_type": kind, "num_virtual_tokens": 3}, {"prompt_embeddings": torch.randn(shape)}
    )
    source = store.keep_adapter(learned, store.About("Mine", "uploaded", "tiny-llama", "prompt"))
    attach = {"kind": "adapter", "source": source}
    for recipes in ([recipe(attach), recipe()], [recipe(), recipe(attach)]):
        refused("Learned tokens", ensemble(recipes, (1.0, 1.0)))
    refused("Learned tokens", ensemble(members("tiny-llama")), attach)
