"""A fact and the questions about it."""

from __future__ import annotations

import pytest

from playground.engine.facts.score import Case
from playground.errors import PlaygroundError
from playground.lab.lesson import MAX_QUESTIONS, LessonQuestion, from_case, lesson, lesson_from_json

FACT = {"subject": "Ada", "prompt": "Ada lives in", "target": "Rome", "old": "Paris"}


def test_questions_come_in_their_order_with_what_they_compare():
    found = lesson_from_json(
        FACT,
        {
            "paraphrases": ["The home of Ada is"],
            "neighbours": [["Bob lives in", "Oslo"]],
            "consequences": [["Ada lives in the country of", "Italy"]],
        },
    )
    assert found.questions == (
        LessonQuestion("efficacy", "Ada lives in", " Rome", " Paris"),
        LessonQuestion("paraphrase", "The home of Ada is", " Rome", " Paris"),
        LessonQuestion("locality", "Bob lives in", " Oslo", " Rome"),
        LessonQuestion("portability", "Ada lives in the country of", " Italy", ""),
    )
    assert [one.prompt for one in found.of("locality")] == ["Bob lives in"]
    assert found.sentence == "Ada lives in Rome."


def test_a_case_of_counterfact_becomes_a_lesson():
    case = Case(
        subject="Ada",
        prompt="Ada lives in",
        new="Rome.",
        old="Paris",
        paraphrases=("Ada's home:",),
        neighbours=(("Bob is in", "Paris"),),
    )
    found = from_case(case)
    assert [one.kind for one in found.questions] == ["efficacy", "paraphrase", "locality"]
    assert found.questions[2].answer == " Paris"
    assert found.sentence == "Ada lives in Rome."


def test_a_fact_alone_is_enough():
    assert len(lesson_from_json(FACT).questions) == 1
    assert len(lesson_from_json(FACT, {}).questions) == 1


@pytest.mark.parametrize(
    ("fact", "questions", "message"),
    [
        (None, {}, "Give the fact as an object"),
        ({"subject": "Ada"}, {}, "Give the fact as an object"),
        (FACT | {"subject": "Eve"}, {}, "is not in the prompt"),
        (FACT | {"target": " "}, {}, "no target"),
        (FACT | {"prompt": "Ada" * 900}, {}, "at most 1000 characters"),
        (FACT | {"old": 5}, {}, "at most 200 characters"),
        (FACT, {"paraphrases": "x"}, "lists of at most 12"),
        (FACT, {"paraphrases": ["x"] * (MAX_QUESTIONS + 1)}, "lists of at most 12"),
        (FACT, {"paraphrases": [5]}, "is a text of at most"),
        (FACT, {"neighbours": ["Bob"]}, "two texts each"),
        (FACT, {"neighbours": [["Bob", "Oslo", "x"]]}, "two texts each"),
        (FACT, {"consequences": [["Bob", None]]}, "is a text of at most"),
    ],
)
def test_what_is_no_lesson_is_refused(fact, questions, message):
    with pytest.raises(PlaygroundError, match=message):
        lesson_from_json(fact, questions)


def test_a_lesson_from_parts_gives_answers_their_space():
    from playground.engine.facts.facts import Fact

    found = lesson(Fact(subject="Ada", prompt="Ada lives in ", target="Rome"), "Paris")
    assert found.old == " Paris"
    assert found.fact.prompt == "Ada lives in"


@pytest.mark.parametrize(
    ("fact", "questions", "words"),
    [
        ({"old": "lamp"}, None, "both 'lamp'"),
        ({}, {"neighbours": [["The dog sat on the", " "]]}, "is empty"),
        ({}, {"paraphrases": [""]}, "is empty"),
        ({}, {"paraphrase": ["The cat"]}, "these keys"),
        ({}, ["The cat"], "these keys"),
        ({"target": "\ud800"}, None, "a text"),
    ],
)
def test_what_would_give_wrong_figures_is_refused(fact, questions, words):
    about = {"subject": "The cat", "prompt": "The cat sat on the", "target": "lamp", "old": "mat"}
    with pytest.raises(PlaygroundError, match=words):
        lesson_from_json(about | fact, questions)


def test_a_neighbour_with_the_new_answer_is_judged_by_what_is_written():
    about = {"subject": "The cat", "prompt": "The cat sat on the", "target": "lamp", "old": "mat"}
    [one] = lesson_from_json(about, {"neighbours": [["The dog sat on the", "lamp"]]}).of("locality")
    assert (one.answer, one.other) == (" lamp", "")
