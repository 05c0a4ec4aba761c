"""Fetching a model from the Hub, safetensors only, where a Hub answers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import httpx2 as httpx  # the one that huggingface_hub uses
from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)
from huggingface_hub.utils import validate_repo_id

from playground.errors import Message, ModelError
from playground.settings import settings

ANSWER_SECONDS = 3.0  # how long the Hub may take to say anything
REMEMBER_SECONDS = 60.0
ADAPTER_FILES = ("adapter_model.safetensors", "adapter_config.json")
FILES = ("*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model", "*.jinja")
_last_look: tuple[float, bool] | None = None


def hub_answers() -> bool:
    """Whether the Hub can be reached from here; looked at most once a minute."""
    global _last_look
    now = time.monotonic()
    if _last_look is None or now - _last_look[0] > REMEMBER_SECONDS:
        _last_look = (now, _answers_now())
    return _last_look[1]


def _answers_now() -> bool:
    if constants.HF_HUB_OFFLINE:
        return False
    try:
        httpx.head(constants.ENDPOINT, timeout=ANSWER_SECONDS)
    except httpx.HTTPError:
        return False
    return True


def download(hub_id: str, on_step: Callable[[Message], None], revision: str | None = None) -> Path:
    """The folder of a Hub model, from the local cache or fetched now.

    :param revision: the commit wanted, None for the newest.
    :raises ModelError: the Hub is off or unreachable, the id is unknown or gated, it has no
        safetensors, or they are larger than the host's memory budget.
    """
    try:
        validate_repo_id(hub_id)
    except HFValidationError as error:
        raise ModelError(
            "There is no model {model} on the hub. Check the spelling: owner/name.", model=hub_id
        ) from error
    cached = _cached(hub_id, revision)
    if cached is not None:
        return cached
    if not hub_answers():
        raise ModelError(
            "The model hub cannot be reached from this machine, and {model} is not stored here. "
            "Choose a packaged model, or try again with a connection.",
            model=hub_id,
        )
    try:
        _check_files(hub_id, revision)
        on_step(Message("Downloading {model}…", {"model": hub_id}))
        return Path(snapshot_download(hub_id, revision=revision, allow_patterns=list(FILES)))
    except GatedRepoError as error:
        raise ModelError(
            "{model} asks its users to accept terms first. Accept them on its page and set "
            "HF_TOKEN on this host, or choose another model.",
            model=hub_id,
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelError(
            "There is no model {model} on the hub. Check the spelling: owner/name.", model=hub_id
        ) from error
    except (HfHubHTTPError, httpx.HTTPError, OSError) as error:
        raise ModelError(
            "Downloading {model} failed before it was complete. Try again in a moment, or choose a packaged model.",
            model=hub_id,
        ) from error


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
    try:
        validate_repo_id(hub_id)
        if hub_answers():
            listed = HfApi().model_info(hub_id, files_metadata=True, timeout=10).siblings or []
            wanted = [file.size or 0 for file in listed if file.rfilename in ADAPTER_FILES]
            if sum(wanted) > most:
                raise ModelError(
                    "The adapter {model} is larger than {limit} MB. Choose a smaller one.",
                    model=hub_id,
                    limit=most // 1_000_000,
                )
        return Path(snapshot_download(hub_id, allow_patterns=list(ADAPTER_FILES)))
    except (HfHubHTTPError, HFValidationError, httpx.HTTPError, OSError) as error:
        raise ModelError(
            "The adapter {model} could not be had from the model hub. Check the spelling "
            "(owner/name) and the connection, or upload its files.",
            model=hub_id,
        ) from error


def _cached(hub_id: str, revision: str | None) -> Path | None:
    """The stored copy of a model, when every weights file that it names is there."""
    try:
        path = snapshot_download(hub_id, revision=revision, allow_patterns=list(FILES), local_files_only=True)
    except (LocalEntryNotFoundError, OSError):
        return None
    folder = Path(path)
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        needed = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    else:
        needed = {"model.safetensors"}
    return folder if all((folder / name).is_file() for name in needed) else None


def _check_files(hub_id: str, revision: str | None) -> None:
    """Refuse before downloading: no safetensors, or more of them than fit."""
    info = HfApi().model_info(hub_id, revision=revision, files_metadata=True, timeout=10)
    listed = info.siblings or []
    sizes = [file.size or 0 for file in listed if file.rfilename.endswith(".safetensors")]
    if not sizes:
        raise ModelError(
            "{model} has no safetensors files, and pickled weights are never opened here. "
            "Choose a model that is published as safetensors.",
            model=hub_id,
        )
    if sum(sizes) > settings().memory_bytes:
        raise ModelError(
            "{model} is {size:.1f} GB, above this host's {limit:.1f} GB for models. Choose a "
            "smaller one, or raise PLAYGROUND_MEMORY_GB.",
            model=hub_id,
            size=sum(sizes) / 1e9,
            limit=settings().memory_bytes / 1e9,
        )
