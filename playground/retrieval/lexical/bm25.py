"""BM25: passages that share words with the query, rare words first.

Three forms: Okapi (Robertson et al.) with Lucene's idf, BM25L and BM25+ (Lv and Zhai 2011). A score
is the sum of what each shared term contributes, idf x tf, so it can be shown term by term.

Robertson's own idf, ln((N - n + 0.5) / (n + 0.5)), falls below zero for a term of more than half
of the passages, which turns the order of two or three passages round. Lucene's ``BM25Similarity``
adds one inside the logarithm (Kamphuis et al. 2020 compare the variants): never negative, and
nearly the same for rare terms.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol, get_args

import numpy as np
from pydantic import Field

from playground.checked import checked
from playground.errors import CorpusError, Message
from playground.retrieval.passages import Scored

MAX_K1 = 10.0
Variant = Literal["okapi", "l", "plus"]
Numbers = Any  # a number or an array of them


_OUT_OF_RANGE = Message(
    "k1 {k1} and b {b} are out of range. Choose k1 from 0 to {most}, b from 0 to 1.", {"most": f"{MAX_K1:g}"}
)


@checked(
    CorpusError,
    {
        "variant": Message(
            "BM25 has no variant {variant}. Choose one of: {variants}.", {"variants": ", ".join(get_args(Variant))}
        ),
        "k1": _OUT_OF_RANGE,
        "b": _OUT_OF_RANGE,
    },
)
class Scoring:
    """Which BM25.

    :param k1: how much a term's second, third, ... occurrence still adds; 0: nothing.
    :param b: how much longer passages are held against their terms, 0 to 1.
    """

    variant: Variant = "okapi"
    k1: Annotated[float, Field(ge=0, le=MAX_K1)] = 1.5
    b: Annotated[float, Field(ge=0, le=1)] = 0.75


USUAL = Scoring()


def _okapi(count: Numbers, length: Numbers, k1: float, b: float) -> Numbers:
    return count * (k1 + 1) / (count + k1 * (1 - b + b * length))


def _bm25l(count: Numbers, length: Numbers, k1: float, b: float) -> Numbers:
    even = count / (1 - b + b * length) + 0.5
    return (k1 + 1) * even / (k1 + even)


def _plus(count: Numbers, length: Numbers, k1: float, b: float) -> Numbers:
    return _okapi(count, length, k1, b) + 1


# tf of a term: from how often it occurs (at least once) and the passage's length, 1 for the mean
TF: dict[str, Callable[[Numbers, Numbers, float, float], Numbers]] = {"okapi": _okapi, "l": _bm25l, "plus": _plus}


def idfs(having: Mapping[str, int], count: int, variant: str) -> dict[str, float]:
    """How rare each term is.

    :param having: term -> passages with it, at least 1.
    :param count: passages in all.
    """
    if variant == "l":
        return {term: math.log((count + 1) / (n + 0.5)) for term, n in having.items()}
    if variant == "plus":
        return {term: math.log((count + 1) / n) for term, n in having.items()}
    return {term: math.log1p((count - n + 0.5) / (n + 0.5)) for term, n in having.items()}


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """What one term of the query adds to a passage's score: times x idf x tf."""

    term: str
    times: int  # in the query
    count: int  # in the passage
    idf: float
    tf: float

    @property
    def score(self) -> float:
        """Summed over the terms, the passage's score."""
        return self.times * self.idf * self.tf


class Bm25(Protocol):
    """Passages as bags of words, ready to score."""

    def search(self, query: Sequence[str], k: int, scoring: Scoring = USUAL) -> list[Scored]:
        """The best passages among those that share a word with the query.

        Every score is above zero. Ties go to the lower index.

        :param query: its terms.
        :param k: how many at most.
        """

    def idf(self, term: str, variant: str) -> float | None:
        """How rare a term is; None where no passage has it."""

    @property
    def mean_length(self) -> float:
        """Terms of a passage, in the mean."""


def best(scores: np.ndarray, positions: np.ndarray, k: int) -> list[Scored]:
    """The k highest of the scores at some positions, ties to the lower index."""
    chosen = scores[positions]
    if len(positions) > k > 0:
        least = np.partition(chosen, len(chosen) - k)[len(chosen) - k]
        positions, chosen = positions[chosen >= least], chosen[chosen >= least]
    order = np.lexsort((positions, -chosen))[:k]
    return [(int(positions[at]), float(chosen[at])) for at in order]


def explain(index: Bm25, query: Sequence[str], passage: Sequence[str], scoring: Scoring = USUAL) -> list[Contribution]:
    """What makes up a passage's score, the largest part first.

    :param query: its terms.
    :param passage: the passage's terms.
    """
    counts, length = Counter(passage), len(passage) / (index.mean_length or 1.0)
    parts = []
    for term, times in Counter(query).items():
        idf = index.idf(term, scoring.variant)
        if idf is not None and counts[term]:
            tf = float(TF[scoring.variant](counts[term], length, scoring.k1, scoring.b))
            parts.append(Contribution(term=term, times=times, count=counts[term], idf=idf, tf=tf))
    return sorted(parts, key=lambda part: -part.score)
