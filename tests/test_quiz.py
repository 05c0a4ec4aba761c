"""A corpus's questions put to contestants."""

from __future__ import annotations

import pytest

from playground.compare import Answer, Contestant
from playground.engine.decoding.generate import Sampling
from playground.engine.recipe import parse
from playground.engine.work import Stopped, Work
from playground.quiz import Answered, judged_answer, quiz, totals
from playground.retrieval.own import uploads
from playground.retrieval.passages import Passage, Question
from playground.retrieval.search import Hit
from playground.settings import settings

WHERE = Question(id="q1", question="Where is the red lamp?", answer="the harbour", evidence=(), kind="keyword")
NOWHERE = Question(id="q2", question="Who built it?", answer="", evidence=(), kind="unanswerable")


@pytest.fixture(autouse=True)
def home(known, tmp_path, monkeypatch):
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path))
    settings.cache_clear()
    yield
    settings.cache_clear()


def said(text: str, *passages: str, begun: str = "", label: str = "x") -> Answer:
    hits = tuple(
        Hit(rank=rank, passage=Passage(f"d#{rank}", "d", "", passage), score=1.0, matched=())
        for rank, passage in enumerate(passages, start=1)
    )
    answer = Answer(
        label=label,
        prompt="",
        hits=hits,
        begun=begun,
        prompt_tokens=3,
        text=f"{begun} {text}".strip(),
        tokens=4,
        seconds=2.0,
        done=True,
        texts=passages,
    )
    answer.stages = {"bm25": 0.25, "prompt": 0.25, "first_token": 0.5, "rest": 1.5}
    return answer


def test_an_answer_is_compared_by_its_words():
    found = judged_answer(WHERE, said("In the Harbour!", "The harbour has a red lamp.", begun="So,"))
    assert found.contained is True
    assert found.f1 == pytest.approx(2 / 3)  # "in harbour" and "harbour": 1 of 2, 1 of 1
    assert found.text == "In the Harbour!"  # what was begun for the model does not count
    assert found.supported == pytest.approx(2 / 3)  # "the harbour" of three words
    assert found.passages == ("d#1",)
    assert found.seconds == pytest.approx(2.5)  # what was written, and what came before


def test_what_there_is_nothing_to_compare_with_has_no_figure():
    found = judged_answer(NOWHERE, said("Nobody."))
    assert (found.contained, found.f1, found.supported) == (None, None, None)
    assert judged_answer(WHERE, said("")).contained is False


def test_totals_are_the_means_by_hand():
    rows = [
        judged_answer(WHERE, said("harbour", "harbour", label="a")),
        judged_answer(WHERE, said("sea", "harbour", label="a")),
        judged_answer(NOWHERE, said("sea", "harbour", label="a")),
        judged_answer(WHERE, said("sea", label="b")),
    ]
    found = {(one.kind, one.label): one for one in totals(rows)}
    assert list(found) == [("all", "a"), ("all", "b"), ("keyword", "a"), ("unanswerable", "a"), ("keyword", "b")]
    assert (found["all", "a"].count, found["all", "a"].contained) == (2, 0.5)
    assert found["all", "a"].f1 == 0.5
    assert found["all", "a"].supported == 0.5
    assert found["unanswerable", "a"].contained is None
    assert found["unanswerable", "a"].supported == 0.0
    assert found["all", "b"].supported is None
    assert totals([]) == []


def contestants() -> list[Contestant]:
    recipe = parse({"model": "tiny-llama", "edits": []})
    corpus = uploads.add_documents([("a.txt", b"The red lamp is at the harbour.")])
    return [
        Contestant(label="alone", recipe=recipe),
        Contestant(label="bm25", recipe=recipe, retriever="bm25", corpus_id=corpus.id, k=1),
    ]


def test_every_contestant_answers_every_question_with_progress():
    steps: list[tuple[int, int]] = []
    work = Work(lambda done, of, what: steps.append((done, of)))
    found = [one for row in quiz(contestants(), [WHERE, NOWHERE], Sampling(3), work) for one in row]
    assert [(one.question.id, one.label) for one in found] == [
        ("q1", "alone"),
        ("q1", "bm25"),
        ("q2", "alone"),
        ("q2", "bm25"),
    ]
    assert [one.passages for one in found][:2] == [(), ("a.txt#1",)]
    assert all(one.seconds > 0 for one in found)
    assert (0, 2) in steps
    assert (1, 2) in steps


def test_a_quiz_that_is_stopped_gives_only_whole_rows():
    found: list[Answered] = []
    work = Work(stopped=lambda: len(found) >= 2)

    def run() -> None:
        for row in quiz(contestants(), [WHERE, NOWHERE], Sampling(3), work):
            found.extend(row)

    with pytest.raises(Stopped):
        run()
    assert [one.question.id for one in found] == ["q1", "q1"]
