"""What was asked last, and where it was looked for, goes on to the tabs where one asks, too."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground.ask.question import CUTTINGS
from playground.ask.sheet import AskSheet, ask_sheet_from_json
from playground.errors import PlaygroundError
from playground.retrieval.own import uploads
from playground.retrieval.own.stored import Collection, Stored
from playground.retrieval.own.uploads import is_own_collection
from playground.ui.parts.comparison import FIRST_PROMPT
from playground.ui.parts.corpus_menu import FIRST_CORPUS, OWN
from playground.ui.parts.shelf import room_for_collection, shelf_ids, still_there, with_one
from playground.ui.shell.page import LOOK, shown
from playground.ui.shell.tab import Visit

USUAL_QUESTION = "What is the capital of France?"  # where the visitor has asked nothing
QUESTION = "(asked) => asked?.about?.question ?? ''"
STACK = "(saved) => JSON.stringify([saved.stack.model, saved.stack.steps.filter((step) => step.on)])"
DOCUMENT = "asked.md"  # what the pasted text is called among one's own documents
# `left` is what stands in the fields without anybody having put it there: only that is replaced
CARRY = """(asked, left, where, corpus, ...texts) => {
  const about = asked?.about, was = left.texts;
  if (!about?.question) return [left, where, ...texts];
  const next = [about.question, about.answer].slice(0, texts.length);
  const now = texts.map((text, n) => ['', was[n].trim()].includes((text ?? '').trim()) ? next[n] : text);
  const there = JSON.stringify([about.corpus_id, about.text]);
  const looked = (about.text.trim() || about.corpus_id) && corpus === left.corpus;
  return [{...left, texts: next}, looked ? there : where, ...now];
}"""


def carries(visit: Visit, page: gr.Tab, corpus: gr.Dropdown, *boxes: gr.Textbox) -> Any:
    """Let a tab's fields begin with the last question, its answer and its documents, whenever the tab is opened, in
    the place of what nobody typed or chose; gives the event after which the visitor's documents may be others.

    The browser fills the fields alone: an answer of the server's would come after somebody's first letters. Only a
    text that was pasted is put among the visitor's documents by the server, once.
    """
    left = gr.JSON({"texts": [FIRST_PROMPT, ""][: len(boxes)], "corpus": FIRST_CORPUS}, visible="hidden")
    where = gr.Textbox("", visible="hidden")
    filled = [left, where, *boxes]
    page.select(None, [visit.asked, left, where, corpus, *boxes], filled, js=CARRY, api_visibility="private")
    return where.change(
        carry_documents,
        [visit.own, visit.shelf, visit.language, visit.asked, left],
        [visit.own, visit.shelf, corpus, left],
        **LOOK,
    )


@shown
def carry_documents(own: str, shelf: Any, language: str, asked: Any, left: dict[str, Any]) -> tuple[Any, ...]:
    """Choose the documents in which the last question was looked for."""
    try:
        own, shelf, corpus = documents_of(own, shelf, ask_sheet_from_json(asked))
    except PlaygroundError:  # of another version, or no room for one more: as it was
        return (gr.skip(),) * 4
    return own, shelf, corpus, {**left, "corpus": corpus}


def documents_of(own: str, shelf: Any, asked: AskSheet) -> tuple[str, Any, str]:
    """The collection in use, the visitor's collections, and the choice in a menu of documents: those in which an
    answer was looked for, a pasted text among them.

    :raises PlaygroundError: there is no room for the text.
    """
    about = asked.about
    if about.text.strip():
        used, ids = _with_text(own, shelf, asked)
        return used, ids, OWN
    if not is_own_collection(about.corpus_id):
        return own, shelf, about.corpus_id or FIRST_CORPUS
    if not still_there(about.corpus_id):
        return own, shelf, FIRST_CORPUS
    return about.corpus_id, with_one(shelf_ids(shelf, own), about.corpus_id), OWN


def _with_text(own: str, shelf: Any, asked: AskSheet) -> tuple[str, list[str]]:
    """The pasted text, cut as it was on Ask, as one of the visitor's collections, if it is none yet."""
    about = asked.about
    new = Collection((Stored(DOCUMENT, "", about.text),), " ".join(about.question.split())[:60], CUTTINGS[about.cut])
    for known in shelf_ids(shelf, own):
        old = uploads.read_collection(known)
        if (old.documents, old.cutting) == (new.documents, new.cutting):
            return known, with_one(shelf_ids(shelf, own), known)
    ids = room_for_collection(shelf, own)
    made = uploads.add_collection(new)
    return made.id, with_one(ids, made.id)


def last_question(sheet: Any, otherwise: str) -> str:
    """What was asked last, or something else where nothing was."""
    try:
        return ask_sheet_from_json(sheet).about.question if sheet else otherwise
    except PlaygroundError:  # of another version
        return otherwise
