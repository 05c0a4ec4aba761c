"""What a visitor's browser keeps, under which names, and how it comes back after a reload."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import gradio as gr

from playground import workspace as spaces

NAME = "weights-playground"  # of the recipe; of everything else its beginning
# Keys that outlive restarts, hiding nothing
SECRET = "not-a-secret"
OTHERS_SECRET = "as-above"
LINKED = "_"  # starts the names of fields that a link fills and that are not kept


def recipe() -> gr.BrowserState:
    """The visitor's recipe and its history."""
    return gr.BrowserState(spaces.new().to_json(), storage_key=NAME, secret=SECRET)


def kept(name: str, value: Any) -> gr.BrowserState:
    """Something else that the browser keeps.

    :param value: what there is at first.
    """
    return gr.BrowserState(value, storage_key=f"{NAME}-{name}", secret=OTHERS_SECRET)


def restore(page: gr.Blocks, language: gr.Textbox, typed: Mapping[str, Any]) -> Any:
    """Keep what is typed into fields, and put it back when the page opens.

    :param typed: the fields by the names under which the browser keeps them.
    :return: the event after which language and fields are as they were left.
    """
    drafts = kept("drafts", {})
    opened = page.load(
        None,
        [drafts, *typed.values()],
        [language, *typed.values()],
        js=f"(d, ...now) => playgroundOpened({json.dumps(list(typed))}, d ?? {{}}, now)",
        api_visibility="private",
    )
    for key, box in typed.items():
        if key.startswith(LINKED):
            continue
        box.change(None, [drafts, box], drafts, js=f"(d, value) => ({{...d, {key}: value}})", api_visibility="private")
    return opened
