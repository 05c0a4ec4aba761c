"""An adapter's two files, in PEFT's layout, from bytes and to bytes. Never a pickle.

What a visitor uploads is bounded and checked here before any of it is used; nothing is written
to disk.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, load_file, save
from torch import Tensor

from playground.engine.adapters import KINDS
from playground.engine.adapters.base import Adapter, AdapterError, Kind
from playground.engine.fork import Fork

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
MAX_UPLOAD = 64_000_000  # bytes, packed or unpacked
MAX_CONFIG = 100_000
MAX_DEPTH = 16  # of lists and objects inside each other in a configuration
MAX_HEADER = 2_000_000  # bytes that list the tensors; objects for empty ones take 30 times it
MAX_MEMBERS = 64
MAX_TENSORS = 4_000
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".npy", ".joblib")
FLOATS = (torch.float32, torch.float16, torch.bfloat16)
LARGEST = 1e5  # of a number in an adapter; trained ones are below 100


def read(files: Mapping[str, bytes], fork: Fork) -> Adapter:
    """An adapter from its two files, or from a .zip with them, checked against a model.

    :param files: content by name; folders before the names do not matter.
    :raises AdapterError: what is wrong, each thing with its own message.
    """
    total = sum(map(len, files.values()))
    if total > MAX_UPLOAD:
        raise AdapterError(
            "The adapter has {size} MB: at most {limit} MB are taken. Choose a lower rank or "
            "fewer targets.",
            size=-(-total // 1_000_000),
            limit=MAX_UPLOAD // 1_000_000,
        )
    names = {PurePosixPath(name).name: name for name in files}
    zipped = [name for name in names if name.lower().endswith(".zip")]
    if zipped:
        return read(_unzipped(files[names[zipped[0]]]), fork)
    for name in names:
        if name.lower().endswith(PICKLES):
            raise AdapterError(
                "{name} is a pickle or may hold one, and opening it could run code. Save the "
                "adapter as {wanted} and give that.",
                name=name[:80],
                wanted=WEIGHTS,
            )
    missing = [name for name in (WEIGHTS, CONFIG) if name not in names]
    if missing:
        raise AdapterError(
            "{missing} is missing. Give a .zip of the adapter's folder, or both "
            "adapter_model.safetensors and adapter_config.json.",
            missing=" and ".join(missing),
        )
    config = _config(files[names[CONFIG]])
    return checked(config, _tensors(files[names[WEIGHTS]]), fork)


def read_stored(folder: Path, fork: Fork) -> Adapter:
    """An adapter that was checked before it was stored here; its file is memory-mapped.

    :raises AdapterError: it is for another model, or was damaged since.
    """
    try:
        config = _config((folder / CONFIG).read_bytes())
        tensors = load_file(folder / WEIGHTS)
    except (SafetensorError, OSError) as error:
        raise _damaged() from error
    return checked(config, tensors, fork)


def checked(config: Mapping[str, Any], tensors: Mapping[str, Tensor], fork: Fork) -> Adapter:
    """An adapter from its parts, checked against a model.

    :raises AdapterError: it does not fit.
    """
    kind = _kind(config)
    kept, plain = kind.read(config, dict(sorted(tensors.items())), fork)
    return Adapter(kind.name, kept, plain)


def write(adapter: Adapter, model_id: str) -> dict[str, bytes]:
    """The two files, as plain ``peft`` reads them (for the kinds that it has)."""
    tensors = {name: tensor.contiguous() for name, tensor in adapter.tensors.items()}
    config = full_config(adapter, model_id)
    return {
        WEIGHTS: save(tensors, {"format": "pt"}),
        CONFIG: json.dumps(config, indent=2, sort_keys=True).encode(),
    }


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
        "peft_type": KINDS[adapter.kind].types[0], "task_type": "CAUSAL_LM",
        "base_model_name_or_path": model_id, "inference_mode": True, **adapter.config,
    }  # fmt: skip
    if adapter.kind in ("lora", "ia3"):
        marks = (".lora_", ".ia3_l")
        paths = {name.partition(next(m for m in marks if m in name))[0] for name in adapter.tensors}
        config["target_modules"] = sorted(path.removeprefix("base_model.model.") for path in paths)
        config["fan_in_fan_out"] = False  # PEFT sets it for GPT-2's Conv1D itself
    return config


def _kind(config: Mapping[str, Any]) -> Kind:
    given = str(config.get("peft_type", "")).rpartition(".")[2]
    for kind in KINDS.values():
        if given in kind.types:
            return kind
    raise AdapterError(
        "The adapter is of the type {given!r}. These are read: {known}.",
        given=given[:40],
        known=", ".join(name for kind in KINDS.values() for name in kind.types),
    )


def _config(content: bytes) -> dict[str, Any]:
    bad = AdapterError("adapter_config.json is not usable JSON. Export the adapter again.")
    if len(content) > MAX_CONFIG:
        raise bad
    try:
        found = json.loads(content.decode("utf-8"))
        json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair cannot be shown
    except (ValueError, RecursionError) as error:
        raise bad from error
    if not isinstance(found, dict) or _deeper(found, MAX_DEPTH):
        raise bad
    return found


def _deeper(value: Any, levels: int) -> bool:
    inside = value.values() if isinstance(value, dict) else value
    return isinstance(value, dict | list) and (
        not levels or any(_deeper(one, levels - 1) for one in inside)
    )


def _damaged() -> AdapterError:
    return AdapterError(
        "adapter_model.safetensors is damaged or cut off. Export or upload it again."
    )


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
    except (
        SafetensorError, ValueError, TypeError, KeyError, RuntimeError, OverflowError,
    ) as error:  # fmt: skip
        raise _damaged() from error
    if not 1 <= len(tensors) <= MAX_TENSORS:
        raise AdapterError(
            "The adapter has {count} tensors: 1 to {limit} are usable.",
            count=len(tensors),
            limit=MAX_TENSORS,
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


def _unzipped(content: bytes) -> dict[str, bytes]:
    """The files of a .zip, none of them written anywhere, read no further than the limit."""
    bad = AdapterError("The .zip is damaged, locked or not a .zip. Pack the folder again.")
    found: dict[str, bytes] = {}
    listed = content.count(b"PK\x01\x02")  # at least as many as zipfile would make objects of
    if listed > 16 * MAX_MEMBERS:
        raise _crowded(listed)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            if len(members) > MAX_MEMBERS:
                raise _crowded(len(members))
            for info in members:
                _check_path(info.filename)
                name = PurePosixPath(info.filename).name
                if name in (WEIGHTS, CONFIG) or name.lower().endswith(PICKLES):
                    if name in found:
                        raise AdapterError(
                            "The .zip has several files named {name}. Pack one adapter's folder.",
                            name=name[:80],
                        )
                    found[name] = _bounded(archive, info, sum(map(len, found.values())))
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError) as error:
        raise bad from error
    except (ValueError, struct.error, zlib.error) as error:
        raise bad from error
    return found


def _crowded(count: int) -> AdapterError:
    return AdapterError(
        "The .zip has {count} files: at most {limit} are taken. Pack the adapter's folder alone.",
        count=count,
        limit=MAX_MEMBERS,
    )


def _check_path(name: str) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name:
        raise AdapterError(
            "The .zip has a file that would land outside its folder: {name}. Pack it again.",
            name=name[:80],
        )


def _bounded(archive: zipfile.ZipFile, info: zipfile.ZipInfo, before: int) -> bytes:
    """A member's bytes; pickles are noticed by name and not read."""
    if info.filename.lower().endswith(PICKLES):
        return b""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile("zipfile unpacks bzip2 and LZMA whole, whatever is asked for")
    with archive.open(info) as member:
        content = member.read(MAX_UPLOAD - before + 1)
    if before + len(content) > MAX_UPLOAD:
        raise AdapterError(
            "Unpacked, the adapter has more than {limit} MB. Choose a lower rank or fewer targets.",
            limit=MAX_UPLOAD // 1_000_000,
        )
    return content
