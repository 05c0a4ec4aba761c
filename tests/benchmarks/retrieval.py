"""Retrieval: quality on the shipped corpora, and seconds on corpora of up to a million passages.

Usage: `make bench ARGS=retrieval`, or `make bench ARGS="retrieval quality"` (speed, embedding)
for a part.
The passages of the large corpora are made of random words, as common as words are (Zipf), and their
vectors are random too: how long a search takes does not depend on what they say.
"""

import random
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import accumulate
from pathlib import Path

QUERIES = 50


def quality():
    from playground.retrieval.corpus import list_corpora
    from playground.retrieval.evaluate import judged, outcomes, reports
    from playground.retrieval.retrievers import RETRIEVERS

    print("| corpus | passages | retriever | nDCG@10 | recall@1 | recall@5 | MRR |")
    print("|---|---|---|---|---|---|---|")
    for corpus in list_corpora():
        for row in reports(outcomes(corpus, judged(corpus), list(RETRIEVERS))):
            if row.kind == "all":
                print(
                    f"| {corpus.id} | {len(corpus.passages)} | {row.retriever} | {row.ndcg:.3f} "
                    f"| {row.recall[1]:.0%} | {row.recall[5]:.0%} | {row.mrr:.3f} |",
                    flush=True,
                )


def made_up(count, seed=0):
    """Texts of 10 to 40 words out of 50,000."""
    draws = random.Random(seed)
    words = [f"w{n}" for n in range(50_000)]
    weights = list(accumulate(1 / (n + 10) for n in range(50_000)))
    return [" ".join(draws.choices(words, cum_weights=weights, k=draws.randint(10, 40))) for _ in range(count)]


def milliseconds(search, queries):
    taken = []
    for query in queries:
        start = time.perf_counter()
        search(query)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1000


def of_passages(count, vectors):
    """One corpus: building BM25's index, and searches of each kind, query embedding included."""
    import faiss
    import numpy as np

    from playground.retrieval.dense import index as dense
    from playground.retrieval.lexical.index import bm25_index
    from playground.retrieval.lexical.terms import PLAIN
    from playground.retrieval.passages import Corpus, Passage
    from playground.retrieval.search import Options, search

    texts = made_up(count)
    passages = tuple(Passage(f"d#{n}", "d", "", text) for n, text in enumerate(texts, start=1))
    corpus = Corpus(id="made-up", title="Made up", language="en", passages=passages, questions=())
    queries = [" ".join(text.split()[:8]) for text in made_up(QUERIES, seed=1)]
    start = time.perf_counter()
    bm25_index(corpus)
    built = time.perf_counter() - start
    search(corpus, queries[0], "bm25", 10)
    words = milliseconds(lambda query: search(corpus, query, "bm25", 10), queries)
    both = "-"
    if vectors:
        draws = np.random.default_rng(0)
        index = faiss.IndexFlatIP(dense.DIMENSION)
        for _ in range(0, count, 10_000):
            rows = draws.standard_normal((min(10_000, count), dense.DIMENSION), dtype=np.float32)
            index.add(rows / np.linalg.norm(rows, axis=1, keepdims=True))
        dense._indexes.get(corpus, lambda: dense.DenseIndex(index))
        dense.embed(["warm"])
        options = Options(terms=PLAIN)  # its own index of stems would double what is measured
        search(corpus, "warm", "hybrid", 10, options)
        both = f"{milliseconds(lambda q: search(corpus, q, 'hybrid', 10, options), queries):.1f}"
    print(f"| {count:,} | {built:.1f} | {words:.1f} | {both} |", flush=True)


ONE = """
import resource, sys
from tests.benchmarks.retrieval import *
from pathlib import Path
part, folder = sys.argv[1:]
if part == "build":
    from playground.retrieval.lexical.bm25 import USUAL
    from playground.retrieval.lexical.large import build, save
    from playground.retrieval.lexical.terms import words
    tokens = [words(text) for text in made_up(1_000_000)]
    start = time.perf_counter()
    save(build(tokens, USUAL), Path(folder) / "index")
    print(f"{time.perf_counter() - start:.0f}")
else:
    from playground.retrieval.lexical.large import load
    from playground.retrieval.lexical.terms import words
    index = load(Path(folder) / "index")
    queries = [" ".join(text.split()[:8]) for text in made_up(QUERIES, seed=1)]
    index.search(words(queries[0]), 10)
    took = milliseconds(lambda query: index.search(words(query), 10), queries)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{took:.1f} ms a query, {most:.2f} GB at most, the mapped index included")
"""


def speed():
    print("| passages | seconds to index for BM25 | BM25, ms | hybrid, ms |\n|---|---|---|---|")
    for count in (5_000, 100_000):
        of_passages(count, vectors=True)
    with tempfile.TemporaryDirectory() as folder:
        for part in ("build", "search"):
            command = [sys.executable, "-c", ONE, part, folder]
            run = subprocess.run(command, capture_output=True, text=True, check=True)
            print(f"1,000,000 passages, {part}: {run.stdout.strip()}", flush=True)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        print(f"its files: {size / 1e9:.2f} GB")


def embedding():
    """400 passages by us and by the library with its defaults, in turn; the middle of five."""
    import numpy as np
    from sentence_transformers import SentenceTransformer

    from playground.retrieval.corpus import load_corpus
    from playground.retrieval.dense import index as dense

    corpora = [load_corpus(name) for name in ("guide", "lantern-handbook")]
    texts = [passage.indexed for corpus in corpora for passage in corpus.passages][:400]
    plain = SentenceTransformer(str(dense.model_folder()), device="cpu", local_files_only=True)
    ways = {
        "library": lambda: plain.encode(texts, normalize_embeddings=True, show_progress_bar=False),
        "ours": lambda: dense.embed(texts),
    }
    found = {name: way() for name, way in ways.items()}
    taken = {name: [] for name in ways}
    for _ in range(5):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            taken[name].append(time.perf_counter() - start)
    library, ours = (statistics.median(taken[name]) for name in ways)
    least = float(np.min((found["library"] * found["ours"]).sum(axis=1)))
    print(f"\n{len(texts)} passages: library {library:.2f} s, ours {ours:.2f} s, ", end="")
    print(f"{library / ours:.2f} times as fast; least cosine {least:.5f}")


def main():
    asked = sys.argv[2:] or ["quality", "speed", "embedding"]
    for name, part in (("quality", quality), ("speed", speed), ("embedding", embedding)):
        if name in asked:
            part()
