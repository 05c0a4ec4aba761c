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
from playground.engine.recipe import Recipe, parse_edit
from playground.errors import PlaygroundError
from playground.ui.parts import html
from playground.ui.parts.streaming import stream
from playground.ui.shell.page import AT_ONCE, CLICKS, LAST, LOOK, MODEL, begins, clears, shown, stops
from playground.ui.shell.stale import belongs, each
from playground.ui.shell.tab import Listener, Tab, Visit, Wired
from playground.ui.text import label, say, tell
from playground.ui.tokens import view
from playground.ui.tokens.flatmap import draw
from playground.ui.tokens.nudge import build_panel

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
            nudge = build_panel()
            prompt = gr.Textbox(FIRST_PROMPT, label=label("nudge_prompt"), elem_id="nudge-prompt")
            bars = gr.HTML(elem_id="bars")
            with gr.Row():
                write = gr.Button(label("write_on"), elem_id="write-on")
                stop = gr.Button(label("stop"), elem_id="stop-writing")
            written = gr.HTML(elem_id="written")

    split_inputs = [text, saved, language, *nudge.fields, prompt]
    look_inputs = [chosen, saved, language, *nudge.fields, prompt]
    look_outputs = [facts, flat, bars]
    split_outputs = [chips, chosen, nudge.text, nudge.advice, *look_outputs]
    text.submit(split_text, split_inputs, split_outputs, **LAST)
    chips.click(choose_token, split_inputs, split_outputs, **LOOK)
    for seen in (facts, flat):
        seen.click(go_on, split_inputs, [chosen, nudge.text, nudge.advice, *look_outputs], **LOOK)
    preview = [*look_outputs, nudge.advice]
    for changed in (nudge.strength.release, nudge.target.submit, nudge.text.submit):
        changed(preview_nudge, look_inputs, preview, **LAST)
    for chosen_field in (nudge.direction, nudge.side):
        chosen_field.input(preview_nudge, look_inputs, preview, **LAST)
    nudge.seed.submit(preview_nudge, look_inputs, preview, **LAST)
    prompt.submit(refresh, look_inputs, look_outputs, **LAST).then(lambda: "", None, written, **AT_ONCE)
    kept = nudge.button.click(keep_nudge, [saved, language, *nudge.fields], saved, **LOOK)
    turn = gr.State(0)
    for run in (kept.success, write.click):
        run(begins("write"), None, turn, **AT_ONCE).then(write_on, [saved, language, prompt, turn], written, **MODEL)
    stop.click(stops("write"), **AT_ONCE)

    def splits(event: Listener) -> None:
        event(split_text, split_inputs, split_outputs, **LOOK)

    def looks(event: Listener) -> None:
        event(refresh, look_inputs, look_outputs, **LOOK)

    def changed_recipe(event: Listener) -> None:
        clears(event, parts=[nudge.advice, written])
        looks(event)

    return Wired(
        typed={"text": text, "start": prompt}, on_load=splits, on_model=splits, on_recipe=changed_recipe, on_built=looks
    )


assert MAX_STRENGTH >= 2  # the slider's end; larger strengths can be given through a recipe


@shown
def split_text(
    text: str,
    saved: Any,
    language: str,
    nudge: str,
    direction: str,
    target: str,
    strength: float,
    side: str,
    seed: float,
    prompt: str,
    place: int | None = None,
) -> tuple[Any, ...]:
    """The tokens of a text, one of them chosen and looked at."""
    space = spaces.from_json(saved)
    base = build(space.base())
    tokens = token_map.split(base.fork, text)
    default = FIRST_TOKEN if text == FIRST_TEXT else 0
    place = min(default if place is None else place, len(tokens) - 1)
    mark = belongs({"tokens-text": text}, also=["token-facts", "token-map"])
    chips = view.chips(tokens, place, language) + mark
    return (chips, *_look_at(tokens[place].id, base, saved, language, side, prompt))


@shown
def choose_token(
    text: str,
    saved: Any,
    language: str,
    nudge: str,
    direction: str,
    target: str,
    strength: float,
    side: str,
    seed: float,
    prompt: str,
    event: gr.EventData,
) -> tuple[Any, ...]:
    """A chip was pressed: choose that token."""
    return split_text(text, saved, language, nudge, direction, target, strength, side, seed, prompt, int(event.place))


@shown
def go_on(
    text: str,
    saved: Any,
    language: str,
    nudge: str,
    direction: str,
    target: str,
    strength: float,
    side: str,
    seed: float,
    prompt: str,
    event: gr.EventData,
) -> tuple[Any, ...]:
    """A neighbour was pressed: look at it instead."""
    base = build(spaces.from_json(saved).base())
    token = min(max(0, int(event.id)), base.fork.embedding("input")[0].shape[0] - 1)
    return _look_at(token, base, saved, language, side, prompt)


def _look_at(token: int, base: Built, saved: Any, language: str, side: str, prompt: str) -> tuple[Any, ...]:
    """A newly chosen token: its id, the text that nudges it, advice, and what is shown of it."""
    tokenizer = base.fork.base.tokenizer
    text = str(tokenizer.decode([token]))
    whole = named_ids(tokenizer, text) == [token]
    advice = "" if whole else html.note(say(language, "token_in_part"), "warn")
    after = _now(saved, base)
    return (token, text if whole else "", advice, *_shown(token, base, after, side, prompt, language))


def _now(saved: Any, base: Built) -> Built:
    """The visitor's recipe, or the base for as long as the recipe is not built."""
    try:
        return build_quickly(spaces.from_json(saved).recipe())
    except NotBuiltError:
        return base


def _shown(
    token: int | None, base: Built, after: Built, side: str, prompt: str, language: str, target: int | None = None
) -> tuple[Any, Any, str]:
    """Facts and neighbours of a token, its map, and the bars of a prompt."""
    if token is None or token >= base.fork.embedding("input")[0].shape[0]:
        return gr.skip(), gr.skip(), _bars(base, after, prompt, language)
    seen: Side = "output" if side == "output" else "input"
    name = token_map.token_text(base.fork.base.tokenizer, token)
    values = token_map.vector(after.fork, token, seen)
    norm = token_map.norm(after.fork, token, seen)
    [near] = token_map.neighbours(after.fork, [token], NEIGHBOURS, seen)
    [old_near] = token_map.neighbours(base.fork, [token], NEIGHBOURS, seen)
    facts = view.token_facts(token_map.Token(token, name, norm), values, language)
    around = dict.fromkeys([n.id for n in (*old_near, *near[:4])] + ([target] if target else []))
    around.pop(token, None)
    flat = token_map.flat_map(base.fork, after.fork, token, list(around), seen)
    return (facts + view.neighbour_table(near, language), draw(flat, language), _bars(base, after, prompt, language))


def _bars(base: Built, after: Built, prompt: str, language: str) -> str:
    if not prompt.strip():
        return html.note(say(language, "bars_empty"))
    ids = generate.prompt_ids(base.fork.base, prompt)
    tokenizer = base.fork.base.tokenizer
    rows = [
        (token_map.token_text(tokenizer, shift.id), shift.before, shift.after)
        for shift in generate.next_shift(base.fork, after.fork, ids, TOP)
    ]
    return html.bars(rows, language) + belongs({"nudge-prompt": prompt})


def _edit(
    text: str, direction: str, target: str, strength: float | None, side: str, seed: float | None
) -> dict[str, Any]:
    if strength is None:
        raise PlaygroundError("The strength is empty. Give a number.")
    return {
        "kind": "nudge_tokens",
        "text": text,
        "direction": direction,
        "target": target if direction in ("toward", "away") else "",
        "strength": round(float(strength), 4),
        "side": side,
        "seed": int(seed or 0),
    }


@shown
def preview_nudge(
    chosen: int | None,
    saved: Any,
    language: str,
    text: str,
    direction: str,
    target: str,
    strength: float,
    side: str,
    seed: float,
    prompt: str,
) -> tuple[Any, ...]:
    """What the nudge would do on top of the recipe, before it is kept."""
    space = spaces.from_json(saved)
    base = build(space.base())
    try:
        edit = parse_edit(_edit(text, direction, target, strength, side, seed))
        recipe = space.recipe()
        after = build_quickly(Recipe(model=recipe.model, edits=(*recipe.edits, edit)))
    except PlaygroundError as error:
        advice = html.note(tell(language, error.message), "warn")
        return (gr.skip(), gr.skip(), gr.skip(), advice)
    tokenizer = base.fork.base.tokenizer
    token = next(iter(named_ids(tokenizer, text)), chosen)
    goal = next(iter(named_ids(tokenizer, target)), None)
    lines = [tell(language, message) for message in after.receipts[-1].warnings]
    advice = html.note(say(language, "preview")) + html.notes(lines, "warn")
    return (*_shown(token, base, after, side, prompt, language, goal), advice)


@shown
def keep_nudge(
    saved: Any, language: str, text: str, direction: str, target: str, strength: float, side: str, seed: float
) -> dict[str, Any]:
    """Put the nudge on the recipe."""
    space = spaces.from_json(saved).add(_edit(text, direction, target, strength, side, seed))
    build_quickly(space.recipe())
    return space.to_json()


@shown
def refresh(
    chosen: int | None,
    saved: Any,
    language: str,
    text: str,
    direction: str,
    target: str,
    strength: float,
    side: str,
    seed: float,
    prompt: str,
) -> tuple[Any, ...]:
    """What is shown of the chosen token and the prompt, after the recipe changed."""
    space = spaces.from_json(saved)
    base = build(space.base())
    return _shown(chosen, base, _now(saved, base), side, prompt, language)


@shown
def write_on(saved: Any, language: str, prompt: str, turn: int, request: gr.Request) -> Iterator[str]:
    """Continue the prompt with the base and with the recipe, growing side by side."""
    space = spaces.from_json(saved)
    columns = [
        contest.Contestant(say(language, "column_before"), space.base()),
        contest.Contestant(say(language, "column_after"), space.recipe()),
    ]
    written = stream(columns, prompt, Sampling(NEW_TOKENS), language, request, turn, chat=False)
    yield from each(written, belongs({"nudge-prompt": prompt}))


TAB = Tab("tokens", build_tab)
