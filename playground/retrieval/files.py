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

from playground.settings import settings

T = TypeVar("T")
DAY = 24 * 3600  # seconds
MAX_DAYS = 7  # what nobody used for this long is deleted
MAX_INDEXES = 400  # index files kept on disk; a corpus has up to two

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


def sweep(folder: Path, keep: int, days: float = MAX_DAYS) -> None:
    """Delete the folder's entries that were not used for ``days``, or beyond the newest ``keep``.

    An entry's modification time is its last use: readers touch what they read.
    """
    oldest = time.time() - days * DAY
    aged = []
    for entry in folder.iterdir() if folder.is_dir() else ():
        try:
            aged.append((entry.stat().st_mtime, entry))
        except OSError:  # another process deleted it first
            continue
    aged.sort(key=lambda pair: pair[0], reverse=True)
    for place, (used, entry) in enumerate(aged):
        if place >= keep or used < oldest:
            remove(entry)


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


def load_index(name: str) -> bytes | None:
    """An index file's bytes, None where there is none to read."""
    path = _indexes() / name
    try:
        data = path.read_bytes()
    except OSError:
        return None
    touch(path)
    return data


def save_index(name: str, data: bytes) -> None:
    """Keep an index for the next process. A disk that refuses costs time, not the answer."""
    try:
        write_whole(_indexes() / name, data)
    except OSError as error:
        _log.warning("the index %s is not kept: %s", name, error)


def forget_indexes(content_hash: str) -> None:
    """Delete a corpus's indexes from the disk: they hold its words."""
    for path in _indexes().glob(f"{content_hash}-*"):
        remove(path)


def sweep_indexes() -> None:
    """Delete the index files that nobody used lately."""
    sweep(_indexes(), MAX_INDEXES)


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
