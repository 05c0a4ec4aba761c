from __future__ import annotations

import copy
import hashlib

import numpy as np
import pytest
import torch
from bitsandbytes import functional as bnb
from torch import nn
from transformers.pytorch_utils import Conv1D

from playground.engine.build import Built, build, extended
from playground.engine.fork import Fork
from playground.engine.fork.structure import layers, matrices, select
from playground.engine.measuring.calibration import LONGEST, SINK
from playground.engine.models.loader import CACHE
from playground.engine.quantizing.second_order import gptq
from playground.engine.recipe import Recipe, parse, parse_edit
from playground.engine.work import Stopped, Work
from playground.errors import RecipeError

TEXT = (
    "The capital of France is Paris, and the capital of Italy is Rome. The cat sat on the mat "
    "while the rain fell on the roof of the house, one token at a time."
) * 3
SCHEMES = ("int8", "int4", "int3", "int2", "ternary", "binary", "nf4", "fp4", "fp8_e4m3", "fp8_e5m2")
FEW = ("tiny-llama", "tiny-gpt2-layout", "tiny-opt")  # tied; stored across; ReLU and biases


def quantize(**values):
    return parse_edit({"kind": "quantize", "group_size": 8, "calibration": TEXT} | values)


def cast(**values):
    return parse_edit({"kind": "cast"} | values)


def after(base_or_fork, *edits) -> Fork:
    fork = base_or_fork.clone() if isinstance(base_or_fork, Fork) else Fork(base_or_fork)
    for edit in edits:
        edit.apply(fork)
    return fork


def oriented(base, name: str, tensor: torch.Tensor) -> np.ndarray:
    """(out, in) in float64: only GPT-2's Conv1D stores its weights the other way round."""
    module = base.model.get_submodule(name.rpartition(".")[0])
    array = tensor.detach().double().numpy()
    return array.T if isinstance(module, Conv1D) else array


def before_and_after(fork, targets=("linear",)) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return {
        m.name: tuple(
            oriented(fork.base, m.name, tensor)
            for tensor in (fork.base.model.get_parameter(m.name), fork.tensor(m.name))
        )
        for m in select(fork, targets)
    }


def checksum(base) -> str:
    digest = hashlib.sha256()
    for _, tensor in base.tensors():
        digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


@pytest.fixture(autouse=True)
def nothing_kept():
    CACHE.clear()
    yield
    CACHE.clear()


# The levels of a group, in float64 and by their definitions


def eight_bit_floats(exponent_bits: int, bias: int, most: float) -> np.ndarray:
    mantissa_bits = 7 - exponent_bits
    sizes = set()
    for exponent in range(2**exponent_bits):
        for mantissa in range(2**mantissa_bits):
            share = mantissa / 2**mantissa_bits
            sizes.add(2.0 ** (max(exponent, 1) - bias) * (share + (exponent > 0)))
    return np.array(sorted({sign * s for s in sizes for sign in (-1, 1) if s <= most}))


UNIT = {  # levels for a group whose largest weight is 1
    **{
        f"int{bits}": np.arange(-(2 ** (bits - 1)) + 1, 2 ** (bits - 1)) / (2 ** (bits - 1) - 1)
        for bits in (2, 3, 4, 8)
    },
    **{name: np.unique(bnb.get_4bit_type(name, device="cpu").double().numpy()) for name in ("nf4", "fp4")},
    "fp8_e4m3": eight_bit_floats(4, 7, 448) / 448,
    "fp8_e5m2": eight_bit_floats(5, 15, 57344) / 57344,
}


def levels_of(groups: np.ndarray, scheme: str, symmetric: bool = True) -> np.ndarray:
    """(n, levels) for (n, size) weights."""
    size = np.abs(groups)
    if scheme == "binary":  # Rastegari et al. 2016
        return size.mean(axis=1, keepdims=True) * [-1, 1]
    if scheme == "ternary":  # Li et al. 2016
        above = size > 0.7 * size.mean(axis=1, keepdims=True)
        scale = (size * above).sum(axis=1, keepdims=True) / above.sum(axis=1, keepdims=True)
        return scale * [-1, 0, 1]
    if symmetric:
        return size.max(axis=1, keepdims=True) * UNIT[scheme]
    most = 2 ** int(scheme[3:]) - 1
    low, high = np.minimum(groups.min(axis=1), 0), np.maximum(groups.max(axis=1), 0)
    step = ((high - low) / most)[:, None]
    return step * (np.arange(most + 1) - np.round(-low[:, None] / step))


def on_the_grid(new: np.ndarray, levels: np.ndarray, slack: np.ndarray) -> None:
    off = np.abs(new[:, :, None] - levels[:, None, :]).min(axis=2)
    assert (off <= slack).all()


def rounded_right(old: np.ndarray, new: np.ndarray, scheme: str, symmetric: bool = True) -> None:
    """Every (n, size) group went to the levels that its own weights give, the nearest ones."""
    levels = levels_of(old, scheme, symmetric)
    slack = 2e-6 * np.abs(old).max(axis=1, keepdims=True)
    on_the_grid(new, levels, slack)
    if scheme == "ternary":
        size = np.abs(old)
        threshold = 0.7 * size.mean(axis=1, keepdims=True)
        clear = np.abs(size - threshold) > slack
        assert (((new != 0) == (size > threshold)) | ~clear).all()
        assert (new * old >= 0).all()
        return
    nearest = np.abs(old[:, :, None] - levels[:, None, :]).min(axis=2)
    assert (np.abs(old - new) <= nearest + slack).all()


# Every scheme on every layout


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_rounds_along_the_inputs_of_every_layout(known, layout, scheme):
    """Groups of eight inputs of one output; GPT-2 stores that direction as columns."""
    recipe = {"kind": "quantize", "scheme": scheme, "group_size": 8}
    built = build(parse({"model": layout.entry.id, "edits": [recipe]}))
    for old, new in before_and_after(built.fork).values():
        assert (old != new).mean() > 0.5
        rounded_right(old.reshape(-1, 8), new.reshape(-1, 8), scheme)
    (receipt,) = built.receipts
    assert 0 < receipt.relative_change < 1
    assert receipt.sizes is not None


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("group_size", [20, "channel", "tensor"])
@pytest.mark.parametrize("name", FEW)
def test_groups_of_other_sizes_and_a_scale_for_a_row_or_a_matrix(tiny, name, group_size, scheme):
    """20 divides no row: there is a shorter group at the end of each (for the 4-bit tables, as
    in bitsandbytes, groups run on into the next row)."""
    fork = after(tiny[name], quantize(scheme=scheme, group_size=group_size))
    for old, new in before_and_after(fork).values():
        if group_size == "tensor":
            pairs = [(old.reshape(1, -1), new.reshape(1, -1))]
        elif group_size == "channel":
            pairs = [(old, new)]
        elif scheme in ("nf4", "fp4"):
            ends = range(20, old.size, 20)
            parts = [np.split(array.ravel(), ends) for array in (old, new)]
            pairs = [(a[None], b[None]) for a, b in zip(*parts, strict=True)]
        else:
            ends = range(20, old.shape[1], 20)
            parts = [np.split(array, ends, axis=1) for array in (old, new)]
            pairs = list(zip(*parts, strict=True))
        for pair in pairs:
            rounded_right(*pair, scheme)


@pytest.mark.parametrize("scheme", ["int8", "int4", "int3", "int2"])
@pytest.mark.parametrize("name", FEW)
def test_zero_points_follow_the_weights_of_each_group(tiny, name, scheme):
    fork = after(tiny[name], quantize(scheme=scheme, symmetric=False))
    for old, new in before_and_after(fork).values():
        rounded_right(old.reshape(-1, 8), new.reshape(-1, 8), scheme, symmetric=False)


@pytest.mark.parametrize("name", FEW)
def test_int8_per_channel_and_nf4_are_bitsandbytes_own_numbers(tiny, name):
    base = tiny[name]
    eight = after(base, quantize(scheme="int8", group_size="channel"))
    four = after(base, quantize(scheme="nf4", group_size=32))
    for matrix in select(eight, ["linear"]):
        weight = matrix.oriented(base.model.get_parameter(matrix.name)).detach().contiguous()
        codes, scales, _ = bnb.int8_vectorwise_quant(weight.clone())
        theirs = bnb.int8_vectorwise_dequant(codes, scales)
        assert torch.equal(matrix.oriented(eight.tensor(matrix.name)), theirs)
        codes, state = bnb.quantize_4bit(
            weight.reshape(1, -1), blocksize=32, quant_type="nf4", compress_statistics=False
        )
        theirs = bnb.dequantize_4bit(codes, state).view(weight.shape)
        assert torch.equal(matrix.oriented(four.tensor(matrix.name)), theirs)


def test_a_bfloat16_base_holds_the_levels_rounded_to_bfloat16(tiny):
    base = tiny.fresh("tiny-llama", torch.bfloat16)
    for scheme in ("int4", "nf4"):
        fork = after(base, quantize(scheme=scheme))
        for name, (old, new) in before_and_after(fork).items():
            assert fork.tensor(name).dtype == torch.bfloat16
            groups = old.reshape(-1, 8)
            levels = levels_of(groups, scheme)
            slack = np.abs(groups).max(axis=1, keepdims=True) * 2.0**-8
            on_the_grid(new.reshape(-1, 8), levels, slack)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_all_zero_matrix_stays_zero(llama, scheme):
    fork = Fork(llama)
    for matrix in select(fork, ["attention@0"]):
        fork.replace(matrix.name, torch.zeros(matrix.shape))
    for method in ("rtn", "gptq"):
        found = after(fork, quantize(scheme=scheme, method=method, targets=["attention@0"]))
        assert not any(found.tensor(m.name).any() for m in select(found, ["attention@0"]))


# What stays as it is


@pytest.mark.parametrize(
    "edit",
    [quantize(targets=["mlp@1"]), cast(targets=["mlp@1"]), quantize(method="gptq", targets=["mlp@1"])],
    ids=["rtn", "cast", "gptq"],
)
def test_the_base_and_what_is_no_target_stay_as_they_are(layout, edit, logits):
    before, answer = checksum(layout), logits(layout, [5, 6, 7])
    fork = after(layout, edit)
    assert checksum(layout) == before
    assert torch.equal(logits(layout, [5, 6, 7]), answer)
    targets = {m.name for m in select(fork, ["mlp@1"])}
    for name, parameter in layout.model.named_parameters(remove_duplicate=False):
        same = fork.tensor(name).data_ptr() == parameter.data_ptr()
        assert same == (name not in targets)
    assert set(fork.formats) == targets


@pytest.mark.parametrize("values", [{}, {"method": "gptq"}, {"symmetric": False}, {"scheme": "ternary"}], ids=str)
def test_the_same_edit_gives_the_same_weights_bit_for_bit(tiny, values):
    for name in FEW:
        first, again = (after(tiny[name], quantize(**values)) for _ in range(2))
        for matrix in select(first, ["linear"]):
            assert torch.equal(first.tensor(matrix.name), again.tensor(matrix.name))


# Tied tables and patched rows


def one_tensor(fork) -> bool:
    pair = [fork.tensor(fork.weight_name(side)).data_ptr() for side in ("input", "output")]
    return pair[0] == pair[1]


@pytest.mark.parametrize(
    "edit", [quantize(targets=["embeddings"]), cast(targets=["embeddings"])], ids=["quantize", "cast"]
)
def test_a_tied_table_stays_tied_and_is_held_once(layout, edit):
    tied = layout.model.config.tie_word_embeddings
    fork = after(layout, edit)
    assert one_tensor(fork) == tied
    assert fork.bytes_held() == 300 * 32 * 4 * (1 if tied else 2)
    names = {fork.weight_name("input"), "lm_head.weight"}
    assert set(fork.formats) == names


def test_one_side_of_a_tied_table_can_be_quantized_alone(llama):
    fork = after(llama, quantize(targets=["lm_head.weight"]))
    assert not one_tensor(fork)
    assert set(fork.formats) == {"lm_head.weight"}
    old, new = before_and_after(fork, ["*embed_tokens*"])["model.embed_tokens.weight"]
    np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("sides", [("input",), ("output",), ("input", "output")])
def test_patched_rows_are_rounded_as_they_are(llama, sides, logits):
    nudged, row = Fork(llama), torch.linspace(-3, 5, 32)[None]
    for side in sides:
        nudged.patch_rows(side, torch.tensor([260]), row)
    fork = after(nudged, quantize(targets=["embeddings"]))
    plain = copy.deepcopy(llama.model)
    for side in ("input", "output"):
        name = fork.weight_name(side)
        old, new = (f.tensor(name).double().numpy() for f in (nudged, fork))
        if side in sides:
            np.testing.assert_array_equal(old[260], row[0].double().numpy())
        rounded_right(old.reshape(-1, 8), new.reshape(-1, 8), "int4")
        getattr(plain, f"get_{side}_embeddings")().weight = nn.Parameter(fork.tensor(name))
    assert one_tensor(fork) == (len(sides) == 2)
    torch.testing.assert_close(logits(fork, [260, 5]), logits(plain, [260, 5]), rtol=1e-5, atol=1e-5)


def test_a_row_patched_after_quantizing_takes_the_table_off_its_grid(llama):
    fork = after(llama, quantize(targets=["embeddings"]))
    fork.patch_rows("input", torch.tensor([5]), torch.ones(1, 32))
    assert set(fork.formats) == {"lm_head.weight"}


# Formats


@pytest.mark.parametrize(
    ("values", "nominal", "overhead"),
    [
        ({"scheme": "int4"}, 4, 32 / 8),
        ({"scheme": "int4", "symmetric": False}, 4, 36 / 8),
        ({"scheme": "int8", "group_size": "channel"}, 8, 32 / 48),
        ({"scheme": "int3", "group_size": "tensor"}, 3, 32 / (32 * 48)),
        ({"scheme": "int2", "group_size": 20}, 2, 3 * 32 / 48),  # 20, 20 and 8
        ({"scheme": "nf4", "group_size": 20}, 4, 77 * 32 / (32 * 48)),  # 76.8 in the matrix
        ({"scheme": "int2", "group_size": 20, "method": "gptq"}, 2, 3 * 32 / 48),
        ({"scheme": "nf4", "group_size": 20, "method": "gptq"}, 4, 3 * 32 / 48),  # never flat
        ({"scheme": "binary", "group_size": 16}, 1, 2),
        ({"scheme": "ternary", "group_size": 16}, np.log2(3), 2),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_the_bits_of_a_matrix_by_hand(tiny, values, nominal, overhead):
    """Of 32 outputs with 48 inputs, as two layouts store them."""
    fork = after(tiny["tiny-llama"], quantize(**values))
    form = fork.formats["model.layers.0.mlp.down_proj.weight"]
    assert form.scheme == values["scheme"]
    assert form.nominal == pytest.approx(nominal)
    assert form.overhead == pytest.approx(overhead)
    assert form.bits == pytest.approx(nominal + overhead)
    assert form.zero == (values["scheme"] != "binary")


def test_the_bits_of_a_matrix_that_is_stored_across_by_hand(tiny):
    """GPT-2's c_fc has 32 inputs and 128 outputs, and is stored (32, 128)."""
    for values, overhead in (({"group_size": "channel"}, 128 * 32 / 4096), ({"group_size": 20}, 128 * 2 * 32 / 4096)):
        fork = after(tiny["tiny-gpt2-layout"], quantize(**values))
        form = fork.formats["transformer.h.0.mlp.c_fc.weight"]
        assert form.overhead == pytest.approx(overhead)


# Again, and one after another


@pytest.mark.parametrize("scheme", [s for s in SCHEMES if s != "ternary"])
@pytest.mark.parametrize("name", FEW)
def test_quantizing_again_changes_no_more_than_the_last_digits(tiny, name, scheme):
    """The largest weight of a group is a level. (Of ternary weights the threshold moves.)"""
    once = after(tiny[name], quantize(scheme=scheme))
    again = after(once, quantize(scheme=scheme))
    for matrix in select(once, ["linear"]):
        torch.testing.assert_close(again.tensor(matrix.name), once.tensor(matrix.name), rtol=1e-5, atol=0)
    assert again.formats == once.formats


def test_the_later_scheme_is_the_one_that_counts(llama):
    fork = after(llama, quantize(scheme="int4"), quantize(scheme="binary", targets=["mlp@0"]))
    schemes = {name: form.scheme for name, form in fork.formats.items()}
    for matrix in select(fork, ["linear"]):
        expected = "binary" if (matrix.part, matrix.layer) == ("mlp", 0) else "int4"
        assert schemes[matrix.name] == expected
    for old, new in before_and_after(fork, ["mlp@0"]).values():
        assert (new * old > -1e-9).mean() > 0.8  # int4 gave zeros, whose sign is positive here
        assert len(np.unique(np.abs(new.reshape(-1, 8)).round(6), axis=1)[0]) <= 8


def test_a_cast_after_quantizing_is_the_format_that_counts(llama):
    fork = after(llama, quantize(), cast(dtype="fp16"))
    assert {form.scheme for form in fork.formats.values()} == {"fp16"}


# GPTQ


def weighed(x: np.ndarray) -> np.ndarray:
    """A window's inputs (tokens, in) as calibration.by_layer counts them: none longer than four
    times the median (the lower of two), and the first one, the attention sink, eight times."""
    lengths = [sum(value * value for value in token) ** 0.5 for token in x.tolist()]
    most = LONGEST * sorted(lengths)[(len(lengths) - 1) // 2]
    factors = [min(1.0, most / length) if length else 0.0 for length in lengths]
    factors[0] *= SINK
    return x * np.array(factors)[:, None]


def inputs_by_hooks(base, names) -> dict[str, np.ndarray]:
    """What reaches each matrix in a plain float64 copy, (tokens, in), weighed as GPTQ does."""
    model, seen = copy.deepcopy(base.model).double(), {}
    for name in names:
        model.get_submodule(name.removesuffix(".weight")).register_forward_pre_hook(
            lambda module, given, name=name: seen.update(
                {name: weighed(given[0].detach().reshape(-1, given[0].shape[-1]).numpy())}
            )
        )
    ids = torch.tensor([base.tokenizer(TEXT)["input_ids"]])
    assert 64 < ids.shape[1] <= 512
    with torch.no_grad():
        model(input_ids=ids, use_cache=False)
    return seen


@pytest.mark.parametrize(
    ("scheme", "group_size", "symmetric"),
    [("int4", 8, True), ("int3", "channel", True), ("int2", 16, False), ("nf4", 32, True)],
)
def test_gptq_changes_the_first_matrix_as_its_inputs_tell(layout, scheme, group_size, symmetric):
    """Nothing before it has changed, so a float64 copy of the base has its inputs."""
    values = {"scheme": scheme, "group_size": group_size, "symmetric": symmetric}
    fork = after(layout, quantize(method="gptq", targets=["attention@0"], **values))
    name = select(fork, ["attention@0"])[0].name
    old, new = before_and_after(fork, [name])[name]
    x = inputs_by_hooks(layout, [name])[name]
    expected = (
        gptq(torch.from_numpy(old.copy()).float(), torch.from_numpy(x.T @ x).float(), scheme, group_size, symmetric)
        .double()
        .numpy()
    )
    # Sums in another order may turn a weight over that lies at half a step.
    assert (np.abs(new - expected) > 1e-3 * np.abs(expected).max()).mean() < 0.02


@pytest.mark.parametrize("scheme", ["int4", "int3", "nf4"])
def test_gptq_leaves_less_error_than_rounding_in_nearly_every_matrix(layout, scheme):
    """||(W - W') X|| over the calibration text, X from the base, weighed as GPTQ has it. The later
    matrices are made for what the changed ones before them pass on, which is not quite that."""
    values = {"scheme": scheme, "group_size": 16}
    plain, mine = (after(layout, quantize(method=m, **values)) for m in ("rtn", "gptq"))
    found = before_and_after(plain)
    inputs, ours = inputs_by_hooks(layout, found), before_and_after(mine)
    ratios = {}
    for name, (old, rounded) in found.items():
        errors = [np.linalg.norm((old - new) @ inputs[name].T) for new in (ours[name][1], rounded)]
        ratios[name] = errors[0] / errors[1]
    first = select(plain, ["attention@0"])[0].name
    assert ratios[first] < 1
    assert sum(ratio < 1 for ratio in ratios.values()) >= 0.75 * len(ratios)
    assert np.mean(list(ratios.values())) < 0.95


@pytest.mark.parametrize("scheme", SCHEMES)
def test_gptq_has_as_few_levels_in_a_group_as_rounding_has(layout, scheme):
    fork = after(layout, quantize(scheme=scheme, method="gptq", targets=["attention"]))
    most = {"ternary": 3, "binary": 2, "nf4": 16, "fp4": 15}.get(scheme)
    for old, new in before_and_after(fork, ["attention"]).values():
        assert (old != new).mean() > 0.5
        for row in new[:4]:
            for group in row.reshape(-1, 8):
                if most:
                    assert len(np.unique(group)) <= most
                elif scheme.startswith("int"):
                    codes = 2 ** (int(scheme[3:]) - 1) - 1
                    assert len(np.unique(np.abs(group))) <= codes + 1
        if scheme == "int2":  # -1, 0 and 1 times one size
            sizes = np.abs(new.reshape(-1, 8))
            assert (np.isclose(sizes, 0) | np.isclose(sizes, sizes.max(1, keepdims=True))).all()


def test_gptq_answers_closer_to_the_base_than_rounding_does(layout, logits):
    ids = layout.tokenizer(TEXT)["input_ids"]
    before = logits(layout, ids)
    distance = {
        method: float((logits(after(layout, quantize(method=method, scheme="int3")), ids) - before).square().mean())
        for method in ("rtn", "gptq")
    }
    assert distance["gptq"] < distance["rtn"]


@pytest.mark.parametrize("targets", [["embeddings"], ["*"], ["linear", "lm_head*"]])
def test_gptq_goes_through_layers_only(llama, targets):
    with pytest.raises(RecipeError, match=r"GPTQ goes through the layers.*(embed_tokens|lm_head)"):
        after(llama, quantize(method="gptq", targets=targets))


def test_gptq_refuses_a_text_that_is_too_short(llama):
    with pytest.raises(RecipeError, match="at least 16"):
        after(llama, quantize(method="gptq", calibration="Paris"))


@pytest.mark.parametrize("tokens", [16, 20])
def test_gptq_works_with_fewer_tokens_than_inputs(llama, tokens):
    fork = after(llama, quantize(method="gptq", calibration="Q" * tokens))
    assert all(fork.tensor(m.name).isfinite().all() for m in select(fork, ["linear"]))


# Casting


@pytest.mark.parametrize(("dtype", "name"), [(torch.bfloat16, "bf16"), (torch.float16, "fp16")])
def test_a_cast_is_the_dtypes_own_rounding(layout, dtype, name):
    fork = after(layout, cast(dtype=name, targets=["*"]))
    for matrix in matrices(fork):
        old, new = layout.model.get_parameter(matrix.name), fork.tensor(matrix.name)
        assert new.dtype == torch.float32
        assert torch.equal(new, old.to(dtype).float())
        form = fork.formats[matrix.name]
        assert (form.scheme, form.bits, form.zero) == (name, 16, True)


def test_a_cast_takes_the_layers_and_the_embeddings_unless_told_otherwise(llama):
    assert set(after(llama, cast()).formats) == {m.name for m in matrices(Fork(llama))}


def test_a_cast_to_what_a_model_is_already_changes_nothing_and_says_so(tiny):
    base = tiny.fresh("tiny-llama", torch.bfloat16)
    (receipt,) = extended(Built(Recipe(model="m"), Fork(base), ()), cast(dtype="bf16")).receipts
    assert receipt.relative_change == 0
    assert str(receipt.warnings[0]).startswith("This edit changed nothing")


@pytest.mark.parametrize(("value", "fits"), [(65504.0, True), (65519.0, True), (65520.0, False), (-1e30, False)])
def test_weights_beyond_fp16_are_refused_with_its_largest(llama, value, fits):
    """65,519 still rounds down to 65,504."""
    fork, name = Fork(llama), "model.layers.1.mlp.up_proj.weight"
    weight = fork.tensor(name).clone()
    weight[3, 4] = value
    fork.replace(name, weight)
    if fits:
        assert after(fork, cast(dtype="fp16")).tensor(name)[3, 4] == 65504
    else:
        with pytest.raises(RecipeError, match=rf"{name} has weights above 65504.*fp16.*wider"):
            after(fork, cast(dtype="fp16"))
    assert after(fork, cast(dtype="bf16")).tensor(name).isfinite().all()


def test_weights_beyond_bf16_are_refused_with_a_way_out_that_is_one(llama):
    """float32's largest numbers round up to infinity; choosing bf16 is no help then."""
    fork, name = Fork(llama), "model.layers.1.mlp.up_proj.weight"
    weight = fork.tensor(name).clone()
    weight[3, 4] = torch.finfo(torch.float32).max
    fork.replace(name, weight)
    with pytest.raises(RecipeError) as caught:
        after(fork, cast(dtype="bf16"))
    assert "Choose bf16" not in str(caught.value)


# Receipts and advice


@pytest.mark.parametrize(
    "edit", [quantize(), quantize(method="gptq"), cast(targets=["linear"])], ids=["rtn", "gptq", "cast"]
)
def test_the_receipt_has_the_norms_of_the_changes(layout, edit):
    built = extended(Built(Recipe(model="m"), Fork(layout), ()), edit)
    (receipt,) = built.receipts
    pairs = before_and_after(built.fork)
    assert {c.name: c.change for c in receipt.changes} == pytest.approx(
        {name: np.linalg.norm(old - new) for name, (old, new) in pairs.items()}, rel=1e-3
    )
    moved = np.linalg.norm([np.linalg.norm(old - new) for old, new in pairs.values()])
    whole = np.linalg.norm([np.linalg.norm(old) for old, _ in pairs.values()])
    assert receipt.relative_change == pytest.approx(moved / whole, rel=1e-3)
    assert receipt.bytes == built.fork.bytes_held() == sum(o.size * 4 for o, _ in pairs.values())


def test_the_changes_of_packing_are_its_own(llama):
    edit = quantize(mode="packed", scheme="nf4", group_size=32, targets=["attention"])
    built = extended(Built(Recipe(model="m"), Fork(llama), ()), edit)
    pairs = before_and_after(built.fork, ["attention"])
    assert {c.name: c.change for c in built.receipts[0].changes} == pytest.approx(
        {name: np.linalg.norm(old - new) for name, (old, new) in pairs.items()}, rel=1e-3
    )
    assert built.receipts[0].bytes == built.fork.bytes_held()


def advice(base, **values) -> list[str]:
    return [str(message) for message in quantize(**values).advice(base)]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_ordinary_model_needs_no_advice(llama, scheme):
    assert advice(llama, scheme=scheme) == []


@pytest.mark.weights
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_packaged_weights_own_4_bit_grid_is_pointed_out_where_it_matters(smollm2, scheme):
    said = advice(smollm2, scheme=scheme)
    assert len(said) == (scheme in ("int4", "int3", "nf4", "fp4"))
    assert all("4-bit grid of 32" in each for each in said)


# Refusals


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"scheme": "int5"}, ["scheme", "int5", "int4", "nf4", "fp8_e5m2"]),
        ({"group_size": 7}, ["group_size", "7"]),
        ({"group_size": 4097}, ["group_size", "4097"]),
        ({"group_size": 8.0}, ["group_size", "8.0"]),
        ({"group_size": "8"}, ["group_size", "8"]),
        ({"group_size": "row"}, ["group_size", "row"]),
        ({"group_size": None}, ["group_size", "None"]),
        ({"symmetric": 1}, ["symmetric", "1"]),
        ({"symmetric": "yes"}, ["symmetric", "yes"]),
        ({"method": "awq"}, ["method", "awq", "rtn", "gptq"]),
        ({"mode": "real"}, ["mode", "real", "simulated", "packed"]),
        ({"targets": []}, ["targets"]),
        ({"calibration": "x" * 20_001}, ["calibration", "20000"]),
        ({"colour": 1}, ["colour", "scheme, group_size, symmetric"]),
        *[
            ({"scheme": scheme, "symmetric": False}, [scheme, "int8, int4, int3 or int2"])
            for scheme in SCHEMES
            if not scheme.startswith("int")
        ],
    ],
    ids=lambda value: str(value)[:50] if isinstance(value, dict) else "",
)
def test_a_value_that_cannot_be_used_is_named_with_what_can(values, words):
    with pytest.raises(RecipeError) as caught:
        parse_edit({"kind": "quantize"} | values, 2)
    said = str(caught.value)
    assert [word for word in words if word not in said] == []
    assert len(said) < 400


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"dtype": "fp32"}, ["dtype", "fp32", "fp16", "bf16"]),
        ({"dtype": None}, ["dtype", "None"]),
        ({"targets": []}, ["targets"]),
        ({"scheme": "int8"}, ["scheme", "dtype, targets"]),
    ],
)
def test_a_cast_that_cannot_be_made_is_refused_in_words(values, words):
    with pytest.raises(RecipeError) as caught:
        parse_edit({"kind": "cast"} | values, 2)
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize("size", [8, 9, 4096, "channel", "tensor"])
def test_the_limits_of_the_group_size_are_allowed(llama, size):
    fork = after(llama, quantize(group_size=size, targets=["mlp@0"]))
    assert fork.formats


# Stopping


def stops_at(step: int) -> Work:
    asked = iter(range(10_000))
    return Work(stopped=lambda: next(asked) >= step)


@pytest.mark.parametrize("step", [0, 1, 5])
@pytest.mark.parametrize(
    "edit",
    [
        {"kind": "quantize"},
        {"kind": "quantize", "method": "gptq", "calibration": TEXT},
        {"kind": "quantize", "mode": "packed", "scheme": "int8", "group_size": "channel"},
        {"kind": "cast", "dtype": "fp16"},
    ],
    ids=["rtn", "gptq", "packed", "cast"],
)
def test_a_stop_leaves_the_cache_and_the_base_as_they_were(known, edit, step):
    base, recipe = known["tiny-llama"], parse({"model": "tiny-llama", "edits": [edit]})
    build(recipe.prefix(0))
    before, total = checksum(base), CACHE.total()
    with pytest.raises(Stopped):
        build(recipe, stops_at(step))
    assert checksum(base) == before
    assert CACHE.total() == total
    assert ("fork", recipe.id) not in CACHE
    assert not any(module._forward_pre_hooks for module in base.model.modules())
    assert len(build(recipe).receipts) == 1


def test_gptq_tells_its_layers(llama):
    told = []
    work = Work(lambda done, of, what: told.append((done, of, str(what))))
    quantize(method="gptq").apply(Fork(llama), work)
    assert [said for said in told if said[2].startswith("Layer")] == [(0, 2, "Layer 1 of 2…"), (1, 2, "Layer 2 of 2…")]


def test_a_dropped_layer_is_left_out_of_all_of_it(llama):
    path, _ = layers(llama.model)
    for edit in (quantize(), quantize(method="gptq"), cast(targets=["linear"])):
        fork = Fork(llama)
        fork.drop_layer(path, 0)
        edit.apply(fork)
        assert {name.split(".")[2] for name in fork.formats} == {"1"}
