from __future__ import annotations

import threading

import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from playground.engine.build import build
from playground.engine.decoding.batch import Batch
from playground.engine.decoding.batches import decode
from playground.engine.decoding.generate import Sampling, end_ids
from playground.engine.decoding.modules_plan import ModulesPlan
from playground.engine.decoding.seats import Job
from playground.engine.fork import Fork
from playground.engine.fork.packed_linear import PACKED_BLOCKS, PackedLinear
from playground.engine.fork.structure import select
from playground.engine.quantizing.grids import quantized
from playground.engine.recipe import parse, parse_edit
from playground.errors import RecipeError
from tests.conftest import DIFFERENT, LAYOUTS

SCHEMES = ("int8", "int4", "nf4", "fp4", "llm_int8")
ROWWISE = ("int8", "llm_int8")  # a scale for each row
BLOCKS = [(scheme, block) for scheme, blocks in PACKED_BLOCKS.items() for block in blocks]
PACK = {"kind": "quantize", "mode": "packed", "group_size": 32, "targets": ["attention"]}
CLOSE = 5e-3  # a processor's fast 4-bit kernel keeps scales, and sums, in bfloat16


def noise(*shape: int, seed: int = 0, scale: float = 0.05) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


def truth(weight: torch.Tensor, scheme: str, block: int) -> torch.Tensor:
    """The values that the codes stand for: bitsandbytes reads LLM.int8()'s weights as float16, and PyTorch's kernels
    have scales in bfloat16."""
    if scheme == "llm_int8":
        return quantized(weight.half().float(), "int8", "channel")
    if scheme in ("int8", "int4"):
        most, size = (127, weight.shape[1]) if scheme == "int8" else (7, block)
        groups = weight.double().reshape(-1, size)
        scale = (groups.abs().amax(1, keepdim=True).float() / most).bfloat16().double()
        codes = (groups / scale.clamp(min=1e-300)).round().clamp(-most, most)
        return (codes * scale).float().reshape(weight.shape)
    return quantized(weight.float(), scheme, block)


def apart(mine: torch.Tensor, theirs: torch.Tensor) -> float:
    return float((mine.double() - theirs.double()).norm() / theirs.double().norm())


def pack(scheme: str, **more) -> dict:
    group = "channel" if scheme in ROWWISE else 32
    if scheme == "llm_int8":
        more = {"mode": "llm_int8"} | more
        scheme = "int8"
    return PACK | {"scheme": scheme, "group_size": group} | more


def packed_fork(base, scheme: str, **more) -> Fork:
    fork = Fork(base)
    parse_edit(pack(scheme, **more)).apply(fork)
    return fork


def simulated_fork(base, scheme: str, **more) -> Fork:
    """The same codes as plain numbers; of PyTorch's kernels with scales as those have them."""
    fork, more = Fork(base), pack(scheme, **more)
    parse_edit(more | {"mode": "simulated"}).apply(fork)
    for matrix in select(fork, more["targets"]) if scheme in ("int8", "int4") else ():
        weight = truth(matrix.oriented(Fork(base).tensor(matrix.name)), scheme, more["group_size"])
        fork.replace(matrix.name, matrix.oriented(weight).contiguous())
    return fork


# The layer


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("scheme", "block"), [*BLOCKS, ("int8", 64), ("llm_int8", 64)])
def test_the_weight_is_what_the_codes_stand_for(scheme, block, dtype):
    """A number of outputs that the processor's fast kernel takes, and one that it does not."""
    for out in (64, 48):
        weight = noise(out, 1024, seed=block).to(dtype)
        layer = PackedLinear(weight, None, scheme, block)
        assert layer.weight.shape == (out, 1024)
        assert layer.weight.dtype == dtype
        if scheme in (*ROWWISE, "int4"):
            assert torch.equal(layer.weight, truth(weight, scheme, block).to(dtype))
        else:
            assert apart(layer.weight, truth(weight, scheme, block)) < CLOSE


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_packed_values_are_those_of_the_same_scheme_simulated(scheme, dtype):
    """Rounding first to float16, or a scale to bfloat16, turns some weights near half a step over, and fits as well."""
    weight = noise(64, 576).to(dtype)
    simulated = quantized(weight.float(), scheme.removeprefix("llm_"), "channel" if scheme in ROWWISE else 64)
    packed = PackedLinear(weight, None, scheme, 64).weight.float()
    step = weight.float().abs().amax(1, keepdim=True) / (7 if scheme == "int4" else 127)
    assert bool(((packed - simulated).abs() <= 1.01 * step + 0.01 * simulated.abs()).all())
    assert apart(packed, weight) < 1.02 * apart(simulated, weight)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("size", [0.0, 0.1, 30.0])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_bias_of_any_size_does_not_blur_the_weight(scheme, size, dtype):
    """Qwen2's keys have biases in the tens beside weights in the hundredths."""
    weight, bias = noise(64, 64).to(dtype), noise(64, seed=1, scale=size).to(dtype)
    layer = PackedLinear(weight, nn.Parameter(bias), scheme, 32)
    assert apart(layer.weight, truth(weight, scheme, 32)) < CLOSE


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (3, 5)])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_product_is_close_to_the_weights(scheme, shape, dtype):
    """int8 rounds its inputs as well, to 127 steps of each token's largest."""
    weight, x = noise(64, 96).to(dtype), noise(*shape, 96, seed=1, scale=1.0).to(dtype)
    for bias in (None, nn.Parameter(noise(64, seed=2).to(dtype), requires_grad=False)):
        layer = PackedLinear(weight, bias, scheme, 32)
        product = layer(x)
        assert product.shape == (*shape, 64)
        assert product.dtype == dtype
        expected = x.double() @ truth(weight, scheme, 32).double().T
        if bias is not None:
            expected = expected + bias.double()
        assert apart(product, expected) < 0.02


def test_large_inputs_of_llm_int8_are_multiplied_apart():
    """LLM.int8(): beside one input of 60, inputs of 0.1 would be rounded to one step or none."""
    weight, x = noise(32, 64), noise(1, 5, 64, seed=1, scale=0.1)
    x[0, :, 7] = 60.0
    expected = x.double() @ truth(weight, "llm_int8", 0).double().T
    mine = PackedLinear(weight, None, "llm_int8", 0)(x)
    column = truth(weight, "llm_int8", 0)[:, 7].double() * 60
    assert apart(mine.double() - column, expected - column) < 0.05


@pytest.mark.parametrize("size", [7e4, 1e6])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_inputs_beyond_float16_are_multiplied_too(scheme, size):
    weight, x = noise(32, 64), noise(1, 5, 64, seed=1, scale=1.0)
    x[0, 2, 7] = size
    expected = x.double() @ truth(weight, scheme, 32).double().T
    assert apart(PackedLinear(weight, None, scheme, 32)(x), expected) < 0.02


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_all_zero_matrix_is_packed_as_zeros(scheme):
    layer = PackedLinear(torch.zeros(32, 64), nn.Parameter(torch.ones(32)), scheme, 32)
    assert not layer.weight.any()
    assert torch.equal(layer(noise(1, 3, 64)), torch.ones(1, 3, 32))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_inputs_may_lie_across(scheme):
    layer, x = PackedLinear(noise(32, 64), None, scheme, 32), noise(64, 5, seed=1)
    assert torch.equal(layer(x.T[None]), layer(x.T.contiguous()[None]))
    assert layer(torch.zeros(1, 1, 64)).shape == (1, 1, 32)


@pytest.mark.parametrize("scheme", ["int8", "int4"])
def test_no_inputs_have_no_outputs(scheme):
    assert PackedLinear(noise(32, 64), None, scheme, 32)(torch.zeros(0, 64)).shape == (0, 32)


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_packed_layers_decode_what_the_modules_do(llama, texts, scheme, rows):
    fork = Fork(llama)
    parse_edit(pack(scheme, targets=["attention", "*.gate_proj.weight", "*.up_proj.weight"])).apply(fork)
    prompts, asked = [texts.ids(9), texts.ids(5), texts.ids(7)][:rows], Sampling(6)
    *_, found = decode(fork, prompts, asked)
    batch = Batch(fork)
    batch.plan = ModulesPlan(fork)
    job = Job("", asked, end_ids(llama), 0)
    for prompt in prompts:
        job.add(prompt)
    batch.join(job)
    with torch.inference_mode():
        while not all(row.done for row in job.rows):
            batch.advance(job)
    assert [row.ids for row in found] == [row.ids for row in job.rows]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_given_weight_is_left_alone_and_may_lie_across(scheme):
    across = noise(64, 32)
    before = across.clone()
    layer = PackedLinear(across.T, None, scheme, 32, transposed=True)
    assert torch.equal(across, before)
    assert layer.weight.shape == (64, 32)
    assert layer.weight.is_contiguous()
    assert apart(layer.weight, truth(before.T, scheme, 32).T) < CLOSE


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_layer_asks_for_no_gradients_and_is_in_eval_mode(scheme):
    layer = PackedLinear(noise(32, 64), nn.Parameter(torch.ones(32)), scheme, 32).eval()
    assert not any(parameter.requires_grad for parameter in layer.parameters())
    assert not any(module.training for module in layer.modules())


def reachable_bytes(root: object) -> int:
    """Every tensor that a layer keeps alive, however deep, each memory once."""
    found: dict[int, int] = {}
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, torch.Tensor):
            if value.device.type == "cpu" and value.numel():
                storage = value.untyped_storage()
                found[storage.data_ptr()] = storage.nbytes()
            waiting += list(vars(value).values()) if hasattr(value, "__dict__") else []
        elif isinstance(value, dict):
            waiting += list(value.values())
        elif isinstance(value, list | tuple):
            waiting += list(value)
        elif isinstance(value, nn.Module) or type(value).__module__.startswith("bitsandbytes"):
            waiting += list(vars(value).values())
    return sum(found.values())


@pytest.mark.parametrize("out", [256, 240])
@pytest.mark.parametrize(
    ("scheme", "share"), [("int8", 1.0), ("llm_int8", 1.0), ("int4", 0.5), ("nf4", 0.5), ("fp4", 0.5)]
)
def test_a_layer_keeps_a_byte_or_half_a_byte_for_each_weight(scheme, share, out):
    layer = PackedLinear(noise(out, 1024), None, scheme, 64)
    layer(noise(1, 3, 1024))
    scales = 4 * out if scheme in ROWWISE else 4 * out * 1024 // 64
    held = sum(tensor.nbytes for tensor in layer.held())
    assert out * 1024 * share < held <= out * 1024 * share + scales
    assert reachable_bytes(layer) <= held + 2048  # tables of the sixteen levels, and the like


# In a fork


@pytest.mark.parametrize(
    ("name", "scheme"),
    [(name, "nf4") for name in LAYOUTS] + [(n, s) for n in DIFFERENT for s in ("int8", "int4", "fp4", "llm_int8")],
)
def test_every_layout_answers_close_to_the_same_codes_simulated(tiny, name, scheme, logits, texts):
    base = tiny[name]
    prompt = texts.ids(61)
    packed, simulated = packed_fork(base, scheme), simulated_fork(base, scheme)
    for matrix in select(packed, ["attention"]):
        assert packed.packed(matrix.name)
        assert not simulated.packed(matrix.name)
        weight = packed.tensor(matrix.name)
        assert weight.shape == matrix.shape
        assert weight.dtype == base.dtype
        assert apart(weight, simulated.tensor(matrix.name)) < CLOSE
    mine, theirs = logits(packed, prompt), logits(simulated, prompt)
    before = logits(base, prompt)
    assert apart(mine, theirs) < 0.05
    if scheme not in ROWWISE:  # which itself changes less than the roundings do
        assert apart(mine, theirs) < 0.5 * apart(before, theirs)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_biases_are_shared_and_not_copied(layout, scheme):
    fork = packed_fork(layout, scheme)
    for matrix in select(fork, ["attention"]):
        name = matrix.name.removesuffix("weight") + "bias"
        theirs = layout.model.get_submodule(name.removesuffix(".bias")).bias
        mine = fork.model.get_submodule(name.removesuffix(".bias")).bias
        assert (mine is None) == (theirs is None)
        if theirs is not None:
            assert mine.data_ptr() == theirs.data_ptr()
            assert torch.equal(fork.tensor(name), theirs)


def test_a_packed_layer_takes_another_bias(tiny, logits):
    fork = packed_fork(tiny["tiny-qwen2"], "nf4")
    name = "model.layers.0.self_attn.k_proj.bias"
    fork.replace(name, torch.full((16,), 3.0))
    assert fork.packed("model.layers.0.self_attn.k_proj.weight")
    assert torch.equal(fork.tensor(name), torch.full((16,), 3.0))
    module = fork.model.get_submodule("model.layers.0.self_attn.k_proj")
    torch.testing.assert_close(module(torch.zeros(1, 1, 32)), torch.full((1, 1, 16), 3.0))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_clone_shares_the_codes(llama, scheme):
    fork = packed_fork(llama, scheme)
    clone = fork.clone()
    assert clone.bytes_held() == fork.bytes_held() > 0
    together = {**fork.delta(), **clone.delta()}
    assert sum(together.values()) == fork.bytes_held()
    assert clone.formats == fork.formats
    for matrix in select(clone, ["attention"]):
        assert clone.packed(matrix.name)
        assert torch.equal(clone.tensor(matrix.name), fork.tensor(matrix.name))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_a_clone_does_to_a_packed_layer_stays_in_the_clone(llama, scheme, logits):
    fork, prompt = packed_fork(llama, scheme), [5, 6, 7]
    before = logits(fork, prompt)
    clone = fork.clone()
    name = "model.layers.0.self_attn.q_proj.weight"
    clone.replace(name, torch.zeros(32, 32))
    assert not clone.packed(name)
    assert fork.packed(name)
    assert torch.equal(logits(fork, prompt), before)


@pytest.mark.parametrize("name", ["tiny-qwen2", "tiny-gpt2-layout"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_replacing_a_packed_weight_gives_a_plain_layer_back(tiny, name, scheme, logits):
    """With the bias that the layer had, and for GPT-2 stored the way that it was."""
    base = tiny[name]
    fork, plain = packed_fork(base, scheme), Fork(base)
    for matrix in select(fork, ["attention"]):
        values = noise(*matrix.shape, seed=3)
        for each in (fork, plain):
            each.replace(matrix.name, values)
        assert not fork.packed(matrix.name)
        assert torch.equal(fork.tensor(matrix.name), values)
    kinds = {type(module) for module in fork.model.modules()}
    assert PackedLinear not in kinds
    assert fork.formats == {}
    assert torch.equal(logits(fork, [5, 6, 7]), logits(plain, [5, 6, 7]))
    assert fork.bytes_held() == plain.bytes_held()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_pruning_a_packed_layer_leaves_its_other_values(tiny, scheme):
    base = tiny["tiny-gpt2-layout"]
    fork = packed_fork(base, scheme)
    before = {m.name: fork.tensor(m.name).clone() for m in select(fork, ["attention"])}
    parse_edit({"kind": "prune", "sparsity": 0.5, "targets": ["attention"]}).apply(fork)
    for name, old in before.items():
        assert not fork.packed(name)
        new = fork.tensor(name)
        assert int((new == 0).sum()) >= old.numel() // 2
        kept = new != 0
        assert torch.equal(new[kept], old[kept])
        assert float(old[~kept].abs().max()) <= float(old[kept].abs().min())
        assert fork.formats[name].scheme == scheme.removeprefix("llm_")


def test_packing_again_packs_the_values_of_the_first_time(llama):
    fork = packed_fork(llama, "nf4")
    name = "model.layers.0.self_attn.q_proj.weight"
    first = fork.tensor(name).clone()
    parse_edit(pack("int8")).apply(fork)
    assert fork.packed(name)
    assert fork.formats[name].scheme == "int8"
    assert apart(fork.tensor(name), first) < 0.01


def test_packing_zeros_keeps_them(llama):
    fork = Fork(llama)
    parse_edit({"kind": "prune", "sparsity": 0.5, "targets": ["attention"]}).apply(fork)
    zeros = {m.name: fork.tensor(m.name) == 0 for m in select(fork, ["attention"])}
    for scheme in SCHEMES:
        packed = fork.clone()
        parse_edit(pack(scheme)).apply(packed)
        for name, mask in zeros.items():
            assert not packed.tensor(name)[mask].any()


def test_a_layer_that_was_packed_can_be_dropped(llama, logits):
    fork, plain = packed_fork(llama, "nf4", targets=["attention@1"]), Fork(llama)
    for each in (fork, plain):
        each.drop_layer("model.layers", 1)
    assert fork.formats == {}
    assert fork.bytes_held() == 0
    assert torch.equal(logits(fork, [5, 6, 7]), logits(plain, [5, 6, 7]))


def test_the_layers_of_a_fork_are_told_from_the_bases(tiny):
    base = tiny["tiny-gpt2-layout"]
    fork = packed_fork(base, "int8")
    assert not any(isinstance(module, PackedLinear) for module in base.model.modules())
    assert isinstance(base.model.transformer.h[0].attn.c_attn, Conv1D)
    assert fork.packed("transformer.h.0.attn.c_attn.weight")
    assert not fork.packed("transformer.h.0.attn.c_attn.bias")
    assert not fork.packed("transformer.wte.weight")


@pytest.mark.parametrize(
    ("name", "scheme"), [("tiny-llama", "int8"), ("tiny-llama", "nf4"), ("tiny-gpt2-layout", "fp4")]
)
def test_packed_layers_decode(tiny, name, scheme, texts):
    fork = packed_fork(tiny[name], scheme)
    prompts = [texts.ids(5), texts.ids(13)]
    *_, rows = decode(fork, prompts, Sampling(6))
    assert all(row.done for row in rows)
    *_, again = decode(fork.clone(), prompts, Sampling(6))
    assert [row.ids for row in again] == [row.ids for row in rows]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_several_threads_get_the_same_answers_from_one_layer(scheme):
    layer = PackedLinear(noise(64, 64), nn.Parameter(noise(64)), scheme, 32)
    inputs = [noise(1, n + 1, 64, seed=n, scale=3.0) for n in range(8)]
    alone = [layer(x) for x in inputs]
    found: dict[int, torch.Tensor] = {}

    def work(number: int) -> None:
        for _ in range(20):
            found[number] = layer(inputs[number])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, expected in enumerate(alone):
        torch.testing.assert_close(found[number], expected, rtol=1e-5, atol=1e-5)


# What cannot be packed


def test_a_block_that_does_not_divide_a_row_is_refused_with_both_numbers(llama):
    """Down projections of the tiny model have 48 inputs."""
    fork = Fork(llama)
    with pytest.raises(RecipeError, match=r"32 .* 48 .*down_proj"):
        parse_edit(pack("nf4", targets=["mlp"])).apply(fork)
    parse_edit(pack("int8", targets=["mlp"])).apply(fork)  # has no blocks
    with pytest.raises(RecipeError, match=r"64 .* 32 "):
        parse_edit(pack("fp4", group_size=64)).apply(Fork(llama))


def test_a_refused_packing_leaves_nothing_in_the_recipes_fork(known):
    recipe = {"model": "tiny-llama", "edits": [pack("nf4", targets=["linear"])]}
    with pytest.raises(RecipeError, match="down_proj"):
        build(parse(recipe))
    assert build(parse(recipe | {"edits": []})).fork.bytes_held() == 0


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"scheme": "int3", "group_size": 64}, "int8, int4, nf4 and fp4"),
        ({"scheme": "ternary", "group_size": 64}, "int8, int4, nf4 and fp4"),
        ({"scheme": "int4", "group_size": 64, "symmetric": False}, "zero point"),
        ({"scheme": "int4", "group_size": 512}, "32, 64, 128, 256, not 512"),
        ({"scheme": "int4", "mode": "llm_int8"}, "set scheme to int8"),
        ({"scheme": "nf4", "mode": "llm_int8"}, "set scheme to int8"),
        ({"scheme": "nf4", "method": "gptq"}, "rtn"),
        ({"scheme": "int8", "group_size": 64}, "channel"),
        ({"scheme": "int8", "group_size": "tensor"}, "channel"),
        ({"scheme": "int8", "group_size": "channel", "symmetric": False}, "without a zero point"),
        ({"scheme": "nf4", "group_size": 8}, "32, 64, 128, 256, 512, 1024, not 8"),
        ({"scheme": "fp4", "group_size": 2048}, "not 2048"),
        ({"scheme": "nf4", "group_size": "channel"}, "not channel"),
        ({"scheme": "nf4", "group_size": 32, "symmetric": False}, "no zero point"),
    ],
)
def test_what_has_no_packed_form_is_refused_with_what_has(values, words):
    with pytest.raises(RecipeError, match=words):
        parse_edit(PACK | values)


@pytest.mark.parametrize("targets", [["embeddings"], ["*"], ["linear", "lm_head*"]])
def test_embeddings_are_not_packed(llama, targets):
    with pytest.raises(RecipeError, match=r"Packing goes through the layers.*(embed|lm_head)"):
        packed_fork(llama, "nf4", targets=targets)


@pytest.mark.weights
@pytest.mark.parametrize("scheme", SCHEMES)
def test_smollm2_packed_says_what_it_says_simulated(smollm2, scheme, logits):
    targets = ["linear@0-1"]
    more = {"targets": targets} | ({} if scheme in ROWWISE else {"group_size": 64})
    packed, simulated = (make(smollm2, scheme, **more) for make in (packed_fork, simulated_fork))
    prompt = smollm2.tokenizer("The capital of France is")["input_ids"]
    mine, theirs = (logits(fork, prompt)[-1].float() for fork in (packed, simulated))
    assert int(mine.argmax()) == int(theirs.argmax())
    assert apart(mine.softmax(-1), theirs.softmax(-1)) < 0.1
    weights = sum(packed.tensor(m.name).numel() for m in select(packed, targets))
    assert weights * (1 if scheme in ROWWISE else 0.5) < packed.bytes_held() < weights * 1.1
