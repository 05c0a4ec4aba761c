"""Whether facts can be taught to a model, and whether they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from playground.engine.facts.facts import Fact
from playground.engine.facts.lines import check_lengths, fact_line
from playground.engine.facts.score import ROWS_AT_ONCE, line_logits
from playground.engine.fork import Fork
from playground.errors import Message, RecipeError

LEARNED = 0.5  # the least probability of a target that counts as learned
NAMED = 5  # facts that were not learned and are named in a warning of their own


@dataclass(frozen=True)
class Answer:
    """How a model takes a fact's bare prompt.

    :param probability: of the whole target.
    :param greedy: whether decoding without chance writes it.
    """

    probability: float
    greedy: bool


@torch.inference_mode()
def answers(fork: Fork, facts: Sequence[Fact]) -> list[Answer]:
    """What follows each fact's prompt, without any prefix."""
    lines = [fact_line(fork.base, "", fact) for fact in facts]
    found: list[Answer] = []
    for start in range(0, len(lines), ROWS_AT_ONCE):
        part = lines[start : start + ROWS_AT_ONCE]
        for one, logits in zip(part, line_logits(fork, part), strict=True):
            goal = torch.tensor(one.target)
            mine = logits[: len(goal)]
            likely = mine.log_softmax(-1)[torch.arange(len(goal)), goal].sum().exp()
            found.append(Answer(float(likely), bool((mine.argmax(-1) == goal).all())))
    return found


def refuse(fork: Fork, facts: Sequence[Fact]) -> None:
    """Refuse facts that are too long for the model, or that it knows already.

    :raises RecipeError: naming the fact, counted from 1.
    """
    check_lengths(fork, facts)
    for number, (fact, now) in enumerate(zip(facts, answers(fork, facts), strict=True), 1):
        if now.greedy:
            raise RecipeError(
                "Fact {number}: the model continues {prompt!r} with {target!r} already "
                "(probability {probability:.0%}): there is nothing to do. Remove this fact.",
                number=number,
                prompt=fact.prompt[:100],
                target=fact.target[:60],
                probability=now.probability,
            )


def warnings(fork: Fork, facts: Sequence[Fact]) -> list[Message]:
    """Which facts were not learned, and how likely their targets are now."""
    numbered = enumerate(zip(facts, answers(fork, facts), strict=True), 1)
    failed = [
        (number, fact, now.probability)
        for number, (fact, now) in numbered
        if now.probability < LEARNED or not now.greedy
    ]
    named = [
        Message(
            "Fact {number} was not learned: after this edit {target!r} follows its prompt with a "
            "probability of {probability:.1%}. Try more steps, a larger clamp, another layer or "
            "fewer facts.",
            {"number": number, "target": fact.target[:60], "probability": probability},
        )
        for number, fact, probability in failed[:NAMED]
    ]
    if len(failed) > NAMED:
        named.append(
            Message(
                "{count} of {of} facts were not learned; the first {named} of them are named.",
                {"count": len(failed), "of": len(facts), "named": NAMED},
            )
        )
    return named
