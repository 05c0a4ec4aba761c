"""Seconds and peak memory of each edit of all 210 matrices, each in a process of its own.

Memory is what the process holds beside the mapped base and what was there before the edit,
the result included, as a share of the model's bytes.
"""

import json
import subprocess
import sys

ROWS = {
    "prune, magnitude": {"kind": "prune"},
    "prune, magnitude, global": {"kind": "prune", "scope": "global"},
    "prune, magnitude, 2:4": {"kind": "prune", "pattern": "2:4"},
    "prune, wanda (reads 4,096 tokens)": {"kind": "prune", "method": "wanda"},
    "prune, wanda, from the cache": {"kind": "prune", "method": "wanda", "sparsity": 0.4},
    "prune, taylor (reads 4,096 tokens)": {"kind": "prune", "method": "taylor"},
    "quantize, int8": {"kind": "quantize", "scheme": "int8"},
    "quantize, int4": {"kind": "quantize"},
    "quantize, ternary": {"kind": "quantize", "scheme": "ternary"},
    "quantize, nf4": {"kind": "quantize", "scheme": "nf4"},
    "quantize, int4, packed": {"kind": "quantize", "scheme": "int4", "mode": "packed"},
    "quantize, nf4, packed": {"kind": "quantize", "scheme": "nf4", "mode": "packed"},
    "quantize, int8, packed": {"kind": "quantize", "scheme": "int8", "group_size": "channel", "mode": "packed"},
    "prune, sparsegpt": {"kind": "prune", "method": "sparsegpt"},
    "quantize, int4, gptq": {"kind": "quantize", "method": "gptq"},
}
ONE = """
import sys, json
from tests.benchmarks.compression import MODEL, PeakMemory
from playground.engine.build import build, extended
from playground.engine.recipe import parse
from playground.engine.models import loader
base = build(parse({"model": MODEL}))
for p in base.fork.base.model.parameters():
    p.float().sum()  # the mapped file is read once, as it is by any use
[edit] = parse({"model": MODEL, "edits": [json.loads(sys.argv[1])]}).edits
if sys.argv[2] == "warm":
    extended(base, edit.model_copy(update={"sparsity": 0.3}))
with PeakMemory() as memory:
    receipt = extended(base, edit).receipts[-1]
print(f"{receipt.seconds:.2f} {memory.most / sum(base.fork.base.storages().values()):.2f}")
"""


def main():
    print("| edit of all 210 matrices | seconds | extra memory at most, x model |\n|---|---|---|")
    for name, edit in ROWS.items():
        warm = "warm" if "cache" in name else "cold"
        run = subprocess.run(
            [sys.executable, "-c", ONE, json.dumps(edit), warm], capture_output=True, text=True, check=True
        )
        seconds, memory = run.stdout.split()
        print(f"| {name} | {seconds} | {memory} |", flush=True)
