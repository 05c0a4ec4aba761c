"""Changing a matrix column by column, the columns to the right making up for each one's error.

The core that SparseGPT and GPTQ share (optimal brain surgeon, with the columns in a fixed
order). Pure functions of tensors.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from playground.engine.pruning import masks
from playground.engine.quantizing.grids import SCHEMES, Grid, GroupSize, SchemeName
from playground.errors import RecipeError

BLOCK = 128  # columns between two corrections of everything to their right
DAMPINGS = 12  # how often it may be made ten times larger
# Of the Hessian's mean diagonal. Both papers have 0.01, with 16 times the calibration tokens: with
# few, a Hessian knows its own text too well, and what is gained on it is lost on others.
DAMPING = 0.1


class Rule(Protocol):
    """What each column becomes."""

    def start(self, weight: Tensor, diagonal: Tensor, first: int) -> None:
        """Look at a block (rows, n) before its columns are changed.

        :param diagonal: (n,) of the inverse Hessian's Cholesky factor.
        :param first: the block's first column in the whole matrix.
        """

    def column(self, weight: Tensor, index: int) -> Tensor:
        """(rows,) the new values of a column of the block."""
        ...


def corrected(weight: Tensor, hessian: Tensor, rule: Rule, block: int = BLOCK) -> Tensor:
    """A matrix changed by a rule so that its products stay as close as they can.

    Frantar and Alistarh 2023 (SparseGPT, algorithm 1); Frantar et al. 2023 (GPTQ, algorithm 1).

    :param weight: (rows, columns) float32.
    :param hessian: (columns, columns) float32, X^T X of the inputs.
    :param block: columns corrected at once; it does not change the result.
    """
    weight = weight.clone()
    weight[:, hessian.diagonal() == 0] = 0  # inputs that are never anything but 0
    factor = inverse_factor(hessian)
    for first in range(0, weight.shape[1], block):
        last = min(first + block, weight.shape[1])
        work, local = weight[:, first:last], factor[first:last, first:last]
        diagonal, errors = local.diagonal(), torch.empty_like(work)
        rule.start(work, diagonal, first)
        for index in range(last - first):
            new = rule.column(work, index)
            error = (work[:, index] - new) / diagonal[index]
            work[:, index + 1 :] -= torch.outer(error, local[index, index + 1 :])
            work[:, index], errors[:, index] = new, error
        weight[:, last:] -= errors @ factor[first:last, last:]
    return weight


def inverse_factor(hessian: Tensor) -> Tensor:
    """Upper Cholesky factor U of the damped inverse Hessian: H^-1 = U^T U.

    Damping grows tenfold for as long as the matrix is singular to float32.

    :raises RecipeError: no damping helps.
    """
    diagonal = hessian.diagonal()
    damped = hessian + torch.diag((diagonal == 0).float())
    damping = DAMPING * diagonal.mean().clamp(min=1e-8)
    for _ in range(DAMPINGS):
        damped.diagonal().add_(damping)
        lower, failed = torch.linalg.cholesky_ex(damped)
        if not failed:
            upper, failed = torch.linalg.cholesky_ex(torch.cholesky_inverse(lower), upper=True)
        if not failed:
            return upper
        damping = damping * 10
    raise RecipeError(
        "The inputs that the calibration text gives cannot be used here: they are too large, or "
        "not numbers. Undo the edit before this one, or choose another method."
    )


class Sparse:
    """SparseGPT's rule: in every block, drop what costs least, w^2 / U_jj^2."""

    def __init__(self, sparsity: float, groups: tuple[int, int] | None) -> None:
        self.sparsity, self.groups = sparsity, groups

    def start(self, weight: Tensor, diagonal: Tensor, first: int) -> None:
        """Choose what to drop of a block; with n:m, each group is chosen when it is reached."""
        self.diagonal = diagonal
        self.mask = torch.zeros(weight.shape, dtype=torch.bool)
        if self.groups is None:
            count = masks.drop_count(self.sparsity, weight.numel())
            self.mask = masks.lowest((weight / diagonal).square(), count)

    def column(self, weight: Tensor, index: int) -> Tensor:
        """The column with what was chosen set to zero."""
        if self.groups is not None and index % self.groups[1] == 0:
            drop, size = self.groups
            group = slice(index, index + size)
            scores = (weight[:, group] / self.diagonal[group]).square()
            self.mask[:, group] = masks.lowest_n_of_m(scores, drop, size)
        return weight[:, index].masked_fill(self.mask[:, index], 0)


class Rounded:
    """GPTQ's rule: the nearest level, of a grid fitted when its group is reached."""

    def __init__(self, whole: Tensor, scheme: SchemeName, group_size: GroupSize, symmetric: bool) -> None:
        self.scheme, self.symmetric, self.group_size = SCHEMES[scheme], symmetric, group_size
        self.grid: Grid
        if group_size == "tensor":
            self.grid = self.scheme.fit(whole.reshape(1, -1), symmetric)
        elif group_size == "channel":
            self.grid = self.scheme.fit(whole, symmetric)

    def start(self, weight: Tensor, diagonal: Tensor, first: int) -> None:
        """Nothing: blocks begin where groups do."""

    def column(self, weight: Tensor, index: int) -> Tensor:
        """The column's nearest levels."""
        size = self.group_size
        if isinstance(size, int) and index % size == 0:
            self.grid = self.scheme.fit(weight[:, index : index + size], self.symmetric)
        return self.grid.round(weight[:, index : index + 1])[:, 0]


def sparsegpt(weight: Tensor, hessian: Tensor, sparsity: float, groups: tuple[int, int] | None = None) -> Tensor:
    """A matrix with the given share of zeros, or with ``groups`` = (drop, of) in every group.

    :param weight: (rows, columns) float32.
    :param hessian: (columns, columns) float32.
    """
    return corrected(weight, hessian, Sparse(sparsity, groups))


def gptq(weight: Tensor, hessian: Tensor, scheme: SchemeName, group_size: GroupSize, symmetric: bool) -> Tensor:
    """A matrix on a scheme's grid.

    :param weight: (rows, columns) float32.
    :param hessian: (columns, columns) float32.
    """
    rule = Rounded(weight, scheme, group_size, symmetric)
    block = group_size * max(1, BLOCK // group_size) if isinstance(group_size, int) else BLOCK
    return corrected(weight, hessian, rule, block)
