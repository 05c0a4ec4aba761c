"""Along the path from the base of a merge to the merged model: what is won and lost on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from playground.engine.build import Built, extended
from playground.engine.decoding.answering import chat_prompt
from playground.engine.decoding.continuation import Line, likelihoods
from playground.engine.decoding.generate import prompt_ids
from playground.engine.fork import Fork
from playground.engine.measuring.measure import perplexity
from playground.engine.merging import METHODS, MergeError
from playground.engine.merging.edit import Merge
from playground.engine.models.token_ids import token_ids
from playground.engine.work import QUIET, Work
from playground.errors import Message

POINTS = 11
MOST_ANSWER = 64  # tokens of a probe's answer


@dataclass(frozen=True)
class WalkPoint:
    """One place on the path.

    :param perplexities: of the model there, on each text.
    :param probability: of the whole probe answer after its prompt; None without a probe.
    """

    edit: Merge
    t: float
    perplexities: tuple[float, ...]
    probability: float | None


def walk(
    built: Built, edit: Merge, texts: Sequence[str], probe: tuple[str, str] | None = None, work: Work = QUIET
) -> Iterator[WalkPoint]:
    """Go from the base, t = 0, to the merge, t = 1, in ten steps; each model is dropped when it is
    measured.

    :param built: the recipe that the merge goes on.
    :param probe: a prompt, and the answer whose probability is followed.
    :raises MergeError: the method has no path.
    :raises Stopped: ``work`` says so; the points so far were given.
    """
    if METHODS[edit.method].whole:
        raise MergeError(
            "{method} has no path from the base to the merge. Choose a method that goes tensor by "
            "tensor, such as linear or slerp.",
            method=edit.method,
        )
    for number in range(POINTS):
        t = number / (POINTS - 1)
        name = Message("t = {t} ({n} of {of})…", {"t": f"{t:g}", "n": number + 1, "of": POINTS})
        step = work.part(number, POINTS, name)
        there = edit.model_copy(update={"t": t})
        fork = extended(built, there, step).fork
        perplexities = tuple(perplexity(fork, text, step).perplexity for text in texts)
        likely = None if probe is None else answer_probability(fork, *probe)
        del fork  # before the next one is made
        yield WalkPoint(there, t, perplexities, likely)


def answer_probability(fork: Fork, prompt: str, answer: str) -> float:
    """Of a whole answer after a prompt, in the chat template where the model has one.

    :raises PlaygroundError: the prompt or the answer is empty or too long.
    """
    tokenizer = fork.base.tokenizer
    before = prompt_ids(fork.base, chat_prompt(fork, prompt), MOST_ANSWER)
    after = token_ids(tokenizer, answer if tokenizer.chat_template else f" {answer}")
    if not 0 < len(after) <= MOST_ANSWER:
        raise MergeError(
            "The answer to look for has {count} tokens: give 1 to {limit}.", count=len(after), limit=MOST_ANSWER
        )
    line = Line((*before, *after)[:-1], 0, 0, tuple(after))
    return likelihoods(fork, [line])[0].probability
