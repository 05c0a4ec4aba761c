"""No edit may leave what is not a number, whatever it is and wherever it keeps its change."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from playground.engine.build import build
from playground.engine.fork import TensorChange
from playground.engine.fork.finite import PIECE, all_finite
from playground.engine.fork.side_layers import LowRank
from playground.engine.models.loader import CACHE
from playground.engine.nudging.edit import NudgeTokens
from playground.engine.recipe import parse
from playground.errors import RecipeError

NAME = "model.layers.1.mlp.up_proj.weight"
NUDGE = {"kind": "nudge_tokens", "text": " the", "target": " of"}
NOT_NUMBERS = (float("nan"), float("inf"), float("-inf"))


def test_all_finite_sees_every_place_of_any_tensor():
    for shape in ((), (1,), (3, 5), (2, PIECE // 2 + 7)):
        for dtype in (torch.float32, torch.bfloat16, torch.float16, torch.float64):
            tensor = torch.ones(shape, dtype=dtype)
            assert all_finite(tensor)
            for value in NOT_NUMBERS:
                tensor.view(-1)[-1] = value
                assert not all_finite(tensor)
    assert all_finite(torch.ones(0, 4))
    assert all_finite(torch.full((100,), 60_000.0, dtype=torch.float16))  # whose sum is not
    assert all_finite(torch.full((100,), 3e38))
    opposite = torch.tensor([float("inf"), float("-inf")])
    assert not all_finite(opposite)


def whole(fork, value):
    new = fork.tensor(NAME).clone()
    new[-1, -1] = value
    fork.replace(NAME, new)


def thin(fork, value):
    def make(inner, transposed):
        return LowRank(inner, transposed, torch.full((1, 32), value), torch.ones(48, 1), 1.0)

    fork.wrap(NAME, make)


def rows(fork, value):
    fork.patch_rows("input", torch.tensor([7]), torch.full((1, 32), value))


def head(fork, value):
    size = fork.tensor("lm_head.weight").shape
    fork.share(["lm_head.weight"], nn.Parameter(torch.full(size, value), requires_grad=False))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (whole, NAME),
        (thin, "model.layers.1.mlp.up_proj.down"),
        (rows, "model.embed_tokens.weight"),
        (head, "lm_head.weight"),
    ],
)
def test_an_edit_that_leaves_what_is_not_a_number_is_not_made(known, monkeypatch, change, named):
    for value in NOT_NUMBERS:

        def apply(self, fork, *work, value=value):
            change(fork, value)
            return [TensorChange(NAME, 1.0)]

        monkeypatch.setattr(NudgeTokens, "apply", apply)
        recipe = parse({"model": "tiny-llama", "edits": [NUDGE]})
        with pytest.raises(RecipeError, match=rf"leaves values in {named} that are not numbers"):
            build(recipe)
        assert ("fork", recipe.id) not in CACHE


def test_what_an_edit_did_not_change_is_not_looked_at(known, monkeypatch):
    from playground.engine import build as building

    seen = []
    monkeypatch.setattr(building, "all_finite", lambda tensor: seen.append(tensor.shape) or True)
    adapter = {"kind": "prune", "sparsity": 0.5, "targets": [NAME]}
    build(parse({"model": "tiny-llama", "edits": [NUDGE, adapter]}))
    assert [shape.numel() for shape in seen] == [32, 32, 48 * 32]  # two rows, and one matrix


def test_codes_and_learned_tokens_are_looked_at_too(known):
    """A packed layer keeps scales beside its codes: these are what could be no numbers."""
    packed = {"kind": "quantize", "scheme": "int8", "mode": "packed", "group_size": "channel"}
    plain = build(parse({"model": "tiny-llama", "edits": []})).fork
    fork = build(parse({"model": "tiny-llama", "edits": [packed]})).fork
    names = [name for name, _ in fork.fresh(plain)]
    assert any("up_proj" in name for name in names)
    assert not list(fork.fresh(fork))
