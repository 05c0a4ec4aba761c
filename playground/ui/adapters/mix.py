"""Mixing several adapters into one, and extracting one from the difference of two recipes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import gradio as gr

from playground import workspace as spaces
from playground.engine.adapters import store
from playground.engine.adapters.edit import HIGHEST_SCALE, LOWEST_SCALE
from playground.engine.adapters.extract import extract
from playground.engine.adapters.names import WITH_DENSITY, MixMethod
from playground.engine.adapters.store import About
from playground.engine.build import build
from playground.engine.recipe import Recipe, parse
from playground.engine.work import Stopped
from playground.errors import PlaygroundError
from playground.ui.adapters import view as adapters_html
from playground.ui.adapters.attach import AttachPanel, open_made
from playground.ui.adapters.own import with_own_told
from playground.ui.parts.adapter_menu import choices
from playground.ui.parts.building import built_or_stopped
from playground.ui.parts.html import note
from playground.ui.parts.zones import build_zone
from playground.ui.shell import uploaded
from playground.ui.shell.page import (
    AT_ONCE,
    LOOK,
    MODEL,
    PROGRESS,
    TOLD,
    begins,
    follows,
    session_of,
    shown,
    stops,
    work_for,
)
from playground.ui.text import label, say, tell

MOST_MIXED = 4  # that have a slider; a recipe may have more
ENDS = ("base", "recipe", "before_last", "file")  # what a difference may be between


@dataclass(frozen=True)
class MixPanel:
    """What the tab is wired to."""

    listed: list[Any]  # inputs of ``list_adapters``
    sources: gr.Dropdown


def build_panel(saved: gr.BrowserState, mine: gr.BrowserState, language: gr.Textbox, attach: AttachPanel) -> MixPanel:
    """Lay out both panels, folded away, and wire them."""
    ready, made = gr.State(None), gr.State("")
    turn, taking = gr.State(0), gr.State(0)
    with gr.Accordion(label("mix_heading"), open=False):
        gr.Markdown(label("mix_intro"))
        sources = gr.Dropdown(
            [], multiselect=True, max_choices=MOST_MIXED, label=label("mix_sources"), elem_id="mix-sources"
        )
        with gr.Row():
            weights = [
                gr.Slider(
                    LOWEST_SCALE,
                    HIGHEST_SCALE,
                    0.5,
                    step=0.1,
                    visible=False,
                    min_width=160,
                    label=label(f"mix_weight_{n}"),
                    elem_id=f"mix-weight-{n}",
                )
                for n in range(1, MOST_MIXED + 1)
            ]
        method = gr.Dropdown(
            [(label(f"mix_{name}"), name) for name in get_args(MixMethod)],
            value="cat",
            label=label("mix_method"),
            elem_id="mix-method",
        )
        density = gr.Slider(
            0,
            1,
            0.5,
            step=0.05,
            label=label("mix_density"),
            info=label("mix_density_info"),
            visible=False,
            elem_id="mix-density",
        )
        seed = gr.Number(0, label=label("seed"), precision=0, minimum=0, elem_id="mix-seed")
        with gr.Row():
            go = gr.Button(label("mix"), variant="primary", elem_id="mix", min_width=120)
            stop = gr.Button(label("stop"), elem_id="mix-stop", min_width=90)
        mixed = gr.HTML(elem_id="mixed")
    with gr.Accordion(label("extract_heading"), open=False):
        gr.Markdown(label("extract_intro"))
        with gr.Row():
            ends = [(label(f"end_{name}"), name) for name in ENDS]
            first = gr.Dropdown(ends, value="base", label=label("extract_from"), elem_id="extract-from")
            second = gr.Dropdown(ends, value="recipe", label=label("extract_to"), elem_id="extract-to")
        zone = build_zone(label("extract_file"), [".json"], language, visible=False, elem_id="extract-file")
        file = zone.file
        rank = gr.Slider(
            1, 128, 16, step=1, label=label("extract_rank"), info=label("extract_rank_info"), elem_id="extract-rank"
        )
        with gr.Row():
            take = gr.Button(label("extract"), variant="primary", elem_id="extract", min_width=120)
            halt = gr.Button(label("stop"), elem_id="extract-stop", min_width=90)
        taken = gr.HTML(elem_id="extracted")

    follows([sources], show_weights, sources, weights, **AT_ONCE)
    method.change(lambda name: gr.update(visible=name in WITH_DENSITY), method, density, **AT_ONCE)
    asked = [saved, language, turn, sources, method, density, seed, *weights]
    go.click(begins("mix"), None, turn, trigger_mode="multiple", **AT_ONCE).then(
        run_mix, asked, [ready, mixed], **MODEL
    ).success(keep_mix, [saved, language, ready], saved, **TOLD)
    for end in (first, second):
        end.change(lambda *ends: gr.update(visible="file" in ends), [first, second], file, **AT_ONCE)
    take.click(begins("extract"), None, taking, trigger_mode="multiple", **AT_ONCE).then(
        run_extract, [saved, mine, language, taking, first, second, file, rank], [mine, made, taken], **MODEL
    ).success(open_made, [saved, mine, language, made], attach.parts, **LOOK)
    follows([mine], list_adapters, [mine, language], sources, **LOOK)
    stop.click(stops("mix"), **AT_ONCE)
    halt.click(stops("extract"), **AT_ONCE)
    return MixPanel([mine, language], sources)


@shown
def list_adapters(mine: Any, language: str) -> Any:
    """The adapters that can be mixed."""
    return gr.update(choices=choices(mine, language))


def show_weights(sources: list[str]) -> list[Any]:
    """A slider for each chosen adapter."""
    return [gr.update(visible=place < len(sources or [])) for place in range(MOST_MIXED)]


@shown
def run_mix(
    saved: Any,
    language: str,
    turn: int,
    sources: list[str],
    method: str,
    density: float,
    seed: float | None,
    request: gr.Request,
    progress: Any = PROGRESS,
    *fields: Any,
) -> tuple[Any, str]:
    """Build the recipe with the mix on it; no edit where that was stopped."""
    if len(sources or []) < 2:
        raise PlaygroundError("Mixing needs at least two adapters. Choose two or more.")
    edit = {
        "kind": "mix_adapters",
        "sources": list(sources),
        "weights": [round(float(weight), 2) for weight in fields[: len(sources)]],
        "method": method,
        "density": round(float(density), 3),
        "seed": int(seed or 0),
    }
    space = spaces.from_json(saved).put(edit, ("kind",))
    work = work_for(session_of(request), turn, progress, language)
    last, told = built_or_stopped(space, work, language)
    return (None if last is None else edit), told  # an older mix's place need not be the last


@shown
def keep_mix(saved: Any, language: str, edit: dict[str, Any] | None) -> Any:
    """Put a mix that was built on the recipe as it is by now, in the place of an older one."""
    return gr.skip() if edit is None else spaces.from_json(saved).put(edit, ("kind",)).to_json()


@shown
def run_extract(
    saved: Any,
    mine: Any,
    language: str,
    turn: int,
    first: str,
    second: str,
    file: str | None,
    rank: float,
    request: gr.Request,
    progress: Any = PROGRESS,
) -> tuple[Any, Any, str]:
    """The difference of two recipes as an adapter of the visitor's own."""
    work = work_for(session_of(request), turn, progress, language)
    try:
        before, after = (build(_end(saved, end, file), work).fork for end in (first, second))
        if before.base is not after.base:
            raise PlaygroundError("The two recipes are of different models. Choose recipes of one model.")
        found = extract(before, after, int(rank), work=work)
    except Stopped as stop:
        return gr.skip(), gr.skip(), note(tell(language, stop.message))
    title = say(language, "extract_title", rank=int(rank))
    about = About(title, "extracted", before.base.entry.id, "svd")
    source = store.keep(found.adapter, about)
    return with_own_told(mine, source, language), source, adapters_html.extracted(found, language)


def _end(saved: Any, end: str, file: str | None) -> Recipe:
    """One of the two recipes that a difference is between."""
    space = spaces.from_json(saved)
    if end == "base":
        return space.base()
    recipe = space.recipe()
    if end == "before_last":
        return recipe.prefix(max(0, len(recipe.edits) - 1))
    if end == "recipe":
        return recipe
    return parse(uploaded.recipe_text(file))
