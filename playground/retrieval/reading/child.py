"""The parent's end of a child process: start it, hear its frames, end it.

Nothing that comes from the child is believed: lengths are bounded, and every value is checked.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from string import Formatter
from types import TracebackType
from typing import Any, Self

from playground.errors import Message
from playground.retrieval.reading.limits import MAX_REPLY_BYTES
from playground.retrieval.reading.names import document_name
from playground.retrieval.reading.results import Document, Skipped
from playground.retrieval.reading.text_files import Part

_ROOT = Path(__file__).parents[3]
_START = "import sys; sys.path.insert(0, sys.argv[1]); from playground.retrieval.reading.worker import main; main()"
_KEPT = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")  # what Python needs to start at all


class LateError(Exception):
    """The child said nothing within the time it had."""


class GoneError(Exception):
    """The child ended, or said something that it should not."""


def command() -> list[str]:
    """What starts a child: isolated, with no site of the user's own and no bytecode written."""
    return [sys.executable, "-I", "-B", "-X", "utf8", "-c", _START, str(_ROOT)]


class Child:
    """A child that reads the files of one request; it is killed when the context ends.

    :param request: what :mod:`playground.retrieval.reading.worker` takes.
    :raises OSError: it cannot be started.
    """

    def __init__(self, request: dict[str, Any]) -> None:
        self._frames: queue.Queue[bytes | None] = queue.Queue()
        self._process = subprocess.Popen(
            command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=os.path.abspath(os.sep),
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, args=(json.dumps(request).encode(),), daemon=True)
        self._listener.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if hasattr(os, "killpg"):
                    os.killpg(self._process.pid, signal.SIGKILL)
            self._process.kill()
        self._process.wait()
        self._listener.join()

    def hear(self, seconds: float) -> dict[str, Any]:
        """The next frame.

        :param seconds: how long to wait for it.
        :raises LateError: it did not come.
        :raises GoneError: no more will come.
        """
        try:
            data = self._frames.get(timeout=max(seconds, 0))
        except queue.Empty as error:
            raise LateError from error
        try:
            frame = json.loads(data) if data is not None else None
        except (ValueError, RecursionError) as error:
            raise GoneError from error
        if not isinstance(frame, dict):
            raise GoneError
        return frame

    def _listen(self, request: bytes) -> None:
        """Send the request, then queue what comes, up to a bound over all frames."""
        ours, theirs = self._process.stdin, self._process.stdout
        assert ours is not None
        assert theirs is not None
        left = MAX_REPLY_BYTES
        with contextlib.suppress(OSError, ValueError):
            ours.write(request)
        with contextlib.suppress(OSError, ValueError):
            ours.close()
        with contextlib.suppress(OSError, ValueError), theirs:
            while len(length := theirs.read(8)) == 8:
                size = int.from_bytes(length, "big")
                left -= size
                if left < 0 or len(data := theirs.read(size)) < size:
                    break
                self._frames.put(data)
        self._frames.put(None)


def document(frame: dict[str, Any]) -> Document:
    """A frame's document.

    :raises GoneError: it is not of the form that the child sends.
    """
    try:
        name, pages, encoding = frame["name"], frame["pages"], frame["encoding"]
        parts = tuple(Part(str(title), str(text)) for title, text in frame["parts"])
        for part in parts:  # a lone surrogate cannot be stored
            part.title.encode(), part.text.encode()
        unreadable = int(frame["unreadable"])
        notes = tuple(_message(*note) for note in frame.get("notes", ()))
    except (KeyError, TypeError, ValueError) as error:
        raise GoneError from error
    if not (isinstance(name, str) and isinstance(pages, int | None) and isinstance(encoding, str | None) and parts):
        raise GoneError
    return Document(
        name=document_name(name), parts=parts, pages=pages, encoding=encoding, unreadable=unreadable, notes=notes
    )


def skipped(frame: dict[str, Any]) -> Skipped:
    """A frame's file that was skipped.

    :raises GoneError: it is not of the form that the child sends, or its template reaches
        further than the values that come with it.
    """
    name = frame.get("name")
    if not isinstance(name, str):
        raise GoneError
    return Skipped(document_name(name), _message(frame.get("template"), frame.get("values")))


def _message(template: object, values: object) -> Message:
    """A message as the child sends it.

    :raises GoneError: see :func:`skipped`.
    """
    if not (isinstance(template, str) and isinstance(values, dict)):
        raise GoneError
    try:
        wanted = [(field, form, how) for _, field, form, how in Formatter().parse(template) if field is not None]
    except ValueError as error:
        raise GoneError from error
    plain = all(field.isidentifier() and field in values and not form and not how for field, form, how in wanted)
    if not plain or not all(isinstance(value, str | int | float) for value in values.values()):
        raise GoneError
    return Message(template, values)
