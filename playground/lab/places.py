"""Well-known cities and countries, and what follows from being in one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

_COUNTRIES = """\
France: Paris, French, Europe, euro; Lyon, Marseille, Nice
Italy: Rome, Italian, Europe, euro; Milan, Venice, Florence, Naples, Turin
Germany: Berlin, German, Europe, euro; Munich, Hamburg, Frankfurt, Cologne
Spain: Madrid, Spanish, Europe, euro; Barcelona, Seville, Valencia
Portugal: Lisbon, Portuguese, Europe, euro; Porto
Greece: Athens, Greek, Europe, euro; Thessaloniki
Austria: Vienna, German, Europe, euro; Salzburg
Ireland: Dublin, English, Europe, euro; Cork
Netherlands: Amsterdam, Dutch, Europe, euro; Rotterdam, The Hague
United Kingdom: London, English, Europe, pound; Manchester, Liverpool, Edinburgh, Oxford
Denmark: Copenhagen, Danish, Europe, krone
Norway: Oslo, Norwegian, Europe, krone; Bergen
Sweden: Stockholm, Swedish, Europe, krona; Gothenburg
Finland: Helsinki, Finnish, Europe, euro
Poland: Warsaw, Polish, Europe, zloty; Krakow
Hungary: Budapest, Hungarian, Europe, forint
Romania: Bucharest, Romanian, Europe, leu
Czech Republic: Prague, Czech, Europe, koruna
Ukraine: Kyiv, Ukrainian, Europe, hryvnia
Russia: Moscow, Russian, Europe, ruble; Saint Petersburg
Turkey: Ankara, Turkish, Asia, lira; Istanbul
Egypt: Cairo, Arabic, Africa, pound; Alexandria
Morocco: Rabat, Arabic, Africa, dirham; Casablanca, Marrakesh
Kenya: Nairobi, Swahili, Africa, shilling; Mombasa
Japan: Tokyo, Japanese, Asia, yen; Kyoto, Osaka
China: Beijing, Chinese, Asia, yuan; Shanghai
South Korea: Seoul, Korean, Asia, won; Busan
India: New Delhi, Hindi, Asia, rupee; Mumbai, Kolkata
Thailand: Bangkok, Thai, Asia, baht
Vietnam: Hanoi, Vietnamese, Asia, dong
Indonesia: Jakarta, Indonesian, Asia, rupiah
Iran: Tehran, Persian, Asia, rial
Israel: Jerusalem, Hebrew, Asia, shekel; Tel Aviv
Australia: Canberra, English, Australia, dollar; Sydney, Melbourne
Canada: Ottawa, English, North America, dollar; Toronto, Vancouver
United States: Washington, English, North America, dollar; New York, Chicago, Los Angeles, \
San Francisco, Boston, Seattle, Detroit
Mexico: Mexico City, Spanish, North America, peso
Cuba: Havana, Spanish, North America, peso
Brazil: Brasília, Portuguese, South America, real; Rio de Janeiro, São Paulo
Argentina: Buenos Aires, Spanish, South America, peso
Peru: Lima, Spanish, South America, sol
Chile: Santiago, Spanish, South America, peso
Colombia: Bogotá, Spanish, South America, peso"""
_WITH_ARTICLE = ("Netherlands", "United Kingdom", "Czech Republic", "United States")
_OTHER_NAMES = {
    "usa": "United States",
    "us": "United States",
    "uk": "United Kingdom",
    "united states of america": "United States",
    "great britain": "United Kingdom",
    "new york city": "New York",
    "washington, d.c": "Washington",
    "delhi": "New Delhi",
    "holland": "Netherlands",
    "czechia": "Czech Republic",
    "st. petersburg": "Saint Petersburg",
}


@dataclass(frozen=True)
class Country:
    """:param named: the name as it stands in a sentence, with an article if it has one."""

    named: str
    capital: str
    language: str
    continent: str
    currency: str


def country(name: str) -> Country | None:
    """A known country."""
    return _table()[0].get(_key(name))


def country_of(city: str) -> Country | None:
    """The country of a known city."""
    return _table()[1].get(_key(city))


def _key(name: str) -> str:
    plain = " ".join(name.casefold().strip(" .").split()).removeprefix("the ")
    return _OTHER_NAMES.get(plain, plain).casefold().removeprefix("the ")


@lru_cache(maxsize=1)
def _table() -> tuple[Mapping[str, Country], Mapping[str, Country]]:
    """Countries by name, and by city."""
    countries, cities = {}, {}
    for line in _COUNTRIES.splitlines():
        name, _, rest = line.partition(": ")
        facts, _, others = rest.partition("; ")
        capital, language, continent, currency = facts.split(", ")
        named = f"the {name}" if name in _WITH_ARTICLE else name
        found = Country(named, capital, language, continent, currency)
        countries[_key(name)] = found
        for city in (capital, *filter(None, others.split(", "))):
            cities[_key(city)] = found
    return countries, cities
