"""Which styles of a word processor's document are headings, and of what level."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEADING = re.compile(r"(?:heading|제목)\s*([1-9])", re.IGNORECASE)
MAX_LEVEL = 6

Attributes = dict[str, str]


@dataclass
class _Style:
    level: int = 0
    based_on: str = ""


class Styles:
    """Which styles are headings, and of what level: ids differ by language, names less so."""

    def __init__(self) -> None:
        self._styles: dict[str, _Style] = {}
        self._style = _Style()

    def start(self, tag: str, attributes: Attributes) -> None:
        """An element of the style sheet begins."""
        if tag == "style":
            self._style = self._styles.setdefault(attributes.get("styleId", ""), _Style())
        elif tag == "name" and not self._style.level:
            self._style.level = heading_level(attributes.get("val", ""))
        elif tag == "basedOn":
            self._style.based_on = attributes.get("val", "")
        elif tag == "outlineLvl":
            self._style.level = self._style.level or outline_level(attributes)

    def end(self, tag: str) -> None:
        """An element ends."""
        if tag == "style":
            self._style = _Style()

    def levels(self) -> dict[str, int]:
        """Style id -> heading level from 1, for headings and what is based on one."""
        found = {}
        for name, style in self._styles.items():
            for _ in range(10):  # a chain of styles, which may be a circle
                if style.level or style.based_on not in self._styles:
                    break
                style = self._styles[style.based_on]
            if style.level:
                found[name] = style.level
        return found


def heading_level(name: str) -> int:
    """1 to 9 from a style's name or id, 0 if it is no heading."""
    if name.lower() in ("title", "제목"):
        return 1
    match = _HEADING.fullmatch(name.strip())
    return int(match[1]) if match else 0


def outline_level(attributes: Attributes) -> int:
    """A paragraph's level of its own, from 1; 0 for body text."""
    value = attributes.get("val", "")
    return int(value) + 1 if value in tuple("01234567") else 0
