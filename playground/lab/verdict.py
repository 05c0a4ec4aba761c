"""The verdict: what to choose, decided from the figures of the rows and from what a visitor needs.

Needs are facts about the situation that the figures of one fact cannot tell. Sentences are keys of
the page's texts; ways and columns stand in them by their ids, figures as plain numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from playground.lab.lesson import KINDS
from playground.lab.scores import (
    IMPORTANT,
    NOISE,
    NOTICED,
    QUALITIES,
    Ranked,
    mark,
    measured_rows,
    ranking,
    says,
    scales,
    too_few,
    value,
)
from playground.lab.table import WayRow
from playground.lab.ways import BASE, WAYS

NEEDS = ("many", "changes", "cite", "style")
TIMES = ("undo_seconds", "apply_seconds")  # which count too where a fact changes often
LEVEL = 0.02  # scores within it are as good as each other
TELLING = 0.01  # the least difference of marks worth naming
HARDER = 1.02  # a perplexity ratio from here on is named
SOME = 2 / 3  # a share below it is named
FEW = 3  # questions of a kind below it are few
MOST_SENTENCES, MOST_CHANGES = 7, 2  # sentences in all, and of what would change the choice


@dataclass(frozen=True)
class Amount:
    """A figure in a sentence: the column that it stands in, and its value."""

    column: str
    value: float


@dataclass(frozen=True)
class Compared:
    """A column with a way's figure and, if it is compared, another's.

    :param likely: the figures are mean probabilities of the answer, not shares.
    """

    column: str
    own: float
    other: float | None = None
    likely: bool = False


@dataclass(frozen=True)
class Sentence:
    """A text of the page, ``verdict_<key>``, and what fills it: ids, numbers, figures, tuples."""

    key: str
    values: dict[str, object]


@dataclass(frozen=True)
class Verdict:
    """The ways, best first, and what to make of them.

    :param best: None where nothing can be recommended.
    """

    ranked: tuple[Ranked, ...]
    best: str | None
    sentences: tuple[Sentence, ...]

    @property
    def chosen(self) -> str | None:
        """The best, where there was something to choose from."""
        return self.best if len(self.ranked) > 1 else None


def verdict(rows: Sequence[WayRow], important: Collection[str], needs: Collection[str]) -> Verdict:
    """What to choose, why, at what cost, and what would change the choice."""
    choice = _Choice(rows, _counting(important, needs), needs)
    if "style" in needs:
        return Verdict(choice.ranked, None, (sentence("style"),))
    time = [sentence("time_counts")] if choice.wanted - set(important) else []
    beside = [*choice.known(), *choice.left_out(), *time]
    if choice.best is None:
        told = [choice.nothing(), *beside]
    else:
        changes = list(choice.changed(important))[:MOST_CHANGES]
        told = [choice.why(), *beside, *choice.weak(), choice.cost(), *choice.doubt(), *changes]
    return Verdict(choice.ranked, choice.best, tuple([*told, *choice.failed()][:MOST_SENTENCES]))


def sentence(key: str, /, **values: object) -> Sentence:
    """One of the page's texts, to be filled."""
    return Sentence(key, values)


def allowed(way: str, said: Collection[str], needs: Collection[str]) -> bool:
    """Whether no need leaves a way out.

    Many facts: not the prompt, which would carry all of them, and not one at a time where another
    way writes many at once. To cite: only what stands in the prompt.

    :param said: the ways that say the fact.
    """
    row = WAYS[way]
    many = row.into != "prompt" and row.instead not in said
    return ("many" not in needs or many) and ("cite" not in needs or row.quotable)


def _counting(important: Collection[str], needs: Collection[str]) -> set[str]:
    """What counts: what was ticked, and what the needs add."""
    return {*important, *(TIMES if "changes" in needs else ())}


def _compared(own: WayRow, other: WayRow, column: str) -> Compared:
    """A column of two ways; of a kind with the same share, the probabilities."""
    first, second = value(own, column) or 0.0, value(other, column) or 0.0
    figures = own.figures.get(column), other.figures.get(column)
    if first == second and figures[0] and figures[1]:
        return Compared(column, figures[0].probability, figures[1].probability, True)
    return Compared(column, first, second)


class _Choice:
    """What the needs leave, in its order, and the sentences about it.

    ``fit`` to be recommended is what says the fact and beats the base.
    """

    def __init__(self, rows: Sequence[WayRow], wanted: Collection[str], needs: Collection[str]) -> None:
        self.all, self.wanted, self.needs = rows, set(wanted), needs
        self.tried = measured_rows(rows)
        self.said = [row.way for row in self.tried if says(row)]
        self.left = [row for row in self.tried if allowed(row.way, self.said, needs)]
        self.scale = scales(self.tried)
        self.ranked = ranking(self.left, wanted, self.scale)
        self.base = next((row for row in rows if row.way == BASE and not row.error and row.asked), None)
        self.rows = {row.way: row for row in (*self.tried, *([self.base] if self.base else []))}
        self.sayers = [way for way in self.ranked if way.way in self.said]
        self.fit = [way for way in self.sayers if self.base is None or self._beats_base(way.way)]
        self.best = self.fit[0].way if self.fit else None

    def _beats_base(self, way: str) -> bool:
        """Whether it does better than nothing at the qualities that count, saying the fact among
        them. Costs do not count here: nothing costs nothing."""
        rows = self.rows[way], self.rows[BASE]
        marks = [[mark(row, column, self.scale) for row in rows] for column in self._qualities()]
        gaps = [own - other for own, other in marks if own is not None and other is not None]
        return sum(gaps) > TELLING * len(gaps)

    def _qualities(self) -> list[str]:
        return [column for column in QUALITIES if column in {*self.wanted, "efficacy"}]

    def differences(
        self, own: str, other: str, columns: Collection[str], either: bool = False, least: float = TELLING
    ) -> tuple[Compared, ...]:
        """Where two ways differ by more than the ``least``, the three of most difference.

        :param either: also where the second is better.
        """
        rows, gaps = (self.rows[own], self.rows[other]), []
        seconds = [max(row.answer_seconds, NOTICED) for row in rows]
        noisy = max(seconds) <= NOISE * min(seconds)  # by no more than a busy machine makes
        for column in IMPORTANT:
            first, second = (mark(row, column, self.scale) for row in rows)
            if column not in columns or first is None or second is None or (column == "answer_seconds" and noisy):
                continue
            gap = first - second
            if (abs(gap) if either else gap) > least:
                gaps.append((-abs(gap), _compared(*rows, column)))
        return tuple(compared for _, compared in sorted(gaps, key=lambda pair: pair[0])[:3])

    # The choice

    def why(self) -> Sentence:
        """The best way and what decides for it."""
        best, *rest = self.fit
        if not rest:
            return self._alone(best)
        level, other = tuple(way.way for way in self.fit if best.score - way.score <= LEVEL), rest[0].way
        if len(level) == 1:
            reasons = self.differences(best.way, other, self.wanted)
            return sentence("best", way=best.way, other=other, reasons=reasons)
        reasons = self.differences(best.way, other, IMPORTANT, either=True)
        if not reasons:
            return sentence("level", ways=level)
        return sentence("level_but", ways=level, way=best.way, other=other, reasons=reasons)

    def _alone(self, best: Ranked) -> Sentence:
        """The only way that can be recommended, with its first figures."""
        figures = [(column, value(self.rows[best.way], column)) for column in best.marks]
        reasons = tuple(Compared(column, figure) for column, figure in figures if figure is not None)[:3]
        count = len(self.tried)
        if count == 1:
            return sentence("only_tried", way=best.way, reasons=reasons)
        key = "only_able" if len(self.left) == 1 else "only_says" if len(self.sayers) == 1 else "only_better"
        return sentence(key, way=best.way, reasons=reasons, count=count)

    def nothing(self) -> Sentence:
        """Why no way can be recommended."""
        if not self.tried:
            return sentence("no_figures")
        if not self.left:
            able = tuple(way for way in WAYS if way != BASE and allowed(way, self.said, self.needs))
            return sentence("none_able", ways=able)
        if not self.ranked:
            return sentence("not_measured")
        if not self.sayers:
            chances = {row.way: row.figures["efficacy"].probability for row in self.left}
            nearest = max(chances, key=lambda way: chances[way])
            return sentence("none_says", way=nearest, figure=Amount("share", chances[nearest]))
        nearest = self.sayers[0].way
        reasons = self.differences(nearest, BASE, self._qualities(), either=True)
        return sentence("none_better", way=nearest, reasons=reasons) if reasons else sentence("none_differs")

    # What stands beside it

    def known(self) -> Iterator[Sentence]:
        """The base says it: there was nothing to teach."""
        figure = self.base.figures.get("efficacy") if self.base else None
        if figure and figure.said >= 1:
            yield sentence("known")

    def left_out(self) -> Iterator[Sentence]:
        """What the needs leave out."""
        if "many" in self.needs:
            for row in self.tried:
                if WAYS[row.way].into == "prompt":
                    yield sentence("many_prompt", way=row.way, figure=Amount("bytes", row.bytes))
                elif WAYS[row.way].instead in self.said:
                    yield sentence("many_single", way=row.way, other=WAYS[row.way].instead)
        hidden = tuple(row.way for row in self.tried if not WAYS[row.way].quotable)
        if "cite" in self.needs and hidden:
            yield sentence("cite", ways=hidden)

    def weak(self) -> Iterator[Sentence]:
        """What is wrong even with the best way: what it does not reach, and what it damages."""
        own = self.rows[self.best or ""]
        reached = [(column, value(own, column)) for column in ("paraphrase", "portability")]
        short = tuple(Compared(column, share) for column, share in reached if share is not None and share < SOME)
        if short:
            yield sentence("short", way=own.way, reasons=short)
        damage = []
        for column in ("locality", "kept"):
            now, before = value(own, column), value(self.base, column) if self.base else None
            if now is not None and before is not None and now < before:
                damage.append(Compared(column, now, before))
        if own.perplexity_ratio >= HARDER:
            damage.append(Compared("perplexity", own.perplexity_ratio, 1.0))
        if damage:
            yield sentence("damage", way=own.way, reasons=tuple(damage))

    def cost(self) -> Sentence:
        """Seconds and bytes of the best way."""
        own = self.rows[self.best or ""]
        return sentence(
            "cost",
            way=own.way,
            apply=Amount("apply_seconds", own.apply_seconds),
            answer=Amount("answer_seconds", own.answer_seconds),
            undo=Amount("undo_seconds", own.undo_seconds),
            held=Amount("bytes", own.bytes),
        )

    def doubt(self) -> Iterator[Sentence]:
        """Shares by which the best and the next differ, but which may be chance; or that are
        coarse. Efficacy is one question by design: a yes or a no, not a share."""
        own, *others = (self.rows[way.way] for way in self.fit[:2])
        close = [(column, row) for row in others for column in IMPORTANT if too_few(own, row, column)]
        reasons = tuple(
            Compared(column, value(own, column) or 0.0, value(row, column))
            for column, row in close
            if column in self.wanted
        )
        counts: dict[str, int] = {kind: own.figures[kind].count for kind in KINDS[1:] if kind in own.figures}
        kind = min(counts, key=lambda kind: counts[kind], default="")
        if reasons:
            yield sentence("too_few", way=own.way, other=others[0].way, reasons=reasons[:3])
        elif kind and counts[kind] < FEW:
            yield sentence("coarse", what=kind, figure=Amount("share", 1 / counts[kind]))

    def failed(self) -> Iterator[Sentence]:
        """Ways that did not say the fact, and ways that could not be used."""
        silent = tuple(row.way for row in self.tried if not says(row))
        broken = tuple(row.way for row in self.all if row.error is not None and row.way != BASE)
        if silent and self.best:
            yield sentence("silent", ways=silent)
        if broken:
            yield sentence("broken", ways=broken)

    # What would change it

    def changed(self, important: Collection[str]) -> Iterator[Sentence]:
        """One more need, or one criterion alone: whatever makes another way the best."""
        for need in ("many", "changes", "cite"):
            more = {*self.needs, need}
            other = _Choice(self.all, _counting(important, more), more)
            if need not in self.needs and other.best not in (None, self.best):
                yield from self._if_needed(need, other)
        alone: dict[str, list[Compared]] = {}
        best = self.best or ""
        for column in IMPORTANT:
            only = _Choice(self.all, {column}, self.needs)
            if only.best and (reasons := only.differences(only.best, best, {column}, least=LEVEL)):
                alone.setdefault(only.best, []).extend(reasons)
        for way, columns in sorted(alone.items(), key=lambda pair: -len(pair[1])):
            yield sentence("if_alone", way=way, other=best, reasons=tuple(columns[:3]))

    def _if_needed(self, need: str, choice: _Choice) -> Iterator[Sentence]:
        """What one more need makes of the choice."""
        way, best = choice.best or "", self.best or ""
        reasons = choice.differences(way, best, IMPORTANT, either=True)[:2]
        if need == "many" and WAYS[best].into == "prompt":
            held = Amount("bytes", choice.rows[best].bytes)
            yield sentence("if_many_prompt", way=way, other=best, figure=held)
        elif need == "many" and WAYS[best].instead:
            yield sentence("if_many_single", way=way, other=best, reasons=reasons)
        elif need == "changes" and (quick := choice.differences(way, best, TIMES)):
            yield sentence("if_changes", way=way, other=best, reasons=quick)
        elif need == "cite" and not WAYS[best].quotable and reasons:
            yield sentence("if_cite", way=way, other=best, reasons=reasons)
