"""From what a visitor gave to a lesson: what was left open is filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playground.engine.fork import Fork
from playground.lab.lesson import Lesson, from_json
from playground.lab.now import old_answer
from playground.lab.propose import propose


def lesson_for(fork: Fork, fact: object, questions: object = None) -> Lesson:
    """A lesson from JSON, as :func:`~playground.lab.lesson.from_json` reads it.

    Without an old answer, what the model says now is taken; without any question, some are
    proposed.

    :raises PlaygroundError: it is not of that form, or the fact cannot be used.
    """
    given = from_json(fact, questions)
    old = given.old or old_answer(fork, given.fact)
    if not any(questions.values()) if isinstance(questions, Mapping) else questions is None:
        questions = proposed(fork, given)
    about: dict[str, Any] = {**given.fact.model_dump(), "old": old}
    return from_json(about, questions)


def proposed(fork: Fork, given: Lesson) -> dict[str, Any]:
    """Questions from templates, as JSON."""
    found = propose(given.fact, fork)
    return {
        "paraphrases": list(found.paraphrases),
        "neighbours": [list(pair) for pair in found.neighbours],
        "consequences": [list(pair) for pair in found.consequences],
    }
