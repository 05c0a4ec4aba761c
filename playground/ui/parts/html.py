"""Pieces of HTML. Every text from a model, a token, a document or a visitor is escaped here."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

from PIL import Image

from playground.engine.measuring.token_map import Neighbour, Token
from playground.ui.text import say

SIGNS = {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "␍"}
COLD, HOT = (37, 99, 175), (194, 84, 20)  # below and above zero: apart for colour-blind eyes too


def visible(text: str) -> str:
    """Token text with its spaces and line ends made visible, escaped."""
    if text.startswith("⟨"):  # bytes or a number in the place of text: its spaces are ours
        return escape(text)
    return "".join(f'<span class="pg-space">{SIGNS[c]}</span>' if c in SIGNS else escape(c) for c in text)


def blank(text: str, language: str) -> str:
    """What a token that nobody sees is called: a space, a line end; "" for all others."""
    if text.strip():
        return ""
    if not text:
        return say(language, "blank_nothing")
    return say(language, "blank_line" if {"\n", "\r"} & set(text) else "blank_space")


def signed(text: str, language: str) -> str:
    """Token text for a drawing: plain, with signs for what is not seen, and a word where there is
    nothing else."""
    signs = text if text.startswith("⟨") else "".join(SIGNS.get(c, c) for c in text)
    return f"{signs} {blank(text, language)}".strip()


def named(text: str, language: str) -> str:
    """The same as HTML, escaped."""
    word = blank(text, language)
    return visible(text) + (f" <small>{escape(word)}</small>" if word else "")


def note(text: str, kind: str = "hint") -> str:
    """A line of help (``hint``), or a warning (``warn``) with its sign."""
    sign = "⚠ " if kind == "warn" else ""
    return f'<div class="pg-{kind}">{sign}{escape(text)}</div>' if text else ""


def notes(texts: Sequence[str], kind: str) -> str:
    """Several lines of help or warning."""
    return "".join(note(text, kind) for text in texts)


def figure(value: float, digits: int = 3) -> str:
    """A number with few digits, never 0.30000000000000004."""
    return f"{value:.{digits}g}"


def size(count: int) -> str:
    """Bytes in the unit a person would say."""
    if abs(count) < 1000:
        return f"{count} B"
    return f"{count / 1e3:.1f} kB" if abs(count) < 1e6 else f"{count / 1e6:.1f} MB"


def duration(seconds: float) -> str:
    """A time in the unit a person would say, in its symbols, which are the same in all languages:
    12 ms, 1.5 s, 31 min, 2.5 h."""
    if seconds < 0.9995:
        thousandths = seconds * 1000
        return f"{figure(thousandths) if thousandths < 10 else round(thousandths)} ms"
    if seconds < 99.5:
        return f"{figure(seconds)} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 99.5 else f"{minutes / 60:.1f} h"


def clock(seconds: float) -> str:
    """A time that goes on, or a guess of what is left: whole seconds, and never none."""
    return duration(max(1, round(seconds)))


# Tokens


def chips(tokens: Sequence[Token], chosen: int, language: str) -> str:
    """The tokens of a text as buttons, each with its id; ``chosen`` is the pressed one's place."""
    buttons = (
        f'<button type="button" class="pg-chip" data-do="choose" data-place="{place}" '
        f'data-id="{token.id}" aria-pressed="{str(place == chosen).lower()}">'
        f"<b>{visible(token.text)}</b><small>{token.id}</small></button>"
        for place, token in enumerate(tokens)
    )
    return (
        f'<div class="pg-chips" role="group" aria-label="{escape(say(language, "chips_label"))}">'
        f"{''.join(buttons)}</div>"
    )


def strip(values: Sequence[float], text: str) -> str:
    """A row of the embedding as a strip of colour, one column for each number."""
    image = Image.new("RGB", (len(values), 1))
    image.putdata([_shade(value) for value in values])
    file = io.BytesIO()
    image.save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img class="pg-strip" alt="{escape(text)}" src="data:image/png;base64,{data}">'


def _shade(value: float) -> tuple[int, int, int]:
    colour, depth = (HOT if value > 0 else COLD), min(1.0, abs(value)) ** 0.7
    r, g, b = (round(255 + (channel - 255) * depth) for channel in colour)
    return r, g, b


def token_facts(token: Token, values: Sequence[float], language: str) -> str:
    """One token: its id, its norm, its vector."""
    facts = say(language, "token_facts", id=token.id, norm=figure(token.norm), size=len(values))
    return (
        f'<h3 class="pg-token">{visible(token.text)}</h3><p>{escape(facts)}</p>'
        f"{strip(values, say(language, 'strip_alt', text=token.text))}"
        f'<p class="pg-legend">{escape(say(language, "strip_legend"))}</p>'
    )


def neighbour_table(rows: Sequence[Neighbour], language: str) -> str:
    """The nearest tokens; each can be pressed to go on from it."""
    body = "".join(
        f'<tr><td><button type="button" class="pg-link" data-do="go" data-id="{row.id}">'
        f"{named(row.text, language)}</button></td><td>{row.id}</td><td>{row.cosine:.3f}</td></tr>"
        for row in rows
    )
    heads = "".join(
        f'<th scope="col">{escape(say(language, key))}</th>' for key in ("column_token", "column_id", "column_cosine")
    )
    caption = escape(say(language, "neighbours_caption"))
    return (
        f'<table class="pg-table"><caption>{caption}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
    )


def bars(rows: Sequence[tuple[str, float, float]], language: str, named: Sequence[str] = ()) -> str:
    """Next-token probabilities before and after, as bars with figures.

    :param rows: (token text, probability before, probability after).
    :param named: what the two are called.
    """
    body = "".join(_bar_row(*row, language) for row in rows)
    usual = (say(language, "column_before"), say(language, "column_after"))
    names = (say(language, "column_token"), *(named or usual), say(language, "column_change"))
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    return (
        f'<table class="pg-table pg-bars"><caption>{escape(say(language, "bars_caption"))}'
        f"</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
    )


def _bar_row(text: str, before: float, after: float, language: str) -> str:
    change = (after - before) * 100
    direction = "up" if change > 0.005 else "down" if change < -0.005 else "same"
    sign = {"up": "▲", "down": "▼", "same": "="}[direction]
    return (
        f"<tr><td>{named(text, language)}</td>{_bar(before, 'before')}{_bar(after, 'after')}"
        f'<td class="pg-{direction}">{sign} {abs(change):.2f}</td></tr>'
    )


def _bar(share: float, kind: str) -> str:
    return (
        f'<td><span class="pg-bar pg-bar-{kind}" style="width:{share * 100:.2f}%"></span>'
        f'<span class="pg-figure">{share * 100:.2f} %</span></td>'
    )


# The recipe


# Passages


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]], words: bool = False) -> str:
    """A table of cells that are HTML already; the first of a row heads it.

    :param words: whether long cells break into lines, where figures stay whole.
    """
    look = "pg-table pg-words" if words else "pg-table"
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>' for row in rows
    )
    return (
        f'<div class="pg-scroll" role="region" tabindex="0" aria-label="{escape(caption)}">'
        f'<table class="{look}"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def percent(share: float) -> str:
    """A share in percent."""
    return f"{figure(share * 100)} %"
