"""Pruning: set the least important weights to zero, or leave whole layers out.

The scores say what matters least, the patterns in which shape it goes. To add a method, write
one function and a line in ``METHODS``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from playground.engine.edit import Edit, TensorChange
from playground.engine.fork import Fork
from playground.engine.fork.structure import MAX_TARGET, MAX_TARGETS, Matrix, head_count, layers, select, tied_groups
from playground.engine.measuring import calibration
from playground.engine.models.loader import Base
from playground.engine.pruning import masks
from playground.engine.quantizing.second_order import sparsegpt
from playground.engine.work import QUIET, Work
from playground.errors import Message, RecipeError

MethodName = Literal["magnitude", "random", "wanda", "taylor", "sparsegpt"]
Pattern = Literal["unstructured", "2:4", "4:8", "rows", "heads", "layers"]
Scope = Literal["auto", "tensor", "row", "global"]
Target = Annotated[str, Field(min_length=1, max_length=MAX_TARGET)]
Targets = Annotated[tuple[Target, ...], Field(min_length=1, max_length=MAX_TARGETS)]
GROUPS: dict[str, tuple[int, int]] = {"2:4": (2, 4), "4:8": (4, 8)}  # drop this many of those
UNITS = ("rows", "heads", "layers")
HEAD_OUTPUTS = ("o_proj", "out_proj", "c_proj", "dense")  # what reads the heads, by its role


# Scores: (out, in) float32, not negative; the lowest go first.


def magnitude(weight: Tensor, statistic: Tensor | None, generator: torch.Generator) -> Tensor:
    """|W|: Han et al. 2015."""
    return weight.abs()


def random(weight: Tensor, statistic: Tensor | None, generator: torch.Generator) -> Tensor:
    """A seeded number in [0, 1) for each weight."""
    return torch.rand(weight.shape, generator=generator)


def wanda(weight: Tensor, statistic: Tensor | None, generator: torch.Generator) -> Tensor:
    """|W| times the L2 norm of its input: Sun et al. 2024.

    :param statistic: (in,) norms.
    """
    assert statistic is not None
    return weight.abs() * statistic


def taylor(weight: Tensor, statistic: Tensor | None, generator: torch.Generator) -> Tensor:
    """|W x gradient|, how much the loss would change to first order: Molchanov et al. 2017 for
    trained models; SNIP (Lee et al. 2019) scores fresh ones so.

    :param statistic: (out, in) gradient of the mean loss.
    """
    assert statistic is not None
    return (weight * statistic.float()).abs()


@dataclass(frozen=True)
class PruneMethod:
    """How a method scores, what it needs to know of a text, and over what it compares."""

    score: Callable[[Tensor, Tensor | None, torch.Generator], Tensor]
    statistic: Callable[[Fork, str, Work], calibration.Statistics] | None = None
    scope: Scope = "tensor"


METHODS: dict[MethodName, PruneMethod] = {
    "magnitude": PruneMethod(magnitude),
    "random": PruneMethod(random),
    "wanda": PruneMethod(wanda, calibration.input_norms, "row"),
    "taylor": PruneMethod(taylor, calibration.gradients),
}


class Prune(Edit):
    """Set the least important weights of the targets to zero."""

    KIND: ClassVar[str] = "prune"
    WHOLE: ClassVar[bool] = True

    kind: Literal["prune"] = "prune"
    method: MethodName = "magnitude"
    sparsity: float = Field(default=0.5, strict=True, ge=0, le=1)
    pattern: Pattern = "unstructured"
    scope: Scope = "auto"
    targets: Targets = ("linear",)
    seed: int = Field(default=0, strict=True, ge=0, le=2**31 - 1)
    calibration: str = Field(default="", max_length=calibration.MAX_TEXT)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.pattern in GROUPS and self.sparsity not in (0, 0.5):
            raise RecipeError(
                "The pattern {pattern} drops half of the weights: its sparsity is 0.5, not "
                "{given}. Set it to 0.5, or choose the pattern unstructured.",
                pattern=self.pattern,
                given=self.sparsity,
            )
        if self.method == "sparsegpt" and (self.pattern in UNITS or self.scope not in ("auto", "tensor")):
            raise RecipeError(
                "SparseGPT chooses weights block by block inside each matrix: use the pattern "
                "unstructured, 2:4 or 4:8, and the scope auto or tensor."
            )
        if self.scope == "row" and self.pattern in UNITS:
            raise RecipeError(
                "The scope row compares single weights: with the pattern {pattern}, choose tensor or global.",
                pattern=self.pattern,
            )
        return self

    def apply(self, fork: Fork, work: Work = QUIET) -> Sequence[TensorChange]:
        """Drop what scores lowest; with SparseGPT, the rest of each row makes up for it."""
        chosen = select(fork, self.targets)
        if self.sparsity == 0:
            return []
        if self.method == "sparsegpt":
            return self._sparsegpt(fork, chosen, work)
        if self.pattern == "heads":
            chosen = self._head_outputs(chosen)
        if self.pattern == "layers":
            return self._drop_layers(fork, chosen, work)
        groups = tied_groups(fork, chosen)
        score = self._scores(fork, work)
        changes = []
        masked = zip(groups, self._masks(fork, [group[0] for group in groups], score), strict=True)
        for done, (group, mask) in enumerate(masked):
            work.step(done, len(groups), Message("{name}…", {"name": group[0].name}))
            changes += _masked(fork, group, mask)
        return changes

    def _scores(self, fork: Fork, work: Work) -> Callable[[Matrix], Tensor]:
        """How to score a matrix, (out, in)."""
        method = METHODS[self.method]
        known = method.statistic(fork, self.calibration, work).of if method.statistic else {}

        def score(matrix: Matrix) -> Tensor:
            statistic = known.get(matrix.name)
            if method.statistic and statistic is None:
                raise RecipeError(
                    "{name} multiplies no inputs (its rows are looked up), so {method} cannot "
                    "score it. Choose magnitude or taylor, or other targets.",
                    name=matrix.name,
                    method=self.method,
                )
            if statistic is not None and statistic.ndim == 2:
                statistic = matrix.oriented(statistic)
            weight = matrix.oriented(fork.tensor(matrix.name)).float()
            return method.score(weight, statistic, self._generator(matrix.name))

        return score

    def _generator(self, name: str) -> torch.Generator:
        """Seeded for one tensor, so that the choice of targets does not change its numbers."""
        digest = hashlib.sha256(f"{self.seed} {name}".encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:6], "big"))

    def _masks(self, fork: Fork, chosen: list[Matrix], score: Callable[[Matrix], Tensor]) -> Iterable[Tensor]:
        """For each matrix a mask as (out, in), or one that broadcasts to it; True is dropped."""
        scope = METHODS[self.method].scope if self.scope == "auto" else self.scope
        if self.pattern in UNITS:
            return self._unit_masks(chosen, score, head_count(fork.base.model))
        if self.pattern in GROUPS:
            drop, size = GROUPS[self.pattern]
            return (masks.lowest_n_of_m(score(matrix), drop, size) for matrix in chosen)
        if scope == "global":
            total = sum(fork.tensor(matrix.name).numel() for matrix in chosen)
            count = masks.drop_count(self.sparsity, total)
            return masks.lowest_of_all(lambda: map(score, chosen), count)
        return self._masks_apart(chosen, score, scope)

    def _masks_apart(self, chosen: list[Matrix], score: Callable[[Matrix], Tensor], scope: Scope) -> Iterator[Tensor]:
        for matrix in chosen:
            scores = score(matrix)
            if scope == "row":
                count = masks.drop_count(self.sparsity, scores.shape[1])
                yield masks.lowest_in_rows(scores, count)
            else:
                yield masks.lowest(scores, masks.drop_count(self.sparsity, scores.numel()))

    def _unit_masks(self, chosen: list[Matrix], score: Callable[[Matrix], Tensor], heads: int) -> Iterator[Tensor]:
        """Masks of whole rows (out, 1) or of heads' columns (1, in); a unit's score is the L2
        norm of its weights' scores."""

        def units() -> Iterator[Tensor]:
            for matrix in chosen:
                scores = score(matrix)
                if self.pattern == "heads":
                    scores = scores.T.reshape(heads, -1)
                yield scores.norm(dim=1)

        if self.scope == "global":
            scores = list(units())
            count = masks.drop_count(self.sparsity, sum(map(len, scores)))
            dropped: Iterable[Tensor] = masks.lowest_of_all(lambda: scores, count)
        else:
            dropped = (masks.lowest(u, masks.drop_count(self.sparsity, len(u))) for u in units())
        for matrix, mask in zip(chosen, dropped, strict=True):
            if self.pattern == "rows":
                yield mask[:, None]
            else:
                yield mask.repeat_interleave(matrix.columns // heads)[None]

    def _head_outputs(self, chosen: list[Matrix]) -> list[Matrix]:
        """The matrices that read the heads: a head whose columns there are zero is gone."""
        outputs = [
            matrix for matrix in chosen if matrix.part == "attention" and matrix.role.rpartition(".")[2] in HEAD_OUTPUTS
        ]
        if not outputs:
            raise RecipeError(
                "Heads are removed from the attention's output matrices, and the targets name "
                "none. Choose attention or linear."
            )
        return outputs

    def _drop_layers(self, fork: Fork, chosen: list[Matrix], work: Work) -> list[TensorChange]:
        """Take out the layers whose weights score lowest."""
        score = self._scores(fork, work)
        squares: dict[int, float] = {}
        for done, matrix in enumerate(chosen):
            work.step(done, len(chosen), Message("{name}…", {"name": matrix.name}))
            if matrix.layer is not None:
                now = squares.get(matrix.layer, 0.0)
                squares[matrix.layer] = now + float(score(matrix).square().sum())
        path, _ = layers(fork.model)
        count = masks.drop_count(self.sparsity, len(squares))
        order = sorted(squares, key=lambda index: (squares[index], index))
        changes = []
        for index in order[:count]:
            whole = [m for m in select(fork, ("linear",)) if m.layer == index]
            changes += [TensorChange(m.name, float(fork.tensor(m.name).float().norm())) for m in whole]
            fork.drop_layer(path, index)
        return changes

    def _sparsegpt(self, fork: Fork, chosen: list[Matrix], work: Work) -> list[TensorChange]:
        outside = next((matrix for matrix in chosen if matrix.layer is None), None)
        if outside is not None:
            raise RecipeError(
                "{method} goes through the layers, and {name} is not in one. Choose linear, attention or mlp.",
                method=self.method,
                name=outside.name,
            )
        changes = []

        def change(matrix: Matrix, hessian: Tensor) -> None:
            old = fork.tensor(matrix.name)
            groups = GROUPS.get(self.pattern)
            new = sparsegpt(matrix.oriented(old).float(), hessian, self.sparsity, groups)
            new = matrix.oriented(new).contiguous().to(old.dtype)
            moved = float((new.float() - old.float()).norm())
            fork.replace(matrix.name, new)
            changes.append(TensorChange(matrix.name, moved))

        calibration.by_layer(fork, self.calibration, chosen, work, change)
        return changes

    def advice(self, base: Base) -> Sequence[Message]:
        """What sparsity 1 means."""
        if self.sparsity < 1 or self.pattern == "heads":
            return ()
        return (Message("Sparsity 1 leaves nothing: all of the targets' weights are gone."),)


def _masked(fork: Fork, group: list[Matrix], mask: Tensor) -> list[TensorChange]:
    """Set what a mask (out, in), or one that broadcasts, drops to zero under all of its names."""
    old = fork.tensor(group[0].name)
    mask = group[0].oriented(mask.expand(group[0].oriented(old).shape))
    new = old.masked_fill(mask, 0)
    dropped = float((old - new).norm(dtype=torch.float32))
    changes = []
    for matrix in group:
        form = fork.formats.get(matrix.name)
        fork.replace(matrix.name, new, form if form and form.zero else None)
        changes.append(TensorChange(matrix.name, dropped))
    return changes
