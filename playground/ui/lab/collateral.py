"""The collateral map: a fixed list of facts, asked again of the visitor's recipe."""

from __future__ import annotations

import gradio as gr
from markupsafe import Markup

from playground import workspace as spaces
from playground.engine.build import build
from playground.engine.work import Work
from playground.lab.collateral import Collateral, collateral
from playground.lab.known_facts import known_facts
from playground.ui.parts import charts
from playground.ui.parts.html import grid, join, note, percent, scrolled, tag
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import AT_ONCE, clears
from playground.ui.shell.run import Run
from playground.ui.shell.turns import stops
from playground.ui.text import label, say

WORST = 20  # facts that are listed


def build_collateral(saved: gr.BrowserState, language: gr.Textbox) -> None:
    """Lay out the panel and wire it."""
    with gr.Accordion(label("lab_collateral_heading"), open=False, elem_id="lab-collateral-panel"):
        gr.Markdown(label("lab_collateral_intro"))
        with gr.Row():
            go = gr.Button(label("lab_collateral_go"), variant="primary", elem_id="lab-collateral-go", min_width=140)
            stop = gr.Button(label("stop"), elem_id="lab-collateral-stop", min_width=90, scale=0)
        told = gr.HTML(elem_id="lab-collateral-told")
        result = gr.HTML(elem_id="lab-collateral")
    form = Form(saved=saved, language=language)
    Run(name="collateral", handler=ask_again, form=form, outputs=[result], told=told).on(go.click)
    stop.click(stops("collateral"), **AT_ONCE)
    clears(saved.change, parts=[result, told])  # figures of another recipe


def ask_again(values: Values, work: Work) -> str:
    """What the visitor's recipe does to the fixed facts."""
    space, language = spaces.workspace_from_json(values["saved"]), values["language"]
    if not space.recipe().edits:
        return note(say(language, "lab_collateral_base"))
    fork = build(space.recipe(), work).fork
    return collateral_html(collateral(fork, build(space.base(), work).fork, work), language)


def collateral_html(collateral: Collateral, language: str) -> Markup:
    """How many are kept, in all and by topic, and those that changed most."""
    if not collateral.asked:
        return note(say(language, "lab_collateral_none"))
    unchanged, total = collateral.kept, len(known_facts())
    heading = say(
        language, "lab_collateral_kept", right=unchanged.right, of=unchanged.of, lost=unchanged.of - unchanged.right
    )
    if unchanged.of < total:
        heading += " " + say(language, "lab_collateral_others", count=total - unchanged.of)
    topics = sorted(collateral.topics, key=lambda topic: topic.right / topic.of)
    bars = charts.bars(
        [charts.Bar(topic.name, topic.right / topic.of, f"{topic.right}/{topic.of}") for topic in topics],
        say(language, "lab_collateral_topics"),
    )
    heads = [say(language, f"lab_collateral_{key}") for key in ("fact", "topic", "before", "after", "says")]
    worst = collateral.changes[:WORST]
    rows = [
        [
            join([fact.fact.prompt, tag("b", fact.fact.target)]),
            fact.fact.topic,
            percent(fact.before, 2),
            percent(fact.after, 2),
            f"{'✓' if fact.right else '✗'} {fact.says}",
        ]
        for fact in worst
    ]
    caption = say(language, "lab_collateral_caption", count=len(worst))
    return tag("p", tag("b", heading)) + bars + scrolled(grid(heads, rows, caption, "pg-lab-facts"), caption)
