"""The Learn tab: the project's own corpus about weights and retrieval, to be read."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import gradio as gr
from markupsafe import Markup

from playground.ui.guide.chapters import Chapter, chapters
from playground.ui.guide.pictures import pictures_of
from playground.ui.parts.html import link, tag
from playground.ui.shell.page import CLICKS, LOOK, shown
from playground.ui.shell.tab import Tab, Visit, Wired
from playground.ui.text import label, say


def build_tab(visit: Visit, page: gr.Tab) -> Wired:
    """Lay out the tab and wire it; it is filled when it is opened."""
    language = visit.language
    gr.Markdown(label("guide_intro"))
    name = gr.State("")  # of the chapter that is open
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=240):
            listed = gr.HTML(js_on_load=CLICKS, elem_id="guide-chapters")
        with gr.Column(scale=3, min_width=300):
            text = gr.Markdown(label("guide_wait"), elem_id="guide")
            pictures = gr.HTML(elem_id="guide-pictures")
            rest = gr.Markdown(elem_id="guide-rest")
            around = gr.HTML(js_on_load=CLICKS, elem_id="guide-around")
    view = [name, listed, text, pictures, rest, around]
    page.select(show_guide, [language, name], view, **LOOK)
    for pressed in (listed, around):
        pressed.click(open_chapter, [language], view, **LOOK)
    return Wired()


@shown
def show_guide(language: str, name: str) -> tuple[Any, ...]:
    """A chapter, the first one if none is open."""
    all_chapters = chapters(language)
    names = [chapter.name for chapter in all_chapters]
    at = names.index(name) if name in names else 0
    chapter = all_chapters[at]
    listed, around = _contents(all_chapters, chapter, language), _around(all_chapters, at, language)
    return chapter.name, listed, chapter.opening, pictures_of(chapter.name, language), chapter.rest, around


@shown
def open_chapter(language: str, event: gr.EventData) -> tuple[Any, ...]:
    """The chapter that was pressed."""
    shown_now: tuple[Any, ...] = show_guide(language, str(event.chapter))
    return shown_now


def _contents(all_chapters: list[Chapter], chosen: Chapter, language: str) -> Markup:
    """The chapters in their groups, the open one marked."""
    parts = []
    for group, own in groupby(all_chapters, key=lambda chapter: chapter.group):
        rows = [
            tag(
                "li",
                link(chapter.title, "chapter", chapter=chapter.name),
                tag("small", f" {say(language, 'guide_minutes', n=chapter.minutes)}"),
                aria_current="page" if chapter is chosen else None,
            )
            for chapter in own
        ]
        parts += [tag("h4", say(language, f"guide_group_{group}")), tag("ul", *rows)]
    return tag("nav", *parts, class_="pg-chapters", aria_label=say(language, "guide_chapter"))


def _around(all_chapters: list[Chapter], at: int, language: str) -> Markup:
    """Where to try what was read, and the chapters before and after."""
    tried = tag("a", say(language, "guide_try"), href=f"#{all_chapters[at].tried}", class_="pg-try")
    before = all_chapters[at - 1] if at else None
    after = all_chapters[at + 1] if at + 1 < len(all_chapters) else None
    steps = [
        link(f"{sign} {chapter.title}", "chapter", chapter=chapter.name)
        for sign, chapter in (("←", before), ("→", after))
        if chapter
    ]
    return tag("p", tried, *steps, class_="pg-next")


TAB = Tab("guide", build_tab)
