"""Every way to teach a model one fact: into its weights, or into its prompt.

To add a way, write its function in a file here, add its row to ``ROWS``, and name it in both
languages (``way_<id>``): the menus, the table, the command line, ``/teach`` and its page in docs
follow.
"""

from __future__ import annotations

from playground.lab.ways.edits import fact_way, nudge
from playground.lab.ways.lora import train_lora
from playground.lab.ways.prompt import base, in_context, passage_way
from playground.lab.ways.way import Room, Taught, Way
from playground.retrieval.retrievers import RETRIEVERS

__all__ = ["BASE", "ROWS", "WAYS", "Room", "Taught", "Way", "usual_ways"]

BASE = "base"  # which teaches nothing, and is what the others are compared with
ROWS = (
    Way(id=BASE, into="nothing", teach=base),
    Way(id="in_context", into="prompt", teach=in_context),
    *map(passage_way, RETRIEVERS.values()),
    Way(id="nudge", into="weights", teach=nudge),
    fact_way("rome", instead="memit"),
    fact_way("memit", usual=False),
    fact_way("ft"),
    Way(id="lora", into="weights", teach=train_lora, needs=("gradients",)),
)
WAYS = {way.id: way for way in ROWS}  # in the order in which they run: the slow ones last


def usual_ways() -> list[str]:
    """The ways that are taught where nobody says which; beside them stands the base."""
    return [way.id for way in WAYS.values() if way.usual and way.id != BASE]
