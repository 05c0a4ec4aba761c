"""mergekit's YAML, written and read, against configurations written out by hand.

What mergekit has for a method, and what it takes where nothing is said, is in ``OWN`` and
``NORMALIZED`` as its documentation (``docs/merge_methods.md``) and its parameter specifications
(0.1.5) give it.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from merge_made import METHODS

from playground.engine.merging import MergeError
from playground.engine.merging.mergekit import MAX_TEXT, from_yaml, to_yaml
from playground.engine.merging.values import value_at
from playground.engine.recipe import parse, parse_edit
from playground.errors import ModelError, RecipeError
from playground.settings import settings as host

SMALL = "smollm2-135m-instruct"
OTHER = "Qwen/Qwen2.5-0.5B-Instruct"
RECIPE = parse({"model": SMALL})

# What mergekit takes for each model, and whether it normalizes unless told otherwise.
OWN = {
    "linear": ("weight",),
    "slerp": (),
    "nuslerp": ("weight",),
    "karcher": (),
    "model_stock": (),
    "task_arithmetic": ("weight",),
    "ties": ("weight", "density"),
    "dare_linear": ("weight", "density"),
    "dare_ties": ("weight", "density"),
    "della": ("weight", "density", "epsilon"),
    "breadcrumbs": ("weight", "density", "gamma"),
    "sce": (),
    "multislerp": ("weight",),
    "della_linear": ("weight", "density", "epsilon"),
    "breadcrumbs_ties": ("weight", "density", "gamma"),
    "nearswap": (),
    "arcee_fusion": (),
}
NORMALIZED = {
    "linear": True,
    "task_arithmetic": False,
    "ties": True,
    "dare_linear": False,
    "dare_ties": False,
    "della": True,
    "breadcrumbs": False,
    "multislerp": True,
    "della_linear": False,
    "breadcrumbs_ties": False,
}
THINNED = ("ties", "dare_linear", "dare_ties", "della", "della_linear", "breadcrumbs", "breadcrumbs_ties")
FROM_ONE = ("slerp", "nearswap", "arcee_fusion")  # to one other
NOT_BASED = ("linear", "multislerp")
BASED = ("model_stock", "sce", *FROM_ONE, *(n for n in NORMALIZED if n not in NOT_BASED))
COUNTS = {**dict.fromkeys(FROM_ONE, (1, 1)), "nuslerp": (2, 2), "model_stock": (2, 4)}


def with_(adapter: str | None, model: str = SMALL, **more: Any) -> dict[str, Any]:
    """A model in a merge: an id alone, or with an adapter."""
    edits = [{"kind": "adapter", "source": adapter}] if adapter else []
    return {"recipe": {"model": model, "edits": edits}, **more}


def merge(method: str, *models: dict[str, Any], **more: Any):
    return parse_edit({"kind": "merge", "method": method, "models": list(models), **more})


PIRATE, JSON = with_("pirate"), with_("json")
HEAVY, LIGHT = with_("pirate", weight=0.75), with_("json", weight=0.25)
DENSE, THIN = HEAVY | {"density": 0.5}, LIGHT | {"density": 0.2}


def test_every_method_that_goes_tensor_by_tensor_is_written():
    """One that mergekit lacks says ``in_mergekit=False`` in its row; any other has a row in both."""
    written = {name for name, method in METHODS.items() if method.in_mergekit}
    assert set(OWN) == written == {edit.method for edit, _ in BY_HAND} - {"passthrough"}


BY_HAND = [
    (
        merge("linear", HEAVY, LIGHT),
        """
merge_method: linear
models:
  - model: smollm2-135m-instruct+pirate
    parameters:
      weight: 0.75
  - model: smollm2-135m-instruct+json
    parameters:
      weight: 0.25
parameters:
  normalize: true
""",
    ),
    (
        merge("slerp", PIRATE, t=0.25),
        """
merge_method: slerp
base_model: smollm2-135m-instruct
models:
  - model: smollm2-135m-instruct
  - model: smollm2-135m-instruct+pirate
parameters:
  t: 0.25
""",
    ),
    (
        merge("nuslerp", HEAVY, LIGHT),
        """
merge_method: nuslerp
models:
  - model: smollm2-135m-instruct+pirate
    parameters:
      weight: 0.75
  - model: smollm2-135m-instruct+json
    parameters:
      weight: 0.25
""",
    ),
    (
        merge("karcher", PIRATE, JSON, with_(None)),
        """
merge_method: karcher
models:
  - model: smollm2-135m-instruct+pirate
  - model: smollm2-135m-instruct+json
  - model: smollm2-135m-instruct
""",
    ),
    (
        merge("model_stock", PIRATE, JSON),
        """
merge_method: model_stock
base_model: smollm2-135m-instruct
models:
  - model: smollm2-135m-instruct+pirate
  - model: smollm2-135m-instruct+json
""",
    ),
    (
        merge("task_arithmetic", HEAVY, with_("json", weight=-1.5), t=0.5),
        """
merge_method: task_arithmetic
base_model: smollm2-135m-instruct
models:
  - model: smollm2-135m-instruct+pirate
    parameters:
      weight: 0.75
  - model: smollm2-135m-instruct+json
    parameters:
      weight: -1.5
parameters:
  normalize: false
  lambda: 0.5
""",
    ),
    (
        merge("ties", DENSE, THIN, normalize=False),
        """
merge_method: ties
base_model: smollm2-135m-instruct
models:
  - model: smollm2-135m-instruct+pirate
    parameters:
      weight: 0.75
      density: 0.5
  - model: smollm2-135m-instruct+json
    parameters:
      weight: 0.25
      density: 0.2
parameters:
  normalize: false
""",
    ),
    (
        merge("dare_linear", DENSE, base=with_("handbook")),
        """
merge_method: dare_linear
base_model: smollm2-135m-instruct+handbook
models:
  - model: smollm2-135m-instruct+pirate
    parameters:
      weight: 0.75
      density: 0.5
parameters:
  normalize: false
""",
    ),
    (
        merge("dare_ties", DENSE, with_(None, OTHER), normalize=False, vocabulary="by_text"),
        """
merge_method: dare_ties
base_model: smollm2-135m-instruct
models:
  - model: smollm2-135m-instruct+pirate
    parameters:
      weight: 0.75
      density: 0.5
  - model: Qwen/Qwen2.5-0.5B-Instruct
    parameters:
      weight: 1.0
      density: 1.0
parameters:
  normalize: false
tokenizer_source: base
""",
    ),
    (
        merge("della", DENSE, THIN, epsilon=0.15),
        """
merge_method: della
base_model: smollm2-135m-instruct
models:
  - model: smollm2-135m-instruct+pirate
    parameters:
      weight: 0.75
      density: 0.5
      epsilon: 0.15
  - model: smollm2-135m-instruct+json
    parameters:
      weight: 0.25
      density: 0.2
      epsilon: 0.15
parameters:
  normalize: true
""",
    ),
    (
        merge("breadcrumbs", DENSE, gamma=0.03),
        """
merge_method: breadcrumbs
base_model: smollm2-135m-instruct
models:
  - model: smollm2-135m-instruct+pirate
    parameters:
      weight: 0.75
      density: 0.5
      gamma: 0.03
parameters:
  normalize: false
""",
    ),
    (
        merge("sce", PIRATE, JSON, select=0.3),
        """
merge_method: sce
base_model: smollm2-135m-instruct
models:
  - model: smollm2-135m-instruct+pirate
  - model: smollm2-135m-instruct+json
parameters:
  select_topk: 0.3
""",
    ),
    (
        merge("sce", PIRATE),
        """
merge_method: sce
base_model: smollm2-135m-instruct
models:
  - model: smollm2-135m-instruct+pirate
""",
    ),
    (
        merge("multislerp", HEAVY, LIGHT, around_base=True),
        """
merge_method: multislerp
base_model: smollm2-135m-instruct
models:
  - model: smollm2-135m-instruct+pirate
    parameters:
      weight: 0.75
  - model: smollm2-135m-instruct+json
    parameters:
      weight: 0.25
parameters:
  normalize_weights: true
""",
    ),
    (
        merge("multislerp", HEAVY, LIGHT, normalize=False),
        """
merge_method: multislerp
models:
  - model: smollm2-135m-instruct+pirate
    parameters:
      weight: 0.75
  - model: smollm2-135m-instruct+json
    parameters:
      weight: 0.25
parameters:
  normalize_weights: false
""",
    ),
    (
        merge("della_linear", DENSE, epsilon=0.15, rescale=False),
        """
merge_method: della_linear
base_model: smollm2-135m-instruct
models:
  - model: smollm2-135m-instruct+pirate
    parameters:
      weight: 0.75
      density: 0.5
      epsilon: 0.15
parameters:
  normalize: false
  rescale: false
""",
    ),
    (
        merge("breadcrumbs_ties", DENSE, gamma=0.03, rescale=True),
        """
merge_method: breadcrumbs_ties
base_model: smollm2-135m-instruct
models:
  - model: smollm2-135m-instruct+pirate
    parameters:
      weight: 0.75
      density: 0.5
      gamma: 0.03
parameters:
  normalize: false
  rescale: true
""",
    ),
    (
        merge("nearswap", PIRATE, near={"o_proj": 0.002, "mlp": [0, 0.1], "rest": 0.0001}),
        """
merge_method: nearswap
base_model: smollm2-135m-instruct
models:
  - model: smollm2-135m-instruct
  - model: smollm2-135m-instruct+pirate
parameters:
  t:
    - filter: o_proj
      value: 0.002
    - filter: mlp
      value: [0, 0.1]
    - value: 0.0001
""",
    ),
    (
        merge("arcee_fusion", PIRATE),
        """
merge_method: arcee_fusion
base_model: smollm2-135m-instruct
models:
  - model: smollm2-135m-instruct
  - model: smollm2-135m-instruct+pirate
""",
    ),
    (
        merge("passthrough", with_(None, layers=[0, 20]), with_("pirate", layers=[10, 30]), ends="slices"),
        """
merge_method: passthrough
slices:
  - sources:
      - model: smollm2-135m-instruct
        layer_range: [0, 20]
  - sources:
      - model: smollm2-135m-instruct+pirate
        layer_range: [10, 30]
""",
    ),
]
by_hand = pytest.mark.parametrize(("edit", "text"), BY_HAND)


@by_hand
def test_a_merge_is_written_as_mergekit_has_it(edit, text):
    written = to_yaml(edit, RECIPE)
    assert yaml.safe_load(written) == yaml.safe_load(text)
    assert written.startswith(f"merge_method: {edit.method}\n")
    plain = "".join(line for line in written.splitlines() if not line.startswith("# "))
    assert not set("&*!") & set(plain)  # nothing that only some readers know


@by_hand
def test_a_configuration_written_by_hand_is_that_merge(edit, text):
    assert from_yaml(text, RECIPE) == (edit, [])


def test_values_along_the_layers_are_lists_and_by_part_lists_with_filters():
    parts = {"attention": [0, 0.5, 1], "mlp": 0.25, "embeddings": 0, "norms": 1, "rest": [1, 0]}
    edit = merge(
        "ties",
        with_("pirate", weight=[0, 0.5, 1], density=parts),
        with_("json", weight={"mlp": 2.0, "rest": 0.5}, density=[0.3]),
    )
    text = """
merge_method: ties
base_model: smollm2-135m-instruct
models:
  - model: smollm2-135m-instruct+pirate
    parameters:
      weight: [0, 0.5, 1]
      density:
        - filter: norm
          value: 1
        - filter: self_attn
          value: [0, 0.5, 1]
        - filter: mlp
          value: 0.25
        - filter: embed_tokens
          value: 0
        - filter: lm_head
          value: 0
        - value: [1, 0]
  - model: smollm2-135m-instruct+json
    parameters:
      weight:
        - filter: mlp
          value: 2.0
        - value: 0.5
      density: [0.3]
parameters:
  normalize: true
"""
    assert yaml.safe_load(to_yaml(edit, RECIPE)) == yaml.safe_load(text)
    assert from_yaml(text, RECIPE)[0] == edit


def test_the_rest_is_written_last_wherever_it_stands():
    edit = merge("slerp", PIRATE, t={"rest": 0.5, "norms": [0, 1]})
    written = yaml.safe_load(to_yaml(edit, RECIPE))["parameters"]["t"]
    assert written == [{"filter": "norm", "value": [0, 1]}, {"value": 0.5}]


def test_the_base_is_the_recipe_that_the_merge_goes_on():
    recipe = parse({"model": SMALL, "edits": [{"kind": "adapter", "source": "handbook"}]})
    written = to_yaml(merge("ties", PIRATE), recipe)
    assert yaml.safe_load(written)["base_model"] == f"{SMALL}+handbook"
    assert from_yaml(written, recipe)[0] == merge("ties", PIRATE)
    # On another recipe the same text names a base that is not one's own.
    assert from_yaml(written, RECIPE)[0] == merge("ties", PIRATE, base=with_("handbook"))


def test_methods_that_need_no_base_name_none_whatever_the_recipe_holds():
    pruned = parse({"model": SMALL, "edits": [{"kind": "prune"}]})
    written = yaml.safe_load(to_yaml(merge("linear", PIRATE), pruned))
    assert "base_model" not in written


def test_what_no_part_names_is_written_too():
    """mergekit stops where a tensor has no weight; here that is 1."""
    written = to_yaml(merge("linear", with_("pirate", weight={"mlp": 2})), RECIPE)
    weight = yaml.safe_load(written)["models"][0]["parameters"]["weight"]
    assert weight == [{"filter": "mlp", "value": 2}, {"value": 1}]
    same = merge("linear", with_("pirate", weight={"mlp": 2, "rest": 1}))
    assert from_yaml(written, RECIPE)[0] == same


@pytest.mark.parametrize("key", ["weight", "density"])
def test_a_value_by_part_is_for_some_part(key):
    """Else mergekit's list of them would be empty, and there a weight is missing."""
    with pytest.raises(RecipeError, match="merge"):
        merge("ties", with_("pirate", **{key: {}}))


def test_norms_come_before_the_attention_that_has_some():
    """In self_attn.q_norm both are found, and the first counts."""
    value = {"attention": 0, "norms": 1, "rest": 2}
    written = to_yaml(merge("linear", with_("pirate", weight=value)), RECIPE)
    weight = yaml.safe_load(written)["models"][0]["parameters"]["weight"]
    assert [one.get("filter") for one in weight] == ["norm", "self_attn", None]


# There and back


def drawn_models() -> st.SearchStrategy[list[tuple[str, str | None]]]:
    names = st.tuples(
        st.sampled_from([SMALL, OTHER, "owner/model"]),
        st.sampled_from([None, "pirate", "json", "handbook", "owner/lora"]),
    )
    return st.lists(names, min_size=6, max_size=6, unique=True)


NUMBER = st.floats(-10, 10)
SHARE = st.floats(0, 1)
LINE = NUMBER | st.lists(NUMBER, min_size=1, max_size=4)
PARTS = ("attention", "mlp", "embeddings", "norms")
SHARES = SHARE | st.lists(SHARE, min_size=1, max_size=3).map(tuple)
NAMES = ("q_proj", "down_proj", "post_attention_layernorm")
VALUE = LINE | st.fixed_dictionaries({"rest": LINE}, optional=dict.fromkeys((*PARTS, *NAMES), LINE))


@st.composite
def merges(draw):
    """A merge that mergekit knows too, and the recipe that it goes on."""
    method = draw(st.sampled_from([*OWN, "passthrough"]))
    mine, base, *others = draw(drawn_models())
    least, most = COUNTS.get(method, (1, 4))
    others = others[: draw(st.integers(least, most))]
    edit: dict[str, Any] = {"kind": "merge", "method": method}
    if method == "passthrough":
        layer = st.integers(0, 1000)
        edit["models"] = [with_(adapter, model, layers=draw(st.tuples(layer, layer))) for model, adapter in others]
        edit["ends"] = "slices"
    else:
        each = {"weight": VALUE, "density": SHARES}
        each = {key: value for key, value in each.items() if key in OWN[method]}
        edit["models"] = [
            with_(adapter, model, **{key: draw(value) for key, value in each.items()}) for model, adapter in others
        ]
        edit |= {key: draw(SHARE) for key in ("epsilon", "gamma") if key in OWN[method]}
        if method in BASED:
            edit["base"] = draw(st.sampled_from([None, with_(base[1], base[0])]))
            edit["vocabulary"] = draw(st.sampled_from(["same", "by_text"]))
        if method in NORMALIZED:
            edit["normalize"] = draw(st.booleans())
            edit["t"] = draw(NUMBER) if method in BASED else 1.0
        if method in THINNED:
            edit["rescale"] = draw(st.booleans())
        if method == "nearswap":
            edit["near"] = draw(VALUE)
        if method == "multislerp" and draw(st.booleans()):
            around = draw(st.sampled_from([None, with_(base[1], base[0])]))
            edit |= {"around_base": True, "base": around}
        if method == "slerp":
            edit["t"] = draw(VALUE)
        if method == "sce":
            edit["select"] = draw(SHARE)
    return parse_edit(edit), parse(with_(mine[1], mine[0])["recipe"])


@given(merges())
@settings(deadline=None, max_examples=300)
def test_a_merge_that_is_written_is_read_as_the_same(drawn):
    edit, recipe = drawn
    assert from_yaml(to_yaml(edit, recipe), recipe) == (edit, [])


# As people write them


def test_a_slerp_with_the_base_among_the_models_and_t_by_part():
    text = """
# From one chat model to another.
models:
  - model: some-lab/chat-7b
  - model: other-lab/code-7b
merge_method: slerp
base_model: some-lab/chat-7b
parameters:
  t:
    - filter: self_attn
      value: [0, 0.5, 0.3, 0.7, 1]
    - filter: mlp
      value: [1, 0.5, 0.7, 0.3, 0]
    - value: 0.5 # fallback for rest of tensors
dtype: bfloat16
"""
    edit, ignored = from_yaml(text, RECIPE)
    assert ignored == ["dtype"]
    assert edit == merge(
        "slerp",
        with_(None, "other-lab/code-7b"),
        base=with_(None, "some-lab/chat-7b"),
        t={"attention": [0, 0.5, 0.3, 0.7, 1], "mlp": [1, 0.5, 0.7, 0.3, 0], "rest": 0.5},
    )


def test_ties_with_gradients_and_the_base_among_the_models():
    text = """
models:
  - model: some-lab/base-7b
    # no parameters necessary for base model
  - model: some-lab/chat-7b
    parameters:
      density: [1, 0.7, 0.1] # density gradient
      weight: 1.0
  - model: other-lab/code-7b
    parameters:
      density: 0.33
      weight:
        - filter: mlp
          value: 0.5
        - value: 0
merge_method: ties
base_model: some-lab/base-7b
parameters:
  normalize: true
out_dtype: float16
"""
    edit, ignored = from_yaml(text, RECIPE)
    assert ignored == ["out_dtype"]
    assert edit == merge(
        "ties",
        with_(None, "some-lab/chat-7b", density=[1, 0.7, 0.1]),
        with_(None, "other-lab/code-7b", density=0.33, weight={"mlp": 0.5, "rest": 0}),
        base=with_(None, "some-lab/base-7b"),
        normalize=True,
    )


def test_a_stack_of_two_models_layers():
    text = """
slices:
  - sources:
    - model: some-lab/chat-13b
      layer_range: [0, 24]
  - sources:
    - model: other-lab/code-13b
      layer_range: [20, 40]
merge_method: passthrough
dtype: float16
"""
    edit, _ = from_yaml(text, RECIPE)
    assert edit == merge(
        "passthrough",
        with_(None, "some-lab/chat-13b", layers=[0, 24]),
        with_(None, "other-lab/code-13b", layers=[20, 40]),
        ends="slices",
    )


def test_a_soup():
    text = """
models:
  - model: some-lab/chat-7b
    parameters:
      weight: 1.0
  - model: other-lab/code-7b
    parameters:
      weight: 0.3
merge_method: linear
dtype: float16
"""
    edit, _ = from_yaml(text, RECIPE)
    assert edit == merge("linear", with_(None, "some-lab/chat-7b"), with_(None, "other-lab/code-7b", weight=0.3))
    assert edit.normalize


def test_the_models_of_this_host_are_known_by_the_hubs_name_too():
    text = "{merge_method: linear, models: [{model: HuggingFaceTB/SmolLM2-135M-Instruct}]}"
    assert from_yaml(text, RECIPE)[0] == merge("linear", with_(None))
    stack = """
merge_method: passthrough
slices: [{sources: [{model: HuggingFaceTB/SmolLM2-135M-Instruct+pirate, layer_range: [0, 2]}]}]
"""
    pirates = merge("passthrough", with_("pirate", layers=[0, 2]), ends="slices")
    assert from_yaml(stack, RECIPE)[0] == pirates
    # Whoever works on the Hub's goes on with the Hub's.
    hub = "HuggingFaceTB/SmolLM2-135M-Instruct"
    mine = parse({"model": hub})
    assert from_yaml(text, mine)[0] == merge("linear", with_(None, hub))
    stacked = merge("passthrough", with_("pirate", hub, layers=[0, 2]), ends="slices")
    assert from_yaml(stack, mine)[0] == stacked
    assert from_yaml(to_yaml(stacked, mine), mine)[0] == stacked


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A host with a checkpoint called ``mine``; only its name matters here."""
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path))
    host.cache_clear()
    (tmp_path / "checkpoints" / "mine").mkdir(parents=True)
    (tmp_path / "checkpoints" / "mine" / "0.safetensors").touch()
    yield "mine"
    host.cache_clear()


def test_checkpoints_are_known_by_their_name(kept):
    edit = merge("slerp", {"checkpoint": kept}, base={"checkpoint": kept + "2"})
    text = """
merge_method: slerp
base_model: mine2
models: [{model: mine2}, {model: mine}]
parameters: {t: 0.5}
"""
    assert yaml.safe_load(to_yaml(edit, RECIPE)) == yaml.safe_load(text)
    with pytest.raises(ModelError, match="'mine2'"):  # which is not here
        from_yaml(text, RECIPE)
    found, _ = from_yaml(text.replace("mine2", SMALL), RECIPE)
    assert found == merge("slerp", {"checkpoint": kept})


# What mergekit takes where nothing is said


@pytest.mark.parametrize(("method", "usual"), NORMALIZED.items())
def test_weights_are_normalized_as_mergekit_does_unless_told(method, usual):
    text = f"""
merge_method: {method}
{"" if method == "linear" else f"base_model: {SMALL}"}
models:
  - model: {SMALL}+pirate
    parameters: {{weight: 2}}
"""
    assert from_yaml(text, RECIPE)[0].normalize is usual
    key = "normalize_weights" if method == "multislerp" else "normalize"
    for told in (True, False):
        more = f"parameters: {{{key}: {str(told).lower()}}}"
        assert from_yaml(text + more, RECIPE)[0].normalize is told


@pytest.mark.parametrize("method", [name for name in OWN if name not in NORMALIZED])
def test_of_a_method_without_the_setting_the_merge_is_as_if_made_here(method):
    models = [with_("pirate"), with_("json")][: COUNTS.get(method, (1, 2))[1]]
    edit = merge(method, *models)
    assert from_yaml(to_yaml(edit, RECIPE), RECIPE)[0].normalize is edit.normalize is True


def test_other_settings_are_as_mergekit_has_them_unless_told():
    text = f"""
base_model: {SMALL}
models: [{{model: {SMALL}+pirate}}]
merge_method: """
    della, crumbs, sce, slerp = (
        from_yaml(text + method, RECIPE)[0] for method in ("della", "breadcrumbs", "sce", "slerp")
    )
    assert (della.epsilon, crumbs.gamma, sce.select, della.t) == (0.15, 0.01, 1.0, 1.0)
    assert [one.models[0].density for one in (della, crumbs)] == [1.0, 1.0]
    assert slerp.t == 0.5


def test_a_value_for_all_models_is_each_ones_unless_it_has_its_own():
    text = f"""
merge_method: della
base_model: {SMALL}
models:
  - model: {SMALL}+pirate
  - model: {SMALL}+json
    parameters: {{weight: 3, density: [0.1, 0.2]}}
parameters: {{weight: 0.5, density: 0.25, epsilon: 0.2, lambda: 0.75}}
"""
    assert from_yaml(text, RECIPE)[0] == merge(
        "della",
        with_("pirate", weight=0.5, density=0.25),
        with_("json", weight=3, density=[0.1, 0.2]),
        epsilon=0.2,
        t=0.75,
    )


@pytest.mark.parametrize(
    ("otherwise", "added"),
    [
        ("0.5", {"rest": 0.5}),
        ("[0, 1]", {"rest": [0, 1]}),
        ("[{filter: norm, value: 3}, {filter: mlp, value: 4}]", {"norms": 3}),
        ("[{filter: norm, value: 3}, {value: 4}]", {"norms": 3, "rest": 4}),
    ],
)
def test_what_none_of_a_models_filters_names_has_the_value_for_all(otherwise, added):
    text = f"""
merge_method: linear
models:
  - model: {SMALL}+pirate
    parameters: {{weight: [{{filter: mlp, value: 2}}]}}
parameters: {{weight: {otherwise}}}
"""
    edit = merge("linear", with_("pirate", weight={"mlp": 2, **added}))
    assert from_yaml(text, RECIPE)[0] == edit


def test_of_several_filters_the_first_that_fits_counts():
    text = f"""
merge_method: linear
models:
  - model: {SMALL}
    parameters:
      weight:
        - {{filter: attn, value: 1}}
        - {{filter: self_attn, value: 2}}
        - {{filter: "*", value: 3}}
        - {{filter: mlp, value: 4}}
        - {{value: 5}}
"""
    edit = merge("linear", with_(None, weight={"attention": 1, "rest": 3}))
    assert from_yaml(text, RECIPE)[0] == edit


@pytest.mark.parametrize(("first", "second"), [("lm_head", "embed_tokens"), ("embed_tokens", "lm_head")])
def test_the_head_and_the_embeddings_are_one_part(first, second):
    def text(one, other):
        return f"""
merge_method: linear
models:
  - model: {SMALL}
    parameters:
      weight: [{{filter: {first}, value: {one}}}, {{filter: {second}, value: {other}}}]
"""

    edit = merge("linear", with_(None, weight={"embeddings": [0, 1]}))
    assert from_yaml(text("[0, 1]", "[0, 1]"), RECIPE)[0] == edit
    apart = merge("linear", with_(None, weight={first: 1, second: 2}))
    assert from_yaml(text(1, 2), RECIPE)[0] == apart


@pytest.mark.parametrize("method", ["linear", "karcher"])
def test_a_base_that_is_one_of_the_averaged_models_stays_one(method):
    text = f"""
merge_method: {method}
base_model: {SMALL}
models: [{{model: {SMALL}}}, {{model: {SMALL}+pirate}}]
"""
    assert from_yaml(text, RECIPE)[0] == merge(method, with_(None), PIRATE)


# What has no effect here, and everything that is in the way


def test_what_has_no_effect_here_is_told_and_passed_over():
    plain, _ = from_yaml(config(), RECIPE)
    for text, passed in {
        config(more="chat_template: auto"): ["chat_template"],
        config(more="int8_mask: true\nname: mine\ndtype: bfloat16"): ["dtype", "name", "int8_mask"],
        config(parameters=", int8_mask: true"): ["parameters.int8_mask"],
        config(parameters=", gamma: 0.1, t: 0.5, select_topk: 0.5"): [
            "parameters.gamma",
            "parameters.t",
            "parameters.select_topk",
        ],
        config(models=", lambda: 0.1, int8_mask: 1"): ["models.parameters.lambda", "models.parameters.int8_mask"],
    }.items():
        assert from_yaml(text, RECIPE) == (plain, passed)
    alone = f"models: [{{model: {SMALL}+pirate, parameters: {{weight: 2}}}}]"
    edit, passed = from_yaml(f"{{merge_method: karcher, {alone}}}", RECIPE)
    assert (edit, passed) == (merge("karcher", PIRATE), ["models.parameters.weight"])


def test_vocabularies_are_matched_whatever_the_tokenizers_source():
    plain, _ = from_yaml(config(), RECIPE)
    matched = plain.model_copy(update={"vocabulary": "by_text"})
    for text, passed in {
        "tokenizer_source: base": [],
        f"tokenizer_source: {SMALL}": [],
        "tokenizer_source: union": ["tokenizer_source (union)"],
        "tokenizer_source: a/b": ["tokenizer_source (a/b)"],
        "tokenizer: {source: base}": [],
        "tokenizer: {source: union, pad_to_multiple_of: 8}": [
            "tokenizer.source (union)",
            "tokenizer.pad_to_multiple_of",
        ],
    }.items():
        assert from_yaml(config(more=text), RECIPE) == (matched, passed)


def test_a_configuration_may_be_pasted_with_what_is_around_it():
    plain = from_yaml(config(), RECIPE)
    for text in (
        f"```yaml\n{config()}\n```",
        f"# My merge & yours\n\nAn example:\n\n~~~\n{config()}~~~\n\nGood luck, [all] of you.",
        f"```python\nx = [1\n```\n```yml\n{config()}",
        f"\ufeff{config()}",
        config().replace("    parameters", "\u00a0\u00a0\u00a0\u00a0parameters"),
        config().replace("\n", "\r\n"),
        config(more="# R&D, * and & are no anchors here"),
        config().replace(f"base_model: {SMALL}", f"base_model: &base {SMALL}"),
    ):
        assert from_yaml(text, RECIPE) == plain


def test_a_models_name_may_have_an_ampersand():
    with pytest.raises(ModelError, match="Unknown model 'a&b'"):
        from_yaml("{merge_method: linear, models: [{model: a&b}]}", RECIPE)


def test_numbers_in_the_way_that_yaml_1_1_takes_for_texts_are_numbers():
    text = f"""
merge_method: nearswap
base_model: {SMALL}
models: [{{model: {SMALL}+pirate}}]
parameters: {{t: [1e-4, 2E+0]}}
"""
    assert from_yaml(text, RECIPE)[0] == merge("nearswap", PIRATE, near=[1e-4, 2.0])
    switched = config().replace("normalize: true", "normalize: 0.0, rescale: 1.0")
    edit, _ = from_yaml(switched, RECIPE)
    assert (edit.normalize, edit.rescale) == (False, True)


def test_everything_that_is_in_the_way_is_said_at_once():
    text = f"""
merge_method: ties
base_model: nobody
models:
  - model: {SMALL}+nothing
    parameters: {{wieght: 1.0, density: [{{filter: oproj, value: 1}}]}}
  - model: {SMALL}+json
  - parameters: {{weight: 1}}
parameters: {{scale: 2}}
modules: {{}}
"""
    with pytest.raises(MergeError) as refused:
        from_yaml(text, RECIPE)
    for words in (
        "4 things are not supported here",
        "modules",
        "parameters.scale",
        "models.parameters.wieght",
        "filter (oproj)",
        "Unknown model 'nobody'",
        "The adapter nothing is not on this host",
        "A model in the configuration has no name",
    ):
        assert words in str(refused.value), words


def test_texts_that_do_not_fit_their_tags_and_deep_ones_are_refused():
    tags = ("!!int ''", "!!bool 'x'", "!!timestamp 'x'", "!!float 'x'", "!!set [a]", "!!omap a")
    for text in (
        *(f"merge_method: linear\nmodels: {tag}" for tag in tags),
        *(mark * 20_000 for mark in "[{"),
        "- " * 10_000,
        "? " * 10_000,
        "merge_method: linear\nmodels: " + "[" * 17 + "]" * 17,
    ):
        with pytest.raises(MergeError, match="not a mergekit configuration"):
            from_yaml(text, RECIPE)


# Slices that span all layers, as mergekit's own examples have them


def sliced(method: str, *ranges: str, more: str = "", piece: str = "") -> str:
    names = ("tiny-llama", "tiny-llama-1", "tiny-llama-2")
    sources = "".join(
        f"      - {{model: {name}, layer_range: {ends}{more if place else ''}}}\n"
        for place, (name, ends) in enumerate(zip(names, ranges, strict=False))
    )
    return f"""
slices:
  - sources:
{sources}
{piece}
merge_method: {method}
base_model: tiny-llama
parameters: {{t: 0.25}}
"""


def test_a_slice_that_spans_all_layers_is_a_list_of_models(siblings):
    tiny = parse({"model": "tiny-llama"})
    one, two = (with_(None, f"tiny-llama-{n}") for n in (1, 2))
    whole = "[0, 2]"
    assert from_yaml(sliced("slerp", whole, whole), tiny)[0] == merge("slerp", one, t=0.25)
    text = sliced("ties", whole, whole, whole, more=", parameters: {weight: 2.0, density: 0.5}")
    edit, passed = from_yaml(text, tiny)
    two_of = [model | {"weight": 2.0, "density": 0.5} for model in (one, two)]
    assert (edit, passed) == (merge("ties", *two_of), ["parameters.t"])
    nearer = sliced("slerp", whole, whole, piece="    parameters: {t: 0.75}")
    assert from_yaml(nearer, tiny)[0] == merge("slerp", one, t=0.75)


def in_two(first: str, second: str, more: str = "", also: str = "") -> str:
    pieces = "".join(
        f"  - sources: [{{model: tiny-llama, layer_range: {ends}}}, "
        f"{{model: tiny-llama-1, layer_range: {ends}}}]\n{own}"
        for ends, own in ((first, more), (second, more + also))
    )
    return f"""
slices:
{pieces}
merge_method: slerp
base_model: tiny-llama
parameters: {{t: 0.25}}
"""


def test_slices_that_are_all_layers_together_are_a_list_of_models(siblings):
    tiny, one = parse({"model": "tiny-llama"}), with_(None, "tiny-llama-1")
    assert from_yaml(in_two("[0, 1]", "[1, 2]"), tiny)[0] == merge("slerp", one, t=0.25)
    nearer = "    parameters: {t: 0.75}\n"
    assert from_yaml(in_two("[0, 1]", "[1, 2]", nearer), tiny)[0] == merge("slerp", one, t=0.75)
    along = "    parameters: {t: [0, 1]}\n"  # mergekit: from 0 to 1 in either slice
    refused = [
        ("[0, 1]", "[0, 2]"),
        ("[1, 2]", "[0, 1]"),
        ("[0, 1]", "[1, 2]", along),
        ("[0, 1]", "[1, 2]", "", nearer),
        ("[0, 1]", "[1, 1]"),
    ]
    for case in refused:
        with pytest.raises(MergeError, match="merges whole models here"):
            from_yaml(in_two(*case), tiny)


def test_all_models_values_that_are_out_of_range_are_told_at_once(siblings):
    text = """
merge_method: ties
base_model: tiny-llama
models:
  - {model: tiny-llama-1, parameters: {density: 7}}
  - {model: tiny-llama-2, parameters: {density: -1}}
"""
    with pytest.raises(MergeError, match=r"density is 7\.0.* Also: .*density is -1\.0"):
        from_yaml(text, parse({"model": "tiny-llama"}))


def test_slices_of_some_layers_are_refused_where_whole_models_are_merged(siblings):
    tiny = parse({"model": "tiny-llama"})
    for ranges in (("[0, 1]", "[0, 1]"), ("[0, 2]", "[1, 2]"), ("[0, 3]", "[0, 3]"), ("2", "2")):
        with pytest.raises(MergeError, match="one slice with the layers 0 to 2 of each"):
            from_yaml(sliced("slerp", *ranges), tiny)
    second = "  - sources: [{model: tiny-llama, layer_range: [0, 2]}]"
    with pytest.raises(MergeError, match="one slice"):
        from_yaml(sliced("slerp", "[0, 2]", "[0, 2]", piece=second), tiny)


# Stacks


def test_a_stack_whose_ends_are_the_recipes_own_says_nothing_of_them():
    own = merge("passthrough", with_(None, layers=[0, 2]), with_("pirate", layers=[1, 3]), with_(None, layers=[2, 4]))
    written = to_yaml(own, RECIPE)
    assert from_yaml(written, RECIPE)[0] == own
    assert "first slice" in written  # mergekit takes them from there, though they are the same


def test_one_model_may_pass_through():
    text = f"{{merge_method: passthrough, models: [{{model: {SMALL}+pirate}}]}}"
    assert from_yaml(text, RECIPE)[0] == merge("passthrough", PIRATE, ends="slices")


# Filters by the name of a matrix


def read_weight(*pairs):
    """A model's weight from filters and values, and a function of tensors' names from both."""
    filters = [{"filter": name, "value": value} for name, value in pairs]
    text = yaml.safe_dump(
        {"merge_method": "linear", "models": [{"model": SMALL, "parameters": {"weight": [*filters, {"value": 9.0}]}}]}
    )
    return from_yaml(text, RECIPE)[0].models[0].weight


PART_OF = {
    "model.embed_tokens.weight": "embeddings",
    "lm_head.weight": "embeddings",
    "model.norm.weight": "norms",
    "model.layers.0.input_layernorm.weight": "norms",
    "model.layers.0.post_attention_layernorm.weight": "norms",
    "model.layers.0.self_attn.q_proj.weight": "attention",
    "model.layers.0.self_attn.o_proj.weight": "attention",
    "model.layers.0.mlp.gate_proj.weight": "mlp",
    "model.layers.0.mlp.down_proj.weight": "mlp",
}


def test_of_filters_by_matrix_and_by_part_the_first_that_is_in_a_name_counts():
    names = ("norm", "self_attn", "mlp", "embed_tokens", "lm_head", "q_proj", "gate_proj", "input_layernorm")
    for chosen in itertools.permutations(names, 3):
        pairs = [(name, float(place)) for place, name in enumerate(chosen)]
        weight = read_weight(*pairs)
        for tensor, part in PART_OF.items():
            truth = next((value for name, value in pairs if name in tensor), 9.0)
            assert value_at(weight, part, 0.5, 1.0, tensor) == truth, (chosen, tensor)


# Where mergekit does otherwise


def comments(edit) -> str:
    return "\n".join(line for line in to_yaml(edit, RECIPE).splitlines() if line[0] == "#")


def test_the_yaml_and_the_page_say_where_mergekit_does_otherwise():
    dense = with_("pirate", density=0.5)
    for edit, words in [
        (merge("dare_ties", dense), "DARE here divides"),
        (merge("dare_linear", dense), "DARE here divides"),
        (merge("della", dense), "its own chance"),
        (merge("della_linear", with_("pirate", density=0.05)), "Epsilon is narrowed"),
        (merge("nuslerp", PIRATE, JSON), "takes the arc"),
        (merge("sce", PIRATE, JSON), "weighs them alike"),
        (merge("model_stock", PIRATE, JSON), "beyond it"),
        (merge("slerp", PIRATE, t=[0, 0.5, 1]), "the last value of a list"),
        (merge("linear", with_("pirate", weight={"norms": [0, 1]})), "the last value of a list"),
        (merge("arcee_fusion", PIRATE), "draws a million"),
        (merge("passthrough", with_("json", layers=[0, 2])), "from the first slice"),
    ]:
        assert words in comments(edit)
        assert yaml.safe_load(to_yaml(edit, RECIPE))["merge_method"] == edit.method
    for edit in (
        merge("linear", PIRATE),
        merge("ties", dense),
        merge("dare_ties", PIRATE),
        merge("dare_ties", dense, rescale=False),
        merge("slerp", PIRATE, t=[1, 0.5, 1]),
        merge("linear", with_("pirate", weight={"mlp": [0, 1]})),
        merge("passthrough", with_("json", layers=[0, 2]), ends="slices"),
    ):
        assert comments(edit) == ""
    told = to_yaml(merge("nuslerp", PIRATE, JSON), RECIPE, lambda message: "직선")
    assert told.endswith("# 직선\n")


# What is not supported


def config(method="ties", models="", more="", parameters=""):
    """A configuration with something added to it."""
    return f"""
merge_method: {method}
base_model: {SMALL}
models:
  - model: {SMALL}+pirate
    parameters: {{weight: 1.0{models}}}
  - model: {SMALL}+json
    parameters: {{weight: 1.0}}
parameters: {{normalize: true{parameters}}}
{more}
"""


def stack(more="", sources="", second=""):
    return f"""
merge_method: passthrough
slices:
  - sources:
      - {{model: {SMALL}, layer_range: [0, 2]{sources}}}
      {second}
    {more}
"""


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (config(more="modules: {text_decoder: {}}"), "modules"),
        (config(more="tokenizer: {tokens: {a: b}}"), "tokenizer.tokens"),
        (config(more="slices: []"), "slices (ties)"),
        (config("breadcrumbs", models=", gamma: 0.1"), "gamma (one for each model)"),
        (config("della", models=", epsilon: 0.1"), "epsilon (one for each model)"),
        (config(models=", density: [{filter: layernorm, value: 1}]"), "filter (layernorm)"),
        (config(parameters=", scale: 0.1"), "parameters.scale"),
        (config(models=", wieght: 0.1"), "models.parameters.wieght"),
        (config(models=", density: [{filter: mlp, value: 1}, {filter: c_proj, value: 1}]"), "filter (c_proj)"),
        (config(models=", density: [{when: mlp, value: 1}]"), "parameters.when"),
        (config("linear", more="").replace(f"base_model: {SMALL}", f"base_model: {OTHER}"), "base_model (linear)"),
        (config("nuslerp").replace("parameters: {normalize: true}", ""), "base_model (nuslerp)"),
        ("{merge_method: nuslerp, parameters: {nuslerp_flatten: false}, models: []}", "parameters.nuslerp_flatten"),
        (
            "{merge_method: nuslerp, base_model: a/b, models: [{model: a/b}, {model: c/d}, {model: e/f}]}",
            "base_model (nuslerp)",
        ),
        ("{merge_method: karcher, parameters: {max_iter: 3}, models: []}", "parameters.max_iter"),
        ("{merge_method: model_stock, parameters: {filter_wise: true}, models: []}", "parameters.filter_wise"),
        ("{merge_method: linear, models: [{model: a/b, revision: main}]}", "models.revision"),
        ("{merge_method: linear, models: [text]}", "models (str)"),
        ("{merge_method: linear, parameters: [1], models: []}", "parameters (list)"),
        (stack("residual_weight: 0.5"), "slices.residual_weight"),
        (stack("base_model: a/b"), "slices.base_model"),
        (stack(sources=", parameters: {scale: 0.5}"), "slices.sources.parameters"),
        (stack(second="- {model: a/b, layer_range: [0, 2]}"), "slices.sources (several in one slice)"),
        (stack() + "parameters: {scale: 0.5}", "parameters.scale"),
        (stack() + "models: [{model: a/b}]", "models (passthrough)"),
    ],
)
def test_a_key_that_is_not_supported_is_named(text, named):
    assert yaml.safe_load(text)  # the text itself is sound
    with pytest.raises(MergeError) as refused:
        from_yaml(text, RECIPE)
    assert str(refused.value).startswith(f"{named} is not supported here.")


NO_CONFIGURATION = [
    "",
    "   \n",
    "merge_method",
    "5",
    "null",
    "- merge_method: linear",
    "{}",
    "models: []",
    "merge_method: [",
    "merge_method: linear: ties",
    "\x00",
    "merge_method: linear\n\tmodels: 1",
    "{merge_method: linear, ? [a] : b}",
    "merge_method: 2024-99-99",
    "[" * 5000,
    "merge_method: &m linear\nmodels: [{model: *m}]",
    "merge_method: !!python/object/apply:os.system [echo]",
    "merge_method: linear\nmodels: !!python/name:os.system ''",
    "!!python/object:playground.engine.recipe.Recipe {merge_method: linear}",
    "merge_method: linear\n---\nmerge_method: ties",
    config() + "# " + MAX_TEXT * "x",
]


@pytest.mark.parametrize("text", NO_CONFIGURATION, ids=lambda text: repr(text[:24]))
def test_what_is_no_configuration_is_refused(text):
    with pytest.raises(MergeError, match="not a mergekit configuration"):
        from_yaml(text, RECIPE)


def test_a_configuration_may_be_long_but_not_without_end():
    text = config()
    padded = text + "#" * (MAX_TEXT - len(text))
    assert from_yaml(padded, RECIPE) == from_yaml(text, RECIPE)
    with pytest.raises(MergeError, match="not a mergekit configuration"):
        from_yaml(padded + "#", RECIPE)


@pytest.mark.parametrize("method", ["ram", "ensemble", "concat", "", "null", "5", "[linear]"])
def test_a_method_that_is_not_known_is_refused_with_those_that_are(method):
    with pytest.raises(MergeError, match="is not known here") as refused:
        from_yaml(f"{{merge_method: {method}, models: []}}", RECIPE)
    for name in (*OWN, "passthrough"):
        assert name in str(refused.value)


@pytest.mark.parametrize("models", ["null", "5", "[]", "{model: a/b}", f"[{'{model: a/b}, ' * 65}]"])
@pytest.mark.parametrize("where", ["models", "slices"])
def test_what_is_no_list_of_models_is_refused(where, models):
    method = {"models": "linear", "slices": "passthrough"}[where]
    with pytest.raises(MergeError, match=f"{where} is not a list of models"):
        from_yaml(f"{{merge_method: {method}, {where}: {models}}}", RECIPE)


@pytest.mark.parametrize("name", ["null", "''", "5", "[a]", "{model: {path: a/b}}"])
def test_a_model_without_a_name_is_refused(name):
    for text in (
        f"{{merge_method: linear, models: [{{model: {name}}}]}}",
        f"{{merge_method: passthrough, slices: [{{sources: [{{model: {name}}}]}}]}}",
    ):
        with pytest.raises(MergeError, match="has no name"):
            from_yaml(text, RECIPE)


@pytest.mark.parametrize("name", ["nosuch", "../../etc", "0f" * 16, "a/b/c", "nosuch+pirate", "+"])
def test_a_model_that_cannot_be_one_is_refused_with_those_that_are(name):
    with pytest.raises(ModelError, match="Unknown model") as refused:
        from_yaml(f"{{merge_method: linear, models: [{{model: {name}}}]}}", RECIPE)
    assert SMALL in str(refused.value)


@pytest.mark.parametrize("adapter", ["nosuch", "", "0" * 32, "pirate+json"])
def test_an_adapter_that_is_not_here_is_refused_with_those_that_are(adapter):
    with pytest.raises(MergeError, match="is not on this host") as refused:
        from_yaml(f'{{merge_method: linear, models: [{{model: "{SMALL}+{adapter}"}}]}}', RECIPE)
    assert "pirate" in str(refused.value)


@pytest.mark.parametrize(
    "density",
    [
        "11",
        "-0.1",
        "[0.5, 1.01]",
        ".nan",
        ".inf",
        "[]",
        "yes",
        "x",
        "2024-01-01",
        "{value: 1}",
        "[{filter: mlp}]",
        "[{filter: mlp, value: [{filter: norm, value: 1}]}]",
        str([1] * 65),
    ],
)
def test_a_density_that_cannot_be_is_refused(density):
    with pytest.raises(RecipeError, match=r"models\[0\]\.density |A merge's density"):
        from_yaml(config(models=f", density: {density}"), RECIPE)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (config("della", parameters=", epsilon: 2"), "epsilon is 2"),
        (config("della", parameters=", epsilon: [0, 1]"), "epsilon is"),
        (
            f"{{merge_method: sce, base_model: {SMALL}, models: [{{model: {SMALL}+pirate}}], "
            "parameters: {select_topk: -1}}",
            "select is -1",
        ),
        (config().replace("true", "5"), "normalize is 5"),
        (config(parameters=", lambda: 11"), "t is 11"),
        (stack().replace("[0, 2]", "[0]"), "models[0].layers[1] is [0]"),
        (stack().replace("[0, 2]", "[-1, 2]"), "models[0].layers[0] is -1"),
        (stack().replace("[0, 2]", "2"), "models[0].layers is 2"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_its_name(text, named):
    with pytest.raises(RecipeError) as refused:
        from_yaml(text, RECIPE)
    assert str(refused.value).startswith(f"Edit 1 (merge): {named}")


@pytest.mark.parametrize("method", ["ties", "della", "breadcrumbs"])
def test_the_base_alone_is_nothing_to_merge(method):
    text = f"{{merge_method: {method}, base_model: {SMALL}, models: [{{model: {SMALL}}}]}}"
    with pytest.raises(RecipeError, match="models is empty"):
        from_yaml(text, RECIPE)


@pytest.mark.parametrize("models", ["[{model: a/b}]", "[{model: a/b}, {model: c/d}, {model: e/f}]"])
def test_slerp_takes_a_base_and_one_other(models):
    for base in ("", ", base_model: a/b"):
        with pytest.raises(MergeError, match="from base_model to one other"):
            from_yaml(f"{{merge_method: slerp{base}, models: {models}}}", RECIPE)


# What mergekit has no words for


TWO = {"attention": 0.5, "rest": 1}
PRUNED = {"recipe": {"model": SMALL, "edits": [{"kind": "prune"}]}}
HALF = {"recipe": {"model": SMALL, "edits": [{"kind": "adapter", "source": "json", "scale": 0.5}]}}
BOTH = {"recipe": {"model": SMALL, "edits": [{"kind": "adapter", "source": name} for name in ("pirate", "json")]}}


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (merge("ensemble", PIRATE, JSON), "method: ensemble"),
        (merge("concat", PIRATE, JSON), "method: concat"),
        (merge("ties", PIRATE, targets=["mlp@0-9", "norms"]), "targets: mlp@0-9, norms"),
        (merge("dare_ties", DENSE, seed=3), "seed: 3"),
        (merge("linear", PIRATE, t=0.5), "t: 0.5"),
        (merge("sce", PIRATE, t=0.5), "t: 0.5"),
        (merge("model_stock", PIRATE, JSON, t=0.5), "t: 0.5"),
        (merge("karcher", PIRATE, t=0.5), "t: 0.5"),
        (merge("passthrough", with_(None, layers=[0, 2]), t=0.5), "t: 0.5"),
        (merge("ties", PIRATE, t=[0, 1]), "t: a list of values"),
        (merge("linear", PIRATE, t=TWO), "t: a list of values"),
        (merge("ties", PRUNED), f"a recipe: {SMALL} with prune"),
        (merge("ties", PIRATE, base=PRUNED), f"a recipe: {SMALL} with prune"),
        (merge("linear", HALF), f"a recipe: {SMALL} with adapter"),
        (merge("linear", BOTH), f"a recipe: {SMALL} with adapter, adapter"),
        (merge("passthrough", PIRATE), "layers: all of a model"),
        (merge("karcher", HEAVY, LIGHT), "weight: [0.75, 0.25]"),
        (merge("karcher", PIRATE, JSON, normalize=False), "normalize: False"),
        (merge("nuslerp", HEAVY, LIGHT, normalize=False), "normalize: False"),
        (merge("linear", PIRATE, vocabulary="by_text"), "vocabulary: by_text"),
        (merge("linear", PIRATE, PIRATE), f"models: {SMALL}+pirate, twice"),
        (merge("ties", PIRATE, with_(None)), f"models: {SMALL}, twice"),
        (merge("slerp", with_(None)), f"models: {SMALL}, twice"),
    ],
)
def test_what_mergekit_has_no_words_for_is_refused_by_name(edit, named):
    with pytest.raises(MergeError) as refused:
        to_yaml(edit, RECIPE)
    assert str(refused.value).startswith(f"mergekit has no words for {named}")


def test_a_recipe_with_more_than_an_adapter_is_no_base():
    recipe = parse({"model": SMALL, "edits": [{"kind": "prune"}]})
    with pytest.raises(MergeError, match="with prune"):
        to_yaml(merge("ties", PIRATE), recipe)


def test_a_stack_may_have_the_same_model_again_and_again():
    edit = merge("passthrough", *(with_(None, layers=[n, n + 2]) for n in (0, 1, 0)))
    assert from_yaml(to_yaml(edit, RECIPE), RECIPE)[0] == edit


def test_a_recipe_with_a_merge_in_it_is_no_model_of_mergekits():
    inner = merge("linear", PIRATE).model_dump()
    with pytest.raises(MergeError, match="with merge"):
        to_yaml(merge("ties", {"recipe": {"model": SMALL, "edits": [inner]}}), RECIPE)


def test_what_a_value_by_part_leaves_out_is_written_as_it_is_here():
    adapter = {"model": "smollm2-135m-instruct", "edits": [{"kind": "adapter", "source": "pirate"}]}
    edit = parse_edit(
        {"kind": "merge", "method": "nearswap", "models": [{"recipe": adapter}], "near": {"attention": 0.01}}
    )
    written = yaml.safe_load(to_yaml(edit, parse({"model": "smollm2-135m-instruct"})))
    assert written["parameters"]["t"][-1] == {"value": 1e-3}
