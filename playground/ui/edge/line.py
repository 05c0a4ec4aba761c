"""Who waits in which of gradio's lanes: shares of the places, a fair order, and who has left.

Every lane has places of its own, so that looking never waits for want of a place that computing
took. In a lane addresses take turns, and sessions of one address do, so that whoever sends a
hundred requests delays another by one of them.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gradio.queueing import Event, Queue

from playground.owners import household
from playground.ui.edge.refusal import Refused

LANE_MOST = 256  # waiting in one lane
LANE_RESERVE = 256  # more places, for addresses with few waiting
FEW = 2
SESSION_MOST = 16  # of one session in one lane
SMALL_BODY = 65_536  # bytes; what is larger is counted, all together and for one address
BYTES_MOST = 128_000_000
BYTES_EACH = 48_000_000
UNHEARD_SECONDS = 30.0  # an event whose answer nobody ever listened for is dropped
BROKEN_SECONDS = 5.0  # or nobody does again after a stream broke off
HASTE_SECONDS = 2.0  # either, while somebody waits who does listen
FORGET_SECONDS = 120.0  # and answers that nobody fetched
SIZE = "playground.body_bytes"  # in a request's scope


def address_of(event: Event) -> str:
    """Whose event it is, as shares are counted."""
    client = event.request.client
    return household(client.host) if client else ""


def data_bytes(event: Event) -> int:
    """Bytes of the request that it came with."""
    return int(event.request.scope.get(SIZE, 0))


def fair(events: Sequence[Event], running: Counter[str]) -> list[Event]:
    """Waiting events in the order of their turns.

    The first event of every address, then the second of each; for one address the first of every
    session, and so on. Whoever came first is first within a round.

    :param running: how many of each address are being worked on now; they count as turns.
    """
    sessions: Counter[str] = Counter()
    rounds: dict[str, int] = {}
    for event in events:
        rounds[event._id] = sessions[event.session_hash]
        sessions[event.session_hash] += 1
    by_session = sorted(events, key=lambda event: rounds[event._id])
    turns, places = Counter(running), {}
    for event in by_session:
        places[event._id] = turns[address_of(event)]
        turns[address_of(event)] += 1
    return sorted(by_session, key=lambda event: places[event._id])


class WaitingLine:
    """gradio's queue, seen by who waits in it.

    :param share: most events of one address that may wait in one lane.
    """

    def __init__(self, queue: Queue, share: int) -> None:
        self._queue, self._share = queue, share
        self._listening: Counter[str] = Counter()  # open streams, by session
        self._heard: dict[str, float] = {}  # when a session was last listening

    def waiting(self, lane: str) -> list[Event]:
        """Whoever waits in a lane, first one first."""
        queue = self._queue.event_queue_per_concurrency_id.get(lane)
        return queue.queue if queue else []

    def running(self) -> list[Event]:
        """What is being worked on, in all lanes."""
        return [event for job in self._queue.active_jobs if job for event in job]

    def check(self, lane: str, address: str, session: str | None, size: int) -> None:
        """Whether one more event may wait.

        :param size: bytes of its request.
        :raises Refused: its lane, its address or its session has no place left.
        """
        events = self.waiting(lane)
        mine = sum(address_of(event) == address for event in events)
        if session and sum(event.session_hash == session for event in events) >= SESSION_MOST:
            raise Refused(429, "edge_session", limit=SESSION_MOST)
        if mine >= self._share:
            raise Refused(429, "edge_address", limit=self._share)
        if len(events) >= LANE_MOST + (LANE_RESERVE if mine < FEW else 0):
            raise Refused(429, "edge_busy")
        if size > SMALL_BODY:
            self._check_bytes(address, size)

    def _check_bytes(self, address: str, size: int) -> None:
        held: Counter[str] = Counter()
        for lane in self._queue.event_queue_per_concurrency_id.values():
            for event in lane.queue:
                held[address_of(event)] += data_bytes(event)
        if held[address] + size > BYTES_EACH or held.total() + size > BYTES_MOST:
            raise Refused(429, "edge_busy")

    def arrange(self, lane: str) -> None:
        """Put a lane into its fair order, those first for whom somebody listens."""
        events = self.waiting(lane)
        running = Counter(address_of(e) for e in self.running() if e.concurrency_id == lane)
        turns = fair(events, running)
        ordered = sorted(turns, key=lambda event: not self.is_heard(event))
        if ordered != events:
            events[:] = ordered
            self._queue.broadcast_estimations(lane)

    @contextmanager
    def listening(self, session: str) -> Iterator[None]:
        """While a session's stream of answers is open."""
        self._listening[session] += 1
        try:
            for lane in list(self._queue.event_queue_per_concurrency_id):
                if any(event.session_hash == session for event in self.waiting(lane)):
                    self.arrange(lane)
            yield
        finally:
            self._heard[session] = time.monotonic()
            self._listening[session] -= 1
            if not self._listening[session]:
                del self._listening[session]

    def session_of(self, event_id: str) -> str:
        """The session of an event, which is its own id where it was called without one."""
        event = self._queue.event_ids_to_events.get(event_id)
        if event is not None:
            return str(event.session_hash)
        pending = self._queue.pending_event_ids_session  # where gradio looks for one that is done
        return next((session for session, ids in pending.items() if event_id in ids), event_id)

    def gone(self, event_id: str | None) -> bool:
        """Whether nobody waits for an event's answer any more."""
        event = self._queue.event_ids_to_events.get(event_id or "")
        return event is not None and (not event.alive or self._is_unheard(event))

    def cancelled(self, event_id: Any, session: Any) -> None:
        """A caller takes an event back: what runs of it ends at its next step."""
        event = self._queue.event_ids_to_events.get(event_id) if isinstance(event_id, str) else None
        if event is not None and event.session_hash == session:
            event.alive = False

    def _is_unheard(self, event: Event) -> bool:
        if self.is_heard(event):
            return False
        heard = self._heard.get(event.session_hash, 0.0)
        patience = BROKEN_SECONDS if heard > event.enqueue_time else UNHEARD_SECONDS
        if any(self.is_heard(other) for other in list(self.waiting(str(event.concurrency_id)))):
            patience = min(patience, HASTE_SECONDS)
        return time.monotonic() - max(heard, event.enqueue_time) > patience

    def is_heard(self, event: Event) -> bool:
        """Whether a stream is open for an event's answer."""
        return event.session_hash in self._listening

    async def drop(self) -> None:
        """Drop waiting events that nobody listens for, and answers that nobody fetched."""
        for lane in list(self._queue.event_queue_per_concurrency_id.values()):
            for event in [event for event in lane.queue if self._is_unheard(event)]:
                await self._queue.clean_events(event_id=event._id)
                ids = self._queue.pending_event_ids_session.get(event.session_hash, set())
                ids.discard(event._id)
        busy = {event.session_hash for event in self._queue.event_ids_to_events.values()}
        now, messages = time.monotonic(), self._queue.pending_messages_per_session
        for session in [*messages, *self._queue.pending_event_ids_session]:
            if session in self._listening or session in busy:
                continue
            if now - self._heard.setdefault(session, now) > FORGET_SECONDS:
                messages.pop(session, None)
                self._queue.pending_event_ids_session.pop(session, None)
        for session in [s for s, at in self._heard.items() if now - at > 2 * FORGET_SECONDS]:
            del self._heard[session]
