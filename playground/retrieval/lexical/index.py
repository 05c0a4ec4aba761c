"""A corpus's index for BM25: which engine counts, and what is kept in memory and on disk."""

from __future__ import annotations

import json

from pydantic import TypeAdapter, ValidationError

from playground.retrieval import indexes as disk
from playground.retrieval.lexical.bm25 import USUAL, Bm25, Scoring
from playground.retrieval.lexical.large import large_index
from playground.retrieval.lexical.small import SmallIndex
from playground.retrieval.lexical.terms import PLAIN, Terms, words
from playground.retrieval.passages import Corpus

LARGE = 20_000  # passages from which on bm25s serves, memory-mapped

_indexes: disk.Indexes[Bm25] = disk.Indexes()
_TOKENS = TypeAdapter(list[list[str]])


def bm25_index(corpus: Corpus, terms: Terms = PLAIN, scoring: Scoring = USUAL) -> Bm25:
    """The corpus's index: from memory, from what is kept on disk, or built and kept.

    :raises CorpusError: Korean morphemes are asked for and cannot be had.
    """
    if len(corpus.passages) > LARGE:
        name = f"{terms.name}-{scoring.variant}-{scoring.k1:g}-{scoring.b:g}"
        return _indexes.get(corpus, lambda: large_index(corpus, terms, scoring), name)
    return _indexes.get(corpus, lambda: SmallIndex(tokens_of(corpus, terms)), terms.name)


def tokens_of(corpus: Corpus, terms: Terms = PLAIN) -> list[list[str]]:
    """Words of each passage, read from the disk where a sound file is there."""
    kind = f"{terms.name}.json"
    stored = _parse(disk.load_index(corpus, kind), len(corpus.passages))
    if stored is not None:
        return stored
    once: dict[str, str] = {}  # a word is one object, however often a heading repeats it
    tokens = [[once.setdefault(word, word) for word in words(passage.indexed, terms)] for passage in corpus.passages]
    disk.save_index(corpus, kind, json.dumps(tokens, ensure_ascii=False).encode())
    return tokens


def _parse(data: bytes | None, count: int) -> list[list[str]] | None:
    """The words in an index file, None if there is no file or it is not what was written."""
    try:
        tokens = _TOKENS.validate_json(data or b"")
    except ValidationError:
        return None
    return tokens if len(tokens) == count else None
