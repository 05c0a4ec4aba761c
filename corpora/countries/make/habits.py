"""Sections on habits: how prices, numbers and dates are written, and how weeks go."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from corpora.countries.make import doubts
from corpora.countries.make.cldr import called, currencies, english, locales, main_locale
from corpora.countries.make.words import DAYS, MONTHS, Country, Section, choose, is_latin, said


def sections(of: Country) -> Iterator[Section]:
    """All of them for a country."""
    for part in (_prices, _dates, _week):
        yield from part(of)


def _prices(of: Country) -> Iterator[Section]:
    from babel.numbers import format_currency, format_decimal

    locale = main_locale(of.code)
    current = currencies(of.code, now=True)
    if not locale or not current:
        return
    money = current[0][0]
    amount = 10_000 + 500 * choose(range(3, 140), of.code, "amount")
    price = str(format_currency(amount, money, locale=locale))
    count = str(format_decimal(amount * 100 + 0.5, locale=locale))
    if is_latin(price + count):
        yield Section(
            choose(("Writing prices and numbers", "How prices look", "Figures on paper"), of.code),
            said(
                choose(PRICES, of.code, "prices"),
                name=of.name,
                price=price,
                count=count,
                language=english(locale.language),
                amount=str(amount),
                many=called(money, 2),
                plain=f"{amount * 100}.5",
            ),
        )


PRICES = (
    "In the {language} of {name}, a price tag of {amount} {many} reads {price}, and the number "
    "{plain} is written {count}.",
    "{Name} writes {amount} {many} as {price} in {language}. With its marks for thousands and "
    "decimals, {plain} becomes {count}.",
    "Someone who writes {language} in {name} puts {price} for {amount} {many}. The figure {plain} "
    "looks like this: {count}.",
)


def _dates(of: Country) -> Iterator[Section]:
    from babel.dates import format_date

    locale = main_locale(of.code)
    if not locale or of.code in doubts.NO_DATE:
        return
    day = date(2024, choose(range(1, 13), of.code, "month"), choose(range(13, 29), of.code, "day"))
    short, long = (str(format_date(day, form, locale=locale)) for form in ("short", "long"))
    if not is_latin(short):
        return
    text = choose(DATES, of.code, "dates")
    if is_latin(long) and locale.language != "en":
        text += f" {choose(LONG, of.code, 'long')}"
    yield Section(
        choose(("Writing dates", "A date in short", "How days are written down"), of.code),
        said(
            text,
            name=of.name,
            short=short.rstrip("."),
            long=long.rstrip("."),
            language=english(locale.language),
            day=f"{day.day} {MONTHS[day.month]} {day.year}",
        ),
    )


DATES = (
    "In the {language} of {name}, {day} is {short} for short.",
    "A form in {language} in {name} has {short} for {day}.",
    "{Name} shortens {day} to {short} when it writes {language}.",
)
LONG = ("Written out, it is {long}.", "A letter has the long form, {long}.")


def _week(of: Country) -> Iterator[Section]:
    there = [
        locale
        for locale in locales().get(of.code, [])
        if locale.language != "pt" or of.code in ("BR", "PT", "MO", "MZ")
    ]
    if not there or of.code in doubts.NO_WEEK:
        return
    locale = there[0]
    first, start, end = locale.first_week_day, locale.weekend_start, locale.weekend_end
    text = choose(WEEK, of.code, "week")
    usual = (start, end) == (5, 6)
    told = of.code in doubts.SATURDAY_SUNDAY if usual else of.code not in doubts.NO_WEEKEND
    if told:
        text += f" {choose(WEEKEND, of.code, 'weekend')}"
    yield Section(
        choose(("The week", "Calendars and days off", "Week"), of.code),
        said(text, name=of.name, first=DAYS[first], start=DAYS[start], end=DAYS[end]),
    )


WEEK = (
    "A calendar on a telephone set to {name} begins each week with {first}.",
    "Software for {name} draws calendars with {first} in the first column.",
    "Calendar programs for {name} put {first} at the start of the week.",
)
WEEKEND = (
    "The days off of {name} are {start} and {end}.",
    "The weekend of {name} consists of {start} and {end}.",
    "Offices in {name} rest on {start} and {end}.",
)
