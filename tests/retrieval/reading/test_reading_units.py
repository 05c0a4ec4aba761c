"""The small pieces: names, encodings, lines, delimiters."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.errors import CorpusError
from playground.retrieval.reading.decoding import decode_text
from playground.retrieval.reading.limits import MAX_LINE_CHARACTERS
from playground.retrieval.reading.names import KINDS, document_name, numbered
from playground.retrieval.reading.parts import tidy
from playground.retrieval.reading.text_files import MAX_NAME_CHARS
from playground.sheets import delimiter_of


@given(st.text(), st.sampled_from(["", *KINDS, ".PDF"]))
def test_any_name_is_safe_short_and_keeps_its_kind(stem, suffix):
    name = document_name(stem + suffix)
    assert 0 < len(name) <= MAX_NAME_CHARS
    assert not set(name) & set("/\\\0\n")
    assert not any(unicodedata.category(c).startswith("C") for c in name)
    assert name.endswith(suffix)
    assert name not in (".", "..")


def test_numbers_tell_names_apart_in_any_case_of_letters():
    taken: set[str] = set()
    names = [numbered(name, taken) for name in ["a.txt", "A.TXT", "a.txt", "a (2).txt", "b.txt"]]
    assert names == ["a.txt", "A (2).TXT", "a (3).txt", "a (2) (2).txt", "b.txt"]
    long = "x" * 76 + ".txt"
    assert [len(numbered(long, taken)) for _ in range(12)] == [MAX_NAME_CHARS] * 12


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_utf8_always_comes_back(text):
    if not text.encode().strip() or text.startswith("\ufeff"):
        return
    assert decode_text("a.txt", text.encode()) == (text, "utf-8")
    assert decode_text("a.txt", text.encode("utf-8-sig")) == (text, "utf-8-sig")
    assert decode_text("a.txt", text.encode("utf-16")) == (text, "utf-16")


@given(st.binary())
def test_any_bytes_are_text_without_zeros_or_refused(data):
    try:
        text, encoding = decode_text("a.txt", data)
    except CorpusError:
        return
    assert "\0" not in text
    assert text.encode(encoding)


@given(st.text())
def test_tidy_text_stays_as_it_is(text):
    tidied = tidy(text)
    assert tidy(tidied) == tidied
    tidied.encode()  # no lone surrogates
    assert {c for c in tidied if unicodedata.category(c) in ("Cc", "Zl", "Zp")} <= {"\t", "\n"}


@pytest.mark.parametrize("unit", ["x", "가", "word ", " ", "a" * 99_999 + " "])
@pytest.mark.parametrize("length", [0, 1, 99_999, 100_000, 100_001, 250_000])
def test_no_line_is_longer_than_the_limit_and_no_word_is_lost(unit, length):
    text = (unit * (length // len(unit) + 1))[:length]
    tidied = tidy(text)
    assert max(map(len, tidied.split("\n"))) <= MAX_LINE_CHARACTERS
    assert tidied.replace("\n", "").replace(" ", "") == text.replace(" ", "")
    if " " in unit.strip("x"):
        assert tidied.split() == text.split()


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2", ","),
        ("a;b\n1,5;2,5", ";"),
        ("a\tb, c\n1\t2", "\t"),
        ("a|b|c\n1|2|3", "|"),
        ('"a;b;c",d\n1,2', ","),
        ("plain\nlines", ","),
        ("", ","),
        ("\n\n", ","),
        ("a,b,c," * 100_000, ","),
    ],
)
def test_the_delimiter_is_the_one_that_all_rows_share(text, delimiter):
    assert delimiter_of(text) == delimiter
