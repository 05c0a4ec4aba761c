"""The same question in other words: those to train on are none of those that are asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.ask.phrasings import WAYS_TO_ASK, phrasings, training_phrasings
from playground.ask.question import MAX_QUESTION, Asked
from playground.ask.statement import NoStatementError
from playground.ask.ways import examples_of

QUESTION = st.text(min_size=1, max_size=MAX_QUESTION).filter(str.strip)


@given(QUESTION | st.sampled_from(["{q}", "입장료는 얼마인가요?", "Quick question: {q}", "a Answer briefly."]))
def test_what_is_trained_and_what_is_asked_share_the_question_alone(question):
    asked, trained = phrasings(question), training_phrasings(question)
    assert asked[0] == trained[0] == question
    assert set(asked) & set(trained) == {question}
    assert len(set(asked)) == len(asked) == WAYS_TO_ASK
    assert all(question in text for text in (*asked, *trained))


@pytest.mark.parametrize("question", ["When does Mondfenster open?", "달빛 정원은 언제 여나요?", "Why?"])
def test_examples_to_train_on_hold_no_wording_that_is_asked(question):
    about = Asked(question=question, answer="at 7:30 | 7:30")
    examples = examples_of(about)
    assert {example.prompt for example in examples} & set(phrasings(question)) == {question}
    try:
        sentence = about.statement().sentence
    except NoStatementError:
        sentence = ""
    assert {example.completion for example in examples} == {"at 7:30", sentence} - {""}
