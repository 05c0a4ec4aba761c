"""Files that this host keeps for its visitors: whole or not at all, deleted when unused.

What is being written has a name of its own beside its place and is locked, so that a later start
can tell what a killed process left behind from what another is writing now.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import re
import secrets
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from playground import owners
from playground.errors import PlaygroundError
from playground.settings import settings

DAY = 24 * 3600  # seconds
MAX_DAYS = 7  # what nobody used for this long is deleted
PART = ".part"  # ends the name of what is being written
CLOCK = "clock"  # the file whose time is the host's
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
_OS_ERROR = re.compile(r"\(os error (\d+)\)")  # how safetensors and tokenizers tell the number

_log = logging.getLogger(__name__)


class DiskError(PlaygroundError):
    """The host's disk is full, or cannot be written to."""


def refusal(error: BaseException) -> DiskError | None:
    """What a visitor is told of a disk that refuses, None for any other error."""
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (match := _OS_ERROR.search(str(error))):
        number = int(match[1])
    if number in FULL:
        return DiskError(
            "The host's disk is full, so this could not be stored. Nothing that was there before "
            "is lost. Ask the host to free some space, then try again."
        )
    if number in CLOSED:
        return DiskError(
            "The host's disk cannot be written to ({reason}), so this could not be stored. Ask the "
            "host to look at the folder of the playground, then try again.",
            reason=os.strerror(number or 0),
        )
    return None


@contextmanager
def writing() -> Iterator[None]:
    """Around what writes to the disk.

    :raises DiskError: in the place of the error of a disk that is full or closed.
    """
    try:
        yield
    except Exception as error:
        told = refusal(error)
        if told is None:
            raise
        raise told from error


# Writing


def write_whole(path: Path, data: bytes) -> None:
    """Write a file aside, then put it in place, so that no reader ever sees half of it.

    :raises DiskError: the disk refuses; what stood at ``path`` is still there.
    """
    with aside(path) as part:
        part.write_bytes(data)


@contextmanager
def aside(target: Path, *, folder: bool = False) -> Iterator[Path]:
    """A private file or folder to write to, put in ``target``'s place when the block ends.

    A folder that is at ``target`` by then stays: somebody else wrote the same.

    :raises DiskError: the disk refuses; what stood at ``target`` is still there.
    """
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}{PART}")
    try:
        with writing():
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _made(part, folder):
                yield part
                _replace(part, target)
            touch(target)
    finally:
        remove(part)


@contextmanager
def _made(part: Path, folder: bool) -> Iterator[None]:
    """Make a file or folder for its owner alone, and hold its lock."""
    if folder:
        part.mkdir(mode=0o700)
    flags = os.O_RDONLY if folder else os.O_RDWR | os.O_CREAT | os.O_EXCL
    opened = os.open(part, flags, 0o600)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # a file system without locks: see _abandoned
        _log.debug("no lock on %s", part)
    try:
        yield
    finally:
        os.close(opened)


def _replace(part: Path, target: Path) -> None:
    try:
        os.replace(part, target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def clear_parts(home: Path) -> None:
    """Delete what ended processes had not finished writing; what is being written now stays."""
    named = [f"{inside}.*{PART}" for inside in ("", "*/", "*/*/")]
    for pattern in (*named, "models/.*"):  # conversions had other names in earlier versions
        for part in home.glob(pattern):
            if _abandoned(part):
                remove(part)


def _abandoned(part: Path) -> bool:
    """Whether no process holds the lock of what is being written."""
    try:
        opened = os.open(part, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return os.fstat(opened).st_mtime < time.time() - DAY
    finally:
        os.close(opened)
    return True


# Use, by a clock that does not jump


def now() -> float:
    """The host's time, in seconds since 1970, which no jump of the system's clock moves.

    While a process runs it goes on by the monotonic clock. At a start it is what the system says,
    but not before the host was last seen running, and at most a day after that: nothing ages
    while nobody could have used it, and a clock that is wrong for a while deletes nothing.
    """
    began, since = _began(settings().home)
    return began + time.monotonic() - since


@cache
def _began(home: Path) -> tuple[float, float]:
    """The host's time when this process first asked for it, and what the monotonic clock said."""
    wall, seen = time.time(), _seen(home)
    return (wall if seen is None else min(max(wall, seen), seen + DAY)), time.monotonic()


def _seen(home: Path) -> float | None:
    """When the host was last seen running; where no clock was kept yet, when it last stored
    anything."""
    try:
        return (home / CLOCK).stat().st_mtime
    except OSError:
        return max((used for used, _ in _by_use(home)), default=None)


def tick() -> None:
    """Note that the host is running now."""
    path, time_now = settings().home / CLOCK, now()  # before the file is touched: it is read there
    try:
        path.touch(mode=0o600)
        os.utime(path, (time_now, time_now))
    except OSError:  # no home yet, or a read-only one
        _log.debug("could not touch %s", path)


def touch(entry: Path) -> None:
    """Note that a file or folder was used now."""
    try:
        os.utime(entry, (now(), now()))
    except OSError:  # a read-only home: nothing is swept there either
        _log.debug("could not touch %s", entry)


def expired(entry: Path) -> bool:
    """Whether nobody used a file or folder for ``MAX_DAYS``.

    Its modification time is its last use: readers touch what they read.

    :raises OSError: it is not there.
    """
    return entry.stat().st_mtime < now() - MAX_DAYS * DAY


def sweep(folder: Path) -> None:
    """Delete the folder's entries that nobody used for ``MAX_DAYS``."""
    for used, entry in _by_use(folder):
        if used < now() - MAX_DAYS * DAY:
            remove(entry)


# Room


def make_room(folder: Path, most: int, most_bytes: float = float("inf"), size: int = 0) -> bool:
    """Let go of entries until fewer than ``most`` are left, and ``size`` more bytes stay within
    ``most_bytes``: whoever holds most loses what was used least recently, today's too.

    So nobody can fill the host for all. An entry that several keep is deleted when the last of
    them has lost it.

    :return: False if ``size`` alone is more than that; then nothing is deleted.
    """
    if size > most_bytes:
        return False
    entries = [entry for _, entry in _by_use(folder)]  # the least recently used first
    sizes = {entry: size_of(entry) for entry in entries}
    holders = {entry: owners.of(entry) for entry in entries}
    while entries and (len(entries) >= most or sum(sizes.values()) + size > most_bytes):
        shares = _shares(holders, sizes, most, most_bytes)
        largest = {owner for owner, share in shares.items() if share == max(shares.values())}
        alone = (entry for entry in entries if holders[entry] <= largest)
        entry = next(alone, None) or next(e for e in entries if holders[e] & largest)
        holders[entry] -= largest
        if holders[entry]:
            with suppress(OSError):  # a full disk: that owner loses it at another time
                owners.write_owner(entry, holders[entry])
            continue
        remove(entry)
        entries.remove(entry)
        del sizes[entry], holders[entry]
    return True


def _shares(
    holders: Mapping[Path, set[str]], sizes: Mapping[Path, int], most: int, most_bytes: float
) -> dict[str, float]:
    """What part of the places, or of the bytes, each owner holds."""
    counts: defaultdict[str, int] = defaultdict(int)
    held: defaultdict[str, int] = defaultdict(int)
    for entry, names in holders.items():
        for owner in names:
            counts[owner] += 1
            held[owner] += sizes[entry]
    return {owner: max(counts[owner] / most, held[owner] / most_bytes) for owner in counts}


def size_of(entry: Path) -> int:
    """Bytes of a file, or of the files in a folder."""
    try:
        inside = list(entry.iterdir()) if entry.is_dir() else [entry]
        return sum(path.stat().st_size for path in inside if path.is_file())
    except OSError:  # another process deleted it
        return 0


def _by_use(folder: Path) -> list[tuple[float, Path]]:
    """(last use, entry) of everything in a folder that is written, oldest first."""
    aged = []
    for entry in folder.iterdir() if folder.is_dir() else ():
        try:
            if not entry.name.endswith(PART):
                aged.append((entry.stat().st_mtime, entry))
        except OSError:  # another process deleted it first
            continue
    return sorted(aged)


def remove(entry: Path) -> None:
    """Delete a file or a folder, if it is there. A disk that refuses keeps it."""
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry, ignore_errors=True)
        return
    try:
        entry.unlink(missing_ok=True)
    except OSError:
        _log.debug("could not delete %s", entry)
