"""Steps 1 and 2 of the fact lab: the fact, what the model says now, and the questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.engine.build import build
from playground.engine.facts.facts import MAX_PROMPT, MAX_SUBJECT, MAX_TARGET
from playground.engine.work import Work
from playground.lab.lesson import Kind, Lesson, lesson_from_json, questions_of
from playground.lab.prior import prior_of
from playground.lab.propose import UNKNOWN, propose
from playground.lab.ready_lessons import ready
from playground.ui.lab import view as lab_html
from playground.ui.parts.html import join, note
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import AT_ONCE, TOLD, clears, shown
from playground.ui.shell.run import Run
from playground.ui.shell.stale import belongs
from playground.ui.text import label, say

FACT = ("prompt", "subject", "target", "old")
QUESTIONS = ("paraphrases", "neighbours", "consequences")
MAX_LINES = 12_000  # characters of a kind of question


@dataclass(frozen=True)
class FactPanel:
    """What other rooms are wired to."""

    fact: Form  # prompt, subject, target, old
    questions: Form  # paraphrases, neighbours, consequences
    typed: dict[str, Any]  # what a reload must not lose
    chosen: list[Any]  # events of having taken a ready fact


def build_fact(saved: gr.BrowserState, language: gr.Textbox, corpus: gr.Dropdown, layer: Any) -> FactPanel:
    """Lay out the panel and wire it.

    :param corpus: the menu of documents, set with a ready fact, as is ``layer``.
    """
    gr.Markdown(label("lab_ready"))
    with gr.Row():
        buttons = [
            gr.Button(label(f"lab_ready_{ready_lesson.key}"), size="sm", elem_id=f"lab-{ready_lesson.key}")
            for ready_lesson in ready()
        ]
    gr.Markdown(label("lab_step_fact"))
    fact = _fact_fields()
    look = gr.Button(label("lab_now"), elem_id="lab-look")
    now_told = gr.HTML(elem_id="lab-now-told")
    says = gr.HTML(label("lab_now_empty"), elem_id="lab-now")
    gr.Markdown(label("lab_step_questions"))
    gr.Markdown(label("lab_questions_info"))
    offer = gr.Button(label("lab_propose"), size="sm", elem_id="lab-propose")
    told = gr.HTML(elem_id="lab-proposed")
    gr.HTML(join(mark_of(ready_lesson, as_texts(ready_lesson)) for ready_lesson in ready()), visible="hidden")
    questions = _question_fields()

    form = Form(saved=saved, language=language, **fact)
    looking = Run(name="look", handler=look_now, form=form, outputs=[says], told=now_told)
    boxes = [*fact.values()]
    Run(
        name="propose", handler=offer_questions, form=form, outputs=[told, *questions.values()], told=told, status=told
    ).on(offer.click)
    clears(saved.change, *(box.input for box in boxes), parts=[says])  # of something else
    chosen, filled = [], [*boxes, *questions.values(), corpus, told]
    for button, ready_lesson in zip(buttons, ready(), strict=True):
        taken = button.click(take_ready, [language, gr.State(ready_lesson.key)], filled, **TOLD)
        taken.success(lambda: -1, None, layer, **AT_ONCE)  # another fact's
        chosen.append(taken)
    looking.on(look.click, *(box.submit for box in boxes), *(taken.success for taken in chosen))
    names = ("labPrompt", "labSubject", "labTarget", "labOld", "labAgain", "labOthers", "labFollows")
    typed = dict(zip(names, [*boxes, *questions.values()], strict=True))
    return FactPanel(fact, questions, typed, chosen)


def _fact_fields() -> Form:
    first = ready()[0]
    with gr.Row():
        prompt = gr.Textbox(
            first.prompt,
            label=label("lab_prompt"),
            info=label("lab_prompt_info"),
            max_length=MAX_PROMPT,
            elem_id="lab-prompt",
            min_width=280,
            scale=2,
        )
        subject = gr.Textbox(
            first.subject,
            label=label("lab_subject"),
            info=label("lab_subject_info"),
            max_length=MAX_SUBJECT,
            elem_id="lab-subject",
            min_width=200,
        )
    with gr.Row():
        target = gr.Textbox(
            first.target,
            label=label("lab_target"),
            info=label("lab_target_info"),
            max_length=MAX_TARGET - 1,
            elem_id="lab-target",
            min_width=200,
        )
        old = gr.Textbox(
            first.old,
            label=label("lab_old"),
            info=label("lab_old_info"),
            max_length=MAX_TARGET - 1,
            elem_id="lab-old",
            min_width=200,
        )
    return Form(prompt=prompt, subject=subject, target=target, old=old)


def _question_fields() -> Form:
    texts = as_texts(ready()[0])
    with gr.Row():
        boxes = {
            name: gr.Textbox(
                text,
                lines=4,
                max_lines=12,
                max_length=MAX_LINES,
                label=label(f"lab_{name}"),
                info=label(f"lab_{name}_info"),
                elem_id=f"lab-{name}",
                min_width=260,
            )
            for name, text in zip(QUESTIONS, texts, strict=True)
        }
    return Form(boxes)


def as_texts(proposed: Any) -> tuple[str, str, str]:
    """The questions of a ready fact or a proposal as they are typed, one a line."""
    pairs = [
        "\n".join(f"{prompt} | {answer.strip()}" for prompt, answer in kind)
        for kind in (proposed.neighbours, proposed.consequences)
    ]
    return "\n".join(proposed.paraphrases), pairs[0], pairs[1]


def mark_of(fact: Any, texts: tuple[str, str, str], also: Sequence[str] = ()) -> str:
    """The mark of questions: they are of a fact for as long as they are left as they were given.

    :param fact: has a prompt, a subject and a target.
    :param also: ids of what else is of the fact.
    """
    ids = (f"lab-{name}" for name in QUESTIONS)
    return belongs(fact_fields(fact), also, dict(zip(ids, texts, strict=True)))


def fact_fields(fact: Any) -> dict[str, str]:
    """The fields of a fact and what stands in them."""
    return {f"lab-{name}": getattr(fact, name) for name in ("prompt", "subject", "target")}


def typed(lesson: Lesson) -> tuple[str, str, str]:
    """A lesson's questions as they are typed."""
    again = "\n".join(question.prompt for question in lesson.of("paraphrase"))
    kinds: tuple[Kind, ...] = ("locality", "portability")
    pairs = [
        "\n".join(f"{question.prompt} | {question.answer.strip()}" for question in lesson.of(kind)) for kind in kinds
    ]
    return again, pairs[0], pairs[1]


def lesson_json(values: Values) -> tuple[dict[str, str], dict[str, Any]]:
    """The fact and the questions of the fields, as JSON.

    :raises PlaygroundError: a line of a question has no answer.
    """
    return {name: values[name] for name in FACT}, questions_of(*(values[name] for name in QUESTIONS))


@shown
def take_ready(language: str, key: str) -> tuple[Any, ...]:
    """Fill the form with a ready fact."""
    lesson = next(lesson for lesson in ready() if lesson.key == key)
    return (lesson.prompt, lesson.subject, lesson.target, lesson.old.strip(), *as_texts(lesson), lesson.corpus, "")


def look_now(values: Values, work: Work) -> str:
    """What the visitor's recipe says now, and how well it knows it."""
    lesson = lesson_from_json({name: values[name] for name in FACT})
    fork = build(spaces.workspace_from_json(values["saved"]).recipe(), work).fork
    return lab_html.now_html(prior_of(fork, lesson.fact, lesson.old), values["language"])


def offer_questions(values: Values, work: Work) -> tuple[str, str, str, str]:
    """Questions from templates, for the visitor to change."""
    language, lesson = values["language"], lesson_from_json({name: values[name] for name in FACT})
    fork = build(spaces.workspace_from_json(values["saved"]).recipe(), work).fork
    proposed = propose(lesson.fact, fork)
    told = (
        say(language, "lab_proposed", relation=proposed.relation)
        if proposed.relation != UNKNOWN
        else say(language, "lab_proposed_general")
    )
    texts = as_texts(proposed)
    return note(told) + mark_of(lesson.fact, texts, ["lab-proposed"]), *texts
