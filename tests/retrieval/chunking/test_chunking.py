from __future__ import annotations

import time
from itertools import islice

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from playground.retrieval.chunking import markdown as chunking
from playground.retrieval.chunking.markdown import WORD_CHARS, chunk, chunks, count_words

ALPHABET = "ab c.!?。\n\n\n  \t'가나다 漢#`-1*é\r\x0b\u2028"


def texts(passages):
    return [passage.text for passage in passages]


@pytest.mark.parametrize("text", ["", " ", "\n\n\t", "#", "#\n##\n# #"])
def test_a_text_without_a_body_gives_no_passages(text):
    assert chunk("d.md", text) == []


@pytest.mark.parametrize("text", ["#\na\n" * 250_000, "a\n\n" * 250_000])
def test_the_first_passages_cost_no_more_than_they_are(text, monkeypatch):
    counted = []
    with monkeypatch.context() as patch:
        patch.setattr(chunking, "count_words", lambda piece: counted.append(piece) or count_words(piece))
        first = list(islice(chunks("d.md", text), 10))
    assert 0 < len(counted) < 2_000  # of 250,000 paragraphs
    assert first == chunk("d.md", text[:2_000])[:10]


def test_one_word_is_one_passage():
    (passage,) = chunk("d.md", "word")
    assert (passage.id, passage.document, passage.heading) == ("d.md#1", "d.md", "")
    assert passage.text == passage.indexed == "word"


def test_headings_form_a_path_and_ids_count_within_the_document():
    text = "Before.\n# Title\nOne.\n## Section ##\nTwo.\n### Deep\nThree.\n## C#\nFour.\n# Next\nFive."
    found = chunk("d.md", text)
    assert [(p.id, p.heading, p.text) for p in found] == [
        ("d.md#1", "", "Before."),
        ("d.md#2", "Title", "One."),
        ("d.md#3", "Title > Section", "Two."),
        ("d.md#4", "Title > Section > Deep", "Three."),
        ("d.md#5", "Title > C#", "Four."),
        ("d.md#6", "Next", "Five."),
    ]
    assert found[2].indexed == "Title > Section\nTwo."


def test_a_heading_without_text_below_is_a_passage_of_the_section_around_it():
    text = "# A\n## B\n\n### C ##\n## D\n\ntext\n## E\n# F\n### G\n"
    assert [(p.heading, p.text) for p in chunk("d", text)] == [
        ("A > B", "C"),
        ("A > D", "text"),
        ("A", "E"),
        ("F", "G"),
    ]
    assert [(p.heading, p.text) for p in chunk("d", "# Title only")] == [("", "Title only")]


def test_each_piece_of_a_table_repeats_its_first_row_and_no_row_is_cut():
    for edge in ("", "| "):
        rows = [f"{edge}Place {n} | {n} metres. And more words" for n in range(12)]
        head = f"{edge}Place | Metres at high tide"
        line = [f"{edge}--- | ---"] if edge else []
        text = "# Tides\n\nWe measured.\n" + "\n".join([head, *line, *rows]) + "\nThen we left it."
        found = chunk("d", text, max_words=25)
        assert len(found) > 3
        for passage in found:
            held = passage.text.split("\n")
            assert all(row in [head, *line, *rows, "We measured.", "Then we left it."] for row in held)
            if rows[0] not in held and any(row in held for row in rows):
                assert passage.heading == f"Tides\n{head}"
                assert passage.prompted == f"{head}\n{passage.text}"
                assert passage.indexed == f"Tides\n{head}\n{passage.text}"
        assert " ".join(" ".join(p.text for p in found).split()) == " ".join(text[9:].split())


def test_a_first_row_too_long_to_repeat_is_not_repeated_and_a_row_too_long_is_cut():
    long = "a | " + "word " * 50
    assert [p.heading for p in chunk("d", f"{long}\nb | c\nd | e", max_words=20)] == [""] * 3
    found = chunk("d", f"a | b\nc | {'word ' * 50}", max_words=20)
    assert {p.heading for p in found[1:]} == {"\na | b"}
    assert found[2].indexed == f"a | b\n{found[2].text}"


def test_a_passage_never_crosses_a_heading_however_short():
    assert texts(chunk("d", "# A\n\na\n\n# B\n\nb")) == ["a", "b"]


@pytest.mark.parametrize("line", ["#hashtag", "####### seven", "    # indented", r"\# escaped"])
def test_what_only_looks_like_a_heading_is_text(line):
    assert texts(chunk("d", f"one\n{line}\ntwo")) == [f"one\n{line}\ntwo"]


def test_a_heading_line_too_long_to_repeat_is_text():
    line = "# " + "word " * 60
    assert chunk("d", line)[0].heading == ""
    assert " ".join(texts(chunk("d", line))).split() == line.split()


@pytest.mark.parametrize("fence", ["```", "~~~", "````"])
def test_a_hash_inside_a_fence_is_text_and_the_fence_stays_whole(fence):
    block = f"{fence}python\n# not a heading\n\n```x\nprint()\n{fence}"
    found = chunk("d", f"# Title\n\n{block}\n\n# Next\n\nafter")
    assert [(p.heading, p.text) for p in found] == [("Title", block), ("Next", "after")]


def test_inline_code_in_three_backticks_opens_no_fence():
    assert [p.heading for p in chunk("d", "```code``` here\n\n# Title\n\ntext")] == ["", "Title"]


def test_whole_paragraphs_are_packed_up_to_the_limit_with_their_blank_lines():
    assert texts(chunk("d", "a b c\n\n\nd e\n\nf", max_words=5)) == ["a b c\n\n\nd e", "f"]


def test_a_paragraph_that_does_not_fit_starts_a_new_passage_uncut():
    assert texts(chunk("d", "A a. B b.\n\nC c. D d.", max_words=5)) == ["A a. B b.", "C c. D d."]


def test_a_long_paragraph_is_cut_at_english_sentence_ends():
    text = 'One two three. "Four five six!" Seven (eight nine?) Ten eleven twelve.'
    assert texts(chunk("d", text, max_words=3)) == [
        "One two three.",
        '"Four five six!"',
        "Seven (eight nine?)",
        "Ten eleven twelve.",
    ]


def test_a_long_paragraph_is_cut_at_korean_sentence_ends():
    text = "고양이가 창가에 앉아 있다. 개는 마당에서 잔다! 새는 어디에 있나요? 모른다."
    assert texts(chunk("d", text, max_words=4)) == [
        "고양이가 창가에 앉아 있다.",
        "개는 마당에서 잔다!",
        "새는 어디에 있나요? 모른다.",
    ]


def test_abbreviations_initials_decimals_and_list_numbers_end_no_sentence():
    for sentence in (
        "Ask Dr. Kim about it now.",
        "It was J. Smith who came.",
        "Tools, e.g. Hammers and saws, help.",
        "It weighs 3.14 kilos or more.",
        "She stopped ... and went on then.",
        "It is in the U.S. Navy list.",
        "He asked why? and left.",
    ):
        # a first half of the sentence would fit next to "Go."
        found = chunk("d", f"Go. {sentence}", max_words=count_words(sentence))
        assert texts(found) == ["Go.", sentence]


def test_list_items_and_table_rows_are_not_cut_within():
    text = "- one two\n- three four\n1. five six\n2. seven eight\n| nine | ten"
    assert texts(chunk("d", text, max_words=4)) == [
        "- one two",
        "- three four",
        "1. five six",
        "2. seven eight",
        "| nine | ten",
    ]


def test_a_long_fence_is_cut_at_its_lines():
    text = "```\nx = 1. Y\ny = 2\n\nz = 3\n```"
    assert texts(chunk("d", text, max_words=4)) == ["```", "x = 1. Y", "y = 2", "z = 3\n```"]


def test_an_overlong_sentence_is_cut_between_words():
    assert texts(chunk("d", "a b c d e f g", max_words=3)) == ["a b c", "d e f", "g"]


def test_an_overlong_word_is_cut_between_characters():
    word = "漢" * (WORD_CHARS * 5)
    assert texts(chunk("d", word, max_words=2)) == ["漢" * WORD_CHARS * 2, "漢" * WORD_CHARS * 2, "漢" * WORD_CHARS]


def test_wide_stops_need_no_space():
    a, b = "あ" * 30 + "。", "い" * 30 + "。"
    assert texts(chunk("d", a + b, max_words=3)) == [a, b]


def test_windows_and_old_mac_line_ends_are_line_ends():
    assert texts(chunk("d", "# T\r\n\r\none\rtwo")) == ["one\ntwo"]


@pytest.mark.parametrize(
    "text",
    [
        *("." * 200_000, "`" * 200_000, "- " * 100_000, "한" * 200_000, "a\n\n" * 60_000),
        *("#" + " " * 200_000 + "x", "a." + "'" * 200_000, "\n" + " " * 200_000 + "x."),
        "# a\n\nb\n" * 30_000,
    ],
)
def test_no_text_takes_more_than_linear_time(text):
    def seconds(length: int) -> float:
        started = time.process_time()
        chunk("d", text[:length])
        return time.process_time() - started

    short = min(seconds(len(text) // 8) for _ in range(3))
    assert seconds(len(text)) < 25 * short + 0.1  # a quadratic scan takes 64 times as long


@settings(deadline=None)
@given(st.text(ALPHABET.replace("#", "").replace("`", ""), max_size=300), st.integers(1, 6))
@example("a" * 200, 1)
@example("a.b。c. D", 1)
def test_every_character_is_kept_in_order(text, limit):
    found = chunk("d", text, limit)
    assert "".join("".join(p.text for p in found).split()) == "".join(text.split())


@settings(deadline=None)
@given(st.text(ALPHABET, max_size=300), st.integers(1, 6))
def test_no_passage_is_empty_above_the_limit_or_not_a_slice_of_the_text(text, limit):
    whole = text.replace("\r\n", "\n").replace("\r", "\n")
    position = 0
    for number, passage in enumerate(chunk("d", text, limit), start=1):
        assert passage.id == f"d#{number}"
        assert passage.text == passage.text.strip() != ""
        assert len(passage.text.split()) <= limit
        assert all(len(word) <= limit * WORD_CHARS for word in passage.text.split())
        position = whole.index(passage.text, position) + len(passage.text)


sections = st.lists(
    st.tuples(st.integers(1, 3), st.lists(st.text("abc 가나.", min_size=1, max_size=60), max_size=3)), max_size=6
)


@settings(deadline=None)
@given(sections, st.integers(1, 6))
def test_sections_are_kept_apart_and_whole(parts, limit):
    text = "\n\n".join(
        "\n\n".join(["#" * level + f" h{number}", *paragraphs]) for number, (level, paragraphs) in enumerate(parts)
    )
    found = chunk("d", text, limit)
    bare = [
        not any(paragraph.strip() for paragraph in held)
        and all(level <= parts[number][0] for level, _ in parts[number + 1 : number + 2])
        for number, (_, held) in enumerate(parts)
    ]
    everything = [f"h{number}" if bare[number] else "".join(held) for number, (_, held) in enumerate(parts)]
    assert "".join("".join(p.text for p in found).split()) == "".join("".join(everything).split())
    for number, (_, paragraphs) in enumerate(parts):
        mine = [p.text for p in found if p.heading.split(" > ")[-1] == f"h{number}" and not p.text.startswith("h")]
        assert "".join("".join(mine).split()) == "".join("".join(paragraphs).split())


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(["tide", "등대가", "keeper", "밤"]), min_size=1, max_size=5), min_size=1, max_size=12
    )
)
def test_a_sentence_within_the_limit_is_whole_in_one_passage(sentences):
    quotes = [f"Q{n} {' '.join(words)}." for n, words in enumerate(sentences)]
    found = chunk("d", " ".join(quotes), max_words=8)
    for quote in quotes:
        assert sum(quote in p.text for p in found) == 1
