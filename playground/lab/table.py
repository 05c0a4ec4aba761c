"""The table: one fact, every way to teach it, side by side."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from typing import Any

from playground.cache import Cache
from playground.engine.build import build
from playground.engine.fork import Fork
from playground.engine.measuring import measure
from playground.engine.recipe import Recipe
from playground.engine.work import QUIET, Stopped, Work
from playground.errors import Message, PlaygroundError
from playground.lab.collateral import Kept, still_known
from playground.lab.evaluation import NEW_TOKENS, KindFigure, Response, figures, responses_to, written_answer
from playground.lab.lesson import Lesson
from playground.lab.ways import WAYS, Room

log = logging.getLogger(__name__)
GENERAL_TOKENS = 1_024  # of the shipped text, for what else changed
MOST_KEPT = 64
MOST_RATIO = 1e9  # of perplexities: a broken model's is no number


@dataclass(frozen=True, kw_only=True)
class WayRow:
    """What one way of teaching did.

    :param error: why it failed; the figures are empty then.
    :param answer: what the model writes after the fact's prompt.
    :param kept: of the fixed sample of other facts that the model knew, those it still says.
    :param perplexity_ratio: on general text, to the model before; 1 for a way through the prompt.
    :param apply_seconds: of teaching, ``answer_seconds`` of writing one answer of 12 tokens,
        ``undo_seconds`` of taking it back.
    :param bytes: held for it.
    :param recipe: as JSON, that makes the same variant again.
    """

    way: str
    error: Message | None = None
    answer: str = ""
    asked: tuple[Response, ...] = ()
    kept: Kept = field(default_factory=lambda: Kept(0, 0))
    perplexity_ratio: float = 1.0
    apply_seconds: float = 0.0
    answer_seconds: float = 0.0
    undo_seconds: float = 0.0
    bytes: int = 0
    recipe: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def figures(self) -> dict[str, KindFigure]:
        """The figure of each kind of question."""
        return figures(self.asked)


def check_ways(ways: Sequence[str]) -> None:
    """Refuse an unknown way, and none at all."""
    unknown = [way for way in ways if not isinstance(way, str) or way not in WAYS]
    if unknown or not ways:
        raise PlaygroundError(
            "The way {way} is unknown. Choose from: {known}.",
            way=str(unknown[0])[:40] if unknown else "–",
            known=", ".join(WAYS),
        )


def teach(lesson: Lesson, ways: Sequence[str], room: Room, work: Work = QUIET) -> Iterator[WayRow]:
    """Teach a fact in each way, and measure what came of it; slow ways last.

    A way that fails gives a row that says why, and the others go on.

    :raises PlaygroundError: a way is unknown.
    :raises Stopped: nobody waits for it any more.
    """
    check_ways(ways)
    chosen = [way for way in WAYS if way in ways]
    for done, way in enumerate(chosen):
        part = work.part(
            done, len(chosen), Message("{done} of {of}: {way}…", {"done": done + 1, "of": len(chosen), "way": way})
        )
        try:
            yield row(way, lesson, room, part)
        except Stopped:
            raise
        except PlaygroundError as error:
            yield WayRow(way=way, error=error.message)
        except Exception:
            log.exception("A way failed: %s", way)
            yield WayRow(way=way, error=Message("Something went wrong on our side in this way."))


def row(way: str, lesson: Lesson, room: Room, work: Work = QUIET, whole: bool = True) -> WayRow:
    """Teach a fact in one way and ask about it.

    :param whole: write answers of a length to show, time one, and ask the other facts, too.
    :raises PlaygroundError: the way cannot be used on this fact or model.
    """
    taught = WAYS[way].teach(lesson, room, work)
    responses = responses_to(taught, lesson, work, NEW_TOKENS if whole else 1)
    answer, seconds = responses[0].text, 0.0
    if whole:
        start = time.perf_counter()
        prompt = taught.before(lesson.fact.prompt) + lesson.fact.prompt
        answer = written_answer(taught, prompt, work)
        seconds = time.perf_counter() - start
    ratio = 1.0
    if WAYS[way].writes:
        ratio = general(taught.fork, work) / _general_of(room.recipe, work)
        ratio = min(ratio, MOST_RATIO) if isfinite(ratio) else MOST_RATIO
    others = Kept(0, 0)
    if whole:
        others = still_known(taught.fork, build(room.recipe, work).fork, taught.before, work)
    start = time.perf_counter()
    taught.undo()
    undone = time.perf_counter() - start
    return WayRow(
        way=way,
        answer=answer,
        asked=tuple(responses),
        kept=others,
        perplexity_ratio=ratio,
        apply_seconds=taught.seconds,
        answer_seconds=seconds,
        undo_seconds=undone,
        bytes=taught.bytes,
        recipe=taught.recipe.model_dump(mode="json"),
    )


def general(fork: Fork, work: Work = QUIET) -> float:
    """Perplexity of the start of the shipped text, which no fact here is about."""
    tokenizer = fork.base.tokenizer
    ids = tokenizer(measure.shipped_text(), add_special_tokens=False)["input_ids"]
    text = str(tokenizer.decode(ids[:GENERAL_TOKENS]))
    return measure.perplexity(fork, text, work).perplexity


_before = Cache(entries=MOST_KEPT)  # by recipe: a number each


def _general_of(recipe: Recipe, work: Work) -> float:
    """The same of a recipe, taken once."""
    return _before.get_or_build(recipe.id, lambda: general(build(recipe, work).fork, work))
