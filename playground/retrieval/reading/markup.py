"""HTML -> its title and the text that a reader sees, with headings as markdown."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import BinaryIO

from playground.retrieval.reading.decoding import decode_into
from playground.retrieval.reading.limits import MAX_FILE_BYTES
from playground.retrieval.reading.parts import Parts

_DROPPED = frozenset({
    "script", "style", "nav", "template", "noscript", "iframe", "object", "applet", "svg",
    "canvas", "audio", "video",
})  # fmt: skip
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "dd", "details", "div", "dl",
    "dt", "fieldset", "figcaption", "figure", "footer", "form", "head", "header", "hr", "html",
    "legend", "li", "main", "ol", "optgroup", "option", "p", "pre", "section", "select",
    "summary", "table", "tbody", "textarea", "tfoot", "thead", "ul",
})  # fmt: skip
_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_CLOSE_LINES = ("li", "tr", "br", "option", "dd")  # no empty line before these
_CELLS = ("td", "th")


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
    parts.add(page.title, page.text())
    return encoding


class _Page(HTMLParser):
    """Collects lines. Spaces are collapsed, and attributes are never looked at.

    :param xml: whether ``<script/>`` is closed by its slash, as in XHTML; in HTML it is not.
    """

    def __init__(self, xml: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self._xml = xml
        self._lines: list[str] = []
        self._line: list[str] = []  # pieces of the line that is being read
        self._mark = ""  # what stands before it: a heading's or a list's
        self._dropping, self._depth = "", 0
        self._in_title = self._in_row = False
        self._pre = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._dropping:
            self._depth += tag == self._dropping
        elif tag in _DROPPED:
            self._dropping, self._depth = tag, 1
        elif tag == "title":
            self._in_title = not self.title
        elif tag in _HEADINGS and not self._in_row:
            self._break(tag)
            self._mark = _HEADINGS[tag]
        elif tag in _CELLS and self._in_row:
            self._line.append(" | " if "".join(self._line).strip() else "")
        elif tag in ("br", "tr", *_BLOCKS):
            self._break(tag)
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
        elif self._pre and not self._in_row:
            for number, line in enumerate(data.split("\n")):
                if number:
                    self._break("br")
                self._line.append(line)
        else:
            self._line.append(data)

    def text(self) -> str:
        """What was read so far, blocks parted by an empty line."""
        self._break("")
        return "\n".join(self._lines).strip()

    def _break(self, tag: str) -> None:
        """End the line, but within a table's row: a row is one line."""
        if self._in_row and tag != "tr":
            self._line.append(" ")
            return
        line = " ".join("".join(self._line).split())
        self._line.clear()
        if line:
            self._lines.append(self._mark + line)
            self._mark = ""
        if tag not in _CLOSE_LINES and self._lines and self._lines[-1]:
            self._lines.append("")
            self._mark = ""
