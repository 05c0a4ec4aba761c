"""Training runs one at a time, in the background: they outlive the page that began them.

Who has a job's id can watch, stop and resume it. A job's model is dropped some time after its
end; its adapter is in the store.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from playground import owners
from playground.engine.adapters import store
from playground.engine.adapters.store import About
from playground.engine.fork import Fork
from playground.engine.gate import GATE
from playground.engine.generate import Sampling, answer_text, decode, prompt_ids, prompt_text
from playground.engine.recipe import Recipe, build
from playground.engine.training.data import DataError, Example
from playground.engine.training.settings import Settings
from playground.engine.work import Stopped, Work
from playground.errors import Message, PlaygroundError

if TYPE_CHECKING:  # brings PEFT, which takes seconds: imported when the first run begins
    from playground.engine.training.run import Point, Run

Status = Literal["waiting", "preparing", "training", "stopped", "done", "failed"]
MOST_WAITING = 16
MOST_KEPT = 64  # jobs whose curve can still be looked at
MOST_RESUMABLE = 2  # stopped runs whose model and optimizer are kept
MOST_SECONDS = 2 * 3600  # of one run at a stretch
MAX_PROMPTS, ANSWER_TOKENS = 5, 48
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """One prompt, before and after training."""

    prompt: str
    before: str
    after: str


@dataclass
class Job:
    """One run: what was asked, how far it is, and what came of it."""

    id: str
    recipe: Recipe
    examples: Sequence[Example]
    settings: Settings
    title: str
    prompts: tuple[str, ...]
    status: Status = "waiting"
    run: Run | None = None
    points: tuple[Point, ...] = ()
    total: int = 0
    source: str = ""  # the adapter's id in the store
    error: Message | None = None
    answers: tuple[Answer, ...] = ()
    general: tuple[float, float] | None = None  # perplexity before and after
    ended: float = 0.0  # when, by the clock that only goes forward
    stopping: threading.Event = field(default_factory=threading.Event)
    owner: str = field(default_factory=owners.current)  # for whom its adapter is kept

    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.status in ("waiting", "preparing", "training")

    def resumable(self) -> bool:
        """Whether it can go on from where it was stopped, or begin if it had not."""
        return self.status == "stopped" and (self.run is not None or not self.points)

    def seconds_left(self) -> float | None:
        """From the time that its steps took so far; None before the first."""
        if not self.points:
            return None
        last = self.points[-1]
        return last.seconds / last.step * (self.total - last.step)


class Jobs:
    """The queue, and a worker that is started when the first job comes."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._queue: list[str] = []
        self._change = threading.Condition()
        self._worker: threading.Thread | None = None

    def submit(
        self, recipe: Recipe, examples: Sequence[Example], settings: Settings, title: str,
        prompts: Sequence[str] = (),
    ) -> str:  # fmt: skip
        """Put a run in the queue.

        :param prompts: answered before and after; up to ``MAX_PROMPTS``.
        :return: its id.
        :raises DataError: too many wait already.
        """
        job = Job(
            secrets.token_hex(16), recipe, tuple(examples), settings, title,
            tuple(prompts)[:MAX_PROMPTS],
        )  # fmt: skip
        with self._change:
            self._jobs[job.id] = job
            self._forget()
        try:
            self._enqueue(job)
        except DataError:
            del self._jobs[job.id]
            raise
        return job.id

    def get(self, job_id: str) -> Job | None:
        """A job by its id, None where it is not known (any more)."""
        return self._jobs.get(str(job_id))

    def place(self, job: Job) -> int:
        """How many runs come before it."""
        with self._change:
            running = sum(one.status in ("preparing", "training") for one in self._jobs.values())
            ahead = self._queue.index(job.id) if job.id in self._queue else 0
            return ahead + running if job.id in self._queue else 0

    def stop(self, job_id: str) -> None:
        """End a run after its step in hand, keeping what it learned; or take it off the queue."""
        job = self.get(job_id)
        if job is None:
            return
        job.stopping.set()
        with self._change:
            if job.id in self._queue:
                self._queue.remove(job.id)
                job.status = "stopped"

    def resume(self, job_id: str) -> None:
        """Let a stopped run go on.

        :raises DataError: its state is gone, or too many wait.
        """
        job = self.get(job_id)
        if job is None or not job.resumable():
            raise DataError(
                "This run cannot go on: its state is no longer in memory. What it learned is in "
                "your adapters; train again from there by attaching it first."
            )
        self._enqueue(job)

    def _enqueue(self, job: Job) -> None:
        with self._change:
            if len(self._queue) >= MOST_WAITING:
                raise DataError(
                    "{count} runs are waiting already. Try again in a few minutes.",
                    count=len(self._queue),
                )
            job.stopping.clear()
            job.status, job.error = "waiting", None
            self._queue.append(job.id)
            if self._worker is None or not self._worker.is_alive():
                self._worker = threading.Thread(target=self._work, daemon=True, name="training")
                self._worker.start()
            self._change.notify()

    def _forget(self) -> None:
        """Drop the oldest ended jobs, and the models of all but the last few stopped ones."""
        ended = [job for job in self._jobs.values() if not job.active()]
        for job in ended[: max(0, len(self._jobs) - MOST_KEPT)]:
            del self._jobs[job.id]
        stopped = sorted((job for job in ended if job.run), key=lambda job: job.ended)
        for job in stopped[: max(0, len(stopped) - MOST_RESUMABLE)]:
            job.run = None

    def _work(self) -> None:
        while True:
            with self._change:
                while not self._queue:
                    self._change.wait()
                job = self._jobs[self._queue.pop(0)]
                job.status = "preparing"
            try:
                self._train(job)
            except Stopped:
                job.status = "stopped"
            except PlaygroundError as error:
                job.error, job.status, job.run = error.message, "failed", None
            except Exception:
                log.exception("A training run failed")
                job.error = Message("The run failed for a reason of its own. Try other settings.")
                job.status, job.run = "failed", None
            job.ended = time.monotonic()
            with self._change:
                self._forget()

    def _train(self, job: Job) -> None:
        from playground.engine.training.run import Run

        GATE.rest()
        if job.run is None:
            fork = build(job.recipe, Work(stopped=job.stopping.is_set)).fork
            job.run = Run(fork, job.settings, job.examples)
            job.total = job.run.total
        run = job.run
        job.status = "training"
        steps = run.steps()
        begun = time.monotonic()
        while not (job.stopping.is_set() or run.done):
            if time.monotonic() - begun > MOST_SECONDS:
                job.error = Message(
                    "The run was stopped after {hours} hours, so that others get their turn. "
                    "Resume goes on from here.",
                    {"hours": MOST_SECONDS // 3600},
                )
                break
            if next(steps, None) is None:
                break
            job.points = tuple(run.points)
            GATE.rest()
        kept = True
        if run.points:
            try:
                self._keep(job, run)
            except PlaygroundError as error:  # no room: the run is kept, and can be tried again
                job.error, kept = error.message, False
        job.status = "done" if run.done and kept else "stopped"
        if run.done and kept:
            job.run = None

    def _keep(self, job: Job, run: Run) -> None:
        adapter = run.finish()
        assert run.general_after is not None
        job.general = run.general_before, run.general_after
        about = About(job.title, "trained", job.recipe.model, job.settings.method)
        job.source = store.keep(adapter, about, owner=job.owner)
        variant = run.variant()
        job.answers = tuple(
            Answer(prompt, _answer(run.fork, prompt, run), _answer(variant, prompt, run))
            for prompt in job.prompts or (run.sample_prompt,)
        )


def _answer(fork: Fork, prompt: str, run: Run) -> str:
    base = fork.base
    text = prompt_text(base.tokenizer, prompt, run.settings.chat)
    try:
        ids = prompt_ids(base, text, ANSWER_TOKENS + fork.virtual_count())
    except PlaygroundError as error:  # too long: the run itself is not to blame
        return f"({error})"
    *_, rows = decode(fork, [ids], Sampling(ANSWER_TOKENS))
    return answer_text(base, rows[0])


JOBS = Jobs()
