"""What is added to an MLP's output matrix so that chosen keys get chosen values.

Pure tensor functions, computed in float64; they know nothing of models or texts. A matrix W is
(out, in), a key is one of its inputs (in,), a value one of its outputs (out,). A change is held as
two thin matrices, :class:`Thin`, whose product it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Thin:
    """A change ``up @ down`` of a matrix: (out, r) and (r, in), float32."""

    up: Tensor
    down: Tensor

    @property
    def rank(self) -> int:
        """r, at most."""
        return len(self.down)

    def dense(self) -> Tensor:
        """(out, in) float32."""
        return self.up @ self.down

    def norm(self) -> float:
        """Frobenius norm, from the thin matrices' Gram matrices."""
        up, down = self.up.double(), self.down.double()
        return max(0.0, float(((up.T @ up) * (down @ down.T)).sum())) ** 0.5

    def over(self, earlier: Thin | None) -> Thin:
        """The sum of two changes, held as one."""
        if earlier is None:
            return self
        return Thin(torch.cat([earlier.up, self.up], 1), torch.cat([earlier.down, self.down]))


def damped(moment: Tensor, share: float) -> Tensor:
    """A second moment that can be inverted: its mean diagonal times ``share`` is added to it.

    :param moment: (in, in), symmetric, no negative eigenvalues.
    :return: float64.
    """
    moment = moment.double()
    least = torch.finfo(torch.float32).tiny  # of a text that never reached this matrix
    extra = (share * moment.diagonal().mean()).clamp(min=least)
    return moment + extra * torch.eye(len(moment), dtype=torch.float64)


def rank_one(weight: Tensor, key: Tensor, value: Tensor, moment: Tensor) -> Thin:
    """ROME's update: W' k = v with the least change to what other keys give.

    Meng et al. 2022, equation 2: W' = W + (v - W k) (C^-1 k)^T / (k^T C^-1 k). With one key on
    both sides of the update, the averaged one, it is r-ROME (Gupta et al. 2024).

    :param weight: W, (out, in).
    :param key: k, (in,).
    :param value: v, (out,).
    :param moment: C = E[k k^T], (in, in), invertible.
    :return: rank 1.
    """
    weight, key, value = weight.double(), key.double(), value.double()
    inverse = _solve(moment.double(), key[:, None])[:, 0]  # C^-1 k
    residual = value - weight @ key
    return _thin(residual[:, None], (inverse / (key @ inverse))[None])


def memit(residuals: Tensor, keys: Tensor, moment: Tensor, weight: float) -> Thin:
    """MEMIT's update of one layer: Delta = R K^T (lambda C + K K^T)^-1.

    Meng et al. 2023, equation 14: the least squares that trades n new values against what the
    keys of ordinary text give.

    :param residuals: R, (out, n), what is to be added for each key.
    :param keys: K, (in, n).
    :param moment: C, (in, in), invertible.
    :param weight: lambda, what ordinary text counts.
    :return: rank n.
    """
    keys = keys.double()
    solved = _solve(weight * moment.double() + keys @ keys.T, keys)  # (in, n)
    return _thin(residuals.double(), solved.T)


def null_projector(moment: Tensor, share: float) -> Tensor:
    """AlphaEdit's projection P on the inputs that ordinary text hardly has.

    Fang et al. 2025: spanned by the eigenvectors of C with small eigenvalues. Theirs are below a
    fixed number; here they are as many of the smallest as hold at most ``share`` of the sum of
    all, which does not depend on a model's units.

    :param moment: C, (in, in).
    :return: (in, in) float64, P = P^T = P P.
    """
    values, vectors = torch.linalg.eigh(moment.double())  # ascending
    values = values.clamp(min=0)
    null = vectors[:, values.cumsum(0) <= share * values.sum()]
    return null @ null.T


def alphaedit(residuals: Tensor, keys: Tensor, projector: Tensor, ridge: float) -> Thin:
    """AlphaEdit's update of one layer: Delta = R (P K)^T (P K K^T + ridge I)^-1.

    Fang et al. 2025, equation 14 without earlier edits' keys. Since P is a projection, it equals
    R (K^T P K + ridge I)^-1 (P K)^T, a system of n unknowns. It adds nothing to any input that P
    takes away.

    :param residuals: R, (out, n).
    :param keys: K, (in, n).
    :param projector: P, (in, in).
    :param ridge: above 0.
    :return: rank n.
    """
    keys = keys.double()
    inside = projector.double() @ keys  # P K, (in, n)
    gram = keys.T @ inside + ridge * torch.eye(keys.shape[1], dtype=torch.float64)
    return _thin(residuals.double(), torch.linalg.solve(gram, inside.T))


def _solve(matrix: Tensor, right: Tensor) -> Tensor:
    """A symmetric system with positive eigenvalues, by Cholesky."""
    return torch.cholesky_solve(right, torch.linalg.cholesky(matrix))


def _thin(up: Tensor, down: Tensor) -> Thin:
    return Thin(up.float().contiguous(), down.float().contiguous())
