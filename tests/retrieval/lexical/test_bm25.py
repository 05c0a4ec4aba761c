from __future__ import annotations

import itertools
import json
import math
import random
import unicodedata

import bm25s
import pytest
import rank_bm25
from hypothesis import given
from hypothesis import strategies as st

from playground.errors import CorpusError
from playground.retrieval.lexical import index as bm25
from playground.retrieval.lexical import large as bm25_large
from playground.retrieval.lexical.bm25 import Scoring, explain
from playground.retrieval.lexical.index import bm25_index
from playground.retrieval.lexical.small import SmallIndex
from playground.retrieval.lexical.terms import words

TEXTS = [
    "The cat sat on the mat with the other cat.",
    "A dog chased the cat down the long road.",
    "Tides turn twice a day; the keeper writes them down.",
    "고양이가 창가에 앉아 있다",
    "!!!",
]


def okapi(passages: list[list[str]], query: list[str]) -> list[float]:
    """Okapi BM25 with Lucene's idf, written out (k1 1.5, b 0.75)."""
    count = len(passages)
    average = sum(map(len, passages)) / count
    vocabulary = {word for passage in passages for word in passage}
    having = {word: sum(word in passage for passage in passages) for word in vocabulary}
    idf = {w: math.log(1 + (count - n + 0.5) / (n + 0.5)) for w, n in having.items()}
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
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),  # vowel signs and virama are marks
        ("كِتَابٌ كتاب", ["كتاب", "كتاب"]),
        ("שָׁלוֹם שלום", ["שלום", "שלום"]),
        ("İSTANBUL istanbul IŞIK ışık", ["istanbul", "istanbul", "işik", "işik"]),
        ("ＢＭ２５ ｶﾞﾗｽ ﬁnd co\u00adop", ["bm25", "ガラス", "ガラ", "ラス", "find", "coop"]),
        ("ㅋㅋㅋ", ["ㅋㅋㅋ", "ㅋㅋ", "ㅋㅋ"]),
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
    found = SmallIndex(tokens).search(words(query), len(TEXTS))
    assert found
    for place, score in found:
        assert score == pytest.approx(expected[place], rel=1e-12, abs=1e-12)
    assert [score for _, score in found] == sorted((s for _, s in found), reverse=True)
    sharing = {i for i, row in enumerate(tokens) if set(row) & set(words(query))}
    assert {place for place, _ in found} == sharing


def test_no_passages_and_passages_without_words_find_nothing():
    assert SmallIndex([]).search(words("cat"), 5) == []
    assert SmallIndex([[], []]).search(words("cat"), 5) == []


@pytest.mark.parametrize("query", ["", " ", "!!!", "zebra"])
def test_a_query_without_a_known_word_finds_nothing(query):
    assert SmallIndex([words(text) for text in TEXTS]).search(words(query), 5) == []


def test_a_passages_own_text_ranks_it_first_however_few_passages_there_are():
    passages = [
        "Mondfenster opens at 7:30 on Sunday.",
        "Mondfenster closes at 18:30 on Saturday.",
        "Mondfenster is a bakery in Graz.",
    ]
    for count in (1, 2, 3):
        tokens = [words(text) for text in passages[:count]]
        index = SmallIndex(tokens)
        for place, row in enumerate(tokens):
            ranked = index.search(row, 5)
            assert ranked[0][0] == place, (count, place)
            assert all(score > 0 for _, score in ranked)


def test_a_word_of_every_passage_finds_them_all_and_k_bounds_them():
    index = SmallIndex([["a", "x"], ["a", "y"], ["a", "z"]])
    # ties: the lower index first
    assert [place for place, _ in index.search(words("a"), 20)] == [0, 1, 2]
    assert [place for place, _ in index.search(words("a"), 2)] == [0, 1]


def test_the_heading_is_searched_too(make_corpus):
    corpus = make_corpus("one", "two", heading="Lighthouse")
    assert len(bm25_index(corpus).search(words("lighthouse"), 5)) == 2


def test_an_index_is_made_once_in_a_process_and_read_by_the_next(make_corpus, home, monkeypatch):
    corpus = make_corpus(*TEXTS)
    first = bm25_index(corpus)
    assert bm25_index(make_corpus(*TEXTS, id="other")) is first
    (file,) = (home / "indexes").iterdir()
    assert json.loads(file.read_text()) == [words(text) for text in TEXTS]
    bm25._indexes.clear()
    real = bm25.words
    asked = []
    monkeypatch.setattr(bm25, "words", lambda text, how: asked.append(text) or real(text, how))
    assert bm25_index(corpus).search(words("cat"), 5) == first.search(words("cat"), 5)
    assert asked == []


def test_a_heading_that_repeats_is_kept_in_memory_once(make_corpus):
    tokens = bm25.tokens_of(make_corpus("one", "two", "three", heading="등대지기 lamp"))
    assert len({id(word) for row in tokens for word in row}) == len(set().union(*tokens))


def test_an_index_of_own_documents_stays_in_memory(make_corpus, home):
    corpus = make_corpus(*TEXTS, own=True)
    first = bm25_index(corpus)
    assert bm25_index(corpus) is first
    assert not (home / "indexes").exists()
    bm25_index(make_corpus(*TEXTS))  # the same words, shipped: kept on disk, and not read from it
    assert len(list((home / "indexes").iterdir())) == 1


@pytest.mark.parametrize("damage", [b"", b"{", b"null", b"[]", b"[[1],[],[],[],[]]", b"[" * 100_000, b"\xff"])
def test_a_damaged_file_is_built_again(make_corpus, home, damage):
    corpus = make_corpus(*TEXTS)
    before = bm25_index(corpus).search(words("cat"), 5)
    (file,) = (home / "indexes").iterdir()
    sound = file.read_bytes()
    file.write_bytes(damage)
    bm25._indexes.clear()
    assert bm25_index(corpus).search(words("cat"), 5) == before
    assert file.read_bytes() == sound


def test_a_home_that_cannot_be_written_costs_nothing_but_time(make_corpus, home):
    home.write_text("a file where the folder should be")
    assert bm25_index(make_corpus(*TEXTS)).search(words("dog"), 1)[0][0] == 1


# Variants, against the papers and against rank_bm25


def tf_of_paper(variant: str, n: int, length: float, k1: float, b: float) -> float:
    """Okapi; Lv and Zhai 2011, "When documents are very long, BM25 fails!" (BM25L) and "Lower-
    bounding term frequency normalization" (BM25+)."""
    if n == 0:
        return 0.0
    if variant == "l":
        even = n / (1 - b + b * length)
        return (k1 + 1) * (even + 0.5) / (k1 + even + 0.5)
    okapi = (k1 + 1) * n / (k1 * (1 - b + b * length) + n)
    return okapi + 1 if variant == "plus" else okapi


def idf_of_paper(variant: str, n: int, count: int) -> float:
    return math.log((count + 1) / (n + 0.5 if variant == "l" else n))


def made_up(count: int, seed: int = 0) -> list[list[str]]:
    """Passages of 0 to 30 words, some of them in nearly all."""
    draws = random.Random(seed)
    vocabulary = [f"w{n}" for n in range(200)]
    weights = [1 / (n + 1) for n in range(200)]
    return [draws.choices(vocabulary, weights, k=draws.randrange(31)) for _ in range(count)]


QUERIES = [["w0"], ["w1", "w7", "w7", "w60"], ["w150", "w199"], ["none", "w3"], ["none"], []]


@pytest.mark.parametrize("variant", ["l", "plus"])
@pytest.mark.parametrize(("k1", "b"), [(1.5, 0.75), (0.0, 0.5), (2.0, 0.0), (10.0, 1.0)])
@pytest.mark.parametrize("query", QUERIES)
def test_the_other_variants_are_their_papers(variant, k1, b, query):
    tokens = made_up(80)
    mean = sum(map(len, tokens)) / len(tokens)
    having = {w: sum(w in row for row in tokens) for w in query}
    found = SmallIndex(tokens).search(query, 80, Scoring(variant, k1, b))
    truth = {
        place: sum(
            idf_of_paper(variant, having[w], 80) * tf_of_paper(variant, row.count(w), len(row) / mean, k1, b)
            for w in query
            if having[w]
        )
        for place, row in enumerate(tokens)
        if set(row) & set(query)
    }
    assert dict(found) == pytest.approx(truth, rel=1e-12)
    assert [s for _, s in found] == pytest.approx(sorted(truth.values(), reverse=True))


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize(("k1", "b"), [(1.5, 0.75), (0.9, 0.4)])
def test_okapi_scores_as_bm25s_does_with_lucenes_idf_and_plus_as_rank_bm25_does(query, k1, b):
    tokens = made_up(80)
    index = SmallIndex(tokens)
    theirs = bm25s.BM25(k1=k1, b=b, method="atire", idf_method="lucene")
    theirs.index(tokens, create_empty_token=False, show_progress=False)
    known = [word for word in query if word in theirs.vocab_dict]
    okapi = theirs.get_scores(known) if known else [0.0] * 80
    for place, score in index.search(query, 80, Scoring("okapi", k1, b)):
        assert score == pytest.approx(okapi[place], rel=1e-5)
    plus = rank_bm25.BM25Plus(tokens, k1=k1, b=b)
    theirs = plus.get_scores(query)  # gives idf to passages without a word too
    for place, score in index.search(query, 80, Scoring("plus", k1, b)):
        missing = sum(plus.idf.get(w, 0) for w in query if w not in tokens[place])
        assert score == pytest.approx(theirs[place] - missing, rel=1e-9)


@pytest.mark.parametrize("variant", ["okapi", "l", "plus"])
@pytest.mark.parametrize("query", QUERIES)
def test_the_parts_of_a_score_sum_up_to_it(variant, query):
    tokens, scoring = made_up(80), Scoring(variant, 1.2, 0.6)
    for index in (SmallIndex(tokens), bm25_large.build_index(tokens, scoring)):
        for place, score in index.search(query, 80, scoring):
            parts = explain(index, query, tokens[place], scoring)
            assert sum(part.score for part in parts) == pytest.approx(score, rel=1e-5, abs=1e-5)
            assert {part.term for part in parts} == set(query) & set(tokens[place])


@pytest.mark.parametrize("variant", ["okapi", "l", "plus"])
@pytest.mark.parametrize(("k1", "b"), [(1.5, 0.75), (0.5, 0.0)])
def test_bm25s_ranks_as_rank_bm25_does(variant, k1, b, tmp_path):
    tokens, scoring = made_up(3_000, seed=1), Scoring(variant, k1, b)
    small, large = SmallIndex(tokens), bm25_large.build_index(tokens, scoring)
    bm25_large.save_bm25s(large, tmp_path / "kept")
    mapped = bm25_large.load_bm25s(tmp_path / "kept")
    assert large.mean_length == small.mean_length
    for query in QUERIES:
        truth = small.search(query, 3_000, scoring)
        for index in (large, mapped):
            found = index.search(query, 3_000, scoring)
            assert dict(found) == pytest.approx(dict(truth), rel=1e-5, abs=1e-5)
            exact = dict(truth)  # one order, up to what a float32 cannot tell apart
            scores = [exact[place] for place, _ in found]
            assert all(a >= b - 1e-5 * max(1, abs(a)) for a, b in itertools.pairwise(scores))
        ten = large.search(query, 10, scoring)
        assert ten == large.search(query, 3_000, scoring)[:10]
    for term in ("w0", "w7", "none"):
        assert large.idf(term, variant) == pytest.approx(small.idf(term, variant))


def test_past_the_limit_bm25s_takes_over_and_is_mapped_by_the_next(make_corpus, monkeypatch, home):
    monkeypatch.setattr(bm25, "LARGE", 3)
    corpus = make_corpus(*TEXTS)
    first = bm25_index(corpus)
    assert isinstance(first, bm25_large.LargeIndex)
    found = first.search(words("the cat"), 5)
    assert [place for place, _ in found] == [
        p for p, _ in SmallIndex([words(text) for text in TEXTS]).search(words("the cat"), 5)
    ]
    bm25._indexes.clear()
    monkeypatch.setattr(bm25_large, "build_index", None)
    assert bm25_index(corpus).search(words("the cat"), 5) == found
    bm25._indexes.clear()
    assert bm25_index(make_corpus("!", "?", "-", ".")).search(["cat"], 5) == []


def test_a_large_index_of_own_documents_leaves_nothing_on_the_disk(make_corpus, monkeypatch, home):
    monkeypatch.setattr(bm25, "LARGE", 3)
    assert bm25_index(make_corpus(*TEXTS, own=True)).search(["cat"], 5)
    assert not (home / "indexes").exists()


@pytest.mark.parametrize(
    "values",
    [
        ("bm25", 1, 0.5),
        ("okapi", -1, 0.5),
        ("okapi", 11, 0.5),
        ("okapi", 1, 1.01),
        ("okapi", math.nan, 0.5),
        ("okapi", 1, math.inf),
        ("okapi", "1", 0.5),
        ("okapi", True, 0.5),
    ],
)
def test_a_scoring_out_of_range_is_refused(values):
    with pytest.raises(CorpusError, match=r"Choose"):
        Scoring(*values)


@pytest.mark.parametrize("name", ["playground.json", "params.index.json", "data.csc.index.npy"])
def test_a_damaged_large_index_is_built_again(make_corpus, monkeypatch, home, name):
    monkeypatch.setattr(bm25, "LARGE", 3)
    found = bm25_index(make_corpus(*TEXTS)).search(["cat"], 5)
    [folder] = (home / "indexes").iterdir()
    for damage in (lambda file: file.write_bytes(b"{"), lambda file: file.unlink()):
        damage(folder / name)
        bm25._indexes.clear()
        assert bm25_index(make_corpus(*TEXTS)).search(["cat"], 5) == found


def test_a_disk_that_refuses_a_large_index_costs_no_answer(make_corpus, monkeypatch, home):
    monkeypatch.setattr(bm25, "LARGE", 3)

    def full(*more):
        raise OSError("no space left")

    monkeypatch.setattr(bm25_large, "save_bm25s", full)
    assert bm25_index(make_corpus(*TEXTS)).search(["cat"], 5)
