"""Decoding through a model's own modules: for the layouts that have no plan of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from playground.engine.decoding.row_cache import RowCache
from playground.engine.fork import Fork
from playground.engine.fork.ensemble import Ensemble
from playground.engine.fork.structure import key_shape

PIECE, WHOLE = 256, 1 << 20


class ModulesPlan:
    """What :class:`~playground.engine.decoding.plan.Plan` does, by calling the model."""

    def __init__(self, fork: Fork) -> None:
        self.model, self.ahead = fork.model, fork.virtual_count()
        layers, heads, size = key_shape(fork.base.model.config)
        models = 1 + len(getattr(getattr(fork.model, Ensemble.NAME, None), "members", ()))
        dtype = fork.embedding("input")[0].dtype
        self.place_bytes = 2 * layers * heads * size * models * dtype.itemsize  # of one token's keys and values
        # Tokens of a prompt at a time. How much was read is asked of the first layer, and of one model alone.
        self.piece = WHOLE if fork.dropped or hasattr(fork.model, Ensemble.NAME) else PIECE

    def room(self, rows: int, capacity: int) -> RowCache:
        """Where a batch's keys and values are kept."""
        return RowCache(rows, capacity)

    def begin(self, kept: RowCache, row: int) -> None:
        """Let a row begin; the model itself puts learned tokens before its text."""
        kept.clear(row)
        kept.reading[row] = DynamicCache()
        kept.lengths[row] = self.ahead

    def read(self, ids: Sequence[int], kept: RowCache, row: int) -> Tensor:
        """Read a piece of a row's prompt; (vocab,) the logits after its last token."""
        own = kept.reading[row]
        model: Any = self.model
        out = model(input_ids=torch.tensor([list(ids)]), past_key_values=own, logits_to_keep=1)
        kept.fill(row, own, kept.lengths[row] + len(ids))
        logits: Tensor = out.logits[0, -1]
        return logits

    def finish(self, kept: RowCache, row: int) -> None:
        """A row's prompt was read: what it was read into is held in the batch's cache now."""
        del kept.reading[row]

    def logits(self, read: Tensor) -> Tensor:
        """(n, vocab) of what came of reading: the same."""
        return read

    def likeliest(self, read: Tensor, logits: Tensor) -> list[int]:
        """The likeliest token of each row."""
        likeliest: list[int] = logits.argmax(-1).tolist()
        return likeliest

    def step(self, tokens: Sequence[int], kept: RowCache) -> Tensor:
        """One token more for each of the first rows; (rows, vocab) logits."""
        model: Any = self.model
        kept.stepping = len(tokens)
        out = model(
            input_ids=torch.tensor(list(tokens))[:, None],
            position_ids=torch.tensor(kept.lengths[: len(tokens)])[:, None],
            past_key_values=kept,
            attention_mask=kept.masks(model.config),
        )
        logits: Tensor = out.logits[:, -1]
        return logits
