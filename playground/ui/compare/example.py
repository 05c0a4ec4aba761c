"""What stands on Compare before anybody has compared: a comparison that was made before, and is said to be one."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from pydantic import TypeAdapter

from playground.compare import Answer
from playground.ui.parts.answers_html import Looked, answers
from playground.ui.parts.comparison import FIRST_PROMPT, K
from playground.ui.parts.html import note, tag
from playground.ui.text import say

EXAMPLE = Path(__file__).resolve().parents[3] / "assets" / "compare" / "example.json"  # python -m assets.compare.make


@lru_cache(4)  # languages
def example_html(language: str) -> str:
    """The answers of the file, each called by what stands before the question, under their question."""
    read = TypeAdapter(list[Answer]).validate_json(EXAMPLE.read_bytes())
    named = [
        replace(answer, label=column_name(say(language, "weights_base"), answer.label, K, language)) for answer in read
    ]
    asked = tag("h3", FIRST_PROMPT, class_="pg-asked")
    return note(say(language, "compare_empty")) + asked + answers(named, language, Looked(again=True))


def show_example(language: str) -> str:
    """The example, when the page is opened."""
    return example_html(language)


def column_name(title: str, retriever: str, k: int, language: str) -> str:
    """What a column is called: its weights, and what stands before the question."""
    return title if retriever == "none" else f"{title} + {say(language, f'retriever_{retriever}')} (k={k})"
