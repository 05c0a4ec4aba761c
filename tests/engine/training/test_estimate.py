"""What is said before a run, against the run itself."""

from __future__ import annotations

import pytest

from playground.engine.fork import Fork
from playground.engine.training import estimate as estimates
from playground.engine.training.data import DataError
from playground.engine.training.estimate import activations, check_run, estimate
from playground.engine.training.methods import METHODS
from playground.engine.training.prepare import prepare_training
from playground.engine.training.settings import TrainingSettings
from playground.errors import PlaygroundError


@pytest.mark.parametrize("method", METHODS)
def test_the_numbers_that_learn_are_counted_before_as_they_are_after(layout, method):
    settings = TrainingSettings(method=method, rank=3, layers=1, virtual_tokens=5)
    fork = Fork(layout)
    if method == "qlora" and layout.entry.id == "tiny-gpt2-layout":
        with pytest.raises(PlaygroundError, match="plain linear layers"):
            prepare_training(fork, settings)
        return
    assert METHODS[settings.method].numbers(fork, settings) == prepare_training(fork, settings).count()


def test_memory_by_part_for_a_case_worked_by_hand(llama):
    settings = TrainingSettings(method="full", batch=2, steps=3)
    found = estimate(Fork(llama), settings, 10, 16)
    count = sum(p.numel() for p in llama.model.parameters())
    assert found.parameters == count
    assert found.share == 1
    # float32 here: the copy that learns, its gradient, and AdamW's two averages
    assert (found.trained, found.gradients, found.optimizer) == (4 * count, 4 * count, 8 * count)
    assert found.extra == 16 * count + found.activations
    assert found.seconds > 0


def test_speed_is_of_the_models_own_numbers(llama, monkeypatch):
    """A processor without native bfloat16 multiplies it fifty times as slowly as the float32 that it trains in."""
    asked = []
    monkeypatch.setattr(estimates, "_speed", lambda dtype: asked.append(dtype) or 1e9)
    assert estimate(Fork(llama), TrainingSettings(steps=3), 10, 16).seconds > 0
    assert asked == [llama.dtype]


def test_a_run_beyond_the_hosts_memory_or_patience_is_refused(llama, monkeypatch):
    fork, plain = Fork(llama), TrainingSettings(steps=5)
    check_run(fork, plain, 10, 100, 50.0)
    with pytest.raises(DataError, match="GB of memory beside the model"):
        check_run(fork, plain.model_copy(update={"batch": 32}), 10, 10**9, 50.0)
    with pytest.raises(DataError, match=r"hours here, and 4 are allowed"):
        check_run(fork, plain.model_copy(update={"steps": 2000}), 10, 100, 10**12)


def test_more_tokens_take_more_and_checkpointing_less(llama):
    fork, settings = Fork(llama), TrainingSettings(batch=2)
    assert activations(fork, settings, 32) == pytest.approx(2 * activations(fork, settings, 16), 1)
    saving = settings.model_copy(update={"checkpointing": True})
    assert activations(fork, saving, 32) < activations(fork, settings, 32)
