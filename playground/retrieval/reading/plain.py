"""Text, JSON lines and tables of values -> parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from playground.errors import CorpusError, Message
from playground.retrieval.chunking.markdown import MAX_WORDS, count_words
from playground.retrieval.reading.decoding import decode_into
from playground.retrieval.reading.limits import MAX_COLUMNS, MAX_FILE_BYTES
from playground.retrieval.reading.parts import Parts, tidy
from playground.retrieval.reading.text_files import records as records_of
from playground.sheets import read_sheet

_MAX_TITLE = 80  # characters of a row's first value that stands above it


def read_text(file: BinaryIO, parts: Parts) -> str:
    """Add a text file whole.

    :return: its encoding.
    :raises CorpusError: it is not text, is empty, or is too long.
    """
    text, encoding = decode_into(parts, file.read(MAX_FILE_BYTES))
    parts.add("", text, markdown=parts.name.lower().endswith(".md"))
    return encoding


def read_json_lines(file: BinaryIO, parts: Parts) -> str:
    """Add the records of a ``.jsonl`` file, as :mod:`playground.retrieval.reading.text_files` reads them.

    :return: its encoding.
    :raises CorpusError: it is not text, or one of its lines is not a record.
    """
    text, encoding = decode_into(parts, file.read(MAX_FILE_BYTES))
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for title, body in records_of(parts.name, text):
        parts.add(title, body)
    return encoding


def read_table(file: BinaryIO, parts: Parts) -> str:
    """Add each row of a ``.csv`` file as lines of ``header: value``.

    Empty values are left out, and a value without a header stands alone; lines above the table are
    a part of their own. A row that is too long for one passage stands under its first value, so
    that each piece of it tells whose it is.

    :return: its encoding.
    :raises CorpusError: it is not text, or has too many columns or rows.
    """
    text, encoding = decode_into(parts, file.read(MAX_FILE_BYTES))
    sheet = read_sheet(text)
    parts.add("", "\n".join(sheet.titles))
    loose = count = 0
    _check_columns(parts.name, sheet.header)
    for row, quotes_are_letters in sheet.rows:
        _check_columns(parts.name, row)
        record = _record(sheet.header, row)
        first = record.split("\n", 1)[0]
        long = count_words(record) > MAX_WORDS and len(first) <= _MAX_TITLE and "\n" in record
        parts.add(first if long else "", record)
        loose, count = loose + quotes_are_letters, count + 1
    if sheet.header and not count:
        parts.add("", _record((), sheet.header))
    if count > 1 and not sheet.header:
        parts.tell(
            Message("{name} has no row of column names: its first row was read as values.", {"name": parts.name})
        )
    if loose:
        parts.tell(
            Message(
                "In {count} rows of {name} a quotation mark was never closed, or closed within a "
                "value: it was read as a letter.",
                {"name": parts.name, "count": loose},
            )
        )
    return encoding


def _check_columns(name: str, row: Sequence[str]) -> None:
    if len(row) > MAX_COLUMNS:
        raise CorpusError(
            "{name} has {count} columns; the limit is {limit}. Leave some out.",
            name=name,
            count=f"{len(row):,}",
            limit=f"{MAX_COLUMNS:,}",
        )


def _record(header: Sequence[str], row: Sequence[str]) -> str:
    lines = []
    for column, value in enumerate(row):
        if value.strip():
            title = header[column] if column < len(header) else ""
            lines.append(f"{title}: {tidy(value).strip()}" if title else tidy(value).strip())
    return "\n".join(lines)
