"""Building a recipe for a panel, and keeping the edit it was built for."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.engine.build import build
from playground.engine.work import Work
from playground.ui.parts.html import note
from playground.ui.parts.steps import receipt_line
from playground.ui.shell.form import Values
from playground.ui.shell.page import shown
from playground.workspace import Workspace


def built(space: Workspace, work: Work, language: str) -> tuple[Any, str]:
    """The last edit, once the recipe with it is built, and its receipt.

    :raises Stopped: nobody waits for it any more.
    """
    receipt = build(space.recipe(), work).receipts[-1]
    return space.stack.steps[-1].edit.model_dump(), note(receipt_line(receipt, language))


@shown
def keep_edit(saved: Any, language: str, edit: dict[str, Any] | None) -> Any:
    """Put an edit that was built on the recipe as it is by now."""
    return gr.skip() if edit is None else spaces.workspace_from_json(saved).add(edit).to_json()


@shown
def keep_instead(saved: Any, language: str, edit: dict[str, Any] | None) -> Any:
    """The same for an edit that stands in for a last one of its kind: a merge, a point pressed."""
    return gr.skip() if edit is None else spaces.workspace_from_json(saved).instead(edit).to_json()


def place_of(press: gr.EventData) -> int:
    """Which point of a sweep or a walk was pressed."""
    return int(press.place)


def take_point(values: Values, work: Work) -> tuple[Any, Any]:
    """Build the recipe with the edit of a point that was pressed, of a sweep or a walk."""
    points, number = values["points"], values["picked"]
    if not 0 <= number < len(points):
        return None, gr.skip()
    return built(spaces.workspace_from_json(values["saved"]).instead(points[number]["edit"]), work, values["language"])
