"""A visitor's own adapters: as many as their share of the host's disk takes, the oldest go."""

from __future__ import annotations

import json
import warnings

import pytest

from playground import disk
from playground.engine.adapters import store
from playground.settings import settings
from playground.ui.adapters import own as own_adapters
from playground.ui.parts.adapter_menu import own_ids
from playground.ui.text import TABLES

both = pytest.mark.parametrize("language", ["en", "ko"])
MB, GB = 1_000_000, 1_000_000_000


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home of the test's own."""
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()


@pytest.fixture
def stored(home):
    """Stores an adapter that takes so many bytes; nobody reads more of it than its card."""

    def store_one(number, size=1000, title=None):
        source = f"{number:032x}"
        folder = home / "adapters" / source
        folder.mkdir(parents=True)
        card = {"title": title or f"Adapter {number}", "made": "trained", "model": "tiny-llama"}
        (folder / "about.json").write_text(json.dumps(card))
        with (folder / "adapter_model.safetensors").open("wb") as file:
            file.truncate(size - (folder / "about.json").stat().st_size)  # no room is taken
        return source

    return store_one


def told(*given):
    """The list, and what the visitor is warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        kept = own_adapters.with_own_told(*given)
    return kept, [str(one.message) for one in caught]


def test_the_first_adapter_is_ones_own(stored):
    one = stored(1)
    for nothing in (None, [], "x", 5, {}, ["../etc", None, "f" * 32]):
        assert own_adapters.with_own(nothing, one) == [one]


def test_a_new_adapter_is_the_last_and_one_known_already_becomes_it(stored):
    one, two, three = (stored(n) for n in (1, 2, 3))
    assert own_adapters.with_own([one, two], three) == [one, two, three]
    assert own_adapters.with_own([one, two, three], one) == [two, three, one]
    assert own_adapters.with_own([one, one, two], one) == [two, one]


def test_what_is_gone_from_the_host_is_gone_from_the_list(stored, home):
    one, two = stored(1), stored(2)
    disk.remove(home / "adapters" / one)
    assert own_adapters.with_own([one], two) == [two]


def test_the_forty_first_pushes_the_oldest_off_the_list(stored):
    many = [stored(n) for n in range(41)]
    assert own_adapters.with_own(many[:39], many[39]) == many[:40]
    assert own_adapters.with_own(many[:40], many[40]) == many[1:]
    assert own_adapters.with_own(many[:40], many[3]) == [*many[:3], *many[4:40], many[3]]


def test_a_list_that_is_longer_than_allowed_keeps_its_end(stored):
    many = [stored(n) for n in range(50)]
    assert own_ids(many) == many[10:]
    assert own_adapters.with_own(many[:49], many[49]) == many[10:]


@pytest.mark.parametrize(
    ("sizes", "kept"),
    [
        ((500 * MB, 500 * MB), 2),  # all of the share, and not more
        ((500 * MB, 500 * MB + 1), 1),
        ((400 * MB, 400 * MB, 400 * MB), 2),
        ((300 * MB, 300 * MB, 900 * MB), 1),
        ((1000, 2 * GB), 1),  # the newest stays, whatever it takes
        ((2 * GB,), 1),
        ((900 * MB, 1000, 1000, 200 * MB), 3),
    ],
)
def test_where_the_share_is_full_the_oldest_go(stored, sizes, kept):
    ids = [stored(n, size) for n, size in enumerate(sizes)]
    assert own_adapters.with_own(ids[:-1], ids[-1]) == ids[-kept:]
    assert all(store.about(one) for one in ids)  # others may use them: only the list is shorter


@both
def test_the_visitor_is_told_which_went(stored, language):
    one, two, three = stored(1, 600 * MB, "First"), stored(2, 1000, "Second"), stored(3, 900 * MB)
    kept, [line] = told([one, two], three, language)
    assert kept == [two, three]
    words = TABLES[language]["adapter_share"]
    assert line == words.format(count=40, limit=1000, names="First")
    many = [stored(n) for n in range(10, 17)]
    kept, [line] = told(many, stored(20, GB), language)
    assert len(kept) == 1
    assert line.count("Adapter 1") == 5  # of seven: a message names the first five
    assert "Adapter 14" in line
    assert "Adapter 15" not in line


def test_nobody_is_told_anything_while_there_is_room(stored):
    one, two = stored(1), stored(2)
    assert told([one], two, "en") == ([one, two], [])
    assert told([one, "f" * 32, "x"], two, "en") == ([one, two], [])  # gone before


def test_names_are_shown_as_they_are_written(stored):
    one, two = stored(1, 600 * MB, "<b>bold</b> & <i>"), stored(2, 600 * MB)
    _, [line] = told([one], two, "en")
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; &lt;i&gt;" in line


# What an adapter takes


@pytest.mark.parametrize("size", [200, 1000, 600 * MB])
def test_an_adapter_takes_what_its_files_do(stored, size):
    assert store.stored_bytes(stored(1, size)) == size


@pytest.mark.parametrize("source", ["pirate", "a/b", "", "../etc", "0" * 32])
def test_what_is_not_on_the_visitors_list_takes_nothing_of_their_share(home, source):
    for folder in ("etc", "adapters"):
        (home / folder).mkdir(parents=True)
        (home / folder / "x").write_bytes(b"123")
    assert store.stored_bytes(source) == 0
