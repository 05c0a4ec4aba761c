"""Who computes: answers first. Training rests between its steps while somebody is being answered.

Two computations at once on two cores take far longer than one after the other, so whatever is
done for a waiting visitor notes that it is at work, and training waits until nobody is, but never
longer than a bound, so that it goes on under a steady load too.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

QUIET_SECONDS = 0.3  # without a note: nobody is being answered
LONGEST_REST = 5.0  # between two steps of training
_LOOK = 0.02


class Gate:
    """When somebody was last at work for a visitor."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._last = clock, float("-inf")

    def note(self) -> None:
        """Said at every token and every step of what a visitor waits for."""
        self._last = self._clock()

    def rest(self, sleep: Callable[[float], None] = time.sleep) -> float:
        """Wait until nobody is being answered, or long enough; the seconds waited."""
        start = self._clock()
        while (now := self._clock()) - self._last < QUIET_SECONDS:
            if now - start >= LONGEST_REST:
                break
            sleep(_LOOK)
        return self._clock() - start


GATE = Gate()


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
