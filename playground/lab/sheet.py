"""A sheet: one lesson with the rows of its table, as plain JSON that a browser keeps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from playground.errors import PlaygroundError
from playground.lab.lesson import Lesson
from playground.lab.table import Row

MAX_CHARACTERS = 400_000


@dataclass(frozen=True)
class Sheet:
    """What was taught, and what came of each way.

    :param others: the corpus that retrieval had to find the fact in.
    """

    lesson: Lesson
    rows: tuple[Row, ...] = ()
    seed: int = 0
    others: str = ""

    def row(self, way: str) -> Row | None:
        """The row of a way, if it was tried."""
        return next((row for row in self.rows if row.way == way), None)


_SHEET = TypeAdapter(Sheet)


def to_json(sheet: Sheet) -> dict[str, Any]:
    """A sheet as plain JSON."""
    found: dict[str, Any] = _SHEET.dump_python(sheet, mode="json")
    return found


def from_json(given: Any) -> Sheet:
    """The sheet that a browser kept.

    :raises PlaygroundError: it came back damaged.
    """
    try:
        text = json.dumps(given)
        if len(text) > MAX_CHARACTERS:
            raise ValueError
        return _SHEET.validate_json(text)
    except (ValidationError, ValueError, TypeError) as error:
        raise PlaygroundError(
            "The table that your browser kept cannot be read. Teach the fact again."
        ) from error
