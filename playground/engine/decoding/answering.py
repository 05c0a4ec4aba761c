"""Prompts to answers: the ids that fit, decoded in one batch, as texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from playground.engine.decoding.batches import decode
from playground.engine.decoding.generate import Prompt, Row, Sampling, answer_text, prompt_ids, prompt_text
from playground.engine.fork import Fork
from playground.engine.work import Stopped


def chat_prompt(fork: Fork, prompt: str) -> Prompt:
    """A prompt in the model's chat template, or as it is where the model has none.

    :raises PlaygroundError: the prompt is empty or too long.
    """
    tokenizer = fork.base.tokenizer
    return prompt_text(tokenizer, prompt, bool(tokenizer.chat_template))


def answering(
    fork: Fork, prompts: Sequence[str], sampling: Sampling, stopped: Callable[[], bool] = lambda: False
) -> Iterator[list[Row]]:
    """The answers' tokens as they grow, those of all prompts at every step.

    :param prompts: exact texts, at least one.
    :raises PlaygroundError: a prompt leaves no room for its answer; at once, before any step.
    """
    room = sampling.max_new_tokens + fork.virtual_count()
    return decode(fork, [prompt_ids(fork.base, prompt, room) for prompt in prompts], sampling, stopped)


def answer_rows(
    fork: Fork, prompts: Sequence[str], sampling: Sampling, stopped: Callable[[], bool] = lambda: False
) -> list[Row]:
    """The answers' tokens when all are done, or as far as they were when it was stopped.

    :raises Stopped: before anything came.
    """
    rows: list[Row] = []
    for rows in answering(fork, prompts, sampling, stopped):  # noqa: B007  # the last of them
        pass
    if not rows:
        raise Stopped("Stopped. Your recipe is as it was.")
    return rows


def answer_texts(fork: Fork, prompts: Sequence[str], new_tokens: int) -> list[str]:
    """What a model answers without chance.

    :param prompts: exact texts, at least one.
    :raises PlaygroundError: a prompt leaves no room for its answer.
    """
    return [answer_text(fork.base, row) for row in answer_rows(fork, prompts, Sampling(new_tokens))]
