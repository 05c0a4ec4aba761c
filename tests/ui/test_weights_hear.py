"""Listening on the Weights tab: what is heard is what the edit does, and nothing of it is kept."""

from __future__ import annotations

import json

import gradio as gr
import pytest
from pressing import begin, press, visitor

from playground.engine.build import build
from playground.engine.decoding.answering import answer_texts, chat_prompt
from playground.engine.measuring.sweep import SPARSITIES
from playground.engine.models.loader import CACHE
from playground.engine.pruning.edit import Prune
from playground.engine.recipe import parse
from playground.ui.shell.turns import TURNS
from playground.ui.text import EN, TABLES
from playground.ui.weights import hear

pytestmark = pytest.mark.usefixtures("page_runs")
MODEL = "tiny-llama"
USUAL = "What is the capital of France?"
NUDGE = {"kind": "nudge_tokens", "text": " the", "direction": "random", "strength": 2.0}


def saved(*edits):
    return {"stack": {"model": MODEL, "steps": [{"edit": edit, "on": True} for edit in edits]}}


@pytest.fixture
def kept(monkeypatch):
    """The recipes whose forks are kept from now on."""
    put, recipes = CACHE.put, []

    def noted(key, value):
        if key[0] == "fork":
            recipes.append(key[1])
        put(key, value)

    monkeypatch.setattr(CACHE, "put", noted)
    return recipes


def said(*edits, question=USUAL):
    """What a recipe answers, built as any other."""
    fork = build(parse({"model": MODEL, "edits": list(edits)})).fork
    [text] = answer_texts(fork, [chat_prompt(fork, question)], hear.TOKENS)
    return text


def texts_of(row):
    return json.loads(row[3])["texts"]


def test_letting_go_is_answered_at_that_place_first_and_then_at_the_fixed_ones(known, kept):
    rows = list(press("hear", saved=saved(NUDGE), sparsity=0.45))
    assert kept == [parse({"model": MODEL, "edits": edits}).id for edits in ([], [NUDGE])]  # and no variant
    own = next(number for number, row in enumerate(rows) if row[3] != gr.skip())
    assert all("at 45 %" in row[0] for row in rows[: own + 1])
    assert list(texts_of(rows[own])) == ["0.45"]
    assert len(rows) == own + 1 + len(SPARSITIES)
    texts = texts_of(rows[-1])
    for place in (0.0, 0.4, 0.45, 0.9):
        assert texts[f"{place:g}"] == said(NUDGE, Prune(sparsity=place).model_dump())
    assert texts["0"] == said(NUDGE)
    assert len(set(texts.values())) > 2
    assert "at 40 %" in json.loads(rows[-1][3])["shown"]["0.4"]
    assert rows[-1][2].count("<li") == len(SPARSITIES)
    assert "pg-waits" in rows[own][2]
    assert "pg-waits" not in rows[-1][2]


def test_what_is_known_is_not_answered_again_unless_the_edit_or_the_question_is_another(known, monkeypatch):
    *_, last = press("hear", saved=saved(), sparsity=0.5)
    tried = []
    monkeypatch.setattr(hear, "extended", lambda built, edit, work: tried.append(edit.sparsity) or built)
    [row] = press("hear", saved=saved(), sparsity=0.4, known=last[3])
    assert "at 40 %" in row[0]
    assert tried == []
    for other in ({"method": "random"}, {"targets": ["mlp"]}, {"saved": saved(NUDGE)}):
        *_, row = press("hear", **{"saved": saved(), "sparsity": 0.4, "known": last[3]} | other)
        assert len(tried) == len(SPARSITIES)
        tried.clear()


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"method": "wanda"}, "hear_reads_first"),
        ({"method": "taylor"}, "hear_reads_first"),
        ({"pattern": "2:4"}, "hear_half"),
    ],
)
@pytest.mark.parametrize("language", ["en", "ko"])
def test_what_cannot_be_heard_at_once_says_so_and_builds_nothing(known, monkeypatch, changed, key, language):
    monkeypatch.setattr(Prune, "apply", lambda *given: pytest.fail("pruned"))
    [row] = press("hear", saved=saved(), language=language, **changed)
    assert TABLES[language][key] in row[0]
    shown = hear.nothing_heard(**{"method": "magnitude", "pattern": "unstructured"} | changed, language=language,
                               request=visitor())  # fmt: skip
    assert TABLES[language][key] in shown[0]


def test_a_scheme_is_heard_under_its_menu_and_gptq_after_apply(known, kept):
    quantize = {"kind": "quantize", "scheme": "int2", "symmetric": True, "method": "rtn", "mode": "simulated"}
    *_, last = press("hear", saved=saved(), kind="quantize", scheme="int2")
    assert EN["hear_with"].format(scheme="int2") in last[1]
    assert kept == [parse({"model": MODEL}).id]
    assert said(quantize | {"group_size": 64}).split()[0] in last[1]
    assert (last[0], last[2], last[3]) == (gr.skip(),) * 3
    [row] = press("hear", saved=saved(), kind="quantize", scheme="int2", rounding="gptq")
    assert EN["hear_reads_first"] in row[1]


def test_another_edit_or_question_ends_what_is_computed_ahead(known):
    turn = begin("hear")
    rows = press("hear", turn=turn, saved=saved(), sparsity=0.5)
    next(rows)
    shown = hear.nothing_heard("magnitude", "unstructured", "en", visitor())
    assert EN["hear_hint"] in shown[0]
    assert shown[2:] == ("", "", "")
    *_, last = rows
    assert EN["stations_stopped"] in last[-1]
    assert last[:-1] == (gr.skip(),) * 4
    assert TURNS.stopped("somebody", turn)()
