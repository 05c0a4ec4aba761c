"""What is known of a training run after each of its steps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TrainingPoint:
    """What is known after a step.

    :param loss: mean over the step's counted tokens, in nats.
    :param held: the same over held-out examples, at checks only.
    :param sample: an answer to the first held-out (or first) prompt, at checks only.
    """

    step: int
    loss: float
    rate: float
    seconds: float  # of training so far, pauses left out
    held: float | None = None
    sample: str | None = None
