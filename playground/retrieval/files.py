"""What the room keeps on disk and in memory: whole files only, a bounded number of each."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from playground.retrieval.passages import Corpus
from playground.settings import settings

T = TypeVar("T")
DAY = 24 * 3600  # seconds
MAX_DAYS = 7  # what nobody used for this long is deleted
MAX_SHIPPED = 32  # indexes of one kind in memory, of shipped corpora
MAX_OWN = 8  # and of visitors' own, which never push out those

_log = logging.getLogger(__name__)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file aside, then put it in place, so that no reader ever sees half of it.

    :raises OSError: the disk refuses; what stood at ``path`` is still there.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        aside.write_bytes(data)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def expired(entry: Path) -> bool:
    """Whether nobody used a file or folder for ``MAX_DAYS``.

    Its modification time is its last use: readers touch what they read.

    :raises OSError: it is not there.
    """
    return entry.stat().st_mtime < time.time() - MAX_DAYS * DAY


def sweep(folder: Path) -> None:
    """Delete the folder's entries that nobody used for ``MAX_DAYS``."""
    for used, entry in _by_use(folder):
        if used < time.time() - MAX_DAYS * DAY:
            remove(entry)


def make_room(folder: Path, most: int) -> bool:
    """Delete what was used least recently, until fewer than ``most`` entries are left.

    What was used within a day stays, so that nobody can push out what others work with.

    :return: whether there is room for one more.
    """
    entries = _by_use(folder)
    for used, entry in entries[: max(0, len(entries) - most + 1)]:
        if used >= time.time() - DAY:
            return False
        remove(entry)
    return True


def _by_use(folder: Path) -> list[tuple[float, Path]]:
    """(last use, entry) of everything in a folder, oldest first."""
    aged = []
    for entry in folder.iterdir() if folder.is_dir() else ():
        try:
            aged.append((entry.stat().st_mtime, entry))
        except OSError:  # another process deleted it first
            continue
    return sorted(aged)


def remove(entry: Path) -> None:
    """Delete a file or a folder, if it is there."""
    if entry.is_dir():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        entry.unlink(missing_ok=True)


def touch(entry: Path) -> None:
    """Note that a file or folder was used now."""
    try:
        os.utime(entry)
    except OSError:  # a read-only home: nothing is swept there either
        _log.debug("could not touch %s", entry)


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


def save_index(corpus: Corpus, kind: str, data: bytes) -> None:
    """Keep an index for the next process. A disk that refuses costs time, not the answer.

    Those of a visitor's own documents hold their words, and stay in memory: a file could outlive
    the documents.
    """
    if corpus.own:
        return
    try:
        write_whole(_indexes() / f"{corpus.content_hash}-{kind}", data)
    except OSError as error:
        _log.warning("an index of %s is not kept: %s", corpus.id, error)


def sweep_indexes() -> None:
    """Delete the index files that nobody used lately."""
    sweep(_indexes())


def _indexes() -> Path:
    return settings().home / "indexes"


@dataclass
class _Slot(Generic[T]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    value: T | None = None


class Recent(Generic[T]):
    """The last few things built, by key; each is built by one thread while others wait for it.

    :param size: how many are kept; the one used least recently goes first.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._slots: OrderedDict[str, _Slot[T]] = OrderedDict()

    def get(self, key: str, build: Callable[[], T]) -> T:
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


class Indexes(Generic[T]):
    """Indexes of one kind in memory, by what is indexed; visitors' corpora apart from shipped."""

    def __init__(self) -> None:
        self._shipped: Recent[T] = Recent(MAX_SHIPPED)
        self._own: Recent[T] = Recent(MAX_OWN)

    def get(self, corpus: Corpus, build: Callable[[], T]) -> T:
        """As :meth:`Recent.get`."""
        return (self._own if corpus.own else self._shipped).get(corpus.content_hash, build)

    def clear(self) -> None:
        """Keep nothing."""
        self._shipped.clear()
        self._own.clear()
