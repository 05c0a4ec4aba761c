"""What a corpus is made of: passages to search and questions to measure the search with.

Plain data. Knows nothing about where documents come from or how they are searched.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

QuestionKind = Literal["keyword", "paraphrase", "unanswerable"]
Span = tuple[int, int]  # [start, end) in a text


def printable(value: object) -> str:
    """The start of a visitor's value as a message can show it; half a surrogate pair is no text."""
    return str(value)[:80].encode(errors="replace").decode()


@dataclass(frozen=True)
class Passage:
    """A piece of a document, word for word, small enough to stand in a prompt."""

    id: str  # "<document>#<n>", n from 1 in each document
    document: str
    heading: str  # "Title > Section", or "" where no heading stands above the text
    text: str

    @property
    def indexed(self) -> str:
        """What the retrievers read: the heading, if there is one, above the text."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text


@dataclass(frozen=True)
class Evidence:
    """Words that stand in a document as quoted and answer a question."""

    document: str
    quote: str


@dataclass(frozen=True)
class Question:
    """A question with its answer; an unanswerable one has neither answer nor evidence."""

    id: str
    question: str
    answer: str
    evidence: tuple[Evidence, ...]
    kind: QuestionKind


@dataclass(frozen=True)
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
