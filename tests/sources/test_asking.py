"""Questions put to every source: judged, in batches, with progress, stopped, and going on."""

from __future__ import annotations

import pytest

from playground.compare import Answer, Contestant
from playground.engine.recipe import parse
from playground.engine.work import Stopped, Work
from playground.retrieval.own import uploads
from playground.retrieval.passages import Passage, Question
from playground.retrieval.search import Hit
from playground.settings import settings
from playground.sources import asking
from playground.sources.asking import ask_table, judged_answer
from playground.sources.table import Source, SourcesTable

WHERE = Question(id="q1", question="Where is the red lamp?", answer="the harbour", evidence=(), kind="keyword")
WHO = Question(id="q2", question="Who built it?", answer="Ada", evidence=(), kind="paraphrase")
WHEN = Question(id="q3", question="When was it built?", answer="1902", evidence=(), kind="keyword")
SOURCES = (Source(0, "none"), Source(0, "few_shot"), Source(0, "bm25"))


@pytest.fixture(autouse=True)
def home(known, tmp_path, monkeypatch):
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path))
    settings.cache_clear()
    yield
    settings.cache_clear()


def said(text: str, *passages: str, begun: str = "") -> Answer:
    hits = tuple(
        Hit(rank=rank, passage=Passage(f"d#{rank}", "d", "", passage), score=1.0, matched=())
        for rank, passage in enumerate(passages, start=1)
    )
    return Answer(
        label="",
        prompt="",
        hits=hits,
        begun=begun,
        prompt_tokens=3,
        text=f"{begun} {text}".strip(),
        tokens=4,
        done=True,
        texts=passages,
    )


def test_an_answer_is_judged_by_what_is_written():
    found = judged_answer(WHERE, said("In the Harbour!", "The harbour has a red lamp.", begun="So,"))
    assert found.right is True
    assert found.f1 == pytest.approx(2 / 3)  # "in harbour" and "harbour": 1 of 2, 1 of 1
    assert found.text == "In the Harbour!"  # what was begun for the model does not count
    assert found.supported == pytest.approx(2 / 3)  # "the harbour" of three words
    assert (found.passages, found.prompt_tokens) == (("d#1",), 3)


def test_what_is_denied_is_not_right():
    assert judged_answer(WHERE, said("It is not at the harbour.")).right is False
    assert judged_answer(WHERE, said("")).right is False
    assert judged_answer(WHERE, said("the harbour")).supported is None


def contestants() -> list[Contestant]:
    recipe = parse({"model": "tiny-llama", "edits": []})
    corpus = uploads.add_documents([("a.txt", b"The red lamp is at the harbour.")])
    shots = (WHERE, WHO, WHEN)
    return [
        Contestant(label="", recipe=recipe),
        Contestant(label="", recipe=recipe, retriever="few_shot", corpus_id=corpus.id, k=2, examples=shots),
        Contestant(label="", recipe=recipe, retriever="bm25", corpus_id=corpus.id, k=1),
    ]


def asked(*questions: Question) -> SourcesTable:
    return SourcesTable(questions=questions, sources=SOURCES)


def test_every_source_answers_every_question_with_progress(monkeypatch):
    monkeypatch.setattr(asking, "TOGETHER", 6)  # two questions of three sources
    steps: list[tuple[int, int]] = []
    tables = list(
        ask_table(asked(WHERE, WHO, WHEN), contestants(), Work(lambda done, of, what: steps.append((done, of))))
    )
    assert [sorted(table.answers) for table in tables] == [["q1", "q2"], ["q1", "q2", "q3"]]
    assert [answer.passages for answer in tables[-1].answers["q1"]] == [(), (), ("a.txt#1",)]
    tokens = [answer.prompt_tokens for answer in tables[-1].answers["q1"]]
    assert tokens[1] > tokens[0]  # examples stand before it
    assert {(0, 3), (2, 3)} <= set(steps)


def test_batches_do_not_change_what_is_said(monkeypatch):
    together = list(ask_table(asked(WHERE, WHO, WHEN), contestants()))[-1]
    monkeypatch.setattr(asking, "TOGETHER", 1)
    alone = list(ask_table(asked(WHERE, WHO, WHEN), contestants()))[-1]
    assert alone.answers == together.answers


def test_a_stopped_table_has_whole_questions_only_and_goes_on_there(monkeypatch):
    monkeypatch.setattr(asking, "TOGETHER", 3)
    found: list[SourcesTable] = []

    def run(table: SourcesTable, work: Work) -> None:
        for grown in ask_table(table, contestants(), work):
            found.append(grown)

    with pytest.raises(Stopped):
        run(asked(WHERE, WHO, WHEN), Work(stopped=lambda: len(found) >= 1))
    assert sorted(found[-1].answers) == ["q1"]
    steps: list[int] = []
    run(found[-1], Work(lambda done, of, what: steps.append(done)))
    assert sorted(found[-1].answers) == ["q1", "q2", "q3"]
    assert 0 not in steps  # what was asked before is not asked again
