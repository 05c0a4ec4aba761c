"""What the tests of merging make: tensors, recipes, and checkpoints whose every number is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from playground.engine.build import build
from playground.engine.fork import Fork
from playground.engine.merging import METHODS as ALL_METHODS
from playground.engine.models.loader import Base
from playground.engine.recipe import parse

SHAPES = [(1,), (23,), (1, 1), (6, 9)]
SIBLINGS = (1, 2, 3)


def drawn(shape: tuple[int, ...], count: int = 4, seed: int = 0) -> list[torch.Tensor]:
    """Some float64 tensors: the first is the base, and the others lie around it."""
    generator = torch.Generator().manual_seed(seed)
    made = [torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(count)]
    return [made[0], *(made[0] + 0.5 * one for one in made[1:])]


def numpy_of(*tensors: torch.Tensor) -> list[np.ndarray]:
    return [tensor.detach().double().numpy().copy() for tensor in tensors]


def options(
    weight: list[float], density: list[float] | tuple = (), normalize: bool = True, **more: Any
) -> dict[str, Any]:
    """What a method is told about a tensor, as a merge would tell it."""
    return {"weight": weight, "density": density, "normalize": normalize, "t": 1.0, **more}


# Tensor by tensor
METHODS = {name: method for name, method in ALL_METHODS.items() if not method.whole}


# Recipes


def recipe(*edits: dict[str, Any], model: str = "tiny-llama") -> dict[str, Any]:
    return {"model": model, "edits": list(edits)}


def pruned(seed: int = 1, sparsity: float = 0.4, **more: Any) -> dict[str, Any]:
    """An edit that changes every matrix in the layers in a way of its own."""
    return {"kind": "prune", "method": "random", "sparsity": sparsity, "seed": seed, **more}


def merge(*models: dict[str, Any], method: str = "linear", **more: Any) -> dict[str, Any]:
    return {"kind": "merge", "method": method, "models": list(models), **more}


def of(model: dict[str, Any] | str, **more: Any) -> dict[str, Any]:
    """A model in a merge: a recipe, or the id of a model as it is."""
    return {"recipe": recipe(model=model) if isinstance(model, str) else model, **more}


def built(*edits: dict[str, Any], model: str = "tiny-llama") -> Fork:
    return build(parse(recipe(*edits, model=model))).fork


def named(base: Base) -> list[str]:
    return [name for name, _ in base.model.named_parameters(remove_duplicate=False)]


def weights(fork: Fork) -> dict[str, np.ndarray]:
    """Every parameter that a fork has, tied ones under both names."""
    known = [name for name in named(fork.base) if fork.has(name)]
    return {name: numpy_of(fork.tensor(name))[0] for name in known}


def weights_of(given: dict[str, Any]) -> dict[str, np.ndarray]:
    return weights(build(parse(given)).fork)


def close(found: dict[str, np.ndarray], truth: dict[str, np.ndarray], atol: float = 1e-6) -> None:
    assert found.keys() == truth.keys()
    for name, value in truth.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=atol, err_msg=name)


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[n], other[n]) for n in one)


# Checkpoints


def noisy(base: Base, seed: int) -> dict[str, torch.Tensor]:
    """Another model's parameters, as a checkpoint has them: a tied head is left out."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: p.detach() + 0.1 * torch.randn(p.shape, generator=generator).to(p.dtype)
        for name, p in base.model.named_parameters()
    }


def saved(tensors: dict[str, torch.Tensor], path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: t.contiguous() for name, t in tensors.items()}, path, {"format": "pt"})
    return path
