"""Merges in mergekit's YAML: those that both it and this playground know.

A model is named by its id, and one with a LoRA on it as ``model+adapter``, as in mergekit. What
mergekit, or this playground, has no words for is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from playground.engine import catalog
from playground.engine.adapters import store
from playground.engine.edits.merge import Merge
from playground.engine.merging import METHODS, MergeError, checkpoints
from playground.engine.merging.mergekit_words import (
    FILTERS,
    KNOWN,
    own_parameters,
    shared_parameters,
)
from playground.engine.merging.mergekit_writing import to_yaml
from playground.engine.recipe import Recipe, parse, parse_edit

__all__ = ["MAX_TEXT", "from_yaml", "to_yaml"]

MAX_TEXT = 20_000  # characters
ALIASES = {"HuggingFaceTB/SmolLM2-135M-Instruct": "smollm2-135m-instruct"}  # the same weights
ENDS = ("embed_tokens", "lm_head")  # one part here
MORE_FILTERS = {"attn": "attention", "attention": "attention"}
USUAL = {"epsilon": 0.15, "gamma": 0.01}  # mergekit's
NO_NORMALIZE = ("dare_ties", "dare_linear", "task_arithmetic", "breadcrumbs")  # mergekit's default
WITHOUT_EFFECT = ("dtype", "out_dtype")  # a merge is computed in float32, kept as the model is
TOP = (
    "merge_method", "base_model", "models", "slices", "parameters", "tokenizer_source",
    *WITHOUT_EFFECT,
)  # fmt: skip


def from_yaml(text: str, recipe: Recipe) -> tuple[Merge, list[str]]:
    """A merge from mergekit's configuration, and the keys that have no effect here.

    :param recipe: that the merge will go on: a base model of the same name is left to it.
    :raises MergeError: it is not such a configuration, or has keys that are not supported.
    :raises ModelError: it names a model that cannot be one.
    :raises RecipeError: a value is out of its range.
    """
    config = _config(text)
    _only(config, TOP, "")
    method = str(config.get("merge_method"))
    if method not in KNOWN:
        raise MergeError(
            "The merge method {given} is not known here. Known are: {known}.",
            given=method[:60],
            known=", ".join(KNOWN),
        )
    edit: dict[str, Any] = {"kind": "merge", "method": method}
    if method == "passthrough":
        edit["models"] = _slices(config, recipe)
    else:
        edit |= _merged(config, method, recipe)
    if config.get("tokenizer_source") is not None:
        if config["tokenizer_source"] != "base":
            raise _unsupported("tokenizer_source", config["tokenizer_source"])
        edit["vocabulary"] = "by_text"
    found = parse_edit(edit)
    assert isinstance(found, Merge)
    return found, [key for key in WITHOUT_EFFECT if key in config]


def _config(text: str) -> dict[str, Any]:
    bad = MergeError(
        "This is not a mergekit configuration. Paste one as it stands, from merge_method on."
    )
    if len(text) > MAX_TEXT or "&" in text:  # anchors could make it grow without end
        raise bad
    try:
        config = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise bad from error
    if not isinstance(config, dict) or "merge_method" not in config:
        raise bad
    return config


def _only(given: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    strange = [str(key) for key in given if key not in known]
    if strange:
        raise _unsupported(f"{where}{strange[0]}"[:80], "")


def _unsupported(key: str, given: object) -> MergeError:
    value = f" ({str(given)[:60]})" if given else ""
    return MergeError(
        "{key}{value} is not supported here. Take it out of the configuration, or choose another "
        "method.",
        key=key,
        value=value,
    )


def _merged(config: Mapping[str, Any], method: str, recipe: Recipe) -> dict[str, Any]:
    """Everything but the method's name, for methods that go tensor by tensor."""
    if "slices" in config:
        raise _unsupported("slices", method)
    shared, own = dict(_mapping(config.get("parameters"), "parameters")), own_parameters(method)
    _only(shared, (*shared_parameters(method), *own), "parameters.")
    models = [_mapping(one, "models") for one in _list(config.get("models"), "models")]
    base = config.get("base_model")
    others = [one for one in models if one.get("model") != base]
    if base is not None and METHODS[method].from_base:
        models = others  # it may be listed beside them, as mergekit's examples do
    elif base is not None and (method == "nuslerp" or len(others) == len(models)):
        raise _unsupported("base_model", method)  # it would be one of the models, or counted from
    if method == "slerp" and (base is None or len(models) != 1):
        raise MergeError("slerp goes from base_model to one other model. Name both.")
    found: dict[str, Any] = {"models": [], "base": _base(base, recipe)}
    once: dict[str, list[Any]] = {key: [] for key in USUAL if key in own}
    for one in models:
        _only(one, ("model", "parameters"), "models.")
        values: dict[str, Any] = {key: shared[key] for key in own if key in shared}
        for key, value in _mapping(one.get("parameters"), "parameters").items():
            values[key] = _before(value, shared[key]) if key in shared else value
        _only(values, own, "models.parameters.")
        for key, each in once.items():
            each.append(values.pop(key, USUAL[key]))
        read = {key: _read(value) for key, value in values.items()}
        found["models"].append(_source(one.get("model"), recipe) | read)
    for key, each in once.items():
        if any(value != each[0] for value in each):
            raise _unsupported(key, "one for each model")
        found |= {key: each[0]} if each else {}
    return found | _from_shared(shared, method)


def _from_shared(shared: Mapping[str, Any], method: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if method == "slerp":
        found["t"] = _read(shared.get("t", 0.5))
    if "lambda" in shared:
        found["t"] = _read(shared["lambda"])
    if "select_topk" in shared:
        found["select"] = shared["select_topk"]
    usual = METHODS[method].normalize
    normalize = shared.get("normalize", False if method in NO_NORMALIZE else usual)
    return found | {"normalize": normalize}


def _base(name: Any, recipe: Recipe) -> dict[str, Any] | None:
    """None where the configuration means the recipe that the merge goes on."""
    if name is None:
        return None
    source = _source(name, recipe)
    same = "recipe" in source and parse(source["recipe"]) == recipe
    return None if same else source


def _slices(config: Mapping[str, Any], recipe: Recipe) -> list[dict[str, Any]]:
    found = []
    for key in ("models", "parameters"):
        if config.get(key):
            raise _unsupported(key, "passthrough")
    for one in _list(config.get("slices"), "slices"):
        piece = _mapping(one, "slices")
        _only(piece, ("sources",), "slices.")
        sources = [_mapping(s, "sources") for s in _list(piece.get("sources"), "sources")]
        if len(sources) != 1:
            raise _unsupported("slices.sources", "several in one slice")
        _only(sources[0], ("model", "layer_range"), "slices.sources.")
        found.append(
            _source(sources[0].get("model"), recipe) | {"layers": sources[0].get("layer_range")}
        )
    return found


def _source(name: Any, recipe: Recipe) -> dict[str, Any]:
    """A model by its name here: an id, ``id+adapter``, or a checkpoint's."""
    if not isinstance(name, str) or not name:
        raise MergeError("A model in the configuration has no name. Give each one.")
    model, plus, adapter = name.partition("+")
    model = ALIASES.get(model, model) if recipe.model not in ALIASES else model
    if not plus and not catalog.is_model_id(model) and checkpoints.has(model):
        return {"checkpoint": model}
    if not catalog.is_model_id(model):
        catalog.find(model)  # which says what there is
    edits = [{"kind": "adapter", "source": adapter}] if plus else []
    if plus and store.about(adapter) is None:
        raise MergeError(
            "The adapter {name} is not on this host. Upload it, or choose one of {shipped}.",
            name=adapter[:60],
            shipped=", ".join(store.shipped()),
        )
    return {"recipe": {"model": model, "edits": edits}}


def _by_filter(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _before(value: Any, otherwise: Any) -> Any:
    """A model's value, and after it what counts for the tensors that none of its filters names."""
    if not _by_filter(value):
        return value
    return [*value, *(otherwise if _by_filter(otherwise) else [{"value": otherwise}])]


def _read(value: Any) -> Any:
    """A value along the layers or by part, as recipes have it."""
    if not _by_filter(value):
        return value
    parts, ends = dict[str, Any](), dict[str, Any]()
    for one in value:
        _only(one, ("filter", "value"), "parameters.")
        name = one.get("filter")
        part = "rest" if name in (None, "*") else (FILTERS | MORE_FILTERS).get(str(name))
        if part is None:
            raise _unsupported("filter", name)
        found = _read(one.get("value"))
        parts.setdefault(part, found)  # the first that fits counts
        if part == "rest":  # which this one always does
            break
        if name in ENDS and ends.setdefault(name, found) != parts["embeddings"]:
            raise _unsupported("filter", f"{name} of its own")
    return parts


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _unsupported(where, type(value).__name__)
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list) or not 1 <= len(value) <= 64:
        raise MergeError("The configuration's {where} is not a list of models.", where=where)
    return value
