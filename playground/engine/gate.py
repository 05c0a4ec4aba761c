"""Who computes: answers first. Scoring rests between its pieces, and training between its steps.

Two computations at once on two cores take far longer than one after the other, so whatever is done for a waiting
visitor notes that it is at work: training waits until nobody is, scoring until nobody is being answered, but never
longer than a bound, so that both go on under a steady load too.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

QUIET_SECONDS = 0.3  # without a note: nobody is at work
LONGEST_REST = 5.0  # between two steps of training
LONGEST_PAUSE = 1.0  # between two pieces of scoring
COME_BACK = 0.01  # seconds that whoever is before the others has to ask for its next step
_LOOK = 0.02


class Gate:
    """When somebody was last at work for a visitor."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._last = clock, float("-inf")

    def note(self) -> None:
        """Said at every token and every step of what a visitor waits for."""
        self._last = self._clock()

    def rest(
        self,
        sleep: Callable[[float], None] = time.sleep,
        longest: float = LONGEST_REST,
        busy: Callable[[], bool] = lambda: True,
    ) -> float:
        """Wait until nobody is at work, or long enough; the seconds waited.

        :param busy: false where it is known that nobody is.
        """
        start = self._clock()
        while busy() and (now := self._clock()) - self._last < QUIET_SECONDS:
            if now - start >= longest:
                break
            sleep(_LOOK)
        return self._clock() - start


GATE = Gate()
ANSWERS = Gate()  # noted at every step of decoding


class Share:
    """What one of those who take turns has had: seconds, by its weight."""

    def __init__(self) -> None:
        self.had = 0.0


class Turns:
    """One step at a time in the process: two at once on two cores take longer than one after the other.

    Whose turn it is goes by start-time fair queueing (Goyal et al. 1996): of those who wait, whoever has had the least
    for its weight. Whoever was just at work and is still before the others has a moment to come back with its next
    step (anticipatory scheduling, Iyer and Druschel 2001); without it everybody would get every other turn.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._now = clock, 0.0  # of the time that was shared out
        self._line: list[tuple[float, int, Share]] = []
        self._numbers = itertools.count()
        self._busy, self._last, self._until = False, Share(), 0.0
        self._change = threading.Condition()

    @contextmanager
    def turn(self, share: Share, weight: float = 1.0) -> Iterator[None]:
        """Wait for one's turn, and hold it.

        :param weight: how much of the time it may have beside one of 1.
        """
        with self._change:
            me = max(self._now, share.had), next(self._numbers), share
            self._line.append(me)
            self._change.notify_all()  # it may be the one that is waited for
            try:
                while self._busy or self._before(me):
                    self._change.wait(None if self._busy else COME_BACK)
            finally:  # a wait that was interrupted leaves nobody in the line
                self._line.remove(me)
                self._change.notify_all()
            self._busy, self._now = True, me[0]
        begun = self._clock()
        try:
            yield
        finally:
            with self._change:
                end = self._clock()
                share.had = max(share.had, me[0]) + (end - begun) / weight  # of several with one share all count
                self._busy, self._last, self._until = False, share, end + COME_BACK
                self._change.notify_all()

    def _before(self, me: tuple[float, int, Share]) -> bool:
        """Whether somebody is before, in the line or about to come back to it."""
        first = min(self._line, key=lambda one: one[:2])
        back = self._last is not me[2] and self._last.had < me[0] and self._clock() < self._until
        return first is not me or back


TURNS = Turns()
SCORING = Share()  # all who are scored, together


@contextmanager
def piece(answering: Callable[[], bool]) -> Iterator[None]:
    """A piece of scoring: after those who are answered have had a moment, and nothing beside it.

    :param answering: whether anybody is.
    """
    ANSWERS.rest(longest=LONGEST_PAUSE, busy=answering)
    with TURNS.turn(SCORING):
        yield
