"""Work that tells of ways by what they are called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from playground.engine.work import Work
from playground.errors import Message


def work_by_names(work: Work, named: Callable[[str], str]) -> Work:
    """The same, with the names of ways in the place of their ids.

    :param named: what a way is called.
    """

    def on_step(done: int, of: int, what: Message) -> None:
        way = what.values.get("way")
        values = {**what.values, "way": named(str(way))} if way else what.values
        work.on_step(done, of, replace(what, values=values))

    return Work(on_step, work.stopped)
