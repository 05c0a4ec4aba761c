"""When a best score is low for a corpus: as low as those of questions that it does not answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from playground.errors import CorpusError
from playground.retrieval.dense.index import reads
from playground.retrieval.indexes import Indexes
from playground.retrieval.options import USUALLY, Options
from playground.retrieval.passages import Corpus
from playground.retrieval.retrievers import NONE, RETRIEVERS, need
from playground.retrieval.search import Hit, search

LEAST_QUESTIONS = 5  # questions of either sort that it takes
MOST_QUESTIONS = 120  # questions that are asked for it, evenly spread
LEAST_APART = 0.3  # Youden's J, from 0 to 1, below which scores say too little to be told


@dataclass(frozen=True)
class Limit:
    """The score that best tells a corpus's unanswerable questions from its answerable ones: where
    the two shares below it are furthest apart (Youden 1950).

    :param unanswerable: share of the unanswerable questions whose best score is lower.
    :param answerable: share of the answerable ones whose best score is lower.
    """

    score: float
    unanswerable: float
    answerable: float


@dataclass(frozen=True)
class Low:
    """A best score below the limit.

    :param part: the retriever whose score it is: of hybrid search one of its parts.
    """

    score: float
    part: str
    limit: Limit


_limits: Indexes[tuple[Limit | None]] = Indexes()


def limit(corpus: Corpus, retriever: str) -> Limit | None:
    """The limit for a retriever with its usual options, found once on the corpus's own questions.

    None where the corpus has too few unanswerable questions, or scores do not tell them apart.

    :raises CorpusError: the retriever cannot be used here.
    """
    questions = repr([(question.kind, question.question) for question in corpus.questions]).encode()
    name = f"{retriever} {corpus.id if corpus.own else ''} {hashlib.sha256(questions).hexdigest()}"
    return _limits.get(corpus, lambda: (_found(corpus, retriever),), name)[0]


def is_low(corpus: Corpus, retriever: str, hits: Sequence[Hit], options: Options = USUALLY) -> Low | None:
    """Whether the best score stays below the limit; None if not, or where that cannot be said."""
    if retriever == NONE or options != USUALLY or not hits:
        return None
    try:
        border = limit(corpus, retriever)
    except CorpusError:  # a question of a visitor's own cannot be asked
        return None
    score = best_score(corpus, retriever, hits)
    return Low(score, _part(corpus, retriever), border) if border and score < border.score else None


def _part(corpus: Corpus, retriever: str) -> str:
    """The retriever whose score tells: the last of its parts that reads the corpus's language, else itself."""
    telling = (
        part for part in reversed(RETRIEVERS[retriever].parts) if not need([part], "vectors") or reads(corpus.language)
    )
    return next(telling, retriever)


def best_score(corpus: Corpus, retriever: str, hits: Sequence[Hit]) -> float:
    """The first hit's score; of a retriever of several, whose own counts ranks, that of the part that reads
    the corpus's language (0 if that part did not find it)."""
    if not hits:
        return 0.0
    part = _part(corpus, retriever)
    return hits[0].score if part == retriever else hits[0].parts.get(part, (0, 0.0))[1]


def _found(corpus: Corpus, retriever: str) -> Limit | None:
    scores: dict[bool, list[float]] = {True: [], False: []}
    step = max(1, -(-len(corpus.questions) // MOST_QUESTIONS))
    for question in corpus.questions[::step]:
        hits = search(corpus, question.question, retriever, 1).hits
        scores[question.kind != "unanswerable"].append(best_score(corpus, retriever, hits))
    without, having = sorted(scores[False]), sorted(scores[True])
    if len(without) < LEAST_QUESTIONS or len(having) < LEAST_QUESTIONS:
        return None
    every = sorted({*without, *having})
    borders = [(low + high) / 2 for low, high in pairwise(every)]
    limits = [Limit(at, _below(without, at), _below(having, at)) for at in borders]
    best = max(limits, key=_apart, default=None)
    return best if best and _apart(best) >= LEAST_APART else None


def _apart(border: Limit) -> float:
    return border.unanswerable - border.answerable


def _below(scores: Sequence[float], at: float) -> float:
    return sum(score < at for score in scores) / len(scores)
