"""Terms beyond plain words: stems and morphemes."""

from __future__ import annotations

import sys
import types
from typing import NamedTuple

import pytest

from playground.errors import CorpusError
from playground.retrieval.answers import answer_contained
from playground.retrieval.lexical import terms
from playground.retrieval.lexical.terms import Terms, words
from playground.retrieval.search import matched

STEMS = Terms(stem=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        # From the algorithm's published word list (Porter2, Snowball's English)
        ("consigned consigning consignment", ["consign", "consign", "consign"]),
        ("knack knackeries knavish", ["knack", "knackeri", "knavish"]),
        ("Boats BOAT boat", ["boat", "boat", "boat"]),
        ("café 42 x86", ["café", "42", "x86"]),  # not ASCII, or no word: as it is
        ("고양이가", ["고양이가", "고양", "양이", "이가"]),
    ],
)
def test_english_words_are_cut_to_their_stems(text, expected):
    assert words(text, STEMS) == expected


def test_a_stem_marks_the_whole_word_that_has_it():
    text = "The boats were sailing."
    spans = matched(text, frozenset(words("sail a boat", STEMS)) - {"a"}, STEMS)
    assert [text[start:end] for start, end in spans] == ["boats", "sailing"]
    assert matched(text, frozenset(words("sail a boat")) - {"a"}) == ()


def test_a_marked_word_is_marked_where_it_stands_though_it_is_written_otherwise():
    for text, query, expected in [
        ("ein ＢＭ２５ mehr", "bm25", ["ＢＭ２５"]),
        ("قرأ كِتَابًا أمس", "كتابا", ["كِتَابًا"]),
        ("in İstanbul, IŞIK", "istanbul ışık", ["İstanbul", "IŞIK"]),
        ("हिन्दी नमस्ते", "नमस्ते", ["नमस्ते"]),
        ("of\ufb01ce hours", "office", ["of\ufb01ce"]),
        ("5㎏ apples", "kg", []),  # 5㎏ is one word, 5kg
        ("5㎏ apples", "5kg", ["5㎏"]),
    ]:
        spans = matched(text, frozenset(words(query)))
        assert [text[start:end] for start, end in spans] == expected, text


class Morpheme(NamedTuple):
    form: str
    tag: str


@pytest.fixture
def fake_kiwi(monkeypatch):
    known = {
        "고양이가": [Morpheme("고양이", "NNG"), Morpheme("가", "JKS")],
        "먹었다": [Morpheme("먹", "VV"), Morpheme("었", "EP"), Morpheme("다", "EF")],
        "은는": [Morpheme("은", "JX"), Morpheme("는", "JX")],
    }
    module = types.ModuleType("kiwipiepy")
    module.Kiwi = lambda: types.SimpleNamespace(tokenize=known.__getitem__)
    module.__spec__ = types.SimpleNamespace(name="kiwipiepy")
    monkeypatch.setitem(sys.modules, "kiwipiepy", module)
    for cache in (terms._analyser, terms._morphemes):
        cache.cache_clear()
    yield
    for cache in (terms._analyser, terms._morphemes):
        cache.cache_clear()


def test_morphemes_leave_particles_and_endings_out(fake_kiwi):
    how = Terms(korean="morphemes")
    assert terms.has_morphemes()
    assert words("고양이가 BM25 먹었다", how) == ["고양이", "bm25", "먹"]
    assert words("은는", how) == ["은는"]  # rather itself than nothing
    assert words("東京都", how) == ["東京都", "東京", "京都"]  # Korean only


def test_without_the_package_morphemes_are_refused(monkeypatch):
    monkeypatch.setattr(terms, "has_morphemes", lambda: False)
    terms._analyser.cache_clear()
    terms._morphemes.cache_clear()
    with pytest.raises(CorpusError, match=r"pip install kiwipiepy, or choose syllable pairs"):
        words("고양이가", Terms(korean="morphemes"))


@pytest.mark.skipif(not terms.has_morphemes(), reason="kiwipiepy is not installed")
def test_real_morphemes():
    terms._analyser.cache_clear()
    terms._morphemes.cache_clear()
    found = words("고양이가 물고기를 먹었습니다", Terms(korean="morphemes"))
    assert found[0] == "고양이"
    assert "물고기" in found
    assert "가" not in found


def test_what_means_something_else_is_no_other_form_of_a_word():
    assert set(words("10⁶ m² ½")) & {"106", "m2", "12"} == set()
    assert not answer_contained("10⁶", "There are 106.")
    assert answer_contained("İzmir", "It is in Izmir.")  # as search takes them for one
