"""A merge as mergekit's YAML, and checkpoints to merge."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.engine.build import try_again
from playground.engine.fork import Fork
from playground.engine.merging import checkpoints
from playground.engine.merging.edit import Merge
from playground.engine.merging.mergekit import MAX_TEXT, differences, from_yaml, to_yaml
from playground.engine.models.loader import load
from playground.engine.work import Stopped
from playground.ui.merge.form import MergePanel, merge_from
from playground.ui.parts.building import built_or_stopped, keep_instead
from playground.ui.parts.html import note, notes
from playground.ui.parts.zones import build_zone
from playground.ui.shell.page import AT_ONCE, MODEL, PROGRESS, TOLD, begins, clears, session_of, shown, work_for
from playground.ui.shell.uploaded import there
from playground.ui.text import label, say, tell


def build_panel(
    saved: gr.BrowserState, uploaded: gr.BrowserState, language: gr.Textbox, panel: MergePanel
) -> tuple[gr.Textbox, Any]:
    """Lay out the panel and wire it; gives the box of YAML and the event of an upload."""
    with gr.Accordion(label("mergekit_heading"), open=False):
        gr.Markdown(label("mergekit_intro"))
        text = gr.Textbox(
            "",
            lines=8,
            max_lines=24,
            max_length=MAX_TEXT,
            label=label("mergekit_yaml"),
            buttons=["copy"],
            elem_id="mergekit-yaml",
        )
        with gr.Row():
            write = gr.Button(label("mergekit_write"), elem_id="mergekit-write", min_width=120)
            read = gr.Button(label("mergekit_read"), elem_id="mergekit-read", min_width=120)
        taken = gr.HTML(elem_id="mergekit-read-done")
    with gr.Accordion(label("checkpoint_heading"), open=False):
        gr.Markdown(label("checkpoint_intro"))
        zone = build_zone(
            label("checkpoint_files"),
            [".safetensors", ".json"],
            language,
            file_count="multiple",
            elem_id="checkpoint-files",
        )
        kept = gr.HTML(elem_id="checkpoint-kept")
    ready, reading, keeping = gr.State(None), gr.State(0), gr.State(0)
    clears(write.click, read.click, parts=[taken])
    write.click(write_yaml, [saved, language, *panel.fields], text, **TOLD)
    read.click(begins("yaml"), None, reading, trigger_mode="multiple", **AT_ONCE).then(
        read_yaml, [saved, language, text, reading], [ready, taken], **MODEL
    ).success(keep_instead, [saved, language, ready], saved, **TOLD)
    uploading = zone.takes(
        add_checkpoint,
        [saved, language, uploaded, zone.file, keeping],
        [uploaded, kept],
        after=zone.checked.then(begins("checkpoint"), None, keeping, **AT_ONCE),
        **MODEL,
    )
    return text, uploading


@shown
def write_yaml(saved: Any, language: str, *fields: Any) -> str:
    """The form's merge in mergekit's words."""
    space = spaces.from_json(saved).without(Merge.KIND)
    return to_yaml(merge_from(space, *fields), space.recipe(), partial(tell, language))


@shown
def read_yaml(
    saved: Any, language: str, text: str, turn: int, request: gr.Request, progress: Any = PROGRESS
) -> tuple[Any, str]:
    """Build the recipe with the merge of a configuration on it."""
    space = spaces.from_json(saved)
    merge, ignored = from_yaml(text, space.without(Merge.KIND).recipe())
    work = work_for(session_of(request), turn, progress, language)
    edit, line = built_or_stopped(space.instead(merge.model_dump()), work, language)
    if ignored:
        line += note(say(language, "mergekit_ignored", keys=", ".join(ignored)))
    return edit, line + notes([tell(language, message) for message in differences(merge)], "hint")


@shown
def add_checkpoint(
    saved: Any,
    language: str,
    uploaded: Any,
    given: list[str] | None,
    turn: int,
    request: gr.Request,
    progress: Any = PROGRESS,
) -> tuple[Any, str]:
    """Check uploaded files against the visitor's model and keep them."""
    paths = there(given)
    work = work_for(session_of(request), turn, progress, language)
    try:
        like = Fork(load(spaces.from_json(saved).stack.model))
        name = checkpoints.keep(paths, like, work)
        try_again()
    except Stopped as stop:
        return gr.skip(), note(tell(language, stop.message))
    known = [str(one) for one in uploaded] if isinstance(uploaded, list) else []
    listed = [*(one for one in known if one != name), name][-20:]
    return listed, note(say(language, "checkpoint_kept", name=name[:12]))
