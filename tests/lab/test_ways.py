"""The registry of ways to teach: who reads it, and that the docs say what it says."""

from __future__ import annotations

from pathlib import Path

from playground.lab.counterfact import _parser
from playground.lab.ways import BASE, ROWS, WAYS, Way, usual_ways
from playground.ui.parts.retriever_words import words_of
from playground.ui.text import EN

DOCS = Path(__file__).parents[2] / "docs" / "endpoints.md"


def line(way: Way) -> str:
    needs = ", ".join(way.needs) or "–"
    usual = "yes" if way.id == BASE or way.usual else "no"
    return f"| `{way.id}` | {EN[words_of('way', way.id)]} | {way.into} | {needs} | {usual} |"


def test_the_docs_have_a_line_for_each_way_in_the_order_in_which_they_run():
    table = [text for text in DOCS.read_text("utf-8").splitlines() if text.startswith("| `") and text.count("|") == 6]
    assert table == [line(way) for way in WAYS.values()]


def test_ways_have_names_of_their_own():
    assert len(WAYS) == len(ROWS)
    assert next(iter(WAYS)) == BASE
    assert all(way.instead in ("", *WAYS) for way in ROWS)


def test_the_command_teaches_what_the_page_ticks_and_names_all():
    assert _parser().parse_args(["facts.json"]).ways == "base,in_context,bm25,dense,nudge,rome,ft,lora"
    assert _parser().parse_args(["facts.json"]).ways.split(",") == [BASE, *usual_ways()]
    assert all(f" {way}" in _parser().format_help() for way in WAYS)
