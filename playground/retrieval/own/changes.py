"""Changes to a collection, by hand: pure functions from one to the next.

Once a passage is changed, the borders of its document stay as they are put, until the documents
are cut anew.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from playground.checked import printable
from playground.errors import CorpusError
from playground.retrieval.chunking.cutting import Cutting
from playground.retrieval.chunking.markdown import Cut
from playground.retrieval.own.stored import MAX_TITLE, Collection, cuts_of

MAX_PASSAGE_CHARS = 10_000

_NUMBER = re.compile(r"[1-9][0-9]{0,7}")


@dataclass(frozen=True)
class Place:
    """Where a passage is: in which of the collection's documents, and which of its cuts."""

    document: int
    cut: int
    cuts: tuple[Cut, ...]


def position_of(collection: Collection, passage_id: str) -> Place:
    """Find a passage by its id.

    :raises CorpusError: there is none of this id (any more).
    """
    name, _, number = str(passage_id).rpartition("#")
    wanted = int(number) if _NUMBER.fullmatch(number) else 0
    for index, document in enumerate(collection.documents):
        if document.name == name:
            cuts = tuple(cuts_of(document, collection.cutting))
            if 1 <= wanted <= len(cuts):
                return Place(index, wanted - 1, cuts)
            wanted -= len(cuts)  # records of one document are counted on
    raise CorpusError("There is no passage {passage} any more. Choose another.", passage=printable(passage_id))


def edited(collection: Collection, passage_id: str, text: str) -> Collection:
    """With other words in a passage's place, in its document too.

    :raises CorpusError: the text is empty or too long, or there is no such passage.
    """
    position, text = position_of(collection, passage_id), _checked(text)
    cut, whole = position.cuts[position.cut], collection.documents[position.document].text
    grown = len(text) - (cut.end - cut.start)

    def moved(at: int) -> int:
        """Where a border is now; one inside the changed words stays within them."""
        return at + grown if at >= cut.end else min(at, cut.start + len(text))

    new = whole[: cut.start] + text + whole[cut.end :]
    cuts = [Cut(other.heading, moved(other.start), moved(other.end)) for other in position.cuts]
    cuts[position.cut] = Cut(cut.heading, cut.start, cut.start + len(text))
    for number, other in enumerate(position.cuts):
        if other.start < cut.end and cut.start < other.end:  # its border may be at a space now
            cuts[number] = _trimmed(new, cuts[number])
    cuts = [other for other in cuts if other.start < other.end]  # an overlapping one may have vanished
    return _with(collection, position.document, new, cuts)


def split_passage(collection: Collection, passage_id: str, text: str, at: int) -> Collection:
    """With a passage (and what was changed in it) made two.

    :param at: where, in characters of ``text``.
    :raises CorpusError: one of the two would be empty.
    """
    head, tail = _cleaned(text[: max(0, at)]), _cleaned(text[max(0, at) :])
    within = len(head) + len(tail) > len(_cleaned(text))  # one letter, of several characters
    if not head or not tail or within:
        raise CorpusError("Put the cursor where the second passage should begin, inside the text, and split then.")
    collection = edited(collection, passage_id, text)
    position = position_of(collection, passage_id)
    cut = position.cuts[position.cut]
    two = [Cut(cut.heading, cut.start, cut.start + len(head)), Cut(cut.heading, cut.end - len(tail), cut.end)]
    cuts = [*position.cuts[: position.cut], *two, *position.cuts[position.cut + 1 :]]
    cuts.sort(key=lambda other: other.start)  # an overlapping one may begin before the second
    return _with(collection, position.document, collection.documents[position.document].text, cuts)


def dropped(collection: Collection, passage_id: str) -> Collection:
    """With a passage left out of what is searched; its document keeps the words."""
    position = position_of(collection, passage_id)
    cuts = [*position.cuts[: position.cut], *position.cuts[position.cut + 1 :]]
    return _with(collection, position.document, collection.documents[position.document].text, cuts)


def cut_anew(collection: Collection, cutting: Cutting) -> Collection:
    """With all documents cut in another way; borders put by hand are gone, changed words stay."""
    documents = tuple(replace(document, cuts=None) for document in collection.documents)
    return replace(collection, cutting=cutting, documents=documents)


def renamed(collection: Collection, title: str) -> Collection:
    """Under another name; "" for those of its documents.

    :raises CorpusError: the name is too long or cannot be shown.
    """
    title = unicodedata.normalize("NFC", " ".join(str(title).split()))
    if len(title) > MAX_TITLE or not title.isprintable():
        raise CorpusError(
            "A name of {length} characters cannot be used: choose one of up to {limit}, in letters that can be shown.",
            length=len(title),
            limit=MAX_TITLE,
        )
    return replace(collection, title=title)


def _with(collection: Collection, document: int, text: str, cuts: Sequence[Cut]) -> Collection:
    changed = replace(collection.documents[document], text=text, cuts=tuple(cuts))
    documents = list(collection.documents)
    documents[document] = changed
    return replace(collection, documents=tuple(documents))


def _trimmed(text: str, cut: Cut) -> Cut:
    piece = text[cut.start : cut.end]
    start = cut.start + len(piece) - len(piece.lstrip())
    return cut._replace(start=start, end=start + len(piece.strip()))


def _cleaned(text: str) -> str:
    text = str(text).replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    return unicodedata.normalize("NFC", text).strip()


def _checked(text: str) -> str:
    text = _cleaned(text)
    if not text:
        raise CorpusError("A passage without words finds nothing. Write some, or drop it.")
    if len(text) > MAX_PASSAGE_CHARS:
        raise CorpusError(
            "The passage has {length} characters; the limit is {limit}. Shorten it.",
            length=len(text),
            limit=f"{MAX_PASSAGE_CHARS:,}",
        )
    return text
