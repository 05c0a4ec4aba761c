"""Which way fits: what a visitor's needs leave, what beats the base, what tells two apart.

Needs are facts about the situation that the figures of one fact cannot tell.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from playground.lab.scores import (
    IMPORTANT,
    NOISE,
    NOTICED,
    QUALITIES,
    Ranked,
    Scales,
    figure_of,
    mark,
    measured,
    ranked,
    says,
    scales,
    value,
)
from playground.lab.table import Row
from playground.retrieval.retrievers import RETRIEVERS

NEEDS = ("many", "changes", "cite", "style")
QUOTABLE = ("in_context", *RETRIEVERS)  # whose text stands in the prompt and can be shown
LEVEL = 0.02  # scores within it are as good as each other
TELLING = 0.01  # the least difference of marks worth naming


@dataclass(frozen=True)
class Measured:
    """A figure in a sentence: the column that it stands in, and its value."""

    column: str
    value: float

    def __str__(self) -> str:
        return f"{self.value:.3g}"


@dataclass(frozen=True)
class Compared:
    """A column with a way's figure and, if it is compared, another's.

    :param likely: the figures are mean probabilities of the answer, not shares.
    """

    column: str
    own: float
    other: float | None = None
    likely: bool = False

    def __str__(self) -> str:
        what = f"{self.column}{' (probability)' if self.likely else ''} {self.own:.3g}"
        return what if self.other is None else f"{what} against {self.other:.3g}"


@dataclass(frozen=True)
class Listed:
    """Several ways or comparisons in one sentence."""

    items: tuple[object, ...]

    def __str__(self) -> str:
        return ", ".join(str(item) for item in self.items)


@dataclass(frozen=True)
class Rule:
    """What a need changes: criteria that count too, and ways that are left out.

    :param allows: a way, given those that say the fact.
    """

    adds: tuple[str, ...] = ()
    allows: Callable[[str, Collection[str]], bool] = lambda way, said: True


def _holds_many(way: str, said: Collection[str]) -> bool:
    """Not the prompt, which would carry all of them; not one at a time where many at once works."""
    return way != "in_context" and not (way == "rome" and "memit" in said)


RULES = {
    "many": Rule(allows=_holds_many),
    "changes": Rule(adds=("undo_seconds", "apply_seconds")),
    "cite": Rule(allows=lambda way, said: way in QUOTABLE),
    "style": Rule(),  # questions about a fact cannot tell
}


@dataclass(frozen=True)
class Case:
    """The rows, what counts, and what came of it.

    :param rows: those that worked, by way, the base among them.
    :param left: the ways that the needs leave.
    :param fit: those that say the fact and beat the base, best first.
    """

    rows: dict[str, Row]
    scale: Scales
    wanted: frozenset[str]
    left: tuple[str, ...]
    ranked: tuple[Ranked, ...]
    fit: tuple[Ranked, ...]

    @property
    def best(self) -> str | None:
        """The way to recommend, if there is one."""
        return self.fit[0].way if self.fit else None

    @property
    def sayers(self) -> list[Ranked]:
        """The ranked ways that say the fact."""
        return [one for one in self.ranked if says(self.rows[one.way])]

    def differences(self, own: str, other: str, columns: Collection[str], sign: int = 1, most: int = 3) -> Listed:
        """Where two ways differ most.

        :param sign: 1: where the first is better, -1: where it is worse, 0: either.
        """
        found = []
        for column in IMPORTANT:
            if column not in columns:
                continue
            one, two = (mark(self.rows[way], column, self.scale) for way in (own, other))
            gap = (one or 0.0) - (two or 0.0)
            if column == "answer_seconds" and self.noisy(own, other):
                continue
            if one is not None and two is not None and (gap * sign if sign else abs(gap)) > TELLING:
                found.append((-abs(gap), self.compared(own, other, column)))
        return Listed(tuple(one for _, one in sorted(found, key=lambda pair: pair[0])[:most]))

    def noisy(self, own: str, other: str) -> bool:
        """Whether the seconds of an answer differ by no more than a busy machine makes."""
        times = [max(self.rows[way].answer_seconds, NOTICED) for way in (own, other)]
        return max(times) <= NOISE * min(times)

    def compared(self, own: str, other: str, column: str) -> Compared:
        """A column of two ways; of a kind with the same share, the probabilities."""
        one, two = (value(self.rows[way], column) or 0.0 for way in (own, other))
        figures = [figure_of(self.rows[way], column) for way in (own, other)]
        if one == two and figures[0] and figures[1]:
            return Compared(column, figures[0].probability, figures[1].probability, True)
        return Compared(column, one, two)


def judged(rows: Sequence[Row], important: Collection[str], needs: Collection[str]) -> Case:
    """Rank what the needs leave; fit to be recommended is what says the fact and beats the base."""
    tried = measured(rows)
    said = [row.way for row in tried if says(row)]
    left = [row for row in tried if allowed(row.way, said, needs)]
    scale = scales(tried)
    order = ranked(left, important, scale)
    base = next((row for row in rows if row.way == "base" and not row.error and row.asked), None)
    by_way = {row.way: row for row in (*tried, *([base] if base else []))}
    fit = tuple(
        one for one in order if one.way in said and (base is None or _beats(by_way[one.way], base, important, scale))
    )
    ways = tuple(row.way for row in left)
    return Case(by_way, scale, frozenset(important), ways, order, fit)


def _beats(row: Row, base: Row, important: Collection[str], scale: Scales) -> bool:
    """Whether it does better than nothing at the qualities that count, saying the fact among them.

    Costs do not count here: nothing costs nothing.
    """
    columns = [column for column in QUALITIES if column in {*important, "efficacy"}]
    pairs = [(mark(row, column, scale), mark(base, column, scale)) for column in columns]
    gaps = [own - other for own, other in pairs if own is not None and other is not None]
    return sum(gaps) > TELLING * len(gaps)


def allowed(way: str, said: Collection[str], needs: Collection[str]) -> bool:
    """Whether no need leaves a way out."""
    return all(RULES[need].allows(way, said) for need in NEEDS if need in needs)


def wanted(important: Collection[str], needs: Collection[str]) -> set[str]:
    """What counts: what was ticked, and what the needs add."""
    return {*important, *(one for need in NEEDS if need in needs for one in RULES[need].adds)}
