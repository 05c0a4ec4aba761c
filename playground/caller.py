"""Whether the one who asked through a public endpoint still waits, and has time left.

Asked between the steps of every computation, so that what nobody waits for ends. Ambient, since a
call goes through functions of every room that need not know of it; a computation that was not
asked for by an endpoint (the page's own have a stop button) is never over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_OVER: ContextVar[Callable[[], bool]] = ContextVar("over", default=lambda: False)


def over() -> bool:
    """Whether nobody waits for this thread's work any more, or its time is up."""
    return _OVER.get()()


@contextmanager
def until(ended: Callable[[], bool]) -> Iterator[None]:
    """What is done inside is over when ``ended()``, or what it is done within."""
    outer = _OVER.get()
    token = _OVER.set(lambda: ended() or outer())
    try:
        yield
    finally:
        _OVER.reset(token)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What is done inside is over after some seconds."""
    end = time.monotonic() + seconds
    with until(lambda: time.monotonic() > end):
        yield


_name: Callable[[], str] = lambda: ""  # noqa: E731


def ask(name: Callable[[], str]) -> None:
    """Say how to find out for which visitor the calling thread works."""
    global _name
    _name = name


def who() -> str:
    """The visitor for whom the calling thread works, "" for none in particular: turns are shared out by it."""
    return _name()
