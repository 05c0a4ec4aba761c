"""Attaching an adapter: kept apart beside the weights, or folded into them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from playground.engine.adapters import KINDS, Adapter, AdapterError, store
from playground.engine.adapters.virtual_tokens import TENSOR
from playground.engine.edit import Edit, TensorChange
from playground.engine.fork import Fork
from playground.engine.models.loader import Base
from playground.engine.work import QUIET, Work
from playground.errors import Message

Source = str
MAX_SOURCE = 100
LOWEST_SCALE, HIGHEST_SCALE = -2.0, 3.0


class Attach(Edit):
    """Put an adapter on the model at a scale: 1 is as it was trained, 0 is off."""

    KIND: ClassVar[str] = "adapter"

    kind: Literal["adapter"] = "adapter"
    source: Source = Field(min_length=1, max_length=MAX_SOURCE)
    scale: float = Field(default=1.0, strict=True, ge=LOWEST_SCALE, le=HIGHEST_SCALE)
    fold: bool = Field(default=False, strict=True)

    def apply(self, fork: Fork, work: Work = QUIET) -> Sequence[TensorChange]:
        """Attach, then fold if asked to."""
        return attach(fork, store.load_adapter(self.source, fork), self.scale, self.fold)

    def advice(self, base: Base) -> Sequence[Message]:
        """What a visitor may not expect of an adapter that changes no weight."""
        adapter = store.load_adapter(self.source, Fork(base))
        if adapter.kind != "virtual":
            return ()
        count = len(adapter.tensors[TENSOR])
        return (
            Message(
                "No weight changes: {count} learned tokens come before every text, and take their room in the context.",
                {"count": count},
            ),
        )


def attach(fork: Fork, adapter: Adapter, scale: float, fold: bool) -> Sequence[TensorChange]:
    """Put an adapter on a fork.

    :raises AdapterError: it is to be folded and cannot be.
    """
    kind = KINDS[adapter.kind]
    if fold and not kind.foldable:
        raise AdapterError(
            "This adapter cannot be folded into the weights: no weight has the effect of learned "
            "tokens or of a bottleneck. Keep it apart."
        )
    if scale == 0:
        return []
    changes = kind.attach(adapter, fork, scale)
    if fold:
        for change in changes:
            _fold(fork, change.name)
    return changes


def _fold(fork: Fork, name: str) -> None:
    """Make the effect of what is beside a weight part of the weight, and of its bias."""
    bias = name.removesuffix("weight") + "bias"
    changed = fork.tensor(bias) if name.endswith(".weight") and fork.base.has(bias) else None
    fork.replace(name, fork.tensor(name))
    if changed is not None:
        fork.replace(bias, changed)
