"""What is kept in memory so that it is not made twice: least recently used out first, in bytes or in number."""

from __future__ import annotations

import math
import sys
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar
from weakref import WeakValueDictionary

_T = TypeVar("_T")
Memory = Mapping[Hashable, int]  # bytes by the identity of the memory, so that shared memory is counted once


class Cache:
    """Values by key, of which the last used are kept; several threads may use it.

    What two values share is counted once, so the total is what would be freed by dropping all
    of them. The newest value always stays, even when it alone is over the budget, and so
    does one whose memory others use anyway (a base model under its forks).

    :param entries: how many values are kept.
    :param budget: bytes of distinct memory that they may keep alive.
    :param memory: which memory a value keeps alive; it must not change once kept.
    """

    def __init__(
        self,
        *,
        entries: int = sys.maxsize,
        budget: Callable[[], float] = lambda: math.inf,
        memory: Callable[[Any], Memory] = lambda value: {},
    ) -> None:
        self._most, self._budget, self._memory = entries, budget, memory
        self._entries: OrderedDict[Hashable, tuple[Any, tuple[tuple[Hashable, int], ...]]] = OrderedDict()
        self._users: Counter[Hashable] = Counter()  # entries that keep a piece of memory alive
        self._total = 0
        self._lock = threading.Lock()
        self._turns: WeakValueDictionary[Hashable, threading.Lock] = WeakValueDictionary()  # of those who build

    def get(self, key: Hashable) -> Any:
        """The value of a key, now the most recently used one, or None."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def get_or_build(self, key: Hashable, build: Callable[[], _T]) -> _T:
        """The value of a key, built now if there is none; who asks meanwhile waits for that one build.

        Builds of different keys run at the same time. One that fails keeps nothing and pushes out nothing.
        """
        with self._lock:
            turn = self._turns.setdefault(key, threading.Lock())
        with turn:
            value: _T | None = self.get(key)
            if value is None:
                value = build()
                self.put(key, value)
            return value

    def put(self, key: Hashable, value: Any) -> None:
        """Keep a value, dropping the least recently used ones while there are too many."""
        held = tuple(self._memory(value).items())
        with self._lock:
            self._drop(key)
            self._entries[key] = (value, held)
            for memory, size in held:
                self._users[memory] += 1
                self._total += size if self._users[memory] == 1 else 0
            if len(self._entries) > self._most:
                self._drop(next(iter(self._entries)))
            while self._total > self._budget() and (victim := self._victim()) is not None:
                self._drop(victim)

    def total(self) -> int:
        """Bytes of distinct memory that the cache keeps alive."""
        with self._lock:
            return self._total

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            for key in list(self._entries):
                self._drop(key)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._entries

    def _victim(self) -> Hashable | None:
        """The least recently used value, less the newest, that would free anything."""
        newest = next(reversed(self._entries))
        for key, (_, held) in self._entries.items():
            if key != newest and any(self._users[memory] == 1 for memory, _ in held):
                return key
        return None

    def _drop(self, key: Hashable) -> None:
        _, held = self._entries.pop(key, (None, ()))
        for memory, size in held:
            self._users[memory] -= 1
            if not self._users[memory]:
                del self._users[memory]
                self._total -= size
