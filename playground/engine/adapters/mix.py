"""Several LoRAs made into one, as PEFT's ``add_weighted_adapter`` does it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from playground.engine.adapters import lora
from playground.engine.adapters.base import Adapter, AdapterError, make_plain
from playground.engine.adapters.names import WITH_DENSITY, MixMethod
from playground.engine.adapters.thin_matrices import thin_svd
from playground.engine.fork import Fork
from playground.engine.fork.finite import all_finite
from playground.engine.seeded import seeded
from playground.engine.work import QUIET, Work
from playground.errors import Message

SAME_RANK = ("linear", *WITH_DENSITY)  # these add the thin matrices themselves
MOST_RANK = 256  # of what ``cat`` makes
MIXING = Message("Mixing the adapters…")


def mix(
    fork: Fork,
    adapters: Sequence[Adapter],
    weights: Sequence[float],
    method: MixMethod,
    density: float,
    seed: int,
    work: Work = QUIET,
) -> Adapter:
    """One LoRA from several, on the model that they are for.

    ``linear``, ``ties``, ``dare_linear``, ``dare_ties`` and ``magnitude_prune`` work on A and B
    apart, as PEFT does, so even ``linear`` is not the sum of the changes; ``cat`` is, exactly,
    and ``svd`` is the best of the largest rank.

    :param density: share of each matrix's numbers that the methods with a density keep; at 0 the
        mix is of zeros (PEFT's own DARE divides 0 by 0 there).
    :param seed: for the random choice of the two ``dare`` methods.
    :raises AdapterError: one is not a plain LoRA, the ranks do not fit the method, or the mix is
        not of finite numbers.
    :raises Stopped: nobody waits for it any more; asked at every adapter and every matrix.
    """
    _check(adapters, method)
    tables = {fork.weight_name("input").removesuffix(".weight")}
    if method in WITH_DENSITY and density == 0:
        weights, method = [0.0] * len(adapters), "linear"
    if method == "svd":
        thin = _by_svd(adapters, weights, work)
    else:
        thin = _by_peft(fork, adapters, weights, method, density, seed, work)
    mixed = lora.make(thin, tables=tables)
    for name, tensor in mixed.tensors.items():
        if not all_finite(tensor):
            raise AdapterError(
                "The mix by {method} is not of finite numbers at {name}. Choose a higher density, "
                "smaller weights, or another method.",
                method=method,
                name=name[:120],
            )
    return mixed


def _by_svd(adapters: Sequence[Adapter], weights: Sequence[float], work: Work) -> dict[str, tuple[Tensor, Tensor]]:
    """The nearest matrices of the largest rank to the sum of the changes, which is never written
    out: side by side the thin matrices are still thin."""
    rank = max(int(adapter.config["r"]) for adapter in adapters)
    beside: dict[str, list[tuple[Tensor, Tensor]]] = {}
    for adapter, weight in zip(adapters, weights, strict=True):
        for pair in lora.pairs(adapter):
            up = pair.up.double() * (weight * pair.scaling)
            beside.setdefault(pair.path, []).append((pair.down.double(), up))
    thin = {}
    for done, (path, pairs) in enumerate(beside.items()):
        work.step(done, len(beside), MIXING)
        down = torch.cat([down for down, _ in pairs])
        left, values, right = thin_svd(down, torch.cat([up for _, up in pairs], dim=1))
        thin[path] = right[:rank], left[:, :rank] * values[:rank]
    return thin


class _Told(list[float]):
    """Weights that tell of their being read: PEFT, which tells nothing, reads them once for each
    matrix."""

    def __init__(self, weights: Sequence[float], work: Work, done: int, of: int) -> None:
        super().__init__(weights)
        self._work, self._done, self._of = work, done, of

    def __iter__(self) -> Iterator[float]:
        self._work.step(min(self._done, self._of), self._of, MIXING)
        self._done += 1
        return super().__iter__()


def _by_peft(
    fork: Fork,
    adapters: Sequence[Adapter],
    weights: Sequence[float],
    method: MixMethod,
    density: float,
    seed: int,
    work: Work,
) -> dict[str, tuple[Tensor, Tensor]]:
    from peft import get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict  # takes seconds to import

    own = fork.clone()
    make_plain(own)
    names = [f"a{number}" for number in range(len(adapters))]
    matrices = len({pair.path for adapter in adapters for pair in lora.pairs(adapter)})
    steps = len(adapters) + matrices
    with seeded(seed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first, *others = [_peft_config(adapter) for adapter in adapters]
        work.step(0, steps, MIXING)
        model: Any = get_peft_model(own.model, first, adapter_name=names[0])
        for done, (name, config) in enumerate(zip(names[1:], others, strict=True), start=1):
            work.step(done, steps, MIXING)
            model.add_adapter(name, config)
        for name, adapter in zip(names, adapters, strict=True):
            set_peft_model_state_dict(model, dict(adapter.tensors), adapter_name=name)
        told = _Told(weights, work, len(adapters), steps)
        torch.manual_seed(seed)
        more = {"density": density} if method in WITH_DENSITY else {}
        model.add_weighted_adapter(names, told, "mixed", combination_type=method, **more)
        state = get_peft_model_state_dict(model, adapter_name="mixed", save_embedding_layers=False)
    mixed = Adapter("lora", lora.KEPT, state)
    return {pair.path: (pair.down, pair.up) for pair in lora.pairs(mixed)}


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


def _peft_config(adapter: Adapter) -> Any:
    """A configuration whose scaling is right without rsLoRA, which the mixed one would inherit."""
    from peft import LoraConfig

    pairs = list(lora.pairs(adapter))
    return LoraConfig(
        r=int(adapter.config["r"]),
        lora_alpha=1,
        target_modules=[pair.path for pair in pairs],
        rank_pattern={pair.path: pair.rank for pair in pairs},
        alpha_pattern={pair.path: pair.scaling * pair.rank for pair in pairs},
        task_type="CAUSAL_LM",
        inference_mode=True,
    )
