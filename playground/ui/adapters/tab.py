"""The Adapters tab: attach one and look into it, train one."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from playground.ui.adapters import attach as attach_panel
from playground.ui.adapters import calculator as calculator_panel
from playground.ui.adapters import mix as mix_panel
from playground.ui.adapters import train as train_panel
from playground.ui.shell.page import AT_ONCE, LOOK, TOLD
from playground.ui.text import label


@dataclass(frozen=True)
class AdaptersTab:
    """The parts that the tab itself is wired to."""

    attach: attach_panel.AttachPanel
    train: train_panel.TrainPanel
    mix: mix_panel.MixPanel
    mine: gr.BrowserState  # ids of the visitor's own adapters

    def opens_with(self, tab: gr.Tab) -> None:
        """When the tab is opened, list the adapters and go on watching a run."""
        opened = tab.select(attach_panel.open_panel, self.attach.opened, self.attach.parts, **LOOK)
        opened.then(train_panel.look_ahead, self.train.looked, self.train.ahead, **LOOK)
        opened.then(mix_panel.list_adapters, self.mix.listed, self.mix.sources, **LOOK)
        tab.select(train_panel.show_both, *self.train.shown_for, **AT_ONCE)
        tab.select(train_panel.watch, self.train.watched, self.train.going, **TOLD)


def build_tab(saved: gr.BrowserState, language: gr.Textbox) -> AdaptersTab:
    """Lay out the tab and wire it."""
    mine = gr.BrowserState([], storage_key="weights-playground-adapters", secret="as-above")
    job = gr.BrowserState("", storage_key="weights-playground-run", secret="as-above")
    gr.Markdown(label("adapters_intro"))
    attach = attach_panel.build_panel(saved, mine, language)
    mix = mix_panel.build_panel(saved, mine, language, attach)
    gr.Markdown(label("train_heading"))
    train = train_panel.build_panel(saved, mine, job, language, attach)
    calculator_panel.build_panel(saved, language)
    return AdaptersTab(attach, train, mix, mine)
