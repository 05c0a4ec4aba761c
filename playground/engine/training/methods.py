"""Every training method by its name in the settings, and how one is made ready.

To add one, write a function from a private clone, the fork and settings to a
:class:`~playground.engine.training.trainable.Trainable`, and a line in ``METHODS``.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from playground.engine.adapters.base import make_plain
from playground.engine.fork import Fork
from playground.engine.seeded import seeded
from playground.engine.training import by_peft, by_weights
from playground.engine.training.settings import MethodName, Settings
from playground.engine.training.trainable import Trainable, TrainingError

METHODS: dict[MethodName, Callable[[Fork, Fork, Settings], Trainable]] = {
    "lora": by_peft.lora,
    "rslora": by_peft.rslora,
    "dora": by_peft.dora,
    "qlora": by_peft.qlora,
    "ia3": by_peft.ia3,
    "prompt": by_peft.prompt,
    "p_tuning": by_peft.p_tuning,
    "prefix": by_peft.prefix,
    "bitfit": by_weights.bitfit,
    "bottleneck": by_weights.bottleneck,
    "embeddings": by_weights.embeddings,
    "last_layers": by_weights.last_layers,
    "full": by_weights.full,
}


def prepare(fork: Fork, settings: Settings) -> Trainable:
    """A private clone of a fork, ready to learn by a method; the fork stays as it is.

    :raises TrainingError: the method does not fit the model.
    :raises RecipeError: a target names nothing.
    """
    if settings.checkpointing and fork.virtual is not None:
        raise TrainingError(
            "The recipe has learned tokens before the text, which gradient checkpointing would "
            "leave out. Switch one of them off."
        )
    own = fork.clone()
    make_plain(own)
    with seeded(settings.seed), torch.inference_mode(False), torch.enable_grad():
        return METHODS[settings.method](own, fork, settings)
