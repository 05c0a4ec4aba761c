"""The child process: confines itself, then reads the files that it is told, one by one.

A request comes on the standard input as one JSON object; frames go out on what was the standard
output, each a length (8 bytes, big-endian) and one JSON object with an ``event``:

- ``ready``: confined, and about to read.
- ``begin`` (``name``, ``number``, ``left``): a file, or entry ``number`` of a .zip with ``left``
  entries to go, this one included.
- ``document`` or ``skipped``: what became of it.
- ``end``: the file, with all its entries, is done.

It imports no more than it needs, so that it starts fast. It never looks at a message's language.
"""

from __future__ import annotations

import io
import json
import math
import os
import stat
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

from playground.errors import CorpusError
from playground.retrieval.reading.archive import Archive, read_entry
from playground.retrieval.reading.limits import MAX_FILE_BYTES, MAX_MEMORY_BYTES, MAX_OPEN_FILES, MAX_SECONDS
from playground.retrieval.reading.names import document_name, entry_name, kind_of
from playground.retrieval.reading.parts import Budget, Parts

Frame = dict[str, Any]


def main() -> None:
    """Read a request and answer it."""
    confine()
    request = json.loads(sys.stdin.buffer.read())
    with os.fdopen(os.dup(1), "wb") as out:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):  # what a library prints must not get among the frames
            os.dup2(nowhere, stream)
        send(out, {"event": "ready"})
        budget = Budget(
            characters=request["characters"], records=request["records"], encoding=request.get("encoding", "")
        )
        for item in request["files"]:
            budget.unpacked, budget.full = 0, False
            for frame in frames_of(item, budget):
                send(out, frame)


def send(out: BinaryIO, frame: Frame) -> None:
    """Write one frame."""
    data = json.dumps(frame, ensure_ascii=False).encode()
    out.write(len(data).to_bytes(8, "big") + data)
    out.flush()


def confine() -> None:
    """Give up what reading does not need. Where the system refuses a limit, go on without it."""
    try:
        import resource
    except ImportError:  # Windows: the time limit still holds
        return
    for name, value in (
        ("RLIMIT_AS", MAX_MEMORY_BYTES),
        ("RLIMIT_CPU", math.ceil(MAX_SECONDS) + 1),
        ("RLIMIT_FSIZE", 0),  # may write no file
        ("RLIMIT_NOFILE", MAX_OPEN_FILES),
        ("RLIMIT_NPROC", 0),  # may start no process
        ("RLIMIT_CORE", 0),
    ):
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except (ValueError, OSError):
            continue


def frames_of(item: Frame, budget: Budget) -> Iterator[Frame]:
    """Read one file.

    :param item: ``name``, ``kind``, ``path``, and ``start``, the first entry of a .zip to read.
    """
    name, kind = item["name"], item["kind"]
    try:
        with _open(name, item["path"]) as file:
            if kind == ".zip":
                yield from _entries(name, file, item["start"], budget)
            else:
                yield {"event": "begin", "name": name, "number": 0, "left": 1}
                yield read_one(name, kind, file, budget)
    except Exception as error:
        yield _skipped(name, kind, error)
    yield {"event": "end"}


def _entries(name: str, file: BinaryIO, start: int, budget: Budget) -> Iterator[Frame]:
    archive = Archive(name, file, budget)
    entries = archive.entries()
    for number, entry in enumerate(entries[start:], start=start):
        own = document_name(entry_name(entry))
        yield {"event": "begin", "name": own, "number": number, "left": len(entries) - number}
        try:
            kind = kind_of(entry_name(entry))
            if kind == ".zip":
                raise CorpusError(
                    "{name} is an archive inside an archive. Unpack it, then add what it holds.", name=own
                )
            content = io.BytesIO(read_entry(archive, entry, own))
        except Exception as error:
            yield _skipped(own, ".zip", error)
        else:
            yield read_one(own, kind, content, budget)
        if budget.full:
            return


def read_one(name: str, kind: str, file: BinaryIO, budget: Budget) -> Frame:
    """A document, or why there is none."""
    parts = Parts(name, budget)
    pages = encoding = None
    unreadable = 0
    try:
        if kind == ".pdf":
            from playground.retrieval.reading.pdf import read_pdf

            pages, unreadable = read_pdf(file, parts)
        elif kind == ".docx":
            from playground.retrieval.reading.word import read_word

            read_word(file, parts)
        else:
            encoding = _read_text_kind(kind, file, parts)
        taken = parts.take()
    except Exception as error:
        return _skipped(name, kind, error)
    notes = [(note.template, dict(note.values)) for note in parts.notes]
    more = {"pages": pages, "encoding": encoding, "unreadable": unreadable, "notes": notes}
    return {"event": "document", "name": name, "parts": taken} | more


def _read_text_kind(kind: str, file: BinaryIO, parts: Parts) -> str:
    from playground.retrieval.reading import markup, plain

    readers = {
        ".html": markup.read_html,
        ".htm": markup.read_html,
        ".csv": plain.read_table,
        ".jsonl": plain.read_json_lines,
    }
    return readers.get(kind, plain.read_text)(file, parts)


def _open(name: str, path: str) -> BinaryIO:
    """The file at a path, checked once it is open: what the parent saw may be gone."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        file = os.fdopen(os.open(path, flags | getattr(os, "O_NOFOLLOW", 0)), "rb")
    except OSError as error:
        raise unopened(name) from error
    status = os.fstat(file.fileno())
    if stat.S_ISREG(status.st_mode) and status.st_size <= MAX_FILE_BYTES:
        return file
    file.close()
    raise unopened(name)


def unopened(name: str) -> CorpusError:
    """What to say of a file that is not there, or not as it was."""
    return CorpusError("{name} could not be opened. Choose it again.", name=name)


def _skipped(name: str, kind: str, error: Exception) -> Frame:
    """What to say of an error that reading a file has ended in."""
    if isinstance(error, MemoryError):
        error = CorpusError(
            "{name} needs more than {limit} MB of memory to read. Split it, or save it as plain text.",
            name=name,
            limit=MAX_MEMORY_BYTES >> 20,
        )
    elif not isinstance(error, CorpusError):
        error = CorpusError(
            "{name} is damaged, or not really a {kind} file. Open it in its own program, "
            "save it anew without a password, then add that.",
            name=name,
            kind=kind,
        )
    message = error.message
    return {"event": "skipped", "name": name, "template": message.template, "values": dict(message.values)}
