"""AdamW over float32 copies of what learns, and its state for a run that goes on later."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

LONGEST_GRADIENT = 1.0
MOMENTS = ("exp_avg", "exp_avg_sq", "step")  # what AdamW keeps of each parameter


class Masters:
    """AdamW over float32 copies of parameters that are held in 16 bits, else over themselves.

    A step of 1e-5 is lost in the rounding of a bfloat16 weight; in its copy it adds up
    (Micikevicius et al. 2018).
    """

    def __init__(self, parameters: list[nn.Parameter], weight_decay: float) -> None:
        self._own = parameters
        wide = torch.float32
        self._wide = [p if p.dtype == wide else nn.Parameter(p.detach().float()) for p in parameters]
        self._adamw = torch.optim.AdamW(self._wide, lr=0.0, weight_decay=weight_decay)

    @torch.no_grad()
    def update(self, rate: float) -> bool:
        """One step with the gradients that the parameters have, which are dropped after it.

        :return: whether the gradients were numbers; nothing is usable any more if not.
        """
        for own, wide in zip(self._own, self._wide, strict=True):
            if own is not wide:
                wide.grad = None if own.grad is None else own.grad.float()
                own.grad = None
        norm = nn.utils.clip_grad_norm_(self._wide, LONGEST_GRADIENT)
        for group in self._adamw.param_groups:
            group["lr"] = rate
        self._adamw.step()
        for own, wide in zip(self._own, self._wide, strict=True):
            wide.grad = None
            if own is not wide:
                own.copy_(wide)
        return bool(norm.isfinite())

    def state(self) -> dict[str, Tensor]:
        """The copies and AdamW's moments, by place and name: the tensors themselves, no copies."""
        tensors = {f"{index}.wide": wide.detach() for index, wide in enumerate(self._wide)}
        for index, wide in enumerate(self._wide):
            moments = self._adamw.state.get(wide, {})
            tensors |= {f"{index}.{name}": moments[name] for name in MOMENTS if name in moments}
        return tensors

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a state.

        :raises KeyError: a parameter is missing in it.
        :raises RuntimeError: one has another shape; then nothing of this is usable.
        """
        for index, (own, wide) in enumerate(zip(self._own, self._wide, strict=True)):
            wide.copy_(tensors[f"{index}.wide"])
            if own is not wide:
                own.copy_(wide)
            moments = {n: tensors[f"{index}.{n}"] for n in MOMENTS if f"{index}.{n}" in tensors}
            if moments:
                self._adamw.state[wide] = {n: value.clone() for n, value in moments.items()}
