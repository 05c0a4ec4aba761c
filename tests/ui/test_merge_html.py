"""Pieces of the Merge tab, read back with an XML parser."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from playground.engine.merging.picture import DrawnChange, Likeness, Picture
from playground.engine.recipe import parse_edit
from playground.ui.merge import view as merge_html
from playground.ui.parts.steps import step_title
from playground.ui.text import EN, TABLES
from playground.workspace import Step

EVIL = [
    "<script>alert(1)</script>",
    '"><b onclick="x()">',
    "' onfocus='x()",
    "</text></svg><i>",
    "&lt;i&gt; & &amp;",
    "{name} {0} %s",
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
    "button",
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
    root = ET.fromstring(f"<piece>{piece}</piece>")
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


# On the recipe


@both
def test_a_merge_on_the_recipe_is_called_by_its_method(language):
    words = TABLES[language]
    models = [{"recipe": {"model": "tiny-llama"}}]
    for targets, more in ((["all"], ""), (["mlp@0-3", "norms"], "mlp@0-3, norms")):
        edit = parse_edit({"kind": "merge", "method": "ties", "models": models, "targets": targets})
        title = step_title(Step(edit), language)
        added = words["title_targets"].format(targets=more) if more else ""
        assert title == words["title_merge"].format(method="ties", models="tiny-llama") + added


@both
def test_a_merge_on_the_recipe_names_its_models_their_weights_and_how_far(language):
    words = TABLES[language]
    nudge = {"kind": "nudge_tokens", "text": "a", "direction": "random", "strength": 1}
    models = [
        {"recipe": {"model": "tiny-llama"}, "weight": 0.5},
        {"checkpoint": "mine"},
        {"recipe": {"model": "tiny-llama", "edits": [nudge]}, "weight": [0, 1]},
    ]
    edit = parse_edit({"kind": "merge", "models": models, "t": 0.3})
    inner = step_title(Step(edit.models[2].recipe.edits[0]), language)
    named = f"0.5 × tiny-llama, mine, … × {inner}; t = 0.3"
    assert step_title(Step(edit), language) == words["title_merge"].format(method="linear", models=named)


# The path


EDIT = parse_edit(
    {"kind": "merge", "method": "ties", "models": [{"recipe": {"model": "tiny-llama"}}], "t": 0.2}
).model_dump(mode="json")


def point(t: float, base: float, models: float, probability: float | None = None) -> dict:
    return {"edit": EDIT, "t": t, "perplexities": (base, models), "probability": probability}


WALKED = [point(0.0, 10.0, 5000.0), point(0.1, 12.3456, 20.0), point(1.0, 90.0, 4.0)]
PROBED = [point(0.0, 10.0, 50.0, 0.0), point(0.5, 11.0, 20.0, 0.12345), point(1.0, 12.0, 4.0, 1.0)]


@both
def test_every_place_can_be_pressed_in_each_chart_and_in_the_table(language):
    root = read(merge_html.walked(WALKED, language))
    wanted = [("take", "0"), ("take", "1"), ("take", "2")]
    assert pressable(root, "g") == wanted * 2
    assert pressable(root, "button") == wanted
    take = TABLES[language]["sweep_take"]
    names = [button.attrib["aria-label"] for button in root.iter("button")]
    assert names == [f"{take}: t = 0", f"{take}: t = 0.1", f"{take}: t = 1"]
    assert all(button.attrib["type"] == "button" for button in root.iter("button"))
    press = TABLES[language]["walk_press"].format(method="ties", models="tiny-llama")
    assert press in [said(line) for line in root.findall("div")]


@both
def test_both_texts_have_a_chart_and_a_column(language):
    root = read(merge_html.walked(WALKED, language))
    words = TABLES[language]
    titles = [svg.attrib["aria-label"] for svg in root.iter("svg")]
    assert titles == [words["walk_chart_base"], words["walk_chart_models"]]
    heads = [said(head) for head in next(root.iter("thead")).iter("th")]
    assert heads == [words[key] for key in ("walk_t", "walk_base", "walk_models", "sweep_use")]
    take = words["sweep_take"]
    assert table(root) == {"0": ["10", "5,000", take], "0.1": ["12.35", "20", take], "1": ["90", "4", take]}
    hints = [said(title) for title in next(root.iter("svg")).iter("title")]
    assert hints == [
        words["walk_point"].format(t=t, base=base, models=models)
        for t, base, models in (("0", "10", "5,000"), ("0.1", "12.35", "20"), ("1", "90", "4"))
    ]


@both
def test_an_answer_that_was_looked_for_has_a_chart_and_a_column_too(language):
    root = read(merge_html.walked(PROBED, language))
    words = TABLES[language]
    charts = list(root.iter("svg"))
    assert [svg.attrib["aria-label"] for svg in charts] == [
        words["walk_chart_base"],
        words["walk_chart_models"],
        words["walk_chart_probe"],
    ]
    assert "100" in [text.text for text in charts[2].iter("text")]  # in percent
    heads = [said(head) for head in next(root.iter("thead")).iter("th")]
    keys = ("walk_t", "walk_base", "walk_models", "walk_probed", "sweep_use")
    assert heads == [words[key] for key in keys]
    take = words["sweep_take"]
    assert table(root) == {
        "0": ["10", "50", "0 %", take],
        "0.5": ["11", "20", "12.3 %", take],
        "1": ["12", "4", "100 %", take],
    }


def test_before_its_first_place_a_walk_is_empty():
    assert merge_html.walked([], "en") == ""


@pytest.mark.parametrize("perplexity", [1.0, 1.0142320547350045e304])
def test_one_place_and_a_perplexity_beyond_all_bounds(perplexity):
    root = read(merge_html.walked([point(0.0, perplexity, perplexity, 1e-300)], "en"))
    assert pressable(root, "button") == [("take", "0")]
    assert len(list(root.iter("svg"))) == 3


def test_heads_say_what_they_head():
    root = read(merge_html.walked(PROBED, "en"))
    assert [head.attrib["scope"] for head in root.iter("th")] == ["col"] * 5 + ["row"] * 3
    assert said(next(root.iter("caption"))) == EN["walk_caption"]


# What a method does to a matrix

EDGES = (-3.0, -1.0, 1.0, 3.0)


def picture(*changes: DrawnChange, agreement: float | None = None) -> Picture:
    return Picture(name="a.weight", edges=EDGES, changes=changes, merged=(0, 0, 0), agreement=agreement)


ONE = DrawnChange(label="tiny-llama+adapter", norm=12.3456, counts=(2, 0, 5), kept=(1, 0, 5), kept_share=6 / 7)
NOTHING = DrawnChange(label="tiny-llama", norm=0.0, counts=(0, 0, 0), kept=(0, 0, 0), kept_share=0.0)


@both
def test_each_model_has_a_chart_of_its_change_and_of_what_is_kept(language):
    root = read(merge_html.picture_html(picture(ONE, NOTHING), language))
    words = TABLES[language]
    first, second = root.iter("svg")
    assert first.attrib["aria-label"] == ONE.label
    assert second.attrib["aria-label"] == "tiny-llama"
    texts = [text.text for text in first.iter("text")]
    assert words["picture_change"].format(norm="12.3") in texts
    assert words["picture_kept"].format(share="85.7 %") in texts
    # Below each bin's middle stands how much of it is kept.
    assert [said(title) for title in first.iter("title")] == ["-2: 1", "0: 0", "2: 5"]
    # Nothing to say of signs where there is one model
    assert [said(line) for line in root.findall("div")] == [words["picture_outside"]]


@both
def test_how_far_the_models_agree_is_said_first(language):
    for share, shown in ((0.0, "0 %"), (0.375, "37.5 %"), (1.0, "100 %")):
        root = read(merge_html.picture_html(picture(ONE, ONE, agreement=share), language))
        assert said(root[0]) == TABLES[language]["picture_agree"].format(share=shown)


@both
def test_that_nobody_changes_the_matrix_is_a_warning(language):
    root = read(merge_html.picture_html(picture(NOTHING, NOTHING), language))
    assert root[0].attrib["class"] == "pg-warn"
    assert TABLES[language]["picture_same"] in said(root[0])
    changed = read(merge_html.picture_html(picture(NOTHING, ONE), language))
    assert not [e for e in changed.iter() if e.attrib.get("class") == "pg-warn"]


@evil
@both
def test_a_picture_escapes_the_names_of_models(evil, language):
    change = DrawnChange(label=evil, norm=1.0, counts=(1, 1, 1), kept=(1, 1, 1), kept_share=1.0)
    root = read(merge_html.picture_html(picture(change), language))
    [chart] = root.iter("svg")
    assert chart.attrib["aria-label"] == evil
    assert evil in [text.text for text in chart.iter("text")]


# Likeness


@both
def test_likeness_has_a_cell_for_each_layer_and_matrix(language):
    found = [
        Likeness(0, "self_attn.q_proj", 0.5),
        Likeness(0, "mlp.up_proj", -0.25),
        Likeness(1, "self_attn.q_proj", 0.0),
        Likeness(1, "mlp.up_proj", None),
    ]
    words = TABLES[language]
    [chart] = read(merge_html.likeness_html(found, language)).iter("svg")
    assert chart.attrib["aria-label"] == words["likeness_title"]
    assert [said(title) for title in chart.iter("title")] == [
        words["view_cell"].format(layer=layer, role=role, value=value)
        for layer, role, value in (
            (0, "self_attn.q_proj", "+0.500"),
            (1, "self_attn.q_proj", "+0.000"),
            (0, "mlp.up_proj", "-0.250"),
            (1, "mlp.up_proj", words["look_untouched"]),
        )
    ]
    assert {"q_proj", "up_proj", "0", "1", "0.50"} <= {text.text for text in chart.iter("text")}
    assert len(list(chart.iter("line"))) == 1  # the one that is struck through


def fills(chart: ET.Element) -> dict[str, str]:
    """Colours by what hovering says."""
    cells = [rect for rect in chart.iter("rect") if rect.find("title") is not None]
    return {said(cell): cell.attrib["fill"] for cell in cells}


def test_opposite_is_as_deep_as_alike_since_both_overlap():
    found = [Likeness(0, "a", 0.8), Likeness(0, "b", -0.8), Likeness(0, "c", 0.1)]
    [chart] = read(merge_html.likeness_html(found, "en")).iter("svg")
    alike, opposite, apart = fills(chart).values()
    assert alike == opposite != apart


def test_layers_stand_in_their_order_and_a_matrix_that_one_lacks_is_struck():
    found = [Likeness(10, "a", 0.5), Likeness(2, "a", 0.25), Likeness(2, "b", 0.125)]
    [chart] = read(merge_html.likeness_html(found, "en")).iter("svg")
    hints = [said(title) for title in chart.iter("title")]
    assert [hint.partition(":")[0] for hint in hints] == ["Layer 2, a", "Layer 10, a", "Layer 2, b", "Layer 10, b"]
    assert hints[3].endswith(EN["look_untouched"])
    assert len(list(chart.iter("line"))) == 1


def test_likeness_of_models_that_change_nothing_is_drawn():
    for cells in ([], [Likeness(0, "a", None), Likeness(1, "a", None)]):
        [chart] = read(merge_html.likeness_html(cells, "en")).iter("svg")
        assert len(list(chart.iter("title"))) == len(cells)


@evil
@both
def test_likeness_escapes_names_of_matrices(evil, language):
    [chart] = read(merge_html.likeness_html([Likeness(0, evil, 0.5)], language)).iter("svg")
    assert any(evil in said(title) for title in chart.iter("title"))
