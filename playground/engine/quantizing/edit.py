"""Quantizing: round weights to a few levels, or hold them as codes; and casting.

The grids are in grids.py, GPTQ in second_order.py, the packed layers in fork/packed_linear.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self, cast

import torch
from pydantic import Field, model_validator
from torch import Tensor

from playground.engine.edit import Edit, TensorChange
from playground.engine.fork import Fork, Format
from playground.engine.fork.finite import all_finite
from playground.engine.fork.packed_linear import PACKED_BLOCKS, PackedScheme
from playground.engine.fork.structure import Matrix, select, tied_groups
from playground.engine.measuring import calibration
from playground.engine.models.loader import Base
from playground.engine.pruning.edit import Targets
from playground.engine.quantizing.grids import SCHEMES, SchemeName, overhead_bits, quantized
from playground.engine.quantizing.second_order import gptq
from playground.engine.work import QUIET, Work
from playground.errors import Message, RecipeError

Mode = Literal["simulated", "packed", "llm_int8"]
DtypeName = Literal["fp16", "bf16"]
DTYPES: dict[DtypeName, torch.dtype] = {"fp16": torch.float16, "bf16": torch.bfloat16}
GroupSize = Annotated[int, Field(strict=True, ge=8, le=4096)] | Literal["channel", "tensor"]


class Quantize(Edit):
    """Round the targets' weights to a scheme's levels, or hold them as its codes."""

    KIND: ClassVar[str] = "quantize"
    WHOLE: ClassVar[bool] = True

    kind: Literal["quantize"] = "quantize"
    scheme: SchemeName = "int4"
    group_size: GroupSize = 64
    symmetric: bool = Field(default=True, strict=True)
    targets: Targets = ("linear",)
    method: Literal["rtn", "gptq"] = "rtn"
    mode: Mode = "simulated"
    calibration: str = Field(default="", max_length=calibration.MAX_TEXT)

    @property
    def nominal_bits(self) -> float:
        """Bits of a code, without scales."""
        return SCHEMES[self.scheme].bits

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.symmetric and not SCHEMES[self.scheme].either:
            raise RecipeError(
                "The scheme {scheme} has no zero point: set symmetric to true, or choose int8, int4, int3 or int2.",
                scheme=self.scheme,
            )
        if self.mode != "simulated":
            self._packable()
        return self

    def _packable(self) -> None:
        rowwise = self.scheme == "int8"
        if self.mode == "llm_int8" and not rowwise:
            raise RecipeError("LLM.int8() holds 8-bit codes: set scheme to int8, or choose another mode.")
        if not (rowwise or self.scheme in PACKED_BLOCKS) or self.method != "rtn" or not self.symmetric:
            raise RecipeError(
                "Packed layers exist for int8, int4, nf4 and fp4 with the method rtn and without a zero point. Choose "
                "one of them, or the mode simulated."
            )
        if rowwise and self.group_size != "channel":
            raise RecipeError("Packed int8 has one scale for each output row: set group_size to channel.")
        if not rowwise and self.group_size not in PACKED_BLOCKS[self.scheme]:
            raise RecipeError(
                "Packed {scheme} takes a group_size of {sizes}, not {given}.",
                scheme=self.scheme,
                sizes=", ".join(map(str, PACKED_BLOCKS[self.scheme])),
                given=self.group_size,
            )

    def apply(self, fork: Fork, work: Work = QUIET) -> Sequence[TensorChange]:
        """Round, or pack, every target."""
        chosen = select(fork, self.targets)
        if self.method == "gptq" or self.mode != "simulated":
            self._inside_layers(chosen)
        if self.method == "gptq":
            return self._gptq(fork, chosen, work)
        if self.mode != "simulated":
            return self._pack(fork, chosen, work)
        changes = []
        groups = tied_groups(fork, chosen)
        for done, group in enumerate(groups):
            work.step(done, len(groups), Message("{name}…", {"name": group[0].name}))
            old = group[0].oriented(fork.tensor(group[0].name))
            new = quantized(old.contiguous().float(), self.scheme, self.group_size, self.symmetric)
            changes += self._put(fork, group, old, new)
        return changes

    def _put(self, fork: Fork, group: list[Matrix], old: Tensor, new: Tensor) -> list[TensorChange]:
        """Store values (out, in) under all names of a tensor."""
        stored = group[0].oriented(new.to(old.dtype)).contiguous()
        moved = float((group[0].oriented(stored).float() - old.float()).norm())
        for matrix in group:
            fork.replace(matrix.name, stored, self._format(matrix))
        return [TensorChange(matrix.name, moved) for matrix in group]

    def _format(self, matrix: Matrix) -> Format:
        scheme, shape = SCHEMES[self.scheme], matrix.shape
        overhead = overhead_bits(
            (shape[1], shape[0]) if matrix.transposed else shape,
            self.scheme,
            self.group_size,
            self.symmetric,
            self.method == "rtn",
        )
        return Format(self.scheme, scheme.bits, overhead, scheme.zero)

    def _inside_layers(self, chosen: list[Matrix]) -> None:
        outside = next((matrix for matrix in chosen if matrix.layer is None), None)
        if outside is not None:
            raise RecipeError(
                "{method} goes through the layers, and {name} is not in one. Choose linear, attention or mlp.",
                method="GPTQ" if self.method == "gptq" else "Packing",
                name=outside.name,
            )

    def _gptq(self, fork: Fork, chosen: list[Matrix], work: Work) -> list[TensorChange]:
        changes: list[TensorChange] = []

        def change(matrix: Matrix, hessian: Tensor) -> None:
            old = matrix.oriented(fork.tensor(matrix.name))
            new = gptq(old.float(), hessian, self.scheme, self.group_size, self.symmetric)
            changes.extend(self._put(fork, [matrix], old, new))

        calibration.by_layer(fork, self.calibration, chosen, work, change)
        return changes

    def _pack(self, fork: Fork, chosen: list[Matrix], work: Work) -> list[TensorChange]:
        changes = []
        scheme = "llm_int8" if self.mode == "llm_int8" else self.scheme
        for done, matrix in enumerate(chosen):
            work.step(done, len(chosen), Message("{name}…", {"name": matrix.name}))
            block = self.group_size if isinstance(self.group_size, int) else matrix.columns
            if matrix.columns % block:
                raise RecipeError(
                    "Packed blocks of {block} weights do not divide the {columns} inputs of "
                    "{name}. Choose a group_size that does, or the mode simulated.",
                    block=block,
                    columns=matrix.columns,
                    name=matrix.name,
                )
            old = fork.tensor(matrix.name).float()
            fork.pack(matrix.name, cast(PackedScheme, scheme), block, self._format(matrix))
            moved = float((fork.tensor(matrix.name).float() - old).norm())
            changes.append(TensorChange(matrix.name, moved))
        return changes

    def advice(self, base: Base) -> Sequence[Message]:
        """What the packaged weights' own grid does to the result."""
        inside = any(target != "embeddings" for target in self.targets)
        if base.entry.source != "packaged" or not inside or not 3 <= self.nominal_bits <= 4:
            return ()
        return (
            Message(
                "These weights were rounded to a 4-bit grid of 32 by their publisher before: what "
                "you see is the cost of rounding them a second time."
            ),
        )


class Cast(Edit):
    """Round the targets' weights to a 16-bit format."""

    KIND: ClassVar[str] = "cast"
    WHOLE: ClassVar[bool] = True

    kind: Literal["cast"] = "cast"
    dtype: DtypeName = "bf16"
    targets: Targets = ("linear", "embeddings")

    def apply(self, fork: Fork, work: Work = QUIET) -> Sequence[TensorChange]:
        """Round to the format and store in the model's dtype.

        :raises RecipeError: a weight is too large for the format.
        """
        dtype, changes = DTYPES[self.dtype], []
        groups = tied_groups(fork, select(fork, self.targets))
        for done, group in enumerate(groups):
            work.step(done, len(groups), Message("{name}…", {"name": group[0].name}))
            old = fork.tensor(group[0].name)
            new = old.to(dtype).to(old.dtype)
            if torch.equal(new, old):  # what lies on a coarser grid still does, and packed stays
                continue
            if not all_finite(new):
                raise RecipeError(
                    "{name} has weights above {most:.5g}, the largest number of {dtype}. Choose "
                    "a wider format, or undo the edit that made them so large.",
                    name=group[0].name,
                    most=torch.finfo(dtype).max,
                    dtype=self.dtype,
                )
            moved = float((new.float() - old.float()).norm())
            for matrix in group:
                fork.replace(matrix.name, new, Format(self.dtype, 16, 0, True))
                changes.append(TensorChange(matrix.name, moved))
        return changes
