from __future__ import annotations

import random
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from playground.cache import Cache


class Thing:
    def __init__(self, **memory: int) -> None:
        self.memory = memory


def cache_of(budget: Callable[[], int]) -> Cache:
    return Cache(budget=budget, memory=lambda thing: thing.memory)


def keys(cache, names="abcdefgh"):
    return "".join(name for name in names if name in cache)


def test_an_empty_cache_has_nothing():
    cache = cache_of(lambda: 100)
    assert cache.get("a") is None
    assert "a" not in cache
    assert cache.total() == 0
    cache.clear()


def test_the_total_stays_under_the_budget():
    cache = cache_of(lambda: 100)
    for name in "abcd":
        cache.put(name, Thing(**{name: 40}))
        assert cache.total() <= 100
    assert keys(cache) == "cd"
    assert cache.get("a") is None


def test_exactly_the_budget_fits():
    cache = cache_of(lambda: 100)
    cache.put("a", Thing(a=60))
    cache.put("b", Thing(b=40))
    assert keys(cache) == "ab"
    cache.put("c", Thing(c=0))
    assert keys(cache) == "abc"


def test_the_least_recently_used_goes_first():
    cache = cache_of(lambda: 100)
    for name in "abc":
        cache.put(name, Thing(**{name: 30}))
    assert cache.get("a") is not None
    cache.put("d", Thing(d=30))
    assert keys(cache) == "acd"
    cache.put("c", Thing(c=30))  # put again: used now
    cache.put("e", Thing(e=30))
    assert keys(cache) == "cde"


def test_looking_whether_a_key_is_there_does_not_use_it():
    cache = cache_of(lambda: 60)
    cache.put("a", Thing(a=30))
    cache.put("b", Thing(b=30))
    assert "a" in cache
    cache.put("c", Thing(c=30))
    assert keys(cache) == "bc"


def test_memory_that_two_values_share_is_counted_once():
    cache = cache_of(lambda: 100)
    for name in "abcdefgh":
        cache.put(name, Thing(base=90, **{name: 1}))
    assert keys(cache) == "abcdefgh"
    assert cache.total() == 98
    cache.put("i", Thing(base=90, i=5))
    assert cache.total() == 100
    assert keys(cache, "abcdefghi") == "defghi"


def test_shared_memory_stays_counted_until_its_last_holder_goes():
    cache = cache_of(lambda: 100)
    cache.put("a", Thing(base=50, a=1))
    cache.put("b", Thing(base=50, b=1))
    cache.put("c", Thing(c=60))
    assert keys(cache) == "c"
    assert cache.total() == 60


def test_what_others_use_anyway_is_not_dropped_since_that_would_free_nothing():
    cache = cache_of(lambda: 100)
    cache.put("base", Thing(base=500))
    cache.put("first", Thing(base=500, first=1))
    cache.put("second", Thing(base=500, second=1))
    assert "base" in cache
    assert "first" not in cache
    assert "second" in cache


def test_the_newest_is_kept_even_when_it_alone_is_over_the_budget():
    cache = cache_of(lambda: 100)
    cache.put("a", Thing(a=10))
    cache.put("b", Thing(b=1000))
    assert keys(cache) == "b"
    assert cache.total() == 1000
    cache.put("c", Thing(c=10))
    assert keys(cache) == "c"


def test_a_budget_of_nothing_keeps_one():
    cache = cache_of(lambda: 0)
    cache.put("a", Thing(a=1))
    cache.put("b", Thing(b=1))
    assert keys(cache) == "b"


def test_a_budget_that_shrinks_is_honoured_at_the_next_put():
    budget = [100]
    cache = cache_of(lambda: budget[0])
    for name in "abc":
        cache.put(name, Thing(**{name: 30}))
    budget[0] = 50
    cache.put("d", Thing(d=20))
    assert keys(cache) == "cd"


def test_a_key_put_twice_holds_the_later_value():
    cache = cache_of(lambda: 100)
    cache.put("a", Thing(a=80))
    later = Thing(b=10)
    cache.put("a", later)
    assert cache.get("a") is later
    assert cache.total() == 10


def test_values_are_bounded_in_number():
    cache = Cache(entries=3)
    for name in "abc":
        cache.put(name, name)
    assert cache.get("a") == "a"
    cache.put("d", "d")
    assert keys(cache) == "acd"


def test_clearing_forgets_everything():
    cache = cache_of(lambda: 100)
    cache.put("a", Thing(a=1))
    cache.clear()
    assert cache.get("a") is None
    assert cache.total() == 0


@hypothesis_settings(deadline=None, max_examples=200)
@given(
    budget=st.integers(0, 60),
    actions=st.lists(
        st.tuples(
            st.sampled_from(["get", "put"]),
            st.integers(0, 6),
            st.dictionaries(st.sampled_from("pqrst"), st.integers(1, 30), max_size=3),
        ),
        max_size=40,
    ),
)
def test_it_does_what_a_plain_model_of_it_does(budget, actions):
    """The model keeps a list, newest last, and adds up a set of memories: no shortcuts."""
    size = dict.fromkeys("pqrst", 0)
    cache, model = cache_of(lambda: budget), OrderedDict()
    for action, key, memory in actions:
        if action == "get":
            assert (cache.get(key) is None) == (key not in model)
            if key in model:
                model.move_to_end(key)
            continue
        size |= {name: size[name] or amount for name, amount in memory.items()}
        cache.put(key, Thing(**{name: size[name] for name in memory}))
        model.pop(key, None)
        model[key] = set(memory)
        while sum(size[n] for n in set().union(*model.values())) > budget:
            frees = [
                old for old in list(model)[:-1] if model[old] - set().union(*(m for k, m in model.items() if k != old))
            ]
            if not frees:
                break
            del model[frees[0]]
        assert [number for number in range(7) if number in cache] == sorted(model)
        assert cache.total() == sum(size[name] for name in set().union(*model.values()))


def test_many_threads_at_once_leave_it_whole():
    cache, gate = cache_of(lambda: 200), threading.Barrier(8)

    def work(seed: int) -> None:
        choose = random.Random(seed)
        gate.wait()
        for _ in range(400):
            name = f"k{choose.randrange(20)}"
            if choose.random() < 0.5:
                found = cache.get(name)
                assert found is None or name in found.memory
            else:
                cache.put(name, Thing(base=50, **{name: 15}))
            assert cache.total() <= 200

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    held = [f"k{n}" for n in range(20) if f"k{n}" in cache]
    assert len(held) == 10
    assert cache.total() == 50 + 15 * len(held)


# Building what is missing


def test_what_is_kept_is_not_built_again():
    cache, built = Cache(entries=2), []
    for key in "abacb":
        assert cache.get_or_build(key, lambda key=key: built.append(key) or key) == key
    assert built == ["a", "b", "c", "b"]  # b was used least recently when c came


def test_one_thread_builds_while_others_wait_and_different_keys_are_built_at_once():
    cache, both, built = Cache(entries=2), threading.Barrier(2, timeout=10), []

    def build(key):
        both.wait()  # passes only while the other key is being built
        built.append(key)
        return key

    with ThreadPoolExecutor(8) as pool:
        values = list(pool.map(lambda key: cache.get_or_build(key, lambda: build(key)), "abababab"))
    assert values == [*"abababab"]
    assert sorted(built) == ["a", "b"]


def test_a_failed_build_pushes_out_nothing_and_is_tried_again():
    cache = Cache(entries=1)
    cache.put("a", "kept")
    with pytest.raises(ZeroDivisionError):
        cache.get_or_build("b", lambda: 1 // 0)
    assert keys(cache) == "a"
    assert cache.get_or_build("b", lambda: "built") == "built"
    assert keys(cache) == "b"
