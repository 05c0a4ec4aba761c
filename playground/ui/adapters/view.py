"""Pieces of HTML of the Adapters tab: an adapter looked into, what a run takes, how it goes."""

from __future__ import annotations

import time
from collections.abc import Sequence

from markupsafe import Markup

from playground.engine.adapters.costs import Costs
from playground.engine.adapters.extract import Extracted
from playground.engine.adapters.summary import Look, Spectrum
from playground.engine.measuring.calculator import Inference, Training, fits
from playground.engine.training.data import Encoded
from playground.engine.training.estimate import Estimate
from playground.engine.training.job import Job
from playground.engine.training.reading import ReadExamples
from playground.ui.parts import charts
from playground.ui.parts.html import clock, duration, figure, join, note, percent, size, table, tag
from playground.ui.parts.layer_map import layer_map
from playground.ui.parts.stations import large
from playground.ui.text import say, tell

CHART_POINTS = 60  # of a loss curve: more would not be seen
MEMORY = ("weights", "trained", "gradients", "optimizer", "activations")  # of an estimate, in bytes
RUNNING = ("weights", "cache", "total", "rule")  # of the calculator's costs, in bytes
TRAINING = ("weights", "gradients", "states", "activations", "total")


# An adapter looked into


def look_html(adapter: Look, language: str) -> Markup:
    """What an adapter is, in figures and as a map of where it changes how much."""
    rows = [[say(language, "look_kind"), adapter.kind]]
    if adapter.rank is not None:
        rows.append([say(language, "look_rank"), str(adapter.rank)])
    if adapter.alpha is not None:
        rows.append([say(language, "look_alpha"), figure(adapter.alpha)])
    if adapter.targets:
        rows.append([say(language, "look_targets"), ", ".join(adapter.targets)])
    share = say(language, "look_share", count=f"{adapter.parameters:,}", share=percent(adapter.share))
    rows.append([say(language, "look_parameters"), share])
    rows.append([say(language, "look_bytes"), size(adapter.bytes)])
    return _values(say(language, "look_caption"), rows, language) + _map(adapter, language)


def _values(caption: str, rows: Sequence[Sequence[str]], language: str) -> Markup:
    """A table of names and their values."""
    return table(caption, (say(language, "look_what"), say(language, "look_value")), rows, "pg-words")


def _map(adapter: Look, language: str) -> Markup:
    """Layers across, kinds of matrices down; deeper is more changed."""
    changed = {cell.role for cell in adapter.cells if cell.value is not None}
    values = {(cell.role, cell.layer): cell.value for cell in adapter.cells if cell.role in changed}
    return (
        layer_map(values, say(language, "look_map"), say(language, "look_untouched"), language) if changed else Markup()
    )


def thin(spectrum: Spectrum, language: str) -> Markup:
    """The matrices drawn to scale, so that the low rank is seen, and the singular values."""
    points = [
        charts.ChartPoint(str(number), value, f"{number}: {figure(value)}")
        for number, value in enumerate(spectrum.values, 1)
    ]
    rows, columns = spectrum.shape
    whole, pair = rows * columns, spectrum.rank * (rows + columns)
    line = say(
        language,
        "thin_line",
        rows=rows,
        columns=columns,
        rank=spectrum.rank,
        whole=f"{whole:,}",
        thin=f"{pair:,}",
        share=percent(pair / whole),
    )
    drawn = charts.to_scale(rows, columns, spectrum.rank, say(language, "thin_title"))
    values = charts.line_chart(points, say(language, "spectrum_title"))
    return drawn + note(line) + values


def costs(weighed: Costs, language: str) -> Markup:
    """Kept apart against folded."""

    def row(key: str, apart: str, folded: str) -> list[str]:
        return [say(language, f"costs_{key}"), apart, folded]

    rows = [
        row("memory", size(weighed.apart_bytes), size(weighed.folded_bytes)),
        row("hundred", size(100 * weighed.apart_bytes), size(100 * weighed.folded_bytes)),
        row("seconds", duration(weighed.apart_seconds), duration(weighed.folded_seconds)),
    ]
    heads = [say(language, key) for key in ("look_what", "costs_apart", "costs_folded")]
    same = say(language, "costs_same", top=percent(weighed.same_top), difference=figure(weighed.difference))
    return table(say(language, "costs_caption"), heads, rows) + note(same)


# Training


def preview(shown: Sequence[tuple[Encoded, Sequence[str]]], cut: int, language: str) -> Markup:
    """Exactly what the model sees of the first examples; what the loss counts is marked."""
    parts = []
    for example, pieces in shown:
        text = (tag("mark", piece) if weight else piece for piece, weight in zip(pieces, example.weights, strict=True))
        counted = sum(weight > 0 for weight in example.weights[1:])
        line = say(language, "preview_tokens", tokens=len(example.ids), counted=counted)
        parts += [tag("pre", *text, class_="pg-preview"), note(line)]
    if cut:
        parts.append(note(say(language, "preview_cut", count=cut), "warn"))
    return join(parts)


def left_out(reading: ReadExamples, language: str) -> Markup:
    """What a file holds that is not learned from, and what else is told of it."""
    parts = [note(tell(language, message)) for message in reading.told]
    if reading.left_out:
        reasons = " ".join(tell(language, reason) for reason in reading.reasons)
        line = say(language, "read_left_out", count=reading.left_out, kept=len(reading.examples), reasons=reasons)
        parts.insert(0, note(line, "warn"))
    return join(parts)


def estimate_html(ahead: Estimate, steps: int, language: str) -> Markup:
    """What learns, what memory it takes by part, and how long."""
    memory = {name: size(getattr(ahead, name)) for name in MEMORY}
    learns = say(language, "look_share", count=f"{ahead.parameters:,}", share=percent(ahead.share))
    values = {"parameters": learns, **memory, "steps": str(steps), "seconds": duration(ahead.seconds)}
    rows = [[say(language, f"estimate_{key}"), value] for key, value in values.items()]
    return _values(say(language, "estimate_caption"), rows, language)


def run(job: Job, position: int, language: str) -> Markup:
    """How a run goes: its state, what it answers by now, its curves, and in the end before and after."""
    parts = [note(_state(job, position, language), "warn" if job.error else "")]
    if job.told is not None:
        parts.append(note(tell(language, job.told)))
    sample = next((p.sample for p in reversed(job.points) if p.sample is not None), None)
    if sample is not None:
        asked = " ".join(job.run.sample_prompt.split())[:80] if job.run else ""
        said = say(language, "run_sample_of", prompt=asked) if asked else say(language, "run_sample")
        parts.append(large(sample, language, said))
    if job.points:
        parts.append(tag("div", _curves(job, language), class_="pg-curves"))
    if job.general is not None:
        before, after = job.general
        parts.append(note(say(language, "run_general", before=figure(before, 4), after=figure(after, 4))))
    if job.answers:
        heads = [say(language, key) for key in ("run_prompt", "run_before", "run_after")]
        rows = [[a.prompt, a.before, a.after] for a in job.answers]
        parts.append(table(say(language, "run_answers"), heads, rows, "pg-words"))
    return join(parts)


def _state(job: Job, position: int, language: str) -> str:
    if job.error is not None:
        return tell(language, job.error)
    if job.status == "waiting":
        return say(language, "run_waiting", place=position)
    spent = clock(time.monotonic() - job.since)
    if job.status == "preparing" or (job.status == "training" and not job.points):
        return say(language, "run_preparing", clock=spent)
    if job.status == "training":
        step, left = job.points[-1].step, job.seconds_left() or 0.0
        if step >= job.total:
            return say(language, "run_ending", clock=spent)
        return say(language, "run_training", step=step, of=job.total, left=clock(left))
    key = f"run_{job.status}"
    if job.status == "stopped" and not job.points:
        key = "run_unbegun"
    elif job.resumable() and not job.source:
        key = "run_kept"
    elif job.status == "stopped" and not job.resumable():
        key = "run_ended"
    return say(language, key)


def _curves(job: Job, language: str) -> Markup:
    """Training and held-out loss, and the learning rate, by step."""
    every = max(1, len(job.points) // CHART_POINTS)
    points = [p for n, p in enumerate(job.points) if n % every == 0 or p is job.points[-1]]
    held = [(p.step, p.held) for p in job.points if p.held is not None]
    loss = charts.curves(
        [
            charts.Curve(say(language, "run_loss"), [(p.step, p.loss) for p in points]),
            charts.Curve(say(language, "run_held"), held),
        ],
        say(language, "run_curves"),
        job.total,
    )
    rate = charts.curves(
        [charts.Curve(say(language, "run_rate"), [(p.step, p.rate) for p in points])],
        say(language, "run_rate"),
        job.total,
        height=110,
    )
    return loss + rate


# Extracting, and the calculator


def extracted(result: Extracted, language: str) -> Markup:
    """How much of the difference the LoRA has, and where it has least."""
    worst = sorted(result.kept, key=lambda matrix: matrix.energy)[:5]
    rows = [[matrix.name.removesuffix(".weight"), percent(matrix.energy), percent(matrix.error)] for matrix in worst]
    rows.insert(0, [say(language, "extract_all"), percent(result.energy), percent(result.error)])
    heads = [say(language, key) for key in ("look_what", "extract_energy", "extract_error")]
    shown = table(say(language, "extract_caption", count=len(result.kept)), heads, rows)
    if result.left_out:
        names = ", ".join(result.left_out[:5])
        shown += note(say(language, "extract_left", count=len(result.left_out), names=names), "warn")
    return shown


def gigabytes(count: float) -> str:
    """Bytes as gigabytes, which the calculator is about."""
    return f"{figure(count / 1e9, 4)} GB"


def calculated(run: Inference, train: Training, language: str) -> Markup:
    """Memory for running and for training, by part, and the machines that have it."""

    def rows(cost: Inference | Training, parts: Sequence[str]) -> list[list[str]]:
        costs = [[say(language, f"calculated_{name}"), gigabytes(getattr(cost, name))] for name in parts]
        return [*costs, [say(language, "calculated_fits"), _machines(cost.total, language)]]

    learns = [say(language, "calculated_learns"), f"{train.trained:,.0f}"]
    training = [learns, *rows(train, TRAINING)]
    running = _values(say(language, "calculated_running"), rows(run, RUNNING), language)
    return running + _values(say(language, "calculated_training"), training, language)


def _machines(total: float, language: str) -> str:
    return ", ".join(fits(total)) or say(language, "calculated_none")
