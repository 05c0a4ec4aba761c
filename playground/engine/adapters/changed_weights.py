"""Weights that training changed, as they are afterwards: whole tensors, or some rows of a table.

The format is this project's: ``peft_type`` is ``CHANGED_TENSORS``, tensors go by the model's own
names, and rows of a table come as ``name.rows`` and ``name.ids``. The base's tensors that they
started from are not in it, so the scale goes between the recipe's weights and these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from playground.engine.adapters.base import Adapter, AdapterError, Kind, Read, expect, plain_config, unknown_tensor
from playground.engine.fork import Fork, Side, TensorChange

ROWS, IDS = ".rows", ".ids"


def read_changed_weights(config: Mapping[str, Any], tensors: Mapping[str, Tensor], fork: Fork) -> Read:
    """Check changed tensors against a model."""
    plain = plain_config(config, {"tied": True})
    for name, tensor in tensors.items():
        if name.endswith(IDS):
            if name.removesuffix(IDS) + ROWS not in tensors:
                raise unknown_tensor(name)
            continue
        if name.endswith(ROWS):
            _check_rows(name.removesuffix(ROWS), tensors, fork)
            continue
        expect(name, tensor, tuple(_parameter(name, fork).shape))
    return plain, dict(tensors)


def _parameter(name: str, fork: Fork) -> Tensor:
    try:
        return fork.base.model.get_parameter(name)
    except AttributeError:
        raise AdapterError(
            "This adapter was made for another model: it changes {name}, which {model} does not "
            "have. Choose the model that it was trained on.",
            name=name[:120],
            model=fork.base.entry.id,
        ) from None


def _check_rows(name: str, tensors: Mapping[str, Tensor], fork: Fork) -> None:
    table, rows = _parameter(name, fork), tensors[name + ROWS]
    ids = tensors.get(name + IDS, torch.empty(0))
    sides = {fork.weight_name("input"), fork.weight_name("output")}
    good = name in sides and ids.dtype == torch.int64 and ids.ndim == 1 and len(ids) > 0
    rising = good and not bool((ids.diff() <= 0).any())
    if not rising or int(ids[0]) < 0 or int(ids[-1]) >= len(table):
        raise AdapterError(
            "The adapter's list of changed rows of {name} is not usable. Export it again.", name=name[:120]
        )
    expect(name + ROWS, rows, (len(ids), table.shape[1]))


def attach_changed_weights(adapter: Adapter, fork: Fork, scale: float) -> list[TensorChange]:
    """Go from the weights as they are to the trained ones: scale 1 lands on them."""
    changes = []
    for name, tensor in adapter.tensors.items():
        if name.endswith(ROWS):
            table, ids = name.removesuffix(ROWS), adapter.tensors[name.removesuffix(ROWS) + IDS]
            for side in _sides(table, fork, adapter.config["tied"]):
                before = fork.rows(side, ids)
                fork.patch_rows(side, ids, torch.lerp(before, tensor.float(), scale))
                moved = float((fork.rows(side, ids) - before).norm())
                changes.append(TensorChange(fork.weight_name(side), moved))
        elif not name.endswith(IDS) and fork.has(name):
            changes += _replace(fork, name, tensor, scale, adapter.config["tied"])
    return changes


def _replace(fork: Fork, name: str, tensor: Tensor, scale: float, tied: bool) -> list[TensorChange]:
    """Put a trained tensor in a parameter's place; a tied pair stays one tensor."""
    old = fork.tensor(name).float()
    new = tensor if scale == 1 else torch.lerp(old, tensor.float(), scale)
    pair = [fork.weight_name("input"), fork.weight_name("output")]
    if name in pair and tied and fork.tied():
        shared = nn.Parameter(new.to(fork.base.dtype), requires_grad=False)
        fork.share(pair, shared)
        return [TensorChange(one, float((shared.float() - old).norm())) for one in pair]
    fork.replace(name, new)
    return [TensorChange(name, float((fork.tensor(name).float() - old).norm()))]


def _sides(table: str, fork: Fork, tied: bool) -> list[Side]:
    """The sides whose rows a table's are: both where the model ties them and training did."""
    both: tuple[Side, Side] = ("input", "output")
    if tied and fork.tied():
        return list(both)
    return [side for side in both if fork.weight_name(side) == table][:1]


KIND = Kind(name="changed", types=("CHANGED_TENSORS",), read=read_changed_weights, attach=attach_changed_weights)
