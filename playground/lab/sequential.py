"""Facts one after another: how many one model can be taught before it forgets or breaks.

Each is an edit of its own, on top of what those before it left, as in the sequential editing of
Gupta et al. 2024 and Fang et al. 2025.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from playground.engine.build import build, extended
from playground.engine.decoding.continuation import Likelihood, continuation
from playground.engine.edit import Edit
from playground.engine.facts.facts import MAX_PROMPT, MAX_SUBJECT, MAX_TARGET
from playground.engine.fork import Fork
from playground.engine.fork.structure import mlp_outputs
from playground.engine.recipe import Recipe, parse_edit
from playground.engine.work import QUIET, Stopped, Work
from playground.errors import Message, PlaygroundError
from playground.lab.collateral import readings
from playground.lab.known_facts import known_facts
from playground.lab.table import general

MOST_FACTS = 30
METHODS = ("rome", "memit", "alphaedit", "ft")

SWAPS = Path(__file__).resolve().parents[2] / "assets" / "lab" / "swaps.json"


@dataclass(frozen=True)
class NewFact:
    """A fact to be taught in the place of another.

    :param target: continues the prompt, with the space before it.
    :param old: the answer that it replaces; "" where none is known.
    """

    subject: str
    prompt: str
    target: str
    old: str = ""


@dataclass(frozen=True, kw_only=True)
class SequencePoint:
    """A model after some facts.

    :param count: facts so far, those that could not be taught among them.
    :param efficacy: share of all facts so far whose target is likelier than the old answer or,
        where none is known, is what decoding without chance writes.
    :param probability: mean over these facts of their targets', each the geometric mean over the
        target's tokens.
    :param perplexity_ratio: on general text, to the model before.
    :param seconds: of teaching the newest fact, or all of them together; 0 if that failed.
    :param failed: why the newest could not be taught; "" if it was.
    :param written: share of all facts so far whose target is what decoding without chance writes.
    """

    count: int
    efficacy: float
    probability: float
    perplexity_ratio: float
    seconds: float
    failed: str | Message = ""
    written: float = 0.0


def in_sequence(
    recipe: Recipe, method: str, facts: Sequence[NewFact], seed: int = 0, work: Work = QUIET
) -> Iterator[SequencePoint]:
    """Teach facts one after another, and measure after each.

    A fact that is refused is left out, and the others go on. The variants are the caller's alone:
    neither they nor what was computed of them fills the common cache.

    :raises PlaygroundError: the method is unknown, there are no facts or too many.
    :raises Stopped: nobody waits for it any more.
    """
    _check(method, facts)
    fork, usual = build(recipe, work).fork, 0.0
    first: int | None = None
    for done in range(len(facts)):
        what = Message("Facts in a row: {done} of {of}…", {"done": done + 1, "of": len(facts)})
        part = work.part(done, len(facts), what)
        usual = usual or general(fork, part)
        failed: str | Message = ""
        start = time.perf_counter()
        try:
            edit = _edit(method, facts[done : done + 1], seed)
            fork, first = _taught(fork, edit, recipe.id, first, part)
        except Stopped:
            raise
        except PlaygroundError as error:
            failed = error.message
        seconds = 0.0 if failed else time.perf_counter() - start
        yield _point(fork, facts[: done + 1], usual, seconds, failed, part)


@torch.no_grad()
def _taught(fork: Fork, edit: Edit, start: str, first: int | None, work: Work) -> tuple[Fork, int]:
    """One more edit on a fresh clone, and the first layer that any edit has changed.

    Statistics are kept of the variant that the row starts from alone: those of the others would
    drive what other visitors need out of the cache.

    :param start: id of the recipe that the row starts from.
    :param first: layer whose MLP was changed before; None for none.
    """
    new = fork.clone()
    new.origin, new.trail = (start, ()) if first is None else (None, ((start, first),))
    changes = edit.apply(new, work)
    new.settle()
    new.origin, new.trail = None, ()
    layers = {matrix.name: layer for layer, matrix in mlp_outputs(new).items()}
    changed = [layers[change.name] for change in changes]
    return new, min(changed if first is None else [first, *changed])


def together(recipe: Recipe, method: str, facts: Sequence[NewFact], seed: int = 0, work: Work = QUIET) -> SequencePoint:
    """Teach facts in one edit, and measure.

    What the model says already is left out of the edit, as it is in a row. If the edit is refused,
    the figures are the model's before.

    :raises PlaygroundError: the method is unknown, there are no facts or too many.
    :raises Stopped: nobody waits for it any more.
    """
    _check(method, facts)
    built = build(recipe, work)
    usual = general(built.fork, work)
    now = readings(built.fork, [(fact.prompt, fact.target) for fact in facts], work)
    new = [fact for fact, reading in zip(facts, now, strict=True) if not reading.right]
    fork, seconds = built.fork, 0.0
    failed: str | Message = ""
    try:
        taught = extended(built, _edit(method, new or facts, seed), work)
        fork, seconds = taught.fork, taught.receipts[-1].seconds
    except Stopped:
        raise
    except PlaygroundError as error:
        failed = error.message
    return _point(fork, facts, usual, seconds, failed, work)


def _check(method: str, facts: Sequence[NewFact]) -> None:
    if method not in METHODS:
        raise PlaygroundError(
            "The method {method} is unknown. Choose from: {known}.", method=str(method)[:40], known=", ".join(METHODS)
        )
    _check_count(len(facts))


def _check_count(count: int) -> None:
    if not 1 <= count <= MOST_FACTS:
        raise PlaygroundError(
            "{count} facts cannot be taught in a row: give 1 to {limit}.", count=count, limit=MOST_FACTS
        )


def _edit(method: str, facts: Sequence[NewFact], seed: int) -> Edit:
    data = [{"subject": fact.subject, "prompt": fact.prompt, "target": fact.target} for fact in facts]
    return parse_edit({"kind": "edit_fact", "method": method, "facts": data, "seed": seed})


def _point(
    fork: Fork, facts: Sequence[NewFact], usual: float, seconds: float, failed: str | Message, work: Work
) -> SequencePoint:
    """Ask about all facts so far.

    :param usual: perplexity of general text before.
    """
    pairs = [(fact.prompt, answer) for fact in facts for answer in (fact.target, fact.old) if answer]
    answers = iter(readings(fork, pairs, work))
    targets, good = list[Likelihood](), 0
    for fact in facts:
        targets.append(target := next(answers))
        good += target.per_token > next(answers).per_token if fact.old else target.right
    return SequencePoint(
        count=len(facts),
        efficacy=good / len(facts),
        probability=statistics.fmean(target.per_token for target in targets),
        perplexity_ratio=general(fork, work) / usual,
        seconds=seconds,
        failed=failed,
        written=sum(target.right for target in targets) / len(facts),
    )


@cache
def swaps() -> dict[str, list[str]]:
    """Answers of one kind, by topic: each reads sensibly in the place of another; [] is all."""
    table: dict[str, list[str]] = json.loads(SWAPS.read_text("utf-8"))
    return table


def swapped_facts(seed: int, count: int = MOST_FACTS) -> tuple[NewFact, ...]:
    """Facts that the base model knows, each with the answer of another one of its topic.

    The topics take turns, and no subject comes twice. A smaller count gives the first of them.

    :raises PlaygroundError: none are asked for, or too many.
    """
    _check_count(count)
    chance = random.Random(seed)
    turns = [_swapped(topic, chance) for topic in swaps()]
    facts: dict[str, NewFact] = {}  # by subject
    while turns and len(facts) < count:
        turn = turns.pop(0)
        fact = next((fact for fact in turn if fact.subject.casefold() not in facts), None)
        if fact is not None:
            facts[fact.subject.casefold()] = fact
            turns.append(turn)
    return tuple(facts.values())


def _swapped(topic: str, chance: random.Random) -> Iterator[NewFact]:
    """A topic's facts in any order, each with another's answer that its prompt does not name."""
    kind = swaps()[topic]
    own = [fact for fact in known_facts() if fact.topic == topic and (not kind or fact.target.strip() in kind)]
    for fact in chance.sample(own, len(own)):
        prompt = fact.prompt.casefold()
        targets = {other.target for other in own if other.target.strip().casefold() not in prompt}
        if answers := sorted(targets - {fact.target}):
            yield NewFact(fact.subject, fact.prompt, chance.choice(answers), fact.target)


def parse_facts(text: str) -> tuple[NewFact, ...]:
    """A visitor's own facts, one on a line: subject | prompt | new answer | old answer.

    The old answer may be left out. Empty lines are skipped.

    :raises PlaygroundError: a line is wrong, which is named, counted from 1; there are none or
        too many.
    """
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    _check_count(len(lines))
    facts: dict[str, tuple[int, NewFact]] = {}  # by prompt, with its line
    for number, line in lines:
        fact = _parsed(number, line)
        first, _ = facts.setdefault(fact.prompt, (number, fact))
        if first != number:
            raise PlaygroundError(
                "Lines {first} and {second} have the same prompt, {prompt!r}. Keep one of them.",
                first=first,
                second=number,
                prompt=fact.prompt[:100],
            )
    return tuple(fact for _, fact in facts.values())


def _parsed(number: int, line: str) -> NewFact:
    parts = [part.strip() for part in line.split("|")]
    if len(parts) not in (3, 4) or not all(parts[:3]):
        raise PlaygroundError(
            "Line {line}: write subject | prompt | new answer, and | old answer if you know it.", line=number
        )
    subject, prompt, target, old = [*parts, ""][:4]
    _check_line(number, subject, prompt, target, old)
    return NewFact(subject, prompt, continuation(prompt, target), continuation(prompt, old))


def _check_line(number: int, subject: str, prompt: str, target: str, old: str) -> None:
    longest = MAX_TARGET - 1  # a space may come before it
    limits = (subject, MAX_SUBJECT), (prompt, MAX_PROMPT), (target, longest), (old, longest)
    if any(len(part) > most for part, most in limits):
        raise PlaygroundError(
            "Line {line} is too long: a subject has at most {subject} characters, a prompt "
            "{prompt}, an answer {answer}.",
            line=number,
            subject=MAX_SUBJECT,
            prompt=MAX_PROMPT,
            answer=longest,
        )
    if subject not in prompt:
        raise PlaygroundError(
            "Line {line}: the subject {subject!r} is not in the prompt {prompt!r}. Write it letter "
            "for letter as it stands there.",
            line=number,
            subject=subject[:60],
            prompt=prompt[:100],
        )
    if target == old:
        raise PlaygroundError(
            "Line {line}: the new answer and the old one are both {answer!r}. Change one of them.",
            line=number,
            answer=old[:60],
        )
