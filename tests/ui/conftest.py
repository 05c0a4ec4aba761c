"""Handlers show every step of their progress here."""

from __future__ import annotations

import gradio as gr
import pytest

from playground.ui import layout
from playground.ui.shell import turns
from playground.ui.shell.run import RUNS
from playground.ui.shell.state import kept
from playground.ui.shell.tab import Visit


@pytest.fixture(autouse=True)
def every_step_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "SHOWN_EVERY", 0.0)


@pytest.fixture(scope="session")
def a_visit():
    """What a tab is built with, inside a page: nothing kept yet, in English."""

    def visit() -> Visit:
        return Visit(
            saved=gr.BrowserState({}),
            own=kept("own", ""),
            shelf=kept("shelf", []),
            adapters=kept("adapters", []),
            asked=kept("ask", {}),
            language=gr.Textbox("en"),
            tabs=gr.Tabs(),
            parts=gr.Tabs(),
        )

    return visit


@pytest.fixture(scope="session")
def page_runs(surroundings):
    """Every run of the page, by name."""
    layout.build_page()
    return RUNS
