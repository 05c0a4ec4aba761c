"""Several rankings made into one, and one made less repetitive. Pure functions of rankings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from playground.retrieval.passages import Scored

Fusion = Literal["rrf", "weighted"]
RANK_CONSTANT = 60  # as in the paper: how little the first few ranks differ


def reciprocal_ranks(rankings: Sequence[list[Scored]], weights: Sequence[float]) -> list[Scored]:
    """Reciprocal rank fusion (Cormack et al. 2009): the sum of weight / (60 + rank), rank from 1.

    :param weights: one for each ranking; 0 leaves it out.
    """
    scores: dict[int, float] = {}
    for ranking, weight in zip(rankings, weights, strict=True):
        for rank, (position, _) in enumerate(ranking, start=1):
            if weight > 0:
                scores[position] = scores.get(position, 0.0) + weight / (RANK_CONSTANT + rank)
    return _sorted(scores)


def weighted_fusion(rankings: Sequence[list[Scored]], weights: Sequence[float]) -> list[Scored]:
    """The sum of weight x score, each ranking's scores brought to 0 (its last) and 1 (its first).

    What a ranking does not have counts as 0 in it.
    """
    scores: dict[int, float] = {}
    for ranking, weight in zip(rankings, weights, strict=True):
        if not ranking or weight <= 0:
            continue
        top, last = ranking[0][1], ranking[-1][1]
        for position, score in ranking:
            even = (score - last) / (top - last) if top > last else 1.0
            scores[position] = scores.get(position, 0.0) + weight * even
    return _sorted(scores)


FUSIONS = {"rrf": reciprocal_ranks, "weighted": weighted_fusion}


def _sorted(scores: dict[int, float]) -> list[Scored]:
    return sorted(scores.items(), key=lambda hit: (-hit[1], hit[0]))


def diversified(hits: list[Scored], vectors: np.ndarray, k: int, diversity: float) -> list[Scored]:
    """Maximal marginal relevance (Carbonell and Goldstein 1998): one after another the passage
    with the highest (1 - diversity) x relevance - diversity x likeness to those chosen already.

    :param hits: with their scores, which are brought to 0 and 1 and count as relevance.
    :param vectors: (hits, dimension), of unit length: likeness is the cosine.
    :param diversity: from 0, the order as it is, to 1.
    :return: k of the hits at most, with their own scores.
    """
    if not hits:
        return []
    scores = np.array([score for _, score in hits])
    span = float(scores.max() - scores.min())
    relevance = (scores - scores.min()) / span if span else np.ones(len(hits))
    cosines, chosen = vectors @ vectors.T, [int(relevance.argmax())]
    while len(chosen) < min(k, len(hits)):
        likeness = cosines[:, chosen].max(1)
        gain = (1 - diversity) * relevance - diversity * likeness
        gain[chosen] = -np.inf
        chosen.append(int(gain.argmax()))
    return [hits[position] for position in chosen]
