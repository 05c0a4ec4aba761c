"""Small charts as SVG: they need no library, follow the page's width and can be pressed.

Every text is escaped here. Colours are fixed on a white ground, so that they keep their contrast
in dark mode too; what colour says is also said in words beside it or on hovering.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from playground.ui.parts.html import figure

WIDTH = 440
LEFT, RIGHT, TOP, BOTTOM = 56, 10, 26, 30  # margins of a plot; 6 characters fit on the left
LEGEND = 20  # the height of a line that names curves
INK, SOFT, BEFORE, AFTER = "#1f2937", "#d1d5db", "#94a3b8", "#c2410c"
PALE, DEEP = (240, 253, 250), (17, 94, 89)  # ends of the heat map's scale
MOST_NAME = 26  # characters of the name of a bar
MOST_LEVELS = 40  # that are drawn one by one


@dataclass(frozen=True)
class Point:
    """One point of a line: what stands under it, its height, and what hovering says."""

    label: str
    value: float
    hint: str


def svg(height: int, body: str, title: str, role: str = "img") -> str:
    """A picture of the usual width on white ground.

    :param body: HTML; what is said in it was escaped before.
    """
    return (
        f'<svg class="pg-chart" viewBox="0 0 {WIDTH} {height}" role="{role}" '
        f'aria-label="{escape(title)}"><rect width="{WIDTH}" height="{height}" fill="white"/>'
        f"{body}</svg>"
    )


def text_at(x: float, y: float, text: str, anchor: str = "middle", weight: str = "") -> str:
    """A line of text, escaped."""
    bold = ' font-weight="600"' if weight else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{bold}>{escape(text)}</text>'


def line_chart(points: Sequence[Point], title: str, log: bool = False, press: str = "") -> str:
    """Values from left to right.

    :param log: a logarithmic height, for what grows by factors.
    :param press: the ``data-do`` that pressing a point sends, with its ``data-place``.
    """
    height, floor = 210, 210 - BOTTOM
    values = [_scaled(point.value, log) for point in points]
    low, high = min(values), max(values)
    low = low if log else min(0.0, low)
    span = (high - low) or 1.0
    across = (WIDTH - LEFT - RIGHT) / max(1, len(points) - 1)
    places = [(LEFT + across * n, floor - (value - low) / span * (floor - TOP)) for n, value in enumerate(values)]
    parts = [text_at(4, 14, title, "start", "bold")]
    for share in (0, 0.5, 1):
        y, value = floor - share * (floor - TOP), low + share * span
        shown = 10**value if log else value
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="{SOFT}"/>')
        parts.append(text_at(LEFT - 5, y + 4, _short(shown), "end"))
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    parts.append(f'<polyline points="{path}" fill="none" stroke="{BEFORE}" stroke-width="1.5"/>')
    for place, (point, (x, y)) in enumerate(zip(points, places, strict=True)):
        parts.append(_dot(place, point, x, y, press))
        lift = 12 if len(points) > 7 and place % 2 else 0  # neighbouring names share no line
        parts.append(text_at(x, floor + 12 + lift, point.label))
    return svg(height, "".join(parts), title, "group" if press else "img")


def _scaled(value: float, log: bool) -> float:
    return math.log10(max(value, 1e-9)) if log else value


def _dot(place: int, point: Point, x: float, y: float, press: str) -> str:
    hint = f"<title>{escape(point.hint)}</title>"
    if not press:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{AFTER}">{hint}</circle>'
    return (
        f'<g class="pg-dot" role="button" tabindex="0" data-do="{escape(press)}" '
        f'data-place="{place}" aria-label="{escape(point.hint)}">'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="12" fill="transparent"/>'
        f'<circle class="pg-mark" cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{AFTER}"/>{hint}</g>'
    )


def _short(value: float) -> str:
    """A number beside a scale, in six characters at most."""
    size = abs(value)
    if size >= 10_000 or 0 < size < 0.001:
        text = f"{value:.0e}" if size >= 10_000 or value < 0 else f"{value:.1e}"
        digits, _, power = text.partition("e")
        return f"{digits.removesuffix('.0')}e{int(power)}"
    return f"{value:.0f}" if size >= 1000 else figure(value, 2 if size < 0.01 else 3)


@dataclass(frozen=True)
class Bar:
    """A named bar with its figure; ``share`` is its length, 0 to 1."""

    name: str
    share: float
    figure: str


def bars(found: Sequence[Bar], title: str) -> str:
    """Horizontal bars, one below the other."""
    names = [_shortened(one.name) for one in found]
    longest = max((len(name) for name in names), default=0)
    left, row = min(200, max(110, 12 + 7 * longest)), 26
    parts = [text_at(4, 14, title, "start", "bold")]
    for place, one in enumerate(found):
        y = TOP + place * row
        long = max(0.0, min(1.0, one.share)) * (WIDTH - left - 60)
        parts.append(text_at(left - 8, y + 14, names[place], "end"))
        parts.append(f'<rect x="{left}" y="{y}" width="{long:.1f}" height="{row - 8}" fill="{BEFORE}"/>')
        parts.append(text_at(left + long + 6, y + 14, one.figure, "start"))
    return svg(TOP + len(found) * row + 6, "".join(parts), title)


def _shortened(name: str) -> str:
    """A name that fits beside its bar: what is left out runs over no edge."""
    return name if len(name) <= MOST_NAME else f"{name[: MOST_NAME - 1]}…"


def heat_map(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Sequence[Sequence[float | None]],
    title: str,
    hints: Sequence[Sequence[str]],
    scale: str,
) -> str:
    """A table of colours: the deeper, the larger; an empty cell is struck through.

    :param hints: what hovering says of each cell.
    :param scale: what the deepest colour means.
    """
    left, cell_height = 96, 18
    width = (WIDTH - left - 6) / max(1, len(columns))
    most = max((cell for row in cells for cell in row if cell is not None), default=0) or 1.0
    parts = [text_at(4, 14, title, "start", "bold")]
    for down, (name, row) in enumerate(zip(rows, cells, strict=True)):
        y = 24 + down * cell_height
        parts.append(text_at(left - 6, y + 13, name, "end"))
        for over, cell in enumerate(row):
            x = left + over * width
            hint = f"<title>{escape(hints[down][over])}</title>"
            fill = "#ffffff" if cell is None else _shade(cell / most)
            parts.append(
                f'<rect x="{x:.1f}" y="{y}" width="{width - 0.6:.1f}" height="{cell_height - 1}" '
                f'fill="{fill}" stroke="{SOFT}" stroke-width="0.3">{hint}</rect>'
            )
            if cell is None:
                end = f'x2="{x + width:.1f}" y2="{y}"'
                parts.append(f'<line x1="{x:.1f}" y1="{y + 16}" {end} stroke="{INK}"/>')
    foot = 24 + len(rows) * cell_height
    every = max(1, math.ceil(len(columns) * 14 / (WIDTH - left)))
    for over, name in enumerate(columns):
        if over % every == 0:
            parts.append(text_at(left + (over + 0.5) * width, foot + 12, name))
    for step in range(24):
        parts.append(f'<rect x="{left + step * 4}" y="{foot + 20}" width="4" height="9" fill="{_shade(step / 23)}"/>')
    parts.append(text_at(left - 6, foot + 28, "0", "end"))
    parts.append(text_at(left + 102, foot + 28, scale, "start"))
    return svg(foot + 36, "".join(parts), title)


def _shade(share: float) -> str:
    share = min(1.0, max(0.0, share)) ** 0.7
    channels = (round(a + (b - a) * share) for a, b in zip(PALE, DEEP, strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in channels)


def histogram(
    edges: Sequence[float],
    before: Sequence[int],
    levels: Sequence[float],
    after: Sequence[int],
    title: str,
    above: str,
    below: str,
) -> str:
    """Weights before rounding as bars upward, and after it as stems downward from their levels.

    :param above: names the bars.
    :param below: names the stems.
    """
    middle, up, down = 118, 84, 70
    low, high = edges[0], edges[-1]

    def across(value: float) -> float:
        return 10 + (value - low) / ((high - low) or 1.0) * (WIDTH - 20)

    most_before, most_after = max([*before, 1]), max([*after, 1])
    parts = [text_at(4, 14, title, "start", "bold"), text_at(4, 30, above, "start")]
    for level in levels if len(levels) <= MOST_LEVELS else ():  # behind the bars
        x = across(level)
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{middle - up}" y2="{middle}" stroke="{SOFT}" stroke-width="0.7"/>'
        )
    for count, start, end in zip(before, edges[:-1], edges[1:], strict=True):
        tall = count / most_before * up
        x, wide = across(start), across(end) - across(start)
        parts.append(
            f'<rect x="{x:.1f}" y="{middle - tall:.1f}" width="{max(0.5, wide - 0.5):.1f}" '
            f'height="{tall:.1f}" fill="{BEFORE}"/>'
        )
    thick = 3 if len(levels) <= MOST_LEVELS else 1
    for level, count in zip(levels, after, strict=True):
        x, tall = across(level), count / most_after * down
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{middle}" y2="{middle + 4 + tall:.1f}" '
            f'stroke="{AFTER}" stroke-width="{thick}">'
            f"<title>{figure(level)}: {count}</title></line>"
        )
    parts.append(f'<line x1="8" x2="{WIDTH - 8}" y1="{middle}" y2="{middle}" stroke="{INK}"/>')
    for value, anchor in ((low, "start"), (0.0, "middle"), (high, "end")):
        if low <= value <= high:
            parts.append(text_at(across(value), middle + down + 20, figure(value), anchor))
    parts.append(text_at(4, middle + down + 38, below, "start"))
    return svg(middle + down + 48, "".join(parts), title)


@dataclass(frozen=True)
class Curve:
    """A named line through (x, y) points."""

    name: str
    points: Sequence[tuple[float, float]]


def curves(lines: Sequence[Curve], title: str, most: float, height: int = 210) -> str:
    """Up to two lines over steps 0 to ``most``: the first thin with no marks, the second thick
    with a dot at each point, so that they differ by more than colour. Their names stand in a line
    of their own, above all that is drawn."""
    top = TOP + (LEGEND if len(lines) > 1 else 0)
    height += top - TOP
    floor = height - BOTTOM
    values = [y for line in lines for _, y in line.points] or [0.0]
    low, high = min(0.0, *values), max(values)
    span = (high - low) or 1.0

    def across(x: float) -> float:
        return LEFT + x / max(1.0, most) * (WIDTH - LEFT - RIGHT)

    def down(y: float) -> float:
        return floor - (y - low) / span * (floor - top)

    parts = [text_at(4, 14, title, "start", "bold")]
    for share in (0, 0.5, 1):
        y = floor - share * (floor - top)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="{SOFT}"/>')
        parts.append(text_at(LEFT - 5, y + 4, _short(low + share * span), "end"))
    for place, line in enumerate(lines):
        colour, thick = ((BEFORE, 1.2), (AFTER, 2.2))[place % 2]
        path = " ".join(f"{across(x):.1f},{down(y):.1f}" for x, y in line.points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{thick}"/>')
        if place % 2:
            parts += [
                f'<circle cx="{across(x):.1f}" cy="{down(y):.1f}" r="3" fill="{colour}">'
                f"<title>{x:.0f}: {figure(y)}</title></circle>"
                for x, y in line.points
            ]
        if len(lines) > 1:
            mark, x = ("● ", WIDTH / 2) if place % 2 else ("— ", LEFT)
            parts.append(text_at(x, 14 + LEGEND, mark + line.name, "start"))
    parts += [text_at(across(0), floor + 14, "0"), text_at(across(most), floor + 14, f"{most:.0f}", "end")]
    return svg(height, "".join(parts), title)


def to_scale(rows: int, columns: int, rank: int, title: str) -> str:
    """A matrix and the two thin ones beside it, all to one scale."""
    scale = 120 / max(rows, columns)
    height, width, thin = rows * scale, columns * scale, max(0.8, rank * scale)
    top, left = 34.0, 10.0
    up, down = left + width + 60, left + width + 60 + thin + 14

    def box(x: float, y: float, wide: float, tall: float, fill: str) -> str:
        return f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}" fill="{fill}"/>'

    parts = [
        text_at(4, 14, title, "start", "bold"),
        box(left, top, width, height, BEFORE),
        text_at(left + width / 2, top + height / 2 + 4, f"W: {rows} x {columns}"),
        text_at(left + width + 30, top + height / 2 + 4, "+"),
        box(up, top, thin, height, AFTER),
        box(down, top, width, thin, AFTER),
        text_at(up, top + height + 14, f"B: {rows} x {rank}"),
        text_at(down, top + thin + 16, f"A: {rank} x {columns}", "start"),
    ]
    return svg(int(top + height + 24), "".join(parts), title)
