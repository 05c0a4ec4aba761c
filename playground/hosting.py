"""What the process settles before anything heavy is imported: a Space's needs, threads, the log.

Imports neither torch nor gradio: they read their threads from the environment when they load.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from typing import Any

from playground.settings import settings

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def prepare() -> None:
    """Called once, first of all, by the entry."""
    refuse_hub_code()
    claim_gpu()
    limit_threads()
    log_steps()


def refuse_hub_code() -> None:
    """Keep libraries from fetching compiled code from a hub, which they do where the package
    ``kernels`` is installed: to them it is not there."""
    sys.modules.setdefault("kernels", None)  # type: ignore[arg-type]  # what import reads as absent


def claim_gpu() -> Any:
    """The function that a ZeroGPU Space wants to see, None where there is no such Space.

    Free accounts may create Gradio Spaces on ZeroGPU only, and such a Space does not start without
    a function that asks for the GPU. The package ``spaces`` has to come before torch. The function
    is never called: all work is done on the processor, in this process.
    """
    try:
        spaces = importlib.import_module("spaces")
    except ImportError:  # anywhere but on a Space
        return None

    def on_the_gpu() -> None:
        """Not needed."""

    return spaces.GPU(on_the_gpu)


def limit_threads() -> None:
    """Have every library compute with as many threads as this process has processors.

    Under a quota (containers, Spaces) libraries that count the machine's processors start too many,
    which costs a multiple. What the host set itself stands.
    """
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, str(settings().threads))


def log_steps() -> None:
    """Send the playground's own lines to standard error, one for each step, and no library's
    progress bars or advice."""
    os.environ.setdefault("TQDM_DISABLE", "1")
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    log = logging.getLogger("playground")
    if not log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        log.propagate = False
