from __future__ import annotations

import pytest

from playground.engine.work import QUIET, Stopped, Work
from playground.errors import Message, PlaygroundError

READING, ROUNDING = Message("Reading…"), Message("Rounding {n}…", {"n": 2})


class Ear:
    """Hears every step, and may have had enough after some."""

    def __init__(self, enough: int | None = None) -> None:
        self.heard: list[tuple[int, int, str]] = []
        self.enough = enough
        self.work = Work(self.hear, lambda: len(self.heard) == self.enough)

    def hear(self, done: int, of: int, what: Message) -> None:
        self.heard.append((done, of, str(what)))


def test_every_step_is_heard_in_its_order():
    ear = Ear()
    ear.work.step(0, 2, READING)
    ear.work.step(1, 2, ROUNDING)
    assert ear.heard == [(0, 2, "Reading…"), (1, 2, "Rounding 2…")]


def test_the_step_after_stop_was_pressed_ends_the_work_and_is_not_heard():
    ear = Ear(enough=1)
    ear.work.step(0, 2, READING)
    with pytest.raises(Stopped) as stopped:
        ear.work.step(1, 2, ROUNDING)
    assert ear.heard == [(0, 2, "Reading…")]
    # The page may show it as it shows any refusal.
    assert isinstance(stopped.value, PlaygroundError)
    assert str(stopped.value) == "Stopped. Your recipe is as it was."


def test_work_that_nobody_waits_for_does_not_begin():
    ear = Ear(enough=0)
    with pytest.raises(Stopped):
        ear.work.step(0, 2, READING)
    with pytest.raises(Stopped):
        ear.work.part(0, 2, READING)
    assert ear.heard == []


def test_what_a_part_says_of_itself_is_shown_as_the_step_that_it_is():
    ear = Ear()
    part = ear.work.part(3, 10, ROUNDING)
    part.step(0, 500, READING)
    part.step(499, 500, READING)
    assert ear.heard == [(3, 10, "Rounding 2…")] * 3


def test_a_part_of_a_part_is_still_the_outermost_step():
    ear = Ear()
    inner = ear.work.part(1, 2, ROUNDING).part(7, 8, READING)
    inner.step(0, 500, READING)
    assert set(ear.heard) == {(1, 2, "Rounding 2…")}


def test_stop_reaches_into_a_part():
    ear = Ear(enough=2)
    part = ear.work.part(0, 1, READING).part(0, 1, READING)
    with pytest.raises(Stopped):
        part.step(0, 1, READING)
    assert len(ear.heard) == 2


def test_quiet_work_goes_on_and_tells_nobody():
    QUIET.step(0, 1, READING)
    QUIET.part(0, 1, READING).step(0, 1, READING)


def test_one_of_the_two_can_be_left_out():
    with pytest.raises(Stopped):
        Work(stopped=lambda: True).step(0, 1, READING)
    heard = []
    Work(lambda *step: heard.append(step)).step(0, 1, READING)
    assert heard == [(0, 1, READING)]
