"""Answers side by side as HTML: what differs, which passages were used, and what of an answer
stands in them, marked and linked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from html import escape

from playground.compare import Answer
from playground.retrieval.answers import Support, supported, supported_share
from playground.retrieval.low_scores import Low
from playground.retrieval.search import Hit
from playground.ui.parts.html import duration, figure, note, notes, percent
from playground.ui.parts.passages_html import passage
from playground.ui.parts.retriever_words import words_of
from playground.ui.text import say


def answers(columns: Sequence[Answer], language: str, again: bool = False) -> str:
    """Answers side by side; words that the first column has not are marked.

    :param again: for a second set of answers on the page, whose passages cannot be taken away.
    """
    first = columns[0].text if columns and columns[0].done else None
    cards = "".join(
        _answer(column, place, first if place else None, language, again) for place, column in enumerate(columns)
    )
    return f'<div class="pg-answers" aria-live="polite">{cards}</div>'


def _answer(answer: Answer, place: int, first: str | None, language: str, again: bool) -> str:
    # Marked once both are written: until then everything differs, and it is slow work.
    plain = first is None or not answer.done
    text = escape(answer.text) if plain else differing(first or "", answer.text)
    figures = say(
        language,
        "answer_figures",
        tokens=answer.tokens,
        seconds=duration(answer.seconds),
        rate=figure(answer.rate),
        prompt=answer.prompt_tokens,
    )
    found = low(answer.low, language) + _cut(answer, language)
    if answer.hits:
        title = escape(say(language, "answer_passages", count=len(answer.hits)))
        name = f"{'again' if again else 'source'}-{place}"
        items = "".join(
            passage(hit, language, "" if again else _remove(hit, place, language), f"{name}-{hit.rank}")
            for hit in answer.hits
        )
        found += (
            f"{sources(answer, name, language)}<details><summary>{title}</summary>"
            f'<ol class="pg-hits">{items}</ol></details>'
        )
    if answer.done:
        found += stages(answer.stages, language)
    waiting = "" if answer.done else '<span class="pg-cursor" aria-hidden="true">▍</span>'
    return (
        f'<section class="pg-answer"><h3>{escape(answer.label)}</h3>'
        f'<p class="pg-text">{text}{waiting}</p><p class="pg-receipt">{escape(figures)}</p>{found}'
        f"<details><summary>{escape(say(language, 'answer_prompt'))}</summary>"
        f'<pre tabindex="0">{escape(answer.prompt)}</pre></details></section>'
    )


def _cut(answer: Answer, language: str) -> str:
    """What was found and did not fit into the budget."""
    texts = [say(language, "context_shortened")] if answer.shortened else []
    if answer.cut:
        names = ", ".join(hit.passage.id for hit in answer.cut)
        texts.append(say(language, "context_cut", passages=names))
    return notes(texts, "warn")


def differing(first: str, other: str) -> str:
    """``other`` with the words that differ from ``first`` marked, escaped."""
    # A word with the spaces after it is one piece; pieces are compared by their words.
    b = re.findall(r"^\s+|\S+\s*", other)
    parts = []
    matcher = difflib.SequenceMatcher(None, first.split(), [w.strip() for w in b], autojunk=False)
    for kind, _, _, start, end in matcher.get_opcodes():
        text = "".join(b[start:end])
        words = text.rstrip()
        if kind in ("replace", "insert") and words:
            mark = f'<mark class="pg-differs">{escape(words)}</mark>'
            parts.append(mark + escape(text[len(words) :]))
        else:
            parts.append(escape(text))
    return "".join(parts)


def sources(answer: Answer, name: str, language: str) -> str:
    """A finished answer with the stretches that stand in a passage marked, each linked to it, and
    the share of its words that do; "" for an answer without passages.

    The first words, which were given to the model, do not count.

    :param name: of the answer among all on the page, for the links.
    """
    if not (answer.hits and answer.done):
        return ""
    text = answer.text.removeprefix(answer.begun).strip()
    found = supported(text, answer.texts)
    share = percent(supported_share(text, found))
    title = escape(say(language, "answer_supported", share=share))
    marked, at = "", 0
    for one in found:
        start, end = one.span
        marked += escape(text[at:start]) + _link(text[start:end], one, answer, name, language)
        at = end
    marked += escape(text[at:])
    help_ = escape(say(language, "answer_supported_info"))
    return (
        f"<details><summary>{title}</summary>"
        f'<p class="pg-sources">{marked}</p><p class="pg-receipt">{help_}</p></details>'
    )


def _link(words: str, one: Support, answer: Answer, name: str, language: str) -> str:
    hit = answer.hits[one.source]
    title = escape(say(language, "answer_source", rank=hit.rank, passage=hit.passage.id))
    return (
        f'<mark class="pg-source"><a href="#{name}-{hit.rank}" title="{title}">'
        f"{escape(words)}<sup>{hit.rank}</sup></a></mark>"
    )


def _remove(hit: Hit, place: int, language: str) -> str:
    """A button that asks again without the passage."""
    name = escape(say(language, "take_away"))
    return (
        f'<button type="button" class="pg-link" data-do="without" data-place="{place}" '
        f'data-passage="{escape(hit.passage.id)}" aria-label="{name}: {hit.rank}">{name}</button>'
    )


def low(found: Low | None, language: str) -> str:
    """A word of warning where the best score is low for the corpus."""
    if found is None:
        return ""
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


def stages(seconds: Mapping[str, float], language: str) -> str:
    """What each stage took."""
    parts = [f"{say(language, words_of('stage', name))} {duration(spent)}" for name, spent in seconds.items()]
    return f'<p class="pg-receipt">{escape(say(language, "stages", parts=", ".join(parts)))}</p>'


def side_by_side(heads: Sequence[str], texts: Sequence[str]) -> str:
    """Answers beside each other."""
    cells = "".join(
        f'<div class="pg-answer"><b>{escape(head)}</b><p>{escape(text)}</p></div>'
        for head, text in zip(heads, texts, strict=True)
    )
    return f'<div class="pg-answers">{cells}</div>'
