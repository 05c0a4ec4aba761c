"""Checkpoints: kept, opened and merged against float64 numpy, and everything that is refused."""

from __future__ import annotations

import gc
import json
import os
import random
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from merge_made import built, close, merge, named, noisy, numpy_of, of, pruned, recipe, same, saved, weights
from safetensors.torch import save

from playground.engine.build import build
from playground.engine.fork import Fork
from playground.engine.merging import MergeError, checkpoints
from playground.engine.models import download
from playground.engine.models.loader import CACHE
from playground.engine.recipe import parse
from playground.engine.work import Stopped, Work
from playground.errors import ModelError
from playground.settings import settings

LAYOUTS = (
    "tiny-llama",
    "tiny-llama-untied",
    "tiny-qwen2",
    "tiny-gemma3",
    "tiny-mistral",
    "tiny-gpt2-layout",
    "tiny-neox",
    "tiny-opt",
    "tiny-phi",
)
NAME = "model.layers.1.mlp.up_proj.weight"
DAY = 86_400


@pytest.fixture
def uploads(tmp_path):
    folder = tmp_path / "uploads"
    folder.mkdir()
    return folder


@pytest.fixture
def llama(known, home):
    return known["tiny-llama"]


def kept() -> list[Path]:
    return sorted(checkpoints.uploads().rglob("*")) if checkpoints.uploads().is_dir() else []


def refused(words: str, paths: list[Path], base) -> str:
    with pytest.raises(MergeError, match=words) as caught:
        checkpoints.keep_checkpoint(paths, Fork(base))
    assert kept() == []
    text = str(caught.value)
    assert len(text) < 1000
    return text


def full(tensors: dict[str, torch.Tensor], base) -> dict[str, np.ndarray]:
    """What a checkpoint means, tied names included."""
    shared = {p.data_ptr(): name for name, p in base.model.named_parameters()}
    names = {n: shared[base.model.get_parameter(n).data_ptr()] for n in named(base)}
    return {name: numpy_of(tensors[first])[0] for name, first in names.items()}


def words_file(path: Path, words: dict[str, int], added: dict[str, int] | None = None) -> Path:
    data = {
        "version": "1.0",
        "model": {"type": "BPE", "vocab": words, "merges": []},
        "added_tokens": [{"id": id, "content": text} for text, id in (added or {}).items()],
    }
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


# Kept and merged


@pytest.mark.parametrize("model", LAYOUTS)
def test_a_checkpoint_of_every_layout_merges_to_the_average(known, home, uploads, model):
    base, tensors = known[model], noisy(known[model], 5)
    path = saved(tensors, uploads / "model.safetensors")
    name = checkpoints.keep_checkpoint([path], Fork(base))
    fork = built(merge(of(model), {"checkpoint": name, "weight": 3.0}), model=model)
    mine, theirs = weights(Fork(base)), full(tensors, base)
    close(weights(fork), {n: (mine[n] + 3 * theirs[n]) / 4 for n in mine})
    ends = fork.weight_name("input"), fork.weight_name("output")
    assert (fork.identity(ends[0]) == fork.identity(ends[1])) is fork.tied()


@pytest.mark.parametrize("method", ["linear", "ties", "task_arithmetic"])
def test_a_checkpoint_alone_is_itself_bit_for_bit_and_outlives_its_file(llama, uploads, method):
    tensors = noisy(llama, 5)
    name = checkpoints.keep_checkpoint([saved(tensors, uploads / "m.safetensors")], Fork(llama))
    fork = built(merge({"checkpoint": name}, method=method))
    shutil.rmtree(checkpoints.uploads() / name)
    gc.collect()
    assert same(weights(fork), full(tensors, llama))


def test_a_tied_head_may_be_in_the_file_too(llama, uploads):
    tensors = noisy(llama, 5)
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone()
    both = checkpoints.keep_checkpoint([saved(tensors, uploads / "m.safetensors")], Fork(llama))
    assert same(weights(built(merge({"checkpoint": both}))), full(tensors, llama))
    del tensors["model.embed_tokens.weight"]
    head = checkpoints.keep_checkpoint([saved(tensors, uploads / "m.safetensors")], Fork(llama))
    tensors["model.embed_tokens.weight"] = tensors["lm_head.weight"]
    assert same(weights(built(merge({"checkpoint": head}))), full(tensors, llama))


def test_a_checkpoint_may_be_several_files(llama, uploads):
    tensors = noisy(llama, 5)
    names = list(tensors)
    paths = [
        saved({n: tensors[n] for n in names[place::3]}, uploads / f"model-{place}-of-3.safetensors")
        for place in range(3)
    ]
    name = checkpoints.keep_checkpoint(paths, Fork(llama))
    assert same(weights(built(merge({"checkpoint": name}))), full(tensors, llama))
    refused_count = len(kept())
    with pytest.raises(MergeError, match="another shape"):
        checkpoints.keep_checkpoint(paths[:2], Fork(llama))
    assert len(kept()) == refused_count


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_checkpoint_may_have_another_dtype(llama, uploads, dtype):
    tensors = {name: tensor.to(dtype) for name, tensor in noisy(llama, 5).items()}
    name = checkpoints.keep_checkpoint([saved(tensors, uploads / "m.safetensors")], Fork(llama))
    fork = built(merge(of("tiny-llama"), {"checkpoint": name}))
    mine, theirs = weights(Fork(llama)), full(tensors, llama)
    close(weights(fork), {n: (mine[n] + theirs[n]) / 2 for n in mine})
    assert fork.tensor(NAME).dtype == torch.float32


def test_a_checkpoint_and_recipes_merge_together(llama, adapter, uploads):
    tensors = noisy(llama, 5)
    name = checkpoints.keep_checkpoint([saved(tensors, uploads / "m.safetensors")], Fork(llama))
    attach = {"kind": "adapter", "source": adapter(llama)}
    models = {"checkpoint": name}, of(recipe(attach))
    fork = built(pruned(), merge(*models, method="task_arithmetic", t=0.5))
    own, theirs, with_it = weights(built(pruned())), full(tensors, llama), weights(built(attach))
    truth = {n: own[n] + 0.5 * (theirs[n] + with_it[n] - 2 * own[n]) for n in own}
    close(weights(fork), truth, atol=1e-5)


def test_a_checkpoint_can_be_the_base(llama, uploads):
    one, two = noisy(llama, 5), noisy(llama, 6)
    start = checkpoints.keep_checkpoint([saved(one, uploads / "a.safetensors")], Fork(llama))
    end = checkpoints.keep_checkpoint([saved(two, uploads / "b.safetensors")], Fork(llama))
    start_from = {"base": {"checkpoint": start}, "method": "task_arithmetic"}
    fork = built(merge({"checkpoint": end, "weight": 0.5}, **start_from))
    a, b = full(one, llama), full(two, llama)
    close(weights(fork), {n: (a[n] + b[n]) / 2 for n in a})
    assert fork.identity("lm_head.weight") == fork.identity("model.embed_tokens.weight")
    assert fork.bytes_held() == sum(p.nbytes for p in llama.model.parameters())


def test_a_base_that_does_not_fit_is_refused_as_any_other(known, llama, uploads):
    for name, tensors in {
        "gpt2": noisy(known["tiny-gpt2-layout"], 1),
        "more": noisy(llama, 1) | {"extra.weight": torch.ones(2)},
        "less": {NAME: torch.ones(48, 32)},
        "rows": noisy(llama, 1) | {"model.embed_tokens.weight": torch.ones(301, 32)},
    }.items():
        saved(tensors, checkpoints.home() / name / "0.safetensors")
        with pytest.raises(MergeError, match=r"another shape|another number of tokens"):
            built(merge(of("tiny-llama"), base={"checkpoint": name}))


def test_a_host_may_put_checkpoints_into_its_folder_by_name(llama):
    tensors = noisy(llama, 5)
    saved(tensors, checkpoints.home() / "My-model_1.0" / "weights.safetensors")
    (checkpoints.home() / "My-model_1.0" / "readme.txt").write_text("not looked at")
    assert same(weights(built(merge({"checkpoint": "My-model_1.0"}))), full(tensors, llama))
    assert checkpoints.of_host() == ["My-model_1.0"]


def test_what_a_host_put_there_is_checked_when_it_is_merged(llama):
    tensors = noisy(llama, 5)
    tensors[NAME][3, 4] = float("nan")
    saved(tensors, checkpoints.home() / "broken" / "0.safetensors")
    with pytest.raises(MergeError, match=f"broken holds values in {NAME}.*not numbers"):
        built(merge(of("tiny-llama"), {"checkpoint": "broken"}))
    (checkpoints.home() / "broken" / "0.safetensors").write_bytes(b"x" * 100)
    CACHE.clear()
    with pytest.raises(MergeError, match="not a safetensors file"):
        built(merge(of("tiny-llama"), {"checkpoint": "broken"}))


def test_a_checkpoint_from_the_hub_is_looked_up_by_its_name(llama, tiny, monkeypatch):
    asked = []
    folder = tiny.files("tiny-llama")
    monkeypatch.setattr(
        download, "download_model", lambda name, step, revision: asked.append((name, revision)) or folder
    )
    monkeypatch.setenv("PLAYGROUND_HUB", "any")
    settings.cache_clear()
    fork = built(merge(of(recipe(pruned())), {"checkpoint": "owner/name"}))
    assert asked == [("owner/name", None)]
    base, own = weights(Fork(llama)), weights(built(pruned()))
    close(weights(fork), {n: (base[n] + own[n]) / 2 for n in base})


@pytest.mark.parametrize("policy", ["off", "presets"])
def test_a_host_without_the_hub_takes_nothing_from_there(llama, monkeypatch, policy):
    monkeypatch.setenv("PLAYGROUND_HUB", policy)
    settings.cache_clear()
    with pytest.raises(ModelError, match="Unknown model 'owner/name'"):
        built(merge({"checkpoint": "owner/name"}))


# Keeping


def test_the_same_content_is_kept_once_whatever_folder_it_comes_from(llama, uploads):
    tensors = noisy(llama, 5)
    names = list(tensors)
    parts = [{n: tensors[n] for n in names[:9]}, {n: tensors[n] for n in names[9:]}]
    ids = set()
    for folders in (("a", "b"), ("b", "a"), ("c", "c")):
        paths = [
            saved(part, uploads / folder / f"part-{place}.safetensors")
            for place, (part, folder) in enumerate(zip(parts, folders, strict=True))
        ]
        ids |= {checkpoints.keep_checkpoint(paths, Fork(llama)), checkpoints.keep_checkpoint(paths[::-1], Fork(llama))}
        shutil.rmtree(uploads / folders[0])
    assert len(ids) == 1
    assert [path.name for path in checkpoints.uploads().iterdir()] == list(ids)
    assert checkpoints.OWN.fullmatch(next(iter(ids)))
    other = checkpoints.keep_checkpoint([saved(noisy(llama, 6), uploads / "a.safetensors")], Fork(llama))
    assert other not in ids


def test_a_kept_folder_holds_the_weights_and_the_tokenizer_and_nothing_else(llama, tiny, uploads):
    path = saved(noisy(llama, 5), uploads / "evil name; rm -rf.safetensors")
    words = shutil.copy(tiny.files("tiny-llama") / "tokenizer.json", uploads / "tokenizer.json")
    name = checkpoints.keep_checkpoint([path, Path(words)], Fork(llama))
    names = {path.name for path in (checkpoints.uploads() / name).iterdir()}
    assert "tokenizer.json" in names
    assert all(n == "tokenizer.json" or n.removesuffix(".safetensors").isdigit() for n in names)
    assert not any(path.name.startswith(".") for path in checkpoints.uploads().iterdir())
    assert same(weights(built(merge({"checkpoint": name}))), full(noisy(llama, 5), llama))


@pytest.mark.parametrize(
    "name",
    [
        "안녕.safetensors",
        "a\nb.safetensors",
        "{0}{x!r}.safetensors",
        "%s$HOME.safetensors",
        " .safetensors",
        "-rf.safetensors",
        "x" * 243 + ".safetensors",
    ],
)
def test_strange_file_names_do_no_harm(llama, uploads, name):
    path = uploads / name
    path.write_bytes(save(noisy(llama, 5)))
    kept_as = checkpoints.keep_checkpoint([path], Fork(llama))
    assert same(weights(built(merge({"checkpoint": kept_as}))), full(noisy(llama, 5), llama))
    path.write_bytes(b"nonsense")
    with pytest.raises(MergeError, match="is not a safetensors file") as caught:
        checkpoints.keep_checkpoint([path], Fork(llama))
    assert len(str(caught.value)) < 200


def test_a_file_name_that_is_no_text_is_refused_in_text(llama, uploads):
    path = Path(os.fsdecode(os.fsencode(uploads) + b"/\xff\xfe.safetensors"))
    path.write_bytes(save(noisy(llama, 5)))
    text = refused("is not a safetensors file", [path], llama)
    assert text.encode().startswith(b"??.safetensors")


def test_checking_and_keeping_can_be_stopped_and_leave_nothing(llama, uploads):
    path = saved(noisy(llama, 5), uploads / "m.safetensors")
    steps: list[str] = []
    checkpoints.keep_checkpoint([path], Fork(llama), Work(lambda done, count, what: steps.append(str(what))))
    assert f"Checking {NAME}…" in steps
    for patience in range(0, len(steps), 5):
        shutil.rmtree(checkpoints.uploads(), ignore_errors=True)
        left = [patience]

        def stopped(left=left) -> bool:
            left[0] -= 1
            return left[0] < 0

        with pytest.raises(Stopped):
            checkpoints.keep_checkpoint([path], Fork(llama), Work(stopped=stopped))
        assert kept() == []


def test_what_nobody_used_for_long_goes_and_what_is_used_stays(llama, uploads):
    paths = [saved(noisy(llama, n), uploads / f"{n}.safetensors") for n in range(3)]
    first, second = (checkpoints.keep_checkpoint([path], Fork(llama)) for path in paths[:2])
    then = time.time() - 8 * DAY
    for name in (first, second):
        os.utime(checkpoints.uploads() / name, (then, then))
    built(merge({"checkpoint": second}))
    third = checkpoints.keep_checkpoint([paths[2]], Fork(llama))
    assert {path.name for path in checkpoints.uploads().iterdir()} == {second, third}
    with pytest.raises(MergeError, match=rf"{first} is not on this host.*7 days"):
        built(merge({"checkpoint": first}, t=0.5))


def test_a_full_host_lets_go_of_the_least_recently_used(llama, uploads, monkeypatch):
    paths = [saved(noisy(llama, n), uploads / f"{n}.safetensors") for n in range(2)]
    monkeypatch.setattr(checkpoints, "MAX_STORED", 1)
    first = checkpoints.keep_checkpoint([paths[0]], Fork(llama))
    assert checkpoints.keep_checkpoint([paths[0]], Fork(llama)) == first  # it is there already
    second = checkpoints.keep_checkpoint([paths[1]], Fork(llama))
    assert {path.name for path in checkpoints.uploads().iterdir()} == {second}
    monkeypatch.setattr(checkpoints, "MAX_STORED_BYTES", 10)
    with pytest.raises(MergeError, match="at most 0 can be uploaded"):
        checkpoints.keep_checkpoint([saved(noisy(llama, 9), uploads / "9.safetensors")], Fork(llama))


# Refusals of weights


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", [NAME, "model.norm.weight", "model.embed_tokens.weight"])
def test_values_that_are_no_numbers_are_refused(llama, uploads, value, name):
    tensors = noisy(llama, 5)
    tensors[name].view(-1)[-1] = value
    text = refused("not numbers", [saved(tensors, uploads / "m.safetensors")], llama)
    assert f"m.safetensors holds values in {name}" in text


@pytest.mark.parametrize("dtype", [torch.int64, torch.int8, torch.bool, torch.complex64])
def test_dtypes_that_are_no_real_numbers_are_refused(llama, uploads, dtype):
    tensors = noisy(llama, 5)
    tensors[NAME] = tensors[NAME].to(dtype)
    refused("not numbers", [saved(tensors, uploads / "m.safetensors")], llama)


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_eight_bit_floats_are_numbers(llama, uploads, dtype):
    tensors = noisy(llama, 5)
    tensors[NAME] = tensors[NAME].to(dtype)
    name = checkpoints.keep_checkpoint([saved(tensors, uploads / "m.safetensors")], Fork(llama))
    found = weights(built(merge({"checkpoint": name})))[NAME]
    assert np.array_equal(found, tensors[NAME].double().numpy())
    tensors[NAME].view(torch.uint8)[0, 0] = 0x7F  # not a number, in both
    shutil.rmtree(checkpoints.uploads())
    refused("not numbers", [saved(tensors, uploads / "m.safetensors")], llama)


def test_numbers_that_float32_has_no_room_for_are_refused(llama, uploads):
    tensors = noisy(llama, 5)
    tensors[NAME] = tensors[NAME].double()
    tensors[NAME][0, 0] = 1e300
    refused("not numbers", [saved(tensors, uploads / "m.safetensors")], llama)


def test_another_model_another_shape_and_missing_tensors_are_refused(known, llama, uploads):
    tensors = noisy(llama, 5)
    path = uploads / "m.safetensors"
    text = refused("another shape", [saved(noisy(known["tiny-opt"], 1), path)], llama)
    assert "model.embed_tokens.weight: 300 x 32, -" in text
    wrong = tensors | {NAME: torch.zeros(32, 48)}
    text = refused("first of 1 differences", [saved(wrong, path)], llama)
    assert f"{NAME}: 48 x 32, 32 x 48" in text
    less = {name: tensor for name, tensor in tensors.items() if name != NAME}
    assert f"{NAME}: 48 x 32, -" in refused("another shape", [saved(less, path)], llama)
    more = tensors | {"model.layers.2.mlp.up_proj.weight": torch.zeros(48, 32)}
    text = refused("another shape", [saved(more, path)], llama)
    assert "model.layers.2.mlp.up_proj.weight: -, 48 x 32" in text
    refused("another shape", [saved({"x": torch.zeros(0), "y": torch.tensor(1.0)}, path)], llama)
    refused("another shape", [saved({}, path)], llama)
    untied = known["tiny-llama-untied"]
    only = {n: t for n, t in noisy(untied, 1).items() if n != "model.embed_tokens.weight"}
    text = refused("another shape", [saved(only, path)], untied)
    assert "model.embed_tokens.weight: 300 x 32, -" in text


def test_a_tied_siblings_embedding_is_its_head_beside_an_untied_base(known, home, uploads):
    untied = known["tiny-llama-untied"]
    tensors = noisy(untied, 1)
    del tensors["lm_head.weight"]
    name = checkpoints.keep_checkpoint([saved(tensors, uploads / "m.safetensors")], Fork(untied))
    fork = built(merge(of("tiny-llama-untied"), {"checkpoint": name}), model="tiny-llama-untied")
    own, embedding = weights(Fork(untied)), "model.embed_tokens.weight"
    theirs = numpy_of(tensors[embedding])[0]
    found = weights(fork)
    for mine in (embedding, "lm_head.weight"):
        np.testing.assert_allclose(found[mine], (own[mine] + theirs) / 2, atol=1e-6)


def test_buffers_that_every_loader_passes_over_are_passed_over(known, home, uploads):
    buffers = {
        "tiny-llama": ["model.layers.{}.self_attn.rotary_emb.inv_freq", "model.rotary_emb.inv_freq"],
        "tiny-gpt2-layout": ["transformer.h.{}.attn.bias", "transformer.h.{}.attn.masked_bias"],
        "tiny-neox": [
            "gpt_neox.layers.{}.attention.bias",
            "gpt_neox.layers.{}.attention.masked_bias",
            "gpt_neox.layers.{}.attention.rotary_emb.inv_freq",
        ],
    }
    for model, names in buffers.items():
        base = known[model]
        tensors = noisy(base, 5)
        truth = full(tensors, base)
        extra = {name.format(n): torch.full((4,), float("-inf")) for name in names for n in (0, 1)}
        name = checkpoints.keep_checkpoint([saved(tensors | extra, uploads / "m.safetensors")], Fork(base))
        assert same(weights(built(merge({"checkpoint": name}), model=model)), truth)


@pytest.mark.parametrize(
    ("model", "rename"),
    [
        ("tiny-llama", lambda name: f"base_model.model.{name}"),
        ("tiny-llama", lambda name: f"module._orig_mod.{name}"),
        ("tiny-llama", lambda name: name.removeprefix("model.")),  # of the model without its head
        ("tiny-llama", lambda name: f"transformer.{name}"),
        ("tiny-gpt2-layout", lambda name: name.removeprefix("transformer.")),  # as OpenAI's is
        ("tiny-neox", lambda name: f"model.{name}"),
        ("tiny-opt", lambda name: name.removeprefix("model.")),
    ],
)
def test_names_with_a_wrappers_prefix_or_without_the_models_are_the_same(known, home, uploads, model, rename):
    base = known[model]
    tensors = noisy(base, 5)
    written = {rename(name): tensor for name, tensor in tensors.items()}
    name = checkpoints.keep_checkpoint([saved(written, uploads / "m.safetensors")], Fork(base))
    fork = built(merge({"checkpoint": name}), model=model)
    assert same(weights(fork), full(tensors, base))
    stray = written | {"vision.weight": torch.ones(2)}
    with pytest.raises(MergeError, match=r"first of 1 differences: vision\.weight: -, 2"):
        checkpoints.keep_checkpoint([saved(stray, uploads / "m.safetensors")], Fork(base))


def test_what_is_no_models_weights_is_called_what_it_is(llama, uploads):
    path, q = uploads / "m.safetensors", "model.layers.0.self_attn.q_proj"
    adapters = [
        f"base_model.model.{q}.lora_A.weight",
        f"{q}.lora_B.default.weight",
        f"{q}.ia3_l",
        f"base_model.model.{q}.lora_magnitude_vector",
        "prompt_embeddings",
        "base_model.model.lm_head.modules_to_save.default.weight",
    ]
    for name in adapters:
        for others in ({}, noisy(llama, 5)):
            text = refused("an adapter's matrices", [saved(others | {name: torch.ones(2)}, path)], llama)
            assert "Adapters tab" in text
            assert name in text
    quantized = {
        "GPTQ or AWQ": [f"{q}.qweight", f"{q}.qzeros", f"{q}.g_idx"],
        "bitsandbytes": [f"{q}.weight.absmax", f"{q}.weight.quant_state.bitsandbytes__nf4", f"{q}.SCB"],
        "8-bit floats": [f"{q}.weight_scale_inv", f"{q}.weight_scale"],
        "packed codes": [f"{q}.weight_packed", f"{q}.scales"],
    }
    for kind, names in quantized.items():
        for name in names:
            tensors = noisy(llama, 5) | {name: torch.ones(2)}
            text = refused("is quantized", [saved(tensors, path)], llama)
            assert kind in text


def test_a_checkpoint_whose_header_is_huge_is_refused_by_its_first_bytes(llama, uploads, monkeypatch):
    from playground.engine.merging import headers, mapped

    monkeypatch.setattr(mapped, "safe_open", lambda *args: pytest.fail("it was read"))
    path = uploads / "m.safetensors"
    path.write_bytes((8_000_001).to_bytes(8, "little") + b" " * 8_000_001)
    refused(r"has a header of 8\.0 MB: at most 8 are read", [path], llama)
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    path.write_bytes(header({str(n): empty for n in range(headers.MAX_TENSORS + 1)}))
    refused("lists 20001 tensors: at most 20000", [path], llama)


def test_many_files_together_list_no_more_than_one_may(llama, uploads):
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    paths = [uploads / f"{place}.safetensors" for place in range(3)]
    for place, path in enumerate(paths):
        path.write_bytes(header({f"{place}.{n}": empty for n in range(8_000)}))
    refused("lists 24000 tensors", paths, llama)


def test_opening_a_checkpoint_can_be_stopped_before_its_header_is_read(llama, uploads, monkeypatch):
    from playground.engine.merging import mapped

    saved(noisy(llama, 5), checkpoints.home() / "mine" / "0.safetensors")
    monkeypatch.setattr(mapped, "safe_open", lambda *args: pytest.fail("it was read"))
    for open_it in (
        lambda work: checkpoints.keep_checkpoint([checkpoints.home() / "mine" / "0.safetensors"], Fork(llama), work),
        lambda work: build(parse(recipe(merge({"checkpoint": "mine"}))), work),
    ):
        with pytest.raises(Stopped):
            open_it(Work(stopped=lambda: True))


def test_long_and_strange_tensor_names_do_not_fill_the_message(llama, uploads):
    tensors = noisy(llama, 5) | {"x" * 100_000: torch.ones(1), "{name}\n<b>": torch.ones(1)}
    text = refused("another shape", [saved(tensors, uploads / "m.safetensors")], llama)
    assert "differences" in text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"\x00" * 8,
        b"\xff" * 64,
        (2**62).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (4).to_bytes(8, "little") + b"null",
        b"PK\x03\x04 a zip file",
        b"\x80\x04\x95 a pickle",
    ],
)
def test_what_is_no_safetensors_file_is_refused(llama, uploads, content):
    path = uploads / "m.safetensors"
    path.write_bytes(content)
    refused("m.safetensors is not a safetensors file that can be read|another shape", [path], llama)


def header(entries: dict, data: bytes = b"") -> bytes:
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1], "data_offsets": [0, 400]},
        {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": "x", "data_offsets": [0, 4]},
    ],
)
def test_a_file_whose_header_lies_is_refused(llama, uploads, entry):
    path = uploads / "m.safetensors"
    path.write_bytes(header({NAME: entry}, b"\0" * 4))
    refused("is not a safetensors file that can be read", [path], llama)


@pytest.mark.parametrize(("dtype", "size"), [("F4", 768), ("F6_E2M3", 1152), ("F8_E8M0", 1536)])
def test_dtypes_that_torch_has_little_of_are_refused_or_read(llama, uploads, dtype, size):
    tensors, start, data = noisy(llama, 5), 0, b""
    entries = {}
    for name, tensor in tensors.items():
        raw = b"\x11" * size if name == NAME else tensor.numpy().tobytes()
        entries[name] = {
            "dtype": dtype if name == NAME else "F32",
            "shape": list(tensor.shape),
            "data_offsets": [start, start + len(raw)],
        }
        start, data = start + len(raw), data + raw
    (uploads / "m.safetensors").write_bytes(header(entries, data))
    try:
        checkpoints.keep_checkpoint([uploads / "m.safetensors"], Fork(llama))
    except MergeError:
        assert kept() == []


def test_a_file_that_was_cut_off_is_refused(llama, uploads):
    whole = save(noisy(llama, 5))
    for length in (4, 100, len(whole) // 2, len(whole) - 1):
        path = uploads / "m.safetensors"
        path.write_bytes(whole[:length])
        refused("is not a safetensors file that can be read", [path], llama)


def test_too_large_uploads_are_refused_before_they_are_read(llama, uploads, monkeypatch):
    path = uploads / "m.safetensors"
    path.write_bytes(b"x" * 2_000_000)
    monkeypatch.setattr(checkpoints, "MAX_FILE", 1_000_000)
    refused("has 2 MB: at most 1 can be uploaded", [path], llama)


def test_only_weights_and_a_tokenizer_are_taken(llama, uploads):
    path = saved(noisy(llama, 5), uploads / "m.safetensors")
    for other in ("pytorch_model.bin", "config.json", "model.safetensors.exe", "tokenizer.json.x"):
        (uploads / other).write_bytes(b"x")
        refused("1 to 7 .safetensors files", [path, uploads / other], llama)
    tokens = words_file(uploads / "tokenizer.json", {"a": 0})
    refused("1 to 7 .safetensors files", [tokens], llama)
    refused("1 to 7 .safetensors files", [], llama)
    many = [saved({str(n): torch.ones(1)}, uploads / f"{n}.safetensors") for n in range(9)]
    refused("1 to 7 .safetensors files", many, llama)


@pytest.mark.parametrize(
    "name", ["..", ".", ".hidden", "nothing", "a\0b", "a\nb", "a b", "~", "C:\\x", "x" * 97, "-x", "안녕"]
)
def test_names_that_are_no_checkpoints_are_refused(llama, name):
    saved(noisy(llama, 5), checkpoints.home() / "0.safetensors")  # in the folder above
    saved(noisy(llama, 5), checkpoints.home() / ".hidden" / "0.safetensors")
    with pytest.raises(MergeError, match="is not on this host"):
        built(merge({"checkpoint": name}))
    assert not checkpoints.has(name)


@pytest.mark.parametrize("name", ["../checkpoints", "/etc", "a/../b", "a/b/c", "./mine", "mine/"])
def test_names_that_lead_out_of_the_folder_are_refused(llama, monkeypatch, name):
    saved(noisy(llama, 5), checkpoints.home() / "mine" / "0.safetensors")
    monkeypatch.setenv("PLAYGROUND_HUB", "any")
    settings.cache_clear()
    with pytest.raises(ModelError, match="Unknown model"):
        built(merge({"checkpoint": name}))


# Vocabularies


def test_the_tokens_of_a_tokenizer_file_are_the_tokenizers(tiny):
    path = tiny.files("tiny-llama") / "tokenizer.json"
    assert checkpoints.read_tokens(path) == tiny.tokenizer.get_vocab()


def test_a_unigram_files_tokens_are_numbered_in_order(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(
        json.dumps(
            {
                "model": {"vocab": [["<s>", 0.0], ["▁a", -1.5], ["b", -2.0]]},
                "added_tokens": [{"id": 3, "content": "<pad>"}],
            }
        )
    )
    assert checkpoints.read_tokens(path) == {"<s>": 0, "▁a": 1, "b": 2, "<pad>": 3}


BAD_TOKENIZERS = {
    "empty": "",
    "not json": "{",
    "a list": "[]",
    "a number": "5",
    "null": "null",
    "no model": "{}",
    "model is a list": '{"model": []}',
    "model is null": '{"model": null}',
    "no vocab": '{"model": {}}',
    "vocab is null": '{"model": {"vocab": null}}',
    "vocab is a number": '{"model": {"vocab": 5}}',
    "an id is a text": '{"model": {"vocab": {"a": "0"}}}',
    "an id is a list": '{"model": {"vocab": {"a": [0]}}}',
    "an id is a bool": '{"model": {"vocab": {"a": true}}}',
    "an id is a float": '{"model": {"vocab": {"a": 1.0}}}',
    "an id is negative": '{"model": {"vocab": {"a": -1}}}',
    "an id is NaN": '{"model": {"vocab": {"a": NaN}}}',
    "an id is null": '{"model": {"vocab": {"a": null}}}',
    "an entry is a number": '{"model": {"vocab": [5]}}',
    "an entry is empty": '{"model": {"vocab": [[]]}}',
    "a text is a number": '{"model": {"vocab": [[5, 0]]}}',
    "a text is a list": '{"model": {"vocab": [[["a"], 0]]}}',
    "a text is a mapping": '{"model": {"vocab": [[{"a": 1}, 0]]}}',
    "added is a number": '{"model": {"vocab": {"a": 0}}, "added_tokens": 5}',
    "added is a mapping": '{"model": {"vocab": {"a": 0}}, "added_tokens": {"a": 1}}',
    "added has no id": '{"model": {"vocab": {"a": 0}}, "added_tokens": [{"content": "b"}]}',
    "added has a negative id": '{"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": -5, "content": "b"}]}',
    "added has a list for a text": '{"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": 1, "content": ["b"]}]}',
    "an id of 5000 digits": '{"model": {"vocab": {"a": ' + "9" * 5000 + "}}}",
    "lists in lists": "[" * 100_000,
    "mappings in mappings": '{"model":' * 100_000,
    "nested where the words are": '{"model": {"vocab": ' + "[" * 20_000 + "]" * 20_000 + "}}",
}


@pytest.mark.parametrize("case", BAD_TOKENIZERS)
def test_a_tokenizer_that_cannot_be_read_is_refused(llama, uploads, case):
    path = saved(noisy(llama, 5), uploads / "m.safetensors")
    (uploads / "tokenizer.json").write_text(BAD_TOKENIZERS[case])
    refused("tokenizer.json cannot be read", [path, uploads / "tokenizer.json"], llama)


def test_a_tokenizer_that_is_no_text_or_too_large_is_refused(llama, uploads, monkeypatch):
    path = saved(noisy(llama, 5), uploads / "m.safetensors")
    tokens = uploads / "tokenizer.json"
    tokens.write_bytes(b'{"model": {"vocab": {"\xff": 0}}}')
    refused("tokenizer.json cannot be read", [path, tokens], llama)
    words_file(tokens, {"a" * 1000: 0})
    monkeypatch.setattr(checkpoints, "MAX_TOKENIZER", 1000)
    refused("tokenizer.json cannot be read", [path, tokens], llama)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "id", "content", "vocab", "b"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON, JSON)
@hypothesis_settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_tokenizer_file_holds_it_gives_texts_with_numbers_or_is_refused(tmp_path, vocabulary, added):
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps({"model": {"vocab": vocabulary}, "added_tokens": added}))
    try:
        found = checkpoints.read_tokens(path)
    except MergeError:
        return
    assert all(isinstance(text, str) and type(id) is int and id >= 0 for text, id in found.items())


def shuffled(base, seed: int, extra: tuple[str, ...] = (), without: tuple[str, ...] = ()):
    """Another vocabulary: the base's tokens under other numbers, some gone, some new."""
    words = [word for word in base.tokenizer.get_vocab() if word not in without]
    words += extra
    random.Random(seed).shuffle(words)
    return {word: place for place, word in enumerate(words)}


def with_rows(base, seed: int, rows: int) -> dict[str, torch.Tensor]:
    """A checkpoint with another number of tokens."""
    tensors = noisy(base, seed)
    vocabulary = base.model.config.vocab_size
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in tensors.items():
        if tensor.shape[0] == vocabulary:
            tensors[name] = torch.randn(rows, *tensor.shape[1:], generator=generator)
    return tensors


def matched(base, tensors, theirs: dict[str, int]) -> dict[str, np.ndarray]:
    """By hand: each of the base's tokens has the row that the other gives to its text."""
    found, own = full(tensors, base), weights(Fork(base))
    vocabulary = base.model.config.vocab_size
    for name, mine in own.items():
        if mine.shape[0] == vocabulary:
            rows = mine.copy()
            for word, here in base.tokenizer.get_vocab().items():
                if word in theirs and theirs[word] < len(found[name]):
                    rows[here] = found[name][theirs[word]]
            found[name] = rows
    return found


@pytest.mark.parametrize("model", ["tiny-llama", "tiny-llama-untied", "tiny-gpt2-layout", "tiny-opt", "tiny-phi"])
@pytest.mark.parametrize(
    ("extra", "without"), [((), ()), (("new", "newer"), ()), ((), ("Ġthe", "Ġof")), (("new",), ("Ġthe",))]
)
def test_rows_of_another_vocabulary_are_matched_by_their_tokens_texts(known, home, uploads, model, extra, without):
    base = known[model]
    words = shuffled(base, 3, extra, without)
    tensors = with_rows(base, 5, len(words))
    path = saved(tensors, uploads / "m.safetensors")
    tokens = words_file(uploads / "tokenizer.json", words)
    name = checkpoints.keep_checkpoint([path, tokens], Fork(base))
    with pytest.raises(MergeError, match=r"another vocabulary: \d+ tokens differ, such as.*by_text"):
        built(merge(of(model), {"checkpoint": name}), model=model)
    fork = built(merge(of(model), {"checkpoint": name}, vocabulary="by_text"), model=model)
    own, theirs = weights(Fork(base)), matched(base, tensors, words)
    close(weights(fork), {n: (own[n] + theirs[n]) / 2 for n in own})
    alone = built(merge({"checkpoint": name}, vocabulary="by_text"), model=model)
    close(weights(alone), theirs)
    ends = fork.weight_name("input"), fork.weight_name("output")
    assert (alone.identity(ends[0]) == alone.identity(ends[1])) is fork.tied()


def test_another_vocabularys_message_names_the_first_numbers_that_differ(llama, uploads):
    words = dict(llama.tokenizer.get_vocab())
    by_id = {id: word for word, id in words.items()}
    words |= {by_id[7]: 9, by_id[9]: 7}
    del words[by_id[299]]
    path = saved(noisy(llama, 5), uploads / "m.safetensors")
    name = checkpoints.keep_checkpoint([path, words_file(uploads / "tokenizer.json", words)], Fork(llama))
    with pytest.raises(MergeError) as caught:
        built(merge({"checkpoint": name}))
    text = str(caught.value)
    assert "3 tokens differ" in text
    assert f"7: {by_id[7]!r}, {by_id[9]!r}; 9: {by_id[9]!r}, {by_id[7]!r}; 299: {by_id[299]!r}, -" in text


def test_endless_token_texts_do_not_fill_the_message(llama, uploads):
    words = {"x" * 100_000 + str(n): n for n in range(300)}
    path = saved(noisy(llama, 5), uploads / "m.safetensors")
    name = checkpoints.keep_checkpoint([path, words_file(uploads / "tokenizer.json", words)], Fork(llama))
    with pytest.raises(MergeError, match="another vocabulary") as caught:
        built(merge({"checkpoint": name}))
    assert len(str(caught.value)) < 1000


def test_the_same_vocabulary_with_its_tokenizer_needs_no_matching(llama, tiny, uploads):
    tensors = noisy(llama, 5)
    words = shutil.copy(tiny.files("tiny-llama") / "tokenizer.json", uploads / "tokenizer.json")
    name = checkpoints.keep_checkpoint([saved(tensors, uploads / "m.safetensors"), Path(words)], Fork(llama))
    for vocabulary in ("same", "by_text"):
        fork = built(merge({"checkpoint": name}, vocabulary=vocabulary))
        assert same(weights(fork), full(tensors, llama))


@pytest.mark.parametrize("vocabulary", ["same", "by_text"])
@pytest.mark.parametrize("rows", [290, 320])
def test_a_table_that_is_padded_differently_is_cut_or_filled_up(llama, tiny, uploads, vocabulary, rows):
    """The tokens are the same; how many rows the table has beyond them is each trainer's choice."""
    tensors = with_rows(llama, 5, rows)
    words = llama.tokenizer.get_vocab()
    assert sorted(words.values()) == list(range(300))
    tokens = words_file(uploads / "tokenizer.json", words)
    name = checkpoints.keep_checkpoint([saved(tensors, uploads / "m.safetensors"), tokens], Fork(llama))
    fork = built(merge({"checkpoint": name}, vocabulary=vocabulary))
    close(weights(fork), matched(llama, tensors, words))


def test_another_number_of_tokens_without_a_tokenizer_is_refused(llama, uploads):
    path = saved(with_rows(llama, 5, 320), uploads / "m.safetensors")
    refused("another number of tokens, and no tokenizer.json came with it", [path], llama)


def test_tokens_whose_numbers_are_beyond_the_table_are_left_out(llama, uploads):
    words = {**llama.tokenizer.get_vocab(), "Ġthe": 10**30, "zz": 10**18}
    tensors = noisy(llama, 5)
    tokens = words_file(uploads / "tokenizer.json", words)
    name = checkpoints.keep_checkpoint([saved(tensors, uploads / "m.safetensors"), tokens], Fork(llama))
    fork = built(merge({"checkpoint": name}, vocabulary="by_text"))
    close(weights(fork), matched(llama, tensors, words))


def test_a_base_with_another_vocabulary_is_matched_too(llama, uploads):
    words = shuffled(llama, 3, ("new",))
    tensors = with_rows(llama, 5, len(words))
    tokens = words_file(uploads / "tokenizer.json", words)
    name = checkpoints.keep_checkpoint([saved(tensors, uploads / "m.safetensors"), tokens], Fork(llama))
    edit = merge(of("tiny-llama"), base={"checkpoint": name}, t=0.25, vocabulary="by_text")
    own, start = weights(Fork(llama)), matched(llama, tensors, words)
    close(weights(built(edit)), {n: 0.75 * start[n] + 0.25 * own[n] for n in own})
    with pytest.raises(MergeError, match="another vocabulary"):
        built(edit | {"vocabulary": "same"})


def test_rows_that_only_the_base_has_stay_exactly_as_they_are(llama, uploads):
    """Whatever the checkpoint's dtype."""
    words = shuffled(llama, 3, (), ("Ġthe", "Ġof"))
    tensors = {n: t.bfloat16() for n, t in with_rows(llama, 5, len(words)).items()}
    tokens = words_file(uploads / "tokenizer.json", words)
    name = checkpoints.keep_checkpoint([saved(tensors, uploads / "m.safetensors"), tokens], Fork(llama))
    found = weights(built(merge({"checkpoint": name}, vocabulary="by_text")))["lm_head.weight"]
    ids = [llama.tokenizer.get_vocab()[word] for word in ("Ġthe", "Ġof")]
    assert np.array_equal(found[ids], weights(Fork(llama))["lm_head.weight"][ids])
