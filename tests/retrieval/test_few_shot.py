"""Examples before a question: which may stand there, and how they are written."""

from __future__ import annotations

import pytest

from playground.errors import CorpusError
from playground.retrieval.few_shot import shot_prompt, shots
from playground.retrieval.passages import Question


def question(name: str, answer: str) -> Question:
    return Question(id=name, question=name, answer=answer, evidence=(), kind="keyword")


ALL = [question("Who?", "Ada"), question("By whom?", "Ada"), question("When?", "1902"), question("Where?", "there")]
ALL += [question("Why?", ""), question("How {x}?", "so")]


def test_examples_are_spread_over_the_list_and_have_an_answer():
    assert [shot.id for shot in shots(ALL, "What?", 2)] == ["Who?", "When?"]
    assert [shot.id for shot in shots(ALL, "What?", 10)] == ["Who?", "By whom?", "When?", "Where?", "How {x}?"]


def test_no_example_gives_the_answer_away():
    assert [shot.answer for shot in shots(ALL, "  who? ", 10)] == ["1902", "there", "so"]


def test_with_none_left_it_is_refused():
    with pytest.raises(CorpusError, match="no other questions"):
        shots(ALL[:2], "Who?", 3)
    with pytest.raises(CorpusError, match="no other questions"):
        shots([], "Who?", 3)


def test_the_question_stands_last_and_its_answer_is_open():
    text = shot_prompt([ALL[2], ALL[5]], "And {answer}?", "en")
    assert text == "Question: When?\nAnswer: 1902\n\nQuestion: How {x}?\nAnswer: so\n\nQuestion: And {answer}?\nAnswer:"
    assert shot_prompt([ALL[2]], "누구?", "ko") == "질문: When?\n답: 1902\n\n질문: 누구?\n답:"
    assert shot_prompt([], "Who?", "fr") == "Question: Who?\nAnswer:"
