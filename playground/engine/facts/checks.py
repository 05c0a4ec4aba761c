"""Whether facts can be taught to a model, and whether they were."""

from __future__ import annotations

import math
from collections.abc import Sequence

from playground.engine.decoding.continuation import Likelihood, Line, likelihoods
from playground.engine.facts.facts import Fact
from playground.engine.facts.lines import WORDS, check_lengths, fact_line, plain_line, sinks
from playground.engine.fork import Fork
from playground.engine.measuring import measure
from playground.errors import Message, RecipeError

LEARNED = 0.5  # the least probability of a target that counts as learned
NAMED = 5  # facts that were not learned and are named in a warning of their own
# From here on an edit that was not learned does harm: as multiples of the perplexity of general
# text before, less where a matrix changed by more than half of its norm. An edit that is learned
# changes 2 to 30 % of it, and perplexity by 1 %.
MOST_CHANGE, HARDER_THEN, MOST_HARDER = 0.5, 1.02, 1.1
GENERAL_TOKENS = 256


def fact_answers(fork: Fork, facts: Sequence[Fact]) -> list[Likelihood]:
    """What follows each fact's prompt, as ``plain_line`` has it."""
    return likelihoods(fork, [plain_line(fork.base, fact) for fact in facts])


def learned(answer: Likelihood) -> bool:
    """Whether a fact counts as learned."""
    return answer.right and answer.probability >= LEARNED


def refuse(fork: Fork, facts: Sequence[Fact]) -> None:
    """Refuse facts that are too long for the model, or that it knows already.

    :raises RecipeError: naming the fact, counted from 1.
    """
    check_lengths(fork, facts)
    for number, (fact, now) in enumerate(zip(facts, fact_answers(fork, facts), strict=True), 1):
        if now.right:
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
    numbered = enumerate(zip(facts, fact_answers(fork, facts), strict=True), 1)
    failed = [(number, fact, now.probability) for number, (fact, now) in numbered if not learned(now)]
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
    return [*named, *first_tokens(fork, facts)]


def first_tokens(fork: Fork, facts: Sequence[Fact]) -> list[Message]:
    """Which facts were written for texts with words before them alone."""
    first = [fact for fact in facts if sinks(fact_line(fork.base, "", fact))]
    return [
        Message(
            "{subject!r} is the first token of its prompt, where this model reads no word apart, "
            "so the fact is written for texts with words before it, as in “{words}{subject}…”.",
            {"subject": fact.subject[:60], "words": WORDS},
        )
        for fact in first[:NAMED]
    ]


def withdraw(before: Fork, after: Fork, facts: Sequence[Fact], relative: float) -> None:
    """Refuse an edit that taught fewer than half of its facts and does harm.

    :param relative: the change of the matrix that changed most, in its norms.
    :raises RecipeError: naming both.
    """
    count = sum(map(learned, fact_answers(after, facts)))
    if 2 * count >= len(facts):
        return
    ratio = _general(after) / _general(before)
    if ratio <= (HARDER_THEN if relative > MOST_CHANGE else MOST_HARDER):
        return
    raise RecipeError(
        "Withdrawn: {learned} of {count} facts were learned, and for that a matrix would change by "
        "{relative:.0%} of itself and perplexity of general text become × {ratio:.2f}. Try a "
        "smaller clamp, another layer, or other words around the subject.",
        learned=count,
        count=len(facts),
        relative=relative,
        ratio=ratio,
    )


def _general(fork: Fork) -> float:
    """Perplexity of the start of the shipped text."""
    tokenizer = fork.base.tokenizer
    ids = tokenizer(measure.shipped_text(), add_special_tokens=False)["input_ids"]
    ids = tuple(ids[:GENERAL_TOKENS])
    return math.exp(likelihoods(fork, [Line(ids[:-1], 0, 0, ids[1:])])[0].loss)
