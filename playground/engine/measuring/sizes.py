"""How large a model is: three figures that are easily confused, each counted from its tensors."""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from playground.engine.fork import Fork

SAFETENSORS = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.uint8: "U8",
    torch.int8: "I8",
    torch.bool: "BOOL",
}


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The size of a model as a fork has it.

    :param weights: how many numbers its parameters are; a tied table counts once.
    :param zeros: how many of them are zero.
    :param held_bytes: what the fork holds in this process beyond the shared base.
    :param file_bytes: its safetensors file, with every tensor as it is held: simulated
        quantization and zeros are ordinary numbers there; packed layers are codes and scales.
    :param packed_bytes: that file if every quantized tensor were stored as codes and scales.
    :param effective_bits: bits for each weight in that packed file, scales and the tensors that
        were not quantized included.
    """

    weights: int
    zeros: int
    held_bytes: int
    file_bytes: int
    packed_bytes: int
    effective_bits: float


def sizes(fork: Fork, count_zeros: bool = True) -> Sizes:
    """Count a fork's tensors, each once."""
    weights = zeros = as_held = 0
    packed_bits = 0.0
    entries = []
    for name, tensor in _distinct(fork):
        count, form = tensor.numel(), fork.formats.get(name)
        bits = count * (form.bits if form else tensor.element_size() * 8)
        held = math.ceil(bits / 8 - 1e-6) if fork.packed(name) else tensor.nbytes
        weights, packed_bits, as_held = weights + count, packed_bits + bits, as_held + held
        entries.append((-tensor.element_size(), name, tensor, held))
        if count_zeros:
            zeros += count - int(torch.count_nonzero(tensor))
    head = _header_bytes(sorted(entries, key=lambda entry: entry[:2]))
    return Sizes(
        weights=weights,
        zeros=zeros,
        held_bytes=fork.bytes_held(),
        file_bytes=head + as_held,
        packed_bytes=head + math.ceil(packed_bits / 8),
        effective_bits=packed_bits / max(1, weights),
    )


def _header_bytes(entries: list[tuple[int, str, Tensor, int]]) -> int:
    """Length of a safetensors header, its own 8 bytes included.

    :param entries: in the file's order: wide numbers first, then by name.
    """
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    start = 0
    for _, name, tensor, size in entries:
        header[name] = {
            "dtype": SAFETENSORS[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, start + size],
        }
        start += size
    text = json.dumps(header, separators=(",", ":"))
    return 8 + -(-len(text) // 8) * 8


def _distinct(fork: Fork) -> Iterator[tuple[str, Tensor]]:
    """Every parameter under the base's names, one that two names share once; then adapters'."""
    seen: set[Hashable] = set()
    for name, _ in fork.base.model.named_parameters(remove_duplicate=False):
        if fork.has(name) and (key := fork.identity(name)) not in seen:
            seen.add(key)
            yield name, fork.held(name)
    yield from fork.thin()
