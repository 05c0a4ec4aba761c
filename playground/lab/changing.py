"""What would change the choice: one more need, or one criterion that counts alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from playground.errors import Message
from playground.lab.choosing import LEVEL, Case, Compared, Listed, Measured, judged, wanted
from playground.lab.scores import IMPORTANT, mark
from playground.lab.table import Row


def changed(case: Case, rows: Sequence[Row], important: Collection[str], needs: Collection[str]) -> list[Message]:
    """One more need, or one criterion alone: whatever makes another way the best."""
    found = []
    for need in ("many", "changes", "cite"):
        more = {*needs, need}
        other = judged(rows, wanted(important, more), more)
        if need not in needs and other.best and case.best and other.best != case.best:
            found += _needed(need, other, case.best)
    alone: dict[str, list[Compared]] = {}
    for column in IMPORTANT:
        only = judged(rows, {column}, needs)
        if only.best and case.best and only.best != case.best:
            own, given = (mark(only.rows[way], column, only.scale) for way in (only.best, case.best))
            noisy = column == "answer_seconds" and only.noisy(only.best, case.best)
            if own is not None and given is not None and own - given > LEVEL and not noisy:
                reason = only.compared(only.best, case.best, column)
                alone.setdefault(only.best, []).append(reason)
    for way, reasons in sorted(alone.items(), key=lambda pair: -len(pair[1])):
        found.append(
            Message(
                "If only one of these counted, “{way}” would be chosen over “{other}”: {reasons}.",
                {"way": way, "other": case.best, "reasons": Listed(tuple(reasons[:3]))},
            )
        )
    return found


def _needed(need: str, other: Case, given: str) -> list[Message]:
    """What one more need makes of the choice."""
    way = other.best or ""
    reasons = other.differences(way, given, IMPORTANT, sign=0, most=2)
    if need == "many" and given == "in_context":
        held = Measured("bytes", other.rows[given].bytes)
        return [
            Message(
                "If there were many facts: “{way}”, because “{other}” puts {figure} into every prompt "
                "for this one alone.",
                {"way": way, "other": given, "figure": held},
            )
        ]
    if need == "many" and given == "rome":
        return [
            Message(
                "If there were many facts: “{way}”, because “{other}” writes one at a time. Between "
                "the two: {reasons}.",
                {"way": way, "other": given, "reasons": reasons},
            )
        ]
    if need == "changes":
        quick = other.differences(way, given, ("apply_seconds", "undo_seconds"))
        return (
            [
                Message(
                    "If the fact changed often: “{way}”. Beside “{other}”: {reasons}.",
                    {"way": way, "other": given, "reasons": quick},
                )
            ]
            if quick.items
            else []
        )
    if need == "cite" and given not in other.left:
        return (
            [
                Message(
                    "If the source had to be cited: “{way}”, because only a text in the prompt can be "
                    "shown. Beside “{other}”: {reasons}.",
                    {"way": way, "other": given, "reasons": reasons},
                )
            ]
            if reasons.items
            else []
        )
    return []
