"""The means of one way over many facts."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from playground.lab.evaluation import KindFigure, figures
from playground.lab.intervals import Interval, apart
from playground.lab.table import WayRow

SHOWN = ("efficacy", "paraphrase", "locality")


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """One way over many facts.

    :param figures: over all questions of a kind, each counting once.
    :param perplexity_ratio: mean over facts, and the ``worst`` of them.
    :param seconds: of teaching one, at the median.
    """

    way: str
    count: int
    failed: int
    figures: dict[str, KindFigure]
    perplexity_ratio: float
    worst: float
    seconds: float
    bytes: float


def aggregated(way: str, rows: Sequence[WayRow]) -> Aggregate:
    """The means of a way's rows; of those that failed only their number."""
    own = [row for row in rows if row.way == way]
    done = [row for row in own if row.error is None]
    ratios = [row.perplexity_ratio for row in done] or [1.0]
    return Aggregate(
        way=way,
        count=len(done),
        failed=len(own) - len(done),
        figures=figures([response for row in done for response in row.asked]),
        perplexity_ratio=statistics.fmean(ratios),
        worst=max(ratios),
        seconds=statistics.median([row.apply_seconds for row in done] or [0.0]),
        bytes=statistics.fmean([row.bytes for row in done] or [0]),
    )


def as_table(aggregates: Sequence[Aggregate]) -> str:
    """In Markdown: shares in percent with their 95 % intervals, what is written before what is
    likelier, mean probabilities last."""
    heads = ["way", "facts"]
    heads += [f"{kind}, {how}" for kind in SHOWN for how in ("written", "likelier (probability)")]
    heads += ["perplexity ratio (worst)", "s to teach", "bytes"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for aggregate in aggregates:
        cells = [aggregate.way, str(aggregate.count) + (f" ({aggregate.failed} failed)" if aggregate.failed else "")]
        for kind in SHOWN:
            figure = aggregate.figures.get(kind)
            cells.append(_share(figure.written, figure.written_interval) if figure else "–")
            likely = _share(figure.share, figure.interval) if figure else "–"
            cells.append(f"{likely} ({figure.probability:.2f})" if figure else "–")
        cells += [
            f"{aggregate.perplexity_ratio:.4f} ({aggregate.worst:.4f})",
            f"{aggregate.seconds:.2f}",
            f"{aggregate.bytes:,.0f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *_too_few(aggregates)])


def _share(share: float | None, interval: Interval | None) -> str:
    if share is None or interval is None:
        return "–"
    return f"{share:.0%} [{100 * interval[0]:.0f}–{100 * interval[1]:.0f}]"


def _too_few(aggregates: Sequence[Aggregate]) -> list[str]:
    """Which neighbours in rank, by what is written, are too few to tell apart."""
    lines = ["In brackets: the 95 % interval of a share (Wilson)."]
    for kind in SHOWN:
        own = {aggregate.way: aggregate.figures[kind] for aggregate in aggregates if kind in aggregate.figures}
        order = sorted(own, key=lambda way: -own[way].said)
        close = [f"{a} / {b}" for a, b in pairwise(order) if not apart(own[a].said_interval, own[b].said_interval)]
        if close:
            lines.append(f"Too few to tell by {kind}, written: {', '.join(close)}.")
    return lines
