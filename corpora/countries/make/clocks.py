"""Sections on clocks: what they show, beside those of other places, and when they were set."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from corpora.countries.make import doubts, ground
from corpora.countries.make.places import FIRST_YEAR, LAST_YEAR, NOW, Change, Place, places, section
from corpora.countries.make.words import DAYS, MONTHS, Country, Section, choose, listed, number, ranked, said

MOST_WORDS = 38  # of a section, so that it makes one passage
FAR = (
    "America/Los_Angeles",
    "America/New_York",
    "America/Sao_Paulo",
    "Europe/London",
    "Africa/Lagos",
    "Europe/Paris",
    "Africa/Cairo",
    "Europe/Moscow",
    "Africa/Nairobi",
    "Asia/Dubai",
    "Asia/Kolkata",
    "Asia/Bangkok",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Pacific/Auckland",
)


def sections(of: Country) -> Iterator[Section]:
    """All that is told of the places of a country."""
    there = places().get(of.code, [])
    alone = len(there) == 1 and of.code not in doubts.NO_WHOLE
    if len(there) > 2:
        yield _zones(of, there)
    for place in there:
        yield _clocks(of, place, alone)
        yield _elsewhere(place)
        yield from ground.sections(place)
        yield from _years(place)


def _zones(of: Country, there: list[Place]) -> Section:
    middle = datetime(NOW, 1, 15, tzinfo=UTC)
    rows = sorted(there, key=lambda place: (place.offset(middle), place.name))
    first, last = utc(rows[0].offset(middle)), utc(rows[-1].offset(middle))
    return Section(
        "Its time zones",
        said(
            ZONES if first != last else ONE_TIME,
            name=of.name,
            count=number(len(there)),
            west=rows[0].name,
            first=first,
            east=rows[-1].name,
            last=last,
        ),
    )


ZONES = (
    "{Name} has {count} time zones in the tz database. In January their clocks go from {first}, as "
    "in {west}, to {last}, as in {east}."
)
ONE_TIME = (
    "{Name} has {count} time zones in the tz database, since their clocks differed once. In "
    "January all of them show {first}."
)


def _clocks(of: Country, place: Place, alone: bool) -> Section:
    january, july = (place.offset(datetime(NOW, month, 15, tzinfo=UTC)) for month in (1, 7))
    changes, last = place.in_year(NOW), [one.local.year for one in place.changes]
    if not changes:
        text = choose(STEADY, place.key)
        text += " " + (choose(LAST, place.key) if last else choose(NEVER, place.key))
    else:
        text = choose(TURNED if january != july else MOSTLY, place.key)
    if alone and of.title != place.name:
        text += " " + choose(WHOLE, place.key)
    return section(
        ("Clocks in {}", "What time it is in {}", "The time in {}"),
        place,
        text,
        january=utc(january),
        july=utc(july),
        ahead=_ahead(january),
        whole=of.name,
        year=str(NOW),
        last=str(last[-1]) if last else "",
        moves=listed([_moved(change, False) for change in changes]) if changes else "",
    )


STEADY = (
    "Clocks in {name} show {january} all year, {ahead}.",
    "{Name} keeps {january}, {ahead}, in summer and winter.",
    "There is no summer time in {name}: it is {january}, {ahead}, in every month.",
)
LAST = ("Clocks were last set to another time in {last}.", "The last change was in {last}.")
NEVER = ("Nothing has changed there since 1970.", "It has been so since 1970 at least.")
TURNED = (
    "Clocks in {name} show {january} in January and {july} in July. In {year} they go {moves}.",
    "{Name} has {january} in January but {july} in July; in {year} the clocks go {moves}.",
    "In January it is {january} in {name}, {ahead}; in July it is {july}. Clocks go {moves} in {year}.",
)
MOSTLY = (
    "Clocks in {name} show {january} most of the year. In {year} they go {moves}.",
    "{Name} has {january}, but not in every week; in {year} the clocks go {moves}.",
)
WHOLE = ("This holds for the whole of {whole}.", "All of {whole} has this time.")


def _elsewhere(place: Place) -> Section:
    headings = ("Calling from {}", "{} and far cities", "Noon in {}")
    far = [other for there in places().values() for other in there if other.key in FAR]
    for count in (3, 2):  # a dateline between makes it long
        chosen = ranked([other.name for other in far if other.key != place.key], place.key)[:count]
        winter, summer = (_noons(place, far, chosen, month) for month in (1, 7))
        text = choose(NOONS_SAME if winter == summer else NOONS, place.key)
        rows = [f"{time} in {city}" for time, city in zip(winter, chosen, strict=True)]
        found = section(headings, place, text, winter=listed(rows), summer=listed(summer))
        if len(found.text.split()) <= MOST_WORDS:
            break
    return found


def _noons(place: Place, far: list[Place], chosen: list[str], month: int) -> list[str]:
    """What clocks of other cities show when it is noon in a place."""
    base = place.offset(datetime(NOW, month, 15, tzinfo=UTC))
    noon = datetime(NOW, month, 15, 12, tzinfo=UTC) - base
    shown = {one.name: timedelta(hours=12) + one.offset(noon) - base for one in far}
    return [_clock(shown[name], days=True) for name in chosen]


NOONS = (
    "When it is noon in {name} in January, it is {winter}. In July, in the same order, {summer}.",
    "Noon in {name} is {winter}, as long as it is January; in July they are at {summer}.",
    "Who telephones from {name} at noon in January hears people for whom it is {winter}; in July, {summer}.",
)
NOONS_SAME = (
    "When it is noon in {name}, it is {winter}, in January as in July.",
    "Noon in {name} is {winter}. The same holds in January and in July.",
)


def _clock(time: timedelta, days: bool = False) -> str:
    minutes = round(time.total_seconds() / 60)
    shown = f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"
    day = minutes // (24 * 60) if days else 0
    return shown + ("" if not day else " the next day" if day > 0 else " the day before")


def utc(offset: timedelta) -> str:
    """`UTC+5:45`"""
    seconds = round(offset.total_seconds())
    hours, rest = divmod(abs(seconds), 3600)
    small = f":{rest // 60:02d}" if rest else ""
    small += f":{rest % 60:02d}" if rest % 60 else ""
    return f"UTC{'-' if seconds < 0 else '+'}{hours}{small}"


def _ahead(offset: timedelta) -> str:
    if not offset:
        return "the same as UTC"
    return f"{_long(abs(offset))} {'ahead of' if offset > timedelta() else 'behind'} UTC"


def _long(time: timedelta) -> str:
    """`an hour`, `half an hour`, `5 hours 45 minutes`"""
    seconds = round(time.total_seconds())
    if seconds in (1800, 3600):
        return "an hour" if seconds == 3600 else "half an hour"
    parts = ((seconds // 3600, "hour"), (seconds // 60 % 60, "minute"), (seconds % 60, "second"))
    return " ".join(
        f"{number(count) if unit == 'hour' else count} {unit}{'s' * (count > 1)}" for count, unit in parts if count
    )


# Years


def _years(place: Place) -> Iterator[Section]:
    regular: list[int] = []
    odd: list[int] = []
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        if changes := place.in_year(year):
            (regular if _is_regular(changes) else odd).append(year)
    most_regular, most_odd = (6, 9) if place.first else (1, 2)
    chosen = ranked(odd, place.key)[:most_odd] + ranked(regular, place.key)[:most_regular]
    yield from (_year(place, year, year in regular) for year in sorted(chosen))


def _is_regular(changes: list[Change]) -> bool:
    """Forward once and back once, by as much."""
    return len(changes) == 2 and changes[0].jump == -changes[1].jump


def _year(place: Place, year: int, regular: bool) -> Section:
    changes = place.in_year(year)
    forward = changes[0].jump > timedelta()
    options: tuple[str, ...] = ONCE if len(changes) == 1 else OFTEN
    if regular:
        options = SEASON if forward else SEASON_SOUTH
    first, last = changes[0], changes[-1]
    return section(
        (f"{{}} in {year}",),
        place,
        choose(options, place.key, year),
        year=str(year),
        count="twice" if len(changes) == 2 else f"{number(len(changes))} times",
        jump=_long(abs(first.jump)),
        days=str((last.when - first.when).days),
        one=_day(first),
        two=_day(last),
        at=f"{first.local:%H:%M}",
        then=f"{last.local:%H:%M}",
        before=utc(first.before),
        after=utc(first.after),
        way="forward" if forward else "back",
        moves=listed([_moved(change, len(changes) < 4) for change in changes]),
    )


SEASON = (
    "In {year} clocks in {name} went forward {jump} on {one} and back again on {two}.",
    "Summer hours in {name} lasted {days} days in {year}: from {one}, at {at}, until {two}.",
    "{Name} put its clocks forward {jump} on {one} {year}, at {at}, and back on {two}, at {then}.",
    "From {one} until {two} {year}, clocks in {name} were {jump} ahead of the rest of the year.",
)
SEASON_SOUTH = (
    "In {year} clocks in {name} went back {jump} on {one} and forward again on {two}.",
    "{Name} put its clocks back {jump} on {one} {year}, at {at}, and forward on {two}, at {then}.",
    "Between {one} and {two} {year}, clocks in {name} were {jump} behind the rest of the year.",
)
ONCE = (
    "In {year} clocks in {name} were set only once: {way} {jump} on {one}, from {before} to {after}.",
    "There was a single change in {name} in {year}. On {one}, at {at}, clocks went {way} {jump}, "
    "from {before} to {after}.",
    "On {one} {year}, clocks in {name} went {way} {jump}. Nothing else changed that year: the time "
    "was {after} for the rest of it.",
)
OFTEN = ("In {year} clocks in {name} were set {count}: {moves}.", "{Name} changed its time {count} in {year}: {moves}.")


def _moved(change: Change, precise: bool) -> str:
    way = "forward" if change.jump > timedelta() else "back"
    far = f" {_long(abs(change.jump))}" if precise else ""
    return f"{way}{far} on {change.local.day} {MONTHS[change.local.month]}"


def _day(change: Change) -> str:
    local = change.local
    return f"{DAYS[local.weekday()]} {local.day} {MONTHS[local.month]}"
