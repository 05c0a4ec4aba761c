"""Merging models: the weights of several recipes or checkpoints of one shape made into one."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from contextlib import ExitStack
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from torch import nn

from playground.engine.build import build
from playground.engine.edit import Edit, TensorChange, one_of
from playground.engine.fork import Fork
from playground.engine.fork.structure import MAX_TARGET, MAX_TARGETS, Parameter, matrices, parameters, select_parameters
from playground.engine.merging import METHODS, MOST, MergeError, checkpoints
from playground.engine.merging.method import seed_of
from playground.engine.merging.parents import Parent, Variant, check_alike, check_mergeable
from playground.engine.merging.run import merge, places, rows_matched
from playground.engine.merging.thinning import narrowed
from playground.engine.merging.values import NEAR, PartName, Value, names_in, numbers_in, value_at
from playground.engine.models.loader import Base
from playground.engine.recipe import Recipe, parse
from playground.engine.work import QUIET, Work
from playground.errors import Message

MAX_NESTED = 3  # merges of merges
PLAIN = ("normalize", "epsilon", "gamma", "select", "rescale", "around_base")  # options that are one for all tensors
EACH = ("weight", "layers")  # of each model
Target = Annotated[str, Field(min_length=1, max_length=MAX_TARGET)]
Share = Annotated[float, Field(strict=True, ge=0, le=1)]
Layer = Annotated[int, Field(strict=True, ge=0, le=1_000)]


class Source(BaseModel):
    """A model: a recipe, or a checkpoint's name on this host or on the Hub."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    recipe: Recipe | None = None
    checkpoint: str | None = Field(default=None, min_length=1, max_length=200)

    @field_validator("recipe", mode="before")
    @classmethod
    def _parsed(cls, data: Any) -> Any:
        """Checked as any recipe."""
        return None if data is None else parse(data)

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.recipe is None) == (self.checkpoint is None):
            raise MergeError("A model to merge is either a recipe or a checkpoint. Give one.")
        return self


class Ingredient(Source):
    """A model to merge, and how much of it."""

    weight: Value = 1.0
    density: Value = 1.0
    layers: tuple[Layer, Layer] | None = None  # passthrough's: the first, and one after the last

    @field_validator("density")
    @classmethod
    def _is_a_share(cls, density: Value) -> Value:
        return _share(density, "density")


class Merge(Edit):
    """Merge models into one.

    ``t`` is the place on the way from the base, 0, to the merged model, 1: of the angle for
    ``slerp``, where it is 0.5 if nothing is said, else on a straight line. ``normalize`` and
    ``rescale`` are what the method's paper has if nothing is said. ``ends`` says whose embedding,
    last norm and head a stack of layers has: the recipe's own, or the first and the last slice's.
    """

    KIND: ClassVar[str] = "merge"
    WHOLE: ClassVar[bool] = True

    kind: Literal["merge"] = "merge"
    method: Annotated[str, one_of(METHODS)] = "linear"
    models: Annotated[tuple[Ingredient, ...], Field(min_length=1, max_length=MOST)]
    base: Source | None = None  # None: the recipe as it is before this step
    t: Value = 1.0
    normalize: bool = Field(default=True, strict=True)
    seed: int = Field(default=0, strict=True, ge=0, le=2**31 - 1)
    targets: Annotated[tuple[Target, ...], Field(min_length=1, max_length=MAX_TARGETS)] = ("all",)
    epsilon: Share = 0.1
    gamma: Share = 0.01
    select: Share = 1.0
    vocabulary: Literal["same", "by_text"] = "same"
    near: Value = NEAR
    rescale: bool = Field(default=False, strict=True)
    around_base: bool = Field(default=False, strict=True)
    ends: Literal["own", "slices"] = "own"

    @model_validator(mode="before")
    @classmethod
    def _as_usual(cls, data: Any) -> Any:
        """What is left open is written out, so that the same merge has one recipe."""
        if not isinstance(data, Mapping):
            return data
        _check_depth(data)  # before the inner ones are read, one inside the other
        method = data.get("method", "linear")
        known = isinstance(method, str) and method in METHODS
        defaults = {
            "t": 0.5 if method == "slerp" else 1.0,
            "normalize": METHODS[method].default("normalize", True) if known else True,
            "rescale": METHODS[method].default("rescale", False) if known else False,
        }
        return {**data, **{k: v for k, v in defaults.items() if data.get(k) is None}}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        least, most = METHODS[self.method].models
        if not least <= len(self.models) <= most:
            raise MergeError(
                "{method} merges {least} to {most} models beside the base, and {given} are given.",
                method=self.method,
                least=least,
                most=most,
                given=len(self.models),
            )
        _check_depth(self.model_dump())
        return self

    def apply(self, fork: Fork, work: Work = QUIET) -> Sequence[TensorChange]:
        """Get the models ready, check that they fit, and merge them."""
        with ExitStack() as stack:
            method = METHODS[self.method]
            if method.whole:
                parents = [self._parent(model, fork, stack, work) for model in self.models]
                options = {name: [getattr(model, name) for model in self.models] for name in EACH} | {"ends": self.ends}
                changes: Sequence[TensorChange] = method.function(fork, parents, **{k: options[k] for k in method.uses})
                return changes
            base, parents = self.opened(fork, stack, work)
            _check_names(fork, self)
            return merge(fork, base, parents, method, self.chosen(fork), work)

    def opened(self, fork: Fork, stack: ExitStack, work: Work = QUIET) -> tuple[Variant, list[Parent]]:
        """The base and the models, built or opened, and checked to fit together.

        :param fork: as it is before this step; neither of them changes with it.
        :param stack: closes files.
        """
        parents = [self._parent(model, fork, stack, work) for model in self.models]
        check_mergeable(fork)
        own, by_text = Variant(fork.base.entry.id, fork.clone()), self.vocabulary == "by_text"
        if self.base is None:
            check_alike(own, parents, by_text)
            return own, parents
        base = self._parent(self.base, fork, stack, work)
        check_alike(own, [base, *parents], by_text)
        return _as_base(base, fork), parents

    def options(self, parameter: Parameter, depth: float) -> dict[str, Any]:
        """What a method is told about a parameter at a place along the layers, 0 to 1."""

        def number(value: Value, otherwise: float = 1.0) -> float:
            return value_at(value, parameter.part, depth, otherwise, parameter.name)

        return {
            **{name: getattr(self, name) for name in PLAIN},
            "weight": [number(model.weight) for model in self.models],
            "density": [number(model.density) for model in self.models],
            "t": number(self.t),
            "near": number(self.near, NEAR),
            "seed": seed_of(self.seed, parameter.name),
        }

    def chosen(self, fork: Fork) -> dict[Parameter, dict[str, Any]]:
        """The parameters to merge, with what the method is told about each.

        :raises RecipeError: a target names nothing.
        """
        where = places(fork)
        return {
            parameter: self.options(parameter, where[parameter.name])
            for parameter in select_parameters(fork, self.targets)
        }

    def values(self) -> list[Value]:
        """The parameters that may differ along the layers and by part."""
        each = [value for model in self.models for value in (model.weight, model.density)]
        return [*each, self.t, self.near]

    def narrowed_at(self) -> float | None:
        """A density around which DELLA's chances would leave 0 to 1, so that epsilon is less."""
        if "epsilon" not in METHODS[self.method].uses:
            return None
        values = [model.density for model in self.models]
        densities = [d for value in values if value not in (0, 1) for d in numbers_in(value)]
        return next((d for d in densities if narrowed(self.epsilon, d) < self.epsilon), None)

    def advice(self, base: Base) -> Sequence[Message]:
        """That epsilon is less than was asked for."""
        density = self.narrowed_at()
        if density is None:
            return ()
        return [
            Message(
                "Epsilon {epsilon} around a density of {density} is narrowed to {narrowed}: a "
                "chance to stay lies between 0 and 1. Choose a smaller epsilon.",
                {
                    "epsilon": f"{self.epsilon:g}",
                    "density": f"{density:g}",
                    "narrowed": f"{narrowed(self.epsilon, density):g}",
                },
            )
        ]

    def _parent(self, model: Source, fork: Fork, stack: ExitStack, work: Work) -> Parent:
        """A model, built or opened."""
        if model.checkpoint is not None:
            return checkpoints.opened(model.checkpoint, fork, stack, work)
        recipe = model.recipe or Recipe(model=fork.base.entry.id)
        built = build(recipe, work).fork
        if self.method != "ensemble":
            check_mergeable(built)
        edits = "+".join(getattr(edit, "source", edit.kind) for edit in recipe.edits)
        return Variant(f"{recipe.model}{'+' if edits else ''}{edits}"[:80], built)


def _share(value: Value, name: str) -> Value:
    """Refuse what is no share.

    :raises MergeError: naming the first number outside 0 to 1.
    """
    wrong = next((number for number in numbers_in(value) if not 0 <= number <= 1), None)
    if wrong is not None:
        raise MergeError("A merge's {name} is {given}. Choose a number from 0 to 1.", name=name, given=wrong)
    return value


def _check_names(fork: Fork, edit: Merge) -> None:
    """Refuse a value for a piece of a name that no parameter has.

    :raises MergeError: naming it.
    """
    known = [parameter.name for parameter in parameters(fork)]
    for piece in (piece for value in edit.values() for piece in names_in(value)):
        if not any(piece in name for name in known):
            raise MergeError(
                "No parameter of this model has {name} in its name. Choose a part ({parts}), or a "
                "piece of a name such as {role}.",
                name=piece,
                parts=", ".join(get_args(PartName)),
                role=next((m.role for m in matrices(fork) if m.layer is not None), "q_proj"),
            )


def _as_base(parent: Parent, fork: Fork) -> Variant:
    """A model to start from, with the rows of the fork's vocabulary.

    A checkpoint is loaded: every tensor of a base is asked for again and again.
    """
    own = Variant(fork.base.entry.id, fork)
    if isinstance(parent, Variant) and parent.shapes() == own.shapes() and parent.tokens == own.tokens:
        return parent
    base, groups = Fork(fork.base), dict[Hashable, list[str]]()
    for name in parent.shapes():
        groups.setdefault(parent.identity(name), []).append(name)
    for names in groups.values():
        tensor = rows_matched(names[0], parent, own).to(fork.tensor(names[0]).dtype)
        base.share(names, nn.Parameter(tensor, requires_grad=False))
    return Variant(parent.label, base)


def _check_depth(data: Any) -> None:
    """Refuse merges of merges of merges without end.

    :raises MergeError: they are nested too deep.
    """
    left = [(data, 0)]
    while left:
        item, depth = left.pop()
        if isinstance(item, Mapping):
            depth += item.get("kind") == Merge.KIND
            left += [(inner, depth) for inner in item.values()]
        elif isinstance(item, list | tuple):
            left += [(inner, depth) for inner in item]
        if depth > MAX_NESTED:
            raise MergeError(
                "Merges are nested {limit} deep at most. Save the inner one as a checkpoint.", limit=MAX_NESTED
            )
