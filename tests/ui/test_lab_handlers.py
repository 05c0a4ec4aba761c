"""What the fact lab's handlers do with plain values: no browser, no page."""

from __future__ import annotations

import json
from dataclasses import replace

import gradio as gr
import pytest
from pressing import press, visitor

from playground.engine.build import build
from playground.engine.facts import keys, layers, tracing
from playground.engine.recipe import parse
from playground.lab import table as lab_table
from playground.lab import ways as lab_ways
from playground.lab.collateral import Kept
from playground.lab.evaluation import Response
from playground.lab.lesson import lesson_from_json
from playground.lab.sheet import MAX_CHARACTERS, LabSheet, example_lab_sheet, sheet_from_json, sheet_to_json
from playground.lab.table import WayRow
from playground.lab.ways.prompt import others_of
from playground.retrieval.corpus import load_corpus
from playground.settings import settings
from playground.ui.lab import fact as lab_fact_panel
from playground.ui.lab import plot as lab_plot
from playground.ui.lab import table as lab_table_panel
from playground.ui.lab import view as lab_html
from playground.ui.parts.comparison import CONTEXT
from playground.ui.parts.corpus_menu import OWN
from playground.ui.shell.turns import stops

pytestmark = pytest.mark.usefixtures("page_runs")
MODEL = "tiny-llama"
stop_run = stops()  # whatever goes on
FACT = {"prompt": "and the cat", "subject": "the cat", "target": " of", "old": " sat"}
LESSON = lesson_from_json(
    FACT,
    {"paraphrases": ["here the cat"], "neighbours": [["and the dog", "sat"]], "consequences": [["of the cat", "is"]]},
)
FIELDS = ("and the cat", "the cat", "of", "sat", "here the cat", "and the dog | sat", "of the cat | is")
EDIT = {
    "kind": "edit_fact",
    "method": "rome",
    "layers": [0],
    "steps": 4,
    "clamp": 5.0,
    "facts": [{"subject": "the cat", "prompt": "and the cat", "target": " of"}],
}
both = pytest.mark.parametrize("language", ["en", "ko"])


@pytest.fixture(autouse=True)
def home(known, tmp_path, monkeypatch):
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path))
    monkeypatch.setattr(keys, "MOMENT_TOKENS", 700)
    monkeypatch.setitem(layers.CHOICES, MODEL, {"rome": (0,), "ft": (0,), "memit": (0,), "alphaedit": (0,)})
    settings.cache_clear()
    lab_table._before.clear()
    yield
    lab_table._before.clear()
    settings.cache_clear()


def saved(*edits):
    steps = [{"edit": edit, "on": True} for edit in edits]
    return json.loads(json.dumps({"stack": {"model": MODEL, "steps": steps}}))


def edits_of(state):
    return [step["edit"] for step in json.loads(json.dumps(state))["stack"]["steps"]]


def stands(fields):
    """The fact and its questions as they stand in their fields."""
    return dict(zip((*lab_fact_panel.FACT, *lab_fact_panel.QUESTIONS), fields, strict=False))


def asked(*right):
    return tuple(
        Response(
            question=question,
            probability=0.5 if good else 0.1,
            other=0.2 if question.other else None,
            right=good,
            text="text",
        )
        for question, good in zip(LESSON.questions, right, strict=True)
    )


def full(*edits):
    """A recipe as it is written in full."""
    return parse({"model": MODEL, "edits": list(edits)}).model_dump(mode="json")


def sheet(**changed):
    rows = (
        WayRow(way="base", error=None, answer="sat", asked=asked(False, False, True, False), kept=Kept(4, 4)),
        WayRow(
            way="rome",
            error=None,
            answer="of <b>it</b>",
            asked=asked(True, True, False, False),
            kept=Kept(3, 4),
            perplexity_ratio=1.02,
            apply_seconds=2.0,
            answer_seconds=0.5,
            undo_seconds=0.0,
            bytes=8448,
            recipe=full(EDIT),
        ),
        WayRow(
            way="bm25",
            error=None,
            answer="of",
            asked=asked(True, False, True, True),
            kept=Kept(4, 4),
            perplexity_ratio=1.0,
            apply_seconds=0.1,
            answer_seconds=0.6,
        ),
        WayRow(way="lora", error=lab_table.Message("{text}", {"text": "It cannot."})),
    )
    return sheet_to_json(replace(LabSheet(LESSON, rows, 0, "lantern-handbook"), **changed))


# The fact and its questions


@both
def test_a_look_shows_what_is_said_now_and_how_the_words_are_read(language):
    shown, told = press("look", saved=saved(), language=language, **stands(FIELDS[:4]))
    assert told == ""
    assert shown.count("<svg") == 1
    assert "<code>" in shown
    assert "“sat”" in shown


def test_a_ready_fact_fills_the_whole_form():
    for one in lab_fact_panel.ready():
        filled = lab_fact_panel.take_ready("en", one.key)
        lesson = lesson_from_json(*lab_fact_panel.lesson_json(stands(filled[:7])))
        given = one.lesson()
        assert lesson == given
        assert load_corpus(filled[7]).passages


def test_proposals_can_be_read_back():
    fact = stands(("The capital of France is", "France", "Rome", ""))
    told, *texts = press("propose", saved=saved(), **fact)
    assert "capital" in told
    assert texts[0].count("\n") >= 1
    lesson_from_json(*lab_fact_panel.lesson_json(stands((*FIELDS[:4], *texts))))


def test_a_question_without_its_answer_is_named():
    with pytest.raises(gr.Error, match="and the dog"):
        run(ways=["in_context"], fields=(*FIELDS[:5], "and the dog", ""))


# Teaching


def run(ways, fields=FIELDS, layer=-1):
    *_, last = press("teach", saved=saved(), ways=ways, layer=layer, **stands(fields))
    return last


def test_the_table_grows_a_row_at_a_time_and_says_when_it_is_done():
    grown = list(press("teach", saved=saved(), ways=["in_context", "bm25"], **stands(FIELDS)))
    assert [len(one.get("rows", ())) for one, *_ in grown] == [0, 2, 3, 3]  # not the base alone
    assert [row["way"] for row in grown[-1][0]["rows"]] == ["base", "in_context", "bm25"]
    assert "tried: 2" in grown[-1][1]
    assert grown[-1][2:] == FIELDS[4:]
    assert sheet_from_json(json.loads(json.dumps(grown[-1][0]))).lesson == LESSON


def test_a_layer_by_hand_is_the_one_that_changes():
    found, *_ = run(["ft"], layer=1)
    [edit] = found["rows"][1]["recipe"]["edits"]
    assert edit["layers"] == [1]
    found, *_ = run(["ft"])
    assert found["rows"][1]["recipe"]["edits"][0]["layers"] == []


def test_a_way_that_cannot_be_used_stands_in_the_table_and_the_others_go_on():
    found, told, *_ = run(["ft", "in_context"], layer=77)
    by_way = {row["way"]: row for row in found["rows"]}
    assert by_way["in_context"]["error"] is None
    assert "failed: 1" in told
    table, _, _ = lab_table_panel.show_sheet(found, "en", ["efficacy"], [])
    assert "Layer 77 is not in this model" in table


@pytest.mark.parametrize("done", [1, 2])
def test_a_stopped_run_keeps_what_was_done_or_the_table_from_before(done):
    running = press("teach", saved=saved(), ways=["in_context", "bm25"], who="stops", **stands(FIELDS))
    seen = [next(running)[0] for _ in range(done)]
    stop_run(visitor("stops"))
    *_, (found, told, *_) = running
    assert "rows" not in found
    assert ("rows" in seen[-1]) == (done == 2)
    assert ("before any way" in told) == (done == 1)


def test_no_way_is_refused():
    with pytest.raises(gr.Error, match="No way is ticked"):
        run([])


def test_questions_that_were_proposed_are_shown():
    fields = ("The capital of France is", "France", "Rome", "", "", "", "")
    _, _, *texts = run(["in_context"], fields)
    assert "France" in texts[0]


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (1, "a dog", "is not in the prompt"),
        (2, "", "has no target"),
        (2, "of " * 90, "at most 199 characters"),
        (2, "o" * 200, "at most 199 characters"),
        (0, "and the cat " * 200, "characters"),
    ],
)
def test_a_fact_that_cannot_be_used_is_refused_in_words(place, value, words):
    fields = list(FIELDS)
    fields[place] = value
    with pytest.raises(gr.Error, match=words):
        run(["in_context"], tuple(fields))


def test_a_fact_that_is_said_already_is_refused_by_each_edit():
    now = lab_fact_panel.prior_of(build(parse({"model": MODEL})).fork, LESSON.fact)
    fields = ("and the cat", "the cat", now.top[0].text, "zzz", *FIELDS[4:])
    found, told, *_ = run(["rome"], fields)
    assert "nothing to do" in str(sheet_from_json(found).rows[1].error)
    assert "failed: 1" in told


# The table


@both
def test_the_table_marks_sorts_and_escapes(language):
    table, advice, plot = lab_table_panel.show_sheet(sheet(), language, ["efficacy", "locality"], [])
    assert "<b>it</b>" not in table
    assert "&lt;b&gt;it" in table
    assert table.index('data-way="bm25"') < table.index('data-way="rome"')
    assert "★" in table
    assert plot.count("<rect x=") >= 1
    assert "pg-verdict" in advice
    assert "lora" not in plot.lower()


def test_what_matters_changes_the_order():
    def order(*important):
        table, _, _ = lab_table_panel.show_sheet(sheet(), "en", list(important), [])
        return table.index('data-way="rome"') < table.index('data-way="bm25"')

    assert order("paraphrase")
    assert not order("locality")


@both
def test_a_cell_opens_to_its_questions(language):
    for column in lab_html.COLUMNS:
        shown = lab_table_panel.open_cell(sheet(), language, ("cell", "rome", column))
        assert "<h4>" in shown
    locality = lab_table_panel.open_cell(sheet(), language, ("cell", "rome", "locality"))
    assert "and the dog" in locality
    assert "✗" in locality
    assert lab_table_panel.open_cell(sheet(), language, ("stack", "rome", "")) == ""
    assert lab_table_panel.open_cell(sheet(), language, ("cell", "nope", "locality")) == ""
    assert lab_table_panel.open_cell(sheet(), language, ("cell", "rome", "<i>")) == ""


def test_a_row_goes_on_the_stack_once():
    state, told = lab_table_panel.put_on_stack(saved(), "en", sheet(), ("stack", "rome", ""))
    assert edits_of(state) == full(EDIT)["edits"]
    assert "ROME" in told
    again, _ = lab_table_panel.put_on_stack(state, "en", sheet(), ("stack", "rome", ""))
    assert edits_of(again) == edits_of(state)
    with pytest.raises(gr.Error, match="no edit"):
        lab_table_panel.put_on_stack(saved(), "en", sheet(), ("stack", "bm25", ""))


def test_a_row_of_weights_goes_to_compare_with_its_edit():
    pressed = ("compare", "rome", "")
    state, own, _shelf, _told, tabs, _, _, prompt, _corpus, count, *rest = lab_table_panel.send_to_compare(
        saved(), "", [], "en", sheet(), pressed
    )
    assert edits_of(state) == full(EDIT)["edits"]
    assert (own, prompt, count) == ("", "and the cat", 2)
    assert tabs.selected == "compare"
    columns = rest[CONTEXT:]
    assert tuple(columns[:6]) == ("base", "none", 1, "mine", "none", 1)


@pytest.mark.parametrize(("way", "least"), [("bm25", 200), ("in_context", 1)])
def test_a_row_of_the_prompt_goes_to_compare_with_documents_that_hold_the_fact(way, least):
    rows = [
        *sheet_from_json(sheet()).rows,
        WayRow(way="in_context", error=None, answer="of", asked=asked(True, True, True, True)),
    ]
    state, own, shelf, _told, _tabs, _, _, _prompt, corpus, _count, *rest = lab_table_panel.send_to_compare(
        saved(), "", [], "en", sheet(rows=tuple(rows)), ("compare", way, "")
    )
    assert edits_of(state) == []
    assert corpus == OWN
    assert shelf == [own]
    texts = [passage.text for passage in load_corpus(own).passages]
    assert len(texts) >= least
    assert any("and the cat of." in text for text in texts)
    assert list(rest[CONTEXT + 3 : CONTEXT + 5]) == ["base", "bm25"]


def test_files_hold_what_the_table_holds():
    assert lab_table_panel.save_table(sheet(), "en").count("\n") >= 4
    assert "and the dog" in lab_table_panel.save_questions(sheet(), "en")
    page = lab_table_panel.save_report(sheet(), "en", ["efficacy"], [])
    assert page.startswith("<!DOCTYPE html>") or page.startswith("<!doctype html>")
    assert "<script" not in page
    for save, judged in (("save_table", ()), ("save_questions", ()), ("save_report", ([], []))):
        with pytest.raises(gr.Error, match="This table is an example"):
            getattr(lab_table_panel, save)({}, "en", *judged)


def damaged(**changed):
    """A sheet whose second row has other values."""
    found = sheet()
    found["rows"][1] |= changed
    return found


@pytest.mark.parametrize(
    "given",
    [
        {"lesson": 1},
        "x",
        damaged(bytes="many"),
        damaged(way="magic"),
        damaged(way="base"),
        damaged(kept={"right": 10**300, "of": 1}),
        damaged(kept={"right": -1, "of": 1}),
        damaged(apply_seconds=-1.0),
        damaged(perplexity_ratio=float("nan")),
        damaged(error={"template": "{a:>9000000000}", "values": {"a": "x"}}),
        damaged(error={"template": "{text}", "values": {}}),
        damaged(recipe={"model": MODEL, "edits": {"a": 1}}),
        {**sheet(), "others": "a" * MAX_CHARACTERS},
    ],
)
def test_a_damaged_table_is_refused(given):
    shown, advice, plot = lab_table_panel.show_sheet(given, "en", ["efficacy"], [])
    assert "cannot be read" in shown
    assert (advice, plot) == ("", "")
    with pytest.raises(gr.Error, match="cannot be read"):
        lab_table_panel.save_table(given, "en")


def test_before_any_table_there_is_an_example_that_says_so():
    for given in ({}, None, []):
        table, advice, plot = lab_table_panel.show_sheet(given, "en", ["efficacy"], [])
        assert "An example, taught before" in advice
        assert table.count("<tr") == 1 + len(example_lab_sheet().rows)
        assert "<svg" in plot
    for row in example_lab_sheet().rows:  # every button that it has does something
        assert (f'data-do="stack" data-way="{row.way}"' in table) == bool(row.recipe.get("edits"))


def test_an_edit_goes_on_no_other_model():
    other = {"stack": {"model": "tiny-opt", "steps": []}}
    with pytest.raises(gr.Error, match="made with the model tiny-llama"):
        lab_table_panel.put_on_stack(other, "en", sheet(), ("stack", "rome", ""))


def test_the_numbers_of_ways_that_cover_one_another_stand_apart():
    marks = [lab_plot.Mark(0.0, 1.0, True, str(n)) for n in range(30)]
    drawn = lab_plot.scatter(marks, "t", "a", "b")
    assert len(drawn.split('<rect x="')) == len(marks) + 1
    tags = drawn.split('<circle class="pg-tag" cx="')[1:]
    assert len({tuple(piece.split('"')[i] for i in (0, 2)) for piece in tags}) == len(marks)


# More to look at


@both
def test_facts_in_a_row_are_drawn_as_they_are_taught(language):
    own = "the cat | and the cat | of | sat\nthe dog | and the dog | is | sat"
    drawn = list(press("row", saved=saved(), language=language, methods=["ft"], count=30, at_once=True, own=own))
    assert len(drawn) == 3
    assert drawn[-1].count("<svg") == 2
    assert drawn[-1].count('class="pg-hint"') == 2


def test_a_row_without_a_method_says_so():
    [shown] = press("row", saved=saved(), methods=[])
    assert "at least one method" in shown


def test_a_line_that_is_no_fact_is_named():
    with pytest.raises(gr.Error, match="Line 1"):
        next(press("row", saved=saved(), methods=["ft"], own="x"))


@both
def test_the_map_of_an_empty_recipe_says_so_and_of_another_what_changed(language):
    empty, _ = press("collateral", saved=saved(), language=language)
    assert "<svg" not in empty
    nudge = {
        "kind": "nudge_tokens",
        "text": " the",
        "direction": "random",
        "target": "",
        "strength": 2.0,
        "side": "both",
        "seed": 0,
    }
    shown, _ = press("collateral", saved=saved(nudge), language=language)
    assert "pg-warn" not in shown


@both
def test_a_trace_is_a_picture_with_a_sentence(language):
    words = {"prompt": "and the cat", "subject": "the cat"}
    shown, layer, use, _ = press("trace", saved=saved(), language=language, **words)
    assert shown.count("<svg") == 1
    assert shown.count('class="pg-hint"') == 2
    assert layer in (0, 1)
    assert use["visible"]
    with pytest.raises(gr.Error):
        press("trace", saved=saved(), language=language, prompt="a b", subject="c")


def test_of_a_large_corpus_a_sample_is_searched():
    some, other = others_of("countries", 0), others_of("countries", 1)
    assert len(set(some)) == len(some) == 300
    assert some == others_of("countries", 0) != other
    assert others_of("lantern-handbook", 0) == load_corpus("lantern-handbook").passages


def test_ways_are_those_of_the_lab():
    assert {*lab_ways.usual_ways(), "base", "hybrid", "memit"} == set(lab_ways.WAYS)
    assert tracing.SAMPLES > 0
