"""A document as HTML, with the borders of its passages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from playground.retrieval.chunking.markdown import count_words
from playground.retrieval.own.stored import Collection, cuts_of
from playground.retrieval.search import Hit
from playground.ui.parts.html import figure
from playground.ui.text import say


@dataclass(frozen=True)
class Piece:
    """A stretch of a document: a passage, or (with no id) what stands between passages.

    :param repeated: how many of its first characters the passage before has too.
    """

    text: str
    id: str = ""
    repeated: int = 0


def pieces(collection: Collection, document: str) -> list[Piece]:
    """A document from its start to its end."""
    found: list[Piece] = []
    number = 0
    for one in collection.documents:
        if one.name != document:
            continue
        at = 0
        for cut in cuts_of(one, collection.cutting):
            number += 1
            if one.text[at : cut.start].strip():
                found.append(Piece(one.text[at : cut.start].strip("\n")))
            text = one.text[cut.start : cut.end]
            found.append(Piece(text, f"{one.name}#{number}", min(max(0, at - cut.start), len(text))))
            at = max(at, cut.end)
        if one.text[at:].strip():
            found.append(Piece(one.text[at:].strip("\n")))
    return found


def count(found: Sequence[Piece]) -> int:
    """How many of the pieces are passages."""
    return sum(bool(one.id) for one in found)


def document(found: Sequence[Piece], first: int, most: int, mine: bool, language: str) -> str:
    """Some of a document's passages, and what stands between them.

    :param first: passages before the first one that is shown.
    :param mine: whether a passage can be pressed to change it.
    """
    items, passages = [], 0
    for place, one in enumerate(found):
        last = place == len(found) - 1 and not one.id  # belongs to the page before
        inside = first <= passages - last < first + most
        passages += bool(one.id)
        if inside:
            items.append(_passage(one, mine, language) if one.id else _between(one))
    title = escape(say(language, "passages_count", count=count(found)))
    return f'<p class="pg-receipt">{title}</p><div class="pg-document">{"".join(items)}</div>'


def _passage(one: Piece, mine: bool, language: str) -> str:
    words = say(language, "passage_words", count=count_words(one.text))
    named = escape(f"{one.id.rpartition('#')[2]} · {words}")
    text = escape(one.text[one.repeated :])
    if one.repeated:
        again = escape(one.text[: one.repeated])
        text = f'<span class="pg-again">{again}</span>{text}'
    press = (
        f' role="button" tabindex="0" data-do="passage" data-passage="{escape(one.id)}" '
        f'aria-label="{escape(say(language, "passage_change", passage=one.id))}"'
        if mine
        else ""
    )
    return f'<div class="pg-cut"{press}><small>{named}</small>{text}</div>'


def _between(one: Piece) -> str:
    return f'<div class="pg-between">{escape(one.text)}</div>'


def passage(hit: Hit, language: str, more: str = "", id: str = "") -> str:
    """A found passage: rank, score, document, and its text with the matched words marked.

    :param more: HTML that follows.
    :param id: what links lead to.
    """
    text, at = "", 0
    for start, end in hit.matched:
        words = escape(hit.passage.text[start:end])
        text += f"{escape(hit.passage.text[at:start])}<mark>{words}</mark>"
        at = end
    text += escape(hit.passage.text[at:])
    heading, _, first_row = hit.passage.heading.partition("\n")  # see ``Cut``: a table's first row
    where = escape(heading or hit.passage.document)
    text = (f"<small>{escape(first_row)}</small><br>" if first_row else "") + text
    score = escape(say(language, "hit_score", score=figure(hit.score)))
    named = f' id="{escape(id)}"' if id else ""
    return (
        f'<li{named}><div class="pg-hit"><b>{hit.rank}.</b> {where} '
        f"<small>{escape(hit.passage.id)} · {score}</small></div><div>{text}</div>{more}</li>"
    )
