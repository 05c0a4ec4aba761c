"""The kinds of edit: importing a family registers its own. To add one, write its ``edit.py`` and import it here."""

from playground.engine.adapters.edit import Attach
from playground.engine.adapters.mix_edit import MixAdapters
from playground.engine.facts.edit import EditFact
from playground.engine.merging.edit import Merge
from playground.engine.nudging.edit import NudgeTokens
from playground.engine.pruning.edit import Prune
from playground.engine.quantizing.edit import Cast, Quantize

__all__ = ["Attach", "Cast", "EditFact", "Merge", "MixAdapters", "NudgeTokens", "Prune", "Quantize"]
