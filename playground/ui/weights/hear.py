"""Listening on the Weights tab: what the model answers at a sparsity, or with a scheme, before it is on the recipe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.engine.build import build, extended
from playground.engine.edit import Edit
from playground.engine.measuring.sweep import SPARSITIES
from playground.engine.pruning.edit import GROUPS, Prune
from playground.engine.work import Work
from playground.settings import settings
from playground.ui.parts.carried import QUESTION, STACK, USUAL_QUESTION, last_question
from playground.ui.parts.html import note, percent, tag
from playground.ui.parts.stations import (
    Texts,
    ahead,
    known_json,
    known_texts,
    large,
    place_key,
    shows_nearest,
    stations,
    written,
)
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import AT_ONCE, follows, session_of, watched
from playground.ui.shell.run import Run
from playground.ui.shell.tab import Visit
from playground.ui.shell.turns import TURNS
from playground.ui.text import say
from playground.ui.weights.edit import calibrated, edit_of
from playground.ui.weights.form import EditPanel

TOKENS = 24
OF_SPARSITIES = ("kind", "method", "pattern", "scope", "seed", "targets", "first", "last")
OF_SCHEMES = ("scheme", "group_size", "symmetric", "rounding", "mode")
Row = tuple[Any, Any, Any, Any]  # under the sparsity, under the scheme, the row of places, what is known


def build_hear(visit: Visit, panel: EditPanel) -> None:
    """Wire what stands under the two controls."""
    saved, asked, language, form = visit.saved, visit.asked, visit.language, panel.form
    known = gr.Textbox("", visible="hidden")
    question = gr.Textbox("", visible="hidden")
    stack = gr.Textbox(json.dumps([settings().model, []], separators=(",", ":")), visible="hidden")
    asked.change(None, asked, question, js=QUESTION, api_visibility="private")
    saved.change(None, saved, stack, js=STACK, api_visibility="private")
    views = [panel.under_sparsity, panel.under_scheme, panel.stations, known]
    Run(
        name="hear",
        handler=hear,
        form=Form(saved=saved, asked=asked, language=language, known=known, **form),
        outputs=views,
        told=panel.heard_told,
        status=panel.hearing,
        words="stations_stopped",
    ).on(form["sparsity"].release, watched([form[name] for name in OF_SCHEMES]).change)
    shows_nearest(form["sparsity"], known, panel.under_sparsity)
    others = [question, stack, *(form[name] for name in OF_SPARSITIES)]
    chosen = [form["method"], form["pattern"], language]
    follows(others, nothing_heard, chosen, [*views, panel.heard_told], **AT_ONCE)


def nothing_heard(method: str, pattern: str, language: str, request: gr.Request) -> tuple[str, ...]:
    """What stands there once the edit, the recipe or the question is another; what is computed for it ends."""
    TURNS.stop(session_of(request), "hear")
    return _hint(method, pattern, language), note(say(language, "hear_scheme_hint")), "", "", ""


def _hint(method: str, pattern: str, language: str) -> str:
    """What to do to hear an answer."""
    if calibrated("prune", method, ""):
        return note(say(language, "hear_reads_first"))
    return note(say(language, "hear_half" if pattern in GROUPS else "hear_hint"))


def hear(values: Values, work: Work) -> Iterator[Row]:
    """The answer to the last question with the edit tried on top of the recipe; of a pruning, then those at the fixed
    places, one after the other."""
    edit, language = edit_of(values), values["language"]
    if isinstance(edit, Prune) and (calibrated("prune", edit.method, "") or edit.pattern in GROUPS):
        yield _hint(edit.method, edit.pattern, language), gr.skip(), "", ""
    elif isinstance(edit, Prune):
        yield from _hear_sparsities(values, edit, work)
    elif edit.kind == "quantize" and values["rounding"] != "gptq":
        at = say(language, "hear_with", scheme=values["scheme"])
        for text in _answers(values, edit, work):
            yield gr.skip(), _heard(values, text, at), gr.skip(), gr.skip()
    else:
        yield gr.skip(), note(say(language, "hear_reads_first")), gr.skip(), gr.skip()


def _hear_sparsities(values: Values, edit: Prune, work: Work) -> Iterator[Row]:
    of = _of(values, edit)
    texts, here = known_texts(values["known"], of), place_key(edit.sparsity)
    if here not in texts:
        text = ""
        for text in _answers(values, edit, work):
            yield _at(values, here, text), gr.skip(), gr.skip(), gr.skip()
        texts[here] = text
    yield _at(values, here, texts[here]), gr.skip(), *_places(values, of, texts)

    def answer(place: float, step: Work) -> str:
        *_, text = _answers(values, edit.model_copy(update={"sparsity": place}), step)
        return text

    for more in ahead(texts, SPARSITIES, answer, work):
        yield gr.skip(), gr.skip(), *_places(values, of, more)


def _of(values: Values, edit: Prune) -> str:
    """What the answers are of, whatever the sparsity."""
    recipe = spaces.workspace_from_json(values["saved"]).recipe()
    return json.dumps([recipe.id, edit.model_copy(update={"sparsity": 0.0}).model_dump_json(), _question(values)])


def _question(values: Values) -> str:
    return last_question(values["asked"], USUAL_QUESTION)


def _answers(values: Values, edit: Edit, work: Work) -> Iterator[str]:
    """The answer as it grows, of a variant that nobody keeps."""
    tried = extended(build(spaces.workspace_from_json(values["saved"]).recipe(), work), edit, work)
    yield from written(tried.fork, _question(values), TOKENS, work)


def _places(values: Values, of: str, texts: Texts) -> tuple[str, str]:
    """The row of fixed places, and what is known."""
    names = {place_key(place): percent(place) for place in SPARSITIES}
    shown = {key: _at(values, key, text) for key, text in texts.items()}
    return stations(texts, names, values["language"]), known_json(of, texts, shown)


def _at(values: Values, key: str, text: str) -> str:
    return _heard(values, text, say(values["language"], "said_at", place=percent(float(key))))


def _heard(values: Values, text: str, at: str) -> str:
    return tag("p", _question(values), class_="pg-hint") + large(text, values["language"], at)
