"""The Guide tab: the project's own corpus about weights and retrieval, to be read."""

from __future__ import annotations

import re
from typing import Any

import gradio as gr

from playground.retrieval.corpus import load_collection
from playground.ui.shell.page import LOOK, shown
from playground.ui.shell.tab import Tab, Visit, Wired
from playground.ui.text import label

GUIDES = {"en": "guide", "ko": "guide-ko"}
FIRST = ("start-here.md", "first-steps.md", "choosing.md")  # the others by name


def build_tab(visit: Visit, page: gr.Tab) -> Wired:
    """Lay out the tab and wire it; it is filled when it is opened."""
    language = visit.language
    gr.Markdown(label("guide_intro"))
    chapter = gr.Dropdown([], label=label("guide_chapter"), elem_id="guide-chapter")
    text = gr.Markdown(label("guide_wait"), elem_id="guide")
    page.select(show_guide, [language, chapter], [chapter, text], **LOOK)
    chapter.select(show_guide, [language, chapter], [chapter, text], **LOOK)
    return Wired()


def chapters(language: str) -> dict[str, str]:
    """Titles of the chapters and their texts, headings one level down: the page has its own."""
    documents = load_collection(GUIDES.get(language, "guide")).documents
    places = {name: number for number, name in enumerate(FIRST)}
    order = sorted(documents, key=lambda chapter: (places.get(chapter.name, len(FIRST)), chapter.name))
    texts = [re.sub(r"^#", "##", chapter.text, flags=re.MULTILINE) for chapter in order]
    return {text.partition("\n")[0].lstrip("# ").strip(): text for text in texts}


@shown
def show_guide(language: str, chapter: str | None) -> tuple[Any, str]:
    """A chapter, the first one if none is chosen."""
    texts = chapters(language)
    chapter = chapter if chapter in texts else next(iter(texts))
    return gr.update(choices=list(texts), value=chapter), texts[chapter]


TAB = Tab("guide", build_tab)
