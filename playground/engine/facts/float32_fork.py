"""A float32 copy of a variant to compute with, and parts of it.

Facts are worked out in float32 whatever the model is kept in: keys, gradients and the update. The
copy is dropped afterwards; what it shares with the variant is never written to.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from playground.engine.facts.update import Thin
from playground.engine.fork import Fork
from playground.engine.fork.module_tree import DroppedLayer, fixed
from playground.engine.fork.packed_linear import PackedLinear
from playground.engine.fork.side_layers import Bottleneck, LowRank
from playground.engine.fork.structure import Matrix, layers


class Given(nn.Module):
    """In the place of a layer whose answer is known already.

    :param hidden: (rows, tokens, d_model), may be changed between runs.
    """

    def __init__(self, hidden: Tensor) -> None:
        super().__init__()
        self.hidden = hidden

    def forward(self, hidden_states: Tensor, *args: object, **kwargs: object) -> Tensor:
        """The known answer, whatever came in."""
        return self.hidden


def float32_copy(fork: Fork) -> Fork:
    """A variant with the same effect whose every parameter is float32; packed layers are plain.

    It takes the memory of the model in float32, or next to none where it is in float32 already.
    """
    own = fork.clone()
    wide: dict[int, nn.Parameter] = {}  # by identity: a tied pair stays one
    for module in list(own.model.modules()):
        for name, child in module._modules.items():
            if isinstance(child, PackedLinear):
                module._modules[name] = _unpacked(child)
        for name, parameter in module._parameters.items():
            if parameter is not None and parameter.dtype != torch.float32:
                if id(parameter) not in wide:
                    wide[id(parameter)] = nn.Parameter(parameter.float(), requires_grad=False)
                module._parameters[name] = wide[id(parameter)]
    if own.virtual is not None:
        own.virtual.settle(own.model)
    return own


def _unpacked(packed: PackedLinear) -> nn.Module:
    """A plain layer that stores its weight as the packed one's model does."""
    weight = packed.weight.float()
    plain: nn.Module = Conv1D(1, 1) if packed.transposed else nn.Linear(1, 1, device="meta")
    if isinstance(plain, Conv1D):
        plain.nf, plain.nx = weight.shape[1], weight.shape[0]
    plain._parameters["weight"] = fixed(weight)
    plain._parameters["bias"] = fixed(None if packed.bias is None else packed.bias.float())
    return plain.eval()


def changed(own: Fork, thin: dict[Matrix, Thin]) -> Fork:
    """A variant with changes beside its matrices."""
    new = own.clone()
    for matrix, change in thin.items():
        attach_thin(new, matrix, change)
    new.settle()
    return new


def attach_thin(fork: Fork, matrix: Matrix, change: Thin) -> None:
    """Put a change beside a matrix of a fork, under any bottleneck."""

    def beside(inner: nn.Module, transposed: bool) -> LowRank:
        return LowRank(inner, transposed, change.down, change.up, 1.0)

    fork.wrap(matrix.name, beside)


def multiplier(model: nn.Module, matrix: Matrix) -> nn.Module:
    """The module that multiplies by a matrix, with adapters beside it but under a bottleneck."""
    module: Any = model.get_submodule(matrix.name.rpartition(".")[0])
    while isinstance(module, Bottleneck):
        module = module.inner
    return module


def starting(own: Fork, layer: int, hidden: Tensor | None = None) -> Fork:
    """A variant without its first layers: ``hidden`` is the answer of the last of them.

    :param layer: the first that still computes.
    :param hidden: (rows, tokens, d_model), not needed for layer 0.
    """
    new = own.clone()
    _, stack = layers(new.model)
    for index in range(layer):
        stack[index] = DroppedLayer()
    if layer and hidden is not None:
        stack[layer - 1] = Given(hidden)
    return new


def ending(own: Fork, layer: int) -> Fork:
    """A variant without what comes after a layer, for looking at what happens up to it."""
    new = own.clone()
    _, stack = layers(new.model)
    for index in range(layer + 1, len(stack)):
        stack[index] = DroppedLayer()
    return new
