"""Pieces of HTML, escaped by construction: what is put into a tag is text unless it is ``Markup``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import floor, isfinite, log10

from markupsafe import Markup, escape

from playground.ui.text import say

SIGNS = {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "␍"}
VOID = ("br", "img", "meta")  # tags that hold nothing and are not closed


def tag(name: str, /, *inside: object, **attributes: object) -> Markup:
    """An element of HTML or SVG.

    :param inside: texts, which are escaped, and ``Markup``, which is not.
    :param attributes: an underscore stands for a dash, one at the end for nothing (``class_``);
        None and False leave it out, True says its name alone; a float is rounded to tenths.
    """
    said = "".join(_attribute(key, value) for key, value in attributes.items() if value is not None)
    return Markup(f"<{name}{said}>" if name in VOID else f"<{name}{said}>{join(inside)}</{name}>")


def _attribute(key: str, value: object) -> str:
    name = key.rstrip("_").replace("_", "-")
    if isinstance(value, bool):
        return f" {name}" if value else ""
    text = value.unescape() if isinstance(value, Markup) else value  # its tags and quotes are text here
    return f' {name}="{f"{text:.1f}" if isinstance(text, float) else escape(str(text))}"'


def join(parts: Iterable[object], between: str = "") -> Markup:
    """Pieces one after the other; texts among them are escaped."""
    return escape(between).join(parts)  # type: ignore[arg-type]  # whatever it is, it is escaped


def link(inside: str, do: str, label: str = "", **data: object) -> Markup:
    """A button that looks like a link and sends ``data-do`` with the other ``data-`` values.

    :param label: what it is called for those who do not see what it stands beside.
    """
    values = {f"data_{key}": value for key, value in {"do": do, **data}.items()}
    return tag("button", inside, type="button", class_="pg-link", **values, aria_label=label or None)


def visible(text: str) -> Markup:
    """Token text with its spaces and line ends made visible."""
    if text.startswith("⟨"):  # bytes or a number in the place of text: its spaces are ours
        return escape(text)
    return join(tag("span", SIGNS[c], class_="pg-space") if c in SIGNS else c for c in text)


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


def named(text: str, language: str) -> Markup:
    """The same as HTML."""
    word = blank(text, language)
    return visible(text) + (" " + tag("small", word) if word else Markup())


def note(text: str, kind: str = "hint") -> Markup:
    """A line of help (``hint``), or a warning (``warn``) with its sign."""
    return tag("div", "⚠ " if kind == "warn" else "", text, class_=f"pg-{kind}") if text else Markup()


def notes(texts: Sequence[str], kind: str) -> Markup:
    """Several lines of help or warning."""
    return join(note(text, kind) for text in texts)


def receipt(text: str) -> Markup:
    """A small line under a result."""
    return tag("p", text, class_="pg-receipt")


def details(summary: str, *inside: str, **attributes: object) -> Markup:
    """What is folded away under a line."""
    return tag("details", tag("summary", summary), *inside, **attributes)


# Figures


def figure(value: float, digits: int = 3) -> str:
    """A number with few digits, never 0.30000000000000004 nor 7.04e+07: 0.3, 36,000, 0.0000167. Beyond what anybody
    could count the places of, in powers of ten."""
    if not isfinite(value) or value == 0 or not 1e-9 <= abs(value) < 1e15:
        return f"{value:.{digits}g}"
    places = digits - 1 - floor(log10(abs(value)))
    text = f"{round(value, places):,.{max(0, places)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(share: float, digits: int = 3) -> str:
    """A share in percent with so many digits, more only where it is a hundred percent and above."""
    value = 100 * share
    return f"{value:.0f} %" if abs(value) >= 10 ** (digits - 1) else f"{figure(value, digits)} %"


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


# Tables

Row = Sequence[str]  # cells; a row that is Markup is a whole row already


def grid(heads: Sequence[str], rows: Iterable[Row], caption: str = "", look: str = "", headed: bool = False) -> Markup:
    """A table.

    :param look: a class besides ``pg-table``.
    :param headed: whether the first cell of a row heads it.
    """
    return tag(
        "table",
        tag("caption", caption) if caption else "",
        tag("thead", tag("tr", *(tag("th", head, scope="col") for head in heads))),
        tag("tbody", *(row if isinstance(row, Markup) else _line(row, headed) for row in rows)),
        class_=f"pg-table {look}".strip(),
    )


def _line(cells: Sequence[str], headed: bool) -> Markup:
    first = tag("th", cells[0], scope="row") if headed else tag("td", cells[0])
    return tag("tr", first, *(tag("td", cell) for cell in cells[1:]))


def scrolled(inside: Markup, name: str) -> Markup:
    """A place for what may be wider than the page, named for those who do not see it."""
    return tag("div", inside, class_="pg-scroll", role="region", tabindex=0, aria_label=name)


def table(caption: str, heads: Sequence[str], rows: Iterable[Row], look: str = "") -> Markup:
    """A table with a caption that may be wider than the page; the first cell of a row heads it.

    :param look: ``pg-words`` where long cells break into lines, where figures stay whole.
    """
    return scrolled(grid(heads, rows, caption, look, headed=True), caption)


def probability_bars(rows: Sequence[tuple[str, float, float]], language: str, named: Sequence[str] = ()) -> Markup:
    """Next-token probabilities before and after, as bars with figures.

    :param rows: (token text, probability before, probability after).
    :param named: what the two are called.
    """
    usual = (say(language, "column_before"), say(language, "column_after"))
    heads = (say(language, "column_token"), *(named or usual), say(language, "column_change"))
    return grid(heads, [_bar_row(*row, language) for row in rows], say(language, "bars_caption"), "pg-bars")


def _bar_row(text: str, before: float, after: float, language: str) -> Markup:
    change = (after - before) * 100
    direction = "up" if change > 0.005 else "down" if change < -0.005 else "same"
    sign = {"up": "▲", "down": "▼", "same": "="}[direction]
    return tag(
        "tr",
        tag("td", named(text, language)),
        _bar(before, "before"),
        _bar(after, "after"),
        tag("td", f"{sign} {abs(change):.2f}", class_=f"pg-{direction}"),
    )


def _bar(share: float, kind: str) -> Markup:
    return tag(
        "td",
        tag("span", class_=f"pg-bar pg-bar-{kind}", style=f"width:{share * 100:.2f}%"),
        tag("span", f"{share * 100:.2f} %", class_="pg-figure"),
    )
