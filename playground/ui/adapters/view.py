"""Pieces of HTML of the Adapters tab: an adapter looked into, what a run takes, how it goes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from html import escape

from playground.engine.adapters.costs import Costs
from playground.engine.adapters.extract import Extracted
from playground.engine.adapters.look import Look, Spectrum
from playground.engine.measuring.calculator import Inference, Training, fits
from playground.engine.training.data import Encoded
from playground.engine.training.estimate import Estimate
from playground.engine.training.job import Job
from playground.engine.training.reading import Reading
from playground.ui.parts import charts
from playground.ui.parts.html import clock, duration, figure, note, percent, size, table
from playground.ui.text import say, tell

CHART_POINTS = 60  # of a loss curve: more would not be seen


# An adapter looked into


def look(found: Look, language: str) -> str:
    """What an adapter is, in figures and as a map of where it changes how much."""
    rows = [[escape(say(language, "look_kind")), escape(found.kind)]]
    if found.rank is not None:
        rows.append([escape(say(language, "look_rank")), str(found.rank)])
    if found.alpha is not None:
        rows.append([escape(say(language, "look_alpha")), figure(found.alpha)])
    if found.targets:
        rows.append([escape(say(language, "look_targets")), escape(", ".join(found.targets))])
    share = say(language, "look_share", count=f"{found.parameters:,}", share=percent(found.share))
    rows.append([escape(say(language, "look_parameters")), escape(share)])
    rows.append([escape(say(language, "look_bytes")), size(found.bytes)])
    heads = (say(language, "look_what"), say(language, "look_value"))
    return table(say(language, "look_caption"), heads, rows, True) + _map(found, language)


def _map(found: Look, language: str) -> str:
    """Layers across, kinds of matrices down; deeper is more changed."""
    changed = [cell for cell in found.cells if cell.value is not None]
    if not changed:
        return ""
    roles = list(dict.fromkeys(cell.role for cell in changed))
    layers = sorted({cell.layer for cell in found.cells})
    at = {(cell.role, cell.layer): cell.value for cell in changed}
    most = max(cell.value or 0 for cell in changed)

    def hint(role: str, layer: int) -> str:
        value = at.get((role, layer))
        shown = say(language, "look_untouched") if value is None else percent(value)
        return say(language, "view_cell", layer=layer, role=role, value=shown)

    return charts.heat_map(
        [role.rpartition(".")[2] for role in roles],
        [str(layer) for layer in layers],
        [[at.get((role, layer)) for layer in layers] for role in roles],
        say(language, "look_map"),
        [[hint(role, layer) for layer in layers] for role in roles],
        percent(most),
    )


def thin(found: Spectrum, language: str) -> str:
    """The matrices drawn to scale, so that the low rank is seen, and the singular values."""
    points = [
        charts.Point(str(place), value, f"{place}: {figure(value)}") for place, value in enumerate(found.values, 1)
    ]
    rows, columns = found.shape
    whole, pair = rows * columns, found.rank * (rows + columns)
    line = say(
        language,
        "thin_line",
        rows=rows,
        columns=columns,
        rank=found.rank,
        whole=f"{whole:,}",
        thin=f"{pair:,}",
        share=percent(pair / whole),
    )
    drawn = charts.to_scale(rows, columns, found.rank, say(language, "thin_title"))
    values = charts.line_chart(points, say(language, "spectrum_title"))
    return drawn + note(line) + values


def costs(found: Costs, language: str) -> str:
    """Kept apart against folded."""

    def row(key: str, apart: str, folded: str) -> list[str]:
        return [escape(say(language, f"costs_{key}")), apart, folded]

    rows = [
        row("memory", size(found.apart_bytes), size(found.folded_bytes)),
        row("hundred", size(100 * found.apart_bytes), size(100 * found.folded_bytes)),
        row("seconds", duration(found.apart_seconds), duration(found.folded_seconds)),
    ]
    heads = [say(language, key) for key in ("look_what", "costs_apart", "costs_folded")]
    same = say(language, "costs_same", top=percent(found.same_top), difference=figure(found.difference))
    return table(say(language, "costs_caption"), heads, rows) + note(same)


# Training


def preview(shown: Sequence[tuple[Encoded, Sequence[str]]], cut: int, language: str) -> str:
    """Exactly what the model sees of the first examples; what the loss counts is marked."""
    parts = []
    for one, pieces in shown:
        text = "".join(
            f"<mark>{escape(piece)}</mark>" if weight else escape(piece)
            for piece, weight in zip(pieces, one.weights, strict=True)
        )
        counted = sum(weight > 0 for weight in one.weights[1:])
        line = say(language, "preview_tokens", tokens=len(one.ids), counted=counted)
        parts.append(f'<pre class="pg-preview">{text}</pre>{note(line)}')
    if cut:
        parts.append(note(say(language, "preview_cut", count=cut), "warn"))
    return "".join(parts)


def left_out(reading: Reading, language: str) -> str:
    """What a file holds that is not learned from, and what else is told of it."""
    parts = [note(tell(language, message)) for message in reading.told]
    if reading.left_out:
        reasons = " ".join(tell(language, reason) for reason in reading.reasons)
        line = say(language, "read_left_out", count=reading.left_out, kept=len(reading.examples), reasons=reasons)
        parts.insert(0, note(line, "warn"))
    return "".join(parts)


def estimate(found: Estimate, steps: int, language: str) -> str:
    """What learns, what memory it takes by part, and how long."""

    def row(key: str, value: str) -> list[str]:
        return [escape(say(language, f"estimate_{key}")), value]

    learns = say(language, "look_share", count=f"{found.parameters:,}", share=percent(found.share))
    rows = [
        row("parameters", escape(learns)),
        row("weights", size(found.weights)),
        row("trained", size(found.trained)),
        row("gradients", size(found.gradients)),
        row("optimizer", size(found.optimizer)),
        row("activations", size(found.activations)),
        row("steps", str(steps)),
        row("seconds", duration(found.seconds)),
    ]
    heads = (say(language, "look_what"), say(language, "look_value"))
    return table(say(language, "estimate_caption"), heads, rows, True)


def run(job: Job, place: int, language: str) -> str:
    """How a run goes: its state, its curves, its last sample, and in the end before and after."""
    parts = [note(_state(job, place, language), "warn" if job.error else "")]
    if job.told is not None:
        parts.append(note(tell(language, job.told)))
    if job.points:
        parts.append(_curves(job, language))
        sample = next((p.sample for p in reversed(job.points) if p.sample is not None), None)
        if sample is not None:
            parts.append(f"<p><b>{escape(say(language, 'run_sample'))}</b> {escape(sample)}</p>")
    if job.general is not None:
        before, after = job.general
        parts.append(note(say(language, "run_general", before=figure(before, 4), after=figure(after, 4))))
    if job.answers:
        heads = [say(language, key) for key in ("run_prompt", "run_before", "run_after")]
        rows = [[escape(a.prompt), escape(a.before), escape(a.after)] for a in job.answers]
        parts.append(table(say(language, "run_answers"), heads, rows, True))
    return "".join(parts)


def _state(job: Job, place: int, language: str) -> str:
    if job.error is not None:
        return tell(language, job.error)
    if job.status == "waiting":
        return say(language, "run_waiting", place=place)
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


def _curves(job: Job, language: str) -> str:
    """Training and held-out loss, and the learning rate, by step."""
    every = max(1, len(job.points) // CHART_POINTS)
    kept = [p for n, p in enumerate(job.points) if n % every == 0 or p is job.points[-1]]
    held = [(p.step, p.held) for p in job.points if p.held is not None]
    loss = charts.curves(
        [
            charts.Curve(say(language, "run_loss"), [(p.step, p.loss) for p in kept]),
            charts.Curve(say(language, "run_held"), held),
        ],
        say(language, "run_curves"),
        job.total,
    )
    rate = charts.curves(
        [charts.Curve(say(language, "run_rate"), [(p.step, p.rate) for p in kept])],
        say(language, "run_rate"),
        job.total,
        height=110,
    )
    return loss + rate


# Extracting, and the calculator


def extracted(found: Extracted, language: str) -> str:
    """How much of the difference the LoRA has, and where it has least."""
    worst = sorted(found.kept, key=lambda one: one.energy)[:5]
    rows = [[escape(one.name.removesuffix(".weight")), percent(one.energy), percent(one.error)] for one in worst]
    rows.insert(0, [escape(say(language, "extract_all")), percent(found.energy), percent(found.error)])
    heads = [say(language, key) for key in ("look_what", "extract_energy", "extract_error")]
    shown = table(say(language, "extract_caption", count=len(found.kept)), heads, rows)
    if found.left_out:
        names = ", ".join(found.left_out[:5])
        shown += note(say(language, "extract_left", count=len(found.left_out), names=names), "warn")
    return shown


def gigabytes(count: float) -> str:
    """Bytes as gigabytes, which the calculator is about."""
    return f"{figure(count / 1e9, 4)} GB"


def calculated(run: Inference, train: Training, language: str) -> str:
    """Memory for running and for training, by part, and the machines that have it."""

    def row(key: str, value: str) -> list[str]:
        return [escape(say(language, f"calculated_{key}")), value]

    heads = (say(language, "look_what"), say(language, "look_value"))
    running = [
        row("weights", gigabytes(run.weights)),
        row("cache", gigabytes(run.cache)),
        row("total", gigabytes(run.total)),
        row("rule", gigabytes(run.rule)),
        row("fits", escape(_machines(run.total, language))),
    ]
    training = [
        row("learns", f"{train.trained:,.0f}"),
        row("weights", gigabytes(train.weights)),
        row("gradients", gigabytes(train.gradients)),
        row("states", gigabytes(train.states)),
        row("activations", gigabytes(train.activations)),
        row("total", gigabytes(train.total)),
        row("fits", escape(_machines(train.total, language))),
    ]
    return table(say(language, "calculated_running"), heads, running, True) + table(
        say(language, "calculated_training"), heads, training, True
    )


def _machines(total: float, language: str) -> str:
    return ", ".join(fits(total)) or say(language, "calculated_none")
