"""The folder for uploads and downloads: private, and swept by what lies in it."""

from __future__ import annotations

import errno
import os
import time

import pytest

from playground import temporary
from playground.disk import DiskError
from playground.settings import settings

HOUR = 3600


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(temporary, "_claimed", None)
    monkeypatch.setattr(temporary, "_HOSTS", None)
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")  # put back when the test is over
    settings.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()


class Clocks:
    def __init__(self, monkeypatch):
        self.wall, self.steady = time.time(), 1e6
        monkeypatch.setattr(temporary.time, "time", lambda: self.wall)
        monkeypatch.setattr(temporary.time, "monotonic", lambda: self.steady)

    def run(self, seconds):
        self.wall, self.steady = self.wall + seconds, self.steady + seconds


@pytest.fixture
def clocks(monkeypatch):
    return Clocks(monkeypatch)


def put(clocks, path, hours=0.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    for changed in (path, path.parent):
        then = clocks.wall - hours * HOUR
        os.utime(changed, (then, then))
    return path


def files(place):
    return {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}


def test_gradio_keeps_its_uploads_in_a_private_folder_of_ours(home, monkeypatch, tmp_path):
    import gradio as gr

    place = temporary.claim()
    assert place == home / "tmp"
    assert place.stat().st_mode & 0o777 == 0o700
    assert gr.utils.get_upload_folder() == str(place)
    with gr.Blocks():
        assert str(gr.File().GRADIO_CACHE) == str(place)
    assert temporary.claim() == place, "and once more"
    monkeypatch.setattr(temporary, "_HOSTS", str(tmp_path / "big-disk"))
    place = temporary.claim()
    assert place == tmp_path / "big-disk" / "weights-playground"
    assert gr.utils.get_upload_folder() == str(place)


def test_a_home_that_cannot_be_written_to_leaves_a_folder_of_the_systems(monkeypatch):
    def refuse(place):
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr(temporary, "_private", refuse)
    place = temporary.claim()
    assert place.is_dir()
    assert place.stat().st_mode & 0o777 == 0o700
    place.rmdir()


def test_a_download_is_private_and_unguessable_and_its_own(home):
    first, second = (temporary.for_download("a.zip", b"content") for _ in range(2))
    assert first != second
    assert len(first.parent.name) == 32
    assert first.name == "a.zip"
    assert first.read_bytes() == b"content"
    modes = [path.stat().st_mode & 0o777 for path in (first, first.parent, home / "tmp")]
    assert modes == [0o600, 0o700, 0o700]


def test_a_download_on_a_full_disk_is_refused_in_words(monkeypatch):
    def refuse(*given):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr("playground.disk.os.replace", refuse)
    with pytest.raises(DiskError, match="disk is full"):
        temporary.for_download("a.zip", b"content")


def test_what_lay_there_before_the_start_goes_by_its_age(tmp_path, clocks):
    put(clocks, tmp_path / "tmpaborted", 2.1)
    put(clocks, tmp_path / ("ab" * 32) / "model.safetensors", 3)
    put(clocks, tmp_path / ("cd" * 32) / "fresh.txt", 1.9)
    (tmp_path / "tmpempty").touch()
    os.utime(tmp_path / "tmpempty", (0, 0))
    sweeper = temporary.Sweeper(tmp_path)
    sweeper.sweep()
    assert files(tmp_path) == {"cd" * 32 + "/fresh.txt"}
    clocks.run(temporary.EVERY)
    sweeper.sweep()
    assert files(tmp_path) == set()


def test_folders_go_once_they_were_empty_for_long(tmp_path, clocks):
    sweeper = temporary.Sweeper(tmp_path)
    put(clocks, tmp_path / "aa" / "x")
    for _ in range(20):
        sweeper.sweep()
        clocks.run(temporary.EVERY)
    assert list(tmp_path.iterdir()) == []


def test_what_is_still_written_to_stays(tmp_path, clocks):
    sweeper, path = temporary.Sweeper(tmp_path), put(clocks, tmp_path / "tmpslow")
    for _ in range(20):
        sweeper.sweep()
        clocks.run(temporary.EVERY)
        os.utime(path, (clocks.wall, clocks.wall))
    assert files(tmp_path) == {"tmpslow"}


def test_a_clock_that_jumps_deletes_no_upload(tmp_path, clocks):
    sweeper = temporary.Sweeper(tmp_path)
    put(clocks, tmp_path / "before")
    sweeper.sweep()
    for jump in (8 * 24 * HOUR, -8 * 24 * HOUR, -30 * 24 * HOUR):
        clocks.run(60)
        clocks.wall += jump
        sweeper.sweep()
        put(clocks, tmp_path / f"at {jump}")
        clocks.wall += 24 * HOUR
        sweeper.sweep()
        clocks.wall -= 24 * HOUR
    assert len(files(tmp_path)) == 4
    clocks.run(2 * HOUR)
    sweeper.sweep()
    assert files(tmp_path) == set()


def test_where_the_disk_is_nearly_full_files_are_kept_for_less_time(tmp_path, clocks, monkeypatch):
    sweeper = temporary.Sweeper(tmp_path)
    put(clocks, tmp_path / "a", 0.5)
    sweeper.sweep()
    assert files(tmp_path) == {"a"}
    usage = type("Usage", (), {"free": 1_000_000_000})
    monkeypatch.setattr(temporary.shutil, "disk_usage", lambda place: usage)
    sweeper.sweep()
    assert files(tmp_path) == set()
