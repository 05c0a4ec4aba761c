"""Pressing what starts a run, as the page does: with what stands in its form, and a turn."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gradio as gr

from playground.ui.shell.form import Form
from playground.ui.shell.run import RUNS, Run
from playground.ui.shell.turns import TURNS

VISITOR = "somebody"


def visitor(name: str = VISITOR) -> Any:
    """The request of a visitor, as far as handlers look at it."""
    return SimpleNamespace(session_hash=name)


def quiet(*args: object, **kwargs: object) -> None:
    """A progress that nobody looks at."""


def begin(name: str, who: str = VISITOR) -> int:
    """A turn of a visitor's."""
    run = RUNS[name]
    return TURNS.begin(who, run.activity or run.name, *run.over)


def standing(run: Run) -> dict[str, Any]:
    """What stands in a run's form when the page opens."""
    return {name: getattr(part, "default_value", part.value) for name, part in run.form.items()}


def press(name: str, *, turn: int | None = None, who: str = VISITOR, progress: Any = quiet, **values: Any) -> Any:
    """What a run gives back, with some values of its form other than when the page opens."""
    run = RUNS[name]
    assert set(values) <= set(run.form), (name, set(values) - set(run.form))
    stands = standing(run) | values
    given = {part: stands[key] for key, part in run.form.items()}
    return run.call({**given, run.turn: begin(name, who) if turn is None else turn}, visitor(who), progress)


def streams(handler):
    """A run whose handler gives one thing after another, called with a value and a language."""
    form, told = Form(value=gr.State(), language=gr.Textbox()), gr.HTML()
    run = Run(name="streamed", handler=handler, form=form, outputs=[told], told=told)

    def call(value, language="en"):
        turn = TURNS.begin("somebody", "streamed")
        return run.call({form["value"]: value, form["language"]: language, run.turn: turn}, visitor())

    return call
