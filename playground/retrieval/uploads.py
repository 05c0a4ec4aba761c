"""A visitor's own documents: checked, kept as text under an unguessable id, deleted when unused.

Knows bytes and passages; knows nothing about shipped corpora or search. Nothing here is ever
listed: who has the id has the documents.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

from playground import disk
from playground.errors import CorpusError
from playground.retrieval.chunking import chunks
from playground.retrieval.documents import MAX_TOTAL_BYTES, Part, read_document
from playground.retrieval.files import sweep_indexes
from playground.retrieval.passages import Corpus, Passage
from playground.retrieval.reading import Document
from playground.settings import settings

MAX_FILES = 20
MAX_PASSAGES = 3_000
MAX_INDEXED_CHARS = 4_000_000  # headings repeat in every passage below them
MAX_CORPORA = 200  # kept on the host; the one used least recently goes first, but none of today's

_OWN_ID = re.compile(r"own-[0-9a-f]{32}")
_HANGUL = re.compile(r"[가-힣]")
_LETTER = re.compile(r"[^\W\d_]")
_FILE = "documents.jsonl"
_writing = threading.Lock()  # adding to a corpus reads it and writes it back


@dataclass(frozen=True)
class _Stored:
    """One line of the file: a document, or one record of a .jsonl document."""

    name: str
    title: str
    text: str


def is_own(corpus_id: str) -> bool:
    """Whether an id has the form of a visitor's own corpus."""
    return _OWN_ID.fullmatch(str(corpus_id)) is not None


def add_documents(files: Sequence[tuple[str, bytes]], *, into: str | None = None) -> Corpus:
    """Make a private corpus of a visitor's documents, or add them to one that is there.

    Accepts ``.txt``, ``.md`` and ``.jsonl`` (one object with a ``text`` a line, and perhaps a
    ``title``), in UTF-8. A document replaces the one of the same name in ``into``.

    :param files: name and content of each file.
    :param into: id of an own corpus, which keeps its id; None makes a new one.
    :raises CorpusError: nothing was given, a file is not usable, or a bound is exceeded; then
        nothing has changed.
    """
    if not files:
        raise CorpusError("No documents were given. Choose at least one .txt, .md or .jsonl file.")
    check_count(len(files))
    added: dict[str, list[Part]] = {}
    for raw_name, data in files:
        name, parts = read_document(raw_name, data)
        if name in added:
            raise CorpusError(
                "Two of the files are named {name}. Rename one of them, then add both.", name=name
            )
        added[name] = parts
    check_size(sum(len(data) for _, data in files))
    with _writing:
        return _store(added, into)


def add_read(documents: Sequence[Document], *, into: str | None = None) -> Corpus:
    """The same for documents of any kind that were read already.

    :raises CorpusError: there are none, or a bound is exceeded; then nothing has changed.
    """
    if not documents:
        raise CorpusError("No documents were given. Choose at least one file.")
    with _writing:
        return _store({one.name: list(one.parts) for one in documents}, into)


def read_corpus(corpus_id: str) -> Corpus:
    """A visitor's own corpus, by its id. Reading it counts as use; unused for too long, it goes.

    :raises CorpusError: no corpus has this id, it has expired, or its file was damaged.
    """
    if not is_own(corpus_id):
        raise _gone()
    path = _folder(corpus_id) / _FILE
    try:
        if disk.expired(path.parent):
            disk.remove(path.parent)
            raise _gone()
        stat = path.stat()
        corpus = _read(path, (stat.st_ino, stat.st_mtime_ns, stat.st_size))
    except OSError as error:
        raise _gone() from error
    disk.touch(path.parent)
    return corpus


def remove_corpus(corpus_id: str) -> None:
    """Delete a visitor's own corpus. One that is gone already is no error.

    :raises CorpusError: the id is not that of an own corpus.
    """
    if not is_own(corpus_id):
        raise CorpusError("Only documents that you added yourself can be removed.")
    with _writing:  # who adds to it at this moment must not write it back
        disk.remove(_folder(corpus_id))


def _store(added: dict[str, list[Part]], into: str | None) -> Corpus:
    """Write the documents, with those already in ``into``, and delete what nobody uses."""
    if into is not None:
        read_corpus(into)
    corpus_id = into or f"own-{secrets.token_hex(16)}"
    path = _folder(corpus_id) / _FILE
    kept = _stored(path) if into else []
    rows = [row for row in kept if row.name not in added]
    rows += [_Stored(name, *part) for name, parts in added.items() for part in parts]
    check_count(len({row.name for row in rows}))
    check_size(sum(len(row.title.encode()) + len(row.text.encode()) for row in rows))
    corpus = _corpus(corpus_id, rows)
    disk.sweep(_uploads())
    sweep_indexes()
    if not into and not disk.make_room(_uploads(), MAX_CORPORA):
        raise CorpusError(
            "This host keeps at most {limit} collections of documents, and all of them were used "
            "within the last 24 hours. Delete one of yours, or try again later.",
            limit=MAX_CORPORA,
        )
    lines = (json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)
    try:
        disk.write_whole(path, "".join(lines).encode())
    except OSError as error:
        if not into:
            disk.remove(path.parent)
        raise CorpusError(
            "The documents could not be stored: {reason}. Ask the host to free some space.",
            reason=error.strerror or type(error).__name__,
        ) from error
    disk.touch(path.parent)
    return corpus


def _corpus(corpus_id: str, rows: Iterable[_Stored]) -> Corpus:
    """Chunk stored documents; no passage spans two of them, nor two records of one.

    :raises CorpusError: a document gives no passage, or there are too many or too long ones;
        the rest is not chunked then.
    """
    passages: dict[str, list[Passage]] = {}
    count = characters = 0
    for row in rows:
        own = passages.setdefault(row.name, [])
        for passage in chunks(row.name, row.text):
            heading = " > ".join(part for part in (row.title, passage.heading) if part)
            own.append(replace(passage, id=f"{row.name}#{len(own) + 1}", heading=heading))
            count, characters = count + 1, characters + len(own[-1].indexed)
            _check_passages(count, characters)
    for name, own in passages.items():
        if not own:
            raise CorpusError("{name} holds no text to search. Leave it out.", name=name)
    names = list(passages)
    title = names[0] if len(names) == 1 else f"{names[0]} +{len(names) - 1}"
    everything = tuple(passage for own in passages.values() for passage in own)
    return Corpus(corpus_id, title, _language(everything), everything, (), own=True)


def _language(passages: Iterable[Passage]) -> str:
    """``ko`` where at least three letters in ten are Hangul, else ``en``."""
    text = "".join(passage.text for passage in passages)
    hangul, letters = len(_HANGUL.findall(text)), len(_LETTER.findall(text))
    return "ko" if hangul and hangul >= 0.3 * letters else "en"


@lru_cache(maxsize=16)
def _read(path: Path, stamp: tuple[int, int, int]) -> Corpus:
    return _corpus(path.parent.name, _stored(path))


def _stored(path: Path) -> list[_Stored]:
    """What a file holds.

    :raises CorpusError: it is not there, or not as it was written.
    """
    try:
        lines = path.read_text("utf-8").split("\n")
        return [_Stored(**json.loads(line)) for line in lines if line]
    except (OSError, ValueError, TypeError) as error:
        raise _gone() from error


def check_count(count: int) -> None:
    """Refuse more documents than one collection holds."""
    if count > MAX_FILES:
        raise CorpusError(
            "{count} documents are too many: a collection of your own holds at most {limit}. "
            "Add fewer, or start a new one.",
            count=count,
            limit=MAX_FILES,
        )


def _check_passages(count: int, characters: int) -> None:
    if count > MAX_PASSAGES:
        raise CorpusError(
            "The documents make more than {limit} passages. Add fewer or shorter ones.",
            limit=MAX_PASSAGES,
        )
    if characters > MAX_INDEXED_CHARS:
        raise CorpusError(
            "The documents make more than {limit} characters to search, as each passage repeats "
            "the headings above it. Shorten the headings, or add fewer documents.",
            limit=f"{MAX_INDEXED_CHARS:,}",
        )


def check_size(size: int) -> None:
    """Refuse more bytes than one collection holds."""
    if size > MAX_TOTAL_BYTES:
        raise CorpusError(
            "The documents hold {size} MB together; the limit is {limit} MB. "
            "Add fewer or shorter ones.",
            size=f"{-(-size // 10_000) / 100:.2f}",
            limit=MAX_TOTAL_BYTES // 1_000_000,
        )


def _gone() -> CorpusError:
    return CorpusError(
        "These documents are no longer here: what nobody uses is deleted after {days} days. "
        "Add them again.",
        days=disk.MAX_DAYS,
    )


def _uploads() -> Path:
    return settings().home / "uploads"


def _folder(corpus_id: str) -> Path:
    return _uploads() / corpus_id
