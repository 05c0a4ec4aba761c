"""How long things took here lately: what the next visitor is told of it."""

from __future__ import annotations

from collections import deque
from statistics import median

LATELY = 5
USUAL = {"all": 60.0, "lora": 30.0}  # seconds on two quiet cores, until something was measured
_TAKEN: dict[str, deque[float]] = {}


def took(what: str, seconds: float) -> None:
    """Note what all ways, or one of them, took from beginning to end."""
    _TAKEN.setdefault(what, deque(maxlen=LATELY)).append(seconds)


def usually(what: str) -> float:
    """About how many seconds it takes: the median of the last times; of what never ran, what it takes elsewhere."""
    taken = _TAKEN.get(what)
    return median(taken) if taken else USUAL.get(what, USUAL["lora"])
