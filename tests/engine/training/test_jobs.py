"""Runs in the background: one at a time, stopped and resumed by id, their adapters in the store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import killed as killed_process
import pytest

from playground import owners
from playground.engine.adapters import store
from playground.engine.fork import Fork
from playground.engine.recipe import parse
from playground.engine.training import jobs as module
from playground.engine.training import run_files
from playground.engine.training.data import DataError, Example
from playground.engine.training.jobs import Jobs
from playground.engine.training.run import TrainingRun
from playground.engine.training.settings import TrainingSettings
from playground.errors import PlaygroundError

ROOT = Path(__file__).parents[3]
EXAMPLES = [Example(f"What is {n}?", f"It is {n + 1}.") for n in range(6)]
QUICK = TrainingSettings(rank=2, steps=4, batch=2, length=64, seed=1)


def recipe(model="tiny-llama"):
    return parse({"model": model})


def wait(until, seconds=300):
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.01)


def end(queue):
    for job in list(queue._jobs.values()):
        queue.stop(job.id)
    wait(lambda: not any(job.active() for job in queue._jobs.values()))
    if queue._claim is not None:
        os.close(queue._claim)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """The runs of each test are kept in a home of their own."""
    monkeypatch.setattr(run_files, "runs_folder", lambda: tmp_path / "training")
    monkeypatch.setattr(run_files, "GUARD", str(tmp_path / "training.lock"))
    return tmp_path / "training"


@pytest.fixture
def jobs():
    """A queue of its own, which is empty again afterwards."""
    queue = Jobs()
    yield queue
    end(queue)


@pytest.fixture
def held(monkeypatch):
    """Steps wait until they are let go, one at a time."""
    let, taken = threading.Semaphore(0), []
    real = TrainingRun._one_step

    def step(self):
        let.acquire()
        taken.append(self)
        return real(self)

    monkeypatch.setattr(TrainingRun, "_one_step", step)
    yield let
    for _ in range(10_000):
        let.release()


def test_a_run_ends_with_an_adapter_that_loads(known, jobs):
    job = jobs.get(jobs.submit(recipe(), EXAMPLES, QUICK, "six", ["Hello", "What is 3?"]))
    wait(lambda: not job.active())
    assert (job.status, job.error, len(job.points), job.total) == ("done", None, 4, 4)
    adapter = store.load_adapter(job.source, Fork(known["tiny-llama"]))
    alone = TrainingRun(fork=Fork(known["tiny-llama"]), settings=QUICK, examples=EXAMPLES)
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


def test_stopping_keeps_what_was_learned_and_resuming_ends_as_if_nothing_had_been(known, jobs, held):
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
    assert store.load_adapter(first, Fork(known["tiny-llama"])).tensors
    jobs.resume(job.id)
    for _ in range(2):
        held.release()
    wait(lambda: not job.active())
    assert (job.status, len(job.points)) == ("done", 4)
    alone = TrainingRun(fork=Fork(known["tiny-llama"]), settings=QUICK, examples=EXAMPLES)
    for _ in range(4):
        held.release()
    list(alone.steps())
    assert job.source != first
    assert store.load_adapter(job.source, Fork(known["tiny-llama"])).id == alone.adapter().id


def test_others_wait_their_turn_and_know_their_place(known, jobs, held):
    first, second, third = (jobs.get(jobs.submit(recipe(), EXAMPLES, QUICK, str(n))) for n in range(3))
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
    monkeypatch.setattr(TrainingRun, "_one_step", lambda self: 1 / 0)
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


def test_old_jobs_and_old_stopped_models_are_forgotten(known, jobs, held, monkeypatch, home):
    monkeypatch.setattr(run_files, "MOST_STATE_BYTES", 50_000)  # room for the state of one
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
    assert [jobs.get(one).run is not None for one in ids[2:]] == [False, True]
    assert [(home / one).is_dir() for one in ids] == [False, False, True, True]


def test_a_run_that_had_its_turn_goes_to_the_end_of_the_line_and_ends_as_if_alone(known, jobs, held, monkeypatch):
    monkeypatch.setattr(module, "TURN_SECONDS", -1)  # every turn is over after a step
    dropout = QUICK.model_copy(update={"dropout": 0.3})
    first, second = (jobs.get(jobs.submit(recipe(), EXAMPLES, dropout, str(n))) for n in range(2))
    turns = []
    for _ in range(8):
        held.release()
        wait(lambda: len(first.points) + len(second.points) > len(turns))
        turns.append((len(first.points), len(second.points)))
    wait(lambda: not (first.active() or second.active()))
    assert all(abs(one - other) <= 1 for one, other in turns[1:])  # they take turns
    assert [job.status for job in (first, second)] == ["done", "done"]
    alone = TrainingRun(fork=Fork(known["tiny-llama"]), settings=dropout, examples=EXAMPLES)
    for _ in range(4):
        held.release()
    list(alone.steps())
    for job in (first, second):
        assert [point.step for point in job.points] == [1, 2, 3, 4]
        assert [p.loss for p in job.points] == pytest.approx([p.loss for p in alone.points])
        assert store.load_adapter(job.source, Fork(known["tiny-llama"])).id == alone.adapter().id


def test_a_run_alone_goes_on_and_one_whose_turn_is_over_holds_no_memory(known, jobs, held, monkeypatch):
    monkeypatch.setattr(module, "TURN_SECONDS", -1)
    first = jobs.get(jobs.submit(recipe(), EXAMPLES, QUICK, "first"))
    for step in (1, 2):
        held.release()
        wait(lambda step=step: len(first.points) == step)
    assert (first.status, first.told) == ("training", None)
    second = jobs.get(jobs.submit(recipe(), EXAMPLES, QUICK, "second"))
    held.release()
    wait(lambda: second.status == "training")
    assert (first.status, first.run, first.saved, len(first.points)) == ("waiting", None, 3, 3)
    assert "others wait. The run goes on from step 3" in str(first.told)
    assert jobs.place(first) == 1


# Shares


def test_a_session_has_one_run_and_an_address_two(known, jobs, held, monkeypatch):
    address = "192.0.2.1"
    monkeypatch.setattr(owners, "_address", lambda: address)

    def submit(session):
        return jobs.get(jobs.submit(recipe(), EXAMPLES, QUICK, "t", session=session))

    first = submit("one")
    with pytest.raises(DataError, match=r"not over yet\. Stop it first"):
        submit("one")
    second = submit("two")
    with pytest.raises(DataError, match="2 runs from your address are not over yet, and 2 may be"):
        submit("three")
    assert len(jobs._jobs) == 2  # what was refused left nothing
    address = "192.0.2.2"
    with pytest.raises(DataError, match="Your last run is not over yet"):
        submit("one")  # from another address
    other = submit("other")
    address = "192.0.2.1"
    jobs.stop(second.id)
    third = submit("three")
    with pytest.raises(DataError, match="2 runs from your address"):
        jobs.resume(second.id)  # stopped runs are no store of places
    assert second.status == "stopped"
    for job in (first, other, third):
        jobs.stop(job.id)
    for _ in range(8):
        held.release()
    wait(lambda: not first.active())
    assert submit("one").active()


# Restarts


def killed(home, tiny):
    """Train in another process, kill it in the fourth step, and the ids of its runs."""
    tiny.files("tiny-llama")
    command = [sys.executable, killed_process.__file__, str(home.parent), str(tiny.folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            ids = [process.stdout.readline().strip() for _ in range(3)]

            def saved():
                assert process.poll() is None
                return json.loads((home / ids[0] / run_files.CARD).read_text())["saved"] == 3

            wait(saved)
        finally:
            process.kill()
    return ids


def test_after_a_kill_the_run_goes_on_and_those_that_waited_keep_their_order(known, home):
    settings, examples = killed_process.QUICK, killed_process.EXAMPLES
    ids = killed(home, known)
    after = Jobs()
    after.recover()
    first, second, third = (after.get(one) for one in ids)
    assert "It goes on from step 3, which was saved last" in str(first.told)
    assert [str(job.told) for job in (second, third)] == ["The host was restarted. The run kept its place."] * 2
    assert after.place(third) == after.place(second) + 1
    assert len(first.points) == 3
    assert (first.title, first.prompts, first.settings) == ("0", ("Hi",), settings)
    wait(lambda: not any(job.active() for job in (first, second, third)))
    assert [job.status for job in (first, second, third)] == ["done"] * 3
    alone = TrainingRun(fork=Fork(known["tiny-llama"]), settings=settings, examples=examples)
    list(alone.steps())
    for job in (first, second, third):
        assert [point.step for point in job.points] == [1, 2, 3, 4]
        assert store.load_adapter(job.source, Fork(known["tiny-llama"])).id == alone.adapter().id
    assert {path.name for path in (home / ids[0]).iterdir()} == {run_files.CARD}  # no examples, no state
    end(after)


def put(home, job_id="a" * 32, examples=EXAMPLES, **changed):
    """Keep a run as a process leaves it that was killed before it saved any state."""
    job = module.Job(id=job_id, recipe=recipe(), examples=tuple(examples), settings=QUICK, title="t", prompts=())
    run_files.write_job(job)
    path = home / job_id / run_files.CARD
    path.write_text(json.dumps(json.loads(path.read_text()) | {"status": "training"} | changed))
    return home / job_id


def test_a_run_without_a_usable_state_begins_again_and_says_so(known, home):
    new = put(home, "a" * 32)
    damaged = put(home, "b" * 32, points=[[1, 2.0, 0.1, 3.0, None, None]] * 2, saved=2, total=4)
    (damaged / run_files.STATE).write_bytes(b"\x00" * 40)
    after = Jobs()
    after.recover()
    jobs = [after.get(place.name) for place in (new, damaged)]
    assert "before anything of it was saved. It begins again" in str(jobs[0].told)
    seen = set()

    def over():
        seen.add(str(jobs[1].told))
        return not any(job.active() for job in jobs)

    wait(over)
    assert any("cannot be read. It begins again" in told for told in seen)
    for job in jobs:
        assert (job.status, [point.step for point in job.points]) == ("done", [1, 2, 3, 4])
    end(after)


def test_what_is_kept_is_bounded_checked_and_not_begun_for_ever(known, home):
    crashing = put(home, "a" * 32, restarts=module.MOST_RESTARTS)
    gone = put(home, "b" * 32)
    (gone / run_files.EXAMPLES).unlink()
    done = put(home, "c" * 32, status="done", source="1" * 32, points=[[1, 2.0, 0.1, 3.0, None, "x"]])
    bad = [put(home, str(n) * 32) for n in range(4)]
    (bad[0] / run_files.CARD).write_bytes(b"\x80\x04K\x01.")  # a pickle
    (bad[1] / run_files.CARD).write_text('{"recipe": 3}')
    (bad[2] / run_files.CARD).unlink()
    put(home, "3" * 32, settings={"steps": 10**9})
    (home / "not a run").mkdir()
    after = Jobs()
    after.recover()
    assert [place.is_dir() for place in bad] == [False] * 4
    assert set(after._jobs) == {place.name for place in (crashing, gone, done)}
    stopped, lost, ended = (after.get(place.name) for place in (crashing, gone, done))
    assert stopped.status == "stopped"
    assert stopped.resumable()
    assert "restarted 4 times during this run" in str(stopped.error)
    assert (ended.status, ended.source, ended.points[0].sample) == ("done", "1" * 32, "x")
    wait(lambda: not lost.active())
    assert lost.status == "failed"
    assert "no longer here" in str(lost.error)
    end(after)


def test_two_processes_do_not_go_on_with_the_same_runs(known, home):
    first, second = Jobs(), Jobs()
    first.recover()
    place = put(home)
    second.recover()
    assert second.get(place.name) is None
    end(first)
    second.recover()
    assert second.get(place.name) is not None
    end(second)


def test_a_disk_that_refuses_costs_no_run(known, jobs, home, monkeypatch):
    home.write_text("no folder")
    job = jobs.get(jobs.submit(recipe(), EXAMPLES, QUICK, "six"))
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
