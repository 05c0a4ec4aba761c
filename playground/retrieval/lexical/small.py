"""BM25 for corpora of up to 20,000 passages: rank_bm25 counts, and any variant, k1 and b is scored from the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import get_args

import numpy as np

from playground.retrieval.lexical.bm25 import TF, USUAL, Scoring, Variant, best, idfs
from playground.retrieval.passages import Scored


class SmallIndex:
    """Any variant, k1 and b from one index.

    :param tokens: the words of each passage; a passage, or all of them, may have none.
    """

    def __init__(self, tokens: Sequence[Sequence[str]]) -> None:
        from rank_bm25 import BM25Okapi

        # The library counts words and lengths; the idf is ours. No words: it would divide by 0.
        okapi = BM25Okapi(tokens) if any(tokens) else None
        self._lengths = np.array(okapi.doc_len if okapi else [], dtype=np.float64)
        self.mean_length = float(okapi.avgdl) if okapi else 0.0
        positions: dict[str, list[int]] = {}
        counts: dict[str, list[int]] = {}
        for position, row in enumerate(okapi.doc_freqs if okapi else []):
            for term, count in row.items():
                positions.setdefault(term, []).append(position)
                counts.setdefault(term, []).append(count)
        self._postings = {
            term: (np.array(positions[term], dtype=np.int32), np.array(counts[term], dtype=np.int32))
            for term in positions
        }
        having = {term: len(postings) for term, postings in positions.items()}
        self._idf = {v: idfs(having, len(self._lengths), v) for v in get_args(Variant)}

    def idf(self, term: str, variant: str) -> float | None:
        """See :class:`~playground.retrieval.lexical.bm25.Bm25`."""
        return self._idf[variant].get(term)

    def search(self, query: Sequence[str], k: int, scoring: Scoring = USUAL) -> list[Scored]:
        """See :class:`~playground.retrieval.lexical.bm25.Bm25`."""
        scores = np.zeros(len(self._lengths))
        sharing = np.zeros(len(self._lengths), dtype=bool)
        idf, tf = self._idf[scoring.variant], TF[scoring.variant]
        for term, times in Counter(query).items():
            if term not in self._postings:
                continue
            positions, counts = self._postings[term]
            lengths = self._lengths[positions] / self.mean_length
            scores[positions] += times * idf[term] * tf(counts, lengths, scoring.k1, scoring.b)
            sharing[positions] = True
        return best(scores, np.flatnonzero(sharing), k)
