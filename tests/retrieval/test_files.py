from __future__ import annotations

import threading

import pytest

from playground.retrieval import indexes as files


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

    threads = [threading.Thread(target=recent.get, args=(key, lambda key=key: build(key))) for key in "abab"]
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


def test_the_same_documents_of_two_visitors_are_indexed_twice(make_corpus):
    """Else the time that a search takes would tell that somebody else has them."""
    built = []

    def get(corpus):
        return indexes.get(corpus, lambda: built.append(corpus.id) or corpus.id)

    indexes: files.Indexes[str] = files.Indexes()
    mine, theirs = (make_corpus("same", id=name, own=True) for name in ("own a", "own b"))
    assert mine.content_hash == theirs.content_hash
    assert [get(mine), get(theirs), get(mine)] == ["own a", "own b", "own a"]
    assert built == ["own a", "own b"]
