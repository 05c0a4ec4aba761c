"""Keys and values of several texts of different lengths, for a model's own modules to decode in one batch.

Each text's entries start at place 0 of its own row and new ones are written at that row's own
end. So a row is computed the same way whoever shares its batch (padding on the left would shift
it), and nothing is copied as the texts grow.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin, DynamicCache, DynamicLayer

from playground.engine.decoding.key_values import Rows, in_blocks, resized


class RowLayer(CacheLayerMixin):
    """One layer's keys and values, (rows, heads, capacity, head_dim)."""

    is_sliding = False
    keys: Tensor  # here from the start, never None
    values: Tensor

    def __init__(self, owner: RowCache, keys: Tensor, values: Tensor) -> None:
        super().__init__()
        self.owner, self.keys, self.values = owner, keys, values
        self.is_initialized = True

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Nothing to do: the memory is there from the start."""

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Write one new position for each of the first rows, and return those up to the longest's end."""
        rows, width = torch.arange(len(key_states)), self.owner.width()
        at = torch.tensor(self.owner.lengths[: len(rows)])
        self.keys[rows, :, at] = key_states[:, :, 0]
        self.values[rows, :, at] = value_states[:, :, 0]
        return self.keys[: len(rows), :, :width], self.values[: len(rows), :, :width]

    def get_seq_length(self) -> int:
        """Entries before the current step, of the longest row."""
        return self.owner.longest()

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Keys that the current step sees, from place 0."""
        return self.owner.width(), 0

    def get_max_length(self) -> int:
        """Places per row."""
        return self.keys.shape[2]


class RowCache(Rows, Cache):
    """The cache of a batch: filled row by row from finished prefills, then grown together.

    :param rows: texts in the batch.
    :param capacity: places per row, prompt and new tokens together.
    """

    def __init__(self, rows: int, capacity: int) -> None:
        self.lengths = [0] * rows
        self.stepping = rows  # how many of the first rows the current step is of
        self.capacity = in_blocks(capacity)
        self.reading: dict[int, DynamicCache] = {}  # of rows whose prompts are being read
        super().__init__(layers=[])

    def resize(self, rows: int, capacity: int) -> None:
        """More rows, or more places in each, or fewer; what is there stays."""
        self.sized(rows, capacity)
        for layer in cast(list[RowLayer], self.layers):
            layer.keys = resized(layer.keys, rows, self.capacity)
            layer.values = resized(layer.values, rows, self.capacity)

    def move(self, source: int, row: int) -> None:
        """Let a text lie in another row."""
        count = self.lengths[source]
        for layer in cast(list[RowLayer], self.layers):
            for part in (layer.keys, layer.values):
                part[row, :, :count] = part[source, :, :count]
                part[row, :, count:].zero_()
        self.lengths[row] = count
        if source in self.reading:
            self.reading[row] = self.reading.pop(source)

    def clear(self, row: int) -> None:
        """Empty a row. What is masked is multiplied by nothing, which is none of a number that is none."""
        for layer in cast(list[RowLayer], self.layers):
            layer.keys[row].zero_()
            layer.values[row].zero_()

    def fill(self, row: int, prefill: DynamicCache, length: int) -> None:
        """Take over the keys and values of one prompt of ``length`` tokens.

        A layer that was taken out of the model has none; its place stays empty.
        """
        for index, layer in enumerate(cast(list[DynamicLayer], prefill.layers)):
            keys, values = layer.keys, layer.values  # (1, heads, length, head_dim)
            if keys is None or values is None:
                keys = values = torch.empty(1, 0, 0, 0)
            if index == len(self.layers):
                self.layers.append(RowLayer(self, self._room(keys), self._room(values)))
            mine = cast(RowLayer, self.layers[index])
            mine.keys[row, :, : keys.shape[2]] = keys[0]
            mine.values[row, :, : values.shape[2]] = values[0]
        self.lengths[row] = length

    def _room(self, like: Tensor) -> Tensor:
        """Zeros for all rows, (rows, heads, capacity, head_dim)."""
        return like.new_zeros((self.rows, like.shape[1], self.capacity, like.shape[3]))

    def longest(self) -> int:
        """Tokens of the longest text that the current step is of."""
        return max(self.lengths[: self.stepping])

    def width(self) -> int:
        """Places that the current step looks at: the longest row and the new token, in full
        blocks, since a sum over a part of a block is rounded in another order."""
        return in_blocks(self.longest() + 1)

    def masks(self, config: Any) -> Tensor | dict[str, Tensor]:
        """Which places each row's new token sees, (rows, 1, 1, width), True where it does.

        A model with layers of two kinds (full and sliding attention) gets one mask for each.
        """
        position, lengths = torch.arange(self.width()), torch.tensor(self.lengths[: self.stepping])
        full = (position <= lengths[:, None])[:, None, None, :]
        window = getattr(config, "sliding_window", None)
        if not window or getattr(config, "use_sliding_window", True) is False:
            return full
        near = (position > lengths[:, None] - window)[:, None, None, :]
        kinds = set(getattr(config, "layer_types", None) or ["sliding_attention"])
        if kinds == {"full_attention"}:
            return full
        if kinds == {"sliding_attention"}:
            return full & near
        return {"full_attention": full, "sliding_attention": full & near}
