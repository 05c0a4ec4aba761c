"""Which layers a method changes, and the matrix in each that it changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from playground.engine.fork import Fork
from playground.engine.fork.ensemble import Ensemble
from playground.engine.fork.structure import Matrix, layers, mlp_outputs
from playground.errors import RecipeError

FactMethod = Literal["rome", "memit", "alphaedit", "ft"]
SEVERAL: tuple[FactMethod, ...] = ("memit", "alphaedit")  # methods that spread over layers
DEPTH = 0.27  # of a model, where nothing better is known: a little before facts are recalled
SPREAD = 4  # layers that a method of several changes, this one the last

# Measured (`make bench ARGS=facts`); by a base model's id.
CHOICES: dict[str, dict[FactMethod, tuple[int, ...]]] = {
    "smollm2-135m-instruct": {"rome": (5,), "ft": (8,), "memit": (5, 6, 7, 8), "alphaedit": (5, 6, 7, 8)}
}
CHOICES["HuggingFaceTB/SmolLM2-135M-Instruct"] = CHOICES["smollm2-135m-instruct"]


def usual(model_id: str, depth: int, method: FactMethod) -> tuple[int, ...]:
    """The layers that are changed if none are named.

    :param depth: how many layers the model has.
    """
    if model_id in CHOICES and max(CHOICES[model_id][method]) < depth:
        return CHOICES[model_id][method]
    last = min(depth - 1, round(DEPTH * depth))
    first = max(0, last - SPREAD + 1) if method in SEVERAL else last
    return tuple(range(first, last + 1))


def chosen(fork: Fork, method: FactMethod, named: Sequence[int]) -> list[Matrix]:
    """The MLP output matrices that a method changes, the first layer's first.

    :param named: layers counted from 0; empty for the usual ones, less those that were taken
        out of the model before.
    :raises RecipeError: a layer is not there, was taken out, or has no such matrix that is known;
        the recipe is an ensemble.
    """
    if hasattr(fork.model, Ensemble.NAME):
        raise RecipeError(
            "The recipe is an ensemble, and no single model of it can be taught a fact here. "
            "Switch that step off first."
        )
    depth, known = len(layers(fork.model)[1]), mlp_outputs(fork)
    matrices_of = []
    for layer in named or _left(fork, usual(fork.base.entry.id, depth, method)):
        if layer >= depth:
            raise RecipeError(
                "Layer {layer} is not in this model: its layers are 0 to {last}.", layer=layer, last=depth - 1
            )
        if layer in fork.dropped:
            raise RecipeError(
                "Layer {layer} was taken out of the model by an earlier step. Name another one.", layer=layer
            )
        if layer not in known:
            raise RecipeError(
                "Layer {layer} has no MLP whose output matrix is known here, so no fact can be "
                "written into it. Choose another model.",
                layer=layer,
            )
        matrices_of.append(known[layer])
    return matrices_of


def _left(fork: Fork, wanted: Sequence[int]) -> Sequence[int]:
    return [layer for layer in wanted if layer not in fork.dropped] or wanted
