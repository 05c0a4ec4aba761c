"""The means of one way over many facts."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from playground.lab.asking import Figure, figures
from playground.lab.lesson import Kind
from playground.lab.shares import Interval, apart
from playground.lab.table import Row

SHOWN: tuple[Kind, ...] = ("efficacy", "paraphrase", "locality")


@dataclass(frozen=True)
class Aggregate:
    """One way over many facts.

    :param figures: over all questions of a kind, each counting once.
    :param perplexity_ratio: mean over facts, and the ``worst`` of them.
    :param seconds: of teaching one, at the median.
    """

    way: str
    count: int
    failed: int
    figures: dict[Kind, Figure]
    perplexity_ratio: float
    worst: float
    seconds: float
    bytes: float


def aggregated(way: str, rows: Sequence[Row]) -> Aggregate:
    """The means of a way's rows; of those that failed only their number."""
    own = [row for row in rows if row.way == way]
    done = [row for row in own if row.error is None]
    found = figures([one for row in done for one in row.asked])
    ratios = [row.perplexity_ratio for row in done] or [1.0]
    return Aggregate(
        way,
        len(done),
        len(own) - len(done),
        found,
        statistics.fmean(ratios),
        max(ratios),
        statistics.median([row.apply_seconds for row in done] or [0.0]),
        statistics.fmean([row.bytes for row in done] or [0]),
    )


def as_table(found: Sequence[Aggregate]) -> str:
    """In Markdown: shares in percent with their 95 % intervals, what is written before what is
    likelier, mean probabilities last."""
    heads = ["way", "facts"]
    heads += [f"{kind}, {how}" for kind in SHOWN for how in ("written", "likelier (probability)")]
    heads += ["perplexity ratio (worst)", "s to teach", "bytes"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for one in found:
        cells = [one.way, str(one.count) + (f" ({one.failed} failed)" if one.failed else "")]
        for kind in SHOWN:
            figure = one.figures.get(kind)
            cells.append(_share(figure.written, figure.written_interval) if figure else "–")
            likely = _share(figure.share, figure.interval) if figure else "–"
            cells.append(f"{likely} ({figure.probability:.2f})" if figure else "–")
        cells += [f"{one.perplexity_ratio:.4f} ({one.worst:.4f})", f"{one.seconds:.2f}", f"{one.bytes:,.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *_too_few(found)])


def _share(share: float | None, interval: Interval | None) -> str:
    if share is None or interval is None:
        return "–"
    return f"{share:.0%} [{100 * interval[0]:.0f}–{100 * interval[1]:.0f}]"


def _too_few(found: Sequence[Aggregate]) -> list[str]:
    """Which neighbours in rank, by what is written, are too few to tell apart."""
    lines = ["In brackets: the 95 % interval of a share (Wilson)."]
    for kind in SHOWN:
        asked = {one.way: one.figures[kind] for one in found if kind in one.figures}
        order = sorted(asked, key=lambda way: -asked[way].said)
        close = [f"{a} / {b}" for a, b in pairwise(order) if not apart(asked[a].said_interval, asked[b].said_interval)]
        if close:
            lines.append(f"Too few to tell by {kind}, written: {', '.join(close)}.")
    return lines
