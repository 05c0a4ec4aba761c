"""A fork against copy.deepcopy: seconds and bytes, medians of 20, in one run."""

import copy
import gc
import statistics
import time
import tracemalloc

from playground.engine.build import build
from playground.engine.fork import Fork
from playground.engine.models import loader
from playground.engine.recipe import parse

RUNS = 20
MODEL = "smollm2-135m-instruct"


def median_seconds(make, keep):
    """Median seconds of `make()`; with `keep`, every copy stays alive, as variants do."""
    kept, taken = [], []
    for _ in range(RUNS):
        start = time.perf_counter()
        made = make()
        taken.append(time.perf_counter() - start)
        if keep:
            kept.append(made)
        del made
    return statistics.median(taken)


def python_bytes(make):
    """Bytes of Python objects (not tensors) that `make()` allocates."""
    make()
    gc.collect()
    tracemalloc.start()
    made = make()
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del made
    return size


def main():
    base = loader.load(MODEL)
    whole = sum(base.storages().values())
    print("| | fork | deepcopy | ratio |\n|---|---|---|---|")
    for keep, name in ((True, "median of 20, all kept"), (False, "median of 20, each freed")):
        deep = median_seconds(lambda: copy.deepcopy(base.model), keep)
        fork = median_seconds(lambda: Fork(base), keep)
        print(f"| {name} | {fork * 1e3:.2f} ms | {deep * 1e3:.0f} ms | {deep / fork:.0f} x |")
    tree = python_bytes(lambda: Fork(base))
    held = Fork(base).bytes_held()
    deep_bytes = whole + python_bytes(lambda: copy.deepcopy(base.model))
    print(f"| memory | {(tree + held) / 1e6:.2f} MB | {deep_bytes / 1e6:.0f} MB | {(tree + held) / deep_bytes:.2%} |")
    edit = {"kind": "nudge_tokens", "text": " Paris", "target": " Rome", "strength": 0.5}
    built = build(parse({"model": MODEL, "edits": [edit]}))
    print(f"\nA nudge of one token, both sides, holds {built.fork.bytes_held()} bytes beyond it.")
    print(f"Weights held as {base.dtype}, {whole / 1e6:.0f} MB.")
