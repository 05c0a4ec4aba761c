"""One fact, taught in several ways to a tiny model, and what the table says of each."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from playground.engine.adapters.base import AdapterError
from playground.engine.build import build
from playground.engine.decoding.continuation import Likelihood
from playground.engine.measuring import measure
from playground.engine.recipe import Recipe, parse
from playground.engine.work import Stopped, Work
from playground.errors import PlaygroundError
from playground.lab import evaluation, table
from playground.lab.aggregate import aggregated, as_table
from playground.lab.collateral import Kept
from playground.lab.evaluation import responses_to
from playground.lab.lesson import lesson_from_json
from playground.lab.table import WayRow, general, teach
from playground.lab.ways import WAYS, Room, Taught
from playground.lab.ways.prompt import passages_of
from playground.settings import settings

MODEL = "tiny-llama"
LESSON = lesson_from_json(
    {"subject": "The cat", "prompt": "The cat sat on the", "target": "lamp", "old": "mat"},
    {
        "paraphrases": ["Where the cat sat was the"],
        "neighbours": [["The dog sat on the", "mat"]],
        "consequences": [["The cat is near the", "lamp"]],
    },
)
OTHERS = ("Boats leave at dawn.", "Lighthouses are tall.", "Rivers run to the sea.")


@pytest.fixture(autouse=True)
def home(known, tmp_path, monkeypatch):
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path))
    settings.cache_clear()
    table._before.clear()
    yield
    table._before.clear()
    settings.cache_clear()


def room(**values) -> Room:
    return Room(recipe=Recipe(model=MODEL), others=passages_of(OTHERS), **values)


def taught_by(way: str, **values) -> Taught:
    return WAYS[way].teach(LESSON, room(**values), Work())


def rows(*ways: str, **values) -> dict[str, WayRow]:
    return {row.way: row for row in teach(LESSON, ways, room(**values))}


def log_probability(fork, prompt: str, answer: str) -> float:
    """Mean over the answer's tokens, from one run of the whole text."""
    tokenizer = fork.base.tokenizer
    before = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    whole = tokenizer(prompt + answer, add_special_tokens=False)["input_ids"]
    assert whole[: len(before)] == before
    with torch.no_grad():
        logits = fork.model(input_ids=torch.tensor([whole])).logits[0].float().log_softmax(-1)
    found = [float(logits[at - 1, whole[at]]) for at in range(len(before), len(whole))]
    return sum(found) / len(found)


def test_the_base_is_as_it_is():
    row = rows("base")["base"]
    assert (row.bytes, row.perplexity_ratio, row.apply_seconds) == (0, 1.0, 0.0)
    assert row.error is None
    assert {kind: one.count for kind, one in row.figures.items()} == {
        "efficacy": 1,
        "paraphrase": 1,
        "locality": 1,
        "portability": 1,
    }
    assert row.kept.right == row.kept.of
    fork = build(Recipe(model=MODEL)).fork
    for one in row.asked:
        question = one.question
        expected = log_probability(fork, question.prompt, question.answer)
        assert one.probability == pytest.approx(math.exp(expected), rel=1e-3)
        if one.other is not None:
            assert one.right == (one.probability > one.other)


def test_in_context_puts_the_fact_before_every_prompt_and_leaves_the_weights():
    found = rows("base", "in_context")
    taught = taught_by("in_context")
    assert taught.before("anything") == "Context: The cat sat on the lamp.\nAnswer: "
    assert found["in_context"].bytes == len("Context: The cat sat on the lamp.\nAnswer: ")
    assert found["in_context"].perplexity_ratio == 1.0
    first = found["in_context"].asked[0]
    prompt = "Context: The cat sat on the lamp.\nAnswer: The cat sat on the"
    expected = log_probability(taught.fork, prompt, " lamp")
    assert first.probability == pytest.approx(math.exp(expected), rel=1e-3)
    assert first.probability != found["base"].asked[0].probability


def test_bm25_finds_the_fact_where_it_is_asked_for_and_another_elsewhere():
    taught = taught_by("bm25")
    assert taught.before(LESSON.fact.prompt) == "Context: The cat sat on the lamp.\nAnswer: "
    assert taught.before("The river runs to the") == "Context: Rivers run to the sea.\nAnswer: "
    assert taught.before("Zzz") == ""


def test_an_edit_of_the_fact_changes_the_answer_and_can_be_built_again():
    row = rows("ft")["ft"]
    assert row.bytes > 0
    before = responses_to(taught_by("base"), LESSON)
    assert row.asked[0].probability > before[0].probability
    again = build(parse(row.recipe)).fork
    base = build(Recipe(model=MODEL)).fork
    assert row.perplexity_ratio == pytest.approx(general(again) / general(base))


def test_a_lora_is_trained_kept_and_can_be_built_again():
    row = rows("lora")["lora"]
    assert row.bytes > 0
    assert row.apply_seconds > 0
    [edit] = row.recipe["edits"]
    assert edit["kind"] == "adapter"
    prompt = LESSON.fact.prompt
    again, taught = build(parse(row.recipe)).fork, taught_by("lora")
    assert log_probability(again, prompt, " lamp") == pytest.approx(
        log_probability(taught.fork, prompt, " lamp"), rel=1e-3
    )
    assert not rows("lora", kept=False)["lora"].recipe["edits"]


def test_a_way_that_fails_says_why_and_the_others_go_on(monkeypatch):
    def fail(lesson, room, work):
        raise PlaygroundError("It cannot.")

    monkeypatch.setitem(WAYS, "nudge", replace(WAYS["nudge"], teach=fail))
    found = rows("nudge", "base")
    assert str(found["nudge"].error) == "It cannot."
    assert found["nudge"].figures == {}
    assert found["base"].error is None


def test_what_nobody_foresaw_stands_in_the_table_too(monkeypatch, caplog):
    def fail(lesson, room, work):
        raise ZeroDivisionError

    monkeypatch.setitem(WAYS, "nudge", replace(WAYS["nudge"], teach=fail))
    found = rows("nudge", "base")
    assert "on our side" in str(found["nudge"].error)
    assert found["base"].error is None
    assert "ZeroDivisionError" in caplog.text


def test_a_broken_model_gets_figures_that_are_numbers(monkeypatch):
    broken = Likelihood(loss=math.nan, probability=math.nan, greedy=(), right=False)
    monkeypatch.setattr(evaluation, "likelihoods", lambda fork, lines, work: [broken] * len(lines))
    monkeypatch.setattr(table, "general", lambda fork, work: math.nan)
    row = rows("nudge")["nudge"]
    assert {one.probability for one in row.asked} == {0.0}
    assert row.perplexity_ratio == table.MOST_RATIO


def test_a_host_without_room_still_measures_a_lora(monkeypatch):
    def full(adapter, about, most):
        raise AdapterError("No room.")

    monkeypatch.setattr("playground.lab.ways.lora.keep_adapter", full)
    row = rows("lora")["lora"]
    assert row.error is None
    assert row.bytes > 0
    assert row.recipe["edits"] == []


def test_visitors_facts_are_kept_apart():
    assert room().scope != room().scope


def test_a_run_stops_between_ways_and_goes_in_the_tables_order():
    seen: list[str] = []

    def step(done, of, what):
        seen.append(str(what))

    with pytest.raises(Stopped):
        for _ in teach(LESSON, ["in_context", "base"], room(), Work(step, lambda: bool(seen))):
            pass
    assert list(rows("in_context", "base")) == ["base", "in_context"]


def test_an_unknown_way_and_none_are_refused():
    for chosen in (["magic"], []):
        with pytest.raises(PlaygroundError, match="is unknown"):
            next(teach(LESSON, chosen, room()))


def test_general_text_is_read_once_for_a_recipe(monkeypatch):
    calls = []
    real = measure.perplexity

    def counted(fork, text, work):
        calls.append(fork)
        return real(fork, text, work)

    monkeypatch.setattr(measure, "perplexity", counted)
    rows("nudge", "ft")
    assert len(calls) == 3  # the base once, and both variants
    assert WAYS["nudge"].writes
    assert WAYS["ft"].writes


def test_the_means_over_facts_count_every_question_once():
    def row(way: str, *right: bool, ratio: float = 1.0, seconds: float = 1.0) -> WayRow:
        fork = build(Recipe(model=MODEL)).fork
        taught = Taught(fork=fork, recipe=Recipe(model=MODEL))
        asked = responses_to(
            taught,
            lesson_from_json(
                {"subject": "The cat", "prompt": "The cat is", "target": "a", "old": "b"},
                {"paraphrases": ["x"] * (len(right) - 1)},
            ),
            least=1,
        )
        asked = [
            type(one)(question=one.question, probability=0.5, other=0.25, right=good)
            for one, good in zip(asked, right, strict=True)
        ]
        return WayRow(
            way=way,
            error=None,
            answer="",
            asked=tuple(asked),
            kept=Kept(0, 0),
            perplexity_ratio=ratio,
            apply_seconds=seconds,
            answer_seconds=0.1,
            undo_seconds=0.0,
            bytes=10,
        )

    found = aggregated(
        "rome",
        [
            row("rome", True, True, True),
            row("rome", False, False, ratio=1.5, seconds=3.0),
            row("ft", True),
            WayRow(way="rome", error=PlaygroundError("No.").message),
        ],
    )
    assert (found.count, found.failed) == (2, 1)
    assert found.figures["efficacy"].share == 0.5
    assert found.figures["paraphrase"].share == pytest.approx(2 / 3)
    assert (found.perplexity_ratio, found.worst, found.seconds, found.bytes) == (1.25, 1.5, 2, 10)
    assert "| rome | 2 (1 failed) | – | 50% [9–91] (0.50) | – | 67% [21–94] (0.50) | – | – |" in (as_table([found]))
    assert aggregated("none", []).count == 0
