"""The dial of an adapter: what the recipe answers at the scale that it has, and at fixed ones computed ahead."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.engine.adapters.edit import Attach
from playground.engine.build import build, extended
from playground.engine.edit import Edit
from playground.engine.fork import Fork
from playground.engine.recipe import Recipe
from playground.engine.work import Work
from playground.ui.parts.html import tag
from playground.ui.parts.stations import Texts, ahead, known_json, known_texts, large, place_key, stations, written
from playground.ui.shell.form import Values
from playground.ui.shell.stale import belongs
from playground.ui.text import say

ANSWER_TOKENS = 48
PLACES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)
BASE = "base"  # whose answer stands beside
NAMED = {"0": "off", "0.5": "half", "1": "all"}


@dataclass(frozen=True, kw_only=True)
class Dial:
    """An adapter in a recipe.

    :param edit: what the dial turns; None where the adapter is not on the recipe.
    """

    below: Recipe
    edit: Attach | None
    above: tuple[Edit, ...]
    prompt: str

    @property
    def of(self) -> str:
        """What answers are of, whatever the scale."""
        edit = self.edit and self.edit.model_copy(update={"scale": 0.0})
        parts = [edit.model_dump_json() if edit else "", *(each.model_dump_json() for each in self.above)]
        return json.dumps([self.below.id, *parts, self.prompt])

    def at(self, place: float, work: Work) -> Fork:
        """The recipe with the adapter at another scale, kept by nobody but the caller."""
        assert self.edit is not None
        built = build(self.below, work)
        for edit in (self.edit.model_copy(update={"scale": place}), *self.above):
            built = extended(built, edit, work)
        return built.fork


def dial_of(values: Values) -> Dial:
    """The chosen adapter in the visitor's recipe."""
    recipe, prompt = spaces.workspace_from_json(values["saved"]).recipe(), values["prompt"]
    for number in reversed(range(len(recipe.edits))):
        edit = recipe.edits[number]
        if isinstance(edit, Attach) and edit.source == values["source"]:
            below = recipe.prefix(number)
            return Dial(below=below, edit=edit, above=recipe.edits[number + 1 :], prompt=prompt)
    return Dial(below=recipe, edit=None, above=(), prompt=prompt)


def answers_html(mine: str, base: str, key: str, values: Values) -> str:
    """The recipe's answer in large type, and the base's beside it.

    :param key: the place of the dial; "" where it turns nothing.
    """
    language = values["language"]
    at = say(language, "said_at", place=place_name(key, language)) if key else ""
    recipe = tag("b", say(language, "attach_recipe")) + large(mine, language, at)
    other = tag("b", say(language, "attach_base")) + tag("p", base)
    cells = tag("div", recipe, class_="pg-answer") + tag("div", other, class_="pg-answer")
    mark = belongs({"attach-prompt": values["prompt"]}, also=["dial-stations"])
    return tag("div", cells, class_="pg-dial") + mark


def place_name(key: str, language: str) -> str:
    """What a place of the dial is called: 0.5 (half)."""
    return f"{key} ({say(language, f'dial_{NAMED[key]}')})" if key in NAMED else key


def places_html(dial: Dial, texts: Texts, values: Values) -> tuple[str, str]:
    """The row of fixed places, and what is known."""
    names = {place_key(place): place_name(place_key(place), values["language"]) for place in PLACES}
    base = texts.get(BASE, "")
    shown = {key: answers_html(text, base, key, values) for key, text in texts.items() if key != BASE}
    return stations(texts, names, values["language"]), known_json(dial.of, texts, shown)


def answer_ahead(values: Values, work: Work) -> Iterator[tuple[Any, Any]]:
    """What the recipe answers with the dial at the fixed places, one after the other."""
    dial = dial_of(values)
    texts = known_texts(values["known"], dial.of)
    yield gr.skip(), gr.skip()  # of a run that gives nothing, gradio empties the outputs
    if dial.edit is None or BASE not in texts:  # nothing was answered that this would go on from
        return

    def answer(place: float, step: Work) -> str:
        *_, text = written(dial.at(place, step), dial.prompt, ANSWER_TOKENS, step)
        return text

    for more in ahead(texts, PLACES, answer, work):
        yield places_html(dial, more, values)
