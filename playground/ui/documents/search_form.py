"""What and how to search: a choice of corpus, and the settings of the retrievers, folded away."""

from __future__ import annotations

from typing import Any, get_args

import gradio as gr

from playground.retrieval.dense import encoders
from playground.retrieval.fusion import FUSIONS
from playground.retrieval.lexical.bm25 import MAX_K1, USUAL, Scoring, Variant
from playground.retrieval.lexical.terms import Terms, has_morphemes
from playground.retrieval.options import Options
from playground.settings import settings
from playground.ui.shell.form import Form, Values
from playground.ui.text import label

SPLITS = ("usual", "words", "stems", "morphemes")


def build_options() -> Form:
    """Lay the controls out."""
    splits = [name for name in SPLITS if name != "morphemes" or has_morphemes()]
    with gr.Accordion(label("search_options"), open=False):
        gr.Markdown(label("search_options_info"))
        with gr.Row():
            variant = gr.Dropdown(
                [(label(f"bm25_{name}"), name) for name in get_args(Variant)],
                value=USUAL.variant,
                label=label("bm25_variant"),
                elem_id="bm25-variant",
                min_width=180,
            )
            k1 = gr.Slider(
                0,
                min(3, MAX_K1),
                USUAL.k1,
                step=0.1,
                label=label("bm25_k1"),
                info=label("bm25_k1_info"),
                elem_id="bm25-k1",
                min_width=180,
            )
            b = gr.Slider(
                0,
                1,
                USUAL.b,
                step=0.05,
                label=label("bm25_b"),
                info=label("bm25_b_info"),
                elem_id="bm25-b",
                min_width=180,
            )
        with gr.Row():
            split = gr.Dropdown(
                [(label(f"split_{name}"), name) for name in splits],
                value="usual",
                label=label("split"),
                elem_id="search-split",
                min_width=180,
            )
            fusion = gr.Dropdown(
                [(label(f"fusion_{name}"), name) for name in FUSIONS],
                value="rrf",
                label=label("fusion"),
                elem_id="fusion",
                min_width=180,
            )
            diversity = gr.Slider(
                0,
                1,
                0,
                step=0.05,
                label=label("diversity"),
                info=label("diversity_info"),
                elem_id="diversity",
                min_width=180,
            )
        encoder = gr.Dropdown(
            [(one.title, one.id) for one in encoders.choices()],
            value=encoders.MINILM,
            label=label("encoder"),
            info=label("encoder_info"),
            elem_id="encoder",
            allow_custom_value=settings().hub == "any",
        )
        rerank = gr.Checkbox(False, label=label("rerank"), info=label("rerank_info"), elem_id="rerank")
    return Form(
        variant=variant, k1=k1, b=b, split=split, fusion=fusion, diversity=diversity, rerank=rerank, encoder=encoder
    )


def options_of(values: Values) -> Options:
    """What the controls stand for.

    :raises CorpusError: one is out of its bounds.
    """
    terms = {"words": Terms(), "stems": Terms(stem=True), "morphemes": Terms(True, "morphemes")}
    named = {name: values[name] for name in ("fusion", "diversity", "rerank", "encoder")}
    scoring = Scoring(values["variant"], values["k1"], values["b"])
    return Options(scoring=scoring, terms=terms.get(values["split"]), **named)


def fields_of(values: Values) -> dict[str, Any]:
    """The sliders of how to search and their values, for the mark of what was found."""
    return {"bm25-k1": values["k1"], "bm25-b": values["b"], "diversity": values["diversity"]}
