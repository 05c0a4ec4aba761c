"""What is asked on Ask: the fields, what fills them, and what they hold."""

from __future__ import annotations

from typing import Any

import gradio as gr
from markupsafe import Markup

from playground.ask.question import ASK_NEEDS, CUTTINGS, MAX_ANSWER, MAX_QUESTION, MAX_SUBJECT, MAX_TEXT, Asked
from playground.ask.statement import NoStatementError
from playground.ask.ways import ASK_WAYS
from playground.checked import printable
from playground.errors import PlaygroundError
from playground.retrieval.reading.files import read_files
from playground.retrieval.reading.names import KINDS
from playground.ui.ask.examples import ASK_EXAMPLES
from playground.ui.parts.corpus_menu import OWN, chosen_corpus, corpus_choices
from playground.ui.parts.html import note
from playground.ui.parts.zones import build_zone
from playground.ui.shell import uploaded
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import SEARCH, shown
from playground.ui.text import label, say, tell

FIELDS = ("question", "answer", "text")
MORE = tuple(way.id for way in ASK_WAYS.values() if not way.usual and way.id != "mine")


def build_fields(language: gr.Textbox) -> Form:
    """What is asked, the rarer of it folded away."""
    first = ASK_EXAMPLES[0]
    with gr.Row(equal_height=False):
        with gr.Column(min_width=280, scale=3):
            question = gr.Textbox(
                # longer than may be asked: what is too long is told, not cut where nobody sees it
                first.question,
                label=label("ask_question"),
                max_length=10 * MAX_QUESTION,
                elem_id="ask-question",
            )
            answer = gr.Textbox(
                first.answer,
                label=label("ask_answer"),
                info=label("ask_answer_info"),
                max_length=MAX_ANSWER,
                elem_id="ask-answer",
            )
            needs = gr.CheckboxGroup(
                [(label(f"ask_need_{name}"), name) for name in ASK_NEEDS],
                value=list(first.needs),
                label=label("ask_needs"),
                elem_id="ask-needs",
            )
        with gr.Column(min_width=280, scale=4):
            text = gr.Textbox(
                first.text,
                label=label("ask_text"),
                placeholder=label("ask_text_empty"),
                lines=6,
                max_lines=9,
                max_length=MAX_TEXT,
                elem_id="ask-text",
            )
            with gr.Accordion(label("ask_elsewhere"), open=False):
                zone = build_zone(label("ask_file"), [*KINDS], language, elem_id="ask-file")
                read = gr.HTML(elem_id="ask-file-read")
                corpus = gr.Dropdown(
                    [(label("ask_no_documents"), ""), *corpus_choices(), (label("own_documents"), OWN)],
                    value="",
                    label=label("ask_documents"),
                    elem_id="ask-corpus",
                )
            with gr.Accordion(label("ask_how"), open=False):
                gr.Markdown(label("ask_sentence_info"))
                told = gr.HTML(elem_id="ask-sentence")
                with gr.Row():
                    prompt = gr.Textbox(
                        "", label=label("ask_prompt"), max_length=MAX_QUESTION, elem_id="ask-prompt", min_width=200
                    )
                    subject = gr.Textbox(
                        "", label=label("ask_subject"), max_length=MAX_SUBJECT, elem_id="ask-subject", min_width=140
                    )
                cut = gr.Radio(
                    [(label(f"ask_cut_{name}"), name) for name in CUTTINGS],
                    value="sentences",
                    label=label("ask_cut"),
                    elem_id="ask-cut",
                )
                begun = gr.Checkbox(False, label=label("ask_begun"), elem_id="ask-begun")
                more = gr.CheckboxGroup(
                    [(label(f"ask_way_{name}"), name) for name in MORE],
                    value=[],
                    label=label("ask_more"),
                    elem_id="ask-more",
                )
    values = Form(language=language, file=zone.file)
    zone.takes(values.reads(read_into_text), values.inputs, [text, zone.file, read], **SEARCH)
    return Form(
        question=question,
        answer=answer,
        text=text,
        needs=needs,
        corpus=corpus,
        prompt=prompt,
        subject=subject,
        cut=cut,
        begun=begun,
        more=more,
        told=told,
    )


@shown
def read_into_text(values: Values) -> tuple[Any, ...]:
    """The text of a file in the place of what was pasted."""
    [path, *_] = uploaded.there([values["file"]] if isinstance(values["file"], str) else values["file"])
    read = read_files([(path.name, path)])
    if not read.documents:
        [skipped, *_] = read.skipped
        raise PlaygroundError(skipped.message.template, **skipped.message.values)
    text = "\n\n".join(part.text for document in read.documents for part in document.parts)
    if len(text) > MAX_TEXT:
        raise PlaygroundError(
            "The file has {count} characters, and {limit} fit here. Add it under Documents, and choose your documents "
            "here.",
            count=len(text),
            limit=MAX_TEXT,
        )
    told = say(values["language"], "ask_file_read", name=printable(path.name)[:80], count=f"{len(text):,}")
    return text, None, note(told)


@shown
def take_question(language: str, number: int) -> tuple[Any, ...]:
    """Fill the form with a ready question."""
    example = ASK_EXAMPLES[number]
    return example.question, example.answer, example.text, list(example.needs), "", "", "", "sentences", False


@shown
def show_sentence(language: str, question: str, answer: str, prompt: str, subject: str) -> Markup:
    """The sentence that an edit is written for: the visitor's own, else as it is proposed."""
    if not question.strip() or not answer.strip():
        return Markup()
    try:
        found = Asked(question=question.strip(), answer=answer, prompt=prompt, subject=subject).statement()
    except NoStatementError as error:
        return note(tell(language, error.message), "warn")
    return note(say(language, "ask_proposed", prompt=found.prompt, target=found.target, subject=found.subject))


def asked_of(values: Values) -> Asked:
    """What the fields hold.

    :raises PlaygroundError: one of them is empty or too long, or the visitor has no documents yet.
    """
    corpus = values["corpus"] or ""
    return Asked(
        question=(values["question"] or "").strip(),
        answer=(values["answer"] or "").strip(),
        text=values["text"] or "",
        corpus_id=chosen_corpus(values["own"], corpus) if corpus else "",
        needs=tuple(need for need in ASK_NEEDS if need in (values["needs"] or ())),
        prompt=values["prompt"] or "",
        subject=values["subject"] or "",
        cut=values["cut"],
        begun=bool(values["begun"]),
    )
