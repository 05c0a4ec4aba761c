"""Whose turn it is: a newer press of a visitor's, a stop button or a closed page ends what goes on."""

from __future__ import annotations

import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from playground.engine.work import MOST_WORK_SECONDS, Work
from playground.errors import Message
from playground.ui.shell.page import session_of
from playground.ui.text import tell

SHOWN_EVERY = 0.25  # seconds between two steps of a progress
MOST_VISITORS = 4096  # whose turns are remembered


class Turns:
    """Whose turns are running or waiting. A visitor has one for each activity, whose names are the
    page's own; a newer turn of an activity ends the older, and leaves the other activities alone.
    """

    def __init__(self) -> None:
        # A visitor's turns are replaced, never changed: they are read without the lock.
        self._turns: OrderedDict[str, dict[str, int]] = OrderedDict()
        self._called: OrderedDict[tuple[str, str], int] = OrderedDict()  # the turn that was called last
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def begin(self, session: str, activity: str = "", *over: str) -> int:
        """A visitor pressed the button: the number of their turn.

        :param over: other activities that are of no use any more with this one.
        """
        with self._lock:
            turn = next(self._numbers)
            turns = self._without(session, over)
            self._turns[session] = {**turns, activity: turn}
            self._turns.move_to_end(session)
            while len(self._turns) > MOST_VISITORS:
                self._turns.popitem(last=False)
            return turn

    def called(self, session: str, activity: str, turn: int) -> int:
        """The turn of a call: its own, or the newest one where an earlier call had its own already.

        Of two quick presses the older one's number may reach the browser last, and then both calls carry it: the
        second of them is the newer press's.
        """
        with self._lock:
            if self._called.get((session, activity)) == turn:
                turn = self._turns.get(session, {}).get(activity, turn)
            self._called[session, activity] = turn
            self._called.move_to_end((session, activity))
            while len(self._called) > MOST_VISITORS:
                self._called.popitem(last=False)
            return turn

    def stopped(self, session: str, turn: int) -> Callable[[], bool]:
        """Whether a turn was stopped, overtaken, or its visitor left: asked between tokens."""
        return lambda: turn not in self._turns.get(session, {}).values()

    def stop(self, session: str, *activities: str) -> None:
        """End a visitor's turns of some activities, of all where none is named: at the next token,
        or before they have begun."""
        with self._lock:
            turns = self._without(session, activities) if activities else {}
            self._turns.pop(session, None)
            if turns:
                self._turns[session] = turns

    def _without(self, session: str, activities: Sequence[str]) -> dict[str, int]:
        turns = self._turns.get(session, {})
        return {name: turn for name, turn in turns.items() if name not in activities}


TURNS = Turns()


def work_for(session: str, turn: int, progress: Any, language: str) -> Work:
    """How a long computation shows its progress to a visitor, and when their turn is over.

    A step that comes too soon after another is not shown: drawing hundreds of them costs a browser
    on the same machine more than the computation.
    """
    shown_at = float("-inf")

    def on_step(done: int, of: int, what: Message) -> None:
        nonlocal shown_at
        now = time.monotonic()
        if now - shown_at >= SHOWN_EVERY:
            shown_at = now
            progress((done, of), desc=tell(language, what))

    ended, end = TURNS.stopped(session, turn), time.monotonic() + MOST_WORK_SECONDS
    return Work(on_step, lambda: ended() or time.monotonic() > end)


def leave(session: str) -> None:
    """A page was closed: nothing of its visitor's goes on."""
    TURNS.stop(session)


def begins(activity: str, *over: str) -> Callable[[gr.Request], int]:
    """The handler of a press that starts an activity; ``over`` names those that it ends."""

    def begin_run(request: gr.Request) -> int:
        return TURNS.begin(session_of(request), activity, *over)

    return begin_run


def stops(*activities: str) -> Callable[[gr.Request], None]:
    """The handler of a stop button: it ends these activities and no others."""

    def stop_run(request: gr.Request) -> None:
        TURNS.stop(session_of(request), *activities)

    return stop_run
