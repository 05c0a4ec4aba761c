"""Bytes of a text file -> text, and the encoding that they were read in."""

from __future__ import annotations

import codecs
import unicodedata

from playground.errors import CorpusError

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_GUESSES = ("cp949", "cp1252")  # tried in this order where nothing tells
_KEPT = "\t\n\r\f\v"


def decode(name: str, data: bytes) -> tuple[str, str]:
    """Decode strictly: UTF-8, UTF-16 after its byte-order mark, else CP949, else Windows-1252.

    The last two are guesses, and hold only for a text without control characters.

    :return: the text without byte-order mark, and ``utf-8``, ``utf-8-sig``, ``utf-16``,
        ``cp949`` or ``cp1252``.
    :raises CorpusError: nothing there, or no text in any of these.
    """
    if not data.strip():
        raise CorpusError("{name} is empty. Leave it out, or give it some text.", name=name)
    if data.startswith(_UTF16):
        encodings: tuple[str, ...] = ("utf-16",)
    elif data.startswith(codecs.BOM_UTF8):
        encodings = ("utf-8-sig",)
    else:
        encodings = ("utf-8", *_GUESSES)
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text and not (encoding in _GUESSES and _has_controls(text)):
            return text, encoding
        if encoding == "utf-8":  # plain ASCII but for its zero bytes: not text
            break
    raise CorpusError(
        "{name} is not text in UTF-8, UTF-16 with a byte-order mark, CP949 or Windows-1252. "
        "Save it as UTF-8 text first.",
        name=name,
    )


def _has_controls(text: str) -> bool:
    return any(unicodedata.category(c) == "Cc" and c not in _KEPT for c in set(text))
