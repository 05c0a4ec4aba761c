"""Linear layers over codes that PyTorch's own kernels for processors multiply by.

Both compute in bfloat16, whatever the model's numbers are: in float32 the same kernels take ten times as long.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

INT4_BLOCKS = (32, 64, 128, 256)  # weights to a scale
LANES = 16  # the kernels' outputs come so many at a time, and the 8-bit one's inputs too
TOGETHER = 64  # rows whose 4-bit codes the kernel mixes, or a whole multiple of them
_OPS = torch.ops.aten


class Codes(nn.Module):
    """A matrix as codes and scales; the bias is for whoever multiplies by it to add."""

    codes: Tensor
    scales: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_parameter("bias", None)

    def dense(self) -> Tensor:
        """(out, in) float32: what the codes stand for."""
        raise NotImplementedError


class Int4Codes(Codes):
    """4-bit codes, -7 to 7 times a bfloat16 scale for each block of a row's weights.

    :param weight: (out, in); in is a multiple of the block.
    :param block: one of ``INT4_BLOCKS``.
    """

    def __init__(self, weight: Tensor, block: int) -> None:
        super().__init__()
        self.block, self.shape = block, (len(weight), weight.shape[1])
        blocks = F.pad(weight.float(), (0, 0, 0, -len(weight) % LANES)).unflatten(1, (-1, block))
        codes, scales = _rounded(blocks, 7)
        self.codes = _packed((codes.flatten(1) + 8).contiguous())
        # With the zero point that the kernel wants, (blocks, out, 2)
        self.scales = torch.stack([scales, torch.zeros_like(scales)], -1).transpose(0, 1).contiguous()

    def dense(self) -> Tensor:
        """What the codes stand for."""
        codes = _unpacked(self.codes).sub_(8).float().unflatten(1, (-1, self.block))
        return (codes * self.scales[..., 0].T.float()[..., None]).flatten(1)[: self.shape[0]]

    def forward(self, x: Tensor) -> Tensor:
        """(n, in) bfloat16 to (n, out)."""
        return _OPS._weight_int4pack_mm_for_cpu(x, self.codes, self.block, self.scales)[:, : self.shape[0]]


class Int8Codes(Codes):
    """8-bit codes, -127 to 127 times a bfloat16 scale for each row.

    :param weight: (out, in).
    """

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.shape = len(weight), weight.shape[1]
        self.spare = -weight.shape[1] % LANES  # inputs of zero: without them the kernel reads beyond the end
        wide = F.pad(weight.float(), (0, self.spare, 0, -len(weight) % LANES))
        codes, scales = _rounded(wide, 127)
        self.codes, self.scales = codes.to(torch.int8).contiguous(), scales

    def dense(self) -> Tensor:
        """What the codes stand for."""
        out, inputs = self.shape
        return self.codes[:out, :inputs].float() * self.scales[:out, None].float()

    def forward(self, x: Tensor) -> Tensor:
        """(n, in) bfloat16 to (n, out)."""
        x = F.pad(x, (0, self.spare)) if self.spare else x
        return _OPS._weight_int8pack_mm(x, self.codes, self.scales)[:, : self.shape[0]]


def _rounded(groups: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Whole numbers up to ``most``, as the grid ``Integers`` has them, with scales that bfloat16 holds.

    :param groups: (..., size) float32.
    :return: int32 of that shape, and (...,) bfloat16.
    """
    scales = (groups.abs().amax(-1) / most).to(torch.bfloat16)
    steps = scales.float()[..., None]
    codes = torch.where(steps > 0, groups / steps, 0.0).round_().clamp_(-most, most)
    return codes.int(), scales


def _packed(codes: Tensor) -> Tensor:
    """(out, in) of 0 to 15 as the kernel wants them, two to a byte in an order of this processor's own."""
    packed: Tensor = _OPS._convert_weight_to_int4pack_for_cpu(codes, 1)
    return packed


def _unpacked(packed: Tensor) -> Tensor:
    """(out, in) int32 from what the kernel keeps."""
    full = len(packed) // TOGETHER * TOGETHER
    inputs = 2 * packed.shape[1]
    parts = [(packed[:full], TOGETHER), (packed[full:], len(packed) - full)]
    return torch.cat(
        [
            _nibbles(part).view(-1, rows * inputs)[:, _order(rows, inputs)].view(-1, inputs)
            for part, rows in parts
            if rows
        ]
    )


@lru_cache(16)
def _order(rows: int, inputs: int) -> Tensor:
    """Where each of the codes of some rows is: learned from their numbers, packed four bits at a time."""
    numbers = torch.arange(rows * inputs, dtype=torch.int32).view(rows, inputs)
    found = torch.zeros(rows * inputs, dtype=torch.int32)
    for shift in range(0, (rows * inputs).bit_length(), 4):
        found += _nibbles(_packed((numbers >> shift) & 15)) << shift
    return found.argsort()


def _nibbles(packed: Tensor) -> Tensor:
    """Both halves of each byte, int32."""
    return torch.stack([packed & 15, packed >> 4], -1).flatten().int()
