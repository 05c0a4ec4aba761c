"""A card a way: what it answers, in four ways to ask, whether that is right, what it cost, and what else changed.

Answers of a way are decoded in one batch. All ways answer before any is asked other facts, so that the quick ones
are seen at once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from playground.ask.judging import says_right
from playground.ask.phrasings import phrasings
from playground.ask.question import Asked
from playground.ask.ways import ASK_WAYS, AskWay, PreparedWay, Put, as_written
from playground.engine.build import build
from playground.engine.decoding.answering import answer_texts, answering
from playground.engine.decoding.generate import Row, Sampling, answer_text
from playground.engine.recipe import Recipe, parse
from playground.engine.work import QUIET, Stopped, Work
from playground.errors import Message, PlaygroundError
from playground.lab.collateral import Kept, still_known

log = logging.getLogger(__name__)
MOST_KEPT = 50_000  # characters of a recipe
NEW_TOKENS = 32  # of an answer
CONTINUED = 12  # tokens that follow the beginning of a sentence
SHOWN_STEPS = 4  # tokens between two looks at an answer that grows
USUAL_WAYS = tuple(way.id for way in ASK_WAYS.values() if way.usual)


@dataclass(frozen=True, kw_only=True)
class Wording:
    """One way to ask, and what came of it.

    :param text: the answer, with the first words that were given to the model.
    :param right: None where no right answer is known.
    :param passage: id of the passage in the prompt, "" for none; ``stood`` is its text.
    :param held: whether the right answer stands in it; None without a passage or a right answer.
    :param by_hand: whether the visitor judged it, against what the words said.
    """

    question: str
    text: str
    right: bool | None = None
    passage: str = ""
    stood: str = ""
    held: bool | None = None
    by_hand: bool = False


@dataclass(frozen=True, kw_only=True)
class WayCard:
    """What came of one way.

    :param error: why it could not be tried; the rest is empty then.
    :param wordings: the question as it is first, then the other three.
    :param continued: of an edit: what follows the beginning of the sentence that it was written for.
    :param seconds: of making it; ``answer_seconds`` of its four answers together, 0 while they grow.
    :param bytes: held for it, beside the base.
    :param prompt_tokens: of the question as it is.
    :param kept: of a sample of other facts that the model knew, those that it still says; None until asked.
    :param recipe: that makes the same variant again, as JSON.
    """

    way: str
    error: Message | None = None
    wordings: tuple[Wording, ...] = ()
    continued: str = ""
    seconds: float = 0.0
    answer_seconds: float = 0.0
    bytes: int = 0
    prompt_tokens: int = 0
    kept: Kept | None = None
    recipe: dict[str, object] | None = None

    @property
    def done(self) -> bool:
        """Whether all its answers are written to their ends."""
        return self.answer_seconds > 0

    @property
    def judged(self) -> bool:
        """Whether its answers were compared with a right one."""
        return any(wording.right is not None for wording in self.wordings)

    @property
    def right(self) -> int:
        """Ways to ask that were answered right."""
        return sum(wording.right is True for wording in self.wordings)

    @property
    def misread(self) -> bool:
        """Whether the right passage stood before the question as it is, and the answer is wrong all the same."""
        return bool(self.wordings) and self.wordings[0].held is True and self.wordings[0].right is False


def try_ways(
    about: Asked, recipe: Recipe, ways: Sequence[str] = USUAL_WAYS, work: Work = QUIET
) -> Iterator[list[WayCard]]:
    """Every way's card as far as it is, quick ways first: again after each answer, and after each look at what else
    changed.

    A way that cannot be tried says why on its card, and the others go on.

    :param recipe: the visitor's own; the ways start from its model, "mine" from all of it.
    :raises Stopped: nobody waits for it any more.
    """
    cards: dict[str, WayCard] = {}
    chosen = [way for way in ASK_WAYS.values() if way.id in ways]
    for group in ([way for way in chosen if not way.slow], [way for way in chosen if way.slow]):
        ready: dict[str, PreparedWay] = {}
        for way in group:
            part = work.part(len(cards), len(chosen), Message("{way} answers…", {"way": way.id}))
            for card in _tried(way, about, recipe, ready, part):
                cards[way.id] = card
                yield list(cards.values())
        for name, made in ready.items():
            if name != "base":
                cards[name] = _with_kept(cards[name], made, work)
                yield list(cards.values())


def _tried(way: AskWay, about: Asked, recipe: Recipe, ready: dict[str, PreparedWay], work: Work) -> Iterator[WayCard]:
    """A way's card while its answers grow; notes in ``ready`` what can be asked other facts."""
    try:
        made = way.prepare(about, recipe, work)
        yield from _answered(way.id, about, made, work)
        ready[way.id] = made
    except Exception as error:
        yield _failed(way.id, error)


def _with_kept(card: WayCard, made: PreparedWay, work: Work) -> WayCard:
    """A card with what else changed; where that cannot be asked, the way cannot be judged."""
    try:
        return replace(card, kept=_kept(made, work))
    except Exception as error:
        return _failed(card.way, error)


def _failed(way: str, error: Exception) -> WayCard:
    """The card of a way that cannot be tried.

    :raises Stopped: that was why.
    """
    if isinstance(error, Stopped):
        raise error
    if isinstance(error, PlaygroundError):
        return WayCard(way=way, error=error.message)
    log.error("A way failed: %s", way, exc_info=error)
    return WayCard(way=way, error=Message("Something went wrong on our side in this way."))


def after_change(cards: Sequence[WayCard], about: Asked, work: Work = QUIET) -> Iterator[list[WayCard]]:
    """The ways that were tried, asked on the day on which the answer is another one: what stands in the prompt is
    read anew, weights are as they were written.

    :param cards: of the day before.
    :param about: with the new text and the new answer.
    :raises Stopped: nobody waits for it any more.
    """
    then: dict[str, WayCard] = {}
    tried = [card for card in cards if card.wordings and card.recipe and card.way != "base"]
    for done, card in enumerate(tried):
        part = work.part(done, len(tried), Message("{way} answers…", {"way": card.way}))
        recipe, row = parse(card.recipe), ASK_WAYS[card.way]
        way = replace(row, prepare=as_written) if row.writes else row
        for then[card.way] in _tried(way, about, recipe, {}, part):
            if then[card.way].done:
                yield list(then.values())


def _kept(made: PreparedWay, work: Work) -> Kept:
    base = build(Recipe(model=made.recipe.model), work).fork
    return still_known(made.fork, base, made.before, work)


def _recipe_json(made: PreparedWay) -> dict[str, object] | None:
    """The recipe, if it makes the same variant again and is small enough to be kept by a browser."""
    data = made.recipe.model_dump(mode="json")
    return data if made.lasting and len(made.recipe.json_text()) <= MOST_KEPT else None


def _answered(name: str, about: Asked, made: PreparedWay, work: Work) -> Iterator[WayCard]:
    """A way's card while its answers grow."""
    questions = phrasings(about.question.strip())
    puts = [made.put(question) for question in questions]
    tokens = len(made.fork.base.tokenizer(puts[0].prompt, add_special_tokens=False)["input_ids"])
    card = WayCard(way=name, seconds=made.seconds, bytes=made.bytes, prompt_tokens=tokens, recipe=_recipe_json(made))
    prompts = [put.prompt for put in puts]
    for step, rows in enumerate(answering(made.fork, prompts, Sampling(NEW_TOKENS), work.stopped)):
        done = all(row.done for row in rows)
        if done or (step > len(rows) and step % SHOWN_STEPS == 0):
            wordings = [
                _wording(about, *one, done) for one in zip(questions, puts, _texts(made, puts, rows), strict=True)
            ]
            seconds = max(row.seconds for row in rows) if done else 0.0
            card = replace(card, wordings=tuple(wordings), answer_seconds=seconds)
            if not done:
                yield card
    work.check()
    yield replace(card, continued=_continued(made, about)) if ASK_WAYS[name].edits else card


def _texts(made: PreparedWay, puts: Sequence[Put], rows: Sequence[Row]) -> list[str]:
    """The answers so far, each with the first words that it was given."""
    written = (answer_text(made.fork.base, row) for row in rows)
    return [f"{put.shown} {text}".strip() for put, text in zip(puts, written, strict=True)]


def _wording(about: Asked, question: str, put: Put, text: str, done: bool) -> Wording:
    stood = put.hits[0].passage if put.hits else None
    right = about.answer.strip()
    return Wording(
        question=question,
        text=text,
        right=says_right(right, text) if right and done else None,
        passage=stood.id if stood else "",
        stood=stood.prompted if stood else "",
        held=says_right(right, stood.prompted) if right and stood else None,
    )


def _continued(made: PreparedWay, about: Asked) -> str:
    """What follows the beginning of the sentence that an edit was written for."""
    [text] = answer_texts(made.fork, [about.statement().prompt], CONTINUED)
    return text
