"""Shares with their intervals, a line for each source, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from playground.sources.table import Cell
from playground.ui.parts.charts import AFTER, BEFORE, INK, SOFT, WIDTH, shortened, svg, text_at
from playground.ui.parts.html import percent, tag

LEFT, RIGHT, TOP, ROW = 118, 66, 26, 20
MORE = "#0f766e"  # right more often than what it is compared with
MOST_HEAD, MOST_NAME = 48, 14  # characters


@dataclass(frozen=True)
class ShareLine:
    """A line of the chart.

    :param itself: whether it is what the others are compared with.
    """

    name: str
    cell: Cell
    itself: bool


def share_chart(groups: Sequence[tuple[str, Sequence[ShareLine]]], title: str) -> Markup:
    """A dot for each share and a line for its 95 % interval, in groups under their heads; a ring is what the others
    are compared with, and what can be told apart from it is filled and dark."""
    parts, y = [], float(TOP)
    for head, lines in groups:
        parts.append(text_at(4, y + 14, shortened(head, MOST_HEAD), "start", "bold"))
        y += ROW
        for line in lines:
            parts += _line(line, y + ROW / 2)
            y += ROW
    return svg(round(y) + 22, title, [*_rules(y), *parts])


def _rules(floor: float) -> list[Markup]:
    return [
        piece
        for share in (0.0, 0.5, 1.0)
        for piece in (
            tag("line", x1=_x(share), x2=_x(share), y1=TOP + ROW, y2=floor, stroke=SOFT),
            text_at(_x(share), floor + 15, percent(share, 2)),
        )
    ]


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _line(line: ShareLine, y: float) -> list[Markup]:
    cell = line.cell
    apart = MORE if cell.more > cell.fewer else AFTER
    colour = apart if cell.told_apart else INK if line.itself else BEFORE
    low, high = cell.interval
    look = {"fill": "white" if line.itself else colour, "stroke": colour, "stroke_width": 2}
    hint = f"{line.name}: {cell.right} / {cell.of}"
    return [
        text_at(LEFT - 10, y + 4, shortened(line.name, MOST_NAME), "end"),
        tag("line", x1=_x(low), x2=_x(high), y1=y, y2=y, stroke=colour, stroke_width=2),
        tag("circle", tag("title", hint), cx=_x(cell.share), cy=y, r=4.5, **look),
        text_at(WIDTH - 4, y + 4, f"{cell.right}/{cell.of}", "end"),
    ]
