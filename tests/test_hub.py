from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import httpx2 as httpx
import pytest
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    XetDownloadError,
)

from playground import hub
from playground.errors import PlaygroundError
from playground.hub import Repository

FAILED, UNKNOWN, GATED = (PlaygroundError(name) for name in ("Failed.", "Unknown.", "Gated."))


def response(status: int) -> httpx.Response:
    return httpx.Response(status, request=httpx.Request("GET", "http://hub.invalid"))


# Whether the hub answers


@pytest.fixture
def looks(monkeypatch):
    """How often the hub was really looked at, at a time that the test sets."""
    found = SimpleNamespace(count=0, now=1000.0, result=True)

    def look():
        found.count += 1
        return found.result

    monkeypatch.setattr(hub, "_last_look", None)
    monkeypatch.setattr(hub, "_answers_now", look)
    monkeypatch.setattr(hub.time, "monotonic", lambda: found.now)
    return found


def test_the_hub_is_looked_at_once_a_minute(looks):
    assert [hub.hub_answers() for _ in range(3)] == [True] * 3
    assert looks.count == 1
    looks.now, looks.result = 1059, False
    assert hub.hub_answers()
    looks.now = 1061
    assert not hub.hub_answers()
    assert looks.count == 2


def test_offline_mode_does_not_look(monkeypatch):
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub.httpx, "head", lambda *_, **__: pytest.fail("looked"))
    assert not hub._answers_now()


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [(200, True), (302, True), (503, True), (httpx.ConnectError("no"), False), (httpx.ConnectTimeout("slow"), False)],
)
def test_any_answer_counts_and_none_does_not(monkeypatch, outcome, expected):
    def head(url, timeout):
        assert timeout <= 5
        if isinstance(outcome, Exception):
            raise outcome
        return response(outcome)

    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub.httpx, "head", head)
    assert hub._answers_now() is expected


# A repository


def repository(**more) -> Repository:
    return Repository(id="owner/name", files=("*.safetensors",), failed=FAILED, **more)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (GatedRepoError("terms", response=response(403)), [GATED, UNKNOWN, FAILED]),
        (RepositoryNotFoundError("no", response=response(404)), [UNKNOWN, UNKNOWN, FAILED]),
        (HfHubHTTPError("broken", response=response(500)), [FAILED] * 3),
        (httpx.ReadTimeout("slow"), [FAILED] * 3),
        (OSError("disk full"), [FAILED] * 3),
        (ValueError("a proxy's page is no JSON"), [FAILED] * 3),
        (XetDownloadError("broke off"), [FAILED] * 3),
    ],
)
def test_what_goes_wrong_is_raised_as_the_caller_says_it(monkeypatch, error, said):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(hub, "snapshot_download", fail)
    monkeypatch.setattr(hub, "HfApi", lambda: SimpleNamespace(model_info=fail))
    whole, part, least = {"unknown": UNKNOWN, "gated": GATED}, {"unknown": UNKNOWN}, {}
    for given, expected in zip((whole, part, least), said, strict=True):
        for ask in (repository(**given).download, repository(**given).sizes):
            with pytest.raises(PlaygroundError) as caught:
                ask()
            assert caught.value is expected
            assert caught.value.__cause__ is error


def test_what_is_stored_is_looked_up_without_a_network(monkeypatch, tmp_path):
    asked = []

    def snapshot(hub_id, **how):
        asked.append((hub_id, how))
        if len(asked) > 1:
            raise LocalEntryNotFoundError("nothing stored")
        return str(tmp_path)

    monkeypatch.setattr(hub, "snapshot_download", snapshot)
    assert repository(revision="c0ffee").stored() == Path(tmp_path)
    how = {"revision": "c0ffee", "allow_patterns": ["*.safetensors"], "local_files_only": True}
    assert asked == [("owner/name", how)]
    assert repository().stored() is None


def test_an_id_that_is_none_is_unknown_and_never_looked_for(monkeypatch):
    monkeypatch.setattr(hub, "snapshot_download", lambda *_, **__: pytest.fail("looked"))
    for name in ("own--er/model", "owner/model.git", ""):
        with pytest.raises(PlaygroundError) as caught:
            Repository(id=name, files=(), failed=FAILED, unknown=UNKNOWN).stored()
        assert caught.value is UNKNOWN


def test_files_of_unknown_size_are_taken_for_empty(monkeypatch):
    files = [SimpleNamespace(rfilename="a", size=5), SimpleNamespace(rfilename="b", size=None)]
    info = SimpleNamespace(siblings=files)
    monkeypatch.setattr(hub, "HfApi", lambda: SimpleNamespace(model_info=lambda *_, **__: info))
    assert repository().sizes() == {"a": 5, "b": 0}
    info.siblings = None
    assert repository().sizes() == {}
