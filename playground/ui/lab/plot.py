"""The plot of the fact lab: what each way does to the fact, and what to everything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from playground.lab.evaluation import Response
from playground.lab.table import WayRow
from playground.lab.ways import WAYS
from playground.ui.lab.words import way_name
from playground.ui.parts.charts import AFTER, BEFORE, BOTTOM, INK, LEFT, RIGHT, SOFT, TOP, WIDTH, svg, text_at
from playground.ui.parts.html import tag
from playground.ui.parts.labels import Spot, beside
from playground.ui.text import say

TICKS = (0, 0.5, 1)
LEAST_RIGHT = 0.1  # right end of the axis of harm, at least


def plot(rows: Sequence[WayRow], language: str) -> Markup:
    """Each way as a numbered point, and what the numbers stand for."""
    measured = [row for row in rows if row.asked]
    if not measured:
        return Markup()
    marks = []
    for row in measured:
        benefit, harm = about_fact(row), lost(row)
        hint = say(
            language, "lab_plot_point", way=way_name(row.way, language), benefit=f"{benefit:.0%}", harm=f"{harm:.0%}"
        )
        marks.append(Mark(harm, benefit, WAYS[row.way].writes, hint))
    most = max(LEAST_RIGHT, *(mark.x for mark in marks))
    picture = scatter(
        marks, say(language, "lab_plot"), say(language, "lab_plot_right"), say(language, "lab_plot_up"), most
    )
    kinds = f"{say(language, 'lab_plot_weights')} · {say(language, 'lab_plot_prompt')}"
    items = (tag("li", mark.hint) for mark in marks)
    return picture + tag("p", kinds, class_="pg-legend") + tag("ol", *items, class_="pg-legend")


def about_fact(row: WayRow) -> float:
    """The share of a row's questions about the fact itself that it has right."""
    own = [_said(response) for response in row.asked if response.question.kind != "locality"]
    return sum(own) / len(own) if own else 0.0


def _said(response: Response) -> bool:
    """Whether an answer is written; whether it is likelier, where that was not looked at."""
    return response.right if response.written is None else response.written


def lost(row: WayRow) -> float:
    """The share of other facts that a row has lost: of the fixed sample and the neighbours."""
    other = [_said(response) for response in row.asked if response.question.kind == "locality"]
    total = row.kept.of + len(other)
    return 1 - (row.kept.right + sum(other)) / total if total else 0.0


@dataclass(frozen=True)
class Mark:
    """A point of a scatter, numbered; ``x`` and ``y`` are shares, 0 to 1.

    :param square: drawn so, where others are round.
    :param hint: what hovering says.
    """

    x: float
    y: float
    square: bool
    hint: str


HEIGHT = 270
FLOOR = HEIGHT - BOTTOM - 14
EDGE = 9  # between the outermost ticks and the frame
WIDE, TALL = WIDTH - LEFT - RIGHT - 2 * EDGE, FLOOR - TOP - 2 * EDGE - 10
HALF = 5  # of a mark's size
TAG = (15, 13)  # the room of a number
FRAME = (LEFT, TOP + 7, WIDTH - RIGHT + 3, FLOOR)  # of the numbers: left, top, right, bottom


def spot_of(mark: Mark, most: float = 1.0) -> Spot:
    """Where a mark is drawn: its true place between the ticks."""
    share = min(1.0, mark.x / most) if most else 0.0
    return LEFT + EDGE + share * WIDE, FLOOR - EDGE - mark.y * TALL


def scatter(marks: Sequence[Mark], title: str, across: str, up: str, most: float = 1.0) -> Markup:
    """Points over two shares, each exactly at its place; their numbers stand beside them.

    :param across: what the x axis counts.
    :param up: what the y axis counts.
    :param most: right end of the x axis.
    """
    parts = []
    for share in TICKS:
        x, y = LEFT + EDGE + share * WIDE, FLOOR - EDGE - share * TALL
        parts.append(tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, stroke=SOFT))
        parts.append(tag("line", x1=x, x2=x, y1=TOP, y2=FLOOR, stroke=SOFT))
        parts.append(text_at(LEFT - 5, y + 4, f"{share:.0%}", "end"))
        parts.append(text_at(x, FLOOR + 14, f"{share * most:.0%}"))
    places = [spot_of(mark, most) for mark in marks]
    spots = beside(places, [TAG] * len(marks), HALF + 2, FRAME, fits=_between_ticks)
    for (x, y), (over, down) in zip(places, spots, strict=True):
        parts.append(tag("line", class_="pg-leader", x1=x, y1=y, x2=over, y2=down, stroke=BEFORE))
    order = sorted(range(len(marks)), key=lambda number: not marks[number].square)
    parts += [_mark(marks[number], *places[number]) for number in order]  # round ones on top
    parts += [_number(number, *spot) for number, spot in enumerate(spots, 1)]
    parts += [text_at(WIDTH - RIGHT, FLOOR + 30, f"→ {across}", "end"), text_at(4, TOP + 6, f"↑ {up}", "start")]
    return svg(HEIGHT, title, parts)


def _between_ticks(label: Spot, spot: Spot) -> bool:
    """Whether a number crosses no tick that its mark is not on."""
    across = ((LEFT + EDGE + share * WIDE, label[0], spot[0]) for share in TICKS)
    upward = ((FLOOR - EDGE - share * TALL, label[1], spot[1]) for share in TICKS)
    return all(
        abs(before - tick) < 0.5 or (before - tick) * (after - tick) > 0 for tick, before, after in (*across, *upward)
    )


def _mark(mark: Mark, x: float, y: float) -> Markup:
    hint = tag("title", mark.hint)
    if mark.square:
        return tag("rect", hint, x=x - HALF, y=y - HALF, width=2 * HALF, height=2 * HALF, fill=AFTER)
    return tag("circle", hint, cx=x, cy=y, r=HALF - 1, fill=INK)


def _number(number: int, x: float, y: float) -> Markup:
    """A number on white ground, so that no line runs through it."""
    ground = tag("circle", class_="pg-tag", cx=x, cy=y, r=7, fill="white")
    return ground + text_at(x, y + 4, str(number), weight="bold")
