"""How each way does at what a visitor finds important: a mark from 0 to 1 for each, and the best.

Knows the rows of a table; nothing of models, sentences or the page.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import log
from statistics import fmean

from playground.lab.intervals import Interval, apart, wilson
from playground.lab.lesson import KINDS
from playground.lab.table import WayRow
from playground.lab.ways import BASE, WAYS

QUALITIES = ("efficacy", "paraphrase", "locality", "portability", "kept", "perplexity")
COSTS = ("apply_seconds", "answer_seconds", "bytes", "undo_seconds")
IMPORTANT = (*QUALITIES, *COSTS)  # what can be ticked, and the table's columns
USUAL = ("efficacy", "paraphrase", "locality", "kept")  # what is ticked at first

LIKELY = 0.05  # the part of a kind's mark that the mean probability gives
LEAST_BYTES, NOTICED = 1.0, 0.01  # below these bytes and seconds nobody sees a difference
NOISE = 3.0  # factor of one answer's seconds that a machine with other work makes by itself
SPAN = log(10)  # the least distance of best and worst cost, or 1.0 s and 1.1 s would be 1 and 0

Scales = Mapping[str, tuple[float, float]]  # by cost: the least logarithm, and the distance


@dataclass(frozen=True)
class Ranked:
    """A way with its score, the mean of its ``marks`` by criterion."""

    way: str
    score: float
    marks: dict[str, float]


def measured_rows(rows: Sequence[WayRow]) -> list[WayRow]:
    """The rows of ways that worked and were asked, in the order of ``WAYS``, without the base."""
    own = {row.way: row for row in rows if row.error is None and row.asked}
    return [own[way] for way in WAYS if way in own and way != BASE]


def value(row: WayRow, column: str) -> float | None:
    """What stands in a column of the table; None where nothing was measured."""
    if column in KINDS:
        figure = row.figures.get(column)
        return figure.said if figure else None
    if column == "kept":
        return row.kept.right / row.kept.of if row.kept.of else None
    return float(row.perplexity_ratio if column == "perplexity" else getattr(row, column))


def says(row: WayRow) -> bool:
    """Whether the way writes the fact at all."""
    figure = row.figures.get("efficacy")
    return figure is None or figure.said > 0


def too_few(own: WayRow, other: WayRow, column: str) -> bool:
    """Whether two shares that differ may do so by chance: their 95 % intervals are not apart."""
    first, second = _interval(own, column), _interval(other, column)
    differ = value(own, column) != value(other, column)
    return first is not None and second is not None and differ and not apart(first, second)


def _interval(row: WayRow, column: str) -> Interval | None:
    figure, others = row.figures.get(column), row.kept
    if figure:
        return figure.said_interval
    return wilson(others.right, others.of) if column == "kept" and others.of else None


def untold(rows: Sequence[WayRow]) -> tuple[str, ...]:
    """Columns whose shares differ, but of which no two are apart."""
    columns = []
    for column in (*KINDS, "kept"):
        pairs = combinations(measured_rows(rows), 2)
        differing = [(a, b) for a, b in pairs if value(a, column) != value(b, column)]
        if differing and all(too_few(a, b, column) for a, b in differing):
            columns.append(column)
    return tuple(columns)


def scales(rows: Sequence[WayRow]) -> Scales:
    """For each cost, where its logarithmic scale begins and how far it goes.

    Seconds of an answer within a factor of three are the same: every way answers with a model of
    the same size, and a busy machine does the rest.
    """
    scale = {}
    for column in COSTS:
        logs = [_log(row, column) for row in rows] or [0.0]
        noise = log(NOISE) if column == "answer_seconds" else 0.0
        scale[column] = (min(logs) + noise, max(max(logs) - min(logs) - noise, SPAN))
    return scale


def _log(row: WayRow, column: str) -> float:
    return log(max(float(getattr(row, column)), LEAST_BYTES if column == "bytes" else NOTICED))


def mark(row: WayRow, column: str, scale: Scales) -> float | None:
    """How well a way does by one criterion, from 0 to 1; None where nothing was measured.

    A kind of question: the share that is written, and a twentieth of the mark by the answers' mean
    probability. Kept: the share. Perplexity: 1 / ratio, at most 1. Seconds and bytes: 1 for the
    least of the rows and 0 for the most, on a logarithmic scale of a factor of ten or more.
    """
    figure, worth = row.figures.get(column), value(row, column)
    if figure:
        return (1 - LIKELY) * figure.said + LIKELY * figure.probability
    if worth is not None and column == "perplexity":
        return min(1.0, 1 / worth) if worth > 0 else 0.0
    if column in COSTS:
        low, distance = scale[column]
        return min(1.0, max(0.0, 1 - (_log(row, column) - low) / distance))
    return worth


def ranking(rows: Sequence[WayRow], important: Collection[str], scale: Scales | None = None) -> tuple[Ranked, ...]:
    """The ways, best first, by the mean of their marks; ties keep the order of ``WAYS``.

    Left out are the base, ways that failed, and criteria that not every row has a figure for.
    Ways that never say the fact come last, whatever else they are good at.

    :param scale: of the costs, if other rows set it.
    """
    tried = measured_rows(rows)
    scale = scale or scales(tried)
    ticked = [column for column in IMPORTANT if column in important]
    columns = [column for column in ticked if all(value(row, column) is not None for row in tried)]
    order = []
    for row in tried if columns else ():
        marks = {column: mark(row, column, scale) or 0.0 for column in columns}
        order.append(Ranked(row.way, fmean(marks.values()), marks))
    silent = {row.way for row in tried if not says(row)}
    return tuple(sorted(order, key=lambda way: (way.way in silent, -round(way.score, 9))))


def best_of(rows: Sequence[WayRow]) -> dict[str, set[str]]:
    """The best ways of each column, to be marked: all that tie, and none where all are equal.

    Equal is what looks equal: three digits. A way that never says the fact is not the cheapest.
    """
    best: dict[str, set[str]] = {}
    for column in IMPORTANT:
        able = [row for row in measured_rows(rows) if column not in COSTS or says(row)]
        shown = {row.way: worth for row in able if (worth := _shown(row, column)) is not None}
        top = max(shown.values(), default=0.0)
        winners = {way for way, worth in shown.items() if worth == top}
        best[column] = winners if len(set(shown.values())) > 1 else set()
    return best


def _shown(row: WayRow, column: str) -> float | None:
    """A value as it is shown, more being better."""
    worth = value(row, column)
    if worth is None:
        return None
    if column in COSTS:
        worth = max(worth, LEAST_BYTES if column == "bytes" else NOTICED)
    digits = float(f"{worth:.3g}")
    return -digits if column in COSTS or column == "perplexity" else digits
