"""Merging one model into the base number by number: where they are near, or where it matters most.

Functions of tensors of one shape, to the pieces of the merged one, as in ``averages.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from playground.engine.merging.method import merge_method, pieces, wide
from playground.engine.merging.values import NEAR
from playground.engine.pruning.masks import ranked

CLOSE = 1e-6  # numbers nearer than this count as so far apart
FLOOR = 1e-8  # added to each probability
QUARTERS, BEYOND = (0.25, 0.5, 0.75), 1.5  # of the importances: quartiles, and how far above them


@merge_method("nearswap", paper="alchemonaut 2024", models=(1, 1), from_base=True, partial=True)
def nearswap(models: Sequence[Tensor], base: Tensor, *, near: float = NEAR) -> Iterator[Tensor]:
    """Each number goes to the model's by ``near / distance``, at most all of the way: by
    ``near``, so that what is near is swapped and what is far hardly moves (alchemonaut 2024,
    https://huggingface.co/alchemonaut/QuartetAnemoi-70B-t0.0001).
    """
    [model] = models
    for start, there in zip(map(wide, pieces(base)), map(wide, pieces(model)), strict=True):
        share = (near / (there - start).abs_().clamp_(min=CLOSE)).clamp_(0, 1)
        yield torch.lerp(start, there, share)


@merge_method("arcee_fusion", paper="Arcee AI 2024", models=(1, 1), from_base=True, partial=True)
def arcee_fusion(models: Sequence[Tensor], base: Tensor) -> Iterator[Tensor]:
    """The model's numbers where they matter most, the base's elsewhere (Arcee AI 2024).

    A number matters as much as it differs, times how much its row's softmax does (their KL
    divergence). Taken are those from the median plus 1.5 times the distance of the quartiles on.
    """
    [model] = models

    def importances() -> Iterator[Tensor]:
        return map(_importance, pieces(model), pieces(base))

    if not base.numel():
        yield from map(wide, pieces(base))
        return
    ranks = [int(quarter * (base.numel() - 1)) for quarter in QUARTERS]
    first, median, third = ranked(importances, ranks)
    threshold = median + BEYOND * (third - first)
    for start, there, importance in zip(pieces(base), pieces(model), importances(), strict=True):
        yield torch.where(importance >= threshold, wide(there), wide(start))


def _importance(model: Tensor, base: Tensor) -> Tensor:
    """(rows, numbers) float32. The divergence of rows that hardly differ is lost in float32."""
    mine, theirs = base.double(), model.double()
    p, q = (rows.softmax(-1).add_(FLOOR) for rows in (theirs, mine))
    divergence = (p * (p / q).log_()).sum(-1, keepdim=True)
    return ((theirs - mine).abs_() * divergence).clamp_(min=0).float()
