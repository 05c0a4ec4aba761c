"""What a step of decoding takes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from playground.engine.decoding.key_values import KeyValues
from playground.engine.decoding.plan import plan_of
from playground.engine.decoding.seats import LEAST_ROWS
from playground.engine.fork import Fork
from playground.engine.gate import GATE, SCORING, TURNS


def step_seconds(fork: Fork, prompt: Sequence[int], rows: int, steps: int) -> Iterator[float]:
    """Seconds of each of some decoding steps for the same prompt in several rows.

    What the tokens are does not matter for the time, so no row ends.
    """
    plan, slots = plan_of(fork), max(rows, LEAST_ROWS)
    kept: Any = plan.room(slots, fork.virtual_count() + len(prompt) + steps)
    for row in range(slots):
        with torch.inference_mode():
            if row:  # the same was read once
                if isinstance(kept, KeyValues):
                    kept.copy(0, row, kept.lengths[0])
                else:
                    kept.fill(row, kept.reading[0], kept.lengths[0])
                continue
            plan.begin(kept, row)
            for start in range(0, len(prompt), plan.piece):
                plan.read(prompt[start : start + plan.piece], kept, row)
    for _ in range(steps):
        GATE.note()
        with TURNS.turn(SCORING), torch.inference_mode():
            begun = time.perf_counter()  # not while others have their turns
            plan.logits(plan.step([prompt[-1]] * slots, kept))
            spent = time.perf_counter() - begun
        kept.lengths = [length + 1 for length in kept.lengths]
        yield spent
