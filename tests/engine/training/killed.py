"""A process that trains and is killed: it queues three runs and stands still in the fourth step.

Its arguments are the home and the folder of the tiny models; ``test_jobs`` kills it.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

if __name__ == "__main__":  # before the settings are read
    os.environ |= {"PLAYGROUND_HOME": sys.argv[1], "PLAYGROUND_HUB": "off"}
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[3])]

from playground.engine.models import catalog, loader
from playground.engine.recipe import parse
from playground.engine.training import jobs
from playground.engine.training.data import Example
from playground.engine.training.run import TrainingRun
from playground.engine.training.settings import TrainingSettings

EXAMPLES = [Example(f"What is {n}?", f"It is {n + 1}.") for n in range(6)]
QUICK = TrainingSettings(rank=2, steps=4, batch=2, length=64, seed=1, dropout=0.2)


def main() -> None:
    from conftest import TinyModels

    models = TinyModels(Path(sys.argv[2]))
    catalog.PRESETS = (*catalog.PRESETS, models.entry("tiny-llama"))
    loader._load = lambda entry, on_step: models[entry.id]
    jobs.SAVE_SECONDS, jobs.SAVE_SHARE = 0.0, 1e9  # after every step
    real = TrainingRun._one_step

    def step(run: TrainingRun) -> float:
        while run.step == 3:
            time.sleep(1)
        return real(run)

    TrainingRun._one_step = step
    jobs.JOBS.recover()
    for number in range(3):
        recipe = parse({"model": "tiny-llama"})
        print(jobs.JOBS.submit(recipe, EXAMPLES, QUICK, str(number), ["Hi"]), flush=True)
    time.sleep(600)


if __name__ == "__main__":
    main()
