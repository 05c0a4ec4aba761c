"""What PEFT's configurations say, field by field: as PEFT does it on loading, or refused by name.

The truth is always ``PeftModel.from_pretrained`` of the same folder on a fresh copy of the model.
"""

from __future__ import annotations

import copy
import json
import re
import warnings

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft_made import config_of, make_noisy, roles
from safetensors.torch import load_file, save_file

from playground.engine.adapters import AdapterError, files, lora
from playground.engine.adapters.edit import attach
from playground.engine.adapters.mix import mix
from playground.engine.adapters.patterns import Matcher
from playground.engine.fork import Fork

IDS = torch.tensor([[5, 17, 42, 99, 120, 7, 33]])
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@torch.inference_mode()
def logits(model):
    return model(input_ids=IDS).logits[0, -IDS.shape[1] :]


class Folder:
    """An adapter's folder as PEFT saves it, and what PEFT and this project make of it."""

    def __init__(self, base, path, config, seed=1):
        self.base, self.path = base, path
        path.mkdir(exist_ok=True)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = get_peft_model(copy.deepcopy(base.model), config)
            make_noisy(model, seed).save_pretrained(path)

    def configure(self, **values):
        config = json.loads((self.path / CONFIG).read_text())
        (self.path / CONFIG).write_text(json.dumps(config | values))
        return self

    def rename(self, rule):
        tensors = load_file(self.path / WEIGHTS)
        save_file({rule(name): t for name, t in tensors.items()}, self.path / WEIGHTS)
        return self

    def ours(self):
        given = {name: (self.path / name).read_bytes() for name in (WEIGHTS, CONFIG)}
        return files.read_adapter(given, Fork(self.base))

    def attached(self, fold=False, scale=1.0):
        fork = Fork(self.base)
        attach(fork, self.ours(), scale, fold)
        fork.settle()
        return fork

    def theirs(self):
        return PeftModel.from_pretrained(copy.deepcopy(self.base.model), self.path).eval()

    def check(self, atol=1e-4):
        """Attached here is loaded there, and it is not nothing."""
        fork, wanted = self.attached(), logits(self.theirs())
        assert torch.allclose(logits(fork.model), wanted, atol=atol, rtol=0)
        assert not torch.allclose(wanted, logits(self.base.model), atol=1e-2)
        return fork


def lora_config(base, **more):
    given = {"r": 4, "lora_alpha": 12, "target_modules": roles(base), "task_type": "CAUSAL_LM"}
    return LoraConfig(**given | more)


def refused(folder, *words):
    with pytest.raises(AdapterError) as caught:
        folder.ours()
    assert all(word in str(caught.value) for word in words), str(caught.value)


# Starts that change the base


def test_pissa_and_olora_are_taken_out_of_the_base_as_peft_does(tiny, tmp_path):
    cases = (
        ("tiny-llama", {"init_lora_weights": "pissa"}),
        ("tiny-llama", {"init_lora_weights": "pissa", "use_rslora": True}),
        ("tiny-llama", {"init_lora_weights": "pissa", "use_dora": True}),
        ("tiny-llama", {"init_lora_weights": "olora", "rank_pattern": {"q_proj": 2}}),
        ("tiny-llama-untied", {"init_lora_weights": "OLoRA"}),
        ("tiny-gpt2-layout", {"init_lora_weights": "pissa"}),
        ("tiny-gpt2-layout", {"init_lora_weights": "olora", "target_modules": ["attn.c_proj"]}),
    )
    for place, (name, more) in enumerate(cases):
        base = tiny[name]
        folder = Folder(base, tmp_path / str(place), lora_config(base, **more))
        before = {name: tensor.clone() for name, tensor in base.tensors()}
        fork = folder.check(atol=1e-3)  # PEFT's decomposition is float32's
        assert all(torch.equal(before[name], tensor) for name, tensor in base.tensors())
        folded = logits(folder.attached(fold=True).model)
        assert torch.allclose(folded, logits(fork.model), atol=2e-4)  # float32 of weights that reach 5


def test_an_untrained_pissa_is_the_base_and_a_converted_one_loads_in_peft(llama, tmp_path):
    config = lora_config(llama, init_lora_weights="pissa")
    model = get_peft_model(copy.deepcopy(llama.model), config)
    folder = Folder(llama, tmp_path / "a", config)
    model.save_pretrained(folder.path)
    assert torch.allclose(logits(folder.attached().model), logits(llama.model), atol=1e-4)
    trained = Folder(llama, tmp_path / "b", config)
    adapter, wanted = trained.ours(), logits(trained.theirs())
    for name, content in files.write_adapter(adapter, "any").items():
        (tmp_path / "b" / name).write_bytes(content)
    assert adapter.config["r"] == 8
    assert torch.allclose(logits(trained.theirs()), wanted, atol=1e-4)
    assert trained.ours().id == adapter.id  # nothing is taken out twice


def test_starts_whose_part_of_the_base_is_unknown_are_refused_with_the_way_out(llama, tmp_path):
    folder = Folder(llama, tmp_path / "a", lora_config(llama))
    for start in ("pissa_niter_4", "pissa_niter_16", "corda", "loftq", "lora_ga"):
        refused(folder.configure(init_lora_weights=start), start, "path_initial_model_for_weight_conve")
    for start in ("PISSA", "pissa_niter_", "something", 5, ["pissa"], {}):
        refused(folder.configure(init_lora_weights=start), "init_lora_weights is", "not usable")
    head = Folder(llama, tmp_path / "b", lora_config(llama, target_modules=["lm_head"]))
    refused(head.configure(init_lora_weights="pissa"), "lm_head", "cannot be worked out")
    other = folder.configure(init_lora_weights="olora", r=40)
    refused(other, "cannot be worked out")  # with r above a matrix's side PEFT's scaling is another


# Fields that are passed over, each at values that could matter if it did


HARMLESS = {
    "lora": {
        "lora_dropout": [0.0, 0.5, 1.0],
        "init_lora_weights": [True, False, None, "gaussian", "orthogonal", "eva", "mica"],
        "loftq_config": [{"loftq_bits": 4, "loftq_iter": 1}],
        "eva_config": [{"rho": 2.0}],
        "corda_config": [{"corda_method": "kpm"}],
        "lora_ga_config": [{"direction": "ArBr"}],
        "qalora_group_size": [3],
        "ensure_weight_tying": [True],
        "megatron_core": ["no.such"],
        "fan_in_fan_out": [True, False],
        "exclude_modules": [["lm_head"], ".*lm_head"],
        "target_modules": ["all-linear", r".*\.layers\.\d+\..*_proj"],
        "layers_to_transform": [[0, 1]],
        "auto_mapping": [{"base_model_class": "X"}],
        "revision": ["main"],
        "peft_version": ["0.1"],
        "inference_mode": [False, True],
        "base_model_name_or_path": ["else/where", None],
        "task_type": ["CAUSAL_LM", None],
    },
    "ia3": {
        "init_ia3_weights": [True, False],
        "fan_in_fan_out": [True, False],
        "feedforward_modules": [["down_proj"]],
        "exclude_modules": [["lm_head"]],
        "revision": ["x"],
        "peft_version": ["9"],
    },
    "prompt": {
        "prompt_tuning_init": ["RANDOM", "TEXT", "SAMPLE_VOCAB"],
        "tokenizer_name_or_path": ["x"],
        "prompt_tuning_init_text": ["pirate"],
        "num_layers": [1, None],
        "token_dim": [32],
        "num_attention_heads": [1],
        "revision": ["x"],
        "inference_mode": [False],
    },
    "p_tuning": {
        "encoder_hidden_size": [7],
        "encoder_num_layers": [5],
        "encoder_dropout": [0.7],
        "encoder_reparameterization_type": ["MLP", "LSTM"],
        "num_layers": [1],
    },
    "prefix": {
        "encoder_hidden_size": [7],
        "prefix_projection": [True, False],
        "init_weights": ["zero", None],
        "token_dim": [None],
        "num_layers": [None, 2],
    },
}


def test_a_field_that_is_passed_over_changes_nothing_in_peft_either(llama, tmp_path):
    for method, fields in HARMLESS.items():
        config = config_of(method, llama)
        folder = Folder(llama, tmp_path / method, config)
        start = json.loads((folder.path / CONFIG).read_text())
        known = lora.TRAINED_WITH if method == "lora" else ()
        assert set(known) <= set(fields)
        for key, values in fields.items():
            for value in values:
                more = {"tokenizer_name_or_path": "x", "prompt_tuning_init_text": "x"}
                needs = more if value == "TEXT" else {}
                odd = {"target_modules": roles(llama)} if key == "layers_to_transform" else {}
                folder.configure(**start | needs | odd | {key: value})
                ours = logits(folder.attached().model)
                wanted = logits(folder.theirs())
                assert torch.allclose(ours, wanted, atol=1e-4, rtol=0), (method, key, value)


def test_a_field_that_would_matter_is_refused_by_name(llama, tmp_path):
    folder = Folder(llama, tmp_path / "lora", lora_config(llama))
    start = json.loads((folder.path / CONFIG).read_text())
    for key, value in (
        ("megatron_config", {"x": 1}),
        ("kasa_config", {"x": 1}),
        ("velora_config", {"x": 1}),
        ("monteclora_config", {"x": 1}),
        ("use_bdlora", {"x": 1}),
        ("target_modules", ["q_proj"]),
        ("exclude_modules", ["v_proj"]),
        ("layers_to_transform", [1]),
        ("layers_to_transform", 0),
        ("target_modules", r"model\.layers\.0\..*"),
        ("exclude_modules", ".*v_proj"),
        ("target_modules", 5),
        ("target_modules", [5]),
        ("layers_to_transform", "x"),
    ):
        refused(folder.configure(**start | {key: value}), key)
    folder.configure(**start | {"layers_to_transform": [0], "layers_pattern": "h"})
    refused(folder, "layers_to_transform")
    prefix = Folder(llama, tmp_path / "prefix", config_of("prefix", llama))
    start = json.loads((prefix.path / CONFIG).read_text())
    for key, value in (
        ("num_layers", 4),
        ("num_attention_heads", 4),
        ("token_dim", 8),
        ("num_transformer_submodules", 2),
    ):
        refused(prefix.configure(**start | {key: value}), f"{key} is {value}")


# Patterns


PATTERNS = (
    {"q_proj": 2, "v_proj": 3},
    {r".*\.(q|k)_proj": 2},
    {"^model.layers.0.self_attn.q_proj": 2},
    {r"layers\.[01]\.mlp\..*": 2, "q_proj": 3},
    {r"layers\.\d+\.self_attn\.[^qk]_proj": 2},
    {r"(?:q|k|v|o)_proj$": 2},
    {r"(a+)+b": 2, "up_proj": 3},
    {"proj": 2},
    {".*": 3},
    {"0.self_attn.q_proj": 2},
    {"q|k_proj": 2},
)


def test_patterns_of_ranks_and_alphas_are_pefts(llama, tmp_path):
    for place, pattern in enumerate(PATTERNS):
        alphas = {key: 5.0 * value for key, value in pattern.items()}
        config = lora_config(llama, rank_pattern=pattern, alpha_pattern=alphas)
        folder = Folder(llama, tmp_path / str(place), config)
        folder.check()
        adapter = folder.ours()
        for name, content in files.write_adapter(adapter, "any").items():
            (folder.path / name).write_bytes(content)
        folder.check()
        assert folder.ours().id == adapter.id


def test_the_matcher_is_pythons_and_ends_on_what_python_never_ends_on():
    paths = ["model.layers.0.self_attn.q_proj", "model.layers.11.mlp.up_proj", "lm_head", "a" * 30]
    known = (
        r"model\.layers\.(0|1|11)\..*",
        r".*_proj",
        r"[a-z_.]+\d{1,2}[^0-9]*",
        r"(lm_)?head",
        r"^model.*$",
        r"a{30}",
        r"a{2,}?",
        r".+?head|.*\d\d.*",
        r"(?:a|aa)*",
        r"\w+",
        r"\S*\.\D*",
        r"",
        r"(a*)*",
        r"((a|b)+)+",
        r"[^\W\d]+",
        r"model\Z|a+\Z",
        r"(x?){5}lm_head",
        r"(|a)+",
    )
    matcher = Matcher()
    for pattern in known:
        for path in paths:
            assert matcher.matches(pattern, path) == bool(re.fullmatch(pattern, path)), pattern
    hopeless = ("(a+)+b", "(a|a)*b", "((a*)*)*b", "(?:(?:a?){9999}){9999}b", "(.*)*(.*)*(.*)*x")
    for pattern in hopeless:
        assert not Matcher().matches(pattern, "a" * 200)
    deep = "((((" + "a*" * 40 + ")*)*)*)*b"
    with pytest.raises(AdapterError, match="take too long"):
        any(matcher.matches(deep, "a" * 200) for _ in range(1_000))
    for bad in ("(", "a" * 301, "(?=a)", r"(a)\1", "(?i)a", r"\bq", "(?>a)", "*", "(" * 20 + ")" * 20):
        with pytest.raises(AdapterError, match="is not usable"):
            matcher.matches(bad, "a")


# The embedding and the head


ENDS = {
    "tiny-llama": ("embed_tokens", "lm_head"),
    "tiny-llama-untied": ("embed_tokens", "lm_head"),
    "tiny-gpt2-layout": ("wte", "lm_head"),
    "tiny-gemma3": ("embed_tokens", "lm_head"),
    "tiny-phi": ("embed_tokens", "lm_head"),
}


def test_a_lora_beside_embedding_and_head_is_pefts_tied_or_not(tiny, tmp_path):
    for name, (table, head) in ENDS.items():
        base = tiny[name]
        for targets in ([table], [head], [table, head, roles(base)[0]]):
            for more in ({}, {"use_rslora": True, "ensure_weight_tying": name == "tiny-llama"}):
                path = tmp_path / f"{name}-{len(targets)}-{targets[0]}-{len(more)}"
                folder = Folder(base, path, lora_config(base, target_modules=targets, **more))
                fork = folder.check()
                folded = folder.attached(fold=True)
                assert torch.allclose(logits(folded.model), logits(fork.model), atol=1e-4, rtol=0)
                assert not list(folded.thin())
                assert fork.bytes_held() < folder.ours().nbytes() + 20_000
                for name_, content in files.write_adapter(folder.ours(), "any").items():
                    (path / name_).write_bytes(content)
                folder.check()


def test_a_dora_is_taken_beside_the_head_and_refused_by_name_beside_the_embedding(tiny, tmp_path):
    base = tiny["tiny-llama-untied"]
    config = lora_config(base, target_modules=["lm_head"], use_dora=True)
    Folder(base, tmp_path / "head", config).check()
    config = lora_config(base, target_modules=["embed_tokens"], use_dora=True)
    refused(Folder(base, tmp_path / "table", config), "DoRA beside the embedding", "embed_tokens")


def test_an_embedding_that_comes_along_must_be_the_models_own(tiny, tmp_path):
    base = tiny["tiny-llama-untied"]
    folder = Folder(base, tmp_path / "a", lora_config(base, target_modules=["embed_tokens"]))
    tensors = load_file(folder.path / WEIGHTS)
    own = "base_model.model.model.embed_tokens.base_layer.weight"
    assert own in tensors
    assert own not in folder.ours().tensors
    tensors[own][3, 3] += 1
    save_file(tensors, folder.path / WEIGHTS)
    refused(folder, "model.embed_tokens of its own", "save_embedding_layers=False")


def test_rows_and_weights_with_a_lora_beside_them_are_those_of_the_sum(tiny, tmp_path):
    """Nudging before and after, training on top, and looking: all see the effective weight."""
    for name, (table, head) in ENDS.items():
        base = tiny[name]
        config = lora_config(base, target_modules=[table, head])
        adapter = Folder(base, tmp_path / name, config).ours()
        fork, ids = Fork(base), torch.tensor([3, 7, 200])
        wanted = {}
        for side in ("input", "output"):
            pair = next(p for p in lora.pairs(adapter) if f"{p.path}.weight" == fork.weight_name(side))
            first = torch.full((2, fork.embedding(side)[0].shape[1]), 0.5)
            whole = fork.tensor(fork.weight_name(side)).clone()
            whole[ids[:2]] = first
            fork.patch_rows(side, ids[:2], first)
            wanted[side] = whole + pair.scaling * pair.up @ pair.down
        attach(fork, adapter, 1.0, False)
        for side, whole in wanted.items():
            assert torch.allclose(fork.rows(side, ids), whole[ids], atol=1e-4)
            fork.patch_rows(side, ids[1:], torch.full((2, whole.shape[1]), -0.25))
            whole[ids[1:]] = -0.25
            assert torch.allclose(fork.rows(side, ids), whole[ids], atol=1e-4)
            assert torch.allclose(fork.tensor(fork.weight_name(side)), whole, atol=1e-4)
            weight, patched, rows = fork.embedding(side)
            assert torch.allclose(weight.index_copy(0, patched, rows), whole, atol=1e-4)
        folded = fork.clone()
        for side in wanted:
            folded.replace(fork.weight_name(side), fork.tensor(fork.weight_name(side)))
        assert torch.allclose(logits(folded.model), logits(fork.model), atol=1e-4, rtol=0)
        assert not list(folded.thin())
        assert not fork.tied()


def test_names_with_the_adapters_own_name_in_them_are_read(llama, tmp_path):
    every = [*roles(llama), "embed_tokens"]
    folder = Folder(llama, tmp_path / "lora", lora_config(llama, target_modules=every))
    wanted = folder.ours().id
    for end in (".weight", "embedding_A", "embedding_B"):
        folder.rename(
            lambda name, end=end: (
                name.removesuffix(".weight") + ".default.weight"
                if end == ".weight" and name.endswith(end) and "lora_" in name
                else name + ".default" * name.endswith(end) * (end != ".weight")
            )
        )
    assert any(".lora_A.default.weight" in name for name in load_file(folder.path / WEIGHTS))
    folder.check()
    assert folder.ours().id == wanted
    ia3 = Folder(llama, tmp_path / "ia3", config_of("ia3", llama))
    wanted = ia3.ours().id
    ia3.rename(lambda name: f"{name}.default").check()
    assert ia3.ours().id == wanted


def test_what_a_lora_cannot_be_beside_is_named_rightly(llama):
    for path, said in (
        ("model.norm", "go elsewhere here"),
        ("model.layers.0", "go elsewhere here"),
        ("model.layers.9.mlp.up_proj", "made for another model"),
    ):
        given = files.write_adapter(lora.make({path: (torch.ones(2, 32), torch.ones(32, 2))}), "any")
        with pytest.raises(AdapterError, match=said):
            files.read_adapter(given, Fork(llama))
    table = files.write_adapter(lora.make({"model.embed_tokens": (torch.ones(2, 32), torch.ones(9, 2))}), "")
    with pytest.raises(AdapterError, match="needs lora_embedding_A, lora_embedding_B"):
        files.read_adapter(table, Fork(llama))


def test_mixes_of_loras_beside_embedding_and_head_are_pefts(tiny, tmp_path):
    base = tiny["tiny-llama-untied"]
    config = lora_config(base, target_modules=["embed_tokens", "lm_head", "q_proj"])
    folders = [Folder(base, tmp_path / str(seed), config, seed) for seed in (1, 2)]
    for method in ("linear", "cat", "svd"):
        theirs = PeftModel.from_pretrained(copy.deepcopy(base.model), folders[0].path, "0")
        theirs.load_adapter(folders[1].path, "1")
        theirs.add_weighted_adapter(["0", "1"], [0.7, -0.4], "both", combination_type=method)
        theirs.set_adapter("both")
        fork = Fork(base)
        mixed = mix(fork, [f.ours() for f in folders], [0.7, -0.4], method, 1.0, 0)
        attach(fork, mixed, 1.0, False)
        assert torch.allclose(logits(fork.model), logits(theirs.eval()), atol=2e-4, rtol=0), method
