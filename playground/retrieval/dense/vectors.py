"""Loaded encoders and the vectors that they made, kept so that nothing is embedded twice.

Of what was embedded only digests and vectors are held, in memory, never words.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from playground.cache import Cache
from playground.precision import native_dtype
from playground.retrieval.dense import encoders
from playground.retrieval.dense.packed_e5 import PackedE5, packed_file
from playground.retrieval.passages import Corpus

MOST_LOADED = 2  # encoders beside MiniLM
MOST_PASSAGES = 3_000  # of a corpus whose vectors are kept one by one
OWN_BYTES = 20_000 * 384 * 4  # 31 MB: vectors of visitors' own passages
SHIPPED_BYTES = 6_000 * 384 * 4

_models = Cache(entries=MOST_LOADED)


def model(encoder_id: str) -> Any:
    """An encoder other than MiniLM, in bfloat16 where that is native: something with
    ``encode(texts, batch_size=, show_progress_bar=, prompt=)``, which gives (texts, dimension).

    Loaded once; the two used last are kept.

    :raises CorpusError: as :func:`~playground.retrieval.dense.encoders.find_encoder` and ``open_hub``; or the
        package is not installed or damaged.
    """
    encoders.find_encoder(encoder_id)
    if encoder_id == encoders.PACKED_E5:
        return _models.get_or_build(encoder_id, lambda: PackedE5(packed_file(), native_dtype()))
    return _models.get_or_build(encoder_id, lambda: encoders.open_hub(encoder_id, native_dtype()))


def dimension(encoder_id: str) -> int:
    """Numbers in a vector of an encoder, which is loaded to see if need be."""
    known = encoders.find_encoder(encoder_id).dimension
    return known or int(model(encoder_id).get_embedding_dimension())


def encoder_prefix(encoder_id: str, loaded: Any, as_query: bool) -> str:
    """What to put before a text: what is known of the encoder, else what its files ask for."""
    encoder = encoders.find_encoder(encoder_id)
    known = encoder.query_prefix if as_query else encoder.passage_prefix
    return known or getattr(loaded, "prompts", {}).get("query" if as_query else "document") or ""


def _of_vectors(most: Callable[[], int]) -> Cache:
    """:param most: bytes of vectors that are kept."""
    return Cache(budget=most, memory=lambda vector: {id(vector): vector.nbytes})


class Made:
    """The vectors of corpora's passages. Those of a visitor's own are found by that corpus alone,
    so that nobody can tell from the time it takes what others have; those of shipped corpora by
    all, and no visitor's push them out.
    """

    def __init__(self) -> None:
        self._own, self._shipped = _of_vectors(lambda: OWN_BYTES), _of_vectors(lambda: SHIPPED_BYTES)
        self._secret = secrets.token_bytes(16)  # a digest says nothing without it

    def find(self, corpus: Corpus, kind: str, texts: Iterable[str]) -> list[np.ndarray | None]:
        """What is known of each text.

        :param kind: of vectors: names encoder, version and dtype.
        :return: of each text: float32, (dimension,), or None.
        """
        if not _kept(corpus):
            return [None for _ in texts]
        return [self._found(corpus, kind, text) for text in texts]

    def keep(self, corpus: Corpus, kind: str, texts: Sequence[str], rows: np.ndarray) -> None:
        """Remember vectors, (texts, dimension); of a corpus above 3,000 passages none."""
        if _kept(corpus):
            vectors = self._own if corpus.own else self._shipped
            for text, row in zip(texts, rows, strict=True):
                vector = np.array(row, dtype=np.float32)  # a part of a matrix would hold all of it
                vector.flags.writeable = False
                vectors.put(self._digest(corpus.id if corpus.own else "", kind, text), vector)

    def clear(self) -> None:
        """Keep nothing."""
        self._own.clear()
        self._shipped.clear()

    def _found(self, corpus: Corpus, kind: str, text: str) -> np.ndarray | None:
        vector: np.ndarray | None = self._own.get(self._digest(corpus.id, kind, text)) if corpus.own else None
        return vector if vector is not None else self._shipped.get(self._digest("", kind, text))

    def _digest(self, owner: str, kind: str, text: str) -> bytes:
        data = "\0".join((owner, kind, text)).encode()
        return hashlib.blake2b(data, digest_size=16, key=self._secret).digest()


def _kept(corpus: Corpus) -> bool:
    return len(corpus.passages) <= MOST_PASSAGES
