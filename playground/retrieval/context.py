"""From found passages to a prompt: which fit, in which order, and in what words.

Pure functions of texts; tokens are counted by whoever calls.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field

from playground.checked import Whole, checked
from playground.errors import CorpusError, Message
from playground.retrieval.search import Hit

Order = Literal["best_first", "best_last"]
MAX_TEMPLATE, MAX_START = 2_000, 200  # characters
MAX_BUDGET = 8_000  # tokens
APART = "\n\n"  # between passages


@dataclass(frozen=True)
class RagPrompt:
    """How passages are put before a question, and how the answer begins."""

    template: str
    start: str


# What lets a 135 M model use passages, measured with dense search on the handbook's questions:
# with its answer begun for it, k=3, it was right 31 times in 52; without that, 22 times; with
# passages of twice the length, 25 times; with only the best passage, 39 times.
RAG_PROMPTS = {
    "en": RagPrompt("Context:\n{passages}\n\nQuestion: {question}\nAnswer:", "According to the context,"),
    "ko": RagPrompt("문맥:\n{passages}\n\n질문: {question}\n답:", "문맥에 따르면"),
}


_TEMPLATE = Message(
    "The template needs {{passages}} and {{question}} where they shall stand, in at most {limit} characters.",
    {"limit": MAX_TEMPLATE},
)


def _has_places(template: str) -> str:
    if template and not ("{passages}" in template and "{question}" in template):
        raise ValueError("no place for the passages or the question")
    return template


@checked(
    CorpusError,
    {
        "order": Message("Order {order} is unknown. Choose one of: {known}.", {"known": ", ".join(get_args(Order))}),
        "budget": Message(
            "A budget of {budget} tokens is out of range: choose a whole number from 1 to {limit}.",
            {"limit": MAX_BUDGET},
        ),
        "template": _TEMPLATE,
        "start": Message(
            "The beginning of the answer is longer than {limit} characters. Shorten it.", {"limit": MAX_START}
        ),
    },
)
class Context:
    """How passages go into a prompt.

    :param budget: tokens for the passages, the lines between them included; None: no limit.
    :param template: with ``{passages}`` and ``{question}``; "" for the usual one of a language.
    :param start: how the answer begins; None: as usual, "" for nothing.
    """

    order: Order = "best_first"
    budget: Annotated[Whole, Field(ge=1, le=MAX_BUDGET)] | None = None
    template: Annotated[str, Field(max_length=MAX_TEMPLATE), AfterValidator(_has_places)] = ""
    start: Annotated[str, Field(max_length=MAX_START)] | None = None


USUAL_CONTEXT = Context()


@dataclass(frozen=True)
class Arranged:
    """What stands in a prompt, and what was left out.

    :param texts: of the passages, in the prompt's order.
    :param placed: the hits that these are, in the same order.
    :param cut: hits that did not fit, best first.
    :param shortened: whether the best passage alone was too long, and only its start stands there.
    """

    texts: tuple[str, ...]
    placed: tuple[Hit, ...]
    cut: tuple[Hit, ...]
    shortened: bool = False


def arranged(hits: Sequence[Hit], context: Context, count: Callable[[str], int]) -> Arranged:
    """The passages that fit the budget, whole and from the best down until one does not; of the
    best, if it alone is too long, its first words.

    :param hits: best first.
    :param count: tokens of a text.
    """
    texts, budget, shortened = [hit.passage.prompted for hit in hits], context.budget, False
    fitting = len(texts)
    if budget is not None:
        fitting = 0
        while fitting < len(texts) and count(APART.join(texts[: fitting + 1])) <= budget:
            fitting += 1
        if texts and not fitting and (start := _start(texts[0], budget, count)):
            texts[0], fitting, shortened = start, 1, True
    step = -1 if context.order == "best_last" else 1
    return Arranged(tuple(texts[:fitting][::step]), tuple(hits[:fitting])[::step], tuple(hits[fitting:]), shortened)


def _start(text: str, budget: int, count: Callable[[str], int]) -> str:
    """As many first words of a text as fit."""
    ends = [word.end() for word in re.finditer(r"\S+", text)]
    low, high = 0, len(ends)
    while low < high:  # the most words that fit
        middle = (low + high + 1) // 2
        if count(text[: ends[middle - 1]]) <= budget:
            low = middle
        else:
            high = middle - 1
    return text[: ends[low - 1]] if low else ""


def asked(texts: Sequence[str], question: str, language: str, context: Context = USUAL_CONTEXT) -> tuple[str, str]:
    """The question with passages before it, and the first words of the answer.

    :param language: of the corpus; one without a prompt of its own gets the English one.
    """
    usual = RAG_PROMPTS.get(language, RAG_PROMPTS["en"])
    places = {"{passages}": APART.join(texts), "{question}": question}
    template = context.template or usual.template
    text = re.sub(r"\{(?:passages|question)\}", lambda slot: places[slot[0]], template)
    return text, usual.start if context.start is None else context.start.strip()
