"""The forms of English verbs: as far as ``assets/ask/verbs.json`` has them, the regular ones by rule."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

_FILE = Path(__file__).resolve().parents[2] / "assets" / "ask" / "verbs.json"
BE = "is|are|was|were"


@cache
def verbs() -> dict[str, tuple[str, str]]:
    """(third person, past) of verbs, by their plain form."""
    table = json.loads(_FILE.read_text("utf-8"))
    forms = {verb: (third, past) for verb, (third, past) in table["irregular"].items()}
    return forms | {verb: (_third(verb), _past(verb)) for verb in table["regular"]}


@cache
def participles() -> frozenset[str]:
    """What has been done, as far as it is known."""
    return frozenset(past for _, past in verbs().values()) | {"born", "written", "given", "taken", "shown", "seen"}


@cache
def finite_forms() -> frozenset[str]:
    """All forms of all verbs that a statement may have."""
    return frozenset(form for forms in verbs().values() for form in forms) | frozenset(BE.split("|"))


def _third(verb: str) -> str:
    if re.search("[^aeiou]y$", verb):
        return f"{verb[:-1]}ies"
    return f"{verb}es" if re.search("(?:s|x|z|ch|sh|o)$", verb) else f"{verb}s"


def _past(verb: str) -> str:
    if re.search("[^aeiou]y$", verb):
        return f"{verb[:-1]}ied"
    return f"{verb}d" if verb.endswith("e") else f"{verb}pped" if verb == "stop" else f"{verb}ed"
