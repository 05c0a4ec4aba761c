"""IA³: one learned number for each input or output of a layer, in PEFT's format."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from playground.engine.adapters.base import (
    PREFIX,
    Adapter,
    Kind,
    Read,
    expect,
    linear_layers,
    matrix_of,
    outputs,
    plain_config,
    unknown_tensor,
    unusable,
)
from playground.engine.adapters.patterns import Matcher
from playground.engine.adapters.targets import check_targets, named_by
from playground.engine.fork import Fork, TensorChange
from playground.engine.fork.side_layers import Rescaled

KEYS_AND_VALUES = ("k_proj", "v_proj", "c_attn", "query_key_value")
PLAIN = ".ia3_l"
TENSOR = re.compile(rf"{re.escape(PREFIX)}(?P<path>.+)\.ia3_l(?:\.default)?(?:\.weight)?")


def read_ia3(config: Mapping[str, Any], tensors: Mapping[str, Tensor], fork: Fork) -> Read:
    """Check an IA³ adapter against a model."""
    kept = plain_config(config, {}, ("feedforward_modules", "init_ia3_weights"))
    on_input = _on_input(config.get("feedforward_modules") or [])
    known, plain = linear_layers(fork), dict[str, Tensor]()
    for name, tensor in tensors.items():
        path = _path(name)
        matrix = matrix_of(path, known, fork)
        if PREFIX + path + PLAIN in plain:  # two spellings of one name
            raise unknown_tensor(name)
        rows, columns = matrix.shape[::-1] if matrix.transposed else matrix.shape
        expect(name, tensor, (1, columns) if on_input(path) else (rows, 1))
        plain[PREFIX + path + PLAIN] = tensor
    paths = [_path(name) for name in plain]
    check_targets(config, paths, known)
    kept["feedforward_modules"] = sorted(path for path in paths if on_input(path))
    return kept, plain  # both by full names


def _path(name: str) -> str:
    match = TENSOR.fullmatch(name)
    if match is None:
        raise unknown_tensor(name)
    return match["path"]


def _on_input(modules: Any) -> Callable[[str], bool]:
    """PEFT's rule: a regular expression for the whole path, or ends of it."""
    if isinstance(modules, str):
        return named_by(modules, "feedforward_modules", Matcher())
    if not isinstance(modules, list | tuple) or not all(isinstance(m, str) for m in modules):
        raise unusable("feedforward_modules", modules)
    return lambda path: path.endswith(tuple(modules))


def attach_ia3(adapter: Adapter, fork: Fork, scale: float) -> list[TensorChange]:
    """Multiply each input or output by 1 + scale (l - 1): PEFT's own scale is always 1."""
    changes = []
    for tensor_name, factor in adapter.tensors.items():
        path = _path(tensor_name)
        name = f"{path}.weight"
        if not fork.has(name):  # of a dropped layer
            continue
        before = fork.tensor(name).float()
        scaled = 1 + scale * (factor.flatten().float() - 1)

        def beside(inner: nn.Module, transposed: bool, path: str = path, scaled: Tensor = scaled) -> Rescaled:
            on_input = path in adapter.config["feedforward_modules"]
            return Rescaled(inner, transposed, scaled, on_input)

        fork.wrap(name, beside)
        changes.append(TensorChange(name, float((fork.tensor(name).float() - before).norm())))
    return changes


def ia3_layers(fork: Fork) -> tuple[list[str], list[str]]:
    """Paths of the layers whose outputs IA³ scales, and of those whose inputs it does."""
    known = linear_layers(fork)
    keys = [
        path
        for path, matrix in known.items()
        if matrix.part == "attention" and path.rpartition(".")[2] in KEYS_AND_VALUES
    ]
    return keys, sorted(p for p in outputs(fork) if known[p].part == "mlp")


KIND = Kind(name="ia3", types=("IA3",), read=read_ia3, attach=attach_ia3)
