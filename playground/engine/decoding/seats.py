"""Who is in a batch: answers that were asked for together, and the seat of each."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from playground.engine.decoding.generate import Row, Sampling
from playground.engine.decoding.thin import Thin

# Matrix products of one row go another way through the processor's library than those of several, and round
# differently: a single row is never decoded alone.
LEAST_ROWS = 2
_NUMBERS = itertools.count()


@dataclass(eq=False)
class Seat:
    """One answer in a batch; ``read`` counts its prompt's tokens that were read."""

    row: Row
    prompt: Sequence[int]
    job: Job
    number: int  # who came first
    chance: torch.Generator
    read: int = 0
    last: Tensor | None = None  # what came of the prompt's last token

    def shares(self, other: Seat, piece: int) -> int:
        """How many tokens of its prompt another has read for it: the same weights', whole pieces or all of it."""
        if other.job.weights is not self.job.weights:
            return 0
        if self.prompt == other.prompt and other.read == len(other.prompt):
            return len(self.prompt)
        most = min(other.read, len(self.prompt) - 1) // piece * piece
        while most and self.prompt[:most] != other.prompt[:most]:
            most -= piece
        return most

    @property
    def thin(self) -> Thin | None:
        """What its fork has beside the base whose batch it is in."""
        return self.job.thin

    @property
    def needs(self) -> int:
        """Places: learned tokens, prompt and answer."""
        return self.job.ahead + len(self.prompt) + self.job.sampling.max_new_tokens


@dataclass(eq=False)
class Job:
    """Answers that were asked for together.

    :param ahead: learned tokens before each.
    :param thin: what their fork has beside the base; None where the fork has a batch of its own.
    :param weights: the same for those that the same weights answer.
    :param grown: how often something came of it, and how much of that its owner has seen.
    """

    who: str
    sampling: Sampling
    ends: set[int]
    ahead: int
    thin: Thin | None = None
    weights: object = None
    seats: list[Seat] = field(default_factory=list)
    grown: int = 0
    seen: int = 0
    spent: float = 0.0  # seconds that the batch was at work for it

    def add(self, prompt: Sequence[int]) -> None:
        """One more prompt to be answered."""
        chance = torch.Generator().manual_seed(self.sampling.seed)
        self.seats.append(Seat(Row(len(prompt)), prompt, self, next(_NUMBERS), chance))

    @property
    def rows(self) -> list[Row]:
        """The answers."""
        return [seat.row for seat in self.seats]
