"""Kept apart or folded: the same answers, other costs."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from playground.engine.adapters.base import Adapter
from playground.engine.adapters.edit import attach
from playground.engine.fork import Fork
from playground.engine.measuring import measure
from playground.engine.work import QUIET, Work


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Bytes that each way holds beside the shared model, and seconds for a new token.

    ``difference`` is the largest of any two logits, ``same_top`` the share of places with the same
    first choice, both over the start of the shipped text.
    """

    apart_bytes: int
    folded_bytes: int
    apart_seconds: float
    folded_seconds: float
    difference: float
    same_top: float


def weigh(fork: Fork, adapter: Adapter, work: Work = QUIET) -> Costs:
    """Attach an adapter both ways and compare.

    :raises AdapterError: it cannot be folded.
    """
    apart, folded = fork.clone(), fork.clone()
    attach(apart, adapter, 1.0, False)
    attach(folded, adapter, 1.0, True)
    ids = fork.base.tokenizer(measure.shipped_text(), add_special_tokens=False)["input_ids"]
    window = torch.tensor(ids[:128])[None]
    with torch.inference_mode():
        first, second = (f.model(input_ids=window, use_cache=False).logits[0] for f in (apart, folded))
    fast, slow = measure.speeds(apart, folded, window[0], work)
    held = fork.bytes_held()
    return Costs(
        apart_bytes=apart.bytes_held() - held,
        folded_bytes=folded.bytes_held() - held,
        apart_seconds=fast.one,
        folded_seconds=slow.one,
        difference=float((first.float() - second.float()).abs().max()),
        same_top=float((first.argmax(-1) == second.argmax(-1)).float().mean()),
    )
