"""Kinds of facts: how they are worded, how else, and what else they are true of.

``assets/lab/relations.json`` has them in the order in which they are tried. To add a kind, add a row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FILE = Path(__file__).resolve().parents[2] / "assets" / "lab" / "relations.json"
Kind = Literal["city", "country", "place", "number", "other"]


@dataclass(frozen=True, kw_only=True)
class Relation:
    """What a prompt asks of its subject.

    :param patterns: whole prompts, with ``@`` for the subject and its article; a named group may
        stand in the paraphrases.
    :param paraphrases: with ``{}`` for the subject; each ends where the target follows, before an
        article if the target needs one.
    :param neighbours: other subjects of the kind, with their articles, the best known first.
    :param answer: of which kind the answer is; a ``number`` has a digit, a ``place`` may be a city
        or a country.
    """

    name: str
    patterns: tuple[str, ...]
    paraphrases: tuple[str, ...]
    neighbours: tuple[str, ...]
    answer: Kind = "other"


def _read() -> tuple[Relation, ...]:
    """The table, in whose patterns ``<IS>`` and the like stand for words that several of them share."""
    table = json.loads(FILE.read_text("utf-8"))

    def spelled(pattern: str) -> str:
        return re.sub("<([A-Z]+)>", lambda word: spelled(table["words"][word[1]]), pattern)

    return tuple(
        Relation(
            name=row["name"],
            patterns=tuple(map(spelled, row["patterns"])),
            paraphrases=tuple(row["paraphrases"]),
            neighbours=tuple(row["neighbours"]),
            answer=row.get("answer", "other"),
        )
        for row in table["relations"]
    )


RELATIONS = _read()


def relation_of(prompt: str, target: str) -> tuple[Relation, Mapping[str, str]] | None:
    """The first relation that a prompt words, and its named groups; None for an unknown one.

    :param prompt: the prompt, with ``@`` for the subject and its article.
    """
    for relation in RELATIONS:
        if relation.answer == "number" and not any(sign.isdigit() for sign in target):
            continue
        for pattern in relation.patterns:
            if match := re.fullmatch(pattern, prompt, re.IGNORECASE):
                return relation, match.groupdict()
    return None
