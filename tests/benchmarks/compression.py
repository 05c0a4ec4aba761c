"""Perplexity of the pruned and the quantized base on WikiText-2, and how long each edit takes.

Usage: `make bench ARGS=compression`, or `make bench ARGS="compression wanda gptq"` for the rows
whose names have one of these words. The calibration text is the shipped one.
"""

import gc
import sys
import threading
import time
from pathlib import Path

from playground.engine.build import build, extended
from playground.engine.measuring import measure
from playground.engine.recipe import parse

MODEL = "smollm2-135m-instruct"
DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "wikitext2_valid.txt"
WORDS = 8000


def prune(name, **fields):
    return name, {"kind": "prune", **fields}


def quantize(name, scheme, **fields):
    return name, {"kind": "quantize", "scheme": scheme, **fields}


METHODS = ("magnitude", "wanda", "taylor", "sparsegpt", "random")
ROWS = [
    *(prune(f"{method} 50 %", method=method) for method in METHODS),
    *(prune(f"{method} 2:4", method=method, pattern="2:4") for method in METHODS[:4]),
    quantize("int8, per row", "int8", group_size="channel"),
    quantize("int4, g64", "int4"),
    quantize("int4, g64, zero point", "int4", symmetric=False),
    quantize("int4, g32, zero point", "int4", group_size=32, symmetric=False),
    quantize("int4, per row", "int4", group_size="channel"),
    quantize("nf4, g64", "nf4"),
    quantize("fp4, g64", "fp4"),
    quantize("int3, g64", "int3"),
    quantize("int3, g64, zero point", "int3", symmetric=False),
    quantize("gptq-4, g64", "int4", method="gptq"),
    quantize("gptq-3, g64", "int3", method="gptq"),
    quantize("gptq-3, g64, zero point", "int3", method="gptq", symmetric=False),
    quantize("ternary, g64", "ternary"),
    quantize("binary, g64", "binary"),
]


class PeakMemory:
    """The most memory this process held inside the block, beyond what it held at its start."""

    def __enter__(self):
        gc.collect()
        self.before, self.most, self.done = rss(), 0, False
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def _watch(self):
        while not self.done:
            self.most = max(self.most, rss() - self.before)
            time.sleep(0.005)

    def __exit__(self, *error):
        self.done = True
        self.thread.join()


def rss():
    """Bytes of this process's own memory in use: mapped files, such as the base, left out."""
    fields = Path("/proc/self/status").read_text()
    kilobytes = next(line.split()[1] for line in fields.splitlines() if line.startswith("RssAnon"))
    return int(kilobytes) * 1024


def main():
    words = DATA.read_text(encoding="utf-8").split(" ")[:WORDS]
    measure.MAX_TOKENS = 10**6
    text = " ".join(words)
    base = build(parse({"model": MODEL}))
    dense = measure.perplexity(base.fork, text)
    copy = sum(base.fork.base.storages().values())
    print(f"{WORDS} words, {dense.tokens} tokens; weights held as {base.fork.base.dtype}, {copy / 1e6:.0f} MB\n")
    print(
        "| edit | perplexity | x dense | weights changed by | effective bits | seconds "
        "| extra memory at most |\n|---|---|---|---|---|---|---|"
    )
    print(f"| dense | {dense.perplexity:.2f} | 1 | | 16 | | |", flush=True)
    for name, edit in ROWS:
        if sys.argv[2:] and not any(word in name for word in sys.argv[2:]):
            continue
        [parsed] = parse({"model": MODEL, "edits": [edit]}).edits
        with PeakMemory() as memory:
            built = extended(base, parsed)
        receipt = built.receipts[-1]
        found = measure.perplexity(built.fork, text).perplexity
        print(
            f"| {name} | {found:.2f} | {found / dense.perplexity:.3f} "
            f"| {receipt.relative_change:.1%} | {receipt.sizes.effective_bits:.2f} "
            f"| {receipt.seconds:.1f} | {memory.most / copy:.2f} of the model |",
            flush=True,
        )
