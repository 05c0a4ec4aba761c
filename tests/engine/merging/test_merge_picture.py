"""Pictures of a merge: numbers counted by numpy from the models' own weights."""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np
import pytest
import torch
from merge_made import METHODS, merge, named, numpy_of, of, pruned, recipe, weights, weights_of

from playground.engine.build import build
from playground.engine.fork import Fork
from playground.engine.fork.structure import Parameter
from playground.engine.merging import picture as drawing
from playground.engine.merging.method import seed_of
from playground.engine.merging.picture import BINS, likeness, picture, sign_agreement
from playground.engine.recipe import parse, parse_edit
from playground.engine.work import Stopped, Work
from playground.errors import RecipeError

NAME = "model.layers.1.mlp.up_proj.weight"
UNTHINNED = [name for name, method in METHODS.items() if "density" not in method.uses]


@pytest.fixture(autouse=True)
def bins_over_all_of_it(request, monkeypatch):
    """So that every number can be counted where it is."""
    if "outermost" not in request.node.name:
        monkeypatch.setattr(drawing, "WITHIN", 1.0)


def test_the_outermost_bins_hold_what_lies_far_out(known):
    found = drawn(of(recipe(pruned(1))), method="linear")
    [change] = found.changes
    values = delta_of_pruned()
    reach = np.sort(np.abs(values[values != 0]))[int(drawing.WITHIN * (values != 0).sum()) - 1]
    assert found.edges[-1] == pytest.approx(reach)
    assert sum(change.counts) == (values != 0).sum()
    assert change.counts[0] + change.counts[-1] >= (np.abs(values) > reach).sum() > 0


def delta_of_pruned():
    return weights_of(recipe(pruned(1)))[NAME] - weights_of(recipe())[NAME]


def drawn(*models, method="ties", name=NAME, model="tiny-llama", edits=(), **more):
    """The picture of one tensor in a merge on a recipe."""
    edit = parse_edit(merge(*models, method=method, **more))
    with ExitStack() as stack:
        base, parents = edit.opened(build(parse(recipe(*edits, model=model))).fork, stack)
        return picture(base, parents, edit, name)


def delta(number, name=NAME, model="tiny-llama"):
    """What a sibling changes in one tensor."""
    return weights_of(recipe(model=f"{model}-{number}"))[name] - weights_of(recipe(model=model))[name]


def merged(*models, name=NAME, **more):
    """What the merge itself changes in one tensor."""
    after = weights_of(recipe(merge(*models, **more)))
    return after[name] - weights_of(recipe())[name]


def histogram(values, edges):
    return tuple(np.histogram(values[values != 0], np.asarray(edges))[0])


# One tensor


@pytest.mark.parametrize("name", [NAME, "model.embed_tokens.weight", "model.norm.weight"])
def test_each_models_change_is_counted_in_bins_around_zero(siblings, name):
    found = drawn(of("tiny-llama-1"), of("tiny-llama-2"), name=name)
    deltas = [delta(n, name) for n in (1, 2)]
    assert found.name == name
    assert len(found.edges) == BINS + 1
    most = max(abs(one).max() for one in deltas)
    assert found.edges == pytest.approx(np.linspace(-most, most, BINS + 1), rel=1e-5, abs=1e-7)
    for change, one in zip(found.changes, deltas, strict=True):
        assert sum(change.counts) == np.count_nonzero(one) == one.size
        assert change.counts == histogram(one, np.linspace(-most, most, BINS + 1))
        assert change.norm == pytest.approx(np.linalg.norm(one), rel=1e-5)
    assert [change.label for change in found.changes] == ["tiny-llama-1", "tiny-llama-2"]


def test_every_layout_can_be_drawn(layout, siblings):
    model = layout.entry.id
    for name in named(layout):
        found = drawn(of(f"{model}-1"), name=name, model=model, method="linear")
        most = found.edges[-1]
        expected = histogram(delta(1, name, model), np.linspace(-most, most, BINS + 1))
        assert np.abs(np.subtract(found.changes[0].counts, expected)).sum() <= 2, name


@pytest.mark.parametrize("method", METHODS)
def test_what_comes_of_it_is_what_the_merge_changes(siblings, method):
    models = [of(f"tiny-llama-{n}", weight=0.7, density=0.6) for n in (1, 2)]
    models = models[: METHODS[method].models[1]]
    found = drawn(*models, method=method)
    change = merged(*models, method=method)
    assert np.abs(np.subtract(found.merged, histogram(change, found.edges))).sum() <= 4
    assert sum(found.merged) == np.count_nonzero(change) > 0


def test_at_the_start_of_the_path_nothing_comes_of_it(siblings):
    found = drawn(of("tiny-llama-1"), method="linear", t=0.0)
    assert sum(found.merged) == 0
    assert sum(found.changes[0].counts) == sum(found.changes[0].kept) > 0


def test_a_merge_that_goes_further_than_its_models_widens_the_bins(siblings):
    found = drawn(of("tiny-llama-1", weight=3.0), method="task_arithmetic")
    assert found.edges[-1] == pytest.approx(3 * abs(delta(1)).max(), rel=1e-5)
    assert sum(found.merged) == delta(1).size


def test_a_tensor_that_no_model_changes_is_drawn_empty(known):
    """In a recipe that leaves the second layer alone."""
    found = drawn(of(recipe(pruned(targets=["mlp@0"]))), of("tiny-llama"))
    for change in found.changes:
        assert (change.norm, change.kept_share) == (0, 0)
        assert sum(change.counts) == sum(change.kept) == 0
    assert sum(found.merged) == 0
    assert found.agreement is None
    assert (found.edges[0], found.edges[-1]) == (-1, 1)


# What is kept


@pytest.mark.parametrize("density", [0.0, 0.1, 0.5, 0.77, 1.0])
def test_ties_keeps_the_largest(siblings, density):
    change = drawn(of("tiny-llama-1", density=density)).changes[0]
    one = delta(1)
    count = int(density * one.size)
    assert change.kept_share == count / one.size
    kept = np.where(abs(one) >= np.sort(abs(one), axis=None)[one.size - count], one, 0) if count else one * 0
    most = abs(one).max()
    assert change.kept == histogram(kept, np.linspace(-most, most, BINS + 1))


@pytest.mark.parametrize(("density", "gamma"), [(0.5, 0.1), (0.9, 0.01), (0.9, 0.5), (0.3, 0.0)])
def test_breadcrumbs_keeps_the_middle(siblings, density, gamma):
    found = drawn(of("tiny-llama-1", density=density), method="breadcrumbs", gamma=gamma)
    one = delta(1)
    count = int(density * one.size)
    top = min(int(gamma * one.size), one.size - count)
    order = np.sort(abs(one), axis=None)[::-1]
    kept = np.where((abs(one) <= order[top]) & (abs(one) >= order[top + count - 1]), one, 0)
    most = abs(one).max()
    assert found.changes[0].kept_share == count / one.size
    assert found.changes[0].kept == histogram(kept, np.linspace(-most, most, BINS + 1))


@pytest.mark.parametrize("method", ["dare_linear", "dare_ties", "della"])
@pytest.mark.parametrize("density", [0.0, 0.25, 0.5, 1.0])
def test_what_is_dropped_at_random_is_what_the_merge_drops(siblings, method, density):
    given = {"method": method, "normalize": False, "seed": 5}
    found = drawn(of("tiny-llama-1", density=density), **given)
    [change] = found.changes
    real = merged(of("tiny-llama-1", density=density), **given)
    assert change.kept_share == np.count_nonzero(real) / real.size
    spread = np.sqrt(density * (1 - density) / real.size)
    assert abs(change.kept_share - density) <= 5 * spread
    assert change.kept == found.merged  # with the one model, whole, there is nothing to add


def test_another_seed_and_another_place_drop_others(siblings):
    one = of("tiny-llama-1", density=0.5)
    first, again, other = (drawn(one, method="dare_linear", seed=n).changes[0] for n in (1, 1, 2))
    assert first == again
    assert first.kept != other.kept
    both = drawn(one, one, method="dare_linear", seed=1).changes
    assert both[0].kept_share == first.kept_share != both[1].kept_share


@pytest.mark.parametrize("method", UNTHINNED)
def test_a_method_that_thins_nothing_out_keeps_all(siblings, method):
    models = [of(f"tiny-llama-{n}", density=0.1) for n in (1, 2)][: METHODS[method].models[1]]
    for change in drawn(*models, method=method).changes:
        assert change.kept == change.counts
        assert change.kept_share == 1


def test_values_along_the_layers_count_for_the_tensors_own_layer(siblings):
    for layer, share in ((0, 0.0), (1, 1.0)):
        name = f"model.layers.{layer}.mlp.up_proj.weight"
        found = drawn(of("tiny-llama-1", density=[0, 1]), name=name)
        assert found.changes[0].kept_share == share
    by_part = {"mlp": 0.0, "rest": 1.0}
    for name, share in ((NAME, 0.0), (NAME.replace("mlp.up", "self_attn.q"), 1.0)):
        found = drawn(of("tiny-llama-1", density=by_part), name=name)
        assert found.changes[0].kept_share == share


def test_changes_are_counted_from_the_base_that_is_named(siblings):
    found = drawn(of("tiny-llama-1"), base=of("tiny-llama-2"))
    assert found.changes[0].norm == pytest.approx(np.linalg.norm(delta(1) - delta(2)), rel=1e-5)
    on_top = drawn(of("tiny-llama-1"), edits=[pruned()])
    start = weights_of(recipe(pruned()))[NAME]
    expected = np.linalg.norm(weights_of(recipe(model="tiny-llama-1"))[NAME] - start)
    assert on_top.changes[0].norm == pytest.approx(expected, rel=1e-5)


# Agreement


def numbers(*rows):
    return [torch.tensor(row, dtype=torch.float32) for row in rows]


@pytest.mark.parametrize(
    ("rows", "share"),
    [
        # Of the four places that two or three change, the first and the last agree.
        ([[1, 2, -1, 0, -1], [3, -1, 1, 5, -2], [0, 0, 0, 0, -3]], 2 / 4),
        ([[1, -1], [2, -2]], 1.0),
        ([[1, -1], [-2, 2]], 0.0),
        ([[1, 1, 1], [1, 1, 1], [1, 1, -1]], 2 / 3),
        ([[1, 0], [0, 1]], None),
        ([[0, 0], [0, 0]], None),
        ([[1, -1]], None),
        ([[], []], None),
        ([[1e-30], [-1e-30]], 0.0),
        ([[1]] * 8, 1.0),
    ],
)
def test_agreement_is_the_share_of_places_changed_by_two_or_more_that_have_one_sign(rows, share):
    assert sign_agreement(numbers(*rows)) == share


def test_agreement_is_of_what_is_kept(siblings):
    models = of("tiny-llama-1", density=0.3), of("tiny-llama-2", density=0.3)
    kept = []
    for n in (1, 2):
        one = delta(n)
        limit = np.sort(abs(one), axis=None)[one.size - int(0.3 * one.size)]
        kept.append(np.where(abs(one) >= limit, one, 0))
    both = (kept[0] != 0) & (kept[1] != 0)
    expected = (np.sign(kept[0]) == np.sign(kept[1]))[both].mean()
    assert drawn(*models).agreement == pytest.approx(expected)
    assert drawn(models[0]).agreement is None


# Likeness


def alike(first, second, model="tiny-llama", **more):
    edit = parse_edit(merge(first, second))
    with ExitStack() as stack:
        base, parents = edit.opened(build(parse(recipe(model=model))).fork, stack)
        return likeness(base, *parents, **more)


def test_likeness_is_the_cosine_of_every_matrix_in_the_layers(layout, siblings):
    model = layout.entry.id
    start, one, two = (weights_of(recipe(model=name)) for name in (model, f"{model}-1", f"{model}-2"))
    found = alike(of(f"{model}-1"), of(f"{model}-2"), model)
    expected = []
    for name, value in start.items():
        if value.ndim == 2 and any(f".{layer}." in name for layer in (0, 1)):
            a, b = (other[name] - value for other in (one, two))
            expected.append((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))
    assert [cell.cosine for cell in found] == pytest.approx(expected, abs=1e-5)
    assert {cell.layer for cell in found} == {0, 1}
    assert len({(cell.layer, cell.role) for cell in found}) == len(found)


def test_a_model_is_like_itself_and_unlike_its_opposite(known):
    """Pruning by other seeds changes other places: nothing is shared by chance alone."""
    half = of(recipe(pruned()))
    assert [cell.cosine for cell in alike(half, half)] == pytest.approx([1.0] * 14, abs=1e-6)
    away = parse_edit(merge(half, method="task_arithmetic")).model_dump()
    away["models"][0]["weight"] = -1.0
    opposite = of(recipe(away))
    assert [c.cosine for c in alike(half, opposite)] == pytest.approx([-1.0] * 14, abs=1e-5)


def test_where_one_changes_nothing_there_is_no_likeness(known):
    first = of(recipe(pruned(targets=["mlp@0", "attention@1"])))
    found = alike(first, of(recipe(pruned(seed=2, targets=["mlp"]))))
    defined = {(cell.layer, cell.role) for cell in found if cell.cosine is not None}
    assert defined == {(0, f"mlp.{name}_proj") for name in ("gate", "up", "down")}
    assert len(found) == 14
    assert all(cell.cosine is None for cell in alike(first, of("tiny-llama")))


def test_looking_for_likeness_says_where_it_is_and_can_be_stopped(known):
    half, heard = of(recipe(pruned())), []
    alike(half, half, work=Work(lambda done, of, what: heard.append((done, of, str(what)))))
    assert [(done, of) for done, of, _ in heard] == [(n, 14) for n in range(14)]
    assert NAME in heard[12][2]
    pressed = Work(lambda *step: heard.append(step), lambda: len(heard) >= 17)
    with pytest.raises(Stopped):
        alike(half, half, work=pressed)
    assert len(heard) == 17


# What is left as it was


def test_drawing_changes_nothing(siblings, known):
    base = known["tiny-llama"]
    before = weights(Fork(base))
    edit = parse_edit(merge(of("tiny-llama-1"), of("tiny-llama-2"), method="della"))
    with ExitStack() as stack:
        own, parents = edit.opened(Fork(base), stack)
        started = [numpy_of(parent.tensor(NAME))[0] for parent in parents]
        for name in named(base):
            picture(own, parents, edit, name)
        likeness(own, *parents)
        for parent, start in zip(parents, started, strict=True):
            assert np.array_equal(numpy_of(parent.tensor(NAME))[0], start)
    after = weights(Fork(base))
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_weights_that_cannot_be_normalized_are_refused(siblings):
    with pytest.raises(RecipeError, match="sum to 0"):
        drawn(of("tiny-llama-1", weight=0.0), of("tiny-llama-2", weight=0.0), method="linear")


def test_a_plan_is_the_edits_own():
    given = {"weight": [0, 1], "density": 0.5}
    edit = parse_edit(
        merge(
            of("tiny-llama", **given),
            method="della",
            t=0.5,
            epsilon=0.2,
            gamma=0.1,
            select=0.7,
            seed=3,
            normalize=False,
        )
    )
    told = edit.options(Parameter("a", "mlp", 0), 0.25)
    mine = {name: told[name] for name in METHODS["della"].uses}
    assert mine == {
        "weight": [0.25],
        "density": [0.5],
        "normalize": False,
        "epsilon": 0.2,
        "seed": seed_of(3, "a"),
        "rescale": True,
    }
    assert told["t"] == 0.5
