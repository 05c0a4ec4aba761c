"""What the small base model knows: a fixed set of facts to ask again after its weights were edited.

Knows the file ``assets/facts.jsonl`` and nothing of models; what scores the facts stands elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from functools import lru_cache
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "assets" / "facts.jsonl"
MODEL = "smollm2-135m-instruct"  # whose greedy continuations the targets are


@dataclass(frozen=True, kw_only=True)
class KnownFact:
    """A sentence that the base model ends correctly.

    :param id: never given to another fact, so that results of different days can be compared.
    :param subject: stands in the prompt exactly once.
    :param prompt: the beginning of the sentence, as plain text, without a space at its end.
    :param target: the words that follow, with the space before them.
    """

    id: str
    topic: str
    subject: str
    prompt: str
    target: str


@lru_cache(maxsize=1)
def known_facts() -> tuple[KnownFact, ...]:
    """All facts that come with the project, those of a topic together.

    :raises ValueError: the file was damaged; the line and what is wrong with it are named.
    """
    return tuple(parse_known_facts(FILE.read_text(encoding="utf-8")))


@lru_cache(maxsize=1)
def topics() -> tuple[str, ...]:
    """The facts' topics, in the order of the file."""
    return tuple(dict.fromkeys(fact.topic for fact in known_facts()))


def parse_known_facts(text: str) -> Iterator[KnownFact]:
    """Facts from lines of JSON.

    :raises ValueError: a line is not a fact, or repeats what may stand in one only.
    """
    seen: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        try:
            fact = _fact(json.loads(line))
            once = ("id", fact.id), ("prompt", fact.prompt), ("topic", fact.topic, fact.subject)
            for key in once:
                if seen.setdefault(key, number) != number:
                    raise ValueError(f"{key[-1]!r} stands in line {seen[key]} already")
        except ValueError as error:
            raise ValueError(f"Line {number} of {FILE.name}: {error}") from error
        yield fact


def _fact(row: object) -> KnownFact:
    names = [field.name for field in fields(KnownFact)]
    if not isinstance(row, dict) or sorted(row) != sorted(names):
        raise ValueError(f"it must be an object with {', '.join(names)}")
    fact = KnownFact(**row)
    if not all(isinstance(value, str) and value.strip() for value in astuple(fact)):
        raise ValueError("every value must be text that is not empty")
    if len(re.findall(rf"(?<!\w){re.escape(fact.subject)}(?!\w)", fact.prompt)) != 1:
        raise ValueError(f"the subject {fact.subject!r} must stand once in {fact.prompt!r}")
    if fact.prompt != fact.prompt.strip():
        raise ValueError(f"the prompt {fact.prompt!r} must not begin or end with a space")
    if fact.target != f" {fact.target.strip()}":
        raise ValueError(f"the target {fact.target!r} must begin with one space and end with none")
    return fact
