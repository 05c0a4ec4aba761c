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
from playground.ui.text import label

SPLITS = ("usual", "words", "stems", "morphemes")


def build_options() -> list[Any]:
    """Lay the controls out; gives them in the order of ``options_from``."""
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
    return [variant, k1, b, split, fusion, diversity, rerank, encoder]


def options_from(
    variant: Variant, k1: float, b: float, split: str, fusion: Any, diversity: float, rerank: bool, encoder: str
) -> Options:
    """What the controls stand for.

    :raises CorpusError: one is out of its bounds.
    """
    terms = {"words": Terms(), "stems": Terms(stem=True), "morphemes": Terms(True, "morphemes")}.get(split)
    return Options(
        scoring=Scoring(variant, k1, b), terms=terms, fusion=fusion, diversity=diversity, rerank=rerank, encoder=encoder
    )


def fields_of(*given: Any) -> dict[str, Any]:
    """The sliders of how to search and their values, for the mark of what was found."""
    if not given:
        return {}
    return {"bm25-k1": given[1], "bm25-b": given[2], "diversity": given[5]}
