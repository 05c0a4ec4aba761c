"""A query -> the passages that a retriever finds, with the words that they share with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from playground.errors import CorpusError
from playground.retrieval.bm25 import RUN, bm25_index, words
from playground.retrieval.dense import dense_index
from playground.retrieval.passages import Corpus, Passage, printable

Retriever = Literal["none", "bm25", "dense", "hybrid"]
Span = tuple[int, int]  # [start, end) in a text

MAX_K = 20
MAX_QUERY_CHARS = 2_000

# English words that say nothing about a passage. Searched like any other, but not marked.
_STOP_WORDS = """
a about after all also am an and any are as at be because been before being both but by can could
d did do does doing don down during each few for from further had has have having he her here hers
him his how i if in into is it its just ll m me more most my no nor not now of off on once only or
other our ours out over own re s same she should so some such t than that the their theirs them
then there these they this those through to too under until up us ve very was we were what when
where which while who whom whose why will with would you your yours
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())


@dataclass(frozen=True)
class Hit:
    """A passage that was found; ``rank`` counts from 1."""

    rank: int
    passage: Passage
    score: float  # BM25's sum or a cosine: comparable within one retriever only
    matched: tuple[Span, ...]  # words of passage.text that the query has too


def retrieve(corpus: Corpus, query: str, retriever: str, k: int) -> list[Hit]:
    """The best passages for a query, best first; fewer than ``k`` where fewer match.

    :param query: at most 2,000 characters besides the spaces at its ends.
    :param retriever: one of :data:`Retriever`; ``none`` finds nothing, whatever the query.
    :param k: how many passages, 1 to 20.
    :raises CorpusError: a value is out of its bounds, or the retriever cannot be used here.
    """
    _check_retriever(retriever)
    if retriever == "none":
        return []
    check_k(k)
    query = _checked_query(query)
    found = (bm25_index if retriever == "bm25" else dense_index)(corpus).search(query, k)
    asked = frozenset(words(query)) - STOP_WORDS
    return [
        Hit(rank, corpus.passages[place], score, matched(corpus.passages[place].text, asked))
        for rank, (place, score) in enumerate(found, start=1)
    ]


def matched(text: str, asked: frozenset[str]) -> tuple[Span, ...]:
    """Where a text has terms of a query: whole words, and in Hangul the shared syllable pairs.

    :param asked: terms as :func:`~playground.retrieval.bm25.words` gives them.
    :return: [start, end) in ``text``, in order; spans that touch are one.
    """
    spans: list[Span] = []
    for start, end in _matches(text, asked):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return tuple(spans)


def _matches(text: str, asked: frozenset[str]) -> Iterator[Span]:
    for run in RUN.finditer(text):
        terms = words(run[0])
        if not terms or asked.isdisjoint(terms):
            continue
        if terms[0] in asked or len(terms) != len(run[0]):  # a whole word
            yield run.span()
            continue
        for offset, pair in enumerate(terms[1:]):
            if pair in asked:
                yield run.start() + offset, run.start() + offset + 2


def _check_retriever(retriever: str) -> None:
    if retriever == "hybrid":
        raise CorpusError("Hybrid search comes in a later version. Choose bm25 or dense.")
    if retriever not in get_args(Retriever):
        raise CorpusError(
            "Retriever {retriever} is unknown. Choose one of: {retrievers}.",
            retriever=printable(retriever),
            retrievers="none, bm25, dense",
        )


def check_k(k: int) -> None:
    """Refuse a number of passages that is not a whole number from 1 to 20."""
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MAX_K:
        raise CorpusError(
            "{k} passages cannot be asked for. Choose a whole number from 1 to {limit}.",
            k=printable(k),
            limit=MAX_K,
        )


def _checked_query(query: str) -> str:
    stripped = query.strip() if isinstance(query, str) else ""
    if not stripped:
        raise CorpusError("The query is empty. Write what to look for.")
    if len(stripped) > MAX_QUERY_CHARS:
        raise CorpusError(
            "The query has {length} characters; the limit is {limit}. Shorten it.",
            length=len(stripped),
            limit=MAX_QUERY_CHARS,
        )
    return stripped.encode(errors="replace").decode()  # half a surrogate pair is no text
