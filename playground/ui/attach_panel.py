"""Attaching adapters: choose or upload one, turn it up and down, look into it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.engine.adapters import Adapter, files, lora, store
from playground.engine.adapters.base import AdapterError
from playground.engine.adapters.costs import weigh
from playground.engine.adapters.look import look, spectrum
from playground.engine.adapters.store import About
from playground.engine.edits.adapter import HIGHEST_SCALE, LOWEST_SCALE
from playground.engine.fork import Fork
from playground.engine.generate import Row, Sampling, answer_text, decode, prompt_ids, prompt_text
from playground.engine.loader import load
from playground.engine.recipe import NotBuiltError, build, build_quickly
from playground.engine.work import Stopped
from playground.errors import PlaygroundError
from playground.settings import settings
from playground.ui import adapters_html
from playground.ui.html import adapter_title, note
from playground.ui.page import (
    AT_ONCE,
    LOOK,
    MODEL,
    PROGRESS,
    RUNS,
    begin_run,
    session_of,
    shown,
    stop_run,
    work_for,
)
from playground.ui.text import label, say, tell

ANSWER_TOKENS = 48
MOST_OWN = 40  # adapters that a browser remembers
KEPT_SECONDS = 60  # of a .zip that was made for a download
TITLE = 60  # characters of a file's name that become a title


@dataclass(frozen=True)
class AttachPanel:
    """What the tab and the training panel are wired to."""

    source: gr.Dropdown
    prompt: gr.Textbox
    opened: list[Any]  # inputs of ``open_panel``
    parts: list[Any]  # what it fills


def build_panel(saved: gr.BrowserState, mine: gr.BrowserState, language: gr.Textbox) -> AttachPanel:
    """Lay out the panel and wire it.

    :param mine: ids of the visitor's own adapters, kept by the browser.
    """
    turn = gr.State(0)
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=320):
            gr.Markdown(label("attach_intro"))
            source = gr.Dropdown(
                [], label=label("adapter"), elem_id="adapter",
                allow_custom_value=settings().hub == "any",  # then a Hub id may be typed
            )  # fmt: skip
            scale = gr.Slider(
                LOWEST_SCALE, HIGHEST_SCALE, 1.0, step=0.1, label=label("adapter_scale"),
                info=label("adapter_scale_info"), elem_id="adapter-scale",
            )  # fmt: skip
            fold = gr.Checkbox(
                False, label=label("adapter_fold"), info=label("adapter_fold_info"),
                elem_id="adapter-fold",
            )  # fmt: skip
            go = gr.Button(label("attach"), variant="primary", elem_id="attach")
            prompt = gr.Textbox(
                label("attach_first_prompt"), label=label("attach_prompt"), lines=2, max_lines=8,
                max_length=4_000, elem_id="attach-prompt",
            )  # fmt: skip
            with gr.Row():
                ask = gr.Button(label("attach_ask"), elem_id="attach-ask", min_width=120)
                stop = gr.Button(label("stop"), elem_id="attach-stop", min_width=90)
            answers = gr.HTML(elem_id="attach-answers")
            with gr.Accordion(label("adapter_upload"), open=False):
                given = gr.File(
                    label=label("adapter_files"), file_count="multiple",
                    file_types=[".zip", ".safetensors", ".json"], elem_id="adapter-files",
                )  # fmt: skip
            with gr.Row():
                take = gr.Button(
                    label("adapter_download"), size="sm", elem_id="adapter-download", min_width=120
                )
                forget = gr.Button(
                    label("adapter_forget"), size="sm", elem_id="adapter-forget", min_width=120
                )
            file = gr.File(label=label("adapter_file"), visible=False, elem_id="adapter-file")
        with gr.Column(scale=1, min_width=320):
            gr.Markdown(label("look_heading"))
            seen = gr.HTML(label("look_empty"), elem_id="adapter-look")
            matrix = gr.Dropdown([], label=label("thin_matrix"), visible=False, elem_id="thin")
            thin = gr.HTML(elem_id="thin-drawn")
            weigh_both = gr.Button(label("costs"), size="sm", elem_id="costs")
            paid = gr.HTML(elem_id="costs-table")

    opened = [saved, mine, language, source]
    parts = [source, seen, matrix, thin, paid]
    asked = [saved, language, prompt, turn]
    put = [saved, language, source, scale, fold]
    for event in (go.click, scale.release, fold.input):
        changed = event(put_adapter, put, saved, **LOOK)
        changed.success(begin_run, None, turn, trigger_mode="multiple", **AT_ONCE).then(
            answer_both, asked, answers, **MODEL
        )
    for event in (ask.click, prompt.submit):
        event(begin_run, None, turn, trigger_mode="multiple", **AT_ONCE).then(
            answer_both, asked, answers, **MODEL
        )
    stop.click(stop_run, **AT_ONCE)
    source.input(open_panel, opened, parts, **LOOK)
    matrix.input(show_thin, [saved, language, source, matrix], thin, **LOOK)
    weigh_both.click(begin_run, None, turn, trigger_mode="multiple", **AT_ONCE).then(
        weigh_ways, [saved, language, source, turn], paid, **MODEL
    )
    made = gr.State("")  # the adapter that was uploaded last
    uploaded = given.upload(add_adapter, [saved, mine, language, given], [mine, made], **LOOK)
    uploaded.then(lambda: None, None, given, **AT_ONCE)
    uploaded.success(open_made, [saved, mine, language, made], parts, **LOOK)
    take.click(take_away, [language, source], file, **LOOK)
    forget.click(forget_adapter, [mine, language, source], [mine, source], **LOOK).then(
        open_panel, opened, parts, **LOOK
    )
    return AttachPanel(source, prompt, opened, parts)


def own_ids(mine: Any) -> list[str]:
    """The visitor's own adapters that are still on this host, from what the browser kept."""
    ids = [str(one) for one in mine[-MOST_OWN:]] if isinstance(mine, list) else []
    return [one for one in dict.fromkeys(ids) if store.is_own(one) and store.about(one)]


def choices(mine: Any, language: str) -> list[tuple[str, str]]:
    """What can be attached: the shipped ones, then one's own."""
    own = [(adapter_title(one, language), one) for one in own_ids(mine)]
    return [
        *((adapter_title(name, language), name) for name in store.shipped()),
        *((say(language, "adapter_own", title=title, id=one[:6]), one) for title, one in own),
    ]


def _loaded(saved: Any, source: str | None) -> tuple[Adapter, Fork]:
    """The chosen adapter, and the visitor's base model."""
    if not source:
        raise PlaygroundError("No adapter is chosen. Choose one, or upload or train one first.")
    base = Fork(load(spaces.from_json(saved).stack.model))
    return store.load(source, base), base


@shown
def open_panel(saved: Any, mine: Any, language: str, source: str | None) -> list[Any]:
    """The adapters that there are, and what there is to see of the chosen one."""
    known = choices(mine, language)
    names = [value for _, value in known]
    typed = settings().hub == "any" and source and "/" in source
    chosen = source if source in names or typed else next(iter(names), None)
    menu = gr.update(choices=known, value=chosen)
    hidden = gr.update(choices=[], value=None, visible=False)
    if chosen is None:
        return [menu, note(say(language, "look_empty")), hidden, "", ""]
    try:
        adapter, base = _loaded(saved, chosen)
    except PlaygroundError as error:
        return [menu, note(tell(language, error.message), "warn"), hidden, "", ""]
    paths = [pair.path for pair in lora.pairs(adapter)] if adapter.kind == "lora" else []
    first = paths[0] if paths else None
    drawn = adapters_html.thin(spectrum(adapter, first), language) if first else ""
    menus = gr.update(choices=paths, value=first, visible=bool(paths))
    return [menu, adapters_html.look(look(adapter, base), language), menus, drawn, ""]


@shown
def open_made(saved: Any, mine: Any, language: str, made: str) -> list[Any]:
    """The panel with an adapter that was just made, which the browser may not list yet."""
    mine = with_own(mine, made) if store.is_own(made) else mine
    return open_panel(saved, mine, language, made or None)


@shown
def show_thin(saved: Any, language: str, source: str, path: str) -> str:
    """One pair of thin matrices."""
    adapter, _ = _loaded(saved, source)
    return adapters_html.thin(spectrum(adapter, path), language)


@shown
def put_adapter(saved: Any, language: str, source: str | None, scale: float, fold: bool) -> Any:
    """Attach the adapter, or turn it up or down where it is on the recipe already."""
    _loaded(saved, source)
    edit = {"kind": "adapter", "source": source, "scale": round(float(scale), 2), "fold": fold}
    space = spaces.from_json(saved).put(edit, ("kind", "source"))
    with suppress(NotBuiltError):  # whole matrices change above it: the sidebar builds it in turn
        build_quickly(space.recipe())  # says what is wrong before it is on the recipe
    return space.to_json()


@shown
def answer_both(
    saved: Any, language: str, prompt: str, turn: int, request: gr.Request,
    progress: Any = PROGRESS,
) -> Iterator[str]:  # fmt: skip
    """The prompt answered by the base and by the recipe, as they write."""
    space = spaces.from_json(saved)
    stopped = RUNS.stopped(session_of(request), turn)
    work = work_for(session_of(request), turn, progress, language)
    written = {"attach_base": "", "attach_recipe": ""}
    for key, recipe in (("attach_base", space.base()), ("attach_recipe", space.recipe())):
        try:
            fork = build(recipe, work).fork
        except Stopped as stop:
            yield note(tell(language, stop.message))
            return
        chat = bool(fork.base.tokenizer.chat_template)
        text = prompt_text(fork.base.tokenizer, prompt, chat)
        ids = prompt_ids(fork.base, text, ANSWER_TOKENS + fork.virtual_count())
        rows: list[Row] = []
        for step, rows in enumerate(decode(fork, [ids], Sampling(ANSWER_TOKENS), stopped)):
            if step % 4 == 3:
                yield _written(written | {key: answer_text(fork.base, rows[0])}, language)
        written[key] = answer_text(fork.base, rows[0]) if rows else ""
        yield _written(written, language)


def _written(texts: dict[str, str], language: str) -> str:
    heads = [say(language, key) for key in ("attach_base", "attach_recipe")]
    return adapters_html.side_by_side(heads, list(texts.values()))


@shown
def weigh_ways(
    saved: Any, language: str, source: str | None, turn: int, request: gr.Request,
    progress: Any = PROGRESS,
) -> str:  # fmt: skip
    """Kept apart against folded, measured."""
    adapter, base = _loaded(saved, source)
    work = work_for(session_of(request), turn, progress, language)
    try:
        return adapters_html.costs(weigh(base, adapter, work), language)
    except Stopped as stop:
        return note(tell(language, stop.message))


@shown
def add_adapter(
    saved: Any, mine: Any, language: str, given: list[str] | None
) -> tuple[list[str], str]:  # fmt: skip
    """Check an uploaded adapter and keep it."""
    paths = [Path(file) for file in given or []]
    try:
        if sum(path.stat().st_size for path in paths) > files.MAX_UPLOAD:
            raise AdapterError(
                "The adapter has more than {limit} MB. Choose a lower rank or fewer targets.",
                limit=files.MAX_UPLOAD // 1_000_000,
            )
        contents = {path.name: path.read_bytes() for path in paths}
        model = spaces.from_json(saved).stack.model
        adapter = files.read(contents, Fork(load(model)))
    finally:
        for path in paths:
            path.unlink(missing_ok=True)
    title = next((path.stem for path in paths if path.suffix == ".zip"), "")[:TITLE]
    about = About(title or say(language, "adapter_uploaded"), "uploaded", model)
    source = store.keep(adapter, about)
    return with_own(mine, source), source


def with_own(mine: Any, source: str) -> list[str]:
    """The visitor's adapters with one more, the newest last."""
    return [*(one for one in own_ids(mine) if one != source), source][-MOST_OWN:]


@shown
def take_away(language: str, source: str | None) -> Any:
    """A .zip of the adapter's folder, as plain ``peft`` loads it."""
    if not source:
        raise PlaygroundError("No adapter is chosen. Choose one, or upload or train one first.")
    folder = Path(gr.utils.get_upload_folder()) / "adapters"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():  # gradio serves a copy of its own
        if old.stat().st_mtime < time.time() - KEPT_SECONDS:
            old.unlink(missing_ok=True)
    path = folder / f"adapter-{source[:40].replace('/', '-')}.zip"
    path.write_bytes(files.zip_of(store.folder_of(source)))
    return gr.update(value=str(path), visible=True)


@shown
def forget_adapter(mine: Any, language: str, source: str | None) -> tuple[Any, Any]:
    """Take one of the visitor's own adapters off the list. The same training by somebody else has
    the same file, so that stays until nobody has used it for a week."""
    if source not in own_ids(mine):
        raise PlaygroundError("Only your own adapters can be taken off the list. Choose one.")
    return [one for one in own_ids(mine) if one != source], None
