"""Weights as decoding wants them: those that multiply the same numbers one behind the other, each at a cache line.

The modules keep their own parameters, which become views of the whole: nothing is held twice.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

GROUPS = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))  # one product each: decoding/plan.py
CACHE_LINE = 64  # bytes; a file's tensors, which are mapped as they are, begin anywhere


def fuse(model: nn.Module) -> None:
    """Lay the weights of a model's attention and gates together, a group at a time, and align the others.

    A model that has no such groups is left as it is.
    """
    groups = [[getattr(module, name, None) for name in names] for module in model.modules() for names in GROUPS]
    groups = [group for group in groups if all(type(layer) is nn.Linear for layer in group)]
    for group in groups:
        _join(group)  # type: ignore[arg-type]
    for parameter in model.parameters() if groups else ():  # a tied one comes once, and stays tied
        if parameter.data_ptr() % CACHE_LINE and parameter.storage_offset() == 0:
            parameter.data = parameter.data.clone()


def _join(layers: Sequence[nn.Linear]) -> None:
    if len({(layer.in_features, layer.weight.dtype) for layer in layers}) > 1:
        return
    whole = torch.cat([layer.weight.detach() for layer in layers])
    parts = whole.split([layer.out_features for layer in layers])
    for layer, part in zip(layers, parts, strict=True):
        layer.weight = nn.Parameter(part, requires_grad=layer.weight.requires_grad)
