"""An output head that can answer in float32 although its weights are bfloat16.

A bfloat16 logit of size 20 has steps of 0.125, which is 13 % in probability: too coarse for
showing what a small edit does. Decoding keeps the fast bfloat16 product; tables of next tokens,
perplexity and the like are computed inside ``float32_logits()``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
import torch.nn.functional as F  # noqa: N812  # the name everybody uses
from torch import Tensor, nn

ROWS_AT_ONCE = 8192
_precise: ContextVar[bool] = ContextVar("float32_logits", default=False)


@contextmanager
def float32_logits() -> Iterator[None]:
    """Inside, heads of this kind multiply in float32, whatever their weights' dtype."""
    token = _precise.set(True)
    try:
        yield
    finally:
        _precise.reset(token)


class PreciseHead(nn.Linear):
    """A linear output head, (..., d_model) -> (..., vocab), that honours ``float32_logits``."""

    @classmethod
    def sharing(cls, head: nn.Linear) -> PreciseHead:
        """The same head, with the very same parameters."""
        new = cls(1, 1, bias=False, device="meta")
        new.in_features, new.out_features = head.in_features, head.out_features
        new.weight, new.bias = head.weight, head.bias
        return new

    def forward(self, hidden: Tensor) -> Tensor:
        """Logits of ``hidden``: in the weights' dtype, or in float32 where asked for."""
        if not _precise.get() or self.weight.dtype == torch.float32:
            return F.linear(hidden, self.weight, self.bias)
        logits = torch.empty((*hidden.shape[:-1], self.weight.shape[0]), dtype=torch.float32)
        wide = hidden.float()
        for start in range(0, self.weight.shape[0], ROWS_AT_ONCE):  # never a float32 copy of it all
            rows = slice(start, start + ROWS_AT_ONCE)
            bias = None if self.bias is None else self.bias[rows].float()
            logits[..., rows] = F.linear(wide, self.weight[rows].float(), bias)
        return logits
