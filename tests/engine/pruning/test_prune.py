from __future__ import annotations

import copy
import hashlib
import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.nn.utils import prune as torch_prune
from transformers.pytorch_utils import Conv1D

from playground.engine.build import Built, build, extended, is_quick
from playground.engine.decoding.batches import decode
from playground.engine.decoding.generate import Sampling
from playground.engine.fork import Fork
from playground.engine.fork.structure import layers, matrices, select
from playground.engine.measuring.calibration import LONGEST, SINK
from playground.engine.models.loader import CACHE
from playground.engine.pruning.edit import Prune
from playground.engine.quantizing.second_order import sparsegpt
from playground.engine.recipe import Recipe, parse, parse_edit
from playground.engine.work import Stopped, Work
from playground.errors import RecipeError

TEXT = (
    "The capital of France is Paris, and the capital of Italy is Rome. The cat sat on the mat "
    "while the rain fell on the roof of the house, one token at a time."
)
METHODS = ("magnitude", "random", "wanda", "taylor", "sparsegpt")
PATTERNS = ("unstructured", "2:4", "4:8", "rows", "heads", "layers")
FEW = ("tiny-llama", "tiny-gpt2-layout", "tiny-opt")  # tied; stored across; ReLU and biases
END = 1  # the tests' end token


def prune(**values):
    return parse_edit({"kind": "prune", "calibration": TEXT} | values)


def pruned(base_or_fork, **values) -> Fork:
    fork = base_or_fork.clone() if isinstance(base_or_fork, Fork) else Fork(base_or_fork)
    prune(**values).apply(fork)
    return fork


def combinations() -> list[tuple[str, str]]:
    return [
        (method, pattern)
        for method in METHODS
        for pattern in PATTERNS
        if method != "sparsegpt" or pattern in ("unstructured", "2:4", "4:8")
    ]


def every_method_and_pattern() -> list[tuple[str, str]]:
    """Each of them once or more, not each with each."""
    return [pair for pair in combinations() if "magnitude" in pair or "unstructured" in pair]


def oriented(base, name: str, tensor: torch.Tensor) -> np.ndarray:
    """(out, in) in float64: only GPT-2's Conv1D stores its weights the other way round."""
    module = base.model.get_submodule(name.rpartition(".")[0])
    array = tensor.detach().double().numpy()
    return array.T if isinstance(module, Conv1D) else array


def before_and_after(fork, targets=("linear",)) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The targets as the base has them and as the fork does, (out, in)."""
    return {
        m.name: tuple(
            oriented(fork.base, m.name, tensor)
            for tensor in (fork.base.model.get_parameter(m.name), fork.tensor(m.name))
        )
        for m in select(fork, targets)
    }


def is_lowest(dropped: np.ndarray, scores: np.ndarray, count: int) -> None:
    """What was dropped are ``count`` of the lowest scores, up to the rounding of the scores."""
    assert int(dropped.sum()) == count
    if 0 < count < dropped.size:
        assert scores[dropped].max() <= scores[~dropped].min() * (1 + 1e-3)


def masked_only(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """The mask of zeros; everything else must be as it was, and nothing was zero before."""
    zeros = new == 0
    assert (old != 0).all()
    np.testing.assert_array_equal(new[~zeros], old[~zeros])
    return zeros


def checksum(base) -> str:
    digest = hashlib.sha256()
    for _, tensor in base.tensors():
        digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def weights_of(fork) -> dict[str, torch.Tensor]:
    return {m.name: fork.tensor(m.name) for m in matrices(fork)}


@pytest.fixture(autouse=True)
def nothing_kept():
    CACHE.clear()
    yield
    CACHE.clear()


# Nothing, and everything


def recipe_of(*edits, model="tiny-llama"):
    return parse({"model": model, "edits": [{"calibration": TEXT} | edit for edit in edits]})


@pytest.mark.parametrize(("method", "pattern"), every_method_and_pattern())
def test_sparsity_0_changes_nothing_and_says_so(known, method, pattern):
    edit = {"kind": "prune", "method": method, "pattern": pattern, "sparsity": 0}
    built = build(recipe_of(edit))
    (receipt,) = built.receipts
    assert receipt.relative_change == 0
    assert receipt.bytes == built.fork.bytes_held() == 0
    assert str(receipt.warnings[0]).startswith("This edit changed nothing")
    base = Fork(known["tiny-llama"])
    assert all(torch.equal(t, base.tensor(n)) for n, t in weights_of(built.fork).items())


@pytest.mark.parametrize(("method", "pattern"), [c for c in combinations() if c[1] in ("unstructured", "rows")])
@pytest.mark.parametrize("name", FEW)
def test_sparsity_1_leaves_only_zeros_and_says_so(tiny, name, method, pattern):
    layout = tiny[name]
    edit = prune(method=method, pattern=pattern, sparsity=1, targets=["linear"])
    built = extended(Built(Recipe(model="m"), Fork(layout), ()), edit)
    assert not any(built.fork.tensor(m.name).any() for m in select(built.fork, ["linear"]))
    (receipt,) = built.receipts
    assert receipt.relative_change == pytest.approx(1)
    assert any("leaves nothing" in str(warning) for warning in receipt.warnings)


def test_sparsity_1_of_heads_and_of_layers(llama, logits):
    heads = pruned(llama, pattern="heads", sparsity=1)
    assert not heads.tensor("model.layers.0.self_attn.o_proj.weight").any()
    assert heads.tensor("model.layers.0.self_attn.q_proj.weight").all()
    gone = pruned(llama, pattern="layers", sparsity=1)
    assert [m.name for m in matrices(gone)] == ["model.embed_tokens.weight", "lm_head.weight"]
    assert logits(gone, [5, 6]).isfinite().all()


@pytest.mark.parametrize(("method", "pattern"), every_method_and_pattern())
def test_an_all_zero_matrix_is_pruned_to_itself(llama, method, pattern):
    fork = Fork(llama)
    for matrix in select(fork, ["attention@0"]):
        fork.replace(matrix.name, torch.zeros(matrix.shape))
    after = pruned(fork, method=method, pattern=pattern, targets=["attention@0"], sparsity=0.5)
    for matrix in select(Fork(llama), ["attention@0"]):
        if after.has(matrix.name):
            assert not after.tensor(matrix.name).any()


# Magnitude, against torch.nn.utils.prune


def modules_of(model: nn.Module, fork, targets) -> dict[str, nn.Module]:
    return {m.name: model.get_submodule(m.name.removesuffix(".weight")) for m in select(fork, targets)}


@pytest.mark.parametrize("sparsity", [0.01, 0.5])
def test_magnitude_is_l1_unstructured_on_every_layout(layout, sparsity):
    fork, plain = pruned(layout, sparsity=sparsity), copy.deepcopy(layout.model)
    for name, module in modules_of(plain, fork, ["linear"]).items():
        torch_prune.l1_unstructured(module, "weight", amount=sparsity)
        assert torch.equal(fork.tensor(name), module.weight), name


@pytest.mark.parametrize("targets", [("linear",), ("linear", "lm_head*"), ("attention@1",)])
def test_magnitude_over_all_targets_is_global_unstructured(layout, targets):
    fork, plain = pruned(layout, scope="global", targets=targets), copy.deepcopy(layout.model)
    modules = modules_of(plain, fork, targets)
    torch_prune.global_unstructured(
        [(module, "weight") for module in modules.values()], torch_prune.L1Unstructured, amount=0.5
    )
    for name, module in modules.items():
        assert torch.equal(fork.tensor(name), module.weight), name


@pytest.mark.parametrize("sparsity", [0.5])
def test_rows_are_those_of_ln_structured(layout, sparsity):
    """An output is a row of a Linear and a column of GPT-2's Conv1D."""
    fork = pruned(layout, pattern="rows", sparsity=sparsity)
    plain = copy.deepcopy(layout.model)
    for name, module in modules_of(plain, fork, ["linear"]).items():
        dim = 1 if isinstance(module, Conv1D) else 0
        torch_prune.ln_structured(module, "weight", amount=sparsity, n=2, dim=dim)
        assert torch.equal(fork.tensor(name), module.weight), name


def test_rows_over_all_targets_have_the_lowest_norms_of_all(layout):
    found = before_and_after(pruned(layout, pattern="rows", scope="global", sparsity=0.4))
    norms, gone = [], []
    for old, new in found.values():
        empty = (new == 0).all(axis=1)
        np.testing.assert_array_equal(new[~empty], old[~empty])
        norms.append(np.linalg.norm(old, axis=1))
        gone.append(empty)
    total = sum(map(len, norms))
    is_lowest(np.concatenate(gone), np.concatenate(norms), round(0.4 * total))


@pytest.mark.parametrize("sparsity", [0.25])
def test_each_row_loses_its_lowest_along_its_inputs(layout, sparsity):
    fork = pruned(layout, scope="row", sparsity=sparsity)
    for old, new in before_and_after(fork).values():
        dropped = masked_only(old, new)
        for row, mask in zip(old, dropped, strict=True):
            is_lowest(mask, np.abs(row), round(sparsity * len(row)))


@pytest.mark.parametrize(("pattern", "drop", "group"), [("2:4", 2, 4), ("4:8", 4, 8)])
def test_n_of_m_goes_along_the_inputs(layout, pattern, drop, group):
    """What a GPU's sparse product wants; GPT-2 stores that direction as columns."""
    for old, new in before_and_after(pruned(layout, pattern=pattern)).values():
        dropped = masked_only(old, new)
        for row in range(old.shape[0]):
            for first in range(0, old.shape[1], group):
                places = slice(first, first + group)
                is_lowest(dropped[row, places], np.abs(old[row, places]), drop)


# Wanda and Taylor, from their papers in float64


def float64_model(base) -> nn.Module:
    return copy.deepcopy(base.model).double()


def inputs_by_hooks(base, names) -> dict[str, np.ndarray]:
    """What reaches each matrix in a plain float64 copy, (tokens, in)."""
    model, seen = float64_model(base), {}
    for name in names:
        model.get_submodule(name.removesuffix(".weight")).register_forward_pre_hook(
            lambda module, given, name=name: seen.update(
                {name: given[0].detach().reshape(-1, given[0].shape[-1]).numpy()}
            )
        )
    ids = torch.tensor([base.tokenizer(TEXT)["input_ids"]])
    assert 16 <= ids.shape[1] <= 512
    with torch.no_grad():
        model(input_ids=ids, use_cache=False)
    return seen


def wanda_by_loops(base, names) -> dict[str, np.ndarray]:
    """Sun et al. 2024, equation 1: S_ij = |W_ij| ||X_j||_2."""
    scores = {}
    for name, seen in inputs_by_hooks(base, names).items():
        weight = oriented(base, name, base.model.get_parameter(name))
        norms = [sum(x * x for x in column) ** 0.5 for column in seen.T.tolist()]
        scores[name] = np.array([[abs(w) * n for w, n in zip(row, norms, strict=True)] for row in weight.tolist()])
    return scores


def taylor_by_autograd(base, names) -> dict[str, np.ndarray]:
    """Molchanov et al. 2017: |w dL/dw|, L the mean loss of the next tokens."""
    model = float64_model(base)
    parameters = {name: model.get_parameter(name) for name in names}
    for parameter in parameters.values():
        parameter.requires_grad_(True)
    ids = torch.tensor([base.tokenizer(TEXT)["input_ids"]])
    logits = model(input_ids=ids, use_cache=False).logits[0, :-1]
    F.cross_entropy(logits, ids[0, 1:]).backward()
    return {name: np.abs(oriented(base, name, p * p.grad)) for name, p in parameters.items()}


SCORES = {"wanda": wanda_by_loops, "taylor": taylor_by_autograd}


@pytest.mark.parametrize("sparsity", [0.3])
def test_wanda_drops_the_lowest_of_each_row(layout, sparsity):
    found = before_and_after(pruned(layout, method="wanda", sparsity=sparsity))
    for name, scores in wanda_by_loops(layout, found).items():
        dropped = masked_only(*found[name])
        for mask, row in zip(dropped, scores, strict=True):
            is_lowest(mask, row, round(sparsity * len(row)))


@pytest.mark.parametrize("sparsity", [0.3])
def test_taylor_drops_the_lowest_of_each_matrix(layout, sparsity):
    targets = ["linear", "embeddings"]
    fork = pruned(layout, method="taylor", sparsity=sparsity, targets=targets)
    found = before_and_after(fork, targets)
    for name, scores in taylor_by_autograd(layout, found).items():
        is_lowest(masked_only(*found[name]), scores, round(sparsity * scores.size))


def test_the_two_scores_choose_otherwise_than_magnitude_does(layout):
    plain = weights_of(pruned(layout, scope="row"))
    for method in ("wanda", "taylor"):
        other = weights_of(pruned(layout, method=method, scope="row"))
        assert not all(torch.equal(plain[name], other[name]) for name in plain)


@pytest.mark.parametrize("method", SCORES)
@pytest.mark.parametrize("name", ["tiny-llama", "tiny-gpt2-layout"])
def test_every_scope_compares_what_it_says(tiny, method, name):
    base = tiny[name]
    found = {s: before_and_after(pruned(base, method=method, scope=s)) for s in ("tensor", "row", "global")}
    scores = SCORES[method](base, found["row"])
    dropped = {s: {n: masked_only(*pair) for n, pair in f.items()} for s, f in found.items()}
    for matrix, mine in scores.items():
        is_lowest(dropped["tensor"][matrix], mine, round(0.5 * mine.size))
        for mask, row in zip(dropped["row"][matrix], mine, strict=True):
            is_lowest(mask, row, len(row) // 2)
    together = np.concatenate([s.ravel() for s in scores.values()])
    masks = np.concatenate([dropped["global"][n].ravel() for n in scores])
    is_lowest(masks, together, round(0.5 * together.size))


@pytest.mark.parametrize("method", SCORES)
@pytest.mark.parametrize("name", ["tiny-llama", "tiny-gpt2-layout"])
def test_patterns_are_chosen_by_the_methods_scores(tiny, method, name):
    base = tiny[name]
    groups = before_and_after(pruned(base, method=method, pattern="2:4"))
    rows = before_and_after(pruned(base, method=method, pattern="rows", sparsity=0.25))
    for matrix, scores in SCORES[method](base, groups).items():
        mask = masked_only(*groups[matrix]).reshape(-1, 4)
        for dropped, four in zip(mask, scores.reshape(-1, 4), strict=True):
            is_lowest(dropped, four, 2)
        empty = (rows[matrix][1] == 0).all(axis=1)
        is_lowest(empty, np.linalg.norm(scores, axis=1), round(0.25 * len(scores)))


@pytest.mark.parametrize("name", ["tiny-llama-untied", "tiny-phi"])
def test_wanda_scores_the_head_by_what_reaches_it(tiny, name):
    base = tiny[name]
    fork = pruned(base, method="wanda", targets=["lm_head.weight"])
    old, new = before_and_after(fork, ["lm_head.weight"])["lm_head.weight"]
    scores = wanda_by_loops(base, ["lm_head.weight"])["lm_head.weight"]
    for mask, row in zip(masked_only(old, new), scores, strict=True):
        is_lowest(mask, row, 16)


@pytest.mark.parametrize("targets", [["embeddings"], ["*"], ["*embed*"]])
@pytest.mark.parametrize("name", ["tiny-llama", "tiny-llama-untied"])
def test_wanda_cannot_score_what_is_looked_up_and_says_so(tiny, name, targets):
    with pytest.raises(RecipeError, match=r"embed_tokens.weight multiplies no inputs.*wanda"):
        pruned(tiny[name], method="wanda", targets=targets)


def test_a_calibration_text_that_is_too_short_is_refused(llama):
    for method in ("wanda", "taylor", "sparsegpt"):
        with pytest.raises(RecipeError, match="at least 16"):
            pruned(llama, method=method, calibration="Paris")


# Random


def zeros_of(fork, targets=("linear",)) -> dict[str, np.ndarray]:
    return {name: new == 0 for name, (_, new) in before_and_after(fork, targets).items()}


def test_random_masks_are_set_by_their_seed_and_by_nothing_else(llama):
    torch.manual_seed(1)
    first = zeros_of(pruned(llama, method="random", seed=7))
    torch.manual_seed(2)
    again, other = (zeros_of(pruned(llama, method="random", seed=s)) for s in (7, 8))
    for name, mask in first.items():
        assert np.array_equal(mask, again[name])
        assert not np.array_equal(mask, other[name])
        assert mask.sum() == round(0.5 * mask.size)
    alone = zeros_of(pruned(llama, method="random", seed=7, targets=["mlp@1"]), ["mlp@1"])
    assert all(np.array_equal(mask, first[name]) for name, mask in alone.items())


def test_random_masks_of_two_matrices_of_one_shape_differ(llama):
    masks = zeros_of(pruned(llama, method="random"))
    assert not np.array_equal(masks["model.layers.0.mlp.up_proj.weight"], masks["model.layers.1.mlp.up_proj.weight"])


def test_random_masks_know_nothing_of_the_weights(tiny):
    """Half of the weights above the median and half of those below it go, give or take five
    standard deviations."""
    fork = pruned(tiny["tiny-llama-untied"], method="random", targets=["*"], scope="global")
    found = before_and_after(fork, ["*"])
    old, new = (np.concatenate([pair[i].ravel() for pair in found.values()]) for i in (0, 1))
    assert int((new == 0).sum()) == round(0.5 * new.size)
    large = np.abs(old) > np.median(np.abs(old))
    for part in (large, ~large):
        assert abs((new == 0)[part].mean() - 0.5) < 2.5 / part.sum() ** 0.5


# Heads


def attention_outputs(fork) -> list:
    roles = {"o_proj", "out_proj", "dense", "c_proj"}
    return [m for m in select(fork, ["attention"]) if m.role.rpartition(".")[2] in roles]


def heads_gone(fork) -> dict[str, np.ndarray]:
    """For each output matrix which of its four heads have only zeros as their inputs."""
    return {
        m.name: (new.reshape(new.shape[0], 4, -1) == 0).all(axis=(0, 2))
        for m in attention_outputs(fork)
        for _, new in [before_and_after(fork, [m.name])[m.name]]
    }


@pytest.mark.parametrize(("scope", "sparsity"), [("tensor", 0.25), ("global", 0.5)])
def test_the_heads_whose_outputs_weigh_least_go(layout, sparsity, scope):
    fork = pruned(layout, pattern="heads", sparsity=sparsity, scope=scope)
    gone, norms = heads_gone(fork), {}
    for name in gone:
        old, new = before_and_after(fork, [name])[name]
        norms[name] = np.linalg.norm(old.reshape(old.shape[0], 4, -1), axis=(0, 2))
        kept = np.repeat(~gone[name], old.shape[1] // 4)
        np.testing.assert_array_equal(new[:, kept], old[:, kept])
    assert len(gone) == 2
    if scope == "global":
        together = [np.concatenate(list(each.values())) for each in (gone, norms)]
        is_lowest(*together, round(sparsity * 8))
    else:
        for name in gone:
            is_lowest(gone[name], norms[name], round(sparsity * 4))


@pytest.mark.parametrize("method", ["magnitude", "taylor"])
def test_a_model_without_some_heads_answers_as_if_they_said_nothing(layout, method, logits, texts):
    fork = pruned(layout, method=method, pattern="heads", sparsity=0.5)
    silent, count = copy.deepcopy(layout.model), 0
    for name, gone in heads_gone(fork).items():
        count += int(gone.sum())

        def mute(module, given, gone=gone):
            x, silenced = given[0], torch.from_numpy(gone)[:, None]
            heads = x.reshape(*x.shape[:-1], 4, -1).masked_fill(silenced, 0)
            return (heads.reshape(x.shape), *given[1:])

        silent.get_submodule(name.removesuffix(".weight")).register_forward_pre_hook(mute)
    assert count == 4
    prompt = texts.ids(13)
    mine = logits(fork, prompt)
    torch.testing.assert_close(mine, logits(silent, prompt), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(mine, logits(layout, prompt), atol=1e-2)


def test_only_the_attentions_outputs_are_touched_by_heads(layout):
    fork = pruned(layout, pattern="heads", sparsity=0.5, targets=["linear", "embeddings"])
    touched = {m.name for m in attention_outputs(fork)}
    for name, (old, new) in before_and_after(fork, ["*"]).items():
        assert np.array_equal(old, new) == (name not in touched)


@pytest.mark.parametrize("targets", [["mlp"], ["embeddings"], ["*.q_proj.weight"]])
def test_targets_without_an_attentions_output_have_no_heads(llama, targets):
    with pytest.raises(RecipeError, match="Heads are removed"):
        pruned(llama, pattern="heads", targets=targets)


# Layers


def bypassed(base, gone) -> nn.Module:
    """A plain copy whose layers are still there and computed, but pass on what they got."""
    model = copy.deepcopy(base.model)

    def skip(module, given, keywords, out):
        x = given[0] if given else keywords["hidden_states"]
        return (x, *out[1:]) if isinstance(out, tuple) else x

    for index in gone:
        layers(model)[1][index].register_forward_hook(skip, with_kwargs=True)
    return model


def without(base, gone) -> Fork:
    return pruned(base, pattern="layers", sparsity=1, targets=[f"linear@{index}" for index in gone])


GONE = [(0,), (1,), (0, 1)]


@pytest.mark.parametrize("gone", GONE)
def test_dropped_layers_pass_on_what_comes_in(layout, gone, logits, texts):
    fork, truth = without(layout, gone), bypassed(layout, gone)
    assert fork.dropped == gone
    prompt = texts.ids(13)
    torch.testing.assert_close(logits(fork, prompt), logits(truth, prompt), rtol=1e-5, atol=1e-5)


def greedy(owner, prompt: list[int], count: int, logits: Callable) -> list[int]:
    """The likeliest token again and again, everything computed anew each time."""
    ids = list(prompt)
    for _ in range(count):
        token = int(logits(owner, ids)[-1].argmax())
        if token == END:
            break
        ids.append(token)
    return ids[len(prompt) :]


@pytest.mark.parametrize("gone", GONE)
def test_a_model_without_some_layers_decodes(layout, gone, logits, texts):
    """Keys and values are kept by layer number, and those of a dropped layer are missing."""
    fork, prompts = without(layout, gone), [texts.ids(3), texts.ids(13), texts.ids(61)]
    *_, rows = decode(fork, prompts, Sampling(6))
    truth = bypassed(layout, gone)
    assert [row.ids for row in rows] == [greedy(truth, p, 6, logits) for p in prompts]


def test_the_layer_whose_weights_score_lowest_goes(layout):
    squares = [0.0, 0.0]
    for name, (old, _) in before_and_after(Fork(layout)).items():
        squares[next(m.layer for m in matrices(Fork(layout)) if m.name == name)] += (old**2).sum()
    fork = pruned(layout, pattern="layers", sparsity=0.5)
    assert fork.dropped == (int(np.argmin(squares)),)


@pytest.mark.parametrize("method", ["wanda", "taylor"])
def test_layers_are_scored_by_every_method(layout, method):
    scores = SCORES[method](layout, [m.name for m in select(Fork(layout), ["linear"])])
    squares = [0.0, 0.0]
    for matrix in select(Fork(layout), ["linear"]):
        squares[matrix.layer] += float((scores[matrix.name] ** 2).sum())
    fork = pruned(layout, method=method, pattern="layers", sparsity=0.5)
    assert fork.dropped == (int(np.argmin(squares)),)


def test_a_dropped_layers_change_is_all_that_it_was(llama):
    edit = prune(pattern="layers", sparsity=1, targets=["linear@1"])
    changes = edit.apply(Fork(llama))
    expected = {name: np.linalg.norm(old) for name, (old, _) in before_and_after(Fork(llama), ["linear@1"]).items()}
    assert {c.name: c.change for c in changes} == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("gone", GONE)
@pytest.mark.parametrize(
    "edit",
    [
        {"kind": "prune", "method": "magnitude"},
        {"kind": "prune", "method": "wanda"},
        {"kind": "prune", "method": "taylor"},
        {"kind": "prune", "method": "sparsegpt"},
        {"kind": "prune", "pattern": "heads"},
        {"kind": "prune", "pattern": "layers"},
        {"kind": "prune", "scope": "global", "targets": ["*"]},
        {"kind": "prune", "method": "taylor", "targets": ["embeddings"]},
        {"kind": "quantize"},
        {"kind": "quantize", "method": "gptq"},
        {"kind": "quantize", "mode": "packed", "scheme": "int8", "group_size": "channel"},
        {"kind": "cast"},
        {"kind": "nudge_tokens", "text": " the", "direction": "scale"},
    ],
    ids=lambda value: " ".join(map(str, value.values())) if isinstance(value, dict) else None,
)
def test_any_edit_can_follow_a_dropped_layer(known, edit, gone):
    """Or is refused in words where no target is left."""
    first = {"kind": "prune", "pattern": "layers", "sparsity": 1}
    first["targets"] = [f"linear@{index}" for index in gone]
    if edit["kind"] == "prune" or edit.get("method") == "gptq":
        edit = edit | {"calibration": TEXT}
    recipe = parse({"model": "tiny-llama", "edits": [first, edit]})
    if gone == (0, 1) and "targets" not in edit and edit["kind"] != "nudge_tokens":
        with pytest.raises(RecipeError, match="names no weight matrix"):
            build(recipe)
        return
    built = build(recipe)
    *_, rows = decode(built.fork, [[5, 6, 7]], Sampling(3))
    assert rows[0].done
    assert set(gone) <= set(built.fork.dropped)


# SparseGPT


def weighed(x: np.ndarray) -> np.ndarray:
    """A window's inputs (tokens, in) as calibration.by_layer counts them: none longer than four
    times the median (the lower of two), and the first one, the attention sink, eight times."""
    lengths = [sum(value * value for value in token) ** 0.5 for token in x.tolist()]
    most = LONGEST * sorted(lengths)[(len(lengths) - 1) // 2]
    factors = [min(1.0, most / length) if length else 0.0 for length in lengths]
    factors[0] *= SINK
    return x * np.array(factors)[:, None]


def hessian_by_hooks(base, name) -> torch.Tensor:
    x = weighed(inputs_by_hooks(base, [name])[name])
    return torch.from_numpy(x.T @ x).float()


@pytest.mark.parametrize(("pattern", "groups"), [("unstructured", None), ("2:4", (2, 4))])
def test_sparsegpt_changes_the_first_matrices_as_their_inputs_tell(layout, pattern, groups):
    """Nothing before them has changed, so a float64 copy of the base has their inputs."""
    fork = pruned(layout, method="sparsegpt", pattern=pattern)
    first = next(m for m in select(fork, ["attention@0"]))
    old, new = before_and_after(fork, [first.name])[first.name]
    expected = sparsegpt(torch.from_numpy(old.copy()).float(), hessian_by_hooks(layout, first.name), 0.5, groups)
    np.testing.assert_allclose(new, expected.double().numpy(), rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("pattern", ["unstructured", "2:4", "4:8"])
def test_sparsegpt_drops_the_share_and_moves_the_rest(layout, pattern):
    fork = pruned(layout, method="sparsegpt", pattern=pattern)
    for old, new in before_and_after(fork).values():
        assert int((new == 0).sum()) == new.size // 2
        kept = new != 0
        assert not np.allclose(new[kept], old[kept], atol=1e-4)
        if pattern != "unstructured":
            group = int(pattern[-1])
            assert ((new.reshape(-1, group) == 0).sum(axis=1) == group // 2).all()


def test_sparsegpt_keeps_the_answers_closer_than_magnitude_does(layout, logits):
    ids = layout.tokenizer(TEXT)["input_ids"]
    before = logits(layout, ids)
    distance = {
        method: float((logits(pruned(layout, method=method), ids) - before).square().mean())
        for method in ("magnitude", "sparsegpt")
    }
    assert distance["sparsegpt"] < distance["magnitude"]


@pytest.mark.parametrize("targets", [["embeddings"], ["*"], ["linear", "lm_head*"]])
def test_sparsegpt_goes_through_layers_only(llama, targets):
    with pytest.raises(RecipeError, match=r"goes through the layers.*(embed_tokens|lm_head)"):
        pruned(llama, method="sparsegpt", targets=targets)


# Tied tables


def held(fork) -> int:
    return fork.bytes_held() // 4


def one_tensor(fork) -> bool:
    """Whether both sides use the same memory."""
    return fork.tensor("lm_head.weight").data_ptr() == (fork.tensor("model.embed_tokens.weight").data_ptr())


def test_a_tied_table_stays_tied_and_is_held_once(llama):
    fork = pruned(llama, targets=["embeddings"])
    assert one_tensor(fork)
    assert held(fork) == 300 * 32
    assert int((fork.tensor("lm_head.weight") == 0).sum()) == 4800


@pytest.mark.parametrize(
    "values",
    [
        {"scope": "global", "targets": ["*"]},
        {"pattern": "rows", "targets": ["embeddings"]},
        {"pattern": "2:4", "targets": ["embeddings"]},
        {"method": "random", "targets": ["embeddings"]},
        {"method": "taylor", "targets": ["embeddings"]},
    ],
)
def test_a_tied_table_stays_tied_whatever_the_method(llama, values):
    fork = pruned(llama, **values)
    assert one_tensor(fork)
    assert torch.equal(fork.tensor("lm_head.weight"), fork.tensor("model.embed_tokens.weight"))
    zeros = sum(int((t == 0).sum()) for n, t in weights_of(fork).items() if n != "lm_head.weight")
    everything = 300 * 32 if "*" not in values["targets"] else 300 * 32 + 2 * 7680
    assert zeros == everything // 2


def test_a_global_scope_counts_a_tied_table_once(llama):
    """As torch.nn.utils.prune does when it is given the table once."""
    fork, plain = pruned(llama, scope="global", targets=["*"]), copy.deepcopy(llama.model)
    modules = modules_of(plain, fork, ["linear", "model.embed_tokens.weight"])
    torch_prune.global_unstructured(
        [(module, "weight") for module in modules.values()], torch_prune.L1Unstructured, amount=0.5
    )
    for name, module in modules.items():
        assert torch.equal(fork.tensor(name), module.weight), name


@pytest.mark.parametrize(("side", "other"), [("lm_head", "model.embed_tokens"), ("model.embed_tokens", "lm_head")])
def test_one_side_of_a_tied_table_can_be_pruned_alone(llama, side, other):
    fork = pruned(llama, targets=[f"{side}.weight"])
    assert not one_tensor(fork)
    assert int((fork.tensor(f"{side}.weight") == 0).sum()) == 4800
    assert torch.equal(fork.tensor(f"{other}.weight"), llama.model.lm_head.weight)
    assert held(fork) == 300 * 32


def test_untied_tables_are_pruned_each_by_itself(tiny):
    fork = pruned(tiny["tiny-llama-untied"], targets=["embeddings"])
    for old, new in before_and_after(fork, ["embeddings"]).values():
        is_lowest(masked_only(old, new), np.abs(old), 4800)
    assert held(fork) == 2 * 300 * 32


@pytest.mark.parametrize("sides", [("input",), ("output",), ("input", "output")])
@pytest.mark.parametrize("method", ["magnitude", "taylor"])
def test_patched_rows_are_pruned_as_they_are(llama, sides, method, logits):
    nudged, row = Fork(llama), torch.linspace(1e-3, 2e-3, 32)[None]
    for side in sides:
        nudged.patch_rows(side, torch.tensor([260]), row)
    fork = pruned(nudged, method=method, targets=["embeddings"])
    for side in ("input", "output"):
        name = nudged.weight_name(side)
        old, new = nudged.tensor(name), fork.tensor(name)
        zeros = new == 0
        assert int(zeros.sum()) == 4800
        assert torch.equal(new[~zeros], old[~zeros])
        if method == "magnitude" and side in sides:
            assert zeros[260].all()
    assert one_tensor(fork) == (len(sides) == 2)
    assert held(fork) == 300 * 32 * (1 if len(sides) == 2 else 2)
    plain = copy.deepcopy(llama.model)
    for side in ("input", "output"):
        module = getattr(plain, f"get_{side}_embeddings")()
        module.weight = nn.Parameter(fork.tensor(fork.weight_name(side)))
    torch.testing.assert_close(logits(fork, [260, 5, 260]), logits(plain, [260, 5, 260]), rtol=1e-5, atol=1e-5)


# What stays as it is


@pytest.mark.parametrize(("method", "pattern"), every_method_and_pattern())
@pytest.mark.parametrize("name", FEW)
def test_the_base_and_what_is_no_target_stay_as_they_are(tiny, name, method, pattern, logits):
    layout = tiny[name]
    before, answer = checksum(layout), logits(layout, [5, 6, 7])
    fork = pruned(layout, method=method, pattern=pattern, targets=["attention@0"])
    assert checksum(layout) == before
    assert torch.equal(logits(layout, [5, 6, 7]), answer)
    if pattern == "layers":
        return
    attention = {m.name for m in select(fork, ["attention@0"])}
    for name, parameter in layout.model.named_parameters(remove_duplicate=False):
        if name not in attention:
            assert fork.tensor(name).data_ptr() == parameter.data_ptr()


@pytest.mark.parametrize(("method", "pattern"), every_method_and_pattern())
@pytest.mark.parametrize("name", ["tiny-qwen2", "tiny-gpt2-layout"])
def test_the_same_edit_gives_the_same_weights_bit_for_bit(tiny, name, method, pattern):
    first, again = (weights_of(pruned(tiny[name], method=method, pattern=pattern)) for _ in range(2))
    assert first.keys() == again.keys()
    assert all(torch.equal(first[n], again[n]) for n in first)


@pytest.mark.parametrize(
    "targets",
    [
        ["attention"],
        ["mlp"],
        ["attention@0-0"],
        ["linear@1"],
        ["*.down_proj.weight"],
        ["lm_head.weight", "mlp@0"],
        ["*"],
    ],
)
def test_exactly_the_targets_lose_half_of_their_weights(tiny, targets):
    base = tiny["tiny-llama-untied"]
    fork = pruned(base, targets=targets)
    chosen = {m.name for m in select(fork, targets)}
    assert chosen
    for name, tensor in weights_of(fork).items():
        assert int((tensor == 0).sum()) == (tensor.numel() // 2 if name in chosen else 0)


def test_a_bfloat16_base_is_pruned_in_its_own_numbers(tiny):
    base = tiny.fresh("tiny-llama", torch.bfloat16)
    for method in METHODS:
        fork = pruned(base, method=method)
        for matrix in select(fork, ["linear"]):
            tensor = fork.tensor(matrix.name)
            assert tensor.dtype == torch.bfloat16
            assert int((tensor == 0).sum()) >= tensor.numel() // 2


# Receipts


@pytest.mark.parametrize("targets", [["linear"], ["embeddings"], ["mlp@1", "lm_head*"]])
def test_the_receipt_has_the_norms_of_what_was_dropped(layout, targets):
    edit = prune(targets=targets, sparsity=0.4)
    built = extended(Built(Recipe(model="m"), Fork(layout), ()), edit)
    (receipt,) = built.receipts
    pairs = before_and_after(built.fork, targets)
    changes = {change.name: change.change for change in receipt.changes}
    assert changes == pytest.approx({name: np.linalg.norm(old - new) for name, (old, new) in pairs.items()}, rel=1e-4)
    whole = [np.linalg.norm([np.linalg.norm(pair[0] - pair[1] * i) for pair in pairs.values()]) for i in (1, 0)]
    assert receipt.relative_change == pytest.approx(whole[0] / whole[1], rel=1e-4)
    assert receipt.bytes == built.fork.bytes_held()
    assert receipt.sizes is not None
    assert receipt.warnings == ()


# Beside quantizing


def quantized_fork(base, scheme, **more) -> Fork:
    fork = Fork(base)
    parse_edit({"kind": "quantize", "scheme": scheme, "group_size": 8} | more).apply(fork)
    return fork


@pytest.mark.parametrize(
    ("scheme", "stays"),
    [
        ("int4", True),
        ("nf4", True),
        ("fp4", True),
        ("ternary", True),
        ("int8", True),
        ("fp8_e4m3", True),
        ("binary", False),
    ],
)
def test_pruned_weights_stay_on_a_grid_that_has_a_zero(llama, scheme, stays):
    fork = quantized_fork(llama, scheme)
    before = dict(fork.formats)
    after = pruned(fork, targets=["mlp"])
    for matrix in select(after, ["linear"]):
        kept = stays or matrix.part == "attention"
        assert after.formats.get(matrix.name) == (before[matrix.name] if kept else None)
    assert fork.formats == before


def test_sparsegpt_leaves_no_grid(llama):
    """It moves the weights that it keeps."""
    after = pruned(quantized_fork(llama, "int4"), method="sparsegpt", targets=["mlp"])
    assert {name.split(".")[3] for name in after.formats} == {"self_attn"}


@pytest.mark.parametrize("scheme", ["int8", "int4", "int3", "int2", "nf4", "fp4", "ternary", "fp8_e4m3", "fp8_e5m2"])
def test_quantizing_keeps_the_zeros_of_pruning(llama, scheme):
    fork = pruned(llama)
    zeros = {m.name: fork.tensor(m.name) == 0 for m in select(fork, ["linear"])}
    for more in ({}, {"group_size": "channel"}):
        after = fork.clone()
        parse_edit({"kind": "quantize", "scheme": scheme, "group_size": 8} | more).apply(after)
        for name, mask in zeros.items():
            assert not after.tensor(name)[mask].any()
            assert after.tensor(name).any()


def test_a_zero_point_keeps_the_zeros_of_pruning_too(llama):
    fork = pruned(llama)
    zeros = {m.name: fork.tensor(m.name) == 0 for m in select(fork, ["linear"])}
    for scheme in ("int8", "int4", "int3", "int2"):
        after = fork.clone()
        parse_edit({"kind": "quantize", "scheme": scheme, "symmetric": False}).apply(after)
        assert not any(after.tensor(name)[mask].any() for name, mask in zeros.items())


# Refusals


def refusal(**values) -> str:
    with pytest.raises(RecipeError) as caught:
        parse_edit({"kind": "prune"} | values, 2)
    return str(caught.value)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"method": "movement"}, ["method", "movement", "magnitude", "sparsegpt"]),
        ({"sparsity": -0.1}, ["sparsity", "-0.1", "0"]),
        ({"sparsity": 1.01}, ["sparsity", "1.01", "1"]),
        ({"sparsity": float("nan")}, ["sparsity", "nan", "finite"]),
        ({"sparsity": "0.5"}, ["sparsity", "0.5", "type"]),
        ({"sparsity": True}, ["sparsity", "True"]),
        ({"sparsity": None}, ["sparsity", "None"]),
        ({"pattern": "3:4"}, ["pattern", "3:4", "unstructured", "2:4"]),
        ({"scope": "column"}, ["scope", "column", "auto", "global"]),
        ({"targets": []}, ["targets"]),
        ({"targets": [""]}, ["targets"]),
        ({"targets": ["x" * 201]}, ["targets", "200"]),
        ({"targets": ["linear"] * 65}, ["targets"]),
        ({"targets": "linear"}, ["targets", "linear"]),
        ({"targets": [5]}, ["targets", "5"]),
        ({"seed": -1}, ["seed", "-1"]),
        ({"seed": 2**31}, ["seed", "2147483647"]),
        ({"calibration": "x" * 20_001}, ["calibration", "20000"]),
        ({"colour": 1}, ["colour", "method, sparsity, pattern, scope, targets"]),
        ({"pattern": "2:4", "sparsity": 0.6}, ["2:4", "0.5", "0.6", "unstructured"]),
        ({"pattern": "4:8", "sparsity": 1}, ["4:8", "0.5", "unstructured"]),
        ({"method": "sparsegpt", "pattern": "rows"}, ["SparseGPT", "unstructured, 2:4 or 4:8"]),
        ({"method": "sparsegpt", "pattern": "layers"}, ["SparseGPT", "unstructured"]),
        ({"method": "sparsegpt", "scope": "row"}, ["SparseGPT", "auto or tensor"]),
        ({"method": "sparsegpt", "scope": "global"}, ["SparseGPT", "auto or tensor"]),
        ({"pattern": "heads", "scope": "row"}, ["row", "heads", "tensor or global"]),
        ({"pattern": "rows", "scope": "row"}, ["row", "rows", "tensor or global"]),
    ],
    ids=lambda value: str(value)[:50] if isinstance(value, dict) else "",
)
def test_a_value_that_cannot_be_used_is_named_with_what_can(values, words):
    said = refusal(**values)
    assert [word for word in words if word not in said] == []
    assert len(said) < 400


def test_a_target_of_another_model_is_refused_when_it_is_built(known):
    edit = {"kind": "prune", "targets": ["*.c_attn.weight"]}
    build(recipe_of(edit, model="tiny-gpt2-layout"))
    with pytest.raises(RecipeError, match="c_attn"):
        build(recipe_of(edit))


# Stopping, and building beside one another


def stops_at(step: int) -> Work:
    asked = iter(range(10_000))
    return Work(stopped=lambda: next(asked) >= step)


@pytest.mark.parametrize("step", [0, 1, 3])
@pytest.mark.parametrize("method", METHODS)
def test_a_stop_leaves_the_cache_and_the_base_as_they_were(known, method, step):
    first = {"kind": "prune", "sparsity": 0.1}
    recipe = recipe_of(first, {"kind": "prune", "method": method})
    base = known["tiny-llama"]
    build(recipe.prefix(1))
    before, total = checksum(base), CACHE.total()
    with pytest.raises(Stopped):
        build(recipe, stops_at(step))
    assert checksum(base) == before
    assert ("fork", recipe.id) not in CACHE
    if method != "taylor" and method != "wanda":  # whose statistics may have been finished
        assert CACHE.total() == total
    stopped_first = weights_of(build(recipe).fork)
    CACHE.clear()
    fresh = weights_of(build(recipe).fork)
    assert all(torch.equal(fresh[n], stopped_first[n]) for n in fresh)


def test_steps_are_told_from_the_first_to_the_last_matrix(llama):
    told = []
    prune().apply(Fork(llama), Work(lambda done, of, what: told.append((done, of, str(what)))))
    names = [m.name for m in select(Fork(llama), ["linear"])]
    assert told == [(n, 14, f"{name}…") for n, name in enumerate(names)]


@pytest.fixture
def applied(monkeypatch):
    seen, real = [], Prune.apply

    def apply(self, fork, *more):
        seen.append(self.sparsity)
        return real(self, fork, *more)

    monkeypatch.setattr(Prune, "apply", apply)
    return seen


class Gate:
    """Holds a build at its first step until it is opened."""

    def __init__(self) -> None:
        self.reached, self.open = threading.Event(), threading.Event()

    def work(self) -> Work:
        def on_step(*_: object) -> None:
            self.reached.set()
            assert self.open.wait(60)

        return Work(on_step)


def in_thread(recipe, work, found: list) -> threading.Thread:
    thread = threading.Thread(target=lambda: found.append(build(recipe, work)))
    thread.start()
    return thread


def test_edits_of_whole_tensors_are_built_one_at_a_time_and_thin_ones_wait_for_none(known):
    gate, found, stop = Gate(), [], threading.Event()
    slow = in_thread(recipe_of({"kind": "prune", "sparsity": 0.3}), gate.work(), found)
    assert gate.reached.wait(60)
    thin = {"kind": "nudge_tokens", "text": "a", "direction": "scale", "strength": 0.5}
    thin_recipe = parse({"model": "tiny-llama", "edits": [thin]})
    assert len(build(thin_recipe).receipts) == 1  # while the first one is held
    begun = threading.Event()
    other = Work(lambda *_: begun.set(), stop.is_set)
    refused = []

    def waits():
        try:
            build(recipe_of({"kind": "prune", "sparsity": 0.7}), other)
        except Stopped as stopped:
            refused.append(stopped)

    waiting = threading.Thread(target=waits)
    waiting.start()
    assert not begun.wait(0.3)  # two at once would need twice the memory
    stop.set()
    waiting.join(60)
    assert len(refused) == 1
    assert found == []
    gate.open.set()
    slow.join(60)
    assert [len(b.receipts) for b in found] == [1]


def test_two_who_merge_models_that_the_other_builds_do_not_wait_for_each_other(known):
    """A merge builds its models while it holds the line for whole tensors."""
    dense = [{"model": "tiny-llama", "edits": [{"kind": "prune", "sparsity": share}]} for share in (0.2, 0.4)]
    merges = [
        {"kind": "merge", "method": "linear", "models": [{"recipe": r, "weight": 1.0} for r in pair]}
        for pair in (dense, dense[::-1])
    ]
    found: list = []
    threads = [in_thread(parse({"model": "tiny-llama", "edits": [merge]}), Work(), found) for merge in merges]
    threads += [in_thread(parse(r), Work(), found) for r in dense]
    for thread in threads:
        thread.join(60)
    assert len(found) == 4


def test_two_who_ask_for_one_recipe_get_one_build(known, applied):
    recipe, gate, found = recipe_of({"kind": "prune", "sparsity": 0.3}), Gate(), []
    first = in_thread(recipe, gate.work(), found)
    assert gate.reached.wait(60)
    others = [in_thread(recipe, Work(), found) for _ in range(3)]
    gate.open.set()
    for thread in (first, *others):
        thread.join(60)
    assert applied == [0.3]
    assert len(found) == 4
    assert len({id(built) for built in found}) == 1


def test_a_build_that_fails_can_be_tried_again(known):
    recipe = recipe_of({"kind": "prune", "targets": ["nothing"]})
    for _ in range(3):
        with pytest.raises(RecipeError):
            build(recipe)
    gate, found = Gate(), []
    recipe = recipe_of({"kind": "prune"})
    with pytest.raises(Stopped):
        build(recipe, stops_at(0))
    gate.open.set()
    in_thread(recipe, gate.work(), found).join(60)
    assert len(found) == 1


def test_what_is_built_already_is_quick_and_what_is_not_is_not(known):
    edits = {"kind": "prune", "method": "wanda"}, {"kind": "prune", "sparsity": 0.2}
    recipe = recipe_of(*edits)
    assert is_quick(recipe.prefix(0))
    assert not is_quick(recipe)
    build(recipe.prefix(1))
    assert is_quick(recipe.prefix(1))
    build(recipe)
    assert is_quick(recipe)
    nudge = {"kind": "nudge_tokens", "text": " the", "direction": "scale"}
    more = parse({"model": "tiny-llama", "edits": [*recipe.model_dump()["edits"], nudge]})
    assert is_quick(more)


def test_one_more_edit_is_kept_by_nobody_but_the_caller(known):
    built = build(recipe_of({"kind": "prune", "sparsity": 0.2}))
    total, held_before = CACHE.total(), built.fork.bytes_held()
    longer = extended(built, prune(sparsity=0.4))
    assert CACHE.total() == total
    assert ("fork", longer.recipe.id) not in CACHE
    assert len(longer.receipts) == 2
    assert longer.recipe == recipe_of({"kind": "prune", "sparsity": 0.2}, {"kind": "prune", "sparsity": 0.4})
    assert built.fork.bytes_held() == held_before
    assert built.fork.origin is longer.fork.origin is None
