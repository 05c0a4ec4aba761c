"""Where the labels of a drawing's marks stand, so that none lies on another."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from functools import cache

Spot = tuple[float, float]
REACH, NEAR = 300, 60  # how far from its mark a label may stand, and until where it looks finely for room
FINE, COARSE = 3, 12
ASIDE = 3  # further from other marks than from its own, so that it is not taken for theirs


def beside(
    places: Sequence[Spot],
    sizes: Sequence[Spot],
    half: float,
    frame: tuple[float, float, float, float],
    also: Sequence[Spot] = (),
    fits: Callable[[Spot, Spot], bool] = lambda label, spot: True,
) -> list[Spot]:
    """The middles of labels: for each the nearest free room, on no mark and on no other label.

    :param places: middles of the marks that the labels belong to, the most important first.
    :param sizes: widths and heights of the labels.
    :param half: of a mark's size.
    :param frame: left, top, right and bottom, which no label may cross.
    :param also: what a label lies on only where there is no other room.
    :param fits: whether the label of a place may stand at a spot.
    """
    spots: list[Spot] = []
    for (x, y), (wide, tall) in zip(places, sizes, strict=True):
        left, top, right, bottom = frame[0] + wide / 2, frame[1] + tall / 2, frame[2] - wide / 2, frame[3] - tall / 2
        within = [
            (x + over, y + down) for over, down in _offsets() if left <= x + over <= right and top <= y + down <= bottom
        ]
        apart = [(at, half if at == (x, y) else half + ASIDE) for at in (*places, *also)]
        taken = [(at, (wide / 2 + gap, tall / 2 + gap)) for at, gap in apart]
        labels = [(at, ((wide + w) / 2, (tall + t) / 2)) for at, (w, t) in zip(spots, sizes, strict=False)]
        free = (
            spot
            for near in ([*labels, *taken], [*labels, *taken[: len(places)]])
            for spot in within
            if fits((x, y), spot)
            and all(abs(spot[0] - at[0]) >= over or abs(spot[1] - at[1]) >= down for at, (over, down) in near)
        )
        spots.append(next(free, (min(max(x, left), right), min(max(y, top), bottom))))
    return spots


@cache
def _offsets() -> list[Spot]:
    """Steps away from a mark, the shortest first, and of those the ones to the right."""
    near, rest = range(0, NEAR, FINE), range(NEAR, REACH, COARSE)
    steps = [sign * step for sign in (-1, 1) for step in (*near, *rest) if step or sign > 0]
    far = [(over, down) for over in steps for down in steps]
    return sorted(far, key=lambda step: (step[0] ** 2 + step[1] ** 2, -step[0], step[1]))


def width_of(text: str, size: float) -> float:
    """About how wide a text is drawn in letters of a size."""
    return size * sum(1.0 if unicodedata.east_asian_width(sign) in "WF" else 0.6 for sign in text)
