"""Checkpoints to merge: uploaded ones by a hash of their content, those that the host put into its
folder by their name, and the Hub's by ``owner/name``.

A checkpoint is a folder of safetensors files, and may have a ``tokenizer.json``, of which only the
tokens' texts and numbers are read. Nothing else of it is.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from playground import disk, owners
from playground.engine.fork import Fork
from playground.engine.merging.method import MergeError
from playground.engine.merging.parents import Checkpoint, Variant, check_alike, file_name, open_files
from playground.engine.merging.stored_names import own_names
from playground.engine.models import catalog, download
from playground.engine.work import QUIET, Work
from playground.errors import Message, MissingError
from playground.settings import settings

TOKENIZER = "tokenizer.json"
MAX_FILE = 600_000_000  # bytes of an upload
MAX_FILES = 8
MAX_TOKENIZER = 40_000_000  # bytes
MAX_STORED, MAX_STORED_BYTES = 20, 6_000_000_000
NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}")
OWN = re.compile(r"[0-9a-f]{32}")
CHUNK = 1 << 20


class MissingCheckpointError(MergeError, MissingError):
    """A checkpoint is not on this host now; it may be again."""


def checkpoint_folder(name: str) -> Path:
    """Where a checkpoint's files are.

    :raises MissingCheckpointError: it is not on this host.
    :raises ModelError: the Hub does not give it, or this host takes nothing from there.
    """
    if "/" in name:
        entry = catalog.find_model(name)
        return download.download_model(entry.hub_id or name, lambda step: None, entry.revision)
    path = _place(name)
    if not has(name):
        raise MissingCheckpointError(
            "The checkpoint {name} is not on this host: it was uploaded elsewhere, or nobody used "
            "it for {days} days. Upload it again.",
            name=name[:60],
            days=disk.MAX_DAYS,
        )
    disk.touch(path)
    return path


def _place(name: str) -> Path:
    """Visitors' own are swept away when unused, the host's are not."""
    return (uploads() if OWN.fullmatch(name) else home()) / name


def has(name: str) -> bool:
    """Whether a checkpoint is on this host."""
    return NAME.fullmatch(name) is not None and any(_place(name).glob("*.safetensors"))


def of_host() -> list[str]:
    """Those that the host put into the folder, by name; visitors' own are never listed."""
    folders = sorted(home().iterdir()) if home().is_dir() else []
    return [path.name for path in folders if has(path.name)]


def opened(name: str, like: Fork, stack: ExitStack, work: Work = QUIET) -> Checkpoint:
    """A checkpoint, memory-mapped until the stack is closed.

    :raises MergeError: it is not there, not readable, or no model's weights.
    :raises Stopped: ``work`` says so.
    """
    return _opened(name, sorted(checkpoint_folder(name).iterdir()), like, stack, work)


def _opened(label: str, paths: Sequence[Path], like: Fork, stack: ExitStack, work: Work) -> Checkpoint:
    weights = [path for path in paths if path.suffix == ".safetensors"]
    tokenizer = next((path for path in paths if path.name == TOKENIZER), None)
    tokens = None if tokenizer is None else read_tokens(tokenizer)
    files = open_files(weights, stack, work)
    return Checkpoint(label=label, files=files, names=own_names(files, like, label), like=like, tokens=tokens)


def keep_checkpoint(paths: Sequence[Path], like: Fork, work: Work = QUIET) -> str:
    """Check uploaded files against a model and store them; the same content is stored once.

    :param paths: one or several safetensors files, and perhaps a tokenizer.json.
    :return: the checkpoint's name.
    :raises MergeError: they are not usable.
    :raises DiskError: the host's disk refuses.
    :raises Stopped: ``work`` says so; nothing is kept.
    """
    weights = [path for path in paths if path.suffix == ".safetensors"]
    strange = [path.name for path in paths if path not in weights and path.name != TOKENIZER]
    if not weights or strange or len(paths) > MAX_FILES:
        raise MergeError(
            "A checkpoint is 1 to {limit} .safetensors files, and its tokenizer.json if it has "
            "another vocabulary. Choose those.",
            limit=MAX_FILES - 1,
        )
    total, most = sum(path.stat().st_size for path in paths), min(MAX_FILE, MAX_STORED_BYTES)
    if total > most:
        raise MergeError(
            "The checkpoint has {given} MB: at most {limit} can be uploaded.",
            given=total // 1_000_000,
            limit=most // 1_000_000,
        )
    _check(paths, like, work)
    name = _digest(paths, work)
    target = uploads() / name
    if not target.is_dir():
        sweep_checkpoints()
        disk.make_room(uploads(), MAX_STORED, MAX_STORED_BYTES, total)
        _store(paths, target)
    with disk.writing():
        owners.note_owner(target)
    disk.touch(target)
    return name


def sweep_checkpoints() -> None:
    """Delete the uploads that nobody used for too long."""
    disk.sweep(uploads())


def _check(paths: Sequence[Path], like: Fork, work: Work) -> None:
    """That it can be merged with the model, and that every value is a number."""
    with ExitStack() as stack:
        label = next(file_name(path) for path in paths if path.suffix == ".safetensors")
        checkpoint = _opened(label, paths, like, stack, work)
        check_alike(Variant(like.base.entry.id, like), [checkpoint], by_text=checkpoint.tokens is not None)
        names = list(checkpoint.names)
        for done, name in enumerate(names):
            work.step(done, len(names), Message("Checking {name}…", {"name": name}))
            checkpoint.tensor(name)


def _digest(paths: Sequence[Path], work: Work) -> str:
    digest = hashlib.sha256()
    for path in _by_name(paths):
        digest.update(f"{path.name} {path.stat().st_size}\n".encode())
        with path.open("rb") as file:
            while piece := file.read(CHUNK):
                digest.update(piece)
        work.step(0, 1, Message("Checking {name}…", {"name": file_name(path)}))
    return digest.hexdigest()[:32]


def _by_name(paths: Sequence[Path]) -> list[Path]:
    """Whatever folders an upload put them into."""
    return sorted(paths, key=lambda path: path.name)


def _store(paths: Sequence[Path], target: Path) -> None:
    """Copy files aside, then put the folder in place."""
    with disk.aside(target, folder=True) as part:
        for number, path in enumerate(_by_name(paths)):
            tokens = path.name == TOKENIZER
            shutil.copyfile(path, part / (TOKENIZER if tokens else f"{number}.safetensors"))


def read_tokens(path: Path) -> dict[str, int]:
    """The tokens of a tokenizer.json and their numbers.

    :raises MergeError: it is not one.
    """
    bad = MergeError("The tokenizer.json cannot be read. Upload the one that belongs to the model.")
    try:
        if path.stat().st_size > MAX_TOKENIZER:
            raise bad
        data = json.loads(path.read_text(encoding="utf-8"))
        vocabulary: Any = data["model"]["vocab"]
        pairs = (
            vocabulary.items()
            if isinstance(vocabulary, dict)
            else ((entry[0], index) for index, entry in enumerate(vocabulary))
        )
        added = ((token["content"], token["id"]) for token in data.get("added_tokens") or ())
        tokens = dict([*pairs, *added])
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise bad from error
    if not all(isinstance(text, str) and type(id) is int and id >= 0 for text, id in tokens.items()):
        raise bad
    return tokens


def home() -> Path:
    """The folder into which the host may put checkpoints, each a folder with a name."""
    return settings().home / "checkpoints"


def uploads() -> Path:
    """The folder of uploaded ones."""
    return settings().home / "uploaded-checkpoints"
