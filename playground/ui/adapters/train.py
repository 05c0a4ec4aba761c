"""Training an adapter: the data, the method, what it will take, and how it goes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.engine.fork import Fork
from playground.engine.models.loader import load
from playground.engine.training import data
from playground.engine.training.data import DataError, Example
from playground.engine.training.estimate import check_run, estimate
from playground.engine.training.jobs import JOBS, MAX_PROMPTS, MOST_KEPT
from playground.engine.training.methods import METHODS
from playground.engine.training.reading import KINDS, ReadExamples, read_file, ready_sets
from playground.engine.training.settings import TrainingSettings
from playground.ui.adapters import view as adapters_html
from playground.ui.adapters.attach import AttachPanel, open_made
from playground.ui.adapters.examples_table import build_table, rows_of
from playground.ui.adapters.own import with_own_told
from playground.ui.adapters.train_form import SHOWN, build_settings, settings_of, show_training_method, usual_rate
from playground.ui.parts.html import note
from playground.ui.parts.zones import build_zone
from playground.ui.shell import uploaded
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import AT_ONCE, LOOK, TOLD, follows, session, shown
from playground.ui.text import label, say, tell

SOURCES = ("ready", "file", "table")
SHOW_RUN = "() => document.getElementById('train-run')?.scrollIntoView({behavior: 'smooth', block: 'center'})"
PREVIEWED = 2  # examples shown as the model sees them
FIRST_SET = "pirate"
TICK = 1.0  # seconds between two looks at a run
ID = re.compile(r"[0-9a-f]{32}")  # of a run, as browsers keep it


@dataclass(frozen=True, kw_only=True)
class TrainPanel:
    """What the tab is wired to."""

    form: Form  # what ``look_ahead`` reads
    ahead: list[Any]  # what it fills
    typed: dict[str, Any]  # what a reload must not lose, by its key in the browser
    watched: list[Any]  # inputs of ``watch``
    going: list[Any]  # what it fills
    shown_for: tuple[list[Any], list[Any]]  # inputs of ``show_both`` and what it fills


def build_train(
    saved: gr.BrowserState, mine: gr.BrowserState, job: gr.BrowserState, language: gr.Textbox, attach: AttachPanel
) -> TrainPanel:
    """Lay out the panel and wire it.

    :param job: id of the visitor's last run, kept by the browser.
    """
    gr.Markdown(label("train_intro"))
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=320):
            source = gr.Radio(
                [(label(f"data_{name}"), name) for name in SOURCES],
                value="ready",
                label=label("train_data"),
                elem_id="train-data",
            )
            ready = gr.Dropdown(
                [(label(f"set_{name}"), name) for name in ready_sets()],
                value=FIRST_SET,
                label=label("train_set"),
                elem_id="train-set",
            )
            zone = build_zone(label("train_file"), KINDS, language, visible=False, elem_id="train-file")
            file = zone.file
            rows = build_table("train-table", visible=False)
            method = gr.Dropdown(
                [(label(f"train_{name}"), name) for name in METHODS],
                value="lora",
                label=label("train_method"),
                info=label("train_method_info"),
                elem_id="train-method",
            )
            settings = build_settings()
            prompts = gr.Textbox(
                "",
                lines=2,
                max_lines=6,
                max_length=4_000,
                label=label("train_prompts"),
                info=label("train_prompts_info"),
                elem_id="train-prompts",
            )
            with gr.Row():
                go = gr.Button(label("train"), variant="primary", elem_id="train", min_width=110)
                stop = gr.Button(label("stop"), elem_id="train-stop", min_width=80)
                resume = gr.Button(label("resume"), elem_id="train-resume", min_width=80)
        with gr.Column(scale=1, min_width=320):
            going = gr.HTML(label("train_empty"), elem_id="train-run")
            with gr.Accordion(label("estimate_heading"), open=True):
                ahead = gr.HTML(elem_id="train-estimate")
            with gr.Accordion(label("preview_heading"), open=False):
                seen = gr.HTML(elem_id="train-preview")
    timer = gr.Timer(TICK, active=False)
    done = gr.State("")  # the adapter that was last taken over from a run

    for_source, for_method = [ready, file, rows], [settings[name] for name in SHOWN]
    source.input(show_examples_source, source, for_source, **AT_ONCE)
    method.change(show_training_method, method, for_method, **AT_ONCE)
    method.select(usual_rate, method, settings["rate"], **AT_ONCE)
    form = Form(
        saved=saved,
        language=language,
        job=job,
        prompts=prompts,
        source=source,
        ready=ready,
        file=file,
        rows=rows,
        method=method,
        **settings,
    )
    ahead_of, looks = (form.reads(look_ahead), form.inputs, [ahead, seen]), [source, ready, method, *settings.values()]
    follows(looks, *ahead_of, **LOOK)
    for event in (zone.checked.then, rows.input):
        event(*ahead_of, trigger_mode="always_last", **LOOK)
    watched, shows = [job, mine, language, done], [going, mine, done, timer]
    form.on(go.click, start, [job, timer], **LOOK).success(watch, watched, shows, **TOLD)
    go.click(None, None, None, js=SHOW_RUN, api_visibility="private")
    stop.click(halt, job, timer, **AT_ONCE)
    resume.click(resume_training, [job, language], timer, **TOLD)
    timer.tick(watch, watched, shows, **TOLD)
    done.change(open_made, [saved, mine, language, done], attach.parts, **LOOK)
    typed = {"asked": prompts, "source": source, "set": ready, "rows": rows, "method": method}
    typed |= {f"setting{number}": field for number, field in enumerate(settings.values())}
    shown_for = [source, method], [*for_source, *for_method]
    return TrainPanel(form=form, ahead=[ahead, seen], typed=typed, watched=watched, going=shows, shown_for=shown_for)


def show_both(source: str, method: str) -> list[Any]:
    """The controls of a source and of a method, as a reload brought them back."""
    return [*show_examples_source(source), *show_training_method(method)]


def show_examples_source(source: str) -> list[Any]:
    """Only the controls of one source of examples."""
    return [gr.update(visible=source == name) for name in SOURCES]


def reading_of(values: Values) -> ReadExamples:
    """The examples that the controls stand for, and what was left out of a file.

    :raises DataError: there are none, or they cannot be read.
    """
    source, file = values["source"], values["file"]
    if source == "ready":
        return ReadExamples(ready_sets().get(str(values["ready"]), ()) or tuple(data.from_table([])))
    if source == "table":
        return ReadExamples(tuple(data.from_table(rows_of(values["rows"]))))
    if not file:
        raise DataError("No file is chosen. Choose a .csv, .tsv, .json or .jsonl file.")
    return read_file(Path(file).name, uploaded.read(file, data.MAX_FILE))


@shown
def look_ahead(values: Values) -> tuple[str, str]:
    """What the run would take, and what the model would see."""
    language = values["language"]
    try:
        settings, reading = settings_of(values), reading_of(values)
        settings, encoded, base = _seen(values["saved"], settings, reading.examples)
    except DataError as error:  # nobody has asked for it yet: a line, not a message
        return note(tell(language, error.message)), ""
    tokens = sum(len(example.ids) for example in encoded) / len(encoded)
    learn, _ = data.hold_out(reading.examples, settings.held_share, settings.seed)
    ahead = estimate(base, settings, len(learn), tokens)
    tokenizer = base.base.tokenizer
    pieces = [(example, [str(tokenizer.decode([token])) for token in example.ids]) for example in encoded[:PREVIEWED]]
    return (
        adapters_html.left_out(reading, language)
        + adapters_html.estimate_html(ahead, settings.total_steps(len(learn)), language),
        adapters_html.preview(pieces, sum(example.cut for example in encoded), language),
    )


def _seen(
    saved: Any, settings: TrainingSettings, examples: Sequence[Example]
) -> tuple[TrainingSettings, list[data.Encoded], Fork]:
    """The examples as the visitor's model sees them; no chat template where it has none."""
    base = load(spaces.workspace_from_json(saved).stack.model)
    if not base.tokenizer.chat_template:
        settings = settings.model_copy(update={"chat": False})
    s = settings
    encoded = [data.encode(base, example, s.chat, s.prompt_weight, s.length) for example in examples]
    return settings, encoded, Fork(base)


@shown
def start(values: Values) -> tuple[str, Any]:
    """Put a run in the queue."""
    going = JOBS.get(values["job"])
    if going is not None and going.active():
        raise DataError("Your last run is not over yet. Stop it first, or wait for it.")
    settings, examples = settings_of(values), reading_of(values).examples
    settings, encoded, base = _seen(values["saved"], settings, examples)
    lengths = [len(example.ids) for example in encoded]
    check_run(base, settings, len(examples), max(lengths), sum(lengths) / len(lengths))
    recipe, language = spaces.workspace_from_json(values["saved"]).recipe(), values["language"]
    lines = [line.strip() for line in values["prompts"].splitlines() if line.strip()][:MAX_PROMPTS]
    data_set = f"set_{values['ready']}" if values["source"] == "ready" else "set_own"
    method, title = say(language, f"train_{settings.method}"), say(language, data_set)
    title = say(language, "train_title", method=method, data=title)
    job_id = JOBS.submit(recipe, examples, settings, title, lines, session())
    return job_id, gr.Timer(active=True)


def halt(job_id: Any) -> Any:
    """End the run after its step in hand; what was learned is kept."""
    JOBS.stop(str(job_id))
    return gr.Timer(active=True)


@shown
def resume_training(job_id: Any, language: str) -> Any:
    """Let a stopped run go on."""
    JOBS.resume(str(job_id))
    return gr.Timer(active=True)


@shown
def watch(job_id: Any, mine: Any, language: str, done: str) -> tuple[Any, Any, Any, Any]:
    """How the run goes; its adapter becomes the visitor's own once there is one."""
    job = JOBS.get(job_id)
    if job is None:
        lost = isinstance(job_id, str) and ID.fullmatch(job_id)
        told = say(language, "run_lost", count=MOST_KEPT) if lost else say(language, "train_empty")
        return note(told), gr.skip(), gr.skip(), gr.Timer(active=False)
    fresh = job.source and job.source != done
    return (
        adapters_html.run(job, JOBS.place(job), language),
        with_own_told(mine, job.source, language) if fresh else gr.skip(),
        job.source if fresh else gr.skip(),
        gr.Timer(active=job.active()),
    )
