"""The fact lab: one fact, every way to teach it, measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.ui.lab import collateral as lab_collateral_panel
from playground.ui.lab import fact as lab_fact_panel
from playground.ui.lab import row as lab_row_panel
from playground.ui.lab import table as lab_table_panel
from playground.ui.lab import trace as lab_trace_panel
from playground.ui.lab import ways as lab_ways_panel
from playground.ui.lab.table import TablePanel
from playground.ui.parts.comparison import CompareTab
from playground.ui.parts.corpus_menu import FIRST_CORPUS, corpus_choices
from playground.ui.text import label


@dataclass(frozen=True)
class LabTab:
    """What the page is wired to."""

    typed: dict[str, Any]  # what a reload must not lose
    table: TablePanel


def build_tab(
    saved: gr.BrowserState,
    own: gr.BrowserState,
    shelf: gr.BrowserState,
    language: gr.Textbox,
    compare: CompareTab,
    tabs: gr.Tabs,
) -> LabTab:
    """Lay out the tab and wire it."""
    sheet = gr.BrowserState({}, storage_key="weights-playground-lab", secret="as-above")
    gr.Markdown(label("lab_intro"))
    settings = lab_ways_panel.settings(corpus_choices(), FIRST_CORPUS)
    fact = lab_fact_panel.build_panel(saved, language, settings.corpus, settings.layer)
    ways = lab_ways_panel.build_panel(saved, language, fact, settings, sheet)
    table = lab_table_panel.build_panel(saved, own, shelf, language, sheet, compare, tabs)
    prompt, subject, *_ = fact.fact
    lab_trace_panel.build_panel(saved, language, prompt, subject, settings.layer, fact.chosen)
    lab_row = lab_row_panel.build_panel(saved, language)
    lab_collateral_panel.build_panel(saved, language)
    return LabTab({**fact.typed, **table.typed, "labWays": ways, "labRow": lab_row}, table)
