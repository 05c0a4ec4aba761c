"""One uploaded file -> a safe name and its text. Pure: bytes in, text or a message out."""

from __future__ import annotations

import json
import unicodedata
from pathlib import PurePosixPath
from typing import NamedTuple

from playground.errors import CorpusError
from playground.retrieval.chunking.markdown import MAX_HEADING_CHARS

MAX_TEXT_BYTES = 1_000_000
MAX_TOTAL_BYTES = 3_000_000
MAX_NAME_CHARS = 80
SUFFIXES = (".txt", ".md", ".jsonl")


class Part(NamedTuple):
    """A stretch of a document that is chunked by itself, under a title of its own or none."""

    title: str
    text: str


def read_document(raw_name: str, data: bytes) -> tuple[str, list[Part]]:
    """Check a file and decode it.

    :param raw_name: the name as the visitor's machine gave it, perhaps with folders.
    :param data: UTF-8, with or without a byte-order mark.
    :return: the safe name, and one part for a text or one for each line of a ``.jsonl``; all
        text is NFC with ``\\n`` line ends.
    :raises CorpusError: wrong kind, too large, empty, not UTF-8 text, or a line that cannot
        be used.
    """
    name = safe_name(raw_name)
    if not name.lower().endswith(SUFFIXES):
        raise CorpusError("{name} is not of a kind that can be read. Choose .txt, .md or .jsonl files.", name=name)
    if len(data) > MAX_TEXT_BYTES:
        raise CorpusError(
            "{name} holds {size} MB; the limit for one file is {limit} MB. Split or shorten it.",
            name=name,
            size=f"{-(-len(data) // 10_000) / 100:.2f}",
            limit=MAX_TEXT_BYTES // 1_000_000,
        )
    if b"\0" in data:
        raise CorpusError("{name} is not a text file. Save it as UTF-8 text first.", name=name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CorpusError(
            "{name} is not UTF-8 text (byte {position}). Save it as UTF-8 text first.",
            name=name,
            position=error.start + 1,
        ) from error
    text = _clean(text)
    parts = records(name, text) if name.lower().endswith(".jsonl") else [Part("", text)]
    if not any(part.text.strip() for part in parts):
        raise CorpusError("{name} is empty. Leave it out, or give it some text.", name=name)
    return name, parts


def safe_name(raw_name: str) -> str:
    """A file's base name: no folders, no control or invisible characters, at most 80 characters.

    The suffix survives the cut; a name with nothing else left is ``document`` and its suffix.
    """
    base = unicodedata.normalize("NFC", raw_name).replace("\\", "/").rsplit("/", 1)[-1]
    base = "".join(c for c in base if not unicodedata.category(c).startswith(("C", "Zl", "Zp")))
    path = PurePosixPath(" ".join(base.split()))
    suffix = path.suffix or path.name  # ".md" alone is a name to pathlib
    suffix = suffix if suffix.lower() in SUFFIXES else ""
    stem = path.name[: len(path.name) - len(suffix)].strip(" .")[: MAX_NAME_CHARS - len(suffix)]
    return (stem.rstrip(" .") or "document") + suffix


def records(name: str, text: str) -> list[Part]:
    """The records of a JSON-lines text. Empty lines and empty texts are passed over."""
    parts = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise CorpusError(
                "Line {line} of {name} is not valid JSON. Give one object a line.", line=number, name=name
            ) from error
        parts.append(_record(row, name, number))
    return [part for part in parts if part.text.strip()]


def _record(row: object, name: str, number: int) -> Part:
    body, title = (row.get("text"), row.get("title")) if isinstance(row, dict) else (None, None)
    title = "" if title is None else title
    if not (isinstance(body, str) and isinstance(title, str)):
        raise CorpusError(
            "Line {line} of {name} is not an object with a text. "
            'Write it like {{"title": "...", "text": "..."}}; the title may be left out.',
            line=number,
            name=name,
        )
    if "\0" in body + title or any("\ud800" <= c <= "\udfff" for c in body + title):
        raise CorpusError(
            "Line {line} of {name} holds characters that are not text. Remove them.", line=number, name=name
        )
    body, title = _clean(body), " ".join(_clean(title).split())
    if len(title) > MAX_HEADING_CHARS:  # a heading repeats in every passage: keep this one once
        return Part("", f"{title}\n\n{body}")
    return Part(title, body)


def _clean(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", text)
