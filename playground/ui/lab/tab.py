"""The fact lab: one fact, every way to teach it, measured."""

from __future__ import annotations

import gradio as gr

from playground.ui.lab import collateral as lab_collateral_panel
from playground.ui.lab import fact as lab_fact_panel
from playground.ui.lab import row as lab_row_panel
from playground.ui.lab import table as lab_table_panel
from playground.ui.lab import trace as lab_trace_panel
from playground.ui.lab import ways as lab_ways_panel
from playground.ui.parts.corpus_menu import FIRST_CORPUS, corpus_choices
from playground.ui.shell.page import LOOK
from playground.ui.shell.state import kept
from playground.ui.shell.tab import Listener, Tab, Visit, Wired
from playground.ui.text import label


def build_tab(visit: Visit, page: gr.Tab) -> Wired:
    """Lay out the tab and wire it."""
    saved, language = visit.saved, visit.language
    sheet = kept("lab", {})
    gr.Markdown(label("lab_intro"))
    settings = lab_ways_panel.build_way_settings(corpus_choices(), FIRST_CORPUS)
    fact = lab_fact_panel.build_fact(saved, language, settings.corpus, settings.layer)
    ways = lab_ways_panel.build_ways(saved, language, fact, settings, sheet)
    table = lab_table_panel.build_lab_table(visit, sheet)
    prompt, subject, *_ = fact.fact.values()
    lab_trace_panel.build_trace(saved, language, prompt, subject, settings.layer, fact.chosen)
    lab_row = lab_row_panel.build_row(saved, language)
    lab_collateral_panel.build_collateral(saved, language)

    def loaded(event: Listener) -> None:
        event(lab_table_panel.show_sheet, table.inputs, table.outputs, **LOOK)

    visit.fills["lab"] = [*fact.fact.values()]
    typed = {**fact.typed, **table.typed, "labWays": ways, "labRow": lab_row}
    return Wired(typed=typed, on_load=loaded, documents=[table.sent])


TAB = Tab("lab", build_tab, stage=1)
