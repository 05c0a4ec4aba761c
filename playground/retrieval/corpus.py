"""Find a corpus by its id: the ones shipped in ``corpora/``, or a visitor's own documents."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from playground.checked import printable
from playground.errors import CorpusError
from playground.retrieval.chunking.markdown import chunk
from playground.retrieval.own import uploads
from playground.retrieval.own.stored import Collection, Stored
from playground.retrieval.passages import Corpus, Evidence, Passage, Question, QuestionKind

__all__ = [
    "Corpus",
    "Evidence",
    "Passage",
    "Question",
    "cards",
    "chunk",
    "list_corpora",
    "load_collection",
    "load_corpus",
]

CORPORA = Path(__file__).resolve().parents[2] / "corpora"

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Card:
    """What a shipped corpus says of itself, without its documents being read."""

    id: str
    title: str
    language: str


def cards() -> list[Card]:
    """The shipped corpora's cards, by id.

    :raises CorpusError: a card cannot be read.
    """
    return [_card(CORPORA / name) for name in shipped_ids()]


def list_corpora() -> list[Corpus]:
    """The shipped corpora, by id. A visitor's own documents are never listed.

    :raises CorpusError: a shipped folder holds something that cannot be read.
    """
    return [_shipped(CORPORA / name) for name in shipped_ids()]


def shipped_ids() -> list[str]:
    """Ids of the shipped corpora: the folders that have a card."""
    if not CORPORA.is_dir():
        return []
    return sorted(
        folder.name for folder in CORPORA.iterdir() if _ID.fullmatch(folder.name) and (folder / "card.md").is_file()
    )


def load_corpus(corpus_id: str) -> Corpus:
    """The corpus of this id, shipped or a visitor's own.

    :raises CorpusError: the id is unknown, or the visitor's documents are gone.
    """
    corpus_id = str(corpus_id)
    if uploads.is_own_collection(corpus_id):
        return uploads.read_corpus(corpus_id)
    if _ID.fullmatch(corpus_id) and corpus_id in shipped_ids():
        return _shipped(CORPORA / corpus_id)
    raise CorpusError(
        "Corpus {corpus_id} is unknown. Choose one of: {ids}.",
        corpus_id=printable(corpus_id),
        ids=", ".join(shipped_ids()),
    )


def load_collection(corpus_id: str) -> Collection:
    """A corpus as its documents and how they are cut; a shipped one as a visitor may copy it.

    :raises CorpusError: as :func:`load_corpus`.
    """
    corpus = load_corpus(corpus_id)
    if corpus.own:
        return uploads.read_collection(corpus_id)
    documents = _documents(CORPORA / corpus.id)
    stored = tuple(Stored(name, "", text) for name, text in documents)
    return Collection(stored, corpus.title, questions=corpus.questions)


@lru_cache(maxsize=64)
def _card(folder: Path) -> Card:
    with _told(folder):
        card = _front_matter((folder / "card.md").read_text("utf-8"))
        return Card(folder.name, card["title"], card["language"])


@lru_cache(maxsize=64)
def _shipped(folder: Path) -> Corpus:
    card = _card(folder)
    with _told(folder):
        documents = _documents(folder)
        passages = tuple(passage for name, text in documents for passage in chunk(name, text))
        lines = (folder / "questions.jsonl").read_text("utf-8").split("\n")
        questions = tuple(_question(json.loads(_clean(line))) for line in lines if line.strip())
        return Corpus(id=card.id, title=card.title, language=card.language, passages=passages, questions=questions)


def _documents(folder: Path) -> list[tuple[str, str]]:
    """(name, text) of each document."""
    paths = sorted((folder / "documents").glob("*.md"))
    return [(path.name, _clean(path.read_text("utf-8-sig"))) for path in paths]


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Say in words what is wrong with a shipped folder."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorpusError(
            "The shipped corpus {corpus_id} cannot be read: {reason}. Restore its folder.",
            corpus_id=folder.name,
            reason=getattr(error, "strerror", None) or f"{type(error).__name__}: {error}",
        ) from error


def _front_matter(card: str) -> dict[str, str]:
    """The ``key: value`` lines between the first two ``---`` lines."""
    head = re.match(r"---\n(.*?)\n---", card, re.DOTALL)
    pairs = (line.partition(":") for line in (head[1] if head else "").split("\n"))
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}


def _question(row: dict[str, Any]) -> Question:
    if row["kind"] not in get_args(QuestionKind):
        raise ValueError(f"kind {row['kind']!r} of question {row['id']!r}")
    evidence = tuple(Evidence(f"{item['document'].removesuffix('.md')}.md", item["quote"]) for item in row["evidence"])
    return Question(id=row["id"], question=row["question"], answer=row["answer"], evidence=evidence, kind=row["kind"])


def _clean(text: str) -> str:
    return unicodedata.normalize("NFC", text)
