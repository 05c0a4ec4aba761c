"""The flat map of a token and its surroundings, drawn; its neighbours can be pressed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from playground.engine.measuring.token_map import FlatMap, MapPoint
from playground.ui.parts.charts import BEFORE, WIDTH, pressed, shortened, svg, text_at
from playground.ui.parts.html import note, signed, tag
from playground.ui.parts.labels import Spot, beside, width_of
from playground.ui.text import say

HEIGHT = 400
FRAME = (4, 40, WIDTH - 4, HEIGHT - 26)  # left, top, right, bottom: labels stay within
EDGE = 24  # between the frame and the outermost marks
COLOURS = {"neighbours": "#4b5563", "before": "#2563af", "after": "#c25414"}
LABEL, LEGEND = 17, 15  # sizes of letters on a phone, where they are largest: see the style sheet
MOST_NAME = 18  # characters
HALF, FAR = 7, 15  # half of a mark's size; the gap from which on a line leads to a label


def draw_map(flat: FlatMap, language: str) -> Markup:
    """Neighbours as grey dots, the token before as a blue one, after as an orange diamond; a line that
    says so where a place is no number."""
    if not all(math.isfinite(point.x + point.y) for point in (flat.before, flat.after, *flat.others)):
        return note(say(language, "map_broken"), "warn")
    moved = (flat.after.x, flat.after.y) != (flat.before.x, flat.before.y)
    kinds = ["before", *(["after"] if moved else []), *["neighbours"] * len(flat.others)]
    points = [flat.before, *([flat.after] if moved else []), *flat.others]
    names = [signed(point.text, language) for point in points]
    short = [shortened(name, MOST_NAME) for name in names]
    sizes = [(width_of(name, LABEL) + 4, LABEL + 2.0) for name in short]
    places = _places(points)
    path = _between(*places[:2]) if moved else []
    spots = beside(places, sizes, HALF, FRAME, path)
    drawn = []
    for kind, point, name, label, position, spot in zip(kinds, points, names, short, places, spots, strict=True):
        text = tag("text", label, class_="pg-name", x=spot[0], y=spot[1] + 5, text_anchor="middle")
        inside, hint = [_mark(kind, *position), text], f"{name} ({point.id})"
        if kind == "neighbours":
            drawn.append(pressed(inside, position[0], position[1], hint, "go", id=point.id))
        else:
            hint = f"{say(language, f'map_{kind}')}: {hint}"
            drawn.append(tag("g", *inside, tag("title", hint), role="img", aria_label=hint))
    title, bracket, share = say(language, "map_title", share=f"{flat.kept * 100:.0f}").partition("(")
    leaders = [_leader(*where) for where in zip(places, spots, sizes, strict=True)]
    arrow = _arrow(*places[:2]) if moved else []
    head = text_at(4, 31, bracket + share, "start")
    own = len(points) - len(flat.others)  # drawn last, above the neighbours
    parts = [
        head,
        *leaders,
        *arrow,
        *drawn[own:],
        *reversed(drawn[:own]),
        *_legend(list(dict.fromkeys(kinds)), language),
    ]
    return svg(HEIGHT, title.strip(), parts, "group", "pg-map")


def _places(points: Sequence[MapPoint]) -> list[Spot]:
    """Where points are drawn: the outermost at the edges."""
    left, top, right, bottom = FRAME[0] + EDGE, FRAME[1] + EDGE, FRAME[2] - EDGE, FRAME[3] - EDGE
    low_x, high_x = min(point.x for point in points), max(point.x for point in points)
    low_y, high_y = min(point.y for point in points), max(point.y for point in points)

    def share(value: float, low: float, high: float) -> float:
        return (value - low) / (high - low) if high > low else 0.5

    return [
        (left + share(point.x, low_x, high_x) * (right - left), bottom - share(point.y, low_y, high_y) * (bottom - top))
        for point in points
    ]


def _between(start: Spot, end: Spot) -> list[Spot]:
    """Spots along a line, so closely that no label fits between two of them."""
    count = int(math.dist(start, end) / HALF)
    return [
        (start[0] + (end[0] - start[0]) * n / count, start[1] + (end[1] - start[1]) * n / count)
        for n in range(1, count)
    ]


def _mark(kind: str, x: float, y: float) -> Markup:
    if kind == "after":  # told apart by its shape too
        turned = f"rotate(45 {x:.1f} {y:.1f})"
        return tag("rect", x=x - 5, y=y - 5, width=10, height=10, fill=COLOURS[kind], transform=turned)
    return tag("circle", class_="pg-mark", cx=x, cy=y, r=5, fill=COLOURS[kind])


def _leader(mark: Spot, spot: Spot, size: Spot) -> Markup:
    """A line to a label that does not stand right beside its mark."""
    over = max(0.0, abs(spot[0] - mark[0]) - size[0] / 2)
    down = max(0.0, abs(spot[1] - mark[1]) - size[1] / 2)
    if math.hypot(over, down) < FAR:
        return Markup()
    return tag("line", x1=mark[0], y1=mark[1], x2=spot[0], y2=spot[1], stroke=BEFORE)


def _arrow(start: Spot, end: Spot) -> list[Markup]:
    """A line to the mark of what moved, with a head before it."""
    length = math.dist(start, end)
    if length < HALF:  # under the mark
        return []
    along = ((end[0] - start[0]) / length, (end[1] - start[1]) / length)
    tip = (end[0] - along[0] * HALF, end[1] - along[1] * HALF)
    look: dict[str, object] = {"stroke": COLOURS["after"], "stroke_width": 2}
    parts = [tag("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], **look)]
    for side in (-1, 1):
        back = (tip[0] - 9 * along[0] + side * 5 * along[1], tip[1] - 9 * along[1] - side * 5 * along[0])
        parts.append(tag("line", x1=tip[0], y1=tip[1], x2=back[0], y2=back[1], **look))
    return parts


def _legend(kinds: Sequence[str], language: str) -> list[Markup]:
    x, parts = 12.0, []
    for kind in sorted(kinds, key=list(COLOURS).index):
        name = say(language, f"map_{kind}")
        parts += [_mark(kind, x, HEIGHT - 13), text_at(x + 10, HEIGHT - 9, name, "start")]
        x += 32 + width_of(name, LEGEND)
    return parts
