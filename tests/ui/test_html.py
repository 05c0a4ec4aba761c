"""HTML pieces, read back with a parser: no tag but ours, and every text as it was given."""

from __future__ import annotations

import base64
import io
import math
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup, escape
from PIL import Image

from playground.compare import Answer
from playground.engine.build import Receipt
from playground.engine.edit import TensorChange
from playground.engine.measuring.token_map import FlatMap, MapPoint, Neighbour, Token
from playground.engine.nudging.edit import DIRECTIONS
from playground.engine.recipe import parse_edit
from playground.errors import Message
from playground.retrieval.passages import Passage
from playground.retrieval.search import Found, Hit, matched
from playground.ui.documents import view as documents_html
from playground.ui.parts import answers_html, html
from playground.ui.parts.answers_html import Looked
from playground.ui.parts.labels import width_of
from playground.ui.parts.passages_html import passage
from playground.ui.parts.steps import stack, step_title
from playground.ui.text import TABLES
from playground.ui.tokens import view as tokens_html
from playground.ui.tokens.flatmap import draw_map
from playground.workspace import Stack, Step, Workspace

OURS = {
    "b",
    "button",
    "details",
    "div",
    "h3",
    "img",
    "li",
    "mark",
    "ol",
    "p",
    "pre",
    "section",
    "small",
    "span",
    "summary",
    "table",
    "caption",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "a",
    "sup",
}
EVIL = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><b onclick="x()">',
    "' autofocus onfocus='x()",
    "</td></table></section><i>",
    "<!-- ",
    "&lt;i&gt; &amp; &#60;i&#62;",
    "${alert(1)} {{value}} {text} {0}",
    "<|im_end|>",
    "]]><svg/onload=x()>",
]


def passages(hits, language):
    return documents_html.found(Found(tuple(hits), {}), [], [], language)


evil = pytest.mark.parametrize("evil", EVIL)
both = pytest.mark.parametrize("language", ["en", "ko"])


@dataclass
class Node:
    """An element as a browser's parser sees it."""

    tag: str
    attributes: dict[str, str]
    parts: list[Node | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(p if isinstance(p, str) else p.text for p in self.parts)

    def all(self, tag: str, kind: str = "") -> list[Node]:
        """Elements below this one, by tag and class, in their order."""
        found = []
        for part in self.parts:
            if isinstance(part, Node):
                if part.tag == tag and kind in ("", *part.attributes.get("class", "").split()):
                    found.append(part)
                found += part.all(tag, kind)
        return found


class Reader(HTMLParser):
    """Builds the tree and refuses what is not ours, not closed, or hidden in a comment."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Node("root", {})
        self.open = [self.root]

    def handle_starttag(self, tag, attrs):
        assert tag in OURS, f"<{tag}>"
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), names
        assert not [n for n in names if n.startswith("on") or n == "autofocus"], names
        assert all((value or "").startswith("#source-") for name, value in attrs if name == "href")
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].parts.append(node)
        if tag != "img":
            self.open.append(node)

    def handle_endtag(self, tag):
        assert self.open.pop().tag == tag

    def handle_data(self, data):
        self.open[-1].parts.append(data)

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    handle_decl = unknown_decl = handle_pi = handle_comment


def read(piece: str) -> Node:
    reader = Reader()
    reader.feed(piece)
    reader.close()
    assert reader.open == [reader.root], "something is not closed"
    return reader.root


def seen(text: str) -> str:
    """A token's text as the page shows it."""
    for character, sign in {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "␍"}.items():
        text = text.replace(character, sign)
    return text


def token(text, number=7):
    return Token(number, text, 1.5)


def hit(text="The cat sat.", asked="", document="d.md", heading="", score=1.0):
    passage = Passage(f"{document}#1", document, heading, text)
    return Hit(rank=1, passage=passage, score=score, matched=matched(text, frozenset(asked.split())))


def answer(text="", label="A", prompt="p", hits=(), **more):
    return Answer(label=label, prompt=prompt, hits=tuple(hits), begun="", prompt_tokens=5, text=text, **more)


def edit(text=" a", direction="toward", target=" b", **more):
    values = {"strength": 0.5, "side": "both", "seed": 0} | more
    return {"kind": "nudge_tokens", "text": text, "direction": direction, "target": target} | values


def receipt(of=None, warnings=(), relative=0.25, size=2048, seconds=0.0123):
    changes = (TensorChange("a", 1.0), TensorChange("b", 1.0))
    return Receipt(
        edit=parse_edit(of or edit()),
        changes=changes,
        relative_change=relative,
        bytes=size,
        seconds=seconds,
        warnings=tuple(warnings),
    )


def stack_of(*steps):
    return Workspace(Stack("tiny-gpt2", tuple(steps)))


def test_the_reader_sees_what_it_must():
    for piece in (
        "<script>x</script>",
        "<b>",
        "</b>",
        "<!-- x -->",
        '<b onclick="x">',
        "<b><i>x</i></b>",
        '<p id="a" id="b"></p>',
        "<?x?>",
    ):
        with pytest.raises((AssertionError, IndexError)):
            assert read(piece).text == piece
    assert read("<p>a<b>&lt;b&gt;</b></p>").all("p")[0].text == "a<b>"


# Escaping, builder by builder


@evil
def test_visible_escapes(evil):
    assert read(html.visible(evil)).text == seen(evil)


@evil
@pytest.mark.parametrize("kind", ["hint", "warn"])
def test_notes_escape(evil, kind):
    root = read(html.notes([evil, "b"], kind))
    assert [n.text.removeprefix("⚠ ") for n in root.all("div", f"pg-{kind}")] == [evil, "b"]


@evil
@both
def test_chips_escape(evil, language):
    root = read(tokens_html.chips([token(evil), token("b", 8)], 1, language))
    assert [b.all("b")[0].text for b in root.all("button")] == [seen(evil), "b"]


@evil
@both
def test_token_facts_escape(evil, language):
    root = read(tokens_html.token_facts(token(evil), [0.5, -1.0], language))
    assert root.all("h3")[0].text == seen(evil)
    assert evil in root.all("img")[0].attributes["alt"]


@evil
def test_neighbour_tables_escape(evil):
    root = read(tokens_html.neighbour_table([Neighbour(3, evil, 0.5)], "en"))
    assert root.all("button")[0].text == seen(evil)


@evil
def test_bars_escape(evil):
    root = read(html.probability_bars([(evil, 0.5, 0.25)], "en"))
    assert root.all("td")[0].text == seen(evil)


@evil
@both
def test_the_stack_escapes_edits_and_warnings(evil, language):
    for direction, on in product(DIRECTIONS, (True, False)):
        step = Step(parse_edit(edit(evil, direction, evil)), on)
        warned = receipt(step.edit, [Message("About {text}", {"text": evil})])
        root = read(stack(stack_of(step), [warned] if on else [], language))
        [item] = root.all("li")
        assert evil in item.all("b")[0].text
        assert all(evil in button.attributes["aria-label"] for button in item.all("button"))
        assert [n.text for n in item.all("div", "pg-warn")] == ([f"⚠ About {evil}"] if on else [])


@evil
@both
def test_passages_escape_text_heading_and_names(evil, language):
    [item] = read(passages([hit(evil, document=evil, heading=evil)], language)).all("li")
    assert item.all("div")[1].text == evil
    assert evil in item.all("div", "pg-hit")[0].text
    assert f"{evil}#1" in item.all("small")[0].text


@evil
def test_marks_inside_a_passage_do_not_open_a_gap(evil):
    text = f"cat {evil} cat"
    root = read(passage(hit(text, "cat alert script b"), "en"))
    assert root.all("div")[1].text == text
    assert root.all("mark")[0].text == "cat"


@evil
@both
def test_answers_escape_label_text_prompt_and_passages(evil, language):
    columns = [answer("plain", hits=[hit(evil)]), answer(evil, label=evil, prompt=evil, hits=[hit(evil)], done=True)]
    section = read(answers_html.answers(columns, language)).all("section")[1]
    assert section.all("h3")[0].text == evil
    assert section.all("p", "pg-text")[0].text == evil
    assert section.all("pre")[0].text == evil
    assert section.all("li")[0].all("div")[1].text == evil


@evil
def test_an_attribute_holds_the_same_text_whether_it_was_escaped_before_or_not(evil):
    for value in (evil, escape(evil), Markup('<b title="x">{}</b>').format(evil)):
        text = value if value == evil else value.unescape()
        assert ET.fromstring(html.tag("p", title=value)).attrib == {"title": text}


@evil
def test_the_first_answer_is_escaped_too(evil):
    assert read(answers_html.answers([answer(evil, done=True)], "en")).all("p")[0].text == evil


@evil
def test_differing_escapes_what_is_new_and_what_is_not(evil):
    assert read(answers_html.differing(evil, f"{evil} {evil}")).text == f"{evil} {evil}"


@evil
@both
def test_the_map_escapes_tokens(evil, language):
    points = [MapPoint(n, evil, float(n), 0.0) for n in range(3)]
    groups = marks(draw_map(FlatMap(points[0], points[1], (points[2],), 0.5), language))
    for group in groups:
        assert seen(evil) in group.attrib["aria-label"]
        assert group.find("title").text == group.attrib["aria-label"]
        label = group.find("text").text
        assert seen(evil).startswith(label.removesuffix("…"))
    assert len(groups) == 3


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_comes_through_whole(text, other):
    # A parser ends lines its own way and reads no NUL: what a page does with them is not ours.
    text, other = (re.sub("[\r\0]", "", t) for t in (text, other))
    assert read(html.visible(text)).text == seen(text)
    assert read(passage(hit(text), "en")).all("div")[1].text == text
    last = read(answers_html.answers([answer(other), answer(text, prompt=other, done=True)], "en"))
    assert last.all("p", "pg-text")[-1].text == text
    assert last.all("pre")[-1].text == other


# Tokens


def test_spaces_and_line_ends_are_visible():
    root = read(html.visible(" a\n\tb \r"))
    assert root.text == "␣a⏎⇥b␣␍"
    assert [span.text for span in root.all("span", "pg-space")] == ["␣", "⏎", "⇥", "␣", "␍"]
    assert read(html.visible("a␣b")).all("span") == []  # a sign that was there is no space
    assert html.visible("") == ""


def test_the_chosen_chip_is_pressed_and_no_other():
    buttons = read(tokens_html.chips([token("a", 5), token("b", 6), token("a", 5)], 2, "en")).all("button")
    assert [b.attributes["aria-pressed"] for b in buttons] == ["false", "false", "true"]
    assert [b.attributes["data-place"] for b in buttons] == ["0", "1", "2"]
    assert [b.attributes["data-id"] for b in buttons] == ["5", "6", "5"]
    assert {b.attributes["data-do"] for b in buttons} == {"choose"}


def test_no_tokens_are_an_empty_group():
    root = read(tokens_html.chips([], 0, "en"))
    assert root.all("div", "pg-chips")
    assert root.all("button") == []


def pixels(node: Node) -> list[tuple[int, int, int]]:
    data = node.attributes["src"].removeprefix("data:image/png;base64,")
    image = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
    return [image.getpixel((x, 0)) for x in range(image.width)]


def test_a_strip_has_a_column_for_each_number_white_at_zero_and_apart_above_and_below():
    [image] = read(tokens_html.strip([0.0, 1.0, -1.0, 0.5, -0.5], "a row")).all("img")
    zero, one, minus, half, minus_half = pixels(image)
    assert zero == (255, 255, 255)
    assert one[0] > one[2]  # orange above
    assert minus[2] > minus[0]  # blue below
    assert sum(one) < sum(half) < sum(zero)
    assert sum(minus) < sum(minus_half) < sum(zero)
    assert image.attributes["alt"] == "a row"


def test_neighbours_keep_their_order_and_can_be_pressed():
    rows = [Neighbour(3, " x", 0.98765), Neighbour(9, "", 0.5), Neighbour(4, "y", -0.1)]
    root = read(tokens_html.neighbour_table(rows, "en"))
    body = root.all("tbody")[0].all("tr")
    assert [[cell.text for cell in row.all("td")] for row in body] == [
        ["␣x", "3", "0.988"],
        [" (empty)", "9", "0.500"],
        ["y", "4", "-0.100"],
    ]
    assert [b.attributes["data-id"] for b in root.all("button")] == ["3", "9", "4"]
    assert len(root.all("th")) == 3
    assert read(tokens_html.neighbour_table([], "en")).all("td") == []


def test_bars_are_as_wide_as_their_probabilities():
    rows = [("a", 0.0, 1.0), ("b", 0.12344, 0.12345), ("c", 0.5, 0.25), ("d", 1e-9, 0.0)]
    body = read(html.probability_bars(rows, "en")).all("tbody")[0].all("tr")
    widths = [[s.attributes["style"] for s in row.all("span", "pg-bar")] for row in body]
    assert widths == [
        ["width:0.00%", "width:100.00%"],
        ["width:12.34%", "width:12.35%"],
        ["width:50.00%", "width:25.00%"],
        ["width:0.00%", "width:0.00%"],
    ]
    figures = [[s.text for s in row.all("span", "pg-figure")] for row in body]
    assert figures[0] == ["0.00 %", "100.00 %"]
    changes = [row.all("td")[3] for row in body]
    assert [c.text for c in changes] == ["▲ 100.00", "= 0.00", "▼ 25.00", "= 0.00"]
    assert [c.attributes["class"] for c in changes] == ["pg-up", "pg-same", "pg-down", "pg-same"]


def test_no_bars_are_a_table_without_rows():
    assert read(html.probability_bars([], "en")).all("td") == []


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.1 + 0.2, "0.3"),
        (0, "0"),
        (1234.5, "1,230"),
        (-0.5, "-0.5"),
        (7.043e7, "70,400,000"),
        (1.67e-5, "0.0000167"),
        (1e-300, "1e-300"),
        (1e300, "1e+300"),
    ],
)
def test_a_figure_has_few_digits(value, said):
    assert html.figure(value) == said


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2304, "2.3 kB"), (1_000_000, "1.0 MB")]
)
def test_a_size_is_said_in_the_unit_that_fits(count, said):
    assert html.size(count) == said


def test_an_empty_note_is_nothing():
    assert html.note("") == html.note("", "warn") == html.notes([], "hint") == ""


# The recipe


@both
def test_a_stack_without_edits_says_how_to_begin(language):
    root = read(stack(stack_of(), [], language))
    assert root.all("ol") == []
    assert root.all("div", "pg-hint")[0].text


def test_receipts_go_to_the_edits_that_are_on():
    steps = [Step(parse_edit(edit(" a"))), Step(parse_edit(edit(" b")), False), Step(parse_edit(edit(" c")))]
    found = [receipt(relative=0.01), receipt(relative=0.5, size=10)]
    items = read(stack(stack_of(*steps), found, "en")).all("li")
    lines = [item.all("div", "pg-receipt")[0].text for item in items]
    assert lines == [
        "Tensors changed: 2 (by 1 %). Holds 2.0 kB, took 12 ms.",
        "Switched off",
        "Tensors changed: 2 (by 50 %). Holds 10 B, took 12 ms.",
    ]
    assert [item.attributes["class"] for item in items] == ["", "pg-off", ""]
    switches = [item.all("button")[0].text for item in items]
    assert switches == ["Switch off", "Switch on", "Switch off"]


def test_every_edit_has_buttons_for_its_own_place():
    root = read(stack(stack_of(Step(parse_edit(edit())), Step(parse_edit(edit(" x")))), [], "ko"))
    buttons = [(b.attributes["data-do"], b.attributes["data-place"]) for b in root.all("button")]
    assert buttons == [("toggle", "0"), ("remove", "0"), ("toggle", "1"), ("remove", "1")]


@both
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_nudge_has_a_title_with_what_it_does(language, direction):
    title = step_title(Step(parse_edit(edit(" Paris", direction, " Rome", strength=0.8))), language)
    assert " Paris" in title
    assert "0.8" in title
    assert (" Rome" in title) == (direction in ("toward", "away"))


def test_warnings_are_told_in_the_language():
    nothing = Message("This edit changed nothing: every weight is as it was before.")
    root = read(stack(stack_of(Step(parse_edit(edit()))), [receipt(warnings=[nothing])], "ko"))
    assert "아무것도 바꾸지 않았습니다" in root.all("div", "pg-warn")[0].text


# Passages and answers


def test_shared_words_are_marked_where_they_stand():
    root = read(passage(hit("The cat & the <cat> sat.", "cat sat"), "en"))
    assert [mark.text for mark in root.all("mark")] == ["cat", "cat", "sat"]
    assert root.all("div")[1].text == "The cat & the <cat> sat."
    assert read(passage(hit("The cat", ""), "en")).all("mark") == []


@given(st.text("ab<&\"' ", max_size=30), st.lists(st.integers(0, 30), max_size=6))
def test_exactly_the_spans_are_marked(text, places):
    places = sorted({min(place, len(text)) for place in places})
    spans = tuple(zip(places[::2], places[1::2], strict=False))
    found = Hit(rank=1, passage=Passage("d#1", "d", "", text), score=0.5, matched=spans)
    body = read(passage(found, "en")).all("div")[1]
    assert [mark.text for mark in body.all("mark")] == [text[a:b] for a, b in spans]
    assert body.text == text


def test_a_passage_says_where_it_is_from():
    root = read(passage(hit("t", heading="Boats > Petrel", document="b.md", score=0.1234), "en"))
    assert root.all("div", "pg-hit")[0].text == "1. Boats > Petrel b.md#1 · score 0.123"
    assert "1. b.md b.md#1" in read(passage(hit("t", document="b.md"), "en")).text


@both
def test_no_passages_are_said_to_be_none(language):
    root = read(passages([], language))
    assert root.all("ol") == []
    assert root.text


def test_answers_without_columns_are_empty():
    assert read(answers_html.answers([], "en")).all("section") == []


def test_words_that_the_first_answer_has_not_are_marked_on_request():
    texts = ("It is Paris.", "It is Tokyo.", "It is Paris.")
    columns = [answer(text, done=True) for text in texts]
    sections = read(answers_html.answers(columns, "en", Looked(differing=True))).all("section")
    assert [[m.text for m in s.all("mark")] for s in sections] == [[], ["Tokyo."], []]
    assert read(answers_html.answers(columns, "en")).all("mark") == []


@both
def test_a_right_answer_puts_a_tick_or_a_cross_on_what_is_written(language):
    columns = [answer("It is Tokyo.", done=True), answer("It is Paris.", done=True), answer("It is Tok")]
    sections = read(answers_html.answers(columns, language, Looked(right="Tokyo"))).all("section")
    signs = [[span.text for span in section.all("span", "pg-sign")] for section in sections]
    assert signs == [["✓"], ["✗"], []]
    assert all(span.attributes["aria-label"] for section in sections for span in section.all("span", "pg-sign"))


def test_nothing_is_marked_while_either_answer_grows():
    for done in ((False, True), (True, False)):
        columns = [answer(text, done=d) for text, d in zip(("a b", "a c"), done, strict=True)]
        assert read(answers_html.answers(columns, "en", Looked(differing=True))).all("mark") == []


def test_a_growing_answer_has_a_cursor_and_a_finished_one_has_not():
    sections = read(answers_html.answers([answer("a"), answer("a", done=True)], "en")).all("section")
    assert [len(s.all("span", "pg-cursor")) for s in sections] == [1, 0]


def test_figures_and_passages_are_those_of_the_answer():
    columns = [answer("a", tokens=10, seconds=2.0, done=True), answer("a", hits=[hit(), hit()])]
    first, second = read(answers_html.answers(columns, "en")).all("section")
    figures = first.all("p", "pg-receipt")[0].text
    assert figures == "10 tokens in 2 s, 5 tok/s (prompt: 5 tokens)"
    assert [s.text for s in first.all("summary")] == ["The exact prompt"]
    assert [s.text for s in second.all("summary")] == ["Passages used (2)", "The exact prompt"]


words = st.lists(st.sampled_from(["a", "b", "c", "<i>", "&amp;", "가"]), max_size=8)
sentences = st.tuples(words, st.sampled_from([" ", "  ", "\n"])).map(lambda t: t[1].join(t[0]))


def sort_words(piece: str) -> tuple[list[str], list[str]]:
    """The words of a piece inside marks and outside them."""
    marked, plain = [], []
    for part in read(piece).parts:
        (plain if isinstance(part, str) else marked).extend((part if isinstance(part, str) else part.text).split())
    return marked, plain


@given(sentences, sentences)
def test_differing_gives_back_the_text(first, other):
    assert read(answers_html.differing(first, other)).text == other


@given(sentences, sentences)
def test_unmarked_words_stand_in_the_first_text_in_their_order(first, other):
    marked, plain = sort_words(answers_html.differing(first, other))
    rest = iter(first.split())
    assert all(word in rest for word in plain)
    assert sorted(marked + plain) == sorted(other.split())


@given(sentences, sentences)
def test_words_that_the_first_text_has_not_are_all_marked(first, other):
    _, plain = sort_words(answers_html.differing(first, other))
    assert set(plain) <= set(first.split())


@given(sentences)
def test_the_same_text_has_no_marks_and_a_text_after_nothing_is_all_marked(text):
    assert sort_words(answers_html.differing(text, text)) == ([], text.split())
    assert sort_words(answers_html.differing("", text)) == (text.split(), [])
    assert answers_html.differing(text, "") == ""


@pytest.mark.parametrize(
    ("first", "other", "marked"),
    [
        ("the red cat sat", "the big red cat sat", ["big"]),
        ("the red cat sat", "the blue cat lay", ["blue", "lay"]),
        ("the red cat", "the cat", []),
        ("a b", "a  b", []),  # only spaces differ
        ("It is Paris", "It is paris", ["paris"]),
    ],
)
def test_exactly_the_new_words_are_marked(first, other, marked):
    assert [mark.text.strip() for mark in read(answers_html.differing(first, other)).all("mark")] == marked


def test_marks_hold_words_and_never_spaces_alone():
    for mark in read(answers_html.differing("a b c", "a x\n\ny c")).all("mark"):
        assert mark.text.strip()


# The map


def marks(drawing: str) -> list[ET.Element]:
    """The marks of a map with their labels, the token's own last; nothing else is in it that acts."""
    root = ET.fromstring(drawing)
    assert {element.tag for element in root.iter()} <= {"svg", "rect", "text", "line", "circle", "g", "title"}
    assert not [name for element in root.iter() for name in element.attrib if name.startswith("on")]
    return list(root.iter("g"))


def test_the_map_has_an_arrow_only_when_the_token_moved():
    here, there = MapPoint(1, " Paris", 0.0, 0.0), MapPoint(1, " Paris", 1.0, 1.0)
    still, moved = draw_map(FlatMap(here, here, (), 1.0), "en"), draw_map(FlatMap(here, there, (), 1.0), "en")
    assert "stroke-width" not in still
    assert [group.attrib["aria-label"] for group in marks(still)] == ["before: ␣Paris (1)"]
    after, before = marks(moved)
    assert [after.attrib["aria-label"], before.attrib["aria-label"]] == ["after: ␣Paris (1)", "before: ␣Paris (1)"]
    # Told apart by shape too, not by colour alone.
    assert after.find("rect") is not None
    arrow = next(line.attrib for line in ET.fromstring(moved).iter("line") if "stroke-width" in line.attrib)
    circle, diamond = before.find("circle").attrib, after.find("rect").attrib
    assert (arrow["x1"], arrow["y1"]) == (circle["cx"], circle["cy"])
    assert (float(arrow["x2"]), float(arrow["y2"])) == (float(diamond["x"]) + 5, float(diamond["y"]) + 5)
    assert float(arrow["x2"]) > float(arrow["x1"])
    assert float(arrow["y2"]) < float(arrow["y1"])  # up is more


def test_a_token_that_moved_by_less_than_can_be_drawn_has_no_arrow():
    here, there, far = MapPoint(1, "a", 0.0, 0.0), MapPoint(1, "a", 1e-135, 0.0), MapPoint(2, "b", 1.0, 0.0)
    assert "stroke-width" not in draw_map(FlatMap(here, there, (far,), 1.0), "en")


def test_neighbours_on_the_map_can_be_pressed_by_hand_and_by_keyboard():
    points = [MapPoint(n, f" t{n}", float(n), 0.0) for n in range(3)]
    drawing = draw_map(FlatMap(points[0], points[0], tuple(points[1:]), 0.5), "en")
    buttons = [group.attrib for group in marks(drawing) if group.attrib["role"] == "button"]
    assert [(b["data-do"], b["data-id"], b["tabindex"]) for b in buttons] == [("go", "1", "0"), ("go", "2", "0")]
    assert [b["aria-label"] for b in buttons] == ["␣t1 (1)", "␣t2 (2)"]
    assert ET.fromstring(drawing).attrib["role"] != "img"  # whose parts would be hidden


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.text("aW가 ", max_size=10)), min_size=2, max_size=16))
def test_labels_on_the_map_lie_on_no_mark_and_on_no_other_label(found):
    points = [MapPoint(n, text, x, y) for n, (x, y, text) in enumerate(found)]
    groups = marks(draw_map(FlatMap(points[0], points[1], tuple(points[2:]), 0.5), "en"))
    boxes, places = [], []
    for group in groups:
        text = group.find("text")
        wide = width_of(text.text, 17)
        x, y = float(text.attrib["x"]), float(text.attrib["y"]) - 5
        assert x - wide / 2 >= 0
        assert x + wide / 2 <= 440
        boxes.append((x, y, wide))
        circles = [c.attrib for c in group.iter("circle")]
        places += [(float(c["cx"]), float(c["cy"])) for c in circles]
    for number, (x, y, wide) in enumerate(boxes):
        assert all(abs(x - a) >= wide / 2 or abs(y - b) >= 8 for a, b in places)
        for a, b, other in boxes[:number]:
            assert abs(x - a) >= (wide + other) / 2 or abs(y - b) >= 17


@both
@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_a_place_that_is_no_number_is_a_line_in_the_place_of_a_map(wrong, language):
    here, there = MapPoint(1, "a", 0.0, 0.0), MapPoint(1, "a", 0.0, wrong)
    said = TABLES[language]["map_broken"]
    for flat in (
        FlatMap(here, there, (), 1.0),
        FlatMap(here, here, (there,), math.nan),
        FlatMap(there, there, (), 1.0),
    ):
        assert read(draw_map(flat, language)).text.removeprefix("⚠ ") == said


def test_the_map_says_how_much_of_the_differences_it_shows():
    here = MapPoint(1, "a", 0.0, 0.0)
    for language in ("en", "ko"):
        drawing = ET.fromstring(draw_map(FlatMap(here, here, (), 0.4251), language))
        assert any("43 %" in (text.text or "") for text in drawing.iter("text"))
