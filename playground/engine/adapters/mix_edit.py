"""Mixing adapters: several LoRAs made into one, which is attached at scale 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from playground.engine.adapters import store
from playground.engine.adapters.edit import HIGHEST_SCALE, LOWEST_SCALE, MAX_SOURCE, attach
from playground.engine.adapters.mix import mix
from playground.engine.adapters.names import MixMethod
from playground.engine.edit import Edit, TensorChange
from playground.engine.fork import Fork
from playground.engine.work import QUIET, Work
from playground.errors import RecipeError

MAX_MIXED = 8
Source = Annotated[str, Field(min_length=1, max_length=MAX_SOURCE)]
Weight = Annotated[float, Field(strict=True, ge=LOWEST_SCALE, le=HIGHEST_SCALE)]


class MixAdapters(Edit):
    """Make one LoRA of several, with a weight each."""

    KIND: ClassVar[str] = "mix_adapters"
    WHOLE: ClassVar[bool] = True  # PEFT takes a while

    kind: Literal["mix_adapters"] = "mix_adapters"
    sources: Annotated[tuple[Source, ...], Field(min_length=2, max_length=MAX_MIXED)]
    weights: Annotated[tuple[Weight, ...], Field(min_length=2, max_length=MAX_MIXED)]
    method: MixMethod = "linear"
    density: float = Field(default=0.5, strict=True, ge=0, le=1)
    seed: int = Field(default=0, strict=True, ge=0, le=2**31 - 1)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len(self.sources) != len(self.weights):
            raise RecipeError(
                "There are {sources} adapters and {weights} weights. Give each adapter one weight.",
                sources=len(self.sources),
                weights=len(self.weights),
            )
        return self

    def apply(self, fork: Fork, work: Work = QUIET) -> Sequence[TensorChange]:
        """Mix on the base that the adapters are for, and attach what comes out."""
        base = Fork(fork.base)
        adapters = [store.load_adapter(source, base) for source in self.sources]
        mixed = mix(base, adapters, self.weights, self.method, self.density, self.seed, work)
        return attach(fork, mixed, 1.0, False)
