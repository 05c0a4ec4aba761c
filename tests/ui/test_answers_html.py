"""What of an answer stands in its passages, marked and linked."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from playground.compare import Answer
from playground.retrieval.passages import Passage
from playground.retrieval.search import Hit
from playground.ui.compare.example import example_html, show_example
from playground.ui.parts import answers_html
from playground.ui.parts.comparison import FIRST_PROMPT
from playground.ui.text import TABLES

TEXTS = ("Skarrow lies 31 kilometres off Brennick.", "The keeper lights <the> lamp at dusk.")
HITS = tuple(
    Hit(rank=rank, passage=Passage(f"d.md#{rank}", "d.md", "", text), score=1.0, matched=())
    for rank, text in enumerate(TEXTS, start=1)
)


def answer(text, hits=HITS, done=True, begun="According to the context,"):
    texts = tuple(hit.passage.text for hit in hits)
    return Answer(
        label="a",
        prompt="p",
        hits=hits,
        begun=begun,
        prompt_tokens=5,
        text=text,
        tokens=9,
        seconds=1.0,
        done=done,
        texts=texts,
    )


def read(*answers, language="en"):
    return ET.fromstring(f"<div>{answers_html.answers(answers, language)}</div>")


@pytest.mark.parametrize("language", ["en", "ko"])
def test_supported_words_are_marked_and_lead_to_their_passage(language):
    said = "According to the context, Skarrow lies 31 kilometres away; the lamp <x>."
    root = read(answer("plain", hits=()), answer(said), language=language)
    links = {link.text: link for link in root.iter("a")}
    assert set(links) == {"Skarrow lies 31 kilometres", "the lamp"}
    targets = {item.attrib["id"]: "".join(item.itertext()) for item in root.iter("li")}
    for words, rank in (("Skarrow lies 31 kilometres", 1), ("the lamp", 2)):
        link = links[words]
        assert TEXTS[rank - 1] in targets[link.attrib["href"].removeprefix("#")]
        assert link.find("sup").text == str(rank)
        assert f"d.md#{rank}" in link.attrib["title"]
    share = TABLES[language]["answer_supported"].format(share="75 %")  # 6 of 8 words
    assert share in ["".join(s.itertext()) for s in root.iter("summary")]


def test_two_answers_with_the_same_passages_have_links_of_their_own():
    root = read(answer("Skarrow lies 31 kilometres"), answer("Skarrow lies 31 kilometres"))
    ids = [item.attrib["id"] for item in root.iter("li")]
    assert len(ids) == len(set(ids)) == 4
    assert [link.attrib["href"] for link in root.iter("a")] == ["#source-0-1", "#source-1-1"]


@pytest.mark.parametrize("given", [answer("Skarrow lies 31", done=False), answer("x", hits=())])
def test_nothing_is_marked_before_the_end_or_without_passages(given):
    root = read(given)
    assert list(root.iter("a")) == []
    assert not any("%" in "".join(s.itertext()) for s in root.iter("summary"))


def test_an_answer_with_nothing_from_the_passages_says_0():
    root = read(answer("According to the context, no idea"))
    assert list(root.iter("a")) == []
    assert "Stands in the passages: 0 % of its words" in "".join(root.itertext())


@pytest.mark.parametrize(
    ("waits", "told"), [((0, 0.0), "▍"), ((3, 0.0), "number 3 in line."), ((3, 12.4), "number 3 in line, about 12 s.")]
)
def test_who_waits_for_a_place_is_told_its_number_and_about_how_long(waits, told):
    words = "".join(read(replace(answer("", hits=(), done=False), waits=waits)).itertext())
    assert told in words
    assert ("▍" in words) == (waits == (0, 0.0))


@pytest.mark.parametrize("language", ["en", "ko"])
def test_before_anybody_compared_there_is_an_example_that_says_so(language):
    words = TABLES[language]
    html = example_html(language)
    root = ET.fromstring(f"<div>{html}</div>")
    titles = [title.text for title in root.iter("h3")]
    assert titles == [
        FIRST_PROMPT,
        words["weights_base"],
        *(f"{words['weights_base']} + {words[f'retriever_{name}']} (k=1)" for name in ("bm25", "dense")),
    ]
    assert words["compare_empty"] in "".join(root.itertext())
    assert "data-do" not in html  # nothing there can be pressed as if one had asked
    assert show_example("no language") == example_html("en")
