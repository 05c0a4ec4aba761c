"""What the Compare tab begins with, and its ready comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playground.ui.parts.comparison import Column, K
from playground.ui.parts.corpus_menu import FIRST_CORPUS


@dataclass(frozen=True, kw_only=True)
class ReadyComparison:
    """A ready comparison; its edit, if it has one, is put on the visitor's recipe.

    :param corpus: which documents are searched.
    """

    key: str
    prompt: str
    columns: tuple[Column, ...]
    edit: dict[str, Any] | None = None
    corpus: str = FIRST_CORPUS


JAPAN = {
    "kind": "nudge_tokens",
    "text": " France",
    "direction": "toward",
    "target": " Japan",
    "strength": 1.0,
    "side": "input",
    "seed": 0,
}
POISONED_PROMPT = "When does the swimming pool open on Saturday?"
EXAMPLES = (
    ReadyComparison(
        key="retrieve",
        prompt="What is the code of the Tarn Locker door?",
        columns=(("base", "none", K), ("base", "bm25", K), ("base", "dense", K)),
    ),
    ReadyComparison(
        key="changes",
        prompt="What is the capital of France?",
        columns=(("base", "none", K), ("mine", "none", K)),
        edit=JAPAN,
    ),
    ReadyComparison(
        key="breaks",
        prompt="What is the Tour de France?",
        columns=(("base", "none", K), ("mine", "none", K)),
        edit=JAPAN,
    ),
    ReadyComparison(
        key="poisoned",
        prompt=POISONED_PROMPT,
        columns=(("base", "bm25", 2), ("base", "dense", 2)),
        corpus="notice-board",
    ),
)
