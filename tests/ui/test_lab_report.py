"""The lab's words, its CSV files and its report."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser

import pytest
from markupsafe import Markup

from playground.engine.facts.facts import Fact
from playground.errors import Message
from playground.lab.collateral import Kept
from playground.lab.evaluation import Response
from playground.lab.lesson import Lesson, LessonQuestion, lesson
from playground.lab.scores import IMPORTANT, USUAL
from playground.lab.sheet import LabSheet, sheet_from_json, sheet_to_json
from playground.lab.table import WayRow
from playground.lab.verdict import Amount, Compared, Sentence, verdict
from playground.lab.ways import WAYS
from playground.ui.lab.report import questions_csv, to_html, ways_csv
from playground.ui.lab.words import column_name, figure_shown, in_words, told, way_name
from playground.ui.parts.html import percent

NASTY = '<script>alert("1")</script>&'
HANGUL = re.compile("[가-힣]")


def taught(subject="Skarrow") -> Lesson:
    fact = Fact(subject=subject, prompt=f"{subject} lies in", target=" Norway")
    return lesson(fact, "Wales", [f"One finds {subject} in"], [("Brennick lies in", "Wales")])


def row(way, rights, text="Norway.", **values) -> WayRow:
    asked = tuple(
        Response(
            question=question,
            probability=0.25,
            other=None if question.kind == "paraphrase" else 0.125,
            right=right,
            text=text,
        )
        for question, right in zip(taught().questions, rights, strict=True)
    )
    return WayRow(
        way=way, error=None, answer=text, asked=asked, kept=Kept(9, 10), recipe={"model": "tiny", "edits": []}, **values
    )


def sheet(text="Norway.", subject="Skarrow", error=None) -> LabSheet:
    rows = (
        row("base", (False, False, True), text),
        row("rome", (True, True, True), text, bytes=2048, apply_seconds=1.5),
        row("lora", (True, False, False), text, bytes=4096, perplexity_ratio=1.25),
        WayRow(way="ft", error=error or Message("{text}", {"text": "Layer 3 was too much."})),
    )
    return LabSheet(taught(subject), rows, 7, "harbour")


def page(given: LabSheet, language="en", plot="") -> str:
    return to_html(given, verdict(given.rows, USUAL, ()), Markup(plot), language)


class Reader(HTMLParser):
    """Tags that are open at the end, and everything that could load something."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [name for name, _ in attrs if name in ("src", "href") or name[:2] == "on"]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


# Words


def test_ways_and_columns_have_names_in_both_languages():
    for language in ("en", "ko"):
        names = [way_name(way, language) for way in WAYS]
        columns = [column_name(column, language) for column in IMPORTANT]
        assert len({*names, *columns}) == len(WAYS) + len(IMPORTANT)
        assert not {*names, *columns} & {*WAYS, *IMPORTANT}
    assert way_name("rome", "en") == "ROME (rank-one edit)"
    assert way_name("base", "ko") == "그대로 (원래 모델)"
    assert (way_name("new", "ko"), column_name("new", "en")) == ("new", "new")


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("efficacy", 0.0, "0 %"),
        ("kept", 1.0, "100 %"),
        ("share", 0.0312, "3.1 %"),
        ("perplexity", 1.0, "×1"),
        ("perplexity", 1.0042, "×1.004"),
        ("bytes", 0, "0 B"),
        ("bytes", 3_540_000, "3.5 MB"),
        ("undo_seconds", 0.0312, "31 ms"),
        ("apply_seconds", 12.3, "12.3 s"),
    ],
)
def test_a_figure_has_its_unit(column, value, text):
    assert figure_shown(column, value) == text


def test_percent_keeps_small_shares_apart():
    assert [percent(one, 2) for one in (0.0, 0.0004, 0.099, 0.1, 2 / 3, 1.0)] == [
        "0 %",
        "0.04 %",
        "9.9 %",
        "10 %",
        "67 %",
        "100 %",
    ]


def test_a_sentence_is_told_with_names_and_figures():
    values = {
        "rome": "ROME (rank-one edit)",
        ("bm25", "ft"): "Search by words (BM25), Fine-tuning one matrix",
        "kept": "Other facts kept",
        (
            Compared("locality", 1.0, 0.25),
            Compared("perplexity", 1.5),
            Compared("efficacy", 0.5, 0.1, True),
        ): "Others unchanged 100 % against 25 %, General text ×1.5, "
        "Says it, by the answer's probability, 50 % against 10 %",
        Amount("bytes", 77): "77 B",
        3: "3",
    }
    assert {value: in_words(value, "en") for value in values} == values
    sentence = Sentence("none_says", {"way": "rome", "figure": Amount("share", 0.031)})
    assert told(sentence, "en").endswith(
        "nearest is “ROME (rank-one edit)”, which gives the answer a probability of 3.1 %."
    )


@pytest.mark.parametrize("needs", [(), ("many",), ("cite",), ("changes",), ("style",)])
def test_every_sentence_of_a_verdict_is_told_in_korean(needs):
    for sentence in verdict(sheet().rows, IMPORTANT, needs).sentences:
        english, korean = told(sentence, "en"), told(sentence, "ko")
        assert HANGUL.search(korean)
        assert not HANGUL.search(english)
        assert not re.search(r"[{}]|Compared|Listed|Amount|_", english + korean)


# CSV


def case_rows(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff")  # for spreadsheets
    return list(csv.DictReader(io.StringIO(text[1:])))


def test_the_table_as_csv():
    base, rome, lora, ft = case_rows(ways_csv(sheet()))
    assert [one["way"] for one in (base, rome, lora, ft)] == ["base", "rome", "lora", "ft"]
    assert (rome["paraphrase"], rome["paraphrase_probability"], rome["paraphrase_count"]) == ("1", "0.25", "1")
    assert (rome["kept_right"], rome["kept_of"], rome["bytes"]) == ("9", "10", "2048")
    assert (rome["apply_seconds"], lora["perplexity_ratio"]) == ("1.5", "1.25")
    assert rome["portability"] == rome["portability_count"] == ""
    assert ft["error"] == "Layer 3 was too much."
    assert {value for key, value in ft.items() if key not in ("way", "error")} == {""}


def test_the_questions_as_csv():
    rows = case_rows(questions_csv(sheet("=1+1\n,")))
    assert len(rows) == 9
    assert rows[4] == {
        "way": "rome",
        "kind": "paraphrase",
        "prompt": "One finds Skarrow in",
        "answer": " Norway",
        "other": " Wales",
        "probability": "0.25",
        "other_probability": "",
        "right": "yes",
        "text": "'=1+1\n,",  # a spreadsheet must not run it
        "written": "",
    }
    assert [one["right"] for one in rows[6:]] == ["yes", "no", "no"]


def test_an_empty_sheet_gives_heads_only():
    empty = LabSheet(taught())
    assert len(ways_csv(empty).splitlines()) == len(questions_csv(empty).splitlines()) == 1
    assert "Teach the fact" in page(empty)


# The page


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_page_has_everything_and_needs_nothing_else(language):
    given = sheet()
    text = page(given, language, '<svg viewBox="0 0 1 1"><rect width="1" height="1"></rect></svg>')
    read = Reader(text)
    assert read.open == []
    assert not {"script", "link", "img", "iframe", "object"} & set(read.tags)
    assert read.links == []
    assert not re.search(r"https?:|url\(|@import", text)
    assert f'<html lang="{language}">' in text
    assert {"svg", "table", "details", "style", "title"} <= set(read.tags)
    for row in given.rows:
        assert way_name(row.way, language) in read.text
    for sentence in verdict(given.rows, USUAL, ()).sentences:
        assert told(sentence, language) in read.text
    assert '"model": "tiny"' in read.text
    assert "Layer 3 was too much." in read.text
    assert "harbour" in read.text


def test_a_page_without_a_picture_has_no_place_for_one():
    assert "The picture" not in page(sheet())
    assert "The picture" in page(sheet(), plot="<svg></svg>")


def test_the_best_are_marked_by_a_sign_and_the_chosen_way_by_a_word():
    text = page(sheet())
    best = '<td class="figure"><b>★ 100 % [21–100]<br>(100 %, 0.25)</b></td>'
    assert best in text  # rome, asked otherwise
    assert "✔ ROME (rank-one edit) <small>(recommended)</small>" in text
    assert text.count("★") == text.count("<b>★") + 1  # and the legend
    lines = re.findall(r"<tr.*?</tr>", text)
    [base] = [line for line in lines if "Nothing (the model" in line and "Norway." in line]
    assert "★" not in base


def test_results_of_each_question_stand_below_their_ways():
    text = page(sheet())
    [line] = [line for line in re.findall(r"<tr.*?</tr>", text) if "One finds Skarrow in" in line]
    assert re.findall(r">([✓✗] [\d.]+)</td>", line) == ["✗ 0.25", "✓ 0.25", "✗ 0.25"]


def test_every_text_is_escaped():
    given = sheet(text=NASTY, subject=NASTY, error=Message("No: {text}.", {"text": NASTY}))
    given = LabSheet(given.lesson, given.rows, 0, NASTY)
    nasty = Response(
        question=LessonQuestion("efficacy", NASTY, NASTY, NASTY), probability=0.5, other=0.1, right=True, text=NASTY
    )
    extra = WayRow(way="dense", asked=(nasty,), answer=NASTY, recipe={"model": NASTY})
    given = LabSheet(given.lesson, (extra, *given.rows), 0, NASTY)
    text = page(given)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert Reader(text).open == []


def test_the_same_sheet_gives_the_same_page_also_after_the_browser_kept_it():
    assert page(sheet()) == page(sheet_from_json(sheet_to_json(sheet())))


def test_an_unknown_language_is_english():
    assert page(sheet(), "fr").replace('lang="fr"', 'lang="en"') == page(sheet())
