"""The panel of the Weights tab that puts an edit of whole matrices together.

Its choices are the edits' own, so a new method or scheme appears here by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import gradio as gr

from playground import workspace as spaces
from playground.engine.edit import Edit
from playground.engine.fork import Fork
from playground.engine.fork.structure import PRESETS, matrices
from playground.engine.models.loader import load
from playground.engine.pruning.edit import GROUPS, UNITS, MethodName, Pattern, Scope
from playground.engine.quantizing.edit import DTYPES, Mode
from playground.engine.quantizing.grids import SCHEMES
from playground.engine.recipe import parse_edit
from playground.errors import PlaygroundError
from playground.retrieval.corpus import load_corpus
from playground.ui.parts.corpus_menu import FIRST_CORPUS, OWN, chosen_corpus, corpus_choices
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import AT_ONCE, follows, shown
from playground.ui.text import label, say

KINDS = ("prune", "quantize", "cast")
GROUP_SIZES = ("32", "64", "128", "256", "channel", "tensor")
TEXTS = ("shipped", "own", "corpus")  # where a calibration text comes from
CALIBRATED = ("wanda", "taylor", "sparsegpt")


@dataclass(frozen=True)
class EditPanel:
    """The panel's parts."""

    form: Form  # what ``edit_of`` reads
    targets: gr.Dropdown


def build_weights_form(own: gr.BrowserState) -> EditPanel:
    """Lay out the panel and what of it follows from what."""
    kind = gr.Radio(
        [(label(f"kind_{name}"), name) for name in KINDS], value="prune", label=label("edit_kind"), elem_id="edit-kind"
    )
    with gr.Column(elem_id="prune-fields") as prune:
        method = gr.Radio(
            [(label(f"method_{name}"), name) for name in get_args(MethodName)],
            value="magnitude",
            label=label("prune_method"),
            info=label("prune_method_info"),
            elem_id="prune-method",
        )
        sparsity = gr.Slider(
            0, 1, 0.5, step=0.05, label=label("sparsity"), info=label("sparsity_info"), elem_id="sparsity"
        )
        pattern = gr.Dropdown(
            [(label(f"pattern_{name}"), name) for name in get_args(Pattern)],
            value="unstructured",
            label=label("pattern"),
            elem_id="pattern",
        )
    with gr.Column(visible=False, elem_id="quantize-fields") as quantize:
        scheme = gr.Dropdown(
            [(label(f"scheme_{name}"), name) for name in SCHEMES], value="int4", label=label("scheme"), elem_id="scheme"
        )
        rounding = gr.Radio(
            [(label(f"rounding_{name}"), name) for name in ("rtn", "gptq")],
            value="rtn",
            label=label("rounding"),
            elem_id="rounding",
        )
        mode = gr.Radio(
            [(label(f"mode_{name}"), name) for name in get_args(Mode)],
            value="simulated",
            label=label("mode"),
            info=label("mode_info"),
            elem_id="mode",
        )
    with gr.Column(visible=False, elem_id="cast-fields") as cast:
        dtype = gr.Radio(
            [(name, name) for name in DTYPES],
            value="bf16",
            label=label("cast_dtype"),
            info=label("cast_info"),
            elem_id="cast-dtype",
        )
    with gr.Accordion(label("which_weights"), open=False):
        targets = gr.Dropdown(
            [(label(f"target_{name}"), name) for name in PRESETS],
            value=["linear"],
            label=label("targets"),
            info=label("targets_info"),
            multiselect=True,
            allow_custom_value=True,
            elem_id="targets",
        )
        with gr.Row():
            # Texts, since an empty number field turns into 0 when it is shown.
            first = gr.Textbox("", label=label("first_layer"), elem_id="first-layer")
            last = gr.Textbox("", label=label("last_layer"), elem_id="last-layer")
    with gr.Accordion(label("more"), open=False):
        scope = gr.Dropdown(
            [(label(f"scope_{name}"), name) for name in get_args(Scope)],
            value="auto",
            label=label("scope"),
            info=label("scope_info"),
            elem_id="scope",
        )
        seed = gr.Number(0, label=label("seed"), precision=0, minimum=0, elem_id="prune-seed")
        group_size = gr.Dropdown(
            [(label(f"group_{name}"), name) for name in GROUP_SIZES],
            value="64",
            visible=False,
            label=label("group_size"),
            info=label("group_size_info"),
            elem_id="group-size",
        )
        symmetric = gr.Checkbox(
            True, label=label("symmetric"), info=label("symmetric_info"), visible=False, elem_id="symmetric"
        )
        source = gr.Radio(
            [(label(f"calibration_{name}"), name) for name in TEXTS],
            value="shipped",
            label=label("calibration"),
            info=label("calibration_info"),
            visible=False,
            elem_id="calibration",
        )
        text = gr.Textbox(
            "",
            lines=4,
            max_lines=12,
            max_length=20_000,
            label=label("calibration_text"),
            visible=False,
            elem_id="calibration-text",
        )
        corpus = gr.Dropdown(
            [*corpus_choices(), (label("own_documents"), OWN)],
            value=FIRST_CORPUS,
            label=label("corpus"),
            visible=False,
            elem_id="calibration-corpus",
        )

    kind.input(show_kind, kind, [prune, quantize, cast, scope, seed, group_size, symmetric], **AT_ONCE)
    follows([pattern], fit_pattern, [pattern, method], [sparsity, method, scope], **AT_ONCE)
    schemes = [scheme, mode], [group_size, symmetric, mode, rounding]
    follows([scheme], fit_scheme, *schemes, **AT_ONCE)
    mode.input(fit_scheme, *schemes, **AT_ONCE)  # which it sets, too
    deciding = [kind, method, rounding, source]  # what decides whether a text is read first
    follows(deciding, show_calibration_source, deciding, [source, text, corpus], **AT_ONCE)
    form = Form(
        kind=kind,
        method=method,
        sparsity=sparsity,
        pattern=pattern,
        scope=scope,
        seed=seed,
        scheme=scheme,
        group_size=group_size,
        symmetric=symmetric,
        rounding=rounding,
        mode=mode,
        dtype=dtype,
        targets=targets,
        first=first,
        last=last,
        source=source,
        text=text,
        corpus=corpus,
        own=own,
    )
    return EditPanel(form, targets)


def show_kind(kind: str) -> list[Any]:
    """Only the controls of one kind of edit."""
    pruning, quantizing = kind == "prune", kind == "quantize"
    shows = [pruning, quantizing, kind == "cast", pruning, pruning, quantizing, quantizing]
    return [gr.update(visible=show) for show in shows]


def calibrated(kind: str, method: str, rounding: str) -> bool:
    """Whether an edit reads a text first."""
    return method in CALIBRATED if kind == "prune" else kind == "quantize" and rounding == "gptq"


def show_calibration_source(kind: str, method: str, rounding: str, source: str) -> list[Any]:
    """The controls of the calibration text, where one is read, and only those of its source."""
    reads = calibrated(kind, method, rounding)
    shows = [reads, reads and source == "own", reads and source == "corpus"]
    return [gr.update(visible=show) for show in shows]


def fit_pattern(pattern: str, method: str) -> list[Any]:
    """A pattern of groups drops half; whole units leave SparseGPT and single rows out."""
    grouped, units = pattern in GROUPS, pattern in UNITS
    return [
        gr.update(value=0.5, interactive=False) if grouped else gr.update(interactive=True),
        gr.update(value="magnitude") if units and method == "sparsegpt" else gr.skip(),
        gr.update(value="auto") if units else gr.skip(),
    ]


def fit_scheme(scheme: str, mode: str) -> list[Any]:
    """What a scheme and a way to run leave to choose."""
    packable = scheme in ("int8", "nf4", "fp4")
    mode = mode if packable else "simulated"
    either = SCHEMES[scheme].either and mode == "simulated"  # type: ignore[index]
    free = gr.update(interactive=True)
    return [
        gr.update(value="channel" if scheme == "int8" else "64"),
        free if either else gr.update(value=True, interactive=False),
        gr.update(value=mode, interactive=packable),
        gr.update(value="rtn", interactive=False) if mode == "packed" else free,
    ]


def edit_of(values: Values) -> Edit:
    """The edit that the panel's controls stand for.

    :raises PlaygroundError: a control holds what cannot be used.
    """
    v, kind = values, values["kind"]
    if not v["targets"]:
        raise PlaygroundError("No weights are chosen. Choose at least one target, such as linear.")
    edit: dict[str, Any] = {"kind": kind, "targets": _ranged(v["targets"], v["first"], v["last"])}
    if kind == "cast":
        return parse_edit(edit | {"dtype": v["dtype"]})
    if kind == "prune":
        edit |= {
            "method": v["method"],
            "sparsity": round(float(v["sparsity"]), 4),
            "pattern": v["pattern"],
            "scope": "auto" if v["method"] == "sparsegpt" else v["scope"],
            "seed": int(v["seed"] or 0),
        }
    else:
        size = v["group_size"]
        edit |= {
            "scheme": v["scheme"],
            "symmetric": v["symmetric"],
            "method": v["rounding"],
            "mode": v["mode"],
            "group_size": int(size) if size.isdecimal() else size,
        }
    if calibrated(kind, v["method"], v["rounding"]):
        edit["calibration"] = _calibration(v["source"], v["text"], v["corpus"], v["own"])
    return parse_edit(edit)


def _ranged(targets: list[str], first: str, last: str) -> list[str]:
    """Targets within the range of layers; one with a range of its own keeps it."""
    low, high = _layer(first), _layer(last)
    if low is None and high is None:
        return targets
    low, high = low or 0, 9999 if high is None else high
    if low > high:
        raise PlaygroundError(
            "The first layer, {first}, comes after the last, {last}. Swap them.", first=low, last=high
        )
    return [target if "@" in target else f"{target}@{low}-{high}" for target in targets]


def _layer(text: str) -> int | None:
    text = "" if text is None else str(text).strip()
    if text and not (text.isdecimal() and len(text) <= 4):
        raise PlaygroundError(
            "The layer {given} is not a whole number. Give one from 0 on, or leave it empty.", given=text[:20]
        )
    return int(text) if text else None


def _calibration(source: str, text: str, corpus: str, own: str) -> str:
    """The text that goes into the recipe: empty for the shipped one."""
    if source == "shipped":
        return ""
    if source == "own":
        if not text.strip():
            raise PlaygroundError("Your calibration text is empty. Paste some, or choose another.")
        return text
    passages = load_corpus(chosen_corpus(own, corpus)).passages
    return "\n\n".join(passage.text for passage in passages)[:20_000]


@shown
def target_choices(saved: Any, language: str) -> Any:
    """The presets and every kind of matrix that the visitor's model has."""
    fork = Fork(load(spaces.workspace_from_json(saved).stack.model))
    counts: dict[str, int] = {}
    for matrix in matrices(fork):
        if matrix.layer is not None:
            counts[matrix.role] = counts.get(matrix.role, 0) + 1
    roles = [
        (say(language, "target_role", role=role, count=count), f"*.{role}.weight") for role, count in counts.items()
    ]
    presets = [(say(language, f"target_{name}"), name) for name in PRESETS]
    return gr.update(choices=[*presets, *roles])
