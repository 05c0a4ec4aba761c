"""The facts of the collateral map: what the file promises, and that the base model keeps it."""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from dataclasses import asdict, dataclass, replace

import pytest
import torch
from torch.nn.utils.rnn import pad_sequence

from playground.engine.models.token_ids import token_ids
from playground.lab import known_facts as known_module
from playground.lab.known_facts import KnownFact, known_facts, parse_known_facts, topics

MOST_TOKENS, MARGIN = 4, 1.3
ROWS = 16  # decoded together
GOOD = KnownFact(id="time-noon", topic="time", subject="noon", prompt="At noon the clock strikes", target=" twelve")


def line(fact, **changed):
    return json.dumps(asdict(fact) | changed)


# The file


def test_there_are_enough_facts_of_every_topic():
    counts = Counter(fact.topic for fact in known_facts())
    assert len(known_facts()) >= 240
    assert len(counts) >= 12
    assert min(counts.values()) >= 12
    assert topics() == tuple(counts)


def test_the_facts_of_a_topic_stand_together():
    order = [topics().index(fact.topic) for fact in known_facts()]
    assert order == sorted(order)


def test_no_fact_stands_in_the_file_twice():
    facts = known_facts()
    for values in (
        [fact.id for fact in facts],
        [fact.prompt for fact in facts],
        [(fact.topic, fact.subject.lower()) for fact in facts],
    ):
        assert [value for value, count in Counter(values).items() if count > 1] == []


def test_a_fact_is_a_beginning_that_names_its_subject_and_an_end():
    for fact in known_facts():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", fact.id), fact
        assert fact.id.startswith(f"{fact.topic.replace(' ', '-')}-"), fact
        assert fact.prompt.count(fact.subject) >= 1, fact
        assert fact.prompt == fact.prompt.strip(), fact
        assert re.fullmatch(r" \S+( \S+)*", fact.target), fact


def test_a_prompt_does_not_give_its_target_away():
    for fact in known_facts():
        words = re.escape(fact.target.strip())
        assert re.search(rf"(?<!\w){words}(?!\w)", fact.prompt, re.IGNORECASE) is None, fact


def test_one_answer_does_not_fit_most_of_a_topic():
    for topic in topics():
        targets = [fact.target for fact in known_facts() if fact.topic == topic]
        assert Counter(targets).most_common(1)[0][1] <= len(targets) / 3, topic


# Reading


def test_a_file_is_read_as_it_was_written():
    other = replace(GOOD, id="time-midnight", subject="midnight", prompt="At midnight it strikes")
    assert list(parse_known_facts(f"{line(GOOD)}\n{line(other)}\n")) == [GOOD, other]
    assert list(parse_known_facts("")) == []


@pytest.mark.parametrize(
    ("second", "complaint"),
    [
        ("", "Line 2"),
        ("{", "Line 2"),
        ("[]", "an object with id, topic, subject, prompt, target"),
        ('{"id": "a"}', "an object with"),
        (line(GOOD, more="x"), "an object with"),
        (line(GOOD, id="b", topic=7), "must be text"),
        (line(GOOD, id="b", topic=" "), "must be text"),
        (line(GOOD, id="b", subject="midnight"), "'midnight' must stand once"),
        (line(GOOD, id="b", subject="no"), "'no' must stand once"),
        (line(GOOD, id="b", prompt="At noon, high noon, it strikes"), "must stand once"),
        (line(GOOD, id="b", prompt="At noon it strikes "), "must not begin or end with a space"),
        (line(GOOD, id="b", prompt="Now noon strikes", target="twelve"), "begin with one space"),
        (line(GOOD, id="b", prompt="Now noon strikes", target="  twelve"), "begin with one space"),
        (line(GOOD, id="b", prompt="Now noon strikes", target=" twelve "), "begin with one space"),
        (line(GOOD), "'time-noon' stands in line 1 already"),
        (line(GOOD, id="b", topic="t"), "strikes' stands in line 1 already"),
        (line(GOOD, id="b", prompt="Now noon strikes"), "'noon' stands in line 1 already"),
    ],
)
def test_a_line_that_is_no_fact_is_refused_by_its_number(second, complaint):
    with pytest.raises(ValueError, match=r"Line 2 of facts\.jsonl: ") as refused:
        list(parse_known_facts(f"{line(GOOD)}\n{second}\n"))
    assert complaint in str(refused.value)


def test_the_file_is_read_once(monkeypatch, tmp_path):
    first = known_facts()
    monkeypatch.setattr(known_module, "FILE", tmp_path / "missing.jsonl")
    assert known_facts() is first


# The base model


@dataclass(frozen=True)
class Continued:
    """A fact's target as tokens, and what the model makes of each of them."""

    target: list[int]
    chosen: list[int]
    margin: float  # how much likelier the first is than the one after it


@torch.inference_mode()
def continue_all(base, model):
    """Every fact with its target written behind it, in padded batches: what comes before each token
    of a target is what the model would have written itself, as long as it knows the ones before."""
    found, facts = {}, sorted(known_facts(), key=lambda fact: len(fact.prompt))
    for start in range(0, len(facts), ROWS):
        batch = facts[start : start + ROWS]
        both = [[token_ids(base.tokenizer, text) for text in (fact.prompt, fact.target)] for fact in batch]
        rows = [torch.tensor(prompt + target) for prompt, target in both]
        ids = pad_sequence(rows, batch_first=True)  # (rows, length), padded on the right
        mask = pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        for fact, (prompt, target), row in zip(batch, both, logits, strict=True):
            at = row[len(prompt) - 1 :][: len(target)].float()
            best = at[0].softmax(-1).topk(2).values
            found[fact] = Continued(target, at.argmax(-1).tolist(), float(best[0] / best[1]))
    return found


@pytest.fixture(scope="module")
def continued(smollm2_base):
    """What the base makes of every fact in the precision in which it is held."""
    return continue_all(smollm2_base, smollm2_base.model)


@pytest.mark.weights
def test_a_target_is_a_few_tokens_that_join_the_prompt_as_they_are(smollm2):
    for fact in known_facts():
        prompt, target = (token_ids(smollm2.tokenizer, t) for t in (fact.prompt, fact.target))
        assert 1 <= len(target) <= MOST_TOKENS, fact
        assert token_ids(smollm2.tokenizer, fact.prompt + fact.target) == prompt + target, fact


@pytest.mark.weights
def test_the_base_model_knows_every_fact_and_none_is_a_toss_up(continued):
    assert [fact.id for fact, found in continued.items() if found.chosen != found.target] == []
    assert [fact.id for fact, found in continued.items() if found.margin < MARGIN] == []


@pytest.mark.weights
def test_every_fact_stays_known_in_float32(smollm2, continued):
    if smollm2.dtype != torch.float32:  # else it is held so
        continued = continue_all(smollm2, copy.deepcopy(smollm2.model).float())
    assert [fact.id for fact, found in continued.items() if found.chosen != found.target] == []
