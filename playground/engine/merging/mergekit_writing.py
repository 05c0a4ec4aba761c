"""A merge written as mergekit's YAML; what mergekit has no words for is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

from playground.engine.adapters.edit import Attach
from playground.engine.merging import METHODS, MergeError
from playground.engine.merging.edit import Ingredient, Merge, Source
from playground.engine.merging.mergekit_notes import differences
from playground.engine.merging.mergekit_words import FILTERS, KNOWN, own_parameters, shared_parameters
from playground.engine.merging.values import NEAR, names_in
from playground.engine.recipe import Recipe
from playground.errors import Message


def to_yaml(edit: Merge, recipe: Recipe, told: Callable[[Message], str] = str) -> str:
    """A merge as mergekit's configuration, with comments on where mergekit does otherwise.

    :param recipe: that the merge goes on: its base where it names none.
    :param told: how a comment is written.
    :raises MergeError: mergekit has no words for it.
    """
    comments = "".join(f"# {told(message)}\n" for message in differences(edit))
    return _dump(_config(edit, recipe)) + comments


def _config(edit: Merge, recipe: Recipe) -> dict[str, Any]:
    _expressible(edit)
    if edit.method == "passthrough":
        slices = [
            {"sources": [{"model": name_of(model), "layer_range": list(model.layers or _no_range())}]}
            for model in edit.models
        ]
        return {"merge_method": "passthrough", "slices": slices}
    method, shared = METHODS[edit.method], _shared(edit)
    config: dict[str, Any] = {"merge_method": edit.method}
    names = [name_of(model) for model in edit.models]
    if method.from_base or edit.around_base:
        own = Source(recipe=recipe)
        config["base_model"] = name_of(own if edit.base is None else edit.base)
        names.insert(0, config["base_model"])
    twice = next((name for index, name in enumerate(names) if name in names[:index]), None)
    if twice is not None:  # mergekit would merge it once, and the base not at all
        raise _no_words("models", f"{twice}, twice")
    if method.models == (1, 1):  # from the base to it
        config["models"] = [{"model": name} for name in names]
    else:
        config["models"] = [_model(model, own_parameters(edit.method), edit) for model in edit.models]
    if shared:
        config["parameters"] = shared
    if edit.vocabulary == "by_text":
        config["tokenizer_source"] = "base"
    return config


def _dump(config: dict[str, Any]) -> str:
    return str(yaml.safe_dump(config, sort_keys=False, allow_unicode=True, default_flow_style=None))


def _expressible(edit: Merge) -> None:
    if edit.method not in KNOWN:
        raise _no_words("method", edit.method)
    if edit.targets != ("all",):
        raise _no_words("targets", ", ".join(edit.targets))
    if edit.seed:
        raise _no_words("seed", edit.seed)
    whole = edit.t == 1
    if edit.method != "slerp" and not whole and not isinstance(edit.t, int | float):
        raise _no_words("t", "a list of values")
    if edit.method == "passthrough":
        if not whole:
            raise _no_words("t", edit.t)
        return
    method = METHODS[edit.method]
    if not whole and "t" not in shared_parameters(edit.method).values():
        raise _no_words("t", edit.t)
    if "normalize" not in method.uses and edit.normalize != method.default("normalize", True):
        raise _no_words("normalize", edit.normalize)
    based = method.from_base or edit.around_base
    if edit.vocabulary == "by_text" and not based:  # nothing says whose is the base's
        raise _no_words("vocabulary", edit.vocabulary)
    weights = [model.weight for model in edit.models]
    if edit.method == "karcher" and any(weight != weights[0] for weight in weights):
        raise _no_words("weight", weights)


def _no_words(key: str, value: object) -> MergeError:
    return MergeError(
        "mergekit has no words for {key}: {given}. Change that, or save the recipe instead.",
        key=key,
        given=str(value)[:80],
    )


def _no_range() -> Any:
    raise _no_words("layers", "all of a model; give the first, and the one after the last")


def _shared(edit: Merge) -> dict[str, Any]:
    """The parameters that are not one model's own."""
    usual = {
        "t": None if edit.method == "slerp" else 1,
        "normalize": None,  # mergekit's is another for some methods
        "near": None,
        "rescale": METHODS[edit.method].default("rescale", False),
        "select": 1,
    }
    return {
        key: _written(getattr(edit, name), NEAR if name == "near" else 1.0)
        for key, name in shared_parameters(edit.method).items()
        if getattr(edit, name) != usual[name]
    }


def _model(model: Ingredient, uses: Sequence[str], edit: Merge) -> dict[str, Any]:
    values = {
        "weight": _written(model.weight),
        "density": _written(model.density),
        "epsilon": edit.epsilon,
        "gamma": edit.gamma,
    }
    parameters = {key: value for key, value in values.items() if key in uses}
    return {"model": name_of(model)} | ({"parameters": parameters} if parameters else {})


def _written(value: Any, otherwise: float = 1.0) -> Any:
    """A value along the layers or by part, as mergekit has it: it asks for one of every part.

    :param otherwise: what a part has that is not named.
    """
    if isinstance(value, Mapping):
        pieces = [(name, name) for name in names_in(value)]
        parts = [(name, part) for name, part in FILTERS.items() if part in value]
        named = [{"filter": name, "value": _written(value[key])} for name, key in pieces + parts]
        return [*named, {"value": _written(value.get("rest", otherwise))}]
    return list(value) if isinstance(value, tuple | list) else value


def name_of(model: Source) -> str:
    """What mergekit would call a model.

    :raises MergeError: it has no name for it.
    """
    return model.checkpoint or name_of_recipe(model.recipe or Recipe(model=""))


def name_of_recipe(recipe: Recipe) -> str:
    """A model's id, or ``model+adapter``.

    :raises MergeError: there is more on it than one adapter at scale 1.
    """
    if not recipe.edits:
        return recipe.model
    match recipe.edits:
        case (Attach(scale=1, source=source),):
            return f"{recipe.model}+{source}"
    kinds = ", ".join(edit.kind for edit in recipe.edits)
    raise _no_words("a recipe", f"{recipe.model} with {kinds}")
