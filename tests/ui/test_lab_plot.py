"""The lab's plot read back: every mark at its place, and no number on the wrong side of a tick."""

import random
import xml.etree.ElementTree as ET

import pytest

from playground.ui.lab import plot as lab_plot
from playground.ui.parts import charts, html


def drawn(marks, most=1.0):
    """Places of the marks by what hovering says, of the ticks from the frame's lines, and of the
    numbers."""
    root = ET.fromstring(lab_plot.scatter(marks, "t", "a", "b", most))
    places, numbers, across, upward = {}, [], set(), set()
    for element in root.iter():
        at = {name: float(element.get(name, "nan")) for name in ("x", "y", "cx", "cy", "width")}
        hint = element.find("title")
        if element.tag == "rect" and hint is not None:
            half = at["width"] / 2
            places[hint.text] = (at["x"] + half, at["y"] + half)
        elif element.tag == "circle" and hint is not None:
            places[hint.text] = (at["cx"], at["cy"])
        elif element.get("class") == "pg-tag":
            numbers.append((at["cx"], at["cy"]))
        elif element.tag == "line" and not element.get("class"):
            ends = [float(element.attrib[name]) for name in ("x1", "x2", "y1", "y2")]
            if ends[0] == ends[1]:
                across.add(ends[0])
            else:
                upward.add(ends[2])
    return places, numbers, sorted(across), sorted(upward, reverse=True)


def test_two_ways_at_one_place_are_both_drawn_there():
    marks = [lab_plot.Mark(0.0, 0.5, True, "other") for _ in range(4)]
    marks += [lab_plot.Mark(0.13, 1.0, False, "bm25"), lab_plot.Mark(0.13, 1.0, False, "prompt")]
    places, numbers, across, upward = drawn(marks, 0.13)
    assert places["bm25"] == places["prompt"] == pytest.approx((across[-1], upward[-1]), abs=0.1)
    for x, y in numbers[4:]:
        assert x > across[1]
        assert y < upward[1]


def test_no_mark_and_no_number_is_on_the_wrong_side_of_a_tick():
    chance = random.Random(14)
    some = [0.0, 0.13, 0.49, 0.5, 0.51, 1.0]
    for count in (1, 2, 7, 22):
        for most in (0.1, 1.0):
            marks = [
                lab_plot.Mark(
                    most * chance.choice([*some, chance.random()]),
                    chance.choice([*some, chance.random()]),
                    chance.random() < 0.5,
                    str(number),
                )
                for number in range(count)
            ]
            places, numbers, across, upward = drawn(marks, most)
            assert len(across) == len(upward) == 3
            for mark, number in zip(marks, numbers, strict=True):
                x, y = places[mark.hint]
                assert x == pytest.approx(across[0] + mark.x / most * (across[2] - across[0]), abs=0.1)
                assert y == pytest.approx(upward[0] + mark.y * (upward[2] - upward[0]), abs=0.1)
                for tick in across:
                    assert abs(x - tick) < 0.6 or (x - tick) * (number[0] - tick) > 0
                for tick in upward:
                    assert abs(y - tick) < 0.6 or (y - tick) * (number[1] - tick) > 0
            assert len(set(numbers)) == count


def test_a_blank_token_has_a_sign_and_a_word():
    for language, space, line in (("en", "space", "line end"), ("ko", "빈칸", "줄 끝")):
        assert html.signed(" ", language) == f"␣ {space}"
        assert html.signed("\n", language) == f"⏎ {line}"
        assert html.signed(" Paris", language) == "␣Paris"
        table = html.probability_bars([("\n", 0.2, 0.2), (" Paris", 0.1, 0.1)], language)
        assert f"⏎</span> <small>{line}</small>" in table
        assert table.count("<small>") == 1


def test_a_long_name_of_a_bar_runs_over_no_edge():
    drawing = charts.bars([charts.Bar("w" * 80, 0.5, "50 %")], "t")
    assert "w" * 80 not in drawing
    assert "…" in drawing
