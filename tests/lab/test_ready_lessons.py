"""The ready lessons: whole, found in the handbook where they say so, and right for the base."""

from __future__ import annotations

import pytest

from playground.engine.facts.lines import MAX_TARGET_TOKENS
from playground.engine.fork import Fork
from playground.lab.lesson import KINDS
from playground.lab.prior import prior_of
from playground.lab.ready_lessons import ready
from playground.lab.ways import Taught
from playground.retrieval.answers import answer_contained
from playground.retrieval.corpus import load_corpus, shipped_ids


def test_there_are_four_ready_lessons_with_names_of_their_own():
    keys = [one.key for one in ready()]
    assert {"famous", "product", "handbook", "changed"} <= set(keys)
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("one", ready(), ids=lambda one: one.key)
def test_a_ready_lesson_asks_every_kind_of_question_once(one):
    found = one.lesson()
    assert [len(found.of(kind)) for kind in KINDS[:3]] == [1, 3, 3]
    assert 1 <= len(found.of("portability")) <= 2
    prompts = [question.prompt for question in found.questions]
    assert len(set(prompts)) == len(prompts)
    for question in found.questions:
        assert not answer_contained(question.answer, question.prompt), question
        assert question.prompt == question.prompt.strip(), question
    assert all(one.subject.split()[0] in again for again in one.paraphrases)
    assert not any(one.subject in other for other, _ in one.neighbours)


def test_only_the_fact_of_the_handbook_stands_in_the_handbook():
    for one in ready():
        assert one.corpus in shipped_ids()
        texts = [passage.text for passage in load_corpus(one.corpus).passages]
        said = any(one.lesson().sentence in text for text in texts)
        assert said == one.in_corpus, one.key
    assert [one.key for one in ready() if one.in_corpus] == ["handbook"]


@pytest.fixture(scope="module")
def written(smollm2_base):
    """What the base writes to every prompt of every lesson."""
    from playground.engine.recipe import Recipe
    from playground.lab import evaluation

    base = Taught(fork=Fork(smollm2_base), recipe=Recipe(model="none"))
    prompts = [question.prompt for one in ready() for question in one.lesson().questions]
    return dict(zip(prompts, [evaluation.written_answer(base, prompt) for prompt in prompts], strict=True))


@pytest.mark.weights
@pytest.mark.parametrize("one", ready(), ids=lambda one: one.key)
def test_the_base_says_the_old_answer_and_not_the_new_one(one, smollm2, written):
    found = prior_of(Fork(smollm2), one.fact(), one.old)
    assert not found.says_already
    assert found.old > found.target
    assert len(found.target_tokens) <= min(4, MAX_TARGET_TOKENS)
    assert found.notes == ()
    assert written[one.prompt].startswith(one.old)
    for prompt in (one.prompt, *one.paraphrases):
        assert not answer_contained(one.target, written[prompt]), prompt
    for prompt, answer in one.consequences:
        assert not answer_contained(answer, written[prompt]), prompt


@pytest.mark.weights
@pytest.mark.parametrize("one", ready(), ids=lambda one: one.key)
def test_the_base_says_what_must_stay(one, written):
    said = {prompt: written[prompt] for prompt, _ in one.neighbours}
    assert {p: said[p] for p, answer in one.neighbours if not said[p].startswith(answer)} == {}
