"""What a host may rely on: threads within its quota, a start that ZeroGPU takes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from playground.engine.models import catalog
from playground.retrieval.dense import encoders
from playground.retrieval.dense import index as dense
from playground.settings import usable_cpus
from tests.conftest import ROOT

STUB = """
import sys
before_torch = "torch" not in sys.modules
asked = []
def GPU(function):
    asked.append(function.__name__)
    return function
"""
LOOK = """
import json, os, sys
import app, spaces
print(json.dumps({
    "asked": spaces.asked, "before_torch": spaces.before_torch,
    "threads": os.environ["OMP_NUM_THREADS"], "torch": sys.modules["torch"].get_num_threads(),
    "kernels": sys.modules["kernels"],
}))
"""


@pytest.fixture
def many(monkeypatch):
    """A machine of 64 processors that says nothing of its own."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)), raising=False)
    monkeypatch.delenv("CPU_CORES", raising=False)


def test_a_containers_quota_bounds_the_threads_rounded_up(tmp_path, many):
    assert usable_cpus(tmp_path) == 64  # no cgroup
    for quota, expected in {
        "200000 100000": 2,
        "150000 100000": 2,
        "1000 100000": 1,
        "max 100000": 64,
        "6400001 100000": 64,
        "": 64,
        "nonsense": 64,
        "100000 0": 64,
    }.items():
        (tmp_path / "cpu.max").write_text(quota + "\n")
        assert usable_cpus(tmp_path) == expected, quota


def test_version_1_of_cgroups_is_read_too(tmp_path, many):
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    for quota, expected in {"250000": 3, "-1": 64}.items():
        (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota + "\n")
        assert usable_cpus(tmp_path) == expected


def test_what_a_space_says_of_its_cores_counts(tmp_path, many, monkeypatch):
    (tmp_path / "cpu.max").write_text("400000 100000\n")
    for told, expected in {"2": 2, "0.5": 1, "8": 4, "0": 4, "-1": 4, "two": 4, "nan": 4}.items():
        monkeypatch.setenv("CPU_CORES", told)
        assert usable_cpus(tmp_path) == expected, told


def test_zero_gpu_finds_a_function_before_torch_is_there(tmp_path):
    (tmp_path / "spaces.py").write_text(STUB)
    env = os.environ | {"PYTHONPATH": str(tmp_path), "CPU_CORES": "1", "PLAYGROUND_HUB": "off"}
    env = {name: value for name, value in env.items() if not name.endswith("_NUM_THREADS")}
    ran = subprocess.run([sys.executable, "-c", LOOK], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    found = json.loads(ran.stdout)
    assert found["before_torch"]
    assert len(found["asked"]) == 1
    assert (found["threads"], found["torch"]) == ("1", 1)
    assert found["kernels"] is None  # no compiled code from a hub


def test_a_space_preloads_the_commits_and_files_that_are_loaded():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = re.search(r"^preload_from_hub:\n((?:  - .*\n)+)", readme, re.M)[1]
    preloaded = {}
    for line in listed.splitlines():
        name, files, revision = line.removeprefix("  - ").split()
        preloaded[name] = files.split(","), revision
    model = catalog.find_model("smollm2-135m-instruct")
    hub_model = next(entry for entry in catalog.PRESETS if entry.revision)
    assert hub_model.parameters == model.parameters
    assert preloaded.keys() == {hub_model.hub_id, dense.MINILM_HUB_ID}
    files, revision = preloaded[dense.MINILM_HUB_ID]
    assert revision == dense.REVISION
    assert set(encoders.NEEDED) <= set(files) <= set(encoders.FILES)
    files, revision = preloaded[hub_model.hub_id]
    assert revision == hub_model.revision
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= set(files)
