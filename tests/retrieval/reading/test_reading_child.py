"""The child is confined, is believed nothing, and takes nothing down with it."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import threading

import pytest
from reading_samples import STOPPED, archive, only, texts, told

from playground.retrieval.reading import child, files
from playground.retrieval.reading.limits import MAX_MEMORY_BYTES

linux = pytest.mark.skipif(sys.platform != "linux", reason="limits are the system's")

# Runs in the child in place of reading: its findings come back as a document's text.
PROBE = """
import json
def probe(name, kind, file, budget):
    found = {}
    def attempt(what, act):
        try:
            found[what] = repr(act())
        except BaseException as error:
            found[what] = type(error).__name__
    %s
    return {"event": "document", "name": name, "parts": [["", json.dumps(found)]],
            "pages": None, "encoding": None, "unreadable": 0}
worker.read_one = probe
"""


def probed(read, child_does, code):
    child_does(PROBE % code.strip())
    return json.loads(texts(only(read(("a.txt", b"text"))))[0])


def test_a_child_starts_fast_and_imports_nothing_heavy(read, child_does):
    found = probed(read, child_does, "found = {'modules': list(sys.modules)}")
    heavy = {"torch", "gradio", "transformers", "numpy", "pypdf", "PIL", "playground.settings"}
    assert heavy & set(found["modules"]) == set()


@linux
def test_a_child_is_ready_for_a_few_times_the_work_of_an_empty_one():
    def worked(act) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        act()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def ready() -> None:
        with child.Child({"characters": 1, "records": 1, "files": []}) as started:
            assert started.hear(60) == {"event": "ready"}

    def empty() -> None:
        subprocess.run([*child.command()[:-2], "import sys", "x"], check=True)

    least = min(worked(empty) for _ in range(3))
    assert min(worked(ready) for _ in range(3)) < 20 * least + 0.1  # it is some seven times


@linux
def test_a_child_can_write_no_file_and_start_no_process(read, child_does, tmp_path):
    target = tmp_path / "written"
    found = probed(
        read,
        child_does,
        f"""
    import os, resource, tempfile
    attempt("write", lambda: open({str(target)!r}, "wb", buffering=0).write(b"x"))
    os.unlink({str(target)!r})
    found["process"] = resource.getrlimit(resource.RLIMIT_NPROC)
    found["core"] = resource.getrlimit(resource.RLIMIT_CORE)
    found["memory"] = resource.getrlimit(resource.RLIMIT_AS)
    found["cpu"] = resource.getrlimit(resource.RLIMIT_CPU)
    attempt("files", lambda: [open("/dev/null") for _ in range(40)])
    attempt("much", lambda: bytearray(2 << 30))
    """,
    )
    assert found == {
        "write": "OSError",
        "process": [0, 0],
        "core": [0, 0],
        "memory": [MAX_MEMORY_BYTES] * 2,
        "cpu": [10, 10],
        "files": "OSError",
        "much": "MemoryError",
    }


@linux
def test_a_child_knows_no_secret_and_has_no_input(read, child_does, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    found = probed(
        read,
        child_does,
        """
    import os
    found["environment"] = sorted(os.environ)
    found["input"] = os.read(0, 1).decode()
    found["here"] = os.getcwd()
    found["streams"] = [os.readlink(f"/proc/self/fd/{n}") for n in range(3)]
    print("printed, not sent", flush=True)
    """,
    )
    assert set(found["environment"]) <= {*child._KEPT, "LC_CTYPE"}
    assert (found["input"], found["here"]) == ("", "/")
    assert found["streams"] == ["/dev/null"] * 3


# One file that fails

SLEEPS = """
import time
honest = worker.read_one
def read_one(name, kind, file, budget):
    if name.startswith("slow"):
        time.sleep(60)
    if name.startswith("busy"):
        while True:
            pass
    return honest(name, kind, file, budget)
worker.read_one = read_one
"""


@pytest.mark.parametrize("name", ["slow.txt", "busy.txt"])
def test_a_file_that_takes_long_is_skipped_and_the_others_are_read(read, child_does, started, name):
    child_does(SLEEPS)
    found = read((name, b"x"), ("a.txt", b"one"), ("b.txt", b"three"), seconds=3)
    assert [document.name for document in found.documents] == ["a.txt", "b.txt"]
    [(given, reason)] = told(found)
    assert given == name
    assert reason.startswith(f"{name} took longer than its share of the time, ")
    assert reason.endswith(" seconds. Split it, save it as plain text, or add it by itself.")
    share = float(reason.split(", ")[1].split()[0])
    assert 0 < share <= 1.0  # a third of what was left when its turn came
    assert len(started) == 2


def test_an_entry_that_takes_long_costs_its_own_share_only(read, child_does, started):
    child_does(SLEEPS)
    data = archive(("a.txt", b"one"), ("slow.txt", b"x"), ("b.txt", b"two"), ("c.txt", b"three"))
    found = read(("x.zip", data), seconds=3)
    assert [document.name for document in found.documents] == ["a.txt", "b.txt", "c.txt"]
    assert [name for name, _ in told(found)] == ["slow.txt"]
    assert len(started) == 2


def test_when_all_are_slow_the_end_still_comes(read, child_does):
    child_does(SLEEPS)
    found = read(*[(f"slow{n}.txt", b"x") for n in range(20)])  # asserts the 10 seconds
    assert found.documents == ()
    assert [name for name, _ in told(found)] == [f"slow{n}.txt" for n in range(20)]


def test_a_child_that_never_starts_to_read_is_ended(read, child_does):
    child_does("import time; time.sleep(60)")
    found = read(("a.txt", b"one"), ("b.txt", b"two"), seconds=1)
    assert told(found) == [
        (name, f"There was no time left to read {name}: all files together get 1 seconds. Add it by itself.")
        for name in ("a.txt", "b.txt")
    ]


DIES = """
import os, signal
honest = worker.read_one
def read_one(name, kind, file, budget):
    if name.startswith("bad"):
        %s
    return honest(name, kind, file, budget)
worker.read_one = read_one
"""


@pytest.mark.parametrize("code", ["os._exit(3)", "os.kill(os.getpid(), signal.SIGKILL)", "raise SystemExit"])
def test_a_child_that_dies_costs_one_file(read, child_does, started, code):
    child_does(DIES % code)
    data = archive(("1.txt", b"one"), ("bad.txt", b"x"), ("2.txt", b"two"))
    found = read(("bad.txt", b""), ("bad2.txt", b"x"), ("x.zip", data), ("z.txt", b"three"))
    assert [document.name for document in found.documents] == ["1.txt", "2.txt", "z.txt"]
    assert told(found) == [
        ("bad.txt", "bad.txt is empty. Leave it out, or give it some text."),
        ("bad2.txt", STOPPED.format("bad2.txt")),
        ("bad.txt", STOPPED.format("bad.txt")),
    ]
    assert len(started) == 3


def test_memory_that_runs_out_costs_one_file(read, child_does):
    child_does(DIES % "return worker._skipped(name, kind, MemoryError())")
    found = read(("bad.txt", b"x"), ("good.txt", b"text"))
    assert told(found) == [
        ("bad.txt", "bad.txt needs more than 1024 MB of memory to read. Split it, or save it as plain text.")
    ]


def test_a_child_that_cannot_start_costs_a_message(read, monkeypatch):
    monkeypatch.setattr(child, "command", lambda: ["/nowhere/python"])
    assert told(read(("a.txt", b"x"))) == [("a.txt", STOPPED.format("a.txt"))]


def test_a_child_that_ends_at_once_costs_a_message(read, child_does, started):
    child_does("raise SystemExit")
    assert told(read(("a.txt", b"x"))) == [("a.txt", STOPPED.format("a.txt"))]
    assert len(started) == 1


# Many visitors


def test_reading_waits_its_turn_and_says_so_when_it_gets_none(read, monkeypatch):
    monkeypatch.setattr(files, "_reading", threading.BoundedSemaphore(1))
    with files._reading:
        found = read(("a.txt", b"x"), seconds=0.4)
    assert told(found) == [("a.txt", "This host is busy reading other documents. Add a.txt again in a moment.")]
    assert files._reading.acquire(blocking=False)
