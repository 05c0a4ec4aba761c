"""Pieces of the Weights tab, and receipts, read back with an XML parser."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from playground.engine.build import Receipt
from playground.engine.edit import TensorChange
from playground.engine.measuring.formats import NumberLine
from playground.engine.measuring.measure import Figures, Measured, Perplexity, Speed
from playground.engine.measuring.sizes import Sizes
from playground.engine.measuring.sweep import LayerCell, ScanPoint
from playground.engine.recipe import parse_edit
from playground.ui.parts import html
from playground.ui.parts.html import percent
from playground.ui.parts.steps import receipt_line, stack, step_title
from playground.ui.text import EN, TABLES
from playground.ui.weights import view as weights_html
from playground.workspace import Stack, Step, Workspace

EVIL = [
    "<script>alert(1)</script>",
    '"><b onclick="x()">',
    "' onfocus='x()",
    "</td></table></svg><i>",
    "&lt;i&gt; & &amp;",
    "{value} {0} %s",
]
evil = pytest.mark.parametrize("evil", EVIL)
both = pytest.mark.parametrize("language", ["en", "ko"])
OURS = {
    "piece",
    "div",
    "table",
    "caption",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "br",
    "small",
    "button",
    "ol",
    "li",
    "b",
    "svg",
    "rect",
    "text",
    "line",
    "polyline",
    "circle",
    "g",
    "title",
}


def read(piece: str) -> ET.Element:
    """The piece as a tree: every tag closed and ours, nothing that runs."""
    root = ET.fromstring(f"<piece>{str(piece).replace('<br>', '<br/>')}</piece>")
    for element in root.iter():
        assert element.tag in OURS, element.tag
        assert not [name for name in element.attrib if name.startswith("on") or name == "href"]
    return root


def said(element: ET.Element) -> str:
    """All of an element's text."""
    return "".join(element.itertext())


def table(root: ET.Element) -> dict[str, list[str]]:
    """The cells of a table's rows by what heads them."""
    [body] = root.iter("tbody")
    return {said(row.find("th")): [said(cell) for cell in row.iter("td")] for row in body}


def pressable(root: ET.Element, tag: str) -> list[tuple[str, str]]:
    """What pressing each sends."""
    return [(e.attrib["data-do"], e.attrib["data-place"]) for e in root.iter(tag) if "data-do" in e.attrib]


# Numbers as a person says them


@pytest.mark.parametrize(("share", "said"), [(0, "0 %"), (1, "100 %"), (0.12345, "12.3 %"), (1 / 3, "33.3 %")])
def test_a_share_is_said_in_percent(share, said):
    assert percent(share) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 ms"),
        (1e-5, "0.01 ms"),
        (0.0034567, "3.46 ms"),
        (0.0123, "12 ms"),
        (0.94, "940 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1 s"),
        (1.5, "1.5 s"),
        (75.26, "75.3 s"),
        (99.4, "99.4 s"),
        (99.6, "2 min"),
        (600, "10 min"),
        (1870, "31 min"),
        (5969, "99 min"),
        (5971, "1.7 h"),
        (90_000, "25.0 h"),
    ],
)
def test_a_duration_is_said_in_the_unit_that_fits(seconds, said):
    assert html.duration(seconds) == said


@pytest.mark.parametrize(("seconds", "said"), [(0, "1 s"), (0.2, "1 s"), (12.7, "13 s"), (1870, "31 min")])
def test_what_is_left_is_said_in_whole_seconds_and_is_never_nothing(seconds, said):
    assert html.clock(seconds) == said


# What was measured

BASE = Figures(
    Perplexity(10.0, 1.25, 99),
    Sizes(weights=1000, zeros=10, held_bytes=0, file_bytes=4096, packed_bytes=2048, effective_bits=32.0),
    Speed(0.010, 0.002, 0.001),
)
MINE = Figures(
    Perplexity(25.0, 1.75, 99),
    Sizes(weights=1000, zeros=510, held_bytes=2_500_000, file_bytes=4096, packed_bytes=1024, effective_bits=4.5),
    Speed(0.005, 0.003, 0.004),
)


def row(found: dict[str, list[str]], language: str, key: str) -> list[str]:
    """A figure's row: the name of the figure stands first in what heads it."""
    name = TABLES[language][f"measure_{key}"] + TABLES[language][f"measure_{key}_hint"]
    return found[name]


@both
def test_figures_stand_beside_the_bases_with_how_they_changed(language):
    root = read(weights_html.measured_html(Measured(BASE, MINE, 0.4567, 0.875), language))
    found = table(root)
    assert len(found) == 12
    expected = {
        "perplexity": ["10", "25", "× 2.5"],
        "bits": ["1.25", "1.75", "× 1.4"],
        "kl": ["0", "0.457", ""],
        "top": ["100 %", "87.5 %", ""],
        "zeros": ["1 %", "51 %", ""],
        "file": ["4.1 kB", "4.1 kB", "× 1"],
        "packed": ["2.0 kB", "1.0 kB", "× 0.5"],
        "effective": ["32", "4.5", "× 0.141"],
        "held": ["0 B", "2.5 MB", ""],
        "one": ["10 ms", "5 ms", "× 0.5"],
        "batch": ["2 ms", "3 ms", "× 1.5"],
        "many": ["1 ms", "4 ms", "× 4"],
    }
    assert {key: row(found, language, key) for key in expected} == expected
    [caption] = root.iter("caption")
    assert "99" in said(caption)
    heads = [said(head) for head in next(root.iter("thead")).iter("th")]
    keys = ("measure_what", "column_before", "column_after", "column_change")
    assert heads == [TABLES[language][key] for key in keys]


def test_heads_say_what_they_head():
    root = read(weights_html.measured_html(Measured(BASE, MINE, 0.5, 0.5), "en"))
    scopes = [head.attrib["scope"] for head in root.iter("th")]
    assert scopes == ["col"] * 4 + ["row"] * 12


def test_nothing_is_divided_by_a_figure_of_zero():
    """A model that knows its text by heart, on a clock that stood still."""
    still = replace(BASE, text=Perplexity(1.0, 0.0, 9), speed=Speed(0.0, 0.0, 0.0))
    found = table(read(weights_html.measured_html(Measured(still, MINE, 0.0, 1.0), "en")))
    assert row(found, "en", "bits") == ["0", "1.75", ""]
    assert row(found, "en", "one") == ["0 ms", "5 ms", ""]


# Sweeps


def point(value: str, perplexity: float, **more) -> dict:
    sizes = {"zeros": 0.25, "file_bytes": 4096, "packed_bytes": 2048}
    return {"edit": {}, "value": value, "perplexity": perplexity, **sizes, **more}


SWEPT = [point("0", 10.0, zeros=0.0), point("0.5", 12.345), point("0.9", 5000.0, zeros=0.9, packed_bytes=1_500_000)]


@both
def test_every_point_of_a_sweep_can_be_pressed_in_the_chart_and_in_the_table(language):
    root = read(weights_html.sweep_chart(SWEPT, language))
    wanted = [("take", "0"), ("take", "1"), ("take", "2")]
    assert pressable(root, "g") == wanted
    assert pressable(root, "button") == wanted
    for group in (root.iter("g"), root.iter("button")):
        names = [element.attrib["aria-label"] for element in group]
        assert all(p["value"] in name for p, name in zip(SWEPT, names, strict=True))
    assert all(button.attrib["type"] == "button" for button in root.iter("button"))


def test_a_sweeps_table_has_its_figures():
    found = table(read(weights_html.sweep_chart(SWEPT, "en")))
    assert found == {
        "0": ["10", "0 %", "4.1 kB", "2.0 kB", "Use"],
        "0.5": ["12.35", "25 %", "4.1 kB", "2.0 kB", "Use"],
        "0.9": ["5,000", "90 %", "4.1 kB", "1.5 MB", "Use"],
    }


def test_a_sweep_has_a_chart_of_quality_and_one_of_size():
    quality, bulk = read(weights_html.sweep_chart(SWEPT, "en")).iter("svg")
    assert quality.attrib["aria-label"] == EN["sweep_quality"]
    assert "Press to put it" in said(next(quality.iter("title")))
    assert bulk.attrib["aria-label"] == EN["sweep_size"]
    assert pressable(bulk, "g") == []
    assert [said(title) for title in bulk.iter("title")] == ["2.0 kB", "2.0 kB", "1.5 MB"]
    # The height is in MB: the last point is as high as the scale goes.
    assert "1.5" in [text.text for text in bulk.iter("text")]


@evil
@both
def test_a_sweep_escapes_its_values(evil, language):
    root = read(weights_html.sweep_chart([point(evil, 10.0)], language))
    assert list(table(root)) == [evil]
    [button] = root.iter("button")
    assert evil in button.attrib["aria-label"]
    assert [t.text for t in root.iter("text")].count(evil) == 2


def test_before_its_first_point_a_sweep_and_a_scan_are_empty():
    assert weights_html.sweep_chart([], "en") == weights_html.scan_chart([], "en") == ""


def test_one_point_of_a_sweep_and_a_perplexity_beyond_all_bounds():
    for perplexity in (1.0, 1.0142320547350045e304):
        root = read(weights_html.sweep_chart([point("0.9", perplexity)], "en"))
        assert pressable(root, "g") == [("take", "0")]


@both
def test_a_scan_names_the_most_sensitive_layer(language):
    points = [ScanPoint(0, 1.5), ScanPoint(3, 20.25), ScanPoint(4, 0.9)]
    root = read(weights_html.scan_chart(points, language))
    [chart] = root.iter("svg")
    assert [t.text for t in chart.iter("text")][-3:] == ["0", "3", "4"]
    [line] = root.findall("div")
    assert said(line) == TABLES[language]["scan_worst"].format(layer=3, ratio="20.2")
    hints = [said(title) for title in chart.iter("title")]
    assert hints[0] == TABLES[language]["scan_point"].format(layer=0, ratio="1.5")


# The layer view


def cells(*values: tuple[int, str, float | None]) -> list[LayerCell]:
    return [LayerCell(*value) for value in values]


@both
def test_a_recipe_that_changed_nothing_inside_the_layers_says_so(language):
    found = cells((0, "mlp.up_proj", 0.0), (1, "mlp.up_proj", 0.0))
    root = read(weights_html.layer_view_html(found, "change", language))
    assert said(root) == TABLES[language]["view_unchanged"]
    assert list(root.iter("svg")) == []
    # No zeros are worth a picture too: they are what was asked for.
    assert list(read(weights_html.layer_view_html(found, "zeros", language)).iter("svg"))


@both
def test_the_view_has_a_cell_for_each_layer_and_matrix_and_names_the_most(language):
    found = cells(
        (0, "self_attn.q_proj", 0.1), (0, "mlp.up_proj", 0.25), (1, "self_attn.q_proj", 0.0), (1, "mlp.up_proj", None)
    )
    table = TABLES[language]
    for by in ("change", "zeros"):
        root = read(weights_html.layer_view_html(found, by, language))
        [chart] = root.iter("svg")
        assert chart.attrib["aria-label"] == table[f"view_{by}"]
        assert [said(title) for title in chart.iter("title")] == [
            table["view_cell"].format(layer=0, role="self_attn.q_proj", value="10 %"),
            table["view_cell"].format(layer=1, role="self_attn.q_proj", value="0 %"),
            table["view_cell"].format(layer=0, role="mlp.up_proj", value="25 %"),
            table["view_cell"].format(layer=1, role="mlp.up_proj", value=table["view_gone"]),
        ]
        names = [text.text for text in chart.iter("text")]
        assert {"q_proj", "up_proj", "0", "1", "25 %"} <= set(names)
        [line] = root.findall("div")
        assert said(line) == table["view_most"].format(value="25 %", role="mlp.up_proj", layer=0)


def test_layers_stand_in_their_order_and_one_that_is_missing_a_kind_of_matrix_is_struck():
    found = cells((10, "a", 0.5), (2, "a", 0.25), (2, "b", 0.125))
    [chart] = read(weights_html.layer_view_html(found, "change", "en")).iter("svg")
    hints = [said(title) for title in chart.iter("title")]
    assert [hint.partition(":")[0] for hint in hints] == ["Layer 2, a", "Layer 10, a", "Layer 2, b", "Layer 10, b"]
    assert hints[3].endswith(EN["view_gone"])
    assert len(list(chart.iter("line"))) == 1


def test_a_model_whose_layers_are_all_gone_is_drawn():
    found = cells((0, "a", None), (1, "a", None))
    for by in ("change", "zeros"):
        root = read(weights_html.layer_view_html(found, by, "en"))
        [chart] = root.iter("svg")
        assert [said(t).endswith(EN["view_gone"]) for t in chart.iter("title")] == [True, True]
        assert said(root.find("div")) == EN["view_layers_gone"].format(layers="0, 1")


@both
def test_layers_that_were_taken_out_are_named_before_what_changed_most(language):
    found = cells((0, "a", 0.5), (0, "b", 0.25), (3, "a", None), (3, "b", None), (4, "a", 0.0))
    table = TABLES[language]
    gone = table["view_layers_gone"].format(layers="3")
    most = table["view_most"].format(value="50 %", role="a", layer=0)
    line = read(weights_html.layer_view_html(found, "change", language)).find("div")
    assert said(line) == f"{gone} {most}"


@evil
@both
def test_the_view_escapes_names_of_matrices(evil, language):
    root = read(weights_html.layer_view_html(cells((0, evil, 0.5)), "change", language))
    assert any(evil in said(title) for title in root.iter("title"))
    assert evil in said(root.find("div"))


# The number line and the formats


@both
def test_the_number_line_says_how_much_rounding_moves_and_which_levels_are_used(language):
    line = NumberLine(
        weights=7, edges=(-1.0, 0.0, 1.0), before=(3, 4), levels=(-1.0, 0.0, 1.0), after=(2, 0, 5), error=0.125
    )
    root = read(weights_html.number_line_html(line, language))
    table = TABLES[language]
    [chart] = root.iter("svg")
    assert chart.attrib["aria-label"] == table["line_title"].format(weights=7, levels=3)
    [note] = root.findall("div")
    assert said(note) == table["line_error"].format(error="12.5 %", used=2, levels=3)
    assert [said(title) for title in chart.iter("title")] == ["-1: 2", "0: 0", "1: 5"]
    assert {table["line_before"], table["line_after"]} <= {t.text for t in chart.iter("text")}


@both
def test_formats_say_how_they_spend_their_bits_and_what_the_model_would_take(language):
    root = read(weights_html.formats(1000, language))
    codes = TABLES[language]["format_no_exponent"]
    assert table(root) == {
        "FP32": ["1 + 8 + 23", "±3.4e+38", "1.19e-07", "4.0 kB"],
        "TF32": ["1 + 8 + 10", "±3.4e+38", "0.000977", "4.0 kB"],
        "BF16": ["1 + 8 + 7", "±3.39e+38", "0.00781", "2.0 kB"],
        "FP16": ["1 + 5 + 10", "±6.55e+04", "0.000977", "2.0 kB"],
        "FP8 E4M3": ["1 + 4 + 3", "±448", "0.125", "1.0 kB"],
        "FP8 E5M2": ["1 + 5 + 2", "±5.73e+04", "0.25", "1.0 kB"],
        "INT8": [codes, "±127", "1", "1.0 kB"],
        "INT4": [codes, "±7", "1", "500 B"],
        "NF4": [codes, "±1", "0.277", "500 B"],
    }


# Receipts

SIZES = Sizes(weights=1000, zeros=250, held_bytes=0, file_bytes=4096, packed_bytes=1024, effective_bits=4.5)


def receipt(edit: dict, sizes: Sizes | None = None, seconds: float = 0.0123) -> Receipt:
    changes = (TensorChange("a", 1.0), TensorChange("b", 1.0))
    return Receipt(
        edit=parse_edit(edit),
        changes=changes,
        relative_change=0.25,
        bytes=2048,
        seconds=seconds,
        warnings=(),
        sizes=sizes,
    )


PLAIN = "Tensors changed: 2 (by 25 %). Holds 2.0 kB, took 12 ms."
WHOLE = "Whole model: 4.5 bits per weight effective, 25 % zeros; file 4.1 kB as held, 1.0 kB if packed."


@pytest.mark.parametrize(
    ("edit", "sizes", "line"),
    [
        ({"kind": "nudge_tokens", "text": "a", "target": "b"}, None, PLAIN),
        ({"kind": "prune"}, None, PLAIN),
        ({"kind": "prune"}, SIZES, f"{PLAIN} {WHOLE}"),
        ({"kind": "cast"}, SIZES, f"{PLAIN} {WHOLE}"),
        ({"kind": "quantize"}, SIZES, f"{PLAIN} 4 bits nominal. {WHOLE}"),
        ({"kind": "quantize", "scheme": "ternary"}, None, f"{PLAIN} 1.58 bits nominal."),
        ({"kind": "quantize", "scheme": "binary"}, SIZES, f"{PLAIN} 1 bits nominal. {WHOLE}"),
        ({"kind": "quantize", "scheme": "fp8_e5m2"}, None, f"{PLAIN} 8 bits nominal."),
    ],
)
def test_a_receipt_says_what_is_nominal_what_is_effective_and_what_a_file_takes(edit, sizes, line):
    assert receipt_line(receipt(edit, sizes), "en") == line


def test_a_receipt_in_korean_has_the_same_figures():
    line = receipt_line(receipt({"kind": "quantize"}, SIZES, 61.5), "ko")
    for figure in ("25 %", "2.0 kB", "61.5 s", "4비트", "4.5비트", "4.1 kB", "1.0 kB"):
        assert figure in line, figure


def test_a_receipt_of_a_model_without_weights_divides_by_nothing():
    line = receipt_line(
        receipt(
            {"kind": "prune"},
            Sizes(weights=0, zeros=0, held_bytes=0, file_bytes=16, packed_bytes=16, effective_bits=0.0),
        ),
        "en",
    )
    assert "0 % zeros" in line


@both
@pytest.mark.parametrize("building", [True, False])
def test_an_edit_that_waits_for_its_receipt_says_why(language, building):
    steps = (Step(parse_edit({"kind": "prune"})), Step(parse_edit({"kind": "cast"}), False))
    space = Workspace(Stack("tiny-gpt2", steps))
    root = read(stack(space, [], language, building))
    lines = [said(div) for div in root.iter("div") if div.attrib["class"] == "pg-receipt"]
    table = TABLES[language]
    assert lines == [table["step_building" if building else "step_not_built"], table["step_off"]]


def test_edits_that_are_built_show_their_receipts_whatever_else_waits():
    step = Step(parse_edit({"kind": "prune"}))
    space = Workspace(Stack("tiny-gpt2", (step,)))
    root = read(stack(space, [receipt(step.edit)], "en", True))
    assert PLAIN in said(root)
    assert EN["step_building"] not in said(root)


EDITS_IN_WORDS = [
    ({"kind": "prune", "method": "wanda", "sparsity": 0.3, "pattern": "rows"}, ["wanda", "0.3", "rows"]),
    ({"kind": "quantize", "scheme": "nf4", "mode": "packed", "group_size": 128}, ["nf4", "packed", "rtn", "128"]),
    (
        {"kind": "quantize", "scheme": "int8", "group_size": "channel", "method": "gptq"},
        ["int8", "simulated", "gptq", "channel"],
    ),
    ({"kind": "cast", "dtype": "fp16"}, ["fp16"]),
]


@both
@pytest.mark.parametrize(("edit", "words"), EDITS_IN_WORDS)
def test_an_edit_of_whole_tensors_has_a_title_with_what_it_does(language, edit, words):
    title = step_title(Step(parse_edit(edit)), language)
    assert [word for word in words if word not in title] == []
    assert "linear" not in title  # the usual targets go without saying
    elsewhere = edit | {"targets": ["mlp@0-9", "embeddings"]}
    longer = step_title(Step(parse_edit(elsewhere)), language)
    assert longer == title + TABLES[language]["title_targets"].format(targets="mlp@0-9, embeddings")


@evil
@both
@pytest.mark.parametrize("kind", ["prune", "quantize"])
def test_a_stack_is_whole_whatever_the_calibration_text_and_the_targets_are(evil, language, kind):
    edit = parse_edit({"kind": kind, "calibration": evil, "targets": [evil]})
    root = read(stack(Workspace(Stack("tiny-gpt2", (Step(edit),))), [], language))
    assert len(list(root.iter("li"))) == 1
    assert pressable(root, "button") == [("toggle", "0"), ("remove", "0")]
