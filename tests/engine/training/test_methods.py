"""What each method trains, and whether its adapter is all of what was learned."""

from __future__ import annotations

import copy
from typing import get_args

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from bitsandbytes.nn import Linear4bit
from peft import PeftModel
from torch import nn
from transformers.pytorch_utils import Conv1D

from playground.engine.adapters import files
from playground.engine.adapters.edit import attach
from playground.engine.fork import Fork, Format
from playground.engine.fork.structure import layers, matrices
from playground.engine.training.methods import METHODS, Need
from playground.engine.training.prepare import prepare_training
from playground.engine.training.settings import TrainingSettings
from playground.engine.training.trainable import TrainingError
from playground.errors import PlaygroundError, RecipeError

IDS = [5, 17, 42, 99, 120, 7, 33]
RANK, TOKENS = 4, 4
BY_PEFT = ("lora", "rslora", "dora", "qlora", "ia3", "prompt", "p_tuning", "prefix")
VIRTUAL = ("prompt", "p_tuning", "prefix")
EXACT = [method for method in METHODS if method != "qlora"]  # that one sees rounded weights
NF4 = Format("nf4", 4.0, 0.5, True)


def asked(method, **more):
    given = {"rank": RANK, "alpha": 8.0, "virtual_tokens": TOKENS, "layers": 1, "seed": 3} | more
    return TrainingSettings(method=method, **given)


def run(model):
    return model(input_ids=torch.tensor([IDS]), attention_mask=torch.ones(1, len(IDS)).long())


@torch.inference_mode()
def logits_of(model):
    """Of the text's places alone: PEFT puts those of a learned prompt in front."""
    return model.eval()(input_ids=torch.tensor([IDS])).logits[0, -len(IDS) :]


def train(trainable, steps=3, rate=0.05):
    """A few plain steps towards the text's own next tokens."""
    adamw = torch.optim.AdamW(trainable.parameters.values(), lr=rate)
    trainable.model.eval()  # GPT-2 and OPT have dropout of their own
    for _ in range(steps):
        logits = run(trainable.model).logits[0, trainable.before :]
        F.cross_entropy(logits[:-1], torch.tensor(IDS[1:])).backward()
        adamw.step()
        adamw.zero_grad()
    return trainable


def learned(fork, method, **more):
    return train(prepare_training(fork, asked(method, **more)))


def attached(start, adapter):
    fork = start.clone()
    attach(fork, adapter, 1.0, False)
    fork.settle()
    return fork


def skip_if_unfit(method, base):
    if method == "qlora" and "gpt2" in base.entry.id:
        pytest.skip("QLoRA has no Conv1D")


def test_every_method_has_settings_and_a_rate():
    assert all(0 < method.rate < 1 for method in METHODS.values())


# What is learned, and what is left alone


@pytest.mark.parametrize("method", METHODS)
def test_the_base_and_the_fork_stay_bit_for_bit_while_every_parameter_moves(layout, method):
    skip_if_unfit(method, layout)
    fork = Fork(layout)
    base = {name: tensor.clone() for name, tensor in layout.tensors()}
    state = {name: tensor.clone() for name, tensor in fork.model.state_dict().items()}
    answer, noise = logits_of(fork.model), torch.get_rng_state()
    trainable = prepare_training(fork, asked(method))
    start = {name: p.detach().clone() for name, p in trainable.parameters.items()}
    train(trainable)
    assert [n for n, p in trainable.parameters.items() if torch.equal(p, start[n])] == []
    assert all(torch.equal(base[name], tensor) for name, tensor in layout.tensors())
    assert all(torch.equal(state[name], t) for name, t in fork.model.state_dict().items())
    assert list(state) == list(fork.model.state_dict())
    assert torch.equal(logits_of(fork.model), answer)
    assert torch.equal(logits_of(layout.model), answer)
    assert not any(p.requires_grad or p.grad is not None for p in layout.model.parameters())
    assert torch.equal(torch.get_rng_state(), noise)


@pytest.mark.parametrize("method", EXACT)
def test_the_adapter_on_a_fresh_fork_is_the_trained_model(layout, method):
    trainable = learned(Fork(layout), method)
    fork = attached(Fork(layout), trainable.adapter())
    now = logits_of(trainable.model)
    assert torch.allclose(logits_of(fork.model), now, atol=1e-4, rtol=0)
    assert not torch.allclose(now, logits_of(layout.model), atol=1e-2, rtol=0)


@pytest.mark.parametrize("method", METHODS)
def test_an_adapter_taken_early_does_not_learn_on(llama, method):
    trainable = learned(Fork(llama), method)
    adapter = trainable.adapter()
    identity = adapter.id
    assert trainable.adapter().id == identity
    train(trainable, 1)
    assert adapter.id == identity
    assert trainable.adapter().id != identity


@pytest.mark.parametrize("method", METHODS)
def test_written_and_read_again_it_is_the_same_adapter(llama, method):
    adapter = learned(Fork(llama), method).adapter()
    again = files.read_adapter(files.write_adapter(adapter, "tiny-llama"), Fork(llama))
    assert again.id == adapter.id


@pytest.mark.parametrize("method", BY_PEFT)
def test_plain_peft_loads_what_was_trained(layout, method, tmp_path):
    skip_if_unfit(method, layout)
    adapter = learned(Fork(layout), method).adapter()
    for name, content in files.write_adapter(adapter, layout.entry.id).items():
        (tmp_path / name).write_bytes(content)
    theirs = PeftModel.from_pretrained(copy.deepcopy(layout.model), tmp_path)
    mine = attached(Fork(layout), adapter)
    assert torch.allclose(logits_of(theirs), logits_of(mine.model), atol=1e-4, rtol=0)
    assert not torch.allclose(logits_of(theirs), logits_of(layout.model), atol=1e-2, rtol=0)


def test_qlora_on_4_bit_codes_is_the_trained_model(llama):
    fork = Fork(llama)
    for matrix in matrices(fork):
        if matrix.layer is not None:
            fork.pack(matrix.name, "nf4", 64, NF4)
    trainable = prepare_training(fork, asked("qlora"))
    assert torch.allclose(logits_of(trainable.model), logits_of(fork.model), atol=1e-3, rtol=0)
    train(trainable)
    mine = attached(fork, trainable.adapter())
    assert torch.allclose(logits_of(trainable.model), logits_of(mine.model), atol=1e-3, rtol=0)
    assert not torch.allclose(logits_of(mine.model), logits_of(fork.model), atol=1e-2, rtol=0)


def test_qlora_learns_beside_weights_of_4_bits(llama):
    trainable = prepare_training(Fork(llama), asked("qlora", targets=("attention",)))
    held = [m.weight for m in trainable.model.modules() if isinstance(m, Linear4bit)]
    linear = [m for m in matrices(Fork(llama)) if m.layer is not None]
    assert sum(codes.numel() for codes in held) * 2 == sum(
        rows * columns for rows, columns in (m.shape for m in linear)
    )
    assert trainable.count() == sum(RANK * sum(m.shape) for m in linear if m.part == "attention")


def test_qlora_is_refused_where_there_are_no_plain_linear_layers(tiny):
    with pytest.raises(PlaygroundError, match=r"QLoRA needs plain linear layers.*Choose LoRA"):
        prepare_training(Fork(tiny["tiny-gpt2-layout"]), asked("qlora"))


# How much is learned


@pytest.mark.parametrize("method", METHODS)
def test_a_method_needs_the_settings_that_its_count_depends_on(llama, method):
    def count(**more):
        return METHODS[method].numbers(Fork(llama), asked(method, **more))

    others = {"rank": 2, "targets": ("attention",), "layers": 2, "virtual_tokens": 9}
    assert set(others) == set(get_args(Need))
    assert {name for name, other in others.items() if count(**{name: other}) != count()} == set(METHODS[method].needs)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_is_inside_where_what_it_keeps_is_the_models_own_weights(llama, method):
    adapter = prepare_training(Fork(llama), asked(method)).adapter()
    assert METHODS[method].inside == (adapter.kind == "changed")


def linear_shapes(base):
    """(in, out) of every linear layer inside the layers, from the modules themselves."""
    for module in layers(base.model)[1].modules():
        if isinstance(module, nn.Linear | Conv1D):
            rows, columns = module.weight.shape
            yield (rows, columns) if isinstance(module, Conv1D) else (columns, rows)


# Two layers of: outputs of keys, outputs of values, inputs of the MLP's last matrix.
LLAMA_IA3 = 2 * (16 + 16 + 48)
IA3 = {
    "tiny-gpt2-layout": 2 * (96 + 128),
    "tiny-neox": 2 * (96 + 48),
    "tiny-opt": 2 * (32 + 32 + 48),
    "tiny-phi": 2 * (32 + 32 + 48),
}


def count_of(method, base):
    """How many numbers should learn, by a formula."""
    width, vocabulary = 32, 300
    key_width = 32 if base.entry.id in IA3 else 16
    thin = sum(RANK * (inputs + outputs) for inputs, outputs in linear_shapes(base))
    parameters = list(base.model.parameters())
    encoder = 32 * 128 + 128 + 128 * 128 + 128 + 128 * 32 + 32
    formulas = {
        "lora": thin,
        "rslora": thin,
        "qlora": thin,
        "dora": thin + sum(outputs for _, outputs in linear_shapes(base)),
        "ia3": IA3.get(base.entry.id, LLAMA_IA3),
        "prompt": TOKENS * width,
        "p_tuning": TOKENS * width + encoder,
        "prefix": TOKENS * 2 * 2 * key_width,
        "bitfit": sum(p.numel() for p in parameters if p.ndim == 1),
        "bottleneck": 2 * 2 * (2 * RANK * width + RANK + width),
        "embeddings": vocabulary * width,
        "last_layers": sum(p.numel() for p in layers(base.model)[1][-1].parameters()),
        "full": sum(p.numel() for p in parameters),
    }
    assert method in formulas, f"{method}: say here, independently of its row, how many numbers it learns"
    return formulas[method]


@pytest.mark.parametrize("method", METHODS)
def test_as_many_numbers_learn_as_the_formula_says(layout, method):
    skip_if_unfit(method, layout)
    assert prepare_training(Fork(layout), asked(method)).count() == count_of(method, layout)


def test_targets_say_where_a_lora_goes(llama):
    trainable = prepare_training(Fork(llama), asked("lora", targets=("*.q_proj.weight@1", "mlp@0")))
    paths = {name.partition(".lora_")[0].removeprefix("base_model.model.") for name in trainable.parameters}
    wanted = {f"model.layers.0.mlp.{role}_proj" for role in ("gate", "up", "down")}
    assert paths == wanted | {"model.layers.1.self_attn.q_proj"}


def test_a_rank_may_be_as_large_as_the_smaller_side_and_no_larger(llama):
    fork = Fork(llama)
    assert prepare_training(fork, asked("lora", rank=16)).count() > 0
    with pytest.raises(TrainingError, match=r"Rank 17 is above .* 16\. Choose a rank of 16"):
        prepare_training(fork, asked("lora", rank=17))
    assert prepare_training(fork, asked("dora", rank=32, targets=("mlp",))).count() > 0
    with pytest.raises(TrainingError, match=r"Rank 33 is above .* 32\. "):
        prepare_training(fork, asked("rslora", rank=33, targets=("mlp",)))


def test_targets_outside_the_layers_are_refused(llama):
    with pytest.raises(TrainingError, match="no matrix inside the layers"):
        prepare_training(Fork(llama), asked("lora", targets=("embeddings",)))
    with pytest.raises(RecipeError, match="names no weight matrix"):
        prepare_training(Fork(llama), asked("lora", targets=("nothing",)))


def test_more_last_layers_than_there_are_means_all_of_them(llama):
    every = sum(p.numel() for p in layers(llama.model)[1].parameters())
    assert prepare_training(Fork(llama), asked("last_layers", layers=2)).count() == every
    assert prepare_training(Fork(llama), asked("last_layers", layers=9)).count() == every


# Where it starts


@pytest.mark.parametrize("method", [m for m in EXACT if m not in VIRTUAL])
def test_before_the_first_step_the_model_is_the_fork(layout, method):
    trainable = prepare_training(Fork(layout), asked(method))
    assert torch.allclose(logits_of(trainable.model), logits_of(layout.model), atol=1e-4, rtol=0)


def test_a_learned_prompt_starts_from_tokens_that_the_model_has(llama):
    learnt = prepare_training(Fork(llama), asked("prompt")).adapter().tensors["prompt_embeddings"]
    table = llama.model.get_input_embeddings().weight
    assert bool((learnt[:, None] == table).all(dim=2).any(dim=1).all())


@pytest.mark.parametrize("method", ["lora", "prompt", "p_tuning", "prefix", "bottleneck"])
def test_the_seed_decides_the_start(llama, method):
    def first(seed):
        return prepare_training(Fork(llama), asked(method, seed=seed)).parameters

    one, again, other = first(1), first(1), first(2)
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_of_an_embedding_only_rows_that_moved_are_kept(tiny):
    adapter = learned(Fork(tiny["tiny-llama-untied"]), "embeddings").adapter()
    ids = adapter.tensors["model.embed_tokens.weight.ids"]
    assert ids.tolist() != IDS
    moved = set(IDS[:-1])  # nothing is predicted from the last
    assert {int(i) for i in ids} >= moved


@pytest.mark.parametrize("method", ["embeddings", "full"])
def test_a_tied_pair_learns_and_stays_as_one(llama, method):
    trainable = learned(Fork(llama), method)
    mine = attached(Fork(llama), trainable.adapter())
    names = [mine.weight_name(side) for side in ("input", "output")]
    assert mine.tied()
    assert torch.equal(mine.tensor(names[0]), mine.tensor(names[1]))
    assert not torch.equal(mine.tensor(names[0]), llama.model.get_input_embeddings().weight)


# On top of other edits


def edited(base, what):
    fork, generator = Fork(base), torch.Generator().manual_seed(5)
    if what == "lora":
        return attached(fork, learned(fork, "lora").adapter())
    if what == "ia3":
        return attached(fork, learned(fork, "ia3").adapter())
    if what == "prefix":
        return attached(fork, learned(fork, "prefix").adapter())
    if what == "codes":
        for matrix in matrices(fork):
            if matrix.layer is not None:
                fork.pack(matrix.name, "nf4", 64, NF4)
    if what == "dropped":
        fork.drop_layer(layers(fork.model)[0], 1)
    for side in ("input", "output") if what == "both" else (what,):
        if side in ("input", "output"):
            rows = torch.randn(3, 32, generator=generator)
            fork.patch_rows(side, torch.tensor([7, 42, 99]), rows)
    return fork


STARTS = ("lora", "ia3", "codes", "dropped", "both", "prefix")
# The second has no tied pair, and biases everywhere.
CASES = [("tiny-llama", start) for start in STARTS] + [("tiny-phi", start) for start in ("codes", "both")]
OWN_WAYS = [method for method in EXACT if method not in ("rslora", "p_tuning")]  # which differ in numbers alone


@pytest.mark.parametrize("method", OWN_WAYS)
@pytest.mark.parametrize(("name", "start"), CASES)
def test_on_top_of_another_edit_the_adapter_is_the_trained_model(tiny, name, method, start):
    fork = edited(tiny[name], start)
    if start == "prefix" and method in VIRTUAL:
        with pytest.raises(TrainingError, match="already has learned tokens"):
            prepare_training(fork, asked(method))
        return
    before = logits_of(fork.model)
    trainable = learned(fork, method)
    mine, now = attached(fork, trainable.adapter()), logits_of(trainable.model)
    near = 2e-3 if start == "codes" else 1e-4  # the codes' kernel rounds otherwise
    assert torch.allclose(logits_of(mine.model), now, atol=near, rtol=0)
    assert not torch.allclose(now, before, atol=1e-2, rtol=0)
    assert torch.equal(logits_of(fork.model), before)


def test_the_last_layers_are_those_that_are_left(llama):
    trainable = prepare_training(edited(llama, "dropped"), asked("last_layers"))
    assert trainable.parameters
    assert all(name.startswith("model.layers.0.") for name in trainable.parameters)


@pytest.mark.parametrize("method", METHODS)
def test_where_layers_are_gone_as_many_numbers_are_counted_as_learn(llama, method):
    fork, settings = edited(llama, "dropped"), asked(method)
    assert METHODS[method].numbers(fork, settings) == prepare_training(fork, settings).count()


def test_nothing_is_trained_on_top_of_a_bottleneck(llama):
    fork = Fork(llama)
    fork = attached(fork, learned(fork, "bottleneck").adapter())
    with pytest.raises(PlaygroundError, match="nothing can be trained on top of it"):
        prepare_training(fork, asked("lora"))


def test_learned_tokens_are_refused_with_gradient_checkpointing(llama):
    with pytest.raises(TrainingError, match="Prefix tuning does not work with gradient check"):
        prepare_training(Fork(llama), asked("prefix", checkpointing=True))
    with pytest.raises(TrainingError, match="which gradient checkpointing would leave out"):
        prepare_training(edited(llama, "prefix"), asked("lora", checkpointing=True))
