"""Through the prompt: nothing, the fact in every prompt, or in a passage that has to be found."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from playground.engine.build import build
from playground.engine.work import Work
from playground.lab.lesson import Lesson
from playground.lab.ways.way import SAID, Room, Taught, Way
from playground.retrieval.corpus import load_corpus
from playground.retrieval.passages import Corpus, Passage
from playground.retrieval.retrievers import Retriever
from playground.retrieval.search import search

FACT_ID = "taught#1"  # the passage that holds the fact
OTHERS = 300  # passages beside the one that is taught


def base(lesson: Lesson, room: Room, work: Work) -> Taught:
    """Nothing is taught: what the others are compared with."""
    return Taught(fork=build(room.recipe).fork, recipe=room.recipe)


def in_context(lesson: Lesson, room: Room, work: Work) -> Taught:
    """The fact stands before every prompt."""
    said = SAID.format(text=lesson.sentence)
    fork = build(room.recipe).fork
    return Taught(fork=fork, recipe=room.recipe, before=lambda prompt: said, bytes=len(said.encode()))


def passage_way(retriever: Retriever) -> Way:
    """The fact is one passage among many, which a retriever has to find."""

    def teach(lesson: Lesson, room: Room, work: Work) -> Taught:
        return _retrieved(retriever.name, lesson, room)

    return Way(id=retriever.name, into="passages", teach=teach, needs=("passages",), usual=not retriever.parts)


def _retrieved(retriever: str, lesson: Lesson, room: Room) -> Taught:
    others = fact_corpus(room.others, room.scope)
    fact = Passage(FACT_ID, "taught", "", lesson.sentence)
    corpus = fact_corpus((*room.others, fact), room.scope)

    def index_others() -> None:
        if room.others:
            search(others, lesson.fact.prompt, retriever, 1)

    def before(prompt: str) -> str:
        hits = search(corpus, prompt, retriever, 1).hits
        return SAID.format(text=hits[0].passage.text) if hits else ""

    index_others()  # what is there before builds its index
    start = time.perf_counter()
    search(corpus, lesson.fact.prompt, retriever, 1)
    return Taught(
        seconds=time.perf_counter() - start,
        fork=build(room.recipe).fork,
        recipe=room.recipe,
        before=before,
        bytes=len(lesson.sentence.encode()),
        undo=index_others,
    )


def fact_corpus(passages: Sequence[Passage], scope: str) -> Corpus:
    """Passages as a corpus that stays in memory; vectors of shipped ones are used again."""
    return Corpus(id=f"lab {scope}", title="Facts", language="en", passages=tuple(passages), questions=(), own=True)


def passages_of(sentences: Sequence[str]) -> tuple[Passage, ...]:
    """Sentences as passages, each once."""
    return tuple(
        Passage(f"facts#{number}", "facts", "", text) for number, text in enumerate(dict.fromkeys(sentences), start=1)
    )


def others_of(corpus_id: str, seed: int) -> tuple[Passage, ...]:
    """The passages of a corpus that a fact has to be found among: a sample of a large one.

    :raises CorpusError: the corpus is unknown.
    """
    passages = load_corpus(corpus_id).passages
    if len(passages) <= OTHERS:
        return passages
    chosen = sorted(random.Random(seed).sample(range(len(passages)), OTHERS))
    return tuple(passages[number] for number in chosen)
