"""From what a visitor gave to a lesson: what was left open is filled in."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from playground.engine.fork import Fork
from playground.lab.lesson import Lesson, from_json
from playground.lab.now import old_answer
from playground.lab.propose import propose
from playground.retrieval.corpus import load_corpus
from playground.retrieval.passages import Passage

OTHERS = 300  # passages beside the one that is taught


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


def others_of(corpus_id: str, seed: int) -> tuple[Passage, ...]:
    """The passages of a corpus that a fact has to be found among: a sample of a large one.

    :raises CorpusError: the corpus is unknown.
    """
    passages = load_corpus(corpus_id).passages
    if len(passages) <= OTHERS:
        return passages
    places = sorted(random.Random(seed).sample(range(len(passages)), OTHERS))
    return tuple(passages[place] for place in places)


def proposed(fork: Fork, given: Lesson) -> dict[str, Any]:
    """Questions from templates, as JSON."""
    found = propose(given.fact, fork)
    return {
        "paraphrases": list(found.paraphrases),
        "neighbours": [list(pair) for pair in found.neighbours],
        "consequences": [list(pair) for pair in found.consequences],
    }
