"""A visitor's own questions."""

from __future__ import annotations

import pytest

from playground.errors import CorpusError
from playground.retrieval.evaluate import judged, outcomes, reports
from playground.retrieval.passages import Corpus, Evidence, Passage, Question
from playground.retrieval.questions_csv import MAX_CSV_BYTES, MAX_ROWS, read_questions

CORPUS = Corpus(
    id="own",
    title="My notes",
    language="en",
    passages=(
        Passage("a.md#1", "a.md", "", "The bell rings\nat noon."),
        Passage("b.md#1", "b.md", "", "The bell rings at noon. The cat is Ada."),
    ),
    questions=(),
)


def read(text: str) -> tuple[Question, ...]:
    return read_questions(text.encode(), CORPUS)


def test_a_line_is_a_question_with_its_answer_and_where_it_stands():
    [found] = read(
        'Question, ANSWER ,document,quote,kind\nWhen?,"noon, sharp",b.md,The bell rings at  noon,paraphrase\n'
    )
    evidence = (Evidence("b.md", "The bell rings at  noon"),)
    assert found == Question(id="line-2", question="When?", answer="noon, sharp", evidence=evidence, kind="paraphrase")


def test_the_document_may_be_left_out_and_spaces_do_not_matter():
    [found] = read("question,quote\nWhen?,rings at noon\n")
    assert found.evidence[0].document == "a.md"
    assert found.kind == "keyword"
    corpus = Corpus(id="own", title="t", language="en", passages=CORPUS.passages, questions=(found,))
    assert judged(corpus)[0].pieces == (frozenset({0}),)


def test_a_question_with_neither_answer_nor_quote_has_none():
    [found] = read("question,answer\nWho built it?,\n")
    assert (found.kind, found.answer, found.evidence) == ("unanswerable", "", ())


def test_empty_lines_and_unknown_columns_are_passed_over_and_a_byte_order_mark_is_no_letter():
    found = read("\ufeffnote,question,answer\nx,One?,1\n,,\n\ny,Two?,2,more\n")
    assert [(one.id, one.question, one.answer) for one in found] == [("line-2", "One?", "1"), ("line-5", "Two?", "2")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "first line must name"),
        ("question\n", "no questions in this file"),
        ("question,answer\n,\n", "no questions"),
        ("frage,answer\nWhen?,noon\n", "one of them is question"),
        ("question\n" + "x" * 2_001 + "\n", "Line 2: write a question of up to 2000"),
        ("question,answer\n,noon\n", "Line 2: write a question"),
        ("question,answer\nWhen?," + "x" * 2_001, "no longer than that"),
        ("question,kind\nWhen?,odd\n", "kind odd is unknown"),
        ("question,answer,kind\nWhen?,noon,unanswerable\n", "neither answer nor quote"),
        ("question,quote\nWhen?,rings at night\n", "rings at night stands in no passage of My no"),
        ("question,document,quote\nWhen?,c.md,noon\n", "in no passage of c.md"),
        ("question\n" + "When?\n" * (MAX_ROWS + 1), "more than 500 questions"),
        ('question\n"When?\n', "not a CSV file"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_line(text, message):
    with pytest.raises(CorpusError, match=message):
        read(text)


def test_blank_lines_of_a_spreadsheet_are_no_questions():
    assert len(read("question,answer\nWhen?,noon\n" + ",\n" * 600)) == 1


def test_a_question_without_a_quote_is_answered_and_not_searched_for():
    questions = read("question,answer,quote\nWhen?,noon,rings at noon\nWho?,Ada,\n")
    corpus = Corpus(id="own", title="t", language="en", passages=CORPUS.passages, questions=questions)
    [row, _] = reports(list(outcomes(corpus, judged(corpus), ("bm25",))))
    assert row.count == 1  # and not 2, the second never found


def test_bytes_that_are_no_text_or_too_many_are_refused():
    with pytest.raises(CorpusError, match="not a CSV file in UTF-8"):
        read_questions("question\n한글?".encode("cp949"), CORPUS)
    with pytest.raises(CorpusError, match="more than 1 MB"):
        read_questions(b"x" * (MAX_CSV_BYTES + 1), CORPUS)
