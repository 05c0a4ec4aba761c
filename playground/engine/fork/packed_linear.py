"""Linear layers that hold 8-bit or 4-bit codes and compute with them: PyTorch's kernels and bitsandbytes'.

That library is imported when the first layer needs it, since that takes seconds.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from playground.engine.fork.torch_codes import INT4_BLOCKS, Codes, Int4Codes, Int8Codes

PackedScheme = Literal["int8", "int4", "nf4", "fp4", "llm_int8"]
_TABLE_BLOCKS = (32, 64, 128, 256, 512, 1024)
# Weights to a scale that the 4-bit kernels take
PACKED_BLOCKS = {"int4": INT4_BLOCKS, "nf4": _TABLE_BLOCKS, "fp4": _TABLE_BLOCKS}
OUTLIER = 6.0  # LLM.int8(): inputs of this size and above are multiplied in the model's dtype


class PackedLinear(nn.Module):
    """A linear layer over codes: (..., in) -> (..., out).

    int8 and int4 are even steps, multiplied by PyTorch's kernels in bfloat16. The others are
    bitsandbytes': Dettmers et al. 2022 (LLM.int8(): a scale for each output row, inputs rounded
    to 8 bits and outlying ones apart) and 2023 (QLoRA: NF4 or FP4 codes, a scale for each block
    of weights). All may round scales and sums otherwise than the model's dtype does, so an
    answer can differ in its last digits from that of the same codes simulated.

    :param weight: (out, in).
    :param bias: (out,) or None; shared, not copied.
    :param block: weights that share a scale; those of 8 bits have one for each row and ignore it.
    :param transposed: whether the layer that it replaces stores its weight (in, out).
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None, scheme: PackedScheme, block: int, transposed: bool = False
    ) -> None:
        super().__init__()
        self.transposed, self.dtype, self.inputs = transposed, weight.dtype, weight.shape[1]
        layer: Any = _layer(weight, scheme, block)
        layer.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)
        self.inner = layer.eval()
        if isinstance(layer, Codes):
            return
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
        return cast("Tensor | None", self.inner.bias)

    @torch.no_grad()
    def _dense(self) -> Tensor:
        layer: Any = self.inner
        if isinstance(layer, Codes):
            return layer.dense()
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
        if isinstance(layer, Codes):
            yield from (layer.codes, layer.scales)
        elif hasattr(layer, "state"):
            yield from (layer.state.CB, layer.state.SCB)
        else:
            yield from (layer.weight, layer.weight.quant_state.absmax)

    def forward(self, x: Tensor) -> Tensor:
        """The product, in the dtype of ``x``."""
        layer: Any = self.inner
        if not isinstance(self.inner, Codes):
            return cast(Tensor, layer(x))
        rows = x.reshape(-1, self.inputs).to(torch.bfloat16).contiguous()
        product: Tensor = layer(rows).to(x.dtype).view(*x.shape[:-1], layer.shape[0])
        return product if layer.bias is None else product + layer.bias


def trainable_four_bits(weight: Tensor, bias: Tensor | None) -> Any:
    """A frozen nf4 layer (blocks of 64, QLoRA's) that gradients go through.

    :param weight: (out, in).
    """
    layer = _four_bits(weight, "nf4", 64)
    layer.support_avx512bf16_for_cpu = False  # that kernel has no backward pass
    layer.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)
    return layer


def _layer(weight: Tensor, scheme: PackedScheme, block: int) -> Any:
    if scheme == "int8":
        return Int8Codes(weight)
    if scheme == "int4":
        return Int4Codes(weight, block)
    return _llm_int8(weight) if scheme == "llm_int8" else _four_bits(weight, scheme, block)


def _llm_int8(weight: Tensor) -> Any:
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
