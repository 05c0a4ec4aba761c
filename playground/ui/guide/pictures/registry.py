"""Which picture stands in which chapters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from playground.ui.guide.pictures.drawing import WIDTH, Drawing
from playground.ui.parts.html import join, tag
from playground.ui.text import say

Draw = Callable[[str], Drawing]  # is given the language


@dataclass(frozen=True)
class Picture:
    """A picture, and the chapters of both languages that it stands in."""

    name: str
    chapters: tuple[str, ...]
    draw: Draw

    def html(self, language: str) -> Markup:
        """The picture over what it says."""
        drawing = self.draw(language)
        svg = tag(
            "svg",
            *drawing.parts,
            viewBox=f"0 0 {WIDTH} {drawing.height}",
            role="img",
            aria_label=say(language, f"figure_{self.name}_label", **drawing.values),
        )
        caption = say(language, f"figure_{self.name}", **drawing.values)
        return tag("figure", svg, tag("figcaption", caption), class_="pg-picture")


PICTURES: dict[str, Picture] = {}  # by their names


def picture(name: str, *chapters: str) -> Callable[[Draw], Draw]:
    """Make a function that draws a picture of these chapters."""

    def add(draw: Draw) -> Draw:
        assert name not in PICTURES, name
        PICTURES[name] = Picture(name, chapters, draw)
        return draw

    return add


def pictures_of(chapter: str, language: str) -> Markup:
    """A chapter's pictures, one below the other; nothing where it has none."""
    return join(each.html(language) for each in PICTURES.values() if chapter in each.chapters)
