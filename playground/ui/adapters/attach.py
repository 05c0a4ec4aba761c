"""Attaching adapters: choose one, turn it up and down, and see both answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.engine.adapters import store
from playground.engine.adapters.edit import HIGHEST_SCALE, LOWEST_SCALE
from playground.engine.build import NotBuiltError, build, build_quickly
from playground.engine.work import Work
from playground.settings import settings
from playground.ui.adapters import look as look_panel
from playground.ui.adapters import own as own_adapters
from playground.ui.adapters.dial import ANSWER_TOKENS, BASE, answer_ahead, answers_html, dial_of, places_html
from playground.ui.adapters.own import with_own
from playground.ui.parts.adapter_menu import adapter_choices
from playground.ui.parts.stations import known_texts, place_key, shows_nearest, written
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import AT_ONCE, LAST, LOOK, clears, leaves, shown
from playground.ui.shell.run import Run
from playground.ui.shell.turns import stops
from playground.ui.text import label

FIRST = "pirate"  # what it does is seen at once


# The edits that are on, whatever the scales: only they make other answers than those of the dial's places.
UNTURNED = """(saved) => JSON.stringify([saved.stack.model, saved.stack.steps.filter((step) => step.on)
  .map(({edit}) => edit.kind === 'adapter' ? {...edit, scale: 0} : edit)])"""


@dataclass(frozen=True)
class AttachPanel:
    """What the tab and the training panel are wired to."""

    source: gr.Dropdown
    prompt: gr.Textbox
    opened: list[Any]  # inputs of ``open_attach``
    parts: list[Any]  # what it fills


def build_attach(saved: gr.BrowserState, mine: gr.BrowserState, language: gr.Textbox) -> AttachPanel:
    """Lay out the panel and wire it.

    :param mine: ids of the visitor's own adapters, kept by the browser.
    """
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=320):
            gr.Markdown(label("attach_intro"))
            source = gr.Dropdown(
                [],
                label=label("adapter"),
                elem_id="adapter",
                allow_custom_value=settings().hub == "any",  # then a Hub id may be typed
            )
            with gr.Row():
                go = gr.Button(label("attach"), variant="primary", elem_id="attach", min_width=120)
                fold = gr.Checkbox(
                    False, label=label("adapter_fold"), info=label("adapter_fold_info"), elem_id="adapter-fold"
                )
            prompt = gr.Textbox(
                label("attach_first_prompt"),
                label=label("attach_prompt"),
                lines=2,
                max_lines=8,
                max_length=4_000,
                elem_id="attach-prompt",
            )
            with gr.Row():
                ask = gr.Button(label("attach_ask"), elem_id="attach-ask", min_width=120)
                stop = gr.Button(label("stop"), elem_id="attach-stop", min_width=90)
            scale = gr.Slider(
                LOWEST_SCALE,
                HIGHEST_SCALE,
                1.0,
                step=0.1,
                label=label("adapter_scale"),
                info=label("adapter_scale_info"),
                elem_id="adapter-scale",
            )
            answers = gr.HTML(elem_id="attach-answers")
            row = gr.HTML(elem_id="dial-stations")
            dialling, told = gr.HTML(elem_id="dialling"), gr.HTML(elem_id="dial-told")
            forgotten, made = own_adapters.build_own_adapters(saved, mine, language, source)
        with gr.Column(scale=1, min_width=320):
            seen = look_panel.build_look(saved, language, source)

    opened = [saved, mine, language, source]
    parts = [source, *seen]
    put = [saved, language, source, scale, fold]
    changed = [event(put_adapter, put, saved, **LAST).success for event in (go.click, scale.release, fold.input)]
    _wire_dial(
        Form(saved=saved, language=language, prompt=prompt, source=source),
        DialView(scale=scale, answers=answers, row=row, told=told, status=dialling),
        [*changed, ask.click, prompt.submit],
    )
    stop.click(stops("attach", "dial", "costs"), **AT_ONCE)
    source.select(open_attach, opened, parts, **LOOK)
    made.change(open_made, [saved, mine, language, made], parts, **LOOK)
    forgotten.then(open_attach, opened, parts, **LOOK)
    return AttachPanel(source, prompt, opened, parts)


@dataclass(frozen=True, kw_only=True)
class DialView:
    """The dial, and what stands under it."""

    scale: gr.Slider
    answers: gr.HTML
    row: gr.HTML  # the fixed places
    told: gr.HTML
    status: gr.HTML


def _wire_dial(form: Form, view: DialView, presses: list[Any]) -> None:
    """Answer at the scale that the recipe has, then at the fixed ones in a turn of its own: what waits by then, the
    bar's own answer too, comes before."""
    known, wants = gr.Textbox("", visible="hidden"), gr.Textbox("", visible="hidden")
    form = Form(**form, known=known)
    Run(
        name="attach",
        handler=answer_both,
        form=form,
        outputs=[view.answers, view.row, known, wants],
        told=view.answers,
        over=("dial",),
        words="stopped",
    ).on(*presses)
    Run(
        name="dial",
        handler=answer_ahead,
        form=form,
        outputs=[view.row, known],
        told=view.told,
        status=view.status,
        words="stations_stopped",
    ).on(wants.change)
    shows_nearest(view.scale, known, view.answers)
    for other in (form["source"].select, leaves(form["saved"], *presses, of=UNTURNED)):
        clears(other, parts=[view.answers, view.row, known, view.told])
        other(stops("dial"), **AT_ONCE)


@shown
def open_attach(saved: Any, mine: Any, language: str, source: str | None) -> list[Any]:
    """The adapters that there are, and what there is to see of the chosen one."""
    known = adapter_choices(mine, language)
    names = [value for _, value in known]
    typed = settings().hub == "any" and source and "/" in source
    first = FIRST if FIRST in names else next(iter(names), None)
    chosen = source if source in names or typed else first
    menu = gr.update(choices=known, value=chosen)
    return [menu, *look_panel.describe(saved, language, chosen)]


@shown
def open_made(saved: Any, mine: Any, language: str, made: str) -> list[Any]:
    """The panel with an adapter that was just made, which the browser may not list yet."""
    mine = with_own(mine, made) if store.is_own_adapter(made) else mine
    return open_attach(saved, mine, language, made or None)


@shown
def put_adapter(saved: Any, language: str, source: str | None, scale: float, fold: bool) -> Any:
    """Attach the adapter, or turn it up or down where it is on the recipe already."""
    look_panel.loaded(saved, source)
    edit = {"kind": "adapter", "source": source, "scale": round(float(scale), 2), "fold": fold}
    space = spaces.workspace_from_json(saved).put(edit, ("kind", "source"))
    with suppress(NotBuiltError):  # whole matrices change above it: the bar builds it in turn
        build_quickly(space.recipe())  # says what is wrong before it is on the recipe
    return space.to_json()


def answer_both(values: Values, work: Work) -> Iterator[tuple[Any, ...]]:
    """The prompt answered by the recipe and by the base, as they write; then the places of the dial that are known."""
    dial, space = dial_of(values), spaces.workspace_from_json(values["saved"])
    texts = known_texts(values["known"], dial.of)
    key = place_key(dial.edit.scale) if dial.edit else ""
    said = {key: texts.get(key, ""), BASE: texts.get(BASE, "")}

    def shown() -> str:
        return answers_html(said[key], said[BASE], key, values)

    for each, recipe in ((key, space.recipe()), (BASE, space.base())):
        if each in texts:
            continue
        for text in written(build(recipe, work).fork, dial.prompt, ANSWER_TOKENS, work):
            said[each] = text
            yield shown(), *[gr.skip()] * 3
    row, known = places_html(dial, texts | said, values) if dial.edit else ("", "")
    yield shown(), row, known, f"{time.monotonic()}"
