"""Merging as a whole: layers stacked, LoRAs put side by side, answers averaged."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from playground.engine.adapters.base import linear_layers, make_plain
from playground.engine.fork import Fork, TensorChange
from playground.engine.fork.ensemble import Ensemble
from playground.engine.fork.module_tree import DroppedLayer, besides, shared_clone
from playground.engine.fork.side_layers import LowRank
from playground.engine.fork.structure import layers as layers_of
from playground.engine.fork.structure import parameters
from playground.engine.merging.method import MOST, MergeError, merge_method, shares
from playground.engine.merging.parents import Parent, Variant, check_bases, check_mergeable
from playground.engine.merging.run import places
from playground.engine.models.loader import Base

MOST_LAYERS = 128


@merge_method("passthrough", paper="Kim et al. 2023", whole=True)
def passthrough(
    fork: Fork, parents: Sequence[Parent], *, layers: Sequence[tuple[int, int] | None], ends: str = "own"
) -> list[TensorChange]:
    """Stack ranges of layers of several models, or of one again and again (depth up-scaling, Kim et
    al. 2023).

    Layers are shared, not copied, so a repeated layer costs no memory for its weights.

    :param layers: first layer and the one after the last of each; None takes all.
    :param ends: what is outside the layers: "own", the fork's, or "slices": what is before them is
        the first model's and what is after them the last's, as in mergekit.
    :raises MergeError: a range is outside the model, or there are too many layers in all.
    """
    check_mergeable(fork)
    check_bases(fork, parents)
    path, before = layers_of(fork.model)
    stack: list[nn.Module] = []
    kinds: list[str | None] = []  # of attention, where a model has layers of several
    for parent, span in zip(parents, layers, strict=True):
        own = _forked(parent, fork, path, span)
        make_plain(own)
        own.fold()
        mine = layers_of(own.model)[1]
        first, after = span or (0, len(mine))
        if not 0 <= first < after <= len(mine):
            raise MergeError(
                "The layers {first} to {after} are not in {name}: it has the layers 0 to {last}. A "
                "range is the first layer and the one after the last.",
                first=first,
                after=after,
                name=parent.label,
                last=len(mine) - 1,
            )
        known = getattr(own.model.config, "layer_types", None) or [None] * len(mine)
        left = [n for n in range(first, after) if not isinstance(mine[n], DroppedLayer)]
        stack += [mine[n] for n in left]
        kinds += [known[n] for n in left]
    if not 1 <= len(stack) <= MOST_LAYERS:
        raise MergeError(
            "The layers are {given} in all: 1 to {limit} can be stacked.", given=len(stack), limit=MOST_LAYERS
        )
    make_plain(fork)
    fork.fold()
    names = [name for name, _ in stack[0].named_parameters()]
    old = {
        f"{path}.{index}.{name}": parameter
        for index, layer in enumerate(before)
        for name, parameter in layer.named_parameters()
    }
    _rest_on(fork, path, stack, kinds)
    changes = _take_ends(fork, parents[0], parents[-1]) if ends == "slices" else []
    for index in range(len(stack)):
        for name in names:
            whole = f"{path}.{index}.{name}"
            new, was = fork.tensor(whole), old.get(whole)
            if was is None or was.data_ptr() != new.data_ptr():
                moved = new.float() if was is None else new.float() - was.float()
                changes.append(TensorChange(whole, float(moved.norm())))
    return changes


def _forked(parent: Parent, fork: Fork, path: str, ends: tuple[int, int] | None) -> Fork:
    """A fork of a model, of which no layer but those of a range will be looked at."""
    if isinstance(parent, Variant):
        return parent.fork.clone()
    found = Fork(fork.base)
    first, after = ends or (0, len(layers_of(found.model)[1]))
    prefixes = tuple(f"{path}.{index}." for index in range(first, min(after, MOST_LAYERS)))
    for name in parent.shapes():
        if name.startswith(prefixes):
            found.replace(name, parent.tensor(name))
    return found


def _take_ends(fork: Fork, first: Parent, last: Parent) -> list[TensorChange]:
    """Put in what the first model has before its layers, and the last one after them.

    A tied pair stays one where the last model has one, too: it is the first's embedding.
    """
    changes = []
    head, embedding = fork.weight_name("output"), fork.weight_name("input")
    pair = fork.base.tied() and last.identity(head) == last.identity(embedding)
    where = places(fork)
    for parameter in [parameter for parameter in parameters(fork) if parameter.layer is None]:
        source = last if where[parameter.name] else first
        if pair and parameter.name == head:
            continue
        new, old = source.tensor(parameter.name), fork.tensor(parameter.name)
        if new.data_ptr() == old.data_ptr():
            continue
        size = float((new.float() - old.float()).norm())
        if pair and parameter.name == embedding:
            stored = nn.Parameter(new.to(old.dtype), requires_grad=False)
            fork.share([embedding, head], stored)
            changes.append(TensorChange(head, size))
        else:
            fork.replace(parameter.name, new)
        changes.append(TensorChange(parameter.name, size))
    return changes


def _rest_on(fork: Fork, path: str, stack: Sequence[nn.Module], kinds: Sequence[str | None]) -> None:
    """Give a fork a base of its own, with other layers."""
    model: Any = shared_clone(fork.model)
    config = copy.deepcopy(model.config)
    config.num_hidden_layers = len(stack)
    fresh = nn.ModuleList(shared_clone(layer) for layer in stack)
    for index, layer in enumerate(fresh):
        for module in layer.modules():
            if "layer_idx" in vars(module):
                module.layer_idx = index  # type: ignore[assignment]
    if getattr(config, "layer_types", None) is not None:
        config.layer_types = list(kinds)
    model.set_submodule(path, fresh)
    for module in model.modules():
        if "config" in vars(module):
            module.config = config
    model.eval().requires_grad_(False)
    base = fork.base
    fork.base = Base(entry=base.entry, model=model, tokenizer=base.tokenizer, notes=base.notes, root=base.root or base)
    fork.model, fork.dropped = shared_clone(model), ()
    fork.formats.clear()


@merge_method("concat", paper="", whole=True, in_mergekit=False)
def concat(fork: Fork, parents: Sequence[Parent], *, weight: Sequence[Any]) -> list[TensorChange]:
    """The LoRAs of several recipes side by side, kept apart: their changes are added up exactly.

    :raises MergeError: a recipe changes weights by something else than plain LoRAs.
    """
    variants, weights = _variants("concat", parents), _numbers("concat", weight)
    loras: dict[str, list[tuple[LowRank, float]]] = {}
    for parent, share in zip(variants, weights, strict=True):
        if parent.fork.base is not fork.base or parent.fork.dropped != fork.dropped:
            raise _not_loras(parent)
        for path in linear_layers(parent.fork):
            for beside in besides(parent.fork.model.get_submodule(path)):
                if not isinstance(beside, LowRank) or beside.stretch is not None:
                    raise _not_loras(parent)
                loras.setdefault(path, []).append((beside, share))
        if not all(torch.equal(parent.fork.held(n), fork.held(n)) for n in parent.shapes()):
            raise _not_loras(parent)
    changes = []
    for path, pairs in loras.items():
        name = f"{path}.weight"
        before = fork.tensor(name).float()
        down = torch.cat([lora.down for lora, _ in pairs])
        up = torch.cat([lora.up * (lora.scale * share) for lora, share in pairs], dim=1)

        def thin(inner: nn.Module, transposed: bool, down: Any = down, up: Any = up) -> LowRank:
            return LowRank(inner, transposed, down, up, 1.0)

        fork.wrap(name, thin)
        changes.append(TensorChange(name, float((fork.tensor(name).float() - before).norm())))
    return changes


def _not_loras(parent: Variant) -> MergeError:
    return MergeError(
        "{name} changes more than plain LoRAs kept apart do, or starts from another recipe than "
        "yours, so they cannot be put side by side. Choose another method.",
        name=parent.label,
    )


def _variants(method: str, parents: Sequence[Parent]) -> list[Variant]:
    variants = [parent for parent in parents if isinstance(parent, Variant)]
    if len(variants) < len(parents):
        raise MergeError("{method} works with recipes, not with checkpoints. Choose a recipe.", method=method)
    return variants


def _numbers(method: str, weight: Sequence[Any]) -> list[float]:
    if not all(isinstance(each, int | float) for each in weight):
        raise MergeError("{method} takes one weight for each model.", method=method)
    return [float(each) for each in weight]


@merge_method("ensemble", paper="Hansen and Salamon 1990", models=(2, MOST), whole=True, in_mergekit=False)
def ensemble(fork: Fork, parents: Sequence[Parent], *, weight: Sequence[Any]) -> list[TensorChange]:
    """Let a fork answer with the average of several models' probabilities; no weight changes.

    The fork becomes the first of them, which the others answer beside; edits that follow change it.

    :param weight: of each, divided by their sum.
    :raises MergeError: they do not fit together.
    """
    variants, weights = _variants("ensemble", parents), _numbers("ensemble", weight)
    check_bases(fork, variants)
    if min(weights) < 0:
        raise MergeError("An ensemble's weights are shares: give none below 0.")
    parts = shares(weights)
    first, *others = (variant.fork for variant in variants)
    if first.base is not fork.base or any(_depth(other) != _depth(first) for other in others):
        raise MergeError(
            "An ensemble needs models with the same number of layers, the first of them a recipe of your own model."
        )
    if any(hasattr(member.model, Ensemble.NAME) for member in (first, *others)):
        raise MergeError("A recipe in the ensemble is an ensemble itself. Choose its models.")
    if any(member.virtual is not None for member in (first, *others)):
        raise MergeError(
            "Learned tokens before the text do not work in an ensemble, whose models share one "
            "count of what was read. Switch that step off, or choose another adapter."
        )
    fork.model = shared_clone(first.model)
    fork.formats, fork.dropped = dict(first.formats), first.dropped
    Ensemble([other.model for other in others], parts).attach(fork.model)
    return [TensorChange(Ensemble.NAME, 1.0)]


def _depth(fork: Fork) -> int:
    return len(layers_of(fork.model)[1])
