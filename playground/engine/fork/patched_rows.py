"""An embedding or an output head some of whose rows are replaced, held as those rows only."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn


class PatchedRows(nn.Module):
    """An embedding or an output head, some of whose rows are replaced.

    The wrapped module keeps sharing its weight; only the new rows are held here. ``patch`` is a
    module of the same class whose weight is those rows, so that whatever the class does besides
    the look-up or product (a scale, a bias) is done to them too.

    :param inner: the shared module, weight (vocab, d_model), or one with adapters beside it.
    :param ids: (n,) row numbers, ascending.
    :param rows: (n, d_model) their new values, in the weight's dtype.
    """

    ids: Tensor

    def __init__(self, inner: nn.Module, ids: Tensor, rows: Tensor) -> None:
        super().__init__()
        self.inner = inner
        self.patch = _with_weight(plain_module(inner), rows, ids)
        self.register_buffer("ids", ids, persistent=False)

    @property
    def weight(self) -> Tensor:
        """The shared weight, without the patch; ``dense`` has it applied."""
        return dense_weight(self.inner)

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

    def rows_at(self, ids: Tensor) -> Tensor:
        """(n, d_model) float32: rows as they are with the patch, for any ids."""
        slot = torch.searchsorted(self.ids, ids).clamp_(max=len(self.ids) - 1)
        mine = (self.ids[slot] == ids)[:, None]
        return torch.where(mine, self.rows[slot].float(), rows_at(self.inner, ids))

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


def dense_weight(module: Any) -> Tensor:
    """The weight that has a module's effect: the shared one, or a new one with what changes it."""
    weight: Tensor = module.dense() if isinstance(module, PatchedRows) else module.weight
    return weight


def rows_at(module: Any, ids: Tensor) -> Tensor:
    """(n, d_model) float32: rows of a module's weight with what changes it, for any ids."""
    rows: Tensor = module.rows_at(ids) if hasattr(module, "rows_at") else module.weight[ids].float()
    return rows


def plain_module(module: Any) -> nn.Module:
    """An embedding or a head under whatever changes it."""
    while hasattr(module, "inner"):
        module = module.inner
    plain: nn.Module = module
    return plain
