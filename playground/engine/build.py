"""From a recipe to its fork and its receipts.

Built forks are kept by the recipe's hash, prefixes included, so that one more edit costs one edit.
"""

from __future__ import annotations

import re
import threading
import time
from collections import defaultdict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from playground.disk import DiskError
from playground.engine.edit import Edit, TensorChange
from playground.engine.fork import Fork, relative_change
from playground.engine.fork.finite import all_finite
from playground.engine.fork.structure import mlp_outputs
from playground.engine.measuring.sizes import Sizes, sizes
from playground.engine.models.loader import CACHE, Base, load
from playground.engine.recipe import Recipe
from playground.engine.work import QUIET, Stopped, Work
from playground.errors import Message, MissingError, ModelError, PlaygroundError, RecipeError

INSIDE = re.compile(r"\.(inner|patch)(?=\.)")  # of modules in the place of a plain one


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What one edit really did.

    ``relative_change`` is the Frobenius norm of the change over that of the base's same tensors.
    ``bytes`` counts what the fork holds more than before it; ``seconds`` is the time taken when
    the edit was computed (a cached fork keeps the figure). ``sizes`` is the whole model's after
    the edit, for edits of whole tensors.
    """

    edit: Edit
    changes: tuple[TensorChange, ...]
    relative_change: float
    bytes: int
    seconds: float
    warnings: tuple[Message, ...]
    sizes: Sizes | None = None


@dataclass(frozen=True, eq=False)
class Built:
    """A recipe's fork and the receipts of its edits, shared by all who use the recipe."""

    recipe: Recipe
    fork: Fork
    receipts: tuple[Receipt, ...]

    def storages(self) -> dict[Hashable, int]:
        """What the cache counts."""
        return self.fork.storages()


MAX_REFUSED = 256
FOR_NOW = (MissingError, ModelError, DiskError)  # what is not there, or not to be had: it may be soon
FOR_NOW_SECONDS = 15.0
_refused: dict[str, tuple[PlaygroundError, float]] = {}  # and until when
_building: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
# Held while an edit of whole tensors is applied: two at once would need twice the memory. One
# thread may hold it again, since a merge builds its models meanwhile.
_WHOLE = threading.RLock()
_WAIT = 0.1  # seconds between two looks at whether the one who waits was stopped


@contextmanager
def _turn(recipe: Recipe, work: Work) -> Iterator[None]:
    """The right to build a recipe's last edit: for whole tensors one in the process at a time,
    for thin edits one of the same recipe.

    Who holds a thin edit's lock waits for no other, so that no two can wait for each other.

    :raises Stopped: ``work`` says so before its turn came.
    """
    lock = _WHOLE if recipe.edits[-1].WHOLE else _building[recipe.id]
    while not lock.acquire(timeout=_WAIT):
        work.check()
    try:
        yield
    finally:
        lock.release()


def build(recipe: Recipe, work: Work = QUIET) -> Built:
    """The fork of a recipe, from the cache or made by applying what the cache lacks.

    Two who ask for the same recipe wait for one build. Edits of whole tensors are applied one at a
    time; thin ones wait for no other recipe's.

    :raises ModelError: the base cannot be loaded.
    :raises RecipeError: an edit does not fit the model.
    :raises Stopped: ``work`` says so; what was built before the edit in hand stays cached.
    """
    base = load(recipe.model)
    missing = []
    while (built := _cached(recipe, base)) is None and recipe.edits:
        missing.append(recipe)
        recipe = recipe.prefix(len(recipe.edits) - 1)
    built = built or _keep(Built(recipe, Fork(base), ()))
    for longer in reversed(missing):
        try:
            with _turn(longer, work):
                built = _cached(longer, base) or _keep(extended(built, longer.edits[-1], work))
            _refused.pop(longer.id, None)
        except Stopped:
            raise
        except PlaygroundError as error:
            _refuse(longer, error)
            raise
        finally:
            _building.pop(longer.id, None)
    return built


def _refuse(recipe: Recipe, error: PlaygroundError) -> None:
    """Remember that a recipe cannot be built, so that it is not tried again and again."""
    until = time.monotonic() + FOR_NOW_SECONDS if isinstance(error, FOR_NOW) else float("inf")
    _refused[recipe.id] = error, until
    while len(_refused) > MAX_REFUSED:
        _refused.pop(next(iter(_refused)), None)


def try_again() -> None:
    """Something was stored on this host: what was missing may be there now."""
    for recipe_id, (error, _) in list(_refused.items()):
        if isinstance(error, FOR_NOW):
            _refused.pop(recipe_id, None)


def is_quick(recipe: Recipe) -> bool:
    """Whether ``build`` would answer within a moment: every edit of whole tensors is cached."""
    for length in range(len(recipe.edits), 0, -1):
        if ("fork", recipe.prefix(length).id) in CACHE:
            return True
        if recipe.edits[length - 1].WHOLE:
            return False
    return True


class NotBuiltError(RecipeError):
    """A recipe would have to be built first, which must wait its turn."""


def build_quickly(recipe: Recipe) -> Built:
    """``build`` for those who must not keep others waiting.

    :raises NotBuiltError: it would take seconds or more.
    :raises PlaygroundError: it was tried before and cannot be built.
    """
    for length in range(1, len(recipe.edits) + 1):
        known, until = _refused.get(recipe.prefix(length).id, (None, 0.0))
        if known is not None and time.monotonic() < until:
            raise PlaygroundError(known.message.template, **known.message.values)
    if not is_quick(recipe):
        raise NotBuiltError(
            "Your recipe is not in memory at the moment. Wait for its receipts, or reload the "
            "page to have it built again: nothing of it is lost."
        )
    return build(recipe)


def _cached(recipe: Recipe, base: Base) -> Built | None:
    cached = CACHE.get(("fork", recipe.id))
    if not isinstance(cached, Built):
        return None
    return cached if (cached.fork.base.root or cached.fork.base) is base else None


def _keep(built: Built) -> Built:
    CACHE.put(("fork", built.recipe.id), built)
    return built


def extended(built: Built, edit: Edit, work: Work = QUIET) -> Built:
    """One more edit on a fresh clone; kept by nobody but the caller.

    :raises Stopped: ``work`` says so, also while somebody else's edit of whole tensors goes on.
    """
    recipe = Recipe(model=built.recipe.model, edits=(*built.recipe.edits, edit))
    if not edit.WHOLE:
        return _extended(built, recipe, work)
    with _turn(recipe, work):
        return _extended(built, recipe, work)


@torch.no_grad()
def _extended(built: Built, recipe: Recipe, work: Work) -> Built:
    edit = recipe.edits[-1]
    fork = built.fork.clone()
    fork.origin, fork.trail = built.recipe.id, _trail(built)
    start, held = time.perf_counter(), built.fork.bytes_held()
    changes = tuple(edit.apply(fork, work))
    fork.settle()
    _check_finite(fork, built.fork)
    seconds = time.perf_counter() - start
    fork.origin, fork.trail = None, ()
    known = [c for c in changes if fork.base.has(c.name)]  # adapters add what the base lacks
    relative = relative_change([(c.change, fork.base.norm(c.name)) for c in known])
    warnings = [*edit.advice(fork.base), *edit.outcome(fork)]
    if not any(change.change > 0 for change in changes):
        warnings.insert(0, Message("This edit changed nothing: every weight is as it was before."))
    gone = built.fork.packed_names() - fork.packed_names()
    unpacked = sum(fork.has(f"{path}.weight") for path in gone)
    if unpacked:
        warnings.append(
            Message("{count} packed layers hold plain numbers again: this edit changed them.", {"count": unpacked})
        )
    receipt = Receipt(
        edit=edit,
        changes=changes,
        relative_change=relative,
        bytes=fork.bytes_held() - held,
        seconds=seconds,
        warnings=tuple(warnings),
        sizes=sizes(fork) if edit.WHOLE else None,
    )
    return Built(recipe, fork, (*built.receipts, receipt))


def _check_finite(fork: Fork, before: Fork) -> None:
    """Refuse an edit that leaves what is not a number, of all that the fork had not before.

    :raises RecipeError: naming where.
    """
    for name, tensor in fork.fresh(before):
        if not all_finite(tensor):
            raise RecipeError(
                "This edit leaves values in {tensor} that are not numbers, or too large to be "
                "kept, so it is not made. Choose smaller weights, scales or strengths, or switch "
                "off the step before it.",
                tensor=INSIDE.sub("", name)[:120],
            )


def _trail(built: Built) -> tuple[tuple[str, int], ...]:
    """A fork's ``trail``: the recipes before its last edits that changed MLP outputs alone."""
    trail: list[tuple[str, int]] = []
    for length in range(len(built.receipts) - 1, -1, -1):
        layers = {matrix.name: layer for layer, matrix in mlp_outputs(built.fork).items()}
        changed = [layers.get(change.name, -1) for change in built.receipts[length].changes]
        if min(changed, default=-1) < 0:
            break
        trail.append((built.recipe.prefix(length).id, min(changed)))
    return tuple(trail)
