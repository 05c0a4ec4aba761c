"""Which numbers this processor is quick with. Known to both rooms; imports torch when asked."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@cache
def native_dtype() -> torch.dtype:
    """bfloat16 where the processor multiplies it natively, else float32.

    Decoding is bound by reading the weights, so bfloat16 is 1.5 to 2 times as fast on such
    processors, embedding passages three times, and both are slower on others. Looked up, not timed:
    a timing could choose differently at the next start, and then the same recipe would give other
    weights.
    """
    import torch

    has = torch.cpu.get_capabilities()
    native = has.get("avx512_bf16") or has.get("amx_bf16")
    return torch.bfloat16 if native else torch.float32
