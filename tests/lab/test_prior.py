"""What a model says of a fact before it is taught: against the model's own logits."""

from __future__ import annotations

import pytest
import torch

from playground.engine.build import build
from playground.engine.facts.facts import Fact
from playground.engine.fork import Fork
from playground.engine.measuring.token_map import token_text
from playground.engine.models.token_ids import token_ids
from playground.engine.recipe import Recipe
from playground.errors import PlaygroundError, RecipeError
from playground.lab.prior import NEW_TOKENS, cut, old_answer, prior_of, same_answer, short_answers
from playground.lab.ways.way import BEGINNINGS

FRANCE = Fact(subject="France", prompt="The capital of France is", target="Rome")


@pytest.fixture
def fork(known):
    return build(Recipe(model="tiny-llama")).fork


@pytest.fixture
def next_of(fork, logits):
    """(vocab,) probabilities of the token after a text."""

    def run(text):
        return logits(fork, token_ids(fork.base.tokenizer, text))[-1].float().softmax(-1)

    return run


def product(fork, logits, prompt, answer):
    """The probability of a whole answer, token by token."""
    ids = token_ids(fork.base.tokenizer, prompt + answer)
    start = len(token_ids(fork.base.tokenizer, prompt))
    likely = logits(fork, ids).float().softmax(-1)
    found = 1.0
    for place in range(start, len(ids)):
        found *= float(likely[place - 1, ids[place]])
    return found


def greedy(fork, logits, prompt, count):
    """Greedy tokens by running the whole text again for each."""
    ids = token_ids(fork.base.tokenizer, prompt)
    start = len(ids)
    for _ in range(count):
        ids.append(int(logits(fork, ids)[-1].argmax()))
    return ids[start:]


def test_probabilities_are_the_models_own(fork, logits, next_of):
    found = prior_of(fork, FRANCE, "Paris")
    assert found.target == pytest.approx(product(fork, logits, FRANCE.prompt, " Rome"), rel=1e-3)
    assert found.old == pytest.approx(product(fork, logits, FRANCE.prompt, " Paris"), rel=1e-3)
    assert found.old_answer == "Paris"
    top = next_of(FRANCE.prompt).topk(8)
    names = [token_text(fork.base.tokenizer, token) for token in top.indices.tolist()]
    assert [word.text for word in found.top] == names
    likely = [word.probability for word in found.top]
    assert likely == pytest.approx(top.values.tolist(), rel=1e-3)


def test_what_it_writes_is_the_greedy_continuation(fork, logits):
    ids = greedy(fork, logits, FRANCE.prompt, NEW_TOKENS)
    found = prior_of(fork, FRANCE, "Paris")
    assert found.text == fork.base.tokenizer.decode(ids, skip_special_tokens=True).strip()
    assert not found.says_already


def test_a_target_that_it_writes_anyway_is_said_already(fork, logits):
    tokenizer, said = fork.base.tokenizer, []
    for start in ("The capital of France is", "France", "France is on the", "A cat from France"):
        (token,) = greedy(fork, logits, start, 1)
        word, ids = tokenizer.decode([token]), token_ids(tokenizer, start)
        if word and token_ids(tokenizer, start + word) == [*ids, token]:
            said.append(prior_of(fork, Fact.model_construct(subject="France", prompt=start, target=word)))
    assert said
    for found in said:
        assert found.says_already
        assert found.target == pytest.approx(found.top[0].probability, rel=1e-3)


def test_agreement_counts_the_beginnings_after_which_the_first_token_is_the_same(fork, next_of):
    first = [next_of(before + FRANCE.prompt) for before in BEGINNINGS]
    same = [likely.argmax() == first[0].argmax() for likely in first]
    found = prior_of(fork, FRANCE, "Paris")
    assert (found.agreement, found.of) == (sum(map(bool, same)), len(BEGINNINGS))


@pytest.mark.parametrize(
    ("token", "likely", "after", "expected"),
    [
        (" Rome", 0.9, 5, True),
        (" Rome", 0.21, 4, True),
        (" Rome", 0.21, 3, False),
        (" Rome", 0.19, 5, False),
        (" the", 0.9, 5, False),
        (" ", 0.9, 5, False),
    ],
)
def test_known_is_a_word_that_is_likely_after_four_of_five_beginnings(
    fork, monkeypatch, token, likely, after, expected
):
    mine, other = 40, 41
    rows = torch.full((len(BEGINNINGS), 1, 300), (1 - likely) / 299)
    for row in range(len(BEGINNINGS)):
        rows[row, 0, mine if row < after else other] = likely
    monkeypatch.setattr("playground.lab.prior.line_logits", lambda fork, lines: rows.log())
    monkeypatch.setattr("playground.lab.prior.token_text", lambda tokenizer, given: token)
    from playground.lab.prior import _beginnings

    _, agreement, found = _beginnings(fork, FRANCE.prompt)
    assert (agreement, found) == (after, expected)


def test_without_an_old_answer_it_is_the_models_own_or_none(fork):
    found = prior_of(fork, FRANCE)
    assert found.old_answer == old_answer(fork, FRANCE)
    assert (found.old is None) == (found.old_answer == "")


def test_the_tokens_are_those_in_the_prompt(fork):
    found = prior_of(fork, FRANCE, "Paris")
    assert "".join(found.subject_tokens).strip() == "France"
    assert "".join(found.target_tokens) == " Rome"
    assert found.notes == ()


@pytest.mark.parametrize(
    ("fact", "noted"),
    [
        (Fact(subject="rance", prompt="The capital of France is", target="Rome"), "reach beyond"),
        (Fact(subject="France", prompt="France! France is in", target="Asia"), "stands 2 times"),
        (Fact(subject="France", prompt="Where is France?", target="Asia"), "The prompt ends in '?'"),
        (Fact(subject="France", prompt="France lies in", target="Kyrgyz"), "The target has"),
    ],
)
def test_odd_wording_is_noted(fork, fact, noted):
    assert any(noted in str(note) for note in prior_of(fork, fact, "Paris").notes)


def test_a_target_that_is_read_together_with_the_prompt_is_noted(fork, monkeypatch):
    fact = Fact(subject="France", prompt="France says (", target="the")
    assert not any("read together" in str(note) for note in prior_of(fork, fact, "a").notes)
    real, whole = token_ids, fact.prompt + fact.target

    def glued(tokenizer, text):
        return [*real(tokenizer, whole)[:-2], 9] if text == fact.prompt else real(tokenizer, text)

    monkeypatch.setattr("playground.lab.prior.token_ids", glued)
    assert any("read together" in str(note) for note in prior_of(fork, fact, "a").notes)


@pytest.mark.parametrize(
    ("fact", "old", "message"),
    [
        (Fact(subject="Spain", prompt="France is", target="x"), "", "is not in the prompt"),
        (Fact(subject="France", prompt="France is", target=" "), "", "no target"),
        (Fact(subject="France", prompt="France is", target="€" * 90), "", "the target has"),
        (FRANCE, "€" * 90, "The old answer has 270|The old answer has 271"),
    ],
)
def test_a_fact_that_cannot_be_used_is_refused(fork, fact, old, message):
    with pytest.raises(PlaygroundError, match=message) as refused:
        prior_of(fork, fact, old)
    assert isinstance(refused.value, RecipeError) == (not old)


# An answer from a text


@pytest.mark.parametrize(
    ("text", "first", "answer"),
    [
        (" Paris, France.", 14, "Paris"),
        (" Paris\nThe capital", 12, "Paris"),
        (" New York City in the state", 14, "New York City"),
        (" Paris and is the", 10, "Paris"),
        (" the city of a", 14, "the city"),
        (" located in the heart", 15, "located"),
        (" Copenhagen is", 5, "Copenhagen"),
        (" Copenhag", 5, ""),
        (" Leonardo da Vinci in", 12, "Leonardo da"),
        (" 06:40 and", 5, "06:40"),
        (" 1,318 pups, and", 6, "1,318"),
        (" J. K. Rowling, the", 6, "J. K. Rowling"),
        (" Queen Elizabeth II. She", 19, "Queen Elizabeth II"),
        (" the", 4, ""),
        (" a", 2, ""),
        ("\nParis", 6, ""),
        (' "Paris"', 8, ""),
        (". It is", 4, ""),
        ("", 0, ""),
        (" 파리입니다. 그", 5, "파리입니다"),
    ],
)
def test_an_answer_is_the_whole_words_before_it_goes_on(text, first, answer):
    assert cut(text, first, ended=False) == answer


def test_the_last_word_counts_where_the_model_ends():
    assert cut(" New York", 9, ended=True) == "New York"
    assert cut(" New York", 9, ended=False) == "New"


def test_answers_to_no_prompts_are_none(fork):
    assert short_answers(fork, []) == []


def test_an_answer_that_is_the_target_is_no_old_answer(fork, monkeypatch):
    monkeypatch.setattr("playground.lab.prior.short_answers", lambda fork, prompts: ["Rome"])
    assert old_answer(fork, FRANCE) == ""
    monkeypatch.setattr("playground.lab.prior.short_answers", lambda fork, prompts: ["Paris"])
    assert old_answer(fork, FRANCE) == "Paris"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (" Rome", "rome.", True),
        ("Rome Italy", " Rome", True),
        ("Romeo", "Rome", False),
        ("Paris", "Rome", False),
        ("", "Rome", False),
    ],
)
def test_answers_are_the_same_if_one_begins_with_the_other(one, other, same):
    assert same_answer(one, other) == same
    assert same_answer(other, one) == same


@pytest.mark.weights
def test_the_small_base_knows_where_the_eiffel_tower_is(smollm2):
    fact = Fact(subject="Eiffel Tower", prompt="The Eiffel Tower is located in the city of", target="Rome")
    found = prior_of(Fork(smollm2), fact)
    assert found.old_answer == "Paris"
    assert found.known
    assert found.top[0].text == " Paris"
    assert found.subject_tokens == (" E", "iffel", " Tower")
