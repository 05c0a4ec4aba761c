"""Regular expressions that an adapter's configuration brings, matched in bounded time.

Python's own matcher can take years over 20 characters. Here a pattern is walked with the set of
all places that it can have reached, so that time grows with the text and not with the choices,
and a budget of steps ends what is left.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from playground.engine.adapters.base import AdapterError

MAX_PATTERN = 300  # characters
MAX_DEPTH = 12  # of groups and repeats inside each other
MAX_STEPS = 500_000  # of all patterns of one configuration together
_PLAIN = re.compile(r"[\w.\-]+")  # its dots are those of a path
_parser: Any = re._parser  # type: ignore[attr-defined]
_CLASSES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
}


class Matcher:
    """Matches whole texts; one for each configuration, since its budget is shared."""

    def __init__(self) -> None:
        self._steps = 0
        self._parsed: dict[str, Any] = {}
        self._plain: dict[str, bool] = {}

    def matches(self, pattern: str, text: str) -> bool:
        """What ``re.fullmatch`` says.

        :raises AdapterError: the pattern is no regular expression, uses look-around or
            backreferences, or takes too long.
        """
        if pattern not in self._parsed:
            self._parsed[pattern] = _parse(pattern)
        self.text = text
        return len(text) in self._ends(self._parsed[pattern], frozenset([0]))

    def in_path(self, pattern: str, path: str) -> bool:
        """Whether a pattern matches the last parts of a module's path, as PEFT's patterns do."""
        if pattern not in self._plain:
            self._plain[pattern] = _PLAIN.fullmatch(pattern) is not None
        if self._plain[pattern]:
            return path == pattern or path.endswith(f".{pattern}")
        return self.matches(rf"(.*\.)?({pattern})$", path)

    def _ends(self, items: Sequence[Any], starts: frozenset[int]) -> frozenset[int]:
        """Where a sequence of a pattern's parts can end."""
        for operation, argument in items:
            if not starts:
                break
            self._steps += len(starts)
            if self._steps > MAX_STEPS:
                raise AdapterError(
                    "The configuration's patterns take too long to match. Name the modules in plain words."
                )
            starts = self._step(str(operation), argument, starts)
        return starts

    def _step(self, operation: str, argument: Any, starts: frozenset[int]) -> frozenset[int]:
        if operation == "BRANCH":
            return frozenset().union(*(self._ends(items, starts) for items in argument[1]))
        if operation == "SUBPATTERN":
            return self._ends(argument[3], starts)
        if operation in ("MAX_REPEAT", "MIN_REPEAT"):
            low, high, items = argument
            return self._repeated(int(low), int(high), items, starts)
        if operation == "AT":
            return frozenset(at for at in starts if self._anchored(str(argument), at))
        return frozenset(at + 1 for at in starts if at < len(self.text) and _fits(operation, argument, self.text[at]))

    def _repeated(self, low: int, high: int, items: Any, starts: frozenset[int]) -> frozenset[int]:
        enough = 2 * len(self.text) + 2  # by then nothing new is reached
        for _ in range(min(low, enough)):
            before, starts = starts, self._ends(items, starts)
            if not starts or starts == before:
                break
        reached = new = starts
        for _ in range(min(high - low, enough)):
            new = self._ends(items, new) - reached
            if not new:
                break
            reached |= new
        return reached

    def _anchored(self, where: str, at: int) -> bool:
        if where in ("AT_BEGINNING", "AT_BEGINNING_STRING"):
            return at == 0
        return at == len(self.text)


def _parse(pattern: str) -> Any:
    unusable = AdapterError(
        "The configuration's pattern {given} is not usable. Name the modules in plain words, or by "
        "a regular expression of up to {limit} characters without look-around and backreferences.",
        given=repr(pattern)[:80],
        limit=MAX_PATTERN,
    )
    if len(pattern) > MAX_PATTERN:
        raise unusable
    try:
        parsed = _parser.parse(pattern)
        known = _known(parsed, MAX_DEPTH)
    except (re.error, RecursionError, OverflowError, ValueError) as error:
        raise unusable from error
    if not known or parsed.state.flags & ~re.UNICODE:
        raise unusable
    return parsed


def _known(items: Any, depth: int) -> bool:
    """Whether every part of a pattern is one that is walked here."""
    for operation, argument in items:
        name = str(operation)
        if name == "BRANCH":
            inside = list(argument[1])
        elif name == "SUBPATTERN":
            inside = [argument[3]]
            if argument[1] or argument[2]:  # flags for a part of it
                return False
        elif name in ("MAX_REPEAT", "MIN_REPEAT"):
            inside = [argument[2]]
        elif name == "AT":
            if str(argument) not in ("AT_BEGINNING", "AT_BEGINNING_STRING", "AT_END", "AT_END_STRING"):
                return False
            continue
        elif name in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            continue
        else:
            return False
        if not depth or not all(_known(part, depth - 1) for part in inside):
            return False
    return True


def _fits(operation: str, argument: Any, letter: str) -> bool:
    """Whether one character is one that a part of a pattern stands for."""
    if operation == "ANY":
        return letter != "\n"
    if operation == "LITERAL":
        return bool(ord(letter) == argument)
    if operation == "NOT_LITERAL":
        return bool(ord(letter) != argument)
    if operation == "RANGE":
        return bool(argument[0] <= ord(letter) <= argument[1])
    if operation == "CATEGORY":
        return re.match(_CLASSES[str(argument)], letter) is not None
    negated = str(argument[0][0]) == "NEGATE"
    return negated != any(_fits(str(o), a, letter) for o, a in argument[negated:])
