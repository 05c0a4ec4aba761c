"""PDF -> the text of each page. Pictures, forms, attachments and scripts are never opened."""

from __future__ import annotations

from typing import BinaryIO

import pypdf
from pypdf.errors import DependencyError, FileNotDecryptedError, LimitReachedError, PdfReadError
from pypdf.generic import ArrayObject, DictionaryObject

from playground.errors import CorpusError
from playground.retrieval.reading.limits import MAX_PAGES
from playground.retrieval.reading.parts import Parts

_MAX_NODES = 4 * MAX_PAGES  # of the tree that the pages hang in
_MAX_ELEMENTS = 1_000_000  # of one array: a list of pages is one


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
            "{name} is built in a way that takes too much work to read. "
            "Print it to a new PDF, then add that.",
            name=parts.name,
        ) from error
    except (DependencyError, FileNotDecryptedError) as error:
        raise CorpusError(
            "{name} is encrypted. Save a copy without a password, then add that.", name=parts.name
        ) from error
    if unreadable == pages:
        raise PdfReadError("not one page")
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
    pages, unreadable = len(reader.pages), 0
    for number, page in enumerate(reader.pages, start=1):
        text = _text(page)
        unreadable += text is None
        parts.add(f"p. {number}" if pages > 1 else "", text or "")
    return pages, unreadable


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
            raise CorpusError(
                "{name} has more than {limit} pages. Split it.",
                name=name,
                limit=f"{MAX_PAGES:,}",
            )
        if nodes > _MAX_NODES:  # few pages in a tree of many branches, or in a circle
            raise LimitReachedError("page tree")


def _text(page: pypdf.PageObject) -> str | None:
    """The text of a page, None if it cannot be taken out; other pages may be well."""
    try:
        return page.extract_text()
    except (LimitReachedError, MemoryError, DependencyError):
        raise
    except Exception:  # pypdf raises whatever a damaged font or stream leads it to
        return None
