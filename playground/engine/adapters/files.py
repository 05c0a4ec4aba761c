"""An adapter's two files, in PEFT's layout, from bytes and to bytes. Never a pickle.

What a visitor uploads is bounded and checked here before any of it is used; nothing is written
to disk.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, load_file, save
from torch import Tensor

from playground.engine.adapters import KINDS
from playground.engine.adapters.base import Adapter, AdapterError, Kind
from playground.engine.adapters.folder import CONFIG, WEIGHTS, adapter_names, check_is_itself, incomplete, unzipped
from playground.engine.fork import Fork

MAX_UPLOAD = 64_000_000  # bytes, packed or unpacked
MAX_CONFIG = 100_000
MAX_DEPTH = 16  # of lists and objects inside each other in a configuration
MAX_HEADER = 2_000_000  # bytes that list the tensors; objects for empty ones take 30 times it
MAX_TENSORS = 4_000
FLOATS = (torch.float32, torch.float16, torch.bfloat16)
LARGEST = 1e5  # of a number in an adapter; trained ones are below 100


def read_adapter(files: Mapping[str, bytes], fork: Fork) -> Adapter:
    """An adapter from its two files, or from a .zip with them, checked against a model.

    :param files: content by name; folders before the names do not matter.
    :raises AdapterError: what is wrong, each thing with its own message.
    """
    total = sum(map(len, files.values()))
    if total > MAX_UPLOAD:
        raise AdapterError(
            "The adapter has {size} MB: at most {limit} MB are taken. Leave out other files of its "
            "folder, save it with save_embedding_layers=False, or choose a lower rank or fewer "
            "targets.",
            size=-(-total // 1_000_000),
            limit=MAX_UPLOAD // 1_000_000,
        )
    for name in files:
        if name.lower().endswith(".zip"):
            return _read_folder(unzipped(files[name], MAX_UPLOAD), fork)
    return _read_folder(files, fork)


def _read_folder(files: Mapping[str, bytes], fork: Fork) -> Adapter:
    """An adapter from its folder: whatever else lies there is not looked at."""
    names = adapter_names(list(files))
    if len(names) < 2:
        raise incomplete(names, files)
    weights, config = files[names[WEIGHTS]], files[names[CONFIG]]
    check_is_itself(CONFIG, config)
    check_is_itself(WEIGHTS, weights)
    return checked_adapter(_config(config), _tensors(weights), fork)


def read_stored(folder: Path, fork: Fork) -> Adapter:
    """An adapter that was checked before it was stored here; its file is memory-mapped.

    :raises AdapterError: it is for another model, or was damaged since.
    """
    try:
        config = _config((folder / CONFIG).read_bytes())
        tensors = load_file(folder / WEIGHTS)
    except (SafetensorError, OSError) as error:
        raise _damaged() from error
    return checked_adapter(config, tensors, fork)


def checked_adapter(config: Mapping[str, Any], tensors: Mapping[str, Tensor], fork: Fork) -> Adapter:
    """An adapter from its parts, checked against a model.

    :raises AdapterError: it does not fit.
    """
    kind = _kind(config)
    plain_config, plain = kind.read(config, dict(sorted(tensors.items())), fork)
    return Adapter(kind.name, plain_config, plain)


def write_adapter(adapter: Adapter, model_id: str) -> dict[str, bytes]:
    """The two files, as plain ``peft`` reads them (for the kinds that it has)."""
    tensors = {name: tensor.contiguous() for name, tensor in adapter.tensors.items()}
    config = full_config(adapter, model_id)
    return {WEIGHTS: save(tensors, {"format": "pt"}), CONFIG: json.dumps(config, indent=2, sort_keys=True).encode()}


def zip_of(files: Mapping[str, bytes]) -> bytes:
    """Files as a .zip, always the same bytes for the same files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def full_config(adapter: Adapter, model_id: str) -> dict[str, Any]:
    """The configuration with what PEFT needs to find the modules again."""
    config: dict[str, Any] = {
        "peft_type": KINDS[adapter.kind].types[0],
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": model_id,
        "inference_mode": True,
        **adapter.config,
    }
    if adapter.kind in ("lora", "ia3"):
        marks = (".lora_", ".ia3_l")
        paths = {name.partition(next(m for m in marks if m in name))[0] for name in adapter.tensors}
        config["target_modules"] = sorted(path.removeprefix("base_model.model.") for path in paths)
        config["fan_in_fan_out"] = False  # PEFT sets it for GPT-2's Conv1D itself
    return config


def _kind(config: Mapping[str, Any]) -> Kind:
    stated = str(config.get("peft_type", "")).rpartition(".")[2]
    for kind in KINDS.values():
        if stated in kind.types:
            return kind
    raise AdapterError(
        "The adapter is of the type {given!r}. These are read: {known}.",
        given=stated[:40],
        known=", ".join(name for kind in KINDS.values() for name in kind.types),
    )


def _config(content: bytes) -> dict[str, Any]:
    bad = AdapterError("adapter_config.json is not usable JSON. Export the adapter again.")
    if len(content) > MAX_CONFIG:
        raise bad
    try:
        config = json.loads(content.decode("utf-8-sig"))
        json.dumps(config, ensure_ascii=False).encode()  # half a surrogate pair cannot be shown
    except (ValueError, RecursionError) as error:
        raise bad from error
    if not isinstance(config, dict) or _deeper(config, MAX_DEPTH):
        raise bad
    return config


def _deeper(value: Any, levels: int) -> bool:
    inside = value.values() if isinstance(value, dict) else value
    return isinstance(value, dict | list) and (not levels or any(_deeper(item, levels - 1) for item in inside))


def _damaged() -> AdapterError:
    return AdapterError("adapter_model.safetensors is damaged or cut off. Export or upload it again.")


def _tensors(content: bytes) -> dict[str, Tensor]:
    """Tensors of a safetensors file: few enough, of floating point, finite, of sensible size."""
    # A header of 640 bytes starts like a pickle too, but then comes an object.
    pickled = (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
    if content[:2] in pickled and content[8:9] != b"{":
        raise AdapterError(
            "adapter_model.safetensors is really a pickle, and opening it could run code. Save "
            "the adapter as safetensors."
        )
    try:
        longest = min(len(content), MAX_HEADER)
        if len(content) >= 8 and struct.unpack("<Q", content[:8])[0] > longest:
            raise SafetensorError("the header is longer than the file, or than any adapter's")
        tensors = load(content)
    except (SafetensorError, ValueError, TypeError, KeyError, RuntimeError, OverflowError) as error:
        raise _damaged() from error
    if not 1 <= len(tensors) <= MAX_TENSORS:
        raise AdapterError(
            "The adapter has {count} tensors: 1 to {limit} are usable.", count=len(tensors), limit=MAX_TENSORS
        )
    for name, tensor in tensors.items():
        _check_numbers(name, tensor)
    return tensors


def _check_numbers(name: str, tensor: Tensor) -> None:
    if tensor.dtype not in FLOATS and not name.endswith(".ids"):
        raise AdapterError(
            "{name} is stored as {dtype}: float32, float16 and bfloat16 are read.",
            name=name[:120],
            dtype=str(tensor.dtype).removeprefix("torch."),
        )
    if tensor.numel() and not name.endswith(".ids"):
        largest = float(tensor.abs().max())
        if not largest <= LARGEST:  # NaN compares as false
            raise AdapterError(
                "{name} holds numbers that are not finite, or far too large. The training of "
                "this adapter went wrong; choose another.",
                name=name[:120],
            )
