from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from playground.engine.quantizing.grids import quantized
from playground.engine.quantizing.second_order import (
    BLOCK,
    DAMPING,
    Rounded,
    Sparse,
    corrected,
    gptq,
    inverse_factor,
    sparsegpt,
)
from playground.errors import RecipeError

ROOT = Path(__file__).parents[3]


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def correlated(tokens: int, columns: int, seed: int = 0) -> torch.Tensor:
    """Inputs that depend on one another, and of different sizes, as activations do."""
    mixed = noise(tokens, columns, seed=seed) @ noise(columns, columns, seed=seed + 1)
    return mixed * torch.logspace(-1, 1, columns)


def hessian_of(inputs: torch.Tensor) -> torch.Tensor:
    return inputs.T @ inputs


def error(old: torch.Tensor, new: torch.Tensor, inputs: torch.Tensor) -> float:
    """||(W - W') X||^2 in float64."""
    return float(((old.double() - new.double()) @ inputs.double().T).square().sum())


def drop_lowest(weight: torch.Tensor, sparsity: float) -> torch.Tensor:
    """Magnitude pruning over a whole matrix."""
    count = round(sparsity * weight.numel())
    lowest = np.argpartition(weight.abs().numpy().ravel(), max(0, count - 1))[:count]
    flat = weight.clone().flatten()
    flat[torch.from_numpy(lowest)] = 0
    return flat.view(weight.shape)


# The papers' algorithm 1 as it is derived: optimal brain surgeon, one column after another. What
# is left to choose from has a Hessian of its own, and that is inverted anew for each column.


def damped(hessian: torch.Tensor) -> np.ndarray:
    found = hessian.double().numpy().copy()
    mean = np.diag(found).mean()
    found[np.diag(found) == 0, np.diag(found) == 0] = 1  # a dead input: any number will do
    return found + DAMPING * mean * np.eye(len(found))


def textbook(
    weight: torch.Tensor,
    hessian: torch.Tensor,
    block: int,
    start: Callable[[np.ndarray, np.ndarray, int], None],
    column: Callable[[np.ndarray, np.ndarray, int], np.ndarray],
) -> np.ndarray:
    """``start`` and ``column`` get the weights as they are now, each column's 1 / [H_F^-1]_jj
    (F: the column itself and all to its right) and a column's number."""
    known, now = damped(hessian), weight.double().numpy().copy()
    now[:, np.diag(hessian.numpy()) == 0] = 0
    columns = now.shape[1]
    inverses = [np.linalg.inv(known[j:, j:]) for j in range(columns)]
    costs = np.array([1 / inverse[0, 0] for inverse in inverses])
    for j in range(columns):
        if j % block == 0:
            start(now, costs, j)
        new = column(now, costs, j)
        factor = (now[:, j] - new) / inverses[j][0, 0]
        now[:, j + 1 :] -= np.outer(factor, inverses[j][0, 1:])
        now[:, j] = new
    return now


def textbook_sparsegpt(
    weight: torch.Tensor, hessian: torch.Tensor, sparsity: float, block: int, groups: tuple[int, int] | None = None
) -> np.ndarray:
    """Frantar and Alistarh 2023: every block of columns loses what costs least, w^2 / [H^-1]_jj."""
    drop: set[tuple[int, int]] = set()
    every = block if groups is None else groups[1]

    def start(now: np.ndarray, costs: np.ndarray, first: int) -> None:
        last = min(first + every, now.shape[1])
        cost = {(i, j): now[i, j] ** 2 * costs[j] for i in range(len(now)) for j in range(first, last)}
        if groups is None:
            drop.update(sorted(cost, key=cost.__getitem__)[: round(sparsity * len(cost))])
        elif last - first == every:
            for i in range(len(now)):
                mine = sorted(range(first, last), key=lambda j: cost[i, j])
                drop.update((i, j) for j in mine[: groups[0]])

    def column(now: np.ndarray, costs: np.ndarray, j: int) -> np.ndarray:
        return np.array([0.0 if (i, j) in drop else now[i, j] for i in range(len(now))])

    return textbook(weight, hessian, every, start, column)


def textbook_gptq(weight: torch.Tensor, hessian: torch.Tensor, bits: int, group: int | str) -> np.ndarray:
    """Frantar et al. 2023, with symmetric integers; a group's step is set when it is reached."""
    most = 2 ** (bits - 1) - 1
    whole = weight.double().numpy()
    steps = np.abs(whole).max(axis=1) / most
    if group == "tensor":
        steps[:] = np.abs(whole).max() / most
    size = group if isinstance(group, int) else whole.shape[1] + 1

    def start(now: np.ndarray, costs: np.ndarray, first: int) -> None:
        if isinstance(group, int):
            steps[:] = np.abs(now[:, first : first + size]).max(axis=1) / most

    def column(now: np.ndarray, costs: np.ndarray, j: int) -> np.ndarray:
        codes = [round(x / s) if s else 0 for x, s in zip(now[:, j], steps, strict=True)]
        return np.clip(codes, -most, most) * steps

    return textbook(weight, hessian, size, start, column)


# Against the textbook


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("block", [1, 4, 128])
def test_sparsegpt_is_the_papers_algorithm(block, sparsity, seed):
    weight, hessian = noise(6, 10, seed=seed), hessian_of(correlated(40, 10, seed=seed))
    mine = corrected(weight, hessian, Sparse(sparsity, None), block).double().numpy()
    truth = textbook_sparsegpt(weight, hessian, sparsity, block)
    np.testing.assert_array_equal(mine == 0, truth == 0)
    np.testing.assert_allclose(mine, truth, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("groups", [(2, 4), (4, 8), (1, 2)])
def test_sparsegpt_in_groups_is_the_papers_algorithm(groups, seed):
    """Ten columns: what a group does not fill stays, and takes up the error of the others."""
    weight, hessian = noise(6, 10, seed=seed), hessian_of(correlated(40, 10, seed=seed))
    mine = sparsegpt(weight, hessian, 0.5, groups).double().numpy()
    truth = textbook_sparsegpt(weight, hessian, 0.5, BLOCK, groups)
    np.testing.assert_array_equal(mine == 0, truth == 0)
    np.testing.assert_allclose(mine, truth, rtol=1e-3, atol=1e-3)
    full = 10 // groups[1] * groups[1]
    assert ((mine[:, :full].reshape(-1, groups[1]) == 0).sum(axis=1) == groups[0]).all()
    assert (mine[:, full:] != 0).all()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("group", [4, 5, 16, "channel", "tensor"])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_gptq_is_the_papers_algorithm(bits, group, seed):
    weight, hessian = noise(6, 10, seed=seed), hessian_of(correlated(40, 10, seed=seed))
    mine = gptq(weight, hessian, f"int{bits}", group, True).double().numpy()
    truth = textbook_gptq(weight, hessian, bits, group)
    np.testing.assert_allclose(mine, truth, rtol=1e-3, atol=1e-3)


def test_dead_inputs_lose_their_weights_and_the_others_go_as_in_the_paper():
    inputs = correlated(40, 10)
    inputs[:, [0, 4, 9]] = 0
    weight, hessian = noise(6, 10), hessian_of(inputs)
    sparse, rounded = sparsegpt(weight, hessian, 0.5), gptq(weight, hessian, "int4", 5, True)
    for mine, truth in (
        (sparse, textbook_sparsegpt(weight, hessian, 0.5, BLOCK)),
        (rounded, textbook_gptq(weight, hessian, 4, 5)),
    ):
        assert not mine[:, [0, 4, 9]].any()
        np.testing.assert_allclose(mine.double().numpy(), truth, rtol=1e-3, atol=1e-3)


def test_the_factor_is_the_upper_one_of_the_damped_inverse():
    hessian = hessian_of(correlated(40, 10))
    upper = inverse_factor(hessian).double().numpy()
    assert (np.tril(upper, -1) == 0).all()
    np.testing.assert_allclose(upper.T @ upper @ damped(hessian), np.eye(10), atol=1e-3)


def test_what_is_given_is_left_alone():
    weight, hessian = noise(6, 10), hessian_of(correlated(40, 10))
    before = weight.clone(), hessian.clone()
    sparsegpt(weight, hessian, 0.5)
    gptq(weight, hessian, "int4", 5, True)
    assert torch.equal(weight, before[0])
    assert torch.equal(hessian, before[1])


# Blocks


@pytest.mark.parametrize("columns", [1, 24, 127, 128, 129, 200])
def test_the_size_of_a_block_does_not_change_gptqs_result(columns):
    weight, hessian = noise(6, columns), hessian_of(noise(500, columns, seed=1))
    results = [
        corrected(weight, hessian, Rounded(weight, "int4", "channel", True), block) for block in (1, 7, 32, 128, 1000)
    ]
    grid_step = float(weight.abs().max()) / 7
    for other in results[1:]:
        difference = (other - results[0]).abs()
        # Sums in another order may turn a weight that lies at half a step over, and what follows.
        assert float((difference > grid_step / 2).float().mean()) < 0.02
        assert error(weight, other, noise(500, columns, seed=1)) == pytest.approx(
            error(weight, results[0], noise(500, columns, seed=1)), rel=0.05
        )


def test_gptq_over_several_blocks_is_the_papers_algorithm_in_float64():
    """Sizes above a block, in numbers for which no weight lies near half a step."""
    columns = BLOCK + 17
    weight, hessian = noise(3, columns), hessian_of(noise(300, columns, seed=1))
    mine = gptq(weight, hessian, "int8", 32, True).double().numpy()
    truth = textbook_gptq(weight, hessian, 8, 32)
    wrong = np.abs(mine - truth) > 1e-3
    assert wrong.mean() < 0.01
    assert np.abs(mine - truth).max() < 2 * np.abs(truth).max() / 127


def test_a_group_above_a_block_keeps_one_grid():
    columns = BLOCK * 2 + 44
    weight, hessian = noise(2, columns), hessian_of(noise(700, columns, seed=1))
    rounded = gptq(weight, hessian, "int2", 300, True)
    assert [len(row.unique()) for row in rounded] == [3, 3]  # a step down, 0, a step up
    in_groups = gptq(weight, hessian, "int2", 100, True)
    assert [len(row.unique()) for row in in_groups] == [7, 7]


# An identity for a Hessian: no column tells of another


@pytest.mark.parametrize("scheme", ["int8", "int4", "int3", "int2", "ternary", "binary", "fp8_e4m3"])
@pytest.mark.parametrize("group", [8, 64, 100, "channel", "tensor"])
def test_with_inputs_that_are_independent_gptq_rounds_to_nearest(scheme, group):
    weight = noise(5, 200)
    mine = gptq(weight, 300 * torch.eye(200), scheme, group, True)
    torch.testing.assert_close(mine, quantized(weight, scheme, group), rtol=1e-6, atol=0)


@pytest.mark.parametrize("scheme", ["nf4", "fp4"])
def test_with_independent_inputs_gptq_rounds_to_the_tables_too(scheme):
    weight = noise(5, 200)
    mine = gptq(weight, torch.eye(200), scheme, 8, True)
    torch.testing.assert_close(mine, quantized(weight, scheme, 8), rtol=1e-6, atol=0)


def test_with_independent_inputs_gptq_has_zero_points_too():
    weight = noise(5, 200)
    mine = gptq(weight, torch.eye(200), "int4", 50, False)
    torch.testing.assert_close(mine, quantized(weight, "int4", 50, False), rtol=1e-6, atol=0)


@pytest.mark.parametrize("sparsity", [0.0, 0.25, 0.5, 1.0])
def test_with_inputs_that_are_independent_sparsegpt_is_magnitude_in_each_block(sparsity):
    weight = noise(5, BLOCK + 72)
    blocks = [drop_lowest(weight[:, :BLOCK], sparsity), drop_lowest(weight[:, BLOCK:], sparsity)]
    mine = sparsegpt(weight, torch.eye(BLOCK + 72) * 7, sparsity)
    assert torch.equal(mine, torch.cat(blocks, 1))


# What the corrections are for


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("sparsity", [0.2, 0.5, 0.8])
def test_sparsegpt_leaves_less_error_than_magnitude(sparsity, seed):
    weight, inputs = noise(24, 64, seed=seed), correlated(400, 64, seed=seed)
    mine = sparsegpt(weight, hessian_of(inputs), sparsity)
    assert int((mine == 0).sum()) == round(sparsity * weight.numel())
    assert error(weight, mine, inputs) < 0.7 * error(weight, drop_lowest(weight, sparsity), inputs)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("scheme", ["int4", "int3", "int2", "nf4", "fp4", "ternary", "binary"])
def test_gptq_leaves_less_error_than_rounding_to_nearest(scheme, seed):
    weight, inputs = noise(24, 64, seed=seed), correlated(400, 64, seed=seed)
    mine = gptq(weight, hessian_of(inputs), scheme, 32, True)
    assert error(weight, mine, inputs) < error(weight, quantized(weight, scheme, 32), inputs)


def test_gptq_stays_on_the_grid():
    weight, inputs = noise(24, 64), correlated(400, 64)
    for group in (8, 32, 64):
        rounded = gptq(weight, hessian_of(inputs), "int3", group, True)
        for part in rounded.reshape(-1, group):
            assert len(part.unique()) <= 7
            steps = part / part[part != 0].abs().min() if part.any() else part
            multiples = [steps * k for k in (1, 2, 3)]  # the smallest may be one, two or three
            assert any(torch.allclose(m, m.round(), atol=1e-4) for m in multiples)


# Hessians that are hard


@pytest.mark.parametrize("tokens", [1, 2, 16])
def test_fewer_tokens_than_inputs_work(tokens):
    weight, inputs = noise(8, 64), correlated(tokens, 64)
    sparse = sparsegpt(weight, hessian_of(inputs), 0.5)
    rounded = gptq(weight, hessian_of(inputs), "int4", 32, True)
    assert sparse.isfinite().all()
    assert int((sparse == 0).sum()) == 256
    assert rounded.isfinite().all()
    assert error(weight, sparse, inputs) < error(weight, drop_lowest(weight, 0.5), inputs)
    assert error(weight, rounded, inputs) < error(weight, quantized(weight, "int4", 32), inputs)


def test_inputs_that_are_all_zero_leave_nothing():
    """No input ever says anything, so no weight does."""
    zeros = torch.zeros(10, 10)
    assert not sparsegpt(noise(6, 10), zeros, 0.5).any()
    assert not gptq(noise(6, 10), zeros, "int4", 5, True).any()


def test_an_all_zero_matrix_stays_zero():
    hessian = hessian_of(correlated(40, 10))
    assert not sparsegpt(torch.zeros(6, 10), hessian, 0.5).any()
    for scheme in ("int4", "nf4", "ternary", "binary", "fp8_e5m2"):
        assert not gptq(torch.zeros(6, 10), hessian, scheme, 5, True).any()


def test_a_single_weight_and_a_matrix_without_rows_work():
    assert sparsegpt(torch.ones(1, 1), torch.ones(1, 1), 0.0).tolist() == [[1.0]]
    assert sparsegpt(torch.ones(1, 1), torch.ones(1, 1), 1.0).tolist() == [[0.0]]
    assert gptq(torch.ones(1, 1), torch.ones(1, 1), "int4", 8, True).item() == pytest.approx(1)
    assert sparsegpt(torch.ones(0, 4), torch.eye(4), 0.5).shape == (0, 4)


def test_one_input_far_larger_than_the_rest_is_damped_until_it_works():
    """Activations of language models have such a column; 1e12 is beyond float32's digits."""
    inputs = correlated(300, 64)
    inputs[:, 7] *= 1e6
    weight = noise(8, 64)
    sparse = sparsegpt(weight, hessian_of(inputs), 0.5)
    assert sparse.isfinite().all()
    assert (sparse[:, 7] != 0).all()
    assert error(weight, sparse, inputs) < error(weight, drop_lowest(weight, 0.5), inputs)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("place", [(0, 0), (3, 3), (2, 5), (9, 9)])
def test_a_hessian_that_is_not_finite_is_refused_in_words(bad, place):
    hessian = hessian_of(correlated(40, 10))
    hessian[place] = hessian[place[::-1]] = bad
    for work in (lambda: sparsegpt(noise(6, 10), hessian, 0.5), lambda: gptq(noise(6, 10), hessian, "int4", 5, True)):
        with pytest.raises(RecipeError, match="cannot be used here"):
            work()


# The packaged model


class Errors:
    """Compares both algorithms with their plain counterparts at each matrix that a text reaches.

    tr(D H D^T) is ||(W - W') X||^2. It is taken as soon as a matrix has seen the text, so that
    only one Hessian is held at a time; the matrices before it stay as they were.
    """

    def __init__(self) -> None:
        self.ratios: dict[str, dict[str, float]] = {}
        self._seen: torch.Tensor | None = None

    def hook(self, name: str) -> Callable[..., None]:
        def compare(module: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
            x = given[0]
            if x is not self._seen:  # queries, keys and values share one input
                self._seen, rows = x, x[0, 1:].float()  # the first token is an attention sink
                self.hessian = rows.T @ rows
            weight = module.weight.detach().float()
            pairs = {
                "sparsegpt": (sparsegpt(weight, self.hessian, 0.5), drop_lowest(weight, 0.5)),
                "gptq": (gptq(weight, self.hessian, "int4", 64, True), quantized(weight, "int4", 64)),
            }
            self.ratios[name] = {
                method: self.error(weight, mine) / self.error(weight, plain) for method, (mine, plain) in pairs.items()
            }

        return compare

    def error(self, old: torch.Tensor, new: torch.Tensor) -> float:
        difference = old - new
        return float(((difference @ self.hessian) * difference).sum(dtype=torch.float64))


@pytest.mark.weights
def test_both_leave_less_error_in_every_matrix_of_every_tenth_layer_of_smollm2(smollm2):
    text = (ROOT / "assets" / "texts" / "calibration.txt").read_text(encoding="utf-8")
    ids = smollm2.tokenizer(text)["input_ids"][:1500]
    assert len(ids) == 1500
    errors, handles = Errors(), []
    for name, module in smollm2.model.named_modules():
        if isinstance(module, nn.Linear) and re.search(r"layers\.\d?0\.", name):
            handles.append(module.register_forward_pre_hook(errors.hook(name)))
    try:
        with torch.no_grad():
            smollm2.model(input_ids=torch.tensor([ids]), use_cache=False, logits_to_keep=1)
    finally:
        for handle in handles:
            handle.remove()
    assert len(errors.ratios) == 3 * 7
    for method in ("sparsegpt", "gptq"):
        worse = {n: r[method] for n, r in errors.ratios.items() if not r[method] <= 1}
        assert worse == {}, method
        assert np.mean([r[method] for r in errors.ratios.values()]) < 0.9
