"""The page: sidebar, tabs, and what ties them together."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from playground import temporary
from playground import workspace as spaces
from playground.engine.adapters import store
from playground.engine.merging import checkpoints
from playground.engine.training import kept
from playground.engine.training.jobs import JOBS
from playground.retrieval.own import uploads
from playground.settings import settings
from playground.ui import edge
from playground.ui.adapters import attach as attach_panel
from playground.ui.adapters import tab as adapters_tab
from playground.ui.adapters import train as train_panel
from playground.ui.compare import tab as compare_tab
from playground.ui.documents import own as own_panel
from playground.ui.documents import tab as documents_tab
from playground.ui.edge.guard import Page
from playground.ui.edge.sessions import capacity
from playground.ui.guide import tab as guide_tab
from playground.ui.lab import tab as lab_tab
from playground.ui.lab import table as lab_table_panel
from playground.ui.merge import tab as merge_tab
from playground.ui.parts.comparison import CompareTab
from playground.ui.shell import other_tab
from playground.ui.shell.endpoints import add_endpoints
from playground.ui.shell.first_script import FirstScript
from playground.ui.shell.page import AT_ONCE, LOOK, VIEW, clears
from playground.ui.shell.theme import theme
from playground.ui.shell.warmup import WARMUP
from playground.ui.sidebar.panel import build_sidebar, show_stack, show_status
from playground.ui.text import I18N, label
from playground.ui.tokens import tab as tokens_tab
from playground.ui.weights import measure as measure_panel
from playground.ui.weights import tab as weights_tab

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
ASSETS = Path(__file__).resolve().parents[2] / "assets"
MAX_UPLOAD = "600mb"  # a checkpoint; what is smaller is bounded where it is read
MAX_WAITING = 4000  # requests in all lanes; each lane and each visitor has a share: edge/line.py
log = logging.getLogger(__name__)


def build_page() -> gr.Blocks:
    """The whole interface. Loads no model: that goes on behind the page."""
    with Page(title="Weights Playground", analytics_enabled=False) as page:
        saved = gr.BrowserState(
            spaces.new().to_json(),
            storage_key="weights-playground",
            secret="not-a-secret",  # a key that outlives restarts, hiding nothing
        )
        own = gr.BrowserState("", storage_key="weights-playground-own", secret="as-above")
        shelf = gr.BrowserState([], storage_key="weights-playground-shelf", secret="as-above")
        drafts = gr.BrowserState({}, storage_key="weights-playground-drafts", secret="as-above")
        language = gr.Textbox("en", visible=False)
        side = build_sidebar(saved, language)
        gr.Markdown(label("title"), elem_id="title")
        gr.Markdown(label("no_storage"), elem_id="no-storage")
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab(label("tab_tokens"), id="tokens"):
                tokens = tokens_tab.build_tab(saved, language)
            with gr.Tab(label("tab_weights"), id="weights") as weights_page:
                weights = weights_tab.build_tab(saved, own, language)
            with gr.Tab(label("tab_adapters"), id="adapters") as adapters_page:
                adapters = adapters_tab.build_tab(saved, language)
            with gr.Tab(label("tab_merge"), id="merge") as merge_page:
                merging = merge_tab.build_tab(saved, adapters.mine, language)
            with gr.Tab(label("tab_documents"), id="documents"):
                documents = documents_tab.build_tab(saved, own, shelf, language)
            with gr.Tab(label("tab_compare"), id="compare"):
                compare = compare_tab.build_tab(saved, own, language)
            with gr.Tab(label("tab_lab"), id="lab"):
                lab = lab_tab.build_tab(saved, own, shelf, language, compare, tabs)
            with gr.Tab(label("tab_guide"), id="guide") as guide_page:
                guide_tab.build_tab(language, guide_page)
        _wire(
            page, saved, own, shelf, drafts, language, side, tokens, weights, adapters, merging,
            documents, compare, lab,
        )  # fmt: skip
        weights.opens_with(weights_page, saved)
        adapters.opens_with(adapters_page)
        merging.opens_with(merge_page)
        add_endpoints()
    # Not open: /run would walk past the line
    page.queue(max_size=MAX_WAITING, api_open=False)
    return page


def _wire(
    page: gr.Blocks,
    saved: gr.BrowserState,
    own: gr.BrowserState,
    shelf: gr.BrowserState,
    drafts: gr.BrowserState,
    language: gr.Textbox,
    side: Any,
    tokens: tokens_tab.TokensTab,
    weights: weights_tab.WeightsTab,
    adapters: adapters_tab.AdaptersTab,
    merging: merge_tab.MergeTab,
    documents: documents_tab.DocumentsTab,
    compare: CompareTab,
    lab: lab_tab.LabTab,
) -> None:
    """What happens when the page opens, when the recipe changes, and when text is typed."""
    stack_view = side.view
    typed = {
        "text": tokens.text, "start": tokens.prompt, "query": documents.query,
        "prompt": compare.prompt, "measure": weights.text, "attach": adapters.attach.prompt,
        **adapters.train.typed, **merging.typed, **lab.typed,
    }  # fmt: skip
    opened = page.load(
        None,
        [drafts, *typed.values()],
        [language, *typed.values()],
        js=f"(d, ...now) => playgroundOpened([playgroundLanguage(), "
        f"...{json.dumps(list(typed))}.map((k, i) => ['', null].includes(d?.[k] ?? null) "
        "? now[i] : d[k])])",
        api_visibility="private",
    )
    page.load(None, saved, None, js=other_tab.MINE, api_visibility="private")
    opened.then(show_status, [saved, language], [side.status, side.timer], **AT_ONCE)
    opened.then(show_stack, [saved, language], stack_view, **LOOK)
    opened.then(tokens_tab.split_text, tokens.split_inputs, tokens.split_outputs, **LOOK)
    opened.then(own_panel.show_own, [own, shelf, language], documents.own_view, **AT_ONCE)
    opened.then(lab_table_panel.show_sheet, lab.table.inputs, lab.table.outputs, **LOOK)
    lab.table.sent.then(own_panel.show_own, [own, shelf, language], documents.own_view, **AT_ONCE)
    side.chosen.success(tokens_tab.split_text, tokens.split_inputs, tokens.split_outputs, **LOOK)
    saved.change(show_stack, [saved, language], stack_view, **LOOK)
    clears(saved.change, parts=[tokens.advice, tokens.written])
    side.chosen.success(
        attach_panel.open_panel, adapters.attach.opened, adapters.attach.parts, **LOOK
    ).then(train_panel.look_ahead, adapters.train.looked, adapters.train.ahead, **LOOK)
    side.chosen.then(show_stack, [saved, language], stack_view, **LOOK)
    side.built.then(tokens_tab.refresh, tokens.look_inputs, tokens.look_outputs, **LOOK)
    side.built.then(
        measure_panel.show_view, weights.measuring.view_inputs, weights.measuring.view, **VIEW
    )
    saved.change(tokens_tab.refresh, tokens.look_inputs, tokens.look_outputs, **LOOK)
    for key, box in typed.items():
        box.change(
            None,
            [drafts, box],
            drafts,
            js=f"(d, value) => ({{...d, {key}: value}})",
            api_visibility="private",
        )


def launch(**options: Any) -> Any:
    """Serve the page, and start the model's loading once it answers.

    Gradio's environment variables (GRADIO_SERVER_NAME, GRADIO_SERVER_PORT) hold.
    """
    waits = not options.pop("prevent_thread_lock", False)
    temporary.claim()
    page = build_page()
    JOBS.recover()
    served = page.launch(
        prevent_thread_lock=True,
        theme=theme(),
        css_paths=ASSETS / "style.css",
        favicon_path=ASSETS / "favicon.svg",
        app_kwargs={"middleware": [Middleware(FirstScript)], "lifespan": edge.lifespan},
        i18n=I18N,
        share=False,
        ssr_mode=False,
        enable_monitoring=False,
        run_history=False,
        max_file_size=MAX_UPLOAD,
        quiet=True,
        state_session_capacity=capacity(settings().memory_bytes),
        footer_links=["api", "gradio"],
        **options,
    )
    log.info("Serving on %s", page.local_url)
    WARMUP.start()
    temporary.keep_clean(uploads.sweep, store.sweep, checkpoints.sweep, kept.sweep)
    if waits:
        page.block_thread()
    return served
