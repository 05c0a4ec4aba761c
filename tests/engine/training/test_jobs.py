"""Runs in the background: one at a time, stopped and resumed by id, their adapters in the store."""

from __future__ import annotations

import threading
import time

import pytest

from playground.engine.adapters import store
from playground.engine.fork import Fork
from playground.engine.recipe import parse
from playground.engine.training import jobs as module
from playground.engine.training.data import DataError, Example
from playground.engine.training.jobs import Jobs
from playground.engine.training.run import Run
from playground.engine.training.settings import Settings
from playground.errors import PlaygroundError

EXAMPLES = [Example(f"What is {n}?", f"It is {n + 1}.") for n in range(6)]
QUICK = Settings(rank=2, steps=4, batch=2, length=64, seed=1)


def recipe(model="tiny-llama"):
    return parse({"model": model})


def wait(until, seconds=60):
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.01)


@pytest.fixture
def jobs():
    """A queue of its own, which is empty again afterwards."""
    queue = Jobs()
    yield queue
    for job in list(queue._jobs.values()):
        queue.stop(job.id)
    wait(lambda: not any(job.active() for job in queue._jobs.values()))


@pytest.fixture
def held(monkeypatch):
    """Steps wait until they are let go, one at a time."""
    let, taken = threading.Semaphore(0), []
    real = Run._one_step

    def step(self):
        let.acquire()
        taken.append(self)
        return real(self)

    monkeypatch.setattr(Run, "_one_step", step)
    yield let
    for _ in range(10_000):
        let.release()


def test_a_run_ends_with_an_adapter_that_loads(known, jobs):
    job = jobs.get(jobs.submit(recipe(), EXAMPLES, QUICK, "six", ["Hello", "What is 3?"]))
    wait(lambda: not job.active())
    assert (job.status, job.error, len(job.points), job.total) == ("done", None, 4, 4)
    adapter = store.load(job.source, Fork(known["tiny-llama"]))
    alone = Run(Fork(known["tiny-llama"]), QUICK, EXAMPLES)
    list(alone.steps())
    assert adapter.id == alone.adapter().id
    assert store.about(job.source).title == "six"
    assert [answer.prompt for answer in job.answers] == ["Hello", "What is 3?"]
    assert all(value > 1 for value in job.general)
    assert job.run is None  # its model is not kept


def test_without_prompts_a_held_out_example_is_answered(known, jobs):
    job = jobs.get(jobs.submit(recipe(), EXAMPLES, QUICK, "six"))
    wait(lambda: not job.active())
    assert [answer.prompt in {e.prompt for e in EXAMPLES} for answer in job.answers] == [True]


def test_stopping_keeps_what_was_learned_and_resuming_ends_as_if_nothing_had_been(
    known, jobs, held
):
    job = jobs.get(jobs.submit(recipe(), EXAMPLES, QUICK, "six"))
    held.release()
    held.release()
    wait(lambda: len(job.points) == 2)
    jobs.stop(job.id)
    held.release()  # the step in hand, if one is
    wait(lambda: not job.active())
    assert job.status == "stopped"
    assert job.resumable()
    assert len(job.points) in (2, 3)
    first = job.source
    assert store.load(first, Fork(known["tiny-llama"])).tensors
    jobs.resume(job.id)
    for _ in range(2):
        held.release()
    wait(lambda: not job.active())
    assert (job.status, len(job.points)) == ("done", 4)
    alone = Run(Fork(known["tiny-llama"]), QUICK, EXAMPLES)
    for _ in range(4):
        held.release()
    list(alone.steps())
    assert job.source != first
    assert store.load(job.source, Fork(known["tiny-llama"])).id == alone.adapter().id


def test_others_wait_their_turn_and_know_their_place(known, jobs, held):
    first, second, third = (
        jobs.get(jobs.submit(recipe(), EXAMPLES, QUICK, str(n))) for n in range(3)
    )
    wait(lambda: first.status == "training")
    assert [jobs.place(job) for job in (first, second, third)] == [0, 1, 2]
    assert second.status == third.status == "waiting"
    jobs.stop(second.id)  # off the queue
    assert second.status == "stopped"
    assert jobs.place(third) == 1
    for _ in range(8):
        held.release()
    wait(lambda: not third.active())
    assert (first.status, second.status, third.status) == ("done", "stopped", "done")
    assert second.points == ()
    jobs.resume(second.id)  # it has not begun, so it begins
    for _ in range(4):
        held.release()
    wait(lambda: not second.active())
    assert second.status == "done"


def test_a_run_that_fails_says_why_and_the_next_one_goes_on(known, jobs, monkeypatch):
    bad = jobs.get(jobs.submit(recipe(), EXAMPLES, QUICK.model_copy(update={"rank": 64}), "bad"))
    good = jobs.get(jobs.submit(recipe(), EXAMPLES, QUICK, "good"))
    wait(lambda: not good.active())
    assert bad.status == "failed"
    assert "Rank 64 is above the smaller side" in str(bad.error)
    assert good.status == "done"
    monkeypatch.setattr(Run, "_one_step", lambda self: 1 / 0)
    broken = jobs.get(jobs.submit(recipe(), EXAMPLES, QUICK, "broken"))
    wait(lambda: not broken.active())
    assert str(broken.error) == "The run failed for a reason of its own. Try other settings."


def test_a_full_queue_takes_no_more(known, jobs, held, monkeypatch):
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    first = jobs.get(jobs.submit(recipe(), EXAMPLES, QUICK, "0"))
    wait(lambda: first.status == "training")
    for n in (1, 2):
        jobs.submit(recipe(), EXAMPLES, QUICK, str(n))
    with pytest.raises(DataError, match="2 runs are waiting already"):
        jobs.submit(recipe(), EXAMPLES, QUICK, "3")


def test_old_jobs_and_old_stopped_models_are_forgotten(known, jobs, held, monkeypatch):
    monkeypatch.setattr(module, "MOST_KEPT", 3)
    monkeypatch.setattr(module, "MOST_RESUMABLE", 1)
    ids = []
    for n in range(4):
        ids.append(jobs.submit(recipe(), EXAMPLES, QUICK, str(n)))
        job = jobs.get(ids[-1])
        held.release()
        wait(lambda job=job: job.points)
        jobs.stop(job.id)
        held.release()
        wait(lambda job=job: not job.active())
    jobs.submit(recipe(), EXAMPLES, QUICK, "more")
    assert [jobs.get(one) is not None for one in ids] == [False, False, True, True]
    assert [jobs.get(one).resumable() for one in ids[2:]] == [False, True]


def test_a_run_that_takes_too_long_is_stopped_and_can_go_on(known, jobs, monkeypatch):
    monkeypatch.setattr(module, "MOST_SECONDS", -1)
    job = jobs.get(jobs.submit(recipe(), EXAMPLES, QUICK, "long"))
    wait(lambda: not job.active())
    assert job.status == "stopped"
    assert "others get their turn" in str(job.error)
    monkeypatch.setattr(module, "MOST_SECONDS", 100)
    jobs.resume(job.id)
    wait(lambda: not job.active())
    assert (job.status, job.error) == ("done", None)


def test_without_room_for_the_adapter_the_run_is_kept(known, jobs, monkeypatch):
    most = store.MAX_STORED_BYTES
    monkeypatch.setattr(store, "MAX_STORED_BYTES", 10)
    job = jobs.get(jobs.submit(recipe(), EXAMPLES, QUICK.model_copy(update={"seed": 77}), "full"))
    wait(lambda: not job.active())
    assert job.status == "stopped"
    assert "this host keeps 0 MB for all" in str(job.error)
    monkeypatch.setattr(store, "MAX_STORED_BYTES", most)
    jobs.resume(job.id)
    wait(lambda: not job.active())
    assert job.status == "done"
    assert store.about(job.source) is not None


def test_an_unknown_id_is_nothing(known, jobs):
    assert jobs.get("nobody's") is None
    jobs.stop("nobody's")
    with pytest.raises(PlaygroundError, match="cannot go on"):
        jobs.resume("nobody's")
