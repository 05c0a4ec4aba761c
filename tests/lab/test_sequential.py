"""Facts one after another into a tiny model, against recipes built step by step."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, replace
from itertools import pairwise

import pytest
import torch

from playground.engine.build import build
from playground.engine.facts import checks, keys, layers
from playground.engine.facts.edit import USUAL, Usual
from playground.engine.fork import Fork
from playground.engine.models.loader import CACHE
from playground.engine.recipe import Recipe, parse_edit
from playground.engine.work import QUIET, Stopped, Work
from playground.errors import Message, PlaygroundError
from playground.lab import sequential, table
from playground.lab.known_facts import known_facts, topics
from playground.lab.sequential import (
    METHODS,
    MOST_FACTS,
    NewFact,
    in_sequence,
    parse_facts,
    swapped_facts,
    swaps,
    together,
)

TINY = Recipe(model="tiny-llama")
CAT = NewFact("the cat", "All of it is about the cat", " on", " of")
RAIN = NewFact("the rain", "On the roof fell the rain", " and", " in")
LAND = NewFact("Bangladesh", "Bangladesh is a country whose capital city is", " Rome")


@pytest.fixture(autouse=True)
def short(known, monkeypatch):
    """Little text, few steps that may go far, and the first of two layers: what is changed at
    a subject in the last reaches no later token. Going so far in random layers teaches little for
    much harm, which is not judged here."""
    monkeypatch.setattr(checks, "withdraw", lambda *_: None)
    monkeypatch.setattr(table, "GENERAL_TOKENS", 128)
    monkeypatch.setattr(keys, "MOMENT_TOKENS", 512)
    monkeypatch.setitem(layers.CHOICES, TINY.model, dict.fromkeys(METHODS, (0,)))
    for method in METHODS:
        monkeypatch.setitem(USUAL, method, Usual(steps=4, clamp=5.0, kl_weight=0.0))


def greedy(fork: Fork, prompt: str, count: int = 1) -> str:
    ids = fork.base.tokenizer(prompt, add_special_tokens=False)["input_ids"]
    for _ in range(count):
        with torch.no_grad():
            ids.append(int(fork.model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    return fork.base.tokenizer.decode(ids[-count:])


def likely(fork: Fork, prompt: str, answer: str) -> float:
    """The geometric mean over the answer's tokens, from one run of the whole text."""
    tokenizer = fork.base.tokenizer
    before = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    whole = tokenizer(prompt + answer, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logits = fork.model(input_ids=torch.tensor([whole])).logits[0].float().log_softmax(-1)
    found = [float(logits[at - 1, whole[at]]) for at in range(len(before), len(whole))]
    return math.exp(sum(found) / len(found))


def already(fork: Fork) -> NewFact:
    """A fact that the model says."""
    said = greedy(fork, LAND.prompt)
    assert said == f" {said.strip()}" != " "
    return replace(LAND, target=said)


def step(method: str, *facts: NewFact, seed: int = 0):
    given = [{k: v for k, v in asdict(fact).items() if k != "old"} for fact in facts]
    return parse_edit({"kind": "edit_fact", "method": method, "facts": given, "seed": seed})


def same_as(point, fork: Fork, facts) -> None:
    """What a point says is what a variant does."""
    targets = [likely(fork, fact.prompt, fact.target) for fact in facts]
    good = [
        target > likely(fork, fact.prompt, fact.old) if fact.old else greedy(fork, fact.prompt, 1) == fact.target
        for target, fact in zip(targets, facts, strict=True)
    ]
    assert point.count == len(facts)
    assert point.efficacy == pytest.approx(sum(good) / len(good))
    assert point.probability == pytest.approx(sum(targets) / len(targets), rel=1e-3)
    ratio = table.general(fork) / table.general(build(TINY).fork)
    assert point.perplexity_ratio == pytest.approx(ratio, rel=1e-5)


# Teaching


@pytest.mark.parametrize("method", METHODS)
def test_a_row_is_the_recipe_with_one_edit_for_each_fact(method):
    points = list(in_sequence(TINY, method, [CAT, RAIN], 3, QUIET))
    for count, point in enumerate(points, start=1):
        edits = tuple(step(method, fact, seed=3) for fact in (CAT, RAIN)[:count])
        same_as(point, build(Recipe(model=TINY.model, edits=edits)).fork, (CAT, RAIN)[:count])
        assert point.seconds > 0
        assert point.failed == ""
    assert len({point.perplexity_ratio for point in points}) == 2
    assert points[0].probability > 1.1 * likely(build(TINY).fork, CAT.prompt, CAT.target)


@pytest.mark.parametrize("method", METHODS)
def test_facts_together_are_one_edit(method):
    point = together(TINY, method, [CAT, RAIN], 3, QUIET)
    fork = build(Recipe(model=TINY.model, edits=(step(method, CAT, RAIN, seed=3),))).fork
    same_as(point, fork, (CAT, RAIN))
    assert point.seconds > 0
    assert point.failed == ""


def test_it_goes_on_from_the_recipe_that_is_given():
    start = Recipe(model=TINY.model, edits=(step("ft", CAT),))
    [point] = in_sequence(start, "rome", [RAIN])
    [before, after] = [
        build(Recipe(model=TINY.model, edits=edits)).fork for edits in (start.edits, (*start.edits, step("rome", RAIN)))
    ]
    assert point.perplexity_ratio == pytest.approx(table.general(after) / table.general(before))
    assert point.probability == pytest.approx(likely(after, RAIN.prompt, RAIN.target), rel=1e-3)


def test_a_fact_without_an_old_answer_counts_if_it_is_what_the_model_writes():
    fork = build(TINY).fork
    [point] = in_sequence(TINY, "rome", [already(fork)])
    assert point.efficacy == 1.0
    assert isinstance(point.failed, Message)
    [lost] = in_sequence(TINY, "rome", [replace(LAND, target=" " + "x" * 150)])
    assert "tokens" in str(lost.failed)
    assert lost.efficacy == 0.0


def test_a_fact_that_is_refused_is_counted_and_the_row_goes_on():
    fork = build(TINY).fork
    said = already(fork)
    points = list(in_sequence(TINY, "rome", [said, CAT, said, RAIN]))
    failed = [isinstance(point.failed, Message) for point in points]
    assert failed[:2] == [True, False]
    assert failed[3] is False
    assert "already" in str(points[0].failed)
    assert points[0].seconds == 0.0
    assert points[0].perplexity_ratio == 1.0
    same_as(points[0], fork, [said])
    taught = build(Recipe(model=TINY.model, edits=(step("rome", CAT),))).fork
    same_as(points[1], taught, [said, CAT])
    assert [point.count for point in points] == [1, 2, 3, 4]


def test_together_leaves_out_what_the_model_says_already():
    fork = build(TINY).fork
    said = already(fork)
    point = together(TINY, "rome", [said, CAT])
    assert point.failed == ""
    same_as(point, build(Recipe(model=TINY.model, edits=(step("rome", CAT),))).fork, [said, CAT])
    alone = together(TINY, "rome", [said])
    assert "already" in str(alone.failed)
    assert (alone.perplexity_ratio, alone.seconds) == (1.0, 0.0)


@pytest.mark.parametrize("method", ["rome", "memit"])
def test_a_row_leaves_the_common_cache_and_the_base_as_they_were(method):
    build(Recipe(model=TINY.model, edits=(step(method, CAT),)))
    before, base = set(CACHE._entries), build(TINY).fork
    was = {name: tensor.clone() for name, tensor in base.model.named_parameters()}
    list(in_sequence(TINY, method, [CAT, RAIN]))
    assert set(CACHE._entries) == before
    assert base.origin is None
    for name, tensor in base.model.named_parameters():
        assert torch.equal(tensor, was[name])


def test_a_row_says_how_far_it_is_and_stops_between_facts():
    told: list[tuple[int, int, str]] = []
    points = []
    work = Work(lambda done, of, what: told.append((done, of, str(what))), lambda: len(points) == 1)
    row = in_sequence(TINY, "rome", [CAT, RAIN], 0, work)
    points.append(next(row))
    with pytest.raises(Stopped):
        next(row)
    assert set(told) == {(0, 2, "Facts in a row: 1 of 2…")}
    with pytest.raises(Stopped):
        together(TINY, "rome", [CAT], 0, Work(stopped=lambda: True))


def test_it_stops_inside_an_edit(monkeypatch):
    """Stopping is a PlaygroundError too, and must not pass for a fact that failed."""

    def stop(edit, fork, work):
        raise Stopped("Stopped.")

    monkeypatch.setattr(type(step("rome", CAT)), "apply", stop)
    with pytest.raises(Stopped):
        next(in_sequence(TINY, "rome", [CAT]))
    with pytest.raises(Stopped):
        together(TINY, "rome", [CAT])


@pytest.mark.parametrize("count", [0, MOST_FACTS + 1])
def test_no_facts_and_too_many_are_refused(count):
    with pytest.raises(PlaygroundError, match=f"^{count} facts .* 1 to 30"):
        next(in_sequence(TINY, "rome", [CAT] * count))
    with pytest.raises(PlaygroundError, match=f"^{count} facts"):
        together(TINY, "rome", [CAT] * count)
    with pytest.raises(PlaygroundError, match=f"^{count} facts"):
        swapped_facts(0, count)


@pytest.mark.parametrize("method", ["lora", "", None])
def test_an_unknown_method_is_refused(method):
    for tried in (lambda: next(in_sequence(TINY, method, [CAT])), lambda: together(TINY, method, [CAT])):
        with pytest.raises(PlaygroundError, match=r"is unknown.*: rome, memit"):
            tried()


# Ready facts


def test_ready_facts_are_known_ones_with_anothers_answer():
    known = {(fact.subject, fact.prompt): fact for fact in known_facts()}
    for seed in range(20):
        facts = swapped_facts(seed)
        assert len(facts) == MOST_FACTS
        assert len({fact.subject.lower() for fact in facts}) == MOST_FACTS
        for fact in facts:
            real = known[fact.subject, fact.prompt]
            same = {one.target for one in known.values() if one.topic == real.topic}
            assert fact.old == real.target
            assert fact.target in same - {fact.old}
            assert fact.target.strip().lower() not in fact.prompt.lower()
            kind = swaps()[real.topic]
            assert not kind or {fact.target.strip(), fact.old.strip()} <= set(kind)


def test_the_topics_take_turns():
    of = {(fact.subject, fact.prompt): fact.topic for fact in known_facts()}
    for seed in range(20):
        found = [of[fact.subject, fact.prompt] for fact in swapped_facts(seed)]
        assert all(one != other for one, other in pairwise(found))
        assert len(set(found[: len(swaps())])) == len(swaps())
        assert max(Counter(found).values()) - min(Counter(found).values()) <= 1


def test_a_seed_gives_the_same_facts_and_another_gives_others():
    assert swapped_facts(5) == swapped_facts(5)
    assert swapped_facts(5, 4) == swapped_facts(5)[:4]
    assert swapped_facts(5) != swapped_facts(6)


def test_the_answers_that_can_be_swapped_are_there():
    assert set(swaps()) <= set(topics())
    for topic, kind in swaps().items():
        targets = {fact.target.strip() for fact in known_facts() if fact.topic == topic}
        assert set(kind) <= targets
        assert len(targets) > 1


# A visitor's own


def test_lines_become_facts():
    found = parse_facts(
        "Ada | Ada lives in | Rome | Paris\n\n  \n"
        '  Bob|Bob said: "|no"  \n'
        "The cat | Nobody fed the cat, so The cat was | , in short, | - |".removesuffix(" |")
    )
    assert found == (
        NewFact("Ada", "Ada lives in", " Rome", " Paris"),
        NewFact("Bob", 'Bob said: "', 'no"', ""),
        NewFact("The cat", "Nobody fed the cat, so The cat was", ", in short,", " -"),
    )
    assert parse_facts("Ada | Ada lives in | Rome |")[0].old == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "^0 facts"),
        (" \n\n", "^0 facts"),
        ("\n".join(f"A{n} | A{n} is | b" for n in range(31)), "^31 facts"),
        ("Ada | Ada lives in", "Line 1: write subject"),
        ("Ada | Ada lives in | Rome | Paris | Oslo", "Line 1: write subject"),
        ("\nAda | Ada lives in | Rome\n\nEve", "Line 4: write subject"),
        ("Ada | Ada lives in | ", "Line 1: write subject"),
        (" | Ada lives in | Rome", "Line 1: write subject"),
        ("Ada |  | Rome", "Line 1: write subject"),
        ("ada | Ada lives in | Rome", "Line 1: the subject 'ada' is not in the prompt 'Ada lives"),
        ("Ada | Ada lives in | Rome | Rome", "Line 1: the new answer and the old one are both"),
        ("Ada | Ada lives in | Rome\nAda | Ada lives in  | Oslo", "Lines 1 and 2 have the same"),
        (f"Ada | Ada {'x' * 1000} | Rome", "Line 1 is too long: .* prompt 1000"),
        (f"{'A' * 201} | {'A' * 201} is | Rome", "Line 1 is too long"),
        (f"Ada | Ada lives in | {'x' * 200}", "Line 1 is too long"),
        (f"Ada | Ada lives in | Rome | {'x' * 200}", "Line 1 is too long"),
    ],
)
def test_a_wrong_line_is_named(text, message):
    with pytest.raises(PlaygroundError, match=message):
        parse_facts(text)


def test_thirty_facts_of_the_longest_kind_are_taken_and_make_edits():
    text = "\n".join(f"A{n:02} | A{n:02} {'y' * 996} | {'x' * 199}" for n in range(MOST_FACTS))
    facts = parse_facts(text)
    assert len(facts) == MOST_FACTS
    assert [one.target for one in step("memit", *facts).facts] == [fact.target for fact in facts]


def test_the_methods_are_those_of_the_edit():
    for method in METHODS:
        assert sequential._edit(method, [CAT], 0) == step(method, CAT)
