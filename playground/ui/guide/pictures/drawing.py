"""What the pictures are drawn with: lines of text, boxes and arrows in the colours of assets/style.css.

A length is a unit of the picture's own, of which ``WIDTH`` fill its width: on a phone one is 0.83 pixels, so that
text of ``SIZE`` stays above 11. Looks are classes: ``pic-a`` and ``pic-b`` fill with the two colours, ``-soft`` with
a shade of them that text can stand on, ``pic-quiet`` with grey, ``pic-line`` draws a line.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from playground.ui.parts.html import tag

WIDTH, EDGE = 440, 10
SIZE, LINE = 14, 18  # of letters, and from one line to the next
DEEP = ("pic-a", "pic-b")  # looks on which letters are pale, or dark on the dark page
NARROW = " .,:;'|()[]ijlft-"


@dataclass(frozen=True)
class Drawing:
    """A picture's parts.

    :param values: what its texts are filled with.
    """

    height: int
    parts: Sequence[Markup]
    values: dict[str, object] = field(default_factory=dict)


def wide(text: str) -> float:
    """About how wide a line is, rather too much than too little."""
    shares = (0.98 if c > "\u2e80" else 0.36 if c in NARROW else 0.7 if c.isupper() else 0.61 for c in text)
    return SIZE * sum(shares)


def words(x: float, y: float, text: str, anchor: str = "start", look: str = "") -> Markup:
    """A line of text on its base line."""
    return tag("text", text, x=float(x), y=float(y), text_anchor=anchor, class_=look or None)


def broken(text: str, width: float) -> list[str]:
    """A text in lines of at most a width, broken between words."""
    lines = [""]
    for word in text.split(" "):  # not at spaces that hold together
        longer = f"{lines[-1]} {word}".strip()
        if wide(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def paragraph(x: float, y: float, text: str, width: float, anchor: str = "start", look: str = "") -> list[Markup]:
    """Lines of text one below the other, the first on base line ``y``."""
    return [words(x, y + LINE * n, line, anchor, look) for n, line in enumerate(broken(text, width))]


def box(x: float, y: float, width: float, height: float, look: str, **more: object) -> Markup:
    """A rectangle, its corners rounded unless ``rx`` is something else."""
    size = {"width": float(width), "height": float(height)}
    return tag("rect", x=float(x), y=float(y), **size, class_=look, **{"rx": 6} | more)


def named_box(x: float, y: float, width: float, height: float, text: str, look: str = "pic-quiet") -> list[Markup]:
    """A rectangle with a text in its middle."""
    lines = broken(text, width - 8)
    first, middle = y + height / 2 - (len(lines) - 1) * LINE / 2 + SIZE * 0.36, x + width / 2
    letters = "pic-on" if look in DEEP else ""
    return [
        box(x, y, width, height, look),
        *(words(middle, first + LINE * n, line, "middle", letters) for n, line in enumerate(lines)),
    ]


def stroke(x1: float, y1: float, x2: float, y2: float, look: str = "pic-line", **more: object) -> Markup:
    """A line."""
    return tag("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=look, **more)


def path(places: Sequence[tuple[float, float]], look: str = "pic-line", **more: object) -> Markup:
    """A line through places."""
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return tag("polyline", points=points, class_=look, fill="none", **more)


def arrow(x1: float, y1: float, x2: float, y2: float, look: str = "line") -> list[Markup]:
    """A line with a head at its end.

    :param look: its colour: ``line``, ``a`` or ``b``.
    """
    turn, head = math.atan2(y2 - y1, x2 - x1), 7
    corners = [(x2, y2)]
    corners += [(x2 - head * math.cos(turn + side), y2 - head * math.sin(turn + side)) for side in (0.45, -0.45)]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    back = head * 0.8
    end = (x2 - back * math.cos(turn), y2 - back * math.sin(turn))
    return [
        stroke(x1, y1, *end, "pic-line" if look == "line" else f"pic-line-{look}"),
        tag("polygon", points=points, class_=f"pic-{look}-head" if look == "line" else f"pic-{look}"),
    ]


def chips(
    x: float, y: float, texts: Sequence[str], below: Sequence[str] = (), look: str = "pic-a-soft"
) -> list[Markup]:
    """Pieces of text side by side from ``x`` on, each in its box, 26 high, and what stands below each."""
    parts = []
    for number, text in enumerate(texts):
        under = below[number] if below else ""
        width = max(wide(text), wide(under)) + 10
        parts += named_box(x, y, width, 26, text, look)
        if under:
            parts.append(words(x + width / 2, y + 42, under, "middle", "pic-soft"))
        x += width + 4
    return parts
