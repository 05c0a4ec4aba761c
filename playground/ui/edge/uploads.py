"""Whose turn it is to upload, and whether there is room for it."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playground.ui.edge.refusal import Refused

AT_ONCE = 2  # uploads of one address; a class behind one address takes turns
MOST_WAITING = 60  # of one address
WAIT_SECONDS = 60.0
LEAST_FREE = 2 * 1024**3  # bytes of the disk that uploads leave alone
GIGABYTE = 1024**3


class UploadTurns:
    """Two uploads at a time for one address; more wait a while."""

    def __init__(self) -> None:
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._here: Counter[str] = Counter()

    @asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Wait for one's turn.

        :raises Refused: too many wait, or for too long.
        """
        if self._here[address] >= AT_ONCE + MOST_WAITING:
            raise Refused(429, "edge_uploads", limit=AT_ONCE)
        turns = self._turns.setdefault(address, asyncio.Semaphore(AT_ONCE))
        self._here[address] += 1
        try:
            try:
                await asyncio.wait_for(turns.acquire(), WAIT_SECONDS)
            except TimeoutError:
                raise Refused(429, "edge_uploads", limit=AT_ONCE) from None
            try:
                yield
            finally:
                turns.release()
        finally:
            self._here[address] -= 1
            if not self._here[address]:
                del self._here[address], self._turns[address]


def check_room(folder: str | Path) -> None:
    """:raises Refused: the disk that uploads go to is almost full."""
    place = Path(folder)
    while not place.exists() and place != place.parent:
        place = place.parent
    if shutil.disk_usage(place).free < LEAST_FREE:
        raise Refused(507, "edge_disk", limit=LEAST_FREE // GIGABYTE)
