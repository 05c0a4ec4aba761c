"""What a fork has beside its base, where that is thin: rows of such forks share the base's batch.

Nudged rows on either side, thin matrices beside layers (LoRA and rank-one facts) and learned tokens before a text.
Rows of a batch with matrices of their own are multiplied by row, as Punica (Chen et al. 2023) and S-LoRA (Sheng et
al. 2023) do: the thin matrices of all rows are padded to one rank and stacked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from playground.engine.decoding.plan import PLAIN, Added, is_planned
from playground.engine.fork import Fork
from playground.engine.fork.patched_rows import PatchedRows, rows_at
from playground.engine.fork.side_layers import LowRank

# The layers of each product, in the order of its outputs
PRODUCTS = {
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "out": ("self_attn.o_proj",),
    "gates": ("mlp.gate_proj", "mlp.up_proj"),
    "down": ("mlp.down_proj",),
}
MOST_RANK = 16  # beside one layer: of a thicker one each row would hold a copy that is as large as a layer
Place = tuple[int, str]  # a layer, and one of its products


@dataclass(frozen=True, eq=False)
class Part:
    """Thin matrices beside some of a product's outputs: ``up`` (rows, r), scaled, times ``down`` (r, in)."""

    start: int
    down: Tensor
    up: Tensor

    @property
    def stop(self) -> int:
        """The place after its last output."""
        return self.start + len(self.up)


@dataclass(frozen=True, eq=False)
class Thin:
    """A fork beside its base."""

    embed: PatchedRows | None
    head: PatchedRows | None
    low: Mapping[Place, Sequence[Part]]
    ahead: Sequence[tuple[Tensor, Tensor]]

    @property
    def plain(self) -> bool:
        """Whether it changes nothing of a step."""
        return self.embed is None and self.head is None and not self.low


def thin_of(fork: Fork) -> Thin | None:
    """A fork as what it has beside its base; None where it holds more than thin things."""
    model: Any = fork.model
    base: Any = fork.base.model
    if not is_planned(model) or fork.dropped:
        return None
    low: dict[Place, list[Part]] = {}
    for number, (layer, was) in enumerate(zip(model.model.layers, base.model.layers, strict=True)):
        for product, paths in PRODUCTS.items():
            start = 0
            for path in paths:
                parts = _parts(layer.get_submodule(path), was.get_submodule(path), start)
                if parts is None:
                    return None
                low.setdefault((number, product), []).extend(parts)
                start += was.get_submodule(path).out_features
        if not _same(layer, was, [f"{path}.weight" for paths in PRODUCTS.values() for path in paths]):
            return None
    if not _is(model.model.norm.weight, base.model.norm.weight):
        return None
    ends = [(model.get_input_embeddings(), base.get_input_embeddings())]
    ends.append((model.get_output_embeddings(), base.get_output_embeddings()))
    if not all(_is(_under(now).weight, was.weight) and type(_under(now)) is type(was) for now, was in ends):
        return None
    embed, head = (now if isinstance(now, PatchedRows) else None for now, _ in ends)
    ahead = () if fork.virtual is None else tuple(fork.virtual.pairs)
    return Thin(embed, head, {place: parts for place, parts in low.items() if parts}, ahead)


def _under(module: Any) -> Any:
    return module.inner if isinstance(module, PatchedRows) else module


def _is(now: Any, was: Any) -> bool:
    return isinstance(now, Tensor) and now.data_ptr() == was.data_ptr()


def _parts(layer: nn.Module, was: nn.Module, start: int) -> list[Part] | None:
    """Thin matrices beside a layer; None where there is something else."""
    parts = []
    while type(layer) is LowRank and layer.stretch is None:
        parts.append(Part(start, layer.down.detach(), layer.scale * layer.up.detach()))
        layer = layer.inner
    plain = type(layer) in PLAIN and _is(layer.weight, was.weight)
    plain = plain and sum(len(part.down) for part in parts) <= MOST_RANK
    return parts if plain and (was.bias is None or _is(layer.bias, was.bias)) else None


def _same(layer: nn.Module, was: nn.Module, but: Sequence[str]) -> bool:
    """Whether a layer's other parameters (norms and biases) are the base's."""
    now = dict(layer.named_parameters())
    return all(name in but or name.endswith("proj.bias") or _is(now.get(name), p) for name, p in was.named_parameters())


class Beside:
    """The thin parts of the rows of one step, or of all tokens of one row."""

    def __init__(self, thins: Sequence[Thin], alone: bool = False) -> None:
        self.thins, self.alone = thins, alone

    @cached_property
    def _low(self) -> dict[Place, _Stack]:
        places = {place for thin in self.thins for place in thin.low}
        return {place: _Stack.of([thin.low.get(place, ()) for thin in self.thins], self.alone) for place in places}

    def embedded(self, ids: Tensor, x: Tensor) -> Tensor:
        """(tokens, d_model) with the rows' own embeddings of their tokens."""
        for row, thin in enumerate(self.thins):
            if thin.embed is not None:
                rows = slice(None) if self.alone else slice(row, row + 1)
                x[rows] = thin.embed(ids[rows])
        return x

    def at(self, layer: int) -> Added:
        """What adds to a layer's products what the thin matrices make of their inputs."""

        def added(product: str, x: Tensor, out: Tensor) -> Tensor:
            stack = self._low.get((layer, product))
            return out if stack is None else stack.added(x, out)

        return added

    def rows_at(self, head: nn.Module, rows: Tensor, ids: Tensor) -> Tensor:
        """(n, d_model) float32: for each of the rows the weights of a token in its own head."""
        found = rows_at(head, ids)
        for row, thin in enumerate(self.thins):
            if thin.head is not None and bool((mine := rows == row).any()):
                found[mine] = rows_at(thin.head, ids[mine])
        return found

    def voted(self, read: Tensor, logits: Tensor) -> Tensor:
        """(tokens, vocab) logits with those of the rows' own heads."""
        for row, thin in enumerate(self.thins):
            if thin.head is not None:
                logits[row, thin.head.ids] = thin.head.patch(read[row : row + 1])[0]
        return logits


@dataclass(frozen=True, eq=False)
class _Stack:
    """Thin matrices beside one product: ``down`` (n, ranks, in), of each part ``up`` (n, outputs, rank)."""

    rows: Tensor | None  # of the step; None for all tokens of one row
    down: Tensor
    ups: Sequence[tuple[slice, slice, Tensor]]  # outputs, ranks, matrices

    @classmethod
    def of(cls, each: Sequence[Sequence[Part]], alone: bool) -> _Stack:
        rows = [row for row, parts in enumerate(each) if parts]
        spans = sorted({(part.start, part.stop) for parts in each for part in parts})
        downs, ups, first = [], [], 0
        for start, stop in spans:
            mine = [[part for part in each[row] if part.start == start] for row in rows]
            rank = max(sum(len(part.down) for part in parts) for parts in mine)
            width = next(part.down.shape[1] for parts in mine for part in parts)
            down, up = torch.zeros(len(rows), rank, width), torch.zeros(len(rows), stop - start, rank)
            for n, parts in enumerate(mine):
                at = 0
                for part in parts:
                    end = at + len(part.down)
                    down[n, at:end], up[n, :, at:end] = part.down, part.up
                    at = end
            downs.append(down)
            ups.append((slice(start, stop), slice(first, first + rank), up))
            first += rank
        return cls(None if alone else torch.tensor(rows), torch.cat(downs, 1), ups)

    def added(self, x: Tensor, out: Tensor) -> Tensor:
        if self.rows is None:
            inside = self.down[0] @ x.float().T  # (ranks, tokens)
            for outputs, ranks, up in self.ups:
                out[outputs] = (out[outputs].float() + up[0] @ inside[ranks]).to(out.dtype)
            return out
        inside = torch.bmm(self.down, x[self.rows].float()[:, :, None])
        for outputs, ranks, up in self.ups:
            more = torch.bmm(up, inside[:, ranks])[:, :, 0].T  # (outputs, n)
            part = out[outputs]
            part[:, self.rows] = (part[:, self.rows].float() + more).to(out.dtype)
        return out
