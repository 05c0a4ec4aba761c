"""Steps of the plan beside those of the model's own modules, rows with edits of their own, and answers in company.

Usage: `make bench ARGS=decoding`; a number is how many answers are asked alone and in company (of 200).
"""

import random
import statistics
import sys
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

ROWS, STEPS, PROMPT = (1, 4, 8, 16, 32, 64), 9, list(range(1000, 1100))
COMPANY, TOKENS = 32, 64


def main():
    torch.set_grad_enabled(False)
    base = loader.load("smollm2-135m-instruct")
    steps(Fork(base))
    thin(base)
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
