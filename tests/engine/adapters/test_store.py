"""Adapters kept on the host by a hash of their content."""

from __future__ import annotations

import copy
import json
import os
import shutil
import time
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from peft_made import METHODS

from playground.engine.adapters import AdapterError, files, store
from playground.engine.adapters.store import About
from playground.engine.fork import Fork
from playground.engine.models.loader import CACHE
from playground.errors import ModelError
from playground.settings import settings

ABOUT = About("Mine", "uploaded", "tiny-llama", "lora")
IDS = [5, 17, 42, 99]
DAY = 86_400


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home of the test's own, nothing in the cache, and no shipped adapters."""
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(store, "SHIPPED", tmp_path / "shipped")
    settings.cache_clear()
    store.shipped.cache_clear()
    CACHE.clear()
    yield tmp_path / "home"
    CACHE.clear()
    store.shipped.cache_clear()
    settings.cache_clear()


@pytest.fixture
def adapters(llama, by_peft):
    """Three adapters of different content."""
    return [files.read_adapter(by_peft(llama, "lora", seed)[1], Fork(llama)) for seed in (1, 2, 3)]


@pytest.fixture
def hub_policy(monkeypatch):
    def choose(policy):
        monkeypatch.setenv("PLAYGROUND_HUB", policy)
        settings.cache_clear()

    return choose


def age(home, source, days):
    """Nobody used an adapter for so long."""
    then = time.time() - days * DAY
    os.utime(home / "adapters" / source, (then, then))


def kept(home):
    return {path.name for path in home.glob("adapters/*")}


def same(one, two):
    return (
        one.kind == two.kind
        and dict(one.config) == dict(two.config)
        and one.tensors.keys() == two.tensors.keys()
        and all(torch.equal(one.tensors[name], two.tensors[name]) for name in one.tensors)
    )


@pytest.mark.parametrize("method", METHODS)
def test_what_is_kept_comes_back_by_its_id(llama, by_peft, method):
    adapter = files.read_adapter(by_peft(llama, method)[1], Fork(llama))
    source = store.keep_adapter(adapter, ABOUT)
    assert store.is_own_adapter(source)
    CACHE.clear()
    again = store.load_adapter(source, Fork(llama))
    assert again is not adapter
    assert same(again, adapter)
    assert again.id == adapter.id


def test_the_same_content_is_stored_once(home, llama, adapters):
    source = store.keep_adapter(adapters[0], ABOUT)
    path = home / "adapters" / source / files.WEIGHTS
    before = path.stat()
    twin = files.read_adapter(files.write_adapter(adapters[0], "tiny-llama"), Fork(llama))
    assert store.keep_adapter(twin, ABOUT) == source
    assert kept(home) == {source}
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert store.about(source) == ABOUT
    assert store.keep_adapter(adapters[1], ABOUT) != source
    assert len(kept(home)) == 2


def test_of_one_making_only_a_few_are_kept_and_the_others_stay(home, adapters):
    first, second, third = adapters
    own = store.keep_adapter(first, ABOUT)
    age(home, own, 3)
    made = About("A table's", "lab", "tiny-llama")
    old = store.keep_adapter(second, made, 1)
    assert kept(home) == {own, old}
    new = store.keep_adapter(third, made, 1)
    assert kept(home) == {own, new}


def test_an_adapter_that_was_only_half_written_is_not_there_and_can_be_kept_again(home, llama, adapters):
    source = store.keep_adapter(adapters[0], ABOUT)
    (home / "adapters" / source / store.ABOUT).unlink()
    (home / "adapters" / source / files.WEIGHTS).write_bytes(b"half")
    with pytest.raises(AdapterError, match="not on this host"):
        store.load_adapter(source, Fork(llama))
    assert store.keep_adapter(adapters[0], ABOUT) == source
    assert same(store.load_adapter(source, Fork(llama)), adapters[0])


def test_about_says_what_was_kept_and_none_where_there_is_nothing(home, adapters):
    source = store.keep_adapter(adapters[0], ABOUT)
    assert store.about(source) == ABOUT
    assert store.about("0" * 32) is None
    assert store.about("no-such-adapter") is None
    assert store.about("owner/name") == About("owner/name", "hub", "")
    for damaged in (b"", b"[1]", b"{}", b'{"title": "x"', b'{"what": 1}', b"\xff"):
        (home / "adapters" / source / store.ABOUT).write_bytes(damaged)
        assert store.about(source) is None


@pytest.mark.parametrize("method", METHODS)
def test_what_a_visitor_takes_away_loads_in_plain_peft(llama, by_peft, tmp_path, method):
    theirs, given = by_peft(llama, method)
    taken = store.folder_of(store.keep_adapter(files.read_adapter(given, Fork(llama)), ABOUT))
    assert set(taken) == {files.WEIGHTS, files.CONFIG}
    folder = tmp_path / "taken"
    folder.mkdir()
    for name, content in taken.items():
        (folder / name).write_bytes(content)
    again = PeftModel.from_pretrained(copy.deepcopy(llama.model), folder).eval()
    ids = torch.tensor([IDS])
    with torch.inference_mode():
        assert torch.equal(again(input_ids=ids).logits, theirs(input_ids=ids).logits)


def test_an_adapter_for_another_model_is_refused_where_it_is_used(tiny, adapters):
    source = store.keep_adapter(adapters[0], ABOUT)
    with pytest.raises(AdapterError, match=r"made for another model.*tiny-gpt2-layout"):
        store.load_adapter(source, Fork(tiny["tiny-gpt2-layout"]))


# Not there


def test_an_unknown_or_deleted_id_is_refused_with_what_to_do(home, llama, adapters):
    deleted, other = (store.keep_adapter(adapter, ABOUT) for adapter in adapters[:2])
    for path in (home / "adapters" / deleted).iterdir():
        path.unlink()
    (home / "adapters" / deleted).rmdir()
    for source in (deleted, "0" * 32, "no-such-adapter"):
        with pytest.raises(AdapterError) as caught:
            store.load_adapter(source, Fork(llama))
        said = str(caught.value)
        assert f"The adapter {source} is not on this host" in said
        assert "nobody used it for 7 days" in said
        assert "Upload or train it again, or choose one of your own" in said
        with pytest.raises(AdapterError, match=r"not on this host any more\. Train or upload it"):
            store.folder_of(source)
    assert same(store.load_adapter(other, Fork(llama)), adapters[1])


ODD = [
    "",
    ".",
    "..",
    "../secret",
    "../../secret",
    "a/../../secret",
    "/etc/passwd",
    "\0",
    "\0" * 32,
    "a\0" * 16,
    "0" * 31 + "\0",
    "0" * 32 + "\0",
    "0" * 32 + "\n",
    "0" * 32 + "/..",
    "A" * 32,
    "g" * 32,
    "٠" * 32,
    "0" * 31,
    "0" * 33,
    "0" * 4000,
    "..\\secret",
    "~",
    "*",
    "C:",
    "a//b",
    "\ud800",
    "owner/\0",
]


@pytest.mark.parametrize("policy", ["off", "presets", "any"])
def test_an_id_with_odd_characters_never_reaches_the_disk(home, llama, adapters, monkeypatch, hub_policy, policy):
    source = store.keep_adapter(adapters[0], ABOUT)
    for folder in (home / "secret", home.parent / "secret"):  # what ".." would lead to
        shutil.copytree(home / "adapters" / source, folder)
    hub_policy(policy)
    store.shipped()
    fork, looked = Fork(llama), []
    monkeypatch.setattr("playground.hub.snapshot_download", lambda *given, **_: looked.append(given))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("stat", "is_file", "is_dir", "open", "read_bytes", "read_text"):
            patch.setattr(Path, name, watched(getattr(Path, name), looked))
        store.load_adapter(source, fork)
        assert looked  # an id of the right form is looked for
        looked.clear()
        for odd in ODD:
            with pytest.raises((AdapterError, ModelError)):
                store.load_adapter(odd, fork)
            with pytest.raises(AdapterError):
                store.folder_of(odd)
            assert store.about(odd) == (About(odd, "hub", "") if "/" in odd else None)
    assert looked == []


def watched(real, looked):
    def call(path, *given, **more):
        looked.append(path)
        return real(path, *given, **more)

    return call


@pytest.mark.parametrize("policy", ["off", "presets"])
def test_an_adapter_of_the_hub_is_refused_where_the_host_takes_none(llama, hub_policy, policy):
    hub_policy(policy)
    with pytest.raises(ModelError) as caught:
        store.load_adapter("owner/name", Fork(llama))
    said = str(caught.value)
    assert f"takes no adapters from the model hub (PLAYGROUND_HUB is {policy})" in said
    assert "Choose a shipped one, or upload yours" in said


def test_an_adapter_of_the_hub_is_checked_like_an_upload(home, llama, by_peft, hub_policy, monkeypatch, tmp_path):
    _, given = by_peft(llama, "lora")
    asked = []

    def download(hub_id, allow_patterns, **_):
        asked.append((hub_id, set(allow_patterns)))
        return str(tmp_path / "hub")

    monkeypatch.setattr("playground.hub.snapshot_download", download)
    hub_policy("any")
    (tmp_path / "hub").mkdir()
    with pytest.raises(AdapterError, match="is missing"):
        store.load_adapter("owner/name", Fork(llama))
    for name, content in given.items():
        (tmp_path / "hub" / name).write_bytes(content)
    assert same(store.load_adapter("owner/name", Fork(llama)), files.read_adapter(given, Fork(llama)))
    assert asked == [("owner/name", {files.WEIGHTS, files.CONFIG})] * 2
    (tmp_path / "hub" / files.WEIGHTS).write_bytes(b"\x80\x04pickle")
    with pytest.raises(AdapterError, match="really a pickle"):
        store.load_adapter("owner/other", Fork(llama))
    assert kept(home) == set()


# Damaged on the disk


BROKEN = "damaged or cut off"
DAMAGE = {
    "weights cut off": (files.WEIGHTS, lambda content: content[:-1], BROKEN),
    "weights cut in the header": (files.WEIGHTS, lambda content: content[:100], BROKEN),
    "weights empty": (files.WEIGHTS, lambda content: b"", BROKEN),
    "weights of zeros": (files.WEIGHTS, lambda content: bytes(len(content)), BROKEN),
    "weights gone": (files.WEIGHTS, None, BROKEN),
    "configuration cut off": (files.CONFIG, lambda content: content[:200], "not usable JSON"),
    "configuration empty": (files.CONFIG, lambda content: b"", "not usable JSON"),
    "another's configuration": (files.CONFIG, lambda content: b'{"peft_type": "IA3"}', "not understood here"),
    "configuration gone": (files.CONFIG, None, BROKEN),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_stored_file_that_was_damaged_is_refused(home, llama, adapters, case):
    source = store.keep_adapter(adapters[0], ABOUT)
    name, damage, said = DAMAGE[case]
    path = home / "adapters" / source / name
    content = path.read_bytes()
    path.unlink()
    if damage is not None:
        path.write_bytes(damage(content))
    with pytest.raises(AdapterError, match=said):
        store.load_adapter(source, Fork(llama))


# Room and time


NO_ROOM = "this host keeps 0 MB for all"


def test_a_full_store_keeps_what_is_there_when_it_comes_again(home, adapters, monkeypatch):
    monkeypatch.setattr(store, "MAX_STORED", 2)
    first, second = (store.keep_adapter(adapter, ABOUT) for adapter in adapters[:2])
    assert store.keep_adapter(adapters[0], ABOUT) == first  # what is there needs no room
    assert kept(home) == {first, second}
    third = store.keep_adapter(adapters[2], ABOUT)
    assert kept(home) == {first, third}


def test_the_same_bytes_with_another_title_are_another_adapter(llama, adapters):
    mine = store.keep_adapter(adapters[0], ABOUT)
    theirs = store.keep_adapter(adapters[0], About("A stranger's words", "uploaded", "tiny-llama", "lora"))
    assert store.about(mine) == ABOUT
    assert store.about(theirs).title == "A stranger's words"
    assert same(store.load_adapter(mine, Fork(llama)), store.load_adapter(theirs, Fork(llama)))


def test_an_adapter_kept_by_an_earlier_version_is_read_by_its_id(home, llama, adapters):
    source = store.keep_adapter(adapters[0], ABOUT)
    (home / "adapters" / source).rename(home / "adapters" / adapters[0].id)
    assert same(store.load_adapter(adapters[0].id, Fork(llama)), adapters[0])
    assert store.about(adapters[0].id) == ABOUT


def test_what_several_keep_goes_when_the_last_of_them_has_lost_it(home, adapters, monkeypatch):
    monkeypatch.setattr(store, "MAX_STORED", 2)
    shared = store.keep_adapter(adapters[0], ABOUT, owner="a" * 16)
    assert store.keep_adapter(adapters[0], ABOUT, owner="b" * 16) == shared
    second = store.keep_adapter(adapters[1], ABOUT, owner="a" * 16)
    age(home, shared, 2)
    third = store.keep_adapter(adapters[2], ABOUT, owner="c" * 16)
    assert kept(home) == {shared, third}, "the first owner lost both, the second owner none"
    assert store.about(second) is None


def test_what_was_used_least_recently_makes_room(home, adapters, monkeypatch):
    monkeypatch.setattr(store, "MAX_STORED", 2)
    first, second = (store.keep_adapter(adapter, ABOUT) for adapter in adapters[:2])
    age(home, first, 2)
    age(home, second, 3)
    third = store.keep_adapter(adapters[2], ABOUT)
    assert kept(home) == {first, third}


def test_the_store_is_bounded_in_bytes_too(home, llama, adapters, monkeypatch):
    monkeypatch.setattr(store, "MAX_STORED_BYTES", adapters[0].nbytes() - 1)
    with pytest.raises(AdapterError, match=NO_ROOM):
        store.keep_adapter(adapters[0], ABOUT)
    assert kept(home) == set()
    monkeypatch.setattr(store, "MAX_STORED_BYTES", adapters[0].nbytes())
    first = store.keep_adapter(adapters[0], ABOUT)
    second = store.keep_adapter(adapters[1], ABOUT)
    assert kept(home) == {second}
    first = store.keep_adapter(adapters[0], ABOUT)
    held = sum(path.stat().st_size for path in home.glob("adapters/*/*"))
    monkeypatch.setattr(store, "MAX_STORED_BYTES", held + adapters[1].nbytes())
    second = store.keep_adapter(adapters[1], ABOUT)
    assert kept(home) == {first, second}
    assert same(store.load_adapter(second, Fork(llama)), adapters[1])


def test_what_nobody_used_for_a_week_is_deleted(home, llama, adapters):
    first, second = (store.keep_adapter(adapter, ABOUT) for adapter in adapters[:2])
    age(home, first, 7.01)
    age(home, second, 6.99)
    store.keep_adapter(adapters[2], ABOUT)
    assert first not in kept(home)
    assert second in kept(home)
    with pytest.raises(AdapterError, match="nobody used it for 7 days"):
        store.load_adapter(first, Fork(llama))
    assert store.about(first) is None


@pytest.mark.parametrize("cached", [False, True])
def test_using_an_adapter_keeps_it_for_another_week(home, llama, adapters, cached):
    first = store.keep_adapter(adapters[0], ABOUT)
    store.load_adapter(first, Fork(llama))
    age(home, first, 6.99)
    if not cached:
        CACHE.clear()
    store.load_adapter(first, Fork(llama))
    assert time.time() - (home / "adapters" / first).stat().st_mtime < 60


# The shipped ones


def test_a_shipped_adapter_goes_by_its_name_and_is_offered_where_one_is_missing(home, llama, adapters, tmp_path):
    folder = tmp_path / "shipped" / "plain-words"
    folder.mkdir(parents=True)
    written = files.write_adapter(adapters[0], "tiny-llama")
    for name, content in written.items():
        (folder / name).write_bytes(content)
    about = {"title": "Plain words", "made": "shipped", "model": "tiny-llama", "method": "lora"}
    (folder / store.ABOUT).write_text(json.dumps(about))
    (tmp_path / "shipped" / "unfinished").mkdir()
    store.shipped.cache_clear()
    assert store.shipped() == {"plain-words": About(**about)}
    assert store.about("plain-words") == About(**about)
    assert same(store.load_adapter("plain-words", Fork(llama)), adapters[0])
    assert store.folder_of("plain-words") == written
    with pytest.raises(AdapterError, match="or choose one of plain-words"):
        store.load_adapter("0" * 32, Fork(llama))
    with pytest.raises(AdapterError, match="not on this host"):
        store.load_adapter("unfinished", Fork(llama))
    assert kept(home) == set()
