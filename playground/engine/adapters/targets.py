"""What the fields of a PEFT configuration say about which modules it is for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from playground.engine.adapters.base import AdapterError, same_type, unusable
from playground.engine.adapters.patterns import Matcher

ALL_LINEAR = "all-linear"
MAX_PATTERNS = 2_000
_NAME = re.compile(r"[\w.]+")


def check_targets(
    config: Mapping[str, Any], paths: Iterable[str], inside: Iterable[str], tied: Sequence[str] = ()
) -> None:
    """Refuse tensors that the configuration leaves out: PEFT passes over them without a word.

    :param paths: of the modules that the file has tensors for.
    :param inside: those of all linear layers inside the model's layers.
    :param tied: those that are meant where one of them is (``ensure_weight_tying``).
    :raises AdapterError: a module is left out, or a field is not usable.
    """
    matcher = Matcher()
    meant = _named(config, "target_modules", matcher, set(inside))
    left_out = _named(config, "exclude_modules", matcher)
    layers = _layers(config)
    by_name = not isinstance(config.get("target_modules"), str)
    for path in paths:
        if left_out is not None and left_out(path):
            key = "exclude_modules"
        elif meant is not None and not any(map(meant, tied if path in tied else [path])):
            key = "target_modules"
        elif meant is not None and by_name and layers is not None and not layers(path):
            key = "layers_to_transform"
        else:
            continue
        raise AdapterError(
            "The file has tensors for {name}, which the configuration's {key} leaves out: PEFT "
            "would pass over them. Save the adapter again with PEFT.",
            name=path[:120],
            key=key,
        )


def by_path(
    config: Mapping[str, Any], key: str, other: str, paths: Iterable[str], matcher: Matcher
) -> dict[str, float]:
    """A pattern's value for each module, by PEFT's rule: the first pattern that matches.

    :param key: of the patterns; ``other`` is that of the value where none matches.
    :raises AdapterError: a pattern or a value is not usable.
    """
    patterns = config[key]
    usable = all(isinstance(k, str) and same_type(v, 1.0) for k, v in patterns.items())
    if not usable or len(patterns) > MAX_PATTERNS:
        raise unusable(key, patterns)
    return {
        path: next((value for name, value in patterns.items() if matcher.in_path(name, path)), config[other])
        for path in paths
    }


def named_by(value: Any, key: str, matcher: Matcher) -> Callable[[str], bool]:
    """Whether a list of names, or a regular expression, names a module's path.

    :raises AdapterError: it is neither.
    """
    if isinstance(value, str):
        return lambda path: matcher.matches(value, path)
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise unusable(key, value)
    names = set(value)
    return lambda path: any(suffix in names for suffix in _suffixes(path))


def _named(
    config: Mapping[str, Any], key: str, matcher: Matcher, inside: set[str] | None = None
) -> Callable[[str], bool] | None:
    value = config.get(key)
    if not value:
        return None
    if inside is not None and isinstance(value, str) and value.lower() == ALL_LINEAR:
        return lambda path: path in inside
    return named_by(value, key, matcher)


def _suffixes(path: str) -> Iterable[str]:
    while path:
        yield path
        path = path.partition(".")[2]


def _layers(config: Mapping[str, Any]) -> Callable[[str], bool] | None:
    """Whether a path lies in one of the layers that are listed, if they are."""
    listed, patterns = config.get("layers_to_transform"), config.get("layers_pattern")
    if listed is None or listed == []:
        return None
    numbers = listed if isinstance(listed, list) else [listed]
    if not all(type(number) is int for number in numbers):
        raise unusable("layers_to_transform", listed)
    names = [patterns] if isinstance(patterns, str) else patterns or []
    if not isinstance(names, list) or not all(isinstance(name, str) and _NAME.fullmatch(name) for name in names):
        raise unusable("layers_pattern", patterns)
    wanted = set(numbers)

    def among(path: str) -> bool:
        parts = path.split(".")
        for index in range(1, len(parts) - 1):
            if parts[index].isdecimal() and (
                (not names and index > 1) or any(name and _ends(parts[:index], name) for name in names)
            ):
                return int(parts[index]) in wanted
        return False

    return among


def _ends(parts: list[str], name: str) -> bool:
    return f".{'.'.join(parts)}".endswith(f".{name}")
