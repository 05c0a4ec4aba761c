"""One sentence to choose by, what speaks against it, and what would turn it: from the cards and the needs.

The cheapest way that passes is the right one: of ways that answer as well and disturb as little, the one that asks
least is chosen. What four wordings and a sample of other facts cannot tell apart is not told apart.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from math import comb

from playground.ask.cards import WayCard
from playground.ask.phrasings import WAYS_TO_ASK
from playground.ask.question import ASK_NEEDS, AskNeed
from playground.ask.ways import ASK_WAYS

PASSES = 3  # wordings of four that must be right
CHANCE = 0.05  # below it a difference is no chance
MOST_FLIPS = 2


@dataclass(frozen=True)
class Remark:
    """A text of the page, ``ask_<key>``, and what fills it: ids of ways and needs, numbers."""

    key: str
    values: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AskVerdict:
    """What to do, and why.

    :param best: the way to choose; None where nothing can be recommended.
    :param why: the sentence.
    :param against: what speaks against the best.
    :param flips: what would make another the best.
    """

    best: str | None
    why: Remark
    against: tuple[Remark, ...] = ()
    flips: tuple[Remark, ...] = ()


def ask_verdict(cards: Sequence[WayCard], needs: Collection[AskNeed], texts: bool) -> AskVerdict:
    """What the cards so far say.

    :param texts: whether there are a text or documents where the answer stands.
    """
    base = next((card for card in cards if card.way == "base" and card.done), None)
    if "style" in needs:
        return AskVerdict(best=None, why=Remark("style"))
    if base is None:
        return AskVerdict(best=None, why=Remark("nothing_yet"))
    if not base.judged:
        return AskVerdict(best=None, why=Remark("no_answer_found" if texts else "no_answer"))
    choice = _Choice(cards, needs, texts)
    if choice.best is base:
        return AskVerdict(best="base", why=Remark("known", {"right": base.right}))
    if not choice.best:
        return AskVerdict(best=None, why=choice.nothing(), flips=tuple([*choice.by_needs()][:MOST_FLIPS]))
    flips = tuple([*choice.by_needs(), *choice.by_margin()][:MOST_FLIPS])
    return AskVerdict(best=choice.best.way, why=choice.why(), against=tuple(choice.against(base)), flips=flips)


def ruled_in(way: str, needs: Collection[AskNeed]) -> bool:
    """Whether no need rules a way out.

    To cite: only what stands in the prompt. Many facts: not all of them in every prompt, and not one edit each. A
    bare prompt: nothing that stands in it.
    """
    row = ASK_WAYS[way]
    return not (
        ("cite" in needs and not row.quotable)
        or ("many" in needs and (row.into == "prompt" or row.edits))
        or ("bare" in needs and row.quotable)
    )


@cache
def differ(first: int, second: int) -> bool:
    """Whether two counts of lost facts differ by more than chance: a sign test over those that only one lost,
    taking none as lost by both."""
    of, least = first + second, min(first, second)
    return of > 0 and 2 * sum(comb(of, n) for n in range(least + 1)) / 2**of < CHANCE


class _Choice:
    """The ways that needs leave, and the best of those that pass; the base before all others."""

    def __init__(self, cards: Sequence[WayCard], needs: Collection[AskNeed], texts: bool) -> None:
        self.cards, self.needs, self.texts = cards, frozenset(needs), texts
        self.tried = [card for card in cards if card.judged and card.way != "base"]
        self.left = [card for card in self.tried if ruled_in(card.way, needs)]
        self.passing = [card for card in self.left if card.right >= PASSES]
        self.best = self._best()

    def _best(self) -> WayCard | None:
        """The base if it says so already. Of the others that pass, what none beats; of what is level, the cheapest."""
        base = next((card for card in self.cards if card.way == "base" and card.right >= PASSES), None)
        if base and ruled_in("base", self.needs):
            return base
        able = [card for card in self.passing if ASK_WAYS[card.way].quotable] if "changes" in self.needs else []
        able = able or self.passing  # what has to be written again at each change is the last resort
        most = max((card.right for card in able), default=0)
        level = [card for card in able if card.right == most]
        least = min((_lost(card) for card in level), default=0)
        level = [card for card in level if not differ(_lost(card), least)]
        return min(level, key=self._cost, default=None)

    def _cost(self, card: WayCard) -> tuple[bool, int]:
        """Its place among ways that do as well. Where a text says it, finding it asks for nothing more; without one,
        saying it in the prompt does. After that the rows' order: slow ones last."""
        first = "passages" if self.texts else "prompt"
        return ASK_WAYS[card.way].into != first, list(ASK_WAYS).index(card.way)

    def why(self) -> Remark:
        assert self.best
        way = self.best.way
        values: dict[str, object] = {"way": way, "right": self.best.right, "of": WAYS_TO_ASK}
        others = [card for card in self.tried if card.right >= PASSES and card.way != way]
        if "cite" in self.needs:
            return Remark("because_cite" if ASK_WAYS[way].into == "passages" else "because_cite_said", values)
        if "changes" in self.needs and ASK_WAYS[way].quotable:
            return Remark("because_changes", values)
        if "bare" in self.needs:
            return Remark("because_bare", values)
        if "many" in self.needs:
            return Remark("because_many", values)
        if not others:
            return Remark("because_only", values)
        rival = others[0]
        if rival.right < self.best.right:
            return Remark("because_right", values | {"other": rival.way, "less": rival.right})
        if differ(_lost(rival), _lost(self.best)):
            return Remark("because_calm", values | {"other": rival.way, "lost": _lost(rival), "own": _lost(self.best)})
        return Remark("because_cheap", values | {"other": rival.way})

    def nothing(self) -> Remark:
        """Why nothing can be recommended."""
        out = [card for card in self.tried if card not in self.left and card.right >= PASSES]
        if out:
            best = max(out, key=lambda card: card.right)
            lacks = next(need for need in ASK_NEEDS if need in self.needs and not ruled_in(best.way, {need}))
            return Remark(f"none_for_{lacks}", {"way": best.way, "right": best.right, "of": WAYS_TO_ASK})
        if not self.left:
            return Remark("none_left" if self.tried else "nothing_yet")
        nearest = max(self.left, key=lambda card: (card.right, card.misread))
        if nearest.misread:
            return Remark("none_misread", {"way": nearest.way})
        if nearest.right:
            return Remark("none_sure", {"way": nearest.way, "right": nearest.right, "of": WAYS_TO_ASK})
        return Remark("none_says")

    def against(self, base: WayCard) -> Iterator[Remark]:
        assert self.best
        card, row = self.best, ASK_WAYS[self.best.way]
        if card.right < WAYS_TO_ASK:
            yield Remark("against_wording", {"wrong": WAYS_TO_ASK - card.right, "of": WAYS_TO_ASK})
        if card.kept is not None and _lost(card):
            yield Remark("against_lost", {"lost": _lost(card), "of": card.kept.of})
        if row.quotable:
            yield Remark("against_tokens", {"tokens": max(0, card.prompt_tokens - base.prompt_tokens)})
        else:
            yield Remark("against_source")
        if row.writes and "changes" in self.needs:
            yield Remark("against_again", {"seconds": card.seconds})

    def by_needs(self) -> Iterator[Remark]:
        """One need more or less that makes another way the best."""
        for need in ASK_NEEDS:
            if need == "style":
                continue
            other = _Choice(self.cards, self.needs ^ {need}, self.texts).best
            if other and (self.best is None or other.way != self.best.way):
                key = f"flip_without_{need}" if need in self.needs else f"flip_with_{need}"
                yield Remark(key, {"way": other.way, "right": other.right, "of": WAYS_TO_ASK})

    def by_margin(self) -> Iterator[Remark]:
        """What the next one lacks to be the best."""
        rest = [card for card in self.left if self.best and card.way != self.best.way]
        for rival in sorted(rest, key=lambda card: -card.right):
            for gap in range(1, WAYS_TO_ASK - rival.right + 1):
                if self._wins(_righter(rival, gap)):
                    values = {"way": rival.way, "gap": gap, "right": rival.right, "of": WAYS_TO_ASK}
                    yield Remark("flip_right", values)
                    return
            for gap in range(1, _lost(rival) + 1):
                if self._wins(_calmer(rival, gap)):
                    yield Remark("flip_lost", {"way": rival.way, "gap": gap})
                    return

    def _wins(self, card: WayCard) -> bool:
        """Whether a way would be the best with another card than its own."""
        cards = [card if own.way == card.way else own for own in self.cards]
        return _Choice(cards, self.needs, self.texts).best is card


def _righter(card: WayCard, more: int) -> WayCard:
    """A card with so many more wordings answered right."""
    wrong = [place for place, wording in enumerate(card.wordings) if not wording.right][:more]
    wordings = (replace(wording, right=wording.right or place in wrong) for place, wording in enumerate(card.wordings))
    return replace(card, wordings=tuple(wordings))


def _calmer(card: WayCard, fewer: int) -> WayCard:
    """A card with so many fewer facts lost."""
    assert card.kept
    return replace(card, kept=replace(card.kept, right=card.kept.right + fewer))


def _lost(card: WayCard) -> int:
    return card.kept.of - card.kept.right if card.kept else 0
