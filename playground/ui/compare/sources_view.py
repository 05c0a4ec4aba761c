"""A table of the sources as HTML: what it says, a chart with intervals, the table, and what stands behind a cell."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup
from pydantic import TypeAdapter

from playground.checked import from_browser
from playground.retrieval.passages import Question
from playground.sources.kept import table_from_text
from playground.sources.table import FEW, Answered, Cell, SourcesTable, cells
from playground.ui.compare.sources_chart import ShareLine, share_chart
from playground.ui.parts.answers_html import sign
from playground.ui.parts.html import details, figure, join, link, note, percent, receipt, table, tag
from playground.ui.parts.questions import written
from playground.ui.text import say

EXAMPLE = Path(__file__).resolve().parents[3] / "assets" / "sources" / "example.json"  # python -m assets.sources.make
MOST_CHARACTERS = 2_000
LEAST_CHANCE = 0.001  # smaller ones are only said to be smaller
MOST_SHOWN = 400  # characters of an answer


@dataclass(frozen=True)
class Sheet:
    """What the browser remembers of a table: its id, and what its weights and documents are called."""

    id: str
    weights: tuple[str, ...]
    corpus: str

    def to_json(self) -> dict[str, Any]:
        """As the browser keeps it."""
        return asdict(self)


_SHEET = TypeAdapter(Sheet)


def sheet_from_json(data: Any) -> Sheet | None:
    """What a browser kept; None where there is nothing, or nothing usable."""
    try:
        return from_browser(_SHEET, data, MOST_CHARACTERS) if data else None
    except ValueError:
        return None


def weights_name(sheet: Sheet, place: int) -> str:
    """Whose weights."""
    return sheet.weights[place] if place < len(sheet.weights) else "?"


def source_name(sheet: Sheet, shown: SourcesTable, place: int, language: str) -> str:
    """Whose weights, and what stands before the question."""
    source = shown.sources[place]
    return f"{weights_name(sheet, source.weights)} · {say(language, f'retriever_{source.before}')}"


def table_html(shown: SourcesTable, sheet: Sheet, against: int, kind: str, language: str) -> Markup:
    """The whole result.

    :param against: the source that the others are compared with.
    :param kind: of the questions that count; "" for all.
    """
    against = shown.place(against)
    found = cells(shown, against, kind)
    if not found or not found[0].of:
        return note(say(language, "sources_empty"))
    names = [source_name(sheet, shown, place, language) for place in range(len(found))]
    return join(
        [
            _summary(shown, found, names, kind, language),
            share_chart(_groups(shown, sheet, found, against, language), say(language, "sources_chart")),
            _grid(shown, sheet, found, against, language),
            note(say(language, "sources_compared", name=names[against])),
            _questions(shown, kind, language),
        ]
    )


def _summary(shown: SourcesTable, found: Sequence[Cell], names: Sequence[str], kind: str, language: str) -> Markup:
    """Which is right most often, which are as good for all that can be told, and how much was asked."""
    best = max(range(len(found)), key=lambda place: found[place].right)
    level = [
        name
        for place, (name, cell) in enumerate(zip(names, cells(shown, best, kind), strict=True))
        if place != best and not cell.told_apart
    ]
    ties = sum(cell.right == found[best].right for cell in found) - 1
    values = {"name": names[best], "share": _share(found[best]), "level": len(level), "ties": ties}
    key = "sources_best_tied" if ties else "sources_best" if level else "sources_best_alone"
    parts = [tag("p", say(language, key, **values), class_="pg-said")]
    if left := len(shown.left()):
        parts.append(note(say(language, "sources_left", done=len(shown.answers), left=left)))
    if found[0].of < FEW:
        parts.append(note(say(language, "sources_few", few=FEW), "warn"))
    return join(parts)


def _groups(
    shown: SourcesTable, sheet: Sheet, found: Sequence[Cell], against: int, language: str
) -> list[tuple[str, list[ShareLine]]]:
    """The chart's lines, by whose weights they are."""
    lines: dict[int, list[ShareLine]] = {}
    for place, source in enumerate(shown.sources):
        name = say(language, f"retriever_{source.before}")
        lines.setdefault(source.weights, []).append(ShareLine(name, found[place], place == against))
    return [(weights_name(sheet, weights), own) for weights, own in lines.items()]


def _share(cell: Cell) -> str:
    low, high = (percent(end, 2) for end in cell.interval)
    return f"{cell.right}/{cell.of} ({low} – {high})"


def _grid(shown: SourcesTable, sheet: Sheet, found: Sequence[Cell], against: int, language: str) -> Markup:
    """Weights down, what stands before the question across."""
    heads = list(dict.fromkeys(source.before for source in shown.sources))
    rows = []
    for weights in dict.fromkeys(source.weights for source in shown.sources):
        row: list[str] = [weights_name(sheet, weights)]
        for place, source in enumerate(shown.sources):
            if source.weights == weights:
                row.append(_cell(found[place], place, against, source_name(sheet, shown, place, language), language))
        rows.append(row)
    titles = [say(language, "sources_weights"), *(say(language, f"retriever_{head}") for head in heads)]
    return table(say(language, "sources_caption"), titles, rows, "pg-sources")


def _cell(cell: Cell, place: int, against: int, name: str, language: str) -> Markup:
    """A source's figures, which open when they are pressed."""
    low, high = (percent(end, 2) for end in cell.interval)
    small = tag("small", f"{percent(cell.share, 2)} ({low} – {high})")
    button = link(f"{cell.right} / {cell.of}", "cell", f"{name}: {cell.right} / {cell.of}", place=place)
    return join([button, tag("br"), small, tag("br"), tag("small", _told(cell, place, against, language))])


def _told(cell: Cell, place: int, against: int, language: str) -> str:
    """Whether a source differs from the one that it is compared with."""
    if place == against:
        return say(language, "sources_itself")
    if not cell.told_apart:
        return say(language, "sources_level" if cell.more or cell.fewer else "sources_same")
    chance = cell.chance or 0.0
    p = f"= {figure(chance, 2)}" if chance >= LEAST_CHANCE else f"< {LEAST_CHANCE}"
    return say(language, "sources_more_right" if cell.more > cell.fewer else "sources_fewer_right", p=p)


def _questions(shown: SourcesTable, kind: str, language: str) -> Markup:
    """Every question that was asked, with how many sources have it right; pressed, it opens."""
    rows = [
        tag("li", link(question.question, "question", place=question.id), " ", tag("small", _marks(shown, question)))
        for question in shown.answered(kind)
    ]
    return details(say(language, "sources_questions", count=len(rows)), tag("ul", *rows, class_="pg-asked"))


def _marks(shown: SourcesTable, question: Question) -> str:
    answers = shown.answers[question.id]
    return f"{sum(answer.right for answer in answers)} / {len(answers)}"


def cell_html(shown: SourcesTable, sheet: Sheet, place: int, against: int, kind: str, language: str) -> Markup:
    """All answers of one source, those first that differ from the one that it is compared with."""
    place, against = shown.place(place), shown.place(against)
    name, found = source_name(sheet, shown, place, language), cells(shown, against, kind)[place]
    asked = sorted(
        shown.answered(kind), key=lambda q: shown.answers[q.id][place].right == shown.answers[q.id][against].right
    )
    heads = [say(language, key) for key in ("sources_question", "sources_right", "sources_answer", "sources_other")]
    rows = [
        [
            link(question.question, "question", place=question.id),
            question.answer,
            _answer(shown.answers[question.id][place], language),
            _answer(shown.answers[question.id][against], language),
        ]
        for question in asked
    ]
    line = say(language, "sources_cell", more=found.more, fewer=found.fewer, tokens=found.tokens)
    parts = [tag("h4", name), receipt(line)]
    if place != against:
        parts.append(tag("p", link(say(language, "sources_against"), "against", place=place)))
    return join([*parts, table(say(language, "sources_cell_caption", name=name), heads, rows, "pg-words")])


def question_html(shown: SourcesTable, sheet: Sheet, question_id: str, language: str) -> Markup:
    """What every source said to one question."""
    question = next((one for one in shown.questions if one.id == question_id), None)
    if question is None or question.id not in shown.answers:
        return note(say(language, "sources_lost"), "warn")
    heads = [say(language, key) for key in ("sources_source", "sources_answer", "sources_passages")]
    rows = [
        [source_name(sheet, shown, place, language), _answer(answer, language), ", ".join(answer.passages) or "–"]
        for place, answer in enumerate(shown.answers[question.id])
    ]
    right = say(language, "right_answer", answer=question.answer)
    return join([tag("h4", question.question), receipt(right), table(question.question, heads, rows, "pg-words")])


def _answer(answer: Answered, language: str) -> Markup:
    return join([sign(answer.right, language), answer.text[:MOST_SHOWN] or "–"])


def answers_csv(shown: SourcesTable, sheet: Sheet, language: str) -> str:
    """A line for each question and source."""
    rows = [["id", "kind", "question", "right_answer", "weights", "before", "answer", "right", "token_f1"]]
    rows[0] += ["supported", "prompt_tokens", "passages"]
    for question in shown.answered():
        for source, answer in zip(shown.sources, shown.answers[question.id], strict=True):
            weights = weights_name(sheet, source.weights)
            supported = "" if answer.supported is None else f"{answer.supported:.3f}"
            asked = [question.id, question.kind, question.question, question.answer, weights, source.before]
            figures = [str(int(answer.right)), f"{answer.f1:.3f}", supported, str(answer.prompt_tokens)]
            rows.append([*asked, answer.text, *figures, " ".join(answer.passages)])
    return written(rows)


# What stands there before anybody asks


@cache
def example() -> tuple[Sheet, SourcesTable]:
    """A table that was measured once."""
    data = json.loads(EXAMPLE.read_text("utf-8"))
    return Sheet("", tuple(data["weights"]), data["corpus"]), table_from_text(json.dumps(data["table"]))


def example_html(against: int, kind: str, language: str) -> Markup:
    """The measured example, said to be one."""
    sheet, shown = example()
    return note(say(language, "sources_example")) + table_html(shown, sheet, against, kind, language)
