"""Who computes: answers first. Scoring rests between its pieces, and training between its steps.

Two computations at once on two cores take far longer than one after the other, so whatever is done for a waiting
visitor notes that it is at work: training waits until nobody is, scoring until nobody is being answered, but never
longer than a bound, so that both go on under a steady load too.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

QUIET_SECONDS = 0.3  # without a note: nobody is at work
LONGEST_REST = 5.0  # between two steps of training
LONGEST_PAUSE = 1.0  # between two pieces of scoring
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


class Turns:
    """One step at a time in the process, whoever came first: two at once on two cores take longer than one after
    the other."""

    def __init__(self) -> None:
        self._line: deque[object] = deque()
        self._change = threading.Condition()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn, and hold it."""
        me = object()
        with self._change:
            self._line.append(me)
            while self._line[0] is not me:
                self._change.wait()
        try:
            yield
        finally:
            with self._change:
                self._line.popleft()
                self._change.notify_all()


TURNS = Turns()


@contextmanager
def piece(answering: Callable[[], bool]) -> Iterator[None]:
    """A piece of scoring: after those who are answered have had a moment, and nothing beside it.

    :param answering: whether anybody is.
    """
    ANSWERS.rest(longest=LONGEST_PAUSE, busy=answering)
    with TURNS.turn():
        yield
