"""A comparison as another tab sets it up on the Compare tab."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

K = 1  # a 135 M model uses one passage best: see docs/findings.md
FIRST_PROMPT = "Where do injured baby seals go for treatment?"  # with the handbook, where there is nothing else
Column = tuple[str, str, int]  # whose weights, which retriever, how many passages
FIRST_COLUMNS: tuple[Column, ...] = (
    ("base", "none", K),
    ("mine", "none", K),
    ("base", "bm25", K),
    ("base", "dense", K),
    ("mine", "bm25", K),
    ("mine", "dense", K),
)
AS_USUAL = ("best_first", 0, "", "")  # the controls of the context
CONTEXT = len(AS_USUAL)
SETUP = 3 + CONTEXT + 3 * len(FIRST_COLUMNS)  # values that set_up gives


def set_up(prompt: str, corpus: str, columns: Sequence[Column]) -> tuple[Any, ...]:
    """What fills ``Comparison.setup`` for a comparison; all else is as usual."""
    shown = [*columns, *FIRST_COLUMNS[len(columns) :]]
    values = (value for column in shown for value in column)
    return prompt, corpus, len(columns), *AS_USUAL, *values
