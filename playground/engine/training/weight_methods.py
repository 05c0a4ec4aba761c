"""The methods that change weights which the model has, and bottleneck adapters, without PEFT."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from playground.engine.adapters import Adapter, files
from playground.engine.adapters.base import linear_layers, outputs
from playground.engine.adapters.bottleneck import PARTS
from playground.engine.adapters.changed_weights import IDS, ROWS
from playground.engine.fork import Fork
from playground.engine.fork.side_layers import Bottleneck
from playground.engine.fork.structure import Matrix, layers
from playground.engine.training.methods import training_method
from playground.engine.training.settings import TrainingSettings
from playground.engine.training.trainable import Trainable


def _weights(own: Fork, fork: Fork, names: list[str]) -> Trainable:
    """Let parameters learn, in copies of their own; tied names share one."""
    learning: dict[str, nn.Parameter] = {}
    groups: dict[Any, list[str]] = {}
    for name in names:
        groups.setdefault(own.identity(name), []).append(name)
    for first, *others in groups.values():
        parameter = nn.Parameter(own.tensor(first).detach().clone())
        own.share([first, *others], parameter)
        learning[first] = parameter

    def adapter() -> Adapter:
        tensors = {name: p.detach().clone() for name, p in learning.items()}
        config = {"peft_type": "CHANGED_TENSORS", "tied": _one_table(fork)}
        return files.checked_adapter(config, tensors, fork)

    return Trainable(own.model, learning, adapter)


def _one_table(fork: Fork) -> bool:
    """Whether the embedding and the head are the same: rows of one side may have been edited."""
    return fork.identity(fork.weight_name("input")) == fork.identity(fork.weight_name("output"))


Chosen = Callable[[Fork, TrainingSettings, str, Tensor], bool]


def _names(fork: Fork, settings: TrainingSettings, chosen: Chosen) -> list[str]:
    """The parameters that are chosen, tied ones by each of their names."""
    named = fork.base.model.named_parameters(remove_duplicate=False)
    return [name for name, p in named if fork.has(name) and chosen(fork, settings, name, p)]


def _among(chosen: Chosen) -> Callable[[Fork, TrainingSettings], int]:
    """Counts the numbers of the parameters that are chosen."""

    def numbers(fork: Fork, settings: TrainingSettings) -> int:
        named = fork.base.model.named_parameters()
        return sum(p.numel() for name, p in named if fork.has(name) and chosen(fork, settings, name, p))

    return numbers


def _is_small(fork: Fork, settings: TrainingSettings, name: str, parameter: Tensor) -> bool:
    return name.endswith(".bias") or parameter.ndim == 1


def _is_late(fork: Fork, settings: TrainingSettings, name: str, parameter: Tensor) -> bool:
    path, stack = layers(fork.model)
    left = [index for index in range(len(stack)) if index not in fork.dropped]
    return name.startswith(tuple(f"{path}.{index}." for index in left[-settings.layers :]))


def _is_any(fork: Fork, settings: TrainingSettings, name: str, parameter: Tensor) -> bool:
    return True


def _of_table(fork: Fork, settings: TrainingSettings) -> int:
    return fork.base.model.get_parameter(fork.weight_name("input")).numel()


def _of_bottlenecks(fork: Fork, settings: TrainingSettings) -> int:
    known = linear_layers(fork)
    widths = [_width(known[path]) for path in outputs(fork)]
    return sum(2 * settings.rank * width + settings.rank + width for width in widths)


def _width(matrix: Matrix) -> int:
    return (matrix.shape[::-1] if matrix.transposed else matrix.shape)[0]


@training_method("bitfit", rate=2e-3, numbers=_among(_is_small), inside=True)
def bitfit(own: Fork, fork: Fork, settings: TrainingSettings) -> Trainable:
    """Biases only (Ben Zaken et al. 2022), and the norms' weights: most models today have no
    biases at all."""
    return _weights(own, fork, _names(own, settings, _is_small))


@training_method("bottleneck", rate=1e-3, numbers=_of_bottlenecks, needs=("rank",))
def bottleneck(own: Fork, fork: Fork, settings: TrainingSettings) -> Trainable:
    """Small and near the identity to begin with, as in the paper."""
    learning: dict[str, nn.Parameter] = {}
    for path in outputs(own):
        name = f"{path}.weight"
        if not own.has(name):
            continue
        matrix = linear_layers(own)[path]
        width = _width(matrix)
        down = torch.randn(settings.rank, width) / width**0.5
        first = down, torch.zeros(settings.rank)
        second = torch.zeros(width, settings.rank), torch.zeros(width)

        def after(inner: nn.Module, transposed: bool, first: Any = first, second: Any = second) -> Bottleneck:
            return Bottleneck(inner, transposed, first, second, 1.0)

        own.wrap(name, after)
        module: Any = own.model.get_submodule(path)
        tensors = (module.down, module.down_bias, module.up, module.up_bias)
        for part, parameter in zip(PARTS, tensors, strict=True):
            learning[f"{path}.{part}"] = parameter.requires_grad_(True)

    def adapter() -> Adapter:
        config = {"peft_type": "BOTTLENECK", "size": settings.rank}
        tensors = {name: p.detach().clone() for name, p in learning.items()}
        return files.checked_adapter(config, tensors, fork)

    return Trainable(own.model, learning, adapter)


@training_method("embeddings", rate=1e-3, numbers=_of_table, inside=True)
def embeddings(own: Fork, fork: Fork, settings: TrainingSettings) -> Trainable:
    """The table of embeddings (and the head, where they are tied); rows that moved are kept."""
    table = own.weight_name("input")
    names = [table, own.weight_name("output")] if _one_table(own) else [table]
    whole = _weights(own, fork, names)
    start = fork.tensor(table)

    def adapter() -> Adapter:
        now = next(iter(whole.parameters.values())).detach()
        ids = (now != start).any(dim=1).nonzero().flatten()
        ids = ids if len(ids) else torch.zeros(1, dtype=torch.long)
        tensors = {table + ROWS: now[ids].clone(), table + IDS: ids}
        config = {"peft_type": "CHANGED_TENSORS", "tied": len(names) == 2}
        return files.checked_adapter(config, tensors, fork)

    return Trainable(own.model, whole.parameters, adapter)


@training_method("last_layers", rate=2e-4, numbers=_among(_is_late), needs=("layers",), inside=True, shallow=True)
def last_layers(own: Fork, fork: Fork, settings: TrainingSettings) -> Trainable:
    """Everything in the last N layers that the fork still has."""
    return _weights(own, fork, _names(own, settings, _is_late))


@training_method("full", rate=5e-5, numbers=_among(_is_any), inside=True)
def full(own: Fork, fork: Fork, settings: TrainingSettings) -> Trainable:
    """Every parameter."""
    return _weights(own, fork, _names(own, settings, _is_any))
