"""Bytes of a text -> its characters, where nothing but the bytes tells the encoding.

UTF-8 proves itself. Of the encodings before Unicode, nearly any bytes are text in nearly any of
them; what tells them apart is whether the outcome is written as a language is, which
``plausibility.py`` scores. The texts here are short; a general detector needs a page of bytes.
"""

from __future__ import annotations

import codecs
import re
import unicodedata

from playground.plausibility import LANGUAGES, SAMPLE, TABLES, plausibility_of

# What may be chosen by hand, by Python's names; each with what people call it, in its own words.
ENCODINGS: dict[str, str] = TABLES["names"]
# What files call themselves, where that is not Python's name of a wider encoding in use.
_WIDER: dict[str, str] = TABLES["wider"]  # a mark in ASCII is not in UTF-16
_ALSO: dict[str, str] = TABLES["also"]
_KNOWN = frozenset({*ENCODINGS, *TABLES["known"]})

_XML = re.compile(rb"""\s*<\?xml[^>]{0,200}?\bencoding\s*=\s*["']\s*([\w.:-]{1,40})""")
_META = re.compile(rb"""<meta\b[^>]{0,400}?\bcharset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.I)
_CODING = re.compile(rb"(?:[^\n]*\n)?[^\n]{0,80}\bcoding[:=][ \t]*([\w.-]{1,40})")
_HEAD_BYTES = 4_096

_LETTERS_TO_LOST = 20  # beyond ASCII, at least, for each that is lost
_ENOUGH = 0.2  # of a score: below it, a guess is none
_KEPT = "\t\n\r\f\v"


def said_by(data: bytes) -> str:
    """The encoding that a file says it is in: an XML declaration, a page's ``charset``, or a
    ``coding:`` in one of the first two lines; "" for none, or for one that is not known.
    """
    head = data[:_HEAD_BYTES]
    match = _XML.match(head) or _META.search(head) or _CODING.match(head)
    return known(match[1].decode("ascii", "replace")) if match else ""


def known(name: str) -> str:
    """Python's name of an encoding, the wider one where programs write that under its name.

    :return: "" for one that is unknown or is no encoding of letters.
    """
    name = name.strip().lower()
    name = _ALSO.get(name, name)
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
    found = _WIDER.get(found, found)
    found = {"iso8859-2": "iso8859_2", "koi8-r": "koi8_r", "mac-roman": "mac_roman"}.get(found, found)
    return found if found in _KNOWN else ""


def decoded(data: bytes, chosen: str = "") -> tuple[str, str] | None:
    """The characters of a text, and the encoding that they were read in.

    A visitor's choice comes first, then a byte-order mark, then what the file says of itself if
    that is plausible, then UTF-8 if it is valid, then the most plausible guess. In a guess, bytes
    that stand for nothing become U+FFFD; a whole of such text is none.

    :param chosen: one of ``ENCODINGS``, or "" to find it out.
    :return: the text without byte-order mark; None if it is not text in it, or in any.
    """
    if chosen:
        text = _strict(data, chosen)
        return (text.removeprefix("\ufeff"), chosen) if text is not None else None
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            text = _strict(data, encoding)
            return (text, encoding) if text is not None else None
    if b"\0" in data:
        return _utf16(data)
    said = said_by(data)
    if said and said != "utf-8" and (text := _strict(data, said)) is not None:
        scores = [plausibility_of(data, language) for language in LANGUAGES if language.encoding == said]
        if not scores or max(scores) >= _ENOUGH or text.isascii():
            return text, said
    if (text := _strict(data, "utf-8")) is not None:
        return text, "utf-8"
    return _mended(data) or _guessed(data)


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    told = encoding.startswith("utf") or encoding == "iso2022_jp"
    return None if "\0" in text or (not told and has_controls(text)) else text


def has_controls(text: str) -> bool:
    """Whether there are control characters that no text has."""
    return any(unicodedata.category(c) == "Cc" and c not in _KEPT for c in set(text))


def _utf16(data: bytes) -> tuple[str, str] | None:
    """UTF-16 without its mark, if the outcome is letters that belong together."""
    for encoding in ("utf-16-le", "utf-16-be"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text or has_controls(text) or not re.search(r"[ -~\n]", text):
            continue
        kinds = [unicodedata.category(c) for c in text[:SAMPLE]]
        strange = sum(kind in ("Cn", "Co", "Cs") for kind in kinds)
        scripts = {unicodedata.name(c, "?").split()[0] for c in text[:SAMPLE] if c.isalpha()}
        if not strange and len(scripts) <= 6:
            return text, encoding
    return None


def _mended(data: bytes) -> tuple[str, str] | None:
    """UTF-8 with a few bytes of another encoding in it: those are read as Windows-1252."""
    text = data.decode("utf-8", "surrogateescape")
    bad = sum("\udc80" <= c <= "\udcff" for c in text)
    good = sum(c > "\x7f" for c in text) - bad
    if good < 10 * bad or has_controls(text):
        return None

    def western(match: re.Match[str]) -> str:
        return bytes([ord(match[0]) - 0xDC00]).decode("cp1252", "replace")

    return re.sub("[\udc80-\udcff]", western, text), "utf-8"


def _guessed(data: bytes) -> tuple[str, str] | None:
    """The most plausible encoding, or Windows-1252 where none is plausible and that is possible."""
    scored = sorted(((plausibility_of(data, language), -n) for n, language in enumerate(LANGUAGES)), reverse=True)
    for points, number in scored:
        encoding = LANGUAGES[-number].encoding
        if points < _ENOUGH:
            break
        text = data.decode(encoding, "replace")
        lost, letters = text.count("\ufffd"), sum(c > "\x7f" for c in text)
        if not has_controls(text) and _LETTERS_TO_LOST * lost <= letters:
            return text, encoding
    text_or_none = _strict(data, "cp1252")
    return (text_or_none, "cp1252") if text_or_none is not None else None
