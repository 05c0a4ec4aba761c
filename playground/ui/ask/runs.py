"""What a press on Ask sets going: every way, one way once more, and another day."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr
from markupsafe import Markup

from playground import workspace as spaces
from playground.ask.cards import USUAL_WAYS, WayCard, after_change, try_ways
from playground.ask.pace import took
from playground.ask.question import MAX_QUESTION, Asked
from playground.ask.sheet import AskSheet, ask_sheet_from_json, ask_sheet_to_json, example_sheet
from playground.ask.statement import NoStatementError
from playground.ask.ways import ASK_WAYS
from playground.engine.recipe import Recipe
from playground.engine.work import Stopped, Work
from playground.ui.ask.form import FIELDS, asked_of
from playground.ui.ask.view import ask_way_name, sheet_html
from playground.ui.parts.named_work import work_by_names
from playground.ui.shell.form import Values
from playground.ui.shell.stale import belongs
from playground.ui.text import say, tell


def cards_html(sheet: AskSheet, language: str, running: bool = False, opened: str = "") -> Markup:
    """The cards, with the mark of the fields that they are of."""
    about = sheet.about
    fields = {name: getattr(about, name) for name in (*FIELDS, "prompt", "subject")}
    mark = belongs({f"ask-{name}": value for name, value in fields.items()})
    return sheet_html(sheet, language, running, opened) + mark


def ways_of(about: Asked, more: Sequence[str], recipe: Any) -> tuple[str, ...]:
    """The ways that can be tried: those that teach need an answer, those that search something to find."""
    known = bool(about.answer.strip())
    chosen = {*USUAL_WAYS, *(more or ()), *(("mine",) if recipe.edits else ())}
    able = {
        way.id for way in ASK_WAYS.values() if known or (way.id in ("base", "mine")) or (way.quotable and about.texts)
    }
    return tuple(way for way in ASK_WAYS if way in chosen & able)


def run_ask(values: Values, work: Work) -> Iterator[tuple[Any, ...]]:
    """Every way's card, as they come; the verdict grows with them."""
    language, about = values["language"], asked_of(values)
    recipe = spaces.workspace_from_json(values["saved"]).recipe()
    ways = ways_of(about, values["more"], recipe)
    sheet = AskSheet(about=about, model=recipe.model, ways=ways)
    begun = time.monotonic()
    yield ask_sheet_to_json(sheet), cards_html(sheet, language, True), ""  # from now on the cards are this question's
    try:
        for cards in try_ways(about, recipe, ways, _by_name(work, language)):
            before, sheet = sheet, _with(sheet, cards, language)
            grown = ask_sheet_to_json(sheet) if _finished(sheet) != _finished(before) else gr.skip()
            yield grown, cards_html(sheet, language, True), ""
    except Stopped:  # nothing waits any more
        yield gr.skip(), cards_html(sheet, language), ""
        raise
    _note_times(sheet, time.monotonic() - begun)
    yield ask_sheet_to_json(sheet), cards_html(sheet, language), ""


def _note_times(sheet: AskSheet, seconds: float) -> None:
    """Remember what it took here, if all the usual ways were tried."""
    if set(sheet.ways) == set(USUAL_WAYS):
        took("all", seconds)
    for card in sheet.cards:
        if ASK_WAYS[card.way].slow and not card.error:
            took(card.way, card.seconds)


def _finished(sheet: AskSheet) -> int:
    """How much of a sheet will not change any more."""
    return sum((card.answer_seconds > 0) + (card.kept is not None) for card in sheet.cards)


def _with(sheet: AskSheet, cards: Sequence[WayCard], language: str) -> AskSheet:
    return sheet.with_cards(cards, lambda message: tell(language, message))


def _by_name(work: Work, language: str) -> Work:
    return work_by_names(work, lambda way: ask_way_name(way, language))


CHANGES: dict[str, dict[str, Any]] = {
    "smaller": {"cut": "sentences"},
    "larger": {"cut": "paragraphs"},
    "begin": {"begun": True},
}


def offer_of(press: gr.EventData) -> tuple[str, str]:
    """What may help a way that misread, and which way; others presses are nothing here."""
    return (str(press.how), str(press.way)) if press.do == "offer" else ("", "")


def run_again(values: Values, work: Work) -> Iterator[tuple[Any, ...]]:
    """One way once more: its text cut smaller, its answer begun, or the question in other words."""
    how, way = values["picked"] or ("", "")
    if way not in ASK_WAYS or how not in (*CHANGES, "reword"):
        yield tuple(gr.skip() for _ in range(6))
        return
    sheet, language = _sheet_of(values), values["language"]
    about = sheet.about
    about = replace(about, **(CHANGES.get(how) or {"question": _reworded(about, language)}))
    kept_cards = tuple(card for card in sheet.cards if card.way != way)
    sheet = replace(sheet, about=about, cards=kept_cards, then=(), new="")
    recipe = spaces.workspace_from_json(values["saved"]).recipe()
    if recipe.model != sheet.model:  # of which the other cards are
        recipe = Recipe(model=sheet.model)
    for cards in try_ways(about, recipe, [way], _by_name(work, language)):
        sheet = _with(sheet, cards, language)
        yield gr.skip(), cards_html(sheet, language, True), "", *(gr.skip(),) * 3
    filled = {"reword": (about.question, gr.skip(), gr.skip()), "begin": (gr.skip(), gr.skip(), True)}
    yield ask_sheet_to_json(sheet), cards_html(sheet, language), "", *filled.get(how, (gr.skip(), about.cut, gr.skip()))


def _sheet_of(values: Values) -> AskSheet:
    """The visitor's cards; those of the example where nothing was asked yet."""
    return ask_sheet_from_json(values["sheet"]) if values["sheet"] else example_sheet()


def _reworded(about: Asked, language: str) -> str:
    """The question in words that small models read better: those of a sentence to end."""
    try:
        return say(about.language, "ask_reworded", prompt=about.statement().prompt)[:MAX_QUESTION]
    except NoStatementError:
        return say(about.language, "ask_reworded_plain", question=about.question)[:MAX_QUESTION]


def run_change(values: Values, work: Work) -> Iterator[tuple[Any, ...]]:
    """The day on which the answer is another one: the text says so, and every way is asked again as it is."""
    sheet, language = _sheet_of(values), values["language"]
    about = sheet.about.changed(str(values["new"] or ""))
    sheet = replace(sheet, new=about.answer, then=())
    for cards in after_change(sheet.cards, about, _by_name(work, language)):
        sheet = sheet.with_then(cards, lambda message: tell(language, message))
        yield gr.skip(), cards_html(sheet, language), ""
    yield ask_sheet_to_json(sheet), cards_html(sheet, language), ""
