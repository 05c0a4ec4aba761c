"""Looking at tokens: how a text is split, what lies near a row, and a flat map of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase
from transformers.convert_slow_tokenizer import bytes_to_unicode

from playground.engine.fork import Fork, Side
from playground.engine.models.token_ids import named_ids
from playground.errors import PlaygroundError

MAX_TEXT = 2_000  # characters
MAX_TOKENS = 256
MAX_NEIGHBOURS = 50
ROWS_AT_ONCE = 8192
BYTE_TOKEN = re.compile(r"<0x[0-9A-F]{2}>")


@dataclass(frozen=True)
class Token:
    """One token of a text and the length of its row."""

    id: int
    text: str
    norm: float


@dataclass(frozen=True)
class Neighbour:
    """A row near another, by the cosine between them."""

    id: int
    text: str
    cosine: float


@dataclass(frozen=True)
class MapPoint:
    """A place on the flat map."""

    id: int
    text: str
    x: float
    y: float


@dataclass(frozen=True)
class FlatMap:
    """A token, its surroundings, and where a nudge took it.

    ``kept`` is the share of the points' variance that the two axes show.
    """

    before: MapPoint
    after: MapPoint
    others: tuple[MapPoint, ...]
    kept: float


def token_text(tokenizer: PreTrainedTokenizerBase, token: int) -> str:
    """A token as text; part of a character is shown as its bytes, like ⟨EC 95⟩."""
    if token >= len(tokenizer):  # a row that the vocabulary does not use
        return f"⟨{token}⟩"
    text = str(tokenizer.decode([token]))
    if "\ufffd" not in text:
        return text
    piece = str(tokenizer.convert_ids_to_tokens(token))
    if BYTE_TOKEN.fullmatch(piece):
        return f"⟨{piece[3:5]}⟩"
    table = _byte_of()
    if any(sign not in table for sign in piece):
        return piece
    return "⟨" + " ".join(f"{table[sign]:02X}" for sign in piece) + "⟩"


def byte_count(tokenizer: PreTrainedTokenizerBase, token: int) -> int:
    """Bytes of text that a token stands for."""
    shown = token_text(tokenizer, token)
    return len(shown.split()) if shown.startswith("⟨") else len(shown.encode())


@cache
def _byte_of() -> dict[str, int]:
    return {sign: byte for byte, sign in bytes_to_unicode().items()}


def split_tokens(fork: Fork, text: str, side: Side = "input") -> list[Token]:
    """The tokens of a text as it is written.

    :raises PlaygroundError: the text is empty or too long.
    """
    if not isinstance(text, str) or not text:
        raise PlaygroundError("The text is empty. Type a word or a sentence.")
    ids = named_ids(fork.base.tokenizer, text) if len(text) <= MAX_TEXT else []
    if not 0 < len(ids) <= MAX_TOKENS:
        raise PlaygroundError(
            "The text is too long: keep it to {characters} characters and {tokens} tokens.",
            characters=MAX_TEXT,
            tokens=MAX_TOKENS,
        )
    norms = fork.rows(side, torch.tensor(ids)).norm(dim=-1).tolist()
    names = [token_text(fork.base.tokenizer, token) for token in ids]
    return [Token(*row) for row in zip(ids, names, norms, strict=True)]


@torch.inference_mode()
def neighbours(fork: Fork, ids: Sequence[int], k: int, side: Side = "input") -> list[list[Neighbour]]:
    """For each token the k other rows with the highest cosine, nearest first."""
    wanted = torch.tensor(list(ids), dtype=torch.long)
    queries = _unit(fork.rows(side, wanted))  # (n, d)
    cosines = cosine_table(fork, queries, side)  # (n, vocab)
    cosines[torch.arange(len(wanted)), wanted] = -2.0  # a row is not its own neighbour
    top = cosines.topk(min(k, cosines.shape[1] - 1), dim=-1)
    name = fork.base.tokenizer
    return [
        [
            Neighbour(token, token_text(name, token), round(value, 6))
            for token, value in zip(row_ids, row_values, strict=True)
        ]
        for row_ids, row_values in zip(top.indices.tolist(), top.values.tolist(), strict=True)
    ]


def cosine_table(fork: Fork, queries: Tensor, side: Side) -> Tensor:
    """(n, vocab) cosines of unit queries (n, d) with every row, in float32, a part at a time."""
    weight, patched, rows = fork.embedding(side)
    table = torch.empty(queries.shape[0], weight.shape[0], dtype=torch.float32)
    for start in range(0, weight.shape[0], ROWS_AT_ONCE):
        part = weight[start : start + ROWS_AT_ONCE].float()
        table[:, start : start + len(part)] = queries @ _unit(part).T
    if len(patched):
        table[:, patched] = queries @ _unit(rows.float()).T
    return table


def _unit(rows: Tensor) -> Tensor:
    return rows / rows.norm(dim=-1, keepdim=True).clamp_min(1e-12)


def vector(fork: Fork, token: int, side: Side = "input") -> list[float]:
    """A token's row, scaled so that its largest entry is 1 or -1."""
    row = fork.rows(side, torch.tensor([token]))[0]
    return (row / row.abs().max().clamp_min(1e-12)).tolist()


def norm(fork: Fork, token: int, side: Side = "input") -> float:
    """The length of a token's row."""
    return float(fork.rows(side, torch.tensor([token])).norm())


def flat_map(before: Fork, after: Fork, token: int, others: Sequence[int], side: Side = "input") -> FlatMap:
    """Project a token and others on the first two principal axes of their rows before.

    The place after the nudge is drawn on the same axes, so an arrow between the two is what
    those axes can show of the move. Rows that are not numbers lie at none.

    :param others: ids of the neighbours and of the target, without the token itself.
    """
    ids = [token, *others]
    rows = before.rows(side, torch.tensor(ids)).double()
    centre = rows.mean(0)
    _, sizes, axes = torch.linalg.svd((rows - centre).nan_to_num(0, 0, 0), full_matrices=False)  # else it refuses
    axes = _two(axes)
    axes = axes * torch.where(axes.sum(-1, keepdim=True) < 0, -1.0, 1.0)  # one sign for all runs
    moved = after.rows(side, torch.tensor([token])).double()
    flat = torch.cat([rows, moved]).sub(centre) @ axes.T  # (n + 1, 2)
    name = before.base.tokenizer
    points = [
        MapPoint(number, token_text(name, number), x, y)
        for number, (x, y) in zip([*ids, token], flat.tolist(), strict=True)
    ]
    shares = sizes.square() / sizes.square().sum().clamp_min(1e-12)
    return FlatMap(points[0], points[-1], tuple(points[1:-1]), float(shares[:2].sum()))


def _two(axes: Tensor) -> Tensor:
    """The first two axes; a missing one (few points, or a narrow model) is zeros."""
    padded = torch.zeros(2, axes.shape[1], dtype=axes.dtype)
    padded[: min(2, len(axes))] = axes[:2]
    return padded
