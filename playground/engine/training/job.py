"""A training run as those see it who wait for it: what was asked, how far it is, what came of it.

Imports nothing that trains: PEFT takes seconds, and the page asks for jobs before.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from playground import owners
from playground.engine.recipe import Recipe
from playground.engine.training.data import Example
from playground.engine.training.points import TrainingPoint
from playground.engine.training.settings import TrainingSettings
from playground.errors import Message

if TYPE_CHECKING:
    from playground.engine.training.run import TrainingRun

Status = Literal["waiting", "preparing", "training", "stopped", "done", "failed"]


@dataclass(frozen=True)
class BeforeAfter:
    """One prompt, before and after training."""

    prompt: str
    before: str
    after: str


@dataclass(kw_only=True)
class Job:
    """One run: what was asked, how far it is, and what came of it."""

    id: str
    recipe: Recipe
    examples: Sequence[Example]  # empty where they are on the disk alone, or needed no more
    settings: TrainingSettings
    title: str
    prompts: tuple[str, ...]
    status: Status = "waiting"
    run: TrainingRun | None = None
    points: tuple[TrainingPoint, ...] = ()
    total: int = 0
    source: str = ""  # the adapter's id in the store
    error: Message | None = None
    told: Message | None = None  # what happened to it meanwhile: a restart, the turn of others
    answers: tuple[BeforeAfter, ...] = ()
    general: tuple[float, float] | None = None  # perplexity before and after
    ended: float = 0.0  # when, by the clock that only goes forward
    since: float = field(default_factory=time.monotonic)  # in its status, by the same clock
    stopping: threading.Event = field(default_factory=threading.Event)
    owner: str = field(default_factory=owners.current)  # for whom its adapter is kept
    session: str = ""  # a keyed hash of whose page it is; "" for none
    queued: float = 0.0  # when, by the host's clock: the order after a restart
    saved: int = 0  # the step of the state that is on the disk, 0 for none
    restarts: int = 0  # of the host while it ran

    def enter(self, status: Status) -> None:
        """Be in a status from now on."""
        self.status, self.since = status, time.monotonic()

    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.status in ("waiting", "preparing", "training")

    def resumable(self) -> bool:
        """Whether it can go on from where it was stopped, or begin if it had not."""
        state_kept = self.run is not None or self.saved > 0
        return self.status == "stopped" and (state_kept or not self.points)

    def seconds_left(self) -> float | None:
        """From the time that its steps took so far; None before the first."""
        if not self.points:
            return None
        last = self.points[-1]
        return last.seconds / last.step * (self.total - last.step)
