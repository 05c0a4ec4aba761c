"""The grids that quantization rounds to: a few levels for each group of weights.

Pure functions of tensors. Everything is float32; scales are counted as 32 bits each, which is
how bitsandbytes keeps them. A scheme is a bit width and a function that fits its grid to groups;
to add one, write that function and a line in ``SCHEMES``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import torch
from torch import Tensor

SchemeName = Literal["int8", "int4", "int3", "int2", "ternary", "binary", "nf4", "fp4", "fp8_e4m3", "fp8_e5m2"]
GroupSize = int | Literal["channel", "tensor"]
SCALE_BITS = 32
LEAST = 1e-36  # smaller weights have no step that float32 could divide by: they become 0
TINY = 1e-38  # in the place of a scale of zero, as bitsandbytes has it

# Dettmers et al. 2023, appendix E: quantiles of a normal distribution, 0 among them.
NF4 = (
    -1.0,
    -0.6961928009986877,
    -0.5250730514526367,
    -0.39491748809814453,
    -0.28444138169288635,
    -0.18477343022823334,
    -0.09105003625154495,
    0.0,
    0.07958029955625534,
    0.16093020141124725,
    0.24611230194568634,
    0.33791524171829224,
    0.44070982933044434,
    0.5626170039176941,
    0.7229568362236023,
    1.0,
)
_FP4 = (0.0052083333, 0.16666667, 0.25, 0.33333333, 0.5, 0.66666667, 1.0)  # 2 exponent bits, 1
FP4 = (*(-level for level in reversed(_FP4)), 0.0, *_FP4)


class Grid(Protocol):
    """The levels of some groups of weights."""

    def round(self, groups: Tensor) -> Tensor:
        """(n, size) weights to their nearest levels. ``size`` may differ from what was fitted."""
        ...

    def levels(self) -> Tensor:
        """(n, count) the levels themselves, ascending."""
        ...


@dataclass(frozen=True)
class Integers:
    """Multiples of a step, 2^bits - 1 of them around 0: the code -2^(bits-1) stays unused.

    As LLM.int8() has it (Dettmers et al. 2022): the largest weight is the last level.
    """

    absmax: Tensor  # (n, 1)
    most: int

    def round(self, groups: Tensor) -> Tensor:
        """Nearest level."""
        codes = (groups * self._inverse()).round_().clamp_(-self.most, self.most)
        return codes.mul_(self.absmax).mul_(1.0 / self.most)

    def _inverse(self) -> Tensor:
        return torch.where(self.absmax > LEAST, self.most / self.absmax, 0.0)

    def levels(self) -> Tensor:
        """-most .. most steps."""
        return torch.arange(-self.most, self.most + 1.0) * self.absmax * (1.0 / self.most)


@dataclass(frozen=True)
class Affine:
    """2^bits multiples of a step with a whole-numbered zero point, so that 0 stays 0.

    Jacob et al. 2018.
    """

    scale: Tensor  # (n, 1)
    zero: Tensor  # (n, 1) code of 0
    most: int

    def round(self, groups: Tensor) -> Tensor:
        """Nearest level."""
        codes = (groups / self.scale).round_().add_(self.zero).clamp_(0, self.most)
        return codes.sub_(self.zero).mul_(self.scale)

    def levels(self) -> Tensor:
        """All 2^bits."""
        return (torch.arange(self.most + 1.0) - self.zero) * self.scale


@dataclass(frozen=True)
class LookupTable:
    """A fixed table of levels in [-1, 1] times the group's largest weight."""

    absmax: Tensor  # (n, 1)
    table: tuple[float, ...]

    def round(self, groups: Tensor) -> Tensor:
        """Nearest level; halfway goes to the lower one."""
        scaled = groups * (1.0 / self.absmax.clamp(min=TINY))
        table = torch.tensor(self.table)
        index = torch.zeros(groups.shape, dtype=torch.uint8)
        for bound in ((table[:-1] + table[1:]) / 2).tolist():
            index += scaled > bound
        return table[index.int()].mul_(self.absmax)

    def levels(self) -> Tensor:
        """The table, scaled."""
        return torch.tensor(self.table) * self.absmax


@dataclass(frozen=True)
class Floats:
    """An 8-bit floating-point format, scaled so that the group's largest weight is its largest.

    Micikevicius et al. 2022.
    """

    absmax: Tensor  # (n, 1)
    dtype: torch.dtype

    def _scale(self) -> Tensor:
        return self.absmax.clamp(min=TINY) * (1.0 / torch.finfo(self.dtype).max)

    def round(self, groups: Tensor) -> Tensor:
        """Nearest level."""
        scale, most = self._scale(), torch.finfo(self.dtype).max
        return (groups / scale).clamp_(-most, most).to(self.dtype).float().mul_(scale)

    def levels(self) -> Tensor:
        """Every finite value of the format, scaled."""
        every = torch.arange(256, dtype=torch.uint8).view(self.dtype).float()
        return every[every.isfinite()].unique() * self._scale()


@dataclass(frozen=True)
class Signs:
    """-scale and scale, and 0 between them where ``threshold`` is given (ternary)."""

    scale: Tensor  # (n, 1)
    threshold: Tensor | None = None  # (n, 1): what is not above it in size becomes 0

    def round(self, groups: Tensor) -> Tensor:
        """The sign times the scale; for two levels, 0 counts as positive."""
        signs = torch.where(groups < 0, -1.0, 1.0)
        if self.threshold is not None:
            signs = torch.where(groups.abs() > self.threshold, signs, 0.0)
        return signs.mul_(self.scale)

    def levels(self) -> Tensor:
        """Two or three."""
        signs = [-1.0, 1.0] if self.threshold is None else [-1.0, 0.0, 1.0]
        return torch.tensor(signs) * self.scale


Fit = Callable[[Tensor, bool], Grid]  # (n, size) weights, whether symmetric -> their grids


def _absmax(groups: Tensor) -> Tensor:
    return groups.abs().amax(1, keepdim=True)


def integers(bits: int) -> Fit:
    """Even steps: around 0 where symmetric, else from the smallest to the largest weight."""

    def fit(groups: Tensor, symmetric: bool) -> Grid:
        if symmetric:
            return Integers(_absmax(groups), 2 ** (bits - 1) - 1)
        most = 2**bits - 1
        low = groups.amin(1, keepdim=True).clamp(max=0)
        high = groups.amax(1, keepdim=True).clamp(min=0)
        scale = (high - low) / most
        scale = torch.where(scale > 0, scale, 1.0)
        return Affine(scale, (-low / scale).round(), most)

    return fit


def ternary(groups: Tensor, symmetric: bool) -> Grid:
    """Ternary weight networks (Li et al. 2016): threshold 0.7 of the mean size."""
    size = groups.abs()
    threshold = 0.7 * size.mean(1, keepdim=True)
    above = size > threshold
    scale = (size * above).sum(1, keepdim=True) / above.sum(1, keepdim=True).clamp(min=1)
    return Signs(scale, threshold)


def binary(groups: Tensor, symmetric: bool) -> Grid:
    """Binary weights (Rastegari et al. 2016, XNOR-Net): the mean size with the weight's sign."""
    return Signs(groups.abs().mean(1, keepdim=True))


def lookup(levels: tuple[float, ...]) -> Fit:
    """A fixed table times the largest weight."""
    return lambda groups, symmetric: LookupTable(_absmax(groups), levels)


def floats(dtype: torch.dtype) -> Fit:
    """An 8-bit float with a scale."""
    return lambda groups, symmetric: Floats(_absmax(groups), dtype)


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """How many bits a code has, and how a grid is fitted.

    :param flat: groups run across rows where they do not divide one, as bitsandbytes' blocks do.
    :param either: can have a zero point.
    :param zero: 0 is a level.
    """

    bits: float
    fit: Fit
    flat: bool = False
    either: bool = False
    zero: bool = True


SCHEMES: dict[SchemeName, Scheme] = {
    "int8": Scheme(bits=8, fit=integers(8), either=True),
    "int4": Scheme(bits=4, fit=integers(4), either=True),
    "int3": Scheme(bits=3, fit=integers(3), either=True),
    "int2": Scheme(bits=2, fit=integers(2), either=True),
    "ternary": Scheme(bits=math.log2(3), fit=ternary),
    "binary": Scheme(bits=1, fit=binary, zero=False),
    "nf4": Scheme(bits=4, fit=lookup(NF4), flat=True),
    "fp4": Scheme(bits=4, fit=lookup(FP4), flat=True),
    "fp8_e4m3": Scheme(bits=8, fit=floats(torch.float8_e4m3fn)),
    "fp8_e5m2": Scheme(bits=8, fit=floats(torch.float8_e5m2)),
}
assert set(SCHEMES) == set(get_args(SchemeName))


def groups_of(weight: Tensor, group_size: GroupSize, flat: bool = False) -> list[Tensor]:
    """A weight as groups: one or two (n, size) tensors that give it back when joined.

    Groups run along the inputs. Where the size does not divide a row, each row ends in a shorter
    group; with ``flat``, groups run on into the next row and only the last one is shorter.

    :param weight: (out, in).
    """
    if group_size == "tensor":
        return [weight.reshape(1, -1)]
    if group_size == "channel":
        return [weight]
    rows = weight.reshape(1, -1) if flat else weight
    full = rows.shape[1] // group_size * group_size
    groups = [rows[:, :full].reshape(-1, group_size)] if full else []
    return [*groups, rows[:, full:]] if full < rows.shape[1] else groups


def quantized(weight: Tensor, name: SchemeName, group_size: GroupSize, symmetric: bool = True) -> Tensor:
    """A weight rounded to the nearest levels of its groups' grids.

    :param weight: (out, in) float32.
    :return: the same shape, float32: what the codes stand for.
    """
    scheme = SCHEMES[name]
    parts = groups_of(weight, group_size, scheme.flat)
    rounded = [scheme.fit(part, symmetric).round(part) for part in parts]
    if len(rounded) == 1:
        return rounded[0].view(weight.shape)
    rows = 1 if scheme.flat else weight.shape[0]
    return torch.cat([part.reshape(rows, -1) for part in rounded], 1).view(weight.shape)


def overhead_bits(
    shape: tuple[int, int], name: SchemeName, group_size: GroupSize, symmetric: bool, flat: bool = True
) -> float:
    """Bits of scales and zero points for each weight of an (out, in) matrix.

    :param flat: whether groups may run across rows, for the schemes that have it so.
    """
    scheme, (rows, columns) = SCHEMES[name], shape
    if group_size == "tensor":
        groups = 1
    elif group_size == "channel":
        groups = rows
    elif scheme.flat and flat:
        groups = math.ceil(rows * columns / group_size)
    else:
        groups = rows * math.ceil(columns / group_size)
    each = SCALE_BITS + (scheme.bits if scheme.either and not symmetric else 0)
    return groups * each / (rows * columns)
