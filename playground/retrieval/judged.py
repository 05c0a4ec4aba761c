"""Questions with what is relevant to them: what a search is measured by."""

from __future__ import annotations

from dataclasses import dataclass

from playground.retrieval.passages import Corpus


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A question with what is relevant to it.

    :param pieces: of evidence: positions of the passages that hold each.
    :param gains: of each piece; 1 where relevance has no degrees.
    """

    id: str
    question: str
    kind: str
    pieces: tuple[frozenset[int], ...]
    gains: tuple[float, ...]


def _spaced(text: str) -> str:
    return " ".join(text.split())


def judged(corpus: Corpus) -> list[Judged]:
    """A corpus's questions with the passages that hold their evidence, word for word, spaces
    aside."""
    documents: dict[str, list[tuple[int, str]]] = {}
    for position, passage in enumerate(corpus.passages):
        documents.setdefault(passage.document, []).append((position, _spaced(passage.text)))
    return [
        Judged(
            id=question.id,
            question=question.question,
            kind=question.kind,
            pieces=tuple(
                frozenset(
                    position for position, text in documents.get(piece.document, ()) if _spaced(piece.quote) in text
                )
                for piece in question.evidence
            ),
            gains=(1.0,) * len(question.evidence),
        )
        for question in corpus.questions
    ]
