from __future__ import annotations

from collections.abc import Callable

import pytest

from playground.engine.gate import LONGEST_PAUSE, LONGEST_REST, QUIET_SECONDS, Gate


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
