"""A corpus's questions put to contestants: how often the answer is right, and what stands behind.

Deterministic: an answer is compared with the right one by its words; no model judges another.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from playground.compare import Answer, Contestant, compare
from playground.engine.decoding.generate import Sampling
from playground.engine.work import QUIET, Stopped, Work
from playground.errors import Message
from playground.retrieval.answers import answer_contained, supported, supported_share, token_f1
from playground.retrieval.passages import Question

MAX_QUESTIONS = 100  # in one go


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What one contestant said to one question.

    :param contained: whether the right answer stands in it; None where there is none.
    :param f1: of its words with the right answer's; None where there is none.
    :param supported: share of its words that stand in its passages; None without passages.
    :param seconds: searching, reading the prompt and writing, its company's writing included.
    """

    question: Question
    label: str
    text: str
    passages: tuple[str, ...]
    contained: bool | None
    f1: float | None
    supported: float | None
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Total:
    """One contestant's means over the questions of a kind; None where none of them has it."""

    label: str
    kind: str  # "all" (those that have an answer) or a kind of question
    count: int
    contained: float | None
    f1: float | None
    supported: float | None
    seconds: float


def quiz(
    contestants: Sequence[Contestant], questions: Sequence[Question], sampling: Sampling, work: Work = QUIET
) -> Iterator[list[Answered]]:
    """Ask every contestant question by question.

    :raises PlaygroundError: a recipe, a retriever, a corpus or a question cannot be used.
    :raises Stopped: ``work`` says so.
    """
    for done, question in enumerate(questions):
        work.step(done, len(questions), Message("Question {done} of {of}…", {"done": done + 1, "of": len(questions)}))
        *_, answers = compare(contestants, question.question, sampling, work.stopped)
        if work.stopped():
            raise Stopped("Stopped. Your recipe is as it was.")
        yield [judged_answer(question, answer) for answer in answers]


def judged_answer(question: Question, answer: Answer) -> Answered:
    """Compare an answer with the right one, and with its passages."""
    text = answer.text.removeprefix(answer.begun).strip()
    has = bool(question.answer)
    return Answered(
        question=question,
        label=answer.label,
        text=text,
        passages=tuple(hit.passage.id for hit in answer.hits),
        contained=answer_contained(question.answer, text) if has else None,
        f1=token_f1(question.answer, text) if has else None,
        supported=supported_share(text, supported(text, answer.texts)) if answer.texts else None,
        seconds=sum(spent for stage, spent in answer.stages.items() if stage not in ("first_token", "rest"))
        + answer.seconds,
    )


def totals(answers: Iterable[Answered]) -> list[Total]:
    """A row for each contestant and kind of question, "all" first."""
    rows: dict[tuple[str, str], list[Answered]] = {}
    for answer in answers:
        kinds: list[str] = [answer.question.kind]
        if answer.question.kind != "unanswerable":
            kinds = [] if answer.contained is None else ["all", answer.question.kind]
        for kind in kinds:
            rows.setdefault((kind, answer.label), []).append(answer)
    order = sorted(rows, key=lambda row: row[0] != "all")
    return [_total(label, kind, rows[kind, label]) for kind, label in order]


def _total(label: str, kind: str, answers: Sequence[Answered]) -> Total:
    return Total(
        label=label,
        kind=kind,
        count=len(answers),
        contained=_mean(answer.contained for answer in answers),
        f1=_mean(answer.f1 for answer in answers),
        supported=_mean(answer.supported for answer in answers),
        seconds=statistics.median(answer.seconds for answer in answers),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return statistics.fmean(known) if known else None
