"""Pieces of HTML of the Weights tab: what was measured, sweeps, the layer view, the number line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from playground.engine.measuring.formats import FORMATS, NumberFormat, NumberLine
from playground.engine.measuring.measure import Figures, Measured
from playground.engine.measuring.sweep import Cell, ScanPoint
from playground.ui.parts import charts
from playground.ui.parts.html import duration, figure, joined, link, note, percent, size, table, tag
from playground.ui.parts.layer_map import layer_map
from playground.ui.text import say


def measured(found: Measured, language: str) -> Markup:
    """The recipe's figures beside the base's, in three groups: quality, size, speed."""
    base, mine = found.base, found.fork

    def row(key: str, old: str, new: str, change: str = "") -> list[str]:
        name, hint = say(language, f"measure_{key}"), say(language, f"measure_{key}_hint")
        return [joined([name, tag("br"), tag("small", hint)]), old, new, change]

    def times(old: float, new: float) -> str:
        return f"× {figure(new / old)}" if old else ""

    def held(one: Figures) -> int:
        return one.sizes.held_bytes

    rows = [
        row(
            "perplexity",
            figure(base.text.perplexity, 4),
            figure(mine.text.perplexity, 4),
            times(base.text.perplexity, mine.text.perplexity),
        ),
        row(
            "bits",
            figure(base.text.bits_per_byte, 4),
            figure(mine.text.bits_per_byte, 4),
            times(base.text.bits_per_byte, mine.text.bits_per_byte),
        ),
        row("kl", "0", f"{figure(found.kl)}"),
        row("top", "100 %", percent(found.same_top)),
        row("zeros", percent(base.sizes.zeros / base.sizes.weights), percent(mine.sizes.zeros / mine.sizes.weights)),
        row(
            "file",
            size(base.sizes.file_bytes),
            size(mine.sizes.file_bytes),
            times(base.sizes.file_bytes, mine.sizes.file_bytes),
        ),
        row(
            "packed",
            size(base.sizes.packed_bytes),
            size(mine.sizes.packed_bytes),
            times(base.sizes.packed_bytes, mine.sizes.packed_bytes),
        ),
        row(
            "effective",
            figure(base.sizes.effective_bits, 4),
            figure(mine.sizes.effective_bits, 4),
            times(base.sizes.effective_bits, mine.sizes.effective_bits),
        ),
        row("held", size(held(base)), size(held(mine))),
        row("one", duration(base.speed.one), duration(mine.speed.one), times(base.speed.one, mine.speed.one)),
        row("batch", duration(base.speed.batch), duration(mine.speed.batch), times(base.speed.batch, mine.speed.batch)),
    ]
    heads = [say(language, key) for key in ("measure_what", "column_before", "column_after", "column_change")]
    caption = say(language, "measure_caption", tokens=mine.text.tokens)
    return table(caption, heads, rows)


# Sweeps: points as plain data, since the page keeps them between events


def sweep(points: Sequence[dict[str, Any]], language: str) -> Markup:
    """Perplexity and size along a sweep, as two charts and a table; points can be pressed."""
    if not points:
        return Markup()
    hints = [
        say(language, "sweep_point", value=point["value"], perplexity=figure(point["perplexity"], 4))
        for point in points
    ]
    quality = charts.line_chart(
        [charts.Point(point["value"], point["perplexity"], hint) for point, hint in zip(points, hints, strict=True)],
        say(language, "sweep_quality"),
        log=True,
        press="take",
    )
    bulk = charts.line_chart(
        [charts.Point(point["value"], point["packed_bytes"] / 1e6, size(point["packed_bytes"])) for point in points],
        say(language, "sweep_size"),
    )
    take = say(language, "sweep_take")
    rows = [
        [
            point["value"],
            figure(point["perplexity"], 4),
            percent(point["zeros"]),
            size(point["file_bytes"]),
            size(point["packed_bytes"]),
            link(take, "take", f"{take}: {point['value']}", place=place),
        ]
        for place, point in enumerate(points)
    ]
    heads = [
        say(language, key)
        for key in ("sweep_value", "measure_perplexity", "measure_zeros", "measure_file", "measure_packed", "sweep_use")
    ]
    return note(say(language, "sweep_press")) + quality + bulk + table(say(language, "sweep_caption"), heads, rows)


def scan(points: Sequence[ScanPoint], language: str) -> Markup:
    """What each layer alone costs."""
    if not points:
        return Markup()
    worst = max(points, key=lambda point: point.ratio)
    line = say(language, "scan_worst", layer=worst.layer, ratio=figure(worst.ratio))
    chart = charts.line_chart(
        [
            charts.Point(
                str(point.layer), point.ratio, say(language, "scan_point", layer=point.layer, ratio=figure(point.ratio))
            )
            for point in points
        ],
        say(language, "scan_title"),
        log=True,
    )
    return chart + note(line)


def layer_view(cells: Sequence[Cell], by: str, language: str) -> Markup:
    """Layers across, kinds of matrices down; deeper is more changed, or emptier."""
    if by == "change" and not any(cell.value != 0 for cell in cells):
        return note(say(language, "view_unchanged"))
    values = {(cell.role, cell.layer): cell.value for cell in cells}
    chart = layer_map(values, say(language, f"view_{by}"), say(language, "view_gone"), language)
    lines = []
    left = [cell for cell in cells if cell.value is not None]
    gone = sorted({cell.layer for cell in cells} - {cell.layer for cell in left})
    if gone:
        lines.append(say(language, "view_layers_gone", layers=", ".join(map(str, gone))))
    if left:
        most = max(left, key=lambda cell: cell.value or 0)
        lines.append(say(language, "view_most", value=percent(most.value or 0), role=most.role, layer=most.layer))
    return chart + note(" ".join(lines))


# The number line and the table of formats


def number_line(line: NumberLine, language: str) -> Markup:
    """One group's weights and the levels that they are rounded to."""
    chart = charts.histogram(
        line.edges,
        line.before,
        line.levels,
        line.after,
        say(language, "line_title", weights=line.weights, levels=len(line.levels)),
        (say(language, "line_before"), say(language, "line_after")),
    )
    used = sum(count > 0 for count in line.after)
    return chart + note(say(language, "line_error", error=percent(line.error), used=used, levels=len(line.levels)))


def formats(weights: int, language: str) -> Markup:
    """How number formats spend their bits, and what this model would take in each."""

    def bits(one: NumberFormat) -> str:
        if one.exponent is None or one.mantissa is None:
            return say(language, "format_no_exponent")
        return f"1 + {one.exponent} + {one.mantissa}"

    rows = [
        [one.name, bits(one), f"±{one.most:.3g}", f"{one.step:.3g}", size(one.model_bytes(weights))] for one in FORMATS
    ]
    heads = [
        say(language, key) for key in ("format_name", "format_bits", "format_range", "format_step", "format_bytes")
    ]
    return table(say(language, "format_caption"), heads, rows)
