"""A variant of a model that shares every tensor that it does not change.

Knows modules and tensors; knows nothing about recipes, prompts or the page.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from playground.engine.fork.module_tree import (
    DroppedLayer,
    Side,
    besides,
    fixed,
    innermost,
    module_of,
    shared_clone,
    tensors_of,
)
from playground.engine.fork.packed_linear import PackedLinear, PackedScheme
from playground.engine.fork.patched_rows import PatchedRows, dense_weight, plain_module, rows_at
from playground.engine.fork.side_layers import Beside, Bottleneck, VirtualTokens
from playground.engine.models.loader import Base

SIDES: tuple[Side, Side] = ("input", "output")
TREE_BYTES = 1_000_000  # what the module objects of a 30-layer clone take, beside its tensors


@dataclass(frozen=True)
class Format:
    """How a tensor's values could be stored, beside as plain numbers.

    :param scheme: of quantization, by its name in a recipe.
    :param nominal: bits of a code.
    :param overhead: bits of scales and zero points, for each weight.
    :param zero: whether 0 is one of the values, so that pruning leaves the rest on the grid.
    """

    scheme: str
    nominal: float
    overhead: float
    zero: bool

    @property
    def bits(self) -> float:
        """Bits for each weight, all told."""
        return self.nominal + self.overhead


@dataclass(frozen=True)
class TensorChange:
    """How much one tensor changed: the Frobenius norm of the change."""

    name: str
    change: float


class Fork:
    """A copy-on-write clone of a base model.

    ``Fork(base)`` shares all of the base's tensors; ``clone()`` shares all of this fork's. Edits
    call ``patch_rows`` or ``replace`` on a fresh clone; a fork that others may use is not edited.
    """

    def __init__(self, base: Base, model: nn.Module | None = None) -> None:
        self.base = base
        self.model = shared_clone(base.model if model is None else model)
        self.formats: dict[str, Format] = {}
        self.dropped: tuple[int, ...] = ()  # layers taken out
        self.origin: str | None = None  # id of the recipe whose fork this was cloned from
        self.trail: tuple[tuple[str, int], ...] = ()  # see origin_at

    def clone(self) -> Fork:
        """A fork that shares everything this one holds."""
        new = Fork(self.base, self.model)
        new.formats, new.dropped = dict(self.formats), self.dropped
        return new

    def origin_at(self, layer: int) -> str | None:
        """The id of the shortest recipe whose fork computes the same up to a layer's MLP output.

        ``trail`` names the recipes before the origin, the longest first, each with the first layer
        whose MLP output matrix was changed since, where nothing else was.
        """
        origin = self.origin
        for earlier, first in self.trail:
            if first < layer:
                break
            origin = earlier
        return origin

    # Rows of the embedding and of the output head

    def tied(self) -> bool:
        """Whether one tensor is used for both sides, with no adapter beside either."""
        if any(_beside(self._module(side)) for side in SIDES):
            return False
        return self._shared_weight("input") is self._shared_weight("output")

    def rows(self, side: Side, ids: Tensor) -> Tensor:
        """(n, d_model) float32: the rows of one side as they are now, for any ids."""
        return rows_at(self._module(side), ids)

    def patch_rows(self, side: Side, ids: Tensor, rows: Tensor) -> None:
        """Replace rows of one side, leaving the other and the base alone.

        :param ids: (n,) distinct row numbers.
        :param rows: (n, d_model) their values; stored in the weight's dtype.
        """
        module: Any = self._module(side)
        dtype = plain_module(module).get_parameter("weight").dtype
        self.formats.pop(self.weight_name(side), None)
        new = dict(zip(ids.tolist(), rows.to(dtype), strict=True))
        if isinstance(module, PatchedRows):
            new = dict(zip(module.ids.tolist(), module.rows, strict=True)) | new
            module = module.inner
        order = sorted(new)
        patch = PatchedRows(module, torch.tensor(order), torch.stack([new[i] for i in order]))
        self._set_module(side, patch.eval())

    def embedding(self, side: Side) -> tuple[Tensor, Tensor, Tensor]:
        """The weight of one side as (shared (vocab, d_model), ids (n,), rows (n, d_model))."""
        module, weight = self._module(side), self._shared_weight(side)
        if isinstance(module, PatchedRows):
            return weight, module.ids, module.rows
        return weight, torch.empty(0, dtype=torch.long), weight[:0]

    # Whole tensors

    def tensor(self, name: str) -> Tensor:
        """A parameter by the base's name, with any row patch applied."""
        owner, attribute = self._owner(name)
        if isinstance(owner, PatchedRows) and attribute == "weight":
            return owner.dense()
        return getattr(owner, attribute)

    def has(self, name: str) -> bool:
        """Whether the fork still has this parameter of the base: a dropped layer's are gone."""
        try:
            self._owner(name)
        except AttributeError:
            return False
        return True

    def held(self, name: str) -> Tensor:
        """A parameter without what adapters beside it add to it: the tensor that is kept."""
        owner, attribute = self._owner(name)
        if isinstance(owner, Beside):
            layer = innermost(owner)
            tensor: Tensor = dense_weight(layer) if attribute == "weight" else getattr(layer, attribute)
            return tensor
        return self.tensor(name)

    def packed_names(self) -> set[str]:
        """The paths of the layers that are held as codes."""
        return {
            path.partition(".inner")[0]  # under adapters or not
            for path, module in self.model.named_modules()
            if isinstance(module, PackedLinear)
        }

    def packed(self, name: str) -> bool:
        """Whether a weight is held as codes."""
        owner = innermost(self._owner(name)[0])
        return name.endswith(".weight") and isinstance(owner, PackedLinear)

    def identity(self, name: str) -> Hashable:
        """The same for two names that are one tensor here (a tied pair), else different."""
        owner, attribute = self._owner(name)
        if isinstance(owner, PatchedRows) and attribute == "weight" and not _beside(owner):
            rows = tuple(owner.ids.tolist()), owner.rows.float().numpy().tobytes()
            return owner.weight.data_ptr(), rows
        if isinstance(owner, PackedLinear) or _beside(owner):
            return name
        return getattr(owner, attribute).data_ptr()

    def replace(self, name: str, tensor: Tensor, form: Format | None = None) -> None:
        """Put another tensor of the same shape in a parameter's place, in the base's dtype.

        A row patch on it is dropped (``tensor`` is the whole new value), and so are the codes of
        a packed layer and adapters beside it. Of a tied pair only the side that is named changes.

        :param form: on which grid the new values lie, if on one.
        """
        was = self.base.model.get_parameter(name)
        shape, dtype = was.shape, was.dtype
        assert tensor.shape == shape, f"{name} is {tuple(shape)}, not {tuple(tensor.shape)}"
        self._plain(name)
        if name.endswith(".weight"):
            self.formats.pop(name, None)
        if form is not None:
            self.formats[name] = form
        owner, attribute = self._owner(name)
        inner: Any = innermost(owner)
        inner = inner.inner if isinstance(inner, PackedLinear) else inner
        if isinstance(owner, PatchedRows):
            inner = owner.inner
            side: Side = "input" if self._module("input") is owner else "output"
            self._set_module(side, inner)
        parameter = nn.Parameter(tensor.to(dtype), requires_grad=False)
        inner._parameters[attribute] = parameter
        if isinstance(owner, PatchedRows) and attribute != "weight":
            self.patch_rows(side, owner.ids, owner.rows)  # again, over the new bias

    def share(self, names: list[str], parameter: nn.Parameter) -> None:
        """Put one parameter in the place of several: of a tied pair, or to watch its gradient."""
        for name in names:
            self.replace(name, parameter.detach())
            owner, attribute = self._owner(name)
            owner._parameters[attribute] = parameter

    def pack(self, name: str, scheme: PackedScheme, block: int, form: Format) -> None:
        """Put a layer of codes in the place of the linear layer that owns a weight.

        :param form: the grid; what the layer holds beside its codes is counted here.
        """
        path = name.rpartition(".")[0]
        transposed = isinstance(self.base.model.get_submodule(path), Conv1D)
        bias: Any = self._owner(name)[0].bias
        weight = self.tensor(name).T if transposed else self.tensor(name)
        layer = PackedLinear(weight, bias, scheme, block, transposed)
        self._put(path, layer)
        held = 8 * sum(tensor.nbytes for tensor in layer.held()) / weight.numel()
        self.formats[name] = replace(form, overhead=held - form.nominal)

    def _plain(self, name: str) -> None:
        """Put a plain layer in the place of one that is packed or has adapters beside it.

        Of the two, weight and bias, ``name`` is about to be replaced; the other keeps its effect.
        """
        path, _, attribute = name.rpartition(".")
        layer: Any = self.model.get_submodule(path)
        packed = isinstance(innermost(layer), PackedLinear) and attribute == "weight"
        patched = isinstance(layer, PatchedRows) and _beside(layer)
        if packed or patched or any(not isinstance(beside, Bottleneck) for beside in besides(layer)):
            plain = shared_clone(self.base.model.get_submodule(path))
            if "bias" in plain._parameters:
                plain._parameters["bias"] = fixed(layer.bias)
            if attribute != "weight":
                plain._parameters["weight"] = fixed(dense_weight(layer))
                self.formats.pop(f"{path}.weight", None)
            self._put(path, plain)

    def _put(self, path: str, layer: nn.Module) -> None:
        """Put a linear layer in another's place, under the bottlenecks that are there."""
        for beside in reversed(list(besides(self.model.get_submodule(path)))):
            if isinstance(beside, Bottleneck):
                over = shared_clone(beside)
                over._modules["inner"] = layer
                layer = over
        self.model.set_submodule(path, layer)

    # Adapters

    def wrap(self, name: str, make: Callable[[nn.Module, bool], Beside]) -> None:
        """Put an adapter beside the linear layer that owns a weight, under any bottleneck.

        :param make: gets the layer and whether it stores its weight (in, out).
        """
        path = name.rpartition(".")[0]
        transposed = isinstance(self.base.model.get_submodule(path), Conv1D)
        layer = top = self.model.get_submodule(path)
        while isinstance(layer, Bottleneck):
            layer = layer.inner
        made = make(layer, transposed).eval()
        if isinstance(made, Bottleneck):
            made._modules["inner"] = top
            self.model.set_submodule(path, made)
        else:
            self._put(path, made)

    @property
    def virtual(self) -> VirtualTokens | None:
        """The learned tokens before every text, if there are any."""
        return getattr(self.model, VirtualTokens.NAME, None)

    def virtual_count(self) -> int:
        """How many tokens nobody typed come before every text."""
        return self.virtual.count() if self.virtual is not None else 0

    def thin(self) -> Iterator[tuple[str, Tensor]]:
        """What adapters that are kept apart add to the model's parameters."""
        for path, module in self.model.named_modules():
            if isinstance(module, Beside | VirtualTokens):
                whole = isinstance(module, VirtualTokens)
                for name, tensor in module.named_parameters(recurse=whole):
                    yield f"{path}.{name}", tensor

    def settle(self) -> None:
        """Work out what depends on the whole model, once an edit is done."""
        if self.virtual is not None:
            self.virtual.settle(self.model)

    def drop_layer(self, path: str, index: int) -> None:
        """Take a whole layer out: what comes in goes out. The base keeps it.

        :param path: of the model's list of layers.
        """
        layers: nn.ModuleList = self.model.get_submodule(path)  # type: ignore[assignment]
        layers[index] = DroppedLayer()
        self.dropped = tuple(sorted({*self.dropped, index}))
        for name in [n for n in self.formats if n.startswith(f"{path}.{index}.")]:
            del self.formats[name]

    def fold(self) -> None:
        """Turn row patches into whole tensors, for edits and exports that need plain weights."""
        for name in list(self.base.model.state_dict(keep_vars=True)):
            if not self.has(name):  # of a dropped layer
                continue
            owner, attribute = self._owner(name)
            if isinstance(owner, PatchedRows) and attribute == "weight":
                self.replace(name, owner.dense())

    # What it holds

    def delta(self) -> dict[Hashable, int]:
        """Bytes by memory address of what this fork holds and the base does not."""
        shared = self.base.storages()
        return {k: v for k, v in self._all().items() if k not in shared}

    def bytes_held(self) -> int:
        """Bytes of the tensors that this fork holds beyond the base's."""
        return sum(self.delta().values())

    def storages(self) -> dict[Hashable, int]:
        """Everything that this fork keeps alive, for the cache's budget."""
        return {**self.base.storages(), **self.delta(), ("tree", id(self)): TREE_BYTES}

    def fresh(self, before: Fork) -> Iterator[tuple[str, Tensor]]:
        """What this fork holds, in floating point, and another does not, by where it is."""
        seen = set(before._all())
        for path, module in self.model.named_modules():
            own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
            if isinstance(module, PackedLinear | VirtualTokens):
                own += [("", tensor) for tensor in module.held()]
            for name, tensor in own:
                if tensor.is_floating_point() and tensor.data_ptr() not in seen:
                    seen.add(tensor.data_ptr())
                    yield f"{path}.{name}".strip("."), tensor

    def _all(self) -> dict[Hashable, int]:
        return {t.data_ptr(): t.nbytes for t in tensors_of(self.model) if t.nbytes}

    # Finding things

    def weight_name(self, side: Side) -> str:
        """The name that a receipt gives to one side's weight."""
        if side not in self.base.ends:
            found = module_of(self.base.model, side)
            named = self.base.model.named_modules()
            path = next(path for path, module in named if module is found)
            self.base.ends[side] = f"{path}.weight"
        return self.base.ends[side]

    def _module(self, side: Side) -> nn.Module:
        return module_of(self.model, side)

    def _shared_weight(self, side: Side) -> Tensor:
        return self._module(side).weight  # type: ignore[return-value]

    def _set_module(self, side: Side, module: nn.Module) -> None:
        setter = "set_input_embeddings" if side == "input" else "set_output_embeddings"
        getattr(self.model, setter)(module)

    def _owner(self, name: str) -> tuple[nn.Module, str]:
        path, _, attribute = name.rpartition(".")
        return self.model.get_submodule(path), attribute


def _beside(module: nn.Module) -> bool:
    """Whether there is an adapter beside a layer, under a row patch or not."""
    while isinstance(module, PatchedRows):
        module = module.inner
    return isinstance(module, Beside)


def relative_change(pairs: list[tuple[float, float]]) -> float:
    """Frobenius norm of a change over that of what was changed.

    :param pairs: for each tensor the norm of its change and the norm that it had.
    """
    change = torch.tensor([c for c, _ in pairs], dtype=torch.float64).norm()
    before = torch.tensor([b for _, b in pairs], dtype=torch.float64).norm()
    return float(change / before) if before > 0 else float(change > 0)
