"""Tables on the disk: read again, told apart by what they are of, bounded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from playground.compare import Contestant
from playground.engine.recipe import parse
from playground.retrieval.passages import Corpus, Passage, Question
from playground.settings import settings
from playground.sources import kept
from playground.sources.kept import keep_table, read_table, table_id
from playground.sources.table import Answered, Source, SourcesTable

ASKED = Question(id="q1", question="Where?", answer="there", evidence=(), kind="keyword")
TABLE = SourcesTable(
    questions=(ASKED,),
    sources=(Source(0, "none"),),
    answers={"q1": (Answered(text="There", right=True, f1=1.0, passages=("a#1",), prompt_tokens=7),)},
)
CORPUS = Corpus(id="c", title="C", language="en", passages=(Passage("a#1", "a", "", "There."),), questions=(ASKED,))
PLAIN = Contestant(label="", recipe=parse({"model": "tiny-llama", "edits": []}))


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def test_a_table_is_read_as_it_was_kept():
    name = table_id(TABLE, [PLAIN], CORPUS)
    assert read_table(name) is None
    keep_table(name, TABLE)
    assert read_table(name) == TABLE


def test_an_id_stands_for_all_that_answers_depend_on():
    nudge = {"kind": "nudge_tokens", "text": " a", "direction": "scale", "strength": 2.0}
    others = [
        (TABLE, [replace(PLAIN, recipe=parse({"model": "tiny-llama", "edits": [nudge]}))], CORPUS),
        (TABLE, [replace(PLAIN, retriever="bm25", corpus_id="c")], CORPUS),
        (TABLE, [replace(PLAIN, k=2)], CORPUS),
        (replace(TABLE, questions=(replace(ASKED, question="Who?"),)), [PLAIN], CORPUS),
        (TABLE, [PLAIN], replace(CORPUS, passages=(Passage("a#1", "a", "", "Here."),))),
    ]
    names = {table_id(*other) for other in others} | {table_id(TABLE, [PLAIN], CORPUS)}
    assert len(names) == len(others) + 1
    titled = replace(PLAIN, label="a title that a visitor gave")
    assert table_id(replace(TABLE, answers={}), [titled], CORPUS) == table_id(TABLE, [PLAIN], CORPUS)


@pytest.mark.parametrize("name", ["../secret", "", "x" * 32, None, 7, "a" * 31])
def test_what_is_no_id_reads_nothing(name, home):
    (home / "secret").mkdir()
    (home / "secret" / "table.json").write_bytes(kept.table_text(TABLE))
    assert read_table(name) is None


def test_a_damaged_table_is_none(home):
    name = table_id(TABLE, [PLAIN], CORPUS)
    keep_table(name, TABLE)
    (home / "tables" / name / "table.json").write_text('{"questions": 3}')
    assert read_table(name) is None


def test_a_host_keeps_so_many(home, monkeypatch):
    monkeypatch.setattr(kept, "MOST_TABLES", 3)
    for number in range(6):
        keep_table(f"{number:032x}", TABLE)
    assert len(list((home / "tables").iterdir())) == 3


def test_a_disk_that_refuses_ends_no_run(home, monkeypatch):
    (home / "tables").write_text("a file in the folder's place")
    keep_table("a" * 32, TABLE)
    assert read_table("a" * 32) is None
