"""Answers as HTML while they grow: what the Tokens and the Compare tab share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from playground.compare import Answer
from playground.engine.work import Work
from playground.ui.parts import answers_html
from playground.ui.parts.answers_html import AS_USUAL, Looked

EVERY = 4  # tokens: one event for each costs more than it shows


def stream(growing: Iterable[list[Answer]], work: Work, language: str, looked: Looked = AS_USUAL) -> Iterator[str]:
    """The answers of all columns, again and again as they grow.

    :param growing: what ``playground.compare.compare`` gives.
    :raises Stopped: nobody waits for it any more; what was written was given before.
    """
    answers: list[Answer] = []
    for step, answers in enumerate(growing):
        if step % EVERY == 0:
            yield answers_html.answers(answers, language, looked)
    for answer in answers:
        answer.done = True
    yield answers_html.answers(answers, language, looked)
    work.check()
