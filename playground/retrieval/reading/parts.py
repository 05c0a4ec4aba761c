"""The parts of a document as they are found, within what one call may bring in all."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from playground.errors import CorpusError, Message
from playground.retrieval.chunking.markdown import MAX_HEADING_CHARS
from playground.retrieval.reading.limits import MAX_CHARACTERS, MAX_LINE_CHARACTERS, MAX_RECORDS
from playground.retrieval.reading.text_files import Part

_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_CONTROLS = re.compile("[\0-\x08\x0e-\x1f\x7f-\x9f]")
_SURROGATES = re.compile("[\ud800-\udfff]")
# Where a word may be broken, or may not: no letters, and search would see two words. A zero-width
# space stays where scripts without spaces mark their words by it (Thai, Lao, Burmese, Khmer), and
# joiners stay everywhere, as Persian, Indic scripts and emoji are written with them.
_SOFT = re.compile(r"\xad(?:[ \t]*\n[ \t]*(?=[^\W\d_]))?")
_INVISIBLE = re.compile("(?<![\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])\u200b|[\u2060\ufeff]")

_MARKUP = re.compile(r"^ {0,3}(?=#{1,6}(?:[ \t]|$)|`{3}|~{3})", re.MULTILINE)


@dataclass(kw_only=True)
class Budget:
    """What the files of one call may still bring.

    :param characters: of text and titles.
    :param records: parts of documents.
    :param unpacked: bytes already unpacked from the archive that is being read.
    :param full: whether that archive brought more than it may; then the rest of it is left.
    :param encoding: of all files of text, as the visitor chose it; "" to find it out.
    """

    characters: int = MAX_CHARACTERS
    records: int = MAX_RECORDS
    unpacked: int = 0
    full: bool = False
    encoding: str = ""


class Parts:
    """Collects one document, tidied, and stops it at the bounds."""

    def __init__(self, name: str, budget: Budget) -> None:
        self.name = name
        self.budget = budget
        self.found: list[Part] = []
        self.notes: list[Message] = []
        self._characters = 0

    def add(self, title: str, text: str, *, markdown: bool = False) -> None:
        """Keep a part; one without text is passed over.

        :param markdown: whether headings are marked in it; else ``#`` is a letter like others.
        :raises CorpusError: the call would bring more than it may.
        """
        text, title = tidy(text), " ".join(tidy(title).split())
        if not text.strip():
            return
        if len(title) > MAX_HEADING_CHARS:  # a heading repeats in every passage: keep it once
            title, text = "", f"{title}\n\n{text}"
        text = text if markdown else literal(text)
        self._characters += len(title) + len(text)
        self.check(0)
        self.found.append(Part(title, text))
        if len(self.found) > self.budget.records:
            raise CorpusError(
                "{name} brings the documents to more than {limit} records in all. Split it, or add fewer files.",
                name=self.name,
                limit=f"{MAX_RECORDS:,}",
            )

    def tell(self, note: Message) -> None:
        """Note what was left out or read otherwise than it stands there."""
        self.notes.append(note)

    def check(self, coming: int) -> None:
        """Refuse a text while it is still being put together.

        :param coming: characters that are there and were not added yet.
        :raises CorpusError: there are too many.
        """
        if self._characters + coming > self.budget.characters:
            raise CorpusError(
                "{name} brings the text to more than {limit} characters in all. "
                "Split or shorten it, or add fewer files.",
                name=self.name,
                limit=f"{MAX_CHARACTERS:,}",
            )

    def take(self) -> list[Part]:
        """The parts, now counted against the budget.

        :raises CorpusError: there are none.
        """
        if not self.found:
            raise CorpusError("{name} is empty. Leave it out, or give it some text.", name=self.name)
        self.budget.characters -= self._characters
        self.budget.records -= len(self.found)
        return self.found


def literal(text: str) -> str:
    """Text that is no Markdown, safe from being taken for it: a line that would be a heading or a
    fence is set in by four spaces, as Markdown itself marks what it shall not read.
    """
    there = any(mark in text for mark in ("#", "```", "~~~"))
    return _MARKUP.sub("    ", text) if there else text


def tidy(text: str) -> str:
    """NFC, ``\\n`` line ends, no control characters or lone surrogates, no endless lines; no soft
    hyphens and nothing of no width within words.
    """
    text = _CONTROLS.sub("", _LINE_ENDS.sub("\n", text))
    if any(character in text for character in "\xad\u200b\u2060\ufeff"):
        text = _INVISIBLE.sub("", _SOFT.sub("", text))
    text = unicodedata.normalize("NFC", _SURROGATES.sub("\ufffd", text))
    if len(text) <= MAX_LINE_CHARACTERS:
        return text
    return "\n".join(piece for line in text.split("\n") for piece in _pieces(line))


def _pieces(line: str) -> list[str]:
    """A line in pieces of up to ``MAX_LINE_CHARACTERS``: cut at a space, or hard without one."""
    pieces, start = [], 0
    while len(line) - start > MAX_LINE_CHARACTERS:
        space = line.rfind(" ", start + 1, start + MAX_LINE_CHARACTERS + 1)
        end = space if space > start else start + MAX_LINE_CHARACTERS
        pieces.append(line[start:end])
        start = end + (end == space)
    return [*pieces, line[start:]]
