"""All batches of the process: one for each base, and one for each fork that holds weights of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue

from playground.caller import who
from playground.engine.decoding.batch import Batch
from playground.engine.decoding.generate import Row, Sampling, end_ids
from playground.engine.decoding.seats import Job
from playground.engine.decoding.thin import thin_of
from playground.engine.fork import Fork
from playground.engine.models.loader import Base

BATCHES: dict[Fork | Base, Batch] = {}
_LOCK = threading.Lock()
_LEFT: SimpleQueue[tuple[Fork | Base, Batch]] = SimpleQueue()


@contextmanager
def _joined(fork: Fork, job: Job) -> Iterator[Batch]:
    key = fork if job.thin is None else fork.base
    with _LOCK:
        batch = BATCHES.get(key)
        if batch is None or batch.broken():
            batch = BATCHES[key] = Batch(fork if job.thin is None else Fork(fork.base))
        batch.join(job)
    _tidy()
    try:
        yield batch
    finally:  # which the garbage collector may run in any thread, in the middle of anything: nothing here waits
        batch.leave(job)
        _LEFT.put((key, batch))
        _tidy()


def _tidy() -> None:
    """Let go of the batches that nobody is in any more, unless somebody else is at it, who will look again."""
    while not _LEFT.empty() and _LOCK.acquire(blocking=False):
        try:
            while not _LEFT.empty():
                key, batch = _LEFT.get()
                if BATCHES.get(key) is batch and (batch.idle() or batch.broken()):
                    del BATCHES[key]
        finally:
            _LOCK.release()


def answering() -> bool:
    """Whether anybody is answered at the moment."""
    return bool(BATCHES)


def decode(
    fork: Fork, prompts: Sequence[Sequence[int]], sampling: Sampling, stopped: Callable[[], bool] = lambda: False
) -> Iterator[list[Row]]:
    """Answer several prompts with one model, in one batch with all who ask the same model.

    The same ``Row`` objects are yielded after every step, grown in place. A row ends at the
    model's end token, at ``max_new_tokens``, or when ``stopped()`` turns true.

    :param prompts: token ids of each prompt, not empty.
    """
    thin = thin_of(fork)
    weights = fork.base if thin is not None and thin.plain and not thin.ahead else fork
    job = Job(who(), sampling, end_ids(fork.base), fork.virtual_count(), thin, weights)
    for prompt in prompts:
        job.add(prompt)
    if stopped() or not prompts:
        return
    with _joined(fork, job) as batch:
        ended = False
        while not ended and not stopped():
            if batch.advance(job):
                ended = all(row.done for row in job.rows)  # before its owner sees it: another may lead meanwhile
                yield job.rows
