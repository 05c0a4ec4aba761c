"""The fact lab as HTML: what the model says now, the table, and the questions behind a cell."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from playground.lab.evaluation import Response
from playground.lab.lesson import KINDS, LessonQuestion
from playground.lab.prior import SURE, SURE_OF, Prior
from playground.lab.scores import Ranked, best_of, untold
from playground.lab.sheet import LabSheet
from playground.lab.table import WayRow
from playground.lab.verdict import Verdict
from playground.lab.ways import WAYS
from playground.ui.lab.report import UNTAUGHT
from playground.ui.lab.words import figure_shown, told, way_name
from playground.ui.parts import charts
from playground.ui.parts.html import (
    duration,
    figure,
    grid,
    join,
    link,
    named,
    note,
    notes,
    percent,
    scrolled,
    signed,
    size,
    tag,
)
from playground.ui.text import say, tell

COLUMNS = (*KINDS, "kept", "perplexity", "apply_seconds", "answer_seconds", "bytes", "undo_seconds")


def now_html(prior: Prior, language: str) -> Markup:
    """What the model says before anything is taught."""
    knows = _knows(prior, language)
    likely = [say(language, "lab_now_target", probability=percent(prior.target, 2))]
    if prior.old is not None:
        old = say(language, "lab_now_old", answer=prior.old_answer, probability=percent(prior.old, 2))
        likely.append(old)
    bars = charts.bars(
        [charts.Bar(signed(one.text, language), one.probability, percent(one.probability, 2)) for one in prior.top],
        say(language, "lab_now_next"),
    )
    return (
        tag("p", tag("b", say(language, "lab_now_writes", text=prior.text)))
        + note(say(language, "lab_now_already") if prior.says_already else "", "warn")
        + notes([tell(language, one) for one in prior.notes], "warn")
        + note(knows)
        + note(" ".join(likely))
        + bars
        + _tokens(say(language, "lab_now_subject"), prior.subject_tokens, language)
        + _tokens(say(language, "lab_now_answer"), prior.target_tokens, language)
    )


def _knows(prior: Prior, language: str) -> str:
    """How well a model knows, in a sentence that agrees with its figures."""
    count, of, likely = prior.agreement, prior.of, percent(prior.top[0].probability, 2)
    if prior.known:
        return say(language, "lab_now_knows", count=count, of=of)
    if count < SURE_OF:
        return say(language, "lab_now_unsure", count=count, of=of, probability=likely)
    faint = prior.top[0].probability < SURE
    key = "lab_now_faint" if faint else "lab_now_loose"
    return say(language, key, count=count, of=of, probability=likely)


def _tokens(title: str, tokens: Sequence[str], language: str) -> Markup:
    pieces = join((tag("code", named(token, language)) for token in tokens), " ")
    return tag("p", f"{title}: ", pieces, class_="pg-legend")


def value_html(row: WayRow, column: str, language: str) -> tuple[str, str]:
    """The figure of a cell, and what stands small beside it."""
    if column in KINDS:
        one = row.figures.get(column)
        if one is None:
            return "–", ""
        low, high = one.said_interval
        likely = say(language, "lab_likelier", share=f"{one.share:.0%}", probability=figure(one.probability, 2))
        return f"{one.said:.0%}", f"{100 * low:.0f}–{high:.0%}, {likely}"
    if column == "kept":
        unchanged = row.kept
        return (f"{unchanged.right}/{unchanged.of}" if unchanged.of else "–"), ""
    if row.way == "base" and column in UNTAUGHT:
        return "–", ""
    name = "perplexity_ratio" if column == "perplexity" else column
    return figure_shown(column, getattr(row, name)), ""


def ordered(rows: Sequence[WayRow], ranked: Sequence[Ranked]) -> list[WayRow]:
    """The model as it is, then the best for this visitor first."""
    order = {one.way: number for number, one in enumerate(ranked)}
    return sorted(rows, key=lambda row: (row.way != "base", order.get(row.way, len(order))))


def ways_table(sheet: LabSheet, ranked: Sequence[Ranked], language: str) -> Markup:
    """All ways, the best for this visitor first; the model as it is comes before them."""
    if not sheet.rows:
        return Markup()
    rows = ordered(sheet.rows, ranked)
    best = best_of(sheet.rows)
    heads = [say(language, "lab_way"), *(say(language, f"lab_{column}") for column in COLUMNS)]
    caption = say(language, "lab_caption", fact=sheet.lesson.sentence, count=sum(row.way != "base" for row in rows))
    return (
        scrolled(grid(heads, [_row(row, best, language) for row in rows], caption, "pg-lab"), caption)
        + note(say(language, "lab_legend"))
        + _too_few(sheet, language)
    )


def _too_few(sheet: LabSheet, language: str) -> Markup:
    columns = [say(language, f"lab_{column}") for column in untold(sheet.rows)]
    return note(say(language, "lab_too_few", columns=", ".join(columns)) if columns else "")


def _row(row: WayRow, best: dict[str, set[str]], language: str) -> Markup:
    name = way_name(row.way, language)
    said = tag("q", row.answer.strip()) if row.error is None else ""
    head = tag("th", name, said, _actions(row, language), scope="row")
    if row.error is not None:
        why = say(language, "lab_failed", reason=tell(language, row.error))
        return tag("tr", head, tag("td", note(why, "warn"), colspan=len(COLUMNS)))
    return tag("tr", head, *(_cell(row, column, row.way in best.get(column, ()), language) for column in COLUMNS))


def _cell(row: WayRow, column: str, best: bool, language: str) -> Markup:
    """A figure that opens what stands behind it, with a star where it is the best of its column."""
    shown, small = value_html(row, column, language)
    name = say(language, f"lab_{column}")
    label = say(language, "lab_open", way=way_name(row.way, language), column=name, figure=shown)
    return tag(
        "td",
        link(shown, "cell", label, way=row.way, column=column),
        join([" ", tag("abbr", "★", title=say(language, "lab_best"))]) if best else "",
        tag("small", small),
        class_="pg-lab-cell pg-best" if best else "pg-lab-cell",
    )


def _actions(row: WayRow, language: str) -> Markup:
    if row.error is not None or row.way == "base" or (WAYS[row.way].writes and not row.recipe.get("edits")):
        return Markup()
    kinds = ["compare"] if not WAYS[row.way].writes else ["stack", "compare"]
    words = [(kind, say(language, f"lab_to_{kind}")) for kind in kinds]
    name = way_name(row.way, language)
    buttons = (link(word, kind, f"{name}: {word}", way=row.way) for kind, word in words)
    return tag("span", join(buttons, " "), class_="pg-lab-do")


def cell(sheet: LabSheet, way: str, column: str, language: str) -> Markup:
    """What stands behind a cell: the questions with their answers, or how a figure is meant."""
    row, base = sheet.row(way), sheet.row("base")
    if row is None or row.error is not None or column not in COLUMNS:
        return Markup()
    title = f"{way_name(way, language)}: {say(language, f'lab_{column}')}"
    if column in KINDS:
        responses = [response for response in row.asked if response.question.kind == column]
        before = {response.question: response for response in base.asked} if base and way != "base" else {}
        body = _questions(responses, before, title, language)
    elif column == "kept":
        body = note(say(language, "lab_cell_kept", right=row.kept.right, of=row.kept.of))
    elif column == "perplexity":
        ratio = f"{row.perplexity_ratio:.4f}"
        body = note(say(language, "lab_cell_perplexity", ratio=ratio))
    else:
        body = note(
            say(
                language,
                "lab_cell_cost",
                apply=duration(row.apply_seconds),
                answer=duration(row.answer_seconds),
                bytes=size(row.bytes),
                undo=duration(row.undo_seconds),
            )
        )
    return tag("h4", title) + body


def _questions(
    responses: Sequence[Response], before: dict[LessonQuestion, Response], title: str, language: str
) -> Markup:
    if not responses:
        return note(say(language, "lab_cell_empty"))
    keys = ["question", "wanted", "other", "right", "written", "writes"] + (["before"] if before else [])
    rows = []
    for response in responses:
        question = response.question
        other = "–" if response.other is None else f"{question.other.strip()}: {percent(response.other, 2)}"
        right = say(language, "lab_yes" if response.right else "lab_no")
        texts = [
            question.prompt,
            f"{question.answer.strip()}: {percent(response.probability, 2)}",
            other,
            right,
            _yes(response.written, language),
            response.text,
        ]
        if before:
            earlier = before.get(question)
            texts.append(earlier.text if earlier else "–")
        rows.append(texts)
    return scrolled(grid([say(language, f"lab_cell_{key}") for key in keys], rows), title)


def _yes(written: bool | None, language: str) -> str:
    return "–" if written is None else say(language, "lab_yes" if written else "lab_no")


def verdict_html(decided: Verdict, language: str) -> Markup:
    """The advice, a sentence a line."""
    lines = [told(sentence, language) for sentence in decided.sentences]
    if not lines:
        return Markup()
    first, *rest = lines
    return tag("div", tag("p", tag("b", first)), tag("ul", *(tag("li", line) for line in rest)), class_="pg-verdict")
