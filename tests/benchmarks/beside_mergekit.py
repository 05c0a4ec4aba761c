"""Merging beside mergekit: the same YAML to both, every merge a whole process of its own.

Ours: imports, the base opened (model and tokenizer), the YAML read, the checkpoints opened and
checked to be finite, the merge as the page does it, and its result written. mergekit's: its own
command. float32 in and out, one after the other in turn, so that both meet the same machine.

Usage: `MERGEKIT_PYTHON=/path/to/its/python make bench ARGS="merging mergekit"`, after which the
names of some rows may follow. mergekit lives in an environment of its own and is no requirement:
without that variable only our own figures are printed.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

MODEL = "smollm2-135m-instruct"
RUNS = 3
SIBLINGS = 3
OURS = """
import sys
from pathlib import Path
import torch
from safetensors.torch import save_file
from playground.engine.models import loader
from playground.engine.merging import checkpoints, mergekit
from playground.engine.build import build
from playground.engine.recipe import parse
config, home, out = map(Path, sys.argv[1:])
loader.native_dtype = lambda: torch.float32
checkpoints.home = lambda: home
base = build(parse({"model": "smollm2-135m-instruct"}))
edit, _ = mergekit.from_yaml(config.read_text(), base.recipe)
built = build(base.recipe.model_copy(update={"edits": (edit,)}))
out.mkdir()
save_file(dict(built.fork.model.named_parameters()), out / "model.safetensors")
"""
THEIRS = "from mergekit.scripts.run_yaml import main; main()"


def own(weight, **more):
    return {"weight": weight, **more}


def config(method, models, **more):
    """mergekit's configuration; models by the names of their folders."""
    listed = [{"model": name, "parameters": own} for name, own in models.items()]
    return {"merge_method": method, "models": listed, "dtype": "float32", **more}


def task_vectors(method, **each):
    models = {f"m{n}": own(weight, **each) for n, weight in enumerate((0.5, 0.3, 0.4))}
    return config(method, models, base_model=MODEL)


ROWS = {
    "linear, 2 models": config("linear", {"m0": own(0.6), "m1": own(0.4)}),
    "slerp": config("slerp", {MODEL: {}, "m0": {}}, base_model=MODEL, parameters={"t": 0.3}),
    "task_arithmetic, 3 models": task_vectors("task_arithmetic"),
    "ties, 3 models": task_vectors("ties", density=0.5),
    "dare_ties, 3 models": task_vectors("dare_ties", density=0.5),
}
RANDOM = ("dare_ties",)  # of which each has numbers of its own


@dataclass(frozen=True)
class Cost:
    """Of a whole process: seconds, processor seconds (user and system), MB at most in memory."""

    wall: float
    cpu: float
    memory: float


def write_models(home):
    """The base as a folder, and siblings that differ from it by seeded noise in every number."""
    import torch
    from safetensors.torch import load_file, save_file

    from playground.engine.models import catalog, loader

    loader.native_dtype = lambda: torch.float32
    entry = catalog.find_model(MODEL)
    loader.load(MODEL)
    name = f"{entry.id}-{entry.package.sha256[:12]}-float32-v{loader.CONVERSION}"
    base = loader.settings().home / "models" / name
    (home / MODEL).symlink_to(base.resolve())
    for seed in range(SIBLINGS):
        draws = torch.Generator().manual_seed(seed)
        state = {
            name: tensor + 0.1 * tensor.std() * torch.randn(tensor.shape, generator=draws)
            for name, tensor in load_file(base / "model.safetensors").items()
        }
        folder = home / f"m{seed}"
        folder.mkdir()
        save_file(state, folder / "model.safetensors", {"format": "pt"})
        shutil.copy(base / "config.json", folder)


def cost(command, cwd):
    """What a command costs, all told.

    :raises RuntimeError: it fails.
    """
    start = time.perf_counter()
    env = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    process = subprocess.Popen(command, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)  # of this child alone
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(said.decode()[-2000:])
    return Cost(time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000)


def furthest(first, second):
    """The largest relative difference between two results' tensors (Frobenius norms)."""
    from safetensors.torch import load_file

    a, b = (load_file(folder / "model.safetensors") for folder in (first, second))
    shared = set(a) & set(b)  # a tied head is written once or twice
    return max(float((a[n] - b[n]).double().norm() / b[n].double().norm()) for n in shared)


def figures(costs):
    """The least and the middle of each figure."""
    texts = []
    for name, digits in (("wall", 1), ("cpu", 1), ("memory", 0)):
        values = [getattr(one, name) for one in costs]
        texts.append(f"{min(values):.{digits}f} ({statistics.median(values):.{digits}f})")
    return " | ".join(texts)


def ratios(ours, theirs):
    """Ours to theirs, of the least of each figure."""
    return " | ".join(
        f"{min(getattr(c, name) for c in ours) / min(getattr(c, name) for c in theirs):.2f}"
        for name in ("wall", "cpu", "memory")
    )


def compare(name, home, mergekit):
    """One row: each side's costs in turn."""
    import yaml

    written = home / "merge.yaml"
    written.write_text(yaml.safe_dump(ROWS[name], sort_keys=False))
    results = {"mergekit": home / "theirs", "ours": home / "ours"}
    commands = {"ours": [sys.executable, "-c", OURS, written, home, results["ours"]]}
    if mergekit:
        theirs = [mergekit, "-c", THEIRS, written, results["mergekit"], "--no-write-model-card"]
        commands = {"mergekit": theirs} | commands  # a card is looked up on the Hub
    costs = {side: [] for side in commands}
    for _ in range(RUNS):
        for side, command in commands.items():
            shutil.rmtree(results[side], ignore_errors=True)
            costs[side].append(cost(list(map(str, command)), home))
    if not mergekit:
        return f"| {name} | {figures(costs['ours'])} |"
    near = f"{furthest(results['ours'], results['mergekit']):.1e}"
    near = "random" if ROWS[name]["merge_method"] in RANDOM else near
    sides = f"{figures(costs['mergekit'])} | {figures(costs['ours'])}"
    return f"| {name} | {sides} | {ratios(costs['ours'], costs['mergekit'])} | {near} |"


def main(names=()):
    mergekit = os.environ.get("MERGEKIT_PYTHON")
    sides = ["mergekit", "ours"] if mergekit else ["ours"]
    print(f"Whole processes, the least (and the middle) of {RUNS} runs.\n")
    head = [f"{side}: {what}" for side in sides for what in ("s", "processor s", "MB")]
    if mergekit:
        head += ["ours / mergekit: s", "processor s", "MB", "largest relative difference"]
    print(f"| merge | {' | '.join(head)} |\n|{'---|' * (len(head) + 1)}")
    with tempfile.TemporaryDirectory() as folder:
        write_models(Path(folder))
        for name in ROWS:
            if not names or any(asked in name for asked in names):
                print(compare(name, Path(folder), mergekit), flush=True)
