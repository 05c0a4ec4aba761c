"""A visitor's own documents: adding files, several collections with names, saving, deleting."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from playground.alphabets import ENCODINGS
from playground.errors import CorpusError, PlaygroundError
from playground.retrieval.corpus import Corpus, load_corpus
from playground.retrieval.own import uploads
from playground.retrieval.own.changes import renamed
from playground.retrieval.own.stored import MAX_TITLE, check_count, to_json
from playground.retrieval.own.uploads import is_own_collection
from playground.retrieval.reading.files import read_files
from playground.retrieval.reading.names import KINDS
from playground.retrieval.reading.results import Read
from playground.ui.parts import html
from playground.ui.parts.corpus_menu import FIRST_CORPUS, OWN
from playground.ui.parts.shelf import check_shelf, room_for_collection, shelf_ids, still_there, with_one
from playground.ui.parts.zones import build_zone
from playground.ui.shell import uploaded
from playground.ui.shell.form import Form, Values
from playground.ui.shell.js import saves
from playground.ui.shell.page import AT_ONCE, LOOK, SEARCH, TOLD, shown
from playground.ui.text import label, say, tell

SAVED = ".json"  # the kind of file that a collection is saved as


@dataclass(frozen=True)
class OwnPanel:
    """What is shown of one's own documents, and the events after which they are others."""

    view: list[Any]
    changed: list[Any]


def build_own_documents(
    own: gr.BrowserState, shelf: gr.BrowserState, language: gr.Textbox, corpus: gr.Dropdown
) -> OwnPanel:
    """Lay out the panel and wire it.

    :param own: id of the collection in use, or "".
    :param shelf: ids of all of the visitor's collections.
    :param corpus: the menu of corpora, set to one's own when there are new ones.
    """
    saved = gr.Textbox("", visible=False)
    with gr.Accordion(label("own_heading"), open=False):
        gr.Markdown(label("own_intro"))
        zone = build_zone(label("own_files"), [*KINDS, SAVED], language, file_count="multiple", elem_id="own-files")
        encoding = gr.Dropdown(
            [(label("own_encoding_auto"), ""), *((name, one) for one, name in ENCODINGS.items())],
            value="",
            label=label("own_encoding_menu"),
            info=label("own_encoding_info"),
            elem_id="own-encoding",
        )
        listed = gr.HTML(elem_id="own-list")
        with gr.Row():
            which = gr.Dropdown(
                [], label=label("own_which"), info=label("own_which_info"), elem_id="own-which", min_width=200
            )
            title = gr.Textbox("", label=label("own_title"), max_length=MAX_TITLE, elem_id="own-title", min_width=200)
        with gr.Row():
            new = gr.Button(label("own_new"), size="sm", elem_id="own-new", min_width=120)
            name = gr.Button(label("own_rename"), size="sm", elem_id="own-rename", min_width=120)
            save = gr.Button(label("own_save"), size="sm", elem_id="own-save", min_width=120)
            forget = gr.Button(label("own_forget"), size="sm", elem_id="own-forget", min_width=120)
    view = [listed, which, title]
    form = Form(own=own, shelf=shelf, language=language, files=zone.file, encoding=encoding)
    added = zone.takes(form.reads(add_own), form.inputs, [own, shelf, *view, corpus, zone.file], **SEARCH)
    chosen = which.select(choose_own, [own, shelf, language, which], [own, shelf, *view, corpus], **LOOK)
    begun = new.click(new_own, [own, shelf, language], [own, shelf, *view], **LOOK)
    called = [event(rename_own, [own, shelf, language, title], view, **TOLD) for event in (name.click, title.submit)]
    written = save.click(save_own, [own, language], saved, **TOLD)
    saves(written.success, saved, "documents.json").then(lambda: "", None, saved, **AT_ONCE)
    gone = forget.click(forget_own, [own, shelf, language], [own, shelf, *view, corpus], **LOOK)
    return OwnPanel(view, [added, chosen, begun, gone, *called])


@shown
def add_own(values: Values) -> tuple[Any, ...]:
    """Add uploaded files to the visitor's own documents; a saved collection becomes a new one."""
    own, language, encoding = values["own"], values["language"], values["encoding"]
    paths = list(dict.fromkeys(Path(file) for file in values["files"] or []))
    read, corpus = Read((), ()), None
    check_count(len(paths))
    saved = [path for path in paths if path.suffix.lower() == SAVED]
    others = [path for path in paths if path not in saved]
    there = still_there(own)
    ids = shelf_ids(values["shelf"], own)
    if others or not saved:
        if not there:
            check_shelf(ids)
        encoding = encoding if encoding in ENCODINGS else ""  # else: find it out
        read = read_files([(path.name, path) for path in others], encoding=encoding)
        if read.skipped and not read.documents and not saved:
            reason = read.skipped[0].message
            raise CorpusError(reason.template, **reason.values)
        if read.documents or not saved:
            corpus = uploads.add_read(read.documents, into=there.id if there else None)
            ids = with_one(ids, corpus.id)
    corpus, ids, refused = _opened(saved, corpus, ids, language)
    own = corpus.id if corpus else own
    line, *rest = show_own(own, ids, language)
    return own, ids, line + describe_read(read, language) + refused, *rest, OWN, None


def _opened(
    saved: list[Path], corpus: Corpus | None, ids: list[str], language: str
) -> tuple[Corpus | None, list[str], str]:
    """Open saved collections: the last one, the shelf, and which were refused and why.

    :raises CorpusError: nothing else was added, and none of them can be opened.
    """
    refused = []
    for path in saved:
        try:
            check_shelf(ids)
            corpus = uploads.add_saved(path.name, uploaded.read(path, uploads.MAX_SAVED_BYTES))
            ids = with_one(ids, corpus.id)
        except PlaygroundError as error:
            if corpus is None and path == saved[-1]:
                raise
            refused.append(tell(language, error.message))
    return corpus, ids, html.notes(refused, "warn")


def describe_read(read: Read, language: str) -> str:
    """What was left out of an upload and why, and in which encoding a file was read if not in
    UTF-8, which the menu changes.
    """
    reasons = [tell(language, document.message) for document in read.skipped]
    lines = (
        [
            say(
                language,
                "own_encoding",
                name=document.name,
                encoding=ENCODINGS.get(str(document.encoding), str(document.encoding).upper()),
            )
            for document in read.documents
            if document.encoding not in (None, "utf-8", "utf-8-sig")
        ]
        + [
            say(language, "own_unreadable", name=document.name, pages=document.unreadable)
            for document in read.documents
            if document.unreadable
        ]
        + [tell(language, note) for document in read.documents for note in document.notes]
    )
    return html.notes(reasons, "warn") + html.notes(lines, "hint")


@shown
def copy_corpus(own: str, shelf: Any, language: str, choice: str) -> tuple[Any, ...]:
    """Make a copy of a shipped corpus, with its questions, that the visitor may change."""
    from playground.retrieval.corpus import load_collection

    if choice == OWN:
        raise PlaygroundError("These are your own documents already: change them as they are.")
    ids = room_for_collection(shelf, own)
    corpus = uploads.add_collection(load_collection(choice))
    ids = with_one(ids, corpus.id)
    return corpus.id, ids, *show_own(corpus.id, ids, language), OWN


@shown
def choose_own(own: str, shelf: Any, language: str, chosen: str) -> tuple[Any, ...]:
    """Use another of the visitor's collections."""
    load_corpus(chosen)
    ids = with_one(shelf_ids(shelf, own), chosen)
    return chosen, ids, *show_own(chosen, ids, language), OWN


@shown
def new_own(own: str, shelf: Any, language: str) -> tuple[Any, ...]:
    """Begin a collection: the next files go into a new one."""
    ids = room_for_collection(shelf, own)
    line, which, title = show_own("", ids, language)
    return "", ids, html.note(say(language, "own_begun")) or line, which, title


@shown
def rename_own(own: str, shelf: Any, language: str, title: str) -> tuple[Any, ...]:
    """Call the collection in use by another name."""
    uploads.change(_used(own), lambda collection: renamed(collection, title))
    return show_own(own, shelf, language)


@shown
def save_own(own: str, language: str) -> str:
    """The collection in use, as a file."""
    return to_json(uploads.read_collection(_used(own)))


@shown
def forget_own(own: str, shelf: Any, language: str) -> tuple[Any, ...]:
    """Delete the collection in use."""
    if still_there(own):
        uploads.remove_corpus(own)
    ids = [collection for collection in shelf_ids(shelf, own) if collection != own]
    return "", ids, *show_own("", ids, language), FIRST_CORPUS


def _used(own: str) -> str:
    if not is_own_collection(own):
        raise PlaygroundError("You have no documents in use. Add some files first.")
    return own


def show_own(own: str, shelf: Any, language: str) -> tuple[Any, ...]:
    """The line about the collection in use, the menu of all of them, and its name."""
    ids = shelf_ids(shelf, own)
    choices = [(load_corpus(collection).title, collection) for collection in ids]
    used = still_there(own)
    which = gr.update(choices=choices, value=own if used else None)
    title = uploads.read_collection(own).title if used else ""
    line = describe_own(used, language)
    if ids and not used:
        line = html.note(say(language, "own_unused", count=len(ids)))
    return line, which, title


def describe_own(corpus: Corpus | None, language: str) -> str:
    """Which documents there are, and how many passages they make."""
    if corpus is None:
        return html.note(say(language, "own_none"))
    names = sorted({passage.document for passage in corpus.passages})
    return html.note(say(language, "own_there", names=", ".join(names), passages=len(corpus.passages)))
