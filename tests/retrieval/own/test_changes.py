from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from playground.errors import CorpusError
from playground.retrieval.chunking.cutting import Cutting
from playground.retrieval.chunking.markdown import Cut
from playground.retrieval.own.changes import (
    MAX_PASSAGE_CHARS,
    cut_anew,
    dropped,
    edited,
    position_of,
    renamed,
    split_passage,
)
from playground.retrieval.own.stored import Collection, Stored, collection_from_json, corpus_of, to_json

ID = "own-" + "0" * 32
ONE = Cutting("sentences", 1)
TWO = Cutting("sentences", 2, 1)
BELL = "# Bell\n\nIt rings. It rests.\n\n# Tide\n\nIt rises."


def made(*texts: str, name: str = "a.md", cutting: Cutting = ONE) -> Collection:
    return Collection(tuple(Stored(name, "", text) for text in texts), cutting=cutting)


def passages(collection: Collection) -> list[tuple[str, str, str]]:
    found = corpus_of(ID, collection).passages
    return [(passage.id, passage.heading, passage.text) for passage in found]


def texts(collection: Collection) -> list[str]:
    return [text for _, _, text in passages(collection)]


# Which passage


@pytest.mark.parametrize(
    "passage",
    [
        *("", "#", "x", "a.md", "a.md#", "a.md#0", "a.md#-1", "a.md#4", "a.md#999999999999"),
        *("a.md#²", "a.md#٢", "a.md#1 ", "a.md#+1", "a.md#1.0", "a.md#01", "a.md#1\n", " a.md#1"),
        *("b.md#1", "A.MD#1", "a.md#1#1", "#1", "a.md#\ud800", None, 1, "a.md#" + "9" * 9_999),
    ],
)
def test_a_passage_that_is_not_there_is_told_and_not_taken_for_another(passage):
    collection = made(BELL)
    assert len(passages(collection)) == 3
    for change in (
        lambda: edited(collection, passage, "New."),
        lambda: split_passage(collection, passage, "New. Words.", 4),
        lambda: dropped(collection, passage),
        lambda: position_of(collection, passage),
    ):
        with pytest.raises(CorpusError, match=r"(?s)There is no passage .* any more\. Choose"):
            change()


def test_a_passage_is_found_by_its_document_and_number():
    collection = Collection((Stored("a#1", "", "One. Two."), Stored("a", "", "Three. Four.")), cutting=ONE)
    place = position_of(collection, "a#1#2")
    assert (place.document, place.cut, place.cuts[1]) == (0, 1, Cut("", 5, 9))
    place = position_of(collection, "a#1")
    assert (place.document, place.cut, place.cuts[0]) == (1, 0, Cut("", 0, 6))


def test_passages_of_records_are_counted_on_in_each_document():
    collection = Collection(
        (
            Stored("r.jsonl", "First", "One. Two."),
            Stored("s.jsonl", "", "Other."),
            Stored("r.jsonl", "", " "),
            Stored("r.jsonl", "Second", "Three. Four."),
        ),
        cutting=ONE,
    )
    changed = edited(collection, "r.jsonl#3", "Changed")
    assert [one.text for one in changed.documents] == [*("One. Two.", "Other.", " ", "Changed Four.")]
    assert passages(changed) == [
        ("r.jsonl#1", "First", "One."),
        ("r.jsonl#2", "First", "Two."),
        ("r.jsonl#3", "Second", "Changed"),
        ("r.jsonl#4", "Second", "Four."),
        ("s.jsonl#1", "", "Other."),
    ]
    left = dropped(dropped(changed, "r.jsonl#1"), "r.jsonl#1")  # all of the first record
    assert passages(left)[0] == ("r.jsonl#1", "Second", "Changed")


# An edit


def test_an_edit_is_in_the_document_and_moves_what_follows():
    before = made(BELL)
    after = edited(before, "a.md#1", "It has rung already!")
    (document,) = after.documents
    assert document.text == "# Bell\n\nIt has rung already! It rests.\n\n# Tide\n\nIt rises."
    assert passages(after) == [
        ("a.md#1", "Bell", "It has rung already!"),
        ("a.md#2", "Bell", "It rests."),
        ("a.md#3", "Tide", "It rises."),
    ]
    assert before == made(BELL)  # which was not touched
    assert texts(edited(after, "a.md#1", "x")) == ["x", "It rests.", "It rises."]


@pytest.mark.parametrize(
    "text",
    ["종이 울린다. 쉰다.", "😀👨‍👩‍👧", "# Tide\n\nNot a heading here.", "a. B. C.", "```\nx", "-", "\u0301a", "\u11a8"],
)
def test_edited_words_are_one_passage_whatever_they_are(text):
    collection = made("🔔 rings. 종이 쉰다. End.")
    for number in (1, 2, 3):
        expected = texts(collection)
        expected[number - 1] = text
        changed = edited(collection, f"a.md#{number}", text)
        assert texts(changed) == expected
        assert changed.documents[0].text == " ".join(expected)


@pytest.mark.parametrize("text", ["", " ", "\n\t\r\n", "\u3000\u2028", "\0", "\x01 \x7f", "\ud800"])
def test_a_passage_cannot_be_left_without_words(text):
    with pytest.raises(CorpusError, match=r"without words finds nothing\. Write some, or drop it"):
        edited(made(BELL), "a.md#1", text)


def test_a_passage_has_a_limit_of_characters():
    longest = "가😀" * 5_000
    assert texts(edited(made(BELL), "a.md#2", f"\n{longest} "))[1] == longest
    with pytest.raises(CorpusError, match=r"has 10001 characters; the limit is 10,000\. Shorten"):
        edited(made(BELL), "a.md#2", longest + "x")
    assert len(longest) == MAX_PASSAGE_CHARS


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  a\r\nb\rc\td \n", "a\nb\nc\td"),
        ("a\0b\x1b[0m\x7f\x85", "ab[0m"),
        ("\ud83d\udd14 a\ud800", "a"),
        ("cafe\u0301 \u1112\u1161\u11ab", "café 한"),
        ("e\x01\u0301", "é"),
    ],
)
def test_what_is_typed_is_kept_as_text(typed, kept):
    assert texts(edited(made(BELL), "a.md#1", typed))[0] == kept


def test_an_edit_to_words_that_a_neighbour_shares_changes_them_there_too():
    """Passages: One two. Three four. | Three four. Five six. | Five six. Seven."""
    collection = made("One two. Three four. Five six. Seven.", cutting=TWO)
    assert texts(collection)[1] == "Three four. Five six."
    changed = edited(collection, "a.md#2", "Three four! Five six, or more.")
    assert changed.documents[0].text == "One two. Three four! Five six, or more. Seven."
    assert texts(changed) == ["One two. Three four!", "Three four! Five six, or more.", "Five six, or more. Seven."]


def test_a_neighbour_of_shortened_words_keeps_its_own_without_spaces_around():
    collection = made("One two. Three four. Five six.", cutting=TWO)
    assert texts(edited(collection, "a.md#1", "X")) == ["X", "Five six."]
    assert texts(edited(collection, "a.md#2", "X")) == ["One two. X", "X"]
    spaced = edited(collection, "a.md#1", "Two words     apart")  # a border falls among the spaces
    assert [text.strip() for text in texts(spaced)] == texts(spaced)


def test_a_passage_within_shortened_words_is_gone_with_them():
    document = Stored("a.md", "", "abcdefgh ij", (Cut("", 0, 8), Cut("", 4, 6), Cut("", 9, 11)))
    collection = Collection((document,))
    assert texts(edited(collection, "a.md#1", "xyz")) == ["xyz", "ij"]
    assert texts(edited(collection, "a.md#1", "vwxyz")) == ["vwxyz", "z", "ij"]
    assert texts(split_passage(collection, "a.md#1", "x z", 1)) == ["x", "z", "ij"]


# A split


def test_a_split_makes_two_passages_under_the_same_heading():
    after = split_passage(made(BELL), "a.md#2", "It rests.", 3)
    assert passages(after) == [
        ("a.md#1", "Bell", "It rings."),
        ("a.md#2", "Bell", "It"),
        ("a.md#3", "Bell", "rests."),
        ("a.md#4", "Tide", "It rises."),
    ]
    assert after.documents[0].text == BELL
    assert texts(split_passage(after, "a.md#3", "rests.", 4))[1:4] == ["It", "rest", "s."]


def test_what_was_changed_before_a_split_is_kept():
    after = split_passage(made(BELL), "a.md#1", "  It has rung.\r\n\r\n 종😀 is still. ", 18)
    assert texts(after)[:3] == ["It has rung.", "종😀 is still.", "It rests."]
    assert after.documents[0].text.startswith("# Bell\n\nIt has rung.\n\n 종😀 is still. It rests.")


@pytest.mark.parametrize("at", [4, 5, 6, 7])
def test_spaces_at_the_cursor_are_in_neither_passage(at):
    assert texts(split_passage(made("ab."), "a.md#1", "  ab   cd.", at)) == ["ab", "cd."]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        *(("ab cd", 0), ("ab cd", 5), ("ab cd", 99), ("ab cd", -1), ("ab cd", -99)),
        *(("  ab cd", 2), ("ab cd \n", 6), ("\x01ab", 1), ("", 0), (" ", 1), ("a", 0), ("a", 1)),
        ("e\u0301", 1),  # one letter
        ("\u1112\u1161\u11ab", 2),
    ],
)
def test_nothing_is_split_into_one(text, at):
    with pytest.raises(CorpusError, match="Put the cursor where the second passage should begin"):
        split_passage(made(BELL), "a.md#1", text, at)


def test_a_split_is_bound_by_the_limit_of_an_edit():
    assert len(texts(split_passage(made(BELL), "a.md#1", "x" * 10_000, 5))) == 4
    with pytest.raises(CorpusError, match="has 10001 characters"):
        split_passage(made(BELL), "a.md#1", "x" * 10_001, 5)


def test_a_split_leaves_overlapping_passages_in_the_order_of_their_beginnings():
    collection = made("One two. Three four. Five six.", cutting=TWO)
    whole = "One two. Three four."
    assert texts(split_passage(collection, "a.md#1", whole, 15)) == [
        *("One two. Three", "Three four. Five six.", "four.")
    ]
    assert texts(split_passage(collection, "a.md#1", whole, 4)) == [
        *("One", "two. Three four.", "Three four. Five six.")
    ]


# Dropping, cutting anew, renaming


def test_a_dropped_passage_is_not_searched_and_its_words_stay():
    after = dropped(made(BELL), "a.md#2")
    assert passages(after) == [("a.md#1", "Bell", "It rings."), ("a.md#2", "Tide", "It rises.")]
    assert after.documents[0].text == BELL


def test_all_passages_of_a_document_may_be_dropped_but_not_the_last_of_all():
    collection = Collection((Stored("a.md", "", "One."), Stored("b.md", "", "Two.")))
    left = dropped(collection, "a.md#1")
    assert passages(left) == [("b.md#1", "", "Two.")]
    assert [one.name for one in left.documents] == ["a.md", "b.md"]
    with pytest.raises(CorpusError, match=r"the last passage. Delete your documents instead"):
        corpus_of(ID, dropped(left, "b.md#1"))
    with pytest.raises(CorpusError, match=r"There is no passage a\.md#1"):
        dropped(left, "a.md#1")


def test_cutting_anew_forgets_borders_and_keeps_words():
    collection = split_passage(dropped(made(BELL), "a.md#3"), "a.md#1", "It has rung.", 6)
    assert texts(collection) == ["It has", "rung.", "It rests."]
    after = cut_anew(collection, Cutting("headings"))
    assert after.cutting == Cutting("headings")
    assert texts(after) == ["It has rung. It rests.", "It rises."]
    assert texts(cut_anew(after, ONE)) == ["It has rung.", "It rests.", "It rises."]


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("", "a.md +1"),
        (" \n\t", "a.md +1"),
        ("  My \n notes\u3000여기 ", "My notes 여기"),
        ("cafe\u0301", "café"),
        ("x" * 80, "x" * 80),
        ("e\u0301" * 80, "é" * 80),
        ("<b>../😀", "<b>../😀"),
    ],
)
def test_a_collection_is_called_what_it_is_named_or_after_its_documents(typed, title):
    collection = Collection((Stored("a.md", "", "One."), Stored("b.md", "", "Two.")))
    assert corpus_of(ID, renamed(collection, typed)).title == title
    assert corpus_of(ID, renamed(renamed(collection, "Before"), typed)).title == title


@pytest.mark.parametrize("title", ["x" * 81, "a\0b", "\u202egnp", "\ud800", "a\u200bb", "\x1b[0m"])
def test_a_name_that_cannot_be_shown_is_refused(title):
    with pytest.raises(CorpusError, match=f"A name of {len(title)} characters .* up to 80"):
        renamed(made(BELL), title)


# Properties

words = st.text("ab c. 가나😀\n", min_size=1, max_size=12).map(str.strip).filter(bool)
changes = st.lists(
    st.tuples(st.sampled_from(["edit", "split", "drop"]), st.integers(0, 99), words, st.integers(0, 12)), max_size=12
)


def laid_out(held: list[str]) -> Stored:
    """A document whose passages are what is given, with text between that is in none."""
    text, cuts = "", []
    for one in held:
        text += "# h\n\n"
        cuts.append(Cut("h", len(text), len(text) + len(one)))
        text += one
    return Stored("a.md", "", text + "\n\nend", tuple(cuts))


@settings(max_examples=300, deadline=None)
@given(st.lists(words, min_size=1, max_size=5), changes)
@example(["a"], [("split", 0, "a b", 2), ("edit", 1, "c", 0), ("drop", 0, "a", 0)])
def test_changes_do_to_the_passages_what_they_would_to_a_list(held, asked):
    collection = Collection((laid_out(held),))
    for kind, number, text, at in asked:
        if not held:
            return
        place = number % len(held)
        passage, document = f"a.md#{place + 1}", collection.documents[0].text
        head, tail = text[:at].strip(), text[at:].strip()
        if kind == "drop":
            collection = dropped(collection, passage)
            held.pop(place)
            assert collection.documents[0].text == document
        elif kind == "edit":
            cut = position_of(collection, passage).cuts[place]
            collection = edited(collection, passage, text)
            held[place] = text
            around = document[: cut.start], document[cut.end :]
            assert collection.documents[0].text == text.join(around)
        elif head and tail:
            collection = split_passage(collection, passage, text, at)
            held[place : place + 1] = [head, tail]
            assert text in collection.documents[0].text
        else:
            with pytest.raises(CorpusError, match="Put the cursor"):
                split_passage(collection, passage, text, at)
        if held:
            assert passages(collection) == [(f"a.md#{number}", "h", one) for number, one in enumerate(held, start=1)]


MESSY = "ab c.  \t\r\n!?가\u1112\u1161\u11abe\u0301\u0323漢。😀"
MESSY += '\u200d\x00\x01\x1f\u2028\u3000\ud800#`-"\\'
messy = st.tuples(
    st.sampled_from(["edit", "split", "drop", "cut", "name"]),
    st.integers(1, 12),
    st.text(MESSY, max_size=20),
    st.integers(-1, 20),
    st.sampled_from([ONE, TWO, Cutting("sentences", 5, 2), Cutting("headings"), Cutting()]),
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.text(MESSY.replace("\0", "").replace("\ud800", ""), max_size=60), min_size=1, max_size=3),
    st.lists(messy, max_size=8),
)
@example(["One. Two. Three."], [("cut", 1, "", 0, TWO), ("split", 1, "One. Two.", 6, ONE)])
@example(["x。y"], [("cut", 1, "", 0, ONE), ("edit", 2, "\u0301", 0, ONE)])
@example(["a. B. C."], [("cut", 1, "", 0, TWO), ("edit", 1, "x", 0, ONE), ("split", 2, "a b", 1, ONE)])
def test_whatever_is_changed_can_be_kept_and_read_again(texts, asked):
    records = [unicodedata.normalize("NFC", text) for text in texts]
    collection = Collection((*(Stored("a.jsonl", "e", text) for text in records), Stored("b", "", "b")))
    for kind, number, text, at, cutting in asked:
        passage = f"a.jsonl#{number}"
        change = {
            "edit": lambda c, p=passage, t=text: edited(c, p, t),
            "split": lambda c, p=passage, t=text, at=at: split_passage(c, p, t, at),
            "drop": lambda c, p=passage: dropped(c, p),
            "cut": lambda c, cutting=cutting: cut_anew(c, cutting),
            "name": lambda c, t=text: renamed(c, t),
        }[kind]
        try:
            after = change(collection)
            found = corpus_of(ID, after).passages
        except CorpusError:
            continue  # refused: it stays as it was
        collection = after
        assert collection_from_json(to_json(collection).encode()) == collection
        numbers = [int(one.id.rpartition("#")[2]) for one in found if one.document == "a.jsonl"]
        assert numbers == list(range(1, len(numbers) + 1))
        held = "\0".join(one.text for one in collection.documents)
        assert all(one.text and one.text == one.text.strip() and one.text in held for one in found)


def test_a_change_leaves_everything_else_as_it_is():
    collection = replace(made(BELL), title="Mine")
    for change in (
        edited(collection, "a.md#1", "New."),
        split_passage(collection, "a.md#1", "New. Words.", 4),
        dropped(collection, "a.md#1"),
        renamed(collection, "Mine"),
    ):
        assert (change.title, change.cutting, change.questions) == ("Mine", ONE, ())
    assert renamed(collection, "Yours").documents == collection.documents
