"""Words of the lab: what ways and columns are called, and a verdict's sentences with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from playground.errors import Message
from playground.lab.choosing import Compared, Listed, Measured
from playground.lab.scores import IMPORTANT
from playground.lab.ways import WAYS
from playground.ui.parts.html import duration, figure, percent, size
from playground.ui.parts.retriever_words import words_of
from playground.ui.text import say, tell

NAMED = ("way", "other", "ways", "what")  # places of a message that hold keys


def way_name(way: str, language: str) -> str:
    """What a way is called; an unknown one by its key."""
    return say(language, words_of("way", way)) if way in WAYS else way


def column_name(column: str, language: str) -> str:
    """What a column of the table is called; an unknown one by its key."""
    return say(language, f"lab_{column}") if column in IMPORTANT else column


def shown(column: str, value: float) -> str:
    """A column's figure as a person would say it; a share in percent."""
    if column == "perplexity":
        return f"×{figure(value, 4)}"
    if column == "bytes":
        return size(round(value))
    if column.endswith("seconds"):
        return duration(value)
    return percent(value, 2)


def told(message: Message, language: str) -> str:
    """A message in a language, with the names of ways and columns, and figures with their units."""
    values: Mapping[str, object] = {
        key: _named(value, language) if key in NAMED or not isinstance(value, str) else value
        for key, value in message.values.items()
    }
    return tell(language, replace(message, values=values))


def _named(value: object, language: str) -> object:
    if isinstance(value, str):
        return way_name(value, language) if value in WAYS else column_name(value, language)
    if isinstance(value, Measured):
        return shown(value.column, value.value)
    if isinstance(value, Compared):
        return _compared(value, language)
    if isinstance(value, Listed):
        return ", ".join(str(_named(item, language)) for item in value.items)
    return value


def _compared(given: Compared, language: str) -> str:
    what, own = column_name(given.column, language), shown(given.column, given.own)
    if given.other is None:
        return say(language, "report_figure", what=what, own=own)
    other = shown(given.column, given.other)
    key = "report_likely" if given.likely else "report_against"
    return say(language, key, what=what, own=own, other=other)
