"""HTML -> its title and the text that a reader sees, with headings as markdown.

Of attributes, only how far a cell of a table reaches is looked at. Formulas (MathML) become lines
of text: ``x^2``, ``(a+b)/c``.
"""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any, BinaryIO

from playground.errors import Message
from playground.retrieval.reading.decoding import decode_into
from playground.retrieval.reading.grid import Cell, TableGrid, span
from playground.retrieval.reading.limits import MAX_FILE_BYTES
from playground.retrieval.reading.parts import Parts, literal

_DROPPED_TAGS = """
script style nav template noscript iframe object applet svg canvas audio video annotation annotation-xml
"""
_DROPPED = frozenset(_DROPPED_TAGS.split())
_BLOCKS_TAGS = """
address article aside blockquote body caption dd details div dl dt fieldset figcaption figure footer form head
header hr html legend li main ol optgroup option p pre section select summary table tbody textarea tfoot thead ul
"""
_BLOCKS = frozenset(_BLOCKS_TAGS.split())
_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_CLOSE_LINES = ("li", "tr", "br", "option", "dd")  # no empty line before these
_CELLS = ("td", "th")
_TOLD = frozenset({"nav", "noscript", "iframe", "object", "applet", "svg", "canvas"})
# What stands before each part of a formula
_FORMULA = {
    "mfrac": ("", "/"),
    "msup": ("", "^"),
    "msub": ("", "_"),
    "msubsup": ("", "_", "^"),
    "mroot": ("", "√"),
    "munder": ("", "_"),
    "mover": ("", "^"),
    "munderover": ("", "_", "^"),
}
_MAX_FORMULA = 200  # levels


def read_html(file: BinaryIO, parts: Parts) -> str:
    """Add an HTML file as one part under its title.

    :return: its encoding.
    :raises CorpusError: it is not text, shows no text, or shows too much.
    """
    text, encoding = decode_into(parts, file.read(MAX_FILE_BYTES))
    page = _Page(xml=text[:1_000].lstrip().lower().startswith("<?xml"))
    page.feed(text)
    if not page.rawdata.startswith("<"):  # a tag that is cut off at the end is no text
        page.close()
    parts.add(page.title, page.text(), markdown=True)
    if page.dropped:
        parts.tell(
            Message(
                "{count} menus, pictures or frames of {name} were left out.",
                {"name": parts.name, "count": page.dropped},
            )
        )
    return encoding


class _Page(HTMLParser):
    """Collects lines. Spaces are collapsed.

    :param xml: whether ``<script/>`` is closed by its slash, as in XHTML; in HTML it is not.
    """

    def __init__(self, xml: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.title, self.dropped = "", 0
        self._xml = xml
        self._lines: list[str] = []
        self._line: list[str] = []  # pieces of the line that is being read
        self._mark = ""  # what stands before it: a heading's or a list's
        self._dropping, self._depth = "", 0
        self._in_title = self._in_row = False
        self._pre = 0
        self._grid, self._cells = TableGrid(), [Cell()]  # of a row, the one being read last
        self._formula: list[list[Any]] = []  # of each element in one: tag, parts, brackets

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._dropping:
            self._depth += tag == self._dropping
        elif tag in _DROPPED:
            self._dropping, self._depth = tag, 1
            self.dropped += tag in _TOLD
        elif tag == "math" or self._formula:
            self._start_formula(tag)
        elif tag == "title":
            self._in_title = not self.title
        elif tag in _HEADINGS and not self._in_row:
            self._break(tag)
            self._mark = _HEADINGS[tag]
        elif tag in _CELLS and self._in_row:
            self._end_cell()
            attributes = dict(attrs)
            self._cells.append(Cell(across=span(attributes.get("colspan")), down=span(attributes.get("rowspan"))))
        elif tag in ("br", "tr", *_BLOCKS):
            self._break(tag)
            if tag == "table" and not self._in_row:
                self._grid = TableGrid()
            self._in_row = tag == "tr" or (self._in_row and tag != "table")
            self._mark = "- " if tag == "li" and not self._in_row else self._mark
            self._pre += tag == "pre"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self._xml or tag not in _DROPPED:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._dropping:
            self._depth -= tag == self._dropping
            if not self._depth:
                self._dropping = ""
        elif self._formula:
            self._end_formula(tag)
        elif tag == "title":
            self._in_title = False
        elif tag in _HEADINGS or tag in _BLOCKS or tag == "tr":
            self._in_row = self._in_row and tag not in ("tr", "table")
            self._break("" if tag not in _CLOSE_LINES else tag)
            self._pre -= tag == "pre" and self._pre > 0

    def handle_data(self, data: str) -> None:
        if self._dropping:
            return
        if self._in_title:
            self.title += data[:1_000]
        elif self._formula:
            self._line.append("".join(data.split()))
        elif self._pre and not self._in_row:
            for number, line in enumerate(data.split("\n")):
                if number:
                    self._break("br")
                self._line.append(line)
        else:
            self._line.append(data)

    def _start_formula(self, tag: str) -> None:
        """Put a sign before a part of a formula, and brackets around one of several."""
        bracket = ""
        if self._formula and self._formula[-1][0] in _FORMULA:
            above = self._formula[-1]
            signs = _FORMULA[above[0]]
            self._line.append(signs[min(above[1], len(signs) - 1)])
            above[1] += 1
            bracket = "(" if tag == "mrow" else ""
        self._line.append({"math": " ", "msqrt": "√("}.get(tag, bracket))
        if len(self._formula) < _MAX_FORMULA:
            self._formula.append([tag, 0, ")" if bracket or tag == "msqrt" else ""])

    def _end_formula(self, tag: str) -> None:
        if any(entry[0] == tag for entry in self._formula):
            while True:
                name, _, bracket = self._formula.pop()
                self._line.append(" " if name == "math" else bracket)
                if name == tag:
                    return

    def _end_cell(self) -> None:
        self._cells[-1].text += "".join(self._line)
        self._line.clear()

    def text(self) -> str:
        """What was read so far, blocks parted by an empty line."""
        self._break("")
        return "\n".join(self._lines).strip("\n")

    def _break(self, tag: str) -> None:
        """End the line, but within a table's row: a row is one line."""
        if self._in_row and tag != "tr":
            self._line.append(" ")
            return
        if len(self._cells) > 1:
            self._end_cell()
            before, *cells = self._cells  # what stands in a row before its first cell is no cell
            line = self._grid.line([before, *cells] if before.text.strip() else cells)
            self._cells = [Cell()]
        else:
            line = " ".join("".join(self._line).split())
        self._line.clear()
        if line:
            self._lines.append(self._mark + (line if self._mark else literal(line)))
            self._mark = ""
        if tag not in _CLOSE_LINES and self._lines and self._lines[-1]:
            self._lines.append("")
            self._mark = ""
