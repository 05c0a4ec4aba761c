"""Sections on money: today's, where else it is money, and what it came after."""

from __future__ import annotations

from collections.abc import Iterator

from corpora.countries.make import doubts
from corpora.countries.make.cldr import FIRST_SURE_YEAR, called, currencies, shared, territory
from corpora.countries.make.words import Country, Section, choose, listed, ranked, said


def sections(of: Country) -> Iterator[Section]:
    """All of them for a country."""
    for part in (_money, _shared_money, _older_money):
        yield from part(of)


def _money(of: Country) -> Iterator[Section]:
    from babel.numbers import get_currency_symbol

    current = currencies(of.code, now=True)
    for money, since, _ in current:
        symbol = str(get_currency_symbol(money, locale="en"))
        signed = symbol != money and not symbol.endswith(".")
        known = choose(KNOWN if signed else CODED, of.code, money)
        text = choose(MONEY if len(current) == 1 else ONE_OF_SEVERAL, of.code, money)
        years = choose(SINCE, money, of.code) if since else ""
        yield Section(
            "Money" if len(current) == 1 else f"Money: the {called(money)}",
            said(
                f"{text} {known} {years}",
                name=of.name,
                one=called(money),
                many=called(money, 2),
                code=money,
                symbol=symbol,
                year=str(since),
            ),
        )


MONEY = (
    "{Name} pays in {many}.",
    "The currency of {name} is the {one}.",
    "In {name} people pay with the {one}.",
    "Prices in {name} are in {many}.",
    "The money of {name} is the {one}.",
)
ONE_OF_SEVERAL = (
    "The {one} is one of the currencies of {name}.",
    "In {name} one can pay in {many}, and in other money too.",
)
KNOWN = (
    "Banks abbreviate the {one} as {code}, and English texts write {symbol}.",
    "Its code is {code}, and its sign in English texts is {symbol}.",
    "The code on exchange boards is {code}; the short sign is {symbol}.",
)
CODED = (
    "Banks abbreviate the {one} as {code}.",
    "Its code on exchange boards is {code}.",
    "The three letters for it are {code}.",
)
SINCE = ("It has been a currency there since {year}.", "That has been so since {year}.", "It came in {year}.")


def _shared_money(of: Country) -> Iterator[Section]:
    for money, _, _ in currencies(of.code, now=True)[:1]:
        others = [
            territory(code).name
            for code in ranked(sorted(shared("territory_zones")), money, of.code)
            if code != of.code and money in [one for one, _, _ in currencies(code, now=True)]
        ]
        if others:
            text = choose(SHARED, of.code, "shared")
            yield Section(
                said(choose(("Who shares the {one}", "The {one} elsewhere"), of.code), one=called(money)),
                said(text, one=called(money), name=of.name, others=listed(sorted(others[:4]))),
            )


SHARED = (
    "A traveller from {name} can go on paying with the {one} in {others}.",
    "The {one} of {name} is also money in {others}.",
    "Nobody has to change money between {name} and {others}: the {one} is used there as well.",
)


def _older_money(of: Country) -> Iterator[Section]:
    for money, since, end in currencies(of.code, now=False):
        unsure = money in doubts.NO_OLDER or f"{of.code}:{money}" in doubts.NO_OLDER_IN
        if unsure or end is None or end[0] < FIRST_SURE_YEAR:
            continue
        after = _successor(of.code, money, end)
        text = choose(OLDER if since else OLDER_UNTIL, of.code, money)
        if after:
            renewed = called(after) == called(money)
            text += f" {choose(RENEWED if renewed else FOLLOWED, of.code, money)}"
        yield Section(
            f"Older money: the {called(money, plain=False)}",
            said(
                text,
                name=of.name,
                one=called(money),
                many=called(money, 2),
                code=money,
                since=str(since),
                until=_until(end),
                after=called(after) if after else "",
                new=after,
            ),
        )


def _successor(code: str, money: str, end: tuple[int, ...]) -> str:
    """The tender that began as this one ended; "" where that is not certain."""
    rows = [row for row in shared("territory_currencies")[code] if row[3] and row[1]]
    begun = next(start for one, start, _, _ in rows if one == money)
    if end[0] == 2002 and "EUR" in [row[0] for row in rows]:
        return "EUR"
    later = [row for row in rows if row[1] > begun and end[0] - 1 <= row[1][0] <= end[0] + 1]
    first = min(later, key=lambda row: row[1], default=("",))[0]
    return "" if first in doubts.NO_OLDER else first


OLDER = (
    "{Name} used the {one}, code {code}, from {since} until {until}.",
    "From {since} until {until} one paid in {many} in {name}. Their code was {code}.",
    "The {one} ({code}) was money in {name} from {since} to {until}.",
)
OLDER_UNTIL = (
    "{Name} used the {one}, code {code}, until {until}.",
    "Until {until} one paid in {many} in {name}. Their code was {code}.",
    "The {one} ({code}) was money in {name} until {until}.",
)
FOLLOWED = ("The {after} came after it.", "Its successor was the {after}.")
RENEWED = ("A new {one} with the code {new} took its place.", "Its successor has the same name, but the code {new}.")


def _until(end: tuple[int, ...]) -> str:
    year, month, day = end
    if (month, day) == (12, 31):
        return f"the end of {year}"
    if (month, day) == (1, 1):
        return f"the start of {year}"
    return f"early {year}" if month <= 2 else str(year)
