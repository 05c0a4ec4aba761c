"""Answers side by side as HTML: what differs, which passages were used, and what of an answer
stands in them, marked and linked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from playground.compare import Answer
from playground.retrieval.answers import Support, supported, supported_share
from playground.retrieval.low_scores import Low
from playground.retrieval.search import Hit
from playground.ui.parts.html import details, duration, figure, join, link, note, notes, percent, receipt, tag
from playground.ui.parts.passages_html import passage
from playground.ui.parts.retriever_words import words_of
from playground.ui.text import say


def answers(columns: Sequence[Answer], language: str, again: bool = False) -> Markup:
    """Answers side by side; words that the first column has not are marked.

    :param again: for a second set of answers on the page, whose passages cannot be taken away.
    """
    first = columns[0].text if columns and columns[0].done else None
    cards = (
        _answer(column, number, first if number else None, language, again) for number, column in enumerate(columns)
    )
    return tag("div", *cards, class_="pg-answers", aria_live="polite")


def _answer(answer: Answer, number: int, first: str | None, language: str, again: bool) -> Markup:
    # Marked once both are written: until then everything differs, and it is slow work.
    plain = first is None or not answer.done
    text = answer.text if plain else differing(first or "", answer.text)
    figures = say(
        language,
        "answer_figures",
        tokens=answer.tokens,
        seconds=duration(answer.seconds),
        rate=figure(answer.rate),
        prompt=answer.prompt_tokens,
    )
    html = low(answer.low, language) + _cut(answer, language)
    if answer.hits:
        name = f"{'again' if again else 'source'}-{number}"
        items = (
            passage(hit, language, "" if again else _remove(hit, number, language), f"{name}-{hit.rank}")
            for hit in answer.hits
        )
        title = say(language, "answer_passages", count=len(answer.hits))
        html += sources(answer, name, language) + details(title, tag("ol", *items, class_="pg-hits"))
    if answer.done:
        html += stages(answer.stages, language)
    return tag(
        "section",
        tag("h3", answer.label),
        tag(
            "p", text, "" if answer.done else tag("span", "▍", class_="pg-cursor", aria_hidden="true"), class_="pg-text"
        ),
        receipt(figures),
        html,
        details(say(language, "answer_prompt"), tag("pre", answer.prompt, tabindex=0)),
        class_="pg-answer",
    )


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


def sources(answer: Answer, name: str, language: str) -> Markup:
    """A finished answer with the stretches that stand in a passage marked, each linked to it, and
    the share of its words that do; "" for an answer without passages.

    The first words, which were given to the model, do not count.

    :param name: of the answer among all on the page, for the links.
    """
    if not (answer.hits and answer.done):
        return Markup()
    text = answer.text.removeprefix(answer.begun).strip()
    supports = supported(text, answer.texts)
    parts, at = [], 0
    for support in supports:
        start, end = support.span
        parts += [text[at:start], _link(text[start:end], support, answer, name, language)]
        at = end
    return details(
        say(language, "answer_supported", share=percent(supported_share(text, supports))),
        tag("p", *parts, text[at:], class_="pg-sources"),
        receipt(say(language, "answer_supported_info")),
    )


def _link(words: str, support: Support, answer: Answer, name: str, language: str) -> Markup:
    hit = answer.hits[support.source]
    title = say(language, "answer_source", rank=hit.rank, passage=hit.passage.id)
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
