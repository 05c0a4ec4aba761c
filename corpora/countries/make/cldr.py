"""CLDR as babel carries it: what is listed for a territory, less what is in doubt."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from corpora.countries.make import doubts
from corpora.countries.make.words import Country, country

SPELLED = (
    ("’", "'"),
    (" & ", " and "),
    ("Afghan A", "Afghan a"),
    ("Romanian L", "Romanian l"),
    ("Turkish L", "Turkish l"),
)
FIRST_SURE_YEAR = 1960  # older dates are often those of laws, and of other money by the name


def shared(key: Any) -> Any:
    """One of CLDR's tables that are the same in all languages."""
    from babel.core import get_global

    return get_global(key)


@lru_cache(maxsize=2048)
def in_locale(name: str) -> Any:
    """A locale: `en`, `pt_BR`."""
    from babel import Locale

    return Locale.parse(name)


def territory(code: str) -> Country:
    """A country by its code."""
    return country(code, in_locale("en").territories[code])


def currencies(code: str, now: bool) -> list[tuple[str, int | None, tuple[int, ...] | None]]:
    """(code, first year or None if unsure, last day) of a territory's tenders."""
    found: list[tuple[str, int | None, tuple[int, ...] | None]] = []
    if now and code in doubts.NO_MONEY:
        return found
    for money, start, end, tender in shared("territory_currencies").get(code, ()):
        if tender and (end is None) == now:
            sure = (
                start
                and start[0] >= FIRST_SURE_YEAR
                and money not in doubts.NO_SINCE
                and code not in doubts.NO_SINCE_IN
            )
            found.append((money, start[0] if sure else None, end))
    return found


def called(money: str, count: int = 1, plain: bool = True) -> str:
    """`euro` or `euros`; without the years that tell two of a name apart, if plain."""
    from babel.numbers import get_currency_name

    name = str(get_currency_name(money, count=count, locale="en"))
    for odd, even in SPELLED:
        name = name.replace(odd, even)
    return re.sub(r" \(.*\)$", "", name) if plain else name


def spoken(code: str, in_practice: bool = False) -> list[str]:
    """Languages that are listed as official, the most spoken first.

    :param in_practice: with those that no law names.
    """
    listed = ("official", "de_facto_official") if in_practice else ("official",)
    return [
        language
        for language, row in shared("territory_languages").get(code, {}).items()
        if row["official_status"] in listed and f"{code}:{language}" not in doubts.NOT_OFFICIAL
    ]


@lru_cache(maxsize=1)
def locales() -> dict[str, list[Any]]:
    """Every locale of a territory, by territory."""
    from babel.localedata import locale_identifiers

    found: dict[str, list[Any]] = {}
    for locale in map(in_locale, sorted(locale_identifiers())):
        found.setdefault(locale.territory or "", []).append(locale)
    return found


def main_locale(code: str) -> Any:
    """The locale of a territory in its most spoken official language, None if there is none."""
    there = sorted(locales().get(code, []), key=lambda one: one.script not in (None, "Latn"))
    for language in spoken(code, in_practice=True):
        for locale in there:
            if locale.language == language and locale.default_numbering_system == "latn":
                return locale
    return None


def english(language: str) -> str:
    """`Portuguese`; "" for a language without a name in English or in a further script."""
    if language == "zh_Hant":
        return "Chinese"
    return str(in_locale("en").languages.get(language, "")).replace("’", "'")
