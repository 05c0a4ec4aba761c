"""Number formats: how they spend their bits, and a tensor's values beside a scheme's levels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from playground.engine.fork import Fork
from playground.engine.fork.structure import matrices
from playground.engine.quantizing.grids import NF4, SCHEMES, Fit, GroupSize, SchemeName, binary, groups_of, integers
from playground.errors import PlaygroundError

BINS = 61


@dataclass(frozen=True, kw_only=True)
class NumberFormat:
    """One row of the table of formats.

    :param bits: of a stored number, without scales.
    :param exponent: bits of the exponent, None for formats without one.
    :param mantissa: bits of the mantissa, None for integers and tables.
    :param most: the largest number, before any scale.
    :param step: the distance from 1 to the next number (from the largest level to the next
        where 1 is the largest).
    """

    name: str
    bits: int
    exponent: int | None
    mantissa: int | None
    most: float
    step: float

    def model_bytes(self, weights: int) -> int:
        """Bytes of a model of so many weights, without scales."""
        return math.ceil(weights * self.bits / 8)


def _float(name: str, dtype: torch.dtype, exponent: int, mantissa: int) -> NumberFormat:
    about = torch.finfo(dtype)
    return NumberFormat(
        name=name, bits=about.bits, exponent=exponent, mantissa=mantissa, most=about.max, step=about.eps
    )


FORMATS = (
    _float("FP32", torch.float32, 8, 23),
    # NVIDIA's format for products: stored as 32 bits, 19 of which are used.
    NumberFormat(name="TF32", bits=32, exponent=8, mantissa=10, most=2.0**127 * (2 - 2.0**-10), step=2.0**-10),
    _float("BF16", torch.bfloat16, 8, 7),
    _float("FP16", torch.float16, 5, 10),
    _float("FP8 E4M3", torch.float8_e4m3fn, 4, 3),
    _float("FP8 E5M2", torch.float8_e5m2, 5, 2),
    NumberFormat(name="INT8", bits=8, exponent=None, mantissa=None, most=127, step=1),
    NumberFormat(name="INT4", bits=4, exponent=None, mantissa=None, most=7, step=1),
    NumberFormat(name="NF4", bits=4, exponent=None, mantissa=None, most=1, step=NF4[-1] - NF4[-2]),
)


@dataclass(frozen=True, kw_only=True)
class NumberLine:
    """The weights of one group and the levels that they are rounded to.

    :param edges: borders of the bins, one more than there are bins.
    :param before: weights in each bin, before rounding.
    :param levels: the grid's levels, ascending.
    :param after: weights on each level after rounding.
    :param error: root mean square of the rounding, over that of the weights.
    """

    weights: int
    edges: tuple[float, ...]
    before: tuple[int, ...]
    levels: tuple[float, ...]
    after: tuple[int, ...]
    error: float


def even_steps(bits: int) -> Fit:
    """How the grid of an integer scheme of any width is fitted."""
    return integers(bits) if bits > 1 else binary


@torch.no_grad()
def number_line(
    fork: Fork, name: str, scheme: SchemeName | int, group_size: GroupSize, symmetric: bool, row: int = 0
) -> NumberLine:
    """The first group of one row of a matrix, before and after rounding to a scheme's grid.

    :param name: of a weight matrix inside the layers, as ``structure.matrices`` lists them.
    :param scheme: a scheme's name, or how many bits of even steps (1 for two signs).
    :param row: which output's row; taken from the last one where there are fewer.
    :raises PlaygroundError: no such matrix.
    """
    matrix = next((m for m in matrices(fork) if m.name == name), None)
    if matrix is None:
        raise PlaygroundError("There is no matrix {name!r} here. Choose one of the list.", name=name)
    weight = matrix.oriented(fork.tensor(name)).float()
    if group_size != "tensor":
        row = min(max(0, row), len(weight) - 1)
        weight = weight[row : row + 1]
    group = groups_of(weight, group_size)[0][:1].contiguous()
    fit = SCHEMES[scheme].fit if isinstance(scheme, str) else even_steps(scheme)
    grid = fit(group, symmetric)
    rounded, levels = grid.round(group), grid.levels()[0].unique()
    most = float(torch.maximum(group.abs().max(), levels.abs().max())) or 1.0
    edges = torch.linspace(-most, most, BINS + 1)
    before = torch.histc(group, BINS, -most, most)
    nearest = torch.bucketize(rounded.flatten(), (levels[1:] + levels[:-1]) / 2)
    error = float((rounded - group).norm() / group.norm().clamp(min=1e-12))
    return NumberLine(
        weights=group.numel(),
        edges=tuple(edges.tolist()),
        before=tuple(int(count) for count in before.tolist()),
        levels=tuple(levels.tolist()),
        after=tuple(torch.bincount(nearest, minlength=len(levels)).tolist()),
        error=error,
    )
