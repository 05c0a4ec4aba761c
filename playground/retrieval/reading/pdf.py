"""PDF -> the text of each page, its filled fields and notes.

Pictures, attachments and scripts are never opened.
"""

from __future__ import annotations

from typing import BinaryIO

import pypdf
from pypdf.errors import DependencyError, FileNotDecryptedError, LimitReachedError, PdfReadError
from pypdf.generic import ArrayObject, DictionaryObject

from playground.errors import CorpusError, Message
from playground.retrieval.reading.limits import MAX_PAGES
from playground.retrieval.reading.parts import Parts, tidy
from playground.retrieval.reading.pdf_fields import page_fields
from playground.retrieval.reading.pdf_join import joined_sentences, joined_words
from playground.retrieval.reading.pdf_text import PageText, page_text

_MAX_NODES = 4 * MAX_PAGES  # of the tree that the pages hang in
_MAX_ELEMENTS = 1_000_000  # of one array: a list of pages is one
_FEW = 10  # characters: with fewer, a page with a picture is likely a scan
_MOST_NAMED = 10  # pages that a note names


def read_pdf(file: BinaryIO, parts: Parts) -> tuple[int, int]:
    """Add each page that has text as a part; of more than one page, under its number.

    :return: how many pages there are, and on how many of them the text could not be taken out.
    :raises CorpusError: it is encrypted (an empty password is tried), or has too many pages, no
        text or too much.
    :raises Exception: it is damaged; of pypdf's many.
    """
    pypdf.overwrite_configuration(array_maximum_element_count=_MAX_ELEMENTS)
    try:
        pages, unreadable = _add_pages(file, parts)
    except LimitReachedError as error:
        raise CorpusError(
            "{name} is built in a way that takes too much work to read. Print it to a new PDF, then add that.",
            name=parts.name,
        ) from error
    except (DependencyError, FileNotDecryptedError) as error:
        raise CorpusError(
            "{name} is encrypted. Save a copy without a password, then add that.", name=parts.name
        ) from error
    if not parts.found and unreadable:
        raise CorpusError(
            "{name} cannot be read: the fonts of its pages do not tell which characters they show. "
            "Use the document that it was made from, or a copy that went through text recognition "
            "(OCR).",
            name=parts.name,
        )
    if not parts.found:
        raise CorpusError(
            "{name} has no text on its pages ({pages} in all): is it a scan? "
            "Use a copy that went through text recognition (OCR).",
            name=parts.name,
            pages=f"{pages:,}",
        )
    return pages, unreadable


def _add_pages(file: BinaryIO, parts: Parts) -> tuple[int, int]:
    """The same, with pypdf's own errors.

    :raises FileNotDecryptedError: its password is not empty.
    :raises DependencyError: its cipher, AES, is not installed.
    """
    reader = pypdf.PdfReader(file)
    if reader.is_encrypted and reader.decrypt("") == pypdf.PasswordType.NOT_DECRYPTED:
        raise FileNotDecryptedError
    _check_pages(reader, parts.name)
    texts: list[str] = []
    beside: list[list[str]] = []
    bare: list[int] = []
    unreadable = damaged = partly = length = 0
    for number, page in enumerate(reader.pages, start=1):
        found, lines = _text(page), _fields(page)
        damaged += found is None
        unreadable += found is None or found.unreadable
        found = found or PageText("")
        partly += bool(found.unknown) and not found.unreadable
        texts.append("" if found.unreadable else tidy(found.text))
        beside.append(lines)
        length += len(texts[-1]) + sum(map(len, lines))
        parts.check(length)
        if not found.unknown and not lines and _is_bare(page, texts[-1]):
            bare.append(number)
    if damaged == len(texts):
        raise PdfReadError("not one page")
    texts = joined_words(joined_sentences(texts))
    for number, (text, lines) in enumerate(zip(texts, beside, strict=True), start=1):
        title = f"p. {number}" if len(texts) > 1 else ""
        parts.add(title, "\n\n".join(filter(None, (text.strip(), "\n".join(lines)))))
    _tell(parts, len(texts), partly, bare)
    return len(texts), unreadable


def _tell(parts: Parts, pages: int, partly: int, bare: list[int]) -> None:
    """Say which pages have less text than they show."""
    if partly:
        parts.tell(
            Message(
                "On {count} pages of {name} some text was left out: its font does not tell which characters it shows.",
                {"name": parts.name, "count": partly},
            )
        )
    if bare and parts.found:
        named = ", ".join(map(str, bare[:_MOST_NAMED])) + (", …" if bare[_MOST_NAMED:] else "")
        parts.tell(
            Message(
                "{count} of {pages} pages of {name} have no text or next to none (pages {named}). "
                "If they are scans, use a copy that went through text recognition (OCR).",
                {"name": parts.name, "count": len(bare), "pages": pages, "named": named},
            )
        )


def _is_bare(page: pypdf.PageObject, text: str) -> bool:
    """Whether a page shows no text, or only a few characters beside a picture."""
    letters = sum(not character.isspace() for character in text)
    if not letters or letters >= _FEW:
        return not letters
    try:
        held = page["/Resources"]["/XObject"].get_object()  # type: ignore[index]
        return any(item.get_object().get("/Subtype") == "/Image" for item in held.values())
    except (KeyError, AttributeError, TypeError):
        return False


def _check_pages(reader: pypdf.PdfReader, name: str) -> None:
    """Count the pages before any is opened, as the file says and as they are."""
    root = reader.root_object["/Pages"]
    said = root["/Count"] if isinstance(root, DictionaryObject) and "/Count" in root else None
    if isinstance(said, int) and said > MAX_PAGES:
        raise CorpusError(
            "{name} has {pages} pages; the limit is {limit}. Split it.",
            name=name,
            pages=f"{said:,}",
            limit=f"{MAX_PAGES:,}",
        )
    leaves, nodes, waiting = 0, 0, [root]
    while waiting:
        node = waiting.pop().get_object()
        kids = node.get("/Kids") if isinstance(node, DictionaryObject) else None
        kids = kids.get_object() if kids is not None else None
        nodes, leaves = nodes + 1, leaves + (kids is None)
        if isinstance(kids, ArrayObject):
            waiting += kids[: _MAX_NODES + 1]
        if leaves > MAX_PAGES:
            raise CorpusError("{name} has more than {limit} pages. Split it.", name=name, limit=f"{MAX_PAGES:,}")
        if nodes > _MAX_NODES:  # few pages in a tree of many branches, or in a circle
            raise LimitReachedError("page tree")


def _text(page: pypdf.PageObject) -> PageText | None:
    """The text of a page, None if it cannot be taken out; other pages may be well."""
    try:
        return page_text(page)
    except (LimitReachedError, MemoryError, DependencyError):
        raise
    except Exception:  # pypdf raises whatever a damaged font or stream leads it to
        return None


def _fields(page: pypdf.PageObject) -> list[str]:
    """What is filled in and noted on a page; nothing if that part of it is damaged."""
    try:
        return page_fields(page)
    except (LimitReachedError, MemoryError, DependencyError):
        raise
    except Exception:
        return []
