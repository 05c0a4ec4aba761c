"""The one place where heavy things live: least recently used out first, under a byte budget."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Protocol

MAX_ENTRIES = 512


class Held(Protocol):
    """Anything that can say which memory it keeps alive."""

    def storages(self) -> Mapping[Hashable, int]:
        """Bytes by the identity of the memory, so that shared memory is counted once."""
        ...


class ByteCache:
    """Values by key whose distinct memory stays under ``budget()`` bytes.

    What two values share is counted once, so the total is what would be freed by dropping all
    of them. The newest value always stays, even when it alone is over the budget.
    """

    def __init__(self, budget: Callable[[], int]) -> None:
        self._budget = budget
        self._entries: OrderedDict[Hashable, Held] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Held | None:
        """The value of a key, now the most recently used one, or None."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def put(self, key: Hashable, value: Held) -> None:
        """Keep a value, dropping the least recently used ones while over the budget."""
        with self._lock:
            self._entries[key] = value
            self._entries.move_to_end(key)
            while len(self._entries) > 1 and (
                len(self._entries) > MAX_ENTRIES or self._total() > self._budget()
            ):
                self._entries.popitem(last=False)

    def total(self) -> int:
        """Bytes of distinct memory that the cache keeps alive."""
        with self._lock:
            return self._total()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._entries

    def _total(self) -> int:
        held: dict[Hashable, int] = {}
        for value in self._entries.values():
            held.update(value.storages())
        return sum(held.values())
