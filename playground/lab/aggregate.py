"""The means of one way over many facts."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from playground.lab.asking import Figure
from playground.lab.lesson import KINDS, Kind
from playground.lab.table import Row


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
    found: dict[Kind, Figure] = {}
    for kind in KINDS:
        asked = [one for row in done for one in row.asked if one.question.kind == kind]
        if asked:
            found[kind] = Figure(
                sum(one.right for one in asked) / len(asked),
                statistics.fmean(one.probability for one in asked), len(asked),
            )  # fmt: skip
    ratios = [row.perplexity_ratio for row in done] or [1.0]
    return Aggregate(
        way, len(done), len(own) - len(done), found, statistics.fmean(ratios), max(ratios),
        statistics.median([row.apply_seconds for row in done] or [0.0]),
        statistics.fmean([row.bytes for row in done] or [0]),
    )  # fmt: skip


def as_table(found: Sequence[Aggregate]) -> str:
    """In Markdown: shares in percent, mean probabilities behind them."""
    heads = ["way", "facts", "efficacy", "paraphrase", "locality", "perplexity ratio (worst)",
             "s to teach", "bytes"]  # fmt: skip
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for one in found:
        cells = [one.way, str(one.count) + (f" ({one.failed} failed)" if one.failed else "")]
        for kind in ("efficacy", "paraphrase", "locality"):
            figure = one.figures.get(kind)
            cells.append(f"{figure.share:.1%} ({figure.probability:.2f})" if figure else "–")
        cells += [f"{one.perplexity_ratio:.4f} ({one.worst:.4f})", f"{one.seconds:.2f}",
                  f"{one.bytes:,.0f}"]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
