"""What a taught model makes of a lesson's questions: what it writes, and how likely answers are.

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

from playground.engine.decoding.answering import answering
from playground.engine.decoding.continuation import answer_lines, likelihoods
from playground.engine.decoding.generate import Row, Sampling, answer_text
from playground.engine.models.loader import Base
from playground.engine.work import QUIET, Work
from playground.errors import Message
from playground.lab.intervals import Interval, wilson
from playground.lab.lesson import KINDS, Lesson, LessonQuestion
from playground.lab.ways import Taught
from playground.retrieval.answers import answer_contained, answer_place

NEW_TOKENS = 12  # of an answer that is shown
MORE_TOKENS = 5  # than the answer has, in which it must be written
MOST_TOKENS = 64  # that are written after any question
WRITING = Message("Writing answers…")


@dataclass(frozen=True, kw_only=True)
class Response:
    """One question and what came of it.

    :param probability: of the answer, the geometric mean over its tokens; ``other`` of the other.
    :param right: whether the answer is likelier than the other one or, where there is no other,
        stands in what was written.
    :param text: what the model writes after the prompt.
    :param written: whether it writes the answer; None in tables from before this was counted.
    """

    question: LessonQuestion
    probability: float
    other: float | None
    right: bool
    text: str = ""
    written: bool | None = None


@dataclass(frozen=True, kw_only=True)
class KindFigure:
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


def figure_of(responses: Sequence[Response]) -> KindFigure:
    """The figure of some questions, at least one."""
    count, right = len(responses), sum(response.right for response in responses)
    said = [response.written for response in responses if response.written is not None]
    looked_at = len(said) == count
    return KindFigure(
        share=right / count,
        probability=statistics.fmean(response.probability for response in responses),
        count=count,
        interval=wilson(right, count),
        written=sum(said) / count if looked_at else None,
        written_interval=wilson(sum(said), count) if looked_at else None,
    )


def figures(responses: Sequence[Response]) -> dict[str, KindFigure]:
    """The figure of each kind that there are questions of."""
    by_kind = {kind: [response for response in responses if response.question.kind == kind] for kind in KINDS}
    return {kind: figure_of(own) for kind, own in by_kind.items() if own}


def responses_to(taught: Taught, lesson: Lesson, work: Work = QUIET, least: int = NEW_TOKENS) -> list[Response]:
    """Ask every question.

    :param least: tokens that are written after each, if the answer needs no more.
    """
    base, questions = taught.fork.base, lesson.questions
    prompts = [taught.before(question.prompt) + question.prompt for question in questions]
    pairs = [
        (prompt, answer)
        for prompt, question in zip(prompts, questions, strict=True)
        for answer in (question.answer, question.other)
        if answer
    ]
    likely = (line.per_token for line in likelihoods(taught.fork, answer_lines(base, pairs), work))
    needed = [_room(base, question) for question in questions]
    rows = _rows(taught, prompts, work, max(least, *needed))
    responses = []
    for question, room, row in zip(questions, needed, rows, strict=True):
        answer, other = next(likely), next(likely) if question.other else None
        first, more, text = (_text(base, row.ids[:count]) for count in (room - 1, room, max(least, room)))
        responses.append(
            Response(
                question=question,
                probability=answer,
                other=other,
                right=answer > other if other is not None else answer_contained(question.answer, text),
                text=text,
                written=says_answer(question, whole_words(first, more)),
            )
        )
    return responses


def says_answer(question: LessonQuestion, text: str) -> bool:
    """Whether a text says a question's answer, and not the other one before it."""
    position = answer_place(question.answer, text)
    if position is None:  # an answer of signs alone is compared as it is
        bare = question.answer.strip()
        return not any(map(str.isalnum, bare)) and text.strip().startswith(bare)
    other = answer_place(question.other, text) if question.other else None
    return other is None or position <= other


def _room(base: Base, question: LessonQuestion) -> int:
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


def written_answer(taught: Taught, prompt: str, work: Work = QUIET) -> str:
    """What a model writes after a prompt, greedily.

    :raises Stopped: nobody waits for it any more.
    """
    [row] = _rows(taught, [prompt], work, NEW_TOKENS)
    return answer_text(taught.fork.base, row)


def _rows(taught: Taught, prompts: Sequence[str], work: Work, count: int) -> list[Row]:
    rows: list[Row] = []
    for rows in answering(taught.fork, prompts, Sampling(count)):
        work.step(len(rows[0].ids), count + 1, WRITING)
    return rows
