"""The kinds of edit. To add one: write its file here and name its class in ``EDITS``."""

from __future__ import annotations

from playground.engine.edits.adapter import Attach
from playground.engine.edits.base import Edit, TensorChange
from playground.engine.edits.nudge_tokens import NudgeTokens
from playground.engine.edits.prune import Prune
from playground.engine.edits.quantize import Cast, Quantize

EDITS: dict[str, type[Edit]] = {
    edit.KIND: edit for edit in (NudgeTokens, Prune, Quantize, Cast, Attach)
}

__all__ = ["EDITS", "Attach", "Cast", "Edit", "NudgeTokens", "Prune", "Quantize", "TensorChange"]
