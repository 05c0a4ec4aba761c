"""Building a recipe for a panel, and keeping the edit it was built for."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.engine.build import build
from playground.engine.work import Stopped, Work
from playground.ui.parts.html import note
from playground.ui.parts.steps import receipt_line
from playground.ui.shell.page import PROGRESS, session_of, shown, work_for
from playground.ui.text import tell
from playground.workspace import Workspace


def built_or_stopped(space: Workspace, work: Work, language: str) -> tuple[Any, str]:
    """The last edit, once the recipe with it is built, and its receipt; or, stopped, no edit and
    a line that says so."""
    try:
        built = build(space.recipe(), work)
    except Stopped as stop:
        return None, note(tell(language, stop.message))
    return space.stack.steps[-1].edit.model_dump(), note(receipt_line(built.receipts[-1], language))


@shown
def keep_edit(saved: Any, language: str, edit: dict[str, Any] | None) -> Any:
    """Put an edit that was built on the recipe as it is by now."""
    return gr.skip() if edit is None else spaces.from_json(saved).add(edit).to_json()


@shown
def keep_instead(saved: Any, language: str, edit: dict[str, Any] | None) -> Any:
    """The same for an edit that stands in for a last one of its kind: a merge, a point pressed."""
    return gr.skip() if edit is None else spaces.from_json(saved).instead(edit).to_json()


@shown
def take_point(
    saved: Any,
    language: str,
    points: list[dict[str, Any]],
    place: int,
    turn: int,
    request: gr.Request,
    progress: Any = PROGRESS,
) -> Any:
    """Build the recipe with the edit of a point that was pressed, of a sweep or a walk."""
    if not 0 <= place < len(points):
        return None, gr.skip()
    space = spaces.from_json(saved).instead(points[place]["edit"])
    work = work_for(session_of(request), turn, progress, language)
    return built_or_stopped(space, work, language)
