"""Pieces of HTML of the Tokens tab: the tokens of a text, one of them, and its neighbours."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

from markupsafe import Markup
from PIL import Image

from playground.engine.measuring.token_map import Neighbour, Token
from playground.ui.parts.html import figure, grid, link, named, tag, visible
from playground.ui.text import say

COLD, HOT = (37, 99, 175), (194, 84, 20)  # below and above zero: apart for colour-blind eyes too


def chips(tokens: Sequence[Token], chosen: int, language: str) -> Markup:
    """The tokens of a text as buttons, each with its id; ``chosen`` is the pressed one's place."""
    buttons = (
        tag(
            "button",
            tag("b", visible(token.text)),
            tag("small", token.id),
            type="button",
            class_="pg-chip",
            data_do="choose",
            data_place=number,
            data_id=token.id,
            aria_pressed="true" if number == chosen else "false",
        )
        for number, token in enumerate(tokens)
    )
    return tag("div", *buttons, class_="pg-chips", role="group", aria_label=say(language, "chips_label"))


def strip(values: Sequence[float], text: str) -> Markup:
    """A row of the embedding as a strip of colour, one column for each number."""
    image = Image.new("RGB", (len(values), 1))
    image.putdata([_shade(value) for value in values])
    file = io.BytesIO()
    image.save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    return tag("img", class_="pg-strip", alt=text, src=f"data:image/png;base64,{data}")


def _shade(value: float) -> tuple[int, int, int]:
    colour, depth = (HOT if value > 0 else COLD), min(1.0, abs(value)) ** 0.7
    r, g, b = (round(255 + (channel - 255) * depth) for channel in colour)
    return r, g, b


def token_facts(token: Token, values: Sequence[float], language: str) -> Markup:
    """One token: its id, its norm, its vector."""
    facts = say(language, "token_facts", id=token.id, norm=figure(token.norm), size=len(values))
    return (
        tag("h3", visible(token.text), class_="pg-token")
        + tag("p", facts)
        + strip(values, say(language, "strip_alt", text=token.text))
        + tag("p", say(language, "strip_legend"), class_="pg-legend")
    )


def neighbour_table(rows: Sequence[Neighbour], language: str) -> Markup:
    """The nearest tokens; each can be pressed to go on from it."""
    cells = [[link(named(row.text, language), "go", id=row.id), str(row.id), f"{row.cosine:.3f}"] for row in rows]
    heads = [say(language, key) for key in ("column_token", "column_id", "column_cosine")]
    return grid(heads, cells, say(language, "neighbours_caption"))
