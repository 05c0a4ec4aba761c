from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from merge_made import SIBLINGS, noisy
from torch import nn

from playground.engine.adapters import lora, store
from playground.engine.adapters.base import linear_layers
from playground.engine.fork import Fork
from playground.engine.models import catalog, loader
from playground.engine.models.loader import CACHE, Base
from playground.settings import settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of the test's own."""
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()


@pytest.fixture(scope="session")
def made() -> dict[str, Base]:
    """The siblings that a test asked for so far."""
    return {}


@pytest.fixture
def siblings(known, made: dict[str, Base], monkeypatch: pytest.MonkeyPatch) -> None:
    """``tiny-llama-1`` and the like: models of a layout with other numbers everywhere."""
    real, names = loader._load, {f"{name}-{n}": (name, n) for name in known.names for n in SIBLINGS}

    def load(entry: catalog.ModelEntry, on_step: Callable) -> Base:
        if entry.id not in names:
            return real(entry, on_step)
        if entry.id not in made:
            name, seed = names[entry.id]
            base = known.fresh(name)
            for key, tensor in noisy(base, seed).items():
                base.model.get_parameter(key).data = tensor
            made[entry.id] = replace(base, entry=entry)
        return made[entry.id]

    monkeypatch.setattr(catalog, "PRESETS", (*catalog.PRESETS, *map(known.entry, names)))
    monkeypatch.setattr(loader, "_load", load)


@pytest.fixture
def in_bfloat16(known, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny models can be named in a recipe, and their weights are bfloat16."""
    fresh: dict[str, Base] = {}

    def load(entry: catalog.ModelEntry, on_step: Callable) -> Base:
        if entry.id not in fresh:
            fresh[entry.id] = known.fresh(entry.id, torch.bfloat16)
        return fresh[entry.id]

    monkeypatch.setattr(loader, "_load", load)
    CACHE.clear()


@pytest.fixture
def adapter(home: Path) -> Callable[..., str]:
    """The id of a LoRA with random numbers on every matrix in a model's layers."""

    def make(base: Base, seed: int = 1, rank: int = 3) -> str:
        generator = torch.Generator().manual_seed(seed)
        thin = {}
        for path, matrix in linear_layers(Fork(base)).items():
            rows, columns = matrix.shape[::-1] if matrix.transposed else matrix.shape
            down = torch.randn(rank, columns, generator=generator)
            up = torch.randn(rows, rank, generator=generator)
            thin[path] = 0.2 * down, 0.2 * up
        return store.keep_adapter(lora.make(thin), store.About("Mine", "uploaded", base.entry.id, "lora"))

    return make


@pytest.fixture
def answers() -> Callable[[nn.Module, list[int]], torch.Tensor]:
    """(length, vocab) logits of a bare model, read at once."""

    @torch.inference_mode()
    def run(model: nn.Module, ids: list[int]) -> torch.Tensor:
        return model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]

    return run
