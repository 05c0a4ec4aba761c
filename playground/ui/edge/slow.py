"""Connections that were opened and never asked anything: closed after a while."""

from __future__ import annotations

import time
from typing import Any
from weakref import WeakKeyDictionary

HEAD_SECONDS = 20.0  # for the head of a request; a body has a pace of its own


class Silent:
    """Which connections of a server have no request under way, and since when."""

    def __init__(self) -> None:
        # The request that it served last, and when it was first seen to be idle after it
        self._since: WeakKeyDictionary[Any, tuple[int, float]] = WeakKeyDictionary()

    def close(self, connections: list[Any], now: float) -> int:
        """Close what has waited too long for the head of a request; how many were closed.

        :param connections: uvicorn's protocols, each with its last request's ``cycle``.
        """
        closed = 0
        for protocol in connections:
            cycle = getattr(protocol, "cycle", None)
            if cycle is not None and not cycle.response_complete:
                continue
            last, since = self._since.get(protocol, (0, now))
            if last != id(cycle):
                since = now
            self._since[protocol] = id(cycle), since
            if now - since > HEAD_SECONDS:
                protocol.transport.close()
                closed += 1
        return closed


async def close_silent(silent: Silent, blocks: Any) -> None:
    """Look at a page's server once. It comes into being after its app has started."""
    state = getattr(getattr(blocks, "server", None), "server_state", None)
    silent.close(list(getattr(state, "connections", ())), time.monotonic())
