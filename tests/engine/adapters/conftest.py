from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel, get_peft_model
from peft_made import config_of, make_noisy

from playground.engine.models.loader import Base


@pytest.fixture
def by_peft(tmp_path: Path) -> Callable[..., tuple[PeftModel, dict[str, bytes]]]:
    """A model with a noisy adapter of a method, by plain PEFT, and the adapter's two files."""

    def make(base: Base, method: str, seed: int = 1) -> tuple[PeftModel, dict[str, bytes]]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = get_peft_model(copy.deepcopy(base.model), config_of(method, base))
        make_noisy(model, seed)
        folder = tmp_path / f"{base.entry.id}-{method}-{seed}"
        model.save_pretrained(folder)
        wanted = ("adapter_config.json", "adapter_model.safetensors")
        return model, {name: (folder / name).read_bytes() for name in wanted}

    return make
