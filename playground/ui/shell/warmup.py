"""Loading behind the page: the start-up model first, then what dense search needs."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field

from playground.engine.models import loader
from playground.errors import Message, PlaygroundError
from playground.retrieval import corpus, low_scores
from playground.retrieval.dense import index as dense
from playground.retrieval.retrievers import RETRIEVERS
from playground.settings import settings

log = logging.getLogger(__name__)
MOST_PASSAGES = 1_000  # of a corpus that is embedded before anybody asks


@dataclass
class Warmup:
    """How far the loading is; written by one thread, read by every page."""

    step: Message = field(default_factory=lambda: Message("Starting…"))
    started: float = field(default_factory=time.monotonic)
    ready: bool = False
    error: Message | None = None

    def start(self) -> None:
        """Begin loading on a thread of its own."""
        threading.Thread(target=self._run, name="warmup", daemon=True).start()

    def seconds(self) -> int:
        """Seconds since the start."""
        return int(time.monotonic() - self.started)

    def _run(self) -> None:
        try:
            loader.load(settings().model, self._note)
            self.ready = True
            log.info("The model is ready.")
            for shipped in corpus.list_corpora():
                if len(shipped.passages) <= MOST_PASSAGES:
                    dense.dense_index(shipped)
                    for retriever in RETRIEVERS:
                        low_scores.limit(shipped, retriever)
            log.info("Dense search is ready.")
        except PlaygroundError as error:
            if self.ready:  # only dense search is missing; it says so itself when asked
                log.warning("%s", error)
            else:
                self.error = error.message
        except Exception:
            log.exception("Loading failed")
            if not self.ready:
                self.error = Message("The model could not be loaded. The server's log says why.")

    def _note(self, step: Message) -> None:
        log.info("%s", step)
        self.step = step


WARMUP = Warmup()
