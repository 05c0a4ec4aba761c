from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from playground.settings import GIBIBYTE, machine_memory, settings, usable_cpus

NAMES = ("HOME", "MEMORY_GB", "MODEL", "HUB", "THREADS", "HOSTS", "PROXY", "ADDRESS_SHARE")


@pytest.fixture
def read(monkeypatch):
    """Settings read from an environment that holds only what is given."""

    def run(**values):
        for name in NAMES:
            monkeypatch.delenv(f"PLAYGROUND_{name}", raising=False)
        for name in ("SYSTEM", "SPACE_ID"):
            monkeypatch.delenv(name, raising=False)
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        return settings()

    yield run
    monkeypatch.undo()
    settings.cache_clear()


def test_every_setting_has_a_default(read, tmp_path):
    found = read(XDG_CACHE_HOME=str(tmp_path))
    assert found.home == tmp_path / "weights-playground"
    assert found.model == "smollm2-135m-instruct"
    assert found.hub == "presets"
    assert found.threads == usable_cpus() >= 1
    assert (found.hosts, found.proxy, found.address_share) == ((), False, 160)
    assert found.memory_bytes == pytest.approx(machine_memory() / 2, rel=1e-6)


def test_the_default_home_is_in_the_users_cache_folder(read, tmp_path):
    found = read(XDG_CACHE_HOME="", HOME=str(tmp_path))
    assert found.home == tmp_path / ".cache" / "weights-playground"


def test_every_setting_is_read_from_its_variable(read, tmp_path):
    found = read(
        PLAYGROUND_HOME=str(tmp_path),
        PLAYGROUND_MEMORY_GB="1.5",
        PLAYGROUND_MODEL="tiny-gpt2",
        PLAYGROUND_HUB="any",
        PLAYGROUND_THREADS="3",
    )
    assert found.home == tmp_path
    assert found.memory_bytes == 1.5 * 2**30
    assert (found.model, found.hub, found.threads) == ("tiny-gpt2", "any", 3)


def test_a_host_says_by_which_names_it_is_opened_and_whether_a_proxy_is_believed(read):
    found = read(
        PLAYGROUND_HOSTS=" Play.example.org,*.school.example, ", PLAYGROUND_PROXY="1", PLAYGROUND_ADDRESS_SHARE="24"
    )
    assert found.hosts == ("play.example.org", "*.school.example")
    assert (found.proxy, found.address_share) == (True, 24)
    space = read(SPACE_ID="a/b")  # public, under any name that its proxy sees to
    assert (space.hosts, space.proxy) == (("*",), True)
    assert read(SPACE_ID="a/b", PLAYGROUND_PROXY="0").proxy is False
    for wrong in (
        {"PLAYGROUND_HOSTS": "http://a.b"},
        {"PLAYGROUND_HOSTS": "a.b:80"},
        {"PLAYGROUND_PROXY": "yes"},
        {"PLAYGROUND_ADDRESS_SHARE": "0"},
    ):
        with pytest.raises(SystemExit) as refused:
            read(**wrong)
        assert next(iter(wrong)) in str(refused.value)


def test_settings_are_read_once_and_cannot_be_changed(read, monkeypatch):
    first = read()
    monkeypatch.setenv("PLAYGROUND_HUB", "any")
    assert settings() is first
    with pytest.raises(AttributeError):
        first.hub = "any"


@pytest.mark.parametrize("value", ["on", "OFF", "yes", " off", "presets,any"])
def test_a_hub_policy_that_is_none_ends_with_the_choices(read, value):
    with pytest.raises(SystemExit, match=r"PLAYGROUND_HUB.*off, presets, any") as caught:
        read(PLAYGROUND_HUB=value)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("name", ["PLAYGROUND_MEMORY_GB", "PLAYGROUND_THREADS"])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "-inf", "1e999", "many", "1,5", " "])
def test_a_number_that_is_none_above_zero_ends_with_the_variables_name(read, name, value):
    with pytest.raises(SystemExit, match=rf"{name}.*above 0") as caught:
        read(**{name: value})
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("name", ["PLAYGROUND_MEMORY_GB", "PLAYGROUND_THREADS", "PLAYGROUND_HOME"])
def test_an_empty_variable_is_an_unset_one(read, name):
    assert read(**{name: ""}) == read()


@pytest.mark.parametrize("name", ["PLAYGROUND_MODEL", "PLAYGROUND_HUB"])
def test_an_empty_name_is_an_unset_one(read, name):
    try:
        found = read(**{name: ""})
    except SystemExit:
        pytest.fail("refused")
    assert found == read()


def test_half_a_thread_is_not_rounded_to_none(read):
    with contextlib.suppress(SystemExit):  # refused in words: as good
        assert read(PLAYGROUND_THREADS="0.5").threads >= 1


# The machine


PHYSICAL = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
LIMIT = 64 * 2**20


def cgroup(root: Path, version: int, text: str) -> Path:
    file = root / ("memory.max" if version == 2 else "memory/memory.limit_in_bytes")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return root


def test_without_a_cgroup_the_memory_is_the_machines(tmp_path):
    assert machine_memory(tmp_path) == PHYSICAL
    assert machine_memory(tmp_path / "missing") == PHYSICAL


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("text", [str(LIMIT), f"{LIMIT}\n"])
def test_a_cgroups_limit_counts(tmp_path, version, text):
    assert machine_memory(cgroup(tmp_path, version, text)) == LIMIT


@pytest.mark.parametrize("text", ["max\n", "max", "", "nonsense"])
def test_a_limit_that_is_no_number_is_passed_over(tmp_path, text):
    assert machine_memory(cgroup(tmp_path, 2, text)) == PHYSICAL
    assert machine_memory(cgroup(tmp_path, 1, str(LIMIT))) == LIMIT


def test_a_limit_above_the_machines_memory_is_no_limit(tmp_path):
    unlimited = 9_223_372_036_854_771_712  # what version 1 writes for it
    assert machine_memory(cgroup(tmp_path, 1, str(unlimited))) == PHYSICAL


def test_version_2_goes_before_version_1(tmp_path):
    cgroup(tmp_path, 1, str(2 * LIMIT))
    assert machine_memory(cgroup(tmp_path, 2, str(LIMIT))) == LIMIT


def test_a_gibibyte_is_one():
    assert GIBIBYTE == 2**30
