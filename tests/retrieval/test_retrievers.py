"""The registry: a row is given what it names, and is offered wherever retrievers are."""

from __future__ import annotations

import pytest

from playground.errors import CorpusError
from playground.retrieval import retrievers
from playground.retrieval.evaluate import outcomes
from playground.retrieval.judged import Judged
from playground.retrieval.lexical.terms import Terms
from playground.retrieval.options import Options
from playground.retrieval.retrievers import RETRIEVERS, Trace, need, retriever, retriever_names
from playground.retrieval.search import search


@pytest.fixture
def last():
    """A retriever that finds the last passage, whatever the query; gives what it was called with."""
    calls: list[tuple] = []
    before = dict(RETRIEVERS)

    @retriever("last", needs=("terms",), terms=Terms(stem=True))
    def find(corpus, query, depth, *, terms, diversity, slop=3):
        calls.append((query, depth, terms, diversity, slop))
        return [(len(corpus.passages) - 1, 2.5)][:depth]

    yield calls
    RETRIEVERS.clear()
    RETRIEVERS.update(before)


def test_a_row_is_given_what_it_names_and_is_a_stage_of_its_own(make_corpus, last):
    found = search(make_corpus("a cat", "boats"), " boat ", "last", 1)
    assert last == [("boat", 1, Terms(stem=True), 0.0, 3)]
    assert [(hit.rank, hit.position, hit.score, hit.matched) for hit in found.hits] == [(1, 1, 2.5, ((0, 5),))]
    assert set(found.seconds) == {"last"}
    search(make_corpus("a"), "a", "last", 1, Options(terms=Terms()))
    assert last[-1][2] == Terms()


def test_a_row_is_chosen_and_measured_by_its_name(make_corpus, last):
    assert retriever_names()[0] == "none"
    assert "last" in retriever_names()
    question = Judged(id="q", question="b", kind="keyword", pieces=(frozenset({1}),), gains=(1.0,))
    assert [one.ranks for one in outcomes(make_corpus("a", "b"), [question], ["last"])] == [(1,)]
    with pytest.raises(CorpusError, match=r"Retriever first is unknown\. Choose one of: none, .*, last\."):
        search(make_corpus("a"), "a", "first", 1)


def test_what_retrievers_need_is_what_their_rows_say():
    assert need(["bm25", "hybrid"], "vectors")
    assert need(["dense"], "vectors")
    assert not need(["none", "bm25"], "vectors")
    assert not need([], "terms")


def test_hybrid_ranks_more_than_are_asked_for_and_a_search_gives_as_many_as_were(make_corpus, monkeypatch):
    corpus = make_corpus("a cat", "a dog", "a bird", language="en")
    monkeypatch.setattr(retrievers, "dense", lambda *_, **__: [(2, 0.9), (1, 0.8), (0, 0.7)])
    ranked = RETRIEVERS["hybrid"].ranked(corpus, "cat", 1, Options(), Trace())
    assert sorted(position for position, _ in ranked) == [0, 1, 2]
    found = search(corpus, "cat", "hybrid", 1).hits
    assert [(hit.position, hit.score) for hit in found] == ranked[:1]
