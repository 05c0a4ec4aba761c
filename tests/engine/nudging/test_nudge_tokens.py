from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from playground.engine.build import build
from playground.engine.fork import Fork
from playground.engine.nudging.edit import (
    MAX_STRENGTH,
    MAX_TOKENS,
    NudgeTokens,
    away,
    named_ids,
    random_direction,
    scale,
    space_advice,
    toward,
)
from playground.engine.recipe import parse, parse_edit
from playground.errors import RecipeError

NOTHING = torch.zeros(3)


def float64_rows(base, side, ids) -> np.ndarray:
    weight = getattr(base.model, f"get_{side}_embeddings")().weight
    return weight.detach().double().numpy()[ids]


def nudged(base, **values) -> Fork:
    fork = Fork(base)
    NudgeTokens(**values).apply(fork)
    return fork


def after(fork, side, ids) -> np.ndarray:
    return fork.rows(side, torch.tensor(ids)).double().numpy()


# The functions


def test_the_functions_on_a_case_worked_by_hand():
    rows, target = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]), torch.tensor([3.0, 2.0, 1.0])
    assert toward(rows, target, 0.5, 0).tolist() == [[2.0, 2.0, 2.0], [1.5, 1.0, 0.5]]
    assert away(rows, target, 0.5, 0).tolist() == [[0.0, 2.0, 4.0], [-1.5, -1.0, -0.5]]
    assert scale(rows, target, -2.0, 0).tolist() == [[-2.0, -4.0, -6.0], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("function", [toward, away, random_direction, scale])
def test_the_functions_leave_their_input_alone_and_keep_its_shape(function):
    rows = torch.ones(4, 3)
    assert function(rows, NOTHING, 0.7, 1).shape == (4, 3)
    assert function(rows[:0], NOTHING, 0.7, 1).shape == (0, 3)
    assert torch.equal(rows, torch.ones(4, 3))


def test_a_random_move_is_strength_times_the_rows_norm_long():
    rows = torch.randn(6, 32, generator=torch.Generator().manual_seed(3)) * torch.tensor(
        [[0.0], [1e-3], [1.0], [2.0], [50.0], [1.0]]
    )
    for strength in (0.0, 0.25, 3.0, -1.0):
        move = (random_direction(rows, NOTHING, strength, 11) - rows).double().norm(dim=-1)
        expected = abs(strength) * rows.double().norm(dim=-1)
        np.testing.assert_allclose(move, expected, rtol=1e-4, atol=1e-6)


def test_a_random_move_is_set_by_its_seed_and_by_nothing_else():
    rows = torch.ones(3, 32)
    torch.manual_seed(1)
    first = random_direction(rows, NOTHING, 0.5, 7)
    torch.manual_seed(2)
    assert torch.equal(random_direction(rows, NOTHING, 0.5, 7), first)
    assert not torch.equal(random_direction(rows, NOTHING, 0.5, 8), first)
    assert not torch.equal(first[0], first[1])


# The edit


@pytest.mark.parametrize("side", ["input", "output"])
@pytest.mark.parametrize("strength", [0.3, -0.3, 2.0])
def test_each_direction_agrees_with_float64_by_hand(layout, side, strength):
    ids = [260, 266]  # " the of"
    target_ids = named_ids(layout.tokenizer, " is on")
    rows = float64_rows(layout, side, ids)
    target = float64_rows(layout, side, target_ids).mean(0)
    expected = {
        "toward": rows + strength * (target - rows),
        "away": rows - strength * (target - rows),
        "scale": rows * strength,
    }
    for direction, truth in expected.items():
        fork = nudged(layout, text=" the of", target=" is on", direction=direction, strength=strength, side=side)
        np.testing.assert_allclose(after(fork, side, ids), truth, rtol=1e-6, atol=1e-6)


def test_the_tokens_of_the_tests_are_what_they_are_taken_for(llama):
    assert llama.tokenizer.convert_ids_to_tokens([260, 266, 285]) == ["Ġthe", "Ġof", "Ġis"]


def test_strength_one_toward_lands_on_the_targets_row(layout):
    fork = nudged(layout, text=" the", target=" of", strength=1.0)
    for side in ("input", "output"):
        np.testing.assert_allclose(after(fork, side, [260]), float64_rows(layout, side, [266]), atol=1e-6)


@pytest.mark.weights
def test_strength_one_lands_on_the_targets_row_in_smollm2(smollm2):
    paris, rome = (named_ids(smollm2.tokenizer, word) for word in (" Paris", " Rome"))
    assert len(paris) == len(rome) == 1
    fork = nudged(smollm2, text=" Paris", target=" Rome", strength=1.0)
    for side in ("input", "output"):
        np.testing.assert_array_equal(after(fork, side, paris), float64_rows(smollm2, side, rome))


def test_only_the_named_side_and_only_the_texts_tokens_move(layout):
    everything = list(range(300))
    for side, sides in {"both": ("input", "output"), "input": ("input",), "output": ("output",)}.items():
        fork = nudged(layout, text=" the", target=" of", side=side)
        for each in ("input", "output"):
            moved = after(fork, each, everything) != float64_rows(layout, each, everything)
            assert moved.any(1).nonzero()[0].tolist() == ([260] if each in sides else [])


def test_a_repeated_token_is_nudged_once(llama):
    once = nudged(llama, text=" the", direction="scale", strength=2.0)
    thrice = nudged(llama, text=" the the the", direction="scale", strength=2.0)
    np.testing.assert_array_equal(after(thrice, "input", [260]), after(once, "input", [260]))
    np.testing.assert_allclose(after(once, "input", [260]), float64_rows(llama, "input", [260]) * 2)


def test_a_repeated_token_counts_once_in_what_changed(llama):
    changes = [NudgeTokens(text=text, target=" of").apply(Fork(llama)) for text in (" the", " the the")]
    assert changes[0] == changes[1]


def test_every_token_of_a_text_of_several_is_nudged(llama):
    ids = named_ids(llama.tokenizer, " 안녕, Paris")
    assert len(set(ids)) > 6
    fork = nudged(llama, text=" 안녕, Paris", direction="scale", strength=0.0)
    assert not after(fork, "output", ids).any()
    assert float64_rows(llama, "output", ids).all()


def test_a_target_that_is_among_the_texts_tokens_is_taken_as_it_was_before(llama):
    fork = nudged(llama, text=" the of", target=" of", strength=1.0, side="input")
    of = float64_rows(llama, "input", [266])[0]
    np.testing.assert_allclose(after(fork, "input", [260, 266]), [of, of], atol=1e-6)


def test_random_nudges_follow_their_seed_on_a_model(llama):
    values = {"text": " the of", "direction": "random", "strength": 0.5}
    first, again = nudged(llama, **values, seed=4), nudged(llama, **values, seed=4)
    other = nudged(llama, **values, seed=5)
    assert np.array_equal(after(first, "input", [260, 266]), after(again, "input", [260, 266]))
    assert not np.array_equal(after(first, "input", [260, 266]), after(other, "input", [260, 266]))


def test_the_changes_are_the_norms_of_the_moves(llama):
    fork = Fork(llama)
    changes = NudgeTokens(text=" the of", target=" is", strength=0.7).apply(fork)
    assert [c.name for c in changes] == ["model.embed_tokens.weight", "lm_head.weight"]
    for side, change in zip(("input", "output"), changes, strict=True):
        rows = float64_rows(llama, side, [260, 266])
        move = 0.7 * (float64_rows(llama, side, [285]) - rows)
        assert change.change == pytest.approx(np.linalg.norm(move), rel=1e-5)


UNCHANGED = "This edit changed nothing"


@pytest.mark.parametrize(
    "values",
    [
        {"direction": "toward", "strength": 0},
        {"direction": "away", "strength": 0},
        {"direction": "random", "strength": 0},
        {"direction": "scale", "strength": 1},
        {"direction": "toward", "strength": 1, "target": " the"},
    ],
)
def test_an_edit_that_changes_nothing_says_so(known, values):
    edit = {"kind": "nudge_tokens", "text": " the", "target": " of", **values}
    (receipt,) = build(parse({"model": "tiny-llama", "edits": [edit]})).receipts
    assert receipt.relative_change == 0
    assert str(receipt.warnings[0]).startswith(UNCHANGED)


@pytest.mark.parametrize(
    "values",
    [
        {"direction": "toward", "strength": 1e-3},
        {"direction": "scale", "strength": 0},
        {"direction": "random", "strength": 0.1},
    ],
)
def test_an_edit_that_changes_something_has_no_such_warning(known, values):
    edit = {"kind": "nudge_tokens", "text": " the", "target": " of", **values}
    (receipt,) = build(parse({"model": "tiny-llama", "edits": [edit]})).receipts
    assert receipt.relative_change > 0
    assert not any(str(warning).startswith(UNCHANGED) for warning in receipt.warnings)


@pytest.mark.weights
def test_a_nudge_below_what_bfloat16_can_store_says_that_nothing_changed(smollm2):
    if smollm2.dtype != torch.bfloat16:
        pytest.skip("this processor decodes in float32")
    edit = {"kind": "nudge_tokens", "text": " Paris", "direction": "scale", "strength": 1.0001}
    (receipt,) = build(parse({"model": "smollm2-135m-instruct", "edits": [edit]})).receipts
    assert str(receipt.warnings[0]).startswith(UNCHANGED)


# Advice


def advice(base, **values) -> list[str]:
    return [str(message) for message in NudgeTokens(**values).advice(base)]


def test_a_target_of_several_tokens_is_said_to_be_their_mean(llama):
    (said,) = advice(llama, text=" the", target=" of is on")
    assert "“ of is on” is 3 tokens" in said
    assert advice(llama, text=" the", target=" of") == []
    assert advice(llama, text=" the", target=" of is on", direction="scale") == []


def test_a_word_without_its_leading_space_is_pointed_out(llama):
    (said,) = advice(llama, text="is", direction="scale")
    assert "“is”" in said
    assert "“ is”" in said
    assert "269" in said
    assert "285" in said
    assert advice(llama, text=" is", direction="scale") == []
    assert len(advice(llama, text=" the", target="is")) == 1


@pytest.mark.parametrize("text", ["", " ", ".", "(is)", "\n", "한국"])
def test_texts_that_no_space_would_change_get_no_advice(llama, text):
    # "한국" costs one token more with a space before it, so the space is no improvement
    assert space_advice(llama.tokenizer, text) is None


@pytest.mark.weights
def test_smollm2s_paris_with_and_without_a_space_are_two_tokens(smollm2):
    (said,) = advice(smollm2, text="Paris", direction="scale")
    assert "“ Paris”" in said
    assert advice(smollm2, text=" Paris", direction="scale") == []


# Refusals


def refusal(**values) -> str:
    with pytest.raises(RecipeError) as caught:
        parse_edit({"kind": "nudge_tokens", "text": " the", "target": " of"} | values, 3)
    assert "Edit 3" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"text": ""}, ["text", "empty"]),
        ({"text": "x" * 201}, ["text", "200"]),
        ({"text": 5}, ["text", "5"]),
        ({"text": None}, ["text", "None"]),
        ({"text": ["a"]}, ["text"]),
        ({"text": "\ud800"}, ["text"]),
        ({"target": "x" * 201}, ["target", "200"]),
        ({"target": 5}, ["target", "5"]),
        ({"direction": "sideways"}, ["direction", "sideways", "toward", "away", "scale"]),
        ({"direction": None}, ["direction", "None"]),
        ({"direction": ["toward"]}, ["direction"]),
        ({"strength": math.nan}, ["strength", "nan", "finite"]),
        ({"strength": math.inf}, ["strength", "inf", "finite"]),
        ({"strength": -math.inf}, ["strength", "-inf", "finite"]),
        ({"strength": 1e308}, ["strength", "1e+308", "10"]),
        ({"strength": 10.000001}, ["strength", "10.000001", "10"]),
        ({"strength": -11}, ["strength", "-11", "-10"]),
        ({"strength": 10**400}, ["strength"]),
        ({"strength": "much"}, ["strength", "much"]),
        ({"strength": None}, ["strength", "None"]),
        ({"strength": {"a": 1}}, ["strength"]),
        ({"side": "left"}, ["side", "left", "both", "input", "output"]),
        ({"seed": -1}, ["seed", "-1", "0"]),
        ({"seed": 2**31}, ["seed", "2147483648", "2147483647"]),
        ({"seed": 0.5}, ["seed", "0.5"]),
        ({"seed": "x"}, ["seed", "x"]),
        ({"colour": "red"}, ["colour", "text, direction, target, strength, side, seed"]),
        ({"kind": "nudge"}, ["nudge", "nudge_tokens"]),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_what_can(values, words):
    said = refusal(**values)
    assert [word for word in words if word not in said] == []
    assert len(said) < 300


def test_a_nudge_without_a_text_says_what_is_lacking():
    with pytest.raises(RecipeError, match="lacks 'text'"):
        parse_edit({"kind": "nudge_tokens"})


def test_the_limits_themselves_are_allowed():
    for strength in (MAX_STRENGTH, -MAX_STRENGTH, 0):
        NudgeTokens(text="x" * 200, target="y" * 200, strength=strength, seed=2**31 - 1)


@pytest.mark.parametrize("direction", ["toward", "away"])
def test_a_direction_that_needs_a_target_says_so(llama, direction):
    with pytest.raises(RecipeError, match=f"{direction} needs a target"):
        nudged(llama, text=" the", direction=direction)


@pytest.mark.parametrize("direction", ["random", "scale"])
def test_a_direction_without_target_ignores_one(llama, direction):
    values = {"text": " the", "direction": direction, "strength": 0.5}
    with_target = nudged(llama, **values, target=" of")
    without = nudged(llama, **values)
    assert np.array_equal(after(with_target, "input", [260]), after(without, "input", [260]))


def test_a_text_of_too_many_tokens_is_refused_with_its_count(llama):
    def text(count: int) -> str:
        return " the" * count

    nudged(llama, text=text(MAX_TOKENS), target=" of")
    with pytest.raises(RecipeError, match=rf"33 tokens.*1 to {MAX_TOKENS}"):
        nudged(llama, text=text(MAX_TOKENS + 1), target=" of")


def test_a_refused_nudge_leaves_nothing_behind(known):
    good = {"kind": "nudge_tokens", "text": " the", "direction": "scale"}
    bad = {"kind": "nudge_tokens", "text": " the" * 40, "direction": "scale"}
    with pytest.raises(RecipeError):
        build(parse({"model": "tiny-llama", "edits": [good, bad]}))
    built = build(parse({"model": "tiny-llama", "edits": [good]}))
    assert built.fork.bytes_held() == 2 * (32 * 4 + 8)


def test_a_row_that_can_be_stored_has_a_finite_receipt(known):
    edit = {"kind": "nudge_tokens", "text": " the", "direction": "scale", "strength": 10}
    try:
        built = build(parse({"model": "tiny-llama", "edits": [edit] * 30}))
    except RecipeError:
        return  # refused in words: as good
    assert all(math.isfinite(receipt.relative_change) for receipt in built.receipts)


def test_numbers_too_large_to_store_are_refused_in_words(known):
    edit = {"kind": "nudge_tokens", "text": " the", "direction": "scale", "strength": 10}
    with pytest.raises(RecipeError, match="too large to store"):
        build(parse({"model": "tiny-llama", "edits": [edit] * 60}))


# Properties


@hypothesis_settings(deadline=None, max_examples=50)
@given(strength=st.floats(-0.9, 0.9).filter(lambda s: abs(s) > 1e-3), seed=st.integers(0, 2**31 - 1))
def test_toward_and_back_again_gives_the_rows_back(strength, seed):
    """toward(s) leaves 1-s of the gap, and away(s/(1-s)) widens it by 1/(1-s)."""
    generator = torch.Generator().manual_seed(seed)
    rows, target = torch.randn(4, 16, generator=generator), torch.randn(16, generator=generator)
    there = toward(rows, target, strength, 0)
    back = away(there, target, strength / (1 - strength), 0)
    torch.testing.assert_close(back, rows, rtol=1e-4, atol=1e-4)


@hypothesis_settings(deadline=None, max_examples=50)
@given(
    strength=st.floats(-10, 10, allow_subnormal=False),
    side=st.sampled_from(["both", "input", "output"]),
    direction=st.sampled_from(["toward", "away", "random", "scale"]),
    text=st.text(min_size=1, max_size=12).filter(lambda t: t.isprintable()),
)
def test_any_allowed_nudge_moves_exactly_its_tokens(tiny, strength, side, direction, text):
    base = tiny["tiny-llama-untied"]
    fork = nudged(base, text=text, target=" of", strength=strength, side=side, direction=direction)
    others = sorted(set(range(300)) - set(named_ids(base.tokenizer, text)))
    for each in ("input", "output"):
        assert np.array_equal(after(fork, each, others), float64_rows(base, each, others))
