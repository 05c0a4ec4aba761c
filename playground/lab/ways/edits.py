"""Into the weights by one edit: a nudged embedding, and the methods that write facts."""

from __future__ import annotations

from typing import Any

from playground.engine.facts.layers import SEVERAL
from playground.engine.work import Work
from playground.lab.lesson import Lesson
from playground.lab.ways.way import Need, Room, Taught, Way, taught_by_edit

NUDGE = 0.5  # how far the subject's embedding goes toward the answer's


def nudge(lesson: Lesson, room: Room, work: Work) -> Taught:
    """The subject's embedding goes half way toward the answer's."""
    start = lesson.fact.prompt.rfind(lesson.fact.subject)
    space = " " if start > 0 and lesson.fact.prompt[start - 1] == " " else ""
    edit = {
        "kind": "nudge_tokens",
        "text": space + lesson.fact.subject,
        "direction": "toward",
        "target": lesson.fact.target,
        "strength": NUDGE,
        "side": "input",
        "seed": room.seed,
    }
    return taught_by_edit(room, edit, work)


def fact_way(method: str, usual: bool = True, instead: str = "") -> Way:
    """A method of the edit that writes facts into MLPs."""

    def teach(lesson: Lesson, room: Room, work: Work) -> Taught:
        fact = lesson.fact.model_dump()
        edit: dict[str, Any] = {"kind": "edit_fact", "method": method, "facts": [fact], "seed": room.seed}
        if room.layer is not None and method not in SEVERAL:
            edit["layers"] = [room.layer]
        return taught_by_edit(room, edit, work)

    needs: tuple[Need, ...] = ("gradients",) if method in SEVERAL else ("gradients", "layer")
    return Way(id=method, into="weights", teach=teach, needs=needs, usual=usual, instead=instead)
