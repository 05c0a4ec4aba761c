"""A corpus's documents with the borders of their passages; one's own can be changed there."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, get_args

import gradio as gr

from playground.errors import PlaygroundError
from playground.retrieval.chunking.cutting import OVERLAPS, SIZES, USUAL_CUTTING, By, Cutting
from playground.retrieval.corpus import load_collection, load_corpus
from playground.retrieval.own import changes, uploads
from playground.retrieval.own.stored import MAX_DOCUMENTS, Collection
from playground.retrieval.own.uploads import is_own_collection
from playground.ui.parts import html, passages_html
from playground.ui.parts.corpus_menu import chosen_corpus
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import CLICKS, LOOK, SEARCH, TOLD, shown
from playground.ui.text import label, say

PAGE = 40  # passages shown at a time
CURSOR = """(...given) => {
  const box = document.querySelector('#passage-text textarea');
  given[given.length - 1] = box ? [...box.value.slice(0, box.selectionStart)].length : 0;
  return given;
}"""  # where the cursor stands, in characters


class PassagesPanel:
    """The controls, and the wiring that needs other panels' events."""

    def __init__(self, own: gr.BrowserState, language: gr.Textbox, corpus: gr.Dropdown, copies: Any) -> None:
        """Lay out the panel and wire it.

        :param copies: gets the copy button; gives the event of having copied.
        """
        self.chosen = gr.State("")
        cursor = gr.Number(0, precision=0, visible=False)  # a State would not hear the browser
        with gr.Accordion(label("passages_heading"), open=False) as self.panel:
            gr.Markdown(label("passages_intro"))
            with gr.Row():
                self.document = gr.Dropdown(
                    [], label=label("passages_document"), elem_id="passages-document", min_width=200
                )
                self.page = gr.Slider(
                    1, 2, 1, step=1, label=label("passages_page"), elem_id="passages-page", visible=False, min_width=160
                )
            self.view = gr.HTML(js_on_load=CLICKS, elem_id="passages")
            with gr.Group(visible=False) as self.editor:
                self.text = gr.Textbox(
                    "", label=label("passage_text"), info=label("passage_text_info"), lines=4, elem_id="passage-text"
                )
                with gr.Row():
                    keep = gr.Button(
                        label("passage_save"), variant="primary", size="sm", min_width=110, elem_id="passage-save"
                    )
                    split = gr.Button(label("passage_split"), size="sm", elem_id="passage-split", min_width=110)
                    drop = gr.Button(label("passage_drop"), size="sm", elem_id="passage-drop", min_width=110)
            with gr.Column(visible=False) as self.cutting:
                undo = gr.Button(label("passage_undo"), size="sm", elem_id="passage-undo", min_width=110)
                by, size, overlap = _cutting_controls()
                cut = gr.Button(label("cut"), size="sm", elem_id="cut", min_width=110)
            self.copy = gr.Button(label("corpus_copy"), size="sm", elem_id="corpus-copy")
        self.inputs = [own, language, corpus, self.document, self.page]
        self.outputs = [self.document, self.page, self.view, self.editor, self.cutting, self.copy, self.chosen]
        shown_ = [*self.outputs, self.text]
        made = [own, language, self.document, self.page, self.chosen]
        names = ("own", "language", "document", "page", "chosen", "text", "cursor")
        at_cursor = Form(zip(names, (*made, self.text, cursor), strict=True))  # the cursor last: see CURSOR
        by.select(show_sizes, [language, by], [size, overlap], **LOOK)
        self.document.select(show_passages, self.inputs[:4], self.outputs, **LOOK)
        self.page.release(show_passages, self.inputs, self.outputs, **LOOK)
        self.view.click(choose, [own, language], [self.chosen, self.text, self.editor], **TOLD)
        cut_as = [own, language, self.document, by, size, overlap]
        # A refusal must not cover the controls that it asks to change: gradio would, on all outputs
        cutting = SEARCH | {"show_progress_on": self.view}
        self.changed = [
            keep.click(save_collection, [*made, self.text], shown_, **TOLD),
            split.click(at_cursor.reads_in_order(split_here), [*at_cursor.values()], shown_, js=CURSOR, **TOLD),
            drop.click(drop_it, made, shown_, **TOLD),
            cut.click(cut_documents, cut_as, shown_, **cutting),
            undo.click(undo_change, made[:-1], shown_, **TOLD),
        ]
        size.release(show_overlap, [language, by, size], overlap, **LOOK)
        for listen in (corpus.select, self.panel.expand):
            listen(show_passages, self.inputs[:3], self.outputs, **LOOK)
        self.copied = copies(self.copy)
        self.refreshes(self.copied)

    def refreshes(self, *events: Any) -> None:
        """Show the documents anew after other events."""
        for event in events:
            event.then(show_passages, self.inputs[:3], self.outputs, **LOOK)


def _cutting_controls() -> tuple[gr.Radio, gr.Slider, gr.Slider]:
    gr.Markdown(label("cut_intro"))
    with gr.Row():
        by = gr.Radio(
            [(label(f"cut_{name}"), name) for name in get_args(By)],
            value=USUAL_CUTTING.by,
            label=label("cut_by"),
            elem_id="cut-by",
            min_width=240,
        )
        least, most = SIZES[USUAL_CUTTING.by]
        size = gr.Slider(
            least, most, USUAL_CUTTING.size, step=1, label=label("cut_size"), elem_id="cut-size", min_width=160
        )
        overlap = gr.Slider(
            0,
            1,
            0,
            step=1,
            label=label("cut_overlap"),
            info=label("cut_overlap_info"),
            elem_id="cut-overlap",
            min_width=160,
            visible=False,
        )
    return by, size, overlap


@shown
def show_sizes(language: str, by: By) -> tuple[Any, Any]:
    """The bounds that go with a way to cut."""
    least, most = SIZES[by]
    usual = {"paragraphs": 40, "sentences": 3, "tokens": 64, "headings": 120}[by]
    unit = say(language, f"cut_unit_{by}")
    return (
        gr.update(minimum=least, maximum=most, value=usual, label=unit),
        gr.update(visible=by in OVERLAPS, maximum=max(1, usual // 2), value=0),
    )


@shown
def show_overlap(language: str, by: By, size: float) -> Any:
    """The overlap that goes with a size: at most half."""
    return gr.update(visible=by in OVERLAPS, maximum=max(1, int(size) // 2), value=0)


@shown
def show_passages(
    own: str, language: str, choice: str, document: str | None = None, page: float = 1
) -> tuple[Any, ...]:
    """A document of the chosen corpus, cut; the first one if it has none of that name."""
    try:
        corpus_id = chosen_corpus(own, choice)
        collection = load_collection(corpus_id)
    except PlaygroundError:  # none of one's own yet
        note = html.note(say(language, "own_none"))
        empty = gr.update(choices=[], value=None), gr.update(visible=False), note
        return *empty, *(gr.update(visible=False) for _ in range(3)), ""
    names = list(dict.fromkeys(one.name for one in collection.documents))
    document = document if document in names else names[0]
    pieces = passages_html.passage_pieces(collection, document)
    pages = max(1, math.ceil(passages_html.count(pieces) / PAGE))
    page = min(max(1, int(page)), pages)
    mine = is_own_collection(corpus_id)
    view = passages_html.document_html(pieces, (page - 1) * PAGE, PAGE, mine, language)
    return (
        gr.update(choices=names, value=document),
        gr.update(visible=pages > 1, maximum=max(2, pages), value=page),
        view,
        gr.update(visible=False),
        gr.update(visible=mine),
        gr.update(visible=not mine and len(names) <= MAX_DOCUMENTS),
        "",
    )


@shown
def choose(own: str, language: str, event: gr.EventData) -> tuple[Any, ...]:
    """A passage was pressed: its text, to be changed."""
    passage_id = str(event.passage)
    collection = uploads.read_collection(own)
    position = changes.position_of(collection, passage_id)
    cut = position.cuts[position.cut]
    text = collection.documents[position.document].text[cut.start : cut.end]
    named = say(language, "passage_chosen", passage=passage_id)
    return passage_id, gr.update(value=text, label=named), gr.update(visible=True)


@shown
def save_collection(own: str, language: str, document: str, page: float, chosen: str, text: str) -> tuple[Any, ...]:
    """Keep a passage's changed words."""
    return _changed(own, language, document, page, lambda all_: changes.edited(all_, chosen, text))


@shown
def split_here(values: Values) -> tuple[Any, ...]:
    """Make two passages of one, where the cursor stands in its text."""
    own, language, document, page, chosen, text, cursor = values.values()
    return _changed(own, language, document, page, lambda all_: changes.split_passage(all_, chosen, text, int(cursor)))


@shown
def drop_it(own: str, language: str, document: str, page: float, chosen: str) -> tuple[Any, ...]:
    """Leave a passage out of what is searched."""
    return _changed(own, language, document, page, lambda all_: changes.dropped(all_, chosen))


@shown
def cut_documents(own: str, language: str, document: str, by: By, size: float, overlap: float) -> tuple[Any, ...]:
    """Cut all of the collection's documents in another way."""
    how = Cutting(by, int(size), int(overlap) if by in OVERLAPS else 0)
    return _changed(own, language, document, 1, lambda all_: changes.cut_anew(all_, how))


@shown
def undo_change(own: str, language: str, document: str, page: float) -> tuple[Any, ...]:
    """Undo the last change; pressed again, redo it."""
    uploads.undo(own)
    return *show_passages(own, language, own, document, page), ""


def _changed(
    own: str, language: str, document: str, page: float, how: Callable[[Collection], Collection]
) -> tuple[Any, ...]:
    uploads.change(own, how)
    load_corpus(own)
    return *show_passages(own, language, own, document, page), ""
