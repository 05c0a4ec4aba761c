"""The Ask tab: one question, every way to its answer side by side, and a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr
from markupsafe import Markup

from playground import workspace as spaces
from playground.ask.cards import USUAL, Card, after_change, try_ways
from playground.ask.question import CUTTINGS, MAX_ANSWER, MAX_QUESTION, MAX_SUBJECT, MAX_TEXT, NEEDS, Asked
from playground.ask.sheet import AskSheet, example_sheet, sheet_from_json, sheet_to_json
from playground.ask.statement import NoStatementError
from playground.ask.ways import WAYS
from playground.engine.recipe import Recipe
from playground.engine.work import Stopped, Work
from playground.errors import Message, PlaygroundError
from playground.retrieval.reading.files import read_files
from playground.retrieval.reading.names import KINDS
from playground.ui.ask.doors import let_in, open_doors
from playground.ui.ask.examples import EXAMPLES
from playground.ui.ask.view import sheet_html, way_name
from playground.ui.parts.corpus_menu import OWN, chosen_corpus, corpus_choices
from playground.ui.parts.html import note
from playground.ui.parts.zones import build_zone
from playground.ui.shell import uploaded
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import AT_ONCE, CLICKS, LOOK, SEARCH, TOLD, clears, shown
from playground.ui.shell.run import Run
from playground.ui.shell.stale import belongs, touches
from playground.ui.shell.tab import Listener, Tab, Visit, Wired
from playground.ui.shell.turns import stops
from playground.ui.text import label, say, tell

FIELDS = ("question", "answer", "text")
# An offer of a card takes a turn, the doors and what the browser answers alone do not
PRESSES = CLICKS.replace("trigger('click',", "trigger(target.dataset.do === 'offer' ? 'submit' : 'click',")
MORE = tuple(way.id for way in WAYS.values() if not way.usual and way.id != "mine")


def build_tab(visit: Visit, page: gr.Tab) -> Wired:
    """Lay out the tab and wire it."""
    saved, language, sheet = visit.saved, visit.language, visit.asked
    gr.Markdown(label("ask_heading"), elem_id="ask-heading")
    shared = gr.Textbox("", visible="hidden")  # the recipe of a link, as JSON
    shared_told = gr.HTML(elem_id="ask-shared")
    take = gr.Button("", visible=False, elem_id="ask-shared-recipe")
    fields = _fields(language)
    with gr.Row(elem_id="ask-go"):
        go = gr.Button(label("ask_try"), variant="primary", elem_id="ask-try", min_width=220)
        stop = gr.Button(label("stop"), elem_id="ask-stop", min_width=90, scale=0)
    with gr.Row(elem_id="ask-examples"):
        gr.Markdown(label("ask_or"))
        buttons = [
            gr.Button(label(f"ask_example_{example.key}"), size="sm", elem_id=f"ask-{example.key}", min_width=120)
            for example in EXAMPLES
        ]
    status = gr.HTML(elem_id="ask-status")
    cards = gr.HTML(js_on_load=PRESSES, elem_id="ask-cards")
    told = gr.HTML(elem_id="ask-told")
    with gr.Row(elem_id="ask-change", equal_height=True):
        new = gr.Textbox(
            "", label=label("ask_new"), info=label("ask_new_info"), max_length=MAX_ANSWER, elem_id="ask-new", scale=3
        )
        change = gr.Button(label("ask_change"), elem_id="ask-change-go", min_width=160, scale=0)

    form = Form(saved=saved, own=visit.own, language=language, sheet=sheet, new=new, **fields)
    asking = Run(
        name="ask",
        handler=run_ask,
        form=form,
        outputs=[sheet, cards, status],
        told=status,
        status=status,
        over=("ask-again", "ask-change"),
        words="ask_stopped",
    )
    starts: list[Any] = [go.click, fields["question"].submit, fields["answer"].submit]
    filled = [fields[name] for name in (*FIELDS, "needs", "corpus", "prompt", "subject", "cut", "begun")]
    for number, button in enumerate(buttons):
        starts.append(button.click(take_example, [language, gr.State(number)], filled, **TOLD).success)
    clears(*starts, parts=[told])
    asking.on(*starts)
    let_in(visit, fields)
    stop.click(stops("ask", "ask-again", "ask-change"), **AT_ONCE)
    Run(
        name="ask-again",
        handler=run_again,
        form=form,
        outputs=[sheet, cards, status, fields["question"], fields["cut"], fields["begun"]],
        told=status,
        status=status,
        words="ask_stopped",
        over=("ask", "ask-change"),
        picks=offer_of,
    ).on(cards.submit)
    changing = Run(
        name="ask-change",
        handler=run_change,
        form=form,
        outputs=[sheet, cards, status],
        told=status,
        status=status,
        words="ask_stopped",
        over=("ask", "ask-again"),
    )
    changing.on(change.click, new.submit)
    sent = open_doors(visit, cards, sheet, told)
    said = [language, *(fields[name] for name in ("question", "answer", "prompt", "subject"))]
    for name in ("question", "answer", "prompt", "subject"):
        fields[name].blur(show_sentence, said, fields["told"], **LOOK)
    fields["needs"].input(judge_again, [sheet, language, fields["needs"]], [sheet, cards], **TOLD)
    touches([fields["corpus"]], "ask-cards")

    def loaded(event: Listener) -> None:
        event(show_kept, [sheet, language, shared], [cards, shared_told, take, sheet], **LOOK)

    names = ("question", "answer", "text", "needs", "corpus", "prompt", "subject", "cut", "begun", "more")
    typed = {f"ask{name.title().replace('_', '')}": fields[name] for name in names}
    typed["_askShared"] = shared
    taken = take.click(take_recipe, [saved, language, shared], saved, **SEARCH)
    taken.success(lambda: gr.update(visible=False), None, take, **AT_ONCE)
    return Wired(typed=typed, on_load=loaded, documents=[sent])


def _fields(language: gr.Textbox) -> Form:
    """What is asked, the rarer of it folded away."""
    first = EXAMPLES[0]
    with gr.Row(equal_height=False):
        with gr.Column(min_width=280, scale=3):
            question = gr.Textbox(
                first.question, label=label("ask_question"), max_length=MAX_QUESTION, elem_id="ask-question"
            )
            answer = gr.Textbox(
                first.answer,
                label=label("ask_answer"),
                info=label("ask_answer_info"),
                max_length=MAX_ANSWER,
                elem_id="ask-answer",
            )
            needs = gr.CheckboxGroup(
                [(label(f"ask_need_{name}"), name) for name in NEEDS],
                value=list(first.needs),
                label=label("ask_needs"),
                elem_id="ask-needs",
            )
        with gr.Column(min_width=280, scale=4):
            text = gr.Textbox(
                first.text,
                label=label("ask_text"),
                placeholder=label("ask_text_empty"),
                lines=6,
                max_lines=9,
                max_length=MAX_TEXT,
                elem_id="ask-text",
            )
            with gr.Accordion(label("ask_elsewhere"), open=False):
                zone = build_zone(label("ask_file"), [*KINDS], language, elem_id="ask-file")
                corpus = gr.Dropdown(
                    [(label("ask_no_documents"), ""), *corpus_choices(), (label("own_documents"), OWN)],
                    value="",
                    label=label("ask_documents"),
                    elem_id="ask-corpus",
                )
            with gr.Accordion(label("ask_how"), open=False):
                gr.Markdown(label("ask_sentence_info"))
                told = gr.HTML(elem_id="ask-sentence")
                with gr.Row():
                    prompt = gr.Textbox(
                        "", label=label("ask_prompt"), max_length=MAX_QUESTION, elem_id="ask-prompt", min_width=200
                    )
                    subject = gr.Textbox(
                        "", label=label("ask_subject"), max_length=MAX_SUBJECT, elem_id="ask-subject", min_width=140
                    )
                cut = gr.Radio(
                    [(label(f"ask_cut_{name}"), name) for name in CUTTINGS],
                    value="sentences",
                    label=label("ask_cut"),
                    elem_id="ask-cut",
                )
                begun = gr.Checkbox(False, label=label("ask_begun"), elem_id="ask-begun")
                more = gr.CheckboxGroup(
                    [(label(f"ask_way_{name}"), name) for name in MORE],
                    value=[],
                    label=label("ask_more"),
                    elem_id="ask-more",
                )
    values = Form(language=language, file=zone.file)
    zone.takes(values.reads(read_into_text), values.inputs, [text, zone.file], **SEARCH)
    return Form(
        question=question,
        answer=answer,
        text=text,
        needs=needs,
        corpus=corpus,
        prompt=prompt,
        subject=subject,
        cut=cut,
        begun=begun,
        more=more,
        told=told,
    )


@shown
def read_into_text(values: Values) -> tuple[Any, ...]:
    """The text of a file in the place of what was pasted."""
    [path, *_] = uploaded.there([values["file"]] if isinstance(values["file"], str) else values["file"])
    read = read_files([(path.name, path)])
    if not read.documents:
        [skipped, *_] = read.skipped
        raise PlaygroundError(skipped.message.template, **skipped.message.values)
    text = "\n\n".join(part.text for document in read.documents for part in document.parts)
    if len(text) > MAX_TEXT:
        raise PlaygroundError(
            "The file has {count} characters, and {limit} fit here. Add it under Documents, and choose your documents "
            "here.",
            count=len(text),
            limit=MAX_TEXT,
        )
    return text, None


@shown
def take_example(language: str, number: int) -> tuple[Any, ...]:
    """Fill the form with a ready question."""
    example = EXAMPLES[number]
    return example.question, example.answer, example.text, list(example.needs), "", "", "", "sentences", False


@shown
def show_sentence(language: str, question: str, answer: str, prompt: str, subject: str) -> Markup:
    """The sentence that an edit is written for: the visitor's own, else as it is proposed."""
    if not question.strip() or not answer.strip():
        return Markup()
    try:
        found = Asked(question=question.strip(), answer=answer, prompt=prompt, subject=subject).statement()
    except NoStatementError as error:
        return note(tell(language, error.message), "warn")
    return note(say(language, "ask_proposed", prompt=found.prompt, target=found.target, subject=found.subject))


@shown
def show_kept(sheet: Any, language: str, shared: str) -> tuple[Any, ...]:
    """The cards that the browser kept, what will stand here before the first question, and what a link brought."""
    if shared:
        return "", note(say(language, "ask_shared")), _recipe_button(shared, language), {}
    if not sheet:
        return note(say(language, "ask_empty")) + _html(example_sheet(), language), "", gr.skip(), gr.skip()
    try:
        return _html(sheet_from_json(sheet), language), "", gr.skip(), gr.skip()
    except PlaygroundError as error:  # of another version, perhaps: a page must open
        return note(tell(language, error.message), "warn"), "", gr.skip(), gr.skip()


@shown
def judge_again(sheet: Any, language: str, needs: list[str]) -> tuple[Any, Any]:
    """The verdict on the same cards, of another situation."""
    table = sheet_from_json(sheet) if sheet else example_sheet()
    table = replace(table, about=replace(table.about, needs=tuple(need for need in NEEDS if need in needs)))
    return (sheet_to_json(table) if sheet else gr.skip()), _html(table, language)


def _recipe_button(shared: str, language: str) -> Any:
    """A button that takes over the recipe of a link, if it brought one that can be used."""
    try:
        recipe = spaces.new().load(shared).recipe()
    except PlaygroundError:
        return gr.update(visible=False)
    text = say(language, "ask_shared_recipe", count=len(recipe.edits))
    return gr.update(visible=bool(recipe.edits), value=text)


@shown
def take_recipe(saved: Any, language: str, shared: str) -> dict[str, Any]:
    """The recipe of a link in the place of the visitor's own; undo brings that back."""
    return spaces.workspace_from_json(saved).load(shared).to_json()


def _html(sheet: AskSheet, language: str, running: bool = False) -> Markup:
    about = sheet.about
    fields = {name: getattr(about, name) for name in (*FIELDS, "prompt", "subject")}
    mark = belongs({f"ask-{name}": value for name, value in fields.items()})
    return sheet_html(sheet, language, running) + mark


def asked_of(values: Values) -> Asked:
    """What the fields hold.

    :raises PlaygroundError: one of them is empty or too long, or the visitor has no documents yet.
    """
    corpus = values["corpus"] or ""
    return Asked(
        question=(values["question"] or "").strip(),
        answer=(values["answer"] or "").strip(),
        text=values["text"] or "",
        corpus_id=chosen_corpus(values["own"], corpus) if corpus else "",
        needs=tuple(need for need in NEEDS if need in (values["needs"] or ())),
        prompt=values["prompt"] or "",
        subject=values["subject"] or "",
        cut=values["cut"],
        begun=bool(values["begun"]),
    )


def ways_of(about: Asked, more: Sequence[str], recipe: Any) -> tuple[str, ...]:
    """The ways that can be tried: those that teach need an answer, those that search something to find."""
    known = bool(about.answer.strip())
    chosen = {*USUAL, *(more or ()), *(("mine",) if recipe.edits else ())}
    able = {way.id for way in WAYS.values() if known or (way.id in ("base", "mine")) or (way.quotable and about.texts)}
    return tuple(way for way in WAYS if way in chosen & able)


def run_ask(values: Values, work: Work) -> Iterator[tuple[Any, ...]]:
    """Every way's card, as they come; the verdict grows with them."""
    language, about = values["language"], asked_of(values)
    recipe = spaces.workspace_from_json(values["saved"]).recipe()
    ways = ways_of(about, values["more"], recipe)
    sheet = AskSheet(about=about, model=recipe.model, ways=ways)
    yield sheet_to_json(sheet), _html(sheet, language, True), ""  # from now on the cards are this question's
    try:
        for cards in try_ways(about, recipe, ways, by_name(work, language)):
            before, sheet = sheet, _with(sheet, cards, language)
            grown = sheet_to_json(sheet) if _finished(sheet) != _finished(before) else gr.skip()
            yield grown, _html(sheet, language, True), ""
    except Stopped:  # nothing waits any more
        yield gr.skip(), _html(sheet, language), ""
        raise
    yield sheet_to_json(sheet), _html(sheet, language), ""


def _finished(sheet: AskSheet) -> int:
    """How much of a sheet will not change any more."""
    return sum((card.answer_seconds > 0) + (card.kept is not None) for card in sheet.cards)


def _with(sheet: AskSheet, cards: Sequence[Card], language: str) -> AskSheet:
    return sheet.with_cards(cards, lambda message: tell(language, message))


def by_name(work: Work, language: str) -> Work:
    """The same, telling of ways by their names."""

    def on_step(done: int, of: int, what: Message) -> None:
        way = what.values.get("way")
        values = {**what.values, "way": way_name(way, language)} if way else what.values
        work.on_step(done, of, replace(what, values=values))

    return Work(on_step, work.stopped)


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
    if way not in WAYS or how not in (*CHANGES, "reword"):
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
    for cards in try_ways(about, recipe, [way], by_name(work, language)):
        sheet = _with(sheet, cards, language)
        yield gr.skip(), _html(sheet, language, True), "", *(gr.skip(),) * 3
    filled = {"reword": (about.question, gr.skip(), gr.skip()), "begin": (gr.skip(), gr.skip(), True)}
    yield sheet_to_json(sheet), _html(sheet, language), "", *filled.get(how, (gr.skip(), about.cut, gr.skip()))


def _sheet_of(values: Values) -> AskSheet:
    """The visitor's cards; those of the example where nothing was asked yet."""
    return sheet_from_json(values["sheet"]) if values["sheet"] else example_sheet()


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
    for cards in after_change(sheet.cards, about, by_name(work, language)):
        sheet = sheet.with_then(cards, lambda message: tell(language, message))
        yield gr.skip(), _html(sheet, language), ""
    yield sheet_to_json(sheet), _html(sheet, language), ""


TAB = Tab("ask", build_tab, stage=2)
