"""A home of its own for every test, and small corpora made on the spot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.retrieval.dense import index as dense
from playground.retrieval.lexical import index as bm25
from playground.retrieval.passages import Corpus, Passage
from playground.settings import settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "home"
    monkeypatch.setenv("PLAYGROUND_HOME", str(folder))
    settings.cache_clear()
    bm25._indexes.clear()
    dense._indexes.clear()
    yield folder
    settings.cache_clear()


@pytest.fixture
def make_corpus():
    def make(*texts: str, heading: str = "", **more: object) -> Corpus:
        passages = tuple(Passage(f"d.md#{number}", "d.md", heading, text) for number, text in enumerate(texts, start=1))
        values = {"id": "small", "title": "Small", "language": "en", "questions": ()} | more
        return Corpus(passages=passages, **values)

    return make
