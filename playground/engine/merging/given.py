"""What every merging method is told about the tensor in hand, and how one is described."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from playground.engine.merging.values import NEAR
from playground.errors import RecipeError

PIECE = 1 << 19  # numbers, which stay in the processor's cache
ZERO_SUM = 1e-8  # weights that sum to less cannot be normalized


def pieces(tensor: Tensor) -> Sequence[Tensor]:
    """A contiguous tensor's numbers in pieces of whole rows, (rows, numbers): views of it."""
    table = tensor.flatten(1) if tensor.ndim > 1 else tensor.reshape(1, -1)
    found: Sequence[Tensor] = table.split(max(1, PIECE // max(1, table.shape[1])))
    return found


def wide(piece: Tensor) -> Tensor:
    """In the precision that is worked in: float32, or float64 for what comes in it."""
    return piece if piece.dtype == torch.float64 else piece.float()


def joined(found: Iterable[Tensor], like: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """A new tensor from its pieces, in another's shape, and dtype unless told otherwise."""
    whole = torch.empty_like(like, dtype=dtype, memory_format=torch.contiguous_format)
    for out, piece in zip(pieces(whole), found, strict=True):
        out.copy_(piece)
    return whole


@dataclass(frozen=True)
class TaskVector:
    """What a model learned: its tensor less the base's, worked out at each pass, piece by piece."""

    model: Tensor
    base: Tensor

    def __iter__(self) -> Iterator[Tensor]:
        for model, base in zip(pieces(self.model), pieces(self.base), strict=True):
            yield wide(model) - wide(base)

    def numel(self) -> int:
        """How many numbers."""
        return self.base.numel()


class MergeError(RecipeError):
    """Models cannot be merged as asked."""


@dataclass(frozen=True)
class Given:
    """A method's parameters for one tensor; weights and densities are one for each model.

    :param normalize: whether weights are divided by their sum.
    :param t: place on the path from the base, 0, to the merged model, 1.
    :param epsilon: half of the range of DELLA's chances to be kept.
    :param gamma: share of the largest changes that breadcrumbs drop.
    :param select: share of places that SCE keeps, those where the models differ most.
    :param seed: of this tensor; see ``draws``.
    :param near: how far nearswap moves a number at most.
    :param rescale: whether what is left of thinned-out changes is made larger for what was
        dropped; None for what the method's paper does.
    :param around_base: whether multislerp's sphere is around the base, and not around zero.
    """

    weights: Sequence[float]
    densities: Sequence[float] = field(default=())
    normalize: bool = True
    t: float = 1.0
    epsilon: float = 0.1
    gamma: float = 0.01
    select: float = 1.0
    seed: int = 0
    near: float = NEAR
    rescale: bool | None = None
    around_base: bool = False

    def draws(self, place: int) -> torch.Generator:
        """Random numbers for the model at a place, whatever was drawn before."""
        return torch.Generator().manual_seed(_mixed(self.seed, place))

    def density(self, place: int) -> float:
        """Of the model at a place; everything is kept where none is said."""
        return self.densities[place] if self.densities else 1.0

    def shares(self) -> list[float]:
        """The weights, divided by their sum where that is asked for.

        :raises MergeError: it is asked for and they sum to 0.
        """
        if not self.normalize:
            return list(self.weights)
        total = sum(self.weights)
        if abs(total) < ZERO_SUM:
            raise MergeError(
                "The weights sum to 0, so they cannot be normalized. Change one, or switch normalizing off."
            )
        return [weight / total for weight in self.weights]


def _mixed(seed: int, place: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {place}".encode()).digest()[:7])


def seed_of(seed: int, name: str) -> int:
    """A tensor's own seed, so that the order in which tensors are merged does not matter."""
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:7])


Thin = Callable[[TaskVector, float, Given, int], Iterable[Tensor]]
Uses = Literal["weight", "density", "normalize", "epsilon", "gamma", "select", "near", "rescale", "around_base"]


@dataclass(frozen=True)
class Method:
    """A way to merge.

    :param stream: models' tensors of one shape and any precision, the base's, and what is given,
        to the pieces of the merged tensor, in float32 or float64; holds no whole tensor of its own.
    :param models: how many it takes, from and to.
    :param uses: which parameters matter to it.
    :param normalize: whether it divides weights by their sum unless told otherwise.
    :param from_base: whether the base's weights matter to it wherever on the path.
    :param paper: whom it follows.
    :param thin: what it keeps of one task vector, from (task vector, density, what is given, place
        of the model), in pieces.
    :param by_place: whether it normalizes place by place, by the weights that take part there.
    :param rescale: whether it makes larger what thinning leaves, unless told otherwise.
    :param partial: whether one model alone, at its full weight, does not come out as it is.
    """

    stream: Callable[[Sequence[Tensor], Tensor, Given], Iterable[Tensor]]
    models: tuple[int, int]
    uses: tuple[Uses, ...]
    normalize: bool
    from_base: bool
    paper: str
    thin: Thin | None = None
    by_place: bool = False
    rescale: bool = False
    partial: bool = False

    def alone(self, count: int, given: Given) -> bool:
        """Whether what comes out is the only model as it is."""
        if count != 1 or self.partial or ("density" in self.uses and given.density(0) < 1):
            return False
        if self.by_place and given.normalize:
            return given.weights[0] != 0
        return "weight" not in self.uses or given.shares() == [1.0]

    def merge(self, models: Sequence[Tensor], base: Tensor, given: Given) -> Tensor:
        """The merged tensor, in the base's shape and dtype."""
        return joined(self.stream(models, base, given), base)
