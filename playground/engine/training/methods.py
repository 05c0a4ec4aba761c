"""Every training method by its name in the settings.

To add one, write a function under ``@training_method`` from a private clone, the fork that it was cloned
from and settings to a :class:`~playground.engine.training.trainable.Trainable`: in ``peft_methods.py``,
``weight_methods.py``, or a file of its own that the package imports.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from playground.engine.training.trainable import Trainable

Need = Literal["rank", "targets", "layers", "virtual_tokens"]  # settings that are not every method's


@dataclass(frozen=True, kw_only=True)
class TrainingMethod:
    """A way to train, one row of ``METHODS``.

    :param function: makes the clone ready to learn.
    :param rate: a learning rate that suits it.
    :param numbers: how many numbers learn, by its own formula, from a fork and settings.
    :param needs: which of the settings matter to it that not all have.
    :param inside: whether it changes weights which the model has, in their own precision.
    :param shallow: whether gradients flow back no further than to the first layer that learns.
    """

    function: Callable[..., Trainable]
    rate: float
    numbers: Callable[..., int]
    needs: tuple[Need, ...]
    inside: bool
    shallow: bool


METHODS: dict[str, TrainingMethod] = {}


def training_method(
    name: str,
    *,
    rate: float,
    numbers: Callable[..., int],
    needs: tuple[Need, ...] = (),
    inside: bool = False,
    shallow: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as a way to train; see :class:`TrainingMethod`."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        METHODS[name] = TrainingMethod(
            function=function, rate=rate, numbers=numbers, needs=needs, inside=inside, shallow=shallow
        )
        return function

    return register
