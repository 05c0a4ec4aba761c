"""Every way to teach a model one fact: into its weights, or into its prompt.

To add a way, write a function here and name it in ``WAYS``.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from playground.disk import DiskError
from playground.engine.adapters.base import Adapter, AdapterError
from playground.engine.adapters.store import About, keep
from playground.engine.build import build
from playground.engine.facts.layers import SEVERAL
from playground.engine.facts.values import DONE
from playground.engine.fork import Fork
from playground.engine.recipe import Recipe, parse_edit
from playground.engine.training.data import Example
from playground.engine.training.settings import Settings
from playground.engine.work import Work
from playground.errors import Message
from playground.lab.lesson import Lesson
from playground.retrieval.passages import Corpus, Passage
from playground.retrieval.retrievers import RETRIEVERS
from playground.retrieval.search import search

Way = Callable[[Lesson, "Room", Work], "Taught"]
PREFIXES = ("", "It is known that ", "As everybody says, ", "In short: ", "The guide says: ")
LORA = Settings(rank=8, alpha=16, rate=5e-4, steps=40, batch=5, held_share=0.0, chat=False)
FACT_ID = "taught#1"  # the passage that holds the fact
# What stands before a prompt. Of ten forms, tried on the first 30 cases of CounterFact that the
# packaged model knows, this one said each fact and changed the others' answers least.
SAID = "Context: {text}\nAnswer: "
MOST_ADAPTERS = 40  # of all visitors' tables that the host keeps; older ones are trained anew
NUDGE = 0.5  # how far the subject's embedding goes toward the answer's


@dataclass(frozen=True)
class Taught:
    """A model that was taught, or a prompt that says it.

    :param before: what goes before a prompt.
    :param seconds: that teaching took.
    :param bytes: that are held for it, beside the base and the other passages.
    :param recipe: that makes the same variant again; the base's for a way through the prompt.
    :param undo: takes it back; to be timed.
    """

    fork: Fork
    before: Callable[[str], str]
    seconds: float
    bytes: int
    recipe: Recipe
    undo: Callable[[], object]


@dataclass(frozen=True)
class Room:
    """What a way works with.

    :param recipe: of the model to teach.
    :param others: passages among which retrieval has to find this fact.
    :param kept: whether a trained adapter is stored, so that its recipe can be built again.
    :param layer: that methods of one layer change; None for the usual one.
    :param scope: whose the passage is: its vector is found by that alone.
    """

    recipe: Recipe
    others: tuple[Passage, ...]
    seed: int = 0
    kept: bool = True
    layer: int | None = None
    scope: str = field(default_factory=lambda: secrets.token_hex(8))


def base(lesson: Lesson, room: Room, work: Work) -> Taught:
    """Nothing is taught: what the others are compared with."""
    return _through_prompt(room, lambda prompt: "", 0.0, 0)


def nudge(lesson: Lesson, room: Room, work: Work) -> Taught:
    """The subject's embedding goes half way toward the answer's."""
    at = lesson.fact.prompt.rfind(lesson.fact.subject)
    space = " " if at > 0 and lesson.fact.prompt[at - 1] == " " else ""
    edit = {
        "kind": "nudge_tokens",
        "text": space + lesson.fact.subject,
        "direction": "toward",
        "target": lesson.fact.target,
        "strength": NUDGE,
        "side": "input",
        "seed": room.seed,
    }
    return _edited(room, edit, work)


def rome(lesson: Lesson, room: Room, work: Work) -> Taught:
    """A rank-one edit of one MLP."""
    return _edit_fact("rome", lesson, room, work)


def memit(lesson: Lesson, room: Room, work: Work) -> Taught:
    """A memory edit, spread over several MLPs."""
    return _edit_fact("memit", lesson, room, work)


def fine_tuning(lesson: Lesson, room: Room, work: Work) -> Taught:
    """Fine-tuning of one MLP's matrix, within a bound."""
    return _edit_fact("ft", lesson, room, work)


def _edit_fact(method: str, lesson: Lesson, room: Room, work: Work) -> Taught:
    fact = lesson.fact.model_dump()
    edit: dict[str, Any] = {"kind": "edit_fact", "method": method, "facts": [fact], "seed": room.seed}
    if room.layer is not None and method not in SEVERAL:
        edit["layers"] = [room.layer]
    return _edited(room, edit, work)


def lora(lesson: Lesson, room: Room, work: Work) -> Taught:
    """A LoRA trained on the fact's sentence behind a few beginnings, until it is learned as well
    as an edit has to learn it."""
    from playground.engine.training.run import Run  # imports peft: seconds

    fork = build(room.recipe, work).fork
    examples = [Example(before + lesson.fact.prompt, lesson.fact.target) for before in PREFIXES]
    settings = LORA.model_copy(update={"seed": room.seed})
    run = Run(fork, settings, examples, watched=False)
    for point in run.steps():
        what = Message("LoRA: step {done} of {of}…", {"done": point.step, "of": run.total})
        work.step(point.step, run.total, what)
        if point.loss < DONE:
            break
    taught, seconds = run.variant(), run.points[-1].seconds
    recipe = _kept(run.adapter(), lesson, room) if room.kept else room.recipe
    held = taught.bytes_held() - fork.bytes_held()
    return Taught(taught, lambda prompt: "", seconds, held, recipe, lambda: build(room.recipe))


def _kept(adapter: Adapter, lesson: Lesson, room: Room) -> Recipe:
    """The recipe with an adapter that is stored; without it where the host has no room."""
    about = About(lesson.sentence[:60], "lab", room.recipe.model, "lora")
    try:
        source = keep(adapter, about, MOST_ADAPTERS)
    except (AdapterError, DiskError):
        return room.recipe
    return _with(room.recipe, {"kind": "adapter", "source": source})


def in_context(lesson: Lesson, room: Room, work: Work) -> Taught:
    """The fact stands before every prompt."""
    said = SAID.format(text=lesson.sentence)
    return _through_prompt(room, lambda prompt: said, 0.0, len(said.encode()))


def retrieval(retriever: str) -> Way:
    """The fact is one passage among many, which a retriever has to find."""
    return lambda lesson, room, work: _retrieved(retriever, lesson, room)


def _retrieved(retriever: str, lesson: Lesson, room: Room) -> Taught:
    others = corpus_of(room.others, room.scope)
    fact = Passage(FACT_ID, "taught", "", lesson.sentence)
    corpus = corpus_of((*room.others, fact), room.scope)
    if room.others:
        search(others, lesson.fact.prompt, retriever, 1)  # what is there before builds its index
    start = time.perf_counter()
    search(corpus, lesson.fact.prompt, retriever, 1)

    def before(prompt: str) -> str:
        hits = search(corpus, prompt, retriever, 1).hits
        return SAID.format(text=hits[0].passage.text) if hits else ""

    def undo() -> None:
        search(others, lesson.fact.prompt, retriever, 1)

    seconds = time.perf_counter() - start
    held = len(lesson.sentence.encode())
    return _through_prompt(room, before, seconds, held, undo if room.others else _nothing)


def corpus_of(passages: Sequence[Passage], scope: str) -> Corpus:
    """Passages as a corpus that stays in memory; vectors of shipped ones are used again."""
    return Corpus(id=f"lab {scope}", title="Facts", language="en", passages=tuple(passages), questions=(), own=True)


def passages_of(sentences: Sequence[str]) -> tuple[Passage, ...]:
    """Sentences as passages, each once."""
    return tuple(
        Passage(f"facts#{number}", "facts", "", text) for number, text in enumerate(dict.fromkeys(sentences), start=1)
    )


def _nothing() -> None:
    """There is nothing to take back but a sentence."""


def _through_prompt(
    room: Room, before: Callable[[str], str], seconds: float, held: int, undo: Callable[[], object] = _nothing
) -> Taught:
    return Taught(build(room.recipe).fork, before, seconds, held, room.recipe, undo)


def _edited(room: Room, edit: Mapping[str, Any], work: Work) -> Taught:
    known = build(room.recipe, work)
    recipe = _with(room.recipe, edit)
    built = build(recipe, work)
    receipt = built.receipts[len(known.receipts)]
    return Taught(built.fork, lambda prompt: "", receipt.seconds, receipt.bytes, recipe, lambda: build(room.recipe))


def _with(recipe: Recipe, edit: Mapping[str, Any]) -> Recipe:
    """A recipe with one more step.

    :raises RecipeError: the edit is not usable.
    """
    step = parse_edit(dict(edit), len(recipe.edits) + 1)
    return Recipe(model=recipe.model, edits=(*recipe.edits, step))


WAYS: dict[str, Way] = {
    "base": base,
    "in_context": in_context,
    **{retriever: retrieval(retriever) for retriever in RETRIEVERS},
    "nudge": nudge,
    "rome": rome,
    "memit": memit,
    "ft": fine_tuning,
    "lora": lora,
}  # in the order in which they run: the slow ones last
IN_WEIGHTS = ("nudge", "rome", "memit", "ft", "lora")
