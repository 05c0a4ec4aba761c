"""A merge as mergekit's YAML, and checkpoints to merge."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.engine.build import try_again
from playground.engine.fork import Fork
from playground.engine.merging import checkpoints
from playground.engine.merging.mergekit import MAX_TEXT, differences, from_yaml, to_yaml
from playground.engine.models.loader import load
from playground.engine.work import Work
from playground.ui.merge.form import MergePanel, below, edit_of, model_of
from playground.ui.parts.building import built, keep_instead
from playground.ui.parts.html import note, notes
from playground.ui.parts.zones import build_zone
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import MODEL, TOLD, clears, shown
from playground.ui.shell.run import Run
from playground.ui.shell.uploaded import there
from playground.ui.text import label, say, tell


def build_files(
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
        stored = gr.HTML(elem_id="checkpoint-kept")
    form = Form(saved=saved, language=language, **panel.form)
    clears(write.click, read.click, parts=[taken])
    form.on(write.click, write_yaml, text, **TOLD)
    Run(
        name="yaml",
        handler=read_yaml,
        form=Form(saved=saved, language=language, yaml=text),
        told=taken,
        keep=keep_instead,
    ).on(read.click)
    adding = Run(
        name="checkpoint",
        handler=add_checkpoint,
        form=Form(saved=saved, language=language, uploaded=uploaded, files=zone.file),
        outputs=[uploaded, stored],
        told=stored,
    )
    uploading = zone.takes(adding.call, adding.inputs, adding.filled, after=adding.begun(zone.checked.then), **MODEL)
    return text, uploading


@shown
def write_yaml(values: Values) -> str:
    """The form's merge in mergekit's words."""
    return to_yaml(edit_of(values), below(values), partial(tell, values["language"]))


def read_yaml(values: Values, work: Work) -> tuple[Any, str]:
    """Build the recipe with the merge of a configuration on it."""
    language = values["language"]
    merge, ignored = from_yaml(values["yaml"], below(values))
    edit, line = built(spaces.workspace_from_json(values["saved"]).instead(merge), work, language)
    if ignored:
        line += note(say(language, "mergekit_ignored", keys=", ".join(ignored)))
    return edit, line + notes([tell(language, message) for message in differences(merge)], "hint")


def add_checkpoint(values: Values, work: Work) -> tuple[Any, str]:
    """Check uploaded files against the visitor's model and keep them."""
    name = checkpoints.keep_checkpoint(there(values["files"]), Fork(load(model_of(values))), work)
    try_again()
    known = [str(one) for one in values["uploaded"]] if isinstance(values["uploaded"], list) else []
    listed = [*(one for one in known if one != name), name][-20:]
    return listed, note(say(values["language"], "checkpoint_kept", name=name[:12]))
