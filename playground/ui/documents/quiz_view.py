"""Answers to a corpus's questions as HTML: means by way, drawn and in a table, and one by one."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from playground.quiz import Answered, Total
from playground.ui.documents.view import question
from playground.ui.parts import charts
from playground.ui.parts.html import details, duration, join, note, percent, table, tag
from playground.ui.text import say


def answered(rows: Sequence[Total], answers: Sequence[Answered], language: str) -> Markup:
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
        + _questions(answers, language)
    )


def _share(value: float | None) -> str:
    return "–" if value is None else percent(value)


def _questions(answers: Sequence[Answered], language: str) -> Markup:
    by_question: dict[str, list[Answered]] = {}
    for answer in answers:
        by_question.setdefault(answer.question.id, []).append(answer)
    items = (_question(group, language) for group in by_question.values())
    return details(say(language, "evaluate_questions", count=len(by_question)), *items)


def _question(group: Sequence[Answered], language: str) -> Markup:
    asked = group[0].question
    right = asked.answer or say(language, "no_evidence")
    lines = (
        tag(
            "li",
            tag("b", answer.label),
            " ",
            _mark(answer, language),
            f": {answer.text} ",
            tag("small", f"({sources})"),
        )
        for answer in group
        for sources in [", ".join(answer.passages) or "–"]
    )
    return question(asked.question, asked.kind, say(language, "right_answer", answer=right), lines, language)


def _mark(answer: Answered, language: str) -> Markup:
    """A sign and a word for right or not; nothing where there is no right answer."""
    if answer.contained is None:
        return Markup()
    word = say(language, "is_right" if answer.contained else "is_wrong")
    return join(["✓ " if answer.contained else "✗ ", tag("small", word)])
