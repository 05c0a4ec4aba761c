"""Scores of counterfactuals, against one run of the model for each token."""

from __future__ import annotations

import math

import pytest

from playground.engine.decoding.continuation import answer_lines, likelihoods
from playground.engine.decoding.generate import next_probabilities
from playground.engine.facts.score import Case, Figure, case_of, score
from playground.engine.fork import Fork
from playground.engine.work import Stopped, Work

EASYEDIT = {
    "case_id": 7,
    "prompt": "The capital of France is",
    "target_new": "Rome",
    "subject": "France",
    "ground_truth": "Paris",
    "rephrase_prompt": "France has the capital",
    "locality_prompt": "The capital of Italy is",
    "locality_ground_truth": "the roof",
}
COUNTERFACT = {
    "requested_rewrite": {
        "prompt": "The capital of {} is",
        "subject": "France",
        "target_new": {"str": "Rome"},
        "target_true": {"str": "Paris"},
    },
    "paraphrase_prompts": ["France has the capital", "In France, the capital is"],
    "neighborhood_prompts": ["The capital of Italy is", "The cat sat in", "The rain fell on"],
}


def nats(fork, prompt, answer):
    """Mean over the answer's tokens, one run each."""
    tokenizer = fork.base.tokenizer
    start = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    ids = tokenizer(f"{prompt} {answer}", add_special_tokens=False)["input_ids"]
    logs = [math.log(next_probabilities(fork, ids[:n])[ids[n]]) for n in range(len(start), len(ids))]
    return -sum(logs) / len(logs)


def test_a_case_is_read_in_both_of_its_forms():
    found = case_of(EASYEDIT)
    assert found == Case(
        subject="France",
        prompt="The capital of France is",
        new="Rome",
        old="Paris",
        paraphrases=("France has the capital",),
        neighbours=(("The capital of Italy is", "the roof"),),
    )
    assert found.fact().target == " Rome"
    other = case_of(COUNTERFACT)
    assert other.prompt == found.prompt
    assert other.neighbours[2] == ("The rain fell on", "Paris")
    assert len(other.paraphrases) == 2
    with pytest.raises(KeyError):
        case_of({"prompt": "x"})


def test_losses_are_those_of_each_token_in_turn(layout):
    fork = Fork(layout)
    pairs = [("The cat", "Rome"), ("The capital of France is", "the roof of the house"), ("A", "a")]
    found = likelihoods(fork, answer_lines(layout, pairs))
    assert [one.loss for one in found] == pytest.approx([nats(fork, *pair) for pair in pairs], rel=1e-3)


def test_a_score_is_what_the_losses_say(llama):
    fork, cases = Fork(llama), [case_of(EASYEDIT), case_of(COUNTERFACT)]
    found = score(fork, cases)
    for figure, asked in [
        (found.efficacy, [("The capital of France is", "Rome", "Paris")] * 2),
        (
            found.paraphrase,
            [
                ("France has the capital", "Rome", "Paris"),
                ("France has the capital", "Rome", "Paris"),
                ("In France, the capital is", "Rome", "Paris"),
            ],
        ),
        (
            found.neighbourhood,
            [
                ("The capital of Italy is", "the roof", "Rome"),
                *((prompt, "Paris", "Rome") for prompt, _ in case_of(COUNTERFACT).neighbours),
            ],
        ),
    ]:
        wanted = [(nats(fork, prompt, new), nats(fork, prompt, old)) for prompt, new, old in asked]
        share = sum(new < old for new, old in wanted) / len(wanted)
        probability = sum(math.exp(-new) for new, _ in wanted) / len(wanted)
        assert figure.prompts == len(wanted)
        assert figure.share == pytest.approx(share)
        assert figure.probability == pytest.approx(probability, rel=1e-3)


def test_no_prompts_and_equal_answers(llama):
    bare = Case(subject="France", prompt="The capital of France is", new="Rome", old="Rome")
    found = score(Fork(llama), [bare])
    assert found.paraphrase == found.neighbourhood == Figure(0.0, 0.0, 0)
    assert found.efficacy.share == 0  # not likelier than itself
    assert score(Fork(llama), []).efficacy == Figure(0.0, 0.0, 0)


def test_asking_is_told_and_can_be_stopped(llama):
    told = []
    cases = [case_of(COUNTERFACT)] * 3
    score(Fork(llama), cases, Work(lambda done, of, what: told.append((done, of))))
    assert told == [(0, 36), (16, 36), (32, 36)]
    with pytest.raises(Stopped):
        score(Fork(llama), cases, Work(stopped=lambda: True))
