"""What a training run is asked to do: every setting with its bounds and a default that works."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from playground.engine.edit import one_of
from playground.engine.fork.structure import MAX_TARGET, MAX_TARGETS
from playground.engine.training.methods import METHODS

Schedule = Literal["linear", "cosine", "constant"]
Target = Annotated[str, Field(min_length=1, max_length=MAX_TARGET)]
P_TUNING_WIDTH = 128  # of the encoder that P-tuning learns with
MAX_STEPS, MAX_BATCH, MAX_LENGTH = 2_000, 32, 1_024


class TrainingSettings(BaseModel):
    """A run's settings. ``steps`` 0 means as many as ``epochs`` ask for."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    method: Annotated[str, one_of(METHODS)] = "lora"
    rank: int = Field(default=8, strict=True, ge=1, le=256)
    alpha: float = Field(default=16.0, gt=0, le=1_024)
    dropout: float = Field(default=0.0, ge=0, le=0.5)
    targets: tuple[Target, ...] = Field(default=("linear",), min_length=1, max_length=MAX_TARGETS)
    layers: int = Field(default=2, strict=True, ge=1, le=64)
    virtual_tokens: int = Field(default=16, strict=True, ge=1, le=128)
    rate: float = Field(default=5e-4, gt=0, le=1)
    warmup: float = Field(default=0.1, ge=0, le=1)  # share of the steps
    schedule: Schedule = "cosine"
    weight_decay: float = Field(default=0.0, ge=0, le=1)
    batch: int = Field(default=4, strict=True, ge=1, le=MAX_BATCH)
    accumulate: int = Field(default=1, strict=True, ge=1, le=16)
    epochs: float = Field(default=3.0, gt=0, le=200)
    steps: int = Field(default=0, strict=True, ge=0, le=MAX_STEPS)
    length: int = Field(default=128, strict=True, ge=8, le=MAX_LENGTH)  # tokens of an example
    chat: bool = True
    prompt_weight: float = Field(default=0.0, ge=0, le=1)
    held_share: float = Field(default=0.1, ge=0, le=0.5)
    checkpointing: bool = False
    patience: int = Field(default=0, strict=True, ge=0, le=20)  # 0: no early stopping
    seed: int = Field(default=0, strict=True, ge=0, le=2**31 - 1)

    def total_steps(self, examples: int) -> int:
        """Optimizer steps for a number of examples."""
        if self.steps:
            return self.steps
        each = self.batch * self.accumulate
        return max(1, min(MAX_STEPS, round(self.epochs * examples / each)))
