"""Making a model ready to learn by a method."""

from __future__ import annotations

import torch

from playground.engine.adapters.base import make_plain
from playground.engine.fork import Fork
from playground.engine.seeded import seeded
from playground.engine.training.methods import METHODS
from playground.engine.training.settings import TrainingSettings
from playground.engine.training.trainable import Trainable, TrainingError


def prepare_training(fork: Fork, settings: TrainingSettings) -> Trainable:
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
        return METHODS[settings.method].function(own, fork, settings)
