"""What every adapter is: a checked configuration, checked tensors, and a way to attach them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from playground.engine.fork import Fork, TensorChange
from playground.engine.fork.ensemble import Ensemble
from playground.engine.fork.packed_linear import PackedLinear
from playground.engine.fork.patched_rows import PatchedRows
from playground.engine.fork.side_layers import Beside, Bottleneck
from playground.engine.fork.structure import Matrix, matrices
from playground.errors import MissingError, PlaygroundError

KindName = Literal["lora", "ia3", "virtual", "changed", "bottleneck"]
MAX_RANK = 512
PREFIX = "base_model.model."  # what PEFT puts before the names of a model's modules


class AdapterError(PlaygroundError):
    """An adapter's files cannot be used, with a reason of their own."""


class MissingAdapterError(AdapterError, MissingError):
    """An adapter is not on this host now; it may be again."""


@dataclass(frozen=True, eq=False)
class Adapter:
    """An adapter whose files were read and checked against a model.

    :param config: as in ``adapter_config.json``, only what its kind knows.
    :param tensors: as in ``adapter_model.safetensors``.
    """

    kind: KindName
    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]

    def parameters(self) -> int:
        """How many numbers it is."""
        return sum(tensor.numel() for tensor in self.tensors.values())

    def nbytes(self) -> int:
        """Bytes of its tensors as they are stored."""
        return sum(tensor.nbytes for tensor in self.tensors.values())

    @property
    def id(self) -> str:
        """A hash of everything in it, by which recipes name it."""
        digest = hashlib.sha256(json.dumps(dict(self.config), sort_keys=True).encode())
        for name in sorted(self.tensors):
            tensor = self.tensors[name].contiguous()
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()[:32]


Read = tuple[dict[str, Any], dict[str, Tensor]]  # configuration and tensors, as they are kept


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How one kind of adapter is read and attached.

    :param types: the ``peft_type`` of its configurations.
    :param read: configuration and tensors to what is kept of both; raises
        :class:`AdapterError` for what does not fit the model.
    :param attach: puts it on a fork at a scale, 1 being as it was trained, and says what changed.
    :param foldable: whether weights without it can have the same effect.
    """

    name: KindName
    types: tuple[str, ...]
    read: Callable[[Mapping[str, Any], Mapping[str, Tensor], Fork], Read]
    attach: Callable[[Adapter, Fork, float], Sequence[TensorChange]]
    foldable: bool = True


def linear_layers(fork: Fork) -> dict[str, Matrix]:
    """The matrices inside a model's layers, by the path of the module that owns each."""
    return {m.name.removesuffix(".weight"): m for m in matrices(fork) if m.layer is not None}


def outputs(fork: Fork) -> list[str]:
    """The paths of the layers that write to the residual stream: a block's last matrix each."""
    last = {(m.layer, m.part): path for path, m in linear_layers(fork).items()}
    return list(last.values())


def make_plain(fork: Fork) -> None:
    """Fold what is beside a fork's linear layers and unpack what is packed, to build on top.

    :raises AdapterError: there is a bottleneck, which no weight can take in, or an ensemble.
    """
    if hasattr(fork.model, Ensemble.NAME):
        raise AdapterError(
            "The recipe is an ensemble, and nothing can be trained on top of it here. Switch that step off first."
        )
    for path, module in list(fork.model.named_modules()):
        if isinstance(module, Bottleneck):
            raise AdapterError(
                "The recipe has a bottleneck adapter, and nothing can be trained on top of "
                "it here. Switch that step off first."
            )
        if isinstance(module, PatchedRows) and isinstance(module.inner, Beside):
            fork.replace(f"{path}.weight", module.dense())
        elif isinstance(module, Beside | PackedLinear) and ".inner" not in path:
            bias, weight = module.bias, module.weight
            fork.replace(f"{path}.weight", weight)
            if bias is not None:
                fork.replace(f"{path}.bias", bias)


def matrix_of(path: str, known: Mapping[str, Matrix], fork: Fork) -> Matrix:
    """The matrix that an adapter means by a module's path.

    :raises AdapterError: the model has none of that name.
    """
    if path not in known:
        if any(name == path for name, _ in fork.base.model.named_modules()):
            raise AdapterError(
                "This adapter changes {name}, and adapters of its kind go elsewhere here: beside "
                "the matrices of the layers (LoRAs beside embedding and head, too). Train it "
                "without.",
                name=path[:120],
            )
        raise AdapterError(
            "This adapter was made for another model: it changes {name}, which {model} does not "
            "have. Choose the model that it was trained on.",
            name=path[:120],
            model=fork.base.entry.id,
        )
    return known[path]


def expect(name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
    """Refuse a tensor of another shape.

    :raises AdapterError: naming both shapes.
    """
    if tuple(tensor.shape) != shape:
        raise AdapterError(
            "This adapter does not fit this model: {name} has the shape {given}, and {wanted} is "
            "needed. Choose the model that it was trained on.",
            name=name[:160],
            given=_shape(tuple(tensor.shape)),
            wanted=_shape(shape),
        )


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single number"


def unknown_tensor(name: str) -> AdapterError:
    """A tensor that no kind of adapter read here has."""
    return AdapterError(
        "The file holds a tensor that is not understood here: {name}. Export the adapter alone, without other modules.",
        name=name[:160],
    )


def plain_config(config: Mapping[str, Any], allowed: Mapping[str, Any], harmless: Sequence[str] = ()) -> dict[str, Any]:
    """What is kept of a configuration: the keys of ``kept`` with these as defaults.

    Any other key must be one of ``harmless`` or say nothing (empty, false, none).

    :raises AdapterError: a key asks for something that is not done here, or has a wrong type.
    """
    plain = dict(allowed)
    for key, value in config.items():
        if key in allowed:
            if value is not None:
                plain[key] = value
        elif key not in HARMLESS and key not in harmless and value:
            raise AdapterError(
                "This adapter's configuration sets {key}, which is not supported here. Train or export it without.",
                key=str(key)[:60],
            )
    for key, default in allowed.items():
        if not same_type(plain[key], default):
            raise unusable(key, plain[key])
    return plain


def unusable(key: str, value: Any) -> AdapterError:
    """A configuration's value that means nothing here."""
    return AdapterError("The configuration's {key} is {given}, which is not usable.", key=key, given=repr(value)[:60])


# Which modules it is for is checked by ``targets.check_targets``; PEFT sets ``fan_in_fan_out``
# by the layer itself, and loads ``megatron_core`` only with a ``megatron_config``.
HARMLESS = (
    "peft_type",
    "auto_mapping",
    "base_model_name_or_path",
    "revision",
    "task_type",
    "inference_mode",
    "peft_version",
    "target_modules",
    "exclude_modules",
    "layers_to_transform",
    "layers_pattern",
    "fan_in_fan_out",
    "megatron_core",
)


def same_type(value: Any, default: Any) -> bool:
    """Whether a configuration's value is of a default's type, and no number beyond sense."""
    if isinstance(default, bool) or isinstance(value, bool):
        return type(value) is type(default)
    if isinstance(default, float):
        return isinstance(value, int | float) and abs(value) < 1e9
    if isinstance(default, int):
        return isinstance(value, int) and abs(value) < 10**9
    return isinstance(value, type(default))
