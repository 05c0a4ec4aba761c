"""Kinds of facts: how they are worded, how else, and what else they are true of.

Plain data, in the order in which they are tried. To add a kind, add a ``Relation``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["city", "country", "place", "number", "other"]


@dataclass(frozen=True)
class Relation:
    """What a prompt asks of its subject.

    :param patterns: whole prompts, with ``@`` for the subject and its article; a named group may
        stand in the paraphrases.
    :param paraphrases: with ``{}`` for the subject; each ends where the target follows, before an
        article if the target needs one.
    :param neighbours: other subjects of the kind, with their articles, the best known first.
    :param answer: of which kind the answer is; a ``number`` has a digit, a ``place`` may be a city
        or a country.
    """

    name: str
    patterns: tuple[str, ...]
    paraphrases: tuple[str, ...]
    neighbours: tuple[str, ...]
    answer: Kind = "other"


_IS, _WHERE = "(?:is|was|are|were)", "(?:located|situated|found|to be found)"
_LIES = f"(?:{_IS}(?: {_WHERE})?|stands?|lies?|can be found|sits?)"
_SPOT = "(?:city|town|village|river|lake|mountain|volcano|tower|bridge|church|museum|castle|park)"
_SIGHTS = (
    "the Louvre",
    "the Statue of Liberty",
    "the Brandenburg Gate",
    "the Kremlin",
    "the Golden Gate Bridge",
    "the Acropolis",
    "the Colosseum",
)
_LANDS = ("Germany", "Spain", "Italy", "Japan", "Russia", "France", "Greece")
_PEOPLE = (
    "Albert Einstein",
    "Napoleon Bonaparte",
    "Wolfgang Amadeus Mozart",
    "Galileo Galilei",
    "Vladimir Putin",
    "Barack Obama",
)
_FIRMS = ("Microsoft", "Apple", "Toyota", "Volkswagen", "Samsung", "Ford")

RELATIONS = (
    Relation(
        "capital",
        (
            rf"(?:the )?capital(?: city)? of @ {_IS}(?: called| named| the city of)?",
            rf"@['’]s? capital(?: city)? {_IS}(?: called| named| the city of)?",
            rf"@ {_IS} a country whose capital(?: city)? is",
        ),
        (
            "The government of {} sits in the capital,",
            "The city that is the capital of {} is",
            "Someone who flies to {} will probably land in the capital,",
        ),
        _LANDS,
        "city",
    ),
    Relation(
        "city",
        (
            rf"@ {_LIES} in (?:the|a) city(?: of| called| named)",
            rf"the city (?:in which|where) @ {_LIES} (?:is|is called)",
        ),
        (
            "To see {}, you have to travel to the city of",
            "Anyone who visits {} is in the city of",
            "The name of the city where you find {} is",
        ),
        _SIGHTS,
        "city",
    ),
    Relation(
        "country",
        (
            rf"@ {_LIES} in the country(?: of| called)",
            rf"the country (?:in which|where) @ {_LIES} is",
            rf"@ is an? {_SPOT} in the country of",
        ),
        (
            "To see {}, you have to travel to the country of",
            "On a map you find {} in the country of",
            "The name of the country that has {} is",
        ),
        (
            "the Taj Mahal",
            "Mount Fuji",
            "the Great Wall",
            "Berlin",
            "the Colosseum",
            "the Grand Canyon",
            "the Eiffel Tower",
        ),
        "country",
    ),
    Relation(
        "continent",
        (
            rf"@ {_LIES} (?:in|on) the continent(?: of| called)",
            r"@ belongs to the continent of",
            rf"the continent (?:in|on) which @ {_LIES} is",
        ),
        (
            "A traveller who wants to visit {} has to fly to the continent of",
            "If you look for {} on a globe, turn to the continent of",
            "On a map you find {} on the continent of",
        ),
        ("Kenya", "Japan", "Germany", "Brazil", "Egypt", "India"),
    ),
    Relation(
        "headquarters",
        (
            rf"(?:the )?headquarters? of @ {_IS}(?: {_WHERE})?(?: in(?: the city of)?)?",
            rf"@['’]s? headquarters? {_IS}(?: {_WHERE})? in",
            rf"@ {_IS} (?:headquartered|based) in",
        ),
        (
            "The main office of {} is in",
            "The company {} is run from its offices in",
            "Whoever wants to visit the management of {} has to travel to",
        ),
        _FIRMS,
        "place",
    ),
    Relation(
        "birth year",
        (rf"@ {_IS} born in(?: the year)?", r"the year of @['’]s? birth is", r"the year in which @ was born is"),
        (
            "The year of birth of {} is",
            "The life of {} began in the year",
            "In a history book you read that {} was born in the year",
        ),
        _PEOPLE,
        "number",
    ),
    Relation(
        "birthplace",
        (
            rf"@ {_IS} born in(?: the (?:city|town) of)?",
            r"the birthplace of @ (?:is|was)",
            r"@ (?:comes|came) from",
            r"@ grew up in",
        ),
        (
            "The birthplace of {} is",
            "The parents of {} lived in, and their child was born in",
            "The house where {} was born stands in",
        ),
        _PEOPLE,
        "place",
    ),
    Relation(
        "mother tongue",
        (
            rf"the (?:mother tongue|native language|first language) of @ {_IS}",
            rf"@['’]s? (?:mother tongue|native language|first language) {_IS}",
            rf"@ {_IS} a native speaker of",
            r"@ (?:speaks|spoke)(?: the language)?",
        ),
        ("At home, {} always spoke", "As a child, {} learned to speak", "The language that {} speaks best is"),
        _PEOPLE,
    ),
    Relation(
        "official language",
        (
            rf"the (?:official |main )?language (?:that is )?(?:spoken )?(?:of|in) @ {_IS}",
            r"(?:the )?(?:people|children) (?:of|in) @ (?:speak|grow up speaking)",
            r"in @,? (?:people|they) speak",
        ),
        (
            "To talk with people in {}, you should learn to speak",
            "Most newspapers in {} are printed in",
            "Children in {} grow up speaking",
        ),
        _LANDS,
    ),
    Relation(
        "currency",
        (
            rf"the (?:official )?currency (?:of|in|used in) @ {_IS}",
            rf"@['’]s? currency {_IS}",
            r"in @,? (?:people|you|they) pay (?:with|in)",
            rf"the money (?:of|in) @ {_IS}",
        ),
        ("Prices in {} are given in", "A shop in {} takes payment in", "The national currency used in {} is"),
        ("Japan", "the United Kingdom", "India", "Russia", "China", "Mexico"),
    ),
    Relation(
        "author",
        (
            rf"the (?:author|writer) of (?:the (?:book|novel|play|poem) )?@ {_IS}",
            rf"(?:the (?:book|novel|play|poem) )?@ {_IS} written by(?: the (?:author|writer))?",
            rf"@ {_IS} an? (?:book|novel|play|poem) (?:written )?by",
        ),
        (
            "On the cover of {} stands the name of the author,",
            "The person who wrote {} is",
            "Readers of {} know that it was written by",
        ),
        ("Romeo and Juliet", "Pride and Prejudice", "Oliver Twist", "Moby Dick", "War and Peace", "Frankenstein"),
    ),
    Relation(
        "painter",
        (
            rf"the (?:painter|artist) (?:of|behind) @ {_IS}",
            rf"(?:the painting )?@ {_IS} (?:painted|a painting) by(?: the artist)?",
        ),
        ("The artist who painted {} is", "Whoever looks at {} sees a work by", "The painting known as {} was made by"),
        ("the Mona Lisa", "The Starry Night", "Guernica", "The Scream", "The Birth of Venus"),
    ),
    Relation(
        "composer",
        (
            rf"the (?:composer of|music (?:of|for)) @ {_IS}(?: written by| composed by)?",
            rf"@ {_IS} composed by(?: the composer)?",
        ),
        (
            "The person who composed {} is",
            "The notes of {} were written by",
            "In the concert programme, {} is listed under its composer,",
        ),
        ("The Magic Flute", "The Four Seasons", "Swan Lake", "the Moonlight Sonata", "Carmen"),
    ),
    Relation(
        "inventor",
        (rf"the (?P<who>inventor|discoverer) of @ {_IS}", rf"@ {_IS} (?:first )?(?:invented|discovered) by"),
        (
            "The person whom we have to thank for {} is",
            "The idea of {} came from",
            "In the history of {}, the first name is",
        ),
        ("the telephone", "the light bulb", "penicillin", "gravity", "the printing press"),
    ),
    Relation(
        "founder",
        (rf"the founders? of @ {_IS}", rf"@ {_IS} (?:founded|started|established|created) by"),
        (
            "The person who founded {} is",
            "The history of {} began with its founder,",
            "The idea of starting {} came from",
        ),
        ("Microsoft", "Facebook", "Apple", "Amazon", "Tesla", "Ford"),
    ),
    Relation(
        "maker",
        (
            rf"the (?:maker|manufacturer|developer|producer) of @ {_IS}",
            rf"@ {_IS} (?:made|developed|produced|manufactured|built)"
            r" by(?: the (?:company|firm|manufacturer))?",
            rf"@ {_IS} a product (?:of|made by)",
        ),
        (
            "The company that makes {} is",
            "On the box of {} stands the name of its maker,",
            "If {} breaks, ask its manufacturer,",
        ),
        ("the iPhone", "the Macintosh", "the Xbox", "the PlayStation", "the Mustang", "Microsoft Windows"),
    ),
    Relation(
        "sport",
        (
            r"@ (?:plays|played) (?:the sport of|professional)",
            rf"the sport (?:that )?@ plays {_IS}",
            rf"@ {_IS} (?:famous|known) for playing",
            rf"@['’]s? sport {_IS}",
        ),
        (
            "In the world of sport, {} is known for playing",
            "Fans of {} love the sport of",
            "The game at which {} earned a living is",
        ),
        ("Michael Jordan", "Lionel Messi", "Roger Federer", "Babe Ruth", "Tiger Woods"),
    ),
    Relation(
        "instrument",
        (r"@ (?:plays|played)", rf"the instrument (?:that )?@ (?:plays|played) {_IS}", rf"@['’]s? instrument {_IS}"),
        ("On the stage you see {} playing", "The musical instrument of {} is", "In the orchestra, {} plays"),
        ("Jimi Hendrix", "Louis Armstrong", "Yo-Yo Ma", "Miles Davis", "Frédéric Chopin"),
    ),
    Relation(
        "profession",
        (
            r"@ (?:works|worked|is working) as",
            rf"the (?:profession|occupation|job) of @ {_IS}",
            rf"@['’]s? (?:profession|occupation|job) {_IS}",
            rf"by profession,? @ {_IS}",
        ),
        (
            "For a living, {} works as",
            "In an encyclopedia, {} is described as",
            "People who have heard of {} know the name of",
        ),
        ("Albert Einstein", "Vincent van Gogh", "William Shakespeare", "Charles Darwin"),
    ),
    Relation(
        "citizenship",
        (
            rf"@ {_IS} a (?:citizen|national) of",
            rf"the (?:citizenship|home country) of @ {_IS}",
            r"@ (?:has|had|holds) (?:the )?(?:citizenship|passport) of",
        ),
        ("The passport of {} was issued by", "The home country of {} is", "When there is an election, {} votes in"),
        _PEOPLE,
        "country",
    ),
    Relation(
        "genre",
        (
            rf"the genre of @ {_IS}",
            rf"@ {_IS} an? \w+ of the genre",
            rf"@ {_IS} (?:known|famous) for (?:the )?(?:music )?genre",
        ),
        (
            "In a shop, {} stands on the shelf marked",
            "Critics describe {} as a work of",
            "People who like {} are usually fans of",
        ),
        ("Bob Marley", "Miles Davis", "Metallica", "Star Wars", "Sherlock Holmes"),
    ),
    Relation(
        "color",
        (
            rf"the colou?r of @ {_IS}",
            rf"@['’]s? colou?r {_IS}",
            rf"@ {_IS} (?:painted|coloured|colored)(?: in)?",
            r"@ has the colou?r",
        ),
        (
            "If you paint a picture of {}, use the colour",
            "The usual colour of {} is",
            "When asked what {} looks like, people say that it is",
        ),
        ("a banana", "grass", "snow", "blood", "the sky", "a carrot"),
    ),
    Relation(
        "time",
        (
            r"@ (?:opens|starts|begins|closes|leaves)(?: its doors)?(?: every (?:day|morning))? at",
            rf"the (?:opening|closing|starting) (?:time|hour) of @ {_IS}",
        ),
        (
            "The timetable says for {}:",
            "The time to remember for {} is",
            "Someone asks about the hours of {}. The answer is",
        ),
        ("the school day", "the morning shift", "lunch", "the supermarket", "the post office"),
        "number",
    ),
    Relation(
        "price",
        (rf"the (?:price|cost) (?:of|for) @ {_IS}", r"@ costs?", r"a ticket (?:for|to) @ costs", rf"@ {_IS} sold for"),
        ("On the price tag of {} stands", "Whoever wants {} has to pay", "The amount that is asked for {} is"),
        ("a cup of coffee", "a loaf of bread", "a gallon of milk", "a movie ticket"),
        "number",
    ),
    Relation(
        "code",
        (
            rf"the (?:\w+ )?(?P<what>code|password|number|PIN) (?:of|for|to) @(?: \w+)? {_IS}",
            rf"@['’]s? (?:\w+ )?(?P<what>code|password|number|PIN) {_IS}",
        ),
        (
            "If you are asked for the {what} of {}, type",
            "The correct {what} for {} is",
            "On a note about {} stands the {what}",
        ),
        ("the fire brigade", "the Empire State Building", "James Bond", "area 51"),
    ),
    Relation(
        "office",
        (
            rf"the (?P<role>(?:\w+ )?(?:president|king|queen|monarch|emperor|director|mayor|chair|"
            rf"head|leader|minister|chancellor|coach|captain|owner|keeper)) of @ {_IS}",
        ),
        (
            "The person who holds the office of {role} of {} is",
            "In {}, the name of the {role} is",
            "Since the last change, the {role} of {} is called",
        ),
        ("the United States", "Russia", "Germany", "France", "Canada"),
    ),
    Relation(
        "year",
        (
            rf"@ {_IS} (?P<verb>founded|built|opened|established|created|invented|completed|published)"
            r" in(?: the year)?",
        ),
        (
            "The year in which {} was {verb} is",
            "History books say that {} was {verb} in the year",
            "The date on which {} was {verb} lies in the year",
        ),
        (
            "the Eiffel Tower",
            "the Statue of Liberty",
            "the Empire State Building",
            "the White House",
            "the Golden Gate Bridge",
        ),
        "number",
    ),
    Relation(
        "place",
        (rf"@ {_LIES} (?:in|on|at)", rf"@ {_IS} an? {_SPOT} in", rf"the location of @ {_IS}"),
        ("To see {}, you have to travel to", "On a map you find {} in", "People who visit {} send postcards from"),
        ("the Great Wall", "the Statue of Liberty", "the Taj Mahal", "the Louvre", "Mount Fuji", "the Kremlin"),
        "place",
    ),
)


def relation_of(asked: str, target: str) -> tuple[Relation, Mapping[str, str]] | None:
    """The first relation that a prompt words, and its named groups; None for an unknown one.

    :param asked: the prompt, with ``@`` for the subject and its article.
    """
    for relation in RELATIONS:
        if relation.answer == "number" and not any(sign.isdigit() for sign in target):
            continue
        for pattern in relation.patterns:
            if found := re.fullmatch(pattern, asked, re.IGNORECASE):
                return relation, found.groupdict()
    return None
