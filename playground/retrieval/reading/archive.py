"""A zip archive, unpacked one entry at a time under bounds that its headers cannot move."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from typing import IO, BinaryIO, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from playground.errors import CorpusError
from playground.retrieval.reading.limits import (
    MAX_ENTRIES,
    MAX_FILE_BYTES,
    MAX_RATIO,
    MAX_UNPACKED_BYTES,
    RATIO_FROM_BYTES,
)
from playground.retrieval.reading.names import entry_name, is_litter
from playground.retrieval.reading.parts import Budget

_STEP_BYTES = 16_384  # as many packed bytes may be read ahead of what they unpack to
_ENCRYPTED = 0x1  # flag of an entry


class Archive:
    """An open archive.

    :param name: what to call it in a message.
    :param file: seekable.
    :raises zipfile.BadZipFile: it is no archive, or cut short.
    """

    def __init__(self, name: str, file: BinaryIO, budget: Budget) -> None:
        self.name = name
        self._source = _Counted(file)
        self._zip = ZipFile(cast(IO[bytes], self._source))
        self._budget = budget

    def entries(self) -> list[ZipInfo]:
        """Its files in order, without folders and what systems add.

        :raises CorpusError: none, or more than ``MAX_ENTRIES``.
        """
        files = [
            entry
            for entry in self._zip.infolist()
            if not entry.filename.endswith("/") and not is_litter(entry_name(entry))
        ]
        if len(files) > MAX_ENTRIES:
            raise CorpusError(
                "{name} holds {count} files; the limit is {limit}. Split it.",
                name=self.name,
                count=f"{len(files):,}",
                limit=MAX_ENTRIES,
            )
        if not files:
            raise CorpusError("{name} is empty. Leave it out, or give it some text.", name=self.name)
        return files

    def names(self) -> list[str]:
        """The names of all entries, as written."""
        return self._zip.namelist()

    def unpack(self, entry: ZipInfo | str, name: str) -> Iterator[bytes]:
        """The content of an entry, in steps of up to 16 KiB.

        :param name: what to call the entry in a message.
        :raises CorpusError: it is no ordinary file, is encrypted, or a bound is exceeded.
        :raises zipfile.BadZipFile: it is damaged; also OSError, EOFError and zlib.error.
        """
        entry = self._zip.getinfo(entry) if isinstance(entry, str) else entry
        _check_ordinary(entry, name)
        before, size = self._source.count, 0
        with self._zip.open(entry) as file:
            while step := file.read(_STEP_BYTES):
                size += len(step)
                self._budget.unpacked += len(step)
                self._check(name, size, self._source.count - before)
                yield step

    def _check(self, name: str, size: int, packed: int) -> None:
        if size > RATIO_FROM_BYTES and size > MAX_RATIO * packed:
            raise CorpusError(
                "{name} unpacks to more than {limit} times its size, as documents do not. Leave it out.",
                name=name,
                limit=MAX_RATIO,
            )
        if self._budget.unpacked > MAX_UNPACKED_BYTES:
            self._budget.full = True
            raise CorpusError(
                "{name} unpacks to more than {limit} MB. Split it, or add only what you need.",
                name=self.name,
                limit=MAX_UNPACKED_BYTES // 1_000_000,
            )


def read_entry(archive: Archive, entry: ZipInfo, name: str) -> bytes:
    """The whole content of an entry.

    :raises CorpusError: as :meth:`Archive.unpack`, or it is above ``MAX_FILE_BYTES``.
    """
    content = bytearray()
    for step in archive.unpack(entry, name):
        content += step
        if len(content) > MAX_FILE_BYTES:
            raise CorpusError(
                "{name} unpacks to more than {limit} MB, the limit for one file. Split or shorten it.",
                name=name,
                limit=MAX_FILE_BYTES // 1_000_000,
            )
    return bytes(content)


def _check_ordinary(entry: ZipInfo, name: str) -> None:
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise CorpusError("{name} is a link or a device, not a document. Add the document itself.", name=name)
    if entry.flag_bits & _ENCRYPTED:
        raise CorpusError("{name} is encrypted. Save a copy without a password, then add that.", name=name)
    if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise CorpusError(
            "{name} is packed in a way that is not read here. Pack it again as an ordinary .zip.", name=name
        )


class _Counted:
    """A file that counts the bytes read from it: what an entry's header says may be a lie."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.count = 0
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.count += len(data)
        return data

    def close(self) -> None:
        """The file is not closed here: who opened it closes it."""
