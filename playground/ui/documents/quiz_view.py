"""Answers to a corpus's questions as HTML: means by way, drawn and in a table, and one by one."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from playground.quiz import Answered, Total
from playground.ui.parts import charts
from playground.ui.parts.html import duration, note, percent, table
from playground.ui.text import say


def answered(rows: Sequence[Total], found: Sequence[Answered], language: str) -> str:
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
            escape(row.label),
            escape(say(language, f"asked_{row.kind}")),
            str(row.count),
            _share(row.contained),
            "–" if row.f1 is None else f"{row.f1:.2f}",
            _share(row.supported),
            duration(row.seconds),
        ]
        for row in rows
    ]
    return (
        (charts.bars(bars, say(language, "answered_chart")) if bars else "")
        + table(say(language, "answered_caption"), heads, cells)
        + note(say(language, "answered_note"))
        + _questions(found, language)
    )


def _share(value: float | None) -> str:
    return "–" if value is None else percent(value)


def _questions(found: Sequence[Answered], language: str) -> str:
    asked: dict[str, list[Answered]] = {}
    for one in found:
        asked.setdefault(one.question.id, []).append(one)
    items = "".join(_question(group, language) for group in asked.values())
    title = escape(say(language, "evaluate_questions", count=len(asked)))
    return f"<details><summary>{title}</summary>{items}</details>"


def _question(group: Sequence[Answered], language: str) -> str:
    question = group[0].question
    right = question.answer or say(language, "no_evidence")
    lines = "".join(
        f"<li><b>{escape(one.label)}</b> {_mark(one, language)}: {escape(one.text)} "
        f"<small>({escape(', '.join(one.passages) or '–')})</small></li>"
        for one in group
    )
    return (
        f'<details class="pg-question"><summary>{escape(question.question)} '
        f"<small>{escape(say(language, f'asked_{question.kind}'))}</small></summary>"
        f"<p>{escape(say(language, 'right_answer', answer=right))}</p><ul>{lines}</ul></details>"
    )


def _mark(one: Answered, language: str) -> str:
    """A sign and a word for right or not; nothing where there is no right answer."""
    if one.contained is None:
        return ""
    sign = "✓" if one.contained else "✗"
    named = say(language, "is_right" if one.contained else "is_wrong")
    return f"{sign} <small>{escape(named)}</small>"
