from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.errors import CorpusError
from playground.retrieval import rerank, retrievers
from playground.retrieval.dense import index as dense
from playground.retrieval.lexical.bm25 import Scoring
from playground.retrieval.lexical.terms import Terms, words
from playground.retrieval.options import Options
from playground.retrieval.search import STOP_WORDS, matched, retrieve, search
from playground.settings import settings

TEXTS = [
    "The cat sat on the mat.",
    "A dog chased a Cat!",
    "Tides turn twice a day.",
    "The keeper writes the log.",
    "Boats leave at dawn.",
]


def marks(text: str, query: str) -> list[str]:
    spans = matched(text, frozenset(words(query)) - STOP_WORDS)
    return [text[start:end] for start, end in spans]


def test_bm25_hits_are_ranked_and_marked(make_corpus):
    corpus = make_corpus(*TEXTS)
    hits = retrieve(corpus, "  a dog and the cat ", "bm25", 2)
    assert [(hit.rank, hit.passage) for hit in hits] == [(1, corpus.passages[1]), (2, corpus.passages[0])]
    assert hits[0].score > hits[1].score
    assert hits[0].matched == ((2, 5), (15, 18))
    assert hits[1].matched == ((4, 7),)  # "the" is searched but not marked


def test_none_finds_nothing_whatever_is_asked(make_corpus):
    assert retrieve(make_corpus(*TEXTS), "cat", "none", 3) == []
    assert retrieve(make_corpus(*TEXTS), "", "none", 0) == []


@pytest.mark.parametrize("retriever", ["bm25"])
def test_an_empty_corpus_finds_nothing(make_corpus, retriever):
    assert retrieve(make_corpus(), "cat", retriever, 3) == []


def test_k_above_the_corpus_gives_what_there_is(make_corpus):
    assert len(retrieve(make_corpus("a cat", "a dog"), "cat dog", "bm25", 20)) == 2


def test_dense_passages_are_marked_too(make_corpus, monkeypatch):
    class Index:
        def search(self, query, k):
            return [(2, 0.5), (0, 0.25)][:k]

    monkeypatch.setattr(retrievers, "dense_index", lambda corpus, encoder: Index())
    hits = retrieve(make_corpus(*TEXTS), "Tides", "dense", 2)
    assert [(hit.rank, hit.score, hit.matched) for hit in hits] == [(1, 0.5, ((0, 5),)), (2, 0.25, ())]


@pytest.mark.parametrize("k", [0, -1, 21, True, False, 2.0, 2.5, "3", None, float("nan")])
def test_k_out_of_its_bounds_is_refused(make_corpus, k):
    with pytest.raises(CorpusError, match="whole number from 1 to 20"):
        retrieve(make_corpus("a"), "a", "bm25", k)


@pytest.mark.parametrize("query", ["", " \n\t", None, 5])
def test_an_empty_query_is_refused(make_corpus, query):
    with pytest.raises(CorpusError, match="query is empty"):
        retrieve(make_corpus("a"), query, "bm25", 1)


def test_a_query_may_have_2000_characters_besides_its_outer_spaces(make_corpus):
    assert retrieve(make_corpus("b"), " " + "a" * 2_000 + " ", "bm25", 1) == []
    with pytest.raises(CorpusError, match="2001 characters; the limit is 2000"):
        retrieve(make_corpus("b"), "a" * 2_001, "bm25", 1)


def test_half_a_surrogate_pair_in_a_query_is_no_crash(make_corpus):
    assert len(retrieve(make_corpus("cat"), "cat \ud800", "bm25", 1)) == 1


@pytest.mark.parametrize("retriever", ["", "BM25", "tfidf", None, ["bm25"], {}])
def test_an_unknown_retriever_is_told_the_known_ones(make_corpus, retriever):
    with pytest.raises(CorpusError, match="Choose one of: none, bm25, dense"):
        retrieve(make_corpus("a"), "a", retriever, 1)


@pytest.mark.parametrize("value", ["\ud800", "bm25\udc00", ["\ud800"]])
def test_half_a_surrogate_pair_in_a_value_is_told_as_text(make_corpus, value):
    for retriever, k in ((value, 1), ("bm25", value)):
        with pytest.raises(CorpusError) as caught:
            retrieve(make_corpus("a"), "a", retriever, k)
        assert str(caught.value).encode()


@pytest.fixture
def by_letter(monkeypatch):
    """Embeddings that know only the first letter of a text."""
    import numpy as np

    def fake(texts, on_progress=None, stopped=None):
        rows = np.zeros((len(texts), 384), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[ord(text[0]) - ord("a")] = 1
        return rows

    monkeypatch.setattr(dense, "embed", fake)
    dense.query_vector.cache_clear()
    yield
    dense.query_vector.cache_clear()


PETS = ("cat on a mat", "cow in a meadow", "dog on a mat", "apple")


def test_hybrid_fuses_both_and_says_where_each_had_a_passage(make_corpus, by_letter):
    found = search(make_corpus(*PETS), "cat mat", "hybrid", 4)
    assert [hit.position for hit in found.hits][:2] == [0, 2]
    assert {hit.position for hit in found.hits} == {0, 1, 2, 3}
    first = found.hits[0]
    assert first.parts == {"bm25": (1, first.parts["bm25"][1]), "dense": (1, pytest.approx(1))}
    assert first.score == pytest.approx(0.5 / 61 + 0.5 / 61)
    assert "bm25" not in found.hits[-1].parts
    assert set(found.seconds) == {"tokenise", "bm25", "embed", "dense", "fuse"}
    assert all(seconds >= 0 for seconds in found.seconds.values())


@pytest.mark.parametrize("fusion", ["rrf", "weighted"])
def test_a_share_of_0_or_1_is_one_retrievers_order(make_corpus, by_letter, fusion):
    corpus = make_corpus(*PETS)
    for share, alone in ((0.0, "bm25"), (1.0, "dense")):
        options = Options(fusion=fusion, dense_share=share)
        both = [hit.position for hit in search(corpus, "mat cow", "hybrid", 4, options).hits]
        assert both == [hit.position for hit in retrieve(corpus, "mat cow", alone, 4)]


def test_what_the_encoder_does_not_read_only_fills_up_the_end(make_corpus, by_letter):
    corpus = make_corpus(*PETS, language="ko")
    words_only = [hit.position for hit in retrieve(corpus, "mat cow", "bm25", 4)]
    both = [hit.position for hit in retrieve(corpus, "mat cow", "hybrid", 4)]
    assert both[: len(words_only)] == words_only
    assert len(both) == 4


def test_diversity_holds_likeness_back(make_corpus, by_letter):
    corpus = make_corpus("cat mat", "cat mats", "dog mat far away in the meadow")
    options = Options(diversity=0.9)
    found = search(corpus, "cat mat", "bm25", 2, options)
    assert [hit.position for hit in found.hits] == [0, 2]
    assert "diversify" in found.seconds
    assert [hit.position for hit in search(corpus, "cat mat", "bm25", 2).hits] == [0, 1]


def test_reranking_puts_the_cross_encoders_favourite_first(make_corpus, monkeypatch):
    class Model:
        def predict(self, pairs, show_progress_bar):
            assert all(query == "mat" for query, _ in pairs)
            return [len(text) for _, text in pairs]

    monkeypatch.setattr(rerank, "_model", Model)
    corpus = make_corpus("mat", "a mat", "the longest mat of all")
    found = search(corpus, "mat", "bm25", 2, Options(rerank=True))
    assert [(hit.position, hit.score) for hit in found.hits] == [(2, 22.0), (1, 5.0)]
    assert "rerank" in found.seconds


@pytest.mark.parametrize("policy", ["off", "presets"])
def test_without_a_cross_encoder_reranking_is_refused(make_corpus, monkeypatch, policy):
    def fail(*_, **__):
        assert policy != "off"
        raise OSError("no network")

    monkeypatch.setenv("PLAYGROUND_HUB", policy)
    settings.cache_clear()
    monkeypatch.setattr("playground.hub.snapshot_download", fail)
    rerank._model.cache_clear()
    with pytest.raises(CorpusError, match=r"needs a cross-encoder.*Search without it"):
        search(make_corpus("mat"), "mat", "bm25", 1, Options(rerank=True))


@pytest.mark.parametrize(
    "wrong",
    [{"diversity": 1.1}, {"dense_share": -0.1}, {"diversity": "x"}, {"dense_share": float("nan")}, {"fusion": "sum"}],
)
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(CorpusError, match=r"go from 0 to 1|Choose one of: rrf, weighted"):
        Options(**wrong)


def test_the_terms_of_a_hit_explain_its_score(make_corpus):
    corpus = make_corpus(*PETS, heading="Pets")
    options = Options(scoring=Scoring("plus", 1.2, 0.5), terms=Terms(stem=True))
    for hit in search(corpus, "cats and mats", "bm25", 4, options).hits:
        parts = retrievers.RETRIEVERS["bm25"].explain(corpus, "cats and mats", hit.passage, options)
        assert sum(part.score for part in parts) == pytest.approx(hit.score)
        assert {part.term for part in parts} <= {"cat", "mat"}


@pytest.mark.parametrize(
    ("text", "query", "expected"),
    [
        ("", "cat", []),
        ("The cat", "", []),
        ("Where is the cat of it?", "where is the of it", []),  # stop words only
        ("Cats and CAT, concatenate cat", "the cat", ["CAT", "cat"]),
        ("Die Straße", "STRASSE", ["Straße"]),
        ("고양이가 잔다", "고양이는 어디에", ["고양이"]),
        ("고양이가 잔다", "고양이가", ["고양이가"]),
        ("작은고양이와큰고양이", "고양이", ["고양이", "고양이"]),
        ("이 집이", "이", ["이"]),
        ("새가 난다", "새가", ["새가"]),
        ("BM25를 쓴다", "bm25를", ["BM25를"]),
        ("BM25를 쓴다", "BM25", ["BM25"]),
        ("東京都に行く", "京都", ["京都"]),
    ],
)
def test_shared_words_are_marked(text, query, expected):
    assert marks(text, query) == expected


@given(st.text("abẞİ가나다e\u0301 漢字.ﬁ1_", max_size=40), st.text("abßi가나다é 漢字", max_size=12))
def test_marks_are_ordered_apart_and_within_the_text(text, query):
    last = -1
    for start, end in matched(text, frozenset(words(query))):
        assert last < start < end <= len(text)
        last = end


@given(st.text("ab가나다 漢字.", max_size=40), st.text("ab가나다 漢字", max_size=12))
def test_a_text_is_marked_exactly_where_it_shares_a_term(text, query):
    shared = set(words(text)) & set(words(query))
    assert bool(matched(text, frozenset(words(query)))) == bool(shared)


def test_importing_the_room_loads_nothing_heavy_and_neither_the_page_nor_the_engine():
    code = (
        "import sys, pkgutil, importlib, playground.retrieval as room\n"
        "for module in pkgutil.iter_modules(room.__path__, 'playground.retrieval.'):\n"
        "    importlib.import_module(module.name)\n"
        "heavy = {'torch', 'faiss', 'rank_bm25', 'sentence_transformers', 'transformers',\n"
        "         'gradio', 'playground.engine', 'playground.ui'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
