"""What becomes of an upload: an adapter, or a message of its own and nothing on the disk."""

from __future__ import annotations

import copy
import io
import json
import pickle
import struct
import tempfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from peft_made import METHODS, make_noisy
from safetensors.torch import load, save

from playground.engine.adapters import AdapterError, files, lora, virtual_tokens
from playground.engine.adapters.edit import attach
from playground.engine.fork import Fork
from playground.errors import PlaygroundError
from playground.settings import settings

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
LAYER = "base_model.model.model.layers.{}.self_attn.q_proj.lora_{}.weight"
A, B = LAYER.format(0, "A"), LAYER.format(0, "B")
IDS = [5, 17, 42, 99]
DAMAGED, NOT_A_ZIP = "damaged or cut off", "damaged, locked or not a .zip"


@pytest.fixture(scope="module")
def llama(tiny):
    return tiny["tiny-llama"]


@pytest.fixture(scope="module")
def good(llama, tmp_path_factory):
    """The two files of a LoRA of rank 2 beside two matrices of 32 x 32, by plain PEFT."""
    folder = tmp_path_factory.mktemp("good")
    config = LoraConfig(r=2, lora_alpha=4, target_modules=["q_proj"], task_type="CAUSAL_LM")
    make_noisy(get_peft_model(copy.deepcopy(llama.model), config), 3).save_pretrained(folder)
    return {name: (folder / name).read_bytes() for name in (WEIGHTS, CONFIG)}


@pytest.fixture(autouse=True)
def nothing_is_written(tmp_path, monkeypatch):
    """Home, working folder and folder for temporary files are one, and empty afterwards too."""
    folder = tmp_path / "everything"
    folder.mkdir()
    monkeypatch.setenv("PLAYGROUND_HOME", str(folder / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.chdir(folder)
    settings.cache_clear()
    yield
    settings.cache_clear()
    assert list(tmp_path.glob("everything/**/*")) == []


def changed(given, tensors):
    """The files with some tensors replaced, or taken out where None."""
    new = load(given[WEIGHTS]) | tensors
    return given | {WEIGHTS: save({name: t for name, t in new.items() if t is not None})}


def configured(given, **more):
    """The files with some of the configuration's values replaced."""
    return given | {CONFIG: json.dumps(json.loads(given[CONFIG]) | more).encode()}


def by_hand(config, tensors):
    return {CONFIG: json.dumps(config).encode(), WEIGHTS: save(tensors)}


def raw(header, data=b""):
    """A safetensors file with any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def refused(given, base, *words):
    """Reading is refused with a message that can be shown and has these words."""
    with pytest.raises(AdapterError) as caught:
        files.read_adapter(given, Fork(base))
    said = str(caught.value)
    assert all(word in said for word in words), said
    assert said.encode("utf-8")
    assert len(said) < 600
    return said


@torch.inference_mode()
def logits_with(adapter, base):
    fork = Fork(base)
    attach(fork, adapter, 1.0, False)
    fork.settle()
    return fork.model(input_ids=torch.tensor([IDS]), use_cache=False).logits[0]


# The safetensors file


def test_the_adapter_that_the_bad_ones_are_made_of_is_read(good, llama):
    adapter = files.read_adapter(good, Fork(llama))
    assert adapter.kind == "lora"
    assert {name: tensor.shape for name, tensor in adapter.tensors.items()} == {
        name: tensor.shape for name, tensor in load(good[WEIGHTS]).items()
    }
    assert not torch.allclose(logits_with(adapter, llama), plain(llama), atol=1e-2)


@torch.inference_mode()
def plain(base):
    return base.model(input_ids=torch.tensor([IDS]), use_cache=False).logits[0]


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 100, -256, -8, -1])
def test_a_file_that_was_cut_off_is_refused(good, llama, length):
    refused(good | {WEIGHTS: good[WEIGHTS][:length]}, llama, DAMAGED, "upload it again")


ONE = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
MALFORMED = {
    "zeros": bytes(64),
    "a header longer than the file": struct.pack("<Q", 2**63) + b"{}",
    "a header that is not JSON": raw(b"{'a': 1}"),
    "a header that is a list": raw([ONE], bytes(4)),
    "a header that is not UTF-8": raw(b'{"\xff":{}}'),
    "no header": raw(b""),
    "a tensor without offsets": raw({"a": {"dtype": "F32", "shape": [1]}}, bytes(4)),
    "offsets past the end": raw({"a": ONE | {"data_offsets": [0, 8]}}, bytes(4)),
    "offsets before the start": raw({"a": ONE | {"data_offsets": [-4, 0]}}, bytes(4)),
    "offsets that overlap": raw({"a": ONE, "b": ONE}, bytes(4)),
    "bytes that no tensor has": raw({"a": ONE}, bytes(8)),
    "a shape of another size": raw({"a": ONE | {"shape": [2]}}, bytes(4)),
    "a negative shape": raw({"a": ONE | {"shape": [-1]}}, bytes(4)),
    "a shape beyond 64 bits": raw({"a": ONE | {"shape": [2**40, 2**40]}}, bytes(4)),
    "a shape beyond torch's": raw({"a": ONE | {"shape": [2**63, 0], "data_offsets": [0, 0]}}),
    "an unknown type": raw({"a": ONE | {"dtype": "F128"}}, bytes(4)),
    "a type that torch has not": raw({"a": {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [0, 3]}}, bytes(3)),
    "text as JSON": b'{"hello": "world"}',
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_file_is_refused(good, llama, case):
    refused(good | {WEIGHTS: MALFORMED[case]}, llama, DAMAGED)


def test_a_header_far_longer_than_any_adapters_is_not_even_parsed(good, llama, monkeypatch):
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    content = raw({str(i): empty for i in range(4001)})
    refused(good | {WEIGHTS: content}, llama, "4001 tensors", "1 to 4000")
    monkeypatch.setattr(files, "MAX_HEADER", len(content) - 9)
    refused(good | {WEIGHTS: content}, llama, DAMAGED)


def test_a_file_without_tensors_or_with_too_many_is_refused(good, llama, monkeypatch):
    refused(good | {WEIGHTS: save({})}, llama, "0 tensors")
    monkeypatch.setattr(files, "MAX_TENSORS", 4)
    assert files.read_adapter(good, Fork(llama))
    monkeypatch.setattr(files, "MAX_TENSORS", 3)
    refused(good, llama, "4 tensors", "1 to 3")


def test_an_upload_above_the_limit_is_refused_before_it_is_read(good, llama, monkeypatch):
    size = sum(map(len, good.values()))
    monkeypatch.setattr(files, "MAX_UPLOAD", size)
    assert files.read_adapter(good, Fork(llama))
    monkeypatch.setattr(files, "MAX_UPLOAD", size - 1)
    refused(good, llama, "at most")
    monkeypatch.setattr(files, "MAX_UPLOAD", 1_000_000)
    refused({"a": bytes(600_000), "b": bytes(400_001)}, llama, "has 2 MB", "at most 1 MB")


@pytest.mark.parametrize("dtype", files.FLOATS)
@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_not_finite_are_refused_and_the_tensor_named(good, llama, dtype, number):
    wrong = load(good[WEIGHTS])[B].to(dtype)
    wrong[-1, -1] = number
    refused(changed(good, {B: wrong}), llama, B, "not finite, or far too large")


@pytest.mark.parametrize("number", [1.001e5, -1.001e5, 3e38])
def test_a_huge_number_is_refused(good, llama, number):
    wrong = load(good[WEIGHTS])[A]
    wrong[0, 0] = number
    refused(changed(good, {A: wrong}), llama, A, "far too large")


def test_a_product_of_large_numbers_is_refused_and_the_module_named(tiny):
    """Each number is allowed alone; together they would overflow in the model."""
    base = tiny["tiny-gpt2-layout"]
    down, up = torch.full((4, 32), 1e5), torch.full((96, 4), 1e5)
    path = "transformer.h.0.attn.c_attn"
    given = files.write_adapter(lora.make({path: (down, up)}), "any")
    refused(given, base, path, "far too large")
    adapter = files.read_adapter(files.write_adapter(lora.make({path: (down / 1e4, up / 1e4)}), "any"), Fork(base))
    assert bool(logits_with(adapter, base).isfinite().all())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_every_usual_float_is_read(good, llama, dtype):
    given = changed(good, {k: t.to(dtype) for k, t in load(good[WEIGHTS]).items()})
    adapter = files.read_adapter(given, Fork(llama))
    assert {tensor.dtype for tensor in adapter.tensors.values()} == {dtype}
    assert bool(logits_with(adapter, llama).isfinite().all())


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        (torch.float64, "float64"),
        (torch.int8, "int8"),
        (torch.int64, "int64"),
        (torch.bool, "bool"),
        (torch.uint8, "uint8"),
        (torch.float8_e4m3fn, "float8_e4m3fn"),
        (torch.complex64, "complex64"),
    ],
)
def test_other_types_are_refused_by_name(good, llama, dtype, name):
    given = changed(good, {A: torch.ones(2, 32).to(dtype)})
    refused(given, llama, A, f"stored as {name}:", "float32, float16 and bfloat16")


@pytest.mark.parametrize("length", [640, 896, 1152, 1408, 0x4B50])
def test_a_header_whose_length_looks_like_a_pickle_is_read(good, llama, length):
    """640 is 0x280, and a pickle of protocol 2 starts with 80 02; 0x4B50 is "PK"."""
    start = 8 + struct.unpack("<Q", good[WEIGHTS][:8])[0]
    header = good[WEIGHTS][8:start].rstrip()
    given = good | {WEIGHTS: raw(header.ljust(length), good[WEIGHTS][start:])}
    assert files.read_adapter(given, Fork(llama)).id == files.read_adapter(good, Fork(llama)).id


# Pickles


class Run:
    """Opened as a pickle, it writes a file into the working folder."""

    def __reduce__(self):
        return Path.touch, (Path("run"),)


def torch_zip(value):
    out = io.BytesIO()
    torch.save(value, out)
    return out.getvalue()


@pytest.mark.parametrize(
    "name", ["adapter_model.bin", "model.pt", "a.PTH", "a.pkl", "x/a.ckpt", "a.pickle", "a.joblib"]
)
def test_a_pickle_is_passed_over_beside_good_files_and_refused_by_its_name_without(good, llama, name):
    wanted = files.read_adapter(good, Fork(llama)).id
    assert files.read_adapter(good | {name: pickle.dumps(Run())}, Fork(llama)).id == wanted
    said = refused({name: b"", CONFIG: good[CONFIG]}, llama, "is a pickle or may hold one", WEIGHTS)
    assert said.startswith(name.rpartition("/")[2])


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_is_refused_by_its_content(good, llama, protocol):
    given = good | {WEIGHTS: pickle.dumps([Run(), "x" * 100], protocol)}
    refused(given, llama, "really a pickle", "as safetensors")


def test_a_pickle_of_torch_is_refused_by_its_content(good, llama):
    refused(good | {WEIGHTS: torch_zip({A: torch.ones(2, 32), "x": Run()})}, llama, "really a")


@pytest.mark.parametrize("protocol", [0, 1])
def test_an_old_pickle_is_not_opened_either(good, llama, protocol):
    refused(good | {WEIGHTS: pickle.dumps([Run(), "x" * 100], protocol)}, llama, DAMAGED)


# Which files


def test_missing_files_are_named(good, llama):
    both = f"{WEIGHTS} and {CONFIG} is missing"
    refused({}, llama, both, "Give a .zip")
    refused({"README.md": b"hello"}, llama, both)
    refused({CONFIG: good[CONFIG]}, llama, f"{WEIGHTS} is missing")
    said = refused({WEIGHTS: good[WEIGHTS]}, llama, f"{CONFIG} is missing")
    assert f"{WEIGHTS} and" not in said.partition(".json is")[0]


def test_folders_before_the_names_do_not_matter(good, llama):
    moved = {f"/tmp/x/{name}": content for name, content in good.items()}
    assert files.read_adapter(moved, Fork(llama)).id == files.read_adapter(good, Fork(llama)).id


# The configuration


NOT_JSON = {
    "empty": b"",
    "cut": b'{"peft_type": "LORA"',
    "a list": b'["LORA"]',
    "null": b"null",
    "a number": b"1",
    "a text": b'"LORA"',
    "not UTF-8": b'{"peft_type": "\xff"}',
    "UTF-16": '{"peft_type": "LORA"}'.encode("utf-16"),
    "python": b"{'peft_type': 'LORA'}",
    "half a surrogate pair": b'{"peft_type": "LORA", "\\ud800": 1}',
    "a number of 5,000 digits": b'{"r": ' + b"1" * 5000 + b"}",
}


@pytest.mark.parametrize("case", NOT_JSON)
def test_a_configuration_that_is_no_json_object_is_refused(good, llama, case):
    refused(good | {CONFIG: NOT_JSON[case]}, llama, "not usable JSON")


def test_a_configuration_above_the_limit_is_refused(good, llama):
    padded = good[CONFIG].ljust(files.MAX_CONFIG)
    assert files.read_adapter(good | {CONFIG: padded}, Fork(llama))
    refused(good | {CONFIG: padded + b" "}, llama, "not usable JSON")


@pytest.mark.parametrize("key", ["r", "target_modules", "feedforward_modules", "peft_type"])
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_a_configuration_of_any_depth_is_an_error_and_no_crash(good, llama, key, opening):
    closing = b"]" if opening == b"[" else b"}"
    for depth in (files.MAX_DEPTH, 200, *range(900, 1000, 3), 5_000, 16_000):
        inside = opening * depth + b"1" + closing * depth
        content = b'{"x": 0, "%s": %s}' % (key.encode(), inside)
        refused(good | {CONFIG: content}, llama, "not usable JSON")


@pytest.mark.parametrize("given", ["LOHA", "", "lora", None, 5, ["LORA"], {"a": "LORA"}, "x" * 999])
def test_an_unknown_type_is_refused_and_the_known_ones_listed(good, llama, given):
    said = refused(configured(good, peft_type=given), llama, "of the type", "LORA, IA3, PROMPT_TUN")
    assert str(given)[:4] in said


def test_a_configuration_without_a_type_is_refused(good, llama):
    config = json.loads(good[CONFIG])
    del config["peft_type"]
    refused(good | {CONFIG: json.dumps(config).encode()}, llama, "of the type ''")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("modules_to_save", ["lm_head"]),
        ("lora_bias", True),
        ("layer_replication", [[0, 2]]),
        ("target_parameters", ["experts"]),
        ("trainable_token_indices", [1, 2]),
        ("alora_invocation_tokens", [5]),
        ("arrow_config", {"top_k": 1}),
        ("use_qalora", True),
        ("something_of_tomorrow", 1),
        ("x" * 999, "y"),
    ],
)
def test_a_key_that_asks_for_what_is_not_done_here_is_refused_by_name(good, llama, key, value):
    refused(configured(good, **{key: value}), llama, f"sets {key[:60]}", "not supported")
    for nothing in (None, False, [], {}, ""):
        assert files.read_adapter(configured(good, **{key: nothing}), Fork(llama))


@pytest.mark.parametrize("bias", ["all", "lora_only", "x" * 999])
def test_trained_biases_are_refused(good, llama, bias):
    refused(configured(good, bias=bias), llama, "trains biases", "bias=none")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("r", "8"),
        ("r", True),
        ("r", 1.5),
        ("r", 10**9),
        ("r", [8]),
        ("lora_alpha", "16"),
        ("lora_alpha", False),
        ("lora_alpha", float("nan")),
        ("lora_alpha", float("inf")),
        ("lora_alpha", 1e300),
        ("lora_alpha", -(10**400)),
        ("use_rslora", 1),
        ("use_dora", "yes"),
        ("rank_pattern", [1]),
        ("alpha_pattern", "q_proj"),
        ("bias", False),
        ("bias", {}),
        ("alpha_pattern", {"q_proj": "8"}),
        ("rank_pattern", {"q_proj": [8]}),
        ("alpha_pattern", {"q_proj": None}),
        ("alpha_pattern", {"q_proj": float("nan")}),
        ("alpha_pattern", {"q_proj": float("-inf")}),
        ("alpha_pattern", {"q_proj": 10**400}),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_with_its_key(good, llama, key, value):
    refused(configured(good, **{key: value}), llama, f"configuration's {key} is", "not usable")


# LoRA against the model


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        (A, (2, 31), "2 x 31"),
        (A, (2, 32, 1), "rank"),
        (A, (32,), "rank"),
        (A, (), "rank"),
        (B, (32, 3), "32 x 3"),
        (B, (31, 2), "31 x 2"),
        (B, (2, 32), "2 x 32"),
        (B, (64,), "64"),
        (B, (), "a single number"),
    ],
)
def test_a_wrong_shape_is_refused_and_both_shapes_said(good, llama, name, shape, said):
    words = (said, "32 x 2") if name == B else (said,)
    refused(changed(good, {name: torch.ones(shape)}), llama, "layers.0.self_attn.q_proj", *words)


@pytest.mark.parametrize("rank", [0, 513])
def test_rank_0_and_a_rank_above_the_limit_are_refused(good, llama, rank):
    given = changed(good, {A: torch.ones(rank, 32), B: torch.ones(32, rank)})
    refused(given, llama, f"rank at model.layers.0.self_attn.q_proj is {rank}", "1 to 512")


def test_the_largest_rank_is_read(good, llama):
    given = changed(good, {A: torch.ones(512, 32), B: torch.ones(32, 512)})
    assert files.read_adapter(given, Fork(llama)).tensors[A].shape == (512, 32)


@pytest.mark.parametrize("name", [A, B])
def test_half_of_a_pair_is_refused(good, llama, name):
    refused(
        changed(good, {name: None}),
        llama,
        "lora_A.weight, lora_B.weight",
        "model.layers.0.self_attn.q_proj are incomplete or too many",
    )


def test_a_magnitude_is_there_for_dora_and_only_then(good, llama, by_peft):
    magnitude = "lora_magnitude_vector"
    refused(configured(good, use_dora=True), llama, "incomplete", f"B.weight, {magnitude}")
    name = A.replace("lora_A.weight", magnitude)
    refused(changed(good, {name: torch.ones(32)}), llama, "too many")
    _, dora = by_peft(llama, "dora")
    refused(changed(dora, {name: torch.ones(31)}), llama, f"{magnitude} has the shape 31")
    assert name in load(dora[WEIGHTS])
    refused(changed(dora, {f"{name}.weight": torch.ones(32)}), llama, f"not understood here: {name}")


@pytest.mark.parametrize(
    "name",
    [
        "base_model.model.lm_head.weight",
        "base_model.model.model.norm.weight",
        "base_model.model.model.layers.0.self_attn.q_proj.lora_B.bias",
        "base_model.model.model.layers.0.self_attn.q_proj.lora_C.weight",
        "model.layers.0.self_attn.q_proj.lora_A.weight",
        f"{A}.ids",
        f"{A}\n",
        "",
        "x" * 5000,
    ],
)
def test_a_tensor_that_is_no_loras_is_refused_by_name(good, llama, name):
    refused(changed(good, {name: torch.ones(3)}), llama, "not understood here", name[:160])


def test_an_adapter_for_another_model_is_refused_and_the_module_named(tiny, llama, good, by_peft):
    _, others = by_peft(tiny["tiny-gpt2-layout"], "lora")
    refused(others, llama, "made for another model", "transformer.h.0.attn.c_attn", "tiny-llama")
    deeper = {A: None, B: None, LAYER.format(7, "A"): torch.ones(2, 32)}
    deeper[LAYER.format(7, "B")] = torch.ones(32, 2)
    refused(changed(good, deeper), llama, "model.layers.7.self_attn.q_proj", "another model")
    wider = {A: torch.ones(2, 64), B: torch.ones(64, 2)}
    refused(changed(good, wider), llama, "does not fit this model", "2 x 64", "2 x 32")


# The other kinds against the model


def test_ia3_of_a_wrong_shape_name_or_model_is_refused(tiny, llama, by_peft):
    _, given = by_peft(llama, "ia3")
    name = "base_model.model.model.layers.0.mlp.down_proj.ia3_l"
    on_input = load(given[WEIGHTS])[name]
    assert on_input.shape == (1, 48)
    refused(changed(given, {name: torch.ones(48, 1)}), llama, "48 x 1", "1 x 48")
    refused(configured(given, feedforward_modules=[]), llama, "1 x 48", "32 x 1")
    refused(changed(given, {f"{name}.weight": on_input}), llama, "not understood here")
    refused(changed(given, {name.replace("ia3_l", "ia3_x"): on_input}), llama, "not understood")
    refused(
        changed(given, {name.replace("layers.0", "layers.9"): on_input}),
        llama,
        "another model",
        "model.layers.9.mlp.down_proj",
    )
    refused(given, tiny["tiny-neox"], "another model", "model.layers.0")


@pytest.mark.parametrize("modules", [{"down_proj": 1}, 5, True])
def test_ia3_whose_inputs_are_not_listed_is_refused(llama, by_peft, modules):
    _, given = by_peft(llama, "ia3")
    listed = files.read_adapter(given, Fork(llama)).id  # a text is a regular expression, as in PEFT
    by_pattern = configured(given, feedforward_modules=r".*\.down_proj")
    assert files.read_adapter(by_pattern, Fork(llama)).id == listed
    refused(configured(given, feedforward_modules=modules), llama, "feedforward_modules is")


@pytest.mark.parametrize(("method", "shape"), [("prompt", (5, 32)), ("prefix", (5, 64))])
def test_learned_tokens_that_do_not_fit_are_refused(llama, by_peft, method, shape):
    _, given = by_peft(llama, method)
    for count in (0, -1, 129):
        refused(configured(given, num_virtual_tokens=count), llama, f"{count} virtual", "1 to 128")
    for count in ("5", 5.0, True):
        refused(configured(given, num_virtual_tokens=count), llama, "num_virtual_tokens is")
    count, width = shape
    said = f"{count} x {width}"
    refused(configured(given, num_virtual_tokens=6), llama, said, f"6 x {width}")
    refused(changed(given, {virtual_tokens.TENSOR: torch.ones(5, 7)}), llama, "5 x 7", said)
    refused(changed(given, {virtual_tokens.TENSOR: torch.ones(())}), llama, "a single number", said)
    refused(changed(given, {"more": torch.ones(1)}), llama, "not understood here: more")
    refused(changed(given, {virtual_tokens.TENSOR: None, "x": torch.ones(1)}), llama, "understood here: x")


@pytest.mark.parametrize("method", METHODS)
def test_a_type_written_as_pythons_enumeration_is_the_same(llama, by_peft, method):
    _, given = by_peft(llama, method)
    spelled = configured(given, peft_type=f"PeftType.{json.loads(given[CONFIG])['peft_type']}")
    assert files.read_adapter(spelled, Fork(llama)).id == files.read_adapter(given, Fork(llama)).id


TABLE, NORM = "model.embed_tokens.weight", "model.norm.weight"
ROWS, IDS_OF = f"{TABLE}.rows", f"{TABLE}.ids"


def of_rows(**more):
    """Rows 2, 7 and 299 of the embedding, changed."""
    good = {ROWS: torch.ones(3, 32), IDS_OF: torch.tensor([2, 7, 299])}
    tensors = {k: t for k, t in (good | more).items() if t is not None}
    return by_hand({"peft_type": "CHANGED_TENSORS"}, tensors)


def test_changed_tensors_are_read_and_attach(llama):
    adapter = files.read_adapter(of_rows(**{NORM: torch.full((32,), 2.0)}), Fork(llama))
    assert adapter.kind == "changed"
    assert bool(logits_with(adapter, llama).isfinite().all())


@pytest.mark.parametrize(
    "ids",
    [
        None,
        torch.tensor([2, 7]),
        torch.tensor([2, 7, 300]),
        torch.tensor([-1, 2, 7]),
        torch.tensor([7, 2, 9]),
        torch.tensor([2, 2, 9]),
        torch.tensor([2.0, 7.0, 9.0]),
        torch.tensor([2, 7, 9], dtype=torch.int32),
        torch.tensor([[2, 7, 9]]),
        torch.tensor(2),
        torch.empty(0, dtype=torch.int64),
        torch.tensor([0, 2**62, 2**63 - 1]),
        torch.tensor([-(2**63), 0, 2**63 - 1]),
    ],
)
def test_a_bad_list_of_changed_rows_is_refused(llama, ids):
    said = refused(of_rows(**{IDS_OF: ids}), llama, TABLE)
    assert "not usable" in said or "3 x 32" in said


def test_changed_tensors_that_do_not_fit_are_refused(llama, tiny):
    refused(of_rows(**{ROWS: torch.ones(3, 31)}), llama, "3 x 31", "3 x 32")
    refused(of_rows(**{NORM: torch.ones(31)}), llama, f"{NORM} has the shape 31, and 32")
    refused(of_rows(), tiny["tiny-gpt2-layout"], "another model", TABLE)
    for name in ("", "model", "model.layers.5.mlp.up_proj.weight", "config", "x.y", "model.norm."):
        refused(of_rows(**{name: torch.ones(1)}), llama, "another model", name)
    rows = {f"{NORM}.rows": torch.ones(1, 32), f"{NORM}.ids": torch.tensor([0])}
    refused(of_rows(**rows), llama, f"rows of {NORM}")
    bad = torch.ones(32)
    bad[3] = float("nan")
    refused(of_rows(**{NORM: bad}), llama, NORM, "not finite")


@pytest.mark.parametrize("name", ["junk.ids", f"{NORM}.ids", ".ids"])
def test_a_list_of_rows_that_no_rows_go_with_is_refused(llama, name):
    refused(of_rows(**{name: torch.tensor([1])}), llama, f"not understood here: {name}")


def bottleneck(size=4, **more):
    path = "model.layers.0.mlp.down_proj."
    good = {
        "down.weight": torch.ones(4, 32),
        "down.bias": torch.ones(4),
        "up.weight": torch.ones(32, 4),
        "up.bias": torch.ones(32),
    }
    named = {path + part: tensor for part, tensor in good.items()} | {
        key if key.startswith("model.") else path + key: tensor for key, tensor in more.items()
    }
    tensors = {name: tensor for name, tensor in named.items() if tensor is not None}
    return by_hand({"peft_type": "BOTTLENECK", "size": size}, tensors)


def test_bottlenecks_that_do_not_fit_are_refused(llama):
    assert bool(logits_with(files.read_adapter(bottleneck(), Fork(llama)), llama).isfinite().all())
    for size in (0, 513, -4):
        refused(bottleneck(size), llama, f"is {size} wide", "1 to 512")
    refused(bottleneck("4"), llama, "size is '4'")
    refused(bottleneck(5), llama, "down.weight has the shape 4 x 32, and 5 x 32")
    path = "model.layers.0.mlp.down_proj"
    for part in ("down.weight", "down.bias", "up.weight", "up.bias"):
        refused(bottleneck(**{part: None}), llama, f"for {path} are incomplete", part)
        refused(bottleneck(**{part: torch.ones(3, 3)}), llama, f"{path}.{part} has the shape 3 x 3")
    refused(bottleneck(**{"gate.weight": torch.ones(1)}), llama, f"here: {path}.gate.weight")
    other = {f"model.layers.4.mlp.down_proj.{part}": torch.ones(1) for part in ("up.bias",)}
    refused(bottleneck(**other), llama, "another model", "model.layers.4.mlp.down_proj")


# A .zip


def zipped(members, method=zipfile.ZIP_DEFLATED):
    """A .zip of (name, content) pairs, as an upload."""
    out = io.BytesIO()
    pairs = members.items() if isinstance(members, dict) else members
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in pairs:
            info = zipfile.ZipInfo("placeholder")
            info.filename, info.compress_type = name, method
            archive.writestr(info, content)
    return {"adapter.zip": out.getvalue()}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_is_read_like_its_files_nested_or_not(good, llama, method):
    wanted = files.read_adapter(good, Fork(llama)).id
    nested = {f"a/b c/{name}": content for name, content in good.items()}
    more = {"README.md": b"hello", "a/": b"", "a/b c/training.log": b"x", **nested}
    for members in (good, nested, more):
        given = zipped(members, method)
        assert files.read_adapter(given, Fork(llama)).id == wanted
        assert files.read_adapter({"/tmp/A.ZIP": given["adapter.zip"]}, Fork(llama)).id == wanted


def test_a_damaged_zip_is_refused(good, llama):
    content = zipped(good, zipfile.ZIP_STORED)["adapter.zip"]
    at = content.index(good[WEIGHTS]) + len(good[WEIGHTS]) // 2
    flipped = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
    squeezed = bytearray(zipped(good)["adapter.zip"])
    squeezed[30 + len(WEIGHTS) + 40] ^= 0xFF  # in the middle of a deflated file
    bad = [b"", b"PK", b"PK\x03\x04", content[:-30], content[60:], flipped, bytes(squeezed)]
    for one in [*bad, good[WEIGHTS], b"Rar!\x1a\x07\x00" + content]:
        if not one.endswith(content):
            refused({"adapter.zip": one}, llama, NOT_A_ZIP, "Pack the folder again")


def test_an_encrypted_zip_is_refused(good, llama):
    content = bytearray(zipped(good)["adapter.zip"])
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + flags] |= 1
            at = content.find(mark, at + 1)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert all(info.flag_bits & 1 for info in archive.infolist())
    refused({"adapter.zip": bytes(content)}, llama, NOT_A_ZIP)


@pytest.mark.parametrize(
    "name",
    [
        f"../{WEIGHTS}",
        f"a/../../{WEIGHTS}",
        "..",
        f"/{WEIGHTS}",
        f"//host/{WEIGHTS}",
        f"C:\\{WEIGHTS}",
        f"C:{WEIGHTS}",
        f"..\\{WEIGHTS}",
        f"a\\..\\..\\{WEIGHTS}",
        f"\\{WEIGHTS}",
        f"\\\\host\\share\\{WEIGHTS}",
        "../../etc/cron.d/x",
        "/etc/passwd",
        "a.txt:stream",
    ],
)
def test_a_zip_with_a_name_that_leaves_its_folder_is_refused(good, llama, name):
    refused(zipped([*good.items(), (name, b"x")]), llama, "land outside its folder", name)
    refused(zipped([(name, b"x"), *good.items()]), llama, "land outside its folder", name)


def test_a_zip_with_too_many_files_is_refused(good, llama):
    for count, usable in ((510, True), (511, False)):
        given = zipped([(f"{i}.txt", b"") for i in range(count)] + list(good.items()))
        if usable:
            assert files.read_adapter(given, Fork(llama))
        else:
            refused(given, llama, "has 513 files", "at most 512")


def test_a_zip_that_lists_a_flood_of_files_is_refused_before_it_is_parsed(llama):
    given = zipped([(f"{i}", b"") for i in range(5_000)])
    said, peak = peak_of(lambda: refused(given, llama, "has 5000 files", "at most 512"))
    assert said
    assert peak < 300_000  # zipfile would take 500 bytes and more for each


def peak_of(call):
    """What a call returns, and the most bytes that Python held meanwhile on top."""
    tracemalloc.start()
    try:
        result = call()
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG])
def test_a_zip_bomb_is_read_no_further_than_the_limit(good, llama, monkeypatch, name):
    monkeypatch.setattr(files, "MAX_UPLOAD", 200_000)
    given = zipped(good | {name: bytes(20_000_000)})
    assert len(given["adapter.zip"]) < 100_000
    _, peak = peak_of(lambda: refused(given, llama, "Unpacked", "more than 0 MB"))
    assert peak < 2_000_000


def test_the_limit_is_for_all_files_of_a_zip_together(good, llama, monkeypatch):
    total = sum(map(len, good.values()))
    given = zipped(good | {"more.txt": bytes(10 * total)})
    monkeypatch.setattr(files, "MAX_UPLOAD", total)
    assert len(given["adapter.zip"]) < total
    assert files.read_adapter(given, Fork(llama))
    monkeypatch.setattr(files, "MAX_UPLOAD", total - 1)
    refused(given, llama, "Unpacked")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_packed_so_that_it_unpacks_only_whole_is_refused(good, llama, method):
    """zipfile reads these without a bound: 390 bytes of bzip2 become 300 MB."""
    refused(zipped(good, method), llama, NOT_A_ZIP)
    given = zipped({WEIGHTS: bytes(50_000_000)}, method)
    _, peak = peak_of(lambda: refused(given, llama, NOT_A_ZIP))
    assert peak < 2_000_000


def test_a_zip_of_two_adapters_is_refused(good, llama):
    pair = {f"{folder}/{name}": good[name] for folder in "ab" for name in good}
    refused(zipped(pair), llama, f"several files named {WEIGHTS}", "one adapter's folder")
    twice = [*good.items(), (CONFIG, b"{}")]
    refused(zipped(twice), llama, f"several files named {CONFIG}")


def test_a_file_without_a_name_in_a_zip_is_passed_over(good, llama):
    """A byte that is none ends a name before it begins."""
    [(name, content)] = zipped(good | {"nameless": b"hello"}).items()
    given = {name: content.replace(b"nameless", b"\0ameless")}
    assert files.read_adapter(given, Fork(llama)).id == files.read_adapter(good, Fork(llama)).id


def test_a_pickle_in_a_zip_is_passed_over_and_not_unpacked(good, llama):
    wanted = files.read_adapter(good, Fork(llama)).id
    given = zipped(good | {"a/optimizer.pt": bytes(20_000_000)})
    adapter, peak = peak_of(lambda: files.read_adapter(given, Fork(llama)))
    assert adapter.id == wanted
    assert peak < 2_000_000
    refused(zipped({"optimizer.pt": b"x", CONFIG: good[CONFIG]}), llama, "optimizer.pt is a pickle")
    refused(zipped(good | {WEIGHTS: torch_zip([Run()])}), llama, "really a pickle")


def test_a_zip_without_an_adapter_or_in_another_zip_is_refused(good, llama):
    refused(zipped({}), llama, f"{WEIGHTS} and {CONFIG} is missing")
    refused(zipped({"readme.txt": b"x"}), llama, "is missing")
    refused(zipped({CONFIG: good[CONFIG]}), llama, f"{WEIGHTS} is missing")
    refused(zipped(zipped(good)), llama, "is missing")


# A folder as it lies on somebody's disk


def test_what_lies_beside_an_adapter_is_passed_over(good, llama):
    wanted = files.read_adapter(good, Fork(llama)).id
    names = (
        "training_args.bin",
        "optimizer.pt",
        "README.md",
        ".gitattributes",
        "tokenizer.json",
        "tokenizer_config.json",
        "rng_state.pth",
        "__MACOSX/._adapter_model.safetensors",
        "checkpoint-10/adapter_model.safetensors",
        "checkpoint-10/adapter_config.json",
        "checkpoint-20/adapter_model.safetensors",
        "checkpoint-20/optimizer.pt",
    )
    beside = {name: pickle.dumps(Run()) for name in names}
    assert files.read_adapter(beside | good, Fork(llama)).id == wanted
    for folder in ("", "mine/", "mine\\"):
        members = {folder + name: content for name, content in (beside | good).items()}
        if "\\" in folder:
            members = {name.replace("/", "\\"): content for name, content in members.items()}
        assert files.read_adapter(zipped(members), Fork(llama)).id == wanted


def test_a_byte_order_mark_before_the_configuration_is_no_fault(good, llama):
    given = good | {CONFIG: b"\xef\xbb\xbf" + good[CONFIG]}
    assert files.read_adapter(given, Fork(llama)).id == files.read_adapter(good, Fork(llama)).id


def test_what_only_has_an_adapters_name_is_called_what_it_is(good, llama):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"
    page = b"\n<!DOCTYPE html><title>404</title>" * 9
    for name in (WEIGHTS, CONFIG):
        refused(good | {name: pointer}, llama, f"{name} is a pointer of Git LFS", "git lfs pull")
        refused(good | {name: page}, llama, f"{name} is a web page", "download")
        refused(zipped(good | {name: page}), llama, f"{name} is a web page")
    refused(good | {WEIGHTS: b"GGUF\3\0\0\0"}, llama, f"{WEIGHTS} is a GGUF", "as PEFT saves it")
    refused({"lora.gguf": b"GGUF\3"}, llama, "lora.gguf is a GGUF")
    refused(zipped({"a/lora.gguf": b"GGUF\3", CONFIG: good[CONFIG]}), llama, "lora.gguf is a GGUF")


# Anything at all


def usable_or_refused(given, base):
    """What is read works; what is refused is refused with a message that can be shown."""
    try:
        adapter = files.read_adapter(given, Fork(base))
    except PlaygroundError as error:
        str(error).encode("utf-8")  # raises for half a surrogate pair
        return
    out = logits_with(adapter, base)
    assert out.shape == (len(IDS), base.model.config.vocab_size)
    assert bool(out.isfinite().all())
    assert files.read_adapter(files.write_adapter(adapter, "any"), Fork(base)).id == adapter.id


SPOTS = st.floats(0, 1, exclude_max=True)
BYTES = st.one_of(
    st.tuples(st.just("flip"), SPOTS, st.integers(0, 7)),
    st.tuples(st.just("set"), SPOTS, st.sampled_from([0, 1, 0x20, 0x22, 0x7F, 0x80, 0xFF])),
    st.tuples(st.just("cut"), SPOTS, st.integers(1, 3)),
    st.tuples(st.just("end"), SPOTS, st.none()),
    st.tuples(st.just("insert"), SPOTS, st.binary(min_size=1, max_size=12)),
    st.tuples(st.just("repeat"), SPOTS, st.integers(1, 64)),
)


def mangled(content, changes, first=0):
    """Bytes after some accidents, all of them in the part from ``first`` on."""
    content = bytearray(content)
    for what, spot, more in changes:
        at = first + int(spot * max(0, len(content) - first))
        if what == "flip" and at < len(content):
            content[at] ^= 1 << more
        elif what == "set" and at < len(content):
            content[at] = more
        elif what == "cut":
            del content[at : at + more]
        elif what == "end":
            del content[at:]
        elif what == "insert":
            content[at:at] = more
        elif what == "repeat":
            content[at:at] = content[at : at + more]
    return bytes(content)


@hypothesis_settings(deadline=None, max_examples=700)
@given(part=st.sampled_from([WEIGHTS, CONFIG, "header"]), changes=st.lists(BYTES, min_size=1, max_size=3))
def test_a_file_after_any_accident_works_or_is_refused(good, llama, part, changes):
    if part == "header":
        end = 8 + struct.unpack("<Q", good[WEIGHTS][:8])[0]
        content = mangled(good[WEIGHTS][:end], changes) + good[WEIGHTS][end:]
        usable_or_refused(good | {WEIGHTS: content}, llama)
    else:
        usable_or_refused(good | {part: mangled(good[part], changes)}, llama)


@hypothesis_settings(deadline=None, max_examples=500)
@given(
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA]),
    tail=st.booleans(),
    changes=st.lists(BYTES, min_size=1, max_size=3),
)
def test_a_zip_after_any_accident_works_or_is_refused(good, llama, method, tail, changes):
    content = zipped({f"a/{name}": good[name] for name in good}, method)["adapter.zip"]
    first = content.index(b"PK\x01\x02") if tail else 0  # where the list of files is
    usable_or_refused({"adapter.zip": mangled(content, changes, first)}, llama)


NUMBERS = st.one_of(
    st.integers(-3, 70),
    st.sampled_from([2**31, 2**63, 2**64, -(10**400), 999_999_999, 513]),
    st.floats(),
    st.sampled_from([1e-300, 1e8, 999_999_999.0]),
)
WORDS = st.one_of(
    st.sampled_from(
        [
            "LORA",
            "IA3",
            "PROMPT_TUNING",
            "PREFIX_TUNING",
            "CHANGED_TENSORS",
            "BOTTLENECK",
            "none",
            "all",
            "q_proj",
            "model.layers.0.self_attn.q_proj",
            "F16",
            "F64",
            "I64",
            A,
            B,
        ]
    ),
    st.text(st.characters(), max_size=8),
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
KEYS = (
    "peft_type",
    "r",
    "lora_alpha",
    "use_rslora",
    "use_dora",
    "rank_pattern",
    "alpha_pattern",
    "bias",
    "lora_dropout",
    "target_modules",
    "modules_to_save",
    "feedforward_modules",
    "size",
    "num_virtual_tokens",
    "num_transformer_submodules",
    "tied",
    "fan_in_fan_out",
    "lora_bias",
)


@hypothesis_settings(deadline=None, max_examples=600)
@given(
    changes=st.dictionaries(st.sampled_from(KEYS) | WORDS, JSON, min_size=1, max_size=3),
    left_out=st.sets(st.sampled_from(KEYS), max_size=2),
)
def test_any_values_in_the_configuration_work_or_are_refused(good, llama, changes, left_out):
    config = {k: v for k, v in json.loads(good[CONFIG]).items() if k not in left_out} | changes
    usable_or_refused(good | {CONFIG: json.dumps(config).encode()}, llama)


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from(["F16", "BF16", "F64", "I32", "BOOL", "F8_E4M3", "F4"]) | JSON,
        "shape": st.lists(NUMBERS, max_size=4)
        | st.sampled_from([[32, 2], [2, 32], [64], [1, 64], [64, 1], [1] * 80, [0, 32], [2**63, 0]])
        | JSON,
        "data_offsets": st.lists(st.integers(-8, 1100), min_size=2, max_size=2)
        | st.sampled_from([[0, 256], [256, 512], [0, 512], [0, 0]])
        | JSON,
    },
)


@hypothesis_settings(deadline=None, max_examples=600)
@given(
    changes=st.dictionaries(st.integers(0, 3), FIELDS, min_size=1, max_size=3),
    names=st.lists(st.integers(0, 3) | WORDS, min_size=4, max_size=4) | st.none(),
    metadata=st.none() | JSON,
)
def test_any_header_works_or_is_refused(good, llama, changes, names, metadata):
    end = 8 + struct.unpack("<Q", good[WEIGHTS][:8])[0]
    header = json.loads(good[WEIGHTS][8:end])
    header.pop("__metadata__")
    known = sorted(header)
    fields = [header[name] | changes.get(index, {}) for index, name in enumerate(known)]
    chosen = [known[name] if isinstance(name, int) else name for name in names or range(4)]
    new = dict(zip(chosen, fields, strict=True))
    if metadata is not None:
        new["__metadata__"] = metadata
    usable_or_refused(good | {WEIGHTS: raw(new, good[WEIGHTS][end:])}, llama)


SIZES = st.sampled_from([0, 1, 2, 3, 4, 31, 32, 48, 513])


@pytest.mark.slow
@hypothesis_settings(deadline=None, max_examples=300)
@given(
    order=st.permutations(range(4)),
    shapes=st.dictionaries(st.integers(0, 3), st.lists(SIZES, max_size=3), max_size=2),
    ranks=st.tuples(SIZES, SIZES) | st.none(),
    scale=st.sampled_from([0.0, 1.0, 1e-30, 1e4, 1e5, -1e5, 1e20]),
    dtype=st.sampled_from([torch.float32, torch.float16, torch.bfloat16, torch.float64]),
)
def test_tensors_swapped_and_of_any_shape_work_or_are_refused(good, llama, order, shapes, ranks, scale, dtype):
    tensors = load(good[WEIGHTS])
    names, values = sorted(tensors), [tensors[name] for name in sorted(tensors)]
    if ranks is not None:  # both sides of each pair agree, so many of these are good
        values = [torch.ones(rank, 32) if part == "A" else torch.ones(32, rank) for rank in ranks for part in "AB"]
    else:
        values = [values[index] for index in order]
    values = [torch.ones(shapes[i]) if i in shapes else v for i, v in enumerate(values)]
    new = {name: (scale * v).to(dtype) for name, v in zip(names, values, strict=True)}
    usable_or_refused(good | {WEIGHTS: save(new)}, llama)
