"""Module trees: sharing clones of them, what is in the place of a layer, what tensors they hold."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Literal

from torch import Tensor, nn

from playground.engine.fork.packed_linear import PackedLinear
from playground.engine.fork.side_layers import Beside, VirtualTokens

Side = Literal["input", "output"]
TABLES = {dict, OrderedDict, set, list}


class DroppedLayer(nn.Module):
    """In the place of a layer that was taken out."""

    def forward(self, hidden_states: Tensor, *args: object, **kwargs: object) -> Tensor:
        """What came in."""
        return hidden_states


def module_of(model: nn.Module, side: Side) -> nn.Module:
    """A model's embedding or its output head."""
    getter = "get_input_embeddings" if side == "input" else "get_output_embeddings"
    module: nn.Module = getattr(model, getter)()
    return module


def tensors_of(model: nn.Module) -> Iterator[Tensor]:
    """Everything that a model holds; tied tensors come once."""
    yield from model.parameters()
    yield from model.buffers()
    for module in model.modules():
        if isinstance(module, PackedLinear | VirtualTokens):
            yield from module.held()


def besides(module: nn.Module) -> Iterator[Beside]:
    """The adapters beside a layer, the outermost first."""
    while isinstance(module, Beside):
        yield module
        module = module.inner


def innermost(module: nn.Module) -> nn.Module:
    """The layer under any adapters."""
    for beside in besides(module):
        module = beside.inner
    return module


def fixed(tensor: Tensor | None) -> nn.Parameter | None:
    """A tensor as a parameter that does not learn."""
    return None if tensor is None else nn.Parameter(tensor.detach(), requires_grad=False)


def shared_clone(module: nn.Module) -> nn.Module:
    """A new module tree over the very same tensors.

    Every module is new and has its own tables of parameters, children and hooks, so that
    replacing one in the clone leaves the original alone; all else is shared. The same result as
    ``copy.deepcopy`` with every tensor in its memo, without walking configurations and hooks.
    """
    clone: nn.Module = object.__new__(type(module))
    attributes = {name: value.copy() if type(value) in TABLES else value for name, value in vars(module).items()}
    children: dict[str, nn.Module | None] = attributes["_modules"]
    for name, child in children.items():
        children[name] = None if child is None else shared_clone(child)
    vars(clone).update(attributes)  # past nn.Module's __setattr__, which would look at each
    return clone
