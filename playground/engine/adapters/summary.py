"""What there is to see of an adapter: sizes, how much it changes where, singular values."""

from __future__ import annotations

from dataclasses import dataclass

from playground.engine.adapters import lora
from playground.engine.adapters.base import Adapter, AdapterError, linear_layers
from playground.engine.adapters.edit import attach
from playground.engine.adapters.thin_matrices import thin_svd
from playground.engine.fork import Fork
from playground.engine.fork.structure import matrices
from playground.engine.measuring.sizes import sizes
from playground.engine.measuring.sweep import LayerCell


@dataclass(frozen=True, kw_only=True)
class Look:
    """An adapter at a glance.

    :param share: its parameters over the model's, what PEFT prints as trainable%.
    :param cells: relative change of each matrix at scale 1; None where it changes nothing.
    """

    kind: str
    rank: int | None
    alpha: float | None
    targets: tuple[str, ...]
    parameters: int
    share: float
    bytes: int
    cells: tuple[LayerCell, ...]


def look_at(adapter: Adapter, base: Fork) -> Look:
    """Figures of an adapter on the base that it is for."""
    fork = base.clone()
    changed = {change.name: change.change for change in attach(fork, adapter, 1.0, False)}
    known = linear_layers(base)
    cells = tuple(
        LayerCell(
            matrix.layer or 0,
            matrix.role,
            changed[matrix.name] / max(base.base.norm(matrix.name), 1e-12) if matrix.name in changed else None,
        )
        for matrix in known.values()
    )
    roles = {m.role.rpartition(".")[2]: None for m in matrices(base) if m.name in changed}
    total = sizes(base, count_zeros=False).weights
    config = adapter.config
    return Look(
        kind=adapter.kind,
        rank=int(config["r"]) if "r" in config else None,
        alpha=float(config["lora_alpha"]) if "lora_alpha" in config else None,
        targets=tuple(roles),
        parameters=adapter.parameters(),
        share=adapter.parameters() / total,
        bytes=adapter.nbytes(),
        cells=cells,
    )


@dataclass(frozen=True)
class Spectrum:
    """Singular values of one matrix's change, falling; ``shape`` is (out, in)."""

    path: str
    shape: tuple[int, int]
    rank: int
    values: tuple[float, ...]


def spectrum(adapter: Adapter, path: str) -> Spectrum:
    """Singular values of scaling B A, from the thin matrices.

    :raises AdapterError: the adapter has no such pair.
    """
    pairs = {pair.path: pair for pair in lora.pairs(adapter)} if adapter.kind == "lora" else {}
    if path not in pairs:
        raise AdapterError("This adapter has no thin matrices there. Choose one of its targets.")
    pair = pairs[path]
    values = thin_svd(pair.down, pair.up)[1] * abs(pair.scaling)
    return Spectrum(path, (len(pair.up), pair.down.shape[1]), pair.rank, tuple(values.tolist()))
