"""Answers to many questions by source, and what can be told from them.

A source is whose weights answer and what stands before the question. Deterministic: an answer is judged by what is
written; no model judges another.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from playground.lab.intervals import Interval, holm, mcnemar, wilson
from playground.retrieval.passages import Question

FEW = 20  # questions; a share of fewer is no figure without its interval
CHANCE = 0.05  # below it two sources are told apart


@dataclass(frozen=True)
class Source:
    """A column.

    :param weights: whose weights, by their place among those that were chosen.
    :param before: what stands before the question: ``none``, ``few_shot`` or a retriever.
    """

    weights: int
    before: str


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What one source said to one question.

    :param f1: of its words with the right answer's.
    :param supported: share of its words that stand in its passages; None without passages.
    :param passages: ids of those in the prompt.
    :param prompt_tokens: of the whole prompt.
    """

    text: str
    right: bool
    f1: float
    supported: float | None = None
    passages: tuple[str, ...] = ()
    prompt_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class SourcesTable:
    """All sources' answers, as far as they were asked.

    :param answers: by a question's id, in the order of the sources.
    """

    questions: tuple[Question, ...]
    sources: tuple[Source, ...]
    answers: Mapping[str, tuple[Answered, ...]] = field(default_factory=dict)

    def answered(self, kind: str = "") -> list[Question]:
        """The questions that were asked by now.

        :param kind: only those of this kind; "" for all.
        """
        return [q for q in self.questions if q.id in self.answers and kind in ("", q.kind)]

    def place(self, number: int) -> int:
        """A source's place, the first where there are not so many: what a page remembers may be of another table."""
        return number if 0 <= number < len(self.sources) else 0

    def left(self) -> list[Question]:
        """The questions that are still to be asked."""
        return [question for question in self.questions if question.id not in self.answers]

    def with_answers(self, answers: Mapping[str, tuple[Answered, ...]]) -> SourcesTable:
        """With more of them."""
        return replace(self, answers={**self.answers, **answers})


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One source's figures.

    :param interval: the 95 % interval of its share (Wilson).
    :param more: right where the source that it is compared with is wrong; ``fewer`` the other way round.
    :param chance: that they differ so much by luck (exact McNemar, over all sources by Holm); None for that source
        itself.
    :param tokens: of a prompt, at the median.
    """

    right: int
    of: int
    interval: Interval
    more: int
    fewer: int
    chance: float | None
    tokens: int

    @property
    def share(self) -> float:
        """0 to 1; 0 where nothing was asked."""
        return self.right / self.of if self.of else 0.0

    @property
    def told_apart(self) -> bool:
        """Whether it differs from what it is compared with by more than luck."""
        return self.chance is not None and self.chance < CHANCE


def cells(table: SourcesTable, against: int = 0, kind: str = "") -> list[Cell]:
    """A cell for each source, in their order.

    :param against: the source that all others are compared with, by its place.
    :param kind: of the questions that count; "" for all.
    """
    rows = [table.answers[question.id] for question in table.answered(kind)]
    right = [[row[place].right for row in rows] for place in range(len(table.sources))]
    others = [place for place in range(len(table.sources)) if place != against]
    luck = dict(zip(others, holm([mcnemar(right[place], right[against]) for place in others]), strict=True))
    return [
        Cell(
            right=sum(own),
            of=len(own),
            interval=wilson(sum(own), len(own)),
            more=sum(a and not b for a, b in zip(own, right[against], strict=True)),
            fewer=sum(b and not a for a, b in zip(own, right[against], strict=True)),
            chance=luck.get(place),
            tokens=round(statistics.median([row[place].prompt_tokens for row in rows] or [0])),
        )
        for place, own in enumerate(right)
    ]


def some(questions: Sequence[Question], count: int) -> list[Question]:
    """As many of the questions that have an answer, evenly spread over their kinds, and over each in its order."""
    usable = sorted((question for question in questions if question.answer), key=lambda question: question.kind)
    count = min(count, len(usable))
    return [usable[place * len(usable) // count] for place in range(count)]
