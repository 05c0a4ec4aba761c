"""Answers at fixed places of a slider: what is computed ahead, what is kept of it, how it is shown."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from gradio.context import LocalContext

from playground.engine.decoding.answering import answer_texts, chat_prompt
from playground.engine.fork import Fork
from playground.engine.work import Stopped, Work
from playground.ui.parts import stations
from playground.ui.text import TABLES

MODEL = "tiny-llama"
NAMES = {"0": "0 %", "0.5": "50 %", "1": "100 %"}


def spelled(place, work):
    return f"at {place:g}"


def waits(monkeypatch, *answers):
    """Whether somebody waits, asked again and again."""
    told = iter(answers)
    monkeypatch.setattr(stations, "somebody_waits", lambda: next(told))


def test_places_follow_one_after_the_other_and_what_is_known_is_left_out(monkeypatch):
    waits(monkeypatch, False, False)
    found = list(stations.ahead({"0.5": "known"}, (0.0, 0.5, 1.0), spelled, Work()))
    assert found == [{"0.5": "known", "0": "at 0"}, {"0.5": "known", "0": "at 0", "1": "at 1"}]
    assert list(stations.ahead({}, (), spelled, Work())) == []


def test_while_somebody_waits_nothing_is_computed_ahead(monkeypatch):
    waits(monkeypatch, False, True)
    assert list(stations.ahead({}, (0.0, 0.5, 1.0), spelled, Work())) == [{"0": "at 0"}]


def test_the_line_for_models_is_what_one_waits_in():
    lanes = {"model": [], "look": ["somebody"]}
    token = LocalContext.blocks.set(SimpleNamespace(line=SimpleNamespace(waiting=lanes.__getitem__)))
    try:
        assert not stations.somebody_waits()
        lanes["model"].append("somebody")
        assert stations.somebody_waits()
    finally:
        LocalContext.blocks.reset(token)
    assert not stations.somebody_waits()


def test_a_stop_between_two_places_ends_them():
    stopped = []
    places = stations.ahead({}, (0.0, 1.0), spelled, Work(stopped=lambda: bool(stopped)))
    assert next(places) == {"0": "at 0"}
    stopped.append(True)
    with pytest.raises(Stopped):
        next(places)


def test_what_is_written_is_what_the_model_answers_and_a_stopped_answer_is_none(known):
    fork = Fork(known[MODEL])
    *growing, last = stations.written(fork, "The cat", 10, Work())
    assert [last] == answer_texts(fork, [chat_prompt(fork, "The cat")], 10)
    assert growing
    assert all(last.startswith(text.rstrip("�")) for text in growing)
    with pytest.raises(Stopped):
        list(stations.written(fork, "The cat", 10, Work(stopped=lambda: True)))


def test_what_is_known_comes_back_for_the_same_and_for_nothing_else():
    kept = stations.known_json("this", {"0.5": "a"}, {"0.5": "<p>a</p>"})
    assert stations.known_texts(kept, "this") == {"0.5": "a"}
    assert stations.known_texts(kept, "that") == {}
    assert json.loads(kept)["shown"] == {"0.5": "<p>a</p>"}
    for broken in ("", "{", "[]", "5", "null", '{"of": "this"}', '{"of": "this", "texts": 5}', "[" * 100_000):
        assert stations.known_texts(broken, "this") == {}


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_row_ticks_what_is_as_at_the_first_place(language):
    row = stations.stations({"0": "Paris", "0.5": "Paris", "1": "<b>"}, NAMES, language)
    first, half, whole = row.split("<li")[1:]
    same = TABLES[language]["station_same"].format(place="0 %")
    assert same in half
    assert same not in first + whole.partition("</ol>")[0]
    assert "&lt;b&gt;" in whole
    waiting = stations.stations({"1": ""}, NAMES, language)
    assert waiting.count("pg-waits") == 2
    assert same not in waiting.partition("</ol>")[0]  # nothing to be the same as
    assert TABLES[language]["said_nothing"] in waiting


def test_a_large_answer_names_its_place_and_is_read_out():
    shown = stations.large("<i>", "en", "at 40 %")
    assert "at 40 %" in shown
    assert "&lt;i&gt;" in shown
    assert 'aria-live="polite"' in shown
    assert "<small" not in stations.large("x", "en")
