from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest

from playground.engine.gate import COME_BACK, LONGEST_PAUSE, LONGEST_REST, QUIET_SECONDS, Gate, Share, Turns


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def busy(gate: Gate, clock: Clock) -> Callable[[float], None]:
    """Sleeping, and somebody is at work all the time."""

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        gate.note()

    return sleep


def test_training_does_not_rest_while_nobody_is_answered():
    clock = Clock()
    assert Gate(clock).rest(clock.sleep) == 0


def test_training_rests_until_the_last_token_is_a_moment_ago():
    clock = Clock()
    gate = Gate(clock)
    gate.note()
    assert gate.rest(clock.sleep) == pytest.approx(QUIET_SECONDS, abs=0.03)
    assert gate.rest(clock.sleep) == 0


def test_training_goes_on_under_a_steady_load():
    clock = Clock()
    gate = Gate(clock)
    gate.note()
    assert gate.rest(busy(gate, clock)) == pytest.approx(LONGEST_REST, abs=0.1)


def test_scoring_pauses_for_answers_alone_and_not_for_long():
    clock = Clock()
    gate = Gate(clock)
    gate.note()
    assert gate.rest(busy(gate, clock), LONGEST_PAUSE, lambda: False) == 0
    assert gate.rest(busy(gate, clock), LONGEST_PAUSE, lambda: True) == pytest.approx(LONGEST_PAUSE, abs=0.1)


class Line:
    """Threads that take turn after turn, each a second of a clock that stands otherwise."""

    def __init__(self, weights: dict[str, float], turns: int) -> None:
        self.clock, self.taken, self.over = Clock(), list[str](), threading.Event()
        self.turns, self.most = Turns(self.clock), turns
        self.here = threading.Barrier(len(weights) + 1)
        self.threads = [threading.Thread(target=self.take, args=item) for item in weights.items()]

    def take(self, name: str, weight: float) -> None:
        share = Share()
        self.here.wait()
        while not self.over.is_set():
            with self.turns.turn(share, weight):
                self.clock.sleep(1.0)
                self.taken.append(name)
                if len(self.taken) >= self.most:
                    self.over.set()

    def run(self) -> Counter[str]:
        for thread in self.threads:
            thread.start()
        with self.turns.turn(Share()):  # nobody begins before all have come
            self.here.wait()
            while len(self.turns._line) < len(self.threads):
                time.sleep(0.001)
        for thread in self.threads:
            while thread.is_alive():
                thread.join(0.05)
                self.clock.sleep(COME_BACK if self.over.is_set() else 0)  # whoever is waited for has gone
        return Counter(self.taken[: self.most])


@pytest.mark.parametrize(
    ("weights", "shares"),
    [
        ({"a": 1.0, "b": 1.0}, {"a": 20, "b": 20}),
        ({"many": 3.0, "one": 1.0}, {"many": 30, "one": 10}),
        ({"many": 2.0, "one": 1.0, "another": 1.0}, {"many": 20, "one": 10, "another": 10}),
    ],
)
def test_turns_are_shared_out_by_weight(weights, shares):
    taken = Line(weights, 40).run()
    assert all(abs(taken[name] - share) <= 2 for name, share in shares.items()), taken


def test_whoever_comes_late_has_no_more_than_its_share():
    clock = Clock()
    turns, early, late = Turns(clock), Share(), Share()
    for _ in range(50):
        with turns.turn(early):
            clock.sleep(1.0)
    with turns.turn(late):
        clock.sleep(1.0)
    assert late.had == pytest.approx(early.had, abs=1.0)  # and not fifty turns behind


def test_nobody_is_waited_for_longer_than_a_moment():
    clock = Clock()
    turns, gone, other = Turns(clock), Share(), Share()
    other.had = 5.0
    with turns.turn(gone):
        clock.sleep(1.0)  # and before the other, if it came back
    begun = threading.Event()

    def take() -> None:
        with turns.turn(other):
            begun.set()

    thread = threading.Thread(target=take)
    thread.start()
    assert not begun.wait(0.1)
    clock.sleep(COME_BACK)
    assert begun.wait(10)
    thread.join()


def test_all_with_one_share_have_it_together():
    """Two who wait at once with one share are charged both."""
    clock, shared = Clock(), Share()
    turns, held = Turns(clock), threading.Event()

    def take() -> None:
        with turns.turn(shared):
            clock.sleep(1.0)

    threads = [threading.Thread(target=take) for _ in range(3)]
    with turns.turn(Share()):
        for thread in threads:
            thread.start()
        while len(turns._line) < 3:
            held.wait(0.001)
    for thread in threads:
        thread.join(10)
    assert shared.had == pytest.approx(3.0)


def test_a_wait_that_was_interrupted_leaves_nobody_in_the_line(monkeypatch):
    turns = Turns(Clock())
    turns._busy = True

    def interrupted(timeout: float | None = None) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(turns._change, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt), turns.turn(Share()):
        pass
    assert turns._line == []
