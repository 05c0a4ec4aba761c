"""The Tokens tab: how a text is split, what lies near a token, and what nudging it does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from playground import compare as contest
from playground import workspace as spaces
from playground.engine.build import Built, NotBuiltError, build, build_quickly
from playground.engine.decoding import generate
from playground.engine.decoding.generate import Sampling
from playground.engine.fork import Side
from playground.engine.measuring import token_map
from playground.engine.models.token_ids import named_ids
from playground.engine.nudging.edit import MAX_STRENGTH
from playground.engine.recipe import Recipe
from playground.engine.work import Work
from playground.errors import PlaygroundError
from playground.ui.parts import html
from playground.ui.parts.answers_html import Looked
from playground.ui.parts.streaming import stream
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import ANSWER, AT_ONCE, CLICKS, LAST, LOOK, clears, leaves, shown
from playground.ui.shell.run import Run
from playground.ui.shell.stale import belongs, each
from playground.ui.shell.tab import Listener, Tab, Visit, Wired
from playground.ui.shell.turns import stops
from playground.ui.text import label, say, tell
from playground.ui.tokens import view
from playground.ui.tokens.flatmap import draw_map
from playground.ui.tokens.nudge import build_nudge, edit_of

FIRST_TEXT = "The capital of France is Paris"
FIRST_TOKEN = 5  # " Paris"
FIRST_PROMPT = "The capital of France is"
NEIGHBOURS = 10
TOP = 10
NEW_TOKENS = 40


def build_tab(visit: Visit, page: gr.Tab) -> Wired:
    """Lay out the tab and wire it."""
    saved, language = visit.saved, visit.language
    chosen = gr.State(None)  # the id of the token that is looked at
    gr.Markdown(label("tokens_intro"))
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=320):
            text = gr.Textbox(FIRST_TEXT, label=label("tokens_text"), elem_id="tokens-text")
            chips = gr.HTML(js_on_load=CLICKS, elem_id="chips")
            facts = gr.HTML(js_on_load=CLICKS, elem_id="token-facts")
            flat = gr.HTML(js_on_load=CLICKS, elem_id="token-map")
        with gr.Column(scale=1, min_width=320):
            nudge = build_nudge()
            prompt = gr.Textbox(FIRST_PROMPT, label=label("nudge_prompt"), elem_id="nudge-prompt")
            bars = gr.HTML(elem_id="bars")
            with gr.Row():
                write = gr.Button(label("write_on"), elem_id="write-on")
                stop = gr.Button(label("stop"), elem_id="stop-writing")
            written = gr.HTML(elem_id="written")

    form = Form(saved=saved, language=language, sentence=text, chosen=chosen, prompt=prompt, **nudge.form)
    made, side = nudge.form, nudge.form["side"]
    looked = [facts, flat, bars]
    splits = [chips, chosen, made["text"], nudge.advice, *looked]
    form.on(text.submit, split_text, splits, **LAST)
    form.on(chips.click, choose_token, splits, **LOOK)
    for seen in (facts, flat):
        form.on(seen.click, continue_text, splits[1:], **LOOK)
    preview = [*looked, nudge.advice]
    for changed in (made["strength"].release, *(made[name].submit for name in ("target", "text", "seed"))):
        form.on(changed, preview_nudge, preview, **LAST)
    for chosen_field in (made["direction"], side):
        form.on(chosen_field.input, preview_nudge, preview, **LAST)
    form.on(prompt.submit, refresh, looked, **LAST).then(lambda: "", None, written, **AT_ONCE)
    nudged = form.on(nudge.button.click, keep_nudge, saved, **LOOK)
    Run(
        name="write",
        handler=write_on,
        form=Form(saved=saved, language=language, prompt=prompt),
        outputs=[written],
        told=written,
        words="stopped",
        lane=ANSWER,
    ).on(nudged.success, write.click)
    stop.click(stops("write"), **AT_ONCE)
    clears(leaves(saved, nudged.success, write.click), parts=[written])

    form.on(page.select, first_look, splits, **LOOK)

    def splits_text(event: Listener) -> None:
        form.on(event, split_text, splits, **LOOK)

    def looks(event: Listener) -> None:
        form.on(event, refresh, looked, **LOOK)

    def changed_recipe(event: Listener) -> None:
        clears(event, parts=[nudge.advice])
        looks(event)

    return Wired(typed={"text": text, "start": prompt}, on_model=splits_text, on_recipe=changed_recipe, on_built=looks)


assert MAX_STRENGTH >= 2  # the slider's end; larger strengths can be given through a recipe


@shown
def split_text(values: Values, number: int | None = None) -> tuple[Any, ...]:
    """The tokens of a text, one of them chosen and looked at."""
    text, language = values["sentence"], values["language"]
    base = build(spaces.workspace_from_json(values["saved"]).base())
    tokens = token_map.split_tokens(base.fork, text)
    default = FIRST_TOKEN if text == FIRST_TEXT else 0
    number = min(default if number is None else number, len(tokens) - 1)
    mark = belongs({"tokens-text": text}, also=["token-facts", "token-map"])
    chips = view.chips(tokens, number, language) + mark
    return (chips, *_look_at(tokens[number].id, base, values))


@shown
def first_look(values: Values) -> tuple[Any, ...]:
    """The tab was opened: its text is looked at, unless it has been."""
    return split_text(values) if values["chosen"] is None else (gr.skip(),) * 7


@shown
def choose_token(values: Values, event: gr.EventData) -> tuple[Any, ...]:
    """A chip was pressed: choose that token."""
    return split_text(values, int(event.place))


@shown
def continue_text(values: Values, event: gr.EventData) -> tuple[Any, ...]:
    """A neighbour was pressed: look at it instead."""
    base = build(spaces.workspace_from_json(values["saved"]).base())
    token = min(max(0, int(event.id)), base.fork.embedding("input")[0].shape[0] - 1)
    return _look_at(token, base, values)


def _look_at(token: int, base: Built, values: Values) -> tuple[Any, ...]:
    """A newly chosen token: its id, the text that nudges it, advice, and what is shown of it."""
    tokenizer = base.fork.base.tokenizer
    text = str(tokenizer.decode([token]))
    whole = named_ids(tokenizer, text) == [token]
    advice = "" if whole else html.note(say(values["language"], "token_in_part"), "warn")
    after = _now(values["saved"], base)
    return (token, text if whole else "", advice, *_shown(token, base, after, values))


def _now(saved: Any, base: Built) -> Built:
    """The visitor's recipe, or the base for as long as the recipe is not built."""
    try:
        return build_quickly(spaces.workspace_from_json(saved).recipe())
    except NotBuiltError:
        return base


def _shown(
    token: int | None, base: Built, after: Built, values: Values, target: int | None = None
) -> tuple[Any, Any, str]:
    """Facts and neighbours of a token, its map, and the bars of a prompt."""
    language, bars = values["language"], _bars(base, after, values["prompt"], values["language"])
    if token is None or token >= base.fork.embedding("input")[0].shape[0]:
        return gr.skip(), gr.skip(), bars
    seen: Side = "output" if values["side"] == "output" else "input"
    name = token_map.token_text(base.fork.base.tokenizer, token)
    vector = token_map.vector(after.fork, token, seen)
    norm = token_map.norm(after.fork, token, seen)
    [near] = token_map.neighbours(after.fork, [token], NEIGHBOURS, seen)
    [old_near] = token_map.neighbours(base.fork, [token], NEIGHBOURS, seen)
    facts = view.token_facts(token_map.Token(token, name, norm), vector, language)
    around = dict.fromkeys([n.id for n in (*old_near, *near[:4])] + ([target] if target else []))
    around.pop(token, None)
    flat = token_map.flat_map(base.fork, after.fork, token, list(around), seen)
    return (facts + view.neighbour_table(near, language), draw_map(flat, language), bars)


def _bars(base: Built, after: Built, prompt: str, language: str) -> str:
    if not prompt.strip():
        return html.note(say(language, "bars_empty"))
    ids = generate.prompt_ids(base.fork.base, prompt)
    tokenizer = base.fork.base.tokenizer
    rows = [
        (token_map.token_text(tokenizer, shift.id), shift.before, shift.after)
        for shift in generate.next_shift(base.fork, after.fork, ids, TOP)
    ]
    return html.probability_bars(rows, language) + belongs({"nudge-prompt": prompt})


@shown
def preview_nudge(values: Values) -> tuple[Any, ...]:
    """What the nudge would do on top of the recipe, before it is kept."""
    space, language = spaces.workspace_from_json(values["saved"]), values["language"]
    base = build(space.base())
    try:
        recipe = space.recipe()
        after = build_quickly(Recipe(model=recipe.model, edits=(*recipe.edits, edit_of(values))))
    except PlaygroundError as error:
        advice = html.note(tell(language, error.message), "warn")
        return (gr.skip(), gr.skip(), gr.skip(), advice)
    tokenizer = base.fork.base.tokenizer
    token = next(iter(named_ids(tokenizer, values["text"])), values["chosen"])
    goal = next(iter(named_ids(tokenizer, values["target"])), None)
    lines = [tell(language, message) for message in after.receipts[-1].warnings]
    advice = html.note(say(language, "preview")) + html.notes(lines, "warn")
    return (*_shown(token, base, after, values, goal), advice)


@shown
def keep_nudge(values: Values) -> dict[str, Any]:
    """Put the nudge on the recipe."""
    space = spaces.workspace_from_json(values["saved"]).add(edit_of(values))
    build_quickly(space.recipe())
    return space.to_json()


@shown
def refresh(values: Values) -> tuple[Any, ...]:
    """What is shown of the chosen token and the prompt, after the recipe changed."""
    base = build(spaces.workspace_from_json(values["saved"]).base())
    return _shown(values["chosen"], base, _now(values["saved"], base), values)


def write_on(values: Values, work: Work) -> Iterator[str]:
    """Continue the prompt with the base and with the recipe, growing side by side."""
    space, language, prompt = spaces.workspace_from_json(values["saved"]), values["language"], values["prompt"]
    columns = [
        contest.Contestant(label=say(language, "column_before"), recipe=space.base()),
        contest.Contestant(label=say(language, "column_after"), recipe=space.recipe()),
    ]
    growing = contest.compare(columns, prompt, Sampling(NEW_TOKENS), work.stopped, chat=False)
    yield from each(stream(growing, work, language, Looked(differing=True)), belongs({"nudge-prompt": prompt}))


TAB = Tab("tokens", build_tab)
