"""Indexes in memory and on disk: a bounded number of each."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from playground.cache import Cache
from playground.disk import DiskError, make_room, sweep, touch, write_whole
from playground.retrieval.passages import Corpus
from playground.settings import settings

_T = TypeVar("_T")
MAX_SHIPPED = 32  # indexes of one kind in memory, of shipped corpora
MAX_OWN = 8  # and of visitors' own, which never push out those
MAX_INDEXES, MAX_INDEX_BYTES = 400, 4_000_000_000  # on the disk, where visitors choose the settings

_log = logging.getLogger(__name__)


def load_index(corpus: Corpus, kind: str) -> bytes | None:
    """The bytes of a shipped corpus's index file, None where there is none to read."""
    if corpus.own:
        return None
    path = _indexes() / f"{corpus.content_hash}-{kind}"
    try:
        data = path.read_bytes()
    except OSError:
        return None
    touch(path)
    return data


def index_path(corpus: Corpus, kind: str) -> Path | None:
    """Where a shipped corpus's index is kept; None for a visitor's own, which stay in memory."""
    if corpus.own:
        return None
    return _indexes() / f"{corpus.content_hash}-{kind}"


def index_room(size: int = 0) -> None:
    """Let go of the index files used least recently, where one of ``size`` bytes has no room."""
    make_room(_indexes(), MAX_INDEXES, MAX_INDEX_BYTES, size)


def save_index(corpus: Corpus, kind: str, data: bytes) -> None:
    """Keep an index for the next process. A disk that refuses costs time, not the answer.

    Those of a visitor's own documents hold their words, and stay in memory: a file could outlive
    the documents.
    """
    if corpus.own:
        return
    index_room(len(data))
    try:
        write_whole(_indexes() / f"{corpus.content_hash}-{kind}", data)
    except (OSError, DiskError) as error:
        _log.warning("an index of %s is not kept: %s", corpus.id, error)


def sweep_indexes() -> None:
    """Delete the index files that nobody used lately."""
    sweep(_indexes())


def _indexes() -> Path:
    return settings().home / "indexes"


class Indexes(Generic[_T]):
    """Indexes of one kind in memory, by what is indexed; visitors' corpora apart from shipped.

    A visitor's own are found by that corpus alone, so that nobody can tell from the time that a
    search takes what others have.
    """

    def __init__(self) -> None:
        self._shipped, self._own = Cache(entries=MAX_SHIPPED), Cache(entries=MAX_OWN)

    def get(self, corpus: Corpus, build: Callable[[], _T], name: str = "") -> _T:
        """As :meth:`Cache.get_or_build`.

        :param name: which of several indexes of the corpus.
        """
        cache = self._own if corpus.own else self._shipped
        return cache.get_or_build((corpus.id if corpus.own else "", corpus.content_hash, name), build)

    def clear(self) -> None:
        """Keep nothing."""
        self._shipped.clear()
        self._own.clear()
