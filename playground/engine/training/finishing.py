"""How a training run begins or goes on, and what is kept of it when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playground.engine.adapters import store
from playground.engine.adapters.store import About
from playground.engine.build import build
from playground.engine.decoding.answering import answer_texts
from playground.engine.decoding.generate import prompt_text
from playground.engine.fork import Fork
from playground.engine.training import run_files
from playground.engine.training.job import BeforeAfter, Job
from playground.engine.work import Work
from playground.errors import Message, PlaygroundError

if TYPE_CHECKING:  # brings PEFT, which takes seconds: imported when the first run begins
    from playground.engine.training.run import TrainingRun

ANSWER_TOKENS = 48


def made(job: Job) -> TrainingRun:
    """A job's run where it was left, with its model.

    :raises PlaygroundError: the recipe or the settings do not fit, or the examples are gone.
    """
    from playground.engine.training.run import TrainingRun

    examples = job.examples or run_files.examples(job.id)
    fork = build(job.recipe, Work(stopped=job.stopping.is_set)).fork
    run = TrainingRun(fork=fork, settings=job.settings, examples=examples)
    if job.saved and not run_files.restore_run(job, run):
        run = TrainingRun(fork=fork, settings=job.settings, examples=examples)
        job.saved, job.told = (0, Message("The saved state of this run cannot be read. It begins again."))
    run.points = list(job.points[: run.step])
    job.points = tuple(run.points)
    return run


def keep_result(job: Job, run: TrainingRun) -> None:
    """Put what a run learned into the store, and answer its prompts before and after.

    :raises PlaygroundError: there is no room for it.
    """
    adapter = run.finish()
    assert run.general_after is not None
    job.general = run.general_before, run.general_after
    about = About(job.title, "trained", job.recipe.model, job.settings.method)
    job.source = store.keep_adapter(adapter, about, owner=job.owner)
    variant = run.variant()
    job.answers = tuple(
        BeforeAfter(prompt, _answer(run.fork, prompt, run), _answer(variant, prompt, run))
        for prompt in job.prompts or (run.sample_prompt,)
    )


def _answer(fork: Fork, prompt: str, run: TrainingRun) -> str:
    text = prompt_text(fork.base.tokenizer, prompt, run.settings.chat)
    try:
        return answer_texts(fork, [text], ANSWER_TOKENS)[0]
    except PlaygroundError as error:  # too long: the run itself is not to blame
        return f"({error})"
