from __future__ import annotations

import hashlib

import pytest

from playground.engine.models import catalog
from playground.engine.models.catalog import Package, available, find_model, package_file, verify
from playground.errors import ModelError
from playground.settings import settings


@pytest.fixture
def policy(monkeypatch):
    def choose(value):
        monkeypatch.setenv("PLAYGROUND_HUB", value)
        settings.cache_clear()

    yield choose
    monkeypatch.undo()
    settings.cache_clear()


def ids() -> list[str]:
    return [entry.id for entry in available()]


def test_without_a_hub_the_models_that_need_none_are_offered(policy):
    policy("off")
    assert ids() == ["smollm2-135m-instruct", "tiny-gpt2"]
    with pytest.raises(ModelError, match=r"'openai-community/gpt2'.*smollm2-135m-instruct"):
        find_model("openai-community/gpt2")


def test_with_the_presets_those_of_the_hub_are_offered_and_no_others(policy):
    policy("presets")
    assert "openai-community/gpt2" in ids()
    assert find_model("openai-community/gpt2").source == "hub"
    with pytest.raises(ModelError):
        find_model("someone/something")


def test_with_any_a_hub_id_is_taken_at_its_word(policy):
    policy("any")
    found = find_model("someone/some-thing_1.5")
    assert (found.id, found.hub_id, found.source) == ("someone/some-thing_1.5",) * 2 + ("hub",)
    assert find_model("tiny-gpt2").source == "built"


@pytest.mark.parametrize("hub", ["off", "presets", "any"])
@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "gpt2",
        "/",
        "a/",
        "/b",
        "a/b/c",
        "../b",
        "a/..",
        "./b",
        "/etc/passwd",
        "C:\\models",
        "a/b\n",
        "a/b c",
        "a/b?x=1",
        "http://a/b",
        "a/" + "b" * 97,
        "\ud800/x",
        "x" * 100_000,
        "{model}",
        "-a/b",
    ],
)
def test_what_is_no_model_is_refused_under_every_policy(policy, hub, name):
    policy(hub)
    with pytest.raises(ModelError) as caught:
        find_model(name)
    assert len(str(caught.value)) < 1000
    assert "smollm2-135m-instruct" in str(caught.value)


def test_tiny_gpt2_is_known_by_its_hub_name_too(policy):
    for value in ("off", "presets", "any"):
        policy(value)
        assert find_model("sshleifer/tiny-gpt2") is find_model("tiny-gpt2")


def test_ids_are_unique_and_the_default_model_is_among_them(policy):
    policy("any")
    assert len(set(ids())) == len(ids())
    assert settings().model in ids()


def test_a_package_is_found_without_being_imported(tmp_path, monkeypatch):
    folder = tmp_path / "unimportable_weights"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    (folder / "w.gguf").write_bytes(b"x")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert package_file(Package("unimportable_weights", "w.gguf", "")) == folder / "w.gguf"
    with pytest.raises(ModelError, match=r"unimportable_weights.*not installed"):
        package_file(Package("unimportable_weights", "other.gguf", ""))


def test_a_package_that_is_not_there_says_how_to_install_it():
    with pytest.raises(ModelError, match=r"no_such_weights.*requirements-weights\.txt"):
        package_file(Package("no_such_weights", "w.gguf", ""))


@pytest.mark.parametrize("content", [b"", b"x", b"x" * 1_000_000])
def test_a_file_with_the_right_checksum_passes_and_no_other(tmp_path, content):
    file = tmp_path / "weights.gguf"
    file.write_bytes(content)
    right = hashlib.sha256(content).hexdigest()
    verify(file, right)
    with pytest.raises(ModelError, match=r"weights\.gguf.*damaged"):
        verify(file, "0" * 64)
    file.write_bytes(content + b"!")
    with pytest.raises(ModelError, match=right[:12]):
        verify(file, right)


@pytest.mark.weights
def test_the_packaged_smollm2_is_the_published_file(smollm2_base):
    package = find_model("smollm2-135m-instruct").package
    assert package == catalog.PRESETS[0].package
    assert package.sha256 == "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    verify(package_file(package), package.sha256)
