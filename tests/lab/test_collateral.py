"""Facts asked again after an edit, against plain runs of one whole text each."""

from __future__ import annotations

import gc
import math
from collections import Counter
from dataclasses import replace

import pytest
import torch

from playground.engine.build import build
from playground.engine.decoding import continuation
from playground.engine.fork import Fork
from playground.engine.recipe import Recipe
from playground.engine.work import Stopped, Work
from playground.lab import collateral as collateral_module
from playground.lab.collateral import Kept, collateral, readings, sample, still_known
from playground.lab.known_facts import KnownFact, known_facts, topics

MATRIX = "model.layers.0.mlp.down_proj.weight"
MOST_TOKENS = 3


def tokens(base, text: str) -> list[int]:
    return base.tokenizer(text, add_special_tokens=False)["input_ids"]


@torch.no_grad()
def run(fork, ids: list[int]) -> torch.Tensor:
    """(length, vocab) of one text, without anything beside it."""
    return fork.model(input_ids=torch.tensor([ids])).logits[0].float().log_softmax(-1)


def likely(fork, prompt: str, target: str) -> float:
    before, whole = tokens(fork.base, prompt), tokens(fork.base, prompt + target)
    logs = run(fork, whole)
    found = [float(logs[at - 1, whole[at]]) for at in range(len(before), len(whole))]
    return math.exp(sum(found) / len(found))


def greedy(fork, prompt: str, count: int) -> list[int]:
    ids = tokens(fork.base, prompt)
    for _ in range(count):
        ids.append(int(run(fork, ids)[-1].argmax()))
    return ids[-count:]


def learned(base) -> list[KnownFact]:
    """The real facts' prompts with what a tiny model writes after them, where that is words."""
    fork, found = Fork(base), []
    for fact in known_facts():
        for count in range(MOST_TOKENS, 0, -1):
            new = greedy(fork, fact.prompt, count)
            words = base.tokenizer.decode(new)
            whole = tokens(base, fact.prompt) + new
            joined = bool(words.strip()) and words == f" {words.strip()}"
            if joined and tokens(base, fact.prompt + words) == whole:
                found.append(replace(fact, target=words))
                break
    return found


@pytest.fixture(scope="module")
def said(tiny):
    """A few facts of each topic that the tiny model says, of one token and of several."""
    found = learned(tiny["tiny-llama"])
    assert len({len(tokens(tiny["tiny-llama"], fact.target)) for fact in found}) > 1
    return found


@pytest.fixture
def facts(said, monkeypatch) -> tuple[KnownFact, ...]:
    """As if these were the project's facts; every fourth is one that the model does not say."""
    found = tuple(replace(fact, target=" zebra") if number % 4 == 3 else fact for number, fact in enumerate(said))
    monkeypatch.setattr(collateral_module, "known_facts", lambda: found)
    return found


@pytest.fixture
def base(known) -> Fork:
    return build(Recipe(model="tiny-llama")).fork


def edited(base: Fork, strength: float) -> Fork:
    fork = base.clone()
    noise = torch.randn(base.tensor(MATRIX).shape, generator=torch.Generator().manual_seed(1))
    fork.replace(MATRIX, base.tensor(MATRIX) + strength * noise)
    return fork


@pytest.fixture
def runs(monkeypatch) -> list[tuple[Fork, int]]:
    """The batches that were run: of which variant, and how many rows."""
    found, real = [], continuation.line_logits

    def counted(fork, lines):
        found.append((fork, len(lines)))
        return real(fork, lines)

    monkeypatch.setattr(continuation, "line_logits", counted)
    return found


# The sample


def test_the_sample_is_three_of_each_topic_from_all_over_it():
    found = sample()
    assert Counter(fact.topic for fact in found) == dict.fromkeys(topics(), 3)
    assert sample() == found
    for topic in topics():
        own = [fact for fact in known_facts() if fact.topic == topic]
        thirds = [3 * own.index(fact) // len(own) for fact in found if fact.topic == topic]
        assert thirds == [0, 1, 2]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
def test_a_small_topic_gives_what_it_has(count, monkeypatch):
    few = known_facts()[:count]
    monkeypatch.setattr(collateral_module, "known_facts", lambda: few)
    assert len(set(sample())) == min(3, count)


# Reading


@pytest.mark.parametrize("name", ["tiny-llama", "tiny-gpt2-layout", "tiny-gemma3"])
def test_batches_say_what_one_prompt_at_a_time_says(known, name):
    fork = build(Recipe(model=name)).fork
    pairs = [(fact.prompt, fact.target) for fact in known_facts()[::15]]
    for (prompt, target), found in zip(pairs, readings(fork, pairs), strict=True):
        assert found.per_token == pytest.approx(likely(fork, prompt, target), rel=1e-3)
        whole = tokens(fork.base, prompt + target)
        goal = whole[len(tokens(fork.base, prompt)) :]
        assert found.right == (greedy(fork, prompt, len(goal)) == goal)


def test_what_is_said_instead_ends_with_the_first_other_token(base, said):
    several = [fact for fact in said if len(tokens(base.base, fact.target)) > 1]
    assert several
    for fact in several:
        first = base.base.tokenizer.decode(tokens(base.base, fact.target)[:1])
        [right, wrong, half] = readings(
            base, [(fact.prompt, fact.target), (fact.prompt, " zebra zebra"), (fact.prompt, f"{first}~~")]
        )
        says = [base.base.tokenizer.decode(list(one.greedy)) for one in (right, wrong, half)]
        assert (right.right, says[0]) == (True, fact.target)
        assert not wrong.right
        assert fact.target.startswith(says[1])
        assert not half.right
        assert fact.target.startswith(says[2])
        assert len(says[2]) > len(first)


def test_nothing_to_ask_is_nothing_to_run(base, runs):
    assert readings(base, []) == []
    assert runs == []


def test_a_model_whose_numbers_are_none_says_nothing(base, facts):
    broken = base.clone()
    broken.replace(MATRIX, torch.full_like(base.tensor(MATRIX), float("nan")))
    found = collateral(broken, base)
    assert found.kept.right == 0
    assert {change.after for change in found.changes} == {0.0}


# All facts


def test_a_model_as_it_was_keeps_everything(base, facts):
    found = collateral(base.clone(), base)
    right = [fact for number, fact in enumerate(facts) if number % 4 != 3]
    assert found.asked == len(right)
    assert {change.fact for change in found.changes} == set(right)
    assert found.kept == Kept(len(right), len(right))
    for change in found.changes:
        assert change.before == change.after
        assert change.before == pytest.approx(likely(base, change.fact.prompt, change.fact.target), rel=1e-3)
        assert change.says == change.fact.target


def test_an_edit_shows_where_it_did_harm_the_worst_first(base, facts):
    fork = edited(base, 0.3)
    found = collateral(fork, base)
    lost = [change for change in found.changes if not change.right]
    assert 0 < len(lost) < found.asked
    assert list(found.changes[: len(lost)]) == lost
    for part in (lost, found.changes[len(lost) :]):
        ratios = [math.log(change.after / change.before) for change in part]
        assert ratios == sorted(ratios)
    for change in found.changes:
        fact = change.fact
        assert change.after == pytest.approx(likely(fork, fact.prompt, fact.target), rel=1e-3)
        goal = tokens(base.base, fact.target)
        assert change.right == (greedy(fork, fact.prompt, len(goal)) == goal)
    assert found.kept == Kept(found.asked - len(lost), found.asked)


def test_topics_add_up_in_the_files_order(base, facts):
    found = collateral(edited(base, 0.3), base)
    names = [topic.name for topic in found.topics]
    assert names == [name for name in topics() if name in names]
    assert set(names) == {change.fact.topic for change in found.changes}
    for topic in found.topics:
        own = [change for change in found.changes if change.fact.topic == topic.name]
        assert (topic.of, topic.right) == (len(own), sum(change.right for change in own))
        assert topic.before == pytest.approx(sum(one.before for one in own) / len(own))
        assert topic.after == pytest.approx(sum(one.after for one in own) / len(own))


def test_a_model_that_knows_none_of_the_facts_has_nothing_to_lose(base, facts, monkeypatch):
    none = tuple(replace(fact, target=" zebra") for fact in facts)
    monkeypatch.setattr(collateral_module, "known_facts", lambda: none)
    found = collateral(edited(base, 0.3), base)
    assert (found.asked, found.changes, found.topics, found.kept) == (0, (), (), Kept(0, 0))
    assert still_known(base, base, lambda prompt: "") == Kept(0, 0)
    assert still_known(base, base, lambda prompt: "Once. ") == Kept(0, 0)


def test_the_model_before_is_asked_once_and_forgotten_with_it(base, facts, runs):
    first, second = edited(base, 0.1), edited(base, 0.2)
    collateral(first, base)
    collateral(second, base)
    for fork in (base, first, second):
        assert sum(rows for owner, rows in runs if owner is fork) == len(facts)
    assert second in collateral_module._read
    before = len(collateral_module._read)
    runs.clear()
    del first, second, fork
    gc.collect()
    assert len(collateral_module._read) == before - 2


def test_it_says_how_far_it_is_and_stops(base, facts):
    told: list[tuple[int, int, str]] = []
    collateral(base, base, Work(lambda done, of, what: told.append((done, of, str(what)))))
    assert told[0] == (0, len(facts), f"Facts asked again: 0 of {len(facts)}…")
    assert [done for done, *_ in told] == list(range(0, len(facts), 16))
    with pytest.raises(Stopped):
        collateral(edited(base, 0.1), base, Work(stopped=lambda: True))


# The sample, asked again


def test_the_sample_is_asked_again_as_it_is(base, facts):
    fork, own = edited(base, 0.3), sample()
    known = [fact for fact in own if fact.target != " zebra"]
    kept = [fact for fact in known if greedy(fork, fact.prompt, len(goal := tokens(base.base, fact.target))) == goal]
    assert 0 < len(kept) < len(known) < len(own)
    assert still_known(fork, base, lambda prompt: "") == Kept(len(kept), len(known))


def test_the_sample_is_asked_again_behind_a_text(base, facts):
    def before(prompt: str) -> str:
        return "The cat sat on the mat.\n" if len(prompt) % 2 else ""

    known = [fact for fact in sample() if fact.target != " zebra"]
    kept = [
        fact
        for fact in known
        if greedy(base, before(fact.prompt) + fact.prompt, len(goal := tokens(base.base, fact.target))) == goal
    ]
    assert 0 < len(kept) < len(known)
    assert still_known(base, base, before) == Kept(len(kept), len(known))


def test_the_model_before_itself_is_not_asked_twice(base, facts, runs):
    known = sum(fact.target != " zebra" for fact in sample())
    for _ in range(2):
        assert still_known(base, base, lambda prompt: "") == Kept(known, known)
        assert sum(rows for _, rows in runs) == len(sample())


@pytest.mark.weights
def test_the_base_model_knows_the_sample(smollm2):
    fork = Fork(smollm2)
    assert still_known(fork, fork, lambda prompt: "") == Kept(len(sample()), len(sample()))
