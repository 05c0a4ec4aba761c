"""The kinds of edit. To add one: write its file here and name its class in ``EDITS``."""

from __future__ import annotations

from playground.engine.edits.base import Edit, TensorChange
from playground.engine.edits.nudge_tokens import NudgeTokens

EDITS: dict[str, type[Edit]] = {edit.KIND: edit for edit in (NudgeTokens,)}

__all__ = ["EDITS", "Edit", "NudgeTokens", "TensorChange"]
