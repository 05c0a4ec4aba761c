"""The Adapters tab: attach one and look into it, train one."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from playground.ui import attach_panel, train_panel
from playground.ui.page import AT_ONCE, LOOK
from playground.ui.text import label


@dataclass(frozen=True)
class AdaptersTab:
    """The parts that the tab itself is wired to."""

    attach: attach_panel.AttachPanel
    train: train_panel.TrainPanel

    def opens_with(self, tab: gr.Tab) -> None:
        """When the tab is opened, list the adapters and go on watching a run."""
        opened = tab.select(attach_panel.open_panel, self.attach.opened, self.attach.parts, **LOOK)
        opened.then(train_panel.look_ahead, self.train.looked, self.train.ahead, **LOOK)
        tab.select(train_panel.watch, self.train.watched, self.train.going, **AT_ONCE)


def build_tab(saved: gr.BrowserState, language: gr.Textbox) -> AdaptersTab:
    """Lay out the tab and wire it."""
    mine = gr.BrowserState([], storage_key="weights-playground-adapters", secret="as-above")
    job = gr.BrowserState("", storage_key="weights-playground-run", secret="as-above")
    gr.Markdown(label("adapters_intro"))
    attach = attach_panel.build_panel(saved, mine, language)
    gr.Markdown(label("train_heading"))
    train = train_panel.build_panel(saved, mine, job, language, attach)
    return AdaptersTab(attach, train)
