"""How well retrievers find what is relevant, over a corpus's questions or a test collection.

`python -m playground.retrieval.evaluate PATH` reads a test collection (see ``beir_trec.py``) and
prints the figures of every retriever over its first 200 judged queries.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from playground.retrieval import metrics
from playground.retrieval.beir_trec import read_test_collection
from playground.retrieval.dense.index import dense_index
from playground.retrieval.judged import Judged, judged
from playground.retrieval.options import USUALLY, Options
from playground.retrieval.passages import Corpus, QuestionKind
from playground.retrieval.retrievers import RETRIEVERS, need
from playground.retrieval.search import MAX_K, Hit, check_k, search

CUTS = (1, 3, 5, 10)
MAX_QUERIES = 200  # of a test collection


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one retriever brought for one question.

    :param ranks: at which each piece of evidence was first seen, None if not among the first 20.
    """

    judged: Judged
    retriever: str
    hits: tuple[Hit, ...]
    ranks: tuple[int | None, ...]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Report:
    """Retrieval quality over a set of questions; all 0 for no questions."""

    retriever: str
    kind: str  # "all" or a question kind
    count: int  # questions asked
    recall: Mapping[int, float]  # k -> share of the evidence among the first k, in the mean
    mrr: float  # mean of 1 / rank of the first evidence, 0 beyond rank 20
    ndcg: float  # at the last of the cuts
    seconds: float  # of a search, at the median


def outcomes(
    corpus: Corpus, questions: Sequence[Judged], retrievers: Sequence[str], options: Options = USUALLY, k: int = MAX_K
) -> Iterator[Outcome]:
    """Ask every question of every retriever, question by question.

    :param k: how many passages each may bring.
    :raises CorpusError: as :func:`~playground.retrieval.search.search`.
    """
    check_k(k)
    for question in questions:
        for retriever in retrievers:
            start = time.perf_counter()
            hits = search(corpus, question.question, retriever, k, options).hits
            seconds = time.perf_counter() - start
            ranks = tuple(next((hit.rank for hit in hits if hit.position in piece), None) for piece in question.pieces)
            yield Outcome(judged=question, retriever=retriever, hits=hits, ranks=ranks, seconds=seconds)


def reports(outcomes: Iterable[Outcome], cuts: Sequence[int] = CUTS) -> list[Report]:
    """A row for each retriever and kind of question, "all" first; those without evidence are left
    out, since there is nothing to find."""
    rows: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.judged.pieces:
            for kind in ("all", outcome.judged.kind):
                rows.setdefault((outcome.retriever, kind), []).append(outcome)
    kinds = list(dict.fromkeys(kind for _, kind in rows))
    order = sorted(rows, key=lambda row: kinds.index(row[1]))
    return [report(retriever, kind, rows[retriever, kind], cuts) for retriever, kind in order]


def report(retriever: str, kind: str, outcomes: Sequence[Outcome], cuts: Sequence[int] = CUTS) -> Report:
    """The means over some outcomes."""
    count = len(outcomes)

    def mean(measure: Callable[[Outcome], float]) -> float:
        return sum(map(measure, outcomes)) / max(1, count)

    return Report(
        retriever=retriever,
        kind=kind,
        count=count,
        recall={k: mean(lambda outcome, k=k: metrics.recall(outcome.ranks, k)) for k in cuts},  # type: ignore[misc]
        mrr=mean(lambda outcome: metrics.reciprocal_rank(outcome.ranks)),
        ndcg=mean(lambda outcome: metrics.ndcg(outcome.ranks, outcome.judged.gains, max(cuts, default=10))),
        seconds=statistics.median(outcome.seconds for outcome in outcomes) if outcomes else 0.0,
    )


def measure(corpus: Corpus, retriever: str, ks: Sequence[int] = (1, 5), kind: QuestionKind | None = None) -> Report:
    """Ask a corpus's answerable questions of one retriever.

    :param ks: cut-offs, each 1 to 20.
    :param kind: only the questions of this kind; None for all.
    :raises CorpusError: as :func:`~playground.retrieval.search.search`.
    """
    for k in ks:
        check_k(k)
    questions = [
        question for question in judged(corpus) if question.kind != "unanswerable" and kind in (None, question.kind)
    ]
    return report(retriever, kind or "all", list(outcomes(corpus, questions, (retriever,))), ks)


def main() -> None:
    """Read a test collection and print what each retriever makes of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("path", type=Path, help="folder of the collection, BEIR's or TREC's files")
    parser.add_argument("--queries", type=int, default=MAX_QUERIES, help="how many are asked")
    parser.add_argument("--retrievers", default=",".join(RETRIEVERS))
    parser.add_argument("--encoder", default=USUALLY.encoder, help="of those that search vectors")
    arguments = parser.parse_args()
    corpus, questions = read_test_collection(arguments.path)
    queries, chosen = questions[: arguments.queries], arguments.retrievers.split(",")
    print(f"{len(corpus.passages):,} documents, {len(queries)} of {len(questions)} judged queries")
    if need(chosen, "vectors"):
        dense_index(corpus, lambda done, of: print(f"embedded {done:,} of {of:,}", end="\r"), encoder=arguments.encoder)
        print()
    options = replace(USUALLY, encoder=arguments.encoder)
    results = list(outcomes(corpus, queries, chosen, options))
    print("\n| retriever | nDCG@10 | recall@10 | MRR | ms at the median |\n|---|---|---|---|---|")
    for row in (row for row in reports(results) if row.kind == "all"):
        print(f"| {row.retriever} | {row.ndcg:.4f} | {row.recall[10]:.4f} | {row.mrr:.4f} | {row.seconds * 1000:.1f} |")


if __name__ == "__main__":
    main()
