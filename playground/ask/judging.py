"""Whether an answer says what is right, by what is written.

Two texts are brought to the same form before they are compared as ``answer_contained`` compares: times of the
day, dates, numbers in words, units. Deterministic; no model judges another.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import product, zip_longest

from playground.retrieval.answers import answer_place
from playground.retrieval.lexical.terms import folded

MOST_BEFORE = 200  # characters before an answer, among which a denial is looked for
MOST_TIMES = 4  # of an answer that are read either way
OR = re.compile("[|｜]")  # between answers that are right alike
# Before what is asked for; an answer is as right without them
LEADING = re.compile(
    r"\A(?:(?:at|in|on|by|from|to|about|around|the|it is|it's|because of)\s+)+(?=.*[^\W_])", re.I | re.S
)
_KOREAN_NOT = re.compile(r"\A(?:[이가은는도]\s+)?아(?:니|닙|닌)")
_NOT = re.compile(r"(?:\bnot|\bnever|n['’]t|\bno longer|\brather than|\binstead of|\bunlike)\s+(?:\S+\s+){0,2}$", re.I)

_COUNTED = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
eighteen nineteen twenty
"""
_SMALL = _COUNTED.split()
_TENS = {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_WORDS = {word: number for number, word in enumerate(_SMALL)} | _TENS | {"twenty": 20}
_UNITS_AFTER_TENS = {word: number for number, word in enumerate(_SMALL) if 1 <= number <= 9}
_NUMBER = re.compile(
    rf"\b(?:(twenty|{'|'.join(_TENS)})[- ]({'|'.join(_UNITS_AFTER_TENS)})|({'|'.join(_WORDS)}))\b", re.I
)

_YEAR = "january february march april may june july august september october november december"
_MONTHS = _YEAR.split()
_MONTH = "|".join(f"{name}|{name[:3]}\\.?" for name in _MONTHS) + r"|sept\.?"
_DATES = (
    re.compile(r"\b(?P<y>\d{4})-(?P<n>\d{1,2})-(?P<d>\d{1,2})\b"),
    re.compile(r"(?:(?P<y>\d{4})년\s*)?(?P<n>\d{1,2})월\s*(?P<d>\d{1,2})일"),
    re.compile(rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<m>{_MONTH})(?:,? (?P<y>\d{{4}}))?\b", re.I),
    re.compile(rf"\b(?P<m>{_MONTH}) (?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?:,? (?P<y>\d{{4}}))?\b", re.I),
)
_UNITS = {
    "km": ("kilometres", "kilometers", "kilometre", "kilometer", "킬로미터"),
    "m": ("metres", "meters", "metre", "meter", "미터"),
    "cm": ("centimetres", "centimeters", "centimetre", "centimeter", "센티미터"),
    "kg": ("kilograms", "kilogrammes", "kilogram", "kilos", "킬로그램"),
    "percent": ("%", "per cent", "퍼센트"),
    "usd": ("dollars", "dollar", "달러"),
    "eur": ("euros", "euro", "유로"),
    "krw": ("원", "won"),
    "gbp": ("pounds", "pound"),
    "h": ("hours", "hour", "hrs"),
    "min": ("minutes", "minute", "mins"),
}
_UNIT = {spelled: short for short, names in _UNITS.items() for spelled in (short, *names)}
_MEASURE = re.compile(rf"(?<=\d)\s?({'|'.join(map(re.escape, sorted(_UNIT, key=len, reverse=True)))})(?![a-z])", re.I)
_CURRENCY = re.compile(r"([$€₩£])\s?(\d[\d,.]*\d|\d)")
_SIGN = {"$": "usd", "€": "eur", "₩": "krw", "£": "gbp"}
_HALF = r"a\.?m\b\.?|p\.?m\b\.?"
_KOREAN_HALF = "오전|오후|아침|저녁|밤"
_TIMES = (
    re.compile(
        rf"(?:(?P<k>{_KOREAN_HALF})\s*)?(?<![\d.:,])(?P<h>\d{{1,2}})"
        rf"(?::|\.(?!\d+ (?:{'|'.join(_UNITS)})\b))(?P<m>\d{{2}})"
        rf"(?![\d:]|\.\d)(?:\s*(?P<x>{_HALF}|o['’]clock))?",
        re.I,
    ),
    re.compile(rf"(?<![\d.:,])(?P<h>\d{{1,2}})\s*(?P<x>{_HALF}|o['’]clock)", re.I),
    re.compile(
        rf"(?:(?P<k>{_KOREAN_HALF})\s*)?(?<!\d)(?P<h>\d{{1,2}})시(?!간)(?:\s*(?P<m>\d{{1,2}})분|\s*(?P<half>반))?"
    ),
)
_HALF_PAST = re.compile(r"\b(half|quarter) (past|to) (\d{1,2})\b", re.I)
_HOURS = "한 두 세 네 다섯 여섯 일곱 여덟 아홉 열 열한 열두"
_HANGUL_HOURS = {word: number for number, word in enumerate(_HOURS.split(), start=1)}
_HANGUL_HOUR = re.compile(
    rf"(?<![가-힣])({'|'.join(sorted(_HANGUL_HOURS, key=len, reverse=True))})\s*시(?=[\s가-힣.,!?]|$)"
)
_CLOCK = re.compile(r"\btime(\d{2})(\d{2})([ap]?)(?!\w)")


def says_right(right: str, text: str) -> bool:
    """Whether a text says a right answer, as a whole and not denied.

    :param right: one answer, or several that are right alike with ``|`` between them.
    :return: False for an answer without letters or digits.
    """
    said, answers = _uniform(text), (part.strip() for part in OR.split(" ".join(right.split())))
    return any(_stands(form, said) for answer in answers if answer for form in _forms(_uniform(answer)))


def _forms(answer: str) -> Iterator[str]:
    """An answer with each of its times in both ways to write it: a text that leaves the half of the day open says it
    too; a time without a half is of the morning, and 12 is noon."""
    parts = _CLOCK.split(answer, maxsplit=MOST_TIMES)  # text, hour, minute, half, text, ...
    texts, times = parts[::4], list(zip(parts[1::4], parts[2::4], parts[3::4], strict=True))
    for way in product(*(_both(int(hour), minute, half) for hour, minute, half in times)):
        yield "".join(piece for pair in zip_longest(texts, way, fillvalue="") for piece in pair)


def _both(hour: int, minute: str, half: str) -> tuple[str, str]:
    """A time as it is written, and with its half of the day where it has none, or without."""
    other = f"time{_clock(hour, half):02}{minute}" if half else f"time{hour:02}{minute}{'p' if hour == 12 else 'a'}"
    return f"time{hour:02}{minute}{half}", other


def _stands(answer: str, text: str) -> bool:
    bare = LEADING.sub("", answer.strip(), count=1)
    return answer_place(bare, text) is not None and not _denied(bare, text)


def _denied(answer: str, text: str) -> bool:
    """Whether all mentions of an answer are denied: behind a word that does so, or in Korean before one."""
    parts = re.split(r"(?<=[.!?;])\s+|\bbut\b|,\s", text)
    holding = [part for part in parts if answer_place(answer, part) is not None]
    return bool(holding) and all(_behind_not(answer, part) for part in holding)


def _behind_not(answer: str, part: str) -> bool:
    words = part.split()
    # The fewest words that hold it, by halving: a passage may be long
    count = bisect_left(range(len(words)), True, key=lambda n: answer_place(answer, " ".join(words[:n])) is not None)
    before = " ".join(words[: max(0, count - len(answer.split()))]) + " "
    return bool(_NOT.search(before[-MOST_BEFORE:]) or _KOREAN_NOT.search(" ".join(words[count:])))


def _uniform(text: str) -> str:
    """A text with its numbers, times, dates and measures in one form each."""
    text = _HANGUL_HOUR.sub(lambda hour: f"{_HANGUL_HOURS[hour[1]]}시", folded(text))
    text = _HALF_PAST.sub(_half_past, _NUMBER.sub(_number, text))
    text = _CURRENCY.sub(lambda sum_: f"{sum_[2]} {_SIGN[sum_[1]]}", text)
    text = _MEASURE.sub(lambda unit: f" {_UNIT[unit[1].lower()]}", text)  # before times: 4.50 dollars is none
    for pattern in (*_DATES, *_TIMES):
        text = pattern.sub(_date if pattern in _DATES else _time, text)
    return text


def _number(match: re.Match[str]) -> str:
    if match[1]:
        return str(_WORDS[match[1].lower()] + _UNITS_AFTER_TENS[match[2].lower()])
    return str(_WORDS[match[3].lower()])


def _half_past(match: re.Match[str]) -> str:
    minutes = {"half": 30, "quarter": 15}[match[1].lower()]
    hour = int(match[3])
    if match[2].lower() == "to":
        hour, minutes = hour - 1 or 12, 60 - minutes
    return f"{hour}:{minutes:02}"


def _date(match: re.Match[str]) -> str:
    named = match.groupdict()
    month = int(named["n"]) if named.get("n") else 1 + [name[:3] for name in _MONTHS].index(named["m"][:3].lower())
    year = f" {named['y']}" if named.get("y") else ""
    return f"date{month:02}{int(named['d']):02}{year}"


def _time(match: re.Match[str]) -> str:
    named = match.groupdict()
    hour, minute = int(named["h"]), 30 if named.get("half") else int(named.get("m") or 0)
    if hour > 24 or minute > 59:
        return match[0]
    mark = (named.get("x") or named.get("k") or "").lower()
    half = "a" if mark.startswith("a") or mark in ("오전", "아침") else ""
    half = "p" if mark.startswith("p") or mark in ("오후", "저녁", "밤") else half
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    elif hour % 24 == 0:
        hour, half = 0, "a"
    elif hour > 12:
        half = "p"
    gap = " " if match[0][:1].isspace() else ""
    return f"{gap}time{hour:02}{minute:02}{half} "


def _clock(hour: int, half: str) -> int:
    """The hour as a clock without halves of the day shows it."""
    return hour - 12 if half == "p" and hour > 12 else hour or 12
