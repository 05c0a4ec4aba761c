"""Asking a taught model a lesson's questions: what it says, and how likely the answers are."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isfinite

from playground.engine import generate
from playground.engine.facts.score import losses
from playground.engine.generate import Sampling
from playground.engine.work import QUIET, Work
from playground.errors import Message
from playground.lab.lesson import KINDS, Kind, Lesson, Question
from playground.lab.ways import Taught
from playground.retrieval.answers import answer_contained

NEW_TOKENS = 12
WRITING = Message("Writing answers…")


@dataclass(frozen=True)
class Asked:
    """One question and what came of it.

    :param probability: of the answer, the geometric mean over its tokens; ``other`` of the other.
    :param right: whether the answer is likelier than the other one or, where there is no other,
        stands in what was written.
    :param text: what the model writes after the prompt; "" where it was not asked to.
    """

    question: Question
    probability: float
    other: float | None
    right: bool
    text: str = ""


@dataclass(frozen=True)
class Figure:
    """A kind of question: the share that is right, and the mean probability of the answer."""

    share: float
    probability: float
    count: int


def ask(taught: Taught, lesson: Lesson, work: Work = QUIET, writing: bool = True) -> list[Asked]:
    """Ask every question.

    :param writing: let the model write, too, which takes longer; questions without another answer
        make it write anyway.
    """
    prompts = [taught.before(one.prompt) + one.prompt for one in lesson.questions]
    pairs = [
        (prompt, answer)
        for prompt, one in zip(prompts, lesson.questions, strict=True)
        for answer in (one.answer, one.other)
        if answer
    ]
    likely = iter(
        [exp(-loss) if isfinite(loss) else 0.0 for loss in losses(taught.fork, pairs, work)]
    )
    asked = [
        prompt for prompt, one in zip(prompts, lesson.questions, strict=True)
        if writing or not one.other
    ]  # fmt: skip
    texts = written(taught, asked, work)
    found, said = [], iter(texts)
    for one in lesson.questions:
        answer, other = next(likely), next(likely) if one.other else None
        text = next(said) if writing or not one.other else ""
        right = answer > other if other is not None else answer_contained(one.answer, text)
        found.append(Asked(one, answer, other, right, text))
    return found


def written(taught: Taught, prompts: Sequence[str], work: Work = QUIET) -> list[str]:
    """What a model writes after prompts, greedily, all of them in one batch.

    :raises Stopped: nobody waits for it any more.
    """
    if not prompts:
        return []
    base = taught.fork.base
    room = NEW_TOKENS + taught.fork.virtual_count()
    ids = [generate.prompt_ids(base, prompt, room) for prompt in prompts]
    rows: list[generate.Row] = []
    for grown in generate.decode(taught.fork, ids, Sampling(NEW_TOKENS)):
        rows = grown
        work.step(len(rows[0].ids), NEW_TOKENS + 1, WRITING)
    return [generate.answer_text(base, row) for row in rows]


def figures(asked: Sequence[Asked]) -> dict[Kind, Figure]:
    """The figure of each kind that there are questions of."""
    found: dict[Kind, Figure] = {}
    for kind in KINDS:
        own = [one for one in asked if one.question.kind == kind]
        if own:
            found[kind] = Figure(
                sum(one.right for one in own) / len(own),
                statistics.fmean(one.probability for one in own), len(own),
            )  # fmt: skip
    return found
