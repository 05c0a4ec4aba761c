"""What else an edit changed: facts that the model knew before, asked again.

A fact is said if every token of its target is the likeliest one after those before it, which is
what decoding without chance writes.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from playground.engine.decoding.continuation import Likelihood, answer_lines, likelihoods
from playground.engine.fork import Fork
from playground.engine.work import QUIET, Work
from playground.errors import Message
from playground.lab.known_facts import KnownFact, known_facts

OF_A_TOPIC = 3  # facts in the sample


@dataclass(frozen=True)
class Kept:
    """Of the facts that were known before, those still said."""

    right: int
    of: int


@dataclass(frozen=True, kw_only=True)
class ChangedFact:
    """One fact that was known before.

    :param before: probability of the target, the geometric mean over its tokens; ``after`` too.
    :param right: whether it is still said.
    :param says: what decoding without chance writes after the edit, up to the first token that
        is not the target's.
    """

    fact: KnownFact
    before: float
    after: float
    right: bool
    says: str


@dataclass(frozen=True, kw_only=True)
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
    changes: tuple[ChangedFact, ...]
    topics: tuple[Topic, ...]

    @property
    def kept(self) -> Kept:
        """Over all topics."""
        return Kept(sum(change.right for change in self.changes), self.asked)


def sample() -> tuple[KnownFact, ...]:
    """Three facts of each topic, evenly spread over it; always the same."""
    chosen: list[KnownFact] = []
    for facts in _by_topic(known_facts()).values():
        count = min(OF_A_TOPIC, len(facts))
        chosen += [facts[(2 * n + 1) * len(facts) // (2 * count)] for n in range(count)]
    return tuple(chosen)


def collateral(fork: Fork, base: Fork, work: Work = QUIET) -> Collateral:
    """Ask a variant all facts that the model before gets right.

    :param base: the model before; asked once, and its answers kept as long as it is.
    :raises Stopped: nobody waits for it any more.
    """
    facts = known_facts()
    old, new = _bare(base, facts, work), _bare(fork, facts, work)
    changes = [
        ChangedFact(
            fact=fact,
            before=before.per_token,
            after=after.per_token,
            right=after.right,
            says=str(fork.base.tokenizer.decode(list(after.greedy))),
        )
        for fact, before, after in zip(facts, old, new, strict=True)
        if before.right
    ]
    by_topic: dict[str, list[ChangedFact]] = {}
    for change in changes:
        by_topic.setdefault(change.fact.topic, []).append(change)
    topics = tuple(_topic(name, own) for name, own in by_topic.items())
    changes.sort(key=lambda change: (change.right, change.after / change.before))
    return Collateral(len(changes), tuple(changes), topics)


def _topic(name: str, changes: Sequence[ChangedFact]) -> Topic:
    return Topic(
        name=name,
        of=len(changes),
        right=sum(change.right for change in changes),
        before=statistics.fmean(change.before for change in changes),
        after=statistics.fmean(change.after for change in changes),
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


_read: WeakKeyDictionary[Fork, dict[tuple[KnownFact, ...], list[Likelihood]]] = WeakKeyDictionary()


def _bare(fork: Fork, facts: tuple[KnownFact, ...], work: Work) -> list[Likelihood]:
    """Readings of facts without anything ahead, taken once for a variant: none is ever edited.

    The same facts always share the same batches, so an edit of nothing changes no figure.
    """
    known = _read.get(fork, {}).get(facts)
    if known is None:
        pairs = [(fact.prompt, fact.target) for fact in facts]
        known = readings(fork, pairs, work)
        _read.setdefault(fork, {})[facts] = known
    return known


def readings(fork: Fork, pairs: Sequence[tuple[str, str]], work: Work = QUIET) -> list[Likelihood]:
    """How a model takes prompts with their answers, many at once.

    :raises Stopped: nobody waits for it any more.
    """
    return likelihoods(fork, answer_lines(fork.base, pairs), work, _asking_again)


def _asking_again(done: int, of: int) -> Message:
    return Message("Facts asked again: {done} of {of}…", {"done": done, "of": of})


def _by_topic(facts: Sequence[KnownFact]) -> dict[str, list[KnownFact]]:
    topics: dict[str, list[KnownFact]] = {}
    for fact in facts:
        topics.setdefault(fact.topic, []).append(fact)
    return topics
