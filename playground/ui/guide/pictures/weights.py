"""Pictures of how weights are held and changed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from playground.ui.guide.pictures.drawing import (
    EDGE,
    WIDTH,
    Drawing,
    arrow,
    box,
    broken,
    named_box,
    paragraph,
    path,
    stroke,
    wide,
    words,
)
from playground.ui.guide.pictures.registry import picture
from playground.ui.parts.html import figure, tag
from playground.ui.text import say

GRID = 8
# An example's weights, spread over -50 to 50
EXAMPLE = [
    [(37 * row * row + 61 * column + 17 * row * column * column + 11) % 101 - 50 for column in range(GRID)]
    for row in range(GRID)
]
# Real weights, each divided by the largest of its 64: how many there are from -1 to 1, the most being 100
COUNTS: tuple[int, ...] = (19, 4, 10, 8, 13, 14, 18, 25, 26, 32, 42, 45, 55, 61, 69, 79, 85, 91, 97, 97)
COUNTS += (100, 95, 91, 84, 78, 70, 63, 54, 46, 38, 35, 26, 25, 18, 14, 14, 8, 10, 4, 19)
INT4 = tuple(code / 7 for code in range(-7, 8))
NF4: tuple[float, ...] = (-1.0, -0.6962, -0.5251, -0.3949, -0.2844, -0.1848, -0.0911, 0.0)
NF4 += (0.0796, 0.1609, 0.2461, 0.3379, 0.4407, 0.5626, 0.7230, 1.0)
# Bits of the sign, of the exponent and of the fraction; of whole numbers all are one
FORMATS: dict[str, tuple[int, ...]] = {
    "float32": (1, 8, 23),
    "bfloat16": (1, 8, 7),
    "float16": (1, 5, 10),
    "fp8 e4m3": (1, 4, 3),
    "int8": (8,),
    "int4": (4,),
}
OUT, IN = 576, 1536  # of a down matrix of SmolLM2-135M
# The changes of one weight in three models, each language's chapter's own example
CHANGES = {"en": (3, 2, -1), "ko": (3, 1, -2)}


def lowest(sizes: Sequence[float], count: int) -> set[int]:
    """The places of so many smallest ones."""
    return set(sorted(range(len(sizes)), key=lambda at: sizes[at])[:count])


def removed() -> dict[str, set[tuple[int, int]]]:
    """The half of the example's weights that goes: row and column."""
    sizes = [[abs(weight) for weight in row] for row in EXAMPLE]
    flat = lowest([size for row in sizes for size in row], GRID * GRID // 2)
    rows = lowest([sum(size * size for size in row) for row in sizes], GRID // 2)
    fours = {
        (row, start + at)
        for row in range(GRID)
        for start in range(0, GRID, 4)
        for at in lowest(sizes[row][start : start + 4], 2)
    }
    return {
        "single": {divmod(at, GRID) for at in flat},
        "fours": fours,
        "rows": {(row, column) for row in rows for column in range(GRID)},
    }


@picture("pruned", "pruning")
def pruned(language: str) -> Drawing:
    """Half of the same weights removed in three ways."""
    cell, step = 15, 150
    names = [say(language, key) for key in ("figure_pruned_single", "figure_pruned_fours", "figure_pruned_rows")]
    parts: list[Markup] = []
    for panel, (name, gone) in enumerate(zip(names, removed().values(), strict=True)):
        left = EDGE + panel * step
        for row in range(GRID):
            for column in range(GRID):
                x, y = left + column * cell, 12 + row * cell
                if (row, column) in gone:
                    parts.append(box(x + 1, y + 1, cell - 2, cell - 2, "pic-hollow", rx=1))
                else:
                    depth = 0.3 + 0.7 * abs(EXAMPLE[row][column]) / 50
                    parts.append(box(x + 1, y + 1, cell - 2, cell - 2, "pic-a", rx=1, fill_opacity=f"{depth:.2f}"))
        if panel == 1:
            parts.append(stroke(left + 4 * cell, 10, left + 4 * cell, 14 + GRID * cell, "pic-line-b"))
        parts += paragraph(left + GRID * cell / 2, 12 + GRID * cell + 20, name, 140, "middle")
    lines = max(len(broken(name, 140)) for name in names)
    return Drawing(12 + GRID * cell + 12 + 18 * lines, parts, {"n": GRID * GRID // 2, "of": GRID * GRID})


@picture("levels", "quantization", "few-levels")
def levels(language: str) -> Drawing:
    """Real weights, and the levels of two formats of four bits below them."""
    left, right, floor, high = 20, WIDTH - 20, 120, 84

    def across(value: float) -> float:
        return left + (value + 1) / 2 * (right - left)

    wide_bar = (right - left) / len(COUNTS)
    parts = [words(EDGE, 22, say(language, "figure_levels_weights"), look="pic-bold")]
    for at, count in enumerate(COUNTS):
        tall = high * count / 100
        parts.append(box(left + at * wide_bar + 0.5, floor - tall, wide_bar - 1, tall, "pic-line-fill", rx=0))
    rows = (("pic-line-a", INT4, "int4"), ("pic-line-b", NF4, "nf4"))
    for number, (look, places, name) in enumerate(rows):
        y = 156 + 60 * number
        parts.append(stroke(left, y, right, y))
        parts += [stroke(across(place), y - 12, across(place), y + 12, look) for place in places]
        told = say(language, "figure_levels_even" if name == "int4" else "figure_levels_dense", n=len(places))
        parts.append(words(WIDTH / 2, y + 32, told, "middle"))
    parts += [words(across(value), 138, f"{value:g}", "middle", "pic-soft") for value in (-1, 0, 1)]
    step = f"{1 / 7:.3f}"
    return Drawing(260, parts, {"even": len(INT4), "dense": len(NF4), "step": step})


@picture("formats", "number-formats")
def formats(language: str) -> Drawing:
    """The bits of some formats, to one scale."""
    left, bit, step = 94, 10.5, 34
    floats, whole = ("pic-line-fill", "pic-b", "pic-a"), ("pic-quiet",)
    parts: list[Markup] = []
    for number, (name, bits) in enumerate(FORMATS.items()):
        y, x = 10 + step * number, float(left)
        parts.append(words(EDGE, y + 18, name, look="pic-bold"))
        for count, look in zip(bits, floats if len(bits) > 1 else whole, strict=True):
            parts.append(box(x + 0.5, y, count * bit - 1, 26, look, rx=2))
            middle, room = x + count * bit / 2, wide(str(count)) / 2 + 3 if count > 1 else 0
            borders = (x + bit * n for n in range(1, count))
            parts += [stroke(at, y + 3, at, y + 23, "pic-split") for at in borders if abs(at - middle) > room]
            if count > 1:
                parts.append(words(middle, y + 18, str(count), "middle", "" if look == "pic-quiet" else "pic-on"))
            x += count * bit
    y, x = 10 + step * len(FORMATS) + 6, float(EDGE)
    names = [
        say(language, key)
        for key in ("figure_formats_sign", "figure_formats_exponent", "figure_formats_fraction", "figure_formats_whole")
    ]
    for name, look in zip(names, (*floats, *whole), strict=True):
        parts += [box(x, y, 14, 14, look, rx=2), words(x + 20, y + 12, name)]
        x += 20 + wide(name) + 14
    said = "; ".join(f"{name} {' + '.join(map(str, bits))}" for name, bits in FORMATS.items())
    return Drawing(y + 26, parts, {"list": said})


@picture("rome", "fact-editing")
def rome(language: str) -> Drawing:
    """The one matrix that a fact is written into, to scale, between its key and its value."""
    scale, left, top = 1 / 6.4, EDGE, 94.0
    width, height = IN * scale, OUT * scale
    right = left + width + 14
    room = WIDTH - EDGE - right - 16
    parts = [
        *named_box(left, 10, width, 28, say(language, "figure_rome_subject"), "pic-quiet"),
        *arrow(left + width / 2, 40, left + width / 2, 56),
        words(left + width / 2 + 12, 54, say(language, "figure_rome_key", n=f"{IN:,}")),
        box(left, 68, width, 10, "pic-b", rx=1),
        box(left, top, width, height, "pic-a-soft", rx=0),
        words(left + width / 2, top + height / 2 - 4, f"{OUT} × {IN:,}", "middle", "pic-bold"),
        words(left + width / 2, top + height / 2 + 16, say(language, "figure_rome_matrix"), "middle"),
        box(right, top, 10, height, "pic-b", rx=1),
        *paragraph(right + 18, top + 16, say(language, "figure_rome_value", n=OUT), room),
        *paragraph(right + 18, top + 66, say(language, "figure_rome_answer"), room),
    ]
    foot = top + height + 26
    told = say(language, "figure_rome_change", n=f"{OUT + IN:,}", all=f"{OUT * IN:,}")
    parts += paragraph(EDGE, foot, told, WIDTH - 2 * EDGE)
    height_all = int(foot + 18 * len(broken(told, WIDTH - 2 * EDGE)) - 6)
    return Drawing(height_all, parts, {"key": f"{IN:,}", "value": OUT, "n": f"{OUT + IN:,}", "all": f"{OUT * IN:,}"})


@picture("arc", "merging")
def arc(language: str) -> Drawing:
    """Half the way between two vectors, along a straight line and along an arc."""
    long, x, y = 190.0, 40.0, 222.0
    turn = math.pi / 4
    around = [(x + long * math.cos(n * math.pi / 48), y - long * math.sin(n * math.pi / 48)) for n in range(25)]
    straight = (x + long / 2, y - long / 2)
    bent = (x + long * math.cos(turn), y - long * math.sin(turn))
    short = f"{math.hypot(0.5, 0.5):.3f}"
    parts = [
        path(around, "pic-line-b"),
        stroke(x + long, y, x, y - long, "pic-line-a"),
        *arrow(x, y, x + long, y),
        *arrow(x, y, x, y - long),
        stroke(x, y, *bent, stroke_dasharray="3 4"),
        tag("circle", cx=straight[0], cy=straight[1], r=5, class_="pic-a"),
        tag("circle", cx=bent[0], cy=bent[1], r=5, class_="pic-b"),
        words(x + long + 8, y + 5, say(language, "figure_arc_first")),
        words(x + 4, y - long - 12, say(language, "figure_arc_second")),
        *paragraph(bent[0] + 14, bent[1], say(language, "figure_arc_slerp", n=1), WIDTH - EDGE - bent[0] - 14),
        stroke(straight[0] + 8, straight[1] + 4, straight[0] + 122, straight[1] + 22),
        *paragraph(straight[0] + 128, straight[1] + 27, say(language, "figure_arc_linear", n=short), 150),
    ]
    return Drawing(236, parts, {"n": short})


def elected(changes: Sequence[float]) -> tuple[float, float]:
    """The plain average of the changes, and the average of those with the sign that their sum has."""
    sign = math.copysign(1, sum(changes))
    same = [change for change in changes if change * sign > 0]
    return sum(changes) / len(changes), sum(same) / len(same)


@picture("ties", "task-vectors")
def ties(language: str) -> Drawing:
    """Three models' changes of one weight, their average, and what TIES makes of them."""
    changes = CHANGES.get(language, CHANGES["en"])
    average, kept = elected(changes)
    names = [say(language, "figure_ties_model", n=number) for number in (1, 2, 3)]
    names += [say(language, "figure_ties_average"), "TIES"]
    unit, zero, step, thick = 32, 128, 84, 46
    parts = [stroke(EDGE, zero, WIDTH - EDGE, zero)]
    for number, (name, value) in enumerate(zip(names, (*changes, average, kept), strict=True)):
        middle = EDGE + step * (number + 0.5)
        look = "pic-hollow" if value < 0 else ("pic-line-fill", "pic-b", "pic-a")[max(0, number - 2)]
        tall = abs(value) * unit
        parts.append(box(middle - thick / 2, zero - max(0, value * unit), thick, tall, look, rx=2))
        y = zero - value * unit - 8 if value > 0 else zero + tall + 18
        shown = f"{value:+g}" if number < 3 else figure(value, 3)
        parts.append(words(middle, y, shown, "middle", "pic-bold"))
        parts.append(words(middle, zero + 108, name, "middle"))
    parts.append(stroke(EDGE + 3 * step, 16, EDGE + 3 * step, zero + 112, stroke_dasharray="3 4"))
    values: dict[str, object] = {"list": ", ".join(f"{change:+g}" for change in changes), "kept": figure(kept, 3)}
    return Drawing(zero + 120, parts, values | {"average": figure(average, 3), "out": f"{min(changes):+g}"})
