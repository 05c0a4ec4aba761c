"""The score below which a corpus's unanswerable questions lie."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from playground.retrieval import low_scores as lowness
from playground.retrieval.low_scores import Low, best_score, is_low, limit
from playground.retrieval.passages import Corpus, Passage, Question
from playground.retrieval.search import Found, Hit, Options

PASSAGE = Passage("d#1", "d", "", "text")


def corpus(answerable: int, unanswerable: int, name: str = "c") -> Corpus:
    kinds = ["keyword"] * answerable + ["unanswerable"] * unanswerable
    questions = tuple(
        Question(
            id=f"q{number}",
            question=f"{name} {number}",
            answer="a" if kind == "keyword" else "",
            evidence=(),
            kind=kind,
        )
        for number, kind in enumerate(kinds)
    )
    passages = (Passage("d#1", "d", "", f"{name} {answerable} {unanswerable}"),)
    return Corpus(id=name, title="Title", language="en", passages=passages, questions=questions)


@pytest.fixture
def scored(monkeypatch):
    """Let questions have the scores that are given, in the corpus's order."""
    lowness._limits.clear()

    def score(scores: Sequence[float]) -> None:
        def search(corpus, query, retriever, k):
            value = scores[int(query.split()[-1])]
            return Found((Hit(rank=1, passage=PASSAGE, score=value, matched=()),) if value else (), {})

        monkeypatch.setattr(lowness, "search", search)

    yield score
    lowness._limits.clear()


def test_the_limit_is_where_the_two_kinds_are_furthest_apart(scored):
    # By hand: below 4.5 lie 4 of 5 unanswerable and 1 of 6 answerable ones, 0.8 - 0.167 = 0.633;
    # below 9.5 all 5 and 3 of 6; below 3.5 3 of 5 and 1 of 6
    scored([2, 5, 6, 9, 10, 11, 1, 2.5, 3, 4, 9.2])
    found = limit(corpus(6, 5), "bm25")
    assert found is not None
    assert found.score == pytest.approx(4.5)
    assert (found.unanswerable, found.answerable) == (4 / 5, 1 / 6)


def test_where_the_scores_do_not_tell_them_apart_there_is_none(scored):
    scored([1, 2, 3, 4, 5, 1, 2, 3, 4, 5])
    assert limit(corpus(5, 5), "bm25") is None
    scored([5] * 10)
    assert limit(corpus(5, 5, "same"), "bm25") is None


@pytest.mark.parametrize(("answerable", "unanswerable"), [(0, 0), (4, 9), (9, 4), (9, 0)])
def test_too_few_questions_of_a_kind_say_nothing(scored, answerable, unanswerable):
    scored([9] * answerable + [1] * unanswerable)
    assert limit(corpus(answerable, unanswerable), "bm25") is None


def test_a_best_score_below_it_is_low_and_one_above_is_not(scored):
    scored([8, 8, 8, 8, 8, 2, 2, 2, 2, 2])
    asked = corpus(5, 5)

    def at(score: float) -> list[Hit]:
        return [Hit(rank=1, passage=PASSAGE, score=score, matched=())]

    assert is_low(asked, "bm25", at(4.9)) == Low(4.9, "bm25", limit(asked, "bm25"))
    assert is_low(asked, "bm25", at(5.1)) is None
    assert is_low(asked, "none", at(4.9)) is None
    assert is_low(asked, "bm25", []) is None
    assert is_low(asked, "bm25", at(4.9), Options(diversity=0.5)) is None  # not calibrated


def test_of_hybrid_search_the_part_that_reads_the_language_counts():
    hit = Hit(rank=1, passage=PASSAGE, score=0.03, matched=(), position=0, parts={"bm25": (3, 12.0), "dense": (1, 0.7)})
    english, korean = corpus(1, 1), Corpus(id="k", title="t", language="ko", passages=(PASSAGE,), questions=())
    assert best_score(english, "hybrid", [hit]) == 0.7
    assert best_score(korean, "hybrid", [hit]) == 12.0
    assert best_score(english, "hybrid", [Hit(rank=1, passage=PASSAGE, score=0.03, matched=())]) == 0
    assert best_score(english, "bm25", [hit]) == 0.03
    assert best_score(english, "bm25", []) == 0
