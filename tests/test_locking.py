"""The lock files hold everything that is installed, at the versions that are asked for."""

from __future__ import annotations

import os
import re
from importlib import metadata

import pytest

from tests.locking import LEFT_OUT, LOCKS, ROOT, TORCH, entries, tidy

TOOLS = {"pip", "setuptools", "wheel"}  # a virtual environment's own


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def locked() -> dict[str, set[str]]:
    """The versions of each package over all lock files."""
    versions: dict[str, set[str]] = {}
    for name in (*LOCKS, TORCH):
        for package, version in entries((ROOT / name).read_text(encoding="utf-8")):
            versions.setdefault(package, set()).add(version)
    return versions


def test_every_line_of_a_lock_is_one_version_with_hashes():
    for name in (*LOCKS, TORCH):
        text = (ROOT / name).read_text(encoding="utf-8")
        packages = re.findall(r"^[\w.-]+==", text, re.M)
        assert packages
        assert len(entries(text)) == len(packages), name


def test_what_is_asked_for_is_locked_at_that_version(locked):
    for source, *_ in LOCKS.values():
        lines = (ROOT / source).read_text(encoding="utf-8").splitlines()
        for line in lines:
            if line and not line.startswith("#"):
                package, version = line.split("==")
                assert version in locked[canonical(package)], line


def test_what_is_installed_is_what_is_locked(locked):
    installed = {canonical(one.name): one.version for one in metadata.distributions()}
    for package, version in installed.items():
        if package in locked:
            assert version.split("+")[0] in locked[package], package
    strangers = installed.keys() - locked.keys() - TOOLS
    if os.environ.get("CI"):  # a laptop's environment may hold more
        assert [name for name in sorted(strangers) if not LEFT_OUT.match(name)] == []


def test_cudas_libraries_are_left_to_torch_which_keeps_its_cpu_build_s_hash():
    made = (
        "numpy==1.0 ; python_full_version < '3.12' \\\n    --hash=sha256:aa\n"
        "nvidia-cublas==13.1 ; sys_platform == 'linux' \\\n"
        "    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
        "torch==2.13.0 \\\n    --hash=sha256:dd\ntriton==3.7.1 \\\n    --hash=sha256:ee\n"
    )
    kept, torch = tidy(made)
    assert entries(kept) == [("numpy", "1.0")]
    assert entries(torch) == [("torch", "2.13.0")]
    assert re.search(r"sha256:dd \\\n    --hash=sha256:[0-9a-f]{64}\n$", torch)
