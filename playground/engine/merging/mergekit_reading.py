"""Reading one of mergekit's configurations: what is passed over, what is wrong, and values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from playground.engine.merging.mergekit_words import FILTERS, ROLES, WORDS
from playground.engine.merging.method import MergeError
from playground.engine.merging.values import NAME
from playground.errors import Message, PlaygroundError

ENDS = ("embed_tokens", "lm_head")  # one part here, where they have the same value
MORE_FILTERS = {"attn": "attention", "attention": "attention"}
PARTS = {name: part for name, part in (FILTERS | MORE_FILTERS).items() if name not in ENDS}
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)  # YAML 1.1: 1e-4 is text
MOST_MODELS = 64
MOST_NAMED = 12  # complaints in a message


@dataclass
class ConfigReading:
    """What was met on the way through a configuration.

    :param passed: keys that have no effect here.
    :param keys: what is not supported, in words.
    :param errors: everything else that is in the way.
    """

    passed: list[str]
    keys: list[str] = field(default_factory=list)
    errors: list[PlaygroundError] = field(default_factory=list)

    def unsupported(self, key: str, given: object = "") -> None:
        """Note something that is not supported here."""
        value = f" ({str(given)[:60]})" if given else ""
        self.keys.append(f"{key[:80]}{value}")

    def wrong(self, error: PlaygroundError) -> None:
        """Note something else that is in the way."""
        self.errors.append(error)

    def check(self, form: type[BaseModel], values: Mapping[str, Any]) -> None:
        """Note the first of a part's values that is out of its range."""
        try:
            form.model_validate(values)
        except PlaygroundError as error:
            self.wrong(error)
        except ValidationError:
            pass  # which the whole edit says in its own words

    def only(self, values: Mapping[str, Any], known: Sequence[str], where: str) -> None:
        """Note the keys that are not known."""
        for key in values:
            if key not in known:
                self.unsupported(f"{where}{key}")

    def parameters(self, values: Mapping[str, Any], known: Sequence[str], where: str) -> None:
        """Note the parameters that a method does not have: some are other methods', and mergekit
        passes them over, too."""
        for key in values:
            if key not in known and key in WORDS:
                self.passed.append(f"{where}{key}")
            elif key not in known:
                self.unsupported(f"{where}{key}")

    def mapping(self, value: Any, where: str) -> Mapping[str, Any]:
        """A mapping; nothing where there is something else, which is noted."""
        if isinstance(value, dict):
            return value
        if value is not None:
            self.unsupported(where, type(value).__name__)
        return {}

    def mappings(self, value: Any, where: str) -> list[Mapping[str, Any]]:
        """A list of models; what is none is noted."""
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_MODELS:
            self.wrong(MergeError("The configuration's {where} is not a list of models.", where=where))
            return []
        return [item for item in value if self.mapping(item, where) is item]

    def finish(self) -> None:
        """Say everything that is in the way.

        :raises PlaygroundError: if anything is.
        """
        self.passed = list(dict.fromkeys(self.passed))
        keys = list(dict.fromkeys(self.keys))
        if len(keys) == 1:
            self.errors.insert(0, _unsupported(keys[0]))
        elif keys:
            self.errors.insert(0, _all_unsupported(keys))
        errors = list({str(error): error for error in self.errors}.values())[:MOST_NAMED]
        if len(errors) == 1:
            raise errors[0]
        if errors:
            said = [error.message for error in errors]
            raise MergeError("{first} Also: {more}", first=said[0], more=_joined(said[1:]))


def _joined(messages: Sequence[Message]) -> Message:
    first, *rest = messages
    if not rest:
        return first
    return Message("{first} Also: {more}", {"first": first, "more": _joined(rest)})


def _unsupported(key: str) -> MergeError:
    return MergeError(
        "{key} is not supported here. Take it out of the configuration, or choose another method.", key=key
    )


def _all_unsupported(keys: Sequence[str]) -> MergeError:
    return MergeError(
        "{count} things are not supported here: {keys}. Take them out of the configuration, or choose another method.",
        count=len(keys),
        keys=", ".join(keys[:MOST_NAMED]),
    )


def by_filter(value: Any) -> bool:
    """Whether a value is a list of filters with theirs."""
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def before(value: Any, otherwise: Any) -> Any:
    """A model's value, and after it what counts for the tensors that none of its filters names."""
    if not by_filter(value):
        return value
    return [*value, *(otherwise if by_filter(otherwise) else [{"value": otherwise}])]


def read_value(value: Any, reading: ConfigReading) -> Any:
    """A value along the layers or by part, as recipes have it.

    Of several filters that fit a tensor mergekit takes the first; here a piece of a name comes
    before a part, and a long one before a short one. What another order would change is refused.
    """
    if not by_filter(value):
        return _number(value)
    found: dict[str, Any] = {}
    seen: list[str] = []
    for entry in value:
        reading.only(entry, ("filter", "value"), "parameters.")
        name = entry.get("filter")
        if name in (None, "*"):
            found.setdefault("rest", read_value(entry.get("value"), reading))
            break  # which fits always
        name = str(name)
        if any(earlier in name for earlier in seen):  # whose value counts wherever this one fits
            continue
        key = _key(name, seen, found)
        if key is None:
            reading.unsupported("filter", name)
        else:
            found.setdefault(key, read_value(entry.get("value"), reading))
        seen.append(name)
    if all(end in found for end in ENDS) and found[ENDS[0]] == found[ENDS[1]]:
        found = {key: value for key, value in found.items() if key not in ENDS} | {"embeddings": found[ENDS[0]]}
    return found


def _key(name: str, seen: Sequence[str], values: Mapping[str, Any]) -> str | None:
    """What a recipe has for a filter; None where it has nothing with the same effect."""
    if name in PARTS:
        return PARTS[name]
    if not re.fullmatch(NAME, name):
        return None
    part = ROLES.get(name, "" if name in ENDS else None)
    if part in values:  # all of it has a value already
        return part
    known = name in ROLES or name in ENDS
    others = [other for other in seen if other not in PARTS and other not in ROLES and other not in ENDS]
    return name if (known and not others) or not seen else None


def _number(value: Any) -> Any:
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return float(value)
    return [_number(item) for item in value] if isinstance(value, list) else value
