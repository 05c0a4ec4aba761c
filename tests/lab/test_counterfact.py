"""The command that teaches a file's facts: it prints as it goes, is stopped, and goes on."""

from __future__ import annotations

import json

import pytest

from playground.engine.build import build
from playground.engine.decoding.continuation import answer_lines, likelihoods
from playground.engine.recipe import Recipe
from playground.lab import counterfact, table
from playground.lab.counterfact import main
from playground.lab.results import Results
from playground.lab.table import WayRow

MODEL = "tiny-llama"
FACTS = [
    {
        "subject": f"The {one}",
        "prompt": f"The {one} sat on the",
        "target_new": "lamp",
        "ground_truth": "mat",
        "rephrase_prompt": f"Where the {one} sat was the",
    }
    for one in ("cat", "dog", "house", "rain")
] + [
    {"subject": f"The {one}", "prompt": f"The {one} sat on the", "target_new": "mat", "ground_truth": "lamp"}
    for one in ("cat", "dog", "house", "rain")
]


@pytest.fixture
def run(known, tmp_path, monkeypatch, capsys):
    """The command over the facts, with what it measured, by prompt and way."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "facts.json").write_text(json.dumps(FACTS), "utf-8")
    table._before.clear()
    done: list[tuple[str, str]] = []
    real = counterfact.row

    def counted(way, lesson, room, whole):
        done.append((lesson.fact.prompt, way))
        return real(way, lesson, room, whole=whole)

    monkeypatch.setattr(counterfact, "row", counted)

    def go(*words: str) -> tuple[int, str, list[tuple[str, str]]]:
        done.clear()
        code = main(["facts.json", "--model", MODEL, "--cases", "3", *words])
        read = capsys.readouterr()
        return code, read.out + read.err, list(done)

    return go


def test_a_table_stands_after_each_fact_and_a_second_run_measures_nothing_again(run, tmp_path):
    code, text, done = run("--ways", "base,in_context")
    assert code == 0
    assert len(done) == 6
    assert [f"| base | {n} |" in text for n in (1, 2, 3)] == [True] * 3
    assert "efficacy, written | efficacy, likelier" in text
    code, again, done = run("--ways", "base,in_context")
    assert (code, done) == (0, [])
    assert again.strip().endswith(text[text.rindex("| base |") :].strip())
    _, _, done = run("--ways", "base,bm25,in_context")  # one more way: only that is measured
    assert [way for _, way in done] == ["bm25"] * 3
    assert (tmp_path / "lab-facts.jsonl").exists()


def test_what_was_done_before_ctrl_c_or_a_kill_is_printed_and_not_done_again(run, tmp_path, monkeypatch):
    whole, real = counterfact.case_rows, counterfact.row
    stops = iter([False, False, False, True])

    def stopping(way, lesson, room, whole):
        if next(stops, False):
            raise KeyboardInterrupt
        return real(way, lesson, room, whole=whole)

    monkeypatch.setattr(counterfact, "row", stopping)
    code, text, first = run("--ways", "base,in_context")
    assert code == 130
    assert "| base | 1 |" in text[text.index("Stopped") :]  # the fact that is complete
    assert len(first) == 3
    path = tmp_path / "lab-facts.jsonl"
    path.write_text(path.read_text("utf-8") + '{"prompt": "The ho', "utf-8")  # torn
    code, text, rest = run("--ways", "base,in_context")
    assert code == 0
    assert len(rest) == 3
    assert not set(first) & set(rest)
    assert len(path.read_text("utf-8").splitlines()) == 7
    assert whole is counterfact.case_rows


def test_results_of_something_else_are_not_mixed(run, tmp_path):
    run("--ways", "base")
    code, text, done = run("--ways", "base", "--seed", "1")
    assert (code, done) == (2, [])
    assert "something else" in text
    (tmp_path / "other.jsonl").write_text("hello\n", "utf-8")
    code, text, _ = run("--ways", "base", "--results", "other.jsonl")
    assert code == 2
    assert "does not hold results" in text
    assert (tmp_path / "other.jsonl").read_text("utf-8") == "hello\n"
    assert run("--ways", "magic")[0] == 2


def test_a_way_that_fails_is_kept_with_its_reason(run, monkeypatch):
    monkeypatch.setattr(
        counterfact,
        "case_rows",
        lambda *args: iter([WayRow(way="base", error=counterfact.PlaygroundError("No {x}.", x="{y}").message)]),
    )
    _, text, _ = run("--ways", "base")
    assert "failed: No {y}." in text
    assert "| base | 0 (3 failed) |" in text
    assert "| base | 0 (3 failed) |" in run("--ways", "base")[1]


def test_the_cases_asked_are_the_first_that_the_model_knows(known):
    fork = build(Recipe(model=MODEL)).fork
    cases = [counterfact.case_of(one) for one in FACTS]
    expected = []
    for case in cases:
        pairs = [(case.prompt, case.old), (case.prompt, case.new)]
        old, new = (one.loss for one in likelihoods(fork, answer_lines(fork.base, pairs)))
        if old < new:
            expected.append(case)
    assert counterfact.known_cases(Recipe(model=MODEL), cases, 3) == expected[:3]
    assert counterfact.known_cases(Recipe(model=MODEL), cases, 99) == expected


def test_signs_at_which_python_cuts_lines_are_part_of_an_answer(tmp_path):
    row = WayRow(way="base", error=None, answer="one\u2028two\x85three")
    Results(tmp_path / "r.jsonl", {"model": MODEL}).add("The prompt", row)
    again = Results(tmp_path / "r.jsonl", {"model": MODEL})
    assert again.rows["The prompt", "base"].answer == row.answer
