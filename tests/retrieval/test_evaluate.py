from __future__ import annotations

import math

import pytest

from playground.errors import CorpusError
from playground.retrieval import evaluate
from playground.retrieval.corpus import Evidence, Question
from playground.retrieval.evaluate import Judged, judged, measure, outcomes, reports
from playground.retrieval.search import Found, Hit


def question(name: str, quote: str, kind: str = "keyword", document: str = "d.md") -> Question:
    evidence = () if kind == "unanswerable" else (Evidence(document, quote),)
    return Question(id=name, question=name, answer="answer", evidence=evidence, kind=kind)


QUESTIONS = (
    question("first", "alpha one"),
    question("third", "gamma three", "paraphrase"),
    question("never", "not there"),
    question("nothing", "", "unanswerable"),
)


@pytest.fixture
def corpus(make_corpus, monkeypatch):
    """Three passages that every question finds in the same order."""
    made = make_corpus("alpha\n one", "beta two", "gamma three.", questions=QUESTIONS)

    def in_order(corpus, query, retriever, k, options):
        hits = enumerate(corpus.passages[:k], start=1)
        return Found(tuple(Hit(rank=n, passage=p, score=1.0, matched=(), position=n - 1) for n, p in hits), {})

    monkeypatch.setattr(evaluate, "search", in_order)
    return made


def test_recall_and_mrr_by_hand(corpus):
    report = measure(corpus, "bm25", ks=(1, 2, 3))
    assert (report.retriever, report.count) == ("bm25", 3)
    assert report.recall == {1: 1 / 3, 2: 1 / 3, 3: 2 / 3}
    assert report.mrr == pytest.approx((1 + 1 / 3 + 0) / 3)


def test_one_kind_of_question_can_be_asked(corpus):
    report = measure(corpus, "bm25", kind="paraphrase")
    assert (report.count, report.recall, report.mrr) == (1, {1: 0.0, 5: 1.0}, pytest.approx(1 / 3))


@pytest.mark.parametrize("kind", [None, "unanswerable", "keyword"])
def test_no_questions_give_zeros(make_corpus, kind):
    only = make_corpus("a", questions=(question("q", "", "unanswerable"),))
    report = measure(only, "bm25", kind=kind)
    assert (report.count, report.recall, report.mrr) == (0, {1: 0.0, 5: 0.0}, 0.0)


@pytest.mark.parametrize("k", [0, 21, True])
def test_a_cut_off_has_the_bounds_of_k(make_corpus, k):
    with pytest.raises(CorpusError, match="1 to 20"):
        measure(make_corpus("a"), "bm25", ks=(1, k))


def test_a_real_retriever_finds_its_evidence(make_corpus):
    made = make_corpus(
        "The bell rings at noon.",
        "Bread is baked at dawn.",
        "The lamp is lit at dusk.",
        questions=(question("When is the bread baked?", "Bread is baked at dawn."),),
    )
    assert measure(made, "bm25").recall == {1: 1.0, 5: 1.0}
    assert measure(made, "none").recall == {1: 0.0, 5: 0.0}


def test_the_quote_must_stand_in_its_own_document(make_corpus):
    made = make_corpus(
        "It rings\n at noon.",
        questions=(
            question("q", "rings at  noon"),
            question("r", "rings at noon", document="other.md"),
            question("s", "rings at one"),
        ),
    )
    assert [one.pieces for one in judged(made)] == [(frozenset({0}),), (frozenset(),), (frozenset(),)]


def test_reports_have_a_row_for_each_retriever_and_kind(corpus):
    found = list(outcomes(corpus, judged(corpus), ("bm25", "dense"), k=3))
    assert [len(one.hits) for one in found] == [3] * 8
    rows = reports(found, (1, 3))
    assert [(row.retriever, row.kind, row.count) for row in rows] == [
        ("bm25", "all", 3),
        ("dense", "all", 3),
        ("bm25", "keyword", 2),
        ("dense", "keyword", 2),
        ("bm25", "paraphrase", 1),
        ("dense", "paraphrase", 1),
    ]
    assert rows[0].ndcg == pytest.approx((1 + 1 / math.log2(4) + 0) / 3)
    assert rows[2].recall == {1: 0.5, 3: 0.5}
    assert reports([]) == []


def test_two_pieces_of_evidence_are_each_looked_for(make_corpus):
    evidence = (Evidence("d.md", "alpha"), Evidence("d.md", "gamma"))
    made = make_corpus(
        "alpha",
        "beta",
        "gamma",
        "alpha gamma delta",
        questions=(Question(id="q", question="alpha", answer="x", evidence=evidence, kind="keyword"),),
    )
    [one] = judged(made)
    assert one == Judged(
        id="q", question="alpha", kind="keyword", pieces=(frozenset({0, 3}), frozenset({2, 3})), gains=(1.0, 1.0)
    )
    [found] = outcomes(made, [one], ("bm25",))
    assert found.ranks == (1, 2)  # "gamma" stands in the second hit


def test_an_unknown_retriever_is_refused(make_corpus):
    made = make_corpus("a", questions=(question("a", "a"),))
    with pytest.raises(CorpusError, match="Retriever x is unknown"):
        list(outcomes(made, judged(made), ("x",)))
