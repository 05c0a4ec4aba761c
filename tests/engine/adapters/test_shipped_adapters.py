"""The adapters that come with the project: small, described, and doing their job."""

from __future__ import annotations

import pytest

from assets.adapters.make.__main__ import ADAPTERS, MODEL, main
from playground.engine.adapters import files, lora, store
from playground.engine.adapters.edit import Attach
from playground.engine.fork import Fork
from playground.engine.training.settings import TrainingSettings
from tests.benchmarks import adapters as benchmark

NAMES = ("handbook", "json", "pirate")


def test_there_are_three_with_a_title_each():
    assert tuple(store.shipped()) == NAMES == tuple(sorted(ADAPTERS))
    for name, about in store.shipped().items():
        assert about.model == MODEL
        assert about.made == "shipped"
        assert about.title == ADAPTERS[name].title


@pytest.mark.parametrize("name", NAMES)
def test_each_is_safetensors_below_2_mb_with_a_card_that_says_how_it_was_made(name):
    folder = store.SHIPPED / name
    kept = {path.name for path in folder.iterdir()}
    assert kept == {files.WEIGHTS, files.CONFIG, store.ABOUT, "card.md"}
    assert (folder / files.WEIGHTS).stat().st_size < 2_000_000
    card = (folder / "card.md").read_text(encoding="utf-8")
    settings: TrainingSettings = ADAPTERS[name].settings
    for said in (f"make {name}`", f"seed {settings.seed}", f"rank {settings.rank}", f"{settings.rate:g}", "Apache-2.0"):
        assert said in card


@pytest.mark.parametrize(("given", "status"), [("--help", 0), ("parrot", 2)])
def test_the_command_says_what_it_trains(monkeypatch, capsys, given, status):
    monkeypatch.setattr("sys.argv", ["make", given])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == status
    said = "".join(capsys.readouterr())
    assert all(name in said for name in NAMES)


@pytest.mark.weights
@pytest.mark.parametrize("name", NAMES)
def test_each_does_its_job_on_prompts_that_it_was_not_trained_on(smollm2, name):
    """Eight of them: the share of all is the benchmark's."""
    fork = Fork(smollm2)
    Attach(source=name).apply(fork)
    settings = ADAPTERS[name].settings
    pairs = list(lora.pairs(store.load_adapter(name, fork)))
    assert {pair.rank for pair in pairs} == {settings.rank}
    assert {pair.scaling for pair in pairs} == {settings.alpha / settings.rank}
    asked = benchmark.held_back(name)[::6][:8]
    said = benchmark.answers(fork, [prompt for prompt, _ in asked])
    done = [benchmark.JOBS[name](text, wanted) for text, (_, wanted) in zip(said, asked, strict=True)]
    assert sum(done) >= 5
