"""Measures of a ranking against judgements. Pure arithmetic; ranks count from 1.

A question has one or more pieces of evidence, each with a gain (1 where judgements know only
relevant or not). A ranking is told as the rank at which each piece is first seen, None if never;
so a piece that stands in two overlapping passages counts once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Ranks = Sequence[int | None]


def recall(ranks: Ranks, k: int) -> float:
    """Share of the pieces seen among the first k; 0 for none to see."""
    return sum(rank is not None and rank <= k for rank in ranks) / max(1, len(ranks))


def reciprocal_rank(ranks: Ranks) -> float:
    """1 / the rank of the piece seen first, 0 if none is."""
    return max((1 / rank for rank in ranks if rank is not None), default=0.0)


def ndcg(ranks: Ranks, gains: Sequence[float], k: int = 10) -> float:
    """Normalized discounted cumulative gain at k (Järvelin and Kekäläinen 2002), as trec_eval
    counts it: gain / log2(rank + 1), over the same of the best order."""
    pairs = zip(ranks, gains, strict=True)
    gained = sum(gain / math.log2(rank + 1) for rank, gain in pairs if rank and rank <= k)
    best = sorted((gain for gain in gains if gain > 0), reverse=True)[:k]
    ideal = sum(gain / math.log2(rank + 1) for rank, gain in enumerate(best, start=1))
    return gained / ideal if ideal else 0.0
