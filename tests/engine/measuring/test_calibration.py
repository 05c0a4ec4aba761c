from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import contextmanager

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from playground.engine.adapters import files
from playground.engine.adapters.edit import attach
from playground.engine.build import build
from playground.engine.fork import Fork
from playground.engine.fork.structure import key_shape, layers, matrices, select
from playground.engine.measuring import calibration
from playground.engine.measuring.calibration import HESSIAN_TOKENS, LEAST_TOKENS, LONGEST, NORM_TOKENS, SINK, WINDOW
from playground.engine.models.loader import CACHE
from playground.engine.recipe import parse, parse_edit
from playground.engine.work import QUIET, Stopped, Work
from playground.errors import RecipeError
from tests.conftest import DIFFERENT, LAYOUTS

TEXT = (
    "The capital of France is Paris, and the capital of Italy is Rome. The cat sat on the mat "
    "while the rain fell on the roof of the house, one token at a time."
)
LONG = TEXT * 14  # three windows
CASES = [pytest.param(name, TEXT, id=name) for name in LAYOUTS] + [
    pytest.param(name, LONG, id=f"{name}-long") for name in DIFFERENT
]


def ids_of(base, text=TEXT) -> torch.Tensor:
    return torch.tensor([base.tokenizer(text, add_special_tokens=False)["input_ids"]])


def windows_of(base, text) -> list[torch.Tensor]:
    ids = ids_of(base, text)
    assert ids.shape[1] <= NORM_TOKENS
    return [ids[:, i : i + 512] for i in range(0, ids.shape[1], 512)]


def float64_copy(fork) -> nn.Module:
    """A plain copy of a fork's model in double precision, patched rows written out by hand."""
    model = copy.deepcopy(fork.model)
    for side in ("input", "output"):
        module = getattr(model, f"get_{side}_embeddings")()
        if hasattr(module, "rows"):
            dense = module.inner.weight.detach().clone()
            dense[module.ids] = module.rows.detach()
            module.inner.weight = nn.Parameter(dense)
            getattr(model, f"set_{side}_embeddings")(module.inner)
    return model.double()


def modules_of(model: nn.Module, found) -> dict[str, nn.Module]:
    return {m.name: model.get_submodule(m.name.removesuffix(".weight")) for m in found}


@contextmanager
def listening(modules: dict[str, nn.Module]):
    """All inputs of some modules, (tokens, in) float64, by our own hooks."""
    seen: dict[str, list[np.ndarray]] = {name: [] for name in modules}

    def hook(name: str) -> Callable[..., None]:
        return lambda module, given: seen[name].append(
            given[0].detach().double().reshape(-1, given[0].shape[-1]).numpy()
        )

    handles = [m.register_forward_pre_hook(hook(name)) for name, m in modules.items()]
    yield seen
    for handle in handles:
        handle.remove()


def windows_at(fork, found, text=TEXT) -> dict[str, list[np.ndarray]]:
    """What reaches each matrix, (tokens, in) for each window."""
    model = float64_copy(fork)
    with listening(modules_of(model, found)) as seen, torch.no_grad():
        for part in windows_of(fork.base, text):
            model(input_ids=part, use_cache=False)
    return seen


def inputs_of(fork, found, text=TEXT) -> dict[str, np.ndarray]:
    return {name: np.concatenate(x) for name, x in windows_at(fork, found, text).items()}


def weighed(x: np.ndarray) -> np.ndarray:
    """A window's inputs (tokens, in) as calibration.by_layer counts them: none longer than four
    times the median (the lower of two), and the first one, the attention sink, eight times."""
    lengths = [sum(value * value for value in token) ** 0.5 for token in x.tolist()]
    most = LONGEST * sorted(lengths)[(len(lengths) - 1) // 2]
    factors = [min(1.0, most / length) if length else 0.0 for length in lengths]
    factors[0] *= SINK
    return x * np.array(factors)[:, None]


def hessian_of(parts: list[np.ndarray]) -> np.ndarray:
    return sum(x.T @ x for x in map(weighed, parts))


def hook_count(fork) -> int:
    return sum(
        len(getattr(module, table))
        for module in fork.model.modules()
        for table in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
    )


@pytest.fixture(autouse=True)
def nothing_kept():
    CACHE.clear()
    yield
    CACHE.clear()


# The text


def test_the_shipped_text_is_used_where_none_is_given(llama):
    shipped = calibration.SHIPPED.read_text(encoding="utf-8")
    assert len(shipped) > 10_000
    parts = calibration.windows(Fork(llama), "")
    assert torch.equal(torch.cat(parts, 1), ids_of(llama, shipped)[:, :NORM_TOKENS])


@pytest.mark.weights
def test_the_shipped_text_gives_smollm2_nearly_all_the_tokens_that_are_read(smollm2):
    count = sum(part.shape[1] for part in calibration.windows(Fork(smollm2), ""))
    assert NORM_TOKENS * 0.9 < count <= NORM_TOKENS


def unmergeable(tokens: int) -> str:
    """Letters that the tests' tokenizer has no merges for, in no regular order."""
    return "".join("QZXJK"[n * n * n % 7 % 5] for n in range(tokens))


@pytest.mark.parametrize("tokens", [16, 17, 511, 512, 514, 1024, 1100, 4095, 4096, 5000])
def test_windows_hold_the_text_in_order_and_at_most_512_tokens_each(llama, tokens):
    text = unmergeable(tokens)
    ids = ids_of(llama, text)
    assert ids.shape[1] == tokens
    parts = calibration.windows(Fork(llama), text)
    assert torch.equal(torch.cat(parts, 1), ids[:, :NORM_TOKENS])
    more = calibration.windows(Fork(llama), text, HESSIAN_TOKENS)
    assert torch.equal(torch.cat(more, 1), ids[:, :HESSIAN_TOKENS])
    assert all(part.shape[0] == 1 and 1 < part.shape[1] <= WINDOW for part in parts)


def test_a_last_token_that_would_stand_alone_is_left_out(llama):
    """It has nothing before it and nothing after it, so there is nothing to learn from it."""
    parts = calibration.windows(Fork(llama), unmergeable(WINDOW + 1))
    assert [part.shape[1] for part in parts] == [WINDOW]


def test_a_short_context_makes_shorter_windows(tiny, monkeypatch):
    base = tiny["tiny-gpt2-layout"]
    monkeypatch.setattr(base.model.config, "n_positions", 40)
    assert max(part.shape[1] for part in calibration.windows(Fork(base), TEXT)) == 40


@pytest.mark.parametrize("count", [0, 1, LEAST_TOKENS - 1])
def test_a_text_of_too_few_tokens_is_refused_with_both_counts(llama, count):
    text = "x" * count or " "
    given = ids_of(llama, text).shape[1]
    with pytest.raises(RecipeError, match=rf"has {given} tokens.*at least {LEAST_TOKENS}"):
        calibration.windows(Fork(llama), text)
    assert len(calibration.windows(Fork(llama), "x" * LEAST_TOKENS)) == 1


# Norms of inputs


@pytest.mark.parametrize(("name", "text"), CASES)
def test_input_norms_are_those_of_a_float64_copy(tiny, name, text):
    fork = Fork(tiny[name])
    found = calibration.input_norms(fork, text, QUIET).of
    theirs = inputs_of(fork, [m for m in matrices(fork) if m.name in found], text)
    assert set(found) == {m.name for m in matrices(fork)} - {fork.weight_name("input")}
    for name, seen in theirs.items():
        norms = [sum(x * x for x in column) ** 0.5 for column in seen.T.tolist()]
        np.testing.assert_allclose(found[name].double().numpy(), norms, rtol=1e-4, err_msg=name)


def test_input_norms_of_a_fork_are_the_forks_own(llama):
    fork = Fork(llama)
    fork.patch_rows("input", torch.arange(300), torch.ones(300, 32))
    fork.replace("model.layers.0.mlp.up_proj.weight", torch.zeros(48, 32))
    theirs = inputs_of(fork, select(fork, ["linear"]))
    found = calibration.input_norms(fork, TEXT, QUIET).of
    assert not found["model.layers.0.mlp.down_proj.weight"].any()
    for name, seen in theirs.items():
        np.testing.assert_allclose(found[name].double().numpy(), np.linalg.norm(seen, axis=0), rtol=1e-4, atol=1e-9)


# Gradients


def float64_gradients(fork, text) -> dict[str, np.ndarray]:
    """Plain autograd: mean cross entropy over all next tokens of all windows."""
    model = float64_copy(fork)
    names = [m.name for m in matrices(fork)]
    parameters = {name: model.get_parameter(name) for name in names}
    for parameter in parameters.values():
        parameter.requires_grad_(True)
    total, count = torch.zeros((), dtype=torch.float64), 0
    for part in windows_of(fork.base, text):
        logits = model(input_ids=part, use_cache=False).logits[0, :-1]
        total = total + F.nll_loss(logits.log_softmax(-1), part[0, 1:], reduction="sum")
        count += part.shape[1] - 1
    (total / count).backward()
    return {name: parameter.grad.numpy() for name, parameter in parameters.items()}


def close(mine: torch.Tensor, theirs: np.ndarray) -> None:
    np.testing.assert_allclose(mine.double().numpy(), theirs, rtol=1e-3, atol=1e-4 * float(np.abs(theirs).max()))


@pytest.mark.parametrize("text", [TEXT, LONG], ids=["short", "long"])
def test_gradients_are_those_of_plain_autograd_in_float64(layout, text):
    fork = Fork(layout)
    found, theirs = calibration.gradients(fork, text, QUIET).of, float64_gradients(fork, text)
    assert set(found) == set(theirs) == {m.name for m in matrices(fork)}
    for name, gradient in theirs.items():
        assert found[name].dtype == layout.dtype
        assert np.abs(gradient).max() > 0
        close(found[name], gradient)


def test_the_names_of_a_tied_pair_have_the_one_gradient_of_both_uses(llama):
    found = calibration.gradients(Fork(llama), TEXT, QUIET).of
    assert found["model.embed_tokens.weight"] is found["lm_head.weight"]


@pytest.mark.parametrize("sides", [("input",), ("output",), ("input", "output")])
def test_gradients_of_patched_rows_are_those_of_the_rows_written_out(layout, sides):
    fork = Fork(layout)
    for side in sides:
        rows = torch.randn(3, 32, generator=torch.Generator().manual_seed(len(side)))
        fork.patch_rows(side, torch.tensor([260, 266, 285]), rows)
    found, theirs = calibration.gradients(fork, TEXT, QUIET).of, float64_gradients(fork, TEXT)
    for name in (fork.weight_name("input"), fork.weight_name("output"), "lm_head.weight"):
        close(found[name], theirs[name])


def test_gradients_leave_the_fork_as_it_was(layout):
    fork = Fork(layout)
    fork.patch_rows("input", torch.tensor([1]), torch.ones(1, 32))
    before = {m.name: fork.tensor(m.name).clone() for m in matrices(fork)}
    held = fork.bytes_held()
    with torch.no_grad():  # as a build is
        calibration.gradients(fork, TEXT, QUIET)
    for owner in (fork.model, layout.model):
        assert not any(p.requires_grad or p.grad is not None for p in owner.parameters())
    assert all(torch.equal(fork.tensor(name), old) for name, old in before.items())
    assert fork.bytes_held() == held


def test_gradients_can_be_had_inside_inference_mode(llama):
    with torch.inference_mode():
        found = calibration.gradients(Fork(llama), TEXT, QUIET).of
    close(found["lm_head.weight"], float64_gradients(Fork(llama), TEXT)["lm_head.weight"])


def test_gradients_of_a_fork_without_its_layers_have_the_embeddings_only(layout):
    fork, (path, _) = Fork(layout), layers(layout.model)
    for index in (0, 1):
        fork.drop_layer(path, index)
    found = calibration.gradients(fork, TEXT, QUIET).of
    assert set(found) == {fork.weight_name("input"), fork.weight_name("output")}


@pytest.mark.parametrize("scheme", ["int8", "nf4"])
@pytest.mark.parametrize("statistic", ["input_norms", "gradients"])
def test_packed_layers_are_scored_by_the_values_that_they_hold(llama, statistic, scheme):
    """Whatever the codes' own product rounds (int8 rounds its inputs too) aside."""
    group = "channel" if scheme == "int8" else 32
    edit = {"kind": "quantize", "mode": "packed", "scheme": scheme, "group_size": group}
    fork, plain = Fork(llama), Fork(llama)
    parse({"model": "m", "edits": [edit | {"targets": ["attention"]}]}).edits[0].apply(fork)
    for matrix in select(fork, ["attention"]):
        plain.replace(matrix.name, fork.tensor(matrix.name))
    found, expected = (getattr(calibration, statistic)(each, TEXT, QUIET).of for each in (fork, plain))
    for matrix in select(fork, ["linear"]):
        difference = (found[matrix.name] - expected[matrix.name]).norm()
        assert difference < 0.05 * expected[matrix.name].norm()
    assert fork.packed("model.layers.0.self_attn.q_proj.weight")


# Layer by layer


def test_how_tokens_are_weighed_on_a_case_worked_by_hand():
    """Lengths 5, 1, 2, 100 and 0: the lower median is 2, so none may be longer than 8."""
    x = torch.tensor([[3.0, 4.0], [1.0, 0.0], [0.0, -2.0], [60.0, 80.0], [0.0, 0.0]])
    expected = [[24.0, 32.0], [1.0, 0.0], [0.0, -2.0], [4.8, 6.4], [0.0, 0.0]]
    before = x.clone()
    assert calibration.weighed(x).tolist() == [pytest.approx(row) for row in expected]
    assert torch.equal(x, before)
    assert not calibration.weighed(torch.zeros(3, 2)).any()


def test_tokens_that_say_nothing_do_not_silence_the_others():
    """Behind a ReLU most tokens can be all zeros, and their median length with them; inputs that
    are nothing but zeros would cost a matrix its weights."""
    assert calibration.weighed(torch.tensor([[0.0, 0.0], [0.0, 0.0], [3.0, 4.0]])).any()


@pytest.mark.parametrize("tokens", [2, 3, 100, 101])
def test_how_tokens_are_weighed_in_float64(tokens):
    x = torch.randn(tokens, 8, generator=torch.Generator().manual_seed(tokens))
    x[0] *= 100
    x[-1] *= 50
    np.testing.assert_allclose(calibration.weighed(x).numpy(), weighed(x.double().numpy()), rtol=1e-5, atol=1e-7)


def by_layer(fork, targets, change, text=TEXT) -> None:
    calibration.by_layer(fork, text, select(fork, targets), QUIET, change)


@pytest.mark.parametrize(("name", "text"), CASES)
def test_where_nothing_changes_the_hessians_are_those_of_the_model(tiny, name, text):
    fork, found = Fork(tiny[name]), {}
    by_layer(fork, ["linear"], lambda matrix, h: found.update({matrix.name: h}), text)
    theirs = windows_at(fork, select(fork, ["linear"]), text)
    assert list(found) == [m.name for m in select(fork, ["linear"])]
    for name, seen in theirs.items():
        close(found[name], hessian_of(seen))


def test_each_layer_sees_what_the_changed_layers_before_it_pass_on(layout):
    """The second layer's Hessians are those of a model whose first layer is changed already;
    inside a layer, all are those from before the layer's own changes."""
    fork, found = Fork(layout), {}

    def halve(matrix, hessian) -> None:
        found[matrix.name] = hessian
        fork.replace(matrix.name, fork.tensor(matrix.name) * 0.5)

    by_layer(fork, ["linear"], halve)
    expected = {}
    for index, halved in ((0, []), (1, select(Fork(layout), ["linear@0"]))):
        model = Fork(layout)
        for matrix in halved:
            model.replace(matrix.name, model.tensor(matrix.name) * 0.5)
        mine = [m for m in matrices(model) if m.layer == index]
        expected |= windows_at(model, mine)
    assert set(found) == set(expected)
    for name, seen in expected.items():
        close(found[name], hessian_of(seen))


@pytest.mark.parametrize("targets", [["attention"], ["mlp@1"], ["linear@0"]])
def test_only_what_was_chosen_is_given_to_be_changed(layout, targets):
    fork, found = Fork(layout), []
    by_layer(fork, targets, lambda matrix, hessian: found.append(matrix))
    assert found == select(fork, targets)


@pytest.mark.parametrize("gone", [(0,), (1,)])
def test_the_hessians_of_a_model_with_a_dropped_layer_are_that_models(layout, gone):
    fork, found = Fork(layout), {}
    path, _ = layers(fork.model)
    for index in gone:
        fork.drop_layer(path, index)
    by_layer(fork, ["linear"], lambda matrix, h: found.update({matrix.name: h}))
    model = float64_copy(fork)
    with listening(modules_of(model, select(fork, ["linear"]))) as seen, torch.no_grad():
        model(input_ids=ids_of(layout), use_cache=False)
    assert found.keys() == seen.keys()
    for name, parts in seen.items():
        close(found[name], hessian_of(parts))


def with_learned_tokens(base, kind) -> Fork:
    fork = Fork(base)
    config = {"peft_type": kind, "num_virtual_tokens": 3}
    depth, heads, size = key_shape(base.model.config)
    width = fork.embedding("input")[0].shape[1] if kind == "PROMPT_TUNING" else depth * 2 * heads * size
    given = torch.randn(3, width, generator=torch.Generator().manual_seed(0))
    attach(fork, files.checked_adapter(config, {"prompt_embeddings": given}, fork), 1.0, False)
    fork.settle()
    return fork


@pytest.mark.parametrize("kind", ["PROMPT_TUNING", "PREFIX_TUNING"])
def test_learned_tokens_before_the_text_leave_the_hessians_those_of_the_text(layout, kind):
    """A layer is called twice for each window; a cache that held the tokens would grow."""
    fork, found, plain = with_learned_tokens(layout, kind), {}, {}
    by_layer(fork, ["linear"], lambda matrix, h: found.update({matrix.name: h}))
    by_layer(Fork(layout), ["linear"], lambda matrix, h: plain.update({matrix.name: h}))
    assert found.keys() == plain.keys()
    for name, hessian in plain.items():
        assert torch.equal(found[name], hessian)


@pytest.mark.parametrize("kind", ["PROMPT_TUNING", "PREFIX_TUNING"])
def test_learned_tokens_are_back_after_an_edit_that_went_layer_by_layer(llama, kind, monkeypatch):
    fork = with_learned_tokens(llama, kind)
    edit = parse_edit({"kind": "quantize", "scheme": "int4", "method": "gptq", "calibration": TEXT})
    edit.apply(fork)
    fork.settle()
    with torch.inference_mode():
        ids = torch.tensor([[5, 17, 42]])
        with_them = fork.model(input_ids=ids, use_cache=False).logits
        fork.virtual.pairs = []
        without = fork.model(input_ids=ids, use_cache=False).logits
    assert not torch.allclose(with_them, without, atol=1e-3)


# Hooks, stopping and telling


def stops_at(step: int) -> Work:
    asked = iter(range(10_000))
    return Work(stopped=lambda: next(asked) >= step)


GATHERERS = {
    "norms": lambda fork, work: calibration.input_norms(fork, LONG, work),
    "gradients": lambda fork, work: calibration.gradients(fork, LONG, work),
    "by layer": lambda fork, work: calibration.by_layer(
        fork, LONG, select(fork, ["linear"]), work, lambda matrix, hessian: None
    ),
}


@pytest.mark.parametrize("what", GATHERERS)
def test_no_hook_stays_behind(layout, what):
    fork = Fork(layout)
    GATHERERS[what](fork, QUIET)
    assert hook_count(fork) == 0
    assert hook_count(layout) == 0


@pytest.mark.parametrize("step", [0, 1, 2])
@pytest.mark.parametrize("what", GATHERERS)
def test_a_stop_ends_it_and_leaves_no_hook_and_nothing_in_the_cache(llama, what, step):
    fork = Fork(llama)
    fork.origin = "a variant"
    with pytest.raises(Stopped):
        GATHERERS[what](fork, stops_at(step))
    assert hook_count(fork) == hook_count(llama) == 0
    assert CACHE.total() == 0
    assert not any(p.requires_grad for p in llama.model.parameters())


@pytest.mark.parametrize("what", GATHERERS)
def test_steps_are_told_in_order_and_within_their_number(llama, what):
    told: list[tuple[int, int, str]] = []
    GATHERERS[what](Fork(llama), Work(lambda done, of, text: told.append((done, of, str(text)))))
    assert told[0][0] == 0
    assert all(0 <= done < of for done, of, _ in told)
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert all("{" not in text and text for _, _, text in told)


def test_an_exception_in_a_change_leaves_no_hook(llama):
    def fail(matrix, hessian) -> None:
        raise RecipeError("no")

    fork = Fork(llama)
    with pytest.raises(RecipeError):
        by_layer(fork, ["linear"], fail)
    assert hook_count(fork) == 0


# The cache


@pytest.fixture
def passes(monkeypatch):
    """How often a text is cut into windows, which is once for every time that it is read."""
    seen, real = [], calibration.windows

    def windows(fork, text, *more):
        seen.append(text)
        return real(fork, text, *more)

    monkeypatch.setattr(calibration, "windows", windows)
    return seen


def prune(method="wanda", **more) -> dict:
    return {"kind": "prune", "method": method, "calibration": TEXT} | more


def test_a_variant_reads_a_text_once_for_every_strength(known, passes):
    for sparsity in (0.1, 0.2, 0.3):
        build(parse({"model": "tiny-llama", "edits": [prune(sparsity=sparsity)]}))
    assert passes == [TEXT]


def test_another_text_variant_model_or_statistic_is_read_anew(known, passes):
    first = prune(sparsity=0.1)
    for model, edits in (
        ("tiny-llama", [first]),
        ("tiny-llama", [prune(sparsity=0.1, calibration=TEXT + " ")]),
        ("tiny-llama", [first, prune(sparsity=0.2)]),
        ("tiny-llama", [prune("taylor")]),
        ("tiny-llama-untied", [first]),
    ):
        build(parse({"model": model, "edits": edits}))
    assert passes == [TEXT, TEXT + " ", TEXT, TEXT, TEXT]


def test_the_second_of_two_edits_is_scored_by_what_the_first_left(known):
    """Kept statistics of the base would give another mask."""
    halved = {"kind": "quantize", "scheme": "binary", "targets": ["linear@0"]}
    second = prune(targets=["linear@1"])
    build(parse({"model": "tiny-llama", "edits": [second]}))
    after = build(parse({"model": "tiny-llama", "edits": [halved, second]})).fork
    CACHE.clear()
    alone = build(parse({"model": "tiny-llama", "edits": [halved, second]})).fork
    base = build(parse({"model": "tiny-llama", "edits": [second]})).fork
    names = [m.name for m in select(alone, ["linear@1"])]
    assert all(torch.equal(after.tensor(n), alone.tensor(n)) for n in names)
    assert not all(torch.equal(after.tensor(n), base.tensor(n)) for n in names)


def test_what_the_cache_counts_are_the_tensors(llama):
    fork = Fork(llama)
    for statistics in (calibration.input_norms(fork, TEXT, QUIET), calibration.gradients(fork, TEXT, QUIET)):
        distinct = {id(tensor): tensor.nbytes for tensor in statistics.of.values()}
        assert sum(statistics.storages().values()) == sum(distinct.values())
