"""Names of files and of a zip's entries: the kind they tell, and what is safe to keep of them."""

from __future__ import annotations

import re
from zipfile import ZipInfo

from playground.alphabets import decoded
from playground.errors import CorpusError
from playground.retrieval.reading.text_files import MAX_NAME_CHARS, safe_name

KINDS = (".txt", ".md", ".pdf", ".docx", ".csv", ".jsonl", ".html", ".htm", ".zip")

_DRIVE = re.compile(r"^[A-Za-z]:")
_OF_NAMES = ("utf-8", "cp949", "cp932", "gb18030", "big5hkscs", "cp1251")
_UTF8_NAME = 0x800  # flag of a zip's entry whose name is UTF-8
_LITTER = ("__MACOSX/", "._", ".DS_Store", "Thumbs.db", "desktop.ini")


def kind_of(name: str) -> str:
    """The suffix that tells how to read a file, in small letters.

    :raises CorpusError: files of this kind are not read.
    """
    for kind in KINDS:
        if name.strip().lower().endswith(kind):
            return kind
    raise CorpusError(
        "{name} is not of a kind that can be read here. Choose one of: {kinds}.",
        name=document_name(name),
        kinds=", ".join(KINDS),
    )


def document_name(raw_name: str) -> str:
    """The base name, without folders, drive letters and unprintable characters.

    At most ``MAX_NAME_CHARS`` characters, and a known suffix survives the cut.
    """
    base = raw_name.replace("\\", "/").rsplit("/", 1)[-1].strip()
    base = _DRIVE.sub("", base)
    suffix = next((kind for kind in KINDS if base.lower().endswith(kind)), "")
    suffix = base[len(base) - len(suffix) :]
    stem = safe_name(base[: len(base) - len(suffix)] + ".md").removesuffix(".md")
    return stem[: MAX_NAME_CHARS - len(suffix)] + suffix


def numbered(name: str, taken: set[str]) -> str:
    """A name that is not taken in any case of letters: ``a.txt``, then ``a (2).txt``."""
    suffix = next((kind for kind in KINDS if name.lower().endswith(kind)), "")
    stem, suffix = name[: len(name) - len(suffix)], name[len(name) - len(suffix) :]
    number, free = 1, name
    while free.lower() in taken:
        number += 1
        mark = f" ({number}){suffix}"
        free = stem[: MAX_NAME_CHARS - len(mark)] + mark
    taken.add(free.lower())
    return free


def entry_name(entry: ZipInfo) -> str:
    """The name of a zip's entry as its writer meant it.

    A name that is not marked as UTF-8 comes as code page 437, where systems of the
    East wrote their own: CP949 in Korea.
    """
    if entry.flag_bits & _UTF8_NAME:
        return entry.filename
    try:
        raw = entry.filename.encode("cp437")
    except UnicodeEncodeError:
        return entry.filename
    if raw.isascii():
        return entry.filename
    name = decoded(raw)
    return name[0] if name and name[1] in _OF_NAMES else entry.filename


def is_litter(name: str) -> bool:
    """Whether an entry was put there by a system, not by a person."""
    path = name.replace("\\", "/")
    return path.startswith(_LITTER[0]) or path.rsplit("/", 1)[-1].startswith(_LITTER[1:])
