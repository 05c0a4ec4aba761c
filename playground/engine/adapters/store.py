"""Where adapters are kept: the shipped ones, and visitors' own by a hash of their content and of
what is told of them, so that nobody's title is shown for another's upload.

Nothing here is ever listed: who has an adapter's id has the adapter.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Hashable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from playground import disk, owners
from playground.engine.adapters import files
from playground.engine.adapters.base import Adapter, AdapterError, MissingAdapterError
from playground.engine.fork import Fork
from playground.engine.models.download import download_adapter
from playground.engine.models.loader import CACHE
from playground.settings import settings

SHIPPED = Path(__file__).resolve().parents[3] / "assets" / "adapters"
ABOUT = "about.json"
MAX_STORED = 200  # then whoever has most loses the one used least recently
MAX_STORED_BYTES = 4_000_000_000
_OWN = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class About:
    """What a visitor is told of an adapter.

    :param made: how: ``uploaded``, ``trained``, ``extracted``, ``lab``, ``shipped`` or ``hub``.
    :param model: id of the model that it is for.
    """

    title: str
    made: str
    model: str
    method: str = ""


@dataclass(frozen=True, eq=False)
class _Loaded:
    """An adapter in the cache."""

    adapter: Adapter

    def storages(self) -> dict[Hashable, int]:
        return {t.data_ptr(): t.nbytes for t in self.adapter.tensors.values()}


@cache
def shipped() -> dict[str, About]:
    """The adapters that come with the project, by name."""
    titles = {}
    for folder in sorted(SHIPPED.iterdir()) if SHIPPED.is_dir() else ():
        if (folder / ABOUT).is_file():
            titles[folder.name] = About(**json.loads((folder / ABOUT).read_text(encoding="utf-8")))
    return titles


def keep_adapter(adapter: Adapter, about: About, most: int | None = None, owner: str | None = None) -> str:
    """Store an adapter; the same content with the same title is stored once.

    :param most: how many made in the same way are kept, today's too: the one used least recently
        goes. None: as many as there is room for.
    :param owner: see ``owners``; None: the one for whom this thread works.
    :return: its id.
    :raises AdapterError: it is larger than all that the host keeps.
    :raises DiskError: the host's disk refuses.
    """
    card = json.dumps(asdict(about))
    name = hashlib.sha256(f"{adapter.id} {card}".encode("utf-8", "replace")).hexdigest()[:32]
    folder = _home() / name
    if (folder / ABOUT).is_file():
        with disk.writing():
            owners.note_owner(folder, owner)
        disk.touch(folder)
        return name
    sweep_adapters()
    if most is not None:
        _thin_out(about.made, most)
    if not disk.make_room(_home(), MAX_STORED, MAX_STORED_BYTES, adapter.nbytes()):
        raise AdapterError(
            "The adapter has {size} MB: this host keeps {limit} MB for all. Choose a lower rank.",
            size=adapter.nbytes() // 1_000_000,
            limit=MAX_STORED_BYTES // 1_000_000,
        )
    disk.remove(folder)  # half of one, as earlier versions could leave
    with disk.aside(folder, folder=True) as part:
        for file, content in files.write_adapter(adapter, about.model).items():
            (part / file).write_bytes(content)
        (part / ABOUT).write_text(card, encoding="utf-8")
        owners.note_owner(part, owner)
    return name


def sweep_adapters() -> None:
    """Delete the adapters that nobody used for too long."""
    disk.sweep(_home())


def _thin_out(made: str, most: int) -> None:
    """Delete those made in one way that were used least recently, until one more may be stored."""
    folders = []
    for folder in _home().iterdir() if _home().is_dir() else ():
        known = about(folder.name)
        if known is not None and known.made == made:
            folders.append((folder.stat().st_mtime, folder))
    for _, folder in sorted(folders)[: max(0, len(folders) - most + 1)]:
        disk.remove(folder)


def about(source: str) -> About | None:
    """What is known of an adapter, None where it is not on this host (any more)."""
    if source in shipped():
        return shipped()[source]
    if _OWN.fullmatch(source):
        try:
            return About(**json.loads((_home() / source / ABOUT).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
    return About(source, "hub", "") if "/" in source else None


def load_adapter(source: str, fork: Fork) -> Adapter:
    """An adapter by the name that recipes give it, checked against a model.

    :param source: a shipped one's name, an own one's id, or a Hub id (``owner/name``).
    :raises AdapterError: it is not there, not readable, or for another model.
    :raises ModelError: the Hub does not give it.
    """
    key = ("adapter", source, fork.base.entry.id)
    loaded = CACHE.get_or_build(key, lambda: _Loaded(_read(source, fork)))
    if _OWN.fullmatch(source):
        disk.touch(_home() / source)
    return loaded.adapter


def _read(source: str, fork: Fork) -> Adapter:
    if "/" in source:
        return files.read_adapter(_contents(download_adapter(source, files.MAX_UPLOAD)), fork)
    if source in shipped():
        return files.read_adapter(_contents(SHIPPED / source), fork)
    folder = _home() / source
    if not _OWN.fullmatch(source) or not (folder / ABOUT).is_file():
        raise MissingAdapterError(
            "The adapter {name} is not on this host: it was made elsewhere, or nobody used it "
            "for {days} days. Upload or train it again, or choose one of {shipped}.",
            name=source[:60],
            days=disk.MAX_DAYS,
            shipped=", ".join(shipped()) or "your own",
        )
    return files.read_stored(folder, fork)


def stored_bytes(source: str) -> int:
    """What a visitor's own adapter takes on this host's disk."""
    return disk.size_of(_home() / source) if is_own_adapter(source) else 0


def _contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in (files.WEIGHTS, files.CONFIG) if (folder / name).is_file()}


def folder_of(source: str) -> dict[str, bytes]:
    """The files of a shipped or own adapter, for a visitor to take away.

    :raises AdapterError: it is not on this host.
    """
    folder = SHIPPED / source if source in shipped() else _home() / source
    if not (source in shipped() or _OWN.fullmatch(source)) or not (folder / ABOUT).is_file():
        raise AdapterError("This adapter is not on this host any more. Train or upload it again.")
    return _contents(folder)


def _home() -> Path:
    return settings().home / "adapters"


def is_own_adapter(text: Any) -> bool:
    """Whether a text has the form of an own adapter's id."""
    return _OWN.fullmatch(str(text)) is not None
