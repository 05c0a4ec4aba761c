"""The table of the sources as the page makes it: whose weights, what is shown, what stands behind a cell."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest
from pressing import press

from playground import workspace as spaces
from playground.compare import source_names
from playground.engine.recipe import parse
from playground.errors import PlaygroundError
from playground.retrieval.corpus import load_corpus
from playground.settings import settings
from playground.sources.asking import SHOTS, source_contestant
from playground.sources.kept import read_table
from playground.ui.compare import sources, sources_results, sources_view, whose
from playground.ui.compare.sources_chart import ShareLine, share_chart
from playground.ui.text import EN, KO, TABLES

MODEL = "tiny-llama"
NUDGE = {"kind": "nudge_tokens", "text": " the", "direction": "random", "strength": 2.0}
SCALE = NUDGE | {"direction": "scale"}
both = pytest.mark.parametrize("language", TABLES)


@pytest.fixture(autouse=True)
def home(known, tmp_path, monkeypatch, page_runs):
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def saved(*edits):
    steps = [{"edit": edit, "on": True} for edit in edits]
    return {"stack": {"model": MODEL, "steps": steps}, "past": [], "future": []}


def recipe(*edits):
    return parse({"model": MODEL, "edits": list(edits)})


def ask(**values):
    usual = {"saved": saved(), "weights": ["base"], "before": ["none", "few_shot", "bm25"], "count": 3, "against": 0}
    return list(press("sources", **usual | values))


def last_of(rows):
    """The last table as HTML, and what the browser keeps."""
    kept = next(row[1] for row in rows if row[1] != gr.skip())
    return rows[-1][0], json.loads(json.dumps(kept))


# Asking


@both
def test_every_source_is_asked_and_the_table_is_there_after_a_reload(language):
    html, sheet = last_of(ask(language=language))
    assert html.count('data-do="cell"') == 3
    assert html.count('data-do="question"') == 3
    assert TABLES[language]["sources_few"].replace("{few}", "20") in html
    assert sources_results.show_table(sheet, language, 0, "") == html
    assert len(read_table(sheet["id"]).answers) == 3


def test_the_same_table_goes_on_where_it_ended(monkeypatch):
    monkeypatch.setattr("playground.sources.asking.TOGETHER", 3)
    first = ask()
    again = ask()
    assert len(again) < len(first)
    assert again[-1][0] == first[-1][0]


def test_a_long_table_gives_others_their_turn_and_goes_on(monkeypatch):
    monkeypatch.setattr("playground.sources.asking.TOGETHER", 3)
    monkeypatch.setattr(sources, "TURN", -1.0)
    turns = [ask()[-1][2] for _ in range(4)]
    assert turns == ["1", "2", "", ""]  # questions asked by then; the last turn asks nothing any more


def test_a_table_that_no_disk_keeps_is_asked_in_one_go(monkeypatch, home):
    """Its next turn would begin again, for ever."""
    monkeypatch.setattr("playground.sources.asking.TOGETHER", 3)
    monkeypatch.setattr(sources, "TURN", -1.0)
    (home / "tables").write_text("a file in the folder's place")
    rows = ask()
    assert {row[2] for row in rows} == {""}
    assert rows[-1][0].count('data-do="question"') == 3


def test_a_table_tells_no_title_to_others():
    _, sheet = last_of(ask(saved=saved(NUDGE), weights=["base", "mine"]))
    assert sheet["weights"] == [EN["weights_base"], EN["weights_mine"]]
    stored = read_table(sheet["id"])
    assert stored is not None
    assert EN["weights_mine"] not in str(stored)


def test_weights_that_are_the_same_are_asked_once():
    _, sheet = last_of(ask(weights=["base", "mine"]))
    assert sheet["weights"] == [EN["weights_base"]]


def test_all_changes_together_are_a_row_of_their_own():
    kept = whose.with_kept([], recipe(SCALE), "Scaled")
    chosen = [whose.RECIPE + recipe(SCALE).id, "mine", "base"]
    values = {"saved": saved(NUDGE), "kept": kept, "weights": chosen, "both": True, "language": "en"}
    rows = sources.chosen_weights(values)
    assert [row.title for row in rows] == ["Scaled", "My recipe", "Base", "Scaled + My recipe"]
    assert [edit.direction for edit in rows[-1].recipe.edits] == ["scale", "random"]
    assert len(sources.chosen_weights(values | {"both": False})) == 3


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"weights": []}, "Choose at least one of the weights"),
        ({"before": []}, "Choose at least one of the weights"),
        ({"weights": ["nobody"]}, "The weights nobody are unknown"),
        ({"weights": ["recipe:0"]}, "is gone"),
        ({"weights": ["base"] * 5}, "These are 5 rows"),
    ],
)
def test_what_cannot_be_asked_is_refused(values, words):
    with pytest.raises(gr.Error, match=words):
        ask(**values)


@both
def test_the_size_is_told_and_what_is_missing(language):
    values = {"saved": saved(), "language": language, "kept": [], "weights": ["base"], "both": True}
    values |= {"before": ["none", "bm25"], "count": 20}
    assert "40" in sources.size_of_table(values)
    assert TABLES[language]["sources_none"] in sources.size_of_table(values | {"before": []})
    assert "pg-warn" in sources.size_of_table(values | {"weights": ["nobody"]})
    assert TABLES[language]["sources_alike"] in sources.size_of_table(values | {"weights": ["base", "mine"]})


def test_examples_come_from_the_questions_that_are_asked():
    corpus = replace(load_corpus("lantern-handbook"), questions=load_corpus("lantern-handbook").questions[:3])
    made = [source_contestant(sources.Source(0, name), recipe(), corpus, 7) for name in source_names()]
    by_name = {one.retriever: one for one in made}
    assert by_name["few_shot"].examples == corpus.questions
    assert (by_name["few_shot"].k, by_name["bm25"].k, by_name["none"].corpus_id) == (SHOTS, 7, "")


# What is shown


def pressed(do, place):
    return sources_results.press_cell(SimpleNamespace(do=do, place=place))


@both
def test_the_example_stands_there_first_and_opens(language):
    html = sources_results.show_table({}, language, 0, "")
    assert TABLES[language]["sources_example"] in html
    _, shown = sources_view.example()
    assert len(shown.sources) == 2 * len(source_names())
    assert len(shown.answers) == 20
    opened, _, _ = sources_results.open_cell({}, language, 0, "", pressed("cell", "2"))
    assert opened.count("<tr>") == 21
    question = shown.questions[0]
    opened, _, _ = sources_results.open_cell({}, language, 0, "", pressed("question", question.id))
    assert question.answer in opened
    assert opened.count("<tr>") == 1 + len(shown.sources)


def test_what_differs_stands_first_behind_a_cell():
    opened, _, _ = sources_results.open_cell({}, "en", 0, "", pressed("cell", "2"))
    marks = re.findall(r"<tr>(.*?)</tr>", opened, re.S)[1:]
    differ = [row.count("✓") == 1 for row in marks]
    assert differ == sorted(differ, reverse=True)
    assert any(differ)


def test_a_cell_says_whether_it_can_be_told_apart():
    html = sources_results.show_table({}, "en", 0, "")
    assert html.count("▲ more (p &lt; 0.001)") == 8
    assert EN["sources_same"] in html  # neither ever right
    beside_dense = sources_results.show_table({}, "en", 3, "")
    assert "▼ fewer (p &lt; 0.001)" in beside_dense
    assert EN["sources_level"] in beside_dense


def test_what_was_compared_with_in_another_table_is_no_column_of_this_one():
    _, sheet = last_of(ask(before=["none", "bm25"]))
    html, _, _ = sources_results.open_cell(sheet, "en", 9, "", pressed("cell", "1"))
    assert "Base · BM25" in html
    assert "compared with Base · Nothing" in sources_results.show_table(sheet, "en", 9, "")
    assert ask(before=["none", "bm25"], against=9)[-1][0] == sources_results.show_table(sheet, "en", 0, "")


def test_another_column_is_compared_with():
    _, number, html = sources_results.open_cell({}, "en", 0, "", pressed("against", "3"))
    assert number == 3
    assert "All are compared with Base · Dense" in html
    for place in ("99", "x", "-1"):
        _, number, _ = sources_results.open_cell({}, "en", 0, "", pressed("against", place))
        assert 0 <= number < 10


def test_questions_of_a_kind_are_shown_alone():
    html = sources_results.show_table({}, "en", 0, "paraphrase")
    _, shown = sources_view.example()
    assert html.count('data-do="question"') == sum(q.kind == "paraphrase" for q in shown.questions)


@both
def test_a_table_that_is_gone_says_so(language):
    sheet = {"id": "a" * 32, "weights": ["Base"], "corpus": "C"}
    assert TABLES[language]["sources_lost"] in sources_results.show_table(sheet, language, 0, "")
    with pytest.raises(gr.Error):
        sources_results.save_answers(sheet, language)
    assert TABLES[language]["sources_example"] in sources_results.show_table({"id": 3}, language, 0, "")


def test_the_file_has_a_line_for_each_answer():
    rows = list(csv.DictReader(io.StringIO(sources_results.save_answers({}, "en").removeprefix("\ufeff"))))
    _, shown = sources_view.example()
    assert len(rows) == 20 * len(shown.sources)
    right = [row for row in rows if row["weights"] == "Base" and row["before"] == "bm25" and row["right"] == "1"]
    assert len(right) == sum(answers[2].right for answers in shown.answers.values())


def test_the_picture_tells_apart_what_can_be():
    _, shown = sources_view.example()
    found = sources_view.cells(shown)
    lines = [ShareLine(f"s{n}", cell, n == 0) for n, cell in enumerate(found)]
    drawn = share_chart([("A", lines)], "T")
    assert drawn.count("<circle") == len(found)
    assert drawn.count('fill="white"') == 2  # the ground, and the ring
    apart = sum(cell.told_apart for cell in found)
    assert drawn.count('fill="#0f766e"') == apart > 0  # more often
    fewer = share_chart([("A", [ShareLine("s", sources_view.cells(shown, 7)[0], False)])], "T")
    assert 'fill="#c2410c"' in fewer


# Whose weights


def test_a_kept_recipe_is_a_choice_and_answers():
    kept = whose.with_kept([], recipe(NUDGE), "N" * 100)
    assert len(kept[0]["title"]) == whose.MOST_TITLE
    choices = {value: title for title, value in whose.whose_choices([], kept, "en")}
    value = whose.RECIPE + recipe(NUDGE).id
    assert choices[value] == kept[0]["title"]
    assert whose.chosen(value, spaces.new(), kept, "en").recipe == recipe(NUDGE)


def test_so_many_recipes_are_kept_each_once():
    kept = []
    for number in range(9):
        kept = whose.with_kept(kept, recipe(NUDGE | {"seed": number % 7}), str(number))
    assert [one["title"] for one in kept] == ["3", "4", "5", "6", "7", "8"]


@pytest.mark.parametrize("damaged", [None, 7, {}, [3], [{"title": "x"}], [{"title": "x", "recipe": {"model": 3}}]])
def test_what_a_browser_kept_wrong_is_left_out(damaged):
    assert whose.kept_recipes(damaged) == []


def test_a_recipe_without_edits_is_not_kept():
    with pytest.raises(PlaygroundError, match="it is the base"):
        whose.with_kept([], recipe(), "x")
    with pytest.raises(gr.Error, match="원래 모델"):
        whose.keep_recipe(saved(), [], "ko")
    assert KO["keep_recipe"]


def test_a_saved_file_is_kept(tmp_path):
    file = tmp_path / "recipe.json"
    file.write_text(recipe(NUDGE, SCALE).model_dump_json())
    [one] = whose.keep_file([], "en", str(file))
    assert " ▸ " in one["title"]
    file.write_text("[]")
    with pytest.raises(gr.Error):
        whose.keep_file([], "en", str(file))


def test_menus_lose_what_is_gone():
    single, several = whose.list_whose([], [], "en", "recipe:0", ["base", "recipe:0"])
    assert (single["value"], several["value"]) == ("base", ["base"])
