"""A query -> the passages that a retriever finds, with the words that they share with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from playground.checked import is_whole, printable
from playground.errors import CorpusError
from playground.retrieval.dense import encoders
from playground.retrieval.dense.index import dense_index
from playground.retrieval.fusion import diversified
from playground.retrieval.lexical.terms import PLAIN, RUN, STOP_WORDS, Terms, located, of_run, words
from playground.retrieval.options import USUALLY, Options
from playground.retrieval.passages import Corpus, Passage, Scored, Span
from playground.retrieval.rerank import DEPTH, rerank
from playground.retrieval.retrievers import NONE, RETRIEVERS, Trace, check_retriever

MAX_K = 20
MAX_QUERY_CHARS = 2_000


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A passage that was found; ``rank`` counts from 1."""

    rank: int
    passage: Passage
    score: float  # comparable within one retriever only: BM25's sum, a cosine, fused ranks
    matched: tuple[Span, ...]  # words of passage.text that the query has too
    position: int = 0  # of the passage in the corpus
    parts: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    # a retriever of several: part -> its own rank and score, of those that found it


@dataclass(frozen=True)
class Found:
    """What a search found.

    :param seconds: of each stage that there was: those of the retriever, rerank, diversify.
    """

    hits: tuple[Hit, ...]
    seconds: Mapping[str, float]


def retrieve(corpus: Corpus, query: str, retriever: str, k: int) -> list[Hit]:
    """The best passages for a query, best first; fewer than ``k`` where fewer match.

    :param query: at most 2,000 characters besides the spaces at its ends.
    :param retriever: a row's name; ``none`` finds nothing, whatever the query.
    :param k: how many passages, 1 to 20.
    :raises CorpusError: a value is out of its bounds, or the retriever cannot be used here.
    """
    return list(search(corpus, query, retriever, k).hits)


def search(corpus: Corpus, query: str, retriever: str, k: int, options: Options = USUALLY) -> Found:
    """As :func:`retrieve`, with options, and with the time of each stage."""
    check_retriever(retriever)
    if retriever == NONE:
        return Found((), {})
    check_k(k)
    encoders.find_encoder(options.encoder)
    query, row = _checked_query(query), RETRIEVERS[retriever]
    terms = options.terms or row.terms
    options, trace = replace(options, terms=terms), Trace()
    again = options.rerank or options.diversity
    scored = row.ranked(corpus, query, max(k, DEPTH) if again else k, options, trace)
    if options.rerank:
        best = scored[:DEPTH]
        scored = rerank(query, best, [corpus.passages[position].indexed for position, _ in best])
        trace.lap("rerank")
    if options.diversity:
        best = scored[: max(k, DEPTH)]
        vectors = dense_index(corpus, encoder=options.encoder).vectors([position for position, _ in best])
        scored = diversified(best, vectors, k, options.diversity)
        trace.lap("diversify")
    query_terms = frozenset(words(query, terms)) - frozenset(words(" ".join(STOP_WORDS), terms))
    parts = _parts(trace.rankings)
    hits = tuple(
        Hit(
            rank=rank,
            passage=corpus.passages[position],
            score=score,
            matched=matched(corpus.passages[position].text, query_terms, terms),
            position=position,
            parts=parts.get(position, {}),
        )
        for rank, (position, score) in enumerate(scored[:k], start=1)
    )
    return Found(hits, trace.seconds)


def _parts(rankings: Mapping[str, list[Scored]]) -> dict[int, dict[str, tuple[int, float]]]:
    """Of each passage: its rank and score in each of the rankings."""
    parts: dict[int, dict[str, tuple[int, float]]] = {}
    for name, ranking in rankings.items():
        for rank, (position, score) in enumerate(ranking, start=1):
            parts.setdefault(position, {})[name] = rank, score
    return parts


def matched(text: str, query_terms: frozenset[str], how: Terms = PLAIN) -> tuple[Span, ...]:
    """Where a text has terms of a query: whole words, and in Hangul the shared syllable pairs.

    :param query_terms: terms as :func:`~playground.retrieval.lexical.terms.words` gives them.
    :return: [start, end) in ``text``, in order; spans that touch are one.
    """
    spans: list[Span] = []
    for start, end in _matches(text, query_terms, how):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return tuple(spans)


def _matches(text: str, query_terms: frozenset[str], how: Terms) -> Iterator[Span]:
    plain, spans = located(text)
    for run in RUN.finditer(plain):
        terms = list(of_run(run[0], how))
        if query_terms.isdisjoint(terms):
            continue
        first, last = run.start(), run.end() - 1
        if terms[0] in query_terms or len(terms) != len(run[0]):  # a whole word
            yield spans[first][0], spans[last][1]
            continue
        for position, pair in enumerate(terms[1:], first):
            if pair in query_terms:
                yield spans[position][0], spans[position + 1][1]


def check_k(k: int) -> None:
    """Refuse a number of passages that is not a whole number from 1 to 20."""
    if not is_whole(k, 1, MAX_K):
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
