"""What else an edit changed: facts that the model knew before, asked again.

A fact is said if every token of its target is the likeliest one after those before it, which is
what decoding without chance writes.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from playground.engine.facts.facts import continuation
from playground.engine.facts.lines import Line, target_line
from playground.engine.facts.score import ROWS_AT_ONCE, line_logits
from playground.engine.facts.values import fact_losses
from playground.engine.fork import Fork
from playground.engine.work import QUIET, Work
from playground.errors import Message
from playground.lab.known import KnownFact, known_facts

OF_A_TOPIC = 3  # facts in the sample


@dataclass(frozen=True)
class Reading:
    """How a model takes a prompt and its answer.

    :param probability: of the answer, the geometric mean over its tokens; 0 where the model's
        numbers are none.
    :param right: whether decoding without chance writes the answer.
    :param says: the first tokens of what it writes instead, up to the first that is another one:
        what would follow that was not computed. The answer where it is right.
    """

    probability: float
    right: bool
    says: str


@dataclass(frozen=True)
class Kept:
    """Of the facts that were known before, those still said."""

    right: int
    of: int


@dataclass(frozen=True)
class Change:
    """One fact that was known before.

    :param before: probability of the target, the geometric mean over its tokens; ``after`` too.
    :param right: whether it is still said.
    :param says: as of a ``Reading``, after the edit.
    """

    fact: KnownFact
    before: float
    after: float
    right: bool
    says: str


@dataclass(frozen=True)
class Topic:
    """The facts of one topic that were known before.

    :param before: mean probability of the targets; ``after`` too.
    """

    name: str
    of: int
    right: int
    before: float
    after: float


@dataclass(frozen=True)
class Collateral:
    """All facts, asked again.

    :param asked: facts that the model before gets right; the others say nothing about an edit.
    :param changes: lost facts first, then by how much less likely the target became.
    :param topics: in the file's order, those with facts that were asked.
    """

    asked: int
    changes: tuple[Change, ...]
    topics: tuple[Topic, ...]

    @property
    def kept(self) -> Kept:
        """Over all topics."""
        return Kept(sum(change.right for change in self.changes), self.asked)


def sample() -> tuple[KnownFact, ...]:
    """Three facts of each topic, evenly spread over it; always the same."""
    found: list[KnownFact] = []
    for facts in _by_topic(known_facts()).values():
        count = min(OF_A_TOPIC, len(facts))
        found += [facts[(2 * n + 1) * len(facts) // (2 * count)] for n in range(count)]
    return tuple(found)


def collateral(fork: Fork, base: Fork, work: Work = QUIET) -> Collateral:
    """Ask a variant all facts that the model before gets right.

    :param base: the model before; asked once, and its answers kept as long as it is.
    :raises Stopped: nobody waits for it any more.
    """
    facts = known_facts()
    old, new = _bare(base, facts, work), _bare(fork, facts, work)
    changes = [
        Change(fact, before.probability, after.probability, after.right, after.says)
        for fact, before, after in zip(facts, old, new, strict=True)
        if before.right
    ]
    by_topic: dict[str, list[Change]] = {}
    for change in changes:
        by_topic.setdefault(change.fact.topic, []).append(change)
    topics = tuple(_topic(name, own) for name, own in by_topic.items())
    changes.sort(key=lambda change: (change.right, change.after / change.before))
    return Collateral(len(changes), tuple(changes), topics)


def _topic(name: str, changes: Sequence[Change]) -> Topic:
    return Topic(
        name,
        len(changes),
        sum(change.right for change in changes),
        statistics.fmean(change.before for change in changes),
        statistics.fmean(change.after for change in changes),
    )


def still_known(fork: Fork, base: Fork, before: Callable[[str], str], work: Work = QUIET) -> Kept:
    """Of the sample's facts that the model before gets right as bare prompts, those still said.

    :param before: gives the text that stands ahead of a prompt; "" for none.
    :raises Stopped: nobody waits for it any more.
    """
    facts = sample()
    old = _bare(base, facts, work)
    known = [fact for fact, reading in zip(facts, old, strict=True) if reading.right]
    ahead = [before(fact.prompt) for fact in known]
    if any(ahead):
        pairs = [(text + f.prompt, f.target) for text, f in zip(ahead, known, strict=True)]
        right = sum(reading.right for reading in readings(fork, pairs, work))
    else:
        new = _bare(fork, facts, work)
        right = sum(a.right and b.right for a, b in zip(old, new, strict=True))
    return Kept(right, len(known))


_read: WeakKeyDictionary[Fork, dict[tuple[KnownFact, ...], list[Reading]]] = WeakKeyDictionary()


def _bare(fork: Fork, facts: tuple[KnownFact, ...], work: Work) -> list[Reading]:
    """Readings of facts without anything ahead, taken once for a variant: none is ever edited.

    The same facts always share the same batches, so an edit of nothing changes no figure.
    """
    found = _read.get(fork, {}).get(facts)
    if found is None:
        pairs = [(fact.prompt, fact.target) for fact in facts]
        found = readings(fork, pairs, work)
        _read.setdefault(fork, {})[facts] = found
    return found


def readings(fork: Fork, pairs: Sequence[tuple[str, str]], work: Work = QUIET) -> list[Reading]:
    """How a model takes prompts with their answers, many at once.

    :param pairs: (prompt, answer); a space is put between where one belongs.
    :raises Stopped: nobody waits for it any more.
    """
    lines = [target_line(fork.base, prompt.rstrip(" "), continuation(prompt, answer)) for prompt, answer in pairs]
    order = sorted(range(len(lines)), key=lambda n: len(lines[n].ids))  # little to fill up
    found: dict[int, Reading] = {}
    for start in range(0, len(order), ROWS_AT_ONCE):
        what = Message("Facts asked again: {done} of {of}…", {"done": start, "of": len(order)})
        work.step(start, len(order), what)
        part = order[start : start + ROWS_AT_ONCE]
        found |= zip(part, _batch(fork, [lines[n] for n in part]), strict=True)
    return [found[n] for n in range(len(lines))]


def _batch(fork: Fork, lines: Sequence[Line]) -> list[Reading]:
    logits = line_logits(fork, lines)
    losses = fact_losses(logits, lines).tolist()
    return [
        _reading(fork, line, mine[: len(line.target)].argmax(-1), loss)
        for line, mine, loss in zip(lines, logits, losses, strict=True)
    ]


def _reading(fork: Fork, line: Line, chosen: Tensor, loss: float) -> Reading:
    """From the likeliest tokens at the target's places, (targets,), and its loss in nats."""
    wrong = (chosen != torch.tensor(line.target)).nonzero()
    end = len(chosen) if not len(wrong) else int(wrong[0]) + 1
    probability = 0.0 if math.isnan(loss) else math.exp(-loss)
    says = str(fork.base.tokenizer.decode(chosen[:end]))
    return Reading(probability, not len(wrong), says)


def _by_topic(facts: Sequence[KnownFact]) -> dict[str, list[KnownFact]]:
    found: dict[str, list[KnownFact]] = {}
    for fact in facts:
        found.setdefault(fact.topic, []).append(fact)
    return found
