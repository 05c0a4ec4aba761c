"""Pieces of HTML of the Merge tab: the path walked, and what a merge does to one tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from playground.engine.merging.edit import Merge
from playground.engine.merging.picture import Likeness, Picture
from playground.ui.parts import charts
from playground.ui.parts.html import figure, join, link, note, percent, table
from playground.ui.parts.layer_map import layer_map
from playground.ui.parts.steps import merged_models
from playground.ui.text import say


def walked(points: Sequence[dict[str, Any]], language: str) -> Markup:
    """Both texts' perplexity and the probe's probability along the path; points can be pressed."""
    if not points:
        return Markup()
    hints = [_hint(point, language) for point in points]
    edit = points[0]["edit"]
    whole = Merge.model_validate({**edit, "t": 1})
    drawn = Markup()
    for which, name in enumerate(("base", "models")):
        heights = [point["perplexities"][which] for point in points]
        drawn += _line(points, heights, hints, say(language, f"walk_chart_{name}"), True)
    probed = points[0]["probability"] is not None
    if probed:
        heights = [point["probability"] * 100 for point in points]
        drawn += _line(points, heights, hints, say(language, "walk_chart_probe"), False)
    take = say(language, "sweep_take")
    rows = [
        [
            f"{point['t']:g}",
            *(figure(value, 4) for value in point["perplexities"]),
            *([percent(point["probability"])] if probed else []),
            link(take, "take", f"{take}: t = {point['t']:g}", place=number),
        ]
        for number, point in enumerate(points)
    ]
    heads = [say(language, key) for key in ("walk_t", "walk_base", "walk_models", "sweep_use")]
    if probed:
        heads.insert(3, say(language, "walk_probed"))
    return (
        note(say(language, "walk_press", method=edit["method"], models=merged_models(whole, language)))
        + drawn
        + table(say(language, "walk_caption"), heads, rows)
    )


def _line(
    points: Sequence[dict[str, Any]], heights: Sequence[float], hints: Sequence[str], title: str, log: bool
) -> Markup:
    """Heights along the path."""
    trio = zip(points, heights, hints, strict=True)
    dots = [charts.ChartPoint(f"{point['t']:g}", height, hint) for point, height, hint in trio]
    return charts.line_chart(dots, title, log=log, press="take")


def _hint(point: dict[str, Any], language: str) -> str:
    base, models = (figure(value, 4) for value in point["perplexities"])
    return say(language, "walk_point", t=f"{point['t']:g}", base=base, models=models)


def picture_html(shown: Picture, language: str) -> Markup:
    """Each model's change of a tensor above the line and what the method keeps of it below."""
    centres = [(a + b) / 2 for a, b in zip(shown.edges[:-1], shown.edges[1:], strict=True)]
    parts = [
        charts.histogram(
            shown.edges,
            change.counts,
            centres,
            change.kept,
            say(language, "picture_model", name=change.label),
            (
                say(language, "picture_change", norm=figure(change.norm)),
                say(language, "picture_kept", share=percent(change.kept_share)),
            ),
        )
        for change in shown.changes
    ]
    if shown.agreement is not None:
        parts.insert(0, note(say(language, "picture_agree", share=percent(shown.agreement))))
    if not any(any(change.counts) for change in shown.changes):
        parts.insert(0, note(say(language, "picture_same"), "warn"))
    else:
        parts.append(note(say(language, "picture_outside")))
    return join(parts)


def likeness_html(cells: Sequence[Likeness], language: str) -> Markup:
    """Layers across, kinds of matrices down; the deeper, the more alike two models' changes."""
    values = {(cell.role, cell.layer): cell.cosine for cell in cells}
    title, untouched = say(language, "likeness_title"), say(language, "look_untouched")
    return layer_map(values, title, untouched, language, said="{:+.3f}".format, scale="{:.2f}".format)
