"""The Adapters tab: attach one and look into it, train one."""

from __future__ import annotations

import gradio as gr

from playground.ui.adapters import attach as attach_panel
from playground.ui.adapters import calculator as calculator_panel
from playground.ui.adapters import mix as mix_panel
from playground.ui.adapters import train as train_panel
from playground.ui.shell.page import AT_ONCE, LOOK, TOLD
from playground.ui.shell.state import kept
from playground.ui.shell.tab import Listener, Tab, Visit, Wired
from playground.ui.text import label


def build_tab(visit: Visit, page: gr.Tab) -> Wired:
    """Lay out the tab and wire it."""
    saved, mine, language = visit.saved, visit.adapters, visit.language
    job = kept("run", "")
    gr.Markdown(label("adapters_intro"))
    attach = attach_panel.build_attach(saved, mine, language)
    mix = mix_panel.build_mix(saved, mine, language, attach)
    gr.Markdown(label("train_heading"))
    train = train_panel.build_train(saved, mine, job, language, attach)
    visit.fills["adapters"] = [train.form[name] for name in ("source", "ready", "file", "rows")]
    calculator_panel.build_calculator(saved, language)
    opened = page.select(attach_panel.open_attach, attach.opened, attach.parts, **LOOK)
    train.form.on(opened.then, train_panel.look_ahead, train.ahead, **LOOK)
    opened.then(mix_panel.list_adapters, mix.listed, mix.sources, **LOOK)
    page.select(train_panel.show_both, *train.shown_for, **AT_ONCE)
    page.select(train_panel.watch, train.watched, train.going, **TOLD)

    def changed_model(event: Listener) -> None:
        opened = event(attach_panel.open_attach, attach.opened, attach.parts, **LOOK)
        train.form.on(opened.then, train_panel.look_ahead, train.ahead, **LOOK)

    return Wired(typed={"attach": attach.prompt, **train.typed}, on_model=changed_model)


TAB = Tab("adapters", build_tab)
