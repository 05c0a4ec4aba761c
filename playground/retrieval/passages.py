"""What a corpus is made of: passages to search and questions to measure the search with.

Plain data. Knows nothing about where documents come from or how they are searched.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

QuestionKind = Literal["keyword", "paraphrase", "unanswerable"]
Span = tuple[int, int]  # [start, end) in a text
Scored = tuple[int, float]  # a passage by its place in its corpus, and its score


def plain(text: str) -> str:
    """A text with letters that only look otherwise as the letters that they are (NFKC): ligatures
    of printers, wide and narrow forms, Arabic ones of a place in a word.

    Not those that mean something else: powers (10⁶ is not 106), fractions, circled numbers, the
    single jamo of Korean, and punctuation. What is shown keeps its letters.
    """
    if text.isascii():
        return text
    odd = {ord(c): unicodedata.normalize("NFKC", c) for c in set(text) if _is_form(c)}
    return unicodedata.normalize("NFC", text.translate(odd)) if odd else text


def _is_form(character: str) -> bool:
    """Whether a character is another form of one or several letters or digits."""
    if character.isascii() or "\u3131" <= character <= "\u318e" or "\uffa0" <= character <= "\uffdc":
        return False
    kind = unicodedata.decomposition(character).partition(" ")[0]
    letter = unicodedata.category(character) in ("Lu", "Ll", "Lt", "Lo", "Lm", "Nd")
    form = letter and kind.startswith("<") and kind not in ("<super>", "<sub>", "<circle>")
    return form or kind == "<square>"


@dataclass(frozen=True)
class Passage:
    """A piece of a document, word for word, small enough to stand in a prompt."""

    id: str  # "<document>#<n>", n from 1 in each document
    document: str
    heading: str  # "Title > Section", or "" where none stands above; see :class:`chunking.markdown.Cut`
    text: str

    @property
    def indexed(self) -> str:
        """What the retrievers read: the heading, if there is one, above the text; see
        :func:`plain`.
        """
        return plain(f"{self.heading}\n{self.text}".lstrip("\n") if self.heading else self.text)

    @property
    def prompted(self) -> str:
        """What a model reads: the text, below the first row of its table; see :func:`plain`."""
        row = self.heading.partition("\n")[2]
        return plain(f"{row}\n{self.text}" if row else self.text)


@dataclass(frozen=True)
class Evidence:
    """Words that stand in a document as quoted and answer a question."""

    document: str
    quote: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question with its answer; an unanswerable one has neither answer nor evidence."""

    id: str
    question: str
    answer: str
    evidence: tuple[Evidence, ...]
    kind: QuestionKind


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Passages under one name; ``own`` marks a visitor's private documents."""

    id: str
    title: str
    language: str  # "en", "ko"
    passages: tuple[Passage, ...]
    questions: tuple[Question, ...]
    own: bool = False

    @cached_property
    def content_hash(self) -> str:
        """16 hex digits that change whenever what is indexed does; names the indexes on disk."""
        digest = hashlib.sha256()
        for passage in self.passages:
            for part in (passage.id, passage.indexed):
                data = part.encode()
                digest.update(len(data).to_bytes(8, "big") + data)
        return digest.hexdigest()[:16]
