"""Training runs one at a time, in the background: they outlive the page that began them.

Who has a job's id can watch, stop and resume it. What it takes to go on is kept on the disk, so
runs survive a restart, and one that has had its turn holds no memory while others have theirs. A
job's model is dropped some time after its end; its adapter is in the store.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from playground import disk, owners
from playground.engine.gate import GATE
from playground.engine.recipe import Recipe
from playground.engine.training import run_files
from playground.engine.training.data import DataError, Example
from playground.engine.training.finishing import keep_result, made
from playground.engine.training.job import Job, Status
from playground.engine.training.settings import TrainingSettings
from playground.engine.work import Stopped
from playground.errors import Message, PlaygroundError
from playground.settings import settings as host

if TYPE_CHECKING:  # brings PEFT, which takes seconds: imported when the first run begins
    from playground.engine.training.run import TrainingRun

MOST_WAITING = 16
MOST_KEPT = 64  # jobs whose curve can still be looked at
MOST_RESUMABLE = 2  # runs that do not go on and whose model and optimizer are in memory
SHARE_OF_LINE = 80  # an address has a run for so many of its places in the line of work: two
TURN_SECONDS = 20 * 60  # of one run at a stretch while others wait
SAVE_SECONDS, SAVE_SHARE = 60.0, 0.05  # between two saves, which take at most this part of a run
MOST_RESTARTS = 3  # of the host, which the run itself may have brought down
MAX_PROMPTS = 5
log = logging.getLogger(__name__)


class Jobs:
    """The queue, and a worker that is started when the first job comes."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._queue: list[str] = []
        self._change = threading.Condition()
        self._worker: threading.Thread | None = None
        self._claim: int | None = None

    def recover(self) -> None:
        """Take up the runs that an earlier process left: said once, at the start.

        The one that was interrupted comes first, then those that waited, in their order.
        """
        self._claim = run_files.claim_runs()
        if self._claim is None:  # another process goes on with them
            return
        with self._change:
            jobs = sorted(run_files.jobs(), key=lambda job: job.queued)
            self._jobs.update({job.id: job for job in jobs if job.id not in self._jobs})
            for job in sorted(jobs, key=lambda job: job.status == "waiting"):
                if job.active():
                    _restarted(job)
                    self._queue += [job.id] if job.status == "waiting" else []
            self._forget()
            if self._queue:
                self._wake()

    def submit(
        self,
        recipe: Recipe,
        examples: Sequence[Example],
        settings: TrainingSettings,
        title: str,
        prompts: Sequence[str] = (),
        session: str = "",
    ) -> str:
        """Put a run in the queue.

        :param prompts: answered before and after; up to ``MAX_PROMPTS``.
        :param session: of the page that asks, "" for none.
        :return: its id.
        :raises DataError: too many wait already, or the session or its address has its share.
        """
        job = Job(
            id=secrets.token_hex(16),
            recipe=recipe,
            examples=tuple(examples),
            settings=settings,
            title=title,
            prompts=tuple(prompts)[:MAX_PROMPTS],
            session=owners.keyed(session) if session else "",
        )
        self._enqueue(job)
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
                self._ended(job, "stopped")

    def resume(self, job_id: str) -> None:
        """Let a stopped run go on.

        :raises DataError: its state is gone, too many wait, or the visitor has their share.
        """
        with self._change:  # two presses at once are one
            job = self.get(job_id)
            if job is None or not job.resumable():
                raise DataError(
                    "This run cannot go on: its state is no longer kept. What it learned is in "
                    "your adapters; train again from there by attaching it first."
                )
            self._enqueue(job)

    def _enqueue(self, job: Job) -> None:
        with self._change:
            self._refuse(job)
            job.stopping.clear()
            job.restarts, job.told = 0, None
            job.error, job.queued = None, disk.now()
            job.enter("waiting")
            self._jobs[job.id] = job
            self._forget()
            run_files.write_job(job)
            self._queue.append(job.id)
            self._wake()

    def _refuse(self, job: Job) -> None:
        """Whether there is a place for a run; what browsers say of earlier runs is not asked."""
        active = [other for other in self._jobs.values() if other.active() and other is not job]
        if job.session and any(other.session == job.session for other in active):
            raise DataError("Your last run is not over yet. Stop it first, or wait for it.")
        count = sum(other.owner == job.owner for other in active)
        limit = max(2, host().address_share // SHARE_OF_LINE)
        if job.owner and count >= limit:
            raise DataError(
                "{count} runs from your address are not over yet, and {limit} may be on at a time. "
                "Stop one of them, or wait until one is over.",
                count=count,
                limit=limit,
            )
        if len(self._queue) >= MOST_WAITING:
            raise DataError("{count} runs are waiting already. Try again in a few minutes.", count=len(self._queue))

    def _wake(self) -> None:
        if self._worker is None or not self._worker.is_alive():
            self._worker = threading.Thread(target=self._work, daemon=True, name="training")
            self._worker.start()
        self._change.notify()

    def _ended(self, job: Job, status: Status) -> None:
        """A run goes on no more, for now or for good."""
        job.ended = time.monotonic()
        if status in ("done", "failed"):
            job.run, job.examples, job.told = None, (), None
        job.enter(status)
        run_files.write_job(job)

    def _forget(self) -> None:
        """Drop the oldest ended jobs, and the models of all but the last few stopped ones."""
        ended = [job for job in self._jobs.values() if not job.active()]
        for job in ended[: max(0, len(self._jobs) - MOST_KEPT)]:
            del self._jobs[job.id]
            run_files.remove_run(job.id)
        for job in self._stopped()[:-MOST_RESUMABLE]:
            job.run = None

    def _stopped(self) -> list[Job]:
        """Jobs with a model in memory that may be asked to go on, the one stopped first first."""
        stopped = [job for job in self._jobs.values() if job.status == "stopped" and job.run]
        return sorted(stopped, key=lambda job: job.ended)

    def _work(self) -> None:
        while True:
            with self._change:
                while not self._queue:
                    self._change.wait()
                job = self._jobs[self._queue.pop(0)]
                job.enter("preparing")
            status: Status = "failed"
            try:
                status = self._train(job)
            except Stopped:
                status = "stopped"
            except PlaygroundError as error:
                job.error = error.message
            except Exception:
                log.exception("A training run failed")
                job.error = Message("The run failed for a reason of its own. Try other settings.")
            with self._change:
                if status == "waiting" and not job.stopping.is_set():
                    job.enter("waiting")
                    run_files.write_job(job)
                    self._queue.append(job.id)
                else:
                    self._ended(job, "stopped" if status == "waiting" else status)
                self._forget()

    def _train(self, job: Job) -> Status:
        """Let a run go on until it is over, is stopped, or has had its turn: what it is then."""
        GATE.rest()
        run_files.write_job(job)
        run = job.run = job.run or made(job)
        job.total = run.total
        job.enter("training")
        run_files.write_job(job)
        steps = run.steps()
        begun = saved = time.monotonic()
        pause = SAVE_SECONDS
        while not (job.stopping.is_set() or run.done):
            if next(steps, None) is None:
                break
            job.points = tuple(run.points)
            if time.monotonic() - saved > pause and not run.done:
                start = time.monotonic()
                self._save(job, run)
                saved = time.monotonic()
                pause = max(SAVE_SECONDS, (saved - start) / SAVE_SHARE)
            if self._turn_is_over(begun) and not (run.done or job.stopping.is_set()):
                if self._gave_way(job, run):
                    return "waiting"
                begun = time.monotonic()
            GATE.rest()
        return self._over(job, run)

    def _turn_is_over(self, begun: float) -> bool:
        return bool(self._queue) and time.monotonic() - begun > TURN_SECONDS

    def _gave_way(self, job: Job, run: TrainingRun) -> bool:
        """Whether a run can wait for its next turn: its state is kept, on the disk or in memory."""
        if self._save(job, run):
            job.run = None
        else:
            waiting = [other for other in self._jobs.values() if other.status == "waiting"]
            if sum(other.run is not None for other in waiting) >= MOST_RESUMABLE:
                return False
        job.told = Message(
            "The turn of {minutes} minutes was over and others wait. The run goes on from step "
            "{step} when its turn comes again.",
            {"minutes": TURN_SECONDS // 60, "step": run.step},
        )
        return True

    def _save(self, job: Job, run: TrainingRun) -> bool:
        with self._change:
            stopped = [one for one in self._jobs.values() if one.status == "stopped" and one.saved]
        stopped.sort(key=lambda other: other.ended)
        return run_files.save_state(job, run, [other for other in stopped if other is not job])

    def _over(self, job: Job, run: TrainingRun) -> Status:
        """Keep what a run learned, once it is done or was stopped."""
        if run.points:
            if not run.done:
                self._save(job, run)
            try:
                keep_result(job, run)
            except PlaygroundError as error:  # no room: the run is kept, and can be tried again
                job.error = error.message
                self._save(job, run)
                return "stopped"
        return "done" if run.done else "stopped"


def _restarted(job: Job) -> None:
    """Say to a job that waited or ran what a restart means for it, and let it wait."""
    if job.status == "waiting":
        job.told = job.told or Message("The host was restarted. The run kept its place.")
    else:
        job.restarts += 1
        job.points = job.points[: job.saved]
        if job.saved:
            job.told = Message(
                "The host was restarted during this run. It goes on from step {step}, which was saved last.",
                {"step": job.saved},
            )
        else:
            job.told = Message(
                "The host was restarted during this run, before anything of it was saved. It begins again."
            )
    job.enter("waiting")
    if job.restarts > MOST_RESTARTS:
        job.enter("stopped")
        job.told, job.error = (
            None,
            Message(
                "The host was restarted {count} times during this run, so it goes on only when "
                "somebody says so: press Resume, or train with other settings.",
                {"count": job.restarts},
            ),
        )
    run_files.write_job(job)


JOBS = Jobs()
