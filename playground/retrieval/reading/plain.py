"""Text, JSON lines and tables of values -> parts."""

from __future__ import annotations

import csv
import io
from typing import BinaryIO

from playground.errors import CorpusError
from playground.retrieval.documents import records as records_of
from playground.retrieval.reading.decoding import decode_into
from playground.retrieval.reading.limits import MAX_COLUMNS, MAX_FILE_BYTES
from playground.retrieval.reading.parts import Parts, tidy

_DELIMITERS = ",;\t|"
_SAMPLE_CHARACTERS = 65_536
_SAMPLE_ROWS = 10


def read_text(file: BinaryIO, parts: Parts) -> str:
    """Add a text file whole.

    :return: its encoding.
    :raises CorpusError: it is not text, is empty, or is too long.
    """
    text, encoding = decode_into(parts, file.read(MAX_FILE_BYTES))
    parts.add("", text)
    return encoding


def read_json_lines(file: BinaryIO, parts: Parts) -> str:
    """Add the records of a ``.jsonl`` file, as :mod:`playground.retrieval.documents` reads them.

    :return: its encoding.
    :raises CorpusError: it is not text, or one of its lines is not a record.
    """
    text, encoding = decode_into(parts, file.read(MAX_FILE_BYTES))
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for title, body in records_of(parts.name, text):
        parts.add(title, body)
    return encoding


def read_table(file: BinaryIO, parts: Parts) -> str:
    """Add each row of a ``.csv`` file as lines of ``header: value``; the first row is the header.

    Empty values are left out, and a value without a header stands alone. A file of one row is
    taken as values.

    :return: its encoding.
    :raises CorpusError: it is not text, or has too many columns or rows.
    """
    text, encoding = decode_into(parts, file.read(MAX_FILE_BYTES))
    csv.field_size_limit(2**31 - 1)
    header: list[str] = []
    number = 0
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text))
    for number, row in enumerate(rows):
        if len(row) > MAX_COLUMNS:
            raise CorpusError(
                "{name} has {count} columns; the limit is {limit}. Leave some out.",
                name=parts.name,
                count=f"{len(row):,}",
                limit=f"{MAX_COLUMNS:,}",
            )
        if number:
            parts.add("", _record(header, row))
        else:
            header = [" ".join(value.split()) for value in row]
    if not number:
        parts.add("", _record([], header))
    return encoding


def delimiter_of(text: str) -> str:
    """The delimiter that cuts the first rows into the most columns, the same in all of them."""
    sample = text[:_SAMPLE_CHARACTERS]
    if len(text) > len(sample) and "\n" in sample:
        sample = sample[: sample.rindex("\n")]
    return max(_DELIMITERS, key=lambda delimiter: _columns(sample, delimiter))


def _columns(sample: str, delimiter: str) -> tuple[int, int]:
    """The fewest columns of a row, and of the first one."""
    rows = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    counts = [len(row) for row, _ in zip(rows, range(_SAMPLE_ROWS), strict=False) if row]
    return (min(counts), counts[0]) if counts else (0, 0)


def _record(header: list[str], row: list[str]) -> str:
    lines = []
    for column, value in enumerate(row):
        if value.strip():
            title = header[column] if column < len(header) else ""
            lines.append(f"{title}: {tidy(value).strip()}" if title else tidy(value).strip())
    return "\n".join(lines)
