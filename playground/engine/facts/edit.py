"""Writing facts into the weights: ROME, MEMIT, AlphaEdit, and fine-tuning within a bound.

What the methods compute is in ``engine/facts/``. They compute in float32 whatever the model is kept
in. The first three hold two thin float32 matrices beside each layer that they change; ``ft`` holds
the whole matrix in the model's dtype.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from playground.engine.edit import Edit, TensorChange
from playground.engine.facts import checks
from playground.engine.facts.facts import Facts, check_facts
from playground.engine.facts.float32_fork import attach_thin, float32_copy
from playground.engine.facts.layers import SEVERAL, FactMethod, chosen
from playground.engine.facts.methods import Plan, rome, spread
from playground.engine.facts.target_values import Search
from playground.engine.facts.tuning import fine_tune
from playground.engine.facts.update import Thin
from playground.engine.fork import Fork
from playground.engine.fork.structure import Matrix
from playground.engine.work import QUIET, Work
from playground.errors import Message, RecipeError

MAX_LAYERS = 16
Layer = Annotated[int, Field(strict=True, ge=0, le=1_000)]


@dataclass(frozen=True)
class Usual:
    """What a method does where nothing is said, tuned on SmolLM2."""

    steps: int
    clamp: float
    kl_weight: float


USUAL: dict[str, Usual] = {
    "rome": Usual(20, 0.75, 0.0625),
    "memit": Usual(20, 0.75, 0.0625),
    "alphaedit": Usual(20, 0.75, 0.0625),
    "ft": Usual(25, 0.05, 0.0),
}


class EditFact(Edit):
    """Make a model continue prompts with other words, by changing an MLP's output matrix.

    ``layers`` are counted from 0; none means the usual ones for this model and method. ``clamp``
    limits what is added at the subject's last token, in lengths of the hidden state there; for
    ``ft`` how far a weight moves, in root mean squares of its matrix. What is left open is the
    method's usual.
    """

    KIND: ClassVar[str] = "edit_fact"
    WHOLE: ClassVar[bool] = True

    kind: Literal["edit_fact"] = "edit_fact"
    method: FactMethod = "rome"
    facts: Facts
    layers: Annotated[tuple[Layer, ...], Field(max_length=MAX_LAYERS)] = ()
    steps: int = Field(default=20, strict=True, ge=1, le=100)
    clamp: float = Field(default=0.75, strict=True, ge=0.001, le=10)
    kl_weight: float = Field(default=0.0625, strict=True, ge=0, le=10)
    seed: int = Field(default=0, strict=True, ge=0, le=2**31 - 1)

    @model_validator(mode="before")
    @classmethod
    def _as_usual(cls, data: Any) -> Any:
        """What is left open is written out, so that the same edit has one recipe."""
        if not isinstance(data, Mapping):
            return data
        method = data.get("method", "rome")
        usual = USUAL.get(method) if isinstance(method, str) else None
        open_ = {} if usual is None else {k: v for k, v in vars(usual).items() if data.get(k) is None}
        return {**data, **open_}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        check_facts(self.facts)
        if self.method not in SEVERAL and len(self.layers) > 1:
            raise RecipeError(
                "The method {method} changes one layer, and {count} are named. Name one, or choose memit or alphaedit.",
                method=self.method,
                count=len(self.layers),
            )
        if list(self.layers) != sorted(set(self.layers)):
            raise RecipeError(
                "The layers are {layers}. Name each once, the lowest first.", layers=", ".join(map(str, self.layers))
            )
        return self

    def apply(self, fork: Fork, work: Work = QUIET) -> Sequence[TensorChange]:
        """Work the change out on a float32 copy, and put it beside the layers."""
        matrices = chosen(fork, self.method, self.layers)
        checks.refuse(fork, self.facts)
        own, search = float32_copy(fork), Search(steps=self.steps, clamp=self.clamp, kl_weight=self.kl_weight)
        own.origin, own.trail = fork.origin, fork.trail
        if self.method == "ft":
            [matrix] = matrices
            change = fine_tune(own, matrix, self.facts, search, work)
            changes = [_moved(fork, matrix, change)]
        else:
            plan = Plan(matrices, search, self.seed)
            if self.method == "rome":
                found = rome(own, self.facts, plan, work)
            else:
                found = spread(own, self.facts, plan, work, self.method == "alphaedit")
            changes = [_put(fork, matrix, change) for matrix, change in found.items()]
        self._check(own, fork, changes)
        return changes

    def _check(self, before: Fork, fork: Fork, changes: Sequence[TensorChange]) -> None:
        """:raises RecipeError: nothing was learned for much harm."""
        after = fork.clone()
        after.settle()
        most = max(change.change / max(float(before.tensor(change.name).norm()), 1e-12) for change in changes)
        checks.withdraw(before, after, self.facts, most)

    def outcome(self, fork: Fork) -> Sequence[Message]:
        """Which facts were not learned."""
        return checks.warnings(fork, self.facts)


def _put(fork: Fork, matrix: Matrix, change: Thin) -> TensorChange:
    """Hold a change in the cheaper way: beside the matrix, or in it."""
    if change.rank * sum(matrix.shape) >= matrix.shape[0] * matrix.shape[1]:
        return _moved(fork, matrix, change.dense())
    attach_thin(fork, matrix, change)
    return TensorChange(matrix.name, change.norm())


def _moved(fork: Fork, matrix: Matrix, change: Tensor) -> TensorChange:
    """Add a dense change, (out, in), to a matrix, rounded to the model's dtype.

    No weight moves further than the change's largest number: where rounding would, it goes to the
    next number before.
    """
    old = fork.tensor(matrix.name)
    most = matrix.oriented(change).abs()
    new = (old.float() + matrix.oriented(change)).to(old.dtype)
    over = (new.float() - old.float()).abs() > most.max()
    new = torch.where(over, torch.nextafter(new, old), new)
    fork.replace(matrix.name, new)
    return TensorChange(matrix.name, float((new.float() - old.float()).norm()))
