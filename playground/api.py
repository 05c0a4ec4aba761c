"""The public endpoints: thin, typed, stateless. JSON in, JSON out.

Each raises :class:`~playground.errors.PlaygroundError` for what the page would refuse too. The
page stands on the same functions of engine, retrieval and compare.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, ParamSpec, TypeVar

from playground import compare as contest
from playground.caller import over, within
from playground.checked import whole
from playground.disk import MAX_DAYS
from playground.engine.build import Receipt, build
from playground.engine.decoding import generate
from playground.engine.decoding.answering import answering
from playground.engine.decoding.generate import Sampling
from playground.engine.fork import Fork
from playground.engine.measuring import measure, token_map
from playground.engine.models import catalog, loader
from playground.engine.recipe import parse
from playground.engine.work import Stopped, Work
from playground.errors import PlaygroundError
from playground.lab import table as lab_table
from playground.lab import ways as lab
from playground.lab.propose import lesson_for
from playground.lab.ways.prompt import others_of
from playground.retrieval import corpus as library
from playground.retrieval import evaluate as evaluation
from playground.retrieval.own import uploads
from playground.retrieval.retrievers import RETRIEVERS
from playground.retrieval.search import Hit
from playground.retrieval.search import retrieve as search
from playground.settings import settings

Json = dict[str, Any]
NEIGHBOURS = 8
ALL_WAYS = ", ".join(lab.WAYS)
MOST_SECONDS = 120.0  # of one call; what is written by then is the answer
P = ParamSpec("P")
T = TypeVar("T")


def bounded(function: Callable[P, T]) -> Callable[P, T]:
    """End an endpoint's work after MOST_SECONDS: a caller must not hold the line for long.

    :raises PlaygroundError: it takes longer; the edits that were built by then are kept.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            with within(MOST_SECONDS):
                return function(*args, **kwargs)
        except Stopped as stop:
            raise PlaygroundError(
                "This takes more than {seconds} seconds here. Edits of a recipe that were done are "
                "kept: call again to go on from them, or ask for less.",
                seconds=int(MOST_SECONDS),
            ) from stop

    return call


def models() -> list[Json]:
    """The base models that this host offers."""
    keys = ("id", "title", "parameters", "source", "license")
    return [{key: getattr(entry, key) for key in keys} for entry in catalog.available()]


def corpora() -> list[Json]:
    """The shipped corpora, with how many passages and questions each has."""
    return [
        {
            "id": corpus.id,
            "title": corpus.title,
            "passages": len(corpus.passages),
            "questions": len(corpus.questions),
            "language": corpus.language,
        }
        for corpus in library.list_corpora()
    ]


@bounded
def tokens(model_id: str, text: str) -> list[Json]:
    """How a base model splits a text, and what lies near each token."""
    fork = Fork(loader.load(model_id))
    parts = token_map.split_tokens(fork, text)
    near = token_map.neighbours(fork, [token.id for token in parts], NEIGHBOURS)
    return [
        {**asdict(token), "neighbours": [asdict(neighbour) for neighbour in row]}
        for token, row in zip(parts, near, strict=True)
    ]


@bounded
def apply(recipe: Json) -> Json:
    """Build a recipe and say what each of its edits did."""
    built = build(parse(recipe))
    return {
        "recipe_id": built.recipe.id,
        "receipts": [receipt_json(receipt) for receipt in built.receipts],
        "bytes": built.fork.bytes_held(),
    }


def receipt_json(receipt: Receipt) -> Json:
    """A receipt as the endpoint gives it.

    ``warning`` is "" where there is none; ``sizes`` is of the whole model after the edit, for
    edits of whole tensors, else null.
    """
    return {
        "edit": receipt.edit.model_dump(),
        "tensors": [change.name for change in receipt.changes],
        "relative_change": receipt.relative_change,
        "bytes": receipt.bytes,
        "seconds": receipt.seconds,
        "warning": " ".join(str(message) for message in receipt.warnings),
        "sizes": asdict(receipt.sizes) if receipt.sizes else None,
    }


@bounded
def next_tokens(recipe: Json, prompt: str, k: int = 10, chat: bool = False) -> list[Json]:
    """The k likeliest next tokens after a prompt, most likely first."""
    fork = build(parse(recipe)).fork
    tokenizer = fork.base.tokenizer
    ids = generate.prompt_ids(fork.base, generate.prompt_text(tokenizer, prompt, chat), fork.virtual_count())
    return [
        {"id": token.id, "text": token_map.token_text(tokenizer, token.id), "probability": token.probability}
        for token in generate.next_tokens(fork, ids, whole(k))
    ]


@bounded
def generate_text(
    recipe: Json, prompt: str, max_new_tokens: int = 64, temperature: float = 0.0, seed: int = 0, chat: bool = True
) -> Json:
    """One answer to one prompt."""
    sampling = Sampling(max_new_tokens, temperature, seed)
    fork = build(parse(recipe)).fork
    rows = answering(fork, [generate.prompt_text(fork.base.tokenizer, prompt, chat)], sampling, over)
    Work().check()  # nothing is written once it is over
    *_, (row,) = rows
    return {"text": generate.answer_text(fork.base, row), "tokens": len(row.ids), "seconds": row.seconds}


@bounded
def measured(recipe: Json, text: str = "") -> Json:
    """A recipe against its base on a text ("" for the shipped one): quality, size and speed."""
    chosen = parse(recipe)
    base, built = build(chosen.prefix(0)), build(chosen)
    return measured_json(measure.measure(base.fork, built.fork, text))


def measured_json(found: measure.Measured) -> Json:
    """What ``/measure`` gives: the recipe's figures, those of its base, and how far they differ."""

    def figures(side: measure.Figures) -> Json:
        return {
            **asdict(side.text),
            **asdict(side.sizes),
            "seconds_per_token": side.speed.one,
            "seconds_per_token_batch_8": side.speed.batch,
            "seconds_per_token_batch_64": side.speed.many,
        }

    return {**figures(found.fork), "kl": found.kl, "same_top": found.same_top, "base": figures(found.base)}


@bounded
def perplexity(recipe: Json, text: str) -> Json:
    """How well a recipe's model predicts a text."""
    return asdict(measure.perplexity(build(parse(recipe)).fork, text))


@bounded
def retrieve(corpus_id: str, query: str, retriever: str = "bm25", k: int = 3) -> list[Json]:
    """The passages that a retriever finds for a query, best first."""
    hits = search(library.load_corpus(corpus_id), query, retriever, whole(k))
    return [hit_json(hit) for hit in hits]


def hit_json(hit: Hit) -> Json:
    """A found passage as the endpoints give it."""
    return {
        "rank": hit.rank,
        "passage_id": hit.passage.id,
        "document": hit.passage.document,
        "text": hit.passage.text,
        "score": hit.score,
    }


@bounded
def evaluate(corpus_id: str, retrievers: list[str] | None = None, k: int = 10) -> list[Json]:
    """How high each retriever ranks the evidence of a corpus's questions, by kind of question.

    ``recall`` and ``ndcg`` are at k; ``seconds`` is a search's at the median.
    """
    chosen, k = library.load_corpus(corpus_id), whole(k)
    asked = list(RETRIEVERS) if retrievers is None else retrievers
    asked = list(dict.fromkeys(map(str, asked))) if isinstance(asked, list) else asked
    if not isinstance(asked, list) or not 1 <= len(asked) <= len(RETRIEVERS):
        raise PlaygroundError(
            "Give a list of 1 to {limit} retrievers out of {known}.", limit=len(RETRIEVERS), known=", ".join(RETRIEVERS)
        )
    rows = []
    for outcome in evaluation.outcomes(chosen, evaluation.judged(chosen), asked, k=k):
        Work().check()
        rows.append(outcome)
    return [
        {
            "retriever": row.retriever,
            "kind": row.kind,
            "questions": row.count,
            "recall": row.recall[k],
            "mrr": row.mrr,
            "ndcg": row.ndcg,
            "seconds": row.seconds,
        }
        for row in evaluation.reports(rows, (k,))
    ]


@bounded
def index(documents: list[Json]) -> Json:
    """Keep documents, each ``{"name", "text"}``, as a corpus that only its id leads to.

    It is deleted after ``days`` without use.
    """
    if not isinstance(documents, list) or not all(_is_document(document) for document in documents):
        raise PlaygroundError('Give a list of documents like {{"name": "notes.txt", "text": "..."}}.')
    named = [(document["name"], document["text"].encode(errors="replace")) for document in documents]
    made = uploads.add_documents(named)
    return {"corpus_id": made.id, "passages": len(made.passages), "language": made.language, "days": MAX_DAYS}


def _is_document(document: object) -> bool:
    return (
        isinstance(document, dict)
        and set(document) == {"name", "text"}
        and all(isinstance(value, str) for value in document.values())
    )


@bounded
def compare(
    contestants: list[Json], prompt: str, max_new_tokens: int = 64, temperature: float = 0.0, seed: int = 0
) -> list[Json]:
    """The answers of several contestants to one prompt."""
    sampling = Sampling(max_new_tokens, temperature, seed)
    chosen = contest.parse_contestants(contestants)
    for contestant in chosen:
        build(contestant.recipe)
    *_, answers = contest.compare(chosen, prompt, sampling, over)
    return [
        {
            "label": answer.label,
            "text": answer.text,
            "prompt": answer.prompt,
            "passages": [hit_json(hit) for hit in answer.hits],
            "tokens": answer.tokens,
            "seconds": answer.seconds,
        }
        for answer in answers
    ]


@bounded
def teach(
    fact: Json,
    ways: list[str] | None = None,
    questions: Json | None = None,
    seed: int = 0,
    recipe: Json | None = None,
    corpus_id: str = "lantern-handbook",
) -> Json:
    """Teach a fact in several ways, and what each did.

    ``fact`` is ``{"subject", "prompt", "target"}`` and may have ``old``, the answer before; left
    out, it is what the model says now. ``questions`` is ``{"paraphrases": [prompt], "neighbours":
    [[prompt, answer]], "consequences": [[prompt, answer]]}``; without any, some are proposed.
    """
    chosen = [lab.BASE, *lab.usual_ways()] if ways is None else ways
    if not isinstance(chosen, list):
        raise PlaygroundError("Give the ways as a list. Choose from: {known}.", known=ALL_WAYS)
    lab_table.check_ways(chosen)
    number = Sampling(seed=seed).seed
    start = parse(recipe or {"model": settings().model})
    lesson = lesson_for(build(start).fork, fact, questions)
    room = lab.Room(recipe=start, others=others_of(corpus_id, number), seed=number)
    rows = [row_json(row) for row in lab_table.teach(lesson, chosen, room, Work())]
    return {"fact": lesson.fact.model_dump(), "old": lesson.old, "rows": rows}


def row_json(row: lab_table.WayRow) -> Json:
    """A row of the lab's table as the endpoint gives it."""
    json: Json = {
        "way": row.way,
        "error": str(row.error) if row.error else None,
        "answer": row.answer,
        "figures": {kind: asdict(figure) for kind, figure in row.figures.items()},
        "kept": asdict(row.kept),
        "perplexity_ratio": row.perplexity_ratio,
        "apply_seconds": row.apply_seconds,
        "answer_seconds": row.answer_seconds,
        "undo_seconds": row.undo_seconds,
        "bytes": row.bytes,
        "recipe": row.recipe or None,
        "questions": [
            {
                **asdict(response.question),
                "probability": response.probability,
                "other_probability": response.other,
                "right": response.right,
                "text": response.text,
                "written": response.written,
            }
            for response in row.asked
        ],
    }
    for figure in json["figures"].values():  # JSON has lists alone
        figure |= {key: list(value) for key, value in figure.items() if isinstance(value, tuple)}
    return json
