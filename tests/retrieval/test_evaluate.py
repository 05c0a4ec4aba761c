from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.errors import CorpusError
from playground.retrieval import evaluate
from playground.retrieval.corpus import Evidence, Question
from playground.retrieval.evaluate import answer_contained, is_relevant, recall
from playground.retrieval.search import Hit


def question(name: str, quote: str, kind: str = "keyword", document: str = "d.md") -> Question:
    evidence = () if kind == "unanswerable" else (Evidence(document, quote),)
    return Question(name, name, "answer", evidence, kind)


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

    def in_order(corpus, query, retriever, k):
        return [Hit(n, p, 1.0, ()) for n, p in enumerate(corpus.passages[:k], start=1)]

    monkeypatch.setattr(evaluate, "retrieve", in_order)
    return made


def test_recall_and_mrr_by_hand(corpus):
    report = recall(corpus, "bm25", ks=(1, 2, 3))
    assert (report.retriever, report.count) == ("bm25", 3)
    assert report.recall == {1: 1 / 3, 2: 1 / 3, 3: 2 / 3}
    assert report.mrr == pytest.approx((1 + 1 / 3 + 0) / 3)


def test_one_kind_of_question_can_be_asked(corpus):
    report = recall(corpus, "bm25", kind="paraphrase")
    assert (report.count, report.recall, report.mrr) == (1, {1: 0.0, 5: 1.0}, pytest.approx(1 / 3))


@pytest.mark.parametrize("kind", [None, "unanswerable", "keyword"])
def test_no_questions_give_zeros(make_corpus, kind):
    only = make_corpus("a", questions=(question("q", "", "unanswerable"),))
    report = recall(only, "bm25", kind=kind)
    assert (report.count, report.recall, report.mrr) == (0, {1: 0.0, 5: 0.0}, 0.0)


@pytest.mark.parametrize("k", [0, 21, True])
def test_a_cut_off_has_the_bounds_of_k(make_corpus, k):
    with pytest.raises(CorpusError, match="1 to 20"):
        recall(make_corpus("a"), "bm25", ks=(1, k))


def test_a_real_retriever_finds_its_evidence(make_corpus):
    made = make_corpus(
        "The bell rings at noon.",
        "Bread is baked at dawn.",
        "The lamp is lit at dusk.",
        questions=(question("When is the bread baked?", "Bread is baked at dawn."),),
    )
    assert recall(made, "bm25").recall == {1: 1.0, 5: 1.0}
    assert recall(made, "none").recall == {1: 0.0, 5: 0.0}


def test_the_quote_must_stand_in_its_own_document(make_corpus):
    (passage,) = make_corpus("It rings\n at noon.").passages
    assert is_relevant(passage, question("q", "rings at  noon"))
    assert not is_relevant(passage, question("q", "rings at noon", document="other.md"))
    assert not is_relevant(passage, question("q", "rings at one"))


@pytest.mark.parametrize(
    ("answer", "output", "expected"),
    [
        ("", "anything", False),
        ("?!", "anything?!", False),
        ("cat", "", False),
        ("The Cat", "It was a cat.", True),
        ("cat", "concatenate", False),
        ("a cat", "cat", True),
        ("Vitamin A", "It is vitamin C.", False),
        ("Vitamin A", "It is vitamin A.", True),
        ("A", "Grade: A", True),
        ("at noon", "At **noon**, sharp", True),
        ("well-known", "well known", True),
        ("5", "It costs 3.5 coins", False),
        ("3", "It costs 3.5 coins", False),
        ("3.5", "It costs 3.5.", True),
        ("1000", "1,000 boats", True),
        ("1,000", "11000 boats", False),
        ("1995", "1995년에 지었다", True),
        ("199", "1995년에 지었다", False),
        ("$5", "for $5", True),
        ("고양이", "고양이가 잔다", True),
        ("고양이", "작은고양이는", True),
        ("고양이", "고양 이", False),
        ("3명", "13명이 왔다", False),
        ("3명", "3명이 왔다", True),
        ("ＢＭ２５", "bm25를 쓴다", True),
        ("Straße", "STRASSE", True),
        (".*", "anything", False),
        ("c++ (new)", "C++ new", True),
    ],
)
def test_an_answer_is_found_in_an_output(answer, output, expected):
    assert answer_contained(answer, output) is expected


@given(st.text(), st.text())
def test_no_pair_of_texts_is_too_odd(answer, output):
    assert isinstance(answer_contained(answer, output), bool)


@given(st.lists(st.sampled_from(["cat", "고양이", "3.5", "the", "x-ray", "A"]), min_size=1))
def test_an_output_holds_itself(parts):
    text = " ".join(parts)
    assert answer_contained(text, f"So: {text}.")
