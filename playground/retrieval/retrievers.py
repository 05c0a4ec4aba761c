"""The retrievers, a row each. Whatever offers retrievers reads these rows: menus, comparisons, evaluation, the lab,
endpoints, warm-up.

To add one, write its function below under its row, and what it is called as ``retriever_<name>`` in
``ui/text/en/compare.py`` and ``ui/text/ko/compare.py``.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from playground.checked import printable
from playground.errors import CorpusError
from playground.retrieval.dense.index import dense_index, query_vector, reads
from playground.retrieval.fusion import FUSIONS
from playground.retrieval.lexical.bm25 import USUAL, Contribution, Scoring, explain
from playground.retrieval.lexical.index import bm25_index
from playground.retrieval.lexical.terms import PLAIN, Terms, words
from playground.retrieval.options import Options
from playground.retrieval.passages import Corpus, Passage, Scored

NONE = "none"  # no retrieval, where that can be chosen too
UNREAD = 0.01  # dense search's share in a language it does not read: it only fills up the end
FUSED = 100  # ranks of each retriever that hybrid search looks at

Need = Literal["terms", "vectors"]
Find = TypeVar("Find", bound=Callable[..., list[Scored]])
Explain = Callable[[Corpus, str, Passage, Options], list[Contribution]]


class Trace:
    """What a search notes on its way: the seconds of its stages, and the rankings that it joins."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.rankings: dict[str, list[Scored]] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """What ran since the last lap was this stage."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now


@dataclass(frozen=True, kw_only=True)
class Retriever:
    """A row.

    :param name: in recipes, menus, endpoints and docs.
    :param needs: what it searches: the passages' ``terms``, or their ``vectors``, which take time to make.
    :param find: gives scored passages, best first, from a corpus, a query and how many are asked for: so many if there
        are, and perhaps more (hybrid: all that its parts found). Of the fields of :class:`Options`, ``options`` as a
        whole and ``trace`` it gets what it names as keywords.
    :param terms: how it splits texts, where nobody says how.
    :param parts: the retrievers whose rankings it joins, if its own scores only count ranks.
    :param explain: what each term of a query adds to a passage's score, where that is such a sum.
    """

    name: str
    needs: tuple[Need, ...]
    find: Callable[..., list[Scored]]
    terms: Terms = PLAIN
    parts: tuple[str, ...] = ()
    explain: Explain | None = None

    def ranked(self, corpus: Corpus, query: str, depth: int, options: Options, trace: Trace) -> list[Scored]:
        """What it finds, its stages noted; one that notes none is a stage of its own name."""
        there = {**vars(options), "options": options, "trace": trace}
        keywords = inspect.signature(self.find).parameters
        scored = self.find(corpus, query, depth, **{name: there[name] for name in keywords if name in there})
        if "trace" not in keywords:
            trace.lap(self.name)
        return scored


RETRIEVERS: dict[str, Retriever] = {}


def retriever(name: str, **row: Any) -> Callable[[Find], Find]:
    """A row for the function below; its fields are those of :class:`Retriever`."""

    def register(find: Find) -> Find:
        RETRIEVERS[name] = Retriever(name=name, find=find, **row)
        return find

    return register


def retriever_names() -> tuple[str, ...]:
    """The names among which one may choose, ``none`` among them."""
    return NONE, *RETRIEVERS


def need(names: Iterable[str], what: Need) -> bool:
    """Whether one of some retrievers needs terms, or vectors."""
    return any(what in RETRIEVERS[name].needs for name in names if name in RETRIEVERS)


def check_retriever(name: str) -> None:
    """Refuse a name that no row has."""
    if name not in retriever_names():
        raise CorpusError(
            "Retriever {retriever} is unknown. Choose one of: {retrievers}.",
            retriever=printable(name),
            retrievers=", ".join(retriever_names()),
        )


# The rows


def _explained(corpus: Corpus, query: str, passage: Passage, options: Options) -> list[Contribution]:
    terms = options.terms or PLAIN
    index = bm25_index(corpus, terms, options.scoring)
    return explain(index, words(query, terms), words(passage.indexed, terms), options.scoring)


@retriever("bm25", needs=("terms",), explain=_explained)
def bm25(
    corpus: Corpus, query: str, depth: int, *, terms: Terms = PLAIN, scoring: Scoring = USUAL, trace: Trace
) -> list[Scored]:
    """Passages that share words with the query, rare words first."""
    query_terms = words(query, terms)
    trace.lap("tokenise")
    scored = bm25_index(corpus, terms, scoring).search(query_terms, depth, scoring)
    trace.lap("bm25")
    return scored


@retriever("dense", needs=("vectors",))
def dense(corpus: Corpus, query: str, depth: int, *, encoder: str, trace: Trace) -> list[Scored]:
    """Passages whose embedding points the way the query's does."""
    index = dense_index(corpus, encoder=encoder)
    vector = query_vector(query, encoder)
    trace.lap("embed")
    scored = index.search(vector, depth)
    trace.lap("dense")
    return scored


# In stems, which is what it needs to be nowhere worse than dense search alone: see docs/findings.md
@retriever("hybrid", needs=("terms", "vectors"), terms=Terms(stem=True), parts=("bm25", "dense"))
def hybrid(corpus: Corpus, query: str, depth: int, *, options: Options, trace: Trace) -> list[Scored]:
    """What BM25 or dense search ranks high comes first."""
    depth = max(depth, FUSED)
    by_words = bm25(corpus, query, depth, terms=options.terms or Terms(stem=True), scoring=options.scoring, trace=trace)
    by_meaning = dense(corpus, query, depth, encoder=options.encoder, trace=trace)
    trace.rankings |= {"bm25": by_words, "dense": by_meaning}
    share = options.dense_share
    if share is None:
        share = 0.5 if reads(corpus.language, options.encoder) else UNREAD
    scored = FUSIONS[options.fusion]([by_words, by_meaning], [1 - share, share])
    trace.lap("fuse")
    return scored
