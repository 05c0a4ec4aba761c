"""What the browser keeps of a question: it comes back as it was, and nothing else is taken for it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.ask.cards import WayCard, Wording
from playground.ask.question import Asked
from playground.ask.sheet import MAX_CHARACTERS, AskSheet, ask_sheet_from_json, ask_sheet_to_json
from playground.errors import Message, PlaygroundError
from playground.lab.collateral import Kept

WORDING = Wording(question="¿<b>?", text="“네”", right=True, passage="text#1", stood="It is.", held=False)
CARDS = (
    WayCard(way="base", wordings=(replace(WORDING, right=None, held=None),) * 4, answer_seconds=0.5, prompt_tokens=9),
    WayCard(
        way="rome",
        wordings=(WORDING,) * 4,
        continued="at 7",
        seconds=1.5,
        answer_seconds=0.25,
        bytes=4096,
        kept=Kept(39, 40),
        recipe={"model": "m", "edits": [{"kind": "edit_fact", "facts": [{"target": "네"}]}]},
    ),
    WayCard(way="lora", error=Message("{text}", {"text": "No {room}."})),
)
ABOUT = Asked(question="When?", answer="at 7:30", text="It opens.", needs=("cite", "bare"), begun=True, seed=7)
SHEET = AskSheet(
    about=ABOUT, model="m", ways=("base", "rome", "lora"), cards=CARDS, then=CARDS[1:2], new="at 8:00 | 8 am"
)


def test_a_sheet_comes_back_as_it_was():
    assert ask_sheet_from_json(json.loads(json.dumps(ask_sheet_to_json(SHEET)))) == SHEET


def test_it_is_done_when_each_way_failed_or_was_asked_what_else_changed():
    assert SHEET.done
    assert not replace(SHEET, cards=CARDS[:2]).done
    assert not replace(SHEET, cards=(CARDS[0], replace(CARDS[1], kept=None), CARDS[2])).done


def test_new_cards_take_the_place_of_old_ones_and_errors_are_told_in_the_visitors_words():
    failed = WayCard(way="rome", error=Message("The {thing} {open", {"thing": "x"}))
    grown = SHEET.with_cards([failed, WayCard(way="found")], lambda message: "안 됩니다 {x}")
    assert [card.way for card in grown.cards] == ["base", "found", "rome", "lora"]  # in the order of the ways
    assert str(grown.cards[2].error) == "안 됩니다 {x}"
    assert grown.cards[0] is CARDS[0]


def damaged(path, value):
    """The sheet as JSON with one value in it replaced, or a key added."""
    data = ask_sheet_to_json(SHEET)
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return data


ROME = ("cards", 1)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "sheet",
        {},
        damaged(("ways",), ["base", "magic"]),
        damaged(("ways",), ["base"] * 9),
        damaged(("cards",), ask_sheet_to_json(SHEET)["cards"] * 2),
        damaged(("then",), ask_sheet_to_json(SHEET)["then"] * 2),
        damaged((*ROME, "way"), "magic"),
        damaged(("cards",), 7),
        damaged((*ROME, "wordings"), ask_sheet_to_json(SHEET)["cards"][1]["wordings"][:3]),
        damaged((*ROME, "seconds"), float("nan")),
        damaged((*ROME, "seconds"), float("inf")),
        damaged((*ROME, "answer_seconds"), -1),
        damaged((*ROME, "bytes"), 10**400),
        damaged((*ROME, "bytes"), "many"),
        damaged((*ROME, "prompt_tokens"), -1),
        damaged((*ROME, "kept"), {"right": 41, "of": 40}),
        damaged((*ROME, "kept"), {"right": 0, "of": 10**9}),
        damaged((*ROME, "recipe"), "a recipe"),
        damaged(("cards", 2, "error"), {"template": "{text.__class__}", "values": {"text": "x"}}),
        damaged(("cards", 2, "error"), {"template": "{text:>9000000000}", "values": {"text": "x"}}),
        damaged(("cards", 2, "error"), {"template": "{text}", "values": {}}),
        damaged(("about", "question"), ""),
        damaged(("about", "needs"), ["speed"]),
        damaged(("about", "seed"), 10**400),
        damaged(("about", "text"), "\ud800"),
        damaged(("cards", 0, "continued"), "\ud800"),
        damaged(("new",), "a" * MAX_CHARACTERS),
    ],
)
def test_what_was_damaged_is_refused_in_one_sentence(data):
    with pytest.raises(PlaygroundError, match="cannot be read"):
        ask_sheet_from_json(data)


def test_a_deep_nest_is_refused():
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(PlaygroundError, match="cannot be read"):
        ask_sheet_from_json(damaged((*ROME, "recipe"), {"edits": deep}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
PLACES = [
    ("about",),
    ("ways",),
    ("cards",),
    ("cards", 0),
    ("then",),
    ("new",),
    *((*ROME, name) for name in ask_sheet_to_json(SHEET)["cards"][1]),
    *((*ROME, "wordings", 0, name) for name in ask_sheet_to_json(SHEET)["cards"][1]["wordings"][0]),
    ("cards", 2, "error"),
    ("cards", 2, "error", "values"),
]


@given(st.sampled_from(PLACES), JSON)
def test_whatever_a_browser_holds_is_read_or_refused(place, value):
    try:
        sheet = ask_sheet_from_json(damaged(place, value))
    except PlaygroundError:
        return
    assert ask_sheet_from_json(ask_sheet_to_json(sheet)) == sheet
    for card in sheet.cards:
        assert card.error is None or isinstance(str(card.error), str)
