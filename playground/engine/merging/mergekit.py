"""Merges in mergekit's YAML: those that both it and this playground know.

A model is named by its id, and one with a LoRA on it as ``model+adapter``, as in mergekit. What
has no effect here is passed over and told; what mergekit, or this playground, has no words for is
refused by name, all of it at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playground.engine.adapters import store
from playground.engine.build import build
from playground.engine.fork.structure import layers
from playground.engine.merging import METHODS, MergeError, checkpoints
from playground.engine.merging.edit import Ingredient, Merge
from playground.engine.merging.mergekit_notes import differences
from playground.engine.merging.mergekit_reading import ConfigReading, before, read_value
from playground.engine.merging.mergekit_text import MAX_TEXT, configuration
from playground.engine.merging.mergekit_words import KNOWN, own_parameters, shared_parameters
from playground.engine.merging.mergekit_writing import to_yaml
from playground.engine.models import catalog
from playground.engine.recipe import Recipe, parse, parse_edit
from playground.errors import ModelError

__all__ = ["MAX_TEXT", "differences", "from_yaml", "to_yaml"]

ALIASES = {"HuggingFaceTB/SmolLM2-135M-Instruct": "smollm2-135m-instruct"}  # the same weights
USUAL = {"epsilon": 0.15, "gamma": 0.01}  # mergekit's
NO_NORMALIZE = ("dare_ties",)  # where mergekit's default is another than ours
# A merge is computed in float32 and kept as the model is, with its tokenizer and its template.
WITHOUT_EFFECT = ("dtype", "out_dtype", "chat_template", "name", "int8_mask")
TOP = ("merge_method", "base_model", "models", "slices", "parameters", "tokenizer_source", "tokenizer", *WITHOUT_EFFECT)
AROUND = "multislerp"  # has a base or not


def from_yaml(text: str, recipe: Recipe) -> tuple[Merge, list[str]]:
    """A merge from mergekit's configuration, and the keys that have no effect here.

    :param recipe: that the merge will go on: a base model of the same name is left to it.
    :raises MergeError: it is not such a configuration, or has keys that are not supported.
    :raises ModelError: it names a model that cannot be one.
    :raises RecipeError: a value is out of its range.
    """
    config = configuration(text)
    method = str(config["merge_method"])
    if method not in KNOWN:
        raise MergeError(
            "The merge method {given} is not known here. Known are: {known}.", given=method[:60], known=", ".join(KNOWN)
        )
    reading = ConfigReading([key for key in WITHOUT_EFFECT if key in config])
    reading.only(config, TOP, "")
    edit: dict[str, Any] = {"kind": "merge", "method": method}
    if method == "passthrough":
        edit |= _stacked(config, recipe, reading)
    else:
        edit |= _merged(config, method, recipe, reading)
    if _matched(config, reading):
        edit["vocabulary"] = "by_text"
    reading.finish()
    merge = parse_edit(edit)
    assert isinstance(merge, Merge)
    return merge, reading.passed


def _matched(config: Mapping[str, Any], reading: ConfigReading) -> bool:
    """Whether vocabularies are matched. Ours is always the base's; the others' rows are the same
    in mergekit's union of all of them, which has some more."""
    tokenizer = reading.mapping(config.get("tokenizer"), "tokenizer")
    reading.only(tokenizer, ("source", "pad_to_multiple_of"), "tokenizer.")
    sources = {"tokenizer_source": config.get("tokenizer_source"), "tokenizer.source": tokenizer.get("source")}
    sources = {key: source for key, source in sources.items() if source is not None}
    for key, source in sources.items():
        if source not in ("base", config.get("base_model")):
            reading.passed.append(f"{key} ({str(source)[:60]})")
    if "pad_to_multiple_of" in tokenizer:
        reading.passed.append("tokenizer.pad_to_multiple_of")
    return bool(sources)


def _merged(config: Mapping[str, Any], method: str, recipe: Recipe, reading: ConfigReading) -> dict[str, Any]:
    """Everything but the method's name, for methods that go tensor by tensor."""
    if config.get("slices") and "models" not in config:
        config = _without_slices(config, method, recipe, reading)
    elif "slices" in config:
        reading.unsupported("slices", method)
    shared = dict(reading.mapping(config.get("parameters"), "parameters"))
    own = own_parameters(method)
    reading.parameters(shared, (*shared_parameters(method), *own), "parameters.")
    models = reading.mappings(config.get("models"), "models")
    base = config.get("base_model")
    others = [model for model in models if model.get("model") != base]
    if base is not None and (METHODS[method].from_base or method == AROUND):
        models = others  # it may be listed beside them, as mergekit's examples do
    elif base is not None and (method == "nuslerp" or len(others) == len(models)):
        reading.unsupported("base_model", method)  # one of the models, or counted from
    if METHODS[method].models == (1, 1) and (base is None or len(models) != 1):
        reading.wrong(MergeError("{method} goes from base_model to one other model. Name both.", method=method))
    found: dict[str, Any] = {"models": [], "base": _base(base, recipe, reading)}
    if method == AROUND:
        found["around_base"] = base is not None
    once: dict[str, list[Any]] = {key: [] for key in USUAL if key in own}
    for model in models:
        reading.only(model, ("model", "parameters"), "models.")
        values: dict[str, Any] = {key: shared[key] for key in own if key in shared}
        parameters = reading.mapping(model.get("parameters"), "parameters")
        reading.parameters(parameters, own, "models.parameters.")
        for key in (key for key in own if key in parameters):
            values[key] = before(parameters[key], shared[key]) if key in shared else parameters[key]
        for key, each in once.items():
            each.append(read_value(values.pop(key, USUAL[key]), reading))
        numbers = {key: read_value(value, reading) for key, value in values.items()}
        found["models"].append(_source(model.get("model"), recipe, reading) | numbers)
        reading.check(Ingredient, found["models"][-1])
    for key, each in once.items():
        if any(value != each[0] for value in each):
            reading.unsupported(key, "one for each model")
        found |= {key: each[0]} if each else {}
    return found | _from_shared(shared, method, reading)


def _without_slices(config: Mapping[str, Any], method: str, recipe: Recipe, reading: ConfigReading) -> dict[str, Any]:
    """A configuration whose slices span all layers of the same models, as one with models."""
    slices = reading.mappings(config.get("slices"), "slices")
    pieces = list[list[Mapping[str, Any]]]()
    for piece in slices:
        reading.only(piece, ("sources", "parameters", "base_model"), "slices.")
        sources = reading.mappings(piece.get("sources"), "sources")
        for source in sources:
            reading.only(source, ("model", "layer_range", "parameters"), "slices.sources.")
        pieces.append(sources)
    depth = len(layers(build(recipe).fork.model)[1])
    if not _is_whole(config, slices, pieces, depth):
        reading.wrong(
            MergeError(
                "{method} merges whole models here: one slice with the layers 0 to {depth} of "
                "each, or several one after another with the same models and single numbers. "
                "Write the models without slices, or choose passthrough.",
                method=method,
                depth=depth,
            )
        )
    piece, sources = (slices[0], pieces[0]) if slices else ({}, [])
    parts = [
        reading.mapping(part.get("parameters"), "parameters")  # what is nearer counts
        for part in (config, piece)
    ]
    models = [{key: s[key] for key in ("model", "parameters") if key in s} for s in sources]
    return {
        "models": models,
        "parameters": {**parts[0], **parts[1]},
        "base_model": piece.get("base_model") or config.get("base_model"),
    }


def _is_whole(
    config: Mapping[str, Any],
    slices: Sequence[Mapping[str, Any]],
    pieces: Sequence[Sequence[Mapping[str, Any]]],
    depth: int,
) -> bool:
    """Whether slices are all layers in their order, each of the same models in the same way.

    Several of them may hold no values along the layers: mergekit lets these run within a slice.
    """
    ends, alike = 0, list[list[dict[str, Any]]]()
    for piece, sources in zip(slices, pieces, strict=True):
        if any(span.get("layer_range") != sources[0].get("layer_range") for span in sources):
            return False
        own = sources[0].get("layer_range") if sources else None
        if not isinstance(own, list) or len(own) != 2 or own[0] != ends:
            return False
        ends = own[1]
        alike.append([_without(piece, "sources"), *(_without(s, "layer_range") for s in sources)])
    along = len(slices) > 1 and _runs([config.get("parameters"), alike])
    return ends == depth and all(span == alike[0] for span in alike) and not along


def _without(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != key}


def _runs(value: Any) -> bool:
    """Whether there is a list of numbers in it."""
    if isinstance(value, Mapping):
        return any(map(_runs, value.values()))
    return isinstance(value, list) and any(isinstance(v, int | float) or _runs(v) for v in value)


def _from_shared(shared: Mapping[str, Any], method: str, reading: ConfigReading) -> dict[str, Any]:
    ours = shared_parameters(method)
    options: dict[str, Any] = {"t": 0.5} if method == "slerp" else {}
    if "normalize" in METHODS[method].uses:
        options["normalize"] = METHODS[method].default("normalize", True) and method not in NO_NORMALIZE
    for key, name in ours.items():
        if key in shared:
            value = read_value(shared[key], reading)
            switch = name in ("normalize", "rescale") and value in (0, 1)  # also written 1.0
            options[name] = bool(value) if switch else value
    return options


def _base(name: Any, recipe: Recipe, reading: ConfigReading) -> dict[str, Any] | None:
    """None where the configuration means the recipe that the merge goes on."""
    if name is None:
        return None
    source = _source(name, recipe, reading)
    return None if _is_own(source, recipe) else source


def _is_own(source: Mapping[str, Any], recipe: Recipe) -> bool:
    return "recipe" in source and parse(source["recipe"]) == recipe


def _stacked(config: Mapping[str, Any], recipe: Recipe, reading: ConfigReading) -> dict[str, Any]:
    """Layers of several models, or all of one; what is outside them is the first's and the last's,
    as in mergekit."""
    if config.get("models") and "slices" in config:
        reading.unsupported("models", "passthrough")
    parameters = reading.mapping(config.get("parameters"), "parameters")
    reading.parameters(parameters, (), "parameters.")
    sources = _slices(config, reading)
    models = []
    for source in sources:
        ends = {"layers": source["layer_range"]} if "layer_range" in source else {}
        models.append(_source(source.get("model"), recipe, reading) | ends)
    same = all(_is_own(source, recipe) for source in (*models[:1], *models[-1:]))
    return {"models": models, "ends": "own" if same else "slices"}


def _slices(config: Mapping[str, Any], reading: ConfigReading) -> list[Mapping[str, Any]]:
    """A model and its layers, for each slice."""
    if "slices" not in config and config.get("models"):
        models = reading.mappings(config["models"], "models")
        if len(models) > 1:
            reading.unsupported("models", "several in passthrough")
        for model in models:
            reading.only(model, ("model", "parameters"), "models.")
            parameters = reading.mapping(model.get("parameters"), "parameters")
            reading.parameters(parameters, (), "models.parameters.")
        return models[:1]
    found: list[Mapping[str, Any]] = []
    for piece in reading.mappings(config.get("slices"), "slices"):
        reading.only(piece, ("sources",), "slices.")
        sources = reading.mappings(piece.get("sources"), "sources")
        if len(sources) > 1:
            reading.unsupported("slices.sources", "several in one slice")
        for source in sources[:1]:
            reading.only(source, ("model", "layer_range"), "slices.sources.")
            found.append({"layer_range": None, **source})
    return found


def _source(name: Any, recipe: Recipe, reading: ConfigReading) -> dict[str, Any]:
    """A model by its name here: an id, ``id+adapter``, or a checkpoint's."""
    if not isinstance(name, str) or not name:
        reading.wrong(MergeError("A model in the configuration has no name. Give each one."))
        return {"checkpoint": "-"}
    model, plus, adapter = name.partition("+")
    model = ALIASES.get(model, model) if recipe.model not in ALIASES else model
    if not plus and not catalog.is_model_id(model) and checkpoints.has(model):
        return {"checkpoint": model}
    if not catalog.is_model_id(model):
        try:
            catalog.find_model(model)  # which says what there is
        except ModelError as error:
            reading.wrong(error)
            return {"checkpoint": "-"}
    edits = [{"kind": "adapter", "source": adapter}] if plus else []
    if plus and store.about(adapter) is None:
        reading.wrong(
            MergeError(
                "The adapter {name} is not on this host. Upload it, or choose one of {shipped}.",
                name=adapter[:60],
                shipped=", ".join(store.shipped()),
            )
        )
    return {"recipe": {"model": model, "edits": edits}}
