"""The collateral map: a fixed list of facts, asked again of the visitor's recipe."""

from __future__ import annotations

from typing import Any

import gradio as gr
from markupsafe import Markup

from playground import workspace as spaces
from playground.engine.build import build
from playground.engine.work import Stopped
from playground.lab.collateral import Collateral, collateral
from playground.lab.known_facts import known_facts
from playground.ui.parts import charts
from playground.ui.parts.html import grid, join, note, percent, scrolled, tag
from playground.ui.shell.page import AT_ONCE, MODEL, PROGRESS, begins, clears, session_of, shown, stops, work_for
from playground.ui.text import label, say

WORST = 20  # facts that are listed


def build_panel(saved: gr.BrowserState, language: gr.Textbox) -> None:
    """Lay out the panel and wire it."""
    with gr.Accordion(label("lab_collateral_heading"), open=False, elem_id="lab-collateral-panel"):
        gr.Markdown(label("lab_collateral_intro"))
        with gr.Row():
            go = gr.Button(label("lab_collateral_go"), variant="primary", elem_id="lab-collateral-go", min_width=140)
            stop = gr.Button(label("stop"), elem_id="lab-collateral-stop", min_width=90, scale=0)
        found = gr.HTML(elem_id="lab-collateral")
    turn = gr.State(0)
    go.click(begins("collateral"), None, turn, trigger_mode="multiple", **AT_ONCE).then(
        ask_again, [saved, language, turn], found, trigger_mode="multiple", **MODEL
    )
    stop.click(stops("collateral"), **AT_ONCE)
    clears(saved.change, parts=[found])  # figures of another recipe


@shown
def ask_again(saved: Any, language: str, turn: int, request: gr.Request, progress: Any = PROGRESS) -> str:
    """What the visitor's recipe does to the fixed facts."""
    work = work_for(session_of(request), turn, progress, language)
    space = spaces.from_json(saved)
    if not space.recipe().edits:
        return note(say(language, "lab_collateral_base"))
    try:
        fork = build(space.recipe(), work).fork
        found = collateral(fork, build(space.base(), work).fork, work)
    except Stopped:
        return note(say(language, "stopped"))
    return as_html(found, language)


def as_html(found: Collateral, language: str) -> Markup:
    """How many are kept, in all and by topic, and those that changed most."""
    if not found.asked:
        return note(say(language, "lab_collateral_none"))
    kept, asked = found.kept, len(known_facts())
    heading = say(language, "lab_collateral_kept", right=kept.right, of=kept.of, lost=kept.of - kept.right)
    if kept.of < asked:
        heading += " " + say(language, "lab_collateral_others", count=asked - kept.of)
    topics = sorted(found.topics, key=lambda topic: topic.right / topic.of)
    bars = charts.bars(
        [charts.Bar(topic.name, topic.right / topic.of, f"{topic.right}/{topic.of}") for topic in topics],
        say(language, "lab_collateral_topics"),
    )
    heads = [say(language, f"lab_collateral_{key}") for key in ("fact", "topic", "before", "after", "says")]
    worst = found.changes[:WORST]
    rows = [
        [
            join([one.fact.prompt, tag("b", one.fact.target)]),
            one.fact.topic,
            percent(one.before, 2),
            percent(one.after, 2),
            f"{'✓' if one.right else '✗'} {one.says}",
        ]
        for one in worst
    ]
    caption = say(language, "lab_collateral_caption", count=len(worst))
    return tag("p", tag("b", heading)) + bars + scrolled(grid(heads, rows, caption, "pg-lab-facts"), caption)
