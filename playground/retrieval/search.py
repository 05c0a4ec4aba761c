"""A query -> the passages that a retriever finds, with the words that they share with it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from playground.errors import CorpusError
from playground.retrieval.dense.encoders import MINILM
from playground.retrieval.dense.index import DenseIndex, dense_index, encoders, query_vector, reads
from playground.retrieval.fusion import FUSIONS, Fusion, diversified
from playground.retrieval.lexical.bm25 import USUAL, Contribution, Scoring, explain
from playground.retrieval.lexical.index import bm25_index
from playground.retrieval.lexical.terms import PLAIN, RUN, STOP_WORDS, Terms, located, of_run, words
from playground.retrieval.passages import Corpus, Passage, Scored, Span, printable
from playground.retrieval.rerank import DEPTH, rerank

Retriever = Literal["none", "bm25", "dense", "hybrid"]

MAX_K = 20
MAX_QUERY_CHARS = 2_000
UNREAD = 0.01  # dense search's share in a language it does not read: it only fills up the end
FUSED = 100  # ranks of each retriever that hybrid search looks at


@dataclass(frozen=True)
class Options:
    """How to search, beside the retriever.

    :param terms: how BM25 splits texts; None: in plain words, and for hybrid search in stems, which
        is what it needs to be nowhere worse than dense search alone (see docs/findings.md).
    :param fusion: of hybrid search: by reciprocal ranks or by a weighted sum of scores.
    :param dense_share: weight of dense search in hybrid, 0 to 1, the rest BM25's; None: a half, or
        next to nothing where the encoder does not read the corpus's language.
    :param diversity: 0 to 1: how much a passage that resembles a better one is held back.
    :param rerank: let a cross-encoder put the best in order.
    :param encoder: of dense search, of its part in hybrid, and of likeness: an id of encoders.py.
    """

    scoring: Scoring = USUAL
    terms: Terms | None = None
    fusion: Fusion = "rrf"
    dense_share: float | None = None
    diversity: float = 0.0
    rerank: bool = False
    encoder: str = MINILM


USUALLY = Options()


@dataclass(frozen=True)
class Hit:
    """A passage that was found; ``rank`` counts from 1."""

    rank: int
    passage: Passage
    score: float  # comparable within one retriever only: BM25's sum, a cosine, fused ranks
    matched: tuple[Span, ...]  # words of passage.text that the query has too
    place: int = 0  # of the passage in the corpus
    parts: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    # hybrid: retriever -> its own rank and score, of those that found it


@dataclass(frozen=True)
class Found:
    """What a search found.

    :param seconds: of each stage that there was: tokenise, bm25, embed, dense, fuse, rerank,
        diversify.
    """

    hits: tuple[Hit, ...]
    seconds: Mapping[str, float]


def retrieve(corpus: Corpus, query: str, retriever: str, k: int) -> list[Hit]:
    """The best passages for a query, best first; fewer than ``k`` where fewer match.

    :param query: at most 2,000 characters besides the spaces at its ends.
    :param retriever: one of :data:`Retriever`; ``none`` finds nothing, whatever the query.
    :param k: how many passages, 1 to 20.
    :raises CorpusError: a value is out of its bounds, or the retriever cannot be used here.
    """
    return list(search(corpus, query, retriever, k).hits)


def search(corpus: Corpus, query: str, retriever: str, k: int, options: Options = USUALLY) -> Found:
    """As :func:`retrieve`, with options, and with the time of each stage."""
    _check_retriever(retriever)
    if retriever == "none":
        return Found((), {})
    check_k(k)
    check_options(options)
    query = _checked_query(query)
    if options.terms is None:
        options = replace(options, terms=Terms(stem=retriever == "hybrid"))
    timed = Stages()
    rankings = _rankings(corpus, query, retriever, _depth(k, retriever, options), options, timed)
    found = rankings[retriever] if retriever != "hybrid" else _fused(corpus, rankings, options)
    if retriever == "hybrid":
        timed.lap("fuse")
    if options.rerank:
        best = found[:DEPTH]
        found = rerank(query, best, [corpus.passages[place].indexed for place, _ in best])
        timed.lap("rerank")
    if options.diversity:
        best = found[: max(k, DEPTH)]
        vectors = _index(corpus, options.encoder).vectors([place for place, _ in best])
        found = diversified(best, vectors, k, options.diversity)
        timed.lap("diversify")
    how = options.terms or PLAIN
    asked = frozenset(words(query, how)) - frozenset(words(" ".join(STOP_WORDS), how))
    parts = _parts(rankings) if retriever == "hybrid" else {}
    hits = tuple(
        Hit(
            rank,
            corpus.passages[place],
            score,
            matched(corpus.passages[place].text, asked, how),
            place,
            parts.get(place, {}),
        )
        for rank, (place, score) in enumerate(found[:k], start=1)
    )
    return Found(hits, timed.seconds)


class Stages:
    """A stop watch with a name for each lap."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """What ran since the last lap."""
        now = time.perf_counter()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
        self._last = now


def _depth(k: int, retriever: str, options: Options) -> int:
    """How far down the rankings to look."""
    more = FUSED if retriever == "hybrid" else DEPTH if options.rerank or options.diversity else k
    return max(k, more)


def _rankings(
    corpus: Corpus, query: str, retriever: str, depth: int, options: Options, timed: Stages
) -> dict[str, list[Scored]]:
    found: dict[str, list[Scored]] = {}
    if retriever in ("bm25", "hybrid"):
        terms = words(query, options.terms or PLAIN)
        timed.lap("tokenise")
        index = bm25_index(corpus, options.terms or PLAIN, options.scoring)
        found["bm25"] = index.search(terms, depth, options.scoring)
        timed.lap("bm25")
    if retriever in ("dense", "hybrid"):
        vectors = _index(corpus, options.encoder)
        vector = query_vector(query, options.encoder)
        timed.lap("embed")
        found["dense"] = vectors.search(vector, depth)
        timed.lap("dense")
    return found


def _index(corpus: Corpus, encoder: str) -> DenseIndex:
    return dense_index(corpus) if encoder == MINILM else dense_index(corpus, encoder=encoder)


def _fused(corpus: Corpus, rankings: Mapping[str, list[Scored]], options: Options) -> list[Scored]:
    share = options.dense_share
    if share is None:
        share = 0.5 if reads(corpus.language, options.encoder) else UNREAD
    return FUSIONS[options.fusion]([rankings["bm25"], rankings["dense"]], [1 - share, share])


def _parts(rankings: Mapping[str, list[Scored]]) -> dict[int, dict[str, tuple[int, float]]]:
    found: dict[int, dict[str, tuple[int, float]]] = {}
    for name, hits in rankings.items():
        for rank, (place, score) in enumerate(hits, start=1):
            found.setdefault(place, {})[name] = rank, score
    return found


def explained(corpus: Corpus, query: str, hit: Hit, options: Options) -> list[Contribution]:
    """What each term of a query adds to a hit's BM25 score."""
    terms = options.terms or PLAIN
    index = bm25_index(corpus, terms, options.scoring)
    passage = words(hit.passage.indexed, terms)
    return explain(index, words(query, terms), passage, options.scoring)


def matched(text: str, asked: frozenset[str], how: Terms = PLAIN) -> tuple[Span, ...]:
    """Where a text has terms of a query: whole words, and in Hangul the shared syllable pairs.

    :param asked: terms as :func:`~playground.retrieval.lexical.terms.words` gives them.
    :return: [start, end) in ``text``, in order; spans that touch are one.
    """
    spans: list[Span] = []
    for start, end in _matches(text, asked, how):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return tuple(spans)


def _matches(text: str, asked: frozenset[str], how: Terms) -> Iterator[Span]:
    plain, spans = located(text)
    for run in RUN.finditer(plain):
        terms = list(of_run(run[0], how))
        if asked.isdisjoint(terms):
            continue
        first, last = run.start(), run.end() - 1
        if terms[0] in asked or len(terms) != len(run[0]):  # a whole word
            yield spans[first][0], spans[last][1]
            continue
        for place, pair in enumerate(terms[1:], first):
            if pair in asked:
                yield spans[place][0], spans[place + 1][1]


def _check_retriever(retriever: str) -> None:
    if retriever not in get_args(Retriever):
        raise CorpusError(
            "Retriever {retriever} is unknown. Choose one of: {retrievers}.",
            retriever=printable(retriever),
            retrievers=", ".join(get_args(Retriever)),
        )


def check_options(options: Options) -> None:
    """Refuse shares outside 0 to 1, an unknown way of fusing, and an encoder that is unknown or
    not allowed here."""
    encoders.find(options.encoder)
    shares = [options.diversity, *([] if options.dense_share is None else [options.dense_share])]
    if not all(isinstance(share, int | float) and 0 <= share <= 1 for share in shares):
        raise CorpusError(
            "The share of dense search and the diversity go from 0 to 1; they are {share} and {diversity}.",
            share=printable(options.dense_share),
            diversity=printable(options.diversity),
        )
    if options.fusion not in FUSIONS:
        raise CorpusError(
            "Fusion {fusion} is unknown. Choose one of: {fusions}.",
            fusion=printable(options.fusion),
            fusions=", ".join(FUSIONS),
        )


def check_k(k: int) -> None:
    """Refuse a number of passages that is not a whole number from 1 to 20."""
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MAX_K:
        raise CorpusError(
            "{k} passages cannot be asked for. Choose a whole number from 1 to {limit}.", k=printable(k), limit=MAX_K
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
