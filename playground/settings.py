"""What the host may set through the environment, each with a default that suits a laptop."""

from __future__ import annotations

import math
import os
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

HubPolicy = Literal["off", "presets", "any"]
GIBIBYTE = 1024**3
# Held while any model is loaded or built: transformers and torch switch process-wide settings
# (default dtype, initialisation) meanwhile, which a second load would see.
LOADING = threading.RLock()


@dataclass(frozen=True)
class Settings:
    """The process's settings; see README for what each one does."""

    home: Path
    memory_bytes: int
    model: str
    hub: HubPolicy
    threads: int


@cache
def settings() -> Settings:
    """The settings of this process, read from the environment once.

    :raises SystemExit: a variable holds something that cannot be used; the text says what is.
    """
    cache_folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    hub = os.environ.get("PLAYGROUND_HUB") or "presets"
    if hub not in get_args(HubPolicy):
        raise SystemExit(f"PLAYGROUND_HUB is {hub!r}: choose one of off, presets, any.")
    memory = _positive("PLAYGROUND_MEMORY_GB", machine_memory() / 2 / GIBIBYTE)
    return Settings(
        home=Path(os.environ.get("PLAYGROUND_HOME") or cache_folder / "weights-playground"),
        memory_bytes=int(memory * GIBIBYTE),
        model=os.environ.get("PLAYGROUND_MODEL") or "smollm2-135m-instruct",
        hub=hub,  # type: ignore[arg-type]  # checked above
        threads=max(1, int(_positive("PLAYGROUND_THREADS", usable_cpus()))),
    )


def _positive(name: str, default: float) -> float:
    text = os.environ.get(name, "")
    try:
        value = float(text) if text else float(default)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise SystemExit(f"{name} is {text!r}: give a number above 0.")
    return value


def usable_cpus() -> int:
    """Processors that this process may run on, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def machine_memory(root: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes of memory this process may use: the cgroup's limit where there is one, else all.

    :param root: where the cgroup file system is mounted (version 2, then version 1).
    """
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for file in (root / "memory.max", root / "memory" / "memory.limit_in_bytes"):
        try:
            return min(physical, int(file.read_text()))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return physical
