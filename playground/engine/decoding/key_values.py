"""Keys and values of a batch's rows, and attention to them.

Each row's entries start at place 0 and new ones are written at its own end, so a row is computed the same way
whoever shares its batch, and nothing is copied as the texts grow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

BLOCK = 64  # places; a sum over a part of a block is rounded in another order


def in_blocks(places: int) -> int:
    """So many places or more, in full blocks."""
    return -(-places // BLOCK) * BLOCK


def resized(kept: Tensor, rows: int, places: int) -> Tensor:
    """(rows, heads, places, numbers) with what was there, as far as there is room."""
    new = kept.new_zeros((rows, kept.shape[1], places, kept.shape[3]))
    rows, places = min(rows, len(kept)), min(places, kept.shape[2])
    new[:rows, :, :places] = kept[:rows, :, :places]
    return new


@dataclass(frozen=True, eq=False, slots=True)
class Look:
    """How a layer attends.

    :param heads: of queries, of keys and values each, and numbers in each.
    :param window: how many places back it looks, None for all.
    """

    heads: tuple[int, int, int]
    scale: float
    window: int | None


class Rows:
    """The texts of a batch: how long each is by now, and the places that each has."""

    lengths: list[int]
    capacity: int

    @property
    def rows(self) -> int:
        """Texts in the batch."""
        return len(self.lengths)

    def sized(self, rows: int, capacity: int) -> None:
        """Note another number of texts, and of places in each."""
        self.capacity = in_blocks(capacity)
        self.lengths = [*self.lengths[:rows], *[0] * (rows - self.rows)]


class KeyValues(Rows):
    """What a batch has read by now.

    :param rows: texts in the batch.
    :param capacity: places per row, prompt and new tokens together.
    :param shapes: heads and numbers in each, by layer.
    """

    def __init__(self, rows: int, capacity: int, shapes: Sequence[tuple[int, int]], dtype: torch.dtype) -> None:
        self.capacity = in_blocks(capacity)
        self.lengths = [0] * rows
        # Keys' heads, then the values': one write for both
        self.layers = [torch.zeros(rows, 2 * heads, self.capacity, size, dtype=dtype) for heads, size in shapes]

    def resize(self, rows: int, capacity: int) -> None:
        """More rows, or more places in each, or fewer; what is there stays."""
        self.sized(rows, capacity)
        for number, layer in enumerate(self.layers):  # one at a time: never all of it twice
            self.layers[number] = resized(layer, rows, self.capacity)

    def move(self, source: int, row: int) -> None:
        """Let a text lie in another row."""
        self.copy(source, row, self.lengths[source])

    def copy(self, source: int, row: int, count: int) -> None:
        """Begin a row with the first tokens of another."""
        for layer in self.layers:
            layer[row, :, :count] = layer[source, :, :count]
            layer[row, :, count:].zero_()
        self.lengths[row] = count

    def clear(self, row: int) -> None:
        """Empty a row. What is masked is multiplied by nothing, which is none of a number that is none."""
        for layer in self.layers:
            layer[row].zero_()
        self.lengths[row] = 0

    def fill(self, row: int, pairs: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Begin a row with keys and values, (1, heads, tokens, numbers) each, of every layer."""
        for layer, (keys, values) in zip(self.layers, pairs, strict=True):
            both = torch.cat([keys[0], values[0]])
            layer[row, :, : both.shape[1]] = both
            self.lengths[row] = both.shape[1]

    def attend(self, number: int, qkv: Tensor, look: Look, places: Places, row: int | None) -> Tensor:
        """Write new keys and values of a layer, and look at all that a token may see.

        :param qkv: (tokens, heads, numbers) queries, keys, values; a token a row, or all of one row.
        :return: (tokens, heads of queries x numbers).
        """
        queries, keys, size = look.heads
        kept, tokens = self.layers[number], len(qkv)
        if row is None:
            kept[places.rows, :, places.positions] = qkv[:, queries:]
            seen = kept[:tokens, :, : places.width]
            asked = qkv[:, :queries].view(tokens, keys, queries // keys, size)  # heads that share keys: as tokens
        else:
            kept[row, :, places.start : places.start + tokens] = qkv[:, queries:].transpose(0, 1)
            seen = kept[row : row + 1, :, : places.width]
            asked = qkv[:, :queries].transpose(0, 1).reshape(1, keys, -1, size)
        mask = places.mask(look.window, queries // keys)
        found = F.scaled_dot_product_attention(asked, seen[:, :keys], seen[:, keys:], attn_mask=mask, scale=look.scale)
        if row is None:
            return found.reshape(tokens, -1)
        return found.view(queries, tokens, size).transpose(0, 1).reshape(tokens, -1)


@dataclass(eq=False)
class Places:
    """Where a step's or a piece's tokens are, and what each may see.

    :param positions: (tokens,) of each in its own text.
    :param rows: (tokens,) whose they are; None for a piece of one row.
    :param width: places that are looked at: the longest text and its new tokens, in full blocks.
    """

    positions: Tensor
    rows: Tensor | None
    start: int
    width: int

    @classmethod
    def of_step(cls, lengths: Sequence[int]) -> Places:
        """A token more for each of the first rows."""
        width = in_blocks(max(lengths) + 1)
        return cls(torch.tensor(list(lengths)), torch.arange(len(lengths)), 0, width)

    @classmethod
    def of_piece(cls, start: int, count: int) -> Places:
        """The next tokens of one row."""
        width = in_blocks(start + count)
        return cls(torch.arange(start, start + count), None, start, width)

    def __post_init__(self) -> None:
        self._masks: dict[tuple[int | None, int], Tensor] = {}

    def mask(self, window: int | None, group: int) -> Tensor:
        """True where a query may look: (rows, 1, 1, width), or of a piece (group x tokens, width)."""
        key = window, group
        if key not in self._masks:
            place = torch.arange(self.width)
            seen = place <= self.positions[:, None]
            if window:
                seen &= place > self.positions[:, None] - window
            self._masks[key] = seen[:, None, None] if self.rows is not None else seen.repeat(group, 1)
        return self._masks[key]
