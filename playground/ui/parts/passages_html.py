"""A document as HTML, with the borders of its passages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from playground.retrieval.chunking.markdown import count_words
from playground.retrieval.own.stored import Collection, cuts_of
from playground.retrieval.search import Hit
from playground.ui.parts.html import figure, join, receipt, tag
from playground.ui.text import say


@dataclass(frozen=True)
class Piece:
    """A stretch of a document: a passage, or (with no id) what stands between passages.

    :param repeated: how many of its first characters the passage before has too.
    """

    text: str
    id: str = ""
    repeated: int = 0


def passage_pieces(collection: Collection, document: str) -> list[Piece]:
    """A document from its start to its end."""
    parts: list[Piece] = []
    number = 0
    for one in collection.documents:
        if one.name != document:
            continue
        at = 0
        for cut in cuts_of(one, collection.cutting):
            number += 1
            if one.text[at : cut.start].strip():
                parts.append(Piece(one.text[at : cut.start].strip("\n")))
            text = one.text[cut.start : cut.end]
            parts.append(Piece(text, f"{one.name}#{number}", min(max(0, at - cut.start), len(text))))
            at = max(at, cut.end)
        if one.text[at:].strip():
            parts.append(Piece(one.text[at:].strip("\n")))
    return parts


def count(parts: Sequence[Piece]) -> int:
    """How many of the pieces are passages."""
    return sum(bool(piece.id) for piece in parts)


def document_html(parts: Sequence[Piece], first: int, most: int, mine: bool, language: str) -> Markup:
    """Some of a document's passages, and what stands between them.

    :param first: passages before the first one that is shown.
    :param mine: whether a passage can be pressed to change it.
    """
    items, passages = [], 0
    for number, piece in enumerate(parts):
        last = number == len(parts) - 1 and not piece.id  # belongs to the page before
        inside = first <= passages - last < first + most
        passages += bool(piece.id)
        if inside:
            items.append(_passage(piece, mine, language) if piece.id else _between(piece))
    title = receipt(say(language, "passages_count", count=count(parts)))
    return title + tag("div", *items, class_="pg-document")


def _passage(piece: Piece, mine: bool, language: str) -> Markup:
    words = say(language, "passage_words", count=count_words(piece.text))
    number = tag("small", f"{piece.id.rpartition('#')[2]} · {words}")
    again = tag("span", piece.text[: piece.repeated], class_="pg-again") if piece.repeated else ""
    press: dict[str, object] = {"role": "button", "tabindex": 0, "data_do": "passage", "data_passage": piece.id}
    press["aria_label"] = say(language, "passage_change", passage=piece.id)
    return tag("div", number, again, piece.text[piece.repeated :], class_="pg-cut", **(press if mine else {}))


def _between(piece: Piece) -> Markup:
    return tag("div", piece.text, class_="pg-between")


def passage(hit: Hit, language: str, more: str = "", id: str = "") -> Markup:
    """A found passage: rank, score, document, and its text with the matched words marked.

    :param more: what follows.
    :param id: what links lead to.
    """
    heading, _, first_row = hit.passage.heading.partition("\n")  # see ``Cut``: a table's first row
    above = [tag("small", first_row), tag("br")] if first_row else []
    source = tag("small", f"{hit.passage.id} · {say(language, 'hit_score', score=figure(hit.score))}")
    return tag(
        "li",
        tag("div", tag("b", f"{hit.rank}."), f" {heading or hit.passage.document} ", source, class_="pg-hit"),
        tag("div", *above, marked(hit.passage.text, hit.matched)),
        more,
        id=id or None,
    )


def marked(text: str, spans: Sequence[tuple[int, int]]) -> Markup:
    """A text with some stretches of it marked, which do not overlap and are in order."""
    parts, at = [], 0
    for start, end in spans:
        parts += [text[at:start], tag("mark", text[start:end])]
        at = end
    return join([*parts, text[at:]])
