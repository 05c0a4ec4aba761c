"""Files that a visitor chose -> documents, in a child process and within a few seconds."""

from __future__ import annotations

import stat
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from playground.errors import CorpusError
from playground.retrieval.reading.child import Child, GoneError, LateError, document, skipped
from playground.retrieval.reading.limits import (
    MAX_AT_ONCE,
    MAX_CHARACTERS,
    MAX_FILE_BYTES,
    MAX_FILES,
    MAX_RECORDS,
    MAX_SECONDS,
    MAX_WAIT_SECONDS,
)
from playground.retrieval.reading.names import document_name, kind_of, numbered
from playground.retrieval.reading.results import Document, Read, Skipped
from playground.retrieval.reading.worker import unopened

_reading = threading.BoundedSemaphore(MAX_AT_ONCE)


@dataclass(kw_only=True)
class _Item:
    """One of the files.

    :param start: the first entry of a .zip that is still to be read.
    :param done: nothing of it is left to read.
    """

    name: str
    kind: str = ""
    path: str = ""
    size: int = 0  # bytes
    start: int = 0
    done: bool = False
    documents: list[Document] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def skip(self, error: CorpusError, name: str = "") -> None:
        self.skipped.append(Skipped(name or self.name, error.message))


def read_files(files: Sequence[tuple[str, Path]], *, seconds: float = MAX_SECONDS, encoding: str = "") -> Read:
    """Read what can be read of a visitor's files; one that cannot does not stop the others.

    Accepts the kinds in :data:`playground.retrieval.reading.names.KINDS`. Nothing is parsed here: a
    child process does, and it is ended when time is up. The smallest file is read first, and
    each gets an equal share of the time that is left, a .zip's entries likewise.

    :param files: the name that the visitor's machine gave, and where the file is.
    :param seconds: in which all of it must end, a moment for clearing up apart.
    :param encoding: of all files of text, one of :data:`playground.alphabets.ENCODINGS`; "" to find
        it out for each.
    :return: documents and what was skipped; no file raises.
    """
    seconds = min(seconds, MAX_SECONDS)
    deadline = time.monotonic() + seconds
    items = [_checked(raw, path) for raw, path in files[:MAX_FILES]]
    items += [_left_out(raw, len(files)) for raw, _ in files[MAX_FILES:]]
    waiting = sorted((item for item in items if not item.skipped), key=lambda item: item.size)
    if waiting and _reading.acquire(timeout=min(seconds / 2, MAX_WAIT_SECONDS)):
        try:
            _read_all(waiting, deadline, encoding)
        finally:
            _reading.release()
        for item in waiting:
            if not item.done:
                item.skip(_no_time(item.name, seconds))
    else:
        for item in waiting:
            item.skip(_busy(item.name))
    taken: set[str] = set()
    return Read(
        tuple(replace(document, name=numbered(document.name, taken)) for item in items for document in item.documents),
        tuple(left for item in items for left in item.skipped),
    )


def _checked(raw_name: str, path: Path) -> _Item:
    """A file as it is on disk, which is not opened here; skipped if it cannot be read."""
    item = _Item(name=document_name(raw_name), path=str(Path(path).absolute()))
    try:
        item.kind = kind_of(raw_name)
        status = Path(path).lstat()
        if not stat.S_ISREG(status.st_mode):
            raise CorpusError("{name} is a link or a device, not a document. Add the document itself.", name=item.name)
        item.size = status.st_size
        _check_size(item.name, item.size)
    except (OSError, ValueError):  # ValueError: a zero byte in the path
        item.skip(unopened(item.name))
    except CorpusError as error:
        item.skip(error)
    return item


def _check_size(name: str, size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise CorpusError(
            "{name} holds {size} MB; the limit for one file is {limit} MB. Split or shorten it.",
            name=name,
            size=f"{-(-size // 10_000) / 100:.2f}",
            limit=MAX_FILE_BYTES // 1_000_000,
        )
    if not size:
        raise CorpusError("{name} is empty. Leave it out, or give it some text.", name=name)


def _left_out(raw_name: str, count: int) -> _Item:
    item = _Item(name=document_name(raw_name))
    item.skip(
        CorpusError(
            "{name} was left out: {count} files are too many, at most {limit} are read at once. Add fewer.",
            name=item.name,
            count=count,
            limit=MAX_FILES,
        )
    )
    return item


def _read_all(items: list[_Item], deadline: float, encoding: str) -> None:
    """Read items in order; a child that ends early is replaced for what is left."""
    while (left := [item for item in items if not item.done]) and time.monotonic() < deadline:
        try:
            request = _request(items) | {"encoding": encoding}
            with Child(request) as child:
                _Follower(left, deadline, request["characters"]).follow(child)
        except OSError:  # no process to be had
            for item in left:
                item.skip(_stopped(item.name))
                item.done = True


def _request(items: list[_Item]) -> dict[str, Any]:
    documents = [document for item in items for document in item.documents]
    return {
        "characters": MAX_CHARACTERS - sum(map(_characters, documents)),
        "records": MAX_RECORDS - sum(len(document.parts) for document in documents),
        "files": [
            {"name": item.name, "kind": item.kind, "path": item.path, "start": item.start}
            for item in items
            if not item.done
        ],
    }


def _characters(document: Document) -> int:
    return sum(len(part.title) + len(part.text) for part in document.parts)


class _Follower:
    """Follows one child through its files, and notes where it stood if it fails.

    :param items: what is left to read, in order; the first is being read.
    :param deadline: of them all, on the monotonic clock in seconds.
    :param characters: that the child may bring.
    """

    def __init__(self, items: list[_Item], deadline: float, characters: int) -> None:
        self._left = list(items)
        self._characters = characters
        self._deadline = self._item_end = self._limit = deadline
        self._since = time.monotonic()
        self._ready = False
        self._unit: tuple[str, int] | None = None  # name and number of the entry being read

    def follow(self, child: Child) -> None:
        """Take what the child says until it is done, fails, or has used its time."""
        try:
            while self._left:
                frame = child.hear(self._limit - time.monotonic())
                self._take(frame, self._left[0])
        except LateError:
            seconds = f"{time.monotonic() - self._since:.1f}"
            self._fail(lambda name: _late(name, seconds))
        except GoneError:
            self._fail(_stopped)

    def _take(self, frame: dict[str, Any], item: _Item) -> None:
        event = frame.get("event")
        if event == "ready":
            self._ready = True
            self._share()
        elif event == "begin":
            name, number, left = (frame.get(key) for key in ("name", "number", "left"))
            if not (isinstance(name, str) and isinstance(number, int) and isinstance(left, int)):
                raise GoneError
            self._unit = (name, number)
            self._since = time.monotonic()
            self._limit = self._since + (self._item_end - self._since) / max(left, 1)
        elif event == "document":
            item.documents.append(self._allowed(document(frame)))
            item.done = item.kind != ".zip"
        elif event == "skipped":
            item.skipped.append(skipped(frame))
            item.done = item.kind != ".zip"
        elif event == "end":
            item.done = True
            self._left.pop(0)
            self._share()
        else:
            raise GoneError

    def _allowed(self, document: Document) -> Document:
        self._characters -= _characters(document)
        if self._characters < 0:
            raise GoneError
        return document

    def _share(self) -> None:
        """Give the next item an equal share of the time that is left."""
        self._unit, self._since = None, time.monotonic()
        self._item_end = self._since + (self._deadline - self._since) / max(len(self._left), 1)
        self._limit = self._item_end

    def _fail(self, reason: Callable[[str], CorpusError]) -> None:
        """Skip what was being read, and leave the rest for another child."""
        if not self._ready:
            if time.monotonic() < self._deadline:  # it did not even start: another would not
                for item in self._left:
                    item.skip(_stopped(item.name))
                    item.done = True
            return
        item = self._left[0]
        if item.done:
            return
        name, number = self._unit or (item.name, 0)
        item.skip(reason(name), name)
        item.start = number + 1
        item.done = self._unit is None or item.kind != ".zip"


def _busy(name: str) -> CorpusError:
    return CorpusError("This host is busy reading other documents. Add {name} again in a moment.", name=name)


def _late(name: str, seconds: str) -> CorpusError:
    return CorpusError(
        "{name} took longer than its share of the time, {seconds} seconds. "
        "Split it, save it as plain text, or add it by itself.",
        name=name,
        seconds=seconds,
    )


def _no_time(name: str, seconds: float) -> CorpusError:
    return CorpusError(
        "There was no time left to read {name}: all files together get {seconds} seconds. Add it by itself.",
        name=name,
        seconds=f"{seconds:g}",
    )


def _stopped(name: str) -> CorpusError:
    return CorpusError(
        "{name} could not be read: the program that reads it stopped. Save it as plain text, then add that.", name=name
    )
