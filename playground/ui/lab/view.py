"""The fact lab as HTML: what the model says now, the table, and the questions behind a cell."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from playground.lab.asking import Asked
from playground.lab.lesson import KINDS, Question
from playground.lab.now import SURE, SURE_OF, Now
from playground.lab.scores import untold
from playground.lab.sheet import Sheet
from playground.lab.table import Row
from playground.lab.verdict import Ranked, Verdict, best_of
from playground.lab.ways import IN_WEIGHTS
from playground.ui.lab.report import UNTAUGHT
from playground.ui.lab.words import percent, shown, told, way_name
from playground.ui.parts import charts
from playground.ui.parts.html import duration, figure, named, note, notes, signed, size
from playground.ui.text import say, tell

COLUMNS = (*KINDS, "kept", "perplexity", "apply_seconds", "answer_seconds", "bytes", "undo_seconds")


def now(found: Now, language: str) -> str:
    """What the model says before anything is taught."""
    knows = _knows(found, language)
    likely = [say(language, "lab_now_target", probability=percent(found.target))]
    if found.old is not None:
        old = say(language, "lab_now_old", answer=found.old_answer, probability=percent(found.old))
        likely.append(old)
    bars = charts.bars(
        [charts.Bar(signed(one.text, language), one.probability, percent(one.probability)) for one in found.top],
        say(language, "lab_now_next"),
    )
    already = note(say(language, "lab_now_already"), "warn") if found.says_already else ""
    return (
        f"<p><b>{escape(say(language, 'lab_now_writes', text=found.text))}</b></p>{already}"
        f"{notes([tell(language, one) for one in found.notes], 'warn')}"
        f"{note(knows)}{note(' '.join(likely))}{bars}"
        + _tokens(say(language, "lab_now_subject"), found.subject_tokens, language)
        + _tokens(say(language, "lab_now_answer"), found.target_tokens, language)
    )


def _knows(found: Now, language: str) -> str:
    """How well a model knows, in a sentence that agrees with its figures."""
    count, of, likely = found.agreement, found.of, percent(found.top[0].probability)
    if found.known:
        return say(language, "lab_now_knows", count=count, of=of)
    if count < SURE_OF:
        return say(language, "lab_now_unsure", count=count, of=of, probability=likely)
    faint = found.top[0].probability < SURE
    key = "lab_now_faint" if faint else "lab_now_loose"
    return say(language, key, count=count, of=of, probability=likely)


def _tokens(title: str, tokens: Sequence[str], language: str) -> str:
    pieces = " ".join(f"<code>{named(token, language)}</code>" for token in tokens)
    return f'<p class="pg-legend">{escape(title)}: {pieces}</p>'


def value(row: Row, column: str, language: str) -> tuple[str, str]:
    """The figure of a cell, and what stands small beside it."""
    if column in KINDS:
        one = row.figures.get(column)
        if one is None:
            return "–", ""
        low, high = one.said_interval
        likely = say(language, "lab_likelier", share=f"{one.share:.0%}", probability=figure(one.probability, 2))
        return f"{one.said:.0%}", f"{100 * low:.0f}–{high:.0%}, {likely}"
    if column == "kept":
        kept = row.kept
        return (f"{kept.right}/{kept.of}" if kept.of else "–"), ""
    if row.way == "base" and column in UNTAUGHT:
        return "–", ""
    name = "perplexity_ratio" if column == "perplexity" else column
    return shown(column, getattr(row, name)), ""


def ordered(rows: Sequence[Row], ranked: Sequence[Ranked]) -> list[Row]:
    """The model as it is, then the best for this visitor first."""
    order = {one.way: place for place, one in enumerate(ranked)}
    return sorted(rows, key=lambda row: (row.way != "base", order.get(row.way, len(order))))


def table(sheet: Sheet, ranked: Sequence[Ranked], language: str) -> str:
    """All ways, the best for this visitor first; the model as it is comes before them."""
    if not sheet.rows:
        return ""
    rows = ordered(sheet.rows, ranked)
    best = best_of(sheet.rows)
    heads = [say(language, "lab_way"), *(say(language, f"lab_{column}") for column in COLUMNS)]
    caption = say(language, "lab_caption", fact=sheet.lesson.sentence, count=sum(row.way != "base" for row in rows))
    body = "".join(_row(row, best, language) for row in rows)
    cells = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    return (
        f'<div class="pg-scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f'<table class="pg-table pg-lab"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>"
        + note(say(language, "lab_legend"))
        + _too_few(sheet, language)
    )


def _too_few(sheet: Sheet, language: str) -> str:
    columns = [say(language, f"lab_{column}") for column in untold(sheet.rows)]
    return note(say(language, "lab_too_few", columns=", ".join(columns))) if columns else ""


def _row(row: Row, best: dict[str, set[str]], language: str) -> str:
    name = way_name(row.way, language)
    said = f"<q>{escape(row.answer.strip())}</q>" if row.error is None else ""
    head = f'<th scope="row">{escape(name)}{said}{_actions(row, language)}</th>'
    if row.error is not None:
        why = say(language, "lab_failed", reason=tell(language, row.error))
        return f'<tr>{head}<td colspan="{len(COLUMNS)}">{note(why, "warn")}</td></tr>'
    cells = ""
    for column in COLUMNS:
        shown, small = value(row, column, language)
        label = say(language, "lab_open", way=name, column=say(language, f"lab_{column}"), figure=shown)
        star = f' <abbr title="{escape(say(language, "lab_best"))}">★</abbr>'
        mark = star if row.way in best.get(column, ()) else ""
        cells += (
            f'<td class="pg-lab-cell{" pg-best" if mark else ""}">'
            f'<button type="button" class="pg-link" data-do="cell" data-way="{escape(row.way)}" '
            f'data-column="{column}" aria-label="{escape(label)}">{escape(shown)}</button>{mark}'
            f"<small>{escape(small)}</small></td>"
        )
    return f"<tr>{head}{cells}</tr>"


def _actions(row: Row, language: str) -> str:
    if row.error is not None or row.way == "base":
        return ""
    kinds = ["compare"] if row.way not in IN_WEIGHTS else ["stack", "compare"]
    name = way_name(row.way, language)
    return (
        '<span class="pg-lab-do">'
        + " ".join(
            f'<button type="button" class="pg-link" data-do="{kind}" data-way="{escape(row.way)}" '
            f'aria-label="{escape(name)}: {escape(say(language, f"lab_to_{kind}"))}">'
            f"{escape(say(language, f'lab_to_{kind}'))}</button>"
            for kind in kinds
        )
        + "</span>"
    )


def cell(sheet: Sheet, way: str, column: str, language: str) -> str:
    """What stands behind a cell: the questions with their answers, or how a figure is meant."""
    row, base = sheet.row(way), sheet.row("base")
    if row is None or row.error is not None or column not in COLUMNS:
        return ""
    title = f"{way_name(way, language)}: {say(language, f'lab_{column}')}"
    if column in KINDS:
        asked = [one for one in row.asked if one.question.kind == column]
        before = {one.question: one for one in base.asked} if base and way != "base" else {}
        body = _questions(asked, before, title, language)
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
    return f"<h4>{escape(title)}</h4>{body}"


def _questions(asked: Sequence[Asked], before: dict[Question, Asked], title: str, language: str) -> str:
    if not asked:
        return note(say(language, "lab_cell_empty"))
    keys = ["question", "wanted", "other", "right", "written", "writes"] + (["before"] if before else [])
    heads = "".join(f'<th scope="col">{escape(say(language, f"lab_cell_{key}"))}</th>' for key in keys)
    body = ""
    for one in asked:
        question = one.question
        other = "–" if one.other is None else f"{question.other.strip()}: {percent(one.other)}"
        right = say(language, "lab_yes" if one.right else "lab_no")
        texts = [
            question.prompt,
            f"{question.answer.strip()}: {percent(one.probability)}",
            other,
            right,
            _yes(one.written, language),
            one.text,
        ]
        if before:
            earlier = before.get(question)
            texts.append(earlier.text if earlier else "–")
        body += "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in texts) + "</tr>"
    return (
        f'<div class="pg-scroll" tabindex="0" role="region" aria-label="{escape(title)}">'
        f'<table class="pg-table"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _yes(written: bool | None, language: str) -> str:
    return "–" if written is None else say(language, "lab_yes" if written else "lab_no")


def verdict(found: Verdict, language: str) -> str:
    """The advice, a sentence a line."""
    lines = [told(message, language) for message in found.sentences]
    if not lines:
        return ""
    first, *rest = (escape(line) for line in lines)
    items = "".join(f"<li>{line}</li>" for line in rest)
    return f'<div class="pg-verdict"><p><b>{first}</b></p><ul>{items}</ul></div>'
