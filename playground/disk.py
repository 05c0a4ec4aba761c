"""Files that this host keeps for its visitors: whole or not at all, deleted when unused."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import time
from pathlib import Path

DAY = 24 * 3600  # seconds
MAX_DAYS = 7  # what nobody used for this long is deleted

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


def make_room(folder: Path, most: int, most_bytes: float = float("inf"), size: int = 0) -> bool:
    """Delete what was used least recently, until fewer than ``most`` entries are left, and
    ``size`` more bytes stay within ``most_bytes``.

    What was used within a day stays, so that nobody can push out what others work with.

    :return: whether there is room for one more.
    """
    entries = _by_use(folder)
    taken = {entry: size_of(entry) for _, entry in entries}
    while len(taken) >= most or (taken and sum(taken.values()) + size > most_bytes):
        used, entry = entries.pop(0)
        if used >= time.time() - DAY:
            return False
        remove(entry)
        del taken[entry]
    return size <= most_bytes


def size_of(entry: Path) -> int:
    """Bytes of a file, or of the files in a folder."""
    try:
        inside = list(entry.iterdir()) if entry.is_dir() else [entry]
        return sum(path.stat().st_size for path in inside if path.is_file())
    except OSError:  # another process deleted it
        return 0


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
