"""What the Adapters tab's handlers do with plain values: no browser, no page."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from html import unescape
from types import SimpleNamespace
from typing import get_args

import gradio as gr
import pytest
import torch
from gradio.context import LocalContext
from pressing import begin, press, visitor

from playground import disk
from playground import workspace as spaces
from playground.engine.adapters import files, lora, store
from playground.engine.adapters.store import About
from playground.engine.build import build_quickly
from playground.engine.decoding.answering import answer_texts, chat_prompt
from playground.engine.fork import Fork
from playground.engine.fork.structure import matrices
from playground.engine.models.loader import CACHE
from playground.engine.recipe import parse
from playground.engine.training import jobs
from playground.engine.training.jobs import JOBS
from playground.engine.training.methods import METHODS
from playground.engine.training.run import TrainingPoint
from playground.engine.training.settings import TrainingSettings
from playground.errors import Message, PlaygroundError
from playground.settings import settings
from playground.ui.adapters import attach as attach_panel
from playground.ui.adapters import calculator as calculator_panel
from playground.ui.adapters import dial
from playground.ui.adapters import look as look_panel
from playground.ui.adapters import mix as mix_panel
from playground.ui.adapters import own as own_adapters
from playground.ui.adapters import train as train_panel
from playground.ui.adapters import train_form as train_settings
from playground.ui.adapters import view as adapters_html
from playground.ui.parts.adapter_menu import own_ids
from playground.ui.shell.turns import stops
from playground.ui.text import EN, KO, TABLES

pytestmark = pytest.mark.usefixtures("page_runs")
MODEL = "tiny-llama"
both = pytest.mark.parametrize("language", ["en", "ko"])
korean = pytest.mark.parametrize("language", ["ko"])  # for what the edit's own tests read in English
stop_run = stops()  # whatever goes on
ROWS = [["What is one?", "It is 1."], ["What is two?", "It is 2."], ["", ""], ["Three?", "3."]]


def saved(*edits, model=MODEL):
    steps = [{"edit": edit, "on": True} for edit in edits]
    return {"stack": {"model": model, "steps": steps}}


def edits_of(state):
    return [step["edit"] for step in json.loads(json.dumps(state))["stack"]["steps"]]


@pytest.fixture
def mine(known):
    """The id of an own adapter for the tiny model."""
    base = Fork(known[MODEL])
    generator = torch.Generator().manual_seed(1)
    thin = {
        m.name.removesuffix(".weight"): (
            torch.randn(2, m.columns, generator=generator),
            torch.randn(m.shape[0], 2, generator=generator) / 4,
        )
        for m in matrices(base)
        if m.layer is not None
    }
    return store.keep_adapter(lora.make(thin), About("My own", "trained", MODEL, "lora"))


def edit(source, scale=1.0, fold=False):
    return {"kind": "adapter", "source": source, "scale": scale, "fold": fold}


# Attaching


def test_attaching_puts_the_adapter_on_top_and_again_only_turns_it(mine):
    state = attach_panel.put_adapter(saved(), "en", mine, 1.0, False)
    assert edits_of(state) == [edit(mine)]
    state = attach_panel.put_adapter(state, "en", mine, -0.5, False)
    state = attach_panel.put_adapter(state, "en", mine, -0.5, True)
    assert edits_of(state) == [edit(mine, -0.5, True)]
    undone = spaces.workspace_from_json(state).undo()
    assert edits_of(undone.to_json()) == [edit(mine, -0.5)]


def test_an_adapter_below_another_edit_is_turned_where_it_is(mine):
    nudge = {"kind": "nudge_tokens", "text": " the", "direction": "scale", "strength": 2.0}
    state = spaces.workspace_from_json(saved(edit(mine))).add(nudge).to_json()
    turned = attach_panel.put_adapter(state, "en", mine, 2.0, False)
    assert [one["kind"] for one in edits_of(turned)] == ["adapter", "nudge_tokens"]
    assert edits_of(turned)[0] == edit(mine, 2.0)


@korean
def test_no_adapter_and_one_that_is_gone_are_refused_in_words(known, language):
    said = {"en": "No adapter is chosen", "ko": "고른 어댑터가 없습니다"}[language]
    for none in (None, ""):
        with pytest.raises(gr.Error, match=said):
            attach_panel.put_adapter(saved(), language, none, 1.0, False)
    gone = {"en": "is not on this host", "ko": "이 서버에 없습니다"}[language]
    with pytest.raises(gr.Error, match=gone):
        attach_panel.put_adapter(saved(), language, "0" * 32, 1.0, False)


def test_an_adapter_of_another_model_does_not_reach_the_recipe(mine):
    with pytest.raises(gr.Error, match="made for another model"):
        attach_panel.put_adapter(saved(model="tiny-neox"), "en", mine, 1.0, False)


@both
def test_the_panel_opens_with_the_adapter_looked_into(mine, language):
    menu, seen, paths, drawn, paid = attach_panel.open_attach(saved(), [mine], language, mine)
    table = TABLES[language]
    assert menu["value"] == mine
    assert (f"My own ({'yours' if language == 'en' else '내 것'}, {mine[:6]})", mine) in menu["choices"]
    assert table["look_rank"] in seen
    assert "<svg" in seen
    assert paths["visible"]
    assert paths["value"] in paths["choices"]
    assert "<svg" in drawn
    assert paid == ""
    other = look_panel.show_thin(saved(), language, mine, paths["choices"][1])
    assert "<svg" in other
    assert other != drawn


def test_what_was_just_made_is_chosen_though_the_browser_does_not_list_it_yet(mine):
    menu, *_ = attach_panel.open_made(saved(), [], "en", mine)
    assert menu["value"] == mine
    menu, *_ = attach_panel.open_made(saved(), [mine], "en", "")
    assert menu["value"] in store.shipped()


def test_what_was_taken_off_the_list_is_no_longer_offered_but_not_taken_from_others(mine):
    ids, chosen = own_adapters.forget_adapter([mine], "en", mine)
    assert (ids, chosen) == ([], None)
    menu, *_ = attach_panel.open_attach(saved(), ids, "en", mine)
    assert mine not in [value for _, value in menu["choices"]]
    assert store.about(mine) is not None
    with pytest.raises(gr.Error, match="Only your own"):
        own_adapters.forget_adapter([], "en", mine)


def test_a_shipped_adapter_cannot_be_deleted(known):
    for name in store.shipped():
        with pytest.raises(gr.Error, match="Only your own"):
            own_adapters.forget_adapter([name], "en", name)


@pytest.mark.parametrize("damaged", [None, 5, "x", [5, None, "../etc"], {}])
def test_a_damaged_list_from_the_browser_is_an_empty_one(known, damaged):
    assert own_ids(damaged) == []


def test_an_upload_is_checked_kept_and_listed(mine, known, tmp_path):
    adapter = store.load_adapter(mine, Fork(known[MODEL]))
    disk.remove(settings().home / "adapters" / mine)
    path = tmp_path / "nice.zip"
    path.write_bytes(files.zip_of(files.write_adapter(adapter, MODEL)))
    ids, made = own_adapters.add_adapter({"saved": saved(), "mine": [], "language": "en", "files": [str(path)]})
    assert ids == [made]
    assert store.load_adapter(made, Fork(known[MODEL])).id == adapter.id
    assert store.about(made).title == "nice"


@korean
def test_a_bad_upload_is_refused_in_words(known, tmp_path, language):
    path = tmp_path / "adapter_model.bin"
    path.write_bytes(b"x")
    with pytest.raises(gr.Error, match="pickle"):
        own_adapters.add_adapter({"saved": saved(), "mine": [], "language": language, "files": [str(path)]})


def test_what_is_taken_away_is_a_zip_of_the_folder(mine):
    update = own_adapters.take_away("en", mine)
    with zipfile.ZipFile(update["value"]) as archive:
        assert set(archive.namelist()) == {files.WEIGHTS, files.CONFIG}
    assert io.BytesIO(store.folder_of(mine)[files.WEIGHTS]).getbuffer().nbytes > 0


def test_both_answers_are_written(mine):
    *_, (shown, row, known, _) = press("attach", saved=saved(edit(mine, 3.0)), prompt="The cat", source=mine)
    assert shown.index(EN["attach_recipe"]) < shown.index("pg-said-large") < shown.index(EN["attach_base"])
    assert "at 3" in shown
    assert row.count("<li") == len(dial.PLACES)
    assert json.loads(known)["texts"]["3"] in unescape(shown)
    assert json.loads(known)["texts"]["base"] in unescape(shown)


def test_an_adapter_that_is_not_on_the_recipe_has_no_dial(mine):
    *_, (shown, row, known, _) = press("attach", saved=saved(), prompt="The cat", source=mine)
    assert shown.count("pg-answer") == 2
    assert (row, known) == ("", "")
    assert list(press("dial", saved=saved(), prompt="The cat", source=mine)) == [(gr.skip(), gr.skip(), "")]


def test_a_place_of_the_dial_is_what_the_recipe_answers_with_the_adapter_at_that_scale(mine, monkeypatch):
    """Also where an edit lies on top of the adapter; and none of the variants is kept."""
    nudge = {"kind": "nudge_tokens", "text": " the", "direction": "scale", "strength": 2.0}
    asked = {"prompt": "The cat", "source": mine}
    *_, (_, _, known, _) = press("attach", saved=saved(edit(mine, 3.0), nudge), **asked)
    with monkeypatch.context() as patch:
        patch.setattr(CACHE, "put", lambda key, value: pytest.fail(f"{key} is kept"))
        rows = list(press("dial", saved=saved(edit(mine, 3.0), nudge), known=known, **asked))
    assert rows.pop(0)[:2] == (gr.skip(), gr.skip())
    assert len(rows) == len(dial.PLACES)
    again = list(press("dial", saved=saved(edit(mine, 1.0), nudge), known=rows[-1][1], **asked))
    assert again == [(gr.skip(), gr.skip(), "")]  # what stands there stays
    texts = json.loads(rows[-1][1])["texts"]
    for place in dial.PLACES:
        fork = build_quickly(parse({"model": MODEL, "edits": [edit(mine, place), nudge]})).fork
        assert answer_texts(fork, [chat_prompt(fork, "The cat")], dial.ANSWER_TOKENS) == [texts[f"{place:g}"]]
    assert len(set(texts.values())) > 2  # the dial does something
    shown = json.loads(rows[-1][1])["shown"]
    assert shown.keys() == texts.keys() - {"base"}
    assert EN["dial_half"] in shown["0.5"]


def test_turning_the_dial_back_answers_nothing_anew(mine, monkeypatch):
    asked = {"prompt": "The cat", "source": mine}
    *_, (_, _, known, _) = press("attach", saved=saved(edit(mine, 3.0)), **asked)
    *_, (before, _, known, _) = press("attach", saved=saved(edit(mine, 0.5)), known=known, **asked)
    monkeypatch.setattr(attach_panel, "written", lambda *given: pytest.fail("answered again"))
    *_, (again, _, _, _) = press("attach", saved=saved(edit(mine, 0.5)), known=known, **asked)
    assert again == before
    monkeypatch.setattr(attach_panel, "written", lambda *given: iter(["anew"]))
    *_, (other, _, _, _) = press("attach", saved=saved(edit(mine, 0.5)), known=known, **asked | {"prompt": "A dog"})
    assert other.count("anew") == 2


def test_both_ways_cost_what_they_cost(mine, monkeypatch):
    shown, told = press("costs", saved=saved(), language="ko", source=mine)
    assert KO["costs_caption"] in shown
    assert told == ""
    turn = begin("costs")
    stop_run(visitor())
    shown, told = press("costs", saved=saved(), language="ko", source=mine, turn=turn)
    assert shown == gr.skip()
    assert "멈췄습니다" in told


def test_an_adapter_under_an_edit_of_all_weights_can_be_turned(mine):
    state = saved(edit(mine), {"kind": "prune"})
    turned = attach_panel.put_adapter(state, "en", mine, 0.5, False)
    assert edits_of(turned)[0] == edit(mine, 0.5)


def test_an_adapter_that_came_back_is_attached_again(mine, known, monkeypatch):
    adapter = store.load_adapter(mine, Fork(known[MODEL]))
    monkeypatch.setattr("playground.engine.build.FOR_NOW_SECONDS", 0.0)
    disk.remove(settings().home / "adapters" / mine)
    CACHE.clear()
    for _ in range(2):
        with pytest.raises(PlaygroundError, match="not on this host"):
            build_quickly(parse({"model": MODEL, "edits": [edit(mine)]}))
    assert store.keep_adapter(adapter, About("My own", "trained", MODEL, "lora")) == mine
    assert build_quickly(parse({"model": MODEL, "edits": [edit(mine)]})).receipts


# Training


def controls(**changed):
    """The settings' controls as they stand at first."""
    opened = {
        "rank": 2,
        "targets": ["linear"],
        "layers": 2,
        "virtual_tokens": 4,
        "rate": 1e-3,
        "epochs": 1,
        "steps": 3,
        "batch": 2,
        "alpha": 4,
        "dropout": 0.0,
        "warmup": 0.1,
        "schedule": "cosine",
        "weight_decay": 0.0,
        "accumulate": 1,
        "length": 64,
        "prompt_weight": 0.0,
        "held_share": 0.0,
        "patience": 0,
        "checkpointing": False,
        "seed": 0,
    }
    assert set(changed) <= set(opened)
    return {"method": "lora"} | opened | changed


def given(language="en", source="table", **changed):
    """What stands on the training panel."""
    named = {name: changed.pop(name) for name in ("ready", "file", "rows", "prompts", "job") if name in changed}
    stands = {"ready": None, "file": None, "rows": ROWS, "prompts": "", "job": ""} | named
    return {"saved": saved(), "language": language, "source": source} | stands | controls(**changed)


def test_the_controls_as_they_stand_are_the_settings_defaults():
    built = train_settings.settings_of(
        controls(rank=8, rate=5e-4, epochs=3, steps=0, batch=4, alpha=16, length=128, held_share=0.1, virtual_tokens=16)
    )
    assert built == TrainingSettings()


def test_q_and_v_are_one_entry_of_the_menu():
    built = train_settings.settings_of(controls(targets=[train_settings.QV, "mlp"]))
    assert built.targets == ("*.q_proj.weight", "*.v_proj.weight", "mlp")


@pytest.mark.parametrize("changed", [{"rate": 0}, {"rate": None}, {"rate": 5.0}, {"seed": -1}])
def test_settings_out_of_range_are_refused(changed):
    with pytest.raises(train_panel.DataError, match="out of its range"):
        train_settings.settings_of(controls(**changed))


@both
def test_looking_ahead_shows_what_learns_and_what_the_model_sees(known, language):
    ahead, seen = train_panel.look_ahead(given(language))
    assert TABLES[language]["estimate_parameters"] in ahead
    assert seen.count("<pre") == 2
    assert "<mark>" in seen


@both
def test_looking_ahead_without_examples_says_what_to_do(known, language):
    said = {"en": "There are no examples", "ko": "예시가 없습니다"}[language]
    ahead, seen = train_panel.look_ahead(given(language, rows=[["", ""]]))
    assert said in ahead
    assert seen == ""
    missing, _ = train_panel.look_ahead(given(language, "file"))
    assert {"en": "No file is chosen", "ko": "고른 파일이 없습니다"}[language] in missing


def test_a_file_is_read(known, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("prompt,completion\nOne?,1\nTwo?,2\n")
    reading = train_panel.reading_of(given(source="file", file=str(path)))
    assert [one.completion for one in reading.examples] == ["1", "2"]


@both
def test_what_is_left_out_of_a_file_is_told_before_training(known, tmp_path, language):
    path = tmp_path / "mine.json"
    turns = [("system", "Be"), ("user", "Hi"), ("assistant", "Ho")]
    messages = [{"role": role, "content": text} for role, text in turns]
    rows = [{"instruction": "One?", "output": 1}, {"instruction": "<b>"}, {"messages": messages}]
    path.write_text(json.dumps(rows))
    ahead, seen = train_panel.look_ahead(given(language, "file", file=str(path)))
    said = {
        "en": ("Left out: 1 of the rows; 2 examples", "Example 2 lacks", "system: 1"),
        "ko": ("뺀 줄: 1개. 예시 2개", "2번 예시에", "시스템 글이 있는 예시: 1개"),
    }
    for text in said[language]:
        assert text in ahead
    assert TABLES[language]["estimate_parameters"] in ahead
    assert "system\nBe" in re.sub("<.*?>", "", seen.replace("<|", "&"))


def test_only_the_controls_of_a_method_and_of_a_source_are_shown():
    shown = {method: [u["visible"] for u in train_settings.show_training_method(method)] for method in METHODS}
    assert shown["lora"] == [True, True, False, False]
    assert shown["bottleneck"] == [True, False, False, False]
    assert shown["last_layers"] == [False, False, True, False]
    assert shown["prefix"] == [False, False, False, True]
    assert shown["full"] == [False] * 4
    assert train_settings.usual_rate("full") == METHODS["full"].rate
    for place, name in enumerate(train_panel.SOURCES):
        visible = [update["visible"] for update in train_panel.show_examples_source(name)]
        assert visible == [n == place for n in range(3)]


def finish(job_id):
    end = time.monotonic() + 120
    while JOBS.get(job_id).active():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_run_becomes_an_own_adapter_that_can_be_attached(known):
    job_id, timer = train_panel.start(given(prompts="Hello\n\nOne?"))
    assert timer.active
    finish(job_id)
    shown, ids, source, timer = train_panel.watch(job_id, [], "en", "")
    assert not timer.active
    assert EN["run_done"] in shown
    assert EN["run_answers"] in shown
    assert ids == [source]
    assert store.about(source).title == "LoRA, own examples"
    assert edits_of(attach_panel.put_adapter(saved(), "en", source, 1.0, False)) == [edit(source)]
    again = train_panel.watch(job_id, ids, "en", source)  # it is taken over once
    assert again[1] == again[2] == gr.skip()


@both
def test_a_second_run_waits_for_the_first(known, language, monkeypatch):
    monkeypatch.setattr(JOBS, "get", lambda job_id: SimpleNamespace(active=lambda: True))
    said = {"en": "not over yet", "ko": "아직 끝나지"}[language]
    with pytest.raises(gr.Error, match=said):
        train_panel.start(given(language, job="x"))


@both
def test_a_session_has_one_run_whatever_its_browser_says_of_the_last(known, monkeypatch, language):
    asked = []
    monkeypatch.setattr(JOBS, "submit", lambda *values: asked.append(values[-1]) or "a")
    request = LocalContext.request.set(SimpleNamespace(session_hash="the session"))
    try:
        train_panel.start(given(language))
    finally:
        LocalContext.request.reset(request)
    assert asked == ["the session"]


@both
def test_a_run_that_is_not_known_shows_what_to_do(known, language):
    for unknown in (None, "", "x", 5):
        shown, *_, timer = train_panel.watch(unknown, [], language, "")
        assert TABLES[language]["train_empty"].split(":")[0] in shown
        assert not timer.active
    shown, *_, timer = train_panel.watch("0" * 32, [], language, "")  # a run that a browser kept
    assert {"en": "no longer known here", "ko": "이제 여기에 없습니다"}[language] in shown
    assert not timer.active
    with pytest.raises(gr.Error):
        train_panel.resume_training("x", language)
    train_panel.halt("x")


@pytest.mark.parametrize("status", get_args(jobs.Status))
@both
def test_every_state_of_a_run_is_said_before_and_after_its_first_step(known, status, language):
    run = jobs.Job(
        id="x",
        recipe=parse({"model": MODEL}),
        examples=[],
        settings=train_panel.TrainingSettings(),
        title="t",
        prompts=(),
        status=status,
    )
    if status == "failed":
        run.error = Message("The run failed for a reason of its own. Try other settings.")
    early = adapters_html.run(run, 2, language)
    run.points, run.total, run.source = (TrainingPoint(step=1, loss=2.0, rate=0.1, seconds=3.0),), 5, "a"
    for job_run in (None, object()):
        run.run = job_run
        late = adapters_html.run(run, 2, language)
        assert "<svg" in late
    assert "<svg" not in early
    assert len(early) > 20


@both
def test_a_run_tells_its_clock_what_is_left_and_what_happened_to_it(known, monkeypatch, language):
    now = time.monotonic()
    monkeypatch.setattr(adapters_html.time, "monotonic", lambda: now + 75)
    run = jobs.Job(
        id="x",
        recipe=parse({"model": MODEL}),
        examples=[],
        settings=train_panel.TrainingSettings(),
        title="t",
        prompts=(),
        status="preparing",
    )
    run.since, run.total = now, 2_000
    run.told = Message("The host was restarted. The run kept its place.")
    assert "75 s" in adapters_html.run(run, 0, language)
    told = {"en": "The host was restarted", "ko": "서버가 다시 시작"}[language]
    assert told in adapters_html.run(run, 0, language)
    run.status = "training"
    for step, seconds, said in (
        (20, 18.9, {"en": "about 31 min left", "ko": "약 31 min 남음"}),
        (1_999, 20.0, {"en": "about 1 s left", "ko": "약 1 s 남음"}),
        (2_000, 20.0, {"en": "All steps are done, 75 s", "ko": "모든 걸음이 끝났습니다"}),
    ):
        run.points = (TrainingPoint(step=step, loss=2.0, rate=1.67e-4, seconds=seconds),)
        assert said[language] in adapters_html.run(run, 0, language)


def test_a_curves_names_and_numbers_stand_beside_it_and_are_whole(known):
    run = jobs.Job(
        id="x",
        recipe=parse({"model": MODEL}),
        examples=[],
        settings=train_panel.TrainingSettings(),
        title="t",
        prompts=(),
        status="training",
    )
    run.total = 3
    run.points = tuple(
        TrainingPoint(step=n, loss=9.0 - n, rate=1.67e-4 * n, seconds=1.0, held=8.0, sample="a") for n in (1, 2, 3)
    )
    shown = adapters_html.run(run, 0, "en")
    said = shown.index("pg-said-large")
    assert shown.index(EN["run_sample"]) > said  # large, above what is drawn
    assert said < shown.index("<svg")
    loss, rate = re.findall("<svg.*?</svg>", shown)
    drawn = min(float(y) for y in re.findall(r"[ \"]\d+\.\d,(\d+\.\d)", loss))
    names = [float(re.search(rf'y="([\d.]+)"[^>]*>. {name}<', loss)[1]) for name in (EN["run_loss"], EN["run_held"])]
    assert max(names) + 4 < drawn  # a letter's foot is above all that is drawn
    beside = re.findall(r'x="([\d.]+)" y="[\d.]+" text-anchor="end">([^<]+)<', rate)
    assert {"5e-4", "2.5e-4"} <= {text for _, text in beside}
    assert all(len(text) * 8 <= float(x) for x, text in beside)  # 15 px letters on a telephone


def test_a_model_without_a_chat_template_learns_plain_text(known, monkeypatch):
    monkeypatch.setattr(known[MODEL].tokenizer, "chat_template", None)
    _, seen = train_panel.look_ahead(given())
    assert "im_start" not in seen


# Mixing and extracting


def test_two_adapters_are_mixed_and_mixed_again_in_the_same_place(mine, known):
    base = Fork(known[MODEL])
    pairs = lora.pairs(store.load_adapter(mine, base))
    other = store.keep_adapter(
        lora.make({pair.path: (pair.down, -pair.up) for pair in pairs}), About("Its opposite", "trained", MODEL)
    )
    asked = {"sources": [mine, other], "method": "cat", "seed": None, "weight_1": 1.0}
    edit, receipt = press("mix", saved=saved(), **asked)
    assert list(edit["weights"]) == [1.0, 0.5]
    assert "Tensors changed" in receipt
    state = mix_panel.keep_mix(saved(), "en", edit)
    assert [one["kind"] for one in edits_of(state)] == ["mix_adapters"]
    again = mix_panel.keep_mix(state, "en", edit | {"weights": [1.0, 1.0]})
    assert [one["weights"] for one in edits_of(again)] == [[1.0, 1.0]]


def test_a_mix_that_was_stopped_is_not_put_on_the_recipe(mine, known):
    other = store.keep_adapter(store.load_adapter(mine, Fork(known[MODEL])), About("Its twin", "trained", MODEL))
    turn = begin("mix")
    stop_run(visitor())
    edit, told = press("mix", saved=saved(), turn=turn, sources=[mine, other], method="linear")
    assert edit is None
    assert "Stopped" in told
    assert "Tensors changed" not in told


@both
def test_one_adapter_alone_cannot_be_mixed(mine, language):
    said = {"en": "at least two", "ko": "둘 이상"}[language]
    for few in ([], None, [mine]):
        with pytest.raises(gr.Error, match=said):
            press("mix", saved=saved(), language=language, sources=few)


def test_as_many_weights_are_shown_as_adapters_are_chosen():
    for count in range(5):
        shown = mix_panel.show_weights(["x"] * count)
        assert [update["visible"] for update in shown] == [n < count for n in range(4)]


def extract(first, second, *edits, file=None, rank=4, language="en"):
    ends = {"first": first, "second": second, "file": file, "rank": rank}
    *found, told = press("extract", saved=saved(*edits), language=language, **ends)
    assert told == ""
    return found


@both
def test_the_difference_from_the_base_becomes_an_own_adapter(known, language):
    half = {"kind": "prune", "sparsity": 0.5}
    ids, source, shown = extract("base", "recipe", half, language=language)
    assert ids == [source]
    assert TABLES[language]["extract_energy"] in shown
    assert store.about(source).made == "extracted"
    both_ways = extract("before_last", "recipe", half, language=language)
    assert both_ways[1] == source


def test_a_saved_recipe_is_an_end_too(known, tmp_path):
    file = tmp_path / "recipe.json"
    file.write_text(json.dumps({"model": MODEL, "edits": [{"kind": "prune"}]}))
    _, source, _ = extract("base", "file", file=str(file))
    assert source == extract("base", "recipe", {"kind": "prune"})[1]
    file.write_text(json.dumps({"model": "tiny-neox", "edits": []}))
    with pytest.raises(gr.Error, match="different models"):
        extract("base", "file", file=str(file))
    with pytest.raises(gr.Error, match="No recipe file"):
        extract("file", "recipe")
    with pytest.raises(gr.Error, match="nothing to extract"):
        extract("base", "recipe")


# The calculator


def sums(language="en", **changed):
    given = {
        "billions": 7,
        "layers": 32,
        "width": 4096,
        "keys": 4096,
        "inner": 11008,
        "tuning": "full",
        "dtype": "16 bits",
        "optimizer": "adam",
        "tokens": 1024,
        "batch": 1,
        "rank": 8,
        "matrices": 2,
        "checkpointing": False,
    }
    return calculator_panel.calculate({"language": language} | given | changed)


@both
def test_the_calculator_shows_the_worked_case(language):
    shown = sums(language)
    assert "14 GB" in shown
    assert "28 GB" in shown  # states
    assert TABLES[language]["calculated_states"] in shown
    assert "L4" in shown
    assert TABLES[language]["calculated_none"] in sums(language, billions=175)


def test_missing_sizes_are_refused():
    for bad in (None, 0, -1, 1e9):
        with pytest.raises(gr.Error, match="A size is missing"):
            sums(layers=bad)


def test_the_figures_of_ones_own_model_and_of_a_configuration(known):
    mine = calculator_panel.shape_of_mine(saved(), "en")
    text = json.dumps(known[MODEL].model.config.to_dict(), default=str)
    assert calculator_panel.shape_from_config("en", text) == mine
    assert mine[1] == 2
    with pytest.raises(gr.Error, match=r"config\.json"):
        calculator_panel.shape_from_config("en", "no")
