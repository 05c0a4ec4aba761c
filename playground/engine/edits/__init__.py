"""The kinds of edit. To add one: write its file here and name its class in ``KINDS``."""

from __future__ import annotations

from playground.engine.edits.adapter import Attach
from playground.engine.edits.base import Edit, TensorChange
from playground.engine.edits.edit_fact import EditFact
from playground.engine.edits.merge import Merge
from playground.engine.edits.mix_adapters import MixAdapters
from playground.engine.edits.nudge_tokens import NudgeTokens
from playground.engine.edits.prune import Prune
from playground.engine.edits.quantize import Cast, Quantize

KINDS: tuple[type[Edit], ...] = (NudgeTokens, Prune, Quantize, Cast, Attach, MixAdapters, Merge, EditFact)
EDITS: dict[str, type[Edit]] = {edit.KIND: edit for edit in KINDS}

__all__ = [
    "EDITS",
    "Attach",
    "Cast",
    "Edit",
    "EditFact",
    "Merge",
    "MixAdapters",
    "NudgeTokens",
    "Prune",
    "Quantize",
    "TensorChange",
]
