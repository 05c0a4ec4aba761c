"""The bar on top: the model, how far its loading is, and the recipe as a stack of edits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.engine.build import NotBuiltError, Receipt, build, build_quickly, is_quick
from playground.engine.decoding.answering import answer_rows, chat_prompt
from playground.engine.decoding.generate import Sampling, answer_text
from playground.engine.fork import Fork
from playground.engine.models import catalog, loader
from playground.engine.work import Work
from playground.errors import PlaygroundError
from playground.settings import settings
from playground.ui.parts import html
from playground.ui.parts.carried import USUAL_QUESTION, last_question
from playground.ui.parts.steps import crumbs as crumbs_html
from playground.ui.parts.steps import stack
from playground.ui.shell import other_tab, uploaded
from playground.ui.shell.form import Form, Values
from playground.ui.shell.js import saves
from playground.ui.shell.page import ANSWER, AT_ONCE, CLICKS, LOAD, LOOK, shown
from playground.ui.shell.run import Run
from playground.ui.shell.warmup import WARMUP
from playground.ui.text import label, say, tell
from playground.workspace import Workspace

STEPS_ON = """(saved) => {
  const on = (saved?.stack?.steps ?? []).filter((step) => step.on);
  return on.length ? JSON.stringify([saved.stack.model, on]) : '';
}"""
SAID_TOKENS = 24  # tokens of what the recipe says now
OTHER_LANGUAGE = "() => playgroundSwitchLanguage()"


@dataclass(frozen=True, kw_only=True)
class RecipeBar:
    """The parts of the bar that other rooms are wired to."""

    model: gr.Dropdown
    status: gr.HTML
    crumbs: gr.HTML
    stack: gr.HTML
    undo: gr.Button
    redo: gr.Button
    timer: gr.Timer
    pending: gr.State
    chosen: Any  # the event of having chosen another model
    built: Any = None  # the event of having built a recipe in turn

    @property
    def view(self) -> list[Any]:
        """What ``show_stack`` fills."""
        return [self.model, self.stack, self.undo, self.redo, self.timer, self.pending, self.crumbs]


def build_bar(saved: gr.BrowserState, asked: gr.BrowserState, language: gr.Textbox) -> RecipeBar:
    """Lay out the bar and wire its buttons to the saved workspace.

    :param asked: what the visitor asked last.
    """
    with gr.Row(elem_id="bar"):
        gr.Markdown(label("title"), elem_id="title")
        crumbs = gr.HTML(elem_id="crumbs")
        undo = gr.Button(label("undo"), size="sm", elem_id="undo", min_width=60, scale=0)
        redo = gr.Button(label("redo"), size="sm", elem_id="redo", min_width=60, scale=0)
        opens = gr.Button(label("recipe_open"), size="sm", elem_id="recipe-open", min_width=90, scale=0)
        model = gr.Dropdown(
            [(entry.title, entry.id) for entry in catalog.available()],
            value=settings().model,
            label=label("model"),
            allow_custom_value=settings().hub == "any",
            elem_id="model",
            container=False,
            min_width=240,
            scale=0,
        )
        switch = gr.Button(label("other_language"), size="sm", elem_id="language-switch", min_width=64, scale=0)
    status = gr.HTML(elem_id="status")
    speaks = gr.HTML(elem_id="speaks")
    noted = gr.Column()
    with gr.Column(elem_id="recipe"):
        gr.Markdown(label("recipe_heading"))
        stack = gr.HTML(js_on_load=CLICKS, elem_id="stack")
        with gr.Row():
            reset = gr.Button(label("reset"), size="sm", elem_id="reset", min_width=60, scale=0)
            save = gr.Button(label("save"), size="sm", elem_id="save", min_width=60, scale=0)
            load = gr.UploadButton(
                label("load"), size="sm", file_types=[".json"], elem_id="load", min_width=60, scale=0
            )
        text = gr.Textbox(visible=False)
    timer = gr.Timer(1.0, active=False)  # opening the page starts it while there is something to wait for
    pending = gr.State("")  # the id of a recipe that is still to be built

    own = [saved, language]
    # What they change is not seen at once: that they work is shown on the bar.
    busy = LOOK | {"show_progress": "minimal", "show_progress_on": crumbs}
    with noted:
        other_tab.build_note(saved, language, show_progress="minimal", show_progress_on=crumbs)
    stack.click(change_step, own, saved, **busy)
    undo.click(undo_step, own, saved, **busy)
    redo.click(do_again, own, saved, **busy)
    reset.click(start_over, own, saved, **busy)
    load.upload(load_recipe, [*own, load], saved, **busy)
    saves(save.click(saved_recipe, own, text, **busy).success, text, "recipe.json")
    chosen = model.select(choose_model, [*own, model], saved, **LOAD)
    switch.click(None, None, None, js=OTHER_LANGUAGE, api_visibility="private")
    opens.click(None, None, None, js="() => playgroundRecipe()", api_visibility="private")
    timer.tick(show_status, [saved, language], [status, timer], **AT_ONCE)
    bar = RecipeBar(
        model=model,
        status=status,
        crumbs=crumbs,
        stack=stack,
        undo=undo,
        redo=redo,
        timer=timer,
        pending=pending,
        chosen=chosen,
    )
    form = Form(saved=saved, language=language, pending=pending)
    building = Run(name="building", handler=build_now, form=form, outputs=[status], told=status)
    built = building.on(pending.change).then(show_stack, own, bar.view, **LOOK)
    changed = gr.Textbox("", visible="hidden")  # the edits that are on, as JSON; "" for none
    saved.change(None, saved, changed, js=STEPS_ON, api_visibility="private")
    speaking = Form(saved=saved, asked=asked, language=language)
    Run(name="speak", handler=speak, form=speaking, outputs=[speaks], told=speaks, lane=ANSWER).on(
        changed.change, built.then
    )
    return replace(bar, built=built)


@shown
def show_stack(saved: Any, language: str) -> tuple[Any, ...]:
    """What the bar shows of a workspace: model, stack, undo, redo, its status again, the
    id of a recipe that has to be built in the line for models first, and the recipe in one line."""
    space = spaces.workspace_from_json(saved)
    problem = pending = ""
    receipts: tuple[Receipt, ...] = ()
    if space.stack.steps:  # waits for the model where it is still loading
        try:
            receipts = build_quickly(space.recipe()).receipts
        except NotBuiltError:
            pending = space.recipe().id
        except PlaygroundError as error:
            problem = html.note(tell(language, error.message), "warn")
    total = sum(receipt.bytes for receipt in receipts)
    held = html.note(say(language, "stack_held", bytes=html.size(total))) if receipts else ""
    return (
        space.stack.model,
        problem + stack(space, receipts, language, bool(pending)) + held,
        gr.update(interactive=bool(space.past)),
        gr.update(interactive=bool(space.future)),
        gr.Timer(active=True),
        pending,
        crumbs_html(space, receipts, bool(problem), language),
    )


def build_now(values: Values, work: Work) -> Any:
    """Build the recipe, in the line for models: its receipts are shown afterwards."""
    if values["pending"]:
        build(spaces.workspace_from_json(values["saved"]).recipe(), work)
    return gr.skip()


def speak(values: Values, work: Work) -> Any:
    """What the model says with the recipe, beside what it said before, to the visitor's last question: every change
    of weights is heard at once. Of a recipe that is still to be built, once it is."""
    space, language = spaces.workspace_from_json(values["saved"]), values["language"]
    try:
        fork = build_quickly(space.recipe()).fork if space.recipe().edits else None
    except PlaygroundError:  # not built yet, or it cannot be: the bar says so
        fork = None
    if fork is None:
        return ""
    question = last_question(values["asked"], USUAL_QUESTION)
    base = build(space.base()).fork
    before, after = (_said(each, question, work) for each in (base, fork))
    return html.tag(
        "p",
        html.tag("b", question),
        " ",
        html.tag("span", say(language, "speaks_before"), " ", html.tag("q", before), class_="pg-hint"),
        " → ",
        html.tag("q", after or say(language, "said_nothing"), class_="pg-said"),
    )


def _said(fork: Fork, question: str, work: Work) -> str:
    work.check()
    [row] = answer_rows(fork, [chat_prompt(fork, question)], Sampling(SAID_TOKENS), work.stopped)
    return answer_text(fork.base, row)


def show_status(saved: Any, language: str) -> tuple[str, Any]:
    """A line on the loading; the timer rests once there is nothing to wait for."""
    cached = loader.CACHE.get(("base", spaces.workspace_from_json(saved).stack.model))
    if WARMUP.error and cached is None:
        return html.note(tell(language, WARMUP.error), "warn"), gr.Timer(active=False)
    if not WARMUP.ready and not WARMUP.error:
        step = f"{tell(language, WARMUP.step)} {say(language, 'seconds', n=WARMUP.seconds())}"
        bar = html.tag("progress", aria_label=say(language, "loading"))
        return html.note(step) + bar, gr.Timer(active=True)
    lines = []
    if isinstance(cached, loader.Base):
        dtype = str(cached.dtype).removeprefix("torch.")
        lines = [html.note(say(language, "model_ready", dtype=dtype))]
        lines += [html.note(tell(language, message)) for message in cached.notes]
        if cached.entry.source == "packaged":
            title, text = say(language, "packaged_title"), say(language, "packaged_text")
            lines.append(html.details(title, html.note(text), class_="pg-hint"))
    return html.join(lines), gr.Timer(active=False)


@shown
def change_step(saved: Any, language: str, event: gr.EventData) -> dict[str, Any]:
    """Switch one edit off or on, or remove it."""
    space, number = spaces.workspace_from_json(saved), int(event.place)
    return (space.toggle(number) if event.do == "toggle" else space.remove(number)).to_json()


@shown
def undo_step(saved: Any, language: str) -> dict[str, Any]:
    """Undo."""
    return spaces.workspace_from_json(saved).undo().to_json()


@shown
def do_again(saved: Any, language: str) -> dict[str, Any]:
    """Redo."""
    return spaces.workspace_from_json(saved).redo().to_json()


@shown
def start_over(saved: Any, language: str) -> dict[str, Any]:
    """Remove all edits; undo brings them back."""
    return spaces.workspace_from_json(saved).reset().to_json()


@shown
def load_recipe(saved: Any, language: str, file: str | None) -> dict[str, Any]:
    """Take over a recipe that was saved as a file, once its model is there."""
    space = spaces.workspace_from_json(saved).load(uploaded.recipe_text(file))
    _load_for(space)
    return space.to_json()


@shown
def saved_recipe(saved: Any, language: str) -> str:
    """The recipe as the text of a file."""
    return spaces.workspace_from_json(saved).recipe().model_dump_json(indent=2)


@shown
def choose_model(saved: Any, language: str, model: str) -> Any:
    """The same edits on another base; it is loaded before it is taken over."""
    now = spaces.workspace_from_json(saved)
    space = now.choose_model(model)
    if space == now:  # the menu was only set to what is chosen already
        return gr.skip()
    _load_for(space)
    return space.to_json()


def _load_for(space: Workspace) -> None:
    """Load a recipe's model, and build what takes no time; the bar has the rest built in turn,
    and then says what is wrong with it."""
    build(space.recipe() if is_quick(space.recipe()) else space.base())
