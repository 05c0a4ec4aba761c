"""What a model is built of: its layers, their weight matrices, and how a recipe names them.

A target is a preset (``linear``, ``attention``, ``mlp``, ``embeddings``) or a pattern for the
names of weights (``*.q_proj.weight``), and may end in ``@first-last`` for a range of layers,
counted from 0.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from playground.engine.fork import Fork
from playground.errors import RecipeError

Part = Literal["attention", "mlp", "embeddings"]
PRESETS = ("linear", *get_args(Part))
MAX_TARGETS, MAX_TARGET = 64, 200  # targets in an edit, characters in each


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """One weight matrix of a model.

    ``transposed``: it is stored (in, out), as GPT-2's Conv1D does, and not (out, in).
    ``layer`` is None outside the layers; ``columns`` is the number of inputs.
    """

    name: str
    part: Part
    role: str
    layer: int | None
    transposed: bool
    shape: tuple[int, int]  # as it is stored

    @property
    def columns(self) -> int:
        """How many inputs it multiplies."""
        return self.shape[0] if self.transposed else self.shape[1]

    def oriented(self, weight: Tensor) -> Tensor:
        """The weight as (out, in), whatever way it is stored; its own inverse. A view."""
        return weight.T if self.transposed else weight


@dataclass(frozen=True)
class Parameter:
    """One parameter of a model, of any shape; ``layer`` is None outside the layers."""

    name: str
    part: Literal[Part, "norms"]
    layer: int | None


def layers(model: nn.Module) -> tuple[str, nn.ModuleList]:
    """The path of a model's list of layers, and the list.

    :raises RecipeError: it has none (not one of the layouts known here).
    """
    count = getattr(model.config, "num_hidden_layers", 0)
    for path, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            return path, module
    raise RecipeError("This model has no list of layers that is known here. Choose another.")


def head_count(model: Any) -> int:
    """Attention heads in each layer."""
    return int(model.config.num_attention_heads)


def key_shape(config: Any) -> tuple[int, int, int]:
    """Layers, heads of keys in each, and numbers in a key."""
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return config.num_hidden_layers, heads, size


def inner_width(config: Any) -> int:
    """Numbers inside each MLP."""
    named = ("intermediate_size", "n_inner", "ffn_dim")
    width = next((n for n in (getattr(config, key, None) for key in named) if n), None)
    return width or 4 * config.hidden_size


def matrices(fork: Fork) -> list[Matrix]:
    """Every weight matrix of a fork in the model's order: embedding, linear layers, head.

    Dropped layers have none. Of a tied pair both names are listed.
    """
    path, _ = layers(fork.model)
    inside = re.compile(rf"{re.escape(path)}\.(\d+)\.(.+)")
    found, ends = [], (fork.weight_name("input"), fork.weight_name("output"))
    for name, module in fork.base.model.named_modules():
        if not isinstance(module, nn.Linear | Conv1D | nn.Embedding):
            continue
        weight, (rows, columns) = f"{name}.weight", module.weight.shape
        match = inside.fullmatch(name)
        if weight in ends:
            found.append(
                Matrix(
                    name=weight,
                    part="embeddings",
                    role=name.rpartition(".")[2],
                    layer=None,
                    transposed=False,
                    shape=(rows, columns),
                )
            )
        elif match and not isinstance(module, nn.Embedding) and fork.has(weight):
            part: Part = "attention" if "attn" in name or "attention" in name else "mlp"
            transposed = isinstance(module, Conv1D)
            found.append(
                Matrix(
                    name=weight,
                    part=part,
                    role=match[2],
                    layer=int(match[1]),
                    transposed=transposed,
                    shape=(rows, columns),
                )
            )
    return found


def mlp_outputs(fork: Fork) -> dict[int, Matrix]:
    """The last matrix of each layer's MLP, by layer: it writes to the residual stream.

    ``mlp.down_proj`` in Llama-like models, ``mlp.c_proj`` in GPT-2 (stored across),
    ``mlp.dense_4h_to_h`` in GPT-NeoX, ``fc2`` in OPT. A mixture of experts has none.
    """
    config: Any = fork.base.model.config
    last: dict[int, Matrix] = {}
    for matrix in matrices(fork):
        if matrix.layer is not None and matrix.part == "mlp":
            last[matrix.layer] = matrix
    return {
        layer: matrix
        for layer, matrix in last.items()
        if sum(matrix.shape) - matrix.columns == config.hidden_size and ".experts." not in matrix.name
    }


def parameters(fork: Fork) -> list[Parameter]:
    """Every parameter that a fork has of its base, in the model's order; dropped layers have none.

    Norms are a part of their own, and biases belong to the part of their layer.
    """
    path, _ = layers(fork.model)
    inside = re.compile(rf"{re.escape(path)}\.(\d+)\.(.+)")
    named = []
    for name, _ in fork.base.model.named_parameters(remove_duplicate=False):
        match, owner = inside.fullmatch(name), fork.base.model.get_submodule(_path(name))
        if not fork.has(name):
            continue
        if isinstance(owner, nn.Embedding) or _path(name) == _path(fork.weight_name("output")):
            part: Literal[Part, "norms"] = "embeddings"
        elif not isinstance(owner, nn.Linear | Conv1D):
            part = "norms"
        else:
            part = "attention" if "attn" in name or "attention" in name else "mlp"
        named.append(Parameter(name, part, int(match[1]) if match else None))
    return named


def _path(name: str) -> str:
    return name.rpartition(".")[0]


def select_parameters(fork: Fork, targets: Sequence[str]) -> list[Parameter]:
    """The parameters that any of the targets names; beside the presets there are ``all`` and
    ``norms``.

    :raises RecipeError: a target names nothing in this model.
    """
    known, chosen = parameters(fork), set()
    for target in targets:
        hits = {parameter.name for parameter in known if _matches(parameter, target)}
        if not hits:
            raise RecipeError(
                "The target {target!r} names no parameter of this model. Choose one of {presets}, "
                "a layer range like mlp@0-9, or a pattern like *.{role}.weight.",
                target=target,
                presets=", ".join(("all", *PRESETS[1:], "norms")),
                role=next((m.role for m in matrices(fork) if m.layer is not None), "proj"),
            )
        chosen |= hits
    return [parameter for parameter in known if parameter.name in chosen]


def select(fork: Fork, targets: Sequence[str]) -> list[Matrix]:
    """The matrices that any of the targets names, in the model's order.

    :raises RecipeError: a target names nothing in this model.
    """
    known, chosen = matrices(fork), set()
    for target in targets:
        hits = {matrix.name for matrix in known if _matches(matrix, target)}
        if not hits:
            raise RecipeError(
                "The target {target!r} names no weight matrix of this model. Choose one of "
                "{presets}, a layer range like linear@0-9, or a pattern like *.{role}.weight.",
                target=target,
                presets=", ".join(PRESETS),
                role=next((m.role for m in known if m.layer is not None), "proj"),
            )
        chosen |= hits
    return [matrix for matrix in known if matrix.name in chosen]


def _matches(matrix: Matrix | Parameter, target: str) -> bool:
    name, ranged, span = target.partition("@")
    if ranged:
        ends = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", span)
        if ends is None or matrix.layer is None:
            return False
        first, last = int(ends[1]), int(ends[2] or ends[1])
        if not first <= matrix.layer <= last:
            return False
    if name == "all":
        return True
    if name == "linear":
        return matrix.layer is not None and matrix.part != "norms"
    if name in (*PRESETS, "norms"):
        return matrix.part == name
    return fnmatch.fnmatchcase(matrix.name, name)


def tied_groups(fork: Fork, chosen: Sequence[Matrix]) -> list[list[Matrix]]:
    """The chosen matrices, those that are one tensor at the moment in one group."""
    groups: dict[Hashable, list[Matrix]] = {}
    for matrix in chosen:
        groups.setdefault(fork.identity(matrix.name), []).append(matrix)
    return list(groups.values())
