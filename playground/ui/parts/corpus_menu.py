"""Menus of corpora, with the visitor's own documents among them."""

from __future__ import annotations

from playground.errors import PlaygroundError
from playground.retrieval.corpus import cards
from playground.retrieval.own.uploads import is_own_collection

FIRST_CORPUS = "lantern-handbook"
OWN = "own"  # the choice of a corpus that stands for the visitor's own documents


def chosen_corpus(own: str, choice: str) -> str:
    """The id behind a choice in a corpus menu.

    :param own: id of the visitor's own corpus, or "".
    :raises PlaygroundError: it stands for one's own documents, and there are none yet.
    """
    if choice != OWN:
        return choice
    if not is_own_collection(own):
        raise PlaygroundError(
            "You have added no documents yet. Add some under “Your own documents”, or choose another corpus."
        )
    return own


def corpus_choices() -> list[tuple[str, str]]:
    """The shipped corpora by title."""
    return [(card.title, card.id) for card in cards()]
