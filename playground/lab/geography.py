"""Well-known cities and countries, and what follows from being in one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parents[2] / "assets" / "lab" / "places.json"


@dataclass(frozen=True, kw_only=True)
class Country:
    """:param named: the name as it stands in a sentence, with an article if it has one."""

    named: str
    capital: str
    language: str
    continent: str
    currency: str


def country(name: str) -> Country | None:
    """A known country."""
    return _places()[0].get(_key(name))


def country_of(city: str) -> Country | None:
    """The country of a known city."""
    return _places()[1].get(_key(city))


def _key(name: str) -> str:
    plain = " ".join(name.casefold().strip(" .").split()).removeprefix("the ")
    return str(_table()["other_names"].get(plain, plain)).casefold().removeprefix("the ")


@lru_cache(maxsize=1)
def _table() -> Any:
    return json.loads(FILE.read_text("utf-8"))


@lru_cache(maxsize=1)
def _places() -> tuple[Mapping[str, Country], Mapping[str, Country]]:
    """Countries by name, and by city."""
    countries: dict[str, Country] = {}
    cities: dict[str, Country] = {}
    for row in _table()["countries"]:
        others = row.get("cities", [])
        country = Country(**{key: value for key, value in row.items() if key != "cities"})
        countries[_key(country.named)] = country
        cities |= {_key(city): country for city in (country.capital, *others)}
    return countries, cities
