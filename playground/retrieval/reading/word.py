"""A word processor's .docx -> markdown: headings, list items, and a table's rows as lines.

The XML is streamed through expat and nothing in it is ever looked up: a document type
declaration, where entities would be declared, ends the reading.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO
from xml.parsers import expat

from playground.errors import CorpusError
from playground.retrieval.reading.archive import Archive
from playground.retrieval.reading.parts import Parts

_MAIN = re.compile(r"word/document\d*\.xml")
_STYLES = "word/styles.xml"
_SPACES = (  # of the elements that are looked at, in the two dialects
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",
)
_HEADING = re.compile(r"(?:heading|제목)\s*([1-9])", re.IGNORECASE)
_MAX_LEVEL = 6

_REPEATS = ("Fallback", "moveFrom")  # what is said elsewhere too: for old programs, or moved

Attributes = dict[str, str]
Handler = Callable[[str, Attributes], None]


def read_word(file: BinaryIO, parts: Parts) -> None:
    """Add a ``.docx`` as one part: the body's text, without headers, notes and deleted text.

    :raises CorpusError: it is encrypted, declares entities, has no text or too much.
    :raises Exception: it is damaged; of zipfile's, zlib's or expat's.
    """
    archive = Archive(parts.name, file, parts.budget)
    names = archive.names()
    main = next(name for name in sorted(names) if _MAIN.fullmatch(name))
    styles = _Styles()
    if _STYLES in names:
        _parse(archive.unpack(_STYLES, parts.name), parts.name, styles.start, styles.end)
    body = _Body(parts, styles.levels())
    _parse(archive.unpack(main, parts.name), parts.name, body.start, body.end, body.data)
    parts.add("", body.text())


def _parse(
    steps: Iterator[bytes],
    name: str,
    start: Handler,
    end: Callable[[str], None],
    data: Callable[[str], None] | None = None,
) -> None:
    """Stream XML to handlers, which get local names, and of a word's own elements only."""

    def refuse(*_: object) -> None:
        raise CorpusError(
            "{name} declares XML entities, which no word processor writes. "
            "Save it anew in one, then add that.",
            name=name,
        )

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = lambda tag, given: start(
        _local(tag), {_local(key): value for key, value in given.items()}
    )
    parser.EndElementHandler = lambda tag: end(_local(tag))
    if data:
        parser.CharacterDataHandler = data
    for step in steps:
        parser.Parse(step, False)
    parser.Parse(b"", True)


def _local(tag: str) -> str:
    space, _, name = tag.rpartition(" ")
    return name if space in _SPACES or name in _REPEATS else f"other {name}"


@dataclass
class _Style:
    level: int = 0
    based_on: str = ""


class _Styles:
    """Which styles are headings, and of what level: ids differ by language, names less so."""

    def __init__(self) -> None:
        self._styles: dict[str, _Style] = {}
        self._style = _Style()

    def start(self, tag: str, given: Attributes) -> None:
        if tag == "style":
            self._style = self._styles.setdefault(given.get("styleId", ""), _Style())
        elif tag == "name" and not self._style.level:
            self._style.level = _heading_level(given.get("val", ""))
        elif tag == "basedOn":
            self._style.based_on = given.get("val", "")
        elif tag == "outlineLvl":
            self._style.level = self._style.level or _outline_level(given)

    def end(self, tag: str) -> None:
        if tag == "style":
            self._style = _Style()

    def levels(self) -> dict[str, int]:
        """Style id -> heading level from 1, for headings and what is based on one."""
        found = {}
        for name, style in self._styles.items():
            for _ in range(10):  # a chain of styles, which may be a circle
                if style.level or style.based_on not in self._styles:
                    break
                style = self._styles[style.based_on]
            if style.level:
                found[name] = style.level
        return found


@dataclass
class _Paragraph:
    pieces: list[str] = field(default_factory=list)
    level: int = 0
    item: bool = False


class _Body:
    """Paragraphs and tables, in the order of the text. Text boxes may nest paragraphs."""

    def __init__(self, parts: Parts, levels: dict[str, int]) -> None:
        self._parts, self._levels = parts, levels
        self._open: list[_Paragraph] = []
        self._blocks: list[tuple[bool, str]] = []  # (whether it follows closely, text)
        self._length = 0
        self._tables = self._repeats = 0
        self._cells: list[list[str]] = []
        self._in_text = False

    def start(self, tag: str, given: Attributes) -> None:
        if tag in _REPEATS:
            self._repeats += 1
        elif self._repeats:
            return
        elif tag == "tbl":
            self._tables += 1
        elif tag == "tr" and self._tables == 1:
            self._cells = []
        elif tag == "tc" and self._tables == 1:
            self._cells.append([])
        elif tag == "p":
            self._open.append(_Paragraph())
        elif self._open:
            self._within(tag, given, self._open[-1])

    def _within(self, tag: str, given: Attributes, paragraph: _Paragraph) -> None:
        if tag == "t":
            self._in_text = True
        elif tag in ("tab", "br", "cr", "noBreakHyphen"):
            paragraph.pieces.append({"tab": " ", "noBreakHyphen": "-"}.get(tag, "\n"))
        elif tag == "pStyle":
            style = given.get("val", "")
            paragraph.level = self._levels.get(style) or _heading_level(style)
        elif tag == "outlineLvl":
            paragraph.level = _outline_level(given)
        elif tag == "numPr":
            paragraph.item = True

    def data(self, text: str) -> None:
        if self._in_text:
            self._open[-1].pieces.append(text)
            self._length += len(text)
            self._parts.check(self._length)

    def end(self, tag: str) -> None:
        if tag in _REPEATS:
            self._repeats -= 1
        elif self._repeats:
            return
        elif tag == "t":
            self._in_text = False
        elif tag == "p" and self._open:
            self._close(self._open.pop())
        elif tag == "tr" and self._tables == 1:
            row = " | ".join(" ".join(" ".join(cell).split()) for cell in self._cells)
            self._keep(True, row if row.strip(" |") else "")
        elif tag == "tbl":
            self._tables -= 1

    def _close(self, paragraph: _Paragraph) -> None:
        text = "".join(paragraph.pieces).strip()
        if self._tables:
            if self._cells:
                self._cells[-1].append(text)
        elif paragraph.level:
            mark = "#" * min(paragraph.level, _MAX_LEVEL)
            self._keep(False, f"{mark} {' '.join(text.split())}" if text else "")
        else:
            self._keep(paragraph.item, f"- {text}" if paragraph.item and text else text)

    def _keep(self, close: bool, text: str) -> None:
        if text:
            self._blocks.append((close, text))

    def text(self) -> str:
        """The document; rows and items stand close together, the rest apart."""
        pieces, before = [], False
        for close, text in self._blocks:
            pieces.append(("\n" if close and before else "\n\n") + text)
            before = close
        return "".join(pieces).strip()


def _heading_level(name: str) -> int:
    """1 to 9 from a style's name or id, 0 if it is no heading."""
    if name.lower() in ("title", "제목"):
        return 1
    match = _HEADING.fullmatch(name.strip())
    return int(match[1]) if match else 0


def _outline_level(given: Attributes) -> int:
    value = given.get("val", "")
    return int(value) + 1 if value in tuple("01234567") else 0
