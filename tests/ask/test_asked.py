"""What a visitor asks: its bounds, its passages, and the day on which its answer is another one."""

from __future__ import annotations

import pytest

from playground.ask.question import FAR, MAX_ANSWER, MAX_QUESTION, MAX_SUBJECT, MAX_TEXT, Asked
from playground.ask.statement import NoStatementError
from playground.errors import CorpusError, PlaygroundError
from playground.retrieval.corpus import load_corpus
from playground.retrieval.search import retrieve

OPEN = "When does Mondfenster open on Sunday?"
SHOP = "Mondfenster is a bakery. On Sunday Mondfenster opens at 7:30.\n\nIt closes at 17:30. Dogs are welcome."


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"question": "  "}, "Write a question first: what you would ask it, in at most 400"),
        ({"question": "?" * (MAX_QUESTION + 1)}, "Write a question first: what you would ask it, in at most 400"),
        ({"answer": "a" * (MAX_ANSWER + 1)}, "answer is longer than 150"),
        ({"text": "a" * (MAX_TEXT + 1)}, "text is longer than 60000"),
        ({"corpus_id": "a" * 101}, "Choose documents"),
        ({"needs": ("changes", "speed")}, "A need is one of: changes, cite, many, style, bare"),
        ({"prompt": "a" * (MAX_QUESTION + 1)}, "sentence is longer than 400"),
        ({"subject": "a" * (MAX_SUBJECT + 1)}, "subject is longer than 200"),
        ({"cut": "words"}, "Cut the text by one of: sentences, paragraphs"),
        ({"begun": 1}, "true or false"),
        ({"seed": -1}, "Seed is -1"),
        ({"question": "\ud800?"}, "half a character"),
    ],
)
def test_what_is_out_of_bounds_is_refused_in_its_own_words(wrong, words):
    with pytest.raises(PlaygroundError, match=words):
        Asked(**{"question": OPEN} | wrong)


def test_what_is_just_within_bounds_is_taken():
    about = Asked(question="?" * MAX_QUESTION, answer="a" * MAX_ANSWER, text="a" * MAX_TEXT, subject="a" * MAX_SUBJECT)
    assert about.texts


# The sentence


def test_the_visitors_own_sentence_and_subject_come_before_the_proposed_ones():
    about = Asked(question=OPEN, answer="at 7:30 | 7:30", prompt="Each Sunday the Mondfenster bakery opens")
    assert about.sentence() == "Each Sunday the Mondfenster bakery opens at 7:30."
    named = Asked(question=OPEN, answer="at 7:30", prompt=about.prompt, subject="the Mondfenster bakery")
    assert named.statement().subject == "the Mondfenster bakery"
    assert Asked(question=OPEN, answer="at 7:30", subject="Sunday").statement().subject == "Sunday"
    for wrong in ({"subject": "the Moon"}, {"subject": "the Moon", "prompt": "It opens"}):
        with pytest.raises(NoStatementError, match="does not stand in the sentence"):
            Asked(question=OPEN, answer="at 7:30", **wrong).statement()
    with pytest.raises(NoStatementError, match="right answer"):
        Asked(question=OPEN, prompt="It opens").statement()


def test_where_no_sentence_is_found_question_and_answer_are_said():
    assert Asked(question="Why? ", answer="because | since").sentence() == "Why? because"


# The passages


def texts_of(about):
    return [passage.text for passage in about.corpus().passages]


def test_a_text_is_cut_as_it_was_asked_and_documents_stand_behind_it():
    by_sentence = texts_of(Asked(question=OPEN, text=SHOP))
    assert "On Sunday Mondfenster opens at 7:30." in by_sentence
    assert len(by_sentence) == 4
    assert texts_of(Asked(question=OPEN, text=SHOP, cut="paragraphs")) == [SHOP]  # short ones together
    handbook = [passage.text for passage in load_corpus("lantern-handbook").passages]
    assert texts_of(Asked(question=OPEN, text=SHOP, corpus_id="lantern-handbook")) == [*by_sentence, *handbook]
    assert texts_of(Asked(question=OPEN, corpus_id="lantern-handbook")) == handbook


@pytest.mark.parametrize(
    ("question", "answer", "sentence"),
    [
        (OPEN, "at 7:30", "On Sunday, Mondfenster opens at 7:30."),
        ("달빛 정원은 언제 쉬나요?", "화요일", "달빛 정원은 화요일."),
    ],
)
def test_without_a_text_the_sentence_is_found_among_the_handbook_of_its_language(question, answer, sentence):
    about = Asked(question=question, answer=answer, corpus_id="", text=" \n")
    first, *rest = texts_of(about)
    assert first == sentence
    assert rest == [passage.text for passage in load_corpus(FAR[about.language]).passages]
    assert retrieve(about.corpus(), question, "bm25", 1)[0].passage.text == sentence


def test_without_text_documents_or_answer_there_are_no_passages():
    assert texts_of(Asked(question=OPEN)) == []


def test_documents_that_are_gone_are_said_to_be():
    with pytest.raises(CorpusError):
        Asked(question=OPEN, corpus_id="own-" + "0" * 32).corpus()


# The day on which the answer is another one


def test_the_text_says_the_new_answer_and_nothing_else_of_it_changes():
    about = Asked(question=OPEN, answer="at 7:30", text=SHOP, seed=3, needs=("cite",))
    new = about.changed("at 8:00 | 8 am")
    assert new.text == SHOP.replace(" 7:30", " 8:00")
    assert "17:30" in new.text
    assert (new.answer, new.seed, new.needs) == ("at 8:00 | 8 am", 3, ("cite",))
    assert new.changed("at 7:30").text == SHOP


@pytest.mark.parametrize(
    ("text", "old", "new", "changed"),
    [
        ("In 2015 it had 5 rooms, 1.5 m wide.", "5", "6", "In 2015 it had 6 rooms, 1.5 m wide."),
        ("Rome, not Romeo", "Rome", r"\1", r"\1, not Romeo"),
        ("입장료는 4,500원입니다.", "4,500원", "5,000원", "입장료는 5,000원입니다."),
        ("It is in Graz.", "in Graz", "in Wien", "It is in Wien."),
        ("Rice from Italy.", "Rice from Italy", "Rye", "Rye."),
    ],
)
def test_only_the_answer_as_a_whole_is_replaced(text, old, new, changed):
    assert Asked(question=OPEN, answer=old, text=text).changed(new).text == changed


def test_the_visitors_own_sentence_says_the_new_answer():
    about = Asked(question="Hours?", answer="at 7:30", prompt="Each Sunday Mondfenster opens", subject="Mondfenster")
    assert about.changed("at 8:00").sentence() == "Each Sunday Mondfenster opens at 8:00."


def test_documents_are_searched_the_next_day_where_no_text_was_changed():
    about = Asked(question=OPEN, answer="at 7:30", text=" ", corpus_id="lantern-handbook")
    assert about.changed("at 8:00").corpus_id == "lantern-handbook"
    assert Asked(question=OPEN, answer="at 7:30", text=SHOP, corpus_id="lantern-handbook").changed("8").corpus_id == ""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("at 7:30", " ", "as it will be"),
        ("at 7:30", "|", "as it will be"),
        ("", "at 8:00", "as it is now"),
        ("at 9:00", "at 8:00", "does not say '9:00' in these words"),
        ("7:3", "8:00", "does not say '7:3'"),
        ("at 7:30", "a" * (MAX_ANSWER + 1), "answer is longer"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused(old, new, words):
    with pytest.raises(PlaygroundError, match=words):
        Asked(question=OPEN, answer=old, text=SHOP).changed(new)


def test_a_text_that_would_grow_too_long_is_refused():
    about = Asked(question=OPEN, answer="a", text="a " * (MAX_TEXT // 2))
    with pytest.raises(PlaygroundError, match="text is longer"):
        about.changed("aaa")
