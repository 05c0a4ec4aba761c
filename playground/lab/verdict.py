"""A verdict in sentences, computed from the figures of the rows and from what matters to a visitor.

Ways stand in the sentences by their keys, figures as plain numbers: the page names and shows them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from playground.errors import Message
from playground.lab.changing import changed
from playground.lab.choosing import LEVEL, NEEDS, Case, Compared, Listed, Measured, allowed, judged, wanted
from playground.lab.lesson import KINDS
from playground.lab.scores import (
    IMPORTANT,
    QUALITIES,
    USUAL,
    Ranked,
    best_of,
    figure_of,
    measured,
    ranked,
    says,
    too_few,
    value,
)
from playground.lab.table import Row
from playground.lab.ways import WAYS

__all__ = ["IMPORTANT", "NEEDS", "USUAL", "Ranked", "Verdict", "best_of", "ranked", "verdict"]

HARDER = 1.02  # a perplexity ratio from here on is named
SOME = 2 / 3  # a share below it is named
FEW = 3  # questions of a kind below it are few
MOST, CHANGES = 7, 2  # sentences in all, and of what would change the choice


@dataclass(frozen=True)
class Verdict:
    """The ways, best first, and what to make of them.

    :param best: None where nothing can be recommended.
    """

    ranked: tuple[Ranked, ...]
    best: str | None
    sentences: tuple[Message, ...]

    @property
    def chosen(self) -> str | None:
        """The best, where there was something to choose from."""
        return self.best if len(self.ranked) > 1 else None


def verdict(rows: Sequence[Row], important: Collection[str], needs: Collection[str]) -> Verdict:
    """What to choose, why, at what cost, and what would change the choice."""
    case = judged(rows, wanted(important, needs), needs)
    if "style" in needs:
        style = Message(
            "These questions are about a fact and cannot tell which way teaches a style. LoRA, "
            "which learns from examples, is the usual one; this table does not measure that."
        )
        return Verdict(case.ranked, None, (style,))
    ruled = _ruled(rows, important, needs)
    if case.best is None:
        found = [_nothing(case, rows, needs), *_known(case), *ruled]
    else:
        own = case.rows[case.best]
        found = [_why(case), *_known(case), *ruled, *_weak(case, own), _cost(own)]
        found += [*(_chance(case) or _coarse(own)), *changed(case, rows, important, needs)[:CHANGES]]
    return Verdict(case.ranked, case.best, tuple([*found, *_failed(case, rows)][:MOST]))


# The choice


def _why(case: Case) -> Message:
    """The best way and what decides for it."""
    best, *rest = case.fit
    if not rest:
        return _alone(case)
    level = [one.way for one in case.fit if best.score - one.score <= LEVEL]
    if len(level) == 1:
        reasons = case.differences(best.way, rest[0].way, case.wanted)
        return Message(
            "“{way}” fits best what you ticked. Beside “{other}”, the next: {reasons}.",
            {"way": best.way, "other": rest[0].way, "reasons": reasons},
        )
    differing = case.differences(best.way, rest[0].way, IMPORTANT, sign=0)
    ways = Listed(tuple(level))
    if not differing.items:
        return Message(
            "As good as each other for what you ticked: {ways}. No figure here tells the first two apart.",
            {"ways": ways},
        )
    return Message(
        "As good as each other for what you ticked: {ways}. What most tells “{way}” from “{other}”: {reasons}.",
        {"ways": ways, "way": best.way, "other": rest[0].way, "reasons": differing},
    )


def _alone(case: Case) -> Message:
    """The only way that can be recommended, with its first figures."""
    best = case.fit[0]
    figures = [(one, value(case.rows[best.way], one)) for one in best.marks]
    own = [Compared(column, given) for column, given in figures if given is not None]
    reasons = Listed(tuple(own[:3]))
    tried = sum(way != "base" for way in case.rows)
    if tried == 1:
        return Message(
            "“{way}” is the only way that was tried so far, so there is nothing to choose from: "
            "{reasons}. Try others beside it.",
            {"way": best.way, "reasons": reasons},
        )
    if len(case.left) == 1:
        return Message(
            "Of the {count} ways tried, “{way}” is the only one that can do what you need: {reasons}.",
            {"way": best.way, "reasons": reasons, "count": tried},
        )
    if len(case.sayers) == 1:
        return Message(
            "Of the {count} ways tried, “{way}” is the only one left that says the fact: {reasons}.",
            {"way": best.way, "reasons": reasons, "count": tried},
        )
    return Message(
        "Of the {count} ways tried, “{way}” is the only one left that beats the untaught model: {reasons}.",
        {"way": best.way, "reasons": reasons, "count": tried},
    )


def _nothing(case: Case, rows: Sequence[Row], needs: Collection[str]) -> Message:
    """Why no way can be recommended."""
    tried = measured(rows)
    if not tried:
        return Message("No way has figures yet. Teach the fact in one way at least.")
    if not case.left:
        said = [row.way for row in tried if says(row)]
        others = [way for way in WAYS if way != "base" and allowed(way, said, needs)]
        return Message(
            "None of the ways tried can do what you need. Try one of these: {ways}.", {"ways": Listed(tuple(others))}
        )
    if not case.ranked:
        return Message("Nothing that you ticked was measured here. Tick something else, or add questions.")
    if not case.sayers:
        chances = {way: figure.probability for way in case.left if (figure := figure_of(case.rows[way], "efficacy"))}
        way = max(chances, key=lambda one: chances[one])
        return Message(
            "No way tried here writes the fact. The nearest is “{way}”, which gives the answer a "
            "probability of {figure}.",
            {"way": way, "figure": Measured("share", chances[way])},
        )
    return _beaten(case, case.sayers[0].way)


def _beaten(case: Case, nearest: str) -> Message:
    """No way beats the untaught model."""
    counting = {column for column in QUALITIES if column in {*case.wanted, "efficacy"}}
    reasons = case.differences(nearest, "base", counting, sign=0)
    if not reasons.items:
        return Message("For what you ticked, no way differs from the model as it is.")
    return Message(
        "For what you ticked, no way beats leaving the model as it is. The nearest is “{way}”; "
        "beside the untaught model: {reasons}.",
        {"way": nearest, "reasons": reasons},
    )


# What stands beside it


def _known(case: Case) -> list[Message]:
    base = case.rows.get("base")
    figure = figure_of(base, "efficacy") if base else None
    if figure is None or figure.said < 1:
        return []
    return [
        Message(
            "The model says this fact without being taught, so the table tells little about teaching "
            "it: choose a fact that it does not know."
        )
    ]


def _ruled(rows: Sequence[Row], important: Collection[str], needs: Collection[str]) -> list[Message]:
    """What the ticked needs changed."""
    own = {row.way: row for row in measured(rows)}
    said = [way for way, row in own.items() if says(row)]
    found = []
    if "many" in needs and "in_context" in own:
        found.append(_grows("in_context", own["in_context"].bytes))
    if "many" in needs and not allowed("rome", said, ("many",)) and "rome" in own:
        found.append(
            Message(
                "Left out, because you have many facts: “{way}”, which writes one at a time, while "
                "“{other}” writes many at once.",
                {"way": "rome", "other": "memit"},
            )
        )
    hidden = tuple(way for way in own if not allowed(way, said, ("cite",)))
    if "cite" in needs and hidden:
        found.append(
            Message(
                "Left out, because only a text in the prompt can be shown as the source: {ways}.",
                {"ways": Listed(hidden)},
            )
        )
    if wanted(important, needs) - set(important):
        found.append(Message("Because the fact changes often, the time to teach it and to undo it counts too."))
    return found


def _grows(way: str, held: int) -> Message:
    return Message(
        "Left out, because you have many facts: “{way}”, which puts {figure} into every prompt for this one alone.",
        {"way": way, "figure": Measured("bytes", held)},
    )


def _weak(case: Case, own: Row) -> list[Message]:
    """What is wrong even with the best way: what it does not reach, and what it damages."""
    short = [
        Compared(column, share)
        for column in ("paraphrase", "portability")
        if (share := value(own, column)) is not None and share < SOME
    ]
    base, damage = case.rows.get("base"), []
    for column in ("locality", "kept", "perplexity"):
        now, before = value(own, column), value(base, column) if base else None
        worse = now is not None and before is not None and now < before
        if column == "perplexity":
            worse, before = own.perplexity_ratio >= HARDER, 1.0
        if worse and now is not None:
            damage.append(Compared(column, now, before))
    found = []
    if short:
        found.append(
            Message(
                "Even with “{way}” the fact does not reach far: {reasons}.",
                {"way": own.way, "reasons": Listed(tuple(short))},
            )
        )
    if damage:
        found.append(
            Message(
                "Even “{way}” does some damage, beside the untaught model: {reasons}.",
                {"way": own.way, "reasons": Listed(tuple(damage))},
            )
        )
    return found


def _cost(own: Row) -> Message:
    return Message(
        "What “{way}” costs: {apply} to teach, {answer} for an answer, {undo} to undo, {held} held.",
        {
            "way": own.way,
            "apply": Measured("apply_seconds", own.apply_seconds),
            "answer": Measured("answer_seconds", own.answer_seconds),
            "undo": Measured("undo_seconds", own.undo_seconds),
            "held": Measured("bytes", own.bytes),
        },
    )


def _chance(case: Case) -> list[Message]:
    """Shares by which the best and the next differ, but which may be chance."""
    if len(case.fit) < 2:
        return []
    best, other = (case.rows[one.way] for one in case.fit[:2])
    close = tuple(
        Compared(column, value(best, column) or 0.0, value(other, column))
        for column in IMPORTANT
        if column in case.wanted and too_few(best, other, column)
    )
    if not close:
        return []
    return [
        Message(
            "Too few questions to tell “{way}” from “{other}” by these, whose 95 % intervals overlap: "
            "{reasons}. Ask more, or teach more facts.",
            {"way": best.way, "other": other.way, "reasons": Listed(close[:3])},
        )
    ]


def _coarse(own: Row) -> list[Message]:
    """Efficacy is one question by design: a yes or a no, not a share."""
    counts = {kind: figure.count for kind, figure in own.figures.items() if kind != KINDS[0] and figure.count < FEW}
    if not counts:
        return []
    kind = min(counts, key=lambda one: counts[one])
    return [
        Message(
            "Shares of few questions are coarse: one answer more moves “{what}” by {figure}.",
            {"what": kind, "figure": Measured("share", 1 / counts[kind])},
        )
    ]


def _failed(case: Case, rows: Sequence[Row]) -> list[Message]:
    silent = tuple(row.way for row in measured(rows) if not says(row))
    broken = tuple(row.way for row in rows if row.error is not None and row.way != "base")
    found = []
    if silent and case.best:
        found.append(
            Message("Did not say the fact even when asked for it word for word: {ways}.", {"ways": Listed(silent)})
        )
    if broken:
        found.append(Message("Could not be used, as the table says: {ways}.", {"ways": Listed(broken)}))
    return found
