"""Merging tensor by tensor: a fork's weights from those of several models, one after another.

Of each model one tensor is held at a time, as it is stored; pieces of it that stay in the
processor's cache are worked on in float32.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from playground.engine.fork import Fork, TensorChange
from playground.engine.fork.structure import Parameter, layers, select_parameters
from playground.engine.merging.method import MergeMethod, joined, pieces, shares, wide
from playground.engine.merging.parents import Parent, Variant, matched_rows, vocabulary_names
from playground.engine.work import QUIET, Work
from playground.errors import Message

Options = Mapping[str, Any]  # of a method, for one tensor


def merge(
    fork: Fork,
    base: Variant,
    parents: Sequence[Parent],
    method: MergeMethod,
    chosen: Mapping[Parameter, Options],
    work: Work = QUIET,
) -> list[TensorChange]:
    """Put the merged tensors into a fork, and say how much each changed.

    A tensor that all of the models share stays shared. Names that are one tensor in all of them
    (a tied pair) stay one.

    :param base: what task vectors start from and where the path begins, often the fork's own
        recipe.
    :param chosen: the parameters to merge, and what the method is told about each.
    :raises MergeError: weights that are to be normalized sum to 0.
    """
    if "weight" in method.uses and not method.by_place:
        for options in chosen.values():  # before anything is computed
            shares(options["weight"], options["normalize"])
    changes: list[TensorChange] = []
    own = Variant("", fork)
    groups = _groups(chosen, [own, base, *parents])
    for done, (names, options) in enumerate(groups):
        work.step(done, len(groups), Message("Merging {name}…", {"name": names[0]}))
        if not _untouched(names[0], own, [base, *parents], method, options):
            new = merged_tensor(names[0], base, parents, method, options, fork.tensor(names[0]).dtype)
            changes += _put(fork, names, new)
    return changes


def merged_tensor(
    name: str,
    base: Variant,
    parents: Sequence[Parent],
    method: MergeMethod,
    options: Options,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """One merged tensor in a dtype, the base's if none is said, or the only model's own."""
    start = base.tensor(name)
    models = [rows_matched(name, parent, base) for parent in parents]
    alone, t = method.alone(len(models), options), options["t"]
    if alone and t == 1:  # bit for bit
        return models[0]
    if "t" in method.uses:  # a place on an arc
        return joined(method.stream(models, start, options), start, dtype)
    merged = map(wide, pieces(models[0])) if alone else method.stream(models, start, options)
    if t != 1:
        pairs = zip(pieces(start), merged, strict=True)
        merged = (torch.lerp(wide(before), piece, t) for before, piece in pairs)
    return joined(merged, start, dtype)


def rows_matched(name: str, parent: Parent, base: Variant) -> Tensor:
    """A parent's tensor, its rows in the base's order where it is a table of another vocabulary."""
    tensor = parent.tensor(name)
    if name not in vocabulary_names(base.fork) or parent.tokens is None:
        return tensor
    own = base.tensor(name)  # may have other rows for the same tokens: a table may be padded
    if tensor.shape == own.shape and parent.tokens == base.tokens:
        return tensor
    return matched_rows(tensor, parent, base, own)


def _untouched(name: str, own: Variant, models: Sequence[Parent], method: MergeMethod, options: Options) -> bool:
    """Whether the merged tensor is the fork's by definition: all models have that very one."""
    same = all(model.identity(name) == own.identity(name) for model in models)
    return same and (method.from_base or abs(sum(shares(options["weight"], options["normalize"])) - 1) < 1e-6)


def _groups(chosen: Mapping[Parameter, Options], models: Sequence[Parent]) -> list[tuple[list[str], Options]]:
    """The chosen names, those that are one tensor in every model together, and their options.

    A layer that is stacked twice is two where its places have values of their own.
    """
    groups: dict[Hashable, tuple[list[str], Options]] = {}
    for parameter, options in chosen.items():
        own = (*options["weight"], *options["density"], options["t"], options["near"])
        values = own if parameter.layer is not None else ()
        key = (values, *(model.identity(parameter.name) for model in models))
        groups.setdefault(key, ([], options))[0].append(parameter.name)
    return list(groups.values())


def places(fork: Fork) -> dict[str, float]:
    """Where each parameter is, from 0 (the first layer and what is before) to 1 (the last)."""
    _, stack = layers(fork.model)
    last, seen, depths = max(1, len(stack) - 1), False, {}
    for parameter in select_parameters(fork, ("all",)):
        seen = seen or parameter.layer is not None
        after = seen or parameter.part == "norms"  # OPT lists its last norm before its layers
        depths[parameter.name] = float(after) if parameter.layer is None else parameter.layer / last
    return depths


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
