from __future__ import annotations

import os
import threading
import time

import pytest

from playground.retrieval import files


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "a"
    files.write_whole(path, b"old")

    def refuse(source, target):
        raise OSError

    monkeypatch.setattr(files.os, "replace", refuse)
    with pytest.raises(OSError):  # noqa: PT011
        files.write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_recent_keeps_the_last_used():
    recent: files.Recent[str] = files.Recent(2)
    built = []

    def get(key):
        return recent.get(key, lambda: built.append(key) or key)

    for key in "abacb":
        assert get(key) == key
    assert built == ["a", "b", "c", "b"]  # b was used least recently when c came


def test_recent_builds_once_for_many_threads_and_different_keys_at_once():
    recent: files.Recent[str] = files.Recent(2)
    both = threading.Barrier(2, timeout=10)
    built = []

    def build(key):
        both.wait()  # passes only while the other key is being built
        built.append(key)
        return key

    threads = [
        threading.Thread(target=recent.get, args=(key, lambda key=key: build(key)))
        for key in "abab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(built) == ["a", "b"]


def test_a_failed_build_is_tried_again():
    recent: files.Recent[str] = files.Recent(2)
    with pytest.raises(ZeroDivisionError):
        recent.get("a", lambda: 1 // 0)
    assert recent.get("a", lambda: "built") == "built"


def test_sweeping_a_folder_that_is_not_there_is_nothing(tmp_path):
    files.sweep(tmp_path / "missing")
    assert files.make_room(tmp_path / "missing", 1)


def test_sweeping_deletes_what_nobody_used_for_a_week(tmp_path):
    put(tmp_path, old=7.01, kept=6.99, new=0)
    files.sweep(tmp_path)
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
    assert files.make_room(tmp_path, most) is room
    assert names(tmp_path) == left


def test_visitors_indexes_push_out_only_one_another(make_corpus):
    indexes: files.Indexes[str] = files.Indexes()
    built = []

    def get(corpus):
        return indexes.get(corpus, lambda: built.append(corpus.id) or corpus.id)

    shipped = make_corpus("0", id="shipped")
    own = [make_corpus(str(n), id=f"own {n}", own=True) for n in range(40)]
    assert get(shipped) == "shipped"
    for corpus in own:
        get(corpus)
    built.clear()
    for corpus in (shipped, *own[-8:]):
        get(corpus)
    assert built == []
    get(own[-9])
    assert built == [own[-9].id]


def put(folder, **days):
    for name, age in days.items():
        (folder / name).touch()
        then = time.time() - age * 86_400
        os.utime(folder / name, (then, then))


def names(folder):
    return {path.name for path in folder.iterdir()}
