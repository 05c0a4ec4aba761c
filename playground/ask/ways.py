"""The ways to an answer, a row each, quick ones first: where what is asked for goes, and what that takes.

To add a way, write its function here under its row, and ``ask_way_<id>`` and ``ask_best_<id>`` in both languages'
texts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playground.ask.phrasings import training_phrasings
from playground.ask.question import Asked
from playground.ask.statement import NoStatementError
from playground.engine.build import build
from playground.engine.decoding.answering import chat_prompt
from playground.engine.decoding.generate import Prompt
from playground.engine.fork import Fork
from playground.engine.models.token_ids import token_ids
from playground.engine.recipe import Recipe
from playground.engine.training.data import Example
from playground.engine.training.settings import TrainingSettings
from playground.engine.work import Work
from playground.errors import CorpusError, Message, PlaygroundError
from playground.lab.ways.lora import trained_run, with_stored
from playground.lab.ways.way import SAID, Into, Placed, Room, taught_by_edit
from playground.retrieval.context import USUAL_CONTEXT, Context, arranged, asked
from playground.retrieval.dense.index import dense_index
from playground.retrieval.passages import Corpus
from playground.retrieval.retrievers import RETRIEVERS, need
from playground.retrieval.search import Hit, search

RETRIEVER = "hybrid"
MOST_SAID = 600  # tokens of a text that is said as a whole
RANK = 8
LORA = TrainingSettings(rank=RANK, alpha=2 * RANK, rate=5e-4, steps=40, batch=5, held_share=0.0)
LEARNED_LOSS = 0.05  # the loss at which training stops: the answer's tokens at 95 %


@dataclass(frozen=True, kw_only=True)
class Put:
    """A question as the model gets it.

    :param shown: the first words of the answer, where they say more than that there is a context.
    """

    prompt: Prompt
    shown: str = ""
    hits: tuple[Hit, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PreparedWay:
    """A way that can be asked.

    :param put: a question, in the words that the model gets.
    :param seconds: that preparing took.
    :param bytes: that are held for it, beside the base.
    :param before: what stands before any other question, for what else changes; "" for nothing.
    :param lasting: whether its recipe makes the same variant again.
    """

    fork: Fork
    recipe: Recipe
    put: Callable[[str], Put]
    seconds: float = 0.0
    bytes: int = 0
    before: Callable[[str], str] = field(default=lambda prompt: "")
    lasting: bool = True


@dataclass(frozen=True, kw_only=True)
class AskWay(Placed):
    """A row.

    :param slow: whether it takes tens of seconds: what else the others changed is looked at before it.
    :param edits: whether it writes one fact, for a sentence that says it.
    :param usual: whether it is tried where nobody asks for more.
    """

    id: str
    prepare: Callable[[Asked, Recipe, Work], PreparedWay]
    slow: bool = False
    edits: bool = False
    usual: bool = True


ASK_WAYS: dict[str, AskWay] = {}


def way(name: str, into: Into, **row: Any) -> Callable[[Callable[..., PreparedWay]], Callable[..., PreparedWay]]:
    """A row for the function below; its fields are those of :class:`AskWay`."""

    def register(prepare: Callable[..., PreparedWay]) -> Callable[..., PreparedWay]:
        ASK_WAYS[name] = AskWay(id=name, into=into, prepare=prepare, **row)
        return prepare

    return register


def _bare(fork: Fork) -> Callable[[str], Put]:
    return lambda question: Put(prompt=chat_prompt(fork, question))


def _base(recipe: Recipe, work: Work) -> tuple[Recipe, Fork]:
    """The model of a recipe as it came."""
    base = Recipe(model=recipe.model)
    return base, build(base, work).fork


@way("base", "nothing")
def as_it_is(about: Asked, recipe: Recipe, work: Work) -> PreparedWay:
    """The question alone, and the model as it came."""
    base, fork = _base(recipe, work)
    return PreparedWay(fork=fork, recipe=base, put=_bare(fork))


@way("prompt", "prompt")
def said(about: Asked, recipe: Recipe, work: Work) -> PreparedWay:
    """The fact before the question; where no answer is known, the whole text if it is short."""
    base, fork = _base(recipe, work)
    text = about.fact()
    if not text:
        raise PlaygroundError("Give the right answer or a text: there is nothing to say before the question.")
    if len(token_ids(fork.base.tokenizer, text)) > MOST_SAID:
        raise PlaygroundError(
            "The text is too long to be said as a whole: more than {limit} tokens. Searching it is what helps.",
            limit=MOST_SAID,
        )
    stands = SAID.format(text=text)
    return PreparedWay(
        fork=fork,
        recipe=base,
        put=lambda question: _with_texts(about, fork, [text], question),
        bytes=len(text.encode()),
        before=lambda prompt: stands,
    )


def _searched(retriever: str) -> Callable[[Asked, Recipe, Work], PreparedWay]:
    """The passage that a retriever finds before the question, searched for anew in each wording."""

    def prepare(about: Asked, recipe: Recipe, work: Work) -> PreparedWay:
        (base, fork), corpus = _base(recipe, work), about.corpus()
        if not corpus.passages:
            raise PlaygroundError("Give a text or choose documents: there is nothing to search.")
        if need([retriever], "vectors"):
            _embed(corpus, work)
        search(corpus, about.question, retriever, 1)  # its index is made once
        start = time.perf_counter()
        search(corpus, about.question, retriever, 1)
        seconds = time.perf_counter() - start

        def put(question: str) -> Put:
            hits = search(corpus, question, retriever, 1).hits
            return _with_texts(about, fork, [hit.passage.prompted for hit in hits], question, hits)

        def before(prompt: str) -> str:
            hits = search(corpus, prompt, retriever, 1).hits
            return SAID.format(text=hits[0].passage.prompted) if hits else ""

        held = len((about.text.strip() or about.sentence()).encode())
        return PreparedWay(fork=fork, recipe=base, put=put, seconds=seconds, bytes=held, before=before)

    return prepare


way("found", "passages")(_searched(RETRIEVER))
for _name in RETRIEVERS:
    if _name != RETRIEVER:
        way(_name, "passages", usual=False)(_searched(_name))


def _embed(corpus: Corpus, work: Work) -> None:
    """Embed what has no vectors yet.

    :raises Stopped: nobody waits for it any more.
    """

    def tell(done: int, of: int) -> None:
        work.on_step(done, of, Message("Reading passages: {done} of {of}…", {"done": done, "of": of}))

    try:
        dense_index(corpus, tell, work.stopped)
    except CorpusError:
        work.check()
        raise


def _with_texts(about: Asked, fork: Fork, texts: list[str], question: str, hits: tuple[Hit, ...] = ()) -> Put:
    """A question behind texts, and its answer begun."""
    own = _begun(about)
    if hits:
        fitting = arranged(hits, Context(budget=MOST_SAID), lambda text: len(token_ids(fork.base.tokenizer, text)))
        texts, hits = list(fitting.texts), fitting.placed
    if not texts:
        return Put(prompt=chat_prompt(fork, question))
    text, start = asked(texts, question, about.language, Context(start=own) if own else USUAL_CONTEXT)
    joint = "" if fork.base.tokenizer.chat_template else " "
    return Put(prompt=chat_prompt(fork, text).then(joint + start), shown=own, hits=hits)


def _begun(about: Asked) -> str:
    """How the visitor wants the answer begun; "" for the usual."""
    try:
        return about.statement().prompt if about.begun else ""
    except NoStatementError:
        return ""


@way("mine", "weights", usual=False)
def mine(about: Asked, recipe: Recipe, work: Work) -> PreparedWay:
    """The visitor's own recipe."""
    if not recipe.edits:
        raise PlaygroundError("Your recipe is empty: it is the model as it came.")
    built = build(recipe, work)
    seconds = sum(receipt.seconds for receipt in built.receipts)
    return PreparedWay(
        fork=built.fork, recipe=recipe, put=_bare(built.fork), seconds=seconds, bytes=built.fork.bytes_held()
    )


def as_written(about: Asked, recipe: Recipe, work: Work) -> PreparedWay:
    """A recipe as it is, whatever is asked."""
    fork = build(recipe, work).fork
    return PreparedWay(fork=fork, recipe=recipe, put=_bare(fork))


def _edited(method: str) -> Callable[[Asked, Recipe, Work], PreparedWay]:
    """An edit of a fact, written for the sentence that says it."""

    def prepare(about: Asked, recipe: Recipe, work: Work) -> PreparedWay:
        statement = about.statement()
        fact = {"subject": statement.subject, "prompt": statement.prompt, "target": statement.target}
        edit = {"kind": "edit_fact", "method": method, "facts": [fact], "seed": about.seed}
        taught = taught_by_edit(Room(recipe=Recipe(model=recipe.model)), edit, work)
        return PreparedWay(
            fork=taught.fork, recipe=taught.recipe, put=_bare(taught.fork), seconds=taught.seconds, bytes=taught.bytes
        )

    return prepare


way("rome", "weights", edits=True)(_edited("rome"))
way("ft", "weights", edits=True, usual=False)(_edited("ft"))


@way("lora", "weights", slow=True)
def trained(about: Asked, recipe: Recipe, work: Work) -> PreparedWay:
    """A small LoRA, trained on the question in several words with its answer, and on the sentence."""
    if not about.answer.strip():
        raise NoStatementError("Give the right answer: without it there is nothing to train on.")
    base, fork = _base(recipe, work)
    settings = LORA.model_copy(update={"seed": about.seed, "chat": bool(fork.base.tokenizer.chat_template)})
    run = trained_run(fork, settings, examples_of(about), LEARNED_LOSS, work)
    variant, stored = run.variant(), with_stored(run.adapter(), about.question.strip(), base)
    return PreparedWay(
        fork=variant,
        recipe=stored or base,
        lasting=stored is not None,
        put=_bare(variant),
        seconds=run.points[-1].seconds,
        bytes=variant.bytes_held() - fork.bytes_held(),
    )


def examples_of(about: Asked) -> list[Example]:
    """What a LoRA is trained on: none of the wordings that it is asked in, but for the question itself."""
    answer = about.answer.split("|")[0].strip()
    examples = [Example(prompt, answer) for prompt in training_phrasings(about.question.strip())]
    if "style" in about.needs:  # of a way to speak no sentence is the fact
        return examples
    try:
        statement = about.statement()
    except NoStatementError:
        return examples
    return [*examples, Example(f"Complete this sentence: {statement.prompt}", statement.sentence)]
