"""Attaching adapters: choose one, turn it up and down, and see both answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.engine.adapters import store
from playground.engine.adapters.edit import HIGHEST_SCALE, LOWEST_SCALE
from playground.engine.build import NotBuiltError, build, build_quickly
from playground.engine.decoding.answering import answering, chat_prompt
from playground.engine.decoding.generate import Row, Sampling, answer_text
from playground.engine.work import Work
from playground.settings import settings
from playground.ui.adapters import look as look_panel
from playground.ui.adapters import own as own_adapters
from playground.ui.adapters.own import with_own
from playground.ui.parts.adapter_menu import adapter_choices
from playground.ui.parts.answers_html import side_by_side
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import AT_ONCE, LAST, LOOK, shown
from playground.ui.shell.run import Run
from playground.ui.shell.stale import belongs
from playground.ui.shell.turns import stops
from playground.ui.text import label, say

ANSWER_TOKENS = 48
FIRST = "pirate"  # what it does is seen at once


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
            scale = gr.Slider(
                LOWEST_SCALE,
                HIGHEST_SCALE,
                1.0,
                step=0.1,
                label=label("adapter_scale"),
                info=label("adapter_scale_info"),
                elem_id="adapter-scale",
            )
            fold = gr.Checkbox(
                False, label=label("adapter_fold"), info=label("adapter_fold_info"), elem_id="adapter-fold"
            )
            go = gr.Button(label("attach"), variant="primary", elem_id="attach")
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
            answers = gr.HTML(elem_id="attach-answers")
            forgotten, made = own_adapters.build_own_adapters(saved, mine, language, source)
        with gr.Column(scale=1, min_width=320):
            seen = look_panel.build_look(saved, language, source)

    opened = [saved, mine, language, source]
    parts = [source, *seen]
    put = [saved, language, source, scale, fold]
    changed = [event(put_adapter, put, saved, **LAST).success for event in (go.click, scale.release, fold.input)]
    Run(
        name="attach",
        handler=answer_both,
        form=Form(saved=saved, language=language, prompt=prompt),
        outputs=[answers],
        told=answers,
        words="stopped",
    ).on(*changed, ask.click, prompt.submit)
    stop.click(stops("attach", "costs"), **AT_ONCE)
    source.select(open_attach, opened, parts, **LOOK)
    made.change(open_made, [saved, mine, language, made], parts, **LOOK)
    forgotten.then(open_attach, opened, parts, **LOOK)
    return AttachPanel(source, prompt, opened, parts)


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


def answer_both(values: Values, work: Work) -> Iterator[str]:
    """The prompt answered by the base and by the recipe, as they write."""
    space, language, prompt = spaces.workspace_from_json(values["saved"]), values["language"], values["prompt"]
    written = {"attach_base": "", "attach_recipe": ""}
    mark = belongs({"attach-prompt": prompt})
    for key, recipe in (("attach_base", space.base()), ("attach_recipe", space.recipe())):
        fork = build(recipe, work).fork
        rows: list[Row] = []
        prompts = [chat_prompt(fork, prompt)]
        for step, rows in enumerate(answering(fork, prompts, Sampling(ANSWER_TOKENS), work.stopped)):
            if step % 4 == 3:
                yield _written(written | {key: answer_text(fork.base, rows[0])}, language) + mark
        written[key] = answer_text(fork.base, rows[0]) if rows else ""
        yield _written(written, language) + mark
        work.check()


def _written(texts: dict[str, str], language: str) -> str:
    heads = [say(language, key) for key in ("attach_base", "attach_recipe")]
    return side_by_side(heads, list(texts.values()))
