"""Loaded encoders and the vectors that they made, kept so that nothing is embedded twice.

Of what was embedded only digests and vectors are held, in memory, never words.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from playground.precision import native_dtype
from playground.retrieval.dense import encoders
from playground.retrieval.dense.packed_e5 import PackedE5, packed_file
from playground.retrieval.indexes import Recent
from playground.retrieval.passages import Corpus

MOST_LOADED = 2  # encoders beside MiniLM
MOST_PASSAGES = 3_000  # of a corpus whose vectors are kept one by one
OWN_BYTES = 20_000 * 384 * 4  # 31 MB: vectors of visitors' own passages
SHIPPED_BYTES = 6_000 * 384 * 4

_models: Recent[Any] = Recent(MOST_LOADED)


def model(encoder_id: str) -> Any:
    """An encoder other than MiniLM, in bfloat16 where that is native: something with
    ``encode(texts, batch_size=, show_progress_bar=, prompt=)``, which gives (texts, dimension).

    Loaded once; the two used last are kept.

    :raises CorpusError: as :func:`~playground.retrieval.dense.encoders.find_encoder` and ``open_hub``; or the
        package is not installed or damaged.
    """
    encoders.find_encoder(encoder_id)
    if encoder_id == encoders.PACKED_E5:
        path = packed_file()
        return _models.get(encoder_id, lambda: PackedE5(path, native_dtype()))
    encoders.hub_folder(encoder_id)  # what fails here pushes out no other
    return _models.get(encoder_id, lambda: encoders.open_hub(encoder_id, native_dtype()))


def dimension(encoder_id: str) -> int:
    """Numbers in a vector of an encoder, which is loaded to see if need be."""
    known = encoders.find_encoder(encoder_id).dimension
    return known or int(model(encoder_id).get_embedding_dimension())


def encoder_prefix(encoder_id: str, loaded: Any, as_query: bool) -> str:
    """What to put before a text: what is known of the encoder, else what its files ask for."""
    encoder = encoders.find_encoder(encoder_id)
    known = encoder.query_prefix if as_query else encoder.passage_prefix
    return known or getattr(loaded, "prompts", {}).get("query" if as_query else "document") or ""


class Vectors:
    """The vectors used last, by digest; several threads may use it.

    :param most: bytes of vectors that are kept.
    """

    def __init__(self, most: int) -> None:
        self._most, self._held = most, 0
        self._lock = threading.Lock()
        self._rows: OrderedDict[bytes, np.ndarray] = OrderedDict()

    def get(self, key: bytes) -> np.ndarray | None:
        """float32, (dimension,), not to be written to."""
        with self._lock:
            row = self._rows.get(key)
            if row is not None:
                self._rows.move_to_end(key)
            return row

    def put(self, key: bytes, vector: np.ndarray) -> None:
        """Keep a copy of a vector, in the place of what was used least recently."""
        row = np.array(vector, dtype=np.float32)  # a part of a matrix would hold all of it
        row.flags.writeable = False
        with self._lock:
            before = self._rows.pop(key, None)
            self._rows[key] = row
            self._held += row.nbytes - (0 if before is None else before.nbytes)
            while self._held > self._most:
                self._held -= self._rows.popitem(last=False)[1].nbytes

    def clear(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._rows.clear()
            self._held = 0


class Made:
    """The vectors of corpora's passages. Those of a visitor's own are found by that corpus alone,
    so that nobody can tell from the time it takes what others have; those of shipped corpora by
    all, and no visitor's push them out.
    """

    def __init__(self) -> None:
        self._own, self._shipped = Vectors(OWN_BYTES), Vectors(SHIPPED_BYTES)
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
                vectors.put(self._digest(corpus.id if corpus.own else "", kind, text), row)

    def clear(self) -> None:
        """Keep nothing."""
        self._own.clear()
        self._shipped.clear()

    def _found(self, corpus: Corpus, kind: str, text: str) -> np.ndarray | None:
        own = self._own.get(self._digest(corpus.id, kind, text)) if corpus.own else None
        return own if own is not None else self._shipped.get(self._digest("", kind, text))

    def _digest(self, owner: str, kind: str, text: str) -> bytes:
        data = "\0".join((owner, kind, text)).encode()
        return hashlib.blake2b(data, digest_size=16, key=self._secret).digest()


def _kept(corpus: Corpus) -> bool:
    return len(corpus.passages) <= MOST_PASSAGES
