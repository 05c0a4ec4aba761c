"""Shares of few: how far one can be off, and whether two can be told apart."""

from __future__ import annotations

from math import sqrt

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
