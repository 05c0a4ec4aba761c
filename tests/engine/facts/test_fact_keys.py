"""Keys and their second moment, against what numpy makes of captured activations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from playground.engine.decoding.continuation import Line
from playground.engine.facts import keys
from playground.engine.facts.float32_fork import float32_copy
from playground.engine.facts.keys import look_at_keys, second_moments, subject_states
from playground.engine.fork import Fork
from playground.engine.fork.structure import mlp_outputs
from playground.engine.measuring.calibration import calibration_text
from playground.engine.models.loader import CACHE
from playground.engine.work import QUIET, Stopped, Work

LINES = [Line((5, 9, 30, 41, 7), 1, 2, (3,)), Line((11, 60, 2), 0, 1, ()), Line((4, 8), 0, 0, (8, 9))]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    CACHE.clear()
    monkeypatch.setattr(keys, "MOMENT_TOKENS", 700)
    yield
    CACHE.clear()


def captured(fork, matrix, ids):
    """(tokens, in) what reached a matrix for one text."""
    seen = []
    module = fork.model.get_submodule(matrix.name.rpartition(".")[0])
    hook = module.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        fork.model(input_ids=torch.tensor([ids]), use_cache=False)
    hook.remove()
    return seen[0].reshape(len(ids), -1).double().numpy()


def test_the_second_moment_is_numpys(layout):
    own = float32_copy(Fork(layout))
    matrices = list(mlp_outputs(own).values())
    assert [matrix.layer for matrix in matrices] == [0, 1]
    found = second_moments(own, matrices, QUIET).of
    ids = layout.tokenizer(calibration_text(), add_special_tokens=False)["input_ids"][:700]
    parts = [ids[:512], ids[512:]]
    for matrix in matrices:
        seen = np.concatenate([captured(own, matrix, part) for part in parts])
        wanted = np.einsum("ti,tj->ij", seen, seen) / 700
        got = found[matrix.name].numpy()
        np.testing.assert_allclose(got, wanted, atol=1e-5 * np.abs(wanted).max(), rtol=1e-4)


def test_the_second_moment_is_worked_out_once_for_a_variant(llama):
    told = []
    work = Work(lambda *step: told.append(step))
    own = float32_copy(Fork(llama))
    own.origin = "a recipe"
    first, second = mlp_outputs(own).values()
    one = second_moments(own, [first], work).of[first.name]
    steps = len(told)
    assert steps == 2  # windows
    again = second_moments(own, [first, second], work).of
    assert again[first.name] is one
    assert len(told) == 2 * steps  # for the other matrix alone
    own.origin = "another"
    assert second_moments(own, [first], work).of[first.name] is not one
    own.origin = None  # nobody knows what it is: nothing is kept
    second_moments(own, [first], work)
    second_moments(own, [first], work)
    assert len(told) == 5 * steps


def test_an_origin_goes_back_over_edits_that_a_key_cannot_see(llama):
    own = Fork(llama)
    assert own.origin_at(0) is None
    own.origin, own.trail = "c", (("b", 1), ("a", 0))
    assert own.origin_at(1) == "b"  # what changed since "a" comes before this layer's keys
    assert own.origin_at(0) == "a"
    assert own.origin_at(2) == "c"


def test_reading_can_be_stopped(llama):
    own = float32_copy(Fork(llama))
    with pytest.raises(Stopped):
        second_moments(own, list(mlp_outputs(own).values()), Work(stopped=lambda: True))


def test_a_look_sees_what_each_line_alone_shows(layout, logits):
    own = float32_copy(Fork(layout))
    matrix = mlp_outputs(own)[1]
    seen = look_at_keys(own, matrix, LINES)
    for row, one in enumerate(LINES):
        ids = list(one.ids)
        wanted = captured(own, matrix, ids)[one.subject]
        np.testing.assert_allclose(seen.keys[row].numpy(), wanted, atol=2e-4, rtol=1e-3)
        full = logits(own, ids)
        for place, target in enumerate(range(len(ids) - max(1, len(one.target)), len(ids))):
            torch.testing.assert_close(seen.logits[row, place], full[target], atol=2e-3, rtol=1e-3)


def test_states_are_means_over_a_facts_lines(llama):
    own = float32_copy(Fork(llama))
    matrix = mlp_outputs(own)[0]
    found, after = subject_states(own, matrix, [LINES[:2], LINES[2:]])
    alone = look_at_keys(own, matrix, LINES)
    torch.testing.assert_close(found[0], alone.keys[:2].mean(0), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found[1], alone.keys[2], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(after[0], alone.after[:2].mean(0), atol=1e-5, rtol=1e-4)
