"""LoRA, rsLoRA and DoRA: two thin matrices beside each weight, in PEFT's format."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from playground.engine.adapted import LowRank
from playground.engine.adapters.base import (
    MAX_RANK,
    PREFIX,
    Adapter,
    AdapterError,
    Kind,
    expect,
    linear_layers,
    matrix_of,
    plain_config,
    same_type,
    unknown_tensor,
)
from playground.engine.fork import Fork, TensorChange
from playground.engine.structure import Matrix

KEPT: dict[str, Any] = {
    "r": 8, "lora_alpha": 8.0, "use_rslora": False, "use_dora": False, "rank_pattern": {},
    "alpha_pattern": {}, "bias": "none",
}  # fmt: skip
# These say how it was trained or started, and no longer matter.
TRAINED_WITH = (
    "lora_dropout", "init_lora_weights", "loftq_config", "eva_config", "corda_config",
    "lora_ga_config", "qalora_group_size", "megatron_config", "ensure_weight_tying",
)  # fmt: skip
LARGEST_NORM = 1e5  # of scaling B A; a whole weight matrix has a few hundred
TENSOR = re.compile(
    rf"{re.escape(PREFIX)}(?P<path>.+)\.lora_"
    r"(?P<part>A\.weight|B\.weight|magnitude_vector(?:\.weight)?)"
)


@dataclass(frozen=True)
class Pair:
    """The thin matrices beside one weight.

    ``scaling`` is alpha / r, or alpha / sqrt(r) for rsLoRA. ``magnitude`` (out,) is DoRA's.
    """

    path: str
    down: Tensor  # A, (r, in)
    up: Tensor  # B, (out, r)
    scaling: float
    magnitude: Tensor | None

    @property
    def rank(self) -> int:
        """r."""
        return len(self.down)

    def norm(self) -> float:
        """Frobenius norm of scaling B A, from the thin matrices' Gram matrices."""
        down, up = self.down.double(), self.up.double()
        square = float(((up.T @ up) * (down @ down.T)).sum())
        return abs(self.scaling) * math.sqrt(max(0.0, square))


def pairs(adapter: Adapter) -> Iterator[Pair]:
    """The thin matrices of a LoRA, in its file's order."""
    for path, parts in _parts(adapter.tensors).items():
        yield Pair(
            path, parts["A.weight"], parts["B.weight"],
            scaling_of(adapter.config, path, len(parts["A.weight"])),
            parts.get("magnitude_vector"),
        )  # fmt: skip


def scaling_of(config: Mapping[str, Any], path: str, rank: int) -> float:
    """What B A is multiplied by: PEFT's rule, patterns by module included."""
    alpha = float(config["lora_alpha"])
    for key, value in config["alpha_pattern"].items():
        if path == key or path.endswith(f".{key}"):
            alpha = float(value)
            break
    return alpha / (math.sqrt(rank) if config["use_rslora"] else rank)


def _parts(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Tensors by module path and part."""
    found: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        match = TENSOR.fullmatch(name)
        if match is None:
            raise unknown_tensor(name)
        part = match["part"]
        part = "magnitude_vector" if part.startswith("magnitude") else part
        if part in found.setdefault(match["path"], {}):  # two spellings of the magnitude
            raise unknown_tensor(name)
        found[match["path"]][part] = tensor
    return found


def read(config: Mapping[str, Any], tensors: Mapping[str, Tensor], fork: Fork) -> dict[str, Any]:
    """Check a LoRA against a model."""
    kept = plain_config(config, KEPT, TRAINED_WITH)
    if kept["bias"] != "none":
        raise AdapterError(
            "This adapter also trains biases (bias={given}), which is not supported here. Train "
            "it with bias=none.",
            given=repr(kept["bias"])[:40],
        )
    for pattern in ("rank_pattern", "alpha_pattern"):
        for key, value in kept[pattern].items():
            if not isinstance(key, str) or not same_type(value, 1.0):
                raise AdapterError(
                    "The configuration's {key} is {given}, which is not usable.",
                    key=pattern,
                    given=repr(kept[pattern])[:60],
                )
            if re.escape(key).replace(r"\.", ".").replace(r"\-", "-") != key:
                raise AdapterError(
                    "The configuration's {key} names modules by a regular expression. Name them "
                    "in plain words.",
                    key=pattern,
                )
    known, kept["r"] = linear_layers(fork), 1
    for path, parts in _parts(tensors).items():
        _check_pair(path, parts, matrix_of(path, known, fork), kept["use_dora"])
        kept["r"] = max(kept["r"], len(parts["A.weight"]))  # what it says may not be what it has
    for pair in pairs(Adapter("lora", kept, tensors)):
        if not pair.norm() <= LARGEST_NORM:
            raise AdapterError(
                "{name} holds numbers that are not finite, or far too large. The training of "
                "this adapter went wrong; choose another.",
                name=pair.path[:120],
            )
    return kept


def _check_pair(path: str, parts: dict[str, Tensor], matrix: Matrix, dora: bool) -> None:
    wanted = {"A.weight", "B.weight"} | ({"magnitude_vector"} if dora else set())
    if set(parts) != wanted:
        raise AdapterError(
            "The adapter's tensors for {name} are incomplete or too many: it needs {wanted}.",
            name=path[:120],
            wanted=", ".join(f"lora_{part}" for part in sorted(wanted)),
        )
    down, up = parts["A.weight"], parts["B.weight"]
    rank = len(down) if down.ndim == 2 else 0
    if not 1 <= rank <= MAX_RANK:
        raise AdapterError(
            "The adapter's rank at {name} is {given}: 1 to {limit} is usable.",
            name=path[:120],
            given=rank,
            limit=MAX_RANK,
        )
    rows, columns = matrix.shape[::-1] if matrix.transposed else matrix.shape
    expect(f"{path}.lora_A", down, (rank, columns))
    expect(f"{path}.lora_B", up, (rows, rank))
    if dora:
        expect(f"{path}.lora_magnitude_vector", parts["magnitude_vector"], (rows,))


def attach(adapter: Adapter, fork: Fork, scale: float) -> list[TensorChange]:
    """Put the thin matrices beside their weights."""
    changes = []
    for pair in pairs(adapter):
        name = f"{pair.path}.weight"
        if not fork.has(name):  # of a dropped layer
            continue
        plain = fork.tensor(name).float() if pair.magnitude is not None else None

        def beside(inner: nn.Module, transposed: bool, pair: Pair = pair) -> LowRank:
            return LowRank(
                inner, transposed, pair.down, pair.up, scale * pair.scaling, pair.magnitude
            )

        fork.wrap(name, beside)
        moved = abs(scale) * pair.norm()
        if plain is not None:
            moved = float((fork.tensor(name).float() - plain).norm())
        changes.append(TensorChange(name, moved))
    return changes


KIND = Kind("lora", ("LORA",), read, attach)


def make(thin: Mapping[str, tuple[Tensor, Tensor]], dtype: torch.dtype = torch.float32) -> Adapter:
    """A plain LoRA whose scaling is 1, from (A, B) by module path."""
    rank = max((len(down) for down, _ in thin.values()), default=1)
    own = {path: len(down) for path, (down, _) in thin.items() if len(down) != rank}
    tensors = {}
    for path, (down, up) in thin.items():
        tensors[f"{PREFIX}{path}.lora_A.weight"] = down.to(dtype).contiguous()
        tensors[f"{PREFIX}{path}.lora_B.weight"] = up.to(dtype).contiguous()
    config = KEPT | {
        "r": rank, "lora_alpha": float(rank), "rank_pattern": own,
        "alpha_pattern": {path: float(r) for path, r in own.items()},
    }  # fmt: skip
    return Adapter("lora", config, tensors)
