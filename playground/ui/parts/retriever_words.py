"""What a retriever is called in several places of the page."""

from __future__ import annotations

from playground.ui.text import EN


def words_of(prefix: str, retriever: str) -> str:
    """The key of a retriever's words for a place, of its name where it has none of its own for that."""
    own = f"{prefix}_{retriever}"
    return own if own in EN else f"retriever_{retriever}"
