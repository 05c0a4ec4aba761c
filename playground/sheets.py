"""A table of values as text (.csv) -> its header and rows, for documents and training files alike.

Takes what spreadsheets and people make of the format: other delimiters, Excel's ``sep=`` line,
titles above the table, no header, quotes that nobody closes. Nothing is dropped but empty lines.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

DELIMITERS = ",;\t|"
MAX_QUOTED_LINES = 200  # of one value; a quote that stays open for longer was meant as a letter
MAX_VALUE = 2**31 - 1  # characters, for the csv module; what is read is bounded elsewhere

_SAMPLE_CHARACTERS, _SAMPLE_ROWS = 65_536, 20
_MAX_TITLES = 3  # lines above a table
_LONGEST_NAME = 120  # characters of a column's name
_SEP = re.compile(r'"?sep=(?P<delimiter>[^"\n])"?[ \t]*(?:\n|\Z)', re.I)
_NUMBER = re.compile(r"[-+]?[$€£₩¥]?[\d.,:/ -]*\d[\d.,:/ -]*%?")
_YEAR = re.compile(r"(?:1[6-9]|20|21)\d\d")

Row = list[str]


@dataclass(frozen=True)
class Sheet:
    """A table.

    :param delimiter: between its values.
    :param titles: the lines above it.
    :param header: the names of its columns; empty where the first row is values too.
    :param rows: the values of each row that is not empty, and whether a quote in it was taken as a
        letter because it never closed, or closed within a value.
    """

    delimiter: str
    titles: tuple[str, ...]
    header: tuple[str, ...]
    rows: Iterator[tuple[Row, bool]]


def read_sheet(text: str, names: Sequence[str] = ()) -> Sheet:
    """Read a table; its rows are read as they are taken.

    :param text: with line ends of any system.
    :param names: of columns, in small letters; a first row with one of them is the header.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    said = _SEP.match(text)
    text = text[said.end() :] if said else text
    delimiter = said["delimiter"] if said else delimiter_of(text)
    rows = (row for row in _rows(text, delimiter) if any(value.strip() for value in row[0]))
    first = list(islice(rows, _SAMPLE_ROWS))
    above = _titles([row for row, _ in first])
    titles = tuple(_joined(row) for row, _ in first[:above])
    first = first[above:]
    header: tuple[str, ...] = ()
    if first and (len(first) > 1 or names):
        known = {" ".join(value.split()).lower() for value in first[0][0]}
        if known & set(names) or _is_header([row for row, _ in first]):
            header = tuple(" ".join(value.split()) for value in first.pop(0)[0])

    def all_rows() -> Iterator[tuple[Row, bool]]:
        yield from first
        yield from rows

    return Sheet(delimiter, titles, header, all_rows())


def delimiter_of(text: str) -> str:
    """The delimiter that cuts the first rows into the most columns, the same in all of them but a
    few lines above the table.
    """
    sample = text[:_SAMPLE_CHARACTERS]
    if len(text) > len(sample) and "\n" in sample:
        sample = sample[: sample.rindex("\n")]
    return max(DELIMITERS, key=lambda delimiter: _columns(sample, delimiter))


def _columns(sample: str, delimiter: str) -> tuple[int, int]:
    """The fewest columns of a row below the titles, and of the first of these."""
    rows = [row for row, _ in islice(_rows(sample, delimiter), _SAMPLE_ROWS) if any(row)]
    counts = [len(row) for row in rows[_titles(rows) :]]
    return (min(counts), counts[0]) if counts else (0, 0)


def _titles(rows: Sequence[Row]) -> int:
    """How many lines stand above a table: single values before rows of several."""
    above = 0
    while above < len(rows) and sum(bool(value.strip()) for value in rows[above]) == 1:
        above += 1
    wide = above < len(rows) and len(rows[above]) > 1
    below = len(rows) - above
    return above if wide and above <= _MAX_TITLES and below > 1 else 0


def _joined(row: Row) -> str:
    return " ".join(" ".join(row).split())


def _is_header(rows: Sequence[Row]) -> bool:
    """Whether a first row names the columns: it holds no number, no value that its column has
    again, and none as long as a text. Years over figures are names.
    """
    first, rest = rows[0], rows[1:]
    for column, value in enumerate(first):
        value = value.strip()
        below = [row[column].strip() for row in rest if column < len(row)]
        if not value:
            continue
        if len(value) > _LONGEST_NAME or value in below:
            return False
        if _NUMBER.fullmatch(value):
            years = sum(bool(_YEAR.fullmatch(other)) for other in below)
            if not _YEAR.fullmatch(value) or years * 2 > len(below):
                return False
    return True


def _rows(text: str, delimiter: str) -> Iterator[tuple[Row, bool]]:
    """Rows, and whether quotes in them are letters.

    A value in quotes may hold lines. Quotes are all closed where their number is even, and there a
    row ends if it is one at all; else its first line stands alone, its quotes as letters.
    """
    csv.field_size_limit(MAX_VALUE)
    lines = text.split("\n")
    at, width = 0, 0
    while at < len(lines):
        row, count = _parsed(lines[at : at + 1], delimiter), 1
        if row is None:
            count = _closing(lines, at)
            row = _parsed(lines[at : at + count], delimiter) if count > 1 else None
            if row is not None and width > 1 and len(row) != width:
                row = None
        if row is None:
            yield lines[at].split(delimiter), True
            at += 1
            continue
        width = width or (len(row) if len(row) > 1 else 0)
        yield row, False
        at += count


def _closing(lines: Sequence[str], at: int) -> int:
    """How many lines it takes to close all quotes; 0 where they stay open."""
    quotes = 0
    for count, line in enumerate(lines[at : at + MAX_QUOTED_LINES], start=1):
        quotes += line.count('"')
        if not quotes % 2:
            return count
    return 0


def _parsed(lines: Sequence[str], delimiter: str) -> Row | None:
    """The one row that lines are; None if they are none or several, or their quotes do not fit."""
    held = io.StringIO("\n".join(lines), newline="")
    try:
        rows = list(csv.reader(held, delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return (rows[0] if rows else []) if len(rows) <= 1 else None
