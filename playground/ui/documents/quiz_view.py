"""Answers to a corpus's questions as HTML: means by way, drawn and in a table, and one by one."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from playground.quiz import Answered, Total
from playground.ui.documents.view import question
from playground.ui.parts import charts
from playground.ui.parts.html import details, duration, join, note, percent, table, tag
from playground.ui.text import say


def answered(rows: Sequence[Total], found: Sequence[Answered], language: str) -> Markup:
    """How often each way was right, and every question with what each way said."""
    if not rows:
        return note(say(language, "evaluate_none"), "warn")
    bars = [charts.Bar(row.label, row.contained or 0.0, _share(row.contained)) for row in rows if row.kind == "all"]
    heads = [
        say(language, key)
        for key in (
            "retrieval",
            "question_kind",
            "questions",
            "answer_right",
            "answer_f1",
            "answer_share",
            "answer_seconds",
        )
    ]
    cells = [
        [
            row.label,
            say(language, f"asked_{row.kind}"),
            str(row.count),
            _share(row.contained),
            "–" if row.f1 is None else f"{row.f1:.2f}",
            _share(row.supported),
            duration(row.seconds),
        ]
        for row in rows
    ]
    return (
        (charts.bars(bars, say(language, "answered_chart")) if bars else Markup())
        + table(say(language, "answered_caption"), heads, cells)
        + note(say(language, "answered_note"))
        + _questions(found, language)
    )


def _share(value: float | None) -> str:
    return "–" if value is None else percent(value)


def _questions(found: Sequence[Answered], language: str) -> Markup:
    asked: dict[str, list[Answered]] = {}
    for one in found:
        asked.setdefault(one.question.id, []).append(one)
    items = (_question(group, language) for group in asked.values())
    return details(say(language, "evaluate_questions", count=len(asked)), *items)


def _question(group: Sequence[Answered], language: str) -> Markup:
    asked = group[0].question
    right = asked.answer or say(language, "no_evidence")
    lines = (
        tag("li", tag("b", one.label), " ", _mark(one, language), f": {one.text} ", tag("small", f"({sources})"))
        for one in group
        for sources in [", ".join(one.passages) or "–"]
    )
    return question(asked.question, asked.kind, say(language, "right_answer", answer=right), lines, language)


def _mark(one: Answered, language: str) -> Markup:
    """A sign and a word for right or not; nothing where there is no right answer."""
    if one.contained is None:
        return Markup()
    word = say(language, "is_right" if one.contained else "is_wrong")
    return join(["✓ " if one.contained else "✗ ", tag("small", word)])
