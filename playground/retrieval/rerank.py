"""A second stage: a cross-encoder reads the query and each passage together and scores the pair.

Slower and better than comparing two embeddings. No cross-encoder comes in a package, so it is
there only where the Hub, or its cache on this machine, gives one.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from playground.errors import CorpusError
from playground.hub import Repository
from playground.retrieval.passages import Scored
from playground.settings import LOADING, settings

CROSS_ENCODER = "cross-encoder/ms-marco-MiniLM-L6-v2"
CROSS_ENCODER_FILES = ("*.json", "vocab.txt", "model.safetensors")
DEPTH = 20  # hits that are read again

_lock = threading.Lock()


def rerank(query: str, hits: list[Scored], texts: Sequence[str]) -> list[Scored]:
    """The hits in the order of the cross-encoder's scores, which they get.

    :param texts: of the passages, one for each hit.
    :raises CorpusError: there is no cross-encoder here.
    """
    if not hits:
        return []
    with _lock:
        scores = _model().predict([(query, text) for text in texts], show_progress_bar=False)
    pairs = [(position, float(score)) for (position, _), score in zip(hits, scores, strict=True)]
    return sorted(pairs, key=lambda hit: -hit[1])


@lru_cache(maxsize=1)
def _model() -> Any:
    missing = CorpusError(
        "Re-ranking needs a cross-encoder ({name}), which is neither on this machine nor to be "
        "had from the Hub. Search without it.",
        name=CROSS_ENCODER,
    )
    if settings().hub == "off":
        raise missing
    folder = Repository(id=CROSS_ENCODER, files=CROSS_ENCODER_FILES, failed=missing).download()
    import torch
    from sentence_transformers import CrossEncoder

    with LOADING:
        return CrossEncoder(
            str(folder),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            max_length=512,
            model_kwargs={"dtype": torch.float32, "use_safetensors": True},
        )
