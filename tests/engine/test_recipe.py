from __future__ import annotations

import json
import math
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from playground.engine.build import build
from playground.engine.decoding.batches import decode
from playground.engine.decoding.generate import Sampling
from playground.engine.edit import EDITS
from playground.engine.fork import TREE_BYTES
from playground.engine.models.loader import CACHE
from playground.engine.nudging.edit import NudgeTokens
from playground.engine.recipe import MAX_EDITS, parse, parse_edit
from playground.errors import ModelError, RecipeError

NUDGE = {"kind": "nudge_tokens", "text": " the", "target": " of"}
PROMPT = [260, 40, 41, 266, 42]


def nudge(**values):
    return NUDGE | values


def tiny_recipe(*edits, model="tiny-llama"):
    return parse({"model": model, "edits": list(edits)})


def steps(count):
    """Edits that differ, so that none can be taken for another."""
    return [nudge(strength=0.1 * (step + 1)) for step in range(count)]


@pytest.fixture
def applied(monkeypatch):
    """The strengths of the edits that are really applied, in order."""
    seen, real = [], NudgeTokens.apply

    def apply(self, fork, *work):
        seen.append(self.strength)
        return real(self, fork, *work)

    monkeypatch.setattr(NudgeTokens, "apply", apply)
    return seen


# Reading a recipe


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, ["NoneType", '"model"']),
        (5, ["int"]),
        ([], ["list"]),
        (b"{}", ["bytes"]),
        ("", ["not JSON"]),
        ("not json", ["not JSON"]),
        ("null", ["NoneType"]),
        ("[1]", ["list"]),
        ('"text"', ["str"]),
        ('{"model": "m", "edits": [', ["not JSON"]),
        ({}, ["names no model"]),
        ({"edits": []}, ["names no model"]),
        ({"model": ""}, ["names no model"]),
        ({"model": None}, ["names no model"]),
        ({"model": 5}, ["names no model"]),
        ({"model": ["m"]}, ["names no model"]),
        ({"model": "m", "edit": []}, ["'edit'", "model, edits"]),
        ({"model": "m", 5: []}, ["'5'"]),
        ({"model": "m", "edits": None}, ["not a list"]),
        ({"model": "m", "edits": "nudge"}, ["not a list"]),
        ({"model": "m", "edits": {"kind": "nudge_tokens"}}, ["not a list"]),
        ({"model": "m", "edits": [NUDGE] * 10_000}, ["10000 edits", f"at most {MAX_EDITS}"]),
        ({"model": "m", "edits": [NUDGE] * (MAX_EDITS + 1)}, ["65 edits"]),
        ({"model": "m", "edits": [None]}, ["Edit 1", "None", "nudge_tokens"]),
        ({"model": "m", "edits": [5]}, ["Edit 1"]),
        ({"model": "m", "edits": [[]]}, ["Edit 1"]),
        ({"model": "m", "edits": [NUDGE, {}]}, ["Edit 2", "None"]),
        ({"model": "m", "edits": [NUDGE, {"kind": "magic"}]}, ["Edit 2", "magic", "nudge_tokens"]),
        ({"model": "m", "edits": [{"kind": ["nudge_tokens"]}]}, ["Edit 1"]),
        ({"model": "m", "edits": [{"kind": "nudge_tokens"}]}, ["lacks 'text'"]),
        ({"model": "m", "edits": [nudge(strength=math.nan)]}, ["strength", "nan"]),
        ({"model": "m", "edits": [nudge(text="")]}, ["text", "empty"]),
        ({"model": "m", "edits": [nudge(hue=1)]}, ["'hue'"]),
        ({"model": "m", "edits": [nudge(**{"{x}": 1})]}, ["'{x}'"]),
        ('{"model": "m", "edits": [{"kind": "nudge_tokens", "text": "a", "strength": NaN}]}', ["strength", "nan"]),
        ('{"model": "m", "edits": [{"kind": "nudge_tokens", "text": "a", "strength": 1e999}]}', ["strength", "inf"]),
        ('{"model": "m", "edits": [{"kind": "nudge_tokens", "text": "a", "seed": ' + "9" * 5000 + "}]}", ["not JSON"]),
    ],
    ids=lambda value: str(value)[:40] if not isinstance(value, list) else "",
)
def test_what_is_no_recipe_is_refused_in_words(data, words):
    with pytest.raises(RecipeError) as caught:
        parse(data)
    assert [word for word in words if word not in str(caught.value)] == []
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("depth", [50, 500, 900, 960, 975, 990, 1000, 5000, 60_000])
def test_deeply_nested_json_is_refused_in_words(depth):
    nested = "[" * depth + "]" * depth
    for text in (
        nested,
        '{"model": "m", "edits": ' + nested + "}",
        '{"model": "m", "edits": [{"kind": "nudge_tokens", "text": ' + nested + "}]}",
    ):
        with pytest.raises(RecipeError):
            parse(text)


def test_a_recipe_text_with_half_a_character_in_it_is_refused_in_words():
    with pytest.raises(RecipeError):
        parse('{"model": "m\ud800"}')


def test_a_model_that_is_not_offered_is_refused_with_those_that_are(known):
    with pytest.raises(ModelError, match=r"'gpt-5'.*smollm2-135m-instruct, tiny-gpt2"):
        build(parse({"model": "gpt-5"}))
    for name in ("\ud800", "{x}", "../../etc/passwd", "x" * 100_000):
        with pytest.raises(ModelError) as caught:
            build(parse({"model": name}))
        assert len(str(caught.value)) < 1000


def test_as_many_edits_as_allowed_are_read():
    assert len(parse({"model": "m", "edits": [NUDGE] * MAX_EDITS}).edits) == MAX_EDITS


def test_a_recipe_without_edits_is_the_base(known, logits):
    for data in ({"model": "tiny-llama"}, {"model": "tiny-llama", "edits": []}):
        built = build(parse(data))
        assert built.receipts == ()
        assert torch.equal(logits(built.fork, PROMPT), logits(known["tiny-llama"], PROMPT))


def test_a_recipe_survives_the_way_through_json():
    first = tiny_recipe(nudge(text=' "the"\n안녕', strength=1 / 3, seed=2**31 - 1), nudge(side="input"))
    for again in (
        parse(first.json_text()),
        parse(json.loads(first.json_text())),
        parse(first.model_dump()),
        parse(json.dumps(json.loads(first.json_text()), indent=2)),
    ):
        assert again == first
        assert again.id == first.id
    assert parse_edit(first.edits[0]) is first.edits[0]


def test_every_kind_of_edit_is_found_by_its_kind():
    assert {kind: edit.model_fields["kind"].default for kind, edit in EDITS.items()} == {kind: kind for kind in EDITS}


# Its id


def test_the_id_does_not_depend_on_key_order_or_on_defaults_being_written():
    spelled = {
        "edits": [
            {
                "seed": 0,
                "side": "both",
                "strength": 0.5,
                "target": " of",
                "direction": "toward",
                "text": " the",
                "kind": "nudge_tokens",
            }
        ],
        "model": "tiny-llama",
    }
    assert parse(spelled).id == tiny_recipe(NUDGE).id
    assert parse({"edits": [], "model": "m"}).id == parse({"model": "m"}).id
    assert tiny_recipe(nudge(strength=1)).id == tiny_recipe(nudge(strength=1.0)).id


def test_the_id_is_the_same_in_every_process():
    """Recipes are saved and sent: this one must keep its id. Worked out with hashlib by hand."""
    text = (
        '{"edits": [{"direction": "toward", "kind": "nudge_tokens", "seed": 0, "side": "both", '
        '"strength": 0.5, "target": " of", "text": " the"}], "model": "tiny-llama"}'
    )
    assert tiny_recipe(NUDGE).json_text() == text
    assert tiny_recipe(NUDGE).id == "0e7ab67fb9f22a3f"


@pytest.mark.parametrize(
    "values",
    [
        {"text": "the"},
        {"target": " is"},
        {"direction": "away"},
        {"strength": 0.5000001},
        {"side": "input"},
        {"seed": 1},
    ],
)
def test_the_id_depends_on_every_value(values):
    assert tiny_recipe(nudge(**values)).id != tiny_recipe(NUDGE).id


def test_the_id_depends_on_the_model_the_order_and_the_count():
    one, two = nudge(strength=1), nudge(strength=2)
    ids = {
        tiny_recipe(*edits, model=model).id
        for model in ("tiny-llama", "tiny-opt")
        for edits in ([], [one], [two], [one, two], [two, one], [one, one])
    }
    assert len(ids) == 12


def test_a_prefix_is_the_recipe_of_the_first_edits():
    whole = tiny_recipe(*steps(3))
    assert whole.prefix(0) == tiny_recipe()
    assert whole.prefix(2) == tiny_recipe(*steps(2))
    assert whole.prefix(3) == whole


# Building


@pytest.mark.parametrize("name", ["tiny-llama", "tiny-gemma3", "tiny-gpt2-layout", "tiny-phi"])
def test_undoing_and_doing_again_gives_the_same_weights_bit_for_bit(known, name, logits, applied):
    edits = [
        nudge(),
        nudge(text=" on is", direction="random", seed=9),
        nudge(text=" is", direction="scale", strength=2.5, side="output"),
    ]
    whole, shorter = tiny_recipe(*edits, model=name), tiny_recipe(*edits[:2], model=name)
    first, undone = logits(build(whole).fork, PROMPT), logits(build(shorter).fork, PROMPT)
    assert not torch.equal(first, undone)
    assert torch.equal(logits(build(whole).fork, PROMPT), first)
    assert len(applied) == 3
    CACHE.clear()
    assert torch.equal(logits(build(shorter).fork, PROMPT), undone)
    assert torch.equal(logits(build(whole).fork, PROMPT), first)
    CACHE.clear()
    known._bases.pop(name)  # and after reading the files again
    assert torch.equal(logits(build(whole).fork, PROMPT), first)


@pytest.mark.parametrize(("letter", "bytes_each"), [("m", 1), ("한", 3)])
def test_a_recipe_that_is_too_large_is_refused_before_it_is_read(letter, bytes_each):
    with pytest.raises(RecipeError, match="4000 kB"):
        parse('{"model": "' + letter * (4_000_000 // bytes_each) + '"}')


@pytest.mark.weights
def test_smollm2_rebuilt_from_its_recipe_is_the_same_bit_for_bit(smollm2, logits):
    edit = {"kind": "nudge_tokens", "text": " Paris", "target": " Rome", "strength": 0.7}
    whole = parse({"model": "smollm2-135m-instruct", "edits": [edit, edit | {"seed": 3}]})
    ids = smollm2.tokenizer("The capital of France is Paris")["input_ids"]
    first = logits(build(whole).fork, ids)
    CACHE.clear()
    assert torch.equal(logits(build(whole).fork, ids), first)
    assert not torch.equal(first, logits(smollm2, ids))


def test_one_more_edit_applies_one_edit(known, applied):
    build(tiny_recipe(*steps(2)))
    assert applied == [0.1, 0.2]
    build(tiny_recipe(*steps(3)))
    assert applied == pytest.approx([0.1, 0.2, 0.3])
    build(tiny_recipe(*steps(3)))
    build(tiny_recipe(*steps(1)))
    assert len(applied) == 3


def test_a_changed_last_edit_applies_one_edit_and_a_changed_first_edit_all(known, applied):
    build(tiny_recipe(*steps(3)))
    applied.clear()
    build(tiny_recipe(*steps(2), nudge(strength=7)))
    assert applied == [7]
    applied.clear()
    build(tiny_recipe(nudge(strength=9), *steps(3)[1:]))
    assert len(applied) == 3


def test_a_fork_of_a_base_that_was_loaded_anew_is_not_taken_from_the_cache(known, applied):
    old = build(tiny_recipe(NUDGE))
    CACHE.put(("base", "tiny-llama"), known.fresh("tiny-llama"))
    new = build(tiny_recipe(NUDGE))
    assert len(applied) == 2
    assert new.fork.base is CACHE.get(("base", "tiny-llama"))
    assert old.fork.base is not new.fork.base


def test_the_forks_of_a_recipes_prefixes_are_left_as_they_were(known, logits):
    first = build(tiny_recipe(*steps(1)))
    before = logits(first.fork, PROMPT)
    build(tiny_recipe(*steps(5)))
    assert torch.equal(logits(first.fork, PROMPT), before)
    assert len(first.receipts) == 1


def greedy(built) -> list[int]:
    *_, rows = decode(built.fork, [PROMPT], Sampling(24))
    return rows[0].ids


def test_two_visitors_at_once_get_exactly_what_each_gets_alone(known):
    recipes = [tiny_recipe(nudge(direction="random", strength=3, seed=seed), *steps(4)) for seed in range(4)]
    alone = [greedy(build(recipe)) for recipe in recipes]
    assert len({tuple(ids) for ids in alone}) > 1
    CACHE.clear()
    gate = threading.Barrier(4)

    def visitor(recipe):
        gate.wait()
        answers = []
        for _ in range(3):
            answers.append(greedy(build(recipe)))
        return answers

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(visitor, recipes))
    assert together == [[ids] * 3 for ids in alone]


def test_one_recipe_asked_for_by_many_at_once_is_built_once(known, applied):
    gate = threading.Barrier(6)

    def visitor(_):
        gate.wait()
        return build(tiny_recipe(*steps(3)))

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(visitor, range(6)))
    assert len(applied) == 3
    assert len({id(built) for built in found}) == 1


def test_building_goes_on_where_the_cache_has_room_for_one_fork_only(known, monkeypatch, logits):
    truth = logits(build(tiny_recipe(*steps(3))).fork, PROMPT)
    CACHE.clear()
    monkeypatch.setattr(CACHE, "_budget", lambda: 1)
    assert torch.equal(logits(build(tiny_recipe(*steps(3))).fork, PROMPT), truth)


# Receipts


def test_receipts_agree_with_numpy(known):
    base = known["tiny-llama"]
    weight = base.model.get_input_embeddings().weight.detach().double().numpy()
    edits = [nudge(strength=0.5), nudge(text=" the of on", strength=-2.0, direction="scale", side="output")]
    first, second = build(tiny_recipe(*edits)).receipts

    move = 0.5 * (weight[266] - weight[260])
    both = math.sqrt(2) * np.linalg.norm(move) / (math.sqrt(2) * np.linalg.norm(weight))
    assert first.relative_change == pytest.approx(both, rel=1e-5)
    assert [change.name for change in first.changes] == ["model.embed_tokens.weight", "lm_head.weight"]
    assert first.bytes == 2 * (1 * 32 * 4 + 8)

    ids = base.tokenizer(" the of on")["input_ids"]
    rows = weight[ids].copy()
    rows[ids.index(260)] += move
    assert second.relative_change == pytest.approx(np.linalg.norm(-2 * rows - rows) / np.linalg.norm(weight), rel=1e-5)
    assert [change.name for change in second.changes] == ["lm_head.weight"]
    assert second.bytes == 2 * (32 * 4 + 8)  # " the" was held already
    assert first.seconds >= 0
    assert second.edit == tiny_recipe(*edits).edits[1]


def test_a_receipts_bytes_are_rows_and_their_numbers_on_each_side(known):
    for name in known.names:
        base = known[name]
        ids = set(base.tokenizer(" the of is 안녕")["input_ids"])
        edit = nudge(text=" the of is 안녕", direction="scale", strength=2)
        expected = 2 * len(ids) * (32 * 4 + 8)
        if base.model.get_output_embeddings().bias is not None:
            expected += len(ids) * 4
        built = build(tiny_recipe(edit, model=name))
        assert built.receipts[0].bytes == built.fork.bytes_held() == expected


@pytest.mark.weights
def test_a_nudge_of_smollm2_holds_a_few_kilobytes(smollm2):
    edit = {"kind": "nudge_tokens", "text": " Paris", "target": " Rome"}
    built = build(parse({"model": "smollm2-135m-instruct", "edits": [edit]}))
    assert built.receipts[0].bytes == 2 * (576 * smollm2.dtype.itemsize + 8)


def test_untouched_receipts_are_the_same_objects_after_one_more_edit(known):
    shorter, longer = build(tiny_recipe(*steps(2))), build(tiny_recipe(*steps(3)))
    assert longer.receipts[:2] == shorter.receipts
    assert longer.receipts[0] is shorter.receipts[0]


def test_a_built_fork_is_counted_with_its_base_once(known):
    build(tiny_recipe(*steps(4)))
    forks = [CACHE.get(("fork", tiny_recipe(*steps(n)).id)) for n in range(5)]
    base = sum(known["tiny-llama"].storages().values())
    own = sum(fork.fork.bytes_held() for fork in forks)
    assert CACHE.total() == base + 5 * TREE_BYTES + own


def test_a_recipe_cannot_be_changed_after_it_was_read():
    recipe = tiny_recipe(NUDGE)
    with pytest.raises(ValueError, match="frozen"):
        recipe.model = "other"
    with pytest.raises(ValueError, match="frozen"):
        recipe.edits[0].strength = 2
