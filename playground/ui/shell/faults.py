"""Faults of ours in the log: where it happened in full the first time, one line after that."""

from __future__ import annotations

import logging
import os
import traceback
from pathlib import Path

OURS = f"{Path(__file__).parents[2]}{os.sep}"
EDGE = f"{Path(__file__).parent / 'edge'}{os.sep}"
MOST_PLACES = 256
MOST_TEXT = 200  # characters of what the fault says: it may quote what was sent
_seen: set[tuple[str, int]] = set()
log = logging.getLogger(__name__)


def report_fault(what: str, error: BaseException) -> None:
    """Write a fault down.

    Anybody can send what is not expected, as often as they like: so its many lines are written
    for each place in our own code only once, and never for places in other packages.
    """
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename.startswith(OURS)]
    inner = [frame for frame in ours if not frame.filename.startswith(EDGE)]  # all pass the edge
    last = (inner or ours or frames or [traceback.FrameSummary("?", 0, "?")])[-1]
    where = (last.filename, last.lineno or 0)
    first = bool(ours) and where not in _seen and len(_seen) < MOST_PLACES
    if first:
        _seen.add(where)
    text = repr(str(error)[:MOST_TEXT])
    log.error("%s: %s at %s:%d: %s", what, type(error).__name__, *where, text, exc_info=error if first else None)
