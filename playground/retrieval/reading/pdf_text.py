"""The text of one PDF page: only letters that are known, in the order that a person reads.

pypdf gives the text in the order in which it was drawn. Each piece that is drawn is looked at on
the way: whether its font tells which characters its codes stand for, and where it stands.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import pypdf
from pypdf import _cmap
from pypdf import _page as pypdf_page
from pypdf._codecs import adobe_glyphs
from pypdf._text_extraction import _text_extractor, mult
from pypdf.generic import ArrayObject, DictionaryObject, StreamObject

# Encodings that the standard (ISO 32000, table 116) names and pypdf does not know
_cmap._predefined_cmap.update(
    {
        f"/{name}-{way}": codec
        for way in "HV"
        for name, codec in (
            ("KSCms-UHC", "cp949"),
            ("KSCms-UHC-HW", "cp949"),
            ("KSC-EUC", "cp949"),
            ("KSCpc-EUC", "cp949"),
            ("UniKS-UTF16", "utf-16-be"),
            ("EUC", "euc_jp"),
            ("90msp-RKSJ", "cp932"),
            ("90pv-RKSJ", "cp932"),
            ("B5pc", "big5"),
            ("HKscs-B5", "big5hkscs"),
            ("GBKp-EUC", "gbk"),
        )
    }
)
# Made anew for each page there, which takes half the time of a short one; it is only read
_text_extractor.encoding_dict_from_named_encoding = cache(_text_extractor.encoding_dict_from_named_encoding)

_STRANGE = 0.2  # of a text's characters; with more that are none, its codes are no letters
_GUTTER = 12.0  # points, at least, between two columns
_MOST_GAPS = 40  # places that are tried as a gutter


@dataclass(frozen=True, kw_only=True)
class TextPiece:
    """Text as it was drawn at once: where its line is, from left to right, in points."""

    text: str
    left: float
    right: float
    base: float
    size: float


@dataclass(frozen=True)
class PageText:
    """A page.

    :param unknown: characters of fonts that do not tell what their codes stand for; left out.
    """

    text: str
    unknown: int = 0

    @property
    def unreadable(self) -> bool:
        """Whether most of the page was in such fonts."""
        return self.unknown > sum(not c.isspace() for c in self.text)


def page_text(page: pypdf.PageObject) -> PageText:
    """What is written on a page.

    :raises Exception: it is damaged; of pypdf's many.
    """
    recorders: list[_Recorder] = []

    def recorder() -> _Recorder:
        recorders.append(_Recorder())
        return recorders[-1]

    pypdf_page.TextExtraction = recorder  # type: ignore[assignment,misc]
    text = page.extract_text()
    pieces = [piece for one in recorders for piece in one.pieces]
    unknown = sum(one.unknown for one in recorders)
    letters = [c for c in text if not c.isspace()]
    strange = sum(c == "\ufffd" or unicodedata.category(c) in ("Cc", "Co", "Cn", "Cs") for c in letters)
    if strange > _STRANGE * len(letters):
        return PageText("", unknown + len(letters))
    return PageText(in_columns(pieces) or text, unknown)


class _Recorder(_text_extractor.TextExtraction):
    """pypdf's own extraction of one content stream, which also keeps its pieces."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[TextPiece] = []
        self.unknown = 0
        self._tells: dict[int, bool] = {}

    def _handle_tj(self, text: str, operands: Any, *more: Any) -> Any:
        cm_matrix, tm_matrix, resource, _, _, size, _, _, sizes = more
        before = sizes["str_widths"]
        held = len(self.output)
        after, right_to_left, sizes = super()._handle_tj(text, operands, *more)
        key = id(resource)
        if key not in self._tells:
            self._tells[key] = resource is None or tells_characters(resource)
        drawn = (self.output[held:] + after).removeprefix(text)
        if not self._tells[key]:
            self.unknown += sum(not c.isspace() for c in drawn)
            self.output = self.output[:held]
            return text, right_to_left, sizes
        matrix = mult(tm_matrix, cm_matrix)
        if drawn.strip() and matrix[0] > 0 and abs(matrix[1]) < 1e-3:  # upright
            left = matrix[4] + before / 1000 * matrix[0]
            right = matrix[4] + sizes["str_widths"] / 1000 * matrix[0]
            self.pieces.append(
                TextPiece(text=drawn, left=left, right=right, base=matrix[5], size=abs(size * matrix[3]))
            )
        return after, right_to_left, sizes


def tells_characters(font: DictionaryObject) -> bool:
    """Whether a font tells which characters its codes stand for (ISO 32000, 9.10.2).

    By a map of its own, an encoding of a standard, or names of glyphs that are known.
    """
    if isinstance(table := _of(font, "/ToUnicode"), StreamObject):
        return b"beginbf" in table.get_data()
    kind, encoding = _of(font, "/Subtype"), _of(font, "/Encoding")
    if kind == "/Type0":
        name = str(encoding)
        known = name in _cmap._predefined_cmap or name.startswith("/Uni")
        return known and not name.startswith("/Identity")
    differences = _of(encoding, "/Differences") if isinstance(encoding, DictionaryObject) else None
    if not isinstance(differences, ArrayObject):
        return kind != "/Type3"
    names = [str(name) for name in differences if isinstance(name, str)]
    unknown = sum(not _is_known(name) for name in names)
    return 2 * unknown <= len(names)


def _of(held: Any, key: str) -> Any:
    value = held.get(key)
    return value.get_object() if value is not None else None


def _is_known(name: str) -> bool:
    """Whether a glyph's name says a character, by Adobe's list or as a number in Unicode."""
    stem = name.lstrip("/").split(".")[0]
    code = stem.removeprefix("uni") if stem.startswith("uni") else stem.removeprefix("u")
    number = len(code) >= 4 and code != stem and all(c in "0123456789ABCDEFabcdef" for c in code)
    return f"/{stem}" in adobe_glyphs or number or not stem


def in_columns(pieces: Sequence[TextPiece]) -> str:
    """A page's text column by column, if it was drawn across two of them, line by line.

    Columns are of running text: both nearly fill their width, on several lines of the same height.
    So a table, whose rows belong together, is none. A line across both parts what is above it from
    what is below.

    :return: "" for any other page, whose order is left as it is.
    """
    lines = _lines(pieces)
    gutter = _gutter(lines)
    if gutter is None:
        return ""
    text: list[str] = []
    left: list[str] = []
    right: list[str] = []
    for line in lines:
        if any(piece.left < gutter < piece.right for piece in line):
            text += [*left, *right, _written(line)]
            left, right = [], []
            continue
        for side, held in ((left, True), (right, False)):
            if there := [piece for piece in line if (piece.right <= gutter) == held]:
                side.append(_written(there))
    return "\n".join([*text, *left, *right])


def _lines(pieces: Sequence[TextPiece]) -> list[list[TextPiece]]:
    """Pieces of about the same base, from the top down; each line from left to right."""
    lines: list[list[TextPiece]] = []
    for piece in sorted(pieces, key=lambda piece: -piece.base):
        if lines and lines[-1][0].base - piece.base < 0.4 * max(piece.size, 1.0):
            lines[-1].append(piece)
        else:
            lines.append([piece])
    return [sorted(line, key=lambda piece: piece.left) for line in lines]


def _gutter(lines: Sequence[Sequence[TextPiece]]) -> float | None:
    """Where two columns part that were drawn across, None if there are none."""
    gaps = Counter(
        round((after.left + before.right) / 2, 1)
        for line in lines
        for before, after in pairwise(line)
        if after.left - before.right >= max(_GUTTER, before.size)
    )
    tried = (gutter for gutter, _ in gaps.most_common(_MOST_GAPS))
    return next((gutter for gutter in tried if _parts_columns(lines, gutter)), None)


def _parts_columns(lines: Sequence[Sequence[TextPiece]], gutter: float) -> bool:
    both = [
        ([p for p in line if p.right <= gutter], [p for p in line if p.left >= gutter])
        for line in lines
        if not any(piece.left < gutter < piece.right for piece in line)
    ]
    both = [(left, right) for left, right in both if left and right]
    if len(both) < 4 or 2 * len(both) < len(lines):
        return False
    for sides in zip(*both, strict=True):
        start = min(piece.left for side in sides for piece in side)
        width = max(piece.right for side in sides for piece in side) - start
        full = sum(side[-1].right - start > 0.6 * width for side in sides)
        letters = sum(len(_written(side)) for side in sides) / len(sides)
        if 3 * full < 2 * len(sides) or letters < 15:
            return False
    return True


def _written(line: Sequence[TextPiece]) -> str:
    """A line's text, with a space where there is a gap."""
    text = ""
    for before, piece in zip([None, *line], line, strict=False):
        apart = before is not None and piece.left - before.right > 0.15 * piece.size
        space = " " if apart and text and not (text[-1:] + piece.text[:1]).isspace() else ""
        text += space + piece.text
    return " ".join(text.split())
