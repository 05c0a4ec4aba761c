"""Embedding a corpus for a visitor who waits: how long it takes yet, and stopping it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from playground.retrieval.corpus import Corpus
from playground.retrieval.dense import index as dense
from playground.retrieval.dense.encoders import MINILM
from playground.ui.parts.html import clock
from playground.ui.text import say


def index(
    corpus: Corpus, language: str, progress: Any, stopped: Callable[[], bool] = lambda: False, encoder: str = MINILM
) -> None:
    """Embed a corpus where that was not done yet.

    :raises CorpusError: it was stopped, or the encoder cannot be used here.
    """
    start = time.monotonic()

    def tell(done: int, of: int) -> None:
        left = (time.monotonic() - start) / max(1, done) * (of - done)
        progress((done, of), desc=say(language, "indexing", left=clock(left)))

    dense.dense_index(corpus, tell, stopped, encoder)
