"""Four contestants on the base at once, against the same four one after another."""

import statistics
import time

from playground import compare
from playground.engine.decoding import generate
from playground.engine.decoding.generate import Sampling
from playground.engine.recipe import Recipe

RUNS = 5
QUESTION = "Where do injured baby seals go for treatment?"
WAYS = (("none", 1), ("bm25", 2), ("bm25", 4), ("dense", 2))


def seconds(contestants):
    start = time.perf_counter()
    for _ in compare.compare(contestants, QUESTION, Sampling(64)):
        pass
    return time.perf_counter() - start


def main():
    generate.end_ids = lambda base: set()  # every answer runs to 64 tokens
    base = Recipe(model="smollm2-135m-instruct")
    four = [
        compare.Contestant(label=way, recipe=base, retriever=way, corpus_id="lantern-handbook", k=k) for way, k in WAYS
    ]
    seconds(four)
    pairs = [(sum(seconds([one]) for one in four), seconds(four)) for _ in range(RUNS)]
    ratio = statistics.median(alone / together for alone, together in pairs)
    alone, together = (statistics.median(column) for column in zip(*pairs, strict=True))
    print("| | one after another | together | ratio (median of pairs) |\n|---|---|---|---|")
    print(f"| 4 x 64 tokens, {RUNS} pairs | {alone:.2f} s | {together:.2f} s | {ratio:.2f} x |")
