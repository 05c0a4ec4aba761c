"""One edit over a range, and one layer at a time: where quality is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import torch

from playground.engine.build import Built, extended
from playground.engine.edit import Edit
from playground.engine.fork import Fork
from playground.engine.fork.structure import matrices, select
from playground.engine.measuring.measure import Perplexity, perplexity, shipped_text
from playground.engine.measuring.sizes import Sizes
from playground.engine.pruning.edit import GROUPS, Prune
from playground.engine.quantizing.edit import Quantize
from playground.engine.quantizing.grids import SchemeName
from playground.engine.work import QUIET, Work
from playground.errors import Message, PlaygroundError, RecipeError

By = Literal["change", "zeros"]
SPARSITIES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
SCAN_TEXT = 1_500  # characters of the text that a scan reads for every layer


@dataclass(frozen=True, kw_only=True)
class SweepPoint:
    """One value of a sweep: the edit with it, and what the model became."""

    edit: Edit
    value: str
    text: Perplexity
    sizes: Sizes
    relative_change: float


def variations(edit: Edit) -> list[tuple[str, Edit]]:
    """The edits that a sweep of one tries: sparsities 0 to 0.9, or every scheme.

    :raises PlaygroundError: this kind of edit has nothing to sweep.
    """
    if isinstance(edit, Prune) and edit.pattern not in GROUPS:
        return [(f"{value:g}", edit.model_copy(update={"sparsity": value})) for value in SPARSITIES]
    if isinstance(edit, Quantize):
        plain = {"mode": "simulated", "symmetric": True}
        return [(name, edit.model_copy(update={"scheme": name, **plain})) for name in get_args(SchemeName)]
    raise PlaygroundError(
        "There is nothing to sweep here: a sweep tries sparsities of the pruning patterns "
        "unstructured, rows, heads and layers, or every scheme of quantization."
    )


def sweep(built: Built, edit: Edit, text: str = "", work: Work = QUIET) -> Iterator[SweepPoint]:
    """Try every variation of an edit on top of a recipe; each fork is dropped when measured.

    :raises Stopped: ``work`` says so; the points so far were given.
    """
    tries = variations(edit)
    for done, (value, variation) in enumerate(tries):
        name = Message("{value} ({n} of {of})…", {"value": value, "n": done + 1, "of": len(tries)})
        step = work.part(done, len(tries), name)
        after = extended(built, variation, step)
        receipt = after.receipts[-1]
        measured = perplexity(after.fork, text or shipped_text(), step)
        assert receipt.sizes is not None
        del after  # before the next one is made
        yield SweepPoint(
            edit=variation, value=value, text=measured, sizes=receipt.sizes, relative_change=receipt.relative_change
        )


@dataclass(frozen=True)
class ScanPoint:
    """What one layer alone costs: the perplexity with only that layer edited, over the base's."""

    layer: int
    ratio: float


def scan(built: Built, edit: Edit, text: str = "", work: Work = QUIET) -> Iterator[ScanPoint]:
    """Apply an edit to one layer at a time, the rest untouched.

    :raises RecipeError: the edit has no targets inside layers.
    :raises Stopped: ``work`` says so; the points so far were given.
    """
    if not isinstance(edit, Prune | Quantize) or getattr(edit, "pattern", "") == "layers":
        raise RecipeError(
            "A scan edits one layer at a time: choose a quantization, or a pruning of another pattern than layers."
        )
    short = (text or shipped_text())[:SCAN_TEXT]
    before = perplexity(built.fork, short, work).perplexity
    inside: dict[int, list[str]] = {}
    for matrix in select(built.fork, edit.targets):
        if matrix.layer is not None:
            inside.setdefault(matrix.layer, []).append(matrix.name)
    if not inside:
        raise RecipeError("The targets name nothing inside a layer. Choose linear.")
    for done, (layer, names) in enumerate(inside.items()):
        name = Message("Layer {n} of {of}…", {"n": done + 1, "of": len(inside)})
        step = work.part(done, len(inside), name)
        narrowed = edit.model_copy(update={"targets": tuple(names)})
        after = extended(built, narrowed, step)
        yield ScanPoint(layer, perplexity(after.fork, short, step).perplexity / before)


@dataclass(frozen=True)
class LayerCell:
    """One matrix of the layer view.

    :param value: the Frobenius norm of its change over that of the base's, or the share of its
        weights that are zero; None in a dropped layer.
    """

    layer: int
    role: str
    value: float | None


def layer_view(base: Fork, fork: Fork, by: By) -> list[LayerCell]:
    """Every matrix inside the layers of the base, and what a fork made of it."""
    return [
        LayerCell(matrix.layer, matrix.role, _value(base, fork, matrix.name, by))
        for matrix in matrices(base)
        if matrix.layer is not None
    ]


def _value(base: Fork, fork: Fork, name: str, by: By) -> float | None:
    if not fork.has(name):
        return None
    new = fork.tensor(name)
    if by == "zeros":
        return 1 - int(torch.count_nonzero(new)) / max(1, new.numel())
    old = base.tensor(name)
    if old is new:
        return 0.0
    return float((new.float() - old.float()).norm()) / max(base.base.norm(name), 1e-12)
