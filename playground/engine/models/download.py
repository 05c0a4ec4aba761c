"""Models and adapters of the Hub, safetensors only, where a Hub answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from playground.errors import Message, ModelError
from playground.hub import Repository, hub_answers
from playground.settings import settings

LISTING_SECONDS = 10.0  # a large model has many files
ADAPTER_FILES = ("adapter_model.safetensors", "adapter_config.json")
FILES = ("*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model", "*.jinja")


def download_model(hub_id: str, on_step: Callable[[Message], None], revision: str | None = None) -> Path:
    """The folder of a Hub model, from the local cache or fetched now.

    :param revision: the commit wanted, None for the newest.
    :raises ModelError: the Hub is off or unreachable, the id is unknown or gated, it has no
        safetensors, or they are larger than the host's memory budget.
    """
    repository = Repository(
        id=hub_id,
        files=FILES,
        revision=revision,
        seconds=LISTING_SECONDS,
        unknown=ModelError("There is no model {model} on the hub. Check the spelling: owner/name.", model=hub_id),
        gated=ModelError(
            "{model} asks its users to accept terms first. Accept them on its page and set "
            "HF_TOKEN on this host, or choose another model.",
            model=hub_id,
        ),
        failed=ModelError(
            "Downloading {model} failed before it was complete. Try again in a moment, or choose a packaged model.",
            model=hub_id,
        ),
    )
    folder = repository.stored()
    if folder is not None and _is_complete(folder):
        return folder
    if not hub_answers():
        raise ModelError(
            "The model hub cannot be reached from this machine, and {model} is not stored here. "
            "Choose a packaged model, or try again with a connection.",
            model=hub_id,
        )
    _check_sizes(hub_id, repository.sizes())
    on_step(Message("Downloading {model}…", {"model": hub_id}))
    return repository.download()


def download_adapter(hub_id: str, most: int) -> Path:
    """The folder of a Hub adapter: its configuration and its safetensors, nothing else.

    :param most: bytes that they may have.
    :raises ModelError: the host allows no such id, or the Hub does not give it.
    """
    if settings().hub != "any":
        raise ModelError(
            "This host takes no adapters from the model hub (PLAYGROUND_HUB is {policy}). Choose a "
            "shipped one, or upload yours.",
            policy=settings().hub,
        )
    failed = ModelError(
        "The adapter {model} could not be had from the model hub. Check the spelling "
        "(owner/name) and the connection, or upload its files.",
        model=hub_id,
    )
    repository = Repository(id=hub_id, files=ADAPTER_FILES, seconds=LISTING_SECONDS, failed=failed)
    sizes = repository.sizes() if hub_answers() else {}
    if sum(sizes.get(name, 0) for name in ADAPTER_FILES) > most:
        raise ModelError(
            "The adapter {model} is larger than {limit} MB. Choose a smaller one.",
            model=hub_id,
            limit=most // 1_000_000,
        )
    return repository.download()


def _is_complete(folder: Path) -> bool:
    """Whether every weights file that a stored model names is there."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        needed = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    else:
        needed = {"model.safetensors"}
    return all((folder / name).is_file() for name in needed)


def _check_sizes(hub_id: str, sizes: dict[str, int]) -> None:
    """Refuse before downloading: no safetensors, or more of them than fit."""
    weights = [size for name, size in sizes.items() if name.endswith(".safetensors")]
    if not weights:
        raise ModelError(
            "{model} has no safetensors files, and pickled weights are never opened here. "
            "Choose a model that is published as safetensors.",
            model=hub_id,
        )
    if sum(weights) > settings().memory_bytes:
        raise ModelError(
            "{model} is {size:.1f} GB, above this host's {limit:.1f} GB for models. Choose a "
            "smaller one, or raise PLAYGROUND_MEMORY_GB.",
            model=hub_id,
            size=sum(weights) / 1e9,
            limit=settings().memory_bytes / 1e9,
        )
