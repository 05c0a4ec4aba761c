"""Charts as SVG, read back with an XML parser: what stands where, and every text as given."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.ui.parts import charts
from playground.ui.parts.charts import ChartPoint, heat_map, histogram, line_chart

EVIL = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><b onclick="x()">',
    "' onfocus='x()",
    "</title></svg><i>",
    "<!-- ",
    "]]><svg/onload=x()>",
    "&lt;i&gt; & &amp; &nbsp; &#60;",
    "${alert(1)} {{value}} {0}",
    "한국어 ␣",
]
OURS = {"svg", "rect", "text", "line", "polyline", "circle", "g", "title"}
evil = pytest.mark.parametrize("evil", EVIL)


def read(svg: str) -> ET.Element:
    """The picture as a tree: well formed, no tag but ours, nothing that runs."""
    root = ET.fromstring(svg)
    for element in root.iter():
        assert element.tag in OURS, element.tag
        assert not [name for name in element.attrib if name.startswith("on") or name == "href"]
    return root


def numbers(root: ET.Element) -> list[float]:
    """Every coordinate and length, to be seen to be finite."""
    found = []
    for element in root.iter():
        for name in ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height"):
            if name in element.attrib:
                found.append(float(element.attrib[name]))
        for pair in element.attrib.get("points", "").split():
            found += map(float, pair.split(","))
    assert all(math.isfinite(number) for number in found)
    return found


def box(root: ET.Element) -> tuple[float, float]:
    """Width and height of the picture."""
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    assert (left, top) == (0, 0)
    return width, height


def texts(root: ET.Element) -> list[str]:
    return [element.text or "" for element in root.iter("text")]


def hovers(root: ET.Element) -> list[str]:
    return [element.text or "" for element in root.iter("title")]


def dots(root: ET.Element) -> list[tuple[float, float]]:
    """Where the marks of a line's points are; a pressed one's larger target is not a mark."""
    circles = [c for c in root.iter("circle") if c.attrib["fill"] != "transparent"]
    return [(float(c.attrib["cx"]), float(c.attrib["cy"])) for c in circles]


def scale(root: ET.Element) -> dict[str, float]:
    """The numbers beside a line chart's three rules, and how high each rule is."""
    rules = [float(line.attrib["y1"]) for line in root.iter("line")]
    beside = [t for t in root.iter("text") if t.attrib["text-anchor"] == "end"]
    assert len(rules) == len(beside) == 3
    # Each number stands at its rule, its baseline a little below it.
    assert [float(t.attrib["y"]) for t in beside] == pytest.approx([y + 4 for y in rules])
    return {t.text or "": y for t, y in zip(beside, rules, strict=True)}


def points(*values: float) -> list[ChartPoint]:
    return [ChartPoint(f"p{n}", value, f"hint {n}") for n, value in enumerate(values)]


def depth(fill: str) -> float:
    """How dark a colour is, 0 for white to 1 for black."""
    channels = [int(fill[place : place + 2], 16) for place in (1, 3, 5)]
    return 1 - sum(channels) / (3 * 255)


# Escaping


@evil
@pytest.mark.parametrize("press", [False, True])
def test_a_line_chart_escapes_every_text(evil, press):
    root = read(line_chart([ChartPoint(evil, 1.0, evil)], evil, press=evil if press else ""))
    assert texts(root).count(evil) == 2  # the title and the point's name
    assert root.attrib["aria-label"] == evil
    assert hovers(root) == [evil]
    if press:
        [dot] = root.iter("g")
        assert (dot.attrib["data-do"], dot.attrib["aria-label"]) == (evil, evil)


@evil
def test_a_heat_map_escapes_every_text(evil):
    root = read(heat_map([evil], [evil], [[0.5]], evil, [[evil]], evil))
    assert texts(root).count(evil) == 4  # title, row, column, scale
    assert hovers(root) == [evil]
    assert root.attrib["aria-label"] == evil


@evil
def test_a_histogram_escapes_every_text(evil):
    root = read(histogram([-1, 0, 1], [1, 2], [0.5], [3], evil, (f"a{evil}", f"b{evil}")))
    assert [t for t in texts(root) if evil in t] == [evil, f"a{evil}", f"b{evil}"]
    assert root.attrib["aria-label"] == evil


# Lines


def test_heights_are_read_off_the_scale():
    root = read(line_chart(points(0, 5, 10, 2.5), "t"))
    at = scale(root)
    assert set(at) == {"0", "5", "10"}
    heights = [y for _, y in dots(root)]
    assert heights[:3] == pytest.approx([at["0"], at["5"], at["10"]], abs=0.06)
    assert heights[3] == pytest.approx((at["0"] + at["5"]) / 2, abs=0.06)
    assert at["10"] < at["5"] < at["0"]  # up is more


def test_a_logarithmic_height_grows_by_factors():
    root = read(line_chart(points(1, 10, 100, 31.6227766), "t", log=True))
    at = scale(root)
    assert set(at) == {"1", "10", "100"}
    heights = [y for _, y in dots(root)]
    assert heights[:3] == pytest.approx([at["1"], at["10"], at["100"]], abs=0.06)
    assert heights[3] == pytest.approx((at["10"] + at["100"]) / 2, abs=0.06)


def test_a_plain_scale_begins_at_zero_and_a_logarithmic_one_at_its_least_value():
    assert set(scale(read(line_chart(points(50, 100), "t")))) == {"0", "50", "100"}
    assert set(scale(read(line_chart(points(10, 1000), "t", log=True)))) == {"10", "100", "1000"}


def test_a_scale_goes_below_zero_for_values_that_do():
    root = read(line_chart(points(-5, 5), "t"))
    at = scale(root)
    assert set(at) == {"-5", "0", "5"}
    assert [y for _, y in dots(root)] == pytest.approx([at["-5"], at["5"]], abs=0.06)


def test_points_stand_evenly_from_left_to_right_above_their_names_on_one_line():
    root = read(line_chart(points(3, 1, 2, 5), "t"))
    places = dots(root)
    steps = [b - a for (a, _), (b, _) in pairwise(places)]
    assert steps == pytest.approx([steps[0]] * 3, abs=0.11)
    assert steps[0] > 0
    names = {t.text: float(t.attrib["x"]) for t in root.iter("text")}
    assert [names[f"p{n}"] for n in range(4)] == [x for x, _ in places]
    [path] = root.iter("polyline")
    pairs = [tuple(map(float, pair.split(","))) for pair in path.attrib["points"].split()]
    assert pairs == places


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("press", ["", "take"])
def test_one_point(log, press):
    root = read(line_chart(points(7), "t", log, press))
    numbers(root)
    assert len(dots(root)) == 1


@pytest.mark.parametrize("value", [0, 1, 3.5, -2, 1e-30, 1e300])
@pytest.mark.parametrize("log", [False, True])
def test_equal_values_are_level_and_inside(value, log):
    root = read(line_chart(points(value, value, value), "t", log))
    numbers(root)
    assert len({y for _, y in dots(root)}) == 1
    _, height = box(root)
    assert all(0 < y < height for _, y in dots(root))


HUGE = [1.0142320547350045e304, 5e-324, 0.0, 1.0, 1e-9, 1.7e308]


def test_a_logarithm_takes_the_hugest_the_tiniest_and_zero():
    root = read(line_chart(points(*HUGE), "t", log=True))
    numbers(root)
    heights = {value: y for value, (_, y) in zip(HUGE, dots(root), strict=True)}
    assert heights[1.7e308] < heights[1.0142320547350045e304] < heights[1.0] < heights[1e-9]
    assert heights[0.0] == heights[5e-324] == heights[1e-9]  # the floor of the scale
    assert "inf" not in "".join(texts(root))


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=12), st.booleans())
def test_any_values_stay_inside_the_picture(values, log):
    root = read(line_chart(points(*values), "t", log, "take"))
    numbers(root)
    width, height = box(root)
    assert all(0 <= x <= width and 0 <= y <= height for x, y in dots(root))


@given(st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=12), st.booleans())
def test_a_larger_value_is_never_drawn_lower(values, log):
    heights = [y for _, y in dots(read(line_chart(points(*values), "t", log)))]
    rising = [y for _, y in sorted(zip(values, heights, strict=True), key=lambda pair: pair[0])]
    assert rising == sorted(rising, reverse=True)


def test_neighbouring_names_of_many_points_share_no_line():
    def lines(count: int) -> list[float]:
        root = read(line_chart(points(*range(count)), "t"))
        at = {t.text: float(t.attrib["y"]) for t in root.iter("text")}
        return [at[f"p{n}"] for n in range(count)]

    few, many = lines(7), lines(10)
    assert len(set(few)) == 1
    assert all(a != b for a, b in pairwise(many))
    assert max(many) <= box(read(line_chart(points(*range(10)), "t")))[1]


@pytest.mark.parametrize(
    ("most", "said"),
    [
        (1.67e-4, "1.7e-4"),
        (5e-10, "5e-10"),
        (0.00167, "0.0017"),
        (0.001, "0.001"),
        (0.5, "0.5"),
        (12.34, "12.3"),
        (1234, "1234"),
        (9876, "9876"),
        (20_000, "2e4"),
        (1e15, "1e15"),
        (3e100, "3e100"),
    ],
)
def test_numbers_beside_the_scale_are_short(most, said):
    assert said in scale(read(line_chart(points(0, most), "t")))


def test_what_is_endless_has_its_sign_beside_the_scale():
    assert [charts._short(value) for value in (math.inf, -math.inf)] == ["∞", "-∞"]


def test_points_can_be_pressed_by_hand_and_by_keyboard():
    root = read(line_chart(points(3, 1, 2), "t", press="take"))
    buttons = list(root.iter("g"))
    assert [b.attrib["role"] for b in buttons] == ["button"] * 3
    assert [b.attrib["tabindex"] for b in buttons] == ["0"] * 3
    assert [(b.attrib["data-do"], b.attrib["data-place"]) for b in buttons] == [
        ("take", "0"),
        ("take", "1"),
        ("take", "2"),
    ]
    assert [b.attrib["aria-label"] for b in buttons] == ["hint 0", "hint 1", "hint 2"]
    # Fingers need 24 pixels; an image's parts are hidden from those who cannot see it.
    assert all(max(float(c.attrib["r"]) for c in b.iter("circle")) >= 12 for b in buttons)
    assert root.attrib["role"] != "img"


def test_a_chart_that_cannot_be_pressed_has_nothing_to_press():
    root = read(line_chart(points(3, 1, 2), "t"))
    assert root.attrib["role"] == "img"
    for element in root.iter():
        assert not {"tabindex", "data-do", "data-place"} & set(element.attrib)
    assert hovers(root) == ["hint 0", "hint 1", "hint 2"]


# Heat maps


def cells_of(root: ET.Element) -> list[ET.Element]:
    """The rectangles with a hint: neither the ground nor the scale."""
    return [r for r in root.iter("rect") if r.find("title") is not None]


def map_of(cells, **more) -> ET.Element:
    rows, columns = len(cells), len(cells[0]) if cells else 0
    given = {
        "rows": [f"r{n}" for n in range(rows)],
        "columns": [f"c{n}" for n in range(columns)],
        "title": "t",
        "hints": [[f"{r},{c}" for c in range(columns)] for r in range(rows)],
        "scale": "most",
    } | more
    return read(heat_map(cells=cells, **given))


def test_the_deeper_the_larger():
    root = map_of([[0.0, 0.1, 0.2], [0.4, 0.8, 1.6]])
    fills = [cell.attrib["fill"] for cell in cells_of(root)]
    depths = [depth(fill) for fill in fills]
    assert depths == sorted(depths)
    assert len(set(fills)) == 6
    assert hovers(root) == ["0,0", "0,1", "0,2", "1,0", "1,1", "1,2"]


def test_the_deepest_and_the_palest_cell_have_the_scales_ends():
    root = map_of([[0.0, 3.0]])
    legend = [r.attrib["fill"] for r in root.iter("rect") if r.find("title") is None][1:]
    palest, deepest = (cell.attrib["fill"] for cell in cells_of(root))
    assert (legend[0], legend[-1]) == (palest, deepest)
    depths = [depth(fill) for fill in legend]
    assert depths == sorted(depths)
    assert {"0", "most"} <= set(texts(root))


def test_a_cells_colour_depends_on_its_share_of_the_largest_alone():
    small, large = map_of([[1e-6, 2e-6, 4e-6]]), map_of([[10.0, 20.0, 40.0]])
    assert [c.attrib["fill"] for c in cells_of(small)] == [c.attrib["fill"] for c in cells_of(large)]


def test_cells_stand_in_their_row_and_column():
    root = map_of([[0.0, 0.1, 0.2], [0.4, 0.8, 1.6]])
    found = cells_of(root)
    left = [float(c.attrib["x"]) for c in found]
    top = [float(c.attrib["y"]) for c in found]
    assert left[:3] == left[3:]
    assert left[0] < left[1] < left[2]
    assert len(set(top[:3])) == len(set(top[3:])) == 1
    assert top[0] < top[3]
    width, height = box(root)
    for cell in found:
        assert 0 <= float(cell.attrib["x"]) + float(cell.attrib["width"]) <= width
        assert 0 <= float(cell.attrib["y"]) + float(cell.attrib["height"]) <= height
    names = {t.text: t for t in root.iter("text")}
    for down, name in enumerate(("r0", "r1")):
        y = float(names[name].attrib["y"])
        assert top[3 * down] < y < top[3 * down] + float(found[0].attrib["height"])
    for over, name in enumerate(("c0", "c1", "c2")):
        x = float(names[name].attrib["x"])
        assert left[over] < x < left[over] + float(found[0].attrib["width"])


def test_a_cell_that_is_gone_is_struck_through_and_not_merely_pale():
    root = map_of([[0.0, None, 1.0]])
    zero, gone, one = cells_of(root)
    [strike] = root.iter("line")
    ends = sorted([float(strike.attrib["x1"]), float(strike.attrib["x2"])])
    left, width = float(gone.attrib["x"]), float(gone.attrib["width"])
    assert left <= ends[0] < ends[1] <= left + width + 1
    assert len({cell.attrib["fill"] for cell in (zero, gone, one)}) == 3
    assert hovers(root) == ["0,0", "0,1", "0,2"]


def test_cells_that_are_all_gone_or_all_zero():
    root = map_of([[None, None], [None, None]])
    assert len(list(root.iter("line"))) == 4
    still = map_of([[0.0, 0.0]])
    assert list(still.iter("line")) == []
    assert len({cell.attrib["fill"] for cell in cells_of(still)}) == 1
    numbers(root)
    numbers(still)


@pytest.mark.parametrize("value", [1e-300, 1e300])
def test_colours_of_tiny_and_huge_cells(value):
    half, most = cells_of(map_of([[value / 2, value]]))
    assert 0 < depth(half.attrib["fill"]) < depth(most.attrib["fill"])


def test_a_map_of_nothing():
    assert cells_of(map_of([])) == []
    assert cells_of(map_of([[], []], rows=["a", "b"])) == []


@pytest.mark.parametrize("count", [1, 12, 30, 48, 120])
def test_names_of_columns_do_not_run_into_each_other(count):
    root = map_of([[0.5] * count])
    names = [t for t in root.iter("text") if (t.text or "").startswith("c")]
    assert names[0].text == "c0"
    places = [float(t.attrib["x"]) for t in names]
    # Two digits take about 12 of these units.
    assert all(b - a > 12 for a, b in pairwise(places))
    assert len(cells_of(root)) == count
    assert all(float(c.attrib["width"]) > 0 for c in cells_of(root))


# Histograms


def bars(root: ET.Element) -> list[ET.Element]:
    """All rectangles but the ground."""
    return list(root.iter("rect"))[1:]


def stems(root: ET.Element) -> list[tuple[str, float, float]]:
    """What hovering says of each level, where it is, and how long it is drawn."""
    return [
        (line.find("title").text, float(line.attrib["x1"]), float(line.attrib["y2"]) - float(line.attrib["y1"]))
        for line in root.iter("line")
        if line.find("title") is not None
    ]


def drawn(edges, before, levels, after) -> ET.Element:
    return read(histogram(edges, before, levels, after, "t", ("up", "down")))


def test_bars_are_as_high_as_their_counts_and_side_by_side():
    root = drawn([-2, -1, 0, 1, 2], [0, 3, 12, 6], [], [])
    heights = [float(bar.attrib["height"]) for bar in bars(root)]
    assert heights[0] == 0
    assert heights[1] == pytest.approx(heights[2] / 4, abs=0.11)
    assert heights[3] == pytest.approx(heights[2] / 2, abs=0.11)
    feet = {float(bar.attrib["y"]) + float(bar.attrib["height"]) for bar in bars(root)}
    assert max(feet) - min(feet) < 0.2  # they stand on one line
    left = [float(bar.attrib["x"]) for bar in bars(root)]
    steps = [b - a for a, b in pairwise(left)]
    assert steps == pytest.approx([steps[0]] * 3, abs=0.11)
    width, _ = box(root)
    assert left[0] >= 0
    assert left[-1] + float(bars(root)[-1].attrib["width"]) <= width


def test_stems_hang_at_their_levels_as_long_as_their_counts():
    root = drawn([-1, 0, 1], [5, 5], [-1, 0, 0.5], [0, 10, 5])
    (low, left, none), (zero, middle, most), (half, right, some) = stems(root)
    assert (low, zero, half) == ("-1: 0", "0: 10", "0.5: 5")
    assert right - middle == pytest.approx((middle - left) / 2, abs=0.11)
    assert middle == pytest.approx(box(root)[0] / 2, abs=0.06)
    assert most - none == pytest.approx(2 * (some - none), abs=0.11)
    assert 0 < none < some < most  # an unused level is still seen
    assert {"-1", "0", "1", "up", "down"} <= set(texts(root))


def test_bars_and_levels_share_one_scale():
    root = drawn([-1, -0.5, 0, 0.5, 1], [1, 2, 3, 4], [-1, -0.5, 0, 0.5], [1, 2, 3, 4])
    at = [x for _, x, _ in stems(root)]
    assert [float(bar.attrib["x"]) for bar in bars(root)] == pytest.approx(at, abs=0.06)


def test_levels_beyond_the_weights_leave_the_rest_where_it_was():
    inside = drawn([-1, 0, 1], [2, 2], [-0.5, 0.5], [2, 2])
    beyond = drawn([-1, 0, 1], [2, 2], [-40, -0.5, 0.5, 1e30], [0, 2, 2, 0])
    numbers(beyond)
    assert len(stems(beyond)) == 4
    assert stems(beyond)[1:3] == stems(inside)
    assert [bar.attrib for bar in bars(beyond)] == [bar.attrib for bar in bars(inside)]
    width, _ = box(beyond)
    assert stems(beyond)[0][1] < 0
    assert stems(beyond)[3][1] > width  # cut off, not drawn at a wrong place


@pytest.mark.parametrize(
    ("edges", "before", "levels", "after"),
    [
        ([-1, 1], [0], [], []),
        ([-1, 1], [0], [0], [0]),
        ([0, 0], [3], [0], [3]),  # a range of no width
        ([-1e-38, 0, 1e-38], [1, 1], [0], [2]),
        ([-1e38, 0, 1e38], [1, 1], [-1e38, 1e38], [1, 1]),
        ([1, 2], [1], [1.5], [1]),  # 0 is outside
    ],
)
def test_a_histogram_of_little(edges, before, levels, after):
    root = drawn(edges, before, levels, after)
    numbers(root)
    assert len(bars(root)) == len(before)
    assert len(stems(root)) == len(levels)


def test_many_levels_are_drawn_thinner():
    def thickness(count: int) -> float:
        levels = [n / count for n in range(count)]
        root = drawn([-1, 1], [count], levels, [1] * count)
        marked = [line for line in root.iter("line") if line.find("title") is not None]
        [thick] = {float(line.attrib["stroke-width"]) for line in marked}
        return thick

    assert thickness(255) < thickness(16)


# All of them


@pytest.mark.parametrize(
    "svg",
    [
        line_chart(points(1, 2), "t"),
        heat_map(["r"], ["c"], [[1.0]], "t", [["h"]], "s"),
        histogram([-1, 1], [1], [0], [1], "t", ("a", "b")),
    ],
    ids=["line", "map", "histogram"],
)
def test_a_chart_is_on_white_has_a_name_and_follows_the_pages_width(svg):
    root = read(svg)
    ground = next(root.iter("rect"))
    width, height = box(root)
    assert (ground.attrib["width"], ground.attrib["height"]) == (f"{width:g}", f"{height:g}")
    assert ground.attrib["fill"] == "white"
    assert root.attrib["aria-label"] == "t"
    assert "t" in texts(root)
    assert not {"width", "height"} & set(root.attrib)


def luminance(colour: str) -> float:
    """Of WCAG 2.2, 0 for black to 1 for white."""
    shares = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.03928 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_marks_have_the_contrast_on_white_that_wcag_asks_of_graphics():
    lines = read(line_chart(points(1, 2), "t", press="take"))
    marks = {c.attrib["fill"] for c in lines.iter("circle")} - {"transparent"}
    counts = drawn([-1, 1], [1], [0.5], [1])
    marks |= {line.attrib["stroke"] for line in counts.iter("line") if line.find("title") is not None}
    assert marks
    assert all(1.05 / (luminance(colour) + 0.05) >= 3 for colour in marks)
