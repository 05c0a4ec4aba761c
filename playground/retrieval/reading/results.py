"""What reading gives back: documents, and what was left out with the reason."""

from __future__ import annotations

from dataclasses import dataclass

from playground.errors import Message
from playground.retrieval.reading.text_files import Part


@dataclass(frozen=True, kw_only=True)
class Document:
    """The text of one file, or of one entry of a .zip.

    :param name: safe to show and to store, and no other document of the call has it.
    :param parts: at least one with text; one for each page of a PDF, record of a .jsonl or row
        of a .csv, else one. NFC with ``\\n`` line ends, no control characters but tabs.
    :param pages: of a PDF, also those without text; None for other kinds.
    :param encoding: of a file of text, by Python's name, as found, assumed or chosen; None for PDF
        and .docx, which say theirs.
    :param unreadable: pages of a PDF whose text could not be taken out.
    :param notes: what of it was left out, and what was read otherwise than it stands there.
    """

    name: str
    parts: tuple[Part, ...]
    pages: int | None = None
    encoding: str | None = None
    unreadable: int = 0
    notes: tuple[Message, ...] = ()


@dataclass(frozen=True)
class Skipped:
    """A file, or an entry of a .zip, that gave no document, and why."""

    name: str
    message: Message


@dataclass(frozen=True)
class Read:
    """The outcome of one call, both in the order in which the files were given."""

    documents: tuple[Document, ...]
    skipped: tuple[Skipped, ...]
