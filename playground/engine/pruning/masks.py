"""Which weights to drop: the lowest scores of a tensor, of each row, of all tensors together, of
every group of M, or of whole units.

Pure functions of scores (float32, not negative); they know nothing about models. A mask is True
where a weight is dropped. Ties go to the lower index, so the same scores always give the same
mask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

HALF = 16  # bits counted in each pass of the selection


def drop_count(sparsity: float, total: int) -> int:
    """How many of ``total`` a sparsity drops: rounded as torch.nn.utils.prune does."""
    return round(sparsity * total)


def lowest(scores: Tensor, count: int) -> Tensor:
    """Mask of the ``count`` lowest scores of a tensor of any shape."""
    [mask] = lowest_of_all(lambda: [scores], count)
    return mask


def lowest_of_all(scores: Callable[[], Iterable[Tensor]], count: int) -> Iterable[Tensor]:
    """Masks of the ``count`` lowest scores of several tensors together, one after another.

    An exact selection in two passes over the scores' bits (of floats that are not negative, the
    order of the bits is the order of the numbers), so that only one tensor is held at a time.

    :param scores: called once for each pass; gives the same tensors every time.
    """
    high, below = _bucket((_bits(s) >> HALF for s in scores()), count)
    low, below_low = _bucket((bits[bits >> HALF == high] & 0xFFFF for bits in map(_bits, scores())), count - below)
    threshold = high << HALF | low
    spare = count - below - below_low  # how many of those that equal the threshold go too
    for bits in map(_bits, scores()):
        mask = bits < threshold
        if spare > 0:
            ties = (bits == threshold).flatten().nonzero().flatten()[:spare]
            mask.view(-1)[ties] = True
            spare -= len(ties)
        yield mask


def ranked(scores: Callable[[], Iterable[Tensor]], ranks: Sequence[int]) -> list[float]:
    """The numbers at some ranks of several tensors together, rank 0 the smallest; none is held.

    :param scores: called once for each of two passes; gives the same tensors every time.
    """
    high = _counted(bits >> HALF for bits in map(_bits, scores()))
    places = [_reached(high, rank + 1) for rank in ranks]
    lows = {bucket: torch.zeros(2**HALF, dtype=torch.long) for bucket, _ in places}
    for bits in map(_bits, scores()):
        for bucket, low in lows.items():
            low += _counted([bits[bits >> HALF == bucket] & 0xFFFF])
    ranks_of = [
        bucket << HALF | _reached(lows[bucket], rank + 1 - below)[0]
        for rank, (bucket, below) in zip(ranks, places, strict=True)
    ]
    return torch.tensor(ranks_of, dtype=torch.int32).view(torch.float32).tolist()


def _bits(scores: Tensor) -> Tensor:
    return scores.contiguous().view(torch.int32)


def _bucket(parts: Iterable[Tensor], count: int) -> tuple[int, int]:
    """The 16-bit value at which ``count`` numbers are reached, and how many lie below it."""
    return _reached(_counted(parts), count)


def _counted(parts: Iterable[Tensor]) -> Tensor:
    """How often each 16-bit value occurs."""
    total = torch.zeros(2**HALF, dtype=torch.long)
    for part in parts:
        total += torch.bincount(part.flatten(), minlength=2**HALF)
    return total


def _reached(total: Tensor, count: int) -> tuple[int, int]:
    cumulative = total.cumsum(0)
    bucket = int((cumulative < count).sum()) if count else 0
    return bucket, int(cumulative[bucket - 1]) if bucket else 0


def lowest_in_rows(scores: Tensor, count: int) -> Tensor:
    """Mask of the ``count`` lowest scores of each row, (rows, columns)."""
    if count == 0:
        return torch.zeros(scores.shape, dtype=torch.bool)
    threshold = scores.kthvalue(count, dim=1, keepdim=True).values
    mask = scores <= threshold
    tied = (mask.sum(1) > count).nonzero().flatten()  # rows in which not all ties can go
    ties, below = scores[tied] == threshold[tied], scores[tied] < threshold[tied]
    mask[tied] = below | (ties & (ties.cumsum(1) <= count - below.sum(1, keepdim=True)))
    return mask


def lowest_n_of_m(scores: Tensor, drop: int, group: int) -> Tensor:
    """Mask of the ``drop`` lowest in every ``group`` neighbours of a row, (rows, columns).

    The columns that are left where the group does not divide a row stay.
    """
    full = scores.shape[1] // group * group
    mask = torch.zeros(scores.shape, dtype=torch.bool)
    groups, position = scores[:, :full].reshape(-1, group), torch.arange(group)
    rank = torch.zeros(groups.shape, dtype=torch.uint8)  # how many of its group come before it
    for other in range(group):
        theirs = groups[:, other : other + 1]
        rank += (theirs < groups) | ((theirs == groups) & (position > other))
    mask[:, :full] = (rank < drop).view(scores.shape[0], full)
    return mask
