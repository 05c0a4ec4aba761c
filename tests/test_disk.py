from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import save_file

from playground import disk, owners
from playground.disk import DAY, DiskError
from playground.settings import settings

WEEK = 7 * DAY


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home of the test's own, beside the folder that it fills."""
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    settings.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()
    disk._began.cache_clear()


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


# Writing


def test_a_failed_write_leaves_what_was_there(place, monkeypatch):
    path = place / "a"
    disk.write_whole(path, b"old")

    def refuse(source, target):
        raise OSError

    monkeypatch.setattr(disk.os, "replace", refuse)
    with pytest.raises(OSError):  # noqa: PT011
        disk.write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(place.iterdir()) == [path]


def test_what_is_written_is_its_owners_alone(place):
    disk.write_whole(place / "new" / "file", b"x")
    with disk.aside(place / "folder", folder=True) as part:
        (part / "inside").write_bytes(b"y")
    modes = {path.name: path.stat().st_mode & 0o777 for path in place.rglob("*")}
    assert (modes["file"], modes["new"], modes["folder"]) == (0o600, 0o700, 0o700)


def test_a_folder_that_somebody_else_wrote_meanwhile_stays(place):
    with disk.aside(place / "a", folder=True) as part:
        (part / "x").write_bytes(b"second")
        disk.write_whole(place / "a" / "x", b"first")
    assert (place / "a" / "x").read_bytes() == b"first"
    assert names(place) == {"a"}


def test_a_disk_without_room_is_told_in_words_whichever_library_meets_it(place):
    """Really refused: no file of this process may grow past a kilobyte for a moment."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        with pytest.raises(DiskError, match="disk is full"):
            disk.write_whole(place / "a", bytes(5000))
        with pytest.raises(DiskError, match="disk is full"), disk.aside(place / "b", folder=True) as part:
            save_file({"w": torch.zeros(5000)}, part / "model.safetensors")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(place) == set()


def test_other_errors_are_not_blamed_on_the_disk():
    for error in (OSError(errno.ENOENT, "x"), ValueError("no space"), OSError("odd")):
        assert disk.refusal(error) is None
    for number in (errno.EROFS, errno.EACCES, errno.EIO):
        assert "cannot be written to" in str(disk.refusal(OSError(number, "x")))


KILLED = """
import os, sys, time
from pathlib import Path
from playground import disk
home = Path(sys.argv[1])
with disk.aside(home / "models" / "m", folder=True) as part:
    (part / "weights").write_bytes(b"half")
    with disk.aside(home / "uploads" / "own-1" / "documents.json") as inner:
        inner.write_bytes(b"half")
        with disk.aside(home / "secret.x") as third:
            print("writing", flush=True)
            time.sleep(60)
"""


def test_a_killed_writer_leaves_nothing_for_long_and_a_living_one_is_left_alone(home):
    """kill -9 in the middle of three writes."""
    writer = subprocess.Popen([sys.executable, "-c", KILLED, str(home)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout.readline() == "writing\n"
    (home / "models" / ".old-abc").mkdir()  # as earlier versions named theirs
    (home / "models" / "m.lock").touch()
    before = parts(home)
    assert len(before) == 3
    disk.clear_parts(home)
    assert parts(home) == before
    disk.sweep(home / "models")
    disk.make_room(home / "models", 1)
    assert parts(home) == before
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    disk.clear_parts(home)
    assert parts(home) == set()
    assert not (home / "models" / ".old-abc").exists()


def parts(home):
    return {path.name for path in home.rglob(f"*{disk.PART}")}


# Use, and the clock


def test_sweeping_a_folder_that_is_not_there_is_nothing(place):
    disk.sweep(place / "missing")
    assert disk.make_room(place / "missing", 1)


def test_sweeping_deletes_what_nobody_used_for_a_week(place):
    put(place, old=7.01, kept=6.99, new=0)
    disk.sweep(place)
    assert names(place) == {"kept", "new"}


class Clocks:
    """The system's clock and the monotonic one, to be set by hand."""

    def __init__(self, monkeypatch):
        self.wall, self.steady = time.time(), time.monotonic()
        monkeypatch.setattr(disk.time, "time", lambda: self.wall)
        monkeypatch.setattr(disk.time, "monotonic", lambda: self.steady)

    def run(self, seconds):
        self.wall, self.steady = self.wall + seconds, self.steady + seconds

    def restart(self, off=0.0, jump=0.0):
        """The host is off for a while; the monotonic clock begins anew."""
        self.wall += off + jump
        self.steady = 5.0
        disk._began.cache_clear()
        disk.tick()


@pytest.fixture
def clocks(monkeypatch):
    return Clocks(monkeypatch)


def test_a_clock_that_jumps_ahead_and_back_deletes_nothing(place, clocks):
    put(place, a=0, b=3)
    disk.tick()
    for jump in (8 * DAY, -8 * DAY, 400 * DAY, -400 * DAY, -9 * DAY):
        clocks.wall += jump
        disk.sweep(place)
        assert not disk.expired(place / "b")
    assert names(place) == {"a", "b"}


def test_a_clock_that_is_wrong_at_a_start_deletes_nothing(place, clocks):
    put(place, a=0, b=3)
    disk.tick()
    clocks.restart(jump=8 * DAY)
    disk.sweep(place)
    clocks.restart(jump=-8 * DAY)
    disk.sweep(place)
    assert names(place) == {"a", "b"}
    disk.write_whole(place / "c", b"")
    clocks.run(6.5 * DAY)
    disk.sweep(place)
    assert names(place) == {"c"}, "and time goes on"


def test_where_no_clock_was_kept_yet_a_wrong_one_deletes_nothing(home, place, clocks):
    put(home, uploads=0)
    put(place, a=0)
    clocks.restart(jump=30 * DAY)
    disk.sweep(place)
    assert names(place) == {"a"}


def test_what_nobody_uses_while_the_host_runs_goes_after_a_week(place, clocks):
    put(place, unused=0, used=0)
    for _ in range(14):
        clocks.run(DAY / 4)
        disk.tick()
        disk.sweep(place)
        clocks.restart(off=DAY / 4)
        disk.touch(place / "used")
    assert names(place) == {"unused", "used"}
    clocks.run(DAY / 2)
    disk.sweep(place)
    assert names(place) == {"used"}


# Room


@pytest.mark.parametrize(("most", "left"), [(4, {"c", "b", "a"}), (3, {"b", "a"}), (2, {"a"}), (1, set())])
def test_room_is_made_of_what_was_used_least_recently(place, most, left):
    put(place, a=0.1, b=1.01, c=2)
    assert disk.make_room(place, most)
    assert names(place) == left


def test_room_is_made_of_bytes_too(place):
    for name, age in (("old", 3), ("new", 0.1)):
        (place / name).mkdir()
        (place / name / "file").write_bytes(b"x" * 100)
        then = time.time() - age * DAY
        os.utime(place / name, (then, then))
    assert disk.make_room(place, 10, 250, 50)
    assert names(place) == {"old", "new"}
    assert not disk.make_room(place, 10, 250, 251)
    assert names(place) == {"old", "new"}, "what fits nowhere pushes out nothing"
    assert disk.make_room(place, 10, 250, 100)
    assert names(place) == {"new"}


def test_whoever_holds_most_loses_first_whatever_others_used_least_recently(place):
    held = {"small": ("one", 5, 10), "a": ("big", 3, 10), "b": ("big", 2, 10), "c": ("big", 1, 10)}
    fill(place, held)
    assert disk.make_room(place, 4)
    assert names(place) == {"small", "b", "c"}
    assert disk.make_room(place, 3)
    assert names(place) == {"small", "c"}
    assert disk.make_room(place, 2)
    assert names(place) == {"c"}, "of equals the least recently used"


def test_whoever_holds_the_most_bytes_holds_most_where_bytes_are_short(place):
    fill(place, {"large": ("one", 0.1, 900), "a": ("two", 3, 50), "b": ("two", 2, 50)})
    assert disk.make_room(place, 100, 1200, 400)
    assert names(place) == {"a", "b"}


def fill(place, held):
    """Folders by name: who keeps each, days since its last use, bytes."""
    for name, (owner, days, size) in held.items():
        (place / name).mkdir()
        (place / name / "file").write_bytes(b"x" * size)
        owners.note_owner(place / name, owners.owner_of(owner))
        then = time.time() - days * DAY
        os.utime(place / name, (then, then))


# Owners


def test_an_address_is_the_same_owner_after_a_restart_and_another_on_another_host(home, tmp_path):
    first = owners.owner_of("192.0.2.1")
    assert first not in (owners.owner_of("192.0.2.2"), "")
    assert (home / owners.SECRET).stat().st_mode & 0o777 == 0o600
    owners._secret.cache_clear()
    assert owners.owner_of("192.0.2.1") == first
    (home / owners.SECRET).unlink()
    owners._secret.cache_clear()
    assert owners.owner_of("192.0.2.1") != first


def test_one_household_is_one_owner():
    assert owners.owner_of("2001:db8:1:2::1") == owners.owner_of("2001:db8:1:2:ffff::9%eth0")
    assert owners.owner_of("2001:db8:1:2::1") != owners.owner_of("2001:db8:1:3::1")
    assert owners.owner_of("::ffff:192.0.2.1") == owners.owner_of("192.0.2.1")


def put(folder, **days):
    for name, age in days.items():
        (folder / name).touch()
        then = time.time() - age * DAY
        os.utime(folder / name, (then, then))


def names(folder):
    return {path.name for path in folder.iterdir()}
