"""Rows of a table -> lines whose values keep their columns, merged cells and all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_SPAN = 100  # columns or rows that one cell may cover
BETWEEN = " | "


@dataclass
class Cell:
    """A cell of a row.

    :param across: columns that it covers.
    :param down: rows that it covers, where only the first of them has it (HTML).
    :param continues: whether it goes on with the one above, and stands in each row (Word).
    """

    text: str = ""
    across: int = 1
    down: int = 1
    continues: bool = False


def span(value: str | None) -> int:
    """How many columns or rows an attribute says, at least 1."""
    value = (value or "").strip()
    return max(1, min(int(value), MAX_SPAN)) if value.isascii() and value.isdigit() else 1


class TableGrid:
    """One table. A merged cell stands in each place that it covers: then a row tells all by itself.

    A single cell across its whole row is a caption, and stands once.
    """

    def __init__(self) -> None:
        self._above: list[str] = []
        self._down: dict[int, tuple[str, int]] = {}  # column -> text, and rows still to come

    def line(self, cells: Sequence[Cell]) -> str:
        """The next row as a line; "" where it has no text."""
        row: list[str] = []
        down: dict[int, tuple[str, int]] = {}

        def covered() -> None:
            while len(row) in self._down:
                text, left = self._down[len(row)]
                if left > 1:
                    down[len(row)] = (text, left - 1)
                row.append(text)

        for cell in cells:
            covered()
            for _ in range(cell.across):
                column = len(row)
                above = self._above[column] if column < len(self._above) else ""
                row.append(above if cell.continues else " ".join(cell.text.split()))
                if cell.down > 1:
                    down[column] = (row[-1], cell.down - 1)
        covered()
        self._above, self._down = row, down
        if len(cells) == 1 and cells[0].across == len(row) > 1:
            return row[0]
        line = BETWEEN.join(row)
        return line if line.strip(" |") else ""
