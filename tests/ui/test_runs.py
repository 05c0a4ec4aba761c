"""Every run of the page, stopped in the middle: nothing is kept of it, and the visitor is told."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import gradio as gr
import pytest
import torch
from pressing import begin, standing, visitor
from safetensors.torch import save_file

from playground.ask.cards import WayCard, Wording
from playground.ask.phrasings import WAYS_TO_ASK
from playground.ask.question import Asked
from playground.ask.sheet import AskSheet, ask_sheet_to_json
from playground.engine.adapters import lora, store
from playground.engine.adapters.store import About
from playground.engine.facts import keys, layers
from playground.engine.fork import Fork
from playground.engine.fork.structure import matrices
from playground.engine.pruning.edit import Prune
from playground.engine.work import Stopped, Work
from playground.errors import CorpusError, Message
from playground.retrieval.dense import index as dense
from playground.settings import settings
from playground.ui.adapters.dial import dial_of
from playground.ui.parts.stations import known_json
from playground.ui.shell import run as shell_run
from playground.ui.shell.form import Form
from playground.ui.shell.run import RUNS, Run
from playground.ui.text import TABLES, tell

MODEL = "tiny-llama"
SOURCES = (Path(__file__).parents[2] / "playground" / "ui").rglob("*.py")
TEXT = "The cat sat on the mat while the rain fell on the roof of the house."
FACT = {"prompt": "and the cat", "subject": "the cat", "target": "of", "old": "sat"}
NUDGE = {"kind": "nudge_tokens", "text": " the", "direction": "random", "strength": 2.0}
COLUMNS = {"prompt": "The cat", "count": 2, "length": 64, "retriever_1": "none", "retriever_2": "bm25"}
POINT = {"points": [{"edit": Prune(sparsity=0.3).model_dump()}], "picked": 0}
MINE, OTHER, FILE, DIALLED = object(), object(), object(), object()  # what the test makes
MERGED = {"models": [MINE]}
ABOUT = Asked(question="What sat on the mat?", answer="the cat", text=TEXT)
CARD = WayCard(
    way="prompt",
    wordings=tuple(Wording(question="What sat?", text="the dog", right=False) for _ in range(WAYS_TO_ASK)),
    answer_seconds=1.0,
    recipe={"model": MODEL, "edits": []},
)
ASKED = ask_sheet_to_json(AskSheet(about=ABOUT, model=MODEL, ways=("prompt",), cards=(CARD,)))

# What a form holds, other than when the page opens, for each run.
HELD: dict[str, dict] = {
    "building": {"pending": "x", "edits": [Prune().model_dump()]},
    "speak": {"edits": [NUDGE]},
    "write": {},
    "apply": {},
    "hear": {},
    "measure": {"reading": TEXT, "edits": [Prune().model_dump()]},
    "sweep": {"reading": TEXT},
    "scan": {"reading": TEXT},
    "sweep_point": POINT,
    "attach": {},
    "dial": {"source": MINE, "known": DIALLED},
    "costs": {"source": MINE},
    "mix": {"sources": [MINE, OTHER]},
    "extract": {"edits": [NUDGE]},
    "merge": MERGED,
    "try": MERGED,
    "walk": MERGED | {"text_base": TEXT, "text_models": TEXT},
    "walk_point": POINT,
    "draw": MERGED | {"tensor": "model.layers.1.mlp.up_proj.weight"},
    "alike": {"models": [MINE, OTHER]},
    "yaml": {"yaml": f"{{merge_method: linear, models: [{{model: {MODEL}}}]}}"},
    "checkpoint": {"files": [FILE]},
    "search": {},
    "evaluate": {},
    "sources": {"weights": ["base"], "before": ["none", "few_shot", "bm25"], "against": 0},
    "compare": COLUMNS,
    "without": COLUMNS | {"picked": (1, "a.md#1")},
    "look": FACT,
    "propose": FACT,
    "trace": FACT,
    "teach": FACT | {"paraphrases": "here the cat", "neighbours": "", "consequences": "", "ways": ["in_context"]},
    "ask": {"question": "What sat on the mat?", "answer": "the cat"},
    "ask-again": {"sheet": ASKED, "picked": ("begin", "prompt")},
    "ask-change": {"sheet": ASKED, "new": "the dog"},
    "row": {"methods": ["ft"], "own": "the cat | and the cat | of | sat"},
    "collateral": {"edits": [NUDGE]},
}


@pytest.fixture
def home(known, tmp_path, monkeypatch, page_runs):
    """A home of its own, with tiny figures for what takes long."""
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(keys, "MOMENT_TOKENS", 700)
    monkeypatch.setitem(layers.CHOICES, MODEL, {"rome": (0,), "ft": (0,), "memit": (0,), "alphaedit": (0,)})
    monkeypatch.setattr(dense, "dense_index", embed)
    settings.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()


def embed(corpus, tell, stopped, encoder):
    """As the real one is stopped, which needs its model."""
    for batch in range(9):
        if stopped():
            raise CorpusError("Indexing was stopped. Search again to go on.")
        tell(batch, 9)
    raise CorpusError("The query is empty. Write what to look for.")


def adapter(known, name, seed):
    generator = torch.Generator().manual_seed(seed)
    shapes = [m for m in matrices(Fork(known[MODEL])) if m.layer is not None]
    thin = {
        m.name.removesuffix(".weight"): (
            torch.randn(2, m.columns, generator=generator),
            torch.randn(m.shape[0], 2, generator=generator),
        )
        for m in shapes
    }
    return store.keep_adapter(lora.make(thin), About(name, "trained", MODEL, "lora"))


@pytest.fixture
def held(home, known, tmp_path):
    """What stands in a run's form."""
    made = {MINE: adapter(known, "Mine", 1), OTHER: adapter(known, "Other", 2)}
    named = known[MODEL].model.named_parameters()
    save_file({name: (2 * p.detach()).contiguous() for name, p in named}, tmp_path / "model.safetensors")
    made[FILE] = str(tmp_path / "model.safetensors")
    attached = {"kind": "adapter", "source": made[MINE], "scale": 0.5}
    state = {"stack": {"model": MODEL, "steps": [{"edit": attached, "on": True}]}}
    dial = dial_of({"saved": state, "prompt": standing(RUNS["dial"])["prompt"], "source": made[MINE]})
    made[DIALLED] = known_json(dial.of, {"base": "of"}, {})

    def values(run: Run) -> dict:
        more = dict(HELD[run.name])
        edits = more.pop("edits", [attached] if run.name == "dial" else [])
        steps = [{"edit": edit, "on": True} for edit in edits]
        more["saved"] = {"stack": {"model": MODEL, "steps": steps}}
        for key, value in more.items():
            if isinstance(value, list):
                more[key] = [made.get(one, one) if type(one) is object else one for one in value]
            elif type(value) is object:
                more[key] = made[value]
        if "models" in more:
            more["models"] = [f"adapter:{source}" for source in more["models"]]
        return standing(run) | {name: value for name, value in more.items() if name in run.form} | {"language": "ko"}

    return values


def stopping_after(monkeypatch, checks: int) -> list[int]:
    """Let work be stopped once it was asked so often whether it is."""
    asked: list[int] = []

    def stopped() -> bool:
        asked.append(len(asked))
        return len(asked) > checks

    monkeypatch.setattr(shell_run, "work_for", lambda *given: Work(stopped=stopped))
    return asked


def rows_of(run: Run, call, values: dict) -> list[tuple]:
    """All that a press gives."""
    given = {part: values[name] for name, part in run.form.items()} | {run.turn: begin(run.name)}
    found = call(given, visitor(), lambda *step, **more: None)
    rows = list(found) if hasattr(found, "__next__") else [found]
    return [row if isinstance(row, tuple) else (row,) for row in rows]


def said(run: Run, partial: bool) -> set[str]:
    """What may be said in Korean of a run that was stopped."""
    key = run.words if partial else run.early or run.words
    if key:
        return {TABLES["ko"][key]}
    texts = ("Stopped. Your recipe is as it was.", "Indexing was stopped. Search again to go on.")
    return {tell("ko", Message(text)) for text in texts}


def kept_files(home: Path) -> set[str]:
    """What a visitor owns on this host."""
    folders = ("adapters", "checkpoints", "uploads", "corpora")
    return {str(file) for name in folders for file in (home / name).rglob("*") if file.is_file()}


def test_every_run_that_is_written_down_is_tried(page_runs):
    written = [
        word.value.value
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Run"
        for word in node.keywords
        if word.arg == "name"
    ]
    assert sorted(written) == sorted(HELD) == sorted(name for name in page_runs if name != "streamed")


@pytest.mark.parametrize("checks", [1, 3])
@pytest.mark.parametrize("name", HELD)
def test_of_a_run_that_is_stopped_nothing_is_kept_and_the_visitor_is_told(name, checks, held, home, monkeypatch):
    run = RUNS[name]
    values = held(run)
    before = json.dumps(values.get("saved"))
    owned = kept_files(home)
    asked = stopping_after(monkeypatch, checks)
    *partial, last = rows_of(run, run.call, values)
    if checks > 1 and len(asked) <= checks:
        return  # it was over before
    assert len(asked) > checks, "it never asked whether to go on"
    told = run.filled.index(run.told)
    for part, value in zip(run.filled, last, strict=True):
        if part is not run.told:
            assert value == (None if part in run.ready else gr.skip())
    shown = bool(partial) and partial[-1][0] != gr.skip()
    assert any(text in last[told] for text in said(run, shown)), last[told]
    browsers = [place for place, part in enumerate(run.filled) if isinstance(part, gr.BrowserState)]
    assert all(row[place] == gr.skip() for row in partial for place in browsers) or name in ("teach", "ask", "sources")
    assert partial == [] or run.told in run.outputs or run.words
    if run.keep:
        assert run.keep(values.get("saved"), "ko", last[0]) == gr.skip()
    assert json.dumps(values.get("saved")) == before
    assert kept_files(home) == owned


@pytest.mark.parametrize("name", ["compare", "sources"])
def test_what_is_done_before_a_run_is_stopped_too(name, held, monkeypatch):
    run = RUNS[name]
    stopping_after(monkeypatch, 1)
    values = held(run) | ({"before": ["dense"]} if name == "sources" else {"retriever_1": "dense"})
    [(told,)] = rows_of(run, run.call_first, values)
    assert any(text in told for text in said(run, False))
    [(*rest, told)] = rows_of(run, run.call, values)  # which begins all the same
    assert all(value == gr.skip() for value in rest)
    assert any(text in told for text in said(run, False))


def tried(handler, **more):
    """A run of this test's own, and how to press it."""
    told, out = gr.HTML(), gr.HTML()
    form = Form(saved=gr.State({}), language=gr.State("en"))
    run = Run(name="tried", handler=handler, form=form, told=told, **{"outputs": [out]} | more)
    return run, lambda: rows_of(run, run.call, {"saved": {}, "language": "en"})


def test_what_a_handler_makes_of_having_been_stopped_does_not_count(monkeypatch):
    def swallows(values, work):
        try:
            work.step(0, 1, Message("Step"))
        except Stopped:
            return {"kind": "an edit"}, "built"

    monkeypatch.setitem(RUNS, "tried", run := tried(swallows, outputs=(), keep=lambda *given: given)[0])
    stopping_after(monkeypatch, 1)
    [(edit, told)] = rows_of(run, run.call, {"saved": {}, "language": "en"})
    assert edit is None
    assert "Stopped" in told


def test_what_is_not_stopped_fills_its_outputs_and_says_nothing(monkeypatch):
    run, press = tried(lambda values, work: values["language"])
    monkeypatch.setitem(RUNS, "tried", run)
    assert press() == [("en", "")]


def test_a_whole_number_that_a_slider_wrote_as_another_is_whole():
    form = Form(rank=gr.Slider(1, 8), share=gr.Slider(0, 1))
    values = form.named({form["rank"]: 8.0, form["share"]: 0.5})
    assert values == {"rank": 8, "share": 0.5}
    assert type(values["rank"]) is int
