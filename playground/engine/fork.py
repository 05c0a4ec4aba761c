"""A variant of a model that shares every tensor that it does not change.

Knows modules and tensors; knows nothing about recipes, prompts or the page.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Literal

import torch
from torch import Tensor, nn

from playground.engine.loader import Base

Side = Literal["input", "output"]
TABLES = {dict, OrderedDict, set, list}
TREE_BYTES = 1_000_000  # what the module objects of a 30-layer clone take, beside its tensors


class PatchedRows(nn.Module):
    """An embedding or an output head, some of whose rows are replaced.

    The wrapped module keeps sharing its weight; only the new rows are held here. ``patch`` is a
    module of the same class whose weight is those rows, so that whatever the class does besides
    the look-up or product (a scale, a bias) is done to them too.

    :param inner: the shared module, weight (vocab, d_model).
    :param ids: (n,) row numbers, ascending.
    :param rows: (n, d_model) their new values, in the weight's dtype.
    """

    ids: Tensor

    def __init__(self, inner: nn.Module, ids: Tensor, rows: Tensor) -> None:
        super().__init__()
        self.inner = inner
        self.patch = _with_weight(inner, rows, ids)
        self.register_buffer("ids", ids, persistent=False)

    @property
    def weight(self) -> Tensor:
        """The shared weight, without the patch; ``dense`` has it applied."""
        return self.inner.weight  # type: ignore[return-value]

    @property
    def bias(self) -> Tensor | None:
        """The shared bias."""
        return getattr(self.inner, "bias", None)

    @property
    def rows(self) -> Tensor:
        """(n, d_model) the new values of rows ``ids``."""
        return self.patch.weight  # type: ignore[return-value]

    def dense(self) -> Tensor:
        """(vocab, d_model) a new tensor: the shared weight with the patch applied."""
        return self.weight.index_copy(0, self.ids, self.rows)

    def forward(self, x: Tensor) -> Tensor:
        """What the wrapped module would answer if its weight were ``dense()``."""
        out: Tensor = self.inner(x)
        if x.is_floating_point():  # a head: (..., d_model) -> (..., vocab)
            return out.index_copy_(-1, self.ids, self.patch(x))
        slot = torch.searchsorted(self.ids, x).clamp_(max=len(self.ids) - 1)
        return torch.where((self.ids[slot] == x)[..., None], self.patch(slot), out)


def _with_weight(module: nn.Module, weight: Tensor, ids: Tensor) -> nn.Module:
    """A shallow copy of an embedding or head with other rows (and its bias's matching ones)."""
    clone = copy.copy(module)
    clone._parameters = dict(module._parameters)
    clone._parameters["weight"] = nn.Parameter(weight, requires_grad=False)
    bias = module._parameters.get("bias")
    if bias is not None:
        clone._parameters["bias"] = nn.Parameter(bias[ids], requires_grad=False)
    if isinstance(clone, nn.Embedding):
        clone.padding_idx = None
    return clone


class Fork:
    """A copy-on-write clone of a base model.

    ``Fork(base)`` shares all of the base's tensors; ``clone()`` shares all of this fork's. Edits
    call ``patch_rows`` or ``replace`` on a fresh clone; a fork that others may use is not edited.
    """

    def __init__(self, base: Base, model: nn.Module | None = None) -> None:
        self.base = base
        self.model = _shared_clone(base.model if model is None else model)

    def clone(self) -> Fork:
        """A fork that shares everything this one holds."""
        return Fork(self.base, self.model)

    # Rows of the embedding and of the output head

    def tied(self) -> bool:
        """Whether the base uses one tensor for both sides."""
        return self._shared_weight("input") is self._shared_weight("output")

    def rows(self, side: Side, ids: Tensor) -> Tensor:
        """(n, d_model) float32: the rows of one side as they are now, for any ids."""
        module = self._module(side)
        rows = self._shared_weight(side)[ids].float()
        if isinstance(module, PatchedRows):
            slot = torch.searchsorted(module.ids, ids).clamp_(max=len(module.ids) - 1)
            mine = (module.ids[slot] == ids)[:, None]
            rows = torch.where(mine, module.rows[slot].float(), rows)
        return rows

    def patch_rows(self, side: Side, ids: Tensor, rows: Tensor) -> None:
        """Replace rows of one side, leaving the other and the base alone.

        :param ids: (n,) distinct row numbers.
        :param rows: (n, d_model) their values; stored in the weight's dtype.
        """
        module, weight = self._module(side), self._shared_weight(side)
        new = dict(zip(ids.tolist(), rows.to(weight.dtype), strict=True))
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

    def replace(self, name: str, tensor: Tensor) -> None:
        """Put another tensor of the same shape in a parameter's place, in the base's dtype.

        A row patch on it is dropped (``tensor`` is the whole new value). Of a tied pair only
        the side that is named changes.
        """
        owner, attribute = self._owner(name)
        shape, dtype = self.tensor(name).shape, self.tensor(name).dtype
        assert tensor.shape == shape, f"{name} is {tuple(shape)}, not {tuple(tensor.shape)}"
        inner = owner
        if isinstance(owner, PatchedRows):
            inner = owner.inner
            side: Side = "input" if self._module("input") is owner else "output"
            self._set_module(side, inner)
        parameter = nn.Parameter(tensor.to(dtype), requires_grad=False)
        inner._parameters[attribute] = parameter
        if isinstance(owner, PatchedRows) and attribute != "weight":
            self.patch_rows(side, owner.ids, owner.rows)  # again, over the new bias

    def fold(self) -> None:
        """Turn row patches into whole tensors, for edits and exports that need plain weights."""
        for name in list(self.base.model.state_dict(keep_vars=True)):
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

    def _all(self) -> dict[Hashable, int]:
        return {t.data_ptr(): t.nbytes for t in _tensors(self.model) if t.nbytes}

    # Finding things

    def weight_name(self, side: Side) -> str:
        """The name that a receipt gives to one side's weight."""
        found = _module_of(self.base.model, side)
        for path, module in self.base.model.named_modules():
            if module is found:
                return f"{path}.weight"
        raise AssertionError("the embedding is one of the model's modules")

    def _module(self, side: Side) -> nn.Module:
        return _module_of(self.model, side)

    def _shared_weight(self, side: Side) -> Tensor:
        return self._module(side).weight  # type: ignore[return-value]

    def _set_module(self, side: Side, module: nn.Module) -> None:
        setter = "set_input_embeddings" if side == "input" else "set_output_embeddings"
        getattr(self.model, setter)(module)

    def _owner(self, name: str) -> tuple[nn.Module, str]:
        path, _, attribute = name.rpartition(".")
        return self.model.get_submodule(path), attribute


def _module_of(model: nn.Module, side: Side) -> nn.Module:
    getter = "get_input_embeddings" if side == "input" else "get_output_embeddings"
    module: nn.Module = getattr(model, getter)()
    return module


def _tensors(module: nn.Module) -> Iterator[Tensor]:
    yield from module.parameters()
    yield from module.buffers()


def _shared_clone(module: nn.Module) -> nn.Module:
    """A new module tree over the very same tensors.

    Every module is new and has its own tables of parameters, children and hooks, so that
    replacing one in the clone leaves the original alone; all else is shared. The same result as
    ``copy.deepcopy`` with every tensor in its memo, without walking configurations and hooks.
    """
    clone: nn.Module = object.__new__(type(module))
    attributes = {
        name: value.copy() if type(value) in TABLES else value
        for name, value in vars(module).items()
    }
    children: dict[str, nn.Module | None] = attributes["_modules"]
    for name, child in children.items():
        children[name] = None if child is None else _shared_clone(child)
    vars(clone).update(attributes)  # past nn.Module's __setattr__, which would look at each
    return clone


def relative_change(pairs: list[tuple[float, float]]) -> float:
    """Frobenius norm of a change over that of what was changed.

    :param pairs: for each tensor the norm of its change and the norm that it had.
    """
    change = torch.tensor([c for c, _ in pairs], dtype=torch.float64).norm()
    before = torch.tensor([b for _, b in pairs], dtype=torch.float64).norm()
    return float(change / before) if before > 0 else float(change > 0)
