"""Merging: seconds and memory, a walk, and whether two skills are there in one model.

Usage: `make bench ARGS=merging`, or `make bench ARGS="merging speed"` (walk, skills) for a part.
`make bench ARGS="merging mergekit"` is apart: see ``beside_mergekit``.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import adapters, beside_mergekit

MODEL = "smollm2-135m-instruct"
RUNS = 3
ROWS = {
    "linear, 2 models": ("linear", 2),
    "linear, 3 models": ("linear", 3),
    "slerp": ("slerp", 1),
    "task_arithmetic, 3 models": ("task_arithmetic", 3),
    "ties, 3 models": ("ties", 3),
    "dare_ties, 3 models": ("dare_ties", 3),
    "della, 3 models": ("della", 3),
    "breadcrumbs, 3 models": ("breadcrumbs", 3),
    "sce, 3 models": ("sce", 3),
    "model_stock, 3 models": ("model_stock", 3),
    "karcher, 3 models": ("karcher", 3),
}
# Each model is a file of its own, every tensor of it different, and read while it is merged.
ONE = """
import sys, json
from tests.benchmarks.compression import PeakMemory
from playground.engine.merging import checkpoints
from playground.engine.build import build, extended
from playground.engine.recipe import parse
from pathlib import Path
checkpoints.home = lambda: Path(sys.argv[2])
base = build(parse({"model": "smollm2-135m-instruct"}))
for p in base.fork.base.model.parameters():
    p.float().sum()  # the mapped files are read once, as they are by any use
for path in Path(sys.argv[2]).rglob("*.safetensors"):
    path.read_bytes()
[edit] = parse({"model": "smollm2-135m-instruct", "edits": [json.loads(sys.argv[1])]}).edits
with PeakMemory() as memory:
    receipt = extended(base, edit).receipts[-1]
print(f"{receipt.seconds:.2f} {memory.most / sum(base.fork.base.storages().values()):.2f}")
"""


def write_models(folder, count):
    """Checkpoints that differ a little in every tensor, in the model's dtype."""
    from safetensors.torch import save_file

    from playground.engine.models.loader import load

    base = load(MODEL)
    for n in range(count):
        state = {name: p + 0.02 * p.roll(n + 1, -1) for name, p in base.model.named_parameters()}
        (folder / f"m{n}").mkdir()
        save_file(state, folder / f"m{n}" / "model.safetensors")


def speed():
    print(f"The middle of {RUNS} runs, each in a process of its own.\n")
    print("| method | seconds | extra memory at most, x model |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        write_models(Path(folder), 3)
        for name, (method, count) in ROWS.items():
            models = [{"checkpoint": f"m{n}", "density": 0.5} for n in range(count)]
            edit = {"kind": "merge", "method": method, "models": models}
            command = [sys.executable, "-c", ONE, json.dumps(edit), folder]
            runs = [
                subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() for _ in range(RUNS)
            ]
            columns = zip(*runs, strict=True)
            seconds, memory = (statistics.median(map(float, one)) for one in columns)
            print(f"| {name} | {seconds:.2f} | {memory:.2f} |", flush=True)


def with_adapter(name):
    edits = [{"kind": "adapter", "source": name, "fold": True}]
    return {"recipe": {"model": MODEL, "edits": edits}}


def walk():
    """The pirate adapter, folded, to the base: eleven points, against the worse of both ends."""
    from playground.engine.build import build
    from playground.engine.merging.walk import walk as walked
    from playground.engine.recipe import parse
    from playground.ui.merge.walk import texts_for

    merge = {"kind": "merge", "method": "linear", "models": [with_adapter("pirate")]}
    [edit] = parse({"model": MODEL, "edits": [merge]}).edits
    built = build(parse({"model": MODEL}))
    points = list(walked(built, edit, texts_for(edit, "", "")))
    print("\n| t | general text | the pirate's text |\n|---|---|---|")
    for point in points:
        first, second = point.perplexities
        print(f"| {point.t:g} | {first:.2f} | {second:.2f} |")
    for which, name in enumerate(("general text", "the pirate's text")):
        values = [point.perplexities[which] for point in points]
        worst = max(values) / max(values[0], values[-1])
        print(f"{name}: the worst point is {worst:.3f} of the worse end")


def skills():
    for other in ("json", "handbook"):
        both_skills(other)


def both_skills(other):
    """The share of held-back prompts whose answers show another skill, the pirate's, and both."""
    from playground.engine.build import build
    from playground.engine.recipe import parse

    asked = adapters.held_back(other)
    print(f"\n| method | {other} | pirate | both |\n|---|---|---|---|")
    methods = {
        "linear": {},
        "task_arithmetic": {},
        "ties": {"density": 0.5},
        "dare_ties": {"density": 0.5},
        "concat": {},
        "ensemble": {},
    }
    for method, more in methods.items():
        models = [with_adapter(name) | more for name in ("pirate", other)]
        if method == "concat":
            for model in models:
                model["recipe"]["edits"][0]["fold"] = False
        merge = {"kind": "merge", "method": method, "models": models}
        fork = build(parse({"model": MODEL, "edits": [merge]})).fork
        said = list(adapters.answers(fork, [prompt for prompt, _ in asked]))
        pairs = list(zip(said, asked, strict=True))
        first = [adapters.JOBS[other](text, wanted) for text, (_, wanted) in pairs]
        pirate = [adapters.piratical(text, "") for text in said]
        both = [a and b for a, b in zip(first, pirate, strict=True)]
        shares = " | ".join(f"{sum(one) / len(one):.0%}" for one in (first, pirate, both))
        print(f"| {method} | {shares} |", flush=True)


def main():
    asked = sys.argv[2:] or ["speed", "walk", "skills"]
    if "mergekit" in asked:
        beside_mergekit.main([word for word in asked if word != "mergekit"])
    for name, part in (("speed", speed), ("walk", walk), ("skills", skills)):
        if name in asked:
            part()
