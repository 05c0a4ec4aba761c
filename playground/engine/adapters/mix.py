"""Several LoRAs made into one, by PEFT's ``add_weighted_adapter``."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict

from playground.engine.adapters import lora
from playground.engine.adapters.base import PREFIX, Adapter, AdapterError, make_plain
from playground.engine.adapters.names import WITH_DENSITY, MixMethod
from playground.engine.fork import Fork
from playground.engine.seeded import seeded
from playground.engine.work import QUIET, Work
from playground.errors import Message

SAME_RANK = ("linear", *WITH_DENSITY)  # these add the thin matrices themselves
MOST_RANK = 256  # of what ``cat`` makes


def mix(
    fork: Fork, adapters: Sequence[Adapter], weights: Sequence[float], method: MixMethod,
    density: float, seed: int, work: Work = QUIET,
) -> Adapter:  # fmt: skip
    """One LoRA from several, on the model that they are for.

    ``linear``, ``ties``, ``dare_linear``, ``dare_ties`` and ``magnitude_prune`` work on A and B
    apart, as PEFT does, so even ``linear`` is not the sum of the changes; ``cat`` is, exactly,
    and ``svd`` is the best of the largest rank.

    :param density: share of each matrix's numbers that the methods with a density keep.
    :param seed: for the random choice of the two ``dare`` methods.
    :raises AdapterError: one is not a plain LoRA, or the ranks do not fit the method.
    """
    _check(adapters, method)
    own = fork.clone()
    make_plain(own)
    names = [f"a{place}" for place in range(len(adapters))]
    with seeded(seed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first, *others = [_peft_config(adapter) for adapter in adapters]
        model: Any = get_peft_model(own.model, first, adapter_name=names[0])
        for name, config in zip(names[1:], others, strict=True):
            model.add_adapter(name, config)
        for name, adapter in zip(names, adapters, strict=True):
            set_peft_model_state_dict(model, dict(adapter.tensors), adapter_name=name)
        work.step(0, 1, Message("Mixing the adapters…"))
        torch.manual_seed(seed)
        more = {"density": density} if method in WITH_DENSITY else {}
        model.add_weighted_adapter(
            names, list(weights), "mixed", combination_type=method, svd_full_matrices=False, **more
        )
        state = get_peft_model_state_dict(model, adapter_name="mixed", save_embedding_layers=False)
    thin = {}
    for name, down in state.items():
        if name.endswith(".lora_A.weight"):
            path = name.removeprefix(PREFIX).removesuffix(".lora_A.weight")
            thin[path] = down, state[name.replace(".lora_A.", ".lora_B.")]
    return lora.make(thin)


def _check(adapters: Sequence[Adapter], method: MixMethod) -> None:
    if any(adapter.kind != "lora" or adapter.config["use_dora"] for adapter in adapters):
        raise AdapterError(
            "Only plain LoRAs can be mixed: DoRA, IA³, learned tokens and changed weights have no "
            "thin matrices to add up. Attach them one after another instead."
        )
    ranks = sorted({pair.rank for adapter in adapters for pair in lora.pairs(adapter)})
    if method in SAME_RANK and len(ranks) > 1:
        raise AdapterError(
            "The adapters have the ranks {ranks}, and {method} needs one rank. Choose cat or svd.",
            ranks=", ".join(map(str, ranks)),
            method=method,
        )
    total = sum(int(adapter.config["r"]) for adapter in adapters)
    if method == "cat" and total > MOST_RANK:
        raise AdapterError(
            "Side by side the adapters would have rank {given}: at most {limit}. Choose svd.",
            given=total,
            limit=MOST_RANK,
        )


def _peft_config(adapter: Adapter) -> LoraConfig:
    """A configuration whose scaling is right without rsLoRA, which the mixed one would inherit."""
    found = list(lora.pairs(adapter))
    return LoraConfig(
        r=int(adapter.config["r"]), lora_alpha=1, target_modules=[pair.path for pair in found],
        rank_pattern={pair.path: pair.rank for pair in found},
        alpha_pattern={pair.path: pair.scaling * pair.rank for pair in found},
        task_type="CAUSAL_LM", inference_mode=True,
    )  # fmt: skip
