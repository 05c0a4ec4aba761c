from __future__ import annotations

import os
import time

import pytest

from playground import disk


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "a"
    disk.write_whole(path, b"old")

    def refuse(source, target):
        raise OSError

    monkeypatch.setattr(disk.os, "replace", refuse)
    with pytest.raises(OSError):  # noqa: PT011
        disk.write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_sweeping_a_folder_that_is_not_there_is_nothing(tmp_path):
    disk.sweep(tmp_path / "missing")
    assert disk.make_room(tmp_path / "missing", 1)


def test_sweeping_deletes_what_nobody_used_for_a_week(tmp_path):
    put(tmp_path, old=7.01, kept=6.99, new=0)
    disk.sweep(tmp_path)
    assert names(tmp_path) == {"kept", "new"}


@pytest.mark.parametrize(
    ("most", "room", "left"),
    [
        (4, True, {"c", "b", "a"}),
        (3, True, {"b", "a"}),  # c was used least recently
        (2, True, {"a"}),
        (1, False, {"a"}),  # a was used today
    ],
)
def test_room_is_made_of_what_was_used_least_recently_but_not_within_a_day(
    tmp_path, most, room, left
):
    put(tmp_path, a=0.99, b=1.01, c=2)
    assert disk.make_room(tmp_path, most) is room
    assert names(tmp_path) == left


def test_room_is_made_of_bytes_too(tmp_path):
    for name, age in (("old", 3), ("new", 2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(b"x" * 100)
        then = time.time() - age * 86_400
        os.utime(tmp_path / name, (then, then))
    assert disk.make_room(tmp_path, 10, 250, 50)
    assert names(tmp_path) == {"old", "new"}
    assert disk.make_room(tmp_path, 10, 250, 100)
    assert names(tmp_path) == {"new"}
    assert not disk.make_room(tmp_path, 10, 250, 251)


def put(folder, **days):
    for name, age in days.items():
        (folder / name).touch()
        then = time.time() - age * 86_400
        os.utime(folder / name, (then, then))


def names(folder):
    return {path.name for path in folder.iterdir()}
