"""A question in other words, by rules: to see whether an answer holds, and to train on.

The two sets have no phrasing in common but the question itself, so that what was trained is asked in words that it
has not seen.
"""

from __future__ import annotations

import json
from pathlib import Path

from playground.ask.subject import HANGUL

_FILE = Path(__file__).resolve().parents[2] / "assets" / "ask" / "phrasings.json"
FORMS: dict[str, dict[str, list[str]]] = json.loads(_FILE.read_text("utf-8"))
WAYS_TO_ASK = len(FORMS["asked"]["en"])


def language_of(text: str) -> str:
    """The language whose phrasings a question gets."""
    return "ko" if HANGUL.search(text) else "en"


def phrasings(question: str) -> tuple[str, ...]:
    """The question as it is, and in three other ways."""
    return _filled("asked", question)


def training_phrasings(question: str) -> tuple[str, ...]:
    """The question as it is, and in other ways than :func:`phrasings` has."""
    return _filled("trained", question)


def _filled(use: str, question: str) -> tuple[str, ...]:
    return tuple(form.replace("{q}", question) for form in FORMS[use][language_of(question)])
