"""BM25: passages that share words with the query, rare words first.

Robertson et al., in the Okapi form of ``rank_bm25`` (k1 1.5, b 0.75, epsilon 0.25). Korean
particles stick to their nouns, so a Hangul word also counts as its pairs of syllables.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence

from playground.retrieval import files as disk
from playground.retrieval.passages import Corpus

VERSION = 1  # of words(): raise it when a text gives other words than before

_HANGUL = "가-힣ㄱ-ㆎ"
_HAN = "々〆ぁ-ヿ㐀-䶿一-鿿豈-﫿"  # and kana: written without spaces too
RUN = re.compile(rf"[{_HANGUL}]+|[{_HAN}]+|[^\W_{_HANGUL}{_HAN}]+")  # of one script
_UNSPACED = re.compile(rf"[{_HANGUL}{_HAN}]")


def words(text: str) -> list[str]:
    """The terms of a text, in its order.

    NFC and casefolded. A run of letters and digits is one term; a run of Hangul, or of Chinese
    and Japanese characters, is itself and its character bigrams. Scripts part at their border:
    ``BM25를`` is ``bm25`` and ``를``.
    """
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    found = []
    for run in RUN.findall(folded):
        found.append(run)
        if len(run) > 2 and _UNSPACED.match(run):  # the bigram of two is the run itself
            found.extend(run[i : i + 2] for i in range(len(run) - 1))
    return found


class Bm25Index:
    """Passages as bags of words, ready to score.

    :param tokens: the words of each passage; a passage, or all of them, may have none.
    """

    def __init__(self, tokens: Sequence[Sequence[str]]) -> None:
        from rank_bm25 import BM25Okapi

        # rank_bm25 divides by the size of the vocabulary
        self._okapi = BM25Okapi(tokens) if any(tokens) else None

    def search(self, query: str, k: int) -> list[tuple[int, float]]:
        """The best passages among those that share a word with the query.

        A score may be zero or below: Okapi's idf of a word in half the passages or more is not
        positive. Ties go to the lower index.

        :param k: how many at most.
        :return: (passage index, score), best first.
        """
        if self._okapi is None:
            return []
        asked = [word for word in words(query) if word in self._okapi.idf]
        terms = set(asked)
        sharing = [
            place
            for place, counts in enumerate(self._okapi.doc_freqs)
            if not counts.keys().isdisjoint(terms)
        ]
        scores = self._okapi.get_batch_scores(asked, sharing) if sharing else []
        ranked = sorted(zip(sharing, scores, strict=True), key=lambda hit: (-hit[1], hit[0]))
        return [(place, float(score)) for place, score in ranked[:k]]


_indexes: disk.Indexes[Bm25Index] = disk.Indexes()


def bm25_index(corpus: Corpus) -> Bm25Index:
    """The corpus's index: from memory, from words kept on disk, or built and kept."""
    return _indexes.get(corpus, lambda: Bm25Index(_tokens(corpus)))


def _tokens(corpus: Corpus) -> list[list[str]]:
    """Words of each passage, read from the disk where a sound file is there."""
    kind = f"words-v{VERSION}.json"
    kept = _parse(disk.load_index(corpus, kind), len(corpus.passages))
    if kept is not None:
        return kept
    once: dict[str, str] = {}  # a word is one object, however often a heading repeats it
    tokens = [
        [once.setdefault(word, word) for word in words(passage.indexed)]
        for passage in corpus.passages
    ]
    disk.save_index(corpus, kind, json.dumps(tokens, ensure_ascii=False).encode())
    return tokens


def _parse(data: bytes | None, count: int) -> list[list[str]] | None:
    """The words in an index file, None if there is no file or it is not what was written."""
    try:
        tokens = json.loads(data or b"")
    except (ValueError, RecursionError):
        return None
    sound = (
        isinstance(tokens, list)
        and len(tokens) == count
        and all(isinstance(row, list) and all(isinstance(w, str) for w in row) for row in tokens)
    )
    return tokens if sound else None
