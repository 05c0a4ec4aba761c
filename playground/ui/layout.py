"""The page: the bar of the recipe, tabs, and what ties them together."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from playground import temporary
from playground.engine.adapters import store
from playground.engine.merging import checkpoints
from playground.engine.training import run_files
from playground.engine.training.jobs import JOBS
from playground.retrieval.own import uploads
from playground.settings import settings
from playground.sources.kept import sweep_tables
from playground.ui import edge
from playground.ui.adapters import tab as adapters
from playground.ui.ask import tab as ask
from playground.ui.bar.panel import RecipeBar, build_bar, show_stack, show_status
from playground.ui.compare import tab as compare
from playground.ui.documents import tab as documents
from playground.ui.edge.guard import Page
from playground.ui.edge.sessions import capacity
from playground.ui.guide import tab as guide
from playground.ui.lab import tab as lab
from playground.ui.merge import tab as merge
from playground.ui.shell import other_tab, state
from playground.ui.shell.endpoints import add_endpoints
from playground.ui.shell.first_script import FirstScript
from playground.ui.shell.page import AT_ONCE, LOOK
from playground.ui.shell.tab import Tab, Visit, Wired
from playground.ui.shell.theme import theme
from playground.ui.shell.warmup import WARMUP
from playground.ui.text import I18N, label
from playground.ui.tokens import tab as tokens
from playground.ui.weights import tab as weights

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
ASSETS = Path(__file__).resolve().parents[2] / "assets"
MAX_UPLOAD = "600mb"  # a checkpoint; what is smaller is bounded where it is read
MAX_WAITING = 4000  # requests in all lanes; each lane and each visitor has a share: edge/line.py
log = logging.getLogger(__name__)


# Pages and, on a page of several, its parts: the first page is the home, and is what a phone shows first
PAGES: dict[str, tuple[Tab, ...]] = {
    "ask": (ask.TAB,),
    "compare": (compare.TAB,),
    "documents": (documents.TAB,),
    "change": (tokens.TAB, weights.TAB, adapters.TAB, merge.TAB, lab.TAB),
    "learn": (guide.TAB,),
}
TABS = tuple(tab for parts in PAGES.values() for tab in parts)


def build_page() -> gr.Blocks:
    """The whole interface. Loads no model: that goes on behind the page."""
    with Page(title="Weights Playground", analytics_enabled=False) as page:
        saved = state.recipe()
        language = gr.Textbox("en", visible=False)
        asked = state.kept("ask", {})
        bar = build_bar(saved, asked, language)
        gr.Markdown(label("no_storage"), elem_id="no-storage")
        own, shelf = state.kept("own", ""), state.kept("shelf", [])
        mine = state.kept("adapters", [])
        places, tabs, parts = _places()
        visit = Visit(
            saved=saved, own=own, shelf=shelf, adapters=mine, asked=asked, language=language, tabs=tabs, parts=parts
        )
        wired = []
        for tab in sorted(TABS, key=lambda tab: tab.stage):
            with places[tab]:
                wired.append(tab.build(visit, places[tab]))
        _tell(page, visit, bar, wired)
        add_endpoints()
    # Not open: /run would walk past the line
    page.queue(max_size=MAX_WAITING, api_open=False)
    return page


def _places() -> tuple[dict[Tab, gr.Tab], gr.Tabs, gr.Tabs]:
    """Where each tab goes, the pages, and the parts of the page that has several."""
    places: dict[Tab, gr.Tab] = {}
    inner: Any = None
    with gr.Tabs(elem_id="tabs") as tabs:  # of tabs alone: gradio counts whatever else is in it
        for name, own in PAGES.items():
            key = f"tab_{own[0].id}" if len(own) == 1 else f"page_{name}"
            with gr.Tab(label(key), id=name, elem_id=f"page-{name}") as place:
                if len(own) == 1:
                    places[own[0]] = place
                    continue
                with gr.Tabs(elem_id=f"parts-{name}") as inner:
                    for tab in own:
                        places[tab] = gr.Tab(label(f"tab_{tab.id}"), id=tab.id, elem_id=f"page-{tab.id}")
    return places, tabs, inner


def _tell(page: gr.Blocks, visit: Visit, bar: RecipeBar, wired: Sequence[Wired]) -> None:
    """Tell the bar and the tabs of what they want to hear of."""
    saved, language = visit.saved, visit.language
    typed = {key: box for tab in wired for key, box in tab.typed.items()}
    opened = state.restore(page, language, typed)
    page.load(None, saved, None, js=other_tab.MINE, api_visibility="private")
    opened.then(show_status, [saved, language], [bar.status, bar.timer], **AT_ONCE)
    for event in (opened.then, saved.change, bar.chosen.then):
        event(show_stack, [saved, language], bar.view, **LOOK)
    changed = [event for tab in wired for event in tab.documents]
    for tab in wired:
        tab.on_load(opened.then)
        tab.on_recipe(saved.change)
        tab.on_model(bar.chosen.success)
        tab.on_built(bar.built.then)
        for event in changed:
            tab.on_documents(event.then)


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
    temporary.keep_clean(
        uploads.sweep_collections,
        store.sweep_adapters,
        checkpoints.sweep_checkpoints,
        run_files.sweep_runs,
        sweep_tables,
    )
    if waits:
        page.block_thread()
    return served
