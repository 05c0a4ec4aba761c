"""Facts in a row: where does a model break that is taught one after another?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr
from markupsafe import Markup

from playground import workspace as spaces
from playground.engine.work import Work
from playground.errors import Message, PlaygroundError
from playground.lab.sequential import (
    METHODS,
    MOST_FACTS,
    NewFact,
    SequencePoint,
    in_sequence,
    parse_facts,
    swapped_facts,
    together,
)
from playground.ui.parts import charts
from playground.ui.parts.html import duration, note, notes
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import AT_ONCE
from playground.ui.shell.run import Run
from playground.ui.shell.turns import stops
from playground.ui.text import label, say, tell

FIRST_COUNT = 10
MAX_TEXT = 30_000
MOST_METHODS = 2  # that are drawn beside one another
Series = dict[str, list[SequencePoint]]


def build_row(saved: gr.BrowserState, language: gr.Textbox) -> Any:
    """Lay out the panel and wire it; the text field, which a reload must not lose."""
    with gr.Accordion(label("lab_row_heading"), open=False, elem_id="lab-row-panel"):
        gr.Markdown(label("lab_row_intro"))
        with gr.Row():
            methods = gr.CheckboxGroup(
                [(label(f"way_{m}") if m != "alphaedit" else "AlphaEdit", m) for m in METHODS],
                value=["rome", "memit"],
                label=label("lab_row_methods"),
                elem_id="lab-row-methods",
                min_width=260,
            )
            count = gr.Slider(
                1, MOST_FACTS, FIRST_COUNT, step=1, label=label("lab_row_count"), elem_id="lab-row-count", min_width=200
            )
        at_once = gr.Checkbox(False, label=label("lab_row_at_once"), elem_id="lab-row-at-once")
        with gr.Accordion(label("lab_row_own"), open=False):
            own = gr.Textbox(
                "",
                lines=4,
                max_lines=12,
                max_length=MAX_TEXT,
                label=label("lab_row_own"),
                info=label("lab_row_own_info"),
                elem_id="lab-row-own",
            )
        with gr.Row():
            go = gr.Button(label("lab_row_go"), variant="primary", elem_id="lab-row-go", min_width=140)
            stop = gr.Button(label("stop"), elem_id="lab-row-stop", min_width=90, scale=0)
        status = gr.HTML(elem_id="lab-row-status")
        result = gr.HTML(elem_id="lab-row")
    Run(
        name="row",
        handler=run_row,
        form=Form(saved=saved, language=language, methods=methods, count=count, at_once=at_once, own=own),
        outputs=[result],
        told=result,
        status=status,
        words="lab_stopped",
    ).on(go.click)
    stop.click(stops("row"), **AT_ONCE)
    return own


def run_row(values: Values, work: Work) -> Iterator[str]:
    """Each method in turn, drawn as it goes; then all facts in one edit, if wished."""
    language, own = values["language"], values["own"]
    facts = parse_facts(own) if own.strip() else swapped_facts(0, int(values["count"]))
    recipe = spaces.workspace_from_json(values["saved"]).recipe()
    chosen = [method for method in METHODS if method in values["methods"]]
    if len(chosen) > MOST_METHODS:
        raise PlaygroundError(
            "Two methods are drawn beside one another, and {count} are ticked. Untick some.", count=len(chosen)
        )
    if not chosen:
        yield note(say(language, "lab_row_none"), "warn")
    series: Series = {method: [] for method in chosen}
    once: dict[str, SequencePoint] = {}
    runs = len(chosen) * (2 if values["at_once"] else 1)
    for number, method in enumerate(chosen):
        part = work.part(number, runs, _doing(method, language))
        for point in in_sequence(recipe, method, facts, 0, part):
            series[method].append(point)
            yield drawn(series, once, facts, language)
    for number, method in enumerate(chosen if values["at_once"] else ()):
        part = work.part(len(chosen) + number, runs, _doing(method, language))
        once[method] = together(recipe, method, facts, 0, part)
        yield drawn(series, once, facts, language)


def _doing(method: str, language: str) -> Message:
    return Message("In a row: {method}…", {"method": name(method, language)})


def name(method: str, language: str) -> str:
    """A method's name on the page."""
    return "AlphaEdit" if method == "alphaedit" else say(language, f"way_{method}")


def drawn(found: Series, once: dict[str, SequencePoint], facts: Sequence[NewFact], language: str) -> Markup:
    """Two plots over the number of facts, and a line for each method."""
    series = {method: points for method, points in found.items() if points}
    most = max((len(facts), 1))

    def plot(title: str, value: Any) -> Markup:
        lines = [
            charts.Curve(name(method, language), [(p.count, value(p)) for p in points])
            for method, points in series.items()
        ]
        return charts.curves(lines, title, most) if lines else Markup()

    lines = [
        say(
            language,
            "lab_row_line",
            method=name(method, language),
            count=points[-1].count,
            **_figures(points[-1], sum(p.seconds for p in points)),
        )
        for method, points in series.items()
    ] + [
        say(
            language,
            "lab_row_together",
            method=name(method, language),
            count=point.count,
            **_figures(point, point.seconds),
        )
        for method, point in once.items()
        if not point.failed
    ]
    failed = [
        say(
            language,
            "lab_row_failed",
            method=name(method, language),
            count=point.count,
            reason=tell(language, point.failed) if isinstance(point.failed, Message) else "",
        )
        for method, points in [*series.items(), *((m, [p]) for m, p in once.items())]
        for point in points
        if point.failed
    ]
    return (
        plot(say(language, "lab_row_efficacy"), lambda p: p.efficacy)
        + plot(say(language, "lab_row_perplexity"), lambda p: p.perplexity_ratio)
        + notes(lines, "hint")
        + notes(failed, "warn")
    )


def _figures(point: SequencePoint, seconds: float) -> dict[str, str]:
    return {
        "efficacy": f"{point.efficacy:.0%}",
        "written": f"{point.written:.0%}",
        "ratio": f"{point.perplexity_ratio:.3g}",
        "seconds": duration(seconds),
    }
