"""What the Weights tab's handlers do with plain values: no browser, no page."""

from __future__ import annotations

import itertools
import json
import math
import re
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import gradio as gr
import numpy as np
import pytest
import torch
from pressing import begin, press, quiet, visitor

from playground import workspace as spaces
from playground.engine.build import NotBuiltError, build, build_quickly, is_quick
from playground.engine.edit import EDITS
from playground.engine.fork import Fork
from playground.engine.fork.structure import select
from playground.engine.models import loader
from playground.engine.models.loader import CACHE
from playground.engine.pruning.edit import MethodName, Pattern, Prune
from playground.engine.quantizing.edit import Cast, Mode, Quantize
from playground.engine.quantizing.grids import SCHEMES
from playground.engine.recipe import parse
from playground.errors import CorpusError, PlaygroundError, RecipeError
from playground.retrieval.own import uploads
from playground.settings import settings
from playground.ui.bar import panel as bar
from playground.ui.documents import own as own_panel
from playground.ui.documents import tab as documents_tab
from playground.ui.parts.building import keep_edit, keep_instead, place_of
from playground.ui.shell.run import RUNS
from playground.ui.shell.turns import stops
from playground.ui.text import EN, KO, TABLES
from playground.ui.tokens import tab as tokens_tab
from playground.ui.weights import form as edit_panel
from playground.ui.weights import measure as measure_panel
from playground.ui.weights import number_line as number_line_panel
from playground.ui.weights import tab as weights_tab
from playground.ui.weights.edit import CALIBRATED, edit_of
from playground.ui.weights.form import GROUP_SIZES, fit_mode, fit_pattern, fit_scheme

pytestmark = pytest.mark.usefixtures("page_runs")
ROOT = Path(__file__).parents[2]
MODEL = "tiny-llama"
TEXT = "The cat sat on the mat while the rain fell on the roof of the house."
NUDGE = {
    "kind": "nudge_tokens",
    "text": " the",
    "direction": "random",
    "target": "",
    "strength": 2.0,
    "side": "both",
    "seed": 0,
}
HALF = Prune().model_dump(mode="json")
BUILDING = "Your recipe is not in memory at the moment"
DAMAGED = [None, {}, "x", {"stack": 5}, {"stack": {"model": "no-such-model", "steps": []}}]
both = pytest.mark.parametrize("language", ["en", "ko"])
stop_run = stops()  # whatever goes on

# The panel's controls as they stand when the page opens.
OPENED = {
    "kind": "prune",
    "method": "magnitude",
    "sparsity": 0.5,
    "pattern": "unstructured",
    "scope": "auto",
    "seed": 0,
    "scheme": "int4",
    "group_size": "64",
    "symmetric": True,
    "rounding": "rtn",
    "mode": "simulated",
    "dtype": "bf16",
    "targets": ["linear"],
    "first": "",
    "last": "",
    "source": "shipped",
    "text": "",
    "corpus": "lantern-handbook",
    "own": "",
}
ELEM_IDS = [
    "edit-kind",
    "prune-method",
    "sparsity",
    "pattern",
    "scope",
    "prune-seed",
    "scheme",
    "group-size",
    "symmetric",
    "rounding",
    "mode",
    "cast-dtype",
    "targets",
    "first-layer",
    "last-layer",
    "calibration",
    "calibration-text",
    "calibration-corpus",
    None,
]


def fields(**changed) -> dict:
    assert set(changed) <= set(OPENED)
    return OPENED | changed


def saved(*edits, model=MODEL) -> dict:
    """What the browser sends of a stack."""
    steps = [{"edit": edit, "on": True} for edit in edits]
    return json.loads(json.dumps({"stack": {"model": model, "steps": steps}}))


def click(**data):
    return SimpleNamespace(**data)


def recipe_of(*edits):
    return parse({"model": MODEL, "edits": list(edits)})


class Progress:
    """What a visitor sees of a long computation."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, step: tuple[int, int], desc: str) -> None:
        done, of = step
        assert 0 <= done < of
        self.lines.append(desc)


def edits_of(state) -> list[dict]:
    """The edits of what a handler gave back, after its way through the browser."""
    return [step["edit"] for step in json.loads(json.dumps(state))["stack"]["steps"]]


@torch.no_grad()
def surprise(model, tokenizer, text: str = TEXT) -> float:
    """Perplexity by transformers' own loss."""
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    return math.exp(float(model(ids, labels=ids).loss))


@pytest.fixture
def never_applied(monkeypatch):
    """Pruning, quantizing or casting now is an alarm."""
    for edit in (Prune, Quantize, Cast):
        monkeypatch.setattr(edit, "apply", lambda *args: pytest.fail("something heavy was built"))


# The tab as it is laid out


@pytest.fixture(scope="module")
def panel(surroundings, a_visit):
    """The edit panel, on a page that has the Weights tab alone."""
    with gr.Blocks() as page:
        visit = a_visit()
        with gr.Tab() as tab:
            weights_tab.build_tab(visit, tab)
    by_id = {getattr(block, "elem_id", None): block for block in page.blocks.values()}
    return SimpleNamespace(page=page, form=RUNS["apply"].form, targets=by_id["targets"], own=visit.own)


def events_of(panel, handler: str) -> list:
    """Where a handler is wired."""
    found = [fn for fn in panel.page.fns.values() if getattr(fn.fn, "__name__", "") == handler]
    assert found, handler
    return found


def test_the_panels_controls_have_the_names_of_the_edits_fields(panel):
    edit = {name: part for name, part in panel.form.items() if name not in ("saved", "language")}
    assert {name: part.elem_id for name, part in edit.items() if name != "own"} == dict(
        zip(OPENED, ELEM_IDS[:-1], strict=False)
    )
    assert {name: part.value for name, part in edit.items() if name != "own"} | {"own": ""} == OPENED
    assert edit["own"] is panel.own
    assert panel.targets.elem_id == "targets"


@pytest.mark.parametrize("handler", ["apply_edit", "run_sweep", "run_scan"])
def test_what_works_with_the_panels_edit_gets_its_controls(panel, handler):
    [event] = events_of(panel, handler)
    assert panel.form.inputs <= set(event.inputs)
    assert event.inputs_as_dict


def test_what_was_measured_is_stale_once_the_recipe_has_changed(panel):
    [stale] = [
        fn
        for fn in panel.page.fns.values()
        if [getattr(output, "elem_id", "") for output in fn.outputs] == ["measured-stale"]
    ]
    assert EN["measure_stale"] in stale.fn("en", "<table><tr></tr></table>")
    assert KO["measure_stale"] in stale.fn("ko", "<table><tr></tr></table>")
    assert stale.fn("en", EN["measure_empty"]) == stale.fn("en", "") == ""


def test_the_panel_opens_with_an_ordinary_pruning(panel):
    assert edit_of({name: part.value for name, part in panel.form.items()} | {"own": ""}) == Prune()


def outputs_of(panel, handler: str) -> set[tuple]:
    """The parts that a handler fills, wherever it is wired."""
    return {tuple(output.elem_id for output in fn.outputs) for fn in events_of(panel, handler)}


def test_what_follows_from_a_choice_reaches_the_parts_it_is_about(panel):
    assert outputs_of(panel, "fit_scheme") == {("group-size", "symmetric", "mode", "rounding")}
    assert outputs_of(panel, "fit_pattern") == {("sparsity", "prune-method", "scope")}
    assert outputs_of(panel, "show_calibration_source") == {("calibration", "calibration-text", "calibration-corpus")}
    assert outputs_of(panel, "show_kind") == {
        ("prune-fields", "quantize-fields", "cast-fields", "scope", "prune-seed", "group-size", "symmetric")
    }


# The edit of a panel


@pytest.mark.parametrize(
    ("changed", "edit"),
    [
        ({}, {"kind": "prune"}),
        (
            {"method": "random", "sparsity": 0.25, "seed": 7, "scope": "global"},
            {"kind": "prune", "method": "random", "sparsity": 0.25, "seed": 7, "scope": "global"},
        ),
        ({"method": "wanda", "pattern": "2:4"}, {"kind": "prune", "method": "wanda", "pattern": "2:4"}),
        (
            {"method": "taylor", "pattern": "heads", "targets": ["attention"]},
            {"kind": "prune", "method": "taylor", "pattern": "heads", "targets": ["attention"]},
        ),
        # SparseGPT has a scope of its own, whatever the hidden control says.
        ({"method": "sparsegpt", "scope": "row"}, {"kind": "prune", "method": "sparsegpt"}),
        ({"sparsity": 0}, {"kind": "prune", "sparsity": 0.0}),
        ({"sparsity": 1}, {"kind": "prune", "sparsity": 1.0}),
        ({"sparsity": 0.30000000000000004}, {"kind": "prune", "sparsity": 0.3}),
        ({"seed": None}, {"kind": "prune"}),
        ({"seed": 5.0}, {"kind": "prune", "seed": 5}),
        # Another kind's controls do not count, in range or not.
        ({"scheme": "nf4", "mode": "packed", "dtype": "fp16", "symmetric": False}, {"kind": "prune"}),
        ({"kind": "quantize"}, {"kind": "quantize"}),
        (
            {"kind": "quantize", "scheme": "int3", "group_size": "128", "symmetric": False},
            {"kind": "quantize", "scheme": "int3", "group_size": 128, "symmetric": False},
        ),
        (
            {"kind": "quantize", "scheme": "int8", "group_size": "channel", "mode": "packed"},
            {"kind": "quantize", "scheme": "int8", "group_size": "channel", "mode": "packed"},
        ),
        (
            {"kind": "quantize", "group_size": "tensor", "rounding": "gptq"},
            {"kind": "quantize", "group_size": "tensor", "method": "gptq"},
        ),
        ({"kind": "quantize", "method": "sparsegpt", "sparsity": 9, "scope": "row", "seed": -1}, {"kind": "quantize"}),
        ({"kind": "cast"}, {"kind": "cast", "dtype": "bf16", "targets": ["linear"]}),
        (
            {"kind": "cast", "dtype": "fp16", "targets": ["linear", "embeddings"], "sparsity": None},
            {"kind": "cast", "dtype": "fp16", "targets": ["linear", "embeddings"]},
        ),
    ],
)
def test_the_controls_make_the_edit_that_they_show(changed, edit):
    wanted = EDITS[edit["kind"]].model_validate(edit)
    assert edit_of(fields(**changed)) == wanted


def test_the_whole_of_an_edit_key_by_key():
    """Against a dictionary written out, not through the edit's own defaults."""
    made = edit_of(
        fields(
            kind="quantize",
            scheme="int2",
            group_size="32",
            symmetric=False,
            rounding="gptq",
            targets=["mlp"],
            first=1,
            last=2,
            source="own",
            text="Read this.",
        )
    )
    assert made.model_dump() == {
        "kind": "quantize",
        "scheme": "int2",
        "group_size": 32,
        "symmetric": False,
        "targets": ("mlp@1-2",),
        "method": "gptq",
        "mode": "simulated",
        "calibration": "Read this.",
    }
    made = edit_of(fields(method="wanda", pattern="rows", sparsity=0.2, seed=3, scope="tensor"))
    assert made.model_dump() == {
        "kind": "prune",
        "method": "wanda",
        "sparsity": 0.2,
        "pattern": "rows",
        "scope": "tensor",
        "targets": ("linear",),
        "seed": 3,
        "calibration": "",
    }


# Which weights


@pytest.mark.parametrize(
    ("targets", "first", "last", "named"),
    [
        (["linear"], None, None, ["linear"]),
        (["linear"], 0, None, ["linear@0-9999"]),
        (["linear"], None, 0, ["linear@0-0"]),
        (["linear"], 3, 5, ["linear@3-5"]),
        (["linear"], "3", " 3 ", ["linear@3-3"]),
        (["mlp", "*.q_proj.weight"], 1, 2, ["mlp@1-2", "*.q_proj.weight@1-2"]),
        (["mlp@7", "attention"], 1, 2, ["mlp@7", "attention@1-2"]),
        (["mlp@7", "attention"], None, None, ["mlp@7", "attention"]),
    ],
)
@pytest.mark.parametrize("kind", ["prune", "quantize", "cast"])
def test_a_range_of_layers_is_put_on_every_target(kind, targets, first, last, named):
    made = edit_of(fields(kind=kind, targets=targets, first=first, last=last))
    assert list(made.targets) == named


@pytest.mark.parametrize(
    ("first", "last", "layers"), [(None, None, {0, 1}), (0, 0, {0}), (1, None, {1}), (None, 0, {0}), (0, 99, {0, 1})]
)
def test_a_range_names_those_layers_of_a_model(llama, first, last, layers):
    made = edit_of(fields(targets=["mlp", "*.q_proj.weight"], first=first, last=last))
    found = select(Fork(llama), made.targets)
    assert {matrix.layer for matrix in found} == layers
    assert {matrix.role.rpartition(".")[2] for matrix in found} == {"gate_proj", "up_proj", "down_proj", "q_proj"}


@pytest.mark.parametrize("kind", ["prune", "quantize", "cast"])
@pytest.mark.parametrize("targets", [[], None])
def test_no_target_is_refused_with_an_example(kind, targets):
    with pytest.raises(PlaygroundError, match="at least one target, such as linear"):
        edit_of(fields(kind=kind, targets=targets))


def test_a_range_that_ends_before_it_begins_is_refused():
    with pytest.raises(PlaygroundError, match="layer, 9, comes after the last, 3"):
        edit_of(fields(first=9, last=3))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"sparsity": 1.05}, "sparsity is 1.05"),
        ({"sparsity": -0.1}, "sparsity is -0.1"),
        ({"pattern": "2:4", "sparsity": 0.3}, "drops half"),
        ({"pattern": "rows", "method": "sparsegpt"}, "SparseGPT"),
        ({"pattern": "rows", "scope": "row"}, "scope row"),
        ({"seed": -1}, "seed is -1"),
        ({"targets": ["x" * 201]}, "too long"),
        ({"targets": [""]}, "empty"),
        ({"kind": "quantize", "scheme": "nf4", "symmetric": False}, "no zero point"),
        ({"kind": "quantize", "scheme": "int8", "mode": "packed"}, "one scale for each output"),
        ({"kind": "quantize", "scheme": "int3", "mode": "packed"}, "Packed layers exist for"),
        ({"kind": "quantize", "group_size": "7"}, "group_size"),
        ({"kind": "wish"}, "unknown kind 'wish'"),
    ],
)
def test_controls_that_do_not_fit_together_are_refused_in_words(changed, words):
    with pytest.raises(RecipeError, match=re.escape(words)):
        edit_of(fields(**changed))


@pytest.mark.parametrize("kind", ["prune", "quantize", "cast"])
def test_only_the_controls_of_one_kind_are_shown(kind):
    shows = edit_panel.show_kind(kind)
    names = ("prune", "quantize", "cast", "scope", "seed", "group_size", "symmetric")
    visible = {name for name, update in zip(names, shows, strict=True) if update["visible"]}
    assert visible & set(EDITS) == {kind}
    # Beside it, those of its fields that an edit of the kind has.
    assert visible - set(EDITS) == set(names[3:]) & set(EDITS[kind].model_fields)


@pytest.mark.parametrize("source", edit_panel.TEXTS)
def test_only_the_controls_of_one_calibration_text_are_shown(source):
    shown = edit_panel.show_calibration_source("prune", "wanda", "rtn", source)
    assert [update["visible"] for update in shown] == [True, source == "own", source == "corpus"]


@pytest.mark.parametrize(
    ("kind", "method", "rounding", "reads"),
    [
        ("prune", "magnitude", "gptq", False),
        ("prune", "random", "rtn", False),
        ("prune", "taylor", "rtn", True),
        ("prune", "sparsegpt", "rtn", True),
        ("quantize", "wanda", "rtn", False),
        ("quantize", "magnitude", "gptq", True),
        ("cast", "wanda", "gptq", False),
    ],
)
@pytest.mark.parametrize("source", edit_panel.TEXTS)
def test_no_calibration_text_is_asked_of_an_edit_that_reads_none(kind, method, rounding, reads, source):
    shown = [update["visible"] for update in edit_panel.show_calibration_source(kind, method, rounding, source)]
    assert shown[0] == reads
    assert any(shown[1:]) == (reads and source != "shipped")


# What follows from a choice always makes an edit


def followed(now: dict, names: tuple[str, ...], updates: list[dict]) -> dict:
    """The panel's values after updates of some of its controls."""
    return now | {name: update["value"] for name, update in zip(names, updates, strict=True) if "value" in update}


SCHEME_NAMES = ("group_size", "symmetric", "mode", "rounding")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("mode", get_args(Mode))
def test_every_scheme_and_way_to_run_makes_an_edit_whatever_stood_there_before(scheme, mode):
    for group, symmetric, rounding in itertools.product(GROUP_SIZES, (True, False), ("rtn", "gptq")):
        now = {
            "kind": "quantize",
            "scheme": scheme,
            "mode": mode,
            "group_size": group,
            "symmetric": symmetric,
            "rounding": rounding,
        }
        updates = fit_scheme(scheme, mode)
        now = followed(now, SCHEME_NAMES, updates)
        made = edit_of(fields(**now))
        assert made.scheme == scheme
        assert made.mode == now["mode"]
        packable = scheme in ("int8", "int4", "nf4", "fp4")
        assert (made.mode != "simulated") == (mode != "simulated" and packable)
        assert (made.mode == "llm_int8") == (mode == "llm_int8" and scheme == "int8")
        # A control that is left to choose can be put either way.
        free = {name for name, update in zip(SCHEME_NAMES, updates, strict=True) if update.get("interactive")}
        if "symmetric" in free:
            assert edit_of(fields(**now | {"symmetric": not now["symmetric"]}))
        if "rounding" in free:
            assert edit_of(fields(**now | {"rounding": "gptq"})).method == "gptq"


def test_packed_is_offered_where_there_are_packed_layers_and_nowhere_else():
    def edit(scheme: str, group: str) -> Quantize:
        return edit_of(fields(kind="quantize", scheme=scheme, mode="packed", group_size=group))

    for scheme in SCHEMES:
        group, symmetric, mode, rounding = fit_scheme(scheme, "packed")
        if mode["interactive"]:
            assert mode["value"] == "packed"
            assert edit(scheme, group["value"]).mode == "packed"
            assert (rounding["value"], rounding["interactive"]) == ("rtn", False)
            assert (symmetric["value"], symmetric["interactive"]) == (True, False)
        else:
            assert mode["value"] == "simulated"
            for size in GROUP_SIZES:
                with pytest.raises(RecipeError):
                    edit(scheme, size)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_llm_int8_takes_int8_along(scheme):
    chosen, group, _, mode, _ = fit_mode(scheme, "llm_int8")
    assert (chosen, group["value"], mode["value"]) == ("int8", "channel", "llm_int8")
    assert edit_of(fields(kind="quantize", scheme=chosen, mode="llm_int8", group_size="channel")).mode == "llm_int8"
    assert fit_mode(scheme, "simulated")[0] == scheme


def test_a_zero_point_can_be_chosen_where_the_scheme_has_one_and_nowhere_else():
    for scheme in SCHEMES:
        _, symmetric, _, _ = fit_scheme(scheme, "simulated")
        asked = fields(kind="quantize", scheme=scheme, symmetric=False)
        if symmetric["interactive"]:
            assert edit_of(asked).symmetric is False
        else:
            assert symmetric["value"] is True
            with pytest.raises(RecipeError, match="no zero point"):
                edit_of(asked)


PATTERN_NAMES = ("sparsity", "method", "scope")


@pytest.mark.parametrize("pattern", get_args(Pattern))
@pytest.mark.parametrize("method", get_args(MethodName))
def test_every_pattern_and_method_makes_an_edit_whatever_stood_there_before(pattern, method):
    for sparsity, scope in itertools.product((0.0, 0.35, 0.5, 1.0), ("auto", "tensor", "row", "global")):
        now = {"pattern": pattern, "method": method, "sparsity": sparsity, "scope": scope}
        now = followed(now, PATTERN_NAMES, fit_pattern(pattern, method))
        made = edit_of(fields(**now))
        assert made.pattern == pattern
        kept = method if pattern in ("unstructured", "2:4", "4:8") else made.method
        assert made.method == kept
        assert made.sparsity == (0.5 if pattern in ("2:4", "4:8") else sparsity)


def test_a_pattern_changes_no_method_that_can_stay():
    for pattern, method in itertools.product(get_args(Pattern), get_args(MethodName)):
        _, changed, _ = fit_pattern(pattern, method)
        try:
            Prune(pattern=pattern, method=method)
            assert "value" not in changed
        except RecipeError:
            assert changed["value"] != method


def test_a_sparsity_that_is_given_can_be_chosen_again_afterwards():
    assert fit_pattern("2:4", "magnitude")[0]["interactive"] is False
    for pattern in ("unstructured", "rows", "heads", "layers"):
        assert fit_pattern(pattern, "magnitude")[0]["interactive"] is True


# Calibration texts


@pytest.mark.parametrize("method", get_args(MethodName))
@pytest.mark.parametrize("source", ["own", "corpus"])
def test_a_text_goes_into_a_pruning_that_reads_one_and_into_no_other(method, source):
    made = edit_of(fields(method=method, source=source, text="a secret note"))
    assert bool(made.calibration) == (method in ("wanda", "taylor", "sparsegpt"))
    assert (made.calibration == "a secret note") == (made.calibration != "" and source == "own")


@pytest.mark.parametrize(("rounding", "reads"), [("rtn", False), ("gptq", True)])
def test_a_text_goes_into_a_quantization_that_reads_one_and_into_no_other(rounding, reads):
    asked = {"kind": "quantize", "rounding": rounding, "source": "own", "text": "a secret note"}
    # What the hidden control of pruning says makes no difference.
    for method in ("magnitude", "wanda"):
        made = edit_of(fields(**asked, method=method))
        assert made.calibration == ("a secret note" if reads else "")


def test_a_cast_takes_no_text():
    made = edit_of(fields(kind="cast", method="wanda", rounding="gptq", source="own", text="a"))
    assert made == Cast(targets=("linear",))


@pytest.mark.parametrize("method", CALIBRATED)
def test_the_shipped_text_is_not_written_into_the_recipe(method):
    made = edit_of(fields(method=method, source="shipped", text="a note", corpus="nope"))
    assert made.calibration == ""


@pytest.mark.parametrize("text", ["", "  ", "\n\t "])
def test_an_empty_text_of_ones_own_is_refused_where_it_would_be_read(text):
    with pytest.raises(PlaygroundError, match="calibration text is empty"):
        edit_of(fields(method="wanda", source="own", text=text))
    with pytest.raises(PlaygroundError, match="calibration text is empty"):
        edit_of(fields(kind="quantize", rounding="gptq", source="own", text=text))
    assert edit_of(fields(source="own", text=text)) == Prune()


def test_a_text_that_is_too_long_is_refused():
    assert len(edit_of(fields(method="wanda", source="own", text="a" * 20_000)).calibration)
    with pytest.raises(RecipeError, match="calibration is too long"):
        edit_of(fields(method="wanda", source="own", text="a" * 20_001))


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


@pytest.mark.parametrize("corpus", ["lantern-handbook", "lantern-handbook-ko"])
def test_a_shipped_corpus_is_read_from_its_beginning(corpus):
    made = edit_of(fields(method="wanda", source="corpus", corpus=corpus))
    assert 10_000 < len(made.calibration) <= 20_000
    # Every word of it stands in the documents, which are files that anybody can read.
    folder = ROOT / "corpora" / corpus / "documents"
    documents = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.md"))]
    known = set(words(" ".join(documents)))
    found = words(made.calibration)
    assert len(found) > 1000
    assert set(found[:-1]) <= known  # the last one may be cut
    longest = max((line for line in documents[0].splitlines()), key=len)
    assert longest[:60] in made.calibration


def test_an_unknown_corpus_is_refused():
    with pytest.raises(CorpusError, match="Corpus nope is unknown"):
        edit_of(fields(method="wanda", source="corpus", corpus="nope"))


def test_documents_of_ones_own_are_read_once_there_are_any(tmp_path, monkeypatch):
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    try:
        asked = {"method": "wanda", "source": "corpus", "corpus": documents_tab.OWN}
        with pytest.raises(PlaygroundError, match="added no documents yet"):
            edit_of(fields(**asked))
        file = tmp_path / "note.txt"
        file.write_text("The lamp burns green on Tuesdays.", encoding="utf-8")
        own, *_ = own_panel.add_own({"own": "", "shelf": [], "language": "en", "files": [str(file)], "encoding": ""})
        assert uploads.is_own_collection(own)
        made = edit_of(fields(**asked, own=own))
        assert made.calibration == "The lamp burns green on Tuesdays."
    finally:
        monkeypatch.undo()
        settings.cache_clear()


# The targets of a model


@both
@pytest.mark.parametrize("model", ["tiny-llama", "tiny-gpt2-layout", "tiny-neox"])
def test_targets_are_groups_and_every_kind_of_matrix(known, model, language):
    choices = edit_panel.target_choices(saved(model=model), language)["choices"]
    presets = ("linear", "attention", "mlp", "embeddings")
    assert choices[:4] == [(TABLES[language][f"target_{name}"], name) for name in presets]
    fork = Fork(known[model])
    inside = {matrix.name for matrix in select(fork, ("linear",))}
    reached = []
    for text, target in choices[4:]:
        found = [matrix.name for matrix in select(fork, (target,))]
        assert f"({len(found)}" in text  # two layers: two of each
        assert Prune(targets=(target,))
        reached += found
    assert sorted(reached) == sorted(inside)


# Applying


def apply(state, language="en", turn=None, progress=quiet, **changed):
    """What the page keeps, and the line under the button."""
    edit, line = press("apply", saved=state, language=language, turn=turn, progress=progress, **changed)
    return keep_edit(state, language, edit), line


def test_an_applied_edit_is_on_the_recipe_and_built(known):
    state, line = apply(saved(NUDGE), sparsity=0.3, targets=["mlp"])
    assert edits_of(state) == [NUDGE, Prune(sparsity=0.3, targets=("mlp",)).model_dump(mode="json")]
    space = spaces.workspace_from_json(json.loads(json.dumps(state)))
    assert is_quick(space.recipe())
    assert spaces.workspace_from_json(saved(NUDGE)).stack == space.undo().stack
    # Six matrices of 1,536 weights, three tenths of each.
    fork = build_quickly(space.recipe()).fork
    zeros = sum(1536 - np.count_nonzero(fork.tensor(m.name).numpy()) for m in select(fork, ("mlp",)))
    assert zeros == 6 * round(0.3 * 1536)
    assert "Tensors changed: 6" in line


def test_an_edit_is_added_on_top_of_one_of_its_kind(known):
    state, _ = apply(saved(HALF), sparsity=0.6)
    assert [edit["sparsity"] for edit in edits_of(state)] == [0.5, 0.6]


@pytest.mark.parametrize("kind", ["prune", "quantize", "cast"])
def test_every_kind_can_be_applied(known, kind):
    state, line = apply(saved(), kind=kind, dtype="fp16")
    assert [edit["kind"] for edit in edits_of(state)] == [kind]
    assert "Tensors changed: 14" in line
    assert ("4 bits nominal" in line) == (kind == "quantize")


@both
@pytest.mark.parametrize(
    ("changed", "korean"),
    [
        ({"targets": []}, "고른 가중치가 없습니다"),
        ({"first": 9, "last": 3}, "뒤에 있습니다"),
        ({"first": 90}, "맞는 가중치 행렬이"),
        ({"first": "1.5"}, "정수가 아닙니다"),
        ({"last": "-1"}, "정수가 아닙니다"),
        ({"method": "wanda", "source": "own"}, "글이 비어 있습니다"),
        ({"pattern": "heads", "targets": ["mlp"]}, "헤드"),
    ],
)
def test_what_cannot_be_applied_is_refused_in_the_visitors_language(known, language, changed, korean):
    with pytest.raises(gr.Error) as refused:
        apply(saved(NUDGE), language, **changed)
    assert refused.value.title == TABLES[language]["error_title"]
    assert (korean in refused.value.message) == (language == "ko")


def test_a_full_recipe_takes_no_more(known, never_applied):
    with pytest.raises(gr.Error, match="Remove one first"):
        apply(saved(*[NUDGE] * 64))


@both
def test_an_edit_that_was_stopped_is_not_on_the_recipe(known, language):
    turn = begin("apply")
    stop_run(visitor())
    state, line = apply(saved(NUDGE), language, turn)
    assert state == gr.skip()
    assert ("Your recipe is as it was" in line) == (language == "en")
    assert ("레시피는 그대로입니다" in line) == (language == "ko")
    assert not is_quick(recipe_of(NUDGE, HALF))


def test_a_newer_turn_ends_an_older_one(known):
    old = begin("apply")
    begin("apply")
    assert apply(saved(), turn=old)[0] == gr.skip()
    mine = begin("apply")
    begin("apply", "somebody else")
    assert edits_of(apply(saved(), turn=mine)[0]) == [HALF]


def test_progress_names_what_is_being_changed(known):
    progress = Progress()
    apply(saved(), progress=progress)
    assert "model.layers.1.mlp.down_proj.weight…" in progress.lines
    assert len(progress.lines) >= 14


@pytest.mark.parametrize("state", DAMAGED)
def test_a_damaged_state_is_a_new_workspace(known, monkeypatch, state):
    monkeypatch.setenv("PLAYGROUND_MODEL", MODEL)
    settings.cache_clear()
    try:
        assert edits_of(apply(state)[0]) == [HALF]
    finally:
        monkeypatch.undo()
        settings.cache_clear()


# Measuring


@pytest.fixture
def untimed(monkeypatch):
    """Decoding steps take time and are not what most of these tests are about."""
    monkeypatch.setattr(measure_panel.measuring, "step_seconds", lambda fork, prompt, rows, steps: [0.5] * steps)


def measure(state, language="en", text=TEXT, turn=None, progress=quiet):
    return press("measure", saved=state, language=language, reading=text, turn=turn, progress=progress)


def cells(table: str, name: str) -> list[str]:
    """The figures of one row."""
    [row] = [row for row in re.findall(r"<tr>(.*?)</tr>", table) if f">{name}<br>" in row]
    return re.findall(r"<td>(.*?)</td>", row)


@both
def test_measured_figures_are_the_bases_and_the_recipes(known, language, untimed):
    table, stale = measure(saved(HALF), language)
    base, words = known[MODEL], TABLES[language]
    mine = build(recipe_of(HALF)).fork.model
    old, new, _ = cells(table, words["measure_perplexity"])
    assert old == f"{surprise(base.model, base.tokenizer):.4g}"
    assert new == f"{surprise(mine, base.tokenizer):.4g}"
    total = sum(p.numel() for p in base.model.parameters())
    inside = sum(p.numel() for n, p in base.model.named_parameters() if "_proj" in n)
    assert cells(table, words["measure_zeros"])[:2] == ["0 %", f"{50 * inside / total:.3g} %"]
    assert stale == ""


def test_the_base_is_measured_against_itself(known):
    table, _ = measure(saved())
    assert cells(table, EN["measure_kl"]) == ["0", "0", ""]
    assert cells(table, EN["measure_top"]) == ["100 %", "100 %", ""]
    assert cells(table, EN["measure_perplexity"])[2] == "× 1"


def test_a_text_of_spaces_is_none_and_the_shipped_one_is_read(known, untimed):
    table, _ = measure(saved(), text=" \n ")
    shipped = (ROOT / "assets" / "texts" / "measure.txt").read_text(encoding="utf-8")
    count = len(known[MODEL].tokenizer(shipped)["input_ids"])
    assert EN["measure_caption"].format(tokens=count - 1) in table


@pytest.mark.parametrize(("text", "words"), [("T", "2 to 8192"), ("a" * 100_001, "too long")])
def test_a_text_that_cannot_be_measured_on_is_refused(known, text, words):
    with pytest.raises(gr.Error, match=words):
        measure(saved(), text=text)


def test_a_measurement_that_was_stopped_leaves_what_was_measured_before(known):
    turn = begin("measure")
    stop_run(visitor())
    table, line = measure(saved(HALF), turn=turn)
    assert table == gr.skip()
    assert "Stopped" in line


@both
def test_progress_says_what_is_measured(known, language, untimed):
    progress = Progress()
    measure(saved(), language, progress=progress)
    said = "Measuring: " if language == "en" else "재는 중: "
    assert {line.startswith(said) for line in progress.lines} == {True}
    assert len(set(progress.lines)) == 2  # reading, and timing


# Sweeps


def sweep(state, language="en", text=TEXT, turn=None, progress=quiet, **changed):
    """(picture, points) of every event; the points copied, since the page keeps one list."""
    for picture, points in press(
        "sweep", saved=state, language=language, reading=text, turn=turn, progress=progress, **changed
    ):
        yield picture, points if points == gr.skip() else list(points)


def test_a_sweep_grows_point_by_point(known):
    found = list(sweep(saved()))
    assert [len(points) for _, points in found] == list(range(1, 11))
    assert [picture.count('class="pg-dot"') for picture, _ in found] == list(range(1, 11))
    *_, (_, points) = found
    assert [point["value"] for point in points] == ["0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9"]
    assert json.loads(json.dumps(points)) is not None  # plain: the page keeps them


def test_sparsity_0_has_the_bases_perplexity_and_half_that_of_the_pruned_recipe(known):
    base = known[MODEL]
    *_, (_, points) = sweep(saved())
    at = {point["value"]: point for point in points}
    assert at["0"]["perplexity"] == pytest.approx(surprise(base.model, base.tokenizer), rel=1e-5)
    half = build(recipe_of(HALF)).fork.model
    assert at["0.5"]["perplexity"] == pytest.approx(surprise(half, base.tokenizer), rel=1e-5)
    assert at["0.9"]["perplexity"] != at["0"]["perplexity"]
    total = sum(p.numel() for p in base.model.parameters())
    inside = sum(p.numel() for n, p in base.model.named_parameters() if "_proj" in n)
    assert at["0"]["zeros"] == 0
    assert at["0.5"]["zeros"] == pytest.approx(0.5 * inside / total)


def test_a_sweep_stands_in_for_a_last_edit_of_its_kind_and_on_top_of_another(known):
    base = known[MODEL]
    plain = surprise(base.model, base.tokenizer)
    _, [instead] = next(sweep(saved(HALF)))
    assert instead["perplexity"] == pytest.approx(plain, rel=1e-5)
    quantized = Quantize(scheme="int2").model_dump(mode="json")
    _, [on_top] = next(sweep(saved(quantized)))
    coarse = build(recipe_of(quantized)).fork.model
    assert on_top["perplexity"] == pytest.approx(surprise(coarse, base.tokenizer), rel=1e-5)
    assert on_top["perplexity"] != pytest.approx(plain, rel=1e-3)


def test_a_sweep_of_quantization_tries_every_scheme(known):
    *_, (picture, points) = sweep(saved(), kind="quantize", group_size="32")
    assert [point["value"] for point in points] == list(SCHEMES)
    assert all(point["packed_bytes"] < point["file_bytes"] for point in points)
    assert all(f">{name}</th>" in picture for name in SCHEMES)


@both
def test_a_sweep_that_was_stopped_keeps_its_points(known, language):
    events = sweep(saved(), language)
    next(events)
    _, two = next(events)
    stop_run(visitor())
    (picture, points), *more = events
    assert more == []
    assert points == gr.skip()  # the two
    assert len(two) == 2
    assert TABLES[language]["sweep_stopped"] in picture
    assert picture.count('class="pg-dot"') == 2


def test_a_sweep_that_was_stopped_before_it_began_changes_no_points(known):
    turn = begin("sweep")
    stop_run(visitor())
    for state in (saved(), saved(HALF, Cast().model_dump(mode="json"))):
        [(picture, points)] = sweep(state, turn=turn)
        assert points == gr.skip()
        assert EN["sweep_stopped"] in picture


@pytest.mark.parametrize("changed", [{"pattern": "2:4"}, {"pattern": "4:8"}, {"kind": "cast"}])
def test_what_has_no_range_is_not_swept(known, changed):
    with pytest.raises(gr.Error, match="훑을 것이 없습니다"):
        list(sweep(saved(), "ko", **changed))


def test_a_sweep_of_controls_that_do_not_fit_is_refused_before_anything_is_built(known, never_applied):
    for changed in ({"targets": []}, {"first": 2, "last": 1}, {"sparsity": 2}):
        with pytest.raises(gr.Error):
            list(sweep(saved(HALF), **changed))


def test_a_sweep_says_how_far_it_is(known):
    progress = Progress()
    list(sweep(saved(), progress=progress))
    assert {"0 (1 of 10)…", "0.9 (10 of 10)…"} <= set(progress.lines)


# Taking a point


# As a sweep leaves them with the page.
SWEPT = [{"edit": Prune(sparsity=n / 10).model_dump(), "value": f"0.{n}"} for n in range(10)]


def take(state, points, place, language="en", stopped=False):
    """Press a point, and what follows from that."""
    turn, picked = begin("sweep_point"), place_of(click(do="take", place=place))
    if stopped:
        stop_run(visitor())
    edit, line = press("sweep_point", saved=state, language=language, points=points, picked=picked, turn=turn)
    return keep_instead(state, language, edit), line


def test_a_point_takes_the_place_of_a_last_edit_of_its_kind(known):
    state = spaces.workspace_from_json(saved(NUDGE)).add(HALF).to_json()
    state, line = take(state, SWEPT, "3")
    assert [edit["kind"] for edit in edits_of(state)] == ["nudge_tokens", "prune"]
    assert edits_of(state)[1] == Prune(sparsity=0.3).model_dump(mode="json")
    assert "Tensors changed: 14" in line
    space = spaces.workspace_from_json(json.loads(json.dumps(state)))
    assert is_quick(space.recipe())
    # One step back: the old edit is there again.
    assert edits_of(space.undo().to_json()) == [NUDGE, HALF]


@pytest.mark.parametrize("below", [[], [NUDGE], [HALF, NUDGE]])
def test_a_point_goes_on_top_of_what_is_of_another_kind(known, below):
    state, _ = take(saved(*below), SWEPT, "9")
    assert edits_of(state) == [*below, Prune(sparsity=0.9).model_dump(mode="json")]


def test_a_point_stands_in_for_the_last_edit_that_is_switched_on(known):
    space = spaces.workspace_from_json(saved(HALF, NUDGE)).toggle(1)
    state, _ = take(space.to_json(), SWEPT, "1")
    assert edits_of(state) == [NUDGE, Prune(sparsity=0.1).model_dump(mode="json")]
    assert [step["on"] for step in state["stack"]["steps"]] == [False, True]


@pytest.mark.parametrize("place", ["-1", "10", "999", "-10"])
def test_a_place_out_of_range_changes_nothing(known, never_applied, place):
    assert take(saved(HALF), SWEPT, place) == (gr.skip(), gr.skip())


def test_a_press_before_there_are_points_changes_nothing(known, never_applied):
    assert take(saved(HALF), [], "0") == (gr.skip(), gr.skip())


@both
def test_a_point_that_was_stopped_is_not_taken(known, language):
    state, line = take(saved(), SWEPT, "3", language, stopped=True)
    assert state == gr.skip()
    assert ("멈췄습니다" if language == "ko" else "Stopped.") in line
    assert not is_quick(recipe_of(Prune(sparsity=0.3).model_dump()))


def test_pressing_a_point_is_a_newer_turn_than_the_sweep_that_drew_it(known):
    events = sweep(saved())
    _, points = next(events)
    state, _ = take(saved(HALF), points, "0")
    assert edits_of(state) == [Prune(sparsity=0.0).model_dump(mode="json")]
    [(picture, left)] = events
    assert left == gr.skip()
    assert EN["sweep_stopped"] in picture


def test_every_point_of_a_sweep_of_schemes_can_be_taken(known):
    *_, (_, points) = sweep(saved(), kind="quantize", group_size="channel", symmetric=False)
    for place, scheme in enumerate(SCHEMES):
        [edit] = edits_of(take(saved(), points, str(place))[0])
        assert (edit["kind"], edit["scheme"]) == ("quantize", scheme)


# Scans


def scan(state, language="en", turn=None, text=TEXT, **changed):
    return press("scan", saved=state, language=language, reading=text, turn=turn, **changed)


def test_a_scan_grows_layer_by_layer_and_names_the_most_sensitive(known):
    base = known[MODEL]
    pictures = list(scan(saved(), sparsity=0.8))
    assert [picture.count("<circle") for picture in pictures] == [1, 2]
    ratios = []
    for layer in (0, 1):
        edit = Prune(sparsity=0.8, targets=(f"linear@{layer}",)).model_dump()
        one = build(recipe_of(edit)).fork.model
        ratios.append(surprise(one, base.tokenizer) / surprise(base.model, base.tokenizer))
    worst = int(np.argmax(ratios))
    said = EN["scan_worst"].format(layer=worst, ratio=f"{ratios[worst]:.3g}")
    assert said in pictures[-1]


@both
def test_a_scan_that_was_stopped_keeps_its_layers(known, language):
    events = scan(saved(), language)
    assert next(events).count("<circle") == 1
    stop_run(visitor())
    [last] = events
    assert last.count("<circle") == 1
    assert TABLES[language]["sweep_stopped"] in last


def test_a_scan_leaves_a_last_edit_of_its_kind_out(known):
    """Pruned by half already, the same pruning would cost nothing."""
    *_, alone = scan(saved())
    *_, again = scan(saved(HALF))
    assert alone == again
    *_, above = scan(saved(HALF, NUDGE))
    assert above != alone
    # What is gone cannot go again.
    assert EN["scan_worst"].format(layer=0, ratio="1") in above


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kind": "cast"}, "한 층씩"),
        ({"pattern": "layers"}, "한 층씩"),
        ({"targets": ["embeddings"]}, "층 안에 있는 것이 없습니다"),
        ({"targets": ["nope"]}, "맞는 가중치 행렬이"),
    ],
)
def test_what_cannot_be_scanned_is_refused(known, changed, said):
    with pytest.raises(gr.Error, match=said):
        list(scan(saved(), "ko", **changed))


# The layer view


@both
@pytest.mark.parametrize("by", ["change", "zeros"])
def test_a_recipe_that_is_not_built_is_not_looked_at(known, never_applied, language, by):
    CACHE.clear()
    shown = measure_panel.show_view(saved(HALF), language, by)
    assert TABLES[language]["step_building"] in shown
    assert "<svg" not in shown


def test_the_view_of_a_recipe_shows_what_it_emptied(known):
    half = Prune(targets=("mlp@1",)).model_dump(mode="json")
    build(recipe_of(half))
    shown = measure_panel.show_view(saved(half), "en", "zeros")
    hints = re.findall(r"<title>(.*?)</title>", shown)
    assert len(hints) == 14
    assert {hint for hint in hints if hint.endswith(" 50 %")} == {
        f"Layer 1, mlp.{role}: 50 %" for role in ("gate_proj", "up_proj", "down_proj")
    }
    assert sum(hint.endswith(" 0 %") for hint in hints) == 11


@both
def test_the_view_of_the_base_says_that_nothing_changed(known, language):
    for edits in ([], [NUDGE]):  # a nudge changes no layer
        shown = measure_panel.show_view(saved(*edits), language, "change")
        assert TABLES[language]["view_unchanged"] in shown


def test_the_view_shows_layers_that_were_taken_out(known):
    gone = Prune(pattern="layers").model_dump(mode="json")
    build(recipe_of(gone))
    for by in ("change", "zeros"):
        shown = measure_panel.show_view(saved(gone), "en", by)
        assert shown.count(EN["view_gone"]) == 7


# The number line


LINE = {"matrix": None, "scheme": "integers", "bits": 4, "group": "64", "symmetric": True, "row": 0}
DOWN = "model.layers.1.mlp.down_proj.weight"


def draw(state, language="en", **changed) -> str:
    return number_line_panel.draw_number_line({"saved": state, "language": language} | LINE | changed)


@pytest.mark.parametrize(
    ("changed", "weights", "levels"),
    [
        ({}, 32, 15),
        ({"bits": 1}, 32, 2),
        ({"bits": 2.0}, 32, 3),
        ({"bits": 8}, 32, 255),
        ({"bits": 2, "symmetric": False}, 32, 4),
        ({"matrix": DOWN}, 48, 15),
        ({"matrix": DOWN, "group": "32"}, 32, 15),
        ({"matrix": DOWN, "group": "tensor"}, 1536, 15),
        ({"matrix": DOWN, "group": "channel", "row": 31}, 48, 15),
        ({"row": None}, 32, 15),
        ({"row": 9999}, 32, 15),
        ({"scheme": "ternary"}, 32, 3),
        ({"scheme": "nf4"}, 32, 16),
        ({"scheme": "fp4"}, 32, 15),
        ({"scheme": "fp8_e4m3", "bits": 2}, 32, 253),
    ],
)
def test_the_number_line_follows_its_controls(known, changed, weights, levels):
    assert f"{weights} weights, {levels} levels" in draw(saved(), **changed)


def test_every_choice_of_levels_can_be_drawn_and_has_its_words(known):
    for scheme in number_line_panel.LINE_SCHEMES:
        assert "<svg" in draw(saved(), scheme=scheme)
        assert {f"line_{scheme}"} <= set(EN) & set(KO)
    # Even steps stand for the integer schemes and for signs alone.
    named = set(number_line_panel.LINE_SCHEMES) | {"int8", "int4", "int3", "int2", "binary"}
    assert named == set(SCHEMES) | {"integers"}


def test_the_number_line_shows_the_recipes_weights(known):
    build(recipe_of(HALF))
    [pruned] = re.findall(r"<title>0: (\d+)</title>", draw(saved(HALF), matrix=DOWN, bits=8))
    [plain] = re.findall(r"<title>0: (\d+)</title>", draw(saved(), matrix=DOWN, bits=8))
    weight = known[MODEL].model.get_parameter(DOWN).numpy()
    threshold = np.sort(np.abs(weight).flatten())[768]
    assert int(pruned) >= (np.abs(weight[0]) < threshold).sum() > int(plain)


@both
def test_the_number_line_waits_for_a_recipe_that_is_not_built(known, never_applied, language):
    with pytest.raises(gr.Error, match="레시피가 메모리에 없습니다" if language == "ko" else BUILDING):
        draw(saved(HALF), language)


def test_another_models_matrix_gives_way_to_the_first(known):
    first = draw(saved(), matrix="model.layers.0.self_attn.q_proj.weight")
    for name in (None, "", "nope", "transformer.h.0.mlp.c_fc.weight"):
        assert draw(saved(), matrix=name) == first


def test_without_layers_there_is_no_number_line(known):
    none = Prune(pattern="layers", sparsity=1.0).model_dump(mode="json")
    build(recipe_of(none))
    with pytest.raises(gr.Error, match="No layer is left"):
        draw(saved(none))


def test_opening_the_tab_lists_the_models_matrices_and_the_formats(known):
    chosen, picture, table = number_line_panel.open_number_line({"saved": saved(), "language": "en"} | LINE)
    names = [matrix.name for matrix in select(Fork(known[MODEL]), ("linear",))]
    assert (chosen["choices"], chosen["value"]) == (names, names[0])
    assert "32 weights, 15 levels" in picture
    total = sum(p.numel() for p in known[MODEL].model.parameters())
    assert f"{4 * total / 1000:.1f} kB" in table
    kept, *_ = number_line_panel.open_number_line({"saved": saved(), "language": "en"} | LINE | {"matrix": DOWN})
    assert kept["value"] == DOWN


def test_opening_the_tab_builds_nothing_heavy(known, never_applied):
    _, picture, table = number_line_panel.open_number_line({"saved": saved(HALF), "language": "ko"} | LINE)
    assert "<svg" in picture
    assert "<table" in table


# What must wait its turn


CUT = {"kind": "prune", "sparsity": 0.2}


@pytest.mark.parametrize(
    ("built", "asked", "quick"),
    [
        ([], [], True),
        ([], [NUDGE], True),
        ([], [NUDGE, NUDGE], True),
        ([], [CUT], False),
        ([], [NUDGE, CUT], False),
        ([], [CUT, NUDGE], False),
        ([CUT], [CUT], True),
        ([CUT], [CUT, NUDGE], True),
        ([CUT], [CUT, NUDGE, CUT], False),
        ([CUT], [NUDGE, CUT], False),
        ([CUT], [{"kind": "prune", "sparsity": 0.3}], False),
        ([], [{"kind": "quantize"}], False),
        ([], [{"kind": "cast"}], False),
        ([NUDGE, CUT, NUDGE], [NUDGE, CUT], True),
    ],
)
def test_only_what_needs_no_whole_tensors_is_built_at_once(known, built, asked, quick):
    build(recipe_of(*built))
    recipe = recipe_of(*asked)
    assert is_quick(recipe) == quick
    if quick:
        assert build_quickly(recipe).recipe == recipe
    else:
        with pytest.raises(NotBuiltError, match=BUILDING):
            build_quickly(recipe)
        assert ("fork", recipe.id) not in CACHE


# The bar


def show(state, language="en") -> tuple[str, str]:
    """The stack as the bar shows it, and the id of what is to be built."""
    _, stack, _, _, _, pending, _ = bar.show_stack(state, language)
    return stack, pending


def build_now(state, pending, language="en", progress=quiet):
    return press("building", saved=state, language=language, pending=pending, progress=progress)


@both
def test_a_pruning_that_is_not_built_is_pending_until_it_is(known, language):
    state, table = saved(NUDGE, HALF), TABLES[language]
    stack, pending = show(state, language)
    assert pending == recipe_of(NUDGE, HALF).id
    assert stack.count(table["step_building"]) == 2
    progress = Progress()
    assert build_now(state, pending, language, progress) == gr.skip()
    assert progress.lines
    stack, pending = show(state, language)
    assert pending == ""
    assert table["step_building"] not in stack
    assert stack.count("pg-receipt") == 2
    # Half of what the 14 matrices hold: the receipt's figure of the whole model.
    total = sum(p.numel() for p in known[MODEL].model.parameters())
    inside = sum(p.numel() for n, p in known[MODEL].model.named_parameters() if "_proj" in n)
    assert f"{50 * inside / total:.3g} %" in stack


def test_showing_the_stack_builds_nothing_heavy(known, never_applied):
    for edits in ([HALF], [NUDGE, HALF], [HALF, NUDGE]):
        assert show(saved(*edits))[1]


@pytest.mark.parametrize("edits", [[], [NUDGE], [NUDGE, NUDGE]])
def test_what_is_quick_is_never_pending(known, edits):
    stack, pending = show(saved(*edits))
    assert pending == ""
    assert EN["step_building"] not in stack


def test_an_edit_that_is_switched_off_need_not_be_built(known, never_applied):
    state = spaces.workspace_from_json(saved(NUDGE, HALF)).toggle(1).to_json()
    stack, pending = show(state)
    assert pending == ""
    assert EN["step_off"] in stack
    assert "Tensors changed" in stack


def test_without_anything_pending_nothing_is_built(known, never_applied):
    assert build_now(saved(HALF), "") == gr.skip()


def test_stop_and_a_newer_recipe_end_the_bars_own_building_and_other_buttons_do_not(known):
    state = saved(HALF)
    _, pending = show(state)
    for end in (lambda: stop_run(visitor()), lambda: begin("building")):
        turn = begin("building")
        end()
        assert "Stopped" in press("building", saved=state, pending=pending, turn=turn)
        assert not is_quick(recipe_of(HALF))
    turn = begin("building")
    begin("apply")
    begin("building", "somebody else")
    press("building", saved=state, pending=pending, turn=turn)
    assert is_quick(recipe_of(HALF))


def test_an_edit_goes_on_the_recipe_as_it_is_when_it_is_built(known):
    edit, _ = press("apply", saved=saved(), sparsity=0.3)
    state = keep_edit(saved(NUDGE), "en", edit)  # nudged in the meantime
    assert edits_of(state) == [NUDGE, Prune(sparsity=0.3).model_dump(mode="json")]


def test_a_recipe_that_cannot_be_built_is_refused_in_words_when_its_turn_comes(known):
    nowhere = Prune(targets=("nope",)).model_dump(mode="json")
    _, pending = show(saved(nowhere))
    with pytest.raises(gr.Error, match="names no weight matrix"):
        build_now(saved(nowhere), pending)
    stack, pending = show(saved(nowhere))  # and afterwards it is not said to be on its way
    assert "names no weight matrix" in stack
    assert EN["step_building"] not in stack
    assert pending == ""


def test_a_saved_recipe_with_a_pruning_is_taken_and_built_later(known, never_applied, tmp_path):
    file = tmp_path / "recipe.json"
    file.write_text(json.dumps({"model": MODEL, "edits": [HALF]}))
    state = bar.load_recipe(saved(), "en", str(file))
    assert edits_of(state) == [HALF]
    assert show(state)[1] == recipe_of(HALF).id


def test_another_model_is_loaded_at_once_and_the_pruning_on_it_later(known, never_applied):
    state = bar.choose_model(saved(HALF), "en", "tiny-neox")
    assert ("base", "tiny-neox") in CACHE
    assert show(state)[1]


# The Tokens tab above a pruning that is not built


def values(language="en"):
    return {**NUDGE, "saved": saved(HALF), "language": language, "prompt": "The cat on the", "chosen": 5}


@both
def test_a_nudge_waits_for_the_pruning_below_it(known, never_applied, language):
    said = BUILDING if language == "en" else "레시피가 메모리에 없습니다"
    *unchanged, advice = tokens_tab.preview_nudge(values(language))
    assert unchanged == [gr.skip()] * 3
    assert said in advice
    assert "pg-warn" in advice
    with pytest.raises(gr.Error, match=said):
        tokens_tab.keep_nudge(values(language))


def test_once_the_pruning_is_built_a_nudge_is_previewed_and_kept(known):
    build(recipe_of(HALF))
    *_, bars, advice = tokens_tab.preview_nudge(values())
    assert EN["preview"] in advice
    assert "pg-bar-after" in bars
    state = tokens_tab.keep_nudge(values())
    assert edits_of(state) == [HALF, NUDGE]


def test_while_it_is_built_the_tokens_tab_shows_the_base(known, never_applied):
    _, _, bars = tokens_tab.refresh(values())
    assert "pg-up" not in bars
    assert "pg-down" not in bars
    assert bars.count("pg-same") == tokens_tab.TOP


def test_the_model_is_loaded_by_the_tests_own_loader(known):
    """Else these tests would say nothing about tiny models."""
    assert loader.load(MODEL) is known[MODEL]
