"""Words of the lab: what ways and columns are called, and a verdict's sentences with them."""

from __future__ import annotations

from playground.lab.scores import IMPORTANT
from playground.lab.verdict import Amount, Compared, Sentence
from playground.lab.ways import WAYS
from playground.ui.parts.html import duration, figure, percent, size
from playground.ui.parts.retriever_words import words_of
from playground.ui.text import say


def way_name(way: str, language: str) -> str:
    """What a way is called; an unknown one by its key."""
    return say(language, words_of("way", way)) if way in WAYS else way


def column_name(column: str, language: str) -> str:
    """What a column of the table is called; an unknown one by its key."""
    return say(language, f"lab_{column}") if column in IMPORTANT else column


def figure_shown(column: str, value: float) -> str:
    """A column's figure as a person would say it; a share in percent."""
    if column == "perplexity":
        return f"×{figure(value, 4)}"
    if column == "bytes":
        return size(round(value))
    if column.endswith("seconds"):
        return duration(value)
    return percent(value, 2)


def told(sentence: Sentence, language: str) -> str:
    """A verdict's sentence, with the names of ways and columns, and figures with their units."""
    return say(
        language,
        f"verdict_{sentence.key}",
        **{key: in_words(value, language) for key, value in sentence.values.items()},
    )


def in_words(value: object, language: str) -> str:
    """A way or a column by its name, a figure with its unit, several of them in one line."""
    if isinstance(value, tuple):
        return ", ".join(in_words(item, language) for item in value)
    if isinstance(value, Amount):
        return figure_shown(value.column, value.value)
    if isinstance(value, Compared):
        return _compared(value, language)
    return way_name(str(value), language) if value in WAYS else column_name(str(value), language)


def _compared(figures: Compared, language: str) -> str:
    what, own = column_name(figures.column, language), figure_shown(figures.column, figures.own)
    if figures.other is None:
        return say(language, "report_figure", what=what, own=own)
    key = "report_likely" if figures.likely else "report_against"
    return say(language, key, what=what, own=own, other=figure_shown(figures.column, figures.other))
