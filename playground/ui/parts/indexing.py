"""Embedding a corpus for a visitor who waits: how long it takes yet, and stopping it."""

from __future__ import annotations

import time

from playground.engine.work import Stopped, Work
from playground.errors import CorpusError, Message
from playground.retrieval.corpus import Corpus
from playground.retrieval.dense import index as dense
from playground.retrieval.dense.encoders import MINILM
from playground.ui.parts.html import clock
from playground.ui.text import say


def index(corpus: Corpus, work: Work, language: str, encoder: str = MINILM) -> None:
    """Embed a corpus where that was not done yet.

    :raises CorpusError: the encoder cannot be used here.
    :raises Stopped: nobody waits for it any more.
    """
    start = time.monotonic()

    def tell(done: int, of: int) -> None:
        left = (time.monotonic() - start) / max(1, done) * (of - done)
        work.on_step(done, of, Message("{text}", {"text": say(language, "indexing", left=clock(left))}))

    try:
        dense.dense_index(corpus, tell, work.stopped, encoder)
    except CorpusError as error:
        if work.stopped():
            raise Stopped(error.message.template, **error.message.values) from error
        raise
