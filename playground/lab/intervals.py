"""Shares of few: how far one can be off, and whether two can be told apart."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, sqrt

Z = 1.959963984540054  # 97.5 % of a normal distribution lie below it

Interval = tuple[float, float]


def wilson(right: float, of: int) -> Interval:
    """The 95 % interval of a share (Wilson 1927, without correction for continuity).

    Unlike the share plus and minus its standard error, it is right for few questions and for
    shares of 0 and 1.

    :return: 0 to 1 each; (0, 1) where nothing was asked.
    """
    if of <= 0:
        return 0.0, 1.0
    share, square = right / of, Z * Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = Z / (1 + square / of) * sqrt(share * (1 - share) / of + square / (4 * of * of))
    low = 0.0 if right <= 0 else max(0.0, middle - half)
    return low, 1.0 if right >= of else min(1.0, middle + half)


def apart(first: Interval, other: Interval) -> bool:
    """Whether two intervals have no place in common: what is not apart may be chance."""
    return first[1] < other[0] or other[1] < first[0]


def mcnemar(first: Sequence[bool], other: Sequence[bool]) -> float:
    """How likely two columns differ by at least so much by chance alone, on the same questions.

    The exact form of McNemar's test (1947): of the questions that one of the two has right and the other wrong, either
    is as likely to be the one. Two-sided.

    :return: 0 to 1; 1 where they differ on no question.
    """
    more = sum(a and not b for a, b in zip(first, other, strict=True))
    fewer = sum(b and not a for a, b in zip(first, other, strict=True))
    of = more + fewer
    tail = sum(comb(of, count) for count in range(min(more, fewer) + 1)) / 2**of
    return min(1.0, 2 * tail)


def holm(chances: Sequence[float]) -> list[float]:
    """The same chances where so many comparisons are made at once (Holm 1979): each as it would be if only the
    whole family were tested, so that among twenty columns one is not told apart by luck."""
    order = sorted(range(len(chances)), key=lambda place: chances[place])
    adjusted, so_far = [0.0] * len(chances), 0.0
    for rank, place in enumerate(order):
        so_far = max(so_far, min(1.0, chances[place] * (len(chances) - rank)))
        adjusted[place] = so_far
    return adjusted
