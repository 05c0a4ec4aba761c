from __future__ import annotations

import threading

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
    files.sweep(tmp_path / "missing", keep=1)
