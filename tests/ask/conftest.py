"""A home of its own, a tiny model that a fact can be written into, and an encoder that needs no weights."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from playground.ask import ways
from playground.engine.facts import keys, layers
from playground.retrieval.dense import index as dense
from playground.settings import settings

MODEL = "tiny-llama"


def by_words(texts, on_progress=None, stopped=None):
    """Embeddings that count words: alike are texts that share some."""
    rows = np.full((len(texts), dense.DIMENSION), 1e-3, dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        for word in text.lower().split():
            row[zlib.crc32(word.strip(".?,").encode()) % dense.DIMENSION] += 1
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def room(known, tmp_path, monkeypatch):
    """Everything that the ways need, quick; gives the tiny models."""
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path))
    monkeypatch.setattr(keys, "MOMENT_TOKENS", 700)
    monkeypatch.setitem(layers.CHOICES, MODEL, {"rome": (0,), "ft": (0,), "memit": (0,), "alphaedit": (0,)})
    monkeypatch.setattr(ways, "LORA", ways.LORA.model_copy(update={"steps": 3}))
    monkeypatch.setattr(dense, "embed", by_words)
    for clear in (settings.cache_clear, dense.query_vector.cache_clear, dense._indexes.clear):
        clear()
    yield known
    for clear in (settings.cache_clear, dense.query_vector.cache_clear, dense._indexes.clear):
        clear()
