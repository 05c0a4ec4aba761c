"""Sections on where a place lies, what is near, and its sun: from coordinates, by geometry."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime

from corpora.countries.make.places import NOW, Place, places, section
from corpora.countries.make.words import MONTHS, Section, choose, listed

EARTH = 6371.0  # km, mean radius
TILT, RISING = 23.44, -0.833  # degrees: the sun's path at the solstices; its centre at sunrise
SOLSTICES = {"June": TILT, "December": -TILT}
POINTS = ("north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest")


def sections(place: Place) -> Iterator[Section]:
    """All of them for a place."""
    yield _where(place)
    yield _sun(place)
    yield _near(place)


def _where(place: Place) -> Section:
    latitude = _angle(place.latitude, "north", "south")
    longitude = _angle(place.longitude, "east", "west")
    return section(
        ("Where to find {}", "{} on the globe"),
        place,
        choose(WHERE, place.key),
        latitude=latitude,
        longitude=longitude,
        half=_half(place),
        far=_thousand(EARTH * math.radians(abs(place.latitude))),
        point="north" if place.latitude > 0 else "south",
    )


WHERE = (
    "{Name} lies at {latitude} and {longitude}. The equator is about {far} km away.",
    "On the globe one finds {name} at {latitude}, {longitude}, {far} km {point} of the equator.",
    "The coordinates of {name} are {latitude} and {longitude}, in {half} hemisphere.",
)


def _half(place: Place) -> str:
    east = "eastern" if place.longitude > 0 else "western"
    return f"the {'northern' if place.latitude > 0 else 'southern'} and the {east}"


def _angle(degrees: float, positive: str, negative: str) -> str:
    minutes = round(abs(degrees) * 60)
    return f"{minutes // 60}°{minutes % 60:02d}' {positive if degrees > 0 else negative}"


def _thousand(kilometres: float) -> str:
    return f"{round(kilometres, -1 if kilometres < 1000 else -2):,.0f}"


def _near(place: Place) -> Section:
    others = [
        (distance(place, other), other) for there in places().values() for other in there if other.key != place.key
    ]
    nearest = sorted(others, key=lambda pair: (pair[0], pair[1].key))[:3]
    rows = [f"{other.name} {_kilometres(far)} {bearing(place, other)}" for far, other in nearest]
    headings = ("Around {}", "The way from {}", "Neighbours of {}")
    return section(headings, place, choose(NEAR, place.key, "near"), rows=listed(rows))


NEAR = (
    "As the crow flies from {name}: {rows}.",
    "In a straight line, the way from {name} to the neighbours is this: {rows}.",
    "A pilot who takes off in {name} finds {rows}.",
)


def _kilometres(far: float) -> str:
    return f"about {_thousand(far)} km" if far >= 25 else "less than 30 km"


def distance(one: Place, other: Place) -> float:
    """Along the surface of a round earth, in km (haversine)."""
    a, b = math.radians(one.latitude), math.radians(other.latitude)
    turn = math.radians(other.longitude - one.longitude)
    chord = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(turn / 2) ** 2
    return 2 * EARTH * math.asin(math.sqrt(chord))


def bearing(one: Place, other: Place) -> str:
    """The direction in which one sets out, as one of eight points."""
    a, b = math.radians(one.latitude), math.radians(other.latitude)
    turn = math.radians(other.longitude - one.longitude)
    east = math.sin(turn) * math.cos(b)
    north = math.cos(a) * math.sin(b) - math.sin(a) * math.cos(b) * math.cos(turn)
    return POINTS[round(math.degrees(math.atan2(east, north)) / 45) % 8]


def _sun(place: Place) -> Section:
    low, month = min((place.offset(datetime(NOW, m, 15, tzinfo=UTC)), m) for m in (1, 7))
    noon = 5 * round((12 * 60 - place.longitude * 4 + low.total_seconds() / 60) / 5)  # minutes
    day = {name: _hours(daylight(place.latitude, tilt)) for name, tilt in SOLSTICES.items()}
    high = {name: _height(90 - abs(place.latitude - tilt)) for name, tilt in SOLSTICES.items()}
    return section(
        ("The sun over {}", "Daylight in {}", "The height of the sun in {}"),
        place,
        f"{choose(DAYLIGHT, place.key, 'day')} {choose(NOON, place.key, 'noon')}",
        june=day["June"],
        december=day["December"],
        high=high["June"],
        low=high["December"],
        month=MONTHS[month],
        noon=f"{noon // 60 % 24:02d}:{noon % 60:02d}",
    )


DAYLIGHT = (
    "Daylight in {name}: {june} at the June solstice, {december} at the December solstice.",
    "From light to dark in {name}: {june} around 21 June, {december} around 21 December.",
    "Day lengths in {name}: {june} in late June, {december} in late December.",
)
NOON = (
    "At noon the sun is {high} in June and {low} in December.",
    "The midday sun is {high} at the one, {low} at the other.",
    "On average the sun is highest at about {noon} by the clock of {month}.",
)


def daylight(latitude: float, tilt: float) -> float:
    """Hours between sunrise and sunset where the sun's declination is ``tilt`` degrees."""
    a, b = math.radians(latitude), math.radians(tilt)
    cosine = (math.sin(math.radians(RISING)) - math.sin(a) * math.sin(b)) / (math.cos(a) * math.cos(b))
    return 2 * math.degrees(math.acos(max(-1.0, min(1.0, cosine)))) / 15


def _hours(hours: float) -> str:
    if hours in (0, 24):
        return "no sunrise" if hours == 0 else "sun around the clock"
    minutes = 5 * round(hours * 12)
    some = f" {minutes % 60} min" if minutes % 60 else ""
    return f"about {minutes // 60} h{some}"


def _height(degrees: float) -> str:
    if abs(degrees) < 1:
        return "just at the horizon"
    return f"{round(degrees)}° high" if degrees > 0 else "below the horizon"
