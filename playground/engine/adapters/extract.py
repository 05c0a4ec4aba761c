"""The difference between two variants as a LoRA: the nearest one of a chosen rank."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from playground.engine.adapters import lora
from playground.engine.adapters.base import MAX_RANK, Adapter, AdapterError
from playground.engine.adapters.thin_matrices import leading, thin_svd
from playground.engine.fork import Fork
from playground.engine.fork.module_tree import besides, innermost
from playground.engine.fork.side_layers import Bottleneck, LowRank
from playground.engine.fork.structure import Matrix, select
from playground.engine.work import QUIET, Work
from playground.errors import Message


@dataclass(frozen=True)
class KeptMatrix:
    """How much of one matrix's change a LoRA of the chosen rank has.

    ``energy`` is the share of the squared Frobenius norm; ``error`` the norm that is missing over
    the norm of the change.
    """

    name: str
    rank: int
    energy: float
    error: float


@dataclass(frozen=True)
class Extracted:
    """The LoRA, what it has of each matrix's change, and what changed that it cannot have.

    ``error`` is the norm missing over the norm changed, of all matrices together.
    """

    adapter: Adapter
    kept: tuple[KeptMatrix, ...]
    left_out: tuple[str, ...]  # tensors that differ and are not among the targets
    error: float

    @property
    def energy(self) -> float:
        """Of all matrices together."""
        return 1 - self.error**2


def extract(
    before: Fork, after: Fork, rank: int, targets: Sequence[str] = ("linear",), work: Work = QUIET
) -> Extracted:
    """The LoRA that leads from one variant to another: a truncated SVD of each difference
    (Eckart and Young 1936: no other matrix of that rank is nearer).

    :param rank: of each pair of thin matrices; less where a matrix is smaller.
    :raises AdapterError: nothing inside the targets differs, or the rank is out of range.
    """
    if not 1 <= rank <= MAX_RANK:
        raise AdapterError("Rank {given} is out of range: choose 1 to {limit}.", given=rank, limit=MAX_RANK)
    chosen = [m for m in select(before, targets) if m.layer is not None and after.has(m.name)]
    thin: dict[str, tuple[Tensor, Tensor]] = {}
    matrices, changed, missing = [], 0.0, 0.0
    for done, matrix in enumerate(chosen):
        work.step(done, len(chosen), Message("{name}…", {"name": matrix.name}))
        down, up, total, left = _nearest_to_change(before, after, matrix, rank)
        if total == 0:
            continue
        changed, missing = changed + total, missing + left
        matrices.append(KeptMatrix(matrix.name, len(down), 1 - left / total, math.sqrt(left / total)))
        thin[matrix.name.removesuffix(".weight")] = down, up
    if not thin:
        raise AdapterError(
            "The two recipes do not differ in any matrix of the targets, so there is nothing to extract. Choose others."
        )
    names = {matrix.name for matrix in chosen}
    others = [
        name
        for name, _ in before.base.model.named_parameters(remove_duplicate=False)
        if name not in names and after.has(name) and before.has(name) and not _same(before, after, name)
    ]
    others += [f"layer {index}" for index in sorted({*after.dropped} ^ {*before.dropped})]
    kinds = {name for fork in (before, after) for name in _beside_weights(fork)}
    error = math.sqrt(missing / changed)
    return Extracted(lora.make(thin), tuple(matrices), (*others, *sorted(kinds)), error)


def _beside_weights(fork: Fork) -> Iterator[str]:
    """What a variant has that is no weight: no LoRA has its effect."""
    if fork.virtual is not None:
        yield fork.virtual.NAME
    for path, module in fork.model.named_modules():
        if isinstance(module, Bottleneck):
            yield f"{path}.bottleneck"


def nearest(change: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """A (r, in) and B (out, r) whose product is the matrix of that rank nearest to a change.

    Both get the square root of the singular values, so that neither is much larger.
    """
    return _balanced(*thin_svd(*leading(change, rank)))


def _nearest_to_change(before: Fork, after: Fork, matrix: Matrix, rank: int) -> tuple[Tensor, Tensor, float, float]:
    """A, B, and the squared norms of a matrix's change and of what they miss of it."""
    thin = _thin_change(before, after, matrix.name)
    if thin is not None:
        left, values, right = thin_svd(*thin)
        squares = values**2
        return (
            *_balanced(left[:, :rank], values[:rank], right[:rank]),
            float(squares.sum()),
            float(squares[rank:].sum()),
        )
    old, new = before.tensor(matrix.name), after.tensor(matrix.name)
    change = matrix.oriented(new.float() - old.float())
    total = float(change.norm()) ** 2
    if total == 0:
        return change[:1], change[:, :1], 0.0, 0.0
    down, up = nearest(change, rank)
    return down, up, total, float((change - up @ down).norm()) ** 2


def _thin_change(before: Fork, after: Fork, name: str) -> tuple[Tensor, Tensor] | None:
    """A change that is all in LoRAs beside one and the same tensor, as (down, up)."""
    path = name.removesuffix(".weight")
    layers = [fork.model.get_submodule(path) for fork in (before, after)]
    weights = [innermost(layer)._parameters.get("weight") for layer in layers]
    pairs: list[tuple[LowRank, float]] = []
    for layer, sign in zip(layers, (-1, 1), strict=True):
        for one in besides(layer):
            if not isinstance(one, LowRank) or one.stretch is not None:
                return None
            pairs.append((one, sign * one.scale))
    pairs = _uncancelled(pairs)
    if weights[0] is None or weights[0] is not weights[1] or not pairs:
        return None
    down = torch.cat([one.down for one, _ in pairs])
    up = torch.cat([one.up * scale for one, scale in pairs], dim=1)
    return (down, up) if len(down) < min(len(up), down.shape[1]) else None


def _uncancelled(pairs: list[tuple[LowRank, float]]) -> list[tuple[LowRank, float]]:
    """Without the LoRAs that stand beside both variants: their difference would be rounding."""

    def content(layer: LowRank) -> tuple[int, int]:
        return layer.down.data_ptr(), layer.up.data_ptr()

    left: list[tuple[LowRank, float]] = []
    for layer, scale in pairs:
        same = next(
            (at for at, (other, its) in enumerate(left) if content(other) == content(layer) and its == -scale), None
        )
        if same is None:
            left.append((layer, scale))
        else:
            del left[same]
    return left


def _balanced(left: Tensor, values: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    root = values.sqrt()
    return (root[:, None] * right).float(), (left * root).float()


def _same(before: Fork, after: Fork, name: str) -> bool:
    if before.identity(name) == after.identity(name) != name:  # which is that of what is beside
        return True
    return torch.equal(before.tensor(name), after.tensor(name))
