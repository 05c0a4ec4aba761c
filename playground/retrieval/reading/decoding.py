"""Bytes of a text file -> text, and the encoding that they were read in."""

from __future__ import annotations

from playground.alphabets import ENCODINGS, decoded
from playground.errors import CorpusError, Message
from playground.retrieval.reading.parts import Parts


def decode_text(name: str, data: bytes, chosen: str = "") -> tuple[str, str]:
    """Decode as :func:`playground.alphabets.decoded` does.

    :param chosen: the encoding that the visitor chose, or "" to find it out.
    :return: the text without byte-order mark, and Python's name of its encoding.
    :raises CorpusError: nothing there, or no text in it, or in any encoding.
    """
    if not data.strip():
        raise CorpusError("{name} is empty. Leave it out, or give it some text.", name=name)
    text = decoded(data, chosen if chosen in ENCODINGS else "")
    if text:
        return text
    if chosen in ENCODINGS:
        raise CorpusError(
            "{name} is not text in {encoding}. Choose another encoding, or let it be found out.",
            name=name,
            encoding=ENCODINGS[chosen],
        )
    raise CorpusError(
        "{name} is not text in any encoding that is known here. Choose its encoding in the menu, "
        "or save it as UTF-8 text first.",
        name=name,
    )


def decode_into(parts: Parts, data: bytes) -> tuple[str, str]:
    """The same for a document, in the encoding chosen for all of them; what is lost is told."""
    text, encoding = decode_text(parts.name, data, parts.budget.encoding)
    lost = text.count("\ufffd")
    if lost:
        parts.tell(
            Message(
                "{count} characters of {name} could not be read and stand as “�”.", {"name": parts.name, "count": lost}
            )
        )
    return text, encoding
