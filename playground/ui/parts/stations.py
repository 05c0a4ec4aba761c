"""What a model answers at fixed places of a slider, computed ahead.

While the slider is dragged, the browser alone shows the answer of the nearest place, which says of which place it is.
What is known travels in a hidden field, as JSON: what it is known of, the answers, and how each is shown.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import gradio as gr
from markupsafe import Markup

from playground.engine.decoding.answering import answering, chat_prompt
from playground.engine.decoding.generate import Sampling, answer_text
from playground.engine.fork import Fork
from playground.engine.work import Work
from playground.errors import Message
from playground.ui.parts.html import note, tag
from playground.ui.shell.page import somebody_waits
from playground.ui.text import say

Texts = dict[str, str]  # answers by the names of places, as ``place_key`` writes them
EVERY = 4  # tokens: one event for each costs more than it shows
NEAREST = "(at, known, now) => playgroundNearest(at, known, now)"
FIRST_WORDS = 90  # characters of an answer in the row; the style sheet cuts them at two lines


def place_key(place: float) -> str:
    """A place as JSON and the browser name it: 0.5, 1."""
    return f"{round(float(place), 4):g}"


def written(fork: Fork, prompt: str, most: int, work: Work) -> Iterator[str]:
    """What a model answers, every few tokens and at the end.

    :param most: tokens.
    :raises Stopped: nobody waits for it any more.
    """
    rows: list[Any] = []
    for step, rows in enumerate(answering(fork, [chat_prompt(fork, prompt)], Sampling(most), work.stopped)):
        if step % EVERY == EVERY - 1:
            yield answer_text(fork.base, rows[0])
    work.check()
    yield answer_text(fork.base, rows[0]) if rows else ""


def ahead(texts: Texts, places: Sequence[float], answer: Callable[[float, Work], str], work: Work) -> Iterator[Texts]:
    """The answers, again after every further place, for as long as nobody waits in the line for models.

    :param texts: what is known already.
    :raises Stopped: nobody waits for them any more.
    """
    for done, place in enumerate(places):
        key = place_key(place)
        if key in texts:
            continue
        if somebody_waits():
            return
        what = Message("{value} ({n} of {of})…", {"value": key, "n": done + 1, "of": len(places)})
        step = work.part(done, len(places), what)
        texts = {**texts, key: answer(place, step)}
        yield texts


# What is known, as the browser keeps it


def known_texts(known: str, of: str) -> Texts:
    """The answers that are known of something; none where they are of something else."""
    try:
        kept = json.loads(known or "{}")
        if kept.get("of") != of:
            return {}
        return {str(key): str(text) for key, text in kept["texts"].items()}
    except (AttributeError, KeyError, RecursionError, ValueError):
        return {}


def known_json(of: str, texts: Texts, shown: Mapping[str, str]) -> str:
    """The same for the browser.

    :param shown: pieces of HTML by place: what stands there when the slider is near.
    """
    return json.dumps({"of": of, "texts": texts, "shown": shown}, ensure_ascii=False)


def shows_nearest(slider: gr.Slider, known: gr.Textbox, view: gr.HTML) -> None:
    """Let a piece of HTML follow a slider, without asking the server."""
    for event in (slider.input, known.change):
        event(None, [slider, known, view], view, js=NEAREST, api_visibility="private")


# How they are shown


def large(text: str, language: str, at: str = "") -> Markup:
    """An answer in large type.

    :param at: of which place of a slider it is, in words.
    """
    where = tag("small", at) if at else Markup()
    said = tag("q", text or say(language, "said_nothing"))
    return tag("p", where, said, class_="pg-said-large", aria_live="polite")


def stations(texts: Texts, names: Mapping[str, str], language: str) -> Markup:
    """The fixed places in a row with the first words of their answers; ticked where they are those of the first.

    :param names: what the places are called.
    """
    first = next(iter(names))
    same = say(language, "station_same", place=names[first])

    def item(key: str, name: str) -> Markup:
        if key not in texts:
            return tag("li", tag("b", name), tag("div", "…"), class_="pg-waits")
        alike = key != first and texts[key] == texts.get(first)
        tick = tag("span", "✓", role="img", aria_label=same, class_="pg-sign") + " " if alike else Markup()
        words = texts[key] or say(language, "said_nothing")
        return tag("li", tag("b", name), tag("div", tick, words[:FIRST_WORDS]), class_="pg-yes" if alike else None)

    row = tag("ol", *(item(*pair) for pair in names.items()), class_="pg-stations")
    return row + note(say(language, "stations_note", place=names[first]))
