"""Answers side by side as HTML: what differs, which passages were used, and what of an answer
stands in them, marked and linked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from playground.ask.judging import says_right
from playground.compare import Answer
from playground.retrieval.answers import Support, supported, supported_share
from playground.retrieval.low_scores import Low
from playground.retrieval.search import Hit
from playground.ui.parts.html import clock, details, duration, figure, join, link, note, notes, percent, receipt, tag
from playground.ui.parts.passages_html import passage
from playground.ui.parts.retriever_words import words_of
from playground.ui.text import say


@dataclass(frozen=True, kw_only=True)
class Looked:
    """How answers are looked at.

    :param again: a second set of answers on the page, whose passages cannot be taken away.
    :param right: the right answer; "" where it is not known.
    :param differing: mark the words that the first answer has not, in the place of footnotes.
    """

    again: bool = False
    right: str = ""
    differing: bool = False


AS_USUAL = Looked()


def answers(columns: Sequence[Answer], language: str, looked: Looked = AS_USUAL) -> Markup:
    """Answers side by side, those with passages with footnotes to them."""
    first = columns[0].text if columns and columns[0].done and looked.differing else None
    cards = (
        _answer(column, number, first if number else None, language, looked) for number, column in enumerate(columns)
    )
    return tag("div", *cards, class_=f"pg-answers pg-of-{len(columns)}", aria_live="polite")


def _answer(answer: Answer, number: int, first: str | None, language: str, looked: Looked) -> Markup:
    figures = say(
        language,
        "answer_figures",
        tokens=answer.tokens,
        seconds=duration(answer.seconds),
        rate=figure(answer.rate),
        prompt=answer.prompt_tokens,
    )
    name = f"{'again' if looked.again else 'source'}-{number}"
    supports = supported(_own(answer), answer.texts) if answer.done and answer.hits else []
    html = low(answer.low, language) + _cut(answer, language)
    if answer.hits:
        items = (
            passage(hit, language, "" if looked.again else _remove(hit, number, language), f"{name}-{hit.rank}")
            for hit in answer.hits
        )
        title = say(language, "answer_passages", count=len(answer.hits))
        html += _supported_line(answer, supports, language) + details(title, tag("ol", *items, class_="pg-hits"))
    took = stages(answer.stages, language) if answer.done else ""
    right = says_right(looked.right, answer.text) if looked.right.strip() and answer.done else None
    return tag(
        "section",
        tag("h3", answer.label),
        tag(
            "p",
            sign(right, language),
            _text(answer, first, supports, name),
            "" if answer.done else _waits(answer, language) or tag("span", "▍", class_="pg-cursor", aria_hidden="true"),
            class_="pg-text",
        ),
        receipt(figures),
        html,
        details(say(language, "answer_prompt"), tag("pre", answer.prompt, tabindex=0), took),
        class_=f"pg-answer {YES_OR_NO[right]}".strip(),
    )


def _waits(answer: Answer, language: str) -> str:
    """Who comes first, while all seats of the batch are taken."""
    place, seconds = answer.waits
    if not place:
        return ""
    if seconds < 1:
        return say(language, "answer_waits", place=place)
    return say(language, "answer_waits_about", place=place, time=clock(seconds))


YES_OR_NO = {True: "pg-yes", False: "pg-no", None: ""}


def sign(right: bool | None, language: str) -> Markup:
    """A tick or a cross, in words for those who do not see it; nothing where the right answer is not known."""
    if right is None:
        return Markup()
    word = say(language, "mark_right" if right else "mark_wrong")
    return tag("span", "✓" if right else "✗", role="img", aria_label=word, class_="pg-sign") + " "


def _own(answer: Answer) -> str:
    """An answer without the first words, which were given to the model."""
    return answer.text.removeprefix(answer.begun).strip()


def _text(answer: Answer, first: str | None, supports: Sequence[Support], name: str) -> str:
    """An answer: growing as it is; once done with what differs from the first, or with footnotes."""
    if not answer.done:
        return answer.text
    if first is not None:
        return differing(first, answer.text)
    return footnoted(answer, supports, name) if answer.hits else answer.text


def _cut(answer: Answer, language: str) -> Markup:
    """What was found and did not fit into the budget."""
    texts = [say(language, "context_shortened")] if answer.shortened else []
    if answer.cut:
        names = ", ".join(hit.passage.id for hit in answer.cut)
        texts.append(say(language, "context_cut", passages=names))
    return notes(texts, "warn")


def differing(first: str, other: str) -> Markup:
    """``other`` with the words that differ from ``first`` marked."""
    # A word with the spaces after it is one piece; pieces are compared by their words.
    b = re.findall(r"^\s+|\S+\s*", other)
    parts: list[str] = []
    matcher = difflib.SequenceMatcher(None, first.split(), [w.strip() for w in b], autojunk=False)
    for kind, _, _, start, end in matcher.get_opcodes():
        text = "".join(b[start:end])
        words = text.rstrip()
        if kind in ("replace", "insert") and words:
            parts += [tag("mark", words, class_="pg-differs"), text[len(words) :]]
        else:
            parts.append(text)
    return join(parts)


def footnoted(answer: Answer, supports: Sequence[Support], name: str) -> Markup:
    """A finished answer with the stretches that stand in a passage marked, each linked to it.

    :param supports: those stretches, in the answer's own words.
    :param name: of the answer among all on the page, for the links.
    """
    begun = len(answer.text) - len(answer.text.removeprefix(answer.begun).lstrip())
    text, parts, at = answer.text[begun:], [answer.text[:begun]], 0
    for support in supports:
        start, end = support.span
        parts += [text[at:start], _link(text[start:end], support, answer, name)]
        at = end
    return join([*parts, text[at:]])


def _supported_line(answer: Answer, supports: Sequence[Support], language: str) -> Markup:
    """The share of a finished answer's words that stand in its passages."""
    if not answer.done:
        return Markup()
    share = percent(supported_share(_own(answer), supports))
    return details(say(language, "answer_supported", share=share), receipt(say(language, "answer_supported_info")))


def _link(words: str, support: Support, answer: Answer, name: str) -> Markup:
    hit = answer.hits[support.source]
    title = f"{hit.rank}: {hit.passage.id}"
    source = tag("a", words, tag("sup", hit.rank), href=f"#{name}-{hit.rank}", title=title)
    return tag("mark", source, class_="pg-source")


def _remove(hit: Hit, number: int, language: str) -> Markup:
    """A button that asks again without the passage."""
    name = say(language, "take_away")
    return link(name, "without", f"{name}: {hit.rank}", place=number, passage=hit.passage.id)


def low(found: Low | None, language: str) -> Markup:
    """A word of warning where the best score is low for the corpus."""
    if found is None:
        return Markup()
    limit = found.limit
    text = say(
        language,
        "score_low",
        limit=figure(limit.score),
        score=figure(found.score),
        part=say(language, f"retriever_{found.part}"),
        unanswerable=percent(limit.unanswerable),
        answerable=percent(limit.answerable),
    )
    return note(text, "warn")


def stages(seconds: Mapping[str, float], language: str) -> Markup:
    """What each stage took."""
    parts = [f"{say(language, words_of('stage', name))} {duration(spent)}" for name, spent in seconds.items()]
    return receipt(say(language, "stages", parts=", ".join(parts)))


def side_by_side(heads: Sequence[str], texts: Sequence[str]) -> Markup:
    """Answers beside each other."""
    cards = zip(heads, texts, strict=True)
    cells = (tag("div", tag("b", head), tag("p", text), class_="pg-answer") for head, text in cards)
    return tag("div", *cells, class_="pg-answers")
