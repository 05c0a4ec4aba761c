"""Merging tensor by tensor: a fork's weights from those of several models, one after another.

Of each model one tensor is held at a time, as it is stored; pieces of it that stay in the
processor's cache are worked on in float32.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from playground.engine.fork import Fork, TensorChange
from playground.engine.fork.structure import Parameter, layers, select_parameters
from playground.engine.merging import METHODS
from playground.engine.merging.given import Given, joined, pieces, seed_of, wide
from playground.engine.merging.parents import Parent, Variant, matched_rows, vocabulary_names
from playground.engine.merging.values import NEAR, Value, value_at
from playground.engine.work import QUIET, Work
from playground.errors import Message


@dataclass(frozen=True)
class Plan:
    """What is to be done to every tensor; weights and densities are one for each model."""

    method: str
    weights: Sequence[Value]
    densities: Sequence[Value]
    t: Value
    normalize: bool
    epsilon: float = 0.1
    gamma: float = 0.01
    select: float = 1.0
    seed: int = 0
    near: Value = NEAR
    rescale: bool | None = None
    around_base: bool = False

    def given(self, one: Parameter, place: float) -> Given:
        """The parameters for one tensor."""

        def number(value: Value, otherwise: float = 1.0) -> float:
            return value_at(value, one.part, place, otherwise, one.name)

        return Given(
            [number(weight) for weight in self.weights],
            [number(density) for density in self.densities],
            self.normalize,
            number(self.t),
            self.epsilon,
            self.gamma,
            self.select,
            seed_of(self.seed, one.name),
            number(self.near, NEAR),
            self.rescale,
            self.around_base,
        )


def merge(
    fork: Fork, base: Variant, parents: Sequence[Parent], plan: Plan, targets: Sequence[str], work: Work = QUIET
) -> list[TensorChange]:
    """Put the merged tensors into a fork, and say how much each changed.

    A tensor that all of the models share stays shared. Names that are one tensor in all of them
    (a tied pair) stay one.

    :param base: what task vectors start from and where the path begins, often the fork's own
        recipe.
    :raises MergeError: weights that are to be normalized sum to 0.
    :raises RecipeError: a target names nothing.
    """
    chosen = {one.name: one for one in select_parameters(fork, targets)}
    where = places(fork)
    given = {name: plan.given(one, where[name]) for name, one in chosen.items()}
    if "weight" in METHODS[plan.method].uses and not METHODS[plan.method].by_place:
        for one in given.values():  # before anything is computed
            one.shares()
    changes: list[TensorChange] = []
    own = Variant("", fork)
    groups = _groups(chosen, given, [own, base, *parents])
    for done, names in enumerate(groups):
        work.step(done, len(groups), Message("Merging {name}…", {"name": names[0]}))
        if not _untouched(names[0], own, [base, *parents], plan.method, given[names[0]]):
            dtype = fork.tensor(names[0]).dtype
            new = merged_tensor(names[0], base, parents, plan.method, given[names[0]], dtype)
            changes += _put(fork, names, new)
    return changes


def merged_tensor(
    name: str, base: Variant, parents: Sequence[Parent], method: str, given: Given, dtype: torch.dtype | None = None
) -> Tensor:
    """One merged tensor in a dtype, the base's if none is said, or the only model's own."""
    start = base.tensor(name)
    models = [rows_matched(name, parent, base) for parent in parents]
    known = METHODS[method]
    alone = known.alone(len(models), given)
    if alone and given.t == 1:  # bit for bit
        return models[0]
    if method == "slerp":  # its t is a place on an arc
        return joined(known.stream(models, start, given), start, dtype)
    found = map(wide, pieces(models[0])) if alone else known.stream(models, start, given)
    if given.t != 1:
        pairs = zip(pieces(start), found, strict=True)
        found = (torch.lerp(wide(reads), piece, given.t) for reads, piece in pairs)
    return joined(found, start, dtype)


def rows_matched(name: str, parent: Parent, base: Variant) -> Tensor:
    """A parent's tensor, its rows in the base's order where it is a table of another vocabulary."""
    tensor = parent.tensor(name)
    if name not in vocabulary_names(base.fork) or parent.tokens is None:
        return tensor
    own = base.tensor(name)  # may have other rows for the same tokens: a table may be padded
    if tensor.shape == own.shape and parent.tokens == base.tokens:
        return tensor
    return matched_rows(tensor, parent, base, own)


def _untouched(name: str, own: Variant, models: Sequence[Parent], method: str, given: Given) -> bool:
    """Whether the merged tensor is the fork's by definition: all models have that very one."""
    same = all(model.identity(name) == own.identity(name) for model in models)
    return same and (METHODS[method].from_base or abs(sum(given.shares()) - 1) < 1e-6)


def _groups(chosen: Mapping[str, Parameter], given: Mapping[str, Given], models: Sequence[Parent]) -> list[list[str]]:
    """The chosen names, those that are one tensor in every model together.

    A layer that is stacked twice is two where its places have values of their own.
    """
    found: dict[Hashable, list[str]] = {}
    for name, one in chosen.items():
        mine = given[name]
        own = (*mine.weights, *mine.densities, mine.t, mine.near)
        values = own if one.layer is not None else ()
        key = (values, *(model.identity(name) for model in models))
        found.setdefault(key, []).append(name)
    return list(found.values())


def places(fork: Fork) -> dict[str, float]:
    """Where each parameter is, from 0 (the first layer and what is before) to 1 (the last)."""
    _, stack = layers(fork.model)
    last, seen, found = max(1, len(stack) - 1), False, {}
    for one in select_parameters(fork, ("all",)):
        seen = seen or one.layer is not None
        after = seen or one.part == "norms"  # OPT lists its last norm before its layers
        found[one.name] = float(after) if one.layer is None else one.layer / last
    return found


def _put(fork: Fork, names: Sequence[str], new: Tensor) -> list[TensorChange]:
    """Put a tensor in the place of one or of a tied pair."""
    before = [fork.tensor(name) for name in names]
    stored = new.to(before[0].dtype)
    changes = [TensorChange(name, _distance(old, stored)) for name, old in zip(names, before, strict=True)]
    if len(names) > 1:
        fork.share(list(names), nn.Parameter(stored, requires_grad=False))
    else:
        fork.replace(names[0], stored)
    return changes


def _distance(old: Tensor, new: Tensor) -> float:
    """Frobenius norm of the difference, piece by piece."""
    pairs = zip(pieces(old), pieces(new), strict=True)
    return sum(float((a.float() - b.float()).square_().sum()) for a, b in pairs) ** 0.5
