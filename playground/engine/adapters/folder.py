"""Which of the files that a visitor gives are an adapter's, and what the others pretend to be.

Nothing is written to disk, and nothing but the adapter's own two files is looked into.
"""

from __future__ import annotations

import codecs
import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from playground.engine.adapters.base import AdapterError

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
MAX_MEMBERS = 512  # checkpoints of the training lie beside many an adapter
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".npy", ".joblib")


def adapter_names(names: Sequence[str]) -> dict[str, str]:
    """Which of a folder's files are an adapter's two: those highest up, since checkpoints of its
    training lie in folders below.

    :raises AdapterError: there are several adapters, one as high as the other.
    """
    folders: dict[PurePosixPath, dict[str, str]] = {}
    for name in names:
        path = _posix(name)
        if path.name in (WEIGHTS, CONFIG):
            own = folders.setdefault(path.parent, {})
            if path.name in own:
                raise _several(path.name)
            own[path.name] = name
    if not folders:
        return {}
    best = min(folders, key=lambda folder: (-len(folders[folder]), len(folder.parts)))
    for folder, own in folders.items():
        if folder != best and (len(own), len(folder.parts)) == (len(folders[best]), len(best.parts)):
            raise _several(next(iter(own)))
    return folders[best]


def _several(name: str) -> AdapterError:
    return AdapterError("There are several files named {name}. Give one adapter's folder.", name=name)


def incomplete(names: Mapping[str, str], files: Mapping[str, bytes]) -> AdapterError:
    """What to do about a folder that lacks one of the two files."""
    if WEIGHTS not in names:
        for name, content in files.items():
            if content.startswith(b"GGUF") or name.lower().endswith(".gguf"):
                return _gguf(_posix(name).name)
            if name.lower().endswith(PICKLES):
                return AdapterError(
                    "{name} is a pickle or may hold one, and opening it could run code. Save the "
                    "adapter as {wanted} and give that.",
                    name=_posix(name).name[:80],
                    wanted=WEIGHTS,
                )
    return AdapterError(
        "{missing} is missing. Give a .zip of the adapter's folder, or both "
        "adapter_model.safetensors and adapter_config.json.",
        missing=" and ".join(name for name in (WEIGHTS, CONFIG) if name not in names),
    )


def _posix(name: str) -> PurePosixPath:
    return PurePosixPath(name.replace("\\", "/"))


def _gguf(name: str) -> AdapterError:
    return AdapterError(
        "{name} is a GGUF file, which is llama.cpp's format. Give the adapter as PEFT saves it: "
        "adapter_model.safetensors and adapter_config.json.",
        name=name[:80],
    )


def check_is_itself(name: str, content: bytes) -> None:
    """Refuse what only has an adapter file's name, and say what it is.

    :raises AdapterError: a pointer of Git LFS, a web page or a GGUF.
    """
    start = content[:200].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if start.startswith(b"version https://git-lfs"):
        raise AdapterError(
            "{name} is a pointer of Git LFS, not the file itself. Get the file with git lfs pull, "
            "or with the model page's download button.",
            name=name,
        )
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise AdapterError(
            "{name} is a web page, not the file itself. Get the file with the page's download button.", name=name
        )
    if content.startswith(b"GGUF"):
        raise _gguf(name)


def unzipped(content: bytes, most: int) -> dict[str, bytes]:
    """The files of a .zip by name; those that are not an adapter's are not read, and empty.

    :param most: bytes that are unpacked.
    :raises AdapterError: it is damaged, locked, too large, or has names that leave its folder.
    """
    bad = AdapterError("The .zip is damaged, locked or not a .zip. Pack the folder again.")
    listed = content.count(b"PK\x01\x02")  # at least as many as zipfile would make objects of
    if listed > 2 * MAX_MEMBERS:
        raise _crowded(listed)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [info for info in archive.infolist() if not info.filename.endswith("/")]
            if len(members) > MAX_MEMBERS:
                raise _crowded(len(members))
            for info in members:
                _check_path(info.filename)
            wanted = set(adapter_names([info.filename for info in members]).values())
            files: dict[str, bytes] = {}
            for info in members:
                name, before = info.filename, sum(map(len, files.values()))
                files[name] = _bounded(archive, info, most, before) if name in wanted else b""
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError) as error:
        raise bad from error
    except (ValueError, struct.error, zlib.error) as error:
        raise bad from error
    return files


def _crowded(count: int) -> AdapterError:
    return AdapterError(
        "The .zip has {count} files: at most {limit} are taken. Pack the adapter's folder alone.",
        count=count,
        limit=MAX_MEMBERS,
    )


def _check_path(name: str) -> None:
    path = _posix(name)
    if path.is_absolute() or ".." in path.parts or ":" in name:
        raise AdapterError(
            "The .zip has a file that would land outside its folder: {name}. Pack it again.", name=name[:80]
        )


def _bounded(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int, before: int) -> bytes:
    """A member's bytes, no more than the limit."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile("zipfile unpacks bzip2 and LZMA whole, whatever is asked for")
    with archive.open(info) as member:
        content = member.read(most - before + 1)
    if before + len(content) > most:
        raise AdapterError(
            "Unpacked, the adapter has more than {limit} MB. Choose a lower rank or fewer targets.",
            limit=most // 1_000_000,
        )
    return content
