"""A visitor's own adapters: which there are, uploading one, taking one away or off the list."""

from __future__ import annotations

from typing import Any

import gradio as gr
from markupsafe import escape

from playground import workspace as spaces
from playground.engine.adapters import files, store
from playground.engine.adapters.base import AdapterError
from playground.engine.adapters.store import About
from playground.engine.build import try_again
from playground.engine.fork import Fork
from playground.engine.models.loader import load
from playground.errors import PlaygroundError
from playground.temporary import for_download
from playground.ui.parts.adapter_menu import MOST_OWN, own_ids
from playground.ui.parts.steps import adapter_title
from playground.ui.parts.zones import build_zone
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import LOOK, shown
from playground.ui.shell.uploaded import read, there
from playground.ui.text import label, say

SHARE = 1_000_000_000  # bytes of theirs
TITLE = 60  # characters of a file's name that become a title


def build_own_adapters(
    saved: gr.BrowserState, mine: gr.BrowserState, language: gr.Textbox, source: gr.Dropdown
) -> tuple[Any, gr.State]:
    """Lay out the panel and wire it.

    :param source: the menu of adapters.
    :return: the event of a removal, and where the id of the adapter uploaded last is.
    """
    made = gr.State("")  # the adapter that was uploaded last
    with gr.Accordion(label("adapter_upload"), open=False):
        gr.Markdown(label("adapter_upload_info"))
        zone = build_zone(
            label("adapter_files"),
            [".zip", ".safetensors", ".json"],
            language,
            file_count="multiple",
            elem_id="adapter-files",
        )
    with gr.Row():
        take = gr.Button(label("adapter_download"), size="sm", elem_id="adapter-download", min_width=120)
        forget = gr.Button(label("adapter_forget"), size="sm", elem_id="adapter-forget", min_width=120)
    file = gr.File(label=label("adapter_file"), visible=False, elem_id="adapter-file")
    form = Form(saved=saved, mine=mine, language=language, files=zone.file)
    zone.takes(form.reads(add_adapter), form.inputs, [mine, made], **LOOK)
    take.click(take_away, [language, source], file, **LOOK)
    forgotten = forget.click(forget_adapter, [mine, language, source], [mine, source], **LOOK)
    return forgotten, made


@shown
def add_adapter(values: Values) -> tuple[list[str], str]:
    """Check an uploaded adapter and keep it."""
    paths, language = there(values["files"]), values["language"]
    if sum(path.stat().st_size for path in paths) > files.MAX_UPLOAD:
        raise AdapterError(
            "The adapter has more than {limit} MB. Choose a lower rank or fewer targets.",
            limit=files.MAX_UPLOAD // 1_000_000,
        )
    contents = {path.name: read(path, files.MAX_UPLOAD) for path in paths}
    model = spaces.workspace_from_json(values["saved"]).stack.model
    adapter = files.read_adapter(contents, Fork(load(model)))
    title = next((path.stem for path in paths if path.suffix == ".zip"), "")[:TITLE]
    about = About(title or say(language, "adapter_uploaded"), "uploaded", model)
    source = store.keep_adapter(adapter, about)
    try_again()
    return with_own_told(values["mine"], source, language), source


def with_own(mine: Any, source: str) -> list[str]:
    """The visitor's adapters with one more, the newest last; the oldest go where the visitor's
    share is full."""
    adapters = [*(adapter for adapter in own_ids(mine) if adapter != source), source][-MOST_OWN:]
    sizes = [store.stored_bytes(adapter) for adapter in adapters]
    while len(adapters) > 1 and sum(sizes) > SHARE:
        adapters.pop(0)
        sizes.pop(0)
    return adapters


def with_own_told(mine: Any, source: str, language: str) -> list[str]:
    """The same, saying which went."""
    adapters = with_own(mine, source)
    gone = [adapter_title(adapter, language) for adapter in own_ids(mine) if adapter not in adapters]
    if gone:
        text = say(language, "adapter_share", count=MOST_OWN, limit=SHARE // 1_000_000, names=", ".join(gone[:5]))
        gr.Warning(str(escape(text)), title="")
    return adapters


@shown
def take_away(language: str, source: str | None) -> Any:
    """A .zip of the adapter's folder, as plain ``peft`` loads it."""
    if not source:
        raise PlaygroundError("No adapter is chosen. Choose one, or upload or train one first.")
    packed = files.zip_of(store.folder_of(source))
    path = for_download(f"adapter-{source[:40].replace('/', '-')}.zip", packed)
    return gr.update(value=str(path), visible=True)


@shown
def forget_adapter(mine: Any, language: str, source: str | None) -> tuple[Any, Any]:
    """Take one of the visitor's own adapters off the list. The same training by somebody else has
    the same file, so that stays until nobody has used it for a week."""
    if source not in own_ids(mine):
        raise PlaygroundError("Only your own adapters can be taken off the list. Choose one.")
    return [adapter for adapter in own_ids(mine) if adapter != source], None
