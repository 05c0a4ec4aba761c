"""What a merge does to one tensor, in numbers to draw; and how alike the models' changes are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from playground.engine.fork.structure import matrices, select_parameters
from playground.engine.merging import METHODS, MergeError
from playground.engine.merging.averages import cosine
from playground.engine.merging.edit import Merge
from playground.engine.merging.method import TaskVector, joined
from playground.engine.merging.parents import Parent, Variant
from playground.engine.merging.run import merged_tensor, places, rows_matched
from playground.engine.work import QUIET, Work
from playground.errors import Message

BINS = 61
WITHIN = 0.995  # share of the numbers that the bins spread over; the outermost hold the rest


@dataclass(frozen=True, kw_only=True)
class DrawnChange:
    """One model's task vector in a tensor, and what the method keeps of it.

    :param counts: how many numbers are in each bin.
    :param kept: the same of those that stay, at the values that they then have.
    """

    label: str
    norm: float
    counts: tuple[int, ...]
    kept: tuple[int, ...]
    kept_share: float


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A tensor in a merge.

    :param edges: of the bins, one more than there are bins.
    :param agreement: share of the places changed by at least two models where all of those agree
        in sign; None where there are no such places.
    :param merged: the change that the merge makes, in the same bins.
    """

    name: str
    edges: tuple[float, ...]
    changes: tuple[DrawnChange, ...]
    merged: tuple[int, ...]
    agreement: float | None


def picture(base: Variant, parents: Sequence[Parent], merge: Merge, name: str) -> Picture:
    """The task vectors of one tensor, what is kept of them, and what comes of it.

    :raises MergeError: the base has no such tensor.
    """
    if name not in base.shapes():
        raise MergeError("{name} is not in your model as it is now. Choose another.", name=name[:120])
    start = base.tensor(name)
    vectors = [TaskVector(rows_matched(name, parent, base), start) for parent in parents]
    deltas = [joined(vector, start, torch.float32) for vector in vectors]
    parameter = next(parameter for parameter in select_parameters(base.fork, ("all",)) if parameter.name == name)
    method, options = METHODS[merge.method], merge.options(parameter, places(base.fork)[name])
    thin = [joined(method.left(vector, number, options), start, torch.float32) for number, vector in enumerate(vectors)]
    merged = merged_tensor(name, base, parents, method, options, torch.float32).float() - start
    most = max(map(_reach, (*deltas, *thin, merged))) or 1.0
    edges = torch.linspace(-most, most, BINS + 1)
    changes = tuple(
        DrawnChange(
            label=parent.label,
            norm=float(delta.norm()),
            counts=_counts(delta, most),
            kept=_counts(left, most),
            kept_share=float((left != 0).sum()) / max(1, int((delta != 0).sum())),
        )
        for parent, delta, left in zip(parents, deltas, thin, strict=True)
    )
    return Picture(
        name=name,
        edges=tuple(edges.tolist()),
        changes=changes,
        merged=_counts(merged, most),
        agreement=sign_agreement(thin),
    )


def _reach(values: Tensor) -> float:
    """How far from 0 nearly all of the numbers other than 0 lie."""
    sizes = values[values != 0].abs().flatten()
    if not sizes.numel():
        return 0.0
    count = max(1, int(WITHIN * sizes.numel()))
    return float(sizes.kthvalue(count).values)


def _counts(values: Tensor, most: float) -> tuple[int, ...]:
    """Numbers other than 0 in each bin; what lies outside counts in the outermost."""
    inside = values[values != 0].clamp(-most, most)
    return tuple(int(count) for count in torch.histc(inside, BINS, -most, most))


def sign_agreement(deltas: Sequence[Tensor]) -> float | None:
    """See :class:`Picture`."""
    up, down = (torch.zeros_like(deltas[0], dtype=torch.int8) for _ in range(2))
    for delta in deltas:
        up += delta > 0
        down += delta < 0
    several = (up + down) >= 2
    total = int(several.sum())
    agree = int((several & ((up == 0) | (down == 0))).sum())
    return agree / total if total else None


@dataclass(frozen=True)
class Likeness:
    """Cosine between the task vectors of two models in one matrix; None where one is zero."""

    layer: int
    role: str
    cosine: float | None


def likeness(base: Variant, first: Parent, second: Parent, work: Work = QUIET) -> list[Likeness]:
    """For every matrix inside the layers."""
    inside = [matrix for matrix in matrices(base.fork) if matrix.layer is not None]
    rows = []
    for done, matrix in enumerate(inside):
        work.step(done, len(inside), Message("{name}…", {"name": matrix.name}))
        start = base.tensor(matrix.name).float()
        delta, other = (model.tensor(matrix.name).float() - start for model in (first, second))
        both = bool(delta.any()) and bool(other.any())
        assert matrix.layer is not None
        value = cosine(delta, other) if both else None
        rows.append(Likeness(matrix.layer, matrix.role, value))
    return rows
