"""Asking a taught model a lesson's questions: what it writes, and how likely the answers are.

Two things are counted, and they differ. *Likelier*: the answer is likelier than the other one, as
the papers on editing count. *Written*: the model, decoding without chance, writes the answer as
whole words, besides case, punctuation and articles, within as many tokens as the answer has and
five more, and does not write the other one before it.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isfinite

from playground.engine.decoding import generate
from playground.engine.decoding.generate import Sampling
from playground.engine.facts.score import losses
from playground.engine.models.loader import Base
from playground.engine.work import QUIET, Work
from playground.errors import Message
from playground.lab.lesson import KINDS, Kind, Lesson, Question
from playground.lab.shares import Interval, wilson
from playground.lab.ways import Taught
from playground.retrieval.answers import answer_contained, answer_place

NEW_TOKENS = 12  # of an answer that is shown
MORE_TOKENS = 5  # than the answer has, in which it must be written
MOST_TOKENS = 64  # that are written after any question
WRITING = Message("Writing answers…")


@dataclass(frozen=True)
class Asked:
    """One question and what came of it.

    :param probability: of the answer, the geometric mean over its tokens; ``other`` of the other.
    :param right: whether the answer is likelier than the other one or, where there is no other,
        stands in what was written.
    :param text: what the model writes after the prompt.
    :param written: whether it writes the answer; None in tables from before this was counted.
    """

    question: Question
    probability: float
    other: float | None
    right: bool
    text: str = ""
    written: bool | None = None


@dataclass(frozen=True)
class Figure:
    """A kind of question.

    :param share: that is right: the answer is likelier than the other one.
    :param probability: of the answer, the mean.
    :param written: share whose answer the model writes; None where that was not looked at.
    :param interval: of ``share``, 95 % (Wilson); ``written_interval`` of ``written``.
    """

    share: float
    probability: float
    count: int
    written: float | None = None
    interval: Interval = (0.0, 1.0)
    written_interval: Interval | None = None

    @property
    def said(self) -> float:
        """The share that counts: of what is written, where that was looked at."""
        return self.share if self.written is None else self.written

    @property
    def said_interval(self) -> Interval:
        """The interval of ``said``."""
        return self.interval if self.written_interval is None else self.written_interval


def figure_of(asked: Sequence[Asked]) -> Figure:
    """The figure of some questions, at least one."""
    count, right = len(asked), sum(one.right for one in asked)
    likely = statistics.fmean(one.probability for one in asked)
    told = [one.written for one in asked if one.written is not None]
    if len(told) < count:
        return Figure(right / count, likely, count, None, wilson(right, count))
    return Figure(right / count, likely, count, sum(told) / count, wilson(right, count), wilson(sum(told), count))


def ask(taught: Taught, lesson: Lesson, work: Work = QUIET, least: int = NEW_TOKENS) -> list[Asked]:
    """Ask every question.

    :param least: tokens that are written after each, if the answer needs no more.
    """
    prompts = [taught.before(one.prompt) + one.prompt for one in lesson.questions]
    pairs = [
        (prompt, answer)
        for prompt, one in zip(prompts, lesson.questions, strict=True)
        for answer in (one.answer, one.other)
        if answer
    ]
    likely = iter([exp(-loss) if isfinite(loss) else 0.0 for loss in losses(taught.fork, pairs, work)])
    needed = [_room(taught.fork.base, one) for one in lesson.questions]
    rows = _rows(taught, prompts, work, max(least, *needed))
    found = []
    for one, room, row in zip(lesson.questions, needed, rows, strict=True):
        answer, other = next(likely), next(likely) if one.other else None
        first, more, text = (_text(taught.fork.base, row.ids[:count]) for count in (room - 1, room, max(least, room)))
        right = answer > other if other is not None else answer_contained(one.answer, text)
        said = writes(one, whole_words(first, more))
        found.append(Asked(one, answer, other, right, text, said))
    return found


def writes(question: Question, text: str) -> bool:
    """Whether a text says a question's answer, and not the other one before it."""
    place = answer_place(question.answer, text)
    if place is None:  # an answer of signs alone is compared as it is
        bare = question.answer.strip()
        return not any(map(str.isalnum, bare)) and text.strip().startswith(bare)
    other = answer_place(question.other, text) if question.other else None
    return other is None or place <= other


def _room(base: Base, question: Question) -> int:
    """Tokens in which the answer has room, and the one after, which tells whether a word ended."""
    count = len(base.tokenizer(question.answer, add_special_tokens=False)["input_ids"])
    return min(MOST_TOKENS, count + MORE_TOKENS + 1)


def whole_words(text: str, more: str) -> str:
    """A text without its last word, if that goes on in what is written next.

    :param more: the same text and what comes after it.
    """
    going_on = more[len(text) :][:1].isalnum() and text[-1:].isalnum()
    return re.sub(r"[^\W_]+$", "", text) if going_on else text


def _text(base: Base, ids: Sequence[int]) -> str:
    return str(base.tokenizer.decode(list(ids), skip_special_tokens=True)).strip()


def written(taught: Taught, prompts: Sequence[str], work: Work = QUIET) -> list[str]:
    """What a model writes after prompts, greedily, all of them in one batch.

    :raises Stopped: nobody waits for it any more.
    """
    rows = _rows(taught, prompts, work, NEW_TOKENS)
    return [generate.answer_text(taught.fork.base, row) for row in rows]


def _rows(taught: Taught, prompts: Sequence[str], work: Work, count: int) -> list[generate.Row]:
    base, rows = taught.fork.base, list[generate.Row]()
    room = count + taught.fork.virtual_count()
    ids = [generate.prompt_ids(base, prompt, room) for prompt in prompts]
    for grown in generate.decode(taught.fork, ids, Sampling(count)):
        rows = grown
        work.step(len(rows[0].ids), count + 1, WRITING)
    return rows


def figures(asked: Sequence[Asked]) -> dict[Kind, Figure]:
    """The figure of each kind that there are questions of."""
    by_kind = {kind: [one for one in asked if one.question.kind == kind] for kind in KINDS}
    return {kind: figure_of(own) for kind, own in by_kind.items() if own}
