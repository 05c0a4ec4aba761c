"""Indexes in memory and on disk: a bounded number of each."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

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


@dataclass
class _Slot(Generic[_T]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    value: _T | None = None


class Recent(Generic[_T]):
    """The last few things built, by key; each is built by one thread while others wait for it.

    :param size: how many are kept; the one used least recently goes first.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._slots: OrderedDict[str, _Slot[_T]] = OrderedDict()

    def get(self, key: str, build: Callable[[], _T]) -> _T:
        """What is kept under ``key``, built now if it is not there. A failed build keeps nothing.

        Builds of different keys run at the same time.
        """
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            while len(self._slots) > self._size:
                self._slots.popitem(last=False)
        with slot.lock:
            if slot.value is None:
                slot.value = build()
            return slot.value

    def clear(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._slots.clear()


class Indexes(Generic[_T]):
    """Indexes of one kind in memory, by what is indexed; visitors' corpora apart from shipped.

    A visitor's own are found by that corpus alone, so that nobody can tell from the time that a
    search takes what others have.
    """

    def __init__(self) -> None:
        self._shipped: Recent[_T] = Recent(MAX_SHIPPED)
        self._own: Recent[_T] = Recent(MAX_OWN)

    def get(self, corpus: Corpus, build: Callable[[], _T], name: str = "") -> _T:
        """As :meth:`Recent.get`.

        :param name: which of several indexes of the corpus.
        """
        recent = self._own if corpus.own else self._shipped
        owner = corpus.id if corpus.own else ""
        return recent.get(f"{owner} {corpus.content_hash} {name}", build)

    def clear(self) -> None:
        """Keep nothing."""
        self._shipped.clear()
        self._own.clear()
