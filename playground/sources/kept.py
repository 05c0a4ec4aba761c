"""Tables on the host's disk, by what they are of: the same table asked again goes on where it ended.

Answers are drawn without chance, so a table says nothing of who asked for it: whoever asks for the same questions of
the same sources gets what is there. Titles, which visitors give, are not kept here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter

from playground import disk, owners
from playground.compare import Contestant
from playground.disk import DiskError
from playground.retrieval.passages import Corpus
from playground.settings import settings
from playground.sources.asking import NEW_TOKENS
from playground.sources.table import SourcesTable

MOST_TABLES, MOST_BYTES = 200, 100_000_000  # kept on the host
VERSION = 1
_FILE = "table.json"
_ID = re.compile(r"[0-9a-f]{32}")
_TABLE = TypeAdapter(SourcesTable)


def table_id(table: SourcesTable, contestants: Sequence[Contestant], corpus: Corpus) -> str:
    """32 hex digits that stand for everything that the answers depend on."""
    about = {
        "version": VERSION,
        "tokens": NEW_TOKENS,
        "corpus": [corpus.id, corpus.content_hash],
        "questions": [asdict(question) for question in table.questions],
        "contestants": [[one.recipe.json_text(), one.retriever, one.k] for one in contestants],
    }
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:32]


def read_table(name: str) -> SourcesTable | None:
    """A table by its id, None where there is none any more. Reading it counts as use."""
    if not isinstance(name, str) or not _ID.fullmatch(name):
        return None
    with suppress(OSError, ValueError):  # deleted, or of another version
        table = table_from_text((_folder(name) / _FILE).read_bytes())
        disk.touch(_folder(name))
        return table
    return None


def table_from_text(data: bytes | str) -> SourcesTable:
    """A table from what :func:`table_text` gave.

    :raises ValueError: it is none.
    """
    return _TABLE.validate_json(data)


def table_text(table: SourcesTable) -> bytes:
    """A table as JSON."""
    return _TABLE.dump_json(table)


def keep_table(name: str, table: SourcesTable) -> bool:
    """Keep a table under its id; whether the disk took it."""
    data = table_text(table)
    with suppress(OSError, DiskError):
        if not _folder(name).is_dir():
            disk.sweep(_tables())
            disk.make_room(_tables(), MOST_TABLES, MOST_BYTES, len(data))
        disk.write_whole(_folder(name) / _FILE, data)
        owners.note_owner(_folder(name))
        disk.touch(_folder(name))
        return True
    return False


def sweep_tables() -> None:
    """Delete the tables that nobody used for too long."""
    disk.sweep(_tables())


def _tables() -> Path:
    return settings().home / "tables"


def _folder(name: str) -> Path:
    return _tables() / name
