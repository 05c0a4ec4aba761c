"""The plot of the fact lab: what each way does to the fact, and what to everything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from playground.lab.asking import Asked
from playground.lab.table import Row
from playground.lab.ways import IN_WEIGHTS
from playground.ui.charts import AFTER, BOTTOM, INK, LEFT, RIGHT, SOFT, TOP, WIDTH, svg, text_at
from playground.ui.lab_words import way_name
from playground.ui.text import say

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
            language, "lab_plot_point", way=way_name(row.way, language),
            benefit=f"{benefit:.0%}", harm=f"{harm:.0%}",
        )  # fmt: skip
        marks.append(Mark(harm, benefit, row.way in IN_WEIGHTS, hint))
    most = max(LEAST_RIGHT, *(mark.x for mark in marks))
    picture = scatter(
        marks, say(language, "lab_plot"), say(language, "lab_plot_right"),
        say(language, "lab_plot_up"), most,
    )  # fmt: skip
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
    """A point of a scatter, numbered; ``share`` x and y are 0 to 1.

    :param square: drawn so, where others are round.
    :param hint: what hovering says.
    """

    x: float
    y: float
    square: bool
    hint: str


def scatter(marks: Sequence[Mark], title: str, across: str, up: str, most: float = 1.0) -> str:
    """Numbered points over two shares; those that would cover one another stand side by side.

    :param across: what the x axis counts.
    :param up: what the y axis counts.
    :param most: right end of the x axis.
    """
    height, floor, radius = 270, 270 - BOTTOM - 14, 9
    wide, tall = WIDTH - LEFT - RIGHT - 2 * radius, floor - TOP - 2 * radius - 10
    parts = [text_at(4, 14, title, "start", "bold")]
    for share in (0, 0.5, 1):
        y = floor - radius - share * tall
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="{SOFT}"/>')
        parts.append(text_at(LEFT - 5, y + 4, f"{share:.0%}", "end"))
        x = LEFT + radius + share * wide
        parts.append(text_at(x, floor + 14, f"{share * most:.0%}"))
    taken: list[tuple[float, float]] = []
    for number, mark in enumerate(marks, 1):
        x = LEFT + radius + min(1.0, mark.x / most) * wide
        y = floor - radius - mark.y * tall
        while any(abs(x - a) < 2 * radius and abs(y - b) < 2 * radius for a, b in taken):
            x += 2 * radius + 1
            if x > WIDTH - radius:  # the row is full: on in the next one below
                x, y = LEFT + radius, y + 2 * radius + 1
        taken.append((x, y))
        parts.append(_numbered(number, mark, x, y, radius))
    parts += [
        text_at(WIDTH - RIGHT, floor + 30, f"→ {across}", "end"),
        text_at(4, TOP + 6, f"↑ {up}", "start"),
    ]
    return svg(height, "".join(parts), title)


def _numbered(number: int, mark: Mark, x: float, y: float, radius: float) -> str:
    place = f'fill="{AFTER if mark.square else INK}"'
    shape = (
        f'<rect x="{x - radius:.1f}" y="{y - radius:.1f}" width="{2 * radius}" '
        f'height="{2 * radius}" {place}>'
        if mark.square
        else f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" {place}>'
    )
    end = "</rect>" if mark.square else "</circle>"
    text = (
        f'<text x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle" style="fill:white">{number}</text>'
    )
    return f"{shape}<title>{escape(mark.hint)}</title>{end}{text}"
