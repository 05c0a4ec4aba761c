"""The collateral map: a fixed list of facts, asked again of the visitor's recipe."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.engine.build import build
from playground.engine.work import Stopped
from playground.lab.collateral import Collateral, collateral
from playground.lab.known import known_facts
from playground.ui.lab.words import percent
from playground.ui.parts import charts
from playground.ui.parts.html import note
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


def as_html(found: Collateral, language: str) -> str:
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
    keys = ("fact", "topic", "before", "after", "says")
    heads = "".join(f'<th scope="col">{escape(say(language, f"lab_collateral_{key}"))}</th>' for key in keys)
    worst = found.changes[:WORST]
    body = "".join(
        "<tr>"
        + f"<td>{escape(one.fact.prompt)}<b>{escape(one.fact.target)}</b></td>"
        + f"<td>{escape(one.fact.topic)}</td><td>{percent(one.before)}</td>"
        + f"<td>{percent(one.after)}</td>"
        + f"<td>{'✓' if one.right else '✗'} {escape(one.says)}</td></tr>"
        for one in worst
    )
    caption = escape(say(language, "lab_collateral_caption", count=len(worst)))
    return (
        f"<p><b>{escape(heading)}</b></p>{bars}"
        f'<div class="pg-scroll" tabindex="0" role="region" aria-label="{caption}">'
        f'<table class="pg-table pg-lab-facts"><caption>{caption}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )
