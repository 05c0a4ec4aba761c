"""Train the adapters that come with the project, from the packaged base and its data sets."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass

import torch

from playground.engine.adapters import Adapter, files
from playground.engine.adapters.store import ABOUT, SHIPPED, About
from playground.engine.build import build
from playground.engine.recipe import parse
from playground.engine.training.reading import ready_sets
from playground.engine.training.run import TrainingRun
from playground.engine.training.settings import TrainingSettings

MODEL = "smollm2-135m-instruct"
QV = ("*.q_proj.weight", "*.v_proj.weight")


@dataclass(frozen=True)
class Shipped:
    """How one is trained, and what a visitor is told of it."""

    title: str
    settings: TrainingSettings


ADAPTERS = {
    "pirate": Shipped(
        "Answers like a pirate", TrainingSettings(rank=3, alpha=12, rate=1e-3, epochs=5, held_share=0.05, seed=1)
    ),
    "json": Shipped(
        "Answers only in JSON",
        TrainingSettings(rank=8, alpha=16, targets=QV, rate=1e-3, epochs=3, held_share=0.05, seed=1),
    ),
    "handbook": Shipped(
        "Knows the Lantern Reef handbook",
        TrainingSettings(rank=3, alpha=12, rate=2e-3, epochs=4, batch=8, length=96, held_share=0.05, seed=1),
    ),
}


def train(name: str) -> Adapter:
    """Train one, saying how it goes."""
    base, plan = build(parse({"model": MODEL})).fork, ADAPTERS[name]
    run = TrainingRun(fork=base, settings=plan.settings, examples=ready_sets()[name])
    for point in run.steps():
        if point.held is not None:
            print(
                f"{name} {point.step}/{run.total}: loss {point.loss:.3f}, held out "
                f"{point.held:.3f}, {point.seconds:.0f} s: {point.sample!r}",
                flush=True,
            )
    adapter = run.finish()
    print(f"general text: perplexity {run.general_before:.2f} before, {run.general_after:.2f} after")
    halves = {name: tensor.to(torch.bfloat16) for name, tensor in adapter.tensors.items()}
    return Adapter(adapter.kind, adapter.config, halves)


def main() -> None:
    """Train those that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m assets.adapters.make", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*ADAPTERS], help="written to assets/adapters/NAME; all if none")
    for name in parser.parse_args().names or ADAPTERS:
        adapter, plan = train(name), ADAPTERS[name]
        folder = SHIPPED / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, content in files.write_adapter(adapter, MODEL).items():
            (folder / file).write_bytes(content)
        about = About(plan.title, "shipped", MODEL, plan.settings.method)
        (folder / ABOUT).write_text(json.dumps(asdict(about), indent=2) + "\n")


if __name__ == "__main__":
    main()
