"""Answers as HTML while they grow: what the Tokens and the Compare tab share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import gradio as gr

from playground import compare as contest
from playground.engine.decoding.generate import Sampling
from playground.engine.work import Stopped
from playground.ui.parts import answers_html, html
from playground.ui.shell.page import RUNS
from playground.ui.text import say

EVERY = 4  # tokens: one event for each costs more than it shows


def stream(
    columns: Sequence[contest.Contestant],
    prompt: str,
    sampling: Sampling,
    language: str,
    request: gr.Request,
    turn: int,
    chat: bool = True,
    again: bool = False,
) -> Iterator[str]:
    """The answers of all columns, again and again as they grow, until done or stopped.

    :param again: whether these are a second set of answers on the page.
    :param turn: what ``page.begins`` gave for this run.
    """
    stopped = RUNS.stopped(str(request.session_hash), turn)
    answers: list[contest.Answer] = []
    try:
        for step, answers in enumerate(contest.compare(columns, prompt, sampling, stopped, chat)):
            if step % EVERY == 0:
                yield answers_html.answers(answers, language, again)
    except Stopped:  # while a recipe was being built
        pass
    for answer in answers:
        answer.done = True
    ended = html.note(say(language, "stopped")) if stopped() else ""
    yield answers_html.answers(answers, language, again) + ended
