"""How plausible bytes are as a text of a language, in an encoding from before Unicode.

Scored by the letters that a language uses most, and by their neighbours: a curly apostrophe belongs
between Latin letters, a capital does not follow a small letter, and a Korean text is made of the
few hundred syllables that Korean uses, not of the thousands that it could.
"""

from __future__ import annotations

import codecs
import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HIGH = re.compile(rb"[\x80-\xff]")
_PIECE, SAMPLE = 2_000, 16_000  # bytes of a line, and of all lines, that are scored
_MARKS = frozenset("’‘“”„‚…–—«»‹›·\xa0")
_SIGNS = frozenset("•€£°§©®™×±½²³ºª")
_WIDE_MARKS = frozenset("、。，．・：；？！「」『』（）【】《》〈〉“”‘’…—～ー　·")


@dataclass(frozen=True)
class Language:
    """How a language is written in one encoding.

    :param often: its letters beyond ASCII, or the most frequent ones of many.
    :param block: of which the rest of its letters are, as a pattern; "" where ``often`` is all.
    """

    encoding: str
    often: frozenset[str]
    block: str = ""


TABLES = json.loads((Path(__file__).resolve().parents[1] / "assets" / "encodings.json").read_text("utf-8"))
LANGUAGES = tuple(
    Language(row["encoding"], frozenset(row["often"]), row.get("block", "")) for row in TABLES["languages"]
)


def plausibility_of(data: bytes, language: Language) -> float:
    """How plausible bytes are as a language: the mean over its characters beyond ASCII.

    :return: at most 1; below 0 for what is none.
    """
    points, count = 0.0, 0
    for piece in _pieces(data):
        decoder = codecs.getincrementaldecoder(language.encoding)("replace")
        text = decoder.decode(piece, final=len(piece) < _PIECE)
        for index, character in enumerate(text):
            if character > "\x7f":
                before = text[index - 1 : index] if index else ""
                points += _point(character, before, text[index + 1 : index + 2], language)
                count += 1
    return points / count if count else -1.0


def _pieces(data: bytes) -> Iterator[bytes]:
    """The lines with bytes beyond ASCII, or their starts, up to a sample's size.

    A piece begins where a character does: all before its first high byte is ASCII.
    """
    at, taken = 0, 0
    while taken < SAMPLE and (match := _HIGH.search(data, at)):
        start = max(data.rfind(b"\n", at, match.start()) + 1, match.start() - 40, at)
        end = data.find(b"\n", match.start())
        end = len(data) if end < 0 else end
        piece = data[start : min(end, start + _PIECE)]
        yield piece
        taken, at = taken + len(piece), end


def _point(character: str, before: str, after: str, language: Language) -> float:
    """How well a character beyond ASCII stands where it is, from -3 to 1."""
    if character == "\ufffd":
        return -3.0
    if unicodedata.category(character) in ("Cc", "Co", "Cn", "Cf"):
        return -2.0
    if language.block in _EASTERN:
        return _eastern(character, language)
    if character in _MARKS or character in _SIGNS:
        inside = before.isalpha() and after.isalpha()
        beside = language.block and (before + after).strip().isalpha()
        wrong = beside if character in _SIGNS else inside and character not in "’‘–—·\xa0"
        good = 0.3 if language.block else 0.9
        return -1.0 if wrong or (inside and character in _SIGNS) else good
    ascii_beside = any(c.isascii() and c.isalpha() for c in (before, after))
    small = character.lower()
    if language.block:
        if ascii_beside or not re.match(language.block, character):
            return -2.0 if "\u2500" <= character <= "\u25ff" else -1.0
        if unicodedata.combining(character) and not before.isalpha() and before <= "\x7f":
            return -1.0  # a mark over nothing
        often = 1.0 if small in language.often else 0.5
    elif not {character, small} & language.often:
        return -1.0
    else:
        often = 1.0 if before.isalpha() or after.isalpha() else 0.5
        if before > "\x7f" and before.isalpha() and after > "\x7f":
            often = 0.3  # three beyond ASCII in a row are rare in Latin
    return -1.0 if character != small and before.islower() else often


_EASTERN = ("KS", "JIS", "GB", "BIG5")


def _eastern(character: str, language: Language) -> float:
    """The same for a character of Korean, Japanese or Chinese."""
    if character in language.often:
        return 1.0
    if character in _WIDE_MARKS or "\uff01" <= character <= "\uff5e":
        return 0.7
    block = language.block
    if block == "KS":
        if "가" <= character <= "힣":
            return 0.5 if _in_standard(character) else -1.5
        hanja = "一" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff"
        return -0.2 if hanja and _in_standard(character) else -0.6
    if block == "JIS" and "ァ" <= character <= "ヶ":
        return 0.7
    if not "一" <= character <= "\u9fff":
        return -0.8
    if block == "JIS":
        return 0.3 if _lead(character, "euc_jp") < 0xD0 else -0.3
    if block == "GB":
        lead = _lead(character, "gb2312")
        return 0.4 if lead < 0xD8 else 0.0 if lead < 0xFF else -0.7
    return 0.4 if 0xA4 <= _lead(character, "big5") < 0xC7 else -0.1


def _in_standard(character: str) -> bool:
    """Whether a character is one of KS X 1001: 2,350 syllables, all that nearly any text needs."""
    try:
        return len(character.encode("euc_kr")) == 2  # Python spells others in jamo: 8 bytes
    except UnicodeEncodeError:
        return False


def _lead(character: str, encoding: str) -> int:
    """The first byte of a character: the frequent ones of a standard have the lower ones."""
    try:
        return character.encode(encoding)[0]
    except UnicodeEncodeError:
        return 0xFF
