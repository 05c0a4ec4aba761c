"""What a model computes of some texts: the keys of facts, and those of ordinary text.

A key is what reaches an MLP's output matrix, at a subject's last token (Meng et al. 2022).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from playground.engine.decoding.continuation import Line, padded, target_places
from playground.engine.facts.float32_fork import ending, multiplier
from playground.engine.fork import Fork
from playground.engine.fork.structure import Matrix, layers
from playground.engine.measuring.calibration import READING, Statistics, calibration_text, windows
from playground.engine.models.loader import CACHE
from playground.engine.work import Work

MOMENT_TOKENS = 6_144  # of the calibration text that second moments are taken from
ROWS_AT_ONCE = 16


@dataclass(frozen=True, eq=False, kw_only=True)
class Seen:
    """What one run over some lines computed.

    :param before: (rows, tokens, d_model) what reached the layer that was looked at.
    :param after: (rows, d_model) its answer at each subject's last token.
    :param keys: (rows, in) what reached its MLP's output matrix there.
    :param logits: (rows, most targets, vocab) at the lines' ``target_places``.
    :param cache: keys and values of attention, (rows, heads, virtual + tokens, size) each, of
        every layer; None for one that was taken out.
    """

    lines: Sequence[Line]
    before: Tensor | None
    after: Tensor
    keys: Tensor
    logits: Tensor
    cache: list[tuple[Tensor, Tensor] | None]


@torch.no_grad()
def look_at_keys(own: Fork, matrix: Matrix, lines: Sequence[Line]) -> Seen:
    """Run lines through a model once, and note what happens around one matrix.

    :param own: a float32 variant.
    """
    assert matrix.layer is not None
    _, stack = layers(own.model)
    cache, ids = DynamicCache(), padded(lines)
    watched: dict[str, nn.Module] = {"after": stack[matrix.layer]}
    if matrix.layer:
        watched["before"] = stack[matrix.layer - 1]
    with outputs_of(watched) as outs, inputs_of({"key": multiplier(own.model, matrix)}) as ins:
        out = own.model(input_ids=ids, past_key_values=cache, logits_to_keep=target_places(lines))
    rows, last = torch.arange(len(lines)), torch.tensor([layer.subject for layer in lines])
    return Seen(
        lines=lines,
        before=outs.get("before"),
        after=outs["after"][rows, last],
        keys=ins["key"].view(*ids.shape, -1)[rows, last],
        logits=out.logits.float(),
        cache=[
            None if getattr(layer, "keys", None) is None else (layer.keys, layer.values)
            for layer in _layers_of(cache, len(stack))
        ],
    )


def _layers_of(cache: Any, count: int) -> list[Any]:
    return [*cache.layers, *[None] * count][:count]


@contextmanager
def outputs_of(modules: dict[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Inside, the latest hidden states that each module answered, by its name here."""
    outputs: dict[str, Tensor] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, out: Any) -> None:
            outputs[name] = out[0] if isinstance(out, tuple) else out

        return hook

    hooks = [module.register_forward_hook(note(name)) for name, module in modules.items()]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def inputs_of(modules: dict[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Inside, the latest that reached each module, by its name here."""
    inputs: dict[str, Tensor] = {}

    def note(name: str) -> Callable[..., None]:
        return lambda module, args: inputs.__setitem__(name, args[0])

    hooks = [module.register_forward_pre_hook(note(name)) for name, module in modules.items()]
    try:
        yield inputs
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def subject_states(own: Fork, matrix: Matrix, groups: Sequence[Sequence[Line]]) -> list[Tensor]:
    """The mean key and the mean answer of the layer for each group of lines.

    :param groups: lines of one fact each.
    :return: [(groups, in), (groups, d_model)].
    """
    assert matrix.layer is not None
    short, flat = ending(own, matrix.layer), [line for group in groups for line in group]
    keys, after = [], []
    for start in range(0, len(flat), ROWS_AT_ONCE):
        seen = look_at_keys(short, matrix, flat[start : start + ROWS_AT_ONCE])
        keys.append(seen.keys)
        after.append(seen.after)
    sizes = [len(group) for group in groups]
    return [torch.stack([part.mean(0) for part in torch.cat(states).split(sizes)]) for states in (keys, after)]


def second_moments(own: Fork, chosen: Sequence[Matrix], work: Work) -> Statistics:
    """C = E[k k^T] of the shipped calibration text's keys, for some matrices by name.

    The uncentred covariance of Meng et al. 2022, who take it from Wikipedia. Kept by the recipe
    whose variant gives these keys, so that fact after fact in one layer takes it once.

    :param own: a float32 variant.
    :return: (in, in) float32 each.
    """
    digest = hashlib.sha256(calibration_text().encode()).hexdigest()
    origins = {matrix.name: own.origin_at(matrix.layer or 0) for matrix in chosen}
    names = {name: ("second moment", origin, name, digest) for name, origin in origins.items() if origin is not None}
    moments: dict[str, Tensor] = {}
    for key in names.values():
        held = CACHE.get(key)
        if isinstance(held, Statistics):
            moments |= held.of
    missing = [matrix for matrix in chosen if matrix.name not in moments]
    fresh = _gather(own, missing, work) if missing else {}
    for name in fresh.keys() & names.keys():
        CACHE.put(names[name], Statistics({name: fresh[name]}))
    return Statistics(moments | fresh)


@torch.no_grad()
def _gather(own: Fork, chosen: Sequence[Matrix], work: Work) -> dict[str, Tensor]:
    short = ending(own, max(matrix.layer or 0 for matrix in chosen))
    modules = {matrix.name: multiplier(short.model, matrix) for matrix in chosen}
    totals: dict[str, Tensor] = {}
    parts, tokens = windows(own, "", MOMENT_TOKENS), 0
    with inputs_of(modules) as reached:
        for done, part in enumerate(parts):
            work.step(done, len(parts), READING)
            short.model(input_ids=part, use_cache=False, logits_to_keep=1)
            tokens += part.shape[1]
            for name, keys in reached.items():
                keys = keys.flatten(0, -2)  # (tokens, in)
                totals[name] = totals.get(name, 0) + (keys.T @ keys).double()
    return {name: (total / tokens).float() for name, total in totals.items()}
