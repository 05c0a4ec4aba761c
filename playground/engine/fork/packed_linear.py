"""Linear layers that hold 8-bit or 4-bit codes and compute with them: bitsandbytes' own.

The library is imported when the first layer is packed, since that takes seconds.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn

PackedScheme = Literal["int8", "nf4", "fp4"]
PACKED_BLOCKS = (32, 64, 128, 256, 512, 1024)  # weights to a scale that its 4-bit kernels take
OUTLIER = 6.0  # LLM.int8(): inputs of this size and above are multiplied in the model's dtype


class PackedLinear(nn.Module):
    """A linear layer over codes: (..., in) -> (..., out).

    Dettmers et al. 2022 (LLM.int8(): a scale for each output row, outlying inputs apart) and
    2023 (QLoRA: NF4 or FP4 codes, a scale for each block of weights). The product is the
    library's. It may round its scales and sums otherwise than the model's dtype does, so an
    answer can differ in its last digits from that of the same codes simulated.

    :param weight: (out, in).
    :param bias: (out,) or None; shared, not copied.
    :param block: weights that share a scale; int8 has one for each row and ignores it.
    :param transposed: whether the layer that it replaces stores its weight (in, out).
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None, scheme: PackedScheme, block: int, transposed: bool = False
    ) -> None:
        super().__init__()
        self.transposed, self.dtype, self.inputs = transposed, weight.dtype, weight.shape[1]
        layer: Any = _int8(weight) if scheme == "int8" else _four_bits(weight, scheme, block)
        layer.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)
        self.inner = layer.eval()
        with torch.no_grad():  # the first product arranges the codes; nobody must see it half done
            self.inner(torch.zeros(1, 1, self.inputs, dtype=self.dtype))

    @property
    def weight(self) -> Tensor:
        """The weight that the layer multiplies by, stored as the replaced layer would: a copy."""
        dense = self._dense().to(self.dtype)
        return dense.T.contiguous() if self.transposed else dense.contiguous()

    @property
    def bias(self) -> Tensor | None:
        """The bias of the layer that it replaces."""
        return self.inner.bias

    @torch.no_grad()
    def _dense(self) -> Tensor:
        layer: Any = self.inner
        if hasattr(layer, "state"):
            functional = _bitsandbytes().functional
            return functional.int8_vectorwise_dequant(layer.state.CB, layer.state.SCB)
        # The kernel keeps its codes in an order of its own: ask it for each unit vector's product.
        bare = copy.copy(layer)
        bare._parameters = {**layer._parameters, "bias": None}
        product: Tensor = bare(torch.eye(self.inputs, dtype=self.dtype)[None])[0]  # (in, out)
        return product.T

    def held(self) -> Iterator[Tensor]:
        """Codes and scales: what the layer keeps in memory beside its bias."""
        layer: Any = self.inner
        if hasattr(layer, "state"):
            yield from (layer.state.CB, layer.state.SCB)
        else:
            yield from (layer.weight, layer.weight.quant_state.absmax)

    def forward(self, x: Tensor) -> Tensor:
        """The product, in the dtype of ``x``."""
        product: Tensor = self.inner(x)
        return product


def trainable_four_bits(weight: Tensor, bias: Tensor | None) -> Any:
    """A frozen nf4 layer (blocks of 64, QLoRA's) that gradients go through.

    :param weight: (out, in).
    """
    layer = _four_bits(weight, "nf4", 64)
    layer.support_avx512bf16_for_cpu = False  # that kernel has no backward pass
    layer.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)
    return layer


def _int8(weight: Tensor) -> Any:
    bnb = _bitsandbytes()
    out, inputs = weight.shape
    layer = bnb.nn.Linear8bitLt(inputs, out, bias=False, has_fp16_weights=False, threshold=OUTLIER, device="meta")
    layer.weight = bnb.nn.Int8Params(weight.contiguous(), requires_grad=False, has_fp16_weights=False).to("cpu")
    return layer


def _four_bits(weight: Tensor, scheme: PackedScheme, block: int) -> Any:
    bnb = _bitsandbytes()
    out, inputs = weight.shape
    layer = bnb.nn.Linear4bit(
        inputs, out, bias=False, compute_dtype=weight.dtype, compress_statistics=False, quant_type=scheme, device="meta"
    )
    layer.weight = bnb.nn.Params4bit(
        weight.contiguous(),
        requires_grad=False,
        blocksize=block,
        compress_statistics=False,
        quant_type=scheme,
        module=layer,
    ).to("cpu")
    if out % 32 or inputs % 2 or inputs % block:  # what the fast kernel of the processor needs
        layer.support_avx512bf16_for_cpu = False
    return layer


def _bitsandbytes() -> Any:
    """The library, imported when first needed."""
    import bitsandbytes

    return bitsandbytes
