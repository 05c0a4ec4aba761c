"""Bottleneck adapters after attention and MLP (Houlsby et al. 2019).

The format is this project's, since PEFT has none: ``peft_type`` is ``BOTTLENECK``, and the last
matrix of each block (``model.layers.0.mlp.down_proj``) has ``down.weight`` (m, d_model),
``down.bias``, ``up.weight`` (d_model, m) and ``up.bias``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from playground.engine.adapters.base import (
    MAX_RANK,
    Adapter,
    AdapterError,
    Kind,
    Read,
    expect,
    linear_layers,
    matrix_of,
    plain_config,
    unknown_tensor,
)
from playground.engine.fork import Fork, TensorChange
from playground.engine.fork.side_layers import Bottleneck

PARTS = ("down.weight", "down.bias", "up.weight", "up.bias")


def _parts(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        part = next((part for part in PARTS if name.endswith(f".{part}")), None)
        if part is None:
            raise unknown_tensor(name)
        parts.setdefault(name.removesuffix(f".{part}"), {})[part] = tensor
    return parts


def read_bottleneck(config: Mapping[str, Any], tensors: Mapping[str, Tensor], fork: Fork) -> Read:
    """Check bottleneck adapters against a model."""
    plain = plain_config(config, {"size": 16})
    size, known = plain["size"], linear_layers(fork)
    if not 1 <= size <= MAX_RANK:
        raise AdapterError(
            "The adapter's bottleneck is {given} wide: 1 to {limit} is usable.", given=size, limit=MAX_RANK
        )
    for path, parts in _parts(tensors).items():
        matrix = matrix_of(path, known, fork)
        width = (matrix.shape[::-1] if matrix.transposed else matrix.shape)[0]
        if set(parts) != set(PARTS):
            raise AdapterError(
                "The adapter's tensors for {name} are incomplete or too many: it needs {wanted}.",
                name=path[:120],
                wanted=", ".join(PARTS),
            )
        shapes = ((size, width), (size,), (width, size), (width,))
        for part, shape in zip(PARTS, shapes, strict=True):
            expect(f"{path}.{part}", parts[part], shape)
    return plain, dict(tensors)


def attach_bottleneck(adapter: Adapter, fork: Fork, scale: float) -> list[TensorChange]:
    """Let each block's answer pass through its bottleneck."""
    changes = []
    for path, parts in _parts(adapter.tensors).items():
        if not fork.has(f"{path}.weight"):  # of a dropped layer
            continue

        def after(inner: nn.Module, transposed: bool, parts: dict[str, Tensor] = parts) -> Bottleneck:
            down = parts["down.weight"], parts["down.bias"]
            up = parts["up.weight"], parts["up.bias"]
            return Bottleneck(inner, transposed, down, up, scale)

        fork.wrap(f"{path}.weight", after)
        moved = abs(scale) * float(parts["up.weight"].float().norm())
        changes.append(TensorChange(f"{path}.bottleneck", moved))
    return changes


KIND = Kind(name="bottleneck", types=("BOTTLENECK",), read=read_bottleneck, attach=attach_bottleneck, foldable=False)
