"""Causal tracing on the visitor's own fact: which token's state in which layer carries it."""

from __future__ import annotations

from typing import Any

import gradio as gr
from markupsafe import Markup

from playground import workspace as spaces
from playground.engine.build import build
from playground.engine.facts.tracing import Traced, trace
from playground.engine.work import Work
from playground.ui.parts import charts
from playground.ui.parts.html import note, percent
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import AT_ONCE, TOLD, shown
from playground.ui.shell.run import Run
from playground.ui.shell.turns import stops
from playground.ui.text import label, say

CHANGED = 0.5  # of the clear probability: blurred below it, the answer hangs on the subject


def build_trace(
    saved: gr.BrowserState, language: gr.Textbox, prompt: Any, subject: Any, layer: Any, chosen: list[Any]
) -> None:
    """Lay out the panel and wire it.

    :param prompt: of the fact; ``subject`` too.
    :param layer: the number that the layer found can be put into.
    :param chosen: events after which the fact is another one.
    """
    best = gr.State(-1)
    with gr.Accordion(label("lab_trace_heading"), open=False, elem_id="lab-trace-panel"):
        gr.Markdown(label("lab_trace_intro"))
        with gr.Row():
            go = gr.Button(label("lab_trace_go"), variant="primary", elem_id="lab-trace-go", min_width=140)
            stop = gr.Button(label("stop"), elem_id="lab-trace-stop", min_width=90, scale=0)
        told = gr.HTML(elem_id="lab-trace-told")
        result = gr.HTML(elem_id="lab-trace")
        use = gr.Button(label("lab_trace_use"), size="sm", elem_id="lab-trace-use", visible=False)
    Run(
        name="trace",
        handler=trace_fact,
        form=Form(saved=saved, language=language, prompt=prompt, subject=subject),
        outputs=[result, best, use],
        told=told,
        status=result,
    ).on(go.click)
    use.click(take_layer, [language, best], layer, **TOLD)
    stop.click(stops("trace"), **AT_ONCE)
    events = [saved.change, prompt.input, subject.input, *(event.then for event in chosen)]
    for listen in events:  # a picture of something else
        listen(lambda: ("", "", gr.update(visible=False)), None, [told, result, use], **AT_ONCE)


def trace_fact(values: Values, work: Work) -> tuple[str, int, Any]:
    """The heat map of what the recipe says now after the fact's prompt, and the layer that brings
    most of it back."""
    fork = build(spaces.workspace_from_json(values["saved"]).recipe(), work).fork
    traced = trace(fork, values["prompt"], values["subject"], work=work)
    return trace_html(traced, values["language"]), best_layer(traced), gr.update(visible=True)


@shown
def take_layer(language: str, layer: int) -> int:
    """Teach in the layer that was found from now on, and say where that is set."""
    gr.Info(say(language, "lab_trace_taken", layer=layer), title=say(language, "lab_trace_use"))
    return layer


def best_layer(traced: Traced) -> int:
    """The layer in which the subject's last token brings back most."""
    return int(traced.restored[traced.subject[1] - 1].argmax())


def trace_html(traced: Traced, language: str) -> Markup:
    """Tokens down, layers across; where the subject's last token brings back most is named."""
    cells = traced.restored.tolist()  # (tokens, layers)
    depth = len(cells[0])
    names = [
        f"{'▸ ' if traced.subject[0] <= number < traced.subject[1] else ''}{token}"
        for number, token in enumerate(traced.tokens)
    ]
    hints = [
        [
            say(language, "lab_trace_hint", token=token, layer=layer, probability=percent(cells[number][layer], 2))
            for layer in range(depth)
        ]
        for number, token in enumerate(traced.tokens)
    ]
    most = max(max(row) for row in cells)
    picture = charts.heat_map(
        names,
        [str(n) if n % 5 == 0 else "" for n in range(depth)],
        cells,
        say(language, "lab_trace_title", answer=traced.answer.strip()),
        hints,
        say(language, "lab_trace_scale", probability=percent(most, 2)),
    )
    return picture + note(_summary(traced, language)) + note(say(language, "lab_trace_warning"))


def _summary(traced: Traced, language: str) -> str:
    clean, corrupted = percent(traced.clean, 2), percent(traced.corrupted, 2)
    if traced.corrupted > CHANGED * traced.clean:
        return say(language, "lab_trace_lost", clean=clean, corrupted=corrupted)
    best = best_layer(traced)
    most = float(traced.restored[traced.subject[1] - 1, best])
    return say(
        language,
        "lab_trace_summary",
        answer=traced.answer.strip(),
        clean=clean,
        corrupted=corrupted,
        layer=best,
        probability=percent(most, 2),
    )
