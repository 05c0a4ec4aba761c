"""The verdict on Ask: cases worked by hand, and what holds for any cards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.ask.cards import WayCard, Wording
from playground.ask.phrasings import WAYS_TO_ASK
from playground.ask.question import ASK_NEEDS
from playground.ask.verdict import PASSES, ask_verdict, differ, ruled_in
from playground.ask.ways import ASK_WAYS
from playground.errors import Message
from playground.lab.collateral import Kept

SAMPLE = 40  # facts asked again
QUOTABLE = ("prompt", "found", "bm25", "dense")


def card(way: str, right: int | None, lost: int | None = 0, tokens: int = 20, **more: object) -> WayCard:
    """A way that answered so many wordings right (None: not judged) and lost so many facts (None: not asked)."""
    wordings = (Wording(question="?", text="!", right=None if right is None else n < right) for n in range(WAYS_TO_ASK))
    kept = None if lost is None else Kept(SAMPLE - lost, SAMPLE)
    given = {"answer_seconds": 1.0, "kept": kept, "prompt_tokens": tokens} | more
    return WayCard(way=way, wordings=tuple(wordings), **given)


# Worked cases: what was answered (right, lost), needs, whether there are texts, and the best way

CASES = [
    ("the only one that passes", "base 0 prompt 2 found 4 rome 1 lora 2", "", True, "found"),
    ("three of four are enough", "base 0 found 3", "", True, "found"),
    ("two of four are not", "base 0 found 2 rome 2", "", True, None),
    ("what is right more often", "base 0 found 3 rome 4", "", True, "rome"),
    ("a text says it: found before said", "base 0 prompt 4 found 4", "", True, "found"),
    ("no text: said before found", "base 0 prompt 4 found 4", "", False, "prompt"),
    ("level: the edit before the training", "base 0 rome 4 lora 4", "", True, "rome"),
    ("an edit that disturbs more", "base 0 rome 4/6 lora 4", "", True, "lora"),
    ("five lost may be chance", "base 0 rome 4/5 lora 4", "", True, "rome"),
    ("what must be cited stands in a text", "base 0 found 3 rome 4", "cite", True, "found"),
    ("what is said can be cited", "base 0 prompt 4 rome 4", "cite", False, "prompt"),
    ("no text may go along", "base 0 prompt 4 found 4 rome 3 lora 4", "bare", True, "lora"),
    ("many facts: no prompt, no edit", "base 0 prompt 4 rome 4 ft 4 lora 3", "many", False, "lora"),
    ("many facts are found", "base 0 prompt 4 found 3 lora 3", "many", True, "found"),
    ("cited and bare at once", "base 0 prompt 4 found 4 rome 4 lora 4", "cite bare", True, None),
    ("known already", "base 3 found 4 rome 4", "", True, "base"),
    ("known already, with a bare prompt", "base 4 rome 4", "bare", True, "base"),
    ("known, but its source must be named", "base 4 found 4", "cite", True, "found"),
    ("a style", "base 0 found 4 lora 4", "style", True, None),
    ("the visitor's own recipe", "base 0 mine 4 rome 3", "", False, "mine"),
]


def cards_of(said: str) -> list[WayCard]:
    words = said.split()
    pairs = zip(words[::2], (word.partition("/") for word in words[1::2]), strict=True)
    return [card(way, int(right), int(lost or 0)) for way, (right, _, lost) in pairs]


@pytest.mark.parametrize(("case", "said", "needs", "texts", "best"), CASES, ids=[case for case, *_ in CASES])
def test_the_best_way_of_a_worked_case(case, said, needs, texts, best):
    assert ask_verdict(cards_of(said), needs.split(), texts).best == best


def test_why_nothing_is_recommended():
    assert ask_verdict([], (), True).why.key == "nothing_yet"
    assert ask_verdict([card("base", None, answer_seconds=0.0)], (), True).why.key == "nothing_yet"  # its answers grow
    assert ask_verdict([card("base", None)], (), True).why.key == "no_answer_found"
    assert ask_verdict([card("base", None)], (), False).why.key == "no_answer"
    assert ask_verdict([card("base", 0), card("rome", 0)], ("cite",), True).why.key == "none_left"
    assert ask_verdict([card("base", 0)], (), True).why.key == "nothing_yet"
    assert ask_verdict([card("base", 0), card("rome", 0)], (), True).why.key == "none_says"
    unsure = ask_verdict([card("base", 0), card("rome", 1), card("found", 2)], (), True).why
    assert (unsure.key, unsure.values) == ("none_sure", {"way": "found", "right": 2, "of": 4})
    wrong = Wording(question="?", text="!", right=False, passage="text#1", stood="it", held=True)
    misread = WayCard(way="found", wordings=(wrong,) * 4, answer_seconds=1.0)
    for others in ([], [card("prompt", 0)]):
        assert ask_verdict([card("base", 0), *others, misread], (), True).why.key == "none_misread"


def test_what_can_be_cited_is_said_of_a_text_and_of_a_sentence_otherwise():
    base = card("base", 0)
    assert ask_verdict([base, card("found", 4)], ("cite",), True).why.key == "because_cite"
    assert ask_verdict([base, card("prompt", 4)], ("cite",), True).why.key == "because_cite_said"


@pytest.mark.parametrize(("way", "need"), [("lora", "cite"), ("prompt", "many"), ("found", "bare")])
def test_a_way_that_says_it_and_is_ruled_out_is_named_with_what_rules_it_out(way, need):
    said = ask_verdict([card("base", 0), card("rome", 1), card(way, 4)], (need,), True)
    assert (said.best, said.why.key) == (None, f"none_for_{need}")
    assert said.why.values["way"] == way
    assert [(flip.key, flip.values["way"]) for flip in said.flips] == [(f"flip_without_{need}", way)]


def test_a_way_that_failed_counts_for_nothing():
    failed = WayCard(way="rome", error=Message("No."))
    found = ask_verdict([card("base", 0), failed, card("found", 4)], (), True)
    assert (found.best, found.why.key) == ("found", "because_only")


def test_the_reason_names_the_rival_and_its_figures():
    right = ask_verdict(cards_of("base 0 found 3 rome 4"), (), True).why
    assert (right.key, right.values) == (
        "because_right",
        {"way": "rome", "right": 4, "of": 4, "other": "found", "less": 3},
    )
    calm = ask_verdict(cards_of("base 0 rome 4/6 lora 4/0"), (), True).why
    assert (calm.key, calm.values["own"], calm.values["lost"]) == ("because_calm", 0, 6)
    cheap = ask_verdict(cards_of("base 0 rome 4 lora 4"), (), True).why
    assert (cheap.key, cheap.values["other"]) == ("because_cheap", "lora")


def test_what_speaks_against_the_best_is_its_own():
    found = ask_verdict([card("base", 0, tokens=20), card("found", 3, lost=2, tokens=75)], (), True)
    against = {one.key: one.values for one in found.against}
    assert against == {
        "against_wording": {"wrong": 1, "of": 4},
        "against_lost": {"lost": 2, "of": SAMPLE},
        "against_tokens": {"tokens": 55},
    }
    written = ask_verdict([card("base", 0), card("lora", 4, seconds=12.5)], ("changes",), True)
    assert {one.key: one.values for one in written.against} == {
        "against_source": {},
        "against_again": {"seconds": 12.5},
    }


# What would turn it


def flips(said, needs=()):
    return [(one.key, one.values["way"]) for one in ask_verdict(cards_of(said), needs, True).flips]


def test_a_need_that_makes_another_the_best_is_named():
    assert flips("base 0 found 4 rome 3 lora 2") == [("flip_with_bare", "rome")]
    assert flips("base 4 found 3", ["cite"]) == [("flip_without_cite", "base")]
    assert flips("base 0 rome 4 found 3", ["bare"]) == []  # without the need it would be the same


def test_a_margin_is_named_only_where_it_would_turn_the_choice():
    """LoRA right as often as the passage would still ask for more than it."""
    assert flips("base 0 found 4 lora 3", ["changes"]) == [("flip_with_bare", "lora")]
    [_, right] = ask_verdict(cards_of("base 0 found 3 rome 3 lora 2"), (), True).flips
    assert (right.key, right.values) == ("flip_right", {"way": "rome", "gap": 1, "right": 3, "of": 4})
    [calm] = ask_verdict(cards_of("base 0 rome 4/9 lora 4"), (), True).flips
    assert (calm.key, calm.values) == ("flip_lost", {"way": "rome", "gap": 4})  # of 9, 5 would be chance


# A sign test, by hand


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (0, 0, False),
        (0, 5, False),  # 2 * 1 / 32 = 0.0625
        (0, 6, True),  # 2 * 1 / 64 = 0.03125
        (1, 7, False),  # 2 * (1 + 8) / 256 = 0.0703
        (1, 8, True),  # 2 * (1 + 9) / 512 = 0.0391
        (2, 9, False),  # 2 * (1 + 11 + 55) / 2048 = 0.0654
        (2, 10, True),  # 2 * (1 + 12 + 66) / 4096 = 0.0386
        (20, 20, False),
    ],
)
def test_a_difference_counts_where_chance_gives_it_less_than_once_in_twenty(first, second, told):
    assert differ(first, second) == differ(second, first) == told


# For any cards

LOST = st.integers(0, 12) | st.none()
CARDS = st.fixed_dictionaries({}, optional={way: st.tuples(st.integers(0, 4), LOST) for way in ASK_WAYS}).map(
    lambda given: [card(way, right, lost) for way, (right, lost) in given.items()]
)
SOME = st.sets(st.sampled_from(ASK_NEEDS)).map(tuple)


@given(CARDS, SOME, st.booleans())
def test_no_way_is_named_that_a_need_rules_out(cards, needs, texts):
    found = ask_verdict(cards, needs, texts)
    if found.best:
        assert ruled_in(found.best, needs)
        assert "cite" not in needs or found.best in QUOTABLE
        assert "bare" not in needs or found.best not in QUOTABLE
        assert "many" not in needs or found.best not in ("prompt", "rome", "ft")
        best = next(card for card in cards if card.way == found.best)
        assert best.right >= PASSES
    assert not ("style" in needs and found.best)


@given(CARDS, SOME, st.booleans())
def test_what_is_said_to_turn_the_choice_turns_it(cards, needs, texts):
    found = ask_verdict(cards, needs, texts)
    for flip in found.flips:
        way = flip.values["way"]
        assert way != found.best
        own = next(card for card in cards if card.way == way)
        changed, others = list(needs), [card for card in cards if card.way != way]
        if flip.key.startswith("flip_with_"):
            changed.append(flip.key.removeprefix("flip_with_"))
        elif flip.key.startswith("flip_without_"):
            changed.remove(flip.key.removeprefix("flip_without_"))
        elif flip.key == "flip_right":
            own = card(way, own.right + flip.values["gap"], own.kept and own.kept.of - own.kept.right)
        else:
            own = card(way, own.right, own.kept.of - own.kept.right - flip.values["gap"])
        again = sorted([*others, own], key=lambda one: list(ASK_WAYS).index(one.way))
        assert ask_verdict(again, changed, texts).best == way
