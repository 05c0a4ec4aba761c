"""A visitor's own documents: checked, kept as text under an unguessable id, deleted when unused.

Knows bytes and collections; knows nothing about shipped corpora or search. Nothing here is ever
listed: who has the id has the documents.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from playground import disk, owners
from playground.cache import Cache
from playground.checked import printable
from playground.errors import CorpusError
from playground.retrieval.indexes import sweep_indexes
from playground.retrieval.own.stored import (
    Collection,
    Stored,
    check_collection_size,
    check_count,
    collection_from_json,
    corpus_of,
    to_json,
    with_document,
)
from playground.retrieval.passages import Corpus
from playground.retrieval.reading.results import Document
from playground.retrieval.reading.text_files import Part, read_document
from playground.settings import settings

MAX_CORPORA = 200  # kept on the host; then whoever has most loses the one used least recently
MAX_SAVED_BYTES = 12_000_000  # of a saved collection: its texts, escaped, and its borders

_OWN_ID = re.compile(r"own-[0-9a-f]{32}")
_FILE = "documents.json"
_BEFORE = "before.json"  # the collection before its last change
_read = Cache(entries=16)  # collections and their corpora, by the id and what the file holds
_writing = threading.Lock()  # changing a collection reads it and writes it back


def is_own_collection(corpus_id: str) -> bool:
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
    parts_of: dict[str, list[Part]] = {}
    for raw_name, data in files:
        name, parts = read_document(raw_name, data)
        if name in parts_of:
            raise CorpusError("Two of the files are named {name}. Rename one of them, then add both.", name=name)
        parts_of[name] = parts
    check_collection_size(sum(len(data) for _, data in files))
    return _add([Stored(name, *part) for name, parts in parts_of.items() for part in parts], into)


def add_read(documents: Sequence[Document], *, into: str | None = None) -> Corpus:
    """The same for documents of any kind that were read already.

    :raises CorpusError: there are none, or a bound is exceeded; then nothing has changed.
    """
    if not documents:
        raise CorpusError("No documents were given. Choose at least one file.")
    return _add([Stored(document.name, *part) for document in documents for part in document.parts], into)


def _add(documents: Sequence[Stored], into: str | None) -> Corpus:
    if into is None:
        return add_collection(Collection(tuple(documents)))
    return change(into, lambda collection: with_document(collection, documents))


def add_collection(collection: Collection) -> Corpus:
    """Keep a whole collection as a new private corpus.

    :raises CorpusError: a bound is exceeded.
    :raises DiskError: the host's disk refuses.
    """
    corpus_id = f"own-{secrets.token_hex(16)}"
    corpus = corpus_of(corpus_id, collection)
    with _writing:
        sweep_collections()
        disk.make_room(_uploads(), MAX_CORPORA)
        with disk.aside(_folder(corpus_id), folder=True) as part:
            (part / _FILE).write_bytes(to_json(collection).encode())
            owners.note_owner(part)
    return corpus


def add_saved(name: str, data: bytes) -> Corpus:
    """Keep a collection that was saved to a file as a new private corpus.

    :raises CorpusError: it is none, it was damaged, or a bound is exceeded.
    """
    try:
        if len(data) > MAX_SAVED_BYTES:
            raise ValueError("too large")
        collection = collection_from_json(data)
    except (ValueError, CorpusError) as error:
        raise CorpusError(
            "{name} is not a collection that was saved here, or it was changed since. Choose a "
            "file that “Save to a file” gave you, of up to {limit} MB.",
            name=printable(name),
            limit=MAX_SAVED_BYTES // 1_000_000,
        ) from error
    return add_collection(collection)


def read_corpus(corpus_id: str) -> Corpus:
    """A visitor's own corpus, by its id. Reading it counts as use; unused for too long, it goes.

    :raises CorpusError: no corpus has this id, it has expired, or its file was damaged.
    """
    return _kept(corpus_id)[1]


def read_collection(corpus_id: str) -> Collection:
    """The same as a collection, with its documents' texts."""
    return _kept(corpus_id)[0]


def _kept(corpus_id: str) -> tuple[Collection, Corpus]:
    if not is_own_collection(corpus_id):
        raise _gone()
    path = _folder(corpus_id) / _FILE
    try:
        if disk.expired(path.parent):
            disk.remove(path.parent)
            raise _gone()
        data = path.read_bytes()
    except OSError as error:
        raise _gone() from error
    # Not by the file's time: two changes may fall within one tick of the clock
    digest = hashlib.sha256(data).hexdigest()
    collection_and_corpus = _read.get_or_build((corpus_id, digest), lambda: _parse(corpus_id, data))
    disk.touch(path.parent)
    return collection_and_corpus


def change(corpus_id: str, how: Callable[[Collection], Collection]) -> Corpus:
    """Change a collection; what it was before is kept for :func:`undo`.

    :param how: gives the collection as it shall be; what it raises changes nothing.
    :raises CorpusError: it is gone, or a bound is exceeded; then nothing has changed.
    :raises DiskError: the host's disk refuses.
    """
    with _writing:
        before = read_collection(corpus_id)
        after = how(before)
        corpus = corpus_of(corpus_id, after)
        if after != before:
            _write(corpus_id, before, _BEFORE)
            _write(corpus_id, after)
        sweep_collections()
    return corpus


def can_undo(corpus_id: str) -> bool:
    """Whether a collection was changed since it was made."""
    return is_own_collection(corpus_id) and (_folder(corpus_id) / _BEFORE).is_file()


def undo(corpus_id: str) -> Corpus:
    """Take the last change to a collection back; a second time does it again.

    :raises CorpusError: it is gone, or there is no change to take back.
    """
    return change(corpus_id, lambda _: _before(corpus_id))


def _before(corpus_id: str) -> Collection:
    try:
        return collection_from_json((_folder(corpus_id) / _BEFORE).read_bytes())
    except (OSError, ValueError) as error:
        raise CorpusError("There is no change to take back.") from error


def remove_corpus(corpus_id: str) -> None:
    """Delete a visitor's own corpus. One that is gone already is no error.

    :raises CorpusError: the id is not that of an own corpus.
    """
    if not is_own_collection(corpus_id):
        raise CorpusError("Only documents that you added yourself can be removed.")
    with _writing:  # who adds to it at this moment must not write it back
        disk.remove(_folder(corpus_id))


def sweep_collections() -> None:
    """Delete what nobody used for too long."""
    disk.sweep(_uploads())
    sweep_indexes()


def _write(corpus_id: str, collection: Collection, name: str = _FILE) -> None:
    disk.write_whole(_folder(corpus_id) / name, to_json(collection).encode())
    disk.touch(_folder(corpus_id))


def _parse(corpus_id: str, data: bytes) -> tuple[Collection, Corpus]:
    """What a file holds.

    :raises CorpusError: it is not as it was written.
    """
    try:
        collection = collection_from_json(data)
    except ValueError as error:
        raise _gone() from error
    return collection, corpus_of(corpus_id, collection)


def _gone() -> CorpusError:
    return CorpusError(
        "These documents are no longer here: what nobody uses is deleted after {days} days. Add them again.",
        days=disk.MAX_DAYS,
    )


def _uploads() -> Path:
    return settings().home / "uploads"


def _folder(corpus_id: str) -> Path:
    return _uploads() / corpus_id
