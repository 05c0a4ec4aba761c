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

from playground.errors import CorpusError, Message
from playground.retrieval.reading.archive import Archive
from playground.retrieval.reading.grid import Cell, TableGrid, span
from playground.retrieval.reading.parts import Parts, literal
from playground.retrieval.reading.word_styles import MAX_LEVEL, Attributes, Styles, heading_level, outline_level

_MAIN = re.compile(r"word/document\d*\.xml")
_STYLES = "word/styles.xml"
_SPACES = (  # of the elements that are looked at, in the two dialects
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",
)

_NOTES = ("footnote", "endnote", "comment")
_ASIDE = re.compile(r"word/(?:header|footer)\d*\.xml")
_MATH = ("http://schemas.openxmlformats.org/officeDocument/2006/math", "http://purl.oclc.org/ooxml/officeDocument/math")
# What stands before and after a part of a formula
_FORMULA = {
    "num": ("(", ")"),
    "den": ("/(", ")"),
    "sup": ("^(", ")"),
    "sub": ("_(", ")"),
    "rad": ("√(", ")"),
    "deg": ("[", "]"),
    "d": ("(", ")"),
    "nary": ("∫", ""),
    "func": ("", " "),
}
_SIMPLE = re.compile(r"(?<=[\^_/√])\((\w+)\)|\((\w+)\)(?=/)")

_REPEATS = ("Fallback", "moveFrom")  # what is said elsewhere too: for old programs, or moved

Handler = Callable[[str, Attributes], None]


def read_word(file: BinaryIO, parts: Parts) -> None:
    """Add a ``.docx`` as one part: the body's text with its notes and comments below what they are
    to, without headers, footers and deleted text.

    :raises CorpusError: it is encrypted, declares entities, has no text or too much.
    :raises Exception: it is damaged; of zipfile's, zlib's or expat's.
    """
    archive = Archive(parts.name, file, parts.budget)
    names = archive.names()
    main = next(name for name in sorted(names) if _MAIN.fullmatch(name))
    styles = Styles()
    if _STYLES in names:
        _parse(archive.unpack(_STYLES, parts.name), parts.name, styles.start, styles.end)
    notes: dict[str, str] = {}
    for kind in _NOTES:
        if f"word/{kind}s.xml" in names:
            reader = _Notes(parts, kind, notes)
            steps = archive.unpack(f"word/{kind}s.xml", parts.name)
            _parse(steps, parts.name, reader.start, reader.end, reader.data)
    body = _Body(parts, styles.levels(), notes)
    _parse(archive.unpack(main, parts.name), parts.name, body.start, body.end, body.data)
    parts.add("", body.text(), markdown=True)
    left_out = sum(bool(_ASIDE.fullmatch(name)) for name in names)
    if left_out:
        parts.tell(
            Message("{count} headers and footers of {name} were left out.", {"name": parts.name, "count": left_out})
        )


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
            "{name} declares XML entities, which no word processor writes. Save it anew in one, then add that.",
            name=name,
        )

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = lambda tag, attributes: start(
        _local(tag), {_local(key): value for key, value in attributes.items()}
    )
    parser.EndElementHandler = lambda tag: end(_local(tag))
    if data:
        parser.CharacterDataHandler = data
    for step in steps:
        parser.Parse(step, False)
    parser.Parse(b"", True)


def _local(tag: str) -> str:
    space, _, name = tag.rpartition(" ")
    if space in _MATH:
        return f"math {name}"
    return name if space in _SPACES or name in _REPEATS else f"other {name}"


@dataclass
class _Paragraph:
    pieces: list[str] = field(default_factory=list)
    level: int = 0
    item: bool = False
    alone: bool = False  # a formula outside of all paragraphs


class _Notes:
    """The texts of footnotes, endnotes or comments, by their kind and number."""

    def __init__(self, parts: Parts, kind: str, notes: dict[str, str]) -> None:
        self._parts, self._kind, self._notes = parts, kind, notes
        self._key, self._in_text = "", False

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == self._kind and "eparator" not in attributes.get("type", ""):
            self._key = f"{tag} {attributes.get('id', '')}"
        elif tag in ("p", "tab", "br") and self._key:
            self._add(" ")
        self._in_text = tag in ("t", "math t")

    def end(self, tag: str) -> None:
        self._in_text = False
        if tag == self._kind:
            self._key = ""

    def data(self, text: str) -> None:
        if self._in_text and self._key:
            self._add(text)

    def _add(self, text: str) -> None:
        self._notes[self._key] = self._notes.get(self._key, "") + text
        self._parts.check(len(self._notes[self._key]))


class _Body:
    """Paragraphs and tables, in the order of the text. Text boxes may nest paragraphs."""

    def __init__(self, parts: Parts, levels: dict[str, int], notes: dict[str, str]) -> None:
        self._parts, self._levels = parts, levels
        self._notes, self._noted = notes, 0
        self._waiting: list[str] = []  # notes to what is being read
        self._open: list[_Paragraph] = []
        self._blocks: list[tuple[str, str]] = []  # kind and text; some stand close to their like
        self._length = 0
        self._tables = self._repeats = 0
        self._cells: list[Cell] = []
        self._grid = TableGrid()
        self._formulas: list[int] = []  # where in the paragraph those being read begin
        self._sum = -1  # where the sign of a sum or an integral stands
        self._in_text = False

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag in _REPEATS:
            self._repeats += 1
        elif self._repeats:
            return
        elif tag == "tbl":
            self._tables += 1
            self._grid = TableGrid() if self._tables == 1 else self._grid
        elif tag == "tr" and self._tables == 1:
            self._cells = []
        elif tag == "tc" and self._tables == 1:
            self._cells.append(Cell())
        elif tag == "gridSpan" and self._tables == 1 and self._cells:
            self._cells[-1].across = span(attributes.get("val"))
        elif tag == "vMerge" and self._tables == 1 and self._cells:
            self._cells[-1].continues = attributes.get("val", "continue") == "continue"
        elif tag == "p" or (tag == "math oMath" and not self._open):
            self._open.append(_Paragraph(alone=tag != "p"))
            self._within(tag, attributes, self._open[-1])
        elif self._open:
            self._within(tag, attributes, self._open[-1])

    def _within(self, tag: str, attributes: Attributes, paragraph: _Paragraph) -> None:
        if tag in ("t", "math t"):
            self._in_text = True
        elif tag.startswith("math "):
            self._formula(tag.removeprefix("math "), attributes, paragraph)
        elif tag.endswith("Reference") and (kind := tag.removesuffix("Reference")) in _NOTES:
            self._note(f"{kind} {attributes.get('id', '')}", paragraph)
        elif tag in ("tab", "br", "cr", "noBreakHyphen"):
            paragraph.pieces.append({"tab": " ", "noBreakHyphen": "-"}.get(tag, "\n"))
        elif tag == "pStyle":
            style = attributes.get("val", "")
            paragraph.level = self._levels.get(style) or heading_level(style)
        elif tag == "outlineLvl":
            paragraph.level = outline_level(attributes)
        elif tag == "numPr":
            paragraph.item = True

    def _formula(self, tag: str, attributes: Attributes, paragraph: _Paragraph) -> None:
        if tag == "oMath":
            self._formulas.append(len(paragraph.pieces))
            paragraph.pieces.append("")
        elif tag == "chr" and 0 <= self._sum < len(paragraph.pieces):
            paragraph.pieces[self._sum] = next(iter(attributes.values()), "∫")[:1]
        elif tag in _FORMULA:
            paragraph.pieces.append(_FORMULA[tag][0])
            self._sum = len(paragraph.pieces) - 1 if tag == "nary" else -1
        elif tag == "e":
            self._sum = -1

    def _end_formula(self, tag: str) -> None:
        pieces = self._open[-1].pieces
        if tag == "oMath" and self._formulas:
            at = self._formulas.pop()
            pieces[at:] = [_SIMPLE.sub(r"\1\2", "".join(pieces[at:]).replace("[]", ""))]
            if self._open[-1].alone:
                self._close(self._open.pop())
        elif tag in _FORMULA:
            pieces.append(_FORMULA[tag][1])

    def _note(self, key: str, paragraph: _Paragraph) -> None:
        """Mark the place of a note, whose text comes below."""
        text = " ".join(self._notes.pop(key, "").split())
        if text:
            self._noted += 1
            paragraph.pieces.append(f"[^{self._noted}]")
            self._waiting.append(f"[^{self._noted}]: {text}")

    def data(self, text: str) -> None:
        if self._in_text and self._open:
            self._open[-1].pieces.append(text)
            self._length += len(text)
            self._parts.check(self._length)

    def end(self, tag: str) -> None:
        if tag in _REPEATS:
            self._repeats -= 1
        elif self._repeats:
            return
        elif tag in ("t", "math t"):
            self._in_text = False
        elif tag.startswith("math ") and self._open:
            self._end_formula(tag.removeprefix("math "))
        elif tag == "p" and self._open:
            self._close(self._open.pop())
        elif tag == "tr" and self._tables == 1:
            self._keep("row", self._grid.line(self._cells))
        elif tag == "tbl":
            self._tables -= 1
            self._keep_notes()

    def _close(self, paragraph: _Paragraph) -> None:
        text = "".join(paragraph.pieces).strip()
        if self._tables:
            if self._cells:
                self._cells[-1].text += f" {text}"
        elif paragraph.level:
            mark = "#" * min(paragraph.level, MAX_LEVEL)
            self._keep("", f"{mark} {' '.join(text.split())}" if text else "")
        elif paragraph.item:
            self._keep("item", f"- {text}" if text else "")
        else:
            self._keep("", literal(text))
        self._keep_notes()

    def _keep_notes(self) -> None:
        if not self._tables:
            for note in self._waiting:
                self._keep("note", note)
            self._waiting.clear()

    def _keep(self, kind: str, text: str) -> None:
        if text:
            self._blocks.append((kind, text))

    def text(self) -> str:
        """The document; rows of a table, items of a list and notes stand close together, the rest
        apart. Notes that nothing refers to stand at its end.
        """
        left = [" ".join(note.split()) for note in self._notes.values()]
        pieces, before = [], ""
        for kind, text in [*self._blocks, *(("note", f"[^]: {note}") for note in left if note)]:
            pieces.append(("\n" if kind and kind == before else "\n\n") + text)
            before = kind
        return "".join(pieces).strip("\n")
