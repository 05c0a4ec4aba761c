"""The Ask tab: one question, every way to its answer side by side, and a verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.ask.pace import usually
from playground.ask.question import ASK_NEEDS, MAX_ANSWER
from playground.ask.sheet import ask_sheet_from_json, ask_sheet_to_json, example_sheet
from playground.errors import PlaygroundError
from playground.ui.ask.doors import let_in, open_doors
from playground.ui.ask.examples import ASK_EXAMPLES
from playground.ui.ask.form import FIELDS, build_fields, show_sentence, take_question
from playground.ui.ask.runs import cards_html, offer_of, run_again, run_ask, run_change
from playground.ui.ask.view import about_time
from playground.ui.parts.html import note
from playground.ui.shell.form import Form
from playground.ui.shell.page import AT_ONCE, CLICKS, LAST, LOOK, SEARCH, TOLD, clears, shown
from playground.ui.shell.run import Run
from playground.ui.shell.stale import touches
from playground.ui.shell.tab import Listener, Tab, Visit, Wired
from playground.ui.shell.turns import stops
from playground.ui.text import label, say, tell

# An offer of a card takes a turn; the doors, a judgement and what the browser answers alone do not
EVENTS = "({offer: 'submit', overrule: 'edit'}[target.dataset.do] ?? 'click')"
PRESSES = CLICKS.replace(
    "if (target) trigger('click',",
    "if (target?.dataset.do === 'offer') target.closest('.pg-card')?.classList.add('pg-working');\n"
    f"  if (target) trigger({EVENTS},",
)
EMPTY = """() => {
  setTimeout(() => document.querySelector('#ask-question textarea, #ask-question input')?.focus(), 50);
  return ['', '', '', [], '', '', '', 'sentences', false];
}"""
LATEST = TOLD | {"trigger_mode": "always_last"}  # ticks that come quickly: the last of them counts


def build_tab(visit: Visit, page: gr.Tab) -> Wired:
    """Lay out the tab and wire it."""
    saved, language, sheet = visit.saved, visit.language, visit.asked
    gr.Markdown(label("ask_heading"), elem_id="ask-heading")
    shared = gr.Textbox("", visible="hidden")  # the recipe of a link, as JSON
    shared_told = gr.HTML(elem_id="ask-shared")
    take = gr.Button("", visible=False, elem_id="ask-shared-recipe")
    fields = build_fields(language)
    with gr.Row(elem_id="ask-go"):
        go = gr.Button(label("ask_try"), variant="primary", elem_id="ask-try", min_width=220)
        stop = gr.Button(label("stop"), elem_id="ask-stop", min_width=90, scale=0)
    with gr.Row(elem_id="ask-examples"):
        gr.Markdown(label("ask_or"))
        buttons = [
            gr.Button(label(f"ask_example_{example.key}"), size="sm", elem_id=f"ask-{example.key}", min_width=120)
            for example in ASK_EXAMPLES
        ]
        empty = gr.Button(label("ask_start_empty"), size="sm", elem_id="ask-empty", min_width=120)
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
        starts.append(button.click(take_question, [language, gr.State(number)], filled, **TOLD).success)
    empty.click(None, None, filled, js=EMPTY, api_visibility="private")
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
        fields[name].blur(show_sentence, said, fields["told"], **LAST)
    about = [fields["needs"], fields["question"], fields["answer"]]
    fields["needs"].input(judge_again, [sheet, language, *about], [sheet, cards], **LATEST)
    cards.edit(overrule, [sheet, language], [sheet, cards], **LATEST)
    touches([fields["corpus"]], "ask-cards")

    def loaded(event: Listener) -> None:
        event(show_kept, [sheet, language, shared], [cards, shared_told, take, sheet], **LOOK)
        event(show_time, language, go, **AT_ONCE)

    names = ("question", "answer", "text", "needs", "corpus", "prompt", "subject", "cut", "begun", "more")
    typed = {f"ask{name.title().replace('_', '')}": fields[name] for name in names}
    typed["_askShared"] = shared
    taken = take.click(take_recipe, [saved, language, shared], saved, **SEARCH)
    taken.success(lambda: gr.update(visible=False), None, take, **AT_ONCE)
    return Wired(typed=typed, on_load=loaded, documents=[sent])


@shown
def show_kept(sheet: Any, language: str, shared: str) -> tuple[Any, ...]:
    """The cards that the browser kept, what will stand here before the first question, and what a link brought."""
    if shared:
        return "", note(say(language, "ask_shared")), _recipe_button(shared, language), {}
    if not sheet:
        return note(say(language, "ask_empty")) + cards_html(example_sheet(), language), "", gr.skip(), gr.skip()
    try:
        return cards_html(ask_sheet_from_json(sheet), language), "", gr.skip(), gr.skip()
    except PlaygroundError as error:  # of another version, perhaps: a page must open
        return note(tell(language, error.message), "warn"), "", gr.skip(), gr.skip()


def show_time(language: str) -> Any:
    """How long all ways take here, once that was measured."""
    return gr.update(value=say(language, "ask_try_about", time=about_time(usually("all"))))


@shown
def judge_again(sheet: Any, language: str, needs: list[str], question: str, answer: str) -> tuple[Any, Any]:
    """The verdict on the same cards, of another situation; none while the fields already ask something else."""
    table = ask_sheet_from_json(sheet) if sheet else example_sheet()
    if (question.strip(), answer.strip()) != (table.about.question.strip(), table.about.answer.strip()):
        return gr.skip(), gr.skip()
    table = replace(table, about=replace(table.about, needs=tuple(need for need in ASK_NEEDS if need in needs)))
    return (ask_sheet_to_json(table) if sheet else gr.skip()), cards_html(table, language)


@shown
def overrule(sheet: Any, language: str, event: gr.EventData) -> tuple[Any, Any]:
    """The visitor judges an answer otherwise than its words do."""
    table = ask_sheet_from_json(sheet) if sheet else example_sheet()
    table = table.overruled(str(event.way), int(event.place))
    return ask_sheet_to_json(table), cards_html(table, language, opened=str(event.way))


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


TAB = Tab("ask", build_tab, stage=2)
