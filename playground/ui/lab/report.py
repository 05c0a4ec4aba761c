"""What came of teaching a fact, to take away: the table and the questions as CSV, a page as HTML.

The page needs nothing else: no script, no font and no picture from elsewhere. Every text from a
model or a visitor is escaped here; the picture comes escaped from ``charts``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

from playground.lab.asking import Asked
from playground.lab.lesson import KINDS
from playground.lab.scores import IMPORTANT, best_of, figure_of, untold, value
from playground.lab.sheet import Sheet
from playground.lab.table import Row
from playground.lab.verdict import Verdict
from playground.ui.lab.words import column_name, percent, shown, told, way_name
from playground.ui.parts.html import figure
from playground.ui.parts.questions import written
from playground.ui.text import TABLES, say

# What says nothing of the model before anything was taught.
UNTAUGHT = ("perplexity", "apply_seconds", "bytes", "undo_seconds")
WRITTEN = ("_low", "_high", "_written", "_written_low", "_written_high")
STYLE = """
@page { size: A4; margin: 10mm; }
body { font: 8.5pt/1.25 system-ui, "Malgun Gothic", "Noto Sans CJK KR", sans-serif; color: #1f2937;
  background: white; max-width: 190mm; margin: 8mm auto; padding: 0 4mm; }
h1 { font-size: 14pt; margin: 0 0 1mm; } h2 { font-size: 10.5pt; margin: 2.5mm 0 0.5mm; }
p, ul { margin: 0.5mm 0; } ul { padding-left: 5mm; } small, .soft { color: #4b5563; }
.soft { font-size: 7.5pt; }
table { border-collapse: collapse; width: 100%; font-size: 7pt; }
td.figure { white-space: nowrap; } td.asked { min-width: 44mm; } th[scope=row] { min-width: 30mm; }
th, td { border-bottom: 1px solid #d1d5db; padding: 0.4mm 0.8mm; text-align: left;
  vertical-align: top; overflow-wrap: break-word; word-break: keep-all; }
tr.best { background: #f0fdfa; } b { font-weight: 700; }
td.long { min-width: 28mm; overflow-wrap: anywhere; }
svg { max-width: 85mm; height: auto; } svg text { font-size: 11px; fill: #1f2937; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 7pt; }
tr, li, svg { break-inside: avoid; }
@media print { body { margin: 0; padding: 0; max-width: none; }
  details:not([open]) { display: none; } }
"""


def to_csv(sheet: Sheet) -> str:
    """The table as CSV, a line for each way; its heads are those of the data, in any language."""
    heads = ["way", "error", "answer"]
    heads += [f"{kind}{part}" for kind in KINDS for part in ("", "_probability", "_count")]
    heads += ["kept_right", "kept_of", "perplexity_ratio", "apply_seconds", "answer_seconds", "undo_seconds", "bytes"]
    heads += [f"{kind}{part}" for kind in KINDS for part in WRITTEN]
    return written([heads, *(_line(row) for row in sheet.rows)])


def _line(row: Row) -> list[str]:
    cells = [row.way, str(row.error or ""), row.answer]
    for kind in KINDS:
        own = figure_of(row, kind)
        cells += [_number(own.share), _number(own.probability), str(own.count)] if own else [""] * 3
    if row.error is not None:
        return cells + [""] * (7 + len(KINDS) * len(WRITTEN))
    cells += [str(row.kept.right), str(row.kept.of), _number(row.perplexity_ratio)]
    cells += [_number(one) for one in (row.apply_seconds, row.answer_seconds, row.undo_seconds)]
    return [*cells, str(row.bytes), *(text for kind in KINDS for text in _written(row, kind))]


def _written(row: Row, kind: str) -> list[str]:
    """The interval of a kind's share; what was written, with its interval."""
    own = figure_of(row, kind)
    if own is None:
        return [""] * len(WRITTEN)
    likelier = [_number(end) for end in own.interval]
    if own.written is None or own.written_interval is None:
        return [*likelier, "", "", ""]
    return [*likelier, *map(_number, (own.written, *own.written_interval))]


def questions_csv(sheet: Sheet) -> str:
    """The questions as CSV, a line for each way and question."""
    heads = ["way", "kind", "prompt", "answer", "other", "probability", "other_probability", "right", "text", "written"]
    lines = [
        [
            row.way,
            one.question.kind,
            one.question.prompt,
            one.question.answer,
            one.question.other,
            _number(one.probability),
            "" if one.other is None else _number(one.other),
            "yes" if one.right else "no",
            one.text,
            _word(one.written),
        ]
        for row in sheet.rows
        for one in row.asked
    ]
    return written([heads, *lines])


def _word(written: bool | None) -> str:
    return "" if written is None else "yes" if written else "no"


def _number(value: float) -> str:
    return f"{value:.6g}"


def to_html(sheet: Sheet, verdict: Verdict, plot_svg: str, language: str) -> str:
    """A page to print or to hand on; the same sheet always gives the same page.

    :param plot_svg: a chart of the page, or "".
    """
    title = escape(say(language, "report_title"))
    lang = language if language in TABLES else "en"
    sentences = "".join(f"<li>{escape(told(one, language))}</li>" for one in verdict.sentences)
    parts = [
        (say(language, "report_verdict"), f"<ul>{sentences}</ul>"),
        (say(language, "report_table"), _table(sheet.rows, verdict.chosen, language)),
        (say(language, "report_plot"), plot_svg),
        (say(language, "report_questions"), _questions(sheet.rows, language)),
    ]
    body = "".join(_part(head, part) for head, part in parts if part)
    return (
        f'<!DOCTYPE html>\n<html lang="{lang}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title>'
        f"<style>{STYLE}</style></head><body><h1>{title}</h1>{_fact(sheet, language)}{body}"
        f"{_recipes(sheet.rows, language)}</body></html>\n"
    )


def _part(head: str, body: str) -> str:
    return f"<section><h2>{escape(head)}</h2>{body}</section>"


def _fact(sheet: Sheet, language: str) -> str:
    fact = sheet.lesson.fact
    parts = [say(language, "report_subject", subject=fact.subject)]
    model = next((str(row.recipe["model"]) for row in sheet.rows if row.recipe.get("model")), "")
    if model:
        parts.append(say(language, "report_model", model=model, seed=sheet.seed))
    if sheet.others:
        parts.append(say(language, "report_corpus", corpus=sheet.others))
    old = sheet.lesson.old.strip()
    instead = f" <small>{escape(say(language, 'report_replaces', old=old))}</small>" if old else ""
    return (
        f"<p>{escape(fact.prompt)}<b>{escape(fact.target)}</b>{instead}</p>"
        f'<p class="soft">{escape(" · ".join(parts))}</p>'
    )


def _table(rows: Sequence[Row], chosen: str | None, language: str) -> str:
    best = best_of(rows)
    names = [
        say(language, "report_way"),
        *(column_name(one, language) for one in IMPORTANT),
        say(language, "report_writes"),
    ]
    body = []
    for row in rows:
        name = escape(way_name(row.way, language))
        if row.way == chosen:
            name = f"✔ {name} <small>({escape(say(language, 'report_best'))})</small>"
        mark = ' class="best"' if row.way == chosen else ""
        head = f'<tr{mark}><th scope="row">{name}</th>'
        if row.error is not None:
            error = escape(told(row.error, language))
            body.append(f'{head}<td colspan="{len(names) - 1}">{error}</td></tr>')
            continue
        cells = "".join(_cell(row, column, row.way in best[column]) for column in IMPORTANT)
        body.append(f'{head}{cells}<td class="long">{escape(row.answer)}</td></tr>')
    legend = escape(say(language, "report_legend"))
    close = [column_name(one, language) for one in untold(rows)]
    legend += f" {escape(say(language, 'lab_too_few', columns=', '.join(close)))}" if close else ""
    table = f"<table>{_heads(names)}<tbody>{''.join(body)}</tbody></table>"
    return f'{table}<p class="soft">{legend}</p>'


def _heads(names: Sequence[str]) -> str:
    cells = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    return f"<thead><tr>{cells}</tr></thead>"


def _cell(row: Row, column: str, best: bool) -> str:
    """A figure of the table, the best one with its sign."""
    text = escape(_shown(row, column)).replace(" (", "<br>(")
    return f'<td class="figure">{f"<b>★ {text}</b>" if best else text}</td>'


def _shown(row: Row, column: str) -> str:
    """A figure with its unit; a dash where nothing was measured."""
    given, own = value(row, column), figure_of(row, column)
    if given is None or (row.way == "base" and column in UNTAUGHT):
        return "–"
    if own:
        low, high = (round(100 * end) for end in own.said_interval)
        likely = f"{percent(own.share)}, {figure(own.probability, 2)}"
        return f"{percent(own.said)} [{low}–{high}] ({likely})"
    if column == "kept":
        return f"{row.kept.right}/{row.kept.of}"
    return shown(column, given)


def _questions(rows: Sequence[Row], language: str) -> str:
    """A line for each question, a column for each way."""
    asked = [row for row in rows if row.asked]
    found: dict[tuple[str, str, str], dict[str, Asked]] = {}
    for row in asked:
        for one in row.asked:
            key = (one.question.kind, one.question.prompt, one.question.answer)
            found.setdefault(key, {})[row.way] = one
    names = [
        say(language, "report_question"),
        say(language, "report_should"),
        *(way_name(row.way, language) for row in asked),
    ]
    body = []
    for (kind, prompt, answer), by_way in found.items():
        cells = "".join(f'<td class="figure">{_result(by_way.get(row.way))}</td>' for row in asked)
        head = f"<small>{escape(column_name(kind, language))}</small> {escape(prompt)}"
        first = f'<td class="asked">{head}</td><td>{escape(answer.strip())}</td>'
        body.append(f"<tr>{first}{cells}</tr>")
    legend = escape(say(language, "report_asked"))
    table = f"<table>{_heads(names)}<tbody>{''.join(body)}</tbody></table>"
    return f'{table}<p class="soft">{legend}</p>'


def _result(one: Asked | None) -> str:
    if one is None:
        return "–"
    said = one.right if one.written is None else one.written
    mark = "✓" if said else "~" if one.right else "✗"
    return f"{mark} {figure(one.probability, 2)}"


def _recipes(rows: Sequence[Row], language: str) -> str:
    """Each way's recipe, to make the same variant again."""
    parts = [
        f"<h3>{escape(way_name(row.way, language))}</h3>"
        f"<pre>{escape(json.dumps(row.recipe, ensure_ascii=False, sort_keys=True, indent=1))}</pre>"
        for row in rows
        if row.recipe
    ]
    summary = escape(say(language, "report_recipes"))
    return f"<details><summary>{summary}</summary>{''.join(parts)}</details>" if parts else ""
