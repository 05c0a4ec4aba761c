from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch.nn.utils import prune as torch_prune

from playground.engine.build import Built, build
from playground.engine.fork import Fork
from playground.engine.measuring.measure import MAX_TEXT, shipped_text
from playground.engine.measuring.sweep import SCAN_TEXT, layer_view, scan, sweep, variations
from playground.engine.models.loader import CACHE
from playground.engine.nudging.edit import NudgeTokens
from playground.engine.pruning.edit import Prune
from playground.engine.quantizing.edit import Cast, Quantize
from playground.engine.recipe import parse, parse_edit
from playground.engine.work import Stopped, Work
from playground.errors import PlaygroundError, RecipeError

TEXT = "The cat sat on the mat while the rain fell on the roof of the house."
SCHEMES = ("int8", "int4", "int3", "int2", "ternary", "binary", "nf4", "fp4", "fp8_e4m3", "fp8_e5m2")
SPARSITIES = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
LINEAR = (
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
)


def made(*edits, model="tiny-llama") -> Built:
    return build(parse({"model": model, "edits": list(edits)}))


@torch.no_grad()
def surprise(model, tokenizer, text: str = TEXT) -> float:
    """Perplexity by transformers' own loss: right for a text of one window."""
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    assert ids.shape[1] <= 512
    return math.exp(float(model(ids, labels=ids).loss))


def pruned_by_torch(base, sparsity: float, layers=(0, 1)):
    """A copy of a llama-like model pruned by magnitude, each matrix apart, by torch itself."""
    model = copy.deepcopy(base.model)
    for layer in layers:
        for role in LINEAR:
            module = model.model.layers[layer].get_submodule(role)
            torch_prune.l1_unstructured(module, "weight", amount=sparsity)
            torch_prune.remove(module, "weight")
    return model


def zeros_of(model) -> int:
    """Counted by numpy over the distinct parameters."""
    return sum(p.numel() - np.count_nonzero(p.detach().numpy()) for p in model.parameters())


class Ear:
    """Hears the work's steps, and presses stop after some of them."""

    def __init__(self, enough: int | None = None) -> None:
        self.heard: list[tuple[int, int, str]] = []
        self.enough = enough
        self.pressed = False
        self.work = Work(lambda done, of, what: self.heard.append((done, of, str(what))), lambda: self.pressed)


# What a sweep tries


@pytest.mark.parametrize("pattern", ["unstructured", "rows", "heads", "layers"])
def test_a_pruning_is_tried_at_every_tenth(pattern):
    edit = Prune(method="wanda", pattern=pattern, targets=("mlp",), seed=3, calibration="a" * 99)
    found = variations(edit)
    assert [value for value, _ in found] == ["0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9"]
    rest = edit.model_dump() | {"sparsity": None}
    assert [e.sparsity for _, e in found] == SPARSITIES
    assert all(e.model_dump() | {"sparsity": None} == rest for _, e in found)


@pytest.mark.parametrize("pattern", ["2:4", "4:8"])
def test_a_pattern_that_has_one_sparsity_is_refused(pattern):
    with pytest.raises(PlaygroundError, match="nothing to sweep") as refused:
        variations(Prune(pattern=pattern))
    for allowed in ("unstructured", "rows", "heads", "layers", "quantization"):
        assert allowed in str(refused.value)


@pytest.mark.parametrize("edit", [Cast(), NudgeTokens(text="a", target="b")])
def test_edits_without_a_range_are_refused(edit):
    with pytest.raises(PlaygroundError, match="nothing to sweep"):
        variations(edit)


@pytest.mark.parametrize(
    "edit",
    [
        Quantize(),
        Quantize(scheme="int4", symmetric=False, group_size=128, targets=("mlp",)),
        Quantize(scheme="int8", group_size="channel", mode="packed"),
        Quantize(scheme="nf4", group_size=256, mode="packed"),
        Quantize(scheme="int3", method="gptq", calibration="x", group_size="tensor"),
    ],
)
def test_a_quantization_is_tried_in_every_scheme_with_the_rest_as_it_was(edit):
    found = variations(edit)
    assert tuple(value for value, _ in found) == tuple(e.scheme for _, e in found) == SCHEMES
    assert {(e.mode, e.symmetric) for _, e in found} == {("simulated", True)}
    for _, one in found:
        kept = ("group_size", "targets", "method", "calibration")
        assert [getattr(one, k) for k in kept] == [getattr(edit, k) for k in kept]


@pytest.mark.parametrize(
    "edit",
    [
        Prune(),
        Prune(method="sparsegpt"),
        Prune(pattern="heads", scope="global"),
        Quantize(scheme="int8", group_size="channel", mode="packed"),
        Quantize(symmetric=False, method="gptq"),
    ],
)
def test_every_variation_can_stand_in_a_recipe(edit):
    for _, one in variations(edit):
        assert parse_edit(one.model_dump(mode="json")) == one


# Sweeping


def test_a_sweep_of_sparsities_is_what_torchs_own_pruning_does(known):
    base = known["tiny-llama"]
    found = list(sweep(made(), Prune(), TEXT))
    assert [point.value for point in found] == [f"{s:g}" for s in SPARSITIES]
    weights = sum(p.numel() for p in base.model.parameters())
    for point, sparsity in zip(found, SPARSITIES, strict=True):
        model = pruned_by_torch(base, sparsity)
        expected = surprise(model, base.tokenizer)
        assert point.text.perplexity == pytest.approx(expected, rel=1e-4), point.value
        assert (point.sizes.weights, point.sizes.zeros) == (weights, zeros_of(model))
        assert point.edit == Prune(sparsity=sparsity)
    # Zeros are not savings: nothing gets smaller.
    assert len({(p.sizes.file_bytes, p.sizes.packed_bytes) for p in found}) == 1


def test_sparsity_0_is_the_model_as_it_was(known):
    base = known["tiny-llama"]
    first = next(sweep(made(), Prune(), TEXT))
    assert first.text.perplexity == pytest.approx(surprise(base.model, base.tokenizer), rel=1e-5)
    assert (first.relative_change, first.sizes.held_bytes) == (0, 0)


def test_a_sweep_goes_on_from_what_the_recipe_holds(known):
    """On a model one of whose layers was pruned before, which sparsity 0 leaves as it is."""
    base = known["tiny-llama"]
    built = made({"kind": "prune", "sparsity": 0.5, "targets": ["linear@0"]})
    half = pruned_by_torch(base, 0.5, layers=(0,))
    found = [point.text.perplexity for point in sweep(built, Prune(targets=("linear@1",)), TEXT)]
    assert found[0] == pytest.approx(surprise(half, base.tokenizer), rel=1e-4)
    both = pruned_by_torch(base, 0.5)
    assert found[5] == pytest.approx(surprise(both, base.tokenizer), rel=1e-4)


def test_a_sweep_of_schemes_has_each_ones_bits(known):
    """With a scale of 32 bits for each output row, all told."""
    base = known["tiny-llama"]
    linear = {name: p for name, p in base.model.named_parameters() if "layers" in name and p.ndim == 2}
    inside = sum(p.numel() for p in linear.values())
    rows = sum(len(p) for p in linear.values())
    weights = sum(p.numel() for p in base.model.parameters())
    nominal = {
        "int8": 8,
        "int4": 4,
        "int3": 3,
        "int2": 2,
        "ternary": math.log2(3),
        "binary": 1,
        "nf4": 4,
        "fp4": 4,
        "fp8_e4m3": 8,
        "fp8_e5m2": 8,
    }
    found = {p.value: p for p in sweep(made(), Quantize(group_size="channel"), TEXT)}
    assert set(found) == set(nominal)
    for scheme, bits in nominal.items():
        total = inside * bits + rows * 32 + (weights - inside) * 32
        assert found[scheme].sizes.effective_bits == pytest.approx(total / weights, rel=1e-4)
        held = found[scheme].sizes
        assert held.file_bytes > held.packed_bytes  # simulated: a promise, not a saving
    moved = [found[name].relative_change for name in ("int8", "int4", "int3", "int2")]
    assert moved == sorted(moved)
    assert 0 < moved[0] < 0.02 < moved[-1] < 1


def test_the_shipped_text_is_read_where_none_is_given(known):
    base = known["tiny-llama"]
    found = next(sweep(made(), Prune()))
    ids = base.tokenizer(shipped_text())["input_ids"]
    assert found.text.tokens == len(ids) - 1 > 1000


def test_forks_of_a_sweep_are_kept_by_nobody(known):
    built = made()
    total, recipe = CACHE.total(), built.recipe
    for point in sweep(built, Prune(), TEXT):
        longer = parse({"model": recipe.model, "edits": [point.edit.model_dump()]})
        assert ("fork", longer.id) not in CACHE
    assert CACHE.total() == total
    assert built.fork.bytes_held() == 0
    assert built.receipts == ()


def test_a_sweep_says_how_far_it_is_in_steps_of_its_own(known):
    ear = Ear()
    list(sweep(made(), Prune(), TEXT, ear.work))
    assert [done for done, _, _ in ear.heard] == sorted(done for done, _, _ in ear.heard)
    assert {(done, of) for done, of, _ in ear.heard} == {(n, 10) for n in range(10)}
    assert {what for done, _, what in ear.heard if done == 3} == {"0.3 (4 of 10)…"}


def test_a_sweep_that_is_stopped_has_given_the_points_so_far(known):
    ear, found = Ear(), []
    points = sweep(made(), Prune(), TEXT, ear.work)
    for point in points:
        found.append(point.value)
        ear.pressed = len(found) == 3
        if ear.pressed:
            break
    with pytest.raises(Stopped):
        next(points)
    assert found == ["0", "0.1", "0.2"]


def test_stop_reaches_into_a_point(known):
    """While an edit is being applied: not only between points."""
    ear = Ear()
    ear.work = Work(ear.work.on_step, lambda: len(ear.heard) >= 4)
    with pytest.raises(Stopped):
        list(sweep(made(), Prune(sparsity=0.5), TEXT, ear.work))
    assert len(ear.heard) == 4


@pytest.mark.parametrize("text", ["T", "x" * (MAX_TEXT + 1)])
def test_a_text_that_cannot_be_measured_on_is_refused(known, text):
    for run in (sweep, scan):
        if run is scan and len(text) > SCAN_TEXT:
            continue  # a scan reads its beginning only
        with pytest.raises(PlaygroundError, match="text"):
            list(run(made(), Prune(), text))


def test_targets_that_name_nothing_are_refused(known):
    for run in (sweep, scan):
        with pytest.raises(RecipeError, match="names no weight matrix"):
            list(run(made(), Prune(targets=("nope",)), TEXT))


# Scanning


def test_a_scan_is_the_cost_of_each_layer_alone(known):
    base = known["tiny-llama"]
    found = list(scan(made(), Prune(sparsity=0.7), TEXT))
    plain = surprise(base.model, base.tokenizer)
    for layer in (0, 1):
        one = pruned_by_torch(base, 0.7, layers=(layer,))
        expected = surprise(one, base.tokenizer) / plain
        assert found[layer].layer == layer
        assert found[layer].ratio == pytest.approx(expected, rel=1e-4)
    assert len(found) == 2
    assert found[0].ratio != found[1].ratio


def test_an_edit_that_changes_nothing_costs_nothing(known):
    assert [point.ratio for point in scan(made(), Prune(sparsity=0.0), TEXT)] == [1.0, 1.0]


def test_a_scan_measures_against_the_recipe_and_not_the_base(known):
    base = known["tiny-llama"]
    built = made({"kind": "prune", "sparsity": 0.5, "targets": ["linear@0"]})
    half = pruned_by_torch(base, 0.5, layers=(0,))
    both = pruned_by_torch(base, 0.5)
    [point] = scan(built, Prune(targets=("linear@1",)), TEXT)
    expected = surprise(both, base.tokenizer) / surprise(half, base.tokenizer)
    assert (point.layer, point.ratio) == (1, pytest.approx(expected, rel=1e-4))


@pytest.mark.parametrize(
    ("targets", "layers"),
    [
        (("linear",), [0, 1]),
        (("linear@1",), [1]),
        (("mlp@0", "attention@1"), [0, 1]),
        (("embeddings", "mlp@1"), [1]),
        (("*.q_proj.weight",), [0, 1]),
    ],
)
def test_a_scan_goes_through_the_layers_that_the_targets_name(known, targets, layers):
    built = made(model="tiny-llama-untied")
    found = scan(built, Quantize(scheme="int2", targets=targets), TEXT)
    assert [point.layer for point in found] == layers


def test_a_scan_leaves_the_embedding_alone(known):
    """Else every layer's figure would have the embedding's cost in it."""
    built = made(model="tiny-llama-untied")
    edit = Quantize(scheme="int2")
    with_, without = (
        [point.ratio for point in scan(built, edit.model_copy(update={"targets": targets}), TEXT)]
        for targets in (("linear", "embeddings"), ("linear",))
    )
    assert with_ == without


def test_layers_that_were_taken_out_are_not_scanned(known):
    built = made({"kind": "prune", "pattern": "layers", "sparsity": 0.5})
    [gone] = built.fork.dropped
    [point] = scan(built, Quantize(scheme="int2"), TEXT)
    assert point.layer == 1 - gone


@pytest.mark.parametrize("edit", [Cast(), NudgeTokens(text="a", target="b"), Prune(pattern="layers")])
def test_edits_that_cannot_be_made_to_one_layer_are_refused(known, edit):
    with pytest.raises(RecipeError, match="one layer at a time"):
        list(scan(made(), edit, TEXT))


def test_a_scan_of_the_embedding_alone_is_refused(known):
    with pytest.raises(RecipeError, match="nothing inside a layer"):
        list(scan(made(), Quantize(targets=("embeddings",)), TEXT))


@pytest.mark.parametrize("pattern", ["unstructured", "2:4", "4:8", "rows", "heads"])
def test_every_other_pattern_can_be_scanned(known, pattern):
    found = list(scan(made(), Prune(pattern=pattern), TEXT))
    assert [point.layer for point in found] == [0, 1]
    assert all(point.ratio > 0 for point in found)


def test_a_scan_reads_the_beginning_of_a_long_text(known):
    long = shipped_text()
    assert len(long) > SCAN_TEXT
    whole, cut = ([point.ratio for point in scan(made(), Prune(), text)] for text in (long, long[:SCAN_TEXT]))
    assert whole == cut == [point.ratio for point in scan(made(), Prune())]
    assert whole != [point.ratio for point in scan(made(), Prune(), long[SCAN_TEXT:])]


def test_a_scan_that_is_stopped_has_given_the_layers_so_far(known):
    ear = Ear()
    points = scan(made(), Prune(), TEXT, ear.work)
    assert next(points).layer == 0
    ear.pressed = True
    with pytest.raises(Stopped):
        next(points)


def test_a_scan_says_which_layer_it_is_at(known):
    ear = Ear()
    list(scan(made(), Prune(), TEXT, ear.work))
    assert {"Layer 1 of 2…", "Layer 2 of 2…"} <= {what for _, _, what in ear.heard}


# The layer view


def by_place(cells) -> dict[tuple[int, str], float | None]:
    return {(cell.layer, cell.role): cell.value for cell in cells}


def arrays(base, fork) -> dict[tuple[int, str], tuple[np.ndarray, np.ndarray]]:
    """Every linear matrix of a llama-like model before and after, in float64."""
    return {
        (layer, role): tuple(
            model.model.layers[layer].get_submodule(role).weight.double().numpy() for model in (base.model, fork.model)
        )
        for layer in (0, 1)
        for role in LINEAR
    }


def test_the_base_beside_itself_has_no_change_and_no_zeros(layout):
    for by in ("change", "zeros"):
        cells = layer_view(Fork(layout), Fork(layout), by)
        assert {cell.value for cell in cells} == {0.0}
        assert {cell.layer for cell in cells} == {0, 1}
        assert len(by_place(cells)) == len(cells)  # each once


def test_change_is_the_norm_of_the_change_over_that_of_the_bases(llama):
    fork = Fork(llama)
    Quantize(scheme="int3", targets=("mlp", "*.q_proj.weight@1")).apply(fork)
    found = by_place(layer_view(Fork(llama), fork, "change"))
    expected = {
        place: np.linalg.norm(new - old) / np.linalg.norm(old) for place, (old, new) in arrays(llama, fork).items()
    }
    assert set(found) == set(expected)
    for place, value in expected.items():
        assert found[place] == pytest.approx(value, rel=1e-4), place
    assert sum(value > 0 for value in found.values()) == 7


def test_zeros_are_counted_in_each_matrix(llama):
    fork = Fork(llama)
    Prune(sparsity=0.3, scope="global").apply(fork)
    found = by_place(layer_view(Fork(llama), fork, "zeros"))
    for place, (_, new) in arrays(llama, fork).items():
        assert found[place] == pytest.approx((new == 0).mean(), abs=1e-9), place
    assert len(set(found.values())) > 2


def test_a_layer_that_was_taken_out_has_no_value(llama):
    fork = Fork(llama)
    fork.drop_layer("model.layers", 0)
    for by in ("change", "zeros"):
        found = by_place(layer_view(Fork(llama), fork, by))
        assert {found[0, role] for role in LINEAR} == {None}
        assert {found[1, role] for role in LINEAR} == {0.0}


def test_packed_layers_are_seen_as_what_their_codes_stand_for(llama):
    packed, simulated = Fork(llama), Fork(llama)
    quantize = Quantize(scheme="int8", group_size="channel")
    quantize.model_copy(update={"mode": "llm_int8"}).apply(packed)
    quantize.apply(simulated)
    found, expected = (by_place(layer_view(Fork(llama), f, "change")) for f in (packed, simulated))
    assert found == pytest.approx(expected, rel=1e-2)
    assert min(found.values()) > 0


def test_a_view_changes_nothing(llama):
    fork = Fork(llama)
    Prune().apply(fork)
    held = fork.bytes_held()
    for by in ("change", "zeros"):
        assert layer_view(Fork(llama), fork, by) == layer_view(Fork(llama), fork, by)
    assert fork.bytes_held() == held


def test_a_matrix_of_zeros_in_the_base_is_no_division_by_zero(tiny):
    base = tiny.fresh("tiny-llama")
    name = "model.layers.0.mlp.up_proj.weight"
    base.model.get_parameter(name).data.zero_()
    fork = Fork(base)
    fork.replace(name, torch.zeros(48, 32))
    found = by_place(layer_view(Fork(base), fork, "change"))
    assert found[0, "mlp.up_proj"] == 0
    assert by_place(layer_view(Fork(base), fork, "zeros"))[0, "mlp.up_proj"] == 1
