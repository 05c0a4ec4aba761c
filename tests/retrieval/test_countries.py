"""The countries in ``corpora/countries``: many, findable, true, and as the script made them.

Facts are checked against what was worked out by hand or follows from rules that are given here:
the laws on summer time, geometry on a sphere, almanacs. The documents are read as they are shipped.
"""

from __future__ import annotations

import calendar
import json
import math
import re
from datetime import date
from functools import cache
from importlib import metadata

import pytest

from corpora.countries.make import __main__ as script
from corpora.countries.make import ground, words
from playground.retrieval.corpus import CORPORA, load_corpus

FOLDER = CORPORA / "countries"
MONTHS = {name: number for number, name in enumerate(calendar.month_name) if name}
EUROPEAN = "Amsterdam Athens Berlin Brussels Copenhagen Helsinki Lisbon Madrid Paris Rome Vienna"
AMERICAN = ("New York", "Chicago", "Denver", "Los Angeles", "Boise", "Anchorage")


@cache
def texts() -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in sorted(FOLDER.glob("documents/*.md"))}


@cache
def sections(document: str) -> dict[str, str]:
    """Heading -> text, read anew."""
    parts = re.split(r"^## (.*)\n", texts()[f"{document}.md"], flags=re.M)
    return dict(zip(parts[1::2], (text.strip() for text in parts[2::2]), strict=True))


def section(document: str, words_of_heading: str) -> str:
    """The one section whose heading has these words."""
    (found,) = [text for head, text in sections(document).items() if words_of_heading in head]
    return found


def questions() -> list[dict]:
    lines = (FOLDER / "questions.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def sunday(year: int, month: int, nth: int) -> int:
    """The day of a month's nth Sunday, -1 for its last."""
    days = [week[calendar.SUNDAY] for week in calendar.monthcalendar(year, month)]
    return [day for day in days if day][nth if nth < 0 else nth - 1]


# What there is


def test_there_are_thousands_of_short_passages():
    passages = load_corpus("countries").passages
    assert len(passages) >= 5000
    assert max(len(passage.text.split()) for passage in passages) <= 60
    assert len(texts()) > 240
    assert sum(len(text.encode()) for text in texts().values()) < 1_500_000


def test_every_section_is_one_passage_and_has_a_heading_of_its_own():
    passages = load_corpus("countries").passages
    assert sum(len(sections(name.removesuffix(".md"))) for name in texts()) == len(passages)
    assert len({(one.document, one.heading) for one in passages}) == len(passages)


def test_documents_have_plain_names_and_the_title_of_their_country():
    for name, text in texts().items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*\.md", name)
        title = text.split("\n")[0]
        assert title.startswith("# ")
        assert words.slug(title) == name.removesuffix(".md")


def test_the_card_tells_how_many_passages_there_are():
    card = (FOLDER / "card.md").read_text("utf-8")
    count = len(load_corpus("countries").passages)
    assert f"\npassages: {count}\n" in card
    assert "title: Countries: money, languages, clocks\nlanguage: en\n" in card
    assert "UNICODE LICENSE V3" in card


# Questions


def test_every_quote_stands_in_one_passage_of_the_whole_corpus():
    passages = load_corpus("countries").passages
    for question in questions():
        for evidence in question["evidence"]:
            holding = [one.document for one in passages if evidence["quote"] in one.text]
            assert holding == [evidence["document"]], question["id"]
            assert question["answer"] in evidence["quote"], question["id"]


def test_only_unanswerable_questions_have_neither_answer_nor_evidence():
    for question in questions():
        answered = question["kind"] != "unanswerable"
        assert bool(question["answer"]) == bool(question["evidence"]) == answered


def test_the_shipped_questions_are_the_tables():
    assert script.questions(texts()) == questions()


# Facts


KNOWN = [
    ("portugal", "Money", "the euro."),
    ("portugal", "Portuguese escudo", "until early 2002"),
    ("germany", "Money", "in 1999"),
    ("lithuania", "Money", "since 2015"),
    ("lithuania", "litas", "until the end of 2014"),
    ("croatia", "Money", "in 2023"),
    ("bulgaria", "hard lev", "until 1999"),
    ("brazil", "Money", "since 1994"),
    ("sierra-leone", "Money", "in 2022"),
    ("liechtenstein", "Money", "the Swiss franc"),
    ("brazil", "Official", "Portuguese, the official language"),
    ("kenya", "Languages", "Swahili and English"),
    ("hungary", "calls itself", "Magyarország"),
    ("germany", "northern Europe", "Saksa in Finnish"),
    ("united-states", "The week", "put Sunday at the start"),
    ("united-kingdom", "Calendars and days off", "each week with Monday"),
    ("saudi-arabia", "The week", "Friday and Saturday"),
    ("india", "prices", "6600000.5 becomes 66,00,000.5"),
    ("germany", "prices", "2.200.000,5"),
    ("united-states", "Writing dates", "23 January 2024 to 1/23/24"),
    ("japan", "days are written", "17 July 2024 is 2024/07/17"),
    ("nepal", "Clocks in Kathmandu", "UTC+5:45 all year"),
    ("japan", "Clocks in Tokyo", "UTC+9, nine hours ahead of UTC"),
    ("australia", "time it is in Lord Howe", "UTC+11 in January but UTC+10:30 in July"),
    ("kiribati", "Clocks in Kiritimati", "UTC+14"),
    ("united-kingdom", "London in 1995", "Sunday 26 March and back again on Sunday 22 October"),
    ("united-kingdom", "London in 1971", "31 October, at 03:00, clocks went back an hour"),
    ("united-states", "New York in 1974", "Sunday 6 January, at 02:00, until Sunday 27"),
    ("samoa", "Apia in 2011", "forward 24 hours on 30 December"),
    ("nepal", "in 1986", "forward 15 minutes on Wednesday 1 January"),
    ("north-korea", "in 2015", "15 August 2015, clocks in Pyongyang went back half an hour"),
    ("venezuela", "in 2007", "9 December 2007, clocks in Caracas went back half an hour"),
    ("liberia", "in 1972", "forward 44 minutes 30 seconds, from UTC-0:44:30 to UTC+0"),
    ("portugal", "Calling from Lisbon", "in January, it is 07:00 in New York, 21:00 in Tokyo"),
    ("portugal", "Lisbon on the globe", "38°43' north and 9°08' west"),
    ("united-kingdom", "sun in London", "about 16 h 40 min"),  # almanacs: 16:38
    ("iceland", "sun in Reykjavik", "about 21 h 10 min"),  # 21:08
    ("svalbard-and-jan-mayen", "Daylight", "sun around the clock in late June, no sunrise"),
    ("finland", "way from Helsinki", "Tallinn about 80 km south"),
]


def test_facts_that_are_known_from_elsewhere():
    for document, heading, told in KNOWN:
        assert told in section(document, heading), document


def test_nothing_is_told_of_what_is_out_of_date_or_disputed():
    assert "Money" not in sections("bulgaria")  # the euro since 2026, which CLDR did not know
    assert "Money" not in sections("western-sahara")
    everything = "\n".join(texts().values())
    assert "Simferopol" not in everything
    assert "Urumqi" not in everything


def test_no_year_before_1970_has_clocks():
    years = [int(year) for text in texts().values() for year in re.findall(r"^## .* in (\d{4})$", text, re.M)]
    assert len(years) > 1000
    assert (min(years), max(years)) == (1970, 2025)


def changes(place: str, since: int, until: int) -> dict[int, list[tuple[int, int]]]:
    """Year -> days on which a place's clocks were set, as (month, day), from its sections."""
    found = {}
    for text in texts().values():
        for year, told in re.findall(rf"^## {place} in (\d{{4}})\n(.*)$", text, re.M):
            if since <= int(year) <= until:
                days = re.findall(r"(\d{1,2}) ([A-Z][a-z]+)", told)
                found[int(year)] = [(MONTHS[month], int(day)) for day, month in days]
    return found


def test_summer_time_follows_european_law():
    """Since 1996 from the last Sunday of March to the last of October (directive 94/21/EC)."""
    checked = 0
    for place in EUROPEAN.split():
        for year, days in changes(place, 1996, 2025).items():
            assert days == [(3, sunday(year, 3, -1)), (10, sunday(year, 10, -1))] or (
                (place, year) == ("Lisbon", 1996) and days == [(10, 27)]  # came from another time
            ), (place, year)
            checked += 1
    assert checked > 20


def test_summer_time_follows_american_law():
    """From 1987 the first Sunday of April to the last of October (P.L. 99-359); since 2007 the
    second Sunday of March to the first of November (Energy Policy Act of 2005)."""
    checked = 0
    for place in AMERICAN:
        for year, days in changes(place, 1987, 2025).items():
            newer = [(3, sunday(year, 3, 2)), (11, sunday(year, 11, 1))]
            older = [(4, sunday(year, 4, 1)), (10, sunday(year, 10, -1))]
            assert days == (newer if year >= 2007 else older), (place, year)
            checked += 1
    assert checked > 5


def test_weekdays_are_those_of_the_calendar():
    checked = 0
    for text in texts().values():
        for year, told in re.findall(r"^## .* in (\d{4})\n(.*)$", text, re.M):
            for weekday, day, month in re.findall(r"(\w+day) (\d{1,2}) ([A-Z][a-z]+)", told):
                assert f"{date(int(year), MONTHS[month], int(day)):%A}" == weekday
                checked += 1
    assert checked > 1500


def coordinates() -> dict[str, tuple[float, float]]:
    """Place -> latitude and longitude, from the sections."""
    found = {}
    for name in texts():
        for heading, text in sections(name.removesuffix(".md")).items():
            numbers = re.findall(r"(\d+)°(\d\d)' (north|south|east|west)", text)
            if len(numbers) == 2:
                place = re.sub(r"^Where to find | on the globe$", "", heading)
                place = place[0].lower() + place[1:] if place.startswith("The ") else place
                latitude, longitude = (
                    (int(degrees) + int(minutes) / 60) * (-1 if way in ("south", "west") else 1)
                    for degrees, minutes, way in numbers
                )
                found[place] = latitude, longitude
    return found


def test_distances_are_those_of_points_on_a_sphere():
    """By the angle between vectors; the coordinates are those in the documents."""
    places = coordinates()
    points = {
        name: (
            math.cos(math.radians(latitude)) * math.cos(math.radians(longitude)),
            math.cos(math.radians(latitude)) * math.sin(math.radians(longitude)),
            math.sin(math.radians(latitude)),
        )
        for name, (latitude, longitude) in places.items()
    }
    named = "|".join(sorted(map(re.escape, points), key=len, reverse=True))
    checked = 0
    for name in texts():
        for heading, text in sections(name.removesuffix(".md")).items():
            start = re.fullmatch(r"(?:Around|The way from|Neighbours of) (.+)", heading)
            for other, far in re.findall(rf"({named}) about ([\d,]+) km", text if start else ""):
                cosine = sum(a * b for a, b in zip(points[start[1]], points[other], strict=True))
                gap = abs(6371 * math.acos(min(1.0, cosine)) - int(far.replace(",", "")))
                assert gap <= (6 if "," not in far else 52), (heading, other)
                checked += 1
    assert checked > 1200


# The script's arithmetic


@pytest.mark.parametrize(
    ("latitude", "hours"),
    [(0, 12.12), (51.5, 16.63), (89, 24)],  # 0: by hand, 12 h + 2 x 0.833° / cos(23.44°) / 15
)
def test_the_longest_day(latitude, hours):
    assert ground.daylight(latitude, 23.44) == pytest.approx(hours, abs=0.02)


def test_the_shortest_day_at_the_pole_has_no_sun():
    assert ground.daylight(89, -23.44) == 0


@pytest.mark.parametrize(("items", "read"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")])
def test_lists_read_as_english(items, read):
    assert words.listed(items) == read


def test_choices_do_not_depend_on_the_run():
    assert words.choose(range(2**32), "123456789") == 0xCBF43926  # CRC-32's published check value
    assert sorted(words.ranked(["one", "two", "three"], "key")) == ["one", "three", "two"]


def test_names_become_plain_file_names():
    assert words.slug("Côte d'Ivoire") == "cote-d-ivoire"
    assert words.slug("Åland Islands") == "aland-islands"


@pytest.mark.parametrize("code", ["PT", "NP", "WS", "GQ", "US"])
def test_the_script_writes_what_is_shipped(code):
    card = (FOLDER / "card.md").read_text("utf-8")
    for package, wanted in re.findall(r"in (babel|tzdata) ([\d.]+\d)", card):
        try:
            found = metadata.version(package)
        except metadata.PackageNotFoundError:
            found = "none"
        if found != wanted:
            pytest.skip(f"{package} {wanted} made the corpus, and {found} is installed")
    for name, text in script.documents([code]).items():
        assert text == texts()[name]
