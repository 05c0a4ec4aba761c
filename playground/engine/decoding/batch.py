"""One batch for all who are answered by the same weights: rows join and leave it at any step.

Continuous batching as of Orca (Yu et al. 2022). A step for sixteen rows takes hardly longer than one for one, so
whoever comes does not wait for the answers before. There is no thread of its own: of those who wait for the next
step one computes it for all. So what nobody waits for is never computed, and alone everything goes step by step.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from playground.engine.decoding.generate import drawn
from playground.engine.decoding.key_values import KeyValues
from playground.engine.decoding.plan import plan_of
from playground.engine.decoding.seats import LEAST_ROWS, Job, Seat
from playground.engine.decoding.thin import Beside
from playground.engine.fork import Fork
from playground.engine.gate import ANSWERS, GATE, TURNS, Share

MOST_ROWS = 64
MOST_BYTES = 1_500_000_000  # of a batch's keys and values: 65,000 tokens of SmolLM2, of 23 kB each
TOGETHER = 6  # rows of one visitor that are let in at a time: the columns of a comparison
READ_SECONDS = 0.1  # for prompts between two steps, so that nobody's answer stands still
LOOK_SECONDS = 0.05  # between two looks at whether the one who waits for others' step was stopped
Sides = tuple[tuple[Any, ...] | None, Sequence[Beside]]  # of which seats, and what they have beside the plan
PACE = 8  # of those who were last answered that an estimate goes by
MOST_WEIGHT = 3  # visitors that count for a batch's share of the time: more, and variants of one visitor would starve
ROUNDED_UP = 256  # places by which a batch's room grows


class Batch:
    """Those who are answered by one fork, or by what is thin beside it."""

    def __init__(self, fork: Fork) -> None:
        self.plan: Any = plan_of(fork)
        self._sides: Sides = (None, ())
        self.kept: Any = None
        self.seats: list[Seat] = []  # by row: first those that are answered, then those whose prompts are read
        self.answered = 0
        self.waiting: list[Seat] = []
        self._gone: list[Job] = []
        self._over = deque[float](maxlen=PACE)  # when those who were last answered were done
        self._change, self._led = threading.Condition(), False
        self._share = Share()
        self._error: BaseException | None = None

    # What its members call

    def join(self, job: Job) -> None:
        """Wait for seats."""
        with self._change:
            self.waiting += job.seats
            self._place()

    def leave(self, job: Job) -> None:
        """Be answered no further; the seats are free at the next step. Takes no lock: see ``_joined``."""
        self._gone.append(job)

    def idle(self) -> bool:
        """Whether nobody is in it."""
        with self._change:
            return all(seat.job in self._gone for seat in (*self.seats, *self.waiting))

    def broken(self) -> bool:
        """Whether a step went wrong, so that nobody is answered here any more."""
        return self._error is not None

    def advance(self, job: Job) -> bool:
        """Wait a moment for the next step, or compute it for all; whether there was one.

        :raises BaseException: what went wrong at a step, to all who are in the batch.
        """
        with self._change:
            if job.grown == job.seen and self._led:
                self._change.wait(LOOK_SECONDS)
            if self._error is not None:
                raise self._error
            leads = job.grown == job.seen and not self._led
            self._led |= leads
        if leads:
            self._lead()
        with self._change:
            grown, job.seen = job.grown > job.seen, job.grown
        return grown

    def _lead(self) -> None:
        try:
            with TURNS.turn(self._share, self._weight()), torch.inference_mode():
                self._compute()
        except BaseException as error:
            self._error = error
            raise
        finally:
            with self._change:
                self._led = False
                self._change.notify_all()

    def _weight(self) -> int:
        """How much of the time it may have: by visitors, up to a number."""
        with self._change:
            return max(1, min(MOST_WEIGHT, len({seat.job.who for seat in (*self.seats, *self.waiting)})))

    # What one of them does for all

    def _compute(self) -> None:
        """One step for those that are answered, and some reading for those that have come."""
        with self._change:
            self._clear()
            self._admit()
            here = list(dict.fromkeys(seat.job for seat in self.seats))
        start = time.perf_counter()
        GATE.note()
        ANSWERS.note()
        grown = self._step()
        grown += self._read()
        spent = time.perf_counter() - start
        with self._change:
            for job in here:
                job.spent += spent
            for seat in grown:
                seat.row.seconds = seat.job.spent
            for seat in [seat for seat in self.seats if seat.row.done]:
                self._free(seat)
            for job in {*here, *(seat.job for seat in self.waiting)}:
                job.grown += 1

    def _step(self) -> list[Seat]:
        seats = self.seats[: self.answered]
        if not seats:
            return []
        spare = [0] * max(0, LEAST_ROWS - len(seats))
        self._sides = self._beside(seats, self._sides)
        read = self.plan.step([*(seat.row.ids[-1] for seat in seats), *spare], self.kept, *self._sides[1])
        for row in range(len(seats)):
            self.kept.lengths[row] += 1
        self._extend(seats, read[: len(seats)], self._sides[1])
        return seats

    def _beside(self, seats: Sequence[Seat], was: Sides = (None, ())) -> Sides:
        """What seats have beside the plan; the same as before where they are."""
        if was[0] == (here := tuple(seats)):
            return was
        thins = [seat.thin for seat in seats if seat.thin is not None]
        return here, (() if all(thin.plain for thin in thins) else (Beside(thins),))

    def _read(self) -> list[Seat]:
        """Read prompts, a piece at a time, as long as there is time; those that were read to their ends."""
        start, begun = time.perf_counter(), list[tuple[Seat, Any]]()
        for row in range(self.answered, len(self.seats)):
            if begun and time.perf_counter() - start > READ_SECONDS:
                break
            seat = self.seats[row]
            self._take_over(row)
            beside = () if seat.thin is None or seat.thin.plain else (Beside([seat.thin], alone=True),)
            while seat.read < len(seat.prompt):
                piece = seat.prompt[seat.read : seat.read + self.plan.piece]
                seat.last = self.plan.read(piece, self.kept, row, *beside)
                seat.read += len(piece)
                if time.perf_counter() - start > READ_SECONDS:
                    break
            if seat.read < len(seat.prompt):
                break
            self.plan.finish(self.kept, row)
            begun.append((seat, seat.last))
        if begun:
            seats = [seat for seat, _ in begun]
            self._extend(seats, torch.stack([read for _, read in begun]), self._beside(seats)[1])
        self.answered += len(begun)
        return [seat for seat, _ in begun]

    def _take_over(self, row: int) -> None:
        """Take over what another row with the same beginning has read, bit for bit as this one would."""
        seat = self.seats[row]
        if seat.read or not isinstance(self.kept, KeyValues):
            return
        shared = {
            other: seat.shares(self.seats[other], self.plan.piece) for other in range(len(self.seats)) if other != row
        }
        source = max(shared, key=shared.__getitem__, default=row)
        if shared.get(source):
            seat.read = shared[source]
            self.kept.copy(source, row, seat.job.ahead + seat.read)
            seat.last = self.seats[source].last if seat.read == len(seat.prompt) else None

    def _extend(self, seats: Sequence[Seat], read: Tensor, beside: Sequence[Beside]) -> None:
        logits = self.plan.logits(read, *beside)
        chance = all(seat.job.sampling.temperature for seat in seats)
        greedy = () if chance else self.plan.likeliest(read, logits, *beside)
        for number, seat in enumerate(seats):
            sampling, row = seat.job.sampling, seat.row
            token = greedy[number] if sampling.temperature == 0 else drawn(logits[number], sampling, seat.chance)
            if token in seat.job.ends:
                row.done = True
            else:
                row.ids.append(token)
                row.done = len(row.ids) >= sampling.max_new_tokens

    # Seats

    def _admit(self) -> None:
        """Let in who waits, as many of one visitor's rows together as there is room for."""
        while self.waiting:
            job = self._line()[0]
            part = [seat for seat in self.waiting if seat.job is job][:TOGETHER]
            while not self.seats and len(part) > 1 and not self._fits(part):
                part.pop()
            if self.seats and not self._fits(part):
                break
            self._make_room(part)
            for seat in part:
                self.waiting.remove(seat)
                self._seat(seat)
        self._place()

    def _line(self) -> list[Job]:
        """Who waits, those first whose visitors have the fewest seats; of them whoever came first."""
        held = Counter(seat.job.who for seat in self.seats)
        return sorted(dict.fromkeys(seat.job for seat in self.waiting), key=lambda job: held[job.who])

    def _sizes(self, part: Sequence[Seat]) -> tuple[int, int]:
        """Rows and places in each, with some more seats."""
        return max(LEAST_ROWS, len(self.seats) + len(part)), max(seat.needs for seat in (*self.seats, *part))

    def _fits(self, part: Sequence[Seat]) -> bool:
        rows, places = self._sizes(part)
        return rows <= MOST_ROWS and self._bounded(rows, places)

    def _bounded(self, rows: int, places: int) -> bool:
        return rows * places * self.plan.place_bytes <= MOST_BYTES

    def _make_room(self, part: Sequence[Seat]) -> None:
        rows, places = self._sizes(part)
        if self.kept is None:
            self.kept = self.plan.room(rows, places)
        elif rows > self.kept.rows or places > self.kept.capacity:
            more = max(self.kept.rows, min(MOST_ROWS, 1 << (rows - 1).bit_length()))
            wide = max(self.kept.capacity, -(-places // ROUNDED_UP) * ROUNDED_UP)
            self.kept.resize(*((more, wide) if self._bounded(more, wide) else (rows, places)))

    def _seat(self, seat: Seat) -> None:
        row = len(self.seats)
        self.seats.append(seat)
        seat.row.place, seat.row.wait = 0, 0.0
        self.plan.begin(self.kept, row, *([seat.thin.ahead] if seat.thin else []))

    def _place(self) -> None:
        """Tell those who wait how many visitors' turns are before theirs."""
        for place, job in enumerate(self._line(), 1):
            for seat in self.waiting:
                if seat.job is job:
                    seat.row.place, seat.row.wait = place, place * self._pace()

    def _pace(self) -> float:
        """Seconds from one who is done to the next; 0 while that is not known."""
        return (self._over[-1] - self._over[0]) / (len(self._over) - 1) if len(self._over) > 1 else 0.0

    def _clear(self) -> None:
        """Free the seats of those who left."""
        gone = list(self._gone)
        for seat in [seat for seat in self.seats if seat.job in gone]:
            self._free(seat)
        self.waiting = [seat for seat in self.waiting if seat.job not in gone]
        del self._gone[: len(gone)]  # what was added meanwhile stays

    def _free(self, seat: Seat) -> None:
        """Fill a seat that is free, so that those who are answered lie side by side, and after them first whoever came
        first of those whose prompts are read."""
        row, last = self.seats.index(seat), len(self.seats) - 1
        if row < self.answered:
            self.answered -= 1
            row = self._moved(self.answered, row)
            if row < last:
                row = self._moved(min(range(row + 1, last + 1), key=lambda other: self.seats[other].number), row)
        self._moved(last, row)
        self.seats.pop()
        if all(other.job is not seat.job for other in self.seats):
            self._over.append(time.monotonic())
        self.kept.lengths[last] = 0  # it may be there for its number alone, and nobody looks as far for it

    def _moved(self, source: int, row: int) -> int:
        """Let the seat of one row lie in another; gives the one that is free now."""
        if source != row:
            self.kept.move(source, row)
            self.seats[row] = self.seats[source]
        return source
