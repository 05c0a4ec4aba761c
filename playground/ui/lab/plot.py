"""The plot of the fact lab: what each way does to the fact, and what to everything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape

from playground.lab.asking import Asked
from playground.lab.table import Row
from playground.lab.ways import IN_WEIGHTS
from playground.ui.lab.words import way_name
from playground.ui.parts.charts import AFTER, BEFORE, BOTTOM, INK, LEFT, RIGHT, SOFT, TOP, WIDTH, svg, text_at
from playground.ui.text import say

TICKS = (0, 0.5, 1)
LEAST_RIGHT = 0.1  # right end of the axis of harm, at least


def plot(rows: Sequence[Row], language: str) -> str:
    """Each way as a numbered point, and what the numbers stand for."""
    found = [row for row in rows if row.asked]
    if not found:
        return ""
    marks = []
    for row in found:
        benefit, harm = about_fact(row), lost(row)
        hint = say(
            language, "lab_plot_point", way=way_name(row.way, language), benefit=f"{benefit:.0%}", harm=f"{harm:.0%}"
        )
        marks.append(Mark(harm, benefit, row.way in IN_WEIGHTS, hint))
    most = max(LEAST_RIGHT, *(mark.x for mark in marks))
    picture = scatter(
        marks, say(language, "lab_plot"), say(language, "lab_plot_right"), say(language, "lab_plot_up"), most
    )
    items = "".join(f"<li>{escape(mark.hint)}</li>" for mark in marks)
    kinds = f"{say(language, 'lab_plot_weights')} · {say(language, 'lab_plot_prompt')}"
    return f'{picture}<p class="pg-legend">{escape(kinds)}</p><ol class="pg-legend">{items}</ol>'


def about_fact(row: Row) -> float:
    """The share of a row's questions about the fact itself that it has right."""
    own = [_said(one) for one in row.asked if one.question.kind != "locality"]
    return sum(own) / len(own) if own else 0.0


def _said(one: Asked) -> bool:
    """Whether an answer is written; whether it is likelier, where that was not looked at."""
    return one.right if one.written is None else one.written


def lost(row: Row) -> float:
    """The share of other facts that a row has lost: of the fixed sample and the neighbours."""
    other = [_said(one) for one in row.asked if one.question.kind == "locality"]
    asked = row.kept.of + len(other)
    return 1 - (row.kept.right + sum(other)) / asked if asked else 0.0


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
TAG = 15  # between the middles of two numbers, at least
REACH, STEP = 150, 3  # how far from its mark a number may stand, and how finely it looks for room


def place_of(mark: Mark, most: float = 1.0) -> tuple[float, float]:
    """Where a mark is drawn: its true place between the ticks."""
    share = min(1.0, mark.x / most) if most else 0.0
    return LEFT + EDGE + share * WIDE, FLOOR - EDGE - mark.y * TALL


def scatter(marks: Sequence[Mark], title: str, across: str, up: str, most: float = 1.0) -> str:
    """Points over two shares, each exactly at its place; their numbers stand beside them.

    :param across: what the x axis counts.
    :param up: what the y axis counts.
    :param most: right end of the x axis.
    """
    parts = [text_at(4, 14, title, "start", "bold")]
    for share in TICKS:
        x, y = LEFT + EDGE + share * WIDE, FLOOR - EDGE - share * TALL
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="{SOFT}"/>')
        parts.append(f'<line x1="{x}" x2="{x}" y1="{TOP}" y2="{FLOOR}" stroke="{SOFT}"/>')
        parts.append(text_at(LEFT - 5, y + 4, f"{share:.0%}", "end"))
        parts.append(text_at(x, FLOOR + 14, f"{share * most:.0%}"))
    places = [place_of(mark, most) for mark in marks]
    tags = numbers_beside(places)
    for place, tag in zip(places, tags, strict=True):
        parts.append(
            f'<line class="pg-leader" x1="{place[0]:.1f}" y1="{place[1]:.1f}" x2="{tag[0]:.1f}" '
            f'y2="{tag[1]:.1f}" stroke="{BEFORE}"/>'
        )
    order = sorted(range(len(marks)), key=lambda number: not marks[number].square)
    parts += [_mark(marks[number], *places[number]) for number in order]  # round ones on top
    parts += [_number(number, *tag) for number, tag in enumerate(tags, 1)]
    parts += [text_at(WIDTH - RIGHT, FLOOR + 30, f"→ {across}", "end"), text_at(4, TOP + 6, f"↑ {up}", "start")]
    return svg(HEIGHT, "".join(parts), title)


def numbers_beside(places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Where the numbers of marks stand: the nearest free room within the frame, on no mark and on
    no other number, and between the same ticks as the mark."""
    tags: list[tuple[float, float]] = []
    for place in places:
        free = (
            (place[0] + right, place[1] + down)
            for right, down in _offsets()
            if _beside(place, right, down) and _clear((place[0] + right, place[1] + down), places, tags)
        )
        tags.append(next(free, place))
    return tags


@cache
def _offsets() -> list[tuple[int, int]]:
    """Steps away from a mark, the shortest first, and of those the ones to the right."""
    steps = range(-REACH, REACH + 1, STEP)
    far = [(right, down) for right in steps for down in steps if right**2 + down**2 >= TAG**2]
    return sorted(far, key=lambda step: (step[0] ** 2 + step[1] ** 2, -step[0], step[1]))


def _beside(place: tuple[float, float], right: float, down: float) -> bool:
    """Whether a step stays within the frame and crosses no tick that the mark is not on."""
    x, y = place[0] + right, place[1] + down
    if not (LEFT + 6 <= x <= WIDTH - RIGHT - 4 and TOP + 14 <= y <= FLOOR - 6):
        return False
    across = ((LEFT + EDGE + share * WIDE, place[0], x) for share in TICKS)
    upward = ((FLOOR - EDGE - share * TALL, place[1], y) for share in TICKS)
    return all(
        abs(before - tick) < 0.5 or (before - tick) * (after - tick) > 0 for tick, before, after in (*across, *upward)
    )


def _clear(
    spot: tuple[float, float], places: Sequence[tuple[float, float]], tags: Sequence[tuple[float, float]]
) -> bool:
    return all(abs(spot[0] - x) + abs(spot[1] - y) >= HALF + 8 for x, y in places) and all(
        abs(spot[0] - x) >= TAG or abs(spot[1] - y) >= TAG - 2 for x, y in tags
    )


def _mark(mark: Mark, x: float, y: float) -> str:
    hint = f"<title>{escape(mark.hint)}</title>"
    if mark.square:
        return (
            f'<rect x="{x - HALF:.1f}" y="{y - HALF:.1f}" width="{2 * HALF}" '
            f'height="{2 * HALF}" fill="{AFTER}">{hint}</rect>'
        )
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{HALF - 1}" fill="{INK}">{hint}</circle>'


def _number(number: int, x: float, y: float) -> str:
    """A number on white ground, so that no line runs through it."""
    return (
        f'<circle class="pg-tag" cx="{x:.1f}" cy="{y:.1f}" r="7" fill="white"/>'
        f"{text_at(x, y + 4, str(number), weight='bold')}"
    )
