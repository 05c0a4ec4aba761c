"""Several models answering as one: the average of their probabilities, with nothing merged."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer


class Ensemble(nn.Module):
    """Models that answer beside the one that this belongs to.

    :param members: models with the same vocabulary and number of layers.
    :param shares: of the probability, the owner's first; they sum to 1.
    """

    NAME = "ensemble"

    def __init__(self, members: Sequence[nn.Module], shares: Sequence[float]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.logs = [math.log(share) if share > 0 else -math.inf for share in shares]

    def attach(self, model: nn.Module) -> None:
        """Let a model's answers be the average of its own and the members'."""
        model.add_module(self.NAME, self)
        model.register_forward_hook(_average, with_kwargs=True)


def _average(model: Any, args: Any, keywords: dict[str, Any], out: Any) -> Any:
    """Put the logarithm of the average probabilities in the place of the logits.

    Logarithms are added up and not probabilities, which float32 may round to 0.
    """
    ensemble: Ensemble = model.ensemble
    total: Tensor = out.logits.float().log_softmax(-1) + ensemble.logs[0]
    for number, (member, log) in enumerate(zip(ensemble.members, ensemble.logs[1:], strict=True), 1):
        cache = keywords.get("past_key_values")
        mine = _part(cache, number, model.config.num_hidden_layers)
        own = {**keywords, "past_key_values": mine}
        theirs = member(*args, **own).logits.float().log_softmax(-1) + log
        total = torch.logaddexp(total, theirs)
        if cache is not None and len(cache.layers) == number * model.config.num_hidden_layers:
            cache.layers.extend(mine.layers)  # a first reading: the next one finds them there
    out.logits = total
    return out


def _part(cache: Any, number: int, depth: int) -> Any:
    """One member's layers of a cache that all share, one member's after another's."""
    if cache is None:
        return None
    while len(cache.layers) < number * depth:  # the last layers were taken out of the model
        cache.layers.append(DynamicLayer())
    if len(cache.layers) == number * depth:
        return DynamicCache()
    part = copy.copy(cache)
    part.layers = cache.layers[number * depth : (number + 1) * depth]
    return part
