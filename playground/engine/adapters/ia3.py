"""IA³: one learned number for each input or output of a layer, in PEFT's format."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from playground.engine.adapted import Rescaled
from playground.engine.adapters.base import (
    PREFIX,
    Adapter,
    Kind,
    expect,
    linear_layers,
    matrix_of,
    outputs,
    plain_config,
    unknown_tensor,
)
from playground.engine.fork import Fork, TensorChange

KEYS_AND_VALUES = ("k_proj", "v_proj", "c_attn", "query_key_value")
TENSOR = re.compile(rf"{re.escape(PREFIX)}(?P<path>.+)\.ia3_l(?:\.weight)?")


def read(config: Mapping[str, Any], tensors: Mapping[str, Tensor], fork: Fork) -> dict[str, Any]:
    """Check an IA³ adapter against a model."""
    modules = config.get("feedforward_modules")
    listed = {"feedforward_modules": list(modules)} if isinstance(modules, list | tuple) else {}
    kept = plain_config(
        {**config, **listed}, {"feedforward_modules": []}, ("init_ia3_weights",)
    )  # fmt: skip
    known, inputs, seen = linear_layers(fork), [], set[str]()
    for name, tensor in tensors.items():
        path = _path(name)
        if path in seen:  # two spellings of one name
            raise unknown_tensor(name)
        seen.add(path)
        matrix = matrix_of(path, known, fork)
        rows, columns = matrix.shape[::-1] if matrix.transposed else matrix.shape
        on_input = _on_input(path, kept)
        expect(name, tensor, (1, columns) if on_input else (rows, 1))
        inputs += [path] if on_input else []
    return {"feedforward_modules": sorted(inputs)}  # by their full names


def _path(name: str) -> str:
    match = TENSOR.fullmatch(name)
    if match is None:
        raise unknown_tensor(name)
    return match["path"]


def _on_input(path: str, config: Mapping[str, Any]) -> bool:
    modules = config["feedforward_modules"]
    return any(path == module or path.endswith(f".{module}") for module in map(str, modules))


def attach(adapter: Adapter, fork: Fork, scale: float) -> list[TensorChange]:
    """Multiply each input or output by 1 + scale (l - 1): PEFT's own scale is always 1."""
    changes = []
    for tensor_name, factor in adapter.tensors.items():
        path = _path(tensor_name)
        name = f"{path}.weight"
        if not fork.has(name):  # of a dropped layer
            continue
        before = fork.tensor(name).float()
        scaled = 1 + scale * (factor.flatten().float() - 1)

        def beside(
            inner: nn.Module, transposed: bool, path: str = path, scaled: Tensor = scaled
        ) -> Rescaled:
            return Rescaled(inner, transposed, scaled, _on_input(path, adapter.config))

        fork.wrap(name, beside)
        changes.append(TensorChange(name, float((fork.tensor(name).float() - before).norm())))
    return changes


def ia3_layers(fork: Fork) -> tuple[list[str], list[str]]:
    """Paths of the layers whose outputs IA³ scales, and of those whose inputs it does."""
    known = linear_layers(fork)
    keys = [
        path for path, matrix in known.items()
        if matrix.part == "attention" and path.rpartition(".")[2] in KEYS_AND_VALUES
    ]  # fmt: skip
    return keys, sorted(p for p in outputs(fork) if known[p].part == "mlp")


KIND = Kind("ia3", ("IA3",), read, attach)
