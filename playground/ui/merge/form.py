"""The form of a merge: which models, by which method, how much of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.engine.merging import METHODS, checkpoints
from playground.engine.merging.edit import Merge
from playground.engine.recipe import Recipe, parse, parse_edit
from playground.errors import PlaygroundError
from playground.ui.parts.adapter_menu import adapter_choices
from playground.ui.parts.html import note
from playground.ui.parts.zones import build_zone
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import AT_ONCE, follows, shown
from playground.ui.shell.uploaded import recipe_text
from playground.ui.text import label, say

MOST_MIXED = 4  # models that have a slider; a recipe may have more
RESCALES = ("usual", "yes", "no")
PARTS = ("all", "attention", "mlp", "embeddings", "norms")
EXAMPLES: dict[str, dict[str, Any]] = {
    "walk": {"models": ["adapter:pirate"], "method": "linear", "t": 0.5},
    "pirate_json": {"models": ["adapter:pirate", "adapter:json"], "method": "ties"},
    "pirate_handbook": {"models": ["adapter:pirate", "adapter:handbook"], "method": "dare_ties"},
    "json_handbook": {"models": ["adapter:json", "adapter:handbook"], "method": "task_arithmetic"},
    "ensemble": {"models": ["base", "adapter:pirate"], "method": "ensemble"},
    "upscale": {"models": ["base"], "method": "passthrough", "layers": "0-20, 10-30"},
}
FIRST = "walk"
USUAL_DENSITY = 0.5


@dataclass(frozen=True)
class MergePanel:
    """The panel's parts."""

    form: Form  # what ``edit_of`` reads
    shown: list[Any]  # what ``show_merge_method`` fills
    later: tuple[str, ...]  # of the form what a browser keeps by name, not by place


def build_merge_form(language: gr.Textbox) -> MergePanel:
    """Lay out the panel, and wire what of it follows from what."""
    example = gr.Dropdown(
        [(label(f"merge_example_{name}"), name) for name in EXAMPLES],
        value=FIRST,
        label=label("merge_example"),
        elem_id="merge-example",
    )
    models = gr.Dropdown(
        # After a reload a value comes before the menu is filled: gradio must not refuse it.
        [],
        multiselect=True,
        allow_custom_value=True,
        max_choices=MOST_MIXED,
        label=label("merge_models"),
        info=label("merge_models_info"),
        elem_id="merge-models",
    )
    zone = build_zone(label("merge_recipe_file"), [".json"], language, visible=False, elem_id="merge-recipe-file")
    file = zone.file
    method = gr.Dropdown(
        [(label(f"merge_method_{name}"), name) for name in METHODS],
        value="linear",
        label=label("merge_method"),
        elem_id="merge-method",
    )
    hint = gr.HTML(elem_id="merge-hint")
    t = gr.Slider(0, 1, 0.5, step=0.05, label=label("merge_t"), info=label("merge_t_info"), elem_id="merge-t")
    with gr.Row():
        weights = [
            gr.Slider(
                -2,
                3,
                1.0,
                step=0.1,
                visible=False,
                min_width=200,
                label=label(f"merge_weight_{n}"),
                elem_id=f"merge-weight-{n}",
            )
            for n in range(1, MOST_MIXED + 1)
        ]
    density = gr.Slider(
        0,
        1,
        USUAL_DENSITY,
        step=0.05,
        visible=False,
        label=label("merge_density"),
        info=label("merge_density_info"),
        elem_id="merge-density",
    )
    layers = gr.Textbox(
        "",
        visible=False,
        max_length=200,
        label=label("merge_layers"),
        info=label("merge_layers_info"),
        elem_id="merge-layers",
    )
    with gr.Accordion(label("more"), open=False):
        normalize = gr.Checkbox(
            True, label=label("merge_normalize"), info=label("merge_normalize_info"), elem_id="merge-normalize"
        )
        targets = gr.Dropdown(
            [(label(f"merge_part_{name}"), name) for name in PARTS],
            value=["all"],
            multiselect=True,
            allow_custom_value=True,
            label=label("merge_targets"),
            info=label("merge_targets_info"),
            elem_id="merge-targets",
        )
        epsilon = gr.Slider(
            0, 0.5, 0.1, step=0.01, visible=False, label=label("merge_epsilon"), elem_id="merge-epsilon"
        )
        gamma = gr.Slider(0, 0.2, 0.01, step=0.01, visible=False, label=label("merge_gamma"), elem_id="merge-gamma")
        select = gr.Slider(0, 1, 1.0, step=0.05, visible=False, label=label("merge_select"), elem_id="merge-select")
        near = gr.Number(
            1e-3,
            label=label("merge_near"),
            info=label("merge_near_info"),
            minimum=0,
            visible=False,
            elem_id="merge-near",
        )
        rescale = gr.Dropdown(
            [(label(f"merge_rescale_{name}"), name) for name in RESCALES],
            value=RESCALES[0],
            label=label("merge_rescale"),
            info=label("merge_rescale_info"),
            visible=False,
            elem_id="merge-rescale",
        )
        by_text = gr.Checkbox(
            False, label=label("merge_by_text"), info=label("merge_by_text_info"), elem_id="merge-by-text"
        )
        seed = gr.Number(0, label=label("seed"), precision=0, minimum=0, elem_id="merge-seed")
    form = Form(
        models=models,
        file=file,
        method=method,
        t=t,
        density=density,
        layers=layers,
        normalize=normalize,
        targets=targets,
        epsilon=epsilon,
        gamma=gamma,
        select=select,
        near=near,
        rescale=rescale,
        by_text=by_text,
        seed=seed,
        **{f"weight_{n}": weight for n, weight in enumerate(weights, 1)},
    )
    controls = [hint, t, density, layers, normalize, epsilon, gamma, select, near, rescale, *weights]
    follows([method, models], show_merge_method, [language, method, models], controls, **AT_ONCE)
    follows([models], show_file, models, file, **AT_ONCE)
    # Not "input", which also comes when a menu is left as it was
    method.select(usual_values, method, [normalize, t], **AT_ONCE)
    example.select(fill_example, example, [models, method, t, density, layers, normalize, *weights], **AT_ONCE)
    return MergePanel(form, controls, ("near", "rescale"))


def model_choices(mine: Any, uploaded: Any, language: str) -> list[tuple[str, str]]:
    """What can be merged: the plain model, it with an adapter, checkpoints, a saved recipe."""
    adapters = [
        (say(language, "merge_model_adapter", title=title), f"adapter:{source}")
        for title, source in adapter_choices(mine, language)
    ]
    return [
        (say(language, "merge_model_base"), "base"),
        *adapters,
        *(
            (say(language, "merge_model_checkpoint", name=_short(name)), f"checkpoint:{name}")
            for name in known_checkpoints(uploaded)
        ),
        (say(language, "merge_model_file"), "file"),
    ]


def _short(name: str) -> str:
    """A hash's beginning; what the host called a checkpoint, whole."""
    return name[:12] if checkpoints.OWN.fullmatch(name) else name


def known_checkpoints(uploaded: Any) -> list[str]:
    """Those of the visitor's that are still here, and those that the host put into its folder."""
    named = [str(name) for name in uploaded[-20:]] if isinstance(uploaded, list) else []
    here = [name for name in named if checkpoints.NAME.fullmatch(name)]
    return [name for name in dict.fromkeys([*checkpoints.of_host(), *here]) if checkpoints.has(name)]


@shown
def list_models(mine: Any, uploaded: Any, language: str, chosen: list[str] | None, method: str) -> list[Any]:
    """The menu of models, and the first example where nothing is chosen yet."""
    known = model_choices(mine, uploaded, language)
    names = [name for _, name in known]
    still = [one for one in chosen or [] if one in names]
    first = [one for one in EXAMPLES[FIRST]["models"] if one in names]
    still = still if chosen else first
    return [gr.update(choices=known, value=still), *show_merge_method(language, method, still)]


def fill_example(name: str) -> list[Any]:
    """An example's values."""
    example = EXAMPLES[name]
    normalize, _ = usual_values(example["method"])
    return [
        example["models"],
        example["method"],
        example.get("t", 1.0),
        USUAL_DENSITY,
        example.get("layers", ""),
        normalize,
        *[1.0] * MOST_MIXED,
    ]


def usual_values(method: str) -> list[Any]:
    """What a method's paper has for normalizing, and a place on the path that shows it."""
    return [METHODS[method].default("normalize", True), 0.5 if method == "slerp" else 1.0]


def show_file(models: list[str] | None) -> Any:
    """The zone for a recipe's file, where one is to be merged."""
    return gr.update(visible="file" in (models or []))


def show_merge_method(language: str, method: str, models: list[str] | None) -> list[Any]:
    """Only the controls of a method, and what it does."""
    known = METHODS[method]
    uses = known.uses
    text = say(language, f"merge_hint_{method}")
    paper = say(language, "merge_paper", paper=known.paper) if known.paper else ""
    count = _weighed(method, len(models or []))
    return [
        note(f"{text} {paper}".strip()),
        *(
            gr.update(visible=show)
            for show in (
                not known.whole,
                "density" in uses,
                method == "passthrough",
                "normalize" in uses,
                "epsilon" in uses,
                "gamma" in uses,
                "select" in uses,
                "near" in uses,
                "rescale" in uses,
            )
        ),
        *(gr.update(visible=number < count) for number in range(MOST_MIXED)),
    ]


def _weighed(method: str, count: int) -> int:
    """How many of the models have a weight: where weights are proportions, one alone has none."""
    known = METHODS[method]
    alone = count == 1 and not known.whole and known.default("normalize", True)
    return count if "weight" in known.uses and not alone else 0


def edit_of(values: Values) -> Merge:
    """The merge that the panel's controls stand for.

    :raises PlaygroundError: a control holds what cannot be used.
    """
    v, models, method = values, values["models"], values["method"]
    if not models:
        raise PlaygroundError("No model is chosen. Choose what to merge, or one of the examples.")
    known = METHODS[method]
    uses = known.uses
    sources = [_source(model_of(values), name, v["file"]) for name in models]
    if method == "passthrough":
        sources = _ranges(sources, v["layers"])
    for number, source in enumerate(sources[: min(_weighed(method, len(models)), MOST_MIXED)], 1):
        source["weight"] = round(float(v[f"weight_{number}"]), 3)
    if "density" in uses:
        for source in sources:
            source["density"] = round(float(v["density"]), 3)
    edit: dict[str, Any] = {"kind": "merge", "method": method, "models": sources}
    if not known.whole:
        edit |= {
            "t": round(float(v["t"]), 3),
            "targets": v["targets"] or ["all"],
            "seed": int(v["seed"] or 0),
            "vocabulary": "by_text" if v["by_text"] else "same",
        }
    options = {name: v[name] for name in ("normalize", "epsilon", "gamma", "select")} | {
        "near": 1e-3 if v["near"] is None else v["near"],
        "rescale": None if v["rescale"] == RESCALES[0] else v["rescale"] == RESCALES[1],
    }
    merge = parse_edit(edit | {name: value for name, value in options.items() if name in uses})
    assert isinstance(merge, Merge)
    return merge


def model_of(values: Values) -> str:
    """The visitor's model."""
    return spaces.workspace_from_json(values["saved"]).stack.model


def below(values: Values) -> Recipe:
    """The visitor's recipe without a merge that is its last step: what a merge is tried on."""
    return spaces.workspace_from_json(values["saved"]).without(Merge.KIND).recipe()


def _source(model: str, name: str, file: str | None) -> dict[str, Any]:
    """A model of the menu as a recipe has it."""
    kind, _, rest = name.partition(":")
    if kind == "checkpoint":
        return {"checkpoint": rest}
    if kind == "adapter":
        return {"recipe": {"model": model, "edits": [{"kind": "adapter", "source": rest}]}}
    if kind == "file":
        return {"recipe": parse(recipe_text(file)).model_dump()}
    if kind != "base":
        raise PlaygroundError("There is no model {name} here. Choose one from the menu.", name=name[:80])
    return {"recipe": {"model": model, "edits": []}}


def _ranges(sources: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """Layer ranges, one after another, each of the model at its place, or all of one model."""
    ranges = []
    for part in text.split(","):
        first, _, after = part.strip().partition("-")
        if not (first.isdecimal() and after.isdecimal() and len(first) <= 4 and len(after) <= 4):
            raise PlaygroundError(
                "The layers {given} cannot be read. Write ranges like 0-20, 10-30: the first "
                "layer, and the one after the last.",
                given=text.strip()[:80] or "-",
            )
        ranges.append([int(first), int(after)])
    if len(sources) not in (1, len(ranges)):
        raise PlaygroundError(
            "There are {models} models and {ranges} ranges of layers. Choose one model, or give each model a range.",
            models=len(sources),
            ranges=len(ranges),
        )
    each = sources * len(ranges) if len(sources) == 1 else sources
    return [{**source, "layers": ends} for source, ends in zip(each, ranges, strict=True)]
