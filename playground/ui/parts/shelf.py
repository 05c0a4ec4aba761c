"""A visitor's own collections of documents, as the browser remembers them."""

from __future__ import annotations

from typing import Any

from playground.errors import CorpusError, PlaygroundError
from playground.retrieval.corpus import Corpus, load_corpus
from playground.retrieval.own.uploads import is_own_collection

MOST_OWN = 20  # collections of one visitor


def room_for_collection(shelf: Any, own: str) -> list[str]:
    """The visitor's collections, if one more may be added.

    :raises CorpusError: there are as many as there may be.
    """
    ids = shelf_ids(shelf, own)
    check_shelf(ids)
    return ids


def check_shelf(ids: list[str]) -> None:
    """Refuse more collections than one visitor has."""
    if len(ids) >= MOST_OWN:
        raise CorpusError(
            "You have {limit} collections, which is as many as one visitor has. Delete one first.", limit=MOST_OWN
        )


def shelf_ids(shelf: Any, own: Any = "") -> list[str]:
    """The collections that the browser kept which are still on this host, the one in use too."""
    ids = [collection for collection in shelf if isinstance(collection, str)] if isinstance(shelf, list) else []
    ids = [collection for collection in dict.fromkeys([*ids, own]) if is_own_collection(collection)][-2 * MOST_OWN :]
    return [collection for collection in ids if still_there(collection)]


def with_one(shelf: list[str], own: str) -> list[str]:
    """The shelf with a collection as the one used last."""
    return [*(collection for collection in shelf if collection != own), own][-MOST_OWN:]


def still_there(own: str) -> Corpus | None:
    """A collection, if it is on this host."""
    try:
        return load_corpus(own) if is_own_collection(own) else None
    except PlaygroundError:  # deleted after a week unused
        return None
