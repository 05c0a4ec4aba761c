"""A model in which some parameters learn: what every training method makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import nn

from playground.engine.adapters import Adapter
from playground.errors import PlaygroundError


class TrainingError(PlaygroundError):
    """A run cannot be done as asked."""


@dataclass(frozen=True)
class Trainable:
    """A model in which some parameters learn.

    :param model: called with ``input_ids`` and ``attention_mask``.
    :param parameters: what learns, by name.
    :param adapter: what has been learned so far, as an adapter for the fork that it started from.
    :param before: places that the model's answers have before those of the text.
    """

    model: nn.Module
    parameters: Mapping[str, nn.Parameter]
    adapter: Callable[[], Adapter]
    before: int = 0

    def count(self) -> int:
        """How many numbers learn."""
        return sum(parameter.numel() for parameter in self.parameters.values())
