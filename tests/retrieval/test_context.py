"""Which passages go into a prompt, in which order and in what words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.errors import CorpusError
from playground.retrieval.context import MAX_BUDGET, MAX_START, MAX_TEMPLATE, Context, arranged, asked
from playground.retrieval.passages import Passage
from playground.retrieval.search import Hit


def hits(*texts: str) -> list[Hit]:
    return [
        Hit(rank=rank, passage=Passage(f"d#{rank}", "d", "", text), score=1 / rank, matched=())
        for rank, text in enumerate(texts, start=1)
    ]


def words(text: str) -> int:
    return len(text.split())


def test_no_passage_and_no_budget_are_no_special_case():
    nothing = arranged([], Context(budget=5), words)
    assert (nothing.texts, nothing.placed, nothing.cut, nothing.shortened) == ((), (), (), False)
    found = hits("a b c", "d e")
    assert arranged(found, Context(), words).texts == ("a b c", "d e")


def test_passages_go_in_whole_from_the_best_until_one_does_not_fit():
    found = hits("a b", "c d e", "f")
    fitting = arranged(found, Context(budget=4), words)
    assert fitting.texts == ("a b",)  # the third would fit, but a better one did not
    assert fitting.cut == tuple(found[1:])
    assert not fitting.shortened
    assert arranged(found, Context(budget=5), words).texts == ("a b", "c d e")
    assert arranged(found, Context(budget=6), words).cut == ()


def test_of_a_best_passage_that_is_too_long_only_the_first_words_stay():
    found = hits("one two three four", "five")
    fitting = arranged(found, Context(budget=3), words)
    assert (fitting.texts, fitting.shortened) == (("one two three",), True)
    assert fitting.placed == (found[0],)
    assert fitting.cut == (found[1],)


def test_where_not_one_word_fits_nothing_is_put_in():
    fitting = arranged(hits("word"), Context(budget=1), lambda text: 2)
    assert (fitting.texts, fitting.placed, len(fitting.cut)) == ((), (), 1)
    assert not fitting.shortened


@pytest.mark.parametrize("budget", [None, 4])
def test_the_best_can_stand_last(budget):
    found = hits("a b", "c d", "e f")
    fitting = arranged(found, Context(order="best_last", budget=budget), words)
    expected = [found[2], found[1], found[0]] if budget is None else [found[1], found[0]]
    assert list(fitting.placed) == expected
    assert list(fitting.texts) == [hit.passage.text for hit in expected]


@given(
    st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=6).map(" ".join), max_size=6),
    st.integers(1, 20),
    st.sampled_from(["best_first", "best_last"]),
)
def test_what_stands_there_fits_and_nothing_is_lost(texts, budget, order):
    found = hits(*texts)
    fitting = arranged(found, Context(order=order, budget=budget), words)
    assert words("\n\n".join(fitting.texts)) <= budget
    assert sorted([*fitting.placed, *fitting.cut], key=lambda hit: hit.rank) == found
    if fitting.shortened:
        assert texts[0].startswith(fitting.texts[0])
        assert words(fitting.texts[0]) == budget


def test_a_template_puts_passages_and_question_where_it_says():
    context = Context(template="Q {question} P {passages}!", start=" So, ")
    assert asked(["a", "b"], "who?", "en", context) == ("Q who? P a\n\nb!", "So,")


def test_what_a_visitor_or_a_document_wrote_is_no_part_of_the_template():
    text, _ = asked(["{question} {0.__class__}"], "{passages}?", "en")
    assert text == "Context:\n{question} {0.__class__}\n\nQuestion: {passages}?\nAnswer:"


def test_the_usual_template_is_of_the_documents_language():
    assert asked(["가"], "나?", "ko") == ("문맥:\n가\n\n질문: 나?\n답:", "문맥에 따르면")
    assert asked(["a"], "b?", "xx")[1] == "According to the context,"
    assert asked(["a"], "b?", "en", Context(start=""))[1] == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"order": "worst"}, "Order worst is unknown"),
        ({"budget": 0}, "budget of 0 tokens"),
        ({"budget": -5}, "budget of -5 tokens"),
        ({"budget": MAX_BUDGET + 1}, "from 1 to 8000"),
        ({"budget": True}, "budget of True"),
        ({"budget": 1.5}, "budget of 1.5"),
        ({"template": "{passages}"}, "needs {passages} and {question}"),
        ({"template": "{passages}{question}" + "x" * MAX_TEMPLATE}, "at most 2000 characters"),
        ({"template": 5}, "needs {passages}"),
        ({"start": "x" * (MAX_START + 1)}, "longer than 200"),
        ({"start": 0}, "beginning of the answer"),
        ({"start": False}, "beginning of the answer"),
        ({"start": []}, "beginning of the answer"),
    ],
)
def test_what_is_out_of_its_bounds_is_refused(change, message):
    with pytest.raises(CorpusError, match=message):
        replace(Context(), **change)
