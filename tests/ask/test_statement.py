"""From a question to the sentence that says its answer: by a table, and for any text at all."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from playground.ask.question import MAX_ANSWER, MAX_QUESTION
from playground.ask.statement import NoStatementError, Statement, statement_of, subject_of

SENTENCES = """
What is the capital of France? | Rome | The capital of France is Rome. | France
what is the capital of france? | Rome | The capital of france is Rome. | france
When does Mondfenster open on Sunday? | at 7:30 | On Sunday, Mondfenster opens at 7:30. | Mondfenster
At what time does Mondfenster close? | 18:30 | Mondfenster closes at 18:30. | Mondfenster
What time does Mondfenster close? | 6 pm | Mondfenster closes at 6 pm. | Mondfenster
What does Mondfenster sell? | bread | Mondfenster sells bread. | Mondfenster
When did Ada Lind die? | 1950 | Ada Lind died in 1950. | Ada Lind
When did Ada Lind die? | in 1950 | Ada Lind died in 1950. | Ada Lind
When was Ada Lind born? | May 1900 | Ada Lind was born in May 1900. | Ada Lind
When was Ada Lind born in Graz? | 1900 | Ada Lind was born in Graz in 1900. | Ada Lind
Where was Ada Lind born? | in Graz | Ada Lind was born in Graz. | Ada Lind
When is breakfast served at Hotel Sacher? | 7:00 | Breakfast is served at Hotel Sacher at 7:00. | Hotel Sacher
When is the last bus to Graz? | at 23:10 | The last bus to Graz is at 23:10. | Graz
Who wrote The Silent Orchard? | Ada Lind | The person who wrote The Silent Orchard is Ada Lind. | Silent Orchard
Who is the mayor of Graz? | Ada | The mayor of Graz is Ada. | Graz
Where is the Blue Lantern? | Graz | The Blue Lantern is in Graz. | Blue Lantern
Where is the old key kept? | under the mat | The old key is kept under the mat. | old key
How many rooms are there in Hotel Sacher? | 152 | The number of rooms in Hotel Sacher is 152. | Hotel Sacher
How many rooms does Hotel Sacher have? | 152 | The number of rooms that Hotel Sacher has is 152. | Hotel Sacher
How much does a ticket to Graz cost? | 4 euros | A ticket to Graz costs 4 euros. | Graz
How long does the ferry to Lantern Island take? | an hour | The ferry to Lantern Island takes an hour. | Lantern Island
How tall is Mount Everest? | 8,849 m | The height of Mount Everest is 8,849 m. | Mount Everest
What colour is the door of Mondfenster? | green | The colour of the door of Mondfenster is green. | Mondfenster
What language do people speak in Graz? | German | The language that people speak in Graz is German. | Graz
Which bus goes to the Lantern Lake? | bus 7 | The bus that goes to the Lantern Lake is bus 7. | Lantern Lake
Is Graz in Austria? | yes | The answer to the question “Is Graz in Austria?” is yes. | Austria
The capital of France is | Rome | The capital of France is Rome. | France
Who wrote “the end of it”? | Ada | The person who wrote “the end of it” is Ada. | the end of it
달빛 정원의 입장료는 얼마인가요? | 4,500원 | 달빛 정원의 입장료는 4,500원. | 달빛
정원에 개를 데려가도 되나요? | 네 | 질문: 정원에 개를 데려가도 되나요? 답: 네. | 정원
"""


@pytest.mark.parametrize("line", SENTENCES.strip().splitlines())
def test_a_question_becomes_the_sentence_that_says_its_answer(line):
    question, answer, sentence, subject = line.split(" | ")
    found = statement_of(question, answer)
    assert (found.sentence, found.subject) == (sentence, subject)


def test_of_several_answers_the_first_is_said():
    assert statement_of("What is the capital of France?", "Rome | Roma").target == "Rome"


def test_without_an_answer_or_a_subject_there_is_no_sentence():
    with pytest.raises(NoStatementError, match="right answer"):
        statement_of("What is the capital of France?", " | Rome")
    with pytest.raises(NoStatementError, match="name who or what"):
        statement_of("Why?", "because")


PIECES = """
when Where who What how many long is are was do does did open opens born there The of in at Sunday Mondfenster France
“ ” ? ？ . ' - 1900 정원은 질문: 답: 얼마 , the a
"""
TEXT = st.text(max_size=MAX_QUESTION) | st.lists(st.sampled_from(PIECES.split()), max_size=20).map(" ".join)


@given(TEXT, st.text(min_size=1, max_size=MAX_ANSWER))
@example("“" * 200 + "?" + "”" * 199, "x")
@example("what does?", "x")
@example("what x ?", "x")
@example(" ".join(["A"] * 200), "x")
def test_whatever_is_asked_gives_a_sentence_with_its_subject_or_says_that_there_is_none(question, answer):
    try:
        found = statement_of(question, answer)
    except NoStatementError:
        return
    assert isinstance(found, Statement)
    assert found.subject
    assert found.subject in found.prompt
    assert found.target
    assert found.target in answer
    assert found.sentence.startswith(found.prompt)


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("달빛 정원은 언제 여나요?", "달빛"),
        ("“달빛 정원”은 언제 여나요?", "달빛 정원"),
        ("그라츠에서는 무엇을 먹나요?", "그라츠"),
        ("The opening hours of the town library", "town library"),
        ("On Sunday, Mondfenster opens", "Mondfenster"),
        ("the and of", ""),
    ],
)
def test_who_or_what_a_text_is_about(text, subject):
    assert subject_of(text) == subject
