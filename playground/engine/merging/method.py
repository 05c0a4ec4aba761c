"""What a merging method is, and the pieces of tensors that methods work on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from inspect import Parameter, signature
from typing import Any

import torch
from torch import Tensor

from playground.errors import RecipeError

MOST = 8  # models in a merge
PIECE = 1 << 19  # numbers, which stay in the processor's cache
ZERO_SUM = 1e-8  # weights that sum to less cannot be normalized


def pieces(tensor: Tensor) -> Sequence[Tensor]:
    """A contiguous tensor's numbers in pieces of whole rows, (rows, numbers): views of it."""
    table = tensor.flatten(1) if tensor.ndim > 1 else tensor.reshape(1, -1)
    views: Sequence[Tensor] = table.split(max(1, PIECE // max(1, table.shape[1])))
    return views


def wide(piece: Tensor) -> Tensor:
    """In the precision that is worked in: float32, or float64 for what comes in it."""
    return piece if piece.dtype == torch.float64 else piece.float()


def joined(parts: Iterable[Tensor], like: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """A new tensor from its pieces, in another's shape, and dtype unless told otherwise."""
    whole = torch.empty_like(like, dtype=dtype, memory_format=torch.contiguous_format)
    for out, piece in zip(pieces(whole), parts, strict=True):
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


def shares(weight: Sequence[float], normalize: bool = True) -> list[float]:
    """Weights divided by their sum where that is asked for.

    :raises MergeError: it is asked for and they sum to 0.
    """
    if not normalize:
        return list(weight)
    total = sum(weight)
    if abs(total) < ZERO_SUM:
        raise MergeError("The weights sum to 0, so they cannot be normalized. Change one, or switch normalizing off.")
    return [each / total for each in weight]


def draws(seed: int, model: int) -> torch.Generator:
    """Random numbers for the model at a place, whatever was drawn before; ``seed`` is the tensor's."""
    return torch.Generator().manual_seed(_mixed(seed, model))


def seed_of(seed: int, name: str) -> int:
    """A tensor's own seed, so that the order in which tensors are merged does not matter."""
    return _mixed(seed, name)


def _mixed(seed: int, what: object) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {what}".encode()).digest()[:7])


@dataclass(frozen=True, kw_only=True)
class MergeMethod:
    """A way to merge, one row of ``METHODS``.

    Its function's keyword parameters are its options, by the names that a merge has for them, with
    what its paper does as their defaults; ``weight`` and ``density`` are one for each model.

    :param function: models' tensors of one shape and any precision, and the base's, to the pieces of
        the merged tensor, in float32 or float64, holding no whole tensor of its own; or, of a
        ``whole`` method, a fork and the models to the changes that it made to the fork.
    :param paper: whom it follows.
    :param models: how many it takes, from and to.
    :param from_base: whether the base's weights matter to it wherever on the path.
    :param thin: what it keeps of one task vector, from it and the place of its model, in pieces.
    :param by_place: whether it normalizes place by place, by the weights that take part there.
    :param partial: whether one model alone, at its full weight, does not come out as it is.
    :param whole: whether it goes model by model, and not tensor by tensor.
    :param fixed: options that recipes alone may set otherwise: no menu offers them.
    :param in_mergekit: whether mergekit has it too, under the same name.
    """

    function: Callable[..., Any]
    paper: str
    models: tuple[int, int]
    from_base: bool
    thin: Callable[..., Iterable[Tensor]] | None
    by_place: bool
    partial: bool
    whole: bool
    in_mergekit: bool
    fixed: tuple[str, ...]

    @cached_property
    def uses(self) -> dict[str, Any]:
        """The options that matter to it, and what they are where nothing is said."""
        return {name: usual for name, usual in _options(self.function).items() if name not in self.fixed}

    def default(self, option: str, otherwise: bool) -> bool:
        """What its paper does about a switch."""
        return bool(self.uses.get(option, otherwise))

    def stream(self, models: Sequence[Tensor], base: Tensor, options: Mapping[str, Any]) -> Iterable[Tensor]:
        """The pieces of the merged tensor; of the options those are taken that it has."""
        pieces: Iterable[Tensor] = self.function(models, base, **_of(options, _options(self.function)))
        return pieces

    def merge(self, models: Sequence[Tensor], base: Tensor, options: Mapping[str, Any]) -> Tensor:
        """The merged tensor, in the base's shape and dtype."""
        return joined(self.stream(models, base, options), base)

    def left(self, delta: TaskVector, model: int, options: Mapping[str, Any]) -> Iterable[Tensor]:
        """What it keeps of one model's task vector; all of it where it thins nothing out."""
        if self.thin is None:
            return delta
        density = density_at(options.get("density", ()), model)
        return self.thin(delta, model, **{**_of(options, _options(self.thin)), "density": density})

    def alone(self, count: int, options: Mapping[str, Any]) -> bool:
        """Whether what comes out is the only model as it is."""
        if count != 1 or self.partial or ("density" in self.uses and density_at(options.get("density", ()), 0) < 1):
            return False
        if self.by_place and options["normalize"]:
            return bool(options["weight"][0] != 0)
        return "weight" not in self.uses or shares(options["weight"], options["normalize"]) == [1.0]


METHODS: dict[str, MergeMethod] = {}  # by their names in recipes, menus and docs


def merge_method(
    name: str,
    *,
    paper: str,
    models: tuple[int, int] = (1, MOST),
    from_base: bool = False,
    thin: Callable[..., Iterable[Tensor]] | None = None,
    by_place: bool = False,
    partial: bool = False,
    whole: bool = False,
    in_mergekit: bool = True,
    fixed: tuple[str, ...] = (),
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as a way to merge; see :class:`MergeMethod`."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        METHODS[name] = MergeMethod(
            function=function,
            paper=paper,
            models=models,
            from_base=from_base,
            thin=thin,
            by_place=by_place,
            partial=partial,
            whole=whole,
            in_mergekit=in_mergekit,
            fixed=fixed,
        )
        return function

    return register


def density_at(density: Sequence[float], model: int) -> float:
    """Of the model at a place; everything is kept where none is said."""
    return density[model] if density else 1.0


def _options(function: Callable[..., Any]) -> dict[str, Any]:
    parameters = signature(function).parameters.values()
    return {each.name: each.default for each in parameters if each.kind is Parameter.KEYWORD_ONLY}


def _of(options: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: options[name] for name in names if name in options}
