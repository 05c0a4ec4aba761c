"""What was asked and the cards that came of it, as JSON that a browser keeps."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from playground.ask.cards import WayCard
from playground.ask.phrasings import WAYS_TO_ASK
from playground.ask.question import Asked
from playground.ask.ways import ASK_WAYS
from playground.checked import from_browser
from playground.errors import Message, PlaygroundError
from playground.lab.collateral import sample

SHIPPED = Path(__file__).resolve().parents[2] / "assets" / "ask" / "example.json"  # python -m assets.ask.make
MAX_CHARACTERS = 400_000
MOST = 1e15  # of seconds and bytes


@dataclass(frozen=True, kw_only=True)
class AskSheet:
    """A question and its cards.

    :param model: that the ways start from.
    :param ways: that were or are being tried, in their order.
    :param then: the cards of the day on which the answer is another one, and what it is then.
    """

    about: Asked
    model: str
    ways: tuple[str, ...]
    cards: tuple[WayCard, ...] = ()
    then: tuple[WayCard, ...] = ()
    new: str = ""

    @property
    def done(self) -> bool:
        """Whether every way was tried, and asked what else changed."""
        tried = {card.way for card in self.cards if card.error or card.kept or card.way == "base"}
        return set(self.ways) <= tried

    def with_cards(self, cards: Sequence[WayCard], tell: Callable[[Message], str]) -> AskSheet:
        """With these cards in the place of those of the same ways, errors as texts.

        :param tell: says a message to the visitor.
        """
        own = {card.way: card for card in self.cards}
        own |= {card.way: _told(card, tell) for card in cards}
        return replace(self, cards=tuple(own[way] for way in ASK_WAYS if way in own))

    def overruled(self, way: str, place: int) -> AskSheet:
        """With one answer of a way judged the other way round, as the visitor sees it.

        :raises PlaygroundError: there is no such answer, or nothing to judge it by.
        """
        card = next((card for card in self.cards if card.way == way), None)
        if card is None or not 0 <= place < len(card.wordings) or card.wordings[place].right is None:
            raise PlaygroundError("This answer is no longer there. Ask again.")
        wordings = list(card.wordings)
        old = wordings[place]
        wordings[place] = replace(old, right=not old.right, by_hand=not old.by_hand)
        card = replace(card, wordings=tuple(wordings))
        return replace(self, cards=tuple(card if card.way == own.way else own for own in self.cards))

    def with_then(self, cards: Sequence[WayCard], tell: Callable[[Message], str]) -> AskSheet:
        """With these cards of the day on which the answer is another one."""
        return replace(self, then=tuple(_told(card, tell) for card in cards))


def _told(card: WayCard, tell: Callable[[Message], str]) -> WayCard:
    return replace(card, error=Message("{text}", {"text": tell(card.error)})) if card.error else card


_SHEET = TypeAdapter(AskSheet)


def ask_sheet_to_json(sheet: AskSheet) -> dict[str, Any]:
    """A sheet as plain JSON."""
    data: dict[str, Any] = _SHEET.dump_python(sheet, mode="json")
    return data


@cache
def example_sheet() -> AskSheet:
    """The first example as it came out once, measured."""
    return ask_sheet_from_json(json.loads(SHIPPED.read_text("utf-8")))


def ask_sheet_from_json(data: Any) -> AskSheet:
    """The sheet that a browser kept.

    :raises PlaygroundError: it came back damaged.
    """
    try:
        sheet = from_browser(_SHEET, data, MAX_CHARACTERS)
        once = all(_each_once(ways) for ways in (sheet.ways, _ways(sheet.cards), _ways(sheet.then)))
        if not (once and all(map(_sound, (*sheet.cards, *sheet.then)))):
            raise ValueError
    except ValueError as error:
        raise PlaygroundError("What your browser kept of your question cannot be read. Ask it again.") from error
    return sheet


def _ways(cards: Sequence[WayCard]) -> tuple[str, ...]:
    return tuple(card.way for card in cards)


def _each_once(ways: Sequence[str]) -> bool:
    return set(ways) <= set(ASK_WAYS) and len(set(ways)) == len(ways)


def _sound(card: WayCard) -> bool:
    """Whether a card's figures are such as a run gives."""
    figures = (card.seconds, card.answer_seconds, card.bytes, card.prompt_tokens)
    return (
        len(card.wordings) in (0, WAYS_TO_ASK)
        and all(0 <= figure <= MOST for figure in figures)  # not of one that is no number
        and (card.kept is None or 0 <= card.kept.right <= card.kept.of <= len(sample()))
        and (card.error is None or (card.error.template == "{text}" and "text" in card.error.values))
    )
