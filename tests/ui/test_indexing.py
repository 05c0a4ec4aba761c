"""Embedding a corpus while a visitor waits."""

from __future__ import annotations

import pytest

from playground.engine.work import Stopped, Work
from playground.errors import CorpusError
from playground.retrieval.dense import index as dense
from playground.retrieval.passages import Corpus
from playground.ui.parts import indexing
from playground.ui.parts.indexing import index
from playground.ui.text import tell

CORPUS = Corpus(id="c", title="t", language="en", passages=(), questions=())


@pytest.mark.parametrize(("language", "said"), [("en", "about 30 s left"), ("ko", "약 30 s 남음")])
def test_the_seconds_left_are_told(monkeypatch, language, said):
    """Ten of forty took ten seconds: the rest take thirty."""
    clock = iter([100.0, 110.0])
    monkeypatch.setattr(indexing.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(dense, "dense_index", lambda corpus, tell, stopped, encoder: tell(10, 40))
    told = []
    index(CORPUS, Work(lambda *step: told.append(step)), language)
    [(*at, what)] = told
    assert at == [10, 40]
    assert said in tell(language, what)


def test_it_is_stopped_by_whoever_waits(monkeypatch):
    def build(corpus, tell, stopped, encoder):
        assert encoder == "other"
        if stopped():
            raise CorpusError("Indexing was stopped. Search again to go on.")

    monkeypatch.setattr(dense, "dense_index", build)
    index(CORPUS, Work(), "en", "other")
    with pytest.raises(Stopped, match="was stopped"):
        index(CORPUS, Work(stopped=lambda: True), "en", "other")


def test_what_cannot_be_embedded_is_no_stop(monkeypatch):
    def build(*args):
        raise CorpusError("The query is empty. Write what to look for.")

    monkeypatch.setattr(dense, "dense_index", build)
    with pytest.raises(CorpusError, match="is empty"):
        index(CORPUS, Work(), "en")
