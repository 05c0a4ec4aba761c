"""Pieces of HTML of the Weights tab: what was measured, sweeps, the layer view, the number line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from markupsafe import Markup

from playground.engine.measuring.formats import FORMATS, NumberFormat, NumberLine
from playground.engine.measuring.measure import Figures, Measured
from playground.engine.measuring.sweep import LayerCell, ScanPoint
from playground.ui.parts import charts
from playground.ui.parts.html import duration, figure, join, link, note, percent, size, table, tag
from playground.ui.parts.layer_map import layer_map
from playground.ui.text import say


def measured_html(figures: Measured, language: str) -> Markup:
    """The recipe's figures beside the base's, in three groups: quality, size, speed."""
    base, mine = figures.base, figures.fork

    def row(key: str, old: str, new: str, change: str = "") -> list[str]:
        name, hint = say(language, f"measure_{key}"), say(language, f"measure_{key}_hint")
        return [join([name, tag("br"), tag("small", hint)]), old, new, change]

    def both(key: str, value: Callable[[Figures], float], said: Callable[[Any], str]) -> list[str]:
        """A figure that changes by a factor."""
        old, new = value(base), value(mine)
        return row(key, said(old), said(new), f"× {figure(new / old)}" if old else "")

    rows = [
        both("perplexity", lambda one: one.text.perplexity, _exact),
        both("bits", lambda one: one.text.bits_per_byte, _exact),
        row("kl", "0", figure(figures.kl)),
        row("top", "100 %", percent(figures.same_top)),
        row("zeros", percent(base.sizes.zeros / base.sizes.weights), percent(mine.sizes.zeros / mine.sizes.weights)),
        both("file", lambda one: one.sizes.file_bytes, size),
        both("packed", lambda one: one.sizes.packed_bytes, size),
        both("effective", lambda one: one.sizes.effective_bits, _exact),
        row("held", size(base.sizes.held_bytes), size(mine.sizes.held_bytes)),
        both("one", lambda one: one.speed.one, duration),
        both("batch", lambda one: one.speed.batch, duration),
        both("many", lambda one: one.speed.many, duration),
    ]
    heads = [say(language, key) for key in ("measure_what", "column_before", "column_after", "column_change")]
    caption = say(language, "measure_caption", tokens=mine.text.tokens)
    return table(caption, heads, rows)


def _exact(value: float) -> str:
    return figure(value, 4)


# Sweeps: points as plain data, since the page keeps them between events


def sweep_chart(points: Sequence[dict[str, Any]], language: str) -> Markup:
    """Perplexity and size along a sweep, as two charts and a table; points can be pressed."""
    if not points:
        return Markup()
    hints = [
        say(language, "sweep_point", value=point["value"], perplexity=figure(point["perplexity"], 4))
        for point in points
    ]
    quality = charts.line_chart(
        [
            charts.ChartPoint(point["value"], point["perplexity"], hint)
            for point, hint in zip(points, hints, strict=True)
        ],
        say(language, "sweep_quality"),
        log=True,
        press="take",
    )
    bulk = charts.line_chart(
        [
            charts.ChartPoint(point["value"], point["packed_bytes"] / 1e6, size(point["packed_bytes"]))
            for point in points
        ],
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
            link(take, "take", f"{take}: {point['value']}", place=number),
        ]
        for number, point in enumerate(points)
    ]
    heads = [
        say(language, key)
        for key in ("sweep_value", "measure_perplexity", "measure_zeros", "measure_file", "measure_packed", "sweep_use")
    ]
    return note(say(language, "sweep_press")) + quality + bulk + table(say(language, "sweep_caption"), heads, rows)


def scan_chart(points: Sequence[ScanPoint], language: str) -> Markup:
    """What each layer alone costs."""
    if not points:
        return Markup()
    worst = max(points, key=lambda point: point.ratio)
    line = say(language, "scan_worst", layer=worst.layer, ratio=figure(worst.ratio))
    chart = charts.line_chart(
        [
            charts.ChartPoint(
                str(point.layer), point.ratio, say(language, "scan_point", layer=point.layer, ratio=figure(point.ratio))
            )
            for point in points
        ],
        say(language, "scan_title"),
        log=True,
    )
    return chart + note(line)


def layer_view_html(cells: Sequence[LayerCell], by: str, language: str) -> Markup:
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


def number_line_html(line: NumberLine, language: str) -> Markup:
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

    def bits(format_: NumberFormat) -> str:
        if format_.exponent is None or format_.mantissa is None:
            return say(language, "format_no_exponent")
        return f"1 + {format_.exponent} + {format_.mantissa}"

    rows = [
        [format_.name, bits(format_), f"±{format_.most:.3g}", f"{format_.step:.3g}", size(format_.model_bytes(weights))]
        for format_ in FORMATS
    ]
    heads = [
        say(language, key) for key in ("format_name", "format_bits", "format_range", "format_step", "format_bytes")
    ]
    return table(say(language, "format_caption"), heads, rows)
