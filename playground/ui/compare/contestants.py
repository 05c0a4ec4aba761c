"""The contestants of a comparison: a card of controls each, and what they stand for."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground import compare as contest
from playground import workspace as spaces
from playground.retrieval.context import Context
from playground.retrieval.retrievers import NONE
from playground.ui.compare import whose
from playground.ui.compare.example import column_name
from playground.ui.parts.comparison import FIRST_COLUMNS
from playground.ui.parts.corpus_menu import chosen_corpus
from playground.ui.shell.form import Form, Values
from playground.ui.text import label

LEAST, MOST = 2, contest.MAX_CONTESTANTS


def contestant_cards() -> tuple[list[gr.Column], Form]:
    """A card of controls per contestant; those beyond the count are hidden."""
    cards, form = [], Form()
    with gr.Row(elem_id="contestants"):
        for number, (weights, retriever, k) in enumerate(FIRST_COLUMNS, 1):
            with gr.Column(visible=number <= 4, min_width=180, elem_classes="pg-contestant") as card:
                form[f"weights_{number}"] = gr.Dropdown(
                    whose.whose_at_first(),
                    value=weights,
                    label=label(f"weights_of_{number}"),
                    min_width=120,
                    elem_id=f"weights-{number}",
                )
                form[f"retriever_{number}"] = gr.Dropdown(
                    [(label(f"retriever_{name}"), name) for name in contest.source_names()],
                    value=retriever,
                    label=label("before_question"),
                    min_width=120,
                    elem_id=f"retriever-{number}",
                )
                form[f"k_{number}"] = gr.Slider(
                    1, 10, k, step=1, label=label("how_many_k"), min_width=120, elem_id=f"k-{number}"
                )
            cards.append(card)
    return cards, form


def show_rows(count: float) -> list[Any]:
    """Show as many contestants as there are to be."""
    return [gr.update(visible=number <= count) for number in range(1, MOST + 1)]


def shown_columns(values: Values) -> range:
    """The numbers of the contestants that are shown."""
    return range(1, min(int(values["count"]), MOST) + 1)


def contestant_of(values: Values, number: int) -> contest.Contestant:
    """A column's recipe and documents, and how passages go into its prompt.

    :param number: of the column, from 1 on.
    """
    weights, retriever, k = (values[f"{name}_{number}"] for name in ("weights", "retriever", "k"))
    space, language = spaces.workspace_from_json(values["saved"]), values["language"]
    chosen = whose.chosen(str(weights), space, values["kept"], language)
    return contest.Contestant(
        label=column_name(chosen.title, str(retriever), int(k), language),
        recipe=chosen.recipe,
        retriever=retriever,
        corpus_id=chosen_corpus(values["own"], values["corpus"]) if retriever != NONE else "",
        k=int(k),
        context=context_of(values),
    )


def context_of(values: Values) -> Context:
    """How passages go into the prompts."""
    return Context(values["order"], int(values["budget"]) or None, values["template"], values["start"] or None)
