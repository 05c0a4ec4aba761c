from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import httpx2 as httpx
import pytest
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

from playground.engine.models import download
from playground.errors import ModelError
from playground.settings import settings

MODEL = "owner/model"


class Hub:
    """A hub that answers what a test wants; it notes whether anything was downloaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sizes: dict[str, int | None] = {"config.json": 700, "model.safetensors": 1000}
        self.error: Exception | None = None
        self.stored = False
        self.downloads: list[dict] = []

    def model_info(self, hub_id, **_):
        if self.error:
            raise self.error
        files = [SimpleNamespace(rfilename=name, size=size) for name, size in self.sizes.items()]
        return SimpleNamespace(siblings=files)

    def snapshot(self, hub_id, local_files_only=False, **more):
        if local_files_only:
            if not self.stored:
                raise LocalEntryNotFoundError("nothing stored")
            return str(self.folder)
        self.downloads.append({"id": hub_id, **more})
        return str(self.folder)


@pytest.fixture
def pretend(monkeypatch, tmp_path) -> Hub:
    made = Hub(tmp_path)
    monkeypatch.setattr("playground.hub.HfApi", lambda: made)
    monkeypatch.setattr("playground.hub.snapshot_download", made.snapshot)
    monkeypatch.setattr(download, "hub_answers", lambda: True)
    return made


def said_by(call) -> str:
    with pytest.raises(ModelError) as caught:
        call()
    assert MODEL in str(caught.value)
    return str(caught.value)


def fetch(steps=None):
    return download.download_model(MODEL, (steps if steps is not None else []).append)


def response(status: int) -> httpx.Response:
    return httpx.Response(status, request=httpx.Request("GET", "http://hub.invalid"))


def test_a_model_is_fetched_as_safetensors_and_text_files_only(pretend):
    steps = []
    assert fetch(steps) == pretend.folder
    (fetched,) = pretend.downloads
    patterns = fetched["allow_patterns"]
    assert "*.safetensors" in patterns
    for name in ("pytorch_model.bin", "modeling_x.py", "model.pt", "model.pkl", "model.h5"):
        assert not any(Path(name).match(pattern) for pattern in patterns), name
    assert [str(step) for step in steps] == [f"Downloading {MODEL}…"]


def test_a_stored_model_is_used_without_asking_the_hub(pretend, monkeypatch):
    monkeypatch.setattr(download, "hub_answers", lambda: pytest.fail("asked"))
    pretend.stored = True
    (pretend.folder / "model.safetensors").write_bytes(b"x")
    assert fetch() == pretend.folder
    assert pretend.downloads == []


@pytest.mark.parametrize("present", [[], ["a.safetensors"], ["a.safetensors", "b.safetensors"]])
def test_a_stored_model_of_several_files_counts_when_all_are_there(pretend, present):
    pretend.stored = True
    weights = {"layer.0": "a.safetensors", "layer.1": "a.safetensors", "head": "b.safetensors"}
    index = pretend.folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": weights}))
    for name in present:
        (pretend.folder / name).write_bytes(b"x")
    fetch()
    assert len(pretend.downloads) == (0 if len(present) == 2 else 1)


def test_a_model_stored_without_its_weights_is_fetched(pretend):
    pretend.stored = True
    fetch()
    assert len(pretend.downloads) == 1


def test_an_unreachable_hub_is_said_to_be(pretend, monkeypatch):
    monkeypatch.setattr(download, "hub_answers", lambda: False)
    assert "cannot be reached" in said_by(fetch)
    assert pretend.downloads == []


def test_a_gated_model_says_how_to_be_let_in(pretend):
    pretend.error = GatedRepoError("gated", response=response(403))
    said = said_by(fetch)
    assert "accept terms" in said
    assert "HF_TOKEN" in said


def test_a_model_that_does_not_exist_says_to_check_the_spelling(pretend):
    pretend.error = RepositoryNotFoundError("no", response=response(404))
    assert "spelling" in said_by(fetch)


@pytest.mark.parametrize(
    "error",
    [
        HfHubHTTPError("broken", response=response(500)),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        OSError("disk full"),
    ],
)
def test_a_download_that_breaks_says_to_try_again(pretend, error):
    pretend.error = error
    assert "Try again" in said_by(fetch)


def test_a_model_without_safetensors_is_not_fetched(pretend):
    pretend.sizes = {"config.json": 700, "pytorch_model.bin": 1000, "safetensors.md": 5}
    assert "no safetensors" in said_by(fetch)
    pretend.sizes = {}
    assert "no safetensors" in said_by(fetch)
    assert pretend.downloads == []


def test_a_model_above_the_memory_budget_is_not_fetched(pretend, monkeypatch):
    monkeypatch.setenv("PLAYGROUND_MEMORY_GB", "1")
    settings.cache_clear()
    half = 1024**3 // 2
    pretend.sizes = {"a.safetensors": half, "b.safetensors": half, "c.bin": 10 * half}
    fetch()
    assert len(pretend.downloads) == 1
    pretend.sizes["b.safetensors"] = half + 1
    said = said_by(fetch)
    assert "1.1 GB" in said
    assert "PLAYGROUND_MEMORY_GB" in said
    assert len(pretend.downloads) == 1
    monkeypatch.undo()
    settings.cache_clear()


def test_files_of_unknown_size_are_taken_for_empty(pretend):
    pretend.sizes = {"model.safetensors": None}
    fetch()
    assert len(pretend.downloads) == 1


@pytest.mark.parametrize("name", ["own--er/model", "a..b/model", "owner/model.git", "a./model-"])
def test_an_id_that_the_hub_would_never_give_is_refused_in_words(monkeypatch, name):
    """The real snapshot_download checks the id before anything else; no network is touched."""
    monkeypatch.setattr(download, "hub_answers", lambda: False)
    with pytest.raises(ModelError):
        download.download_model(name, lambda step: None)
