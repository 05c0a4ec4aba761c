"""Pieces of HTML of the Documents tab: what a search found and why, and how well it finds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup

from playground.retrieval.evaluate import Outcome, Report
from playground.retrieval.lexical.bm25 import Contribution
from playground.retrieval.low_scores import Low
from playground.retrieval.search import Found, Hit
from playground.ui.parts import charts
from playground.ui.parts.answers_html import low, stages
from playground.ui.parts.html import details, duration, join, note, percent, receipt, table, tag
from playground.ui.parts.passages_html import passage
from playground.ui.text import say


def found(
    result: Found,
    why: Sequence[Sequence[Contribution]],
    words: Sequence[str],
    language: str,
    limit: Low | None = None,
    joined: Sequence[str] = (),
) -> Markup:
    """Found passages, what their scores are made of, and what each stage took.

    :param why: for each hit, what the query's terms add; empty where there is no such sum.
    :param words: the query's terms.
    :param limit: if the best score is below it.
    :param joined: the retrievers whose rankings were joined.
    """
    if not result.hits:
        return note(say(language, "hits_none"))
    parts = [*why, *[()] * (len(result.hits) - len(why))]
    items = (
        passage(hit, language, _terms(hit, list(terms), language) + _ranks(hit, joined, language))
        for hit, terms in zip(result.hits, parts, strict=True)
    )
    split = note(say(language, "split_as", terms=" · ".join(words))) if words else ""
    return low(limit, language) + split + tag("ol", *items, class_="pg-hits") + stages(result.seconds, language)


def _terms(hit: Hit, terms: Sequence[Contribution], language: str) -> Markup:
    if not terms:
        return Markup()
    heads = [say(language, key) for key in ("term", "term_idf", "term_count", "term_tf", "term_adds")]
    rows = [
        [
            term.term if term.times == 1 else f"{term.term} (×{term.times})",
            f"{term.idf:.2f}",
            str(term.count),
            f"{term.tf:.2f}",
            f"{term.score:.2f}",
        ]
        for term in terms
    ]
    return details(say(language, "hit_why"), table(say(language, "terms_caption", rank=hit.rank), heads, rows))


def _ranks(hit: Hit, joined: Sequence[str], language: str) -> Markup:
    """Where the rankings that were joined had the passage."""
    if not joined:
        return Markup()
    lines = [
        say(language, "hit_rank", name=say(language, f"retriever_{name}"), rank=hit.parts[name][0])
        if name in hit.parts
        else say(language, "hit_no_rank", name=say(language, f"retriever_{name}"))
        for name in joined
    ]
    return receipt("; ".join(lines))


def evaluated(
    rows: Sequence[Report], outcomes: Sequence[Outcome], documents: Mapping[int, str], language: str
) -> Markup:
    """Recall, MRR and nDCG of every retriever by kind of question, drawn and in a table; every
    question opens to what each retriever brought.

    :param documents: of each passage by its place, to name the evidence that was not found.
    """
    if not rows:
        return note(say(language, "evaluate_none"), "warn")
    cuts = list(rows[0].recall)
    bars = [
        charts.Bar(say(language, f"retriever_{row.retriever}"), row.ndcg, f"{row.ndcg:.3f}")
        for row in rows
        if row.kind == "all"
    ]
    heads = [
        say(language, "retrieval"),
        say(language, "question_kind"),
        say(language, "questions"),
        *(f"recall@{k}" for k in cuts),
        "MRR",
        "nDCG@10",
        say(language, "search_time"),
    ]
    cells = [
        [
            say(language, f"retriever_{row.retriever}"),
            say(language, f"asked_{row.kind}"),
            str(row.count),
            *(percent(row.recall[k]) for k in cuts),
            f"{row.mrr:.3f}",
            f"{row.ndcg:.3f}",
            duration(row.seconds),
        ]
        for row in rows
    ]
    return (
        charts.bars(bars, say(language, "evaluate_chart"))
        + table(say(language, "evaluate_caption"), heads, cells)
        + _questions(outcomes, documents, language)
    )


def _questions(outcomes: Sequence[Outcome], documents: Mapping[int, str], language: str) -> Markup:
    by_question: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_question.setdefault(outcome.judged.id, []).append(outcome)
    items = (_question(group, documents, language) for group in by_question.values())
    without = sum(not group[0].judged.pieces for group in by_question.values())
    key = "evaluate_questions_some" if without else "evaluate_questions"
    return details(say(language, key, count=len(by_question), without=without), *items)


def _question(group: Sequence[Outcome], documents: Mapping[int, str], language: str) -> Markup:
    judged = group[0].judged
    places = sorted({index for piece in judged.pieces for index in piece})
    gold = ", ".join(documents[index] for index in places) or say(language, "no_evidence")
    lines = []
    for outcome in group:
        first = min((rank for rank in outcome.ranks if rank is not None), default=None)
        where = say(language, "found_at", rank=first) if first else say(language, "found_never")
        if not judged.pieces:
            where = say(language, "found_unanswerable")
        brought = ", ".join(hit.passage.id for hit in outcome.hits[:3]) or "-"
        name = say(language, f"retriever_{outcome.retriever}")
        lines.append(tag("li", tag("b", name), f": {where} ({brought})"))
    return question(judged.question, judged.kind, say(language, "evidence_in", passages=gold), lines, language)


def question(text: str, kind: str, right: str, lines: Iterable[Markup], language: str) -> Markup:
    """A question that opens to what is right, and to a line for each way to answer it."""
    title = join([text, " ", tag("small", say(language, f"asked_{kind}"))])
    return details(title, tag("p", right), tag("ul", *lines), class_="pg-question")
