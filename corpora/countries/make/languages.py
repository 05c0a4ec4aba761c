"""Sections on languages: official ones, speakers, and what a country is called."""

from __future__ import annotations

from collections.abc import Iterator

from corpora.countries.make import doubts
from corpora.countries.make.cldr import english, in_locale, shared, spoken
from corpora.countries.make.words import Country, Section, choose, is_latin, listed, ranked, said

LANGUAGE_GROUPS = {
    "in Romance languages": "fr es it pt ca ro",
    "in northern Europe": "sv nb fi is et lv lt fo",
    "in central Europe": "de nl pl cs hu hr sl sq",
    "in Celtic and Basque lands": "cy ga gd br eu",
    "in languages far away": "tr vi id sw az uz so zu af tk",
}
MOST_NAMES = 26  # words of names and their languages in a section


def sections(of: Country) -> Iterator[Section]:
    """All of them for a country."""
    for part in (_official, _shares, _regional, _own_name, _foreign_names):
        yield from part(of)


def _official(of: Country) -> Iterator[Section]:
    names = [name for name in map(english, spoken(of.code)) if name]
    if not names:
        return
    options = ONE_LANGUAGE if of.code not in doubts.INCOMPLETE else ONE_OF_SEVERAL
    text = choose(options if len(names) == 1 else LANGUAGES, of.code, "official")
    yield Section(
        choose(("Languages", "Official language", "What the law is written in"), of.code),
        said(text, name=of.name, names=listed(names)),
    )


ONE_LANGUAGE = (
    "The official language of {name} is {names}.",
    "{Names} is the official language of {name}. Laws and letters from the authorities are in it.",
    "In {name} the authorities write and speak {names}, the official language.",
)
ONE_OF_SEVERAL = (
    "{Names} is an official language of {name}.",
    "In {name}, {names} has the rank of an official language.",
)
LANGUAGES = (
    "Official in {name}: {names}.",
    "The state of things in {name}: {names} count among the official languages.",
    "Among the official languages of {name} one finds {names}.",
)


def _shares(of: Country) -> Iterator[Section]:
    rows = shared("territory_languages").get(of.code, {})
    known = [
        (english(language), round(row["population_percent"]))
        for language, row in rows.items()
        if row["population_percent"] >= 1 and english(language)
    ][:5]
    if of.code not in doubts.SHARES or len(known) < 2:
        return
    (first, most), *rest = known
    yield Section(
        choose(("Who speaks what", "Languages by number of speakers"), of.code),
        said(
            choose(SHARES, of.code, "shares"),
            name=of.name,
            first=first,
            most=str(most),
            rest=listed([f"{name} {share} percent" for name, share in rest]),
        ),
    )


SHARES = (
    "An estimated {most} percent of the people of {name} can speak {first}. Of the others, counted "
    "in the same way, {rest}.",
    "Speakers in {name}, as estimated shares of the people: {first} {most} percent, {rest}. Many speak more than one.",
)


def _regional(of: Country) -> Iterator[Section]:
    if names := [english(language) for language in doubts.REGIONAL.get(of.code, ())]:
        one = len(names) == 1
        yield Section(
            "Languages of a region",
            said(
                "{names} {have} official standing in a part of {name}, not in the whole of it.",
                names=listed(names),
                have="has" if one else "have",
                name=of.name,
            ),
        )


def _own_name(of: Country) -> Iterator[Section]:
    found: dict[str, list[str]] = {}
    for language in spoken(of.code):
        if language != "en" and (name := _named(of.code, language)) and english(language):
            found.setdefault(name, []).append(english(language))
    if set(found) - {of.title}:
        rows = [f"{name} in {listed(speakers)}" for name, speakers in found.items()]
        yield Section(
            choose(("Its own name", "What it calls itself"), of.code),
            said(choose(OWN, of.code, "own"), name=of.name, rows=listed(rows)),
        )


OWN = (
    "{Name} calls itself {rows}.",
    "At home, the name of {name} is {rows}.",
    "To those who live there, {name} is {rows}.",
)


def _named(code: str, language: str) -> str:
    """What a language calls a territory, "" if it has no name in Latin letters for it."""
    from babel.localedata import exists

    name = in_locale(language).territories.get(code, "") if exists(language) else ""
    return str(name).replace("’", "'") if is_latin(name) else ""


def _foreign_names(of: Country) -> Iterator[Section]:
    plain = (of.title, _named(of.code, "en"))
    for group, languages in LANGUAGE_GROUPS.items():
        known: dict[str, list[str]] = {}
        words = 0
        abroad = [one for one in languages.split() if one not in spoken(of.code, in_practice=True)]
        for language in ranked(abroad, of.code):
            name = _named(of.code, language)
            words += len(name.split()) + 2
            if name not in ("", *plain) and words <= MOST_NAMES:
                known.setdefault(name, []).append(english(language).removesuffix(" Bokmål"))
        if len(known) > 1:
            rows = [f"{name} in {listed(sorted(speakers))}" for name, speakers in known.items()]
            yield Section(f"Its name {group}", said(choose(FOREIGN, of.code, group), name=of.name, rows=listed(rows)))


FOREIGN = (
    "{Name} is {rows}.",
    "What English calls {name} is {rows}.",
    "On maps {name} is labelled {rows}.",
    "Others say it differently: {name} is {rows}.",
)
