"""Steps of the plan beside those of the model's own modules, rows with edits of their own, and answers in company.

Usage: `make bench ARGS=decoding`; a number is how many answers are asked alone and in company (of 200).
"""

import random
import statistics
import sys
import threading
import time

import torch

from playground.engine.decoding import batches
from playground.engine.decoding.batches import decode
from playground.engine.decoding.generate import Sampling
from playground.engine.decoding.modules_plan import ModulesPlan
from playground.engine.decoding.plan import plan_of
from playground.engine.decoding.seats import LEAST_ROWS
from playground.engine.decoding.thin import Beside, thin_of
from playground.engine.fork import Fork
from playground.engine.fork.side_layers import LowRank
from playground.engine.fork.structure import matrices
from playground.engine.models import loader
from playground.engine.recipe import parse_edit

ROWS, STEPS, PROMPT = (1, 4, 8, 16, 32, 64), 9, list(range(1000, 1100))
COMPANY, TOKENS = 32, 64
STOPS = 8
PACKED_ROWS = (1, 8, 64)
PACKED = {
    "int4, groups of 32": {"scheme": "int4", "mode": "packed", "group_size": 32},
    "int4, groups of 64": {"scheme": "int4", "mode": "packed", "group_size": 64},
    "int8": {"scheme": "int8", "mode": "packed", "group_size": "channel"},
    "nf4, groups of 64": {"scheme": "nf4", "mode": "packed"},
}


def main():
    torch.set_grad_enabled(False)
    base = loader.load("smollm2-135m-instruct")
    steps(Fork(base))
    thin(base)
    packed(base)
    stops(Fork(base))
    company(Fork(base), next((int(word) for word in sys.argv[1:] if word.isdigit()), 200))


@torch.inference_mode()
def seconds(plan, rows, thins=()):
    """Seconds of each of some steps, a token of each row chosen."""
    kept, found = plan.room(max(rows, LEAST_ROWS), len(PROMPT) + STEPS + 1), []
    for row in range(kept.rows):
        plan.begin(kept, row)
        for start in range(0, len(PROMPT), plan.piece):
            plan.read(PROMPT[start : start + plan.piece], kept, row)
    beside = [Beside(thins)] if thins else []
    for _ in range(STEPS):
        start = time.perf_counter()
        read = plan.step([5] * kept.rows, kept, *beside)
        plan.likeliest(read, plan.logits(read, *beside), *beside)
        found.append(time.perf_counter() - start)
        kept.lengths = [length + 1 for length in kept.lengths]
    return found[1:]


def steps(fork):
    print("| rows in one batch | modules, tok/s | plan, tok/s | ratio |\n|---|---|---|---|")
    plans = ModulesPlan(fork), plan_of(fork)
    for rows in ROWS:
        runs = [[*zip(*(seconds(plan, rows) for plan in plans), strict=True)] for _ in range(2)]
        pairs = [pair for run in runs for pair in run]
        old, new = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(before / after for before, after in pairs)
        print(f"| {rows} | {rows / old:.0f} | {rows / new:.0f} | {ratio:.2f} |", flush=True)


def low_rank(base, seed):
    fork, draw = Fork(base), torch.Generator().manual_seed(seed)
    for matrix in matrices(fork):
        if matrix.layer is not None:
            out, inputs = matrix.shape
            down, up = torch.randn(8, inputs, generator=draw), torch.randn(out, 8, generator=draw)
            fork.wrap(matrix.name, lambda inner, across, d=down, u=up: LowRank(inner, across, d, u, 1e-4))
    return fork


def nudged(base, seed):
    fork, draw = Fork(base), torch.Generator().manual_seed(seed)
    for side in ("input", "output"):
        fork.patch_rows(side, torch.tensor([2000 + seed]), torch.randn(1, 576, generator=draw))
    return fork


def thin(base):
    print("\n| 16 rows, each with its own | tok/s | x 16 rows of the base |\n|---|---|---|")
    plan = plan_of(Fork(base))
    for name, make in (("LoRA, rank 8, all matrices", low_rank), ("nudge of both sides", nudged)):
        thins = [thin_of(make(base, seed)) for seed in range(16)]
        pairs = [*zip(seconds(plan, 16), seconds(plan, 16, thins), strict=True)]
        own = statistics.median(after for _, after in pairs)
        ratio = statistics.median(before / after for before, after in pairs)
        print(f"| {name} | {16 / own:.0f} | {ratio:.2f} |", flush=True)


def packed(base):
    """Codes beside the base: fewer bytes to be read for one row, more arithmetic for many."""
    print("\n| packed | " + " | ".join(f"{rows} rows, x base" for rows in PACKED_ROWS) + " |")
    print("|---|" + "---|" * len(PACKED_ROWS))
    plan = plan_of(Fork(base))
    for name, edit in PACKED.items():
        fork = Fork(base)
        parse_edit({"kind": "quantize", **edit}).apply(fork)
        other, ratios = plan_of(fork), []
        for rows in PACKED_ROWS:
            pairs = [pair for _ in range(2) for pair in zip(seconds(plan, rows), seconds(other, rows), strict=True)]
            ratios.append(statistics.median(before / after for before, after in pairs))
        print(f"| {name} | " + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " |", flush=True)


def stops(fork):
    """How long after a stop, at 64 rows, nothing more is computed for whoever stopped."""
    batches.end_ids, taken = lambda base: set(), []
    for number in range(STOPS):
        stopped, over = threading.Event(), threading.Event()

        def answer(ended):
            *_, _ = decode(fork, [PROMPT] * 16, Sampling(400), ended.is_set)

        mine, *threads = (threading.Thread(target=answer, args=(ended,)) for ended in (stopped, over, over, over))
        for thread in (mine, *threads):
            thread.start()
        while sum(one.answered for one in batches.BATCHES.values()) < 64:
            time.sleep(0.05)
        time.sleep(0.1 * number)  # at any place of a step
        start = time.perf_counter()
        stopped.set()
        mine.join()
        while sum(len(one.seats) for one in batches.BATCHES.values()) > 48:
            time.sleep(0.001)
        taken.append(time.perf_counter() - start)
        over.set()
        for thread in threads:
            thread.join()
    print(
        f"\nStop at 64 rows: {1000 * statistics.median(taken):.0f} ms at the median, {1000 * max(taken):.0f} at most."
    )


def company(fork, count):
    """How many greedy answers differ between alone and among others."""
    random.seed(0)
    prompts = [[random.randint(1000, 20_000) for _ in range(random.randint(10, 150))] for _ in range(count)]
    batches.end_ids = lambda base: set()
    together, alone = [], []
    for start in range(0, count, COMPANY):
        *_, rows = decode(fork, prompts[start : start + COMPANY], Sampling(TOKENS))
        together += [row.ids for row in rows]
    for prompt in prompts:
        *_, (row,) = decode(fork, [prompt], Sampling(TOKENS))
        alone.append(row.ids)
    differ = sum(one != other for one, other in zip(together, alone, strict=True))
    print(
        f"\n{differ} of {count} greedy answers of {TOKENS} tokens differ between alone and among {COMPANY - 1} others."
    )
