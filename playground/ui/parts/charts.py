"""Small charts as SVG: they need no library, follow the page's width and can be pressed.

Colours are fixed on a white ground, which the style sheet turns round in the dark as a whole, so that they keep their
contrast; what colour says is also said in words beside it or on hovering.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from playground.ui.parts.html import figure, tag

WIDTH = 440
LEFT, RIGHT, TOP, BOTTOM = 56, 10, 26, 30  # margins of a plot; 6 characters fit on the left
LEGEND = 20  # the height of a line that names curves
INK, SOFT, BEFORE, AFTER = "#1f2937", "#d1d5db", "#94a3b8", "#c2410c"
PALE, DEEP = (240, 253, 250), (17, 94, 89)  # ends of the heat map's scale
MOST_NAME = 26  # characters of the name of a bar
MOST_LEVELS = 40  # that are drawn one by one


@dataclass(frozen=True)
class ChartPoint:
    """One point of a line: what stands under it, its height, and what hovering says."""

    label: str
    value: float
    hint: str


def svg(height: int, title: str, parts: Sequence[Markup], role: str = "img", look: str = "") -> Markup:
    """A picture of the usual width on white ground, under its title.

    :param look: a class besides ``pg-chart``.
    """
    return tag(
        "svg",
        tag("rect", width=WIDTH, height=height, fill="white"),
        text_at(4, 14, title, "start", "bold"),
        *parts,
        class_=f"pg-chart {look}".strip(),
        viewBox=f"0 0 {WIDTH} {height}",
        role=role,
        aria_label=title,
    )


def text_at(x: float, y: float, text: str, anchor: str = "middle", weight: str = "") -> Markup:
    """A line of text."""
    bold = "600" if weight else None
    return tag("text", text, x=float(x), y=float(y), text_anchor=anchor, font_weight=bold)


def pressed(inside: Sequence[Markup], x: float, y: float, hint: str, do: str, **data: object) -> Markup:
    """A mark at a place that is pressed with a finger or by keyboard, and sends ``data-do``.

    :param hint: what it is called, and what hovering says.
    """
    values = {f"data_{key}": value for key, value in {"do": do, **data}.items()}
    target = tag("circle", cx=x, cy=y, r=12, fill="transparent")
    title = tag("title", hint)
    return tag("g", target, *inside, title, class_="pg-dot", role="button", tabindex=0, **values, aria_label=hint)


def line_chart(points: Sequence[ChartPoint], title: str, log: bool = False, press: str = "") -> Markup:
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
    parts = _rules(floor, TOP, lambda share: 10 ** (low + share * span) if log else low + share * span)
    parts.append(_path(places, BEFORE, 1.5))
    for number, (point, (x, y)) in enumerate(zip(points, places, strict=True)):
        parts.append(_dot(number, point, x, y, press))
        lift = 12 if len(points) > 7 and number % 2 else 0  # neighbouring names share no line
        parts.append(text_at(x, floor + 12 + lift, point.label))
    return svg(height, title, parts, "group" if press else "img")


def _scaled(value: float, log: bool) -> float:
    return math.log10(max(value, 1e-9)) if log else value


def _rules(floor: float, top: float, value: Callable[[float], float]) -> list[Markup]:
    """Lines at the ends and in the middle of a plot's height, with what they stand for."""
    parts = []
    for share in (0, 0.5, 1):
        y = floor - share * (floor - top)
        parts.append(tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, stroke=SOFT))
        parts.append(text_at(LEFT - 5, y + 4, _short(value(share)), "end"))
    return parts


def _path(places: Sequence[tuple[float, float]], colour: str, thick: float) -> Markup:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return tag("polyline", points=path, fill="none", stroke=colour, stroke_width=thick)


def _dot(number: int, point: ChartPoint, x: float, y: float, press: str) -> Markup:
    if not press:
        return tag("circle", tag("title", point.hint), cx=x, cy=y, r=3.5, fill=AFTER)
    return pressed(
        [tag("circle", class_="pg-mark", cx=x, cy=y, r=5, fill=AFTER)], x, y, point.hint, press, place=number
    )


def _short(value: float) -> str:
    """A number beside a scale, in six characters at most."""
    size = abs(value)
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
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


def bars(rows: Sequence[Bar], title: str) -> Markup:
    """Horizontal bars, one below the other."""
    names = [shortened(bar.name, MOST_NAME) for bar in rows]
    longest = max((len(name) for name in names), default=0)
    left, row = min(200, max(110, 12 + 7 * longest)), 26
    parts = []
    for number, bar in enumerate(rows):
        y = TOP + number * row
        long = max(0.0, min(1.0, bar.share)) * (WIDTH - left - 60)
        parts.append(text_at(left - 8, y + 14, names[number], "end"))
        parts.append(tag("rect", x=left, y=y, width=long, height=row - 8, fill=BEFORE))
        parts.append(text_at(left + long + 6, y + 14, bar.figure, "start"))
    return svg(TOP + len(rows) * row + 6, title, parts)


def shortened(name: str, most: int) -> str:
    """A name of so many characters: what is left out runs over no edge."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def heat_map(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Sequence[Sequence[float | None]],
    title: str,
    hints: Sequence[Sequence[str]],
    scale: str,
) -> Markup:
    """A table of colours: the deeper, the larger; an empty cell is struck through.

    :param hints: what hovering says of each cell.
    :param scale: what the deepest colour means.
    """
    left, top, cell_height = 96, 24, 18
    width = (WIDTH - left - 6) / max(1, len(columns))
    most = max((cell for row in cells for cell in row if cell is not None), default=0) or 1.0
    parts = []
    for down, (name, row) in enumerate(zip(rows, cells, strict=True)):
        y = top + down * cell_height
        parts.append(text_at(left - 6, y + 13, name, "end"))
        for over, cell in enumerate(row):
            share = None if cell is None else cell / most
            parts += _cell(left + over * width, y, width, cell_height, share, hints[down][over])
    foot = top + len(rows) * cell_height
    every = max(1, math.ceil(len(columns) * 14 / (WIDTH - left)))
    for over, name in enumerate(columns):
        if over % every == 0:
            parts.append(text_at(left + (over + 0.5) * width, foot + 12, name))
    for step in range(24):
        parts.append(tag("rect", x=left + step * 4, y=foot + 20, width=4, height=9, fill=_shade(step / 23)))
    parts.append(text_at(left - 6, foot + 28, "0", "end"))
    parts.append(text_at(left + 102, foot + 28, scale, "start"))
    return svg(foot + 36, title, parts)


def _cell(x: float, y: int, width: float, height: int, share: float | None, hint: str) -> list[Markup]:
    fill = "#ffffff" if share is None else _shade(share)
    size: dict[str, object] = {"width": width - 0.6, "height": height - 1, "fill": fill}
    parts = [tag("rect", tag("title", hint), x=x, y=y, **size, stroke=SOFT, stroke_width=0.3)]
    if share is None:
        parts.append(tag("line", x1=x, y1=y + height - 2, x2=x + width, y2=y, stroke=INK))
    return parts


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
    sides: tuple[str, str],
) -> Markup:
    """Weights before rounding as bars upward, and after it as stems downward from their levels.

    :param sides: names of the bars and of the stems.
    """
    above, below = sides
    middle, up, down = 118, 84, 70
    low, high = edges[0], edges[-1]

    def across(value: float) -> float:
        return 10 + (value - low) / ((high - low) or 1.0) * (WIDTH - 20)

    def upright(value: float, start: float, end: float, *inside: Markup, **look: object) -> Markup:
        return tag("line", *inside, x1=across(value), x2=across(value), y1=start, y2=end, **look)

    few, most_before, most_after = len(levels) <= MOST_LEVELS, max([*before, 1]), max([*after, 1])
    parts = [text_at(4, 30, above, "start")]
    if few:  # behind the bars
        parts += [upright(level, middle - up, middle, stroke=SOFT, stroke_width=0.7) for level in levels]
    for count, start, end in zip(before, edges[:-1], edges[1:], strict=True):
        tall, wide = count / most_before * up, across(end) - across(start)
        size: dict[str, object] = {"width": max(0.5, wide - 0.5), "height": tall}
        parts.append(tag("rect", x=across(start), y=middle - tall, **size, fill=BEFORE))
    for level, count in zip(levels, after, strict=True):
        hint, tall = tag("title", f"{figure(level)}: {count}"), count / most_after * down
        parts.append(upright(level, middle, middle + 4 + tall, hint, stroke=AFTER, stroke_width=3 if few else 1))
    parts.append(tag("line", x1=8, x2=WIDTH - 8, y1=middle, y2=middle, stroke=INK))
    for value, anchor in ((low, "start"), (0.0, "middle"), (high, "end")):
        if low <= value <= high:
            parts.append(text_at(across(value), middle + down + 20, figure(value), anchor))
    parts.append(text_at(4, middle + down + 38, below, "start"))
    return svg(middle + down + 48, title, parts)


@dataclass(frozen=True)
class Curve:
    """A named line through (x, y) points."""

    name: str
    points: Sequence[tuple[float, float]]


def curves(lines: Sequence[Curve], title: str, most: float, height: int = 210) -> Markup:
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

    parts = _rules(floor, top, lambda share: low + share * span)
    for number, line in enumerate(lines):
        colour, thick = ((BEFORE, 1.2), (AFTER, 2.2))[number % 2]
        parts.append(_path([(across(x), down(y)) for x, y in line.points], colour, thick))
        if number % 2:
            parts += [
                tag("circle", tag("title", f"{x:.0f}: {figure(y)}"), cx=across(x), cy=down(y), r=3, fill=colour)
                for x, y in line.points
            ]
        if len(lines) > 1:
            mark, x = ("● ", WIDTH / 2) if number % 2 else ("— ", LEFT)
            parts.append(text_at(x, 14 + LEGEND, mark + line.name, "start"))
    parts += [text_at(across(0), floor + 14, "0"), text_at(across(most), floor + 14, f"{most:.0f}", "end")]
    return svg(height, title, parts)


def to_scale(rows: int, columns: int, rank: int, title: str) -> Markup:
    """A matrix and the two thin ones beside it, all to one scale."""
    scale = 120 / max(rows, columns)
    height, width, thin = rows * scale, columns * scale, max(0.8, rank * scale)
    top, left = 34.0, 10.0
    up, down = left + width + 60, left + width + 60 + thin + 14
    return svg(
        int(top + height + 24),
        title,
        [
            tag("rect", x=left, y=top, width=width, height=height, fill=BEFORE),
            text_at(left + width / 2, top + height / 2 + 4, f"W: {rows} x {columns}"),
            text_at(left + width + 30, top + height / 2 + 4, "+"),
            tag("rect", x=up, y=top, width=thin, height=height, fill=AFTER),
            tag("rect", x=down, y=top, width=width, height=thin, fill=AFTER),
            text_at(up, top + height + 14, f"B: {rows} x {rank}"),
            text_at(down, top + thin + 16, f"A: {rank} x {columns}", "start"),
        ],
    )
