"""A sheet: one lesson with the rows of its table, as plain JSON that a browser keeps."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from playground.checked import from_browser
from playground.errors import Message, PlaygroundError
from playground.lab.collateral import sample
from playground.lab.lesson import KINDS, MAX_QUESTIONS, Lesson
from playground.lab.table import MOST_RATIO, WayRow
from playground.lab.ways import WAYS

EXAMPLE = Path(__file__).resolve().parents[2] / "assets" / "lab" / "example.json"  # python -m assets.lab.make
MAX_CHARACTERS = 1_500_000  # browsers keep a few million
MOST_COST = 1e15  # of seconds and bytes
ERROR = "{text}"  # what a kept error is: a text, so that nothing from a browser is filled in


@dataclass(frozen=True)
class LabSheet:
    """What was taught, and what came of each way.

    :param others: the corpus that retrieval had to find the fact in.
    """

    lesson: Lesson
    rows: tuple[WayRow, ...] = ()
    seed: int = 0
    others: str = ""

    def row(self, way: str) -> WayRow | None:
        """The row of a way, if it was tried."""
        return next((row for row in self.rows if row.way == way), None)

    def with_row(self, row: WayRow, tell: Callable[[Message], str]) -> LabSheet:
        """With one more row, its error as a text.

        :param tell: says a message to the visitor.
        """
        if row.error is not None:
            row = replace(row, error=Message("{text}", {"text": tell(row.error)}))
        return replace(self, rows=(*self.rows, row))


_SHEET = TypeAdapter(LabSheet)


@cache
def example_lab_sheet() -> LabSheet:
    """The first ready fact, taught before."""
    return sheet_from_json(json.loads(EXAMPLE.read_text("utf-8")))


def sheet_to_json(sheet: LabSheet) -> dict[str, Any]:
    """A sheet as plain JSON."""
    data: dict[str, Any] = _SHEET.dump_python(sheet, mode="json")
    return data


def sheet_from_json(data: Any) -> LabSheet:
    """The sheet that a browser kept.

    :raises PlaygroundError: it came back damaged.
    """
    try:
        sheet = from_browser(_SHEET, data, MAX_CHARACTERS)
        if not _sound(sheet):
            raise ValueError
    except ValueError as error:
        raise PlaygroundError("The table that your browser kept cannot be read. Teach the fact again.") from error
    return sheet


def _sound(sheet: LabSheet) -> bool:
    ways = [row.way for row in sheet.rows]
    return len(ways) == len(set(ways)) and set(ways) <= set(WAYS) and all(map(_usual, sheet.rows))


def _usual(row: WayRow) -> bool:
    """Whether a row's figures are such as a table has."""
    times = (row.apply_seconds, row.answer_seconds, row.undo_seconds, row.bytes)
    chances = [response.probability for response in row.asked] + [
        response.other for response in row.asked if response.other is not None
    ]
    edits = row.recipe.get("edits", [])
    return (
        len(row.asked) <= len(KINDS) * MAX_QUESTIONS
        and 0 <= row.kept.right <= row.kept.of <= len(sample())
        and all(isfinite(value) and 0 <= value <= MOST_COST for value in times)
        and 0 <= row.perplexity_ratio <= MOST_RATIO
        and all(0 <= value <= 1 for value in chances)
        and (row.error is None or (row.error.template == ERROR and "text" in row.error.values))
        and isinstance(edits, list)
        and all(isinstance(edit, dict) for edit in edits)
    )
