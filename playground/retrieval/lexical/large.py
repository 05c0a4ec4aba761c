"""BM25 for corpora past 20,000 passages: bm25s, its scores computed ahead and memory-mapped.

The same terms, variants and rankings as :class:`~playground.retrieval.lexical.small.SmallIndex`, in float32.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from playground.disk import DiskError, aside, touch
from playground.retrieval import indexes as disk
from playground.retrieval.lexical.bm25 import USUAL, Bm25, Scoring, best, idfs
from playground.retrieval.lexical.small import SmallIndex
from playground.retrieval.lexical.terms import Terms, words
from playground.retrieval.passages import Corpus, Scored

_METHODS = {"okapi": "atire", "l": "bm25l", "plus": "bm25+"}  # bm25s's names for the same tf
_DELTAS = {"okapi": 0.0, "l": 0.5, "plus": 1.0}
_OURS = "playground.json"
_log = logging.getLogger(__name__)


class LargeIndex:
    """One variant with one k1 and b.

    :param bm25: a bm25s index whose scores were made ours by :func:`build_index`.
    :param having: how many passages have each term, by its id.
    """

    def __init__(self, bm25: Any, having: np.ndarray, count: int, mean_length: float) -> None:
        self._bm25, self._having, self._count = bm25, having, count
        self.mean_length = mean_length

    def idf(self, term: str, variant: str) -> float | None:
        """See :class:`~playground.retrieval.lexical.bm25.Bm25`."""
        position = self._bm25.vocab_dict.get(term)
        if position is None:
            return None
        return idfs({term: int(self._having[position])}, self._count, variant)[term]

    def search(self, query: Sequence[str], k: int, scoring: Scoring = USUAL) -> list[Scored]:
        """See :class:`~playground.retrieval.lexical.bm25.Bm25`; the scoring is that of the index."""
        ids = self._bm25.get_tokens_ids(query)
        if not ids:
            return []
        scores = self._bm25.get_scores_from_ids(ids)
        return best(scores, np.flatnonzero(scores), k)


def build_index(tokens: Sequence[Sequence[str]], scoring: Scoring) -> LargeIndex:
    """Score every term of every passage ahead.

    bm25s gives a term's column as idf x tf with an idf that is positive for every term; each
    column is scaled to our idf, and what BM25L and BM25+ would give to passages without the term
    is put back, so that a score is the sum over shared terms.
    """
    import bm25s

    vocabulary: dict[str, int] = {}
    ids = [[vocabulary.setdefault(t, len(vocabulary)) for t in row] for row in tokens]
    bm25 = bm25s.BM25(
        k1=scoring.k1,
        b=scoring.b,
        delta=_DELTAS[scoring.variant],
        method=_METHODS[scoring.variant],
        idf_method="lucene",
        csc_backend="numpy",
    )
    bm25.index((ids, vocabulary), create_empty_token=False, show_progress=False)
    count, mean = len(ids), sum(map(len, ids)) / len(ids)
    having = np.diff(bm25.scores["indptr"][: len(vocabulary) + 1])
    ours = idfs({str(i): int(n) for i, n in enumerate(having)}, count, scoring.variant)
    theirs = np.log(1 + (count - having + 0.5) / (having + 0.5))
    data = bm25.scores["data"]
    if bm25.nonoccurrence_array is not None:
        data += np.repeat(bm25.nonoccurrence_array, having)
        bm25.nonoccurrence_array = np.zeros_like(bm25.nonoccurrence_array)
    data *= np.repeat((np.array(list(ours.values())) / theirs).astype(data.dtype), having)
    return LargeIndex(bm25, having, count, mean)


def large_index(corpus: Corpus, terms: Terms, scoring: Scoring) -> Bm25:
    """Built, or mapped from the disk; those of a visitor's own documents stay in memory."""
    name = f"{terms.name}-{scoring.variant}-{scoring.k1:g}-{scoring.b:g}.bm25s"
    folder = disk.index_path(corpus, name)
    if folder is not None and (stored := _stored(folder)) is not None:
        return stored
    tokens = [words(passage.indexed, terms) for passage in corpus.passages]
    if not any(tokens):
        return SmallIndex([])
    index = build_index(tokens, scoring)
    if folder is None:
        return index
    disk.index_room()
    try:
        save_bm25s(index, folder)
        return load_bm25s(folder)
    except (OSError, DiskError) as error:  # a disk that refuses costs memory, not the answer
        _log.warning("the index of %s is not kept: %s", corpus.id, error)
        return index


def _stored(folder: Path) -> LargeIndex | None:
    """The index in a folder, None if there is none or it is damaged."""
    try:
        index = load_bm25s(folder)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    touch(folder)
    return index


def save_bm25s(index: LargeIndex, folder: Path) -> None:
    """Write the index aside, then give it its name."""
    with aside(folder, folder=True) as part:
        index._bm25.save(str(part), show_progress=False)
        np.save(part / "having.npy", index._having)
        ours = {"count": index._count, "mean_length": index.mean_length}
        (part / _OURS).write_text(json.dumps(ours))
        shutil.rmtree(folder, ignore_errors=True)


def load_bm25s(folder: Path) -> LargeIndex:
    """Map an index that :func:`save_bm25s` wrote."""
    import bm25s

    ours = json.loads((folder / _OURS).read_text())
    bm25 = bm25s.BM25.load(str(folder), mmap=True, allow_pickle=False, show_progress=False)
    return LargeIndex(bm25, np.load(folder / "having.npy"), ours["count"], ours["mean_length"])
