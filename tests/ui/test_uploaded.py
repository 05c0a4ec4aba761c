"""Uploads that several visitors share, that are gone, too large, or come to a full disk."""

from __future__ import annotations

import errno
import os
import socket
import time
from pathlib import Path

import gradio as gr
import pytest
from pressing import press, streams
from safetensors.torch import save_file

from playground import disk, owners, temporary
from playground.engine import build as building
from playground.engine.adapters import files, lora, store
from playground.engine.build import build_quickly
from playground.engine.merging import checkpoints
from playground.engine.models import loader
from playground.engine.models.loader import CACHE
from playground.engine.recipe import MAX_RECIPE_BYTES, parse
from playground.engine.work import Work
from playground.retrieval.corpus import load_corpus
from playground.settings import settings
from playground.ui.adapters import own as own_adapters
from playground.ui.adapters import train as train_panel
from playground.ui.bar import panel as bar
from playground.ui.documents import own as own_panel
from playground.ui.merge import files as merge_files_panel
from playground.ui.parts import questions
from playground.ui.parts.adapter_menu import own_ids
from playground.ui.shell import endpoints, uploaded
from playground.ui.shell import run as shell_run
from playground.ui.shell.form import Form
from playground.ui.shell.page import shown
from playground.ui.shell.run import RUNS, Run

pytestmark = pytest.mark.usefixtures("page_runs")
MODEL = "tiny-llama"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    CACHE.clear()
    yield tmp_path / "home"
    CACHE.clear()
    settings.cache_clear()


def saved():
    """What the browser sends of a workspace without edits."""
    return {"stack": {"model": MODEL, "steps": []}}


def add_adapter(file, language="en"):
    return own_adapters.add_adapter({"saved": saved(), "mine": [], "language": language, "files": [file]})


def add_own(file):
    return own_panel.add_own({"own": "", "shelf": [], "language": "en", "files": [file], "encoding": ""})


def add_checkpoint(file, language="en"):
    return press("checkpoint", saved=saved(), language=language, files=[file])


@pytest.fixture
def shared(tmp_path):
    """The path at which gradio keeps an upload: one for all who upload the same."""

    def put(name: str, content: bytes) -> str:
        path = tmp_path / "gradio" / ("ab" * 32) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return str(path)

    return put


def packed(base) -> bytes:
    """A visitor's adapter as a .zip."""
    names = [name for name, _ in base.model.named_parameters() if "q_proj" in name]
    pairs = {}
    for name in names:
        weight = base.model.get_parameter(name).detach()
        pairs[name.removesuffix(".weight")] = (weight[:2].clone(), weight[:, :2].clone())
    return files.zip_of(files.write_adapter(lora.make(pairs), MODEL))


def checkpoint(base, path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: 2 * tensor for name, tensor in base.model.named_parameters()}
    save_file(tensors, path)
    return str(path)


# The same file twice


def test_two_visitors_who_upload_the_same_adapter_both_have_it_under_their_own_title(known, shared):
    content = packed(known[MODEL])
    handout = shared("workshop.zip", content)
    (first,), _ = add_adapter(handout, "en")
    (second,), _ = add_adapter(handout, "en")
    assert first == second, "the same file with the same name takes room once"
    (other,), _ = add_adapter(shared("<b>mine.zip", content), "en")
    assert [store.about(one).title for one in (first, other)] == ["workshop", "<b>mine"]
    assert own_ids([first, other]) == [first, other]


def test_two_visitors_who_upload_the_same_documents_have_a_collection_each(shared):
    handout = shared("handout.txt", b"The bell rings at noon.")
    first, second = (add_own(handout)[0] for _ in range(2))
    assert first != second
    texts = [load_corpus(one).passages[0].text for one in (first, second)]
    assert texts == ["The bell rings at noon."] * 2
    text = own_panel.save_own(first, "en").encode()
    again = [add_own(shared("saved.json", text))[0] for _ in range(2)]
    assert len({first, second, *again}) == 4


def test_two_visitors_who_upload_the_same_checkpoint_both_have_it(known, tmp_path):
    path = checkpoint(known[MODEL], tmp_path / "gradio" / "model.safetensors")
    listed = [add_checkpoint(path)[0] for _ in range(2)]
    assert listed[0] == listed[1] != []
    assert checkpoints.has(listed[0][0])


def test_no_handler_deletes_a_file_that_was_uploaded():
    """Only the sweep does: whoever else uploaded the same file still needs it."""
    folder = Path(own_panel.__file__).parent
    for path in folder.rglob("*.py"):
        assert ".unlink(" not in path.read_text(encoding="utf-8"), path.name


# Gone, or too large


@pytest.mark.parametrize("language", ["en", "ko"])
def test_an_upload_that_was_swept_is_asked_for_again(known, tmp_path, language):
    gone = str(tmp_path / "recipe.json")
    said = {"en": "recipe.json is no longer here", "ko": "recipe.json이"}[language]
    form = dict.fromkeys(RUNS["merge"].form) | {"models": ["file"], "file": gone, "method": "linear"}
    calls = [
        lambda: bar.load_recipe(saved(), language, gone),
        lambda: merge_files_panel.write_yaml(form | {"saved": saved(), "language": language}),
        lambda: press("extract", saved=saved(), language=language, first="base", second="file", file=gone),
        lambda: add_adapter(gone, language),
        lambda: add_checkpoint(gone, language),
        lambda: shown(lambda language: train_panel.reading_of({"source": "file", "file": gone}))(language),
        lambda: shown(lambda language: questions.asked_corpus("", "lantern-handbook", gone))(language),
    ]
    for call in calls:
        with pytest.raises(gr.Error, match=said):
            call()


def test_of_a_file_no_more_is_read_than_its_limit(tmp_path):
    """A sparse file of 8 GB: read whole, it would not fit."""
    path = tmp_path / "recipe.json"
    with path.open("wb") as file:
        file.truncate(8_000_000_000)
    assert len(uploaded.recipe_text(str(path))) == MAX_RECIPE_BYTES + 1
    with pytest.raises(gr.Error, match="larger than"):
        bar.load_recipe(saved(), "en", str(path))
    with pytest.raises(gr.Error, match="MB"):
        shown(lambda language: train_panel.reading_of({"source": "file", "file": str(path)}))("en")


# What is missing, and comes


def test_a_checkpoint_that_is_uploaded_again_is_there_at_once(known, tmp_path):
    path = checkpoint(known[MODEL], tmp_path / "gradio" / "model.safetensors")
    [name] = add_checkpoint(path)[0]
    disk.remove(checkpoints.uploads() / name)
    edit = {"kind": "merge", "method": "linear", "models": [{"checkpoint": name}]}
    asked = parse({"model": MODEL, "edits": [edit]})
    for _ in range(2):
        with pytest.raises(checkpoints.MissingCheckpointError, match="not on this host"):
            building.build(asked)
    with pytest.raises(disk.PlaygroundError, match="not on this host"):
        build_quickly(asked)
    add_checkpoint(path)
    with pytest.raises(building.NotBuiltError):  # it may be built again, in its turn
        build_quickly(asked)
    assert building.build(asked).receipts


def test_a_missing_checkpoint_that_came_another_way_is_tried_again_soon(known, monkeypatch):
    edit = {"kind": "merge", "method": "linear", "models": [{"checkpoint": "ab" * 16}]}
    asked = parse({"model": MODEL, "edits": [edit]})
    monkeypatch.setattr(building, "FOR_NOW_SECONDS", 0.0)
    with pytest.raises(checkpoints.MissingCheckpointError):
        building.build(asked)
    with pytest.raises(building.NotBuiltError):
        build_quickly(asked)


def test_the_status_forgets_a_failed_start_once_the_model_is_there(known, monkeypatch):
    from playground.errors import Message

    monkeypatch.setattr(bar.WARMUP, "error", Message("The model could not be loaded."))
    assert "could not be loaded" in bar.show_status(saved(), "en")[0]
    CACHE.put(("base", MODEL), loader.load(MODEL))
    assert "could not be loaded" not in bar.show_status(saved(), "en")[0]


# A full disk


def test_a_full_disk_is_told_by_pages_and_endpoints_alike(monkeypatch):
    @shown
    def handler(language):
        raise OSError(errno.ENOSPC, "x", "/secret/path")

    def stream(values, work):
        yield 1
        raise OSError(errno.EROFS, "x", "/secret/path")

    with pytest.raises(gr.Error, match="디스크가 가득") as caught:
        handler("ko")
    assert "/secret" not in caught.value.message
    with pytest.raises(gr.Error, match="cannot be written to"):
        list(streams(stream)(None))
    told = endpoints._told(lambda: handler.__wrapped__("en"))
    with pytest.raises(gr.Error, match="disk is full"):
        told()
    with pytest.raises(ZeroDivisionError):
        endpoints._told(lambda: 1 / 0)()


def test_no_upload_or_download_ends_in_something_went_wrong(known, shared, tmp_path, monkeypatch):
    zipped = shared("a.zip", packed(known[MODEL]))
    [mine], _ = add_adapter(zipped, "en")
    path = checkpoint(known[MODEL], tmp_path / "gradio" / "model.safetensors")
    other = shared("b.zip", packed(known[MODEL]))
    notes = shared("notes.txt", b"The bell rings at noon.")

    def refuse(*given):
        raise OSError(errno.ENOSPC, "x")

    monkeypatch.setattr(disk.os, "replace", refuse)
    calls = [
        lambda: own_adapters.take_away("en", mine),
        lambda: add_adapter(other, "en"),
        lambda: add_checkpoint(path),
        lambda: add_own(notes),
        lambda: own_panel.copy_corpus("", [], "en", "lantern-handbook"),
    ]
    for call in calls:
        with pytest.raises(gr.Error, match="disk is full"):
            call()


# Whose it is


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_handlers_streams_and_endpoints_know_for_whom_they_work(home, tmp_path, monkeypatch):
    """Through a real server: gradio runs handlers on threads of its own."""
    import httpx
    from gradio_client import Client

    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    monkeypatch.setattr(temporary, "_claimed", None)
    monkeypatch.setattr(temporary, "_HOSTS", None)
    place = temporary.claim()

    def once(language):
        return owners.current()

    def stream(values, work):
        yield owners.current()
        yield owners.current()

    def endpoint() -> str:
        return owners.current()

    with gr.Blocks() as page:
        box, out = gr.Textbox("en"), gr.Textbox()
        gr.Button().click(shown(once), box, out, api_name="once")
        run = Run(name="known", handler=stream, form=Form(language=box), outputs=[out], told=out)
        monkeypatch.setattr(shell_run, "work_for", lambda *given: Work())  # gradio's client takes no turn
        gr.Button().click(run.call, run.inputs, run.filled, api_name="stream")
        gr.api(endpoints._told(endpoint), api_name="endpoint")
    page.launch(server_name="127.0.0.1", server_port=free_port(), prevent_thread_lock=True, quiet=True)
    try:
        client = Client(page.local_url, verbose=False)
        expected = owners.owner_of("127.0.0.1")
        assert client.predict("en", api_name="/once") == expected
        assert list(client.submit("en", api_name="/stream")) == [expected] * 2
        assert client.predict(api_name="/endpoint") == expected
        assert owners.current() == "", "outside of an event nobody is known"
        # an upload that breaks off leaves its beginning in our folder, where the sweep finds it
        url = httpx.URL(page.local_url)
        with socket.create_connection((url.host, url.port)) as wire:
            head = (
                "POST /gradio_api/upload HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 9000000\r\n\r\n"
                '--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n'
            )
            wire.sendall(head.encode() + b"y" * 500_000)
            wait(lambda: list(place.glob("tmp*")))
    finally:
        page.close()
    sweeper = temporary.Sweeper(place)
    for left in place.rglob("*"):
        os.utime(left, (0, 0))
    sweeper.sweep()
    assert list(place.glob("tmp*")) == []


def wait(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
