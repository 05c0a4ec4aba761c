from __future__ import annotations

import json
import math
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.retrieval import bm25
from playground.retrieval.bm25 import Bm25Index, bm25_index, words

TEXTS = [
    "The cat sat on the mat with the other cat.",
    "A dog chased the cat down the long road.",
    "Tides turn twice a day; the keeper writes them down.",
    "고양이가 창가에 앉아 있다",
    "!!!",
]


def okapi(passages: list[list[str]], query: list[str]) -> list[float]:
    """Okapi BM25 as rank_bm25 states it, written out (k1 1.5, b 0.75, epsilon 0.25)."""
    count = len(passages)
    average = sum(map(len, passages)) / count
    vocabulary = {word for passage in passages for word in passage}
    having = {word: sum(word in passage for passage in passages) for word in vocabulary}
    idf = {w: math.log(count - n + 0.5) - math.log(n + 0.5) for w, n in having.items()}
    floor = 0.25 * sum(idf.values()) / len(idf)
    idf = {word: floor if value < 0 else value for word, value in idf.items()}
    scores = []
    for passage in passages:
        score = 0.0
        for word in query:
            n = passage.count(word)
            norm = 1.5 * (1 - 0.75 + 0.75 * len(passage) / average)
            score += idf.get(word, 0.0) * n * 2.5 / (n + norm)
        scores.append(score)
    return scores


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n!?…_ 。", []),
        ("The CAT's 3 Straßen", ["the", "cat", "s", "3", "strassen"]),
        ("cafe\u0301 CAFÉ", ["café", "café"]),
        ("snake_case", ["snake", "case"]),
        ("이", ["이"]),
        ("새가", ["새가"]),
        ("고양이가", ["고양이가", "고양", "양이", "이가"]),
        (unicodedata.normalize("NFD", "고양이"), ["고양이", "고양", "양이"]),
        ("BM25를", ["bm25", "를"]),
        ("서울2024년까지", ["서울", "2024", "년까지", "년까", "까지"]),
        ("東京都に", ["東京都に", "東京", "京都", "都に"]),
    ],
)
def test_words(text, expected):
    assert words(text) == expected


def test_a_korean_noun_is_shared_whatever_particle_follows_it():
    assert {"고양", "양이"} <= set(words("고양이가")) & set(words("고양이는"))


@given(st.text())
def test_words_are_folded_already(text):
    for word in words(text):
        assert word in words(word)


@pytest.mark.parametrize("query", ["cat", "the cat", "cat cat dog", "고양이는 어디에", "down day"])
def test_scores_are_okapis(query):
    tokens = [words(text) for text in TEXTS]
    expected = okapi(tokens, words(query))
    found = Bm25Index(tokens).search(query, len(TEXTS))
    assert found
    for place, score in found:
        assert score == pytest.approx(expected[place], rel=1e-12, abs=1e-12)
    assert [score for _, score in found] == sorted((s for _, s in found), reverse=True)
    sharing = {i for i, row in enumerate(tokens) if set(row) & set(words(query))}
    assert {place for place, _ in found} == sharing


def test_no_passages_and_passages_without_words_find_nothing():
    assert Bm25Index([]).search("cat", 5) == []
    assert Bm25Index([[], []]).search("cat", 5) == []


@pytest.mark.parametrize("query", ["", " ", "!!!", "zebra"])
def test_a_query_without_a_known_word_finds_nothing(query):
    assert Bm25Index([words(text) for text in TEXTS]).search(query, 5) == []


def test_one_passage_is_found_though_its_score_is_not_positive():
    ((place, score),) = Bm25Index([words("the cat")]).search("cat", 5)
    assert place == 0
    assert score < 0


def test_a_word_of_every_passage_finds_them_all_and_k_bounds_them():
    index = Bm25Index([["a", "x"], ["a", "y"], ["a", "z"]])
    assert [place for place, _ in index.search("a", 20)] == [0, 1, 2]  # ties: lower index first
    assert [place for place, _ in index.search("a", 2)] == [0, 1]


def test_the_heading_is_searched_too(make_corpus):
    corpus = make_corpus("one", "two", heading="Lighthouse")
    assert len(bm25_index(corpus).search("lighthouse", 5)) == 2


def test_an_index_is_made_once_in_a_process_and_read_by_the_next(make_corpus, home, monkeypatch):
    corpus = make_corpus(*TEXTS)
    first = bm25_index(corpus)
    assert bm25_index(make_corpus(*TEXTS, id="other")) is first
    (file,) = (home / "indexes").iterdir()
    assert json.loads(file.read_text()) == [words(text) for text in TEXTS]
    bm25._indexes.clear()
    real = bm25.words
    asked = []
    monkeypatch.setattr(bm25, "words", lambda text: asked.append(text) or real(text))
    assert bm25_index(corpus).search("cat", 5) == first.search("cat", 5)
    assert set(asked) == {"cat"}


def test_a_heading_that_repeats_is_kept_in_memory_once(make_corpus):
    tokens = bm25._tokens(make_corpus("one", "two", "three", heading="등대지기 lamp"))
    assert len({id(word) for row in tokens for word in row}) == len(set().union(*tokens))


def test_an_index_of_own_documents_stays_in_memory(make_corpus, home):
    corpus = make_corpus(*TEXTS, own=True)
    first = bm25_index(corpus)
    assert bm25_index(corpus) is first
    assert not (home / "indexes").exists()
    bm25_index(make_corpus(*TEXTS))  # the same words, shipped: kept on disk, and not read from it
    assert len(list((home / "indexes").iterdir())) == 1


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"null", b"[]", b"[[1],[],[],[],[]]", b"[" * 100_000, b"\xff"]
)
def test_a_damaged_file_is_built_again(make_corpus, home, damage):
    corpus = make_corpus(*TEXTS)
    before = bm25_index(corpus).search("cat", 5)
    (file,) = (home / "indexes").iterdir()
    sound = file.read_bytes()
    file.write_bytes(damage)
    bm25._indexes.clear()
    assert bm25_index(corpus).search("cat", 5) == before
    assert file.read_bytes() == sound


def test_a_home_that_cannot_be_written_costs_nothing_but_time(make_corpus, home):
    home.write_text("a file where the folder should be")
    assert bm25_index(make_corpus(*TEXTS)).search("dog", 1)[0][0] == 1
