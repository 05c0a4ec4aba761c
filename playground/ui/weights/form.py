"""The panel of the Weights tab that puts an edit of whole matrices together.

Its choices are the edits' own, so a new method or scheme appears here by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import gradio as gr

from playground import workspace as spaces
from playground.engine.fork import Fork
from playground.engine.fork.packed_linear import PACKED_BLOCKS
from playground.engine.fork.structure import PRESETS, matrices
from playground.engine.models.loader import load
from playground.engine.pruning.edit import GROUPS, UNITS, MethodName, Pattern, Scope
from playground.engine.quantizing.edit import DTYPES, Mode
from playground.engine.quantizing.grids import SCHEMES
from playground.ui.parts.corpus_menu import FIRST_CORPUS, OWN, corpus_choices
from playground.ui.shell.form import Form
from playground.ui.shell.page import AT_ONCE, follows, shown
from playground.ui.text import label, say
from playground.ui.weights.edit import calibrated

KINDS = ("prune", "quantize", "cast")
GROUP_SIZES = ("32", "64", "128", "256", "channel", "tensor")
TEXTS = ("shipped", "own", "corpus")  # where a calibration text comes from


@dataclass(frozen=True, kw_only=True)
class EditPanel:
    """The panel's parts."""

    form: Form  # what ``edit_of`` reads
    targets: gr.Dropdown
    under_sparsity: gr.HTML  # what the model answers there
    stations: gr.HTML  # and at the fixed places
    under_scheme: gr.HTML
    hearing: gr.HTML  # how far that is
    heard_told: gr.HTML  # and that it was stopped


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
        pattern = gr.Dropdown(
            [(label(f"pattern_{name}"), name) for name in get_args(Pattern)],
            value="unstructured",
            label=label("pattern"),
            elem_id="pattern",
        )
        sparsity = gr.Slider(
            0, 1, 0.5, step=0.05, label=label("sparsity"), info=label("sparsity_info"), elem_id="sparsity"
        )
        under_sparsity = gr.HTML(label("hear_hint"), elem_id="heard-sparsity")
        stations = gr.HTML(elem_id="heard-stations")
    with gr.Column(visible=False, elem_id="quantize-fields") as quantize:
        scheme = gr.Dropdown(
            [(label(f"scheme_{name}"), name) for name in SCHEMES], value="int4", label=label("scheme"), elem_id="scheme"
        )
        under_scheme = gr.HTML(label("hear_scheme_hint"), elem_id="heard-scheme")
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
    hearing, heard_told = gr.HTML(elem_id="hearing"), gr.HTML(elem_id="heard-told")
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
    mode.input(fit_mode, schemes[0], [scheme, *schemes[1]], **AT_ONCE)  # which a scheme sets, too
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
    return EditPanel(
        form=form,
        targets=targets,
        under_sparsity=under_sparsity,
        stations=stations,
        under_scheme=under_scheme,
        hearing=hearing,
        heard_told=heard_told,
    )


def show_kind(kind: str) -> list[Any]:
    """Only the controls of one kind of edit."""
    pruning, quantizing = kind == "prune", kind == "quantize"
    shows = [pruning, quantizing, kind == "cast", pruning, pruning, quantizing, quantizing]
    return [gr.update(visible=show) for show in shows]


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
    packable = scheme == "int8" or scheme in PACKED_BLOCKS
    mode = "packed" if mode == "llm_int8" and scheme != "int8" else mode
    mode = mode if packable else "simulated"
    either = SCHEMES[scheme].either and mode == "simulated"  # type: ignore[index]
    free = gr.update(interactive=True)
    return [
        gr.update(value="channel" if scheme == "int8" else "64"),
        free if either else gr.update(value=True, interactive=False),
        gr.update(value=mode, interactive=packable),
        free if mode == "simulated" else gr.update(value="rtn", interactive=False),
    ]


def fit_mode(scheme: str, mode: str) -> list[Any]:
    """LLM.int8() is one of int8 alone, and takes it along."""
    scheme = "int8" if mode == "llm_int8" else scheme
    return [scheme, *fit_scheme(scheme, mode)]


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
