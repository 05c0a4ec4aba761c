"""What the Merge tab's handlers do with plain values: no browser, no page."""

from __future__ import annotations

import copy
import json
import math
import re
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
import torch
import yaml
from pressing import begin, press, quiet, visitor
from safetensors.torch import save_file

from playground import workspace as spaces
from playground.engine.adapters import lora, store
from playground.engine.adapters.store import About
from playground.engine.build import build, is_quick
from playground.engine.fork import Fork
from playground.engine.fork.structure import matrices
from playground.engine.measuring.measure import shipped_text
from playground.engine.merging import METHODS, checkpoints
from playground.engine.recipe import MAX_RECIPE_BYTES, parse, parse_edit
from playground.errors import PlaygroundError
from playground.settings import settings
from playground.ui.merge import files as merge_files_panel
from playground.ui.merge import form as merge_panel
from playground.ui.merge import picture as merge_picture_panel
from playground.ui.merge import tab as merge_tab
from playground.ui.merge import walk as walk_panel
from playground.ui.merge.form import edit_of
from playground.ui.parts.building import keep_instead, place_of
from playground.ui.shell.run import RUNS
from playground.ui.shell.turns import stops
from playground.ui.text import EN, TABLES

pytestmark = pytest.mark.usefixtures("page_runs")
MODEL, SMALL = "tiny-llama", "smollm2-135m-instruct"
TEXT = "The cat sat on the mat while the rain fell on the roof of the house."
OTHER = "Weights are numbers; an edit changes some of them and leaves the rest."
NAME = "model.layers.1.mlp.up_proj.weight"
NUDGE = {
    "kind": "nudge_tokens",
    "text": " the",
    "direction": "random",
    "target": "",
    "strength": 2.0,
    "side": "both",
    "seed": 0,
}
both = pytest.mark.parametrize("language", ["en", "ko"])
korean = pytest.mark.parametrize("language", ["ko"])  # for what the edit's own tests read in English
stop_run = stops()  # whatever goes on
ROOT = Path(__file__).parents[2]

# The panel's controls as they stand when it is opened.
OPENED = {
    "models": [],
    "file": None,
    "method": "linear",
    "t": 0.5,
    "density": 0.5,
    "layers": "",
    "normalize": True,
    "targets": ["all"],
    "epsilon": 0.1,
    "gamma": 0.01,
    "select": 1.0,
    "near": 0.001,
    "rescale": "usual",
    "by_text": False,
    "seed": 0,
    "weight_1": 1.0,
    "weight_2": 1.0,
    "weight_3": 1.0,
    "weight_4": 1.0,
}
WEIGHTS = {"first": "weight_1", "second": "weight_2", "third": "weight_3", "fourth": "weight_4"}
ELEM_IDS = [
    "merge-models",
    "merge-recipe-file",
    "merge-method",
    "merge-t",
    "merge-density",
    "merge-layers",
    "merge-normalize",
    "merge-targets",
    "merge-epsilon",
    "merge-gamma",
    "merge-select",
    "merge-near",
    "merge-rescale",
    "merge-by-text",
    "merge-seed",
    "merge-weight-1",
    "merge-weight-2",
    "merge-weight-3",
    "merge-weight-4",
]


def fields(*models, **changed):
    changed = {WEIGHTS.get(name, name): value for name, value in changed.items()}
    assert set(changed) <= set(OPENED)
    return OPENED | {"models": list(models)} | changed


def saved(*edits, model=MODEL):
    """What the browser sends of a stack."""
    steps = [{"edit": edit, "on": True} for edit in edits]
    return json.loads(json.dumps({"stack": {"model": model, "steps": steps}}))


def edits_of(state):
    """The edits of what a handler gave back, after its way through the browser."""
    return [step["edit"] for step in json.loads(json.dumps(state))["stack"]["steps"]]


class Progress:
    """What a visitor sees of a long computation."""

    def __init__(self):
        self.lines = []

    def __call__(self, step, desc):
        done, of = step
        assert 0 <= done < of
        self.lines.append(desc)


def recipe(*edits, model=MODEL):
    return {"model": model, "edits": list(edits)}


def attached(source, model=MODEL):
    return recipe({"kind": "adapter", "source": source}, model=model)


def merge(method, *models, **more):
    """A merge as it is written in full."""
    edit = {"kind": "merge", "method": method, "models": list(models), **more}
    return parse_edit(edit).model_dump(mode="json")


@torch.no_grad()
def surprise(model, tokenizer, text=TEXT):
    """Perplexity by transformers' own loss."""
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    return math.exp(float(model(ids, labels=ids).loss))


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home for each test."""
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()


def thin(seed):
    """The two matrices of a LoRA on every matrix in the tiny model's layers."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {
        f"model.layers.{layer}.{name}": (rows, columns)
        for layer in (0, 1)
        for name, rows, columns in (
            ("self_attn.q_proj", 32, 32),
            ("self_attn.k_proj", 16, 32),
            ("self_attn.v_proj", 16, 32),
            ("self_attn.o_proj", 32, 32),
            ("mlp.gate_proj", 48, 32),
            ("mlp.up_proj", 48, 32),
            ("mlp.down_proj", 32, 48),
        )
    }
    return {
        path: (torch.randn(2, columns, generator=generator), torch.randn(rows, 2, generator=generator) / 4)
        for path, (rows, columns) in shapes.items()
    }


def learned(seed, name=NAME):
    """What such a LoRA adds to one matrix."""
    down, up = thin(seed)[name.removesuffix(".weight")]
    return (up @ down).double().numpy()


@pytest.fixture
def mine(known):
    """The id of an own adapter for the tiny model."""
    return store.keep_adapter(lora.make(thin(1)), About("My own", "trained", MODEL, "lora"))


@pytest.fixture
def other(known):
    """And of another one."""
    return store.keep_adapter(lora.make(thin(2)), About("Another", "uploaded", MODEL, "lora"))


def tensors(known, by=1.0):
    """A checkpoint: every number of the tiny model times something, the tied head left out."""
    named = known[MODEL].model.named_parameters()
    return {name: (by * p.detach()).contiguous() for name, p in named}


def upload(path, given):
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(given, path, {"format": "pt"})
    return str(path)


@pytest.fixture
def of_host(known, home):
    """The name of a checkpoint that the host put into its folder."""
    upload(home / "checkpoints" / "twice-the-weights" / "model.safetensors", tensors(known, 2.0))
    return "twice-the-weights"


# The tab as it is laid out


@pytest.fixture(scope="module")
def tab(surroundings, a_visit):
    """The Merge tab alone on a page."""
    with gr.Blocks() as page, gr.Tab() as own_page:
        built = merge_tab.build_tab(a_visit(), own_page)
    by_id = {getattr(block, "elem_id", None): block for block in page.blocks.values()}
    fields = {name: by_id[elem_id] for name, elem_id in zip(OPENED, ELEM_IDS, strict=True)}
    return SimpleNamespace(page=page, built=built, fields=fields)


def events_of(tab, handler):
    """Where a handler is wired."""
    found = [fn for fn in tab.page.fns.values() if getattr(fn.fn, "__name__", "") == handler]
    assert found, handler
    return found


def test_the_controls_open_as_the_first_example_has_them(tab):
    assert {name: RUNS["merge"].form[name] for name in OPENED} == tab.fields
    values = {name: field.value for name, field in tab.fields.items()}
    assert values | {"models": values["models"] or []} == OPENED
    assert merge_panel.fill_example(merge_panel.FIRST) == [
        ["adapter:pirate"],
        values["method"],
        values["t"],
        values["density"],
        values["layers"],
        values["normalize"],
        1,
        1,
        1,
        1,
    ]


@pytest.mark.parametrize(
    "handler", ["run_merge", "try_there", "run_walk", "draw_tensor", "draw_likeness", "write_yaml"]
)
def test_what_works_with_the_forms_merge_gets_its_controls(tab, handler):
    for event in events_of(tab, handler):
        assert set(tab.fields.values()) <= set(event.inputs)
        assert event.inputs_as_dict


def test_the_answer_at_t_is_asked_for_by_button_slider_and_enter(tab):
    assert len(events_of(tab, "try_there")) == 3


def test_what_follows_from_the_method_reaches_the_parts_it_is_about(tab):
    filled = [
        "merge-hint",
        "merge-t",
        "merge-density",
        "merge-layers",
        "merge-normalize",
        "merge-epsilon",
        "merge-gamma",
        "merge-select",
        "merge-near",
        "merge-rescale",
        *ELEM_IDS[-4:],
    ]
    for event in events_of(tab, "show_merge_method"):
        assert [output.elem_id for output in event.outputs] == filled
    for event in events_of(tab, "list_models"):
        assert [output.elem_id for output in event.outputs] == ["merge-models", *filled]
    [usual] = events_of(tab, "usual_values")
    assert [output.elem_id for output in usual.outputs] == ["merge-normalize", "merge-t"]
    [example] = events_of(tab, "fill_example")
    assert [output.elem_id for output in example.outputs] == [
        "merge-models",
        "merge-method",
        "merge-t",
        "merge-density",
        "merge-layers",
        "merge-normalize",
        *ELEM_IDS[-4:],
    ]


def test_what_browsers_keep_has_the_places_that_it_had(tab):
    """Their states name most controls by place: a new one has a name instead."""
    places = [tab.built.typed[f"merge{n}"].elem_id for n in range(16)]
    assert "merge16" not in tab.built.typed
    new = ("merge-recipe-file", "merge-near", "merge-rescale")
    assert places == [name for name in ELEM_IDS if name not in new]
    assert {tab.built.typed[f"merge_{name}"].elem_id for name in ("near", "rescale")} == {*new[1:]}


def test_a_reload_loses_nothing_that_was_typed_or_chosen(tab):
    kept = {part.elem_id for part in tab.built.typed.values()}
    assert set(ELEM_IDS) - kept == {"merge-recipe-file"}  # a browser gives no file back
    assert kept - set(ELEM_IDS) == {"mergekit-yaml", "walk-prompt", "walk-text-base", "walk-text-models", "walk-probe"}


# The merge of the form


SMALLEST = {"saved": saved(model=SMALL)}
PIRATE, JSON = ({"recipe": attached(name, SMALL)} for name in ("pirate", "json"))
TWO = ("adapter:pirate", "adapter:json")
W = {"first": 0.7, "second": -0.3}


def weighed(**more):
    return [PIRATE | {"weight": 0.7, **more}, JSON | {"weight": -0.3, **more}]


@pytest.mark.parametrize(
    ("models", "changed", "edit"),
    [
        (TWO, {"method": "linear", **W}, merge("linear", *weighed(), t=0.5)),
        (TWO[:1], {"method": "slerp", "t": 0.25}, merge("slerp", PIRATE, t=0.25)),
        (TWO, {"method": "nuslerp", "t": 1, **W}, merge("nuslerp", *weighed())),
        (TWO, {"method": "karcher", "t": 1, **W}, merge("karcher", *weighed())),
        (TWO, {"method": "model_stock", "t": 1}, merge("model_stock", PIRATE, JSON)),
        (
            TWO,
            {"method": "task_arithmetic", "t": 1, "normalize": False, **W},
            merge("task_arithmetic", *weighed(), normalize=False),
        ),
        (
            TWO,
            {"method": "ties", "t": 0.9, "density": 0.2, **W},
            merge("ties", *weighed(density=0.2), t=0.9, normalize=True),
        ),
        (
            TWO,
            {"method": "dare_linear", "t": 1, "seed": 7, **W},
            merge("dare_linear", *weighed(density=0.5), normalize=True, seed=7),
        ),
        (
            TWO,
            {"method": "dare_ties", "t": 1, "normalize": False, **W},
            merge("dare_ties", *weighed(density=0.5), normalize=False),
        ),
        (TWO, {"method": "della", "t": 1, "epsilon": 0.25, **W}, merge("della", *weighed(density=0.5), epsilon=0.25)),
        (
            TWO,
            {"method": "breadcrumbs", "t": 1, "gamma": 0.05, **W},
            merge("breadcrumbs", *weighed(density=0.5), gamma=0.05, normalize=True),
        ),
        (TWO, {"method": "sce", "t": 1, "select": 0.4}, merge("sce", PIRATE, JSON, select=0.4)),
        (TWO, {"method": "multislerp", "t": 1, **W}, merge("multislerp", *weighed())),
        (
            TWO,
            {"method": "della_linear", "t": 1, "normalize": False, "rescale": "no", **W},
            merge("della_linear", *weighed(density=0.5), rescale=False),
        ),
        (
            TWO,
            {"method": "breadcrumbs_ties", "t": 1, "normalize": False, "rescale": "yes", **W},
            merge("breadcrumbs_ties", *weighed(density=0.5), rescale=True),
        ),
        (TWO[:1], {"method": "nearswap", "t": 1, "near": 0.02}, merge("nearswap", PIRATE, near=0.02)),
        (TWO[:1], {"method": "arcee_fusion", "t": 1}, merge("arcee_fusion", PIRATE)),
        (
            ["base"],
            {"method": "passthrough", "layers": "0-20, 10-30"},
            merge("passthrough", *({"recipe": recipe(model=SMALL), "layers": ends} for ends in ([0, 20], [10, 30]))),
        ),
        (TWO, {"method": "concat", **W}, merge("concat", *weighed())),
        (TWO, {"method": "ensemble", "first": 3.0}, merge("ensemble", PIRATE | {"weight": 3.0}, JSON)),
    ],
)
def test_the_controls_make_the_merge_that_they_show(models, changed, edit):
    found = edit_of(SMALLEST | fields(*models, **changed))
    assert found.model_dump(mode="json") == edit


def test_all_controls_of_a_merge_key_by_key():
    found = edit_of(
        SMALLEST
        | fields(
            "base",
            *TWO,
            method="della",
            t=0.35,
            density=0.6,
            normalize=False,
            targets=["mlp", "norms"],
            epsilon=0.2,
            by_text=True,
            seed=3.0,
            first=-2,
            second=0,
            third=3,
        )
    )
    weights = [-2.0, 0.0, 3.0]
    recipes = [recipe(model=SMALL), attached("pirate", SMALL), attached("json", SMALL)]
    for one, weight, given in zip(found.models, weights, recipes, strict=True):
        assert parse(one.recipe) == parse(given)
        assert (one.weight, one.density, one.checkpoint, one.layers) == (weight, 0.6, None, None)
    rest = found.model_dump(mode="json", exclude={"models"})
    assert rest == {
        "kind": "merge",
        "method": "della",
        "base": None,
        "t": 0.35,
        "normalize": False,
        "seed": 3,
        "targets": ["mlp", "norms"],
        "epsilon": 0.2,
        "gamma": 0.01,
        "select": 1.0,
        "vocabulary": "by_text",
        "near": 0.001,
        "rescale": True,
        "around_base": False,
        "ends": "own",
    }


@pytest.mark.parametrize(
    ("method", "changed"),
    [
        ("linear", {"density": 0.1, "epsilon": 0.4, "gamma": 0.2, "select": 0.1, "layers": "x"}),
        ("sce", {"density": 0.1, "first": 0.5, "normalize": False}),
        ("model_stock", {"first": 0.0, "second": 0.0, "normalize": False}),
        ("karcher", {"normalize": False}),
        ("ties", {"third": -1.0, "fourth": 2.0, "layers": "x", "epsilon": 0.3}),
        ("concat", {"t": 0.1, "targets": ["mlp"], "seed": 5, "by_text": True, "normalize": False}),
        ("ensemble", {"t": 0.1, "density": 0.1}),
    ],
)
def test_controls_that_a_method_does_not_show_do_not_count(method, changed):
    plain, turned = (edit_of(SMALLEST | fields(*TWO, method=method, **c)) for c in ({}, changed))
    assert plain == turned


@pytest.mark.parametrize("method", ["linear", "ties", "dare_ties", "della", "karcher", "slerp"])
def test_of_a_model_alone_the_weight_that_is_not_shown_does_not_count(method):
    """It may have been set to 0 while there were two."""
    plain, turned = (edit_of(SMALLEST | fields("adapter:pirate", method=method, first=weight)) for weight in (1.0, 0.0))
    assert plain == turned


def test_what_is_left_empty_is_as_usual():
    plain = edit_of(SMALLEST | fields("base", method="ties"))
    assert edit_of(SMALLEST | fields("base", method="ties", targets=[], seed=None)) == plain
    assert edit_of(SMALLEST | fields("base", method="ties", targets=None)) == plain


def test_values_have_no_more_digits_than_the_controls_show():
    third = 0.1 + 0.2  # as a slider says it: 0.30000000000000004
    found = edit_of(SMALLEST | fields("base", method="ties", t=third, density=third, first=third))
    assert (found.t, found.models[0].density) == (0.3, 0.3)
    weights = edit_of(SMALLEST | fields(*TWO, first=third)).models
    assert [one.weight for one in weights] == [0.3, 1.0]


def test_a_model_is_the_visitors_own_without_or_with_an_adapter_or_a_checkpoint(of_host):
    found = edit_of({"saved": saved(NUDGE)} | fields("base", f"checkpoint:{of_host}", "adapter:a/b"))
    assert [one.checkpoint for one in found.models] == [None, of_host, None]
    assert parse(found.models[0].recipe) == parse(recipe())
    assert parse(found.models[2].recipe) == parse(attached("a/b"))


def test_a_saved_recipe_is_read_from_its_file(tmp_path):
    own, file = recipe(NUDGE), tmp_path / "recipe.json"
    for text in (json.dumps(own).encode(), json.dumps(own).encode("utf-8-sig")):
        file.write_bytes(text)
        found = edit_of(SMALLEST | fields("file", file=str(file)))
        assert parse(found.models[0].recipe) == parse(own)


@korean
@pytest.mark.parametrize("none", [[], None])
def test_no_model_is_refused_in_words(language, none):
    said = {"en": "No model is chosen", "ko": "고른 모델이 없습니다"}[language]
    for method in ("linear", "passthrough", "ensemble"):
        given = fields(method=method) | {"models": none}
        with pytest.raises(gr.Error, match=said):
            merge_files_panel.write_yaml({"saved": saved(), "language": language} | given)


@korean
@pytest.mark.parametrize("file", [None, ""])
def test_a_recipe_file_that_is_not_there_is_refused_in_words(language, file):
    said = {"en": "No recipe file is chosen", "ko": "고른 레시피 파일이 없습니다"}[language]
    with pytest.raises(gr.Error, match=said):
        merge_files_panel.write_yaml({"saved": saved(), "language": language} | fields("file", file=file))


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (b"\xff\xfe\x00", "not JSON"),
        (b"{}", "names no model"),
        (b"[1]", "not list"),
        (b" " * (MAX_RECIPE_BYTES + 2), "larger than"),
        (json.dumps(recipe({"kind": "magic"})).encode(), "unknown kind"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path, file, words):
    (tmp_path / "recipe.json").write_bytes(file)
    with pytest.raises(PlaygroundError, match=words):
        edit_of(SMALLEST | fields("file", file=str(tmp_path / "recipe.json")))


# Layers to stack


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("0-2", [(0, 2)]),
        (" 0-2 ", [(0, 2)]),
        ("0-1,1-2", [(0, 1), (1, 2)]),
        ("0-20, 10-30", [(0, 20), (10, 30)]),
        ("5-5", [(5, 5)]),
        ("0-1000", [(0, 1000)]),
    ],
)
def test_ranges_of_one_model_are_stacked_one_after_another(text, ends):
    found = edit_of(SMALLEST | fields("base", method="passthrough", layers=text))
    assert [one.layers for one in found.models] == ends
    assert {parse(one.recipe).id for one in found.models} == {parse(recipe(model=SMALL)).id}


def test_ranges_of_several_models_are_each_of_the_one_at_its_place():
    found = edit_of(SMALLEST | fields(*TWO, method="passthrough", layers="0-3, 1-2"))
    assert [(one.recipe.edits[0].source, one.layers) for one in found.models] == [("pirate", (0, 3)), ("json", (1, 2))]


UNREADABLE = ["", " ", ",", "0", "0-", "-2", "0-2,", "a-b", "0–2", "1.5-2", "0-2-4", "0-99999"]


@korean
@pytest.mark.parametrize("text", UNREADABLE)
def test_ranges_that_cannot_be_read_are_refused_in_words(language, text):
    said = {"en": "cannot be read. Write ranges like", "ko": "읽을 수 없습니다"}[language]
    given = fields("base", method="passthrough", layers=text)
    with pytest.raises(gr.Error, match=said):
        merge_files_panel.write_yaml({"saved": saved(), "language": language} | given)


@both
@pytest.mark.parametrize("text", ["0-1", "0-1, 0-1, 0-1"])
def test_as_many_ranges_as_models_or_one_model_are_asked_for(language, text):
    said = {"en": "There are 2 models and", "ko": "모델은 2개"}[language]
    with pytest.raises(gr.Error, match=said):
        merge_files_panel.write_yaml(
            {"saved": saved(), "language": language} | fields(*TWO, method="passthrough", layers=text)
        )


# What is shown


# Beside the weights: t, density, layers, normalize, epsilon, gamma, select, near, rescale.
CONTROLS = ("t", "density", "layers", "normalize", "epsilon", "gamma", "select", "near", "rescale")
THINNED = {"t", "density", "normalize", "rescale"}
SHOWN = {
    "linear": {"t", "normalize"},
    "slerp": {"t"},
    "nuslerp": {"t"},
    "karcher": {"t"},
    "model_stock": {"t"},
    "task_arithmetic": {"t", "normalize"},
    "ties": THINNED,
    "dare_linear": THINNED,
    "dare_ties": THINNED,
    "della": THINNED | {"epsilon"},
    "della_linear": THINNED | {"epsilon"},
    "breadcrumbs": THINNED | {"gamma"},
    "breadcrumbs_ties": THINNED | {"gamma"},
    "sce": {"t", "select"},
    "multislerp": {"t", "normalize"},
    "nearswap": {"t", "near"},
    "arcee_fusion": {"t"},
    "passthrough": {"layers"},
    "concat": set(),
    "ensemble": set(),
}
UNWEIGHED = ("slerp", "model_stock", "sce", "passthrough", "nearswap", "arcee_fusion")
# Whether one model alone has a weight: where weights are proportions it says nothing.
ADDED_UP = ("task_arithmetic", "dare_linear", "della_linear", "breadcrumbs", "breadcrumbs_ties")
ALONE = (*ADDED_UP, "concat", "ensemble")


def test_every_method_is_here():
    assert set(SHOWN) == set(METHODS)


@pytest.mark.parametrize("method", SHOWN)
def test_only_the_controls_of_a_method_are_shown(method):
    for count in range(5):
        _, *updates = merge_panel.show_merge_method("en", method, ["base"] * count)
        visible = [update["visible"] for update in updates]
        assert {n for n, on in zip(CONTROLS, visible[:9], strict=True) if on} == SHOWN[method]
        weights = 0 if method in UNWEIGHED or (count == 1 and method not in ALONE) else count
        assert visible[9:] == [n < weights for n in range(4)], count


def test_before_models_are_chosen_there_is_nothing_to_weigh():
    for none in (None, []):
        for method in SHOWN:
            shown = merge_panel.show_merge_method("en", method, none)[10:]
            assert not any(update["visible"] for update in shown)


@both
@pytest.mark.parametrize("method", SHOWN)
def test_a_method_says_what_it_does_and_whom_it_follows(language, method):
    hint = merge_panel.show_merge_method(language, method, ["base"])[0]
    assert TABLES[language][f"merge_hint_{method}"][:20] in unescape(hint)
    if method not in ("passthrough", "concat", "ensemble"):
        assert {"en": "After ", "ko": "출처: "}[language] in hint
        assert re.search(r"\b(1[89]|20)\d\d\b", hint)


def test_a_chosen_method_starts_as_its_paper_has_it():
    for method in SHOWN:
        normalize, t = merge_panel.usual_values(method)
        assert normalize is (method not in ADDED_UP), method
        assert t == (0.5 if method == "slerp" else 1.0)


# The examples


def filled(name):
    models, method, t, density, layers, normalize, *weights = merge_panel.fill_example(name)
    given = dict(zip(("first", "second", "third", "fourth"), weights, strict=True))
    return fields(*models, method=method, t=t, density=density, layers=layers, normalize=normalize, **given)


@pytest.mark.parametrize("name", merge_panel.EXAMPLES)
def test_an_example_fills_the_form_with_a_merge_of_what_is_shipped(name):
    found = edit_of(SMALLEST | filled(name))
    for one in found.models:
        edits = one.recipe.edits
        assert all(edit.source in store.shipped() for edit in edits)
        assert one.recipe.model == SMALL
    on_menu = [value for _, value in merge_panel.model_choices([], [], "en")]
    assert set(merge_panel.fill_example(name)[0]) <= set(on_menu)


def test_the_examples_are_what_their_names_say():
    half = edit_of(SMALLEST | filled("walk")).model_dump(mode="json")
    assert half == merge("linear", PIRATE, t=0.5)
    ties = edit_of(SMALLEST | filled("pirate_json")).model_dump(mode="json")
    assert ties == merge("ties", PIRATE | {"density": 0.5}, JSON | {"density": 0.5})
    deep = edit_of(SMALLEST | filled("upscale"))
    assert [one.layers for one in deep.models] == [(0, 20), (10, 30)]
    together = edit_of(SMALLEST | filled("ensemble")).model_dump(mode="json")
    assert together == merge("ensemble", {"recipe": recipe(model=SMALL)}, PIRATE)


# The menu of models


@both
def test_the_menu_lists_the_plain_model_adapters_checkpoints_and_a_file(mine, of_host, known, language):
    upload(checkpoints.uploads() / ("ab" * 16) / "0.safetensors", tensors(known))
    upload(checkpoints.uploads() / ("cd" * 16) / "0.safetensors", tensors(known))
    listed = merge_panel.model_choices([mine, "0" * 32], ["ab" * 16, "0" * 32], language)
    values = [value for _, value in listed]
    assert values == [
        "base",
        "adapter:handbook",
        "adapter:json",
        "adapter:pirate",
        f"adapter:{mine}",
        f"checkpoint:{of_host}",
        f"checkpoint:{'ab' * 16}",
        "file",
    ]
    titles = [title for title, _ in listed]
    table = TABLES[language]
    assert (titles[0], titles[-1]) == (table["merge_model_base"], table["merge_model_file"])
    assert "My own" in titles[4]
    assert titles[5] == table["merge_model_checkpoint"].format(name=of_host)
    assert titles[6] == table["merge_model_checkpoint"].format(name="ab" * 6)
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("damaged", [None, 5, "x", {}, [5, None, "../etc", "", ".hidden", "a/b"], [["ab"]]])
def test_a_damaged_list_of_checkpoints_is_an_empty_one(known, damaged):
    assert merge_panel.known_checkpoints(damaged) == []


def test_a_checkpoint_that_is_gone_or_empty_is_not_listed(home, known):
    (home / "checkpoints" / "empty").mkdir(parents=True)
    upload(checkpoints.uploads() / ("ab" * 16) / "0.safetensors", tensors(known))
    assert merge_panel.known_checkpoints(["ab" * 16, "ab" * 16, "cd" * 16]) == ["ab" * 16]
    (checkpoints.uploads() / ("ab" * 16) / "0.safetensors").unlink()
    assert merge_panel.known_checkpoints(["ab" * 16]) == []


def test_the_menu_keeps_what_is_chosen_as_long_as_it_is_there(mine):
    listed = merge_panel.list_models
    menu, *_ = listed([mine], [], "en", [f"adapter:{mine}", "base"], "linear")
    assert menu["value"] == [f"adapter:{mine}", "base"]
    menu, *_ = listed([], [], "en", [f"adapter:{mine}", "base"], "linear")
    assert menu["value"] == ["base"]
    menu, *_ = listed([], [], "en", [f"adapter:{mine}"], "linear")
    assert menu["value"] == []  # nothing else takes the place of what was chosen
    for none in (None, []):
        menu, *_ = listed([mine], [], "en", none, "linear")
        assert menu["value"] == ["adapter:pirate"]


def test_the_menu_shows_the_controls_of_what_it_keeps(mine):
    _, *updates = merge_panel.list_models([], [], "en", [f"adapter:{mine}", "base"], "linear")
    assert updates == merge_panel.show_merge_method("en", "linear", ["base"])


# Merging


def run(state, *models, language="en", turn=None, progress=quiet, **changed):
    form = fields(*models, **changed)
    edit, line = press("merge", saved=state, language=language, turn=turn, progress=progress, **form)
    return json.loads(json.dumps(edit)), line  # as the page keeps it


def test_merging_puts_the_merge_on_the_recipe_built(mine, known):
    edit, receipt = run(saved(), "base", f"adapter:{mine}", t=1.0, second=3.0)
    assert "Tensors changed: 14" in receipt
    state = keep_instead(saved(), "en", edit)
    models = {"recipe": recipe()}, {"recipe": attached(mine), "weight": 3.0}
    assert edits_of(state) == [merge("linear", *models)]
    space = spaces.workspace_from_json(json.loads(json.dumps(state)))
    assert is_quick(space.recipe())
    now = build(space.recipe()).fork.tensor(NAME).double().numpy()
    start = known[MODEL].model.get_parameter(NAME).detach().double().numpy()
    np.testing.assert_allclose(now, start + 0.75 * learned(1), atol=1e-6)


def test_another_merge_takes_the_place_of_the_last_one_and_is_counted_from_what_is_before_it(mine, other, known):
    first, _ = run(saved(NUDGE), f"adapter:{mine}", method="task_arithmetic", t=1.0)
    state = keep_instead(saved(NUDGE), "en", first)
    second, _ = run(state, f"adapter:{other}", method="task_arithmetic", t=1.0)
    state = keep_instead(state, "en", second)
    assert [edit["kind"] for edit in edits_of(state)] == ["nudge_tokens", "merge"]
    assert edits_of(state)[1] == second != first
    assert is_quick(spaces.workspace_from_json(state).recipe())  # what was built is what is kept
    now = build(spaces.workspace_from_json(state).recipe()).fork.tensor(NAME).double().numpy()
    start = known[MODEL].model.get_parameter(NAME).detach().double().numpy()
    np.testing.assert_allclose(now, start + learned(2), atol=1e-6)  # and nothing of the first
    undone = spaces.workspace_from_json(state).undo().to_json()
    assert edits_of(undone) == [NUDGE, first]


def test_a_merge_below_another_edit_stays_and_a_new_one_goes_on_top(mine):
    below, _ = run(saved(), f"adapter:{mine}")
    cast = {"kind": "cast"}
    state = spaces.workspace_from_json(saved(below)).add(cast).to_json()
    edit, _ = run(state, f"adapter:{mine}")
    state = keep_instead(state, "en", edit)
    assert [one["kind"] for one in edits_of(state)] == ["merge", "cast", "merge"]


def test_a_checkpoint_and_a_recipe_from_a_file_are_merged(of_host, mine, known, tmp_path):
    file = tmp_path / "recipe.json"
    file.write_text(json.dumps(attached(mine)))
    edit, _ = run(saved(), f"checkpoint:{of_host}", "file", file=str(file), t=1.0)
    now = build(parse(recipe(edit))).fork.tensor(NAME).double().numpy()
    start = known[MODEL].model.get_parameter(NAME).detach().double().numpy()
    np.testing.assert_allclose(now, (2 * start + start + learned(1)) / 2, atol=1e-6)


@both
def test_a_merge_that_was_stopped_leaves_the_recipe(mine, language):
    turn = begin("merge")
    stop_run(visitor())
    edit, line = run(saved(), f"adapter:{mine}", language=language, turn=turn)
    assert edit is None
    assert {"en": "Stopped", "ko": "멈췄습니다"}[language] in line
    assert keep_instead(saved(), language, edit) == gr.skip()


@both
def test_a_merge_says_what_is_merged(mine, language):
    progress = Progress()
    run(saved(), f"adapter:{mine}", language=language, progress=progress)
    said = {"en": f"Merging {NAME}…", "ko": f"{NAME} 병합 중…"}[language]
    assert said in progress.lines


@korean
def test_weights_that_sum_to_nothing_are_refused_in_words(mine, language):
    said = {"en": "The weights sum to 0", "ko": "비중의 합이 0"}[language]
    for first, second in ((0.0, 0.0), (1.0, -1.0)):
        with pytest.raises(gr.Error, match=said):
            run(saved(), "base", f"adapter:{mine}", language=language, first=first, second=second)


@both
@pytest.mark.parametrize(
    ("models", "method", "said"),
    [
        (("base", "file"), "slerp", {"en": "slerp merges 1 to 1 models", "ko": "1~1개의 모델"}),
        (("base",), "model_stock", {"en": "model_stock merges 2 to 8", "ko": "2~8개의 모델"}),
        (("base",), "ensemble", {"en": "ensemble merges 2 to 8", "ko": "2~8개의 모델"}),
        (("file",), "linear", {"en": "another shape", "ko": "구조가 병합할 모델과 다릅니다"}),
        (("adapter:pirate",), "linear", {"en": "does not fit", "ko": "맞지 않습니다"}),
        (("adapter:" + "0" * 32,), "linear", {"en": "not on this host", "ko": "서버에 없습"}),
        (("checkpoint:" + "0" * 32,), "linear", {"en": "not on this host", "ko": "서버에 없습"}),
    ],
)
def test_models_that_do_not_fit_are_refused_in_words(known, tmp_path, language, models, method, said):
    file = tmp_path / "recipe.json"
    file.write_text(json.dumps(recipe(model="tiny-neox")))
    with pytest.raises(gr.Error, match=said[language]):
        run(saved(), *models, language=language, method=method, file=str(file))


# The path


def walk(
    state,
    *models,
    language="en",
    turn=None,
    texts=(TEXT, OTHER),
    probe="",
    progress=quiet,
    prompt="The capital of Italy?",
    **changed,
):
    """(picture, points) of every event; the points copied, since the page keeps one list."""
    form = fields(*models, **changed) | dict(zip(("text_base", "text_models"), texts, strict=True))
    more = {"saved": state, "language": language, "prompt": prompt, "probe": probe}
    for picture, points in press("walk", turn=turn, progress=progress, **form, **more):
        yield picture, points if points == gr.skip() else list(points)


def test_a_walk_grows_point_by_point(mine):
    found = list(walk(saved(), f"adapter:{mine}"))
    assert [len(points) for _, points in found] == list(range(1, 12))
    dots = [picture.count('class="pg-dot"') for picture, _ in found]
    assert dots == [2 * n for n in range(1, 12)]  # a chart for each text
    *_, (_, points) = found
    assert [point["t"] for point in points] == [n / 10 for n in range(11)]
    assert json.loads(json.dumps(points)) is not None  # plain: the page keeps them


def test_a_walk_goes_from_the_recipe_to_the_merge(mine, known):
    base = known[MODEL]
    merged = copy.deepcopy(base.model)
    for path in thin(1):
        weight = merged.get_parameter(f"{path}.weight")
        weight.data += torch.from_numpy(learned(1, f"{path}.weight")).float()
    *_, (_, points) = walk(saved(), f"adapter:{mine}", t=0.3)
    for point, model in ((points[0], base.model), (points[-1], merged)):
        expected = [surprise(model, base.tokenizer, text) for text in (TEXT, OTHER)]
        assert point["perplexities"] == pytest.approx(expected, rel=1e-4)
        assert point["probability"] is None
    start, end = (json.loads(json.dumps(points[place]["edit"])) for place in (0, -1))
    assert start == merge("linear", {"recipe": attached(mine)}, t=0.0)
    assert end == merge("linear", {"recipe": attached(mine)}, t=1.0)


def test_a_walk_on_a_recipe_with_a_merge_starts_before_it(mine, other, known):
    edit, _ = run(saved(), f"adapter:{mine}", t=1.0)
    _, [first] = next(walk(saved(edit), f"adapter:{other}"))
    plain = surprise(known[MODEL].model, known[MODEL].tokenizer)
    assert first["perplexities"][0] == pytest.approx(plain, rel=1e-5)
    nudged = build(parse(recipe(NUDGE))).fork.model
    _, [first] = next(walk(saved(NUDGE), f"adapter:{other}"))
    expected = surprise(nudged, known[MODEL].tokenizer)
    assert first["perplexities"][0] == pytest.approx(expected, rel=1e-5)


@both
def test_a_walk_follows_an_answer_if_there_is_one_to_look_for(mine, language):
    head = TABLES[language]["walk_probed"]
    _, [plain] = next(walk(saved(), f"adapter:{mine}", language=language, probe="  "))
    picture, [point] = next(walk(saved(), f"adapter:{mine}", language=language, probe=" Rome "))
    assert plain["probability"] is None
    _, [other] = next(walk(saved(), f"adapter:{mine}", probe="Rome"))
    assert 0 < point["probability"] == other["probability"] < 1
    assert f">{head}</th>" in picture
    assert picture.count("<svg") == 3


@both
def test_a_walk_that_was_stopped_keeps_its_points(mine, language):
    events = walk(saved(), f"adapter:{mine}", language=language)
    next(events)
    _, two = next(events)
    stop_run(visitor())
    (picture, points), *more = events
    assert more == []
    assert points == gr.skip()  # the two
    assert len(two) == 2
    assert TABLES[language]["sweep_stopped"] in picture
    assert picture.count('class="pg-dot"') == 4


def test_a_walk_that_was_stopped_before_it_began_changes_no_points(mine):
    turn = begin("walk")
    stop_run(visitor())
    for state in (saved(), saved({"kind": "prune"})):
        [(picture, points)] = walk(state, f"adapter:{mine}", turn=turn)
        assert points == gr.skip()
        assert EN["sweep_stopped"] in picture


@korean
@pytest.mark.parametrize("method", ["passthrough", "concat", "ensemble"])
def test_a_method_without_a_path_is_refused_in_words(mine, language, method):
    said = {"en": "has no path", "ko": "길이 없습니다"}[language]
    with pytest.raises(gr.Error, match=said):
        list(walk(saved(), "base", f"adapter:{mine}", language=language, method=method, layers="0-1, 1-2"))


@korean
def test_a_probe_that_cannot_be_asked_is_refused_in_words(mine, language):
    long = {"en": "give 1 to 64", "ko": "1~64개"}[language]
    empty = {"en": "The prompt is empty", "ko": "질문이 비어"}[language]
    for said, given in ((long, {"probe": "x" * 65}), (empty, {"probe": "x", "prompt": " "})):
        with pytest.raises(gr.Error, match=said):
            list(walk(saved(), f"adapter:{mine}", language=language, **given))
    next(walk(saved(), f"adapter:{mine}", prompt=""))  # which nobody asks without a probe


@both
def test_a_walk_says_how_far_it_is(mine, language):
    progress = Progress()
    events = walk(saved(), f"adapter:{mine}", language=language, progress=progress)
    while len(next(events)[1]) < 5:
        pass
    said = {"en": "t = 0.4 (5 of 11)…", "ko": "t = 0.4 (11 중 5)…"}[language]
    assert said in progress.lines


def merge_of(*names):
    return edit_of(SMALLEST | fields(*names))


def test_texts_that_are_given_are_read_and_nothing_else():
    assert walk_panel.texts_for(merge_of("base"), " mine\n", "theirs ") == ("mine", "theirs")


@pytest.mark.parametrize("name", ["pirate", "json", "handbook"])
def test_a_shipped_adapter_is_measured_on_what_it_was_taught(name):
    lines = (ROOT / "assets" / "datasets" / name / "train.jsonl").read_text().splitlines()
    taught = "\n".join(json.loads(line)["completion"] for line in lines)
    general, learned_text = walk_panel.texts_for(merge_of("base", f"adapter:{name}"), "", " ")
    assert shipped_text().startswith(general)
    assert taught.startswith(learned_text)
    assert len(general) == len(learned_text) == 1500


def test_of_several_adapters_the_first_that_was_shipped_says_what_is_read():
    named = [f"adapter:{name}" for name in ("0" * 32, "json", "pirate")]
    assert walk_panel.texts_for(merge_of(*named), "", "")[1] == walk_panel.learned_text("json")


def test_where_nothing_is_known_of_what_was_taught_general_text_is_read(of_host, mine):
    for name in ("base", f"adapter:{mine}", f"checkpoint:{of_host}"):
        general, other_text = walk_panel.texts_for(merge_of(name), "", "")
        assert general == other_text
        assert general in shipped_text()


# Taking a point


def take(state, points, place, language="en", stopped=False):
    """Press a point, and what follows from that."""
    turn, picked = begin("walk_point"), place_of(SimpleNamespace(do="take", place=place))
    if stopped:
        stop_run(visitor())
    edit, line = press("walk_point", saved=state, language=language, points=points, picked=picked, turn=turn)
    return keep_instead(state, language, edit), line


def test_a_pressed_point_goes_on_the_recipe_in_the_place_of_a_last_merge(mine, other):
    last, _ = run(saved(NUDGE), f"adapter:{other}")
    state = keep_instead(saved(NUDGE), "en", last)
    *_, (_, points) = walk(state, f"adapter:{mine}")
    points = json.loads(json.dumps(points))
    state, line = take(state, points, "3")
    assert edits_of(state)[0] == NUDGE
    assert edits_of(state)[1:] == [merge("linear", {"recipe": attached(mine)}, t=0.3)]
    assert "Tensors changed" in line
    assert edits_of(spaces.workspace_from_json(state).undo().to_json()) == [NUDGE, last]


def test_a_point_that_is_not_there_and_one_that_was_stopped_change_nothing(mine):
    *_, (_, points) = walk(saved(), f"adapter:{mine}")
    for place in ("-1", "11"):
        assert take(saved(), points, place)[0] == gr.skip()
    state, line = take(saved(), points, "3", stopped=True)
    assert state == gr.skip()
    assert "Stopped" in line


# The answer at t


@pytest.fixture
def briefly(monkeypatch):
    """Answers of a few tokens: tiny models never end theirs."""
    monkeypatch.setattr(walk_panel, "ANSWER_TOKENS", 6)


def ask(state, *models, language="en", turn=None, prompt="The cat", **changed):
    form = fields(*models, **changed)
    return list(press("try", saved=state, language=language, prompt=prompt, turn=turn, **form))


@both
def test_the_answer_at_t_stands_beside_the_recipes_own(mine, language, briefly):
    first, *_, last = ask(saved(), f"adapter:{mine}", language=language)
    table = TABLES[language]
    assert "<table" in first  # the next tokens, before anything is written
    assert "pg-answer" not in first
    assert last.count('class="pg-answer"') == 2
    assert f"<b>{table['walk_here']}</b>" in last
    assert f"<b>{table['walk_there'].format(method='linear', t='0.5')}</b>" in last
    assert first in last


def written(last):
    """The two answers of what is shown."""
    return [part.partition("</p>")[0] for part in last.split("<p>")[1:3]]


def test_at_0_the_answer_is_the_recipes_and_on_the_way_it_changes(mine, briefly):
    here, there = written(ask(saved(), f"adapter:{mine}", t=0.0)[-1])
    assert here == there != ""
    here_too, there = written(ask(saved(), f"adapter:{mine}", t=1.0)[-1])
    assert here == here_too != there
    edit, _ = run(saved(), f"adapter:{mine}", t=1.0)
    assert written(ask(saved(edit), f"adapter:{mine}", t=0.0)[-1]) == [here, here]


def test_what_is_stopped_says_so_and_stops_writing(mine):
    turn = begin("try")
    stop_run(visitor())
    [line] = ask(saved(), f"adapter:{mine}", turn=turn)
    assert "Stopped" in line
    events = press("try", saved=saved(), prompt="The cat", **fields(f"adapter:{mine}"))
    next(events)
    stop_run(visitor())
    *_, written_last, told = events
    assert EN["stopped"] in told
    last = written_last
    assert max(len(text) for text in written(last)) < 30  # it would have gone on for 48 tokens


def test_methods_without_a_path_answer_too(mine, briefly):
    for method, layers in (("ensemble", ""), ("passthrough", "0-2, 1-2"), ("concat", "")):
        models = ["base", f"adapter:{mine}"]
        last = ask(saved(), *models, method=method, layers=layers)[-1]
        assert last.count('class="pg-answer"') == 2


@korean
def test_an_empty_prompt_is_refused_in_words(mine, language):
    said = {"en": "The prompt is empty", "ko": "질문이 비어"}[language]
    with pytest.raises(gr.Error, match=said):
        ask(saved(), f"adapter:{mine}", language=language, prompt=" ")


# What a method does to a matrix


def alone(drawn):
    """The drawing, or the line that says that it was stopped."""
    picture, told = drawn
    assert (picture == gr.skip()) == bool(told)
    return told or picture


def draw(state, *models, tensor=NAME, language="en", turn=None, **changed):
    form = fields(*models, **changed)
    return alone(press("draw", saved=state, language=language, turn=turn, tensor=tensor, **form))


def compare(state, *models, language="en", turn=None, **changed):
    form = fields(*models, **changed)
    return alone(press("alike", saved=state, language=language, turn=turn, **form))


def test_the_menu_of_matrices_has_those_in_the_layers(known):
    menu = merge_picture_panel.list_tensors(saved(), "en", None)
    assert menu["choices"] == [f"{path}.weight" for path in thin(1)]
    assert menu["value"] == menu["choices"][0]
    assert merge_picture_panel.list_tensors(saved(), "en", NAME)["value"] == NAME
    neox = merge_picture_panel.list_tensors(saved(model="tiny-neox"), "en", NAME)
    assert neox["value"] == neox["choices"][0] != NAME
    inside = [m.name for m in matrices(Fork(known["tiny-neox"])) if m.layer is not None]
    assert neox["choices"] == inside


@both
def test_a_matrix_is_drawn_for_every_model(mine, other, language):
    drawn = draw(saved(), f"adapter:{mine}", f"adapter:{other}", language=language, method="ties")
    assert drawn.count("<svg") == 2
    norm = f"{np.linalg.norm(learned(1)):.3g}"
    assert TABLES[language]["picture_change"].format(norm=norm) in drawn
    assert TABLES[language]["picture_kept"].format(share="50 %") in drawn


@both
def test_a_matrix_that_nobody_changes_is_said_to_be_the_same(known, language):
    drawn = draw(saved(), "base", language=language)
    assert TABLES[language]["picture_same"] in drawn


@both
def test_likeness_is_drawn_for_every_matrix(mine, other, language):
    drawn = compare(saved(), f"adapter:{mine}", f"adapter:{other}", "base", language=language)
    one, two = learned(1), learned(2)
    cosine = (one * two).sum() / np.linalg.norm(one) / np.linalg.norm(two)
    said = TABLES[language]["view_cell"].format(layer=1, role="mlp.up_proj", value=f"{cosine:+.3f}")
    assert said in drawn
    assert drawn.count("<title>") == 14
    assert TABLES[language]["likeness_line"] in drawn


@korean
def test_what_cannot_be_drawn_is_refused_in_words(mine, language):
    models = ("base", f"adapter:{mine}")
    none = {"en": "No tensor is chosen", "ko": "고른 텐서가 없습니다"}[language]
    for tensor in (None, ""):
        with pytest.raises(gr.Error, match=none):
            draw(saved(), *models, language=language, tensor=tensor)
    whole = {"en": "nothing to draw", "ko": "그릴 것이 없습니다"}[language]
    for method in ("ensemble", "concat"):
        for handler in (draw, compare):
            with pytest.raises(gr.Error, match=whole):
                handler(saved(), *models, language=language, method=method)
    two = {"en": "between two models", "ko": "두 모델 사이"}[language]
    with pytest.raises(gr.Error, match=two):
        compare(saved(), "base", language=language)


@korean
def test_a_tensor_that_the_model_does_not_have_any_more_is_refused_in_words(known, language):
    """The menu is as it was when the tab was opened; the model may be another one since."""
    said = {"en": "is not in your model", "ko": "모델에 없습니다"}[language]
    for tensor in ("gpt_neox.layers.0.mlp.dense_h_to_4h.weight", "x", "<b>"):
        with pytest.raises(gr.Error, match=said):
            draw(saved(), "base", language=language, tensor=tensor)


def test_a_drawing_that_was_stopped_says_so(mine):
    for handler, name in ((draw, "draw"), (compare, "alike")):
        turn = begin(name)
        stop_run(visitor())
        line = handler(saved({"kind": "prune"}), "base", f"adapter:{mine}", turn=turn)
        assert "Stopped" in line
        assert "<svg" not in line


# mergekit's YAML


def read(state, text, language="en", turn=None):
    return press("yaml", saved=state, language=language, yaml=text, turn=turn)


@pytest.mark.parametrize(
    ("method", "changed"),
    [
        ("linear", {"t": 1.0, "second": 0.5}),
        ("task_arithmetic", {"t": 0.3}),
        ("ties", {"t": 1.0, "density": 0.3}),
        ("della", {"t": 1.0, "epsilon": 0.2}),
        ("passthrough", {"layers": "0-2, 1-2"}),
    ],
)
def test_what_is_written_is_read_as_the_same_merge(mine, other, method, changed):
    models = f"adapter:{mine}", f"adapter:{other}"
    text = merge_files_panel.write_yaml(
        {"saved": saved(), "language": "en"} | fields(*models, method=method, **changed)
    )
    assert yaml.safe_load(text)["merge_method"] == method
    edit, line = read(saved(), text)
    truth = run(saved(), *models, method=method, **changed)[0]
    if method == "passthrough":  # whose ends are the slices' in mergekit, which the text says
        assert "# Here what is outside the layers" in text
        truth["ends"] = "slices"
    assert json.loads(json.dumps(edit)) == truth
    assert "Tensors changed" in line
    state = keep_instead(saved(), "en", edit)
    assert is_quick(spaces.workspace_from_json(json.loads(json.dumps(state))).recipe())


@both
def test_what_is_passed_over_and_where_mergekit_does_otherwise_is_said(mine, language):
    text = f"""
merge_method: dare_ties
base_model: tiny-llama
chat_template: auto
tokenizer_source: <b>
models: [{{model: tiny-llama+{mine}, parameters: {{weight: 1, density: 0.5}}}}]
"""
    _, line = read(saved(), text, language)
    assert "chat_template, tokenizer_source (&lt;b&gt;)" in line
    assert {"en": "DARE here divides", "ko": "여기의 DARE"}[language] in line
    form = fields(f"adapter:{mine}", method="dare_ties", t=1.0)
    written = merge_files_panel.write_yaml({"saved": saved(), "language": language} | form)
    assert {"en": "# DARE here divides", "ko": "# 여기의 DARE"}[language] in written


def test_the_base_that_is_written_is_the_recipe_before_a_last_merge(mine, other):
    edit, _ = run(saved(), f"adapter:{mine}")
    text = merge_files_panel.write_yaml(
        {"saved": saved(edit), "language": "en"} | fields(f"adapter:{other}", method="ties", t=1.0)
    )
    assert yaml.safe_load(text)["base_model"] == MODEL
    state = keep_instead(saved(edit), "en", read(saved(edit), text)[0])
    [only] = edits_of(state)
    assert (only["method"], only["base"]) == ("ties", None)


@both
def test_keys_without_effect_are_told(known, language):
    text = f"{{merge_method: linear, models: [{{model: {MODEL}}}], dtype: float16, out_dtype: x}}"
    _, line = read(saved(), text, language)
    assert "dtype, out_dtype" in line
    assert {"en": "Without effect here", "ko": "효과 없음"}[language] in line


@both
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", {"en": "not a mergekit configuration", "ko": "mergekit 설정이 아닙니다"}),
        (
            "{merge_method: magic, models: []}",
            {"en": "magic is not known here", "ko": "병합 방법 magic은 여기에 없습니다"},
        ),
        (
            "{merge_method: ties, modules: {}, models: [{model: tiny-llama}]}",
            {"en": "modules is not supported here", "ko": r"modules은\(는\) 여기서"},
        ),
        (
            "{merge_method: ties, modules: {}, <b>: 1, models: [{model: nosuch}]}",
            {
                "en": r"2 things are .*modules, &lt;b&gt;.*Also: Unknown model",
                "ko": r"것이 2개.*modules, &lt;b&gt;.*또한: ",
            },
        ),
        ("{merge_method: linear, models: [{model: nosuch}]}", {"en": "Unknown model &#39;nosuch&#39;", "ko": "nosuch"}),
        (
            "{merge_method: linear, models: [{model: tiny-llama+nosuch}]}",
            {"en": "adapter nosuch is not on this host", "ko": "어댑터 nosuch이 이 서버에 없습니다"},
        ),
        (
            "{merge_method: linear, models: 5}",
            {"en": "models is not a list", "ko": r"models이\(가\) 모델 목록이 아닙니다"},
        ),
        ("{merge_method: linear, models: [{}]}", {"en": "has no name", "ko": "이름 없는 모델"}),
        (
            "{merge_method: slerp, models: [{model: tiny-llama}]}",
            {"en": "from base_model to one other", "ko": "다른 모델 하나로"},
        ),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused_in_words(known, language, text, said):
    with pytest.raises(gr.Error, match=said[language]):
        read(saved(), text, language)


@korean
def test_what_mergekit_has_no_words_for_is_refused_in_words(mine, language):
    said = {"en": "mergekit has no words for t: 0.5", "ko": r"t\(0.5\)을\(를\) 적을 수 없습니다"}
    with pytest.raises(gr.Error, match=said[language]):
        merge_files_panel.write_yaml({"saved": saved(), "language": language} | fields(f"adapter:{mine}", t=0.5))


def test_reading_that_was_stopped_leaves_the_recipe(known):
    turn = begin("yaml")
    stop_run(visitor())
    edit, line = read(saved(), f"{{merge_method: linear, models: [{{model: {MODEL}}}]}}", turn=turn)
    assert edit is None
    assert "Stopped" in line


# Checkpoints


def add(paths, uploaded=None, language="en", turn=None, model=MODEL):
    stands = {"saved": saved(model=model), "language": language, "uploaded": uploaded or [], "files": paths}
    return press("checkpoint", turn=turn, **stands)


@both
def test_an_upload_is_checked_kept_and_among_the_models_to_merge(known, tmp_path, language):
    path = upload(tmp_path / "x" / "model.safetensors", tensors(known, 3.0))
    listed, line = add([path], language=language)
    [name] = listed
    assert len(name) == 32
    assert TABLES[language]["checkpoint_kept"].format(name=name[:12]) in line
    values = [value for _, value in merge_panel.model_choices([], listed, language)]
    assert f"checkpoint:{name}" in values
    assert f"checkpoint:{name}" not in [v for _, v in merge_panel.model_choices([], [], language)]
    edit, _ = run(saved(), f"checkpoint:{name}", t=1.0)
    now = build(parse(recipe(edit))).fork.tensor(NAME)
    assert torch.equal(now, 3.0 * known[MODEL].model.get_parameter(NAME))


@both
@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("model.bin", b"x", {"en": "1 to 7 .safetensors", "ko": "1~7개"}),
        ("config.json", b"{}", {"en": "1 to 7 .safetensors", "ko": "1~7개"}),
        ("model.safetensors", b"x", {"en": "cannot? be read|can be read", "ko": "읽을 수"}),
    ],
)
def test_an_upload_that_cannot_be_used_is_refused_in_words(known, tmp_path, language, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(gr.Error, match=said[language]):
        add([str(tmp_path / name)], language=language)
    assert checkpoints.of_host() == []


@korean
def test_an_upload_of_another_shape_or_without_numbers_is_refused_in_words(known, tmp_path, language):
    shape = {"en": "another shape", "ko": "구조가 병합할 모델과 다릅니다"}[language]
    path = upload(tmp_path / "a.safetensors", {"x": torch.zeros(2)})
    with pytest.raises(gr.Error, match=shape):
        add([path], language=language)
    broken = tensors(known)
    broken[NAME][0, 0] = float("nan")
    path = upload(tmp_path / "b.safetensors", broken)
    numbers = {"en": "not numbers", "ko": "숫자가 아닌 값"}[language]
    with pytest.raises(gr.Error, match=numbers):
        add([path], language=language)


@korean
def test_no_file_is_refused_in_words(known, language):
    said = {"en": "1 to 7 .safetensors", "ko": "1~7개"}[language]
    for none in (None, []):
        with pytest.raises(gr.Error, match=said):
            add(none, language=language)


def test_an_upload_for_a_model_that_is_not_offered_is_refused(known, tmp_path):
    path = upload(tmp_path / "model.safetensors", tensors(known))
    with pytest.raises(gr.Error, match="Unknown model"):
        add([path], model="owner/nosuch")


def test_an_upload_that_was_stopped_is_not_kept(known, tmp_path, home):
    turn = begin("checkpoint")
    stop_run(visitor())
    path = upload(tmp_path / "model.safetensors", tensors(known))
    listed, line = add([path], turn=turn)
    assert listed == gr.skip()
    assert "Stopped" in line
    assert list(home.rglob("*.safetensors")) == []


def test_the_same_upload_again_is_listed_once_and_last(known, tmp_path):
    def again(by, uploaded):
        path = upload(tmp_path / "model.safetensors", tensors(known, by))
        return add([path], uploaded)[0]

    one = again(1.0, [])
    two = again(2.0, one)
    assert two == [*one, two[1]]
    assert again(1.0, two) == two[::-1]
    full = [f"{n:032x}" for n in range(20)]
    assert again(1.0, full) == [*full[1:], *one]
    for damaged in (5, "x", {"a": 1}):
        assert again(1.0, damaged) == one
