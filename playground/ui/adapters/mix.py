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
from playground.engine.edit import Edit
from playground.engine.recipe import Recipe, parse, parse_edit
from playground.engine.work import Work
from playground.errors import PlaygroundError
from playground.ui.adapters import view as adapters_html
from playground.ui.adapters.attach import AttachPanel, open_made
from playground.ui.adapters.own import with_own_told
from playground.ui.parts.adapter_menu import adapter_choices
from playground.ui.parts.building import built
from playground.ui.parts.zones import build_zone
from playground.ui.shell import uploaded
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import AT_ONCE, LOOK, follows, shown
from playground.ui.shell.run import Run
from playground.ui.shell.turns import stops
from playground.ui.text import label, say

MOST_MIXED = 4  # that have a slider; a recipe may have more
SAME = ("kind",)  # a mix stands in for an older one
ENDS = ("base", "recipe", "before_last", "file")  # what a difference may be between


@dataclass(frozen=True)
class MixPanel:
    """What the tab is wired to."""

    listed: list[Any]  # inputs of ``list_adapters``
    sources: gr.Dropdown


def build_mix(saved: gr.BrowserState, mine: gr.BrowserState, language: gr.Textbox, attach: AttachPanel) -> MixPanel:
    """Lay out both panels, folded away, and wire them."""
    made = gr.State("")
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
        told = gr.HTML(elem_id="extract-told")
        taken = gr.HTML(elem_id="extracted")

    follows([sources], show_weights, sources, weights, **AT_ONCE)
    method.change(lambda name: gr.update(visible=name in WITH_DENSITY), method, density, **AT_ONCE)
    mixing = Form(
        saved=saved,
        language=language,
        sources=sources,
        method=method,
        density=density,
        seed=seed,
        **{f"weight_{n}": weight for n, weight in enumerate(weights, 1)},
    )
    Run(name="mix", handler=run_mix, form=mixing, told=mixed, keep=keep_mix).on(go.click)
    for end in (first, second):
        end.change(lambda *ends: gr.update(visible="file" in ends), [first, second], file, **AT_ONCE)
    over = Run(
        name="extract",
        handler=run_extract,
        form=Form(saved=saved, mine=mine, language=language, first=first, second=second, file=file, rank=rank),
        outputs=[mine, made, taken],
        told=told,
    ).on(take.click)
    over.success(open_made, [saved, mine, language, made], attach.parts, **LOOK)
    follows([mine], list_adapters, [mine, language], sources, **LOOK)
    stop.click(stops("mix"), **AT_ONCE)
    halt.click(stops("extract"), **AT_ONCE)
    return MixPanel([mine, language], sources)


@shown
def list_adapters(mine: Any, language: str) -> Any:
    """The adapters that can be mixed."""
    return gr.update(choices=adapter_choices(mine, language))


def show_weights(sources: list[str]) -> list[Any]:
    """A slider for each chosen adapter."""
    return [gr.update(visible=number < len(sources or [])) for number in range(MOST_MIXED)]


def edit_of(values: Values) -> Edit:
    """The mix that the controls stand for.

    :raises PlaygroundError: one holds what cannot be used.
    """
    sources = values["sources"] or []
    if len(sources) < 2:
        raise PlaygroundError("Mixing needs at least two adapters. Choose two or more.")
    return parse_edit(
        {
            "kind": "mix_adapters",
            "sources": list(sources),
            "weights": [round(float(values[f"weight_{n}"]), 2) for n, _ in enumerate(sources[:MOST_MIXED], 1)],
            "method": values["method"],
            "density": round(float(values["density"]), 3),
            "seed": int(values["seed"] or 0),
        }
    )


def run_mix(values: Values, work: Work) -> tuple[Any, str]:
    """Build the recipe with the mix on it."""
    edit = edit_of(values)
    _, line = built(spaces.workspace_from_json(values["saved"]).put(edit, SAME), work, values["language"])
    return edit.model_dump(), line  # an older mix's place need not be the last


@shown
def keep_mix(saved: Any, language: str, edit: dict[str, Any] | None) -> Any:
    """Put a mix that was built on the recipe as it is by now, in the place of an older one."""
    return gr.skip() if edit is None else spaces.workspace_from_json(saved).put(edit, SAME).to_json()


def run_extract(values: Values, work: Work) -> tuple[Any, Any, str]:
    """The difference of two recipes as an adapter of the visitor's own."""
    language, rank = values["language"], int(values["rank"])
    ends = (_end(values["saved"], values[end], values["file"]) for end in ("first", "second"))
    before, after = (build(recipe, work).fork for recipe in ends)
    if before.base is not after.base:
        raise PlaygroundError("The two recipes are of different models. Choose recipes of one model.")
    extracted = extract(before, after, rank, work=work)
    about = About(say(language, "extract_title", rank=rank), "extracted", before.base.entry.id, "svd")
    work.check()
    source = store.keep_adapter(extracted.adapter, about)
    return with_own_told(values["mine"], source, language), source, adapters_html.extracted(extracted, language)


def _end(saved: Any, end: str, file: str | None) -> Recipe:
    """One of the two recipes that a difference is between."""
    space = spaces.workspace_from_json(saved)
    if end == "base":
        return space.base()
    recipe = space.recipe()
    if end == "before_last":
        return recipe.prefix(max(0, len(recipe.edits) - 1))
    if end == "recipe":
        return recipe
    return parse(uploaded.recipe_text(file))
