"""How each way does at what a visitor finds important: a mark from 0 to 1 for each, and the best.

Knows the rows of a table; nothing of models, sentences or the page.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import log
from statistics import fmean

from playground.lab.asking import Figure
from playground.lab.lesson import KINDS
from playground.lab.shares import Interval, apart, wilson
from playground.lab.table import Row
from playground.lab.ways import WAYS

QUALITIES = ("efficacy", "paraphrase", "locality", "portability", "kept", "perplexity")
COSTS = ("apply_seconds", "answer_seconds", "bytes", "undo_seconds")
IMPORTANT = (*QUALITIES, *COSTS)  # what can be ticked, and the table's columns
USUAL = ("efficacy", "paraphrase", "locality", "kept")  # what is ticked at first

LIKELY = 0.05  # the part of a kind's mark that the mean probability gives
FLOOR = {"bytes": 1.0}  # below it nobody sees a difference; for the times:
NOTICED = 0.01  # seconds
NOISE = 3.0  # factor of one answer's seconds that a machine with other work makes by itself
SPAN = log(10)  # the least distance of best and worst cost, or 1.0 s and 1.1 s would be 1 and 0

Scales = Mapping[str, tuple[float, float]]  # by cost: the least logarithm, and the distance


@dataclass(frozen=True)
class Ranked:
    """A way with its score, the mean of its ``marks`` by criterion."""

    way: str
    score: float
    marks: dict[str, float]


def measured(rows: Sequence[Row]) -> list[Row]:
    """The rows of ways that worked and were asked, in the order of ``WAYS``, without the base."""
    own = {row.way: row for row in rows if row.error is None and row.asked}
    return [own[way] for way in WAYS if way in own and way != "base"]


def figure_of(row: Row, column: str) -> Figure | None:
    """The figure of a kind of question, if there were any."""
    return next((one for kind, one in row.figures.items() if kind == column), None)


def value(row: Row, column: str) -> float | None:
    """What stands in a column of the table; None where nothing was measured."""
    if column in KINDS:
        figure = figure_of(row, column)
        return figure.said if figure else None
    if column == "kept":
        return row.kept.right / row.kept.of if row.kept.of else None
    return float(row.perplexity_ratio if column == "perplexity" else getattr(row, column))


def says(row: Row) -> bool:
    """Whether the way writes the fact at all."""
    figure = figure_of(row, "efficacy")
    return figure is None or figure.said > 0


def interval(row: Row, column: str) -> Interval | None:
    """The 95 % interval of a share; None for what is no share, or was not measured."""
    figure = figure_of(row, column)
    if figure:
        return figure.said_interval
    kept = row.kept
    return wilson(kept.right, kept.of) if column == "kept" and kept.of else None


def too_few(own: Row, other: Row, column: str) -> bool:
    """Whether two shares that differ may do so by chance: their intervals are not apart."""
    one, two = interval(own, column), interval(other, column)
    differ = value(own, column) != value(other, column)
    return one is not None and two is not None and differ and not apart(one, two)


def untold(rows: Sequence[Row]) -> tuple[str, ...]:
    """Columns whose shares differ, but of which no two are apart."""
    tried = measured(rows)
    found = []
    for column in (*KINDS, "kept"):
        pairs = [(a, b) for n, a in enumerate(tried) for b in tried[:n]]
        differing = [(a, b) for a, b in pairs if value(a, column) != value(b, column)]
        if differing and all(too_few(a, b, column) for a, b in differing):
            found.append(column)
    return tuple(found)


def scales(rows: Sequence[Row]) -> Scales:
    """For each cost, where its logarithmic scale begins and how far it goes."""
    found = {}
    for column in COSTS:
        logs = [log(_floored(row, column)) for row in rows] or [0.0]
        low, distance = min(logs), max(logs) - min(logs)
        found[column] = (low + slack(column), max(distance - slack(column), SPAN))
    return found


def mark(row: Row, column: str, scale: Scales) -> float | None:
    """How well a way does by one criterion, from 0 to 1; None where nothing was measured.

    A kind of question: the share that is written, and a twentieth of the mark by the answers' mean
    probability. Kept: the share. Perplexity: 1 / ratio, at most 1. Seconds and bytes: 1 for the
    least of the rows and 0 for the most, on a logarithmic scale of a factor of ten or more;
    times below a hundredth of a second are the same, and seconds of an answer within a factor of
    three: every way answers with a model of the same size, and a busy machine does the rest.
    """
    given = value(row, column)
    if given is None:
        return None
    figure = figure_of(row, column)
    if figure:
        return (1 - LIKELY) * figure.said + LIKELY * figure.probability
    if column == "perplexity":
        return min(1.0, 1 / given) if given > 0 else 0.0
    if column in COSTS:
        low, distance = scale[column]
        return min(1.0, max(0.0, 1 - (log(_floored(row, column)) - low) / distance))
    return given


def slack(column: str) -> float:
    """Differences of a cost's logarithm up to it are the machine's, not the way's."""
    return log(NOISE) if column == "answer_seconds" else 0.0


def _floored(row: Row, column: str) -> float:
    return max(float(getattr(row, column)), FLOOR.get(column, NOTICED))


def ranked(rows: Sequence[Row], important: Collection[str], scale: Scales | None = None) -> tuple[Ranked, ...]:
    """The ways, best first, by the mean of their marks; ties keep the order of ``WAYS``.

    Left out are the base, ways that failed, and criteria that not every row has a figure for.
    Ways that never say the fact come last, whatever else they are good at.

    :param scale: of the costs, if other rows set it.
    """
    tried = measured(rows)
    scale = scale or scales(tried)
    columns = [
        column for column in IMPORTANT if column in important and all(value(row, column) is not None for row in tried)
    ]
    if not columns:
        return ()
    found = []
    for row in tried:
        marks = {column: mark(row, column, scale) or 0.0 for column in columns}
        found.append(Ranked(row.way, fmean(marks.values()), marks))
    silent = {row.way for row in tried if not says(row)}
    return tuple(sorted(found, key=lambda one: (one.way in silent, -round(one.score, 9))))


def best_of(rows: Sequence[Row]) -> dict[str, set[str]]:
    """The best ways of each column, to be marked: all that tie, and none where all are equal.

    Equal is what looks equal: three digits. A way that never says the fact is not the cheapest.
    """
    found: dict[str, set[str]] = {}
    for column in IMPORTANT:
        able = [row for row in measured(rows) if column not in COSTS or says(row)]
        worth = {row.way: _worth(row, column) for row in able}
        shown = {way: one for way, one in worth.items() if one is not None}
        top = max(shown.values(), default=0.0)
        winners = {way for way, one in shown.items() if one == top}
        found[column] = winners if len(set(shown.values())) > 1 else set()
    return found


def _worth(row: Row, column: str) -> float | None:
    """A value as it is shown, more being better."""
    given = _floored(row, column) if column in COSTS else value(row, column)
    if given is None:
        return None
    shown = float(f"{given:.3g}")
    return -shown if column in COSTS or column == "perplexity" else shown
