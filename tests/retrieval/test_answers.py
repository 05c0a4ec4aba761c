"""What an output holds, by text alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.retrieval.answers import answer_contained, supported, supported_share, token_f1


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


PASSAGES = [
    "Skarrow lies 31 kilometres off the mainland port of Brennick.",
    "The keeper lights the lamp at dusk. 등대지기는 해 질 녘에 등불을 켭니다.",
]


@pytest.mark.parametrize(
    ("answer", "stretches"),
    [
        ("", []),
        ("I do not know.", []),
        (
            "According to the text, SKARROW lies 31 kilometres off, the port.",
            [("SKARROW lies 31 kilometres off, the", 0), ("port", 0)],
        ),
        ("It is 31.", [("31", 0)]),
        ("The lamp, at dusk", [("The lamp, at dusk", 1)]),
        ("at dusk the keeper", [("at dusk", 1), ("the keeper", 1)]),
        ("of the off", []),  # stop words by themselves say nothing
        ("등대지기가 해 질 무렵", [("등대지기가 해 질", 1)]),  # particles differ
        ("등대지기가 등불을", []),  # not in a row there
    ],
)
def test_what_stands_in_a_passage_is_marked_with_its_place(answer, stretches):
    found = supported(answer, PASSAGES)
    marked = [(answer[slice(*one.span)], one.source) for one in found]
    assert marked == stretches


def test_the_place_in_the_passage_holds_the_same_words():
    [one] = supported("so THE LAMP AT DUSK!", PASSAGES)
    assert PASSAGES[one.source][slice(*one.passage_span)] == "the lamp at dusk"


def test_of_two_passages_the_longer_stretch_counts_and_then_the_first():
    [one] = supported("red cats sleep long", ["red cats run", "where red cats sleep long"])
    assert one.source == 1
    assert supported("red cats sleep", ["red cats sleep", "red cats sleep"])[0].source == 0


def test_the_share_of_an_answer_that_is_supported():
    answer = "Surely Skarrow lies 31 kilometres away"
    found = supported(answer, PASSAGES)
    assert supported_share(answer, found) == pytest.approx(4 / 6)
    assert supported_share("", []) == 0
    assert supported_share("Anything", []) == 0


@given(st.text(max_size=60), st.lists(st.text(max_size=60), max_size=3))
def test_stretches_are_in_order_and_apart(answer, passages):
    found = supported(answer, passages)
    ends = [0, *(end for one in found for end in one.span)]
    assert ends == sorted(ends)
    assert 0 <= supported_share(answer, found) <= 1
    for one in found:
        assert passages[one.source][slice(*one.passage_span)]


@pytest.mark.parametrize(
    ("answer", "output", "f1"),
    [
        ("", "", 0.0),
        ("a", "the", 0.0),
        ("noon", "", 0.0),
        ("", "noon", 0.0),
        ("noon", "Noon!", 1.0),
        ("at noon", "the bell rings at noon", 2 * (2 / 4) * 1 / (2 / 4 + 1)),
        ("red red lamp", "red lamp", 2 * 1 * (2 / 3) / (1 + 2 / 3)),
        ("1,000 kg", "1000 kg", 1.0),
        ("등대", "등대에서", 2 * (2 / 4) * 1 / (2 / 4 + 1)),
        ("sea", "seal", 0.0),
        ("1995년", "1995년에", 2 * (2 / 3) * 1 / (2 / 3 + 1)),
        ("SOS", "SOS를", 2 * (1 / 2) * 1 / (1 / 2 + 1)),
    ],
)
def test_token_f1_by_hand(answer, output, f1):
    assert token_f1(answer, output) == pytest.approx(f1)


@given(st.text(max_size=30), st.text(max_size=30))
def test_token_f1_is_even_handed_and_within_its_bounds(one, other):
    assert 0 <= token_f1(one, other) <= 1
    assert token_f1(one, other) == pytest.approx(token_f1(other, one))
