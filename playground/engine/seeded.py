"""Random numbers of libraries that take them from torch's one global generator."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

_ONE_AT_A_TIME = threading.RLock()  # the generator is the whole process's


@contextmanager
def seeded(start: int | Tensor) -> Iterator[None]:
    """Inside, the global generator starts from a seed or a state; afterwards it is as before.

    Others who want the same wait, so that nobody's numbers depend on who else is at work.
    """
    with _ONE_AT_A_TIME, torch.random.fork_rng(devices=[]):
        if isinstance(start, int):
            torch.manual_seed(start)
        else:
            torch.set_rng_state(start)
        yield
