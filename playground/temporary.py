"""The folder for what is not kept: uploads on their way, and files made for a download.

It is private and swept by listing it, so that also what an aborted upload left behind goes. It
lies in the playground's home, or where GRADIO_TEMP_DIR says.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from playground import disk
from playground.settings import settings

KEPT_HOURS = 2
KEPT = KEPT_HOURS * 3600.0  # seconds without a change, after which a file is deleted
SCARCE = 4_000_000_000  # bytes free, below which files are kept for less time
KEPT_SCARCE = 15 * 60.0
EVERY = 15 * 60.0  # seconds between two sweeps
_HOSTS = os.environ.get("GRADIO_TEMP_DIR")  # before claim() sets it
_claimed: Path | None = None
_log = logging.getLogger(__name__)


def folder() -> Path:
    """Where the files are."""
    if _claimed is not None:
        return _claimed
    return Path(_HOSTS) / "weights-playground" if _HOSTS else settings().home.absolute() / "tmp"


def claim() -> Path:
    """Make the folder, and have gradio use it. To be called before a page is built.

    A home that cannot be written to leaves a fresh folder of the system's.
    """
    global _claimed
    _claimed = None
    place = folder()
    try:
        _private(place)
    except OSError as error:
        _log.warning("%s cannot be used for uploads: %s", place, error)
        place = Path(tempfile.mkdtemp(prefix="weights-playground-"))
    _claimed = place
    os.environ["GRADIO_TEMP_DIR"] = str(place)
    return place


def _private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


def for_download(name: str, data: bytes) -> Path:
    """A file for one visitor to fetch, where nobody else can guess it, until it is swept.

    :raises DiskError: the host's disk refuses.
    """
    with disk.writing():
        _private(folder())
    path = folder() / secrets.token_hex(16) / name
    disk.write_whole(path, data)
    return path


class Sweeper:
    """Deletes what lies unchanged in a folder for too long.

    A file's age is counted by the clock that does not jump; only what lay there when it was
    first listed is as old as the system's clock says, and no older than the sweep before.
    """

    def __init__(self, folder: Path) -> None:
        self._place = folder
        self._since: dict[tuple[str, int], float] = {}  # by path and time of the last change
        self._before = float("-inf")

    def sweep(self) -> None:
        """List the folder, and delete what is too old and the folders that are empty for long."""
        now, wall, entries = time.monotonic(), time.time(), self._kept()
        listed: dict[tuple[str, int], float] = {}
        for inside, folders, files in os.walk(self._place, topdown=False):
            for name in [*files, *folders]:
                path = os.path.join(inside, name)
                try:
                    changed = os.lstat(path).st_mtime_ns
                    age = max(0.0, wall - changed / 1e9)
                    since = self._since.get((path, changed), max(now - age, self._before))
                    if now - since < entries or not _gone(path, name in folders):
                        listed[path, changed] = since
                except OSError:  # deleted meanwhile
                    continue
        self._since, self._before = listed, now

    def _kept(self) -> float:
        try:
            return KEPT if shutil.disk_usage(self._place).free > SCARCE else KEPT_SCARCE
        except OSError:
            return KEPT


def _gone(path: str, folder: bool) -> bool:
    """Delete a file, or a folder if it is empty; whether it is gone."""
    try:
        if folder and not os.path.islink(path):
            os.rmdir(path)
        else:
            os.unlink(path)
    except OSError:
        return False
    return True


def keep_clean(*sweeps: Callable[[], None]) -> None:
    """Clear what ended processes left behind, and go on sweeping on a thread of its own.

    :param sweeps: of the stores.
    """
    sweeper = Sweeper(folder())

    def clean() -> None:
        disk.clear_parts(settings().home)
        while True:
            for sweep in (sweeper.sweep, disk.tick, *sweeps):
                try:
                    sweep()
                except Exception:
                    _log.exception("A sweep failed")
            time.sleep(EVERY)

    threading.Thread(target=clean, name="sweeper", daemon=True).start()
