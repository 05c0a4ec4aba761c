"""Small pieces of English that every section is put together from."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

T = TypeVar("T")

# Codes whose names have an article.
THE = re.compile("A[EX]|B[QS]|C[CFK]|DO|F[KO]|G[BM]|HM|I[MO]|K[MY]|M[HPV]|NL|P[HNS]|S[BC]|T[CF]|U[MS]|V[GI]")
SHORTER = {  # than CLDR's English name
    "CD": "Congo-Kinshasa",
    "CG": "Congo-Brazzaville",
    "HK": "Hong Kong",
    "MM": "Myanmar",
    "MO": "Macao",
}
SMALL = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
MONTHS = (
    "",
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Section(NamedTuple):
    """A heading and the short text below it."""

    heading: str
    text: str


class Country(NamedTuple):
    """A country or territory of ISO 3166."""

    code: str
    title: str  # "Netherlands"
    name: str  # in a sentence: "the Netherlands"


def country(code: str, english: str) -> Country:
    """The country of a code, named as one says it."""
    title = SHORTER.get(code, english.replace("’", "'").replace(" & ", " and "))
    return Country(code, title, f"the {title}" if THE.fullmatch(code) else title)


def choose(options: Sequence[T], *key: object) -> T:
    """One of the options, always the same for a key."""
    return options[zlib.crc32("|".join(map(str, key)).encode()) % len(options)]


def ranked(options: Sequence[T], *key: object) -> list[T]:
    """The options in an order that is always the same for a key."""
    return sorted(options, key=lambda one: zlib.crc32("|".join(map(str, (*key, one))).encode()))


def listed(items: Sequence[str], last: str = "and") -> str:
    """`a, b and c`"""
    return f" {last} ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def said(template: str, **values: str) -> str:
    """A template filled in; `{Name}` is the value of `name` with a capital."""
    capitals = {key.capitalize(): text[:1].upper() + text[1:] for key, text in values.items()}
    return " ".join(template.format(**values, **capitals).split())


def number(count: int) -> str:
    """Small numbers in letters."""
    return SMALL[count] if count < len(SMALL) else f"{count:,}"


def slug(title: str) -> str:
    """The plain name of a document: `Côte d'Ivoire` is `cote-d-ivoire`."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def is_latin(text: str) -> bool:
    """Whether every letter is Latin, and nothing in it steers the direction of writing."""
    return all(
        character.isascii()
        or unicodedata.name(character, "").startswith("LATIN ")
        or unicodedata.category(character) in ("Sc", "Pf", "Pi", "Zs")
        for character in text
    )
