"""What a model writes beside what it finds likelier: counted apart, and kept apart in figures."""

from __future__ import annotations

import re

import pytest
import torch

from playground.engine.build import build
from playground.engine.recipe import Recipe
from playground.lab import evaluation
from playground.lab.evaluation import Response, figures, responses_to, says_answer, whole_words
from playground.lab.lesson import LessonQuestion, lesson_from_json
from playground.lab.ways import Taught

MODEL = "tiny-llama"


def question(answer: str, other: str = "") -> LessonQuestion:
    return LessonQuestion("efficacy", "It lies in", answer, other)


def test_an_answer_is_written_as_whole_words_besides_case_and_marks():
    yes = ["Rome.", " the city of ROME, Italy", "“Rome”", "rome\nand more", "Paris? no, R. Rome"]
    no = ["Romeo", "Romania", "", "Chrome", "Ro me"]
    assert [says_answer(question(" Rome"), text) for text in yes] == [True] * len(yes)
    assert [says_answer(question(" Rome"), text) for text in no] == [False] * len(no)
    assert says_answer(question(" New York"), " the New York area")
    assert not says_answer(question(" 7:30"), "17:30")
    assert says_answer(question(" !"), "! And so on")


def test_the_other_answer_before_it_takes_it_back():
    assert says_answer(question(" Rome", " Paris"), "Rome, not Paris")
    assert not says_answer(question(" Rome", " Paris"), "Paris, not Rome")
    assert not says_answer(question(" York", " New York"), "New York")
    assert says_answer(question(" New York City", " New York"), "New York City")


@pytest.mark.parametrize(
    ("text", "after", "whole"),
    [
        ("English.\n\nDe", "eber", "English.\n\n"),  # no space before the word that goes on
        ("English (Ameri", "can)", "English ("),
        ("the city of Rom", "ania", "the city of "),
        ("Rom", "e", ""),
        ("Rome", ". It", "Rome"),
        ("Rome is", " old", "Rome is"),
        ("", "x", ""),
    ],
)
def test_only_the_word_that_goes_on_is_left_out(text, after, whole):
    assert whole_words(text, text + after) == whole


def greedy(prompt: str, count: int) -> list[int]:
    """One token after another, each from a run of the whole text."""
    fork = build(Recipe(model=MODEL)).fork
    ids = fork.base.tokenizer(prompt, add_special_tokens=False)["input_ids"]
    start = len(ids)
    with torch.no_grad():
        for _ in range(count):
            ids.append(int(fork.model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    return ids[start:]


def asked_of(answer: str, prompt: str = "The cat sat on the") -> Response:
    fact = {"subject": "The cat", "prompt": prompt, "target": answer, "old": "zz"}
    taught = Taught(fork=build(Recipe(model=MODEL)).fork, recipe=Recipe(model=MODEL))
    return responses_to(taught, lesson_from_json(fact), least=1)[0]


def test_likelier_and_written_are_counted_each_by_itself(known, monkeypatch):
    one = asked_of("lamp")
    assert one.written is False
    assert "lamp" not in one.text
    monkeypatch.setattr(evaluation, "answer_place", lambda answer, text: 0 if answer == " lamp" else None)
    two = asked_of("lamp")
    assert two.written is True
    assert (two.right, two.probability) == (one.right, one.probability)


def test_it_must_be_written_within_as_many_tokens_as_it_has_and_five_more(known, monkeypatch):
    seen: list[str] = []
    monkeypatch.setattr(evaluation, "says_answer", lambda question, text: bool(seen.append(text)))
    one = asked_of("lamp")
    base = build(Recipe(model=MODEL)).fork.base
    count = len(base.tokenizer(" lamp", add_special_tokens=False)["input_ids"])
    whole = greedy("The cat sat on the", count + 6)
    texts = [base.tokenizer.decode(whole[: count + n], skip_special_tokens=True).strip() for n in (5, 6)]
    assert one.text == texts[1]
    going_on = texts[1][len(texts[0]) :][:1].isalnum() and texts[0][-1:].isalnum()
    assert seen == [re.sub(r"[^\W_]+$", "", texts[0]) if going_on else texts[0]]


def test_figures_have_both_shares_with_wilsons_intervals():
    def one(right: bool, written: bool | None) -> Response:
        return Response(
            question=question(" x", " y"), probability=0.5, other=0.25, right=right, text="", written=written
        )

    both = figures([one(True, True), one(True, False), one(True, False)])["efficacy"]
    assert (both.share, both.written, both.said) == (1.0, pytest.approx(1 / 3), both.written)
    assert both.interval == pytest.approx((0.4385, 1.0), abs=1e-4)
    assert both.written_interval == pytest.approx((0.0615, 0.7923), abs=1e-4)
    before = figures([one(True, None), one(False, True)])["efficacy"]  # kept by a browser
    assert (before.share, before.written, before.said) == (0.5, None, 0.5)
    assert before.said_interval == before.interval
