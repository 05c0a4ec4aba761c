"""The places of the tz database, as tzdata carries it, and their clocks since 1970."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from corpora.countries.make import doubts
from corpora.countries.make.words import Section, choose, said

FIRST_YEAR, LAST_YEAR = 1970, 2025  # before 1970 the database is unsure
NOW = 2027  # the year whose rules are told as the ones that hold
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NAMES = {  # as one says them, where the database's identifiers are shorter
    "Atlantic/Azores": "the Azores",
    "Atlantic/Canary": "the Canary Islands",
    "Atlantic/Faroe": "the Faroe Islands",
    "Europe/Isle_of_Man": "the Isle of Man",
    "Europe/Tirane": "Tirana",
    "Indian/Cocos": "the Cocos Islands",
    "Indian/Comoro": "the Comoros",
    "Indian/Maldives": "the Maldives",
    "Pacific/Chatham": "the Chatham Islands",
    "Pacific/Galapagos": "the Galapagos Islands",
    "Pacific/Gambier": "the Gambier Islands",
    "Pacific/Marquesas": "the Marquesas Islands",
}


@dataclass(frozen=True)
class Change:
    """Clocks that are set to another time."""

    when: datetime  # UTC
    before: timedelta  # from UTC
    after: timedelta

    @property
    def local(self) -> datetime:
        """What the clock shows as it is set."""
        return (self.when + self.before).replace(tzinfo=None)

    @property
    def jump(self) -> timedelta:
        """How far, forward if positive."""
        return self.after - self.before


@dataclass(frozen=True)
class Place:
    """The principal place of a time zone."""

    key: str  # "Europe/Lisbon"
    code: str
    name: str
    latitude: float
    longitude: float
    first: bool  # of its country's places

    @cached_property
    def zone(self) -> ZoneInfo:
        """Its clocks, out of the package and not out of the system."""
        with (resources.files("tzdata") / "zoneinfo" / self.key).open("rb") as file:
            return ZoneInfo.from_file(file, key=self.key)

    def offset(self, when: datetime) -> timedelta:
        """From UTC, at a moment in UTC."""
        return when.astimezone(self.zone).utcoffset() or timedelta()

    @cached_property
    def changes(self) -> list[Change]:
        """Every change since 1970, to the minute."""
        found = []
        day, end = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), datetime(NOW + 1, 1, 1, tzinfo=UTC)
        before = self.offset(day)
        while day < end:
            after = self.offset(day + DAY)
            if after != before:
                low, high = 0, 24 * 60  # minutes
                while high - low > 1:
                    middle = (low + high) // 2
                    same = self.offset(day + middle * HOUR / 60) == before
                    low, high = (middle, high) if same else (low, middle)
                found.append(Change(day + high * HOUR / 60, before, after))
            day, before = day + DAY, after
        return found

    def in_year(self, year: int) -> list[Change]:
        """The changes of a year, as its own clocks count it."""
        return [change for change in self.changes if change.local.year == year]


@lru_cache(maxsize=1)
def places() -> dict[str, list[Place]]:
    """The places of the database's ``zone.tab``, by country code."""
    from babel.dates import get_timezone_location

    found: dict[str, list[Place]] = {}
    text = (resources.files("tzdata") / "zoneinfo" / "zone.tab").read_text("utf-8")
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        code, where, key, *_ = line.split("\t")
        if key in doubts.NO_ZONE:
            continue
        name = NAMES.get(key) or str(get_timezone_location(key, locale="en", return_city=True))
        name = name.split("/")[-1].replace("’", "'")
        latitude, longitude = map(_degrees, re.findall(r"[+-]\d+", where))
        there = found.setdefault(code, [])
        there.append(Place(key, code, name, latitude, longitude, first=not there))
    return found


def codes() -> list[str]:
    """The codes of ISO 3166 that the database lists."""
    text = (resources.files("tzdata") / "zoneinfo" / "iso3166.tab").read_text("utf-8")
    return [line.split("\t")[0] for line in text.splitlines() if not line.startswith("#")]


def _degrees(iso: str) -> float:
    """`+4523` or `-0090045` (degrees, minutes, perhaps seconds) as a number."""
    sign, digits = (-1 if iso[0] == "-" else 1), iso[1:]
    wide = 2 if len(digits) in (4, 6) else 3
    parts = [int(digits[:wide]), *(int(two) for two in re.findall("..", digits[wide:]))]
    return sign * sum(part / 60**power for power, part in enumerate(parts))


def section(headings: Sequence[str], place: Place, text: str, **values: str) -> Section:
    """One about a place: a heading chosen of several, and a template filled in."""
    heading = choose(headings, place.key, text).format(place.name)
    return Section(heading[:1].upper() + heading[1:], said(text, name=place.name, **values))
