"""What a tab is: it lays itself out, and says what it wants to hear of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

Listener = Callable[..., Any]  # an event of gradio's: takes handler, inputs, outputs
Hook = Callable[[Listener], Any]  # adds to an event what a tab does then


def nothing(event: Listener) -> None:
    """The hook of a tab that does nothing then."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The parts of the Compare tab that another tab can fill."""

    setup: list[Any]  # what ``parts.comparison.set_up`` gives
    answers: list[Any]  # what stands there of another prompt


@dataclass(kw_only=True)
class Visit:
    """What all tabs share of a visitor: what the browser keeps, and the language."""

    saved: gr.BrowserState  # the recipe and its history
    own: gr.BrowserState  # id of the collection of documents in use, or ""
    shelf: gr.BrowserState  # ids of all of the visitor's collections
    adapters: gr.BrowserState  # ids of the visitor's own adapters
    asked: gr.BrowserState  # what was asked last, and what came of it
    language: gr.Textbox
    tabs: gr.Tabs
    parts: gr.Tabs  # of the page "change"
    comparison: Comparison | None = None  # what other tabs can fill, once Compare is laid out
    fills: dict[str, list[Any]] = field(default_factory=dict)  # the same of other tabs, by their ids
    presses: dict[str, gr.Button] = field(default_factory=dict)  # of tabs, by their ids, that lead to Ask


@dataclass(frozen=True, kw_only=True)
class Wired:
    """What a tab wants to hear of, and what a reload must not lose.

    :param typed: fields by the names under which the browser keeps what is typed.
    :param on_load: the page opened, and what was typed is there again.
    :param on_recipe: the recipe is another one.
    :param on_model: another model was chosen, and is there.
    :param on_built: a recipe that had to wait for its turn is built.
    :param on_documents: the visitor's own documents are others.
    :param documents: the events of this tab after which they are.
    """

    typed: dict[str, Any] = field(default_factory=dict)
    on_load: Hook = nothing
    on_recipe: Hook = nothing
    on_model: Hook = nothing
    on_built: Hook = nothing
    on_documents: Hook = nothing
    documents: Sequence[Any] = ()


@dataclass(frozen=True)
class Tab:
    """A tab of the page.

    :param id: its name in code; what it is called is the text ``tab_<id>``.
    :param build: lays it out and wires it, given its own page for what happens when it is opened.
    :param stage: a tab fills others of earlier stages, and is built after them.
    """

    id: str
    build: Callable[[Visit, gr.Tab], Wired]
    stage: int = 0
