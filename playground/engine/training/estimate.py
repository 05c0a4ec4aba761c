"""What a training run will take, before it begins: numbers that learn, memory, time.

Counts are exact; memory and time are estimates, for deciding and not for measuring.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from playground.engine.adapters.base import linear_layers
from playground.engine.fork import Fork
from playground.engine.fork.structure import layers
from playground.engine.measuring.sizes import sizes
from playground.engine.training.data import DataError
from playground.engine.training.methods import METHODS
from playground.engine.training.settings import TrainingSettings
from playground.settings import settings as settings_

MOST_HOURS = 4
WIDE = 4  # bytes of a float32
SPEED_TRIES = 24
SPEED_SECONDS = 1.0  # of trying at most
EFFICIENCY = 0.45  # of a large matrix product's speed that a training step reaches


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Of one run.

    ``weights`` are the model's own, shared with everybody; ``trained`` are copies that learn,
    their float32 copies included. All in bytes but ``parameters``, ``share`` and ``seconds``.
    """

    parameters: int
    share: float
    weights: int
    trained: int
    gradients: int
    optimizer: int
    activations: int
    seconds: float

    @property
    def extra(self) -> int:
        """Bytes beside the shared model."""
        return self.trained + self.gradients + self.optimizer + self.activations


def estimate(fork: Fork, settings: TrainingSettings, examples: int, tokens: float) -> Estimate:
    """What a run on a fork will take.

    :param examples: how many are trained on.
    :param tokens: in an example, on average.
    """
    method = METHODS[settings.method]
    learn, model = method.numbers(fork, settings), sizes(fork, count_zeros=False).weights
    width = fork.base.dtype.itemsize
    own = width if method.inside else WIDE  # bytes of a number that learns
    masters = WIDE if own < WIDE else 0
    steps = settings.total_steps(examples) * settings.accumulate
    seen = steps * settings.batch * tokens
    return Estimate(
        parameters=learn,
        share=learn / model,
        weights=sum(fork.base.storages().values()),
        trained=learn * (own + masters),
        gradients=learn * (own + masters),
        optimizer=learn * 2 * WIDE,
        activations=activations(fork, settings, tokens),
        seconds=seen * _operations(model, learn, settings) / _speed(fork.base.dtype),
    )


def check_run(fork: Fork, settings: TrainingSettings, examples: int, longest: int, tokens: float) -> None:
    """Refuse a run that would take the host's memory or hours from everybody.

    :param longest: tokens in the longest example, which decides over memory.
    :param tokens: in an example, on average, which decides over time.
    :raises DataError: naming what it would take and what is allowed.
    """
    needed, limit = estimate(fork, settings, examples, longest).extra, settings_().memory_bytes
    if needed > limit:
        raise DataError(
            "This run would take about {needed} GB of memory beside the model, and {limit} GB are "
            "allowed here. Lower the batch size or the length, or choose LoRA.",
            needed=f"{needed / 1e9:.1f}",
            limit=f"{limit / 1e9:.1f}",
        )
    hours = estimate(fork, settings, examples, tokens).seconds / 3600
    if hours > MOST_HOURS:
        raise DataError(
            "This run would take about {needed} hours here, and {limit} are allowed. Lower the "
            "steps, the passes or the batch size.",
            needed=f"{hours:.1f}",
            limit=MOST_HOURS,
        )


def _operations(model: int, learn: int, settings: TrainingSettings) -> float:
    """Floating-point operations for each token: 2 N forward, 2 N for the gradients of what flows
    back, 2 for each number that learns; once more forward with checkpointing."""
    again = 2 * model if settings.checkpointing else 0
    back = 2 * model
    if METHODS[settings.method].shallow:
        back = min(back, 4 * learn)
    return 2 * model + back + 2 * learn + again


@cache
def _speed(dtype: torch.dtype) -> float:
    """Floating-point operations in a second that training reaches here, from a short product of such numbers."""
    a = torch.ones(512, 576, dtype=dtype)
    b = torch.ones(576, 1536, dtype=dtype)
    begun = time.perf_counter()
    taken: list[float] = []
    while len(taken) < SPEED_TRIES and time.perf_counter() - begun < SPEED_SECONDS:
        start = time.perf_counter()  # the best of them: another may be using the processor meanwhile
        a @ b
        taken.append(time.perf_counter() - start)
    return EFFICIENCY * 2 * 512 * 576 * 1536 / min(taken)


def activations(fork: Fork, settings: TrainingSettings, tokens: float) -> int:
    """Bytes kept between the passes forward and back, from the layers' shapes.

    For each token and layer about the inputs of every matrix, twice the residual stream's width
    for norms, and the attention's answers; with checkpointing one residual stream for each layer
    and one layer's in full; and the float32 logits of what is counted, with their gradient.
    """
    config: Any = fork.base.model.config
    rows = settings.batch * tokens
    columns = sum(matrix.columns for matrix in linear_layers(fork).values())
    _, stack = layers(fork.model)
    each = fork.base.dtype.itemsize
    wide = config.hidden_size * 6 * len(stack)
    inner = (columns + wide) * each * 2
    if settings.checkpointing:
        inner = inner / max(1, len(stack)) + config.hidden_size * each * len(stack)
    # The logits, a copy of those that count, the same in float32 with their softmax, and gradients.
    head = (4 * each + 3 * WIDE) * config.vocab_size * 0.7  # about the share of completions
    return int(rows * (inner + head))
