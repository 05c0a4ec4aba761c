"""The one place where heavy things live: least recently used out first, under a byte budget."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Protocol

MAX_ENTRIES = 512


class Held(Protocol):
    """Anything that can say which memory it keeps alive; it must not change once kept."""

    def storages(self) -> Mapping[Hashable, int]:
        """Bytes by the identity of the memory, so that shared memory is counted once."""
        ...


class ByteCache:
    """Values by key whose distinct memory stays under ``budget()`` bytes.

    What two values share is counted once, so the total is what would be freed by dropping all
    of them. The newest value always stays, even when it alone is over the budget, and so
    does one whose memory others use anyway (a base model under its forks).
    """

    def __init__(self, budget: Callable[[], int]) -> None:
        self._budget = budget
        self._entries: OrderedDict[Hashable, tuple[Held, dict[Hashable, int]]] = OrderedDict()
        self._users: Counter[Hashable] = Counter()  # entries that keep a piece of memory alive
        self._total = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Held | None:
        """The value of a key, now the most recently used one, or None."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def put(self, key: Hashable, value: Held) -> None:
        """Keep a value, dropping the least recently used ones while over the budget."""
        held = dict(value.storages())
        with self._lock:
            self._drop(key)
            self._entries[key] = (value, held)
            for memory, size in held.items():
                self._users[memory] += 1
                self._total += size if self._users[memory] == 1 else 0
            if len(self._entries) > MAX_ENTRIES:
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
        for key in list(self._entries)[:-1]:
            if any(self._users[memory] == 1 for memory in self._entries[key][1]):
                return key
        return None

    def _drop(self, key: Hashable) -> None:
        _, held = self._entries.pop(key, (None, {}))
        for memory, size in held.items():
            self._users[memory] -= 1
            if not self._users[memory]:
                del self._users[memory]
                self._total -= size
