"""A long computation's line to whoever waits for it: how far it is, and whether to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playground.caller import over
from playground.engine.gate import GATE
from playground.errors import Message, PlaygroundError

MOST_WORK_SECONDS = 900.0  # one visitor's work in the common line at a time


class Stopped(PlaygroundError):  # noqa: N818  # not an error of anybody's
    """The one who asked for it pressed stop, or left."""


@dataclass(frozen=True)
class Work:
    """Told by a computation after every step of it.

    :param on_step: gets (steps done, steps in all, what is being done).
    :param stopped: asked at every step; true ends the computation with :class:`Stopped`.
    """

    on_step: Callable[[int, int, Message], None] = lambda done, of, what: None
    stopped: Callable[[], bool] = lambda: False

    def step(self, done: int, of: int, what: Message) -> None:
        """Say how far it is.

        :raises Stopped: nobody waits for it any more.
        """
        GATE.note()
        self.check()
        self.on_step(done, of, what)

    def check(self) -> None:
        """Whether to go on, where there is nothing to say.

        :raises Stopped: nobody waits for it any more.
        """
        if self.stopped() or over():
            raise Stopped("Stopped. Your recipe is as it was.")

    def part(self, done: int, of: int, what: Message) -> Work:
        """For one step of several: whatever it says of itself is shown as this step.

        :raises Stopped: nobody waits for it any more.
        """
        self.step(done, of, what)
        return Work(lambda *_: self.on_step(done, of, what), self.stopped)


QUIET = Work()
