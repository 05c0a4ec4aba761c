"""What came of teaching a fact, to take away: the table and the questions as CSV, a page as HTML.

The page needs nothing else: no script, no font and no picture from elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from markupsafe import Markup

from playground.lab.evaluation import Response
from playground.lab.lesson import KINDS
from playground.lab.scores import IMPORTANT, best_of, untold, value
from playground.lab.sheet import LabSheet
from playground.lab.table import WayRow
from playground.lab.verdict import Verdict
from playground.ui.lab.words import column_name, figure_shown, told, way_name
from playground.ui.parts.html import details, figure, grid, join, percent, tag
from playground.ui.parts.questions import written
from playground.ui.text import TABLES, say, tell

# What says nothing of the model before anything was taught.
UNTAUGHT = ("perplexity", "apply_seconds", "bytes", "undo_seconds")
WRITTEN = ("_low", "_high", "_written", "_written_low", "_written_high")
STYLE = Markup("""
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
""")  # not escaped: a style sheet is no text


def ways_csv(sheet: LabSheet) -> str:
    """The table as CSV, a line for each way; its heads are those of the data, in any language."""
    heads = ["way", "error", "answer"]
    heads += [f"{kind}{part}" for kind in KINDS for part in ("", "_probability", "_count")]
    heads += ["kept_right", "kept_of", "perplexity_ratio", "apply_seconds", "answer_seconds", "undo_seconds", "bytes"]
    heads += [f"{kind}{part}" for kind in KINDS for part in WRITTEN]
    return written([heads, *(_line(row) for row in sheet.rows)])


def _line(row: WayRow) -> list[str]:
    cells = [row.way, str(row.error or ""), row.answer]
    for kind in KINDS:
        own = row.figures.get(kind)
        cells += [_number(own.share), _number(own.probability), str(own.count)] if own else [""] * 3
    if row.error is not None:
        return cells + [""] * (7 + len(KINDS) * len(WRITTEN))
    cells += [str(row.kept.right), str(row.kept.of), _number(row.perplexity_ratio)]
    cells += [_number(seconds) for seconds in (row.apply_seconds, row.answer_seconds, row.undo_seconds)]
    return [*cells, str(row.bytes), *(text for kind in KINDS for text in _written(row, kind))]


def _written(row: WayRow, kind: str) -> list[str]:
    """The interval of a kind's share; what was written, with its interval."""
    own = row.figures.get(kind)
    if own is None:
        return [""] * len(WRITTEN)
    likelier = [_number(end) for end in own.interval]
    if own.written is None or own.written_interval is None:
        return [*likelier, "", "", ""]
    return [*likelier, *map(_number, (own.written, *own.written_interval))]


def questions_csv(sheet: LabSheet) -> str:
    """The questions as CSV, a line for each way and question."""
    heads = ["way", "kind", "prompt", "answer", "other", "probability", "other_probability", "right", "text", "written"]
    lines = [
        [
            row.way,
            response.question.kind,
            response.question.prompt,
            response.question.answer,
            response.question.other,
            _number(response.probability),
            "" if response.other is None else _number(response.other),
            "yes" if response.right else "no",
            response.text,
            _word(response.written),
        ]
        for row in sheet.rows
        for response in row.asked
    ]
    return written([heads, *lines])


def _word(written: bool | None) -> str:
    return "" if written is None else "yes" if written else "no"


def _number(value: float) -> str:
    return f"{value:.6g}"


def to_html(sheet: LabSheet, verdict: Verdict, plot_svg: Markup, language: str) -> str:
    """A page to print or to hand on; the same sheet always gives the same page.

    :param plot_svg: a chart of the page, or nothing.
    """
    title = say(language, "report_title")
    parts = [
        (
            say(language, "report_verdict"),
            tag("ul", *(tag("li", told(sentence, language)) for sentence in verdict.sentences)),
        ),
        (say(language, "report_table"), _table(sheet.rows, verdict.chosen, language)),
        (say(language, "report_plot"), plot_svg),
        (say(language, "report_questions"), _questions(sheet.rows, language)),
    ]
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width"),
        tag("title", title),
        tag("style", STYLE),
    )
    sections = (tag("section", tag("h2", name), part) for name, part in parts if part)
    body = tag("body", tag("h1", title), _fact(sheet, language), *sections, _recipes(sheet.rows, language))
    page = tag("html", head, body, lang=language if language in TABLES else "en")
    return str(Markup("<!DOCTYPE html>\n{}\n").format(page))


def _fact(sheet: LabSheet, language: str) -> Markup:
    fact = sheet.lesson.fact
    parts = [say(language, "report_subject", subject=fact.subject)]
    model = next((str(row.recipe["model"]) for row in sheet.rows if row.recipe.get("model")), "")
    if model:
        parts.append(say(language, "report_model", model=model, seed=sheet.seed))
    if sheet.others:
        parts.append(say(language, "report_corpus", corpus=sheet.others))
    old = sheet.lesson.old.strip()
    instead = [" ", tag("small", say(language, "report_replaces", old=old))] if old else []
    return tag("p", fact.prompt, tag("b", fact.target), *instead) + tag("p", " · ".join(parts), class_="soft")


def _table(rows: Sequence[WayRow], chosen: str | None, language: str) -> Markup:
    best = best_of(rows)
    names = [
        say(language, "report_way"),
        *(column_name(one, language) for one in IMPORTANT),
        say(language, "report_writes"),
    ]
    body = []
    for row in rows:
        name: list[str] = [way_name(row.way, language)]
        if row.way == chosen:
            name = ["✔ ", *name, " ", tag("small", f"({say(language, 'report_best')})")]
        if row.error is not None:
            cells = [tag("td", tell(language, row.error), colspan=len(names) - 1)]
        else:
            cells = [_cell(row, column, row.way in best[column]) for column in IMPORTANT]
            cells.append(tag("td", row.answer, class_="long"))
        mark = "best" if row.way == chosen else None
        body.append(tag("tr", tag("th", *name, scope="row"), *cells, class_=mark))
    legend = [say(language, "report_legend")]
    close = [column_name(column, language) for column in untold(rows)]
    legend += [say(language, "lab_too_few", columns=", ".join(close))] if close else []
    return grid(names, body) + tag("p", " ".join(legend), class_="soft")


def _cell(row: WayRow, column: str, best: bool) -> Markup:
    """A figure of the table, the best one with its sign."""
    first, *rest = _shown(row, column).split(" (", 1)
    text = join([first, *([tag("br"), f"({rest[0]}"] if rest else [])])
    return tag("td", tag("b", "★ ", text) if best else text, class_="figure")


def _shown(row: WayRow, column: str) -> str:
    """A figure with its unit; a dash where nothing was measured."""
    given, own = value(row, column), row.figures.get(column)
    if given is None or (row.way == "base" and column in UNTAUGHT):
        return "–"
    if own:
        low, high = (round(100 * end) for end in own.said_interval)
        likely = f"{percent(own.share, 2)}, {figure(own.probability, 2)}"
        return f"{percent(own.said, 2)} [{low}–{high}] ({likely})"
    if column == "kept":
        return f"{row.kept.right}/{row.kept.of}"
    return figure_shown(column, given)


def _questions(rows: Sequence[WayRow], language: str) -> Markup:
    """A line for each question, a column for each way."""
    measured = [row for row in rows if row.asked]
    by_question: dict[tuple[str, str, str], dict[str, Response]] = {}
    for row in measured:
        for response in row.asked:
            key = (response.question.kind, response.question.prompt, response.question.answer)
            by_question.setdefault(key, {})[row.way] = response
    names = [
        say(language, "report_question"),
        say(language, "report_should"),
        *(way_name(row.way, language) for row in measured),
    ]
    body: list[Markup] = []
    for (kind, prompt, answer), by_way in by_question.items():
        cells = (tag("td", _result(by_way.get(row.way)), class_="figure") for row in measured)
        question = tag("td", tag("small", column_name(kind, language)), f" {prompt}", class_="asked")
        body.append(tag("tr", question, tag("td", answer.strip()), *cells))
    return grid(names, body) + tag("p", say(language, "report_asked"), class_="soft")


def _result(response: Response | None) -> str:
    if response is None:
        return "–"
    said = response.right if response.written is None else response.written
    mark = "✓" if said else "~" if response.right else "✗"
    return f"{mark} {figure(response.probability, 2)}"


def _recipes(rows: Sequence[WayRow], language: str) -> Markup:
    """Each way's recipe, to make the same variant again."""
    parts = [
        tag("h3", way_name(row.way, language))
        + tag("pre", json.dumps(row.recipe, ensure_ascii=False, sort_keys=True, indent=1))
        for row in rows
        if row.recipe
    ]
    return details(say(language, "report_recipes"), *parts) if parts else Markup()
