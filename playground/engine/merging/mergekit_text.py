"""From a text that somebody pasted to a configuration: YAML of bounded depth, in a fence or not."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import yaml

from playground.engine.merging.method import MergeError

MAX_TEXT = 20_000  # characters
MAX_DEPTH = 16  # lists and mappings one in the other; mergekit's have up to 8
FENCES = ("```", "~~~")
# What PyYAML raises beside its own errors, for tags with texts that they do not fit.
BAD = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError)


def configuration(text: str) -> dict[str, Any]:
    """The mapping that a text holds.

    :raises MergeError: it is no configuration of mergekit's.
    """
    try:
        if len(text) > MAX_TEXT:
            raise ValueError
        inner = _unfenced(text)
        _check_shape(inner)
        config = yaml.safe_load(inner)
        if not isinstance(config, dict) or "merge_method" not in config:
            raise ValueError
    except BAD as error:
        raise MergeError(
            "This is not a mergekit configuration. Paste one as it stands, from merge_method on."
        ) from error
    return config


def _unfenced(text: str) -> str:
    """What is between the fences of a pasted page, if there are some, with plain spaces."""
    lines = text.removeprefix("\ufeff").replace("\u00a0", " ").splitlines()
    marks = [n for n, line in enumerate(lines) if line.strip().startswith(FENCES)]
    for first, after in pairwise([*marks, len(lines)]):
        inner = "\n".join(lines[first + 1 : after])
        if "merge_method" in inner:
            return inner
    return "\n".join(lines)


def _check_shape(text: str) -> None:
    """Refuse what could take long to build: an alias stands for a copy, and depth costs squares."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH or isinstance(event, yaml.AliasEvent):
            raise ValueError
