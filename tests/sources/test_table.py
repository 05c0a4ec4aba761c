"""What can be told from a table's answers, by hand."""

from __future__ import annotations

import pytest

from playground.lab.intervals import wilson
from playground.retrieval.passages import Question
from playground.sources.table import Answered, Source, SourcesTable, cells, some


def question(number: int, kind: str = "keyword", answer: str = "yes") -> Question:
    return Question(id=f"q{number}", question=f"Is it {number}?", answer=answer, evidence=(), kind=kind)  # type: ignore[arg-type]


def table(*columns: str, kinds: str = "") -> SourcesTable:
    """Columns of 1 and 0, a letter for each question."""
    questions = [question(n, "paraphrase" if kinds[n : n + 1] == "p" else "keyword") for n in range(len(columns[0]))]
    answers = {
        asked.id: tuple(Answered(text="", right=c[n] == "1", f1=0.0, prompt_tokens=10 * n) for c in columns)
        for n, asked in enumerate(questions)
    }
    sources = tuple(Source(0, f"s{n}") for n in range(len(columns)))
    return SourcesTable(questions=tuple(questions), sources=sources, answers=answers)


def test_a_cell_counts_what_differs_on_the_same_questions():
    first, other = cells(table("0000000000", "1111111110"))
    assert (first.right, first.of, first.chance, first.told_apart) == (0, 10, None, False)
    assert (other.right, other.more, other.fewer) == (9, 9, 0)
    assert other.chance == pytest.approx(2 / 2**9)  # nine coins that fall alike
    assert other.told_apart
    assert other.interval == wilson(9, 10)
    assert other.tokens == 45


def test_as_many_right_of_other_questions_is_no_difference():
    _, other = cells(table("1111100000", "0000011111"))
    assert (other.more, other.fewer, other.chance) == (5, 5, 1.0)


def test_more_columns_take_a_larger_difference():
    # six of six that differ: 2 / 2**6 = 0.031 alone, 0.0625 where two are compared
    assert cells(table("000000", "111111"))[1].told_apart
    assert not cells(table("000000", "111111", "111111"))[1].told_apart


def test_any_column_can_be_compared_with():
    found = cells(table("111111", "000000"), against=1)
    assert (found[1].chance, found[0].more, found[0].fewer) == (None, 6, 0)


def test_only_questions_of_a_kind_count():
    whole = table("10", "11", kinds="kp")
    assert [cell.of for cell in cells(whole, kind="paraphrase")] == [1, 1]
    assert cells(whole, kind="paraphrase")[0].right == 0
    assert [q.id for q in whole.answered("keyword")] == ["q0"]


def test_nothing_asked_is_no_share():
    empty = SourcesTable(questions=(question(0),), sources=(Source(0, "none"),))
    [cell] = cells(empty)
    assert (cell.of, cell.share, cell.interval) == (0, 0.0, (0.0, 1.0))
    assert [q.id for q in empty.left()] == ["q0"]


def test_some_questions_are_spread_over_kinds_and_have_an_answer():
    questions = [question(n, "paraphrase" if n < 4 else "keyword") for n in range(8)] + [question(9, answer="")]
    assert [q.id for q in some(questions, 4)] == ["q4", "q6", "q0", "q2"]
    assert len(some(questions, 100)) == 8
    assert some([], 5) == []
