"""Who or what a sentence is about: a guess by rules, which the visitor can correct."""

from __future__ import annotations

import re

from playground.ask.english import finite_forms, verbs

HANGUL = re.compile("[가-힣]")
_SMALL_TEXT = """
a an the of in on at to for from with by and or is are was were do does did has have had be been what which who
whom whose when where why how many much time there it its i you we they he she my your our their this that can
could should would will may might must long often it's not near under after before since until behind above below
beside between around through into over please tell
"""
_SMALL_WORDS = frozenset(_SMALL_TEXT.split())
# What follows a Korean noun: its particle
_PARTICLE = re.compile(
    r"(?<=[가-힣A-Za-z0-9])(?:에서는|에서|에게|으로|까지|부터|에는|은|는|이|가|을|를|의|에|로|와|과|도)$"
)


def subject_of(text: str) -> str:
    """Who or what a sentence or a question is about, letter for letter; "" for nothing.

    What stands in quotation marks, else the longest name, else the last noun phrase before a verb: a guess that the
    visitor can correct.
    """
    inner = re.search(r"“(.+)”", text)
    if inner and inner[1].endswith(("?", "？")):  # a question that kept its words
        return subject_of(inner[1])
    if HANGUL.search(text):
        return _korean_subject(text.removeprefix("질문:").removesuffix("답:").strip())
    quoted = re.search(r"[“\"‘]([^”\"’]{2,60})[”\"’]", text)
    if quoted:
        return quoted[1]
    names = [name for name in re.findall(_NAME, text) if name.lower() not in _SMALL_WORDS | _DAYS]
    names = [re.sub(rf"^(?:(?:{_FIRST}) )+", "", name) for name in names]
    names = [name for name in names if name.lower() not in _SMALL_WORDS | _DAYS]
    first = re.match(r"[A-Z][\w'’-]*", text)
    if first and len(names) > 1 and names[0] == first[0] and first[0].lower() not in _known_names(text):
        names = names[1:]
    elif first and names and names == [first[0]] and text.split()[0] == first[0] and len(text.split()) > 1:
        names = names if _alone(text) else []
    return max(names, key=len) if names else _noun(text)


_FIRST = "The|A|An|On|In|At|What|Who|When|Where|Which|How|Why|Is|Are|Was|Were|Do|Does|Did|Has|Have|Can|Will"
_NAME = re.compile(r"\b[A-Z][\w'’-]*(?: (?:of |the |de |von |van |and )?[A-Z0-9][\w'’-]*)*")
_CALENDAR = """
monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
september october november december
"""
_DAYS = frozenset(_CALENDAR.split())


def _known_names(text: str) -> frozenset[str]:
    """Words of a text that have a capital inside it, too."""
    return frozenset(word.lower() for word in re.findall(r"(?<=\w )[A-Z]\w+", text))


def _alone(text: str) -> bool:
    """Whether a text's first word is a name: a verb follows, and it is no plain noun's article."""
    words = text.split()
    return words[1].lower() in finite_forms()


def _noun(text: str) -> str:
    """The longest run of words that are neither small nor verbs."""
    runs: list[list[str]] = [[]]
    for word in re.findall(r"[\w'’-]+", text):
        if word.lower() in _SMALL_WORDS | _DAYS or word.lower() in finite_forms() or word.lower() in verbs():
            runs.append([])
        else:
            runs[-1].append(word)
    # "The opening hours of the town library": who has them is the subject
    candidates = [" ".join(run) for run in runs if run]
    return candidates[-1] if candidates else ""


def _korean_subject(text: str) -> str:
    quoted = re.search(r"[“\"‘「『]([^”\"’」』]{1,60})[”\"’」』]", text)
    if quoted:
        return quoted[1]
    first = text.split()[0] if text.split() else ""
    return _PARTICLE.sub("", first.rstrip("?？.,"))
