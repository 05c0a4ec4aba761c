from __future__ import annotations

import threading
from collections import Counter

import pytest
import torch

from playground.engine.decoding import batch, batches, generate
from playground.engine.decoding.batches import decode
from playground.engine.decoding.generate import (
    MAX_NEW_TOKENS,
    MAX_NEXT_TOKENS,
    MAX_PROMPT_CHARACTERS,
    MAX_PROMPT_TOKENS,
    Row,
    Sampling,
    answer_text,
    next_probabilities,
    next_tokens,
    prompt_ids,
    prompt_text,
)
from playground.engine.fork import Fork
from playground.errors import PlaygroundError
from tests.conftest import DIFFERENT, LAYOUTS

NEW = 9


def answers(fork, prompts, sampling=None) -> list[list[int]]:
    *_, rows = decode(fork, prompts, sampling or Sampling(NEW))
    assert all(row.done for row in rows)
    return [row.ids for row in rows]


def by_transformers(base, prompt, count=NEW) -> list[int]:
    """What ``generate`` of transformers answers greedily, up to the end token."""
    ids = torch.tensor([prompt])
    out = base.model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=count, pad_token_id=1
    )[0, len(prompt) :].tolist()
    return out[: out.index(1)] if 1 in out else out


# Greedy decoding


def test_greedy_answers_are_those_of_transformers_alone_and_in_company(every_layout, texts):
    """Lengths from one token to past a block's end and the sliding window, as far as it goes."""
    fork, prompts = Fork(every_layout), texts.all()
    truth = [by_transformers(every_layout, prompt) for prompt in prompts]
    assert [answers(fork, [prompt])[0] for prompt in prompts] == truth
    assert answers(fork, prompts) == truth
    assert answers(fork, prompts[::-1]) == truth[::-1]
    assert answers(fork, [prompts[0], prompts[-1]]) == [truth[0], truth[-1]]
    assert answers(fork, [prompts[3]] * 3) == [truth[3]] * 3
    assert len({tuple(ids) for ids in truth}) > 1


@pytest.mark.parametrize(
    ("name", "length"),
    [(name, 60) for name in LAYOUTS] + [(name, length) for name in DIFFERENT for length in (1, 63, 64, 65, 127, 128)],
)
def test_answers_that_cross_a_blocks_end_are_those_of_transformers(tiny, name, texts, length):
    base = tiny[name]
    prompt, other = texts.ids(length, seed=1), texts.ids(30, seed=2)
    truth = by_transformers(base, prompt, 12)
    assert answers(Fork(base), [prompt], Sampling(12)) == [truth]
    assert answers(Fork(base), [other, prompt], Sampling(12))[1] == truth


def test_a_long_answer_is_that_of_transformers(layout, texts):
    prompt = texts.ids(5)
    truth = by_transformers(layout, prompt, 140)
    assert answers(Fork(layout), [prompt, texts.ids(40)], Sampling(140))[0] == truth


def test_a_patched_fork_decodes_with_its_patch(layout, texts):
    """Each step's token is the likeliest after everything before it, computed without a cache."""
    fork = Fork(layout)
    generator = torch.Generator().manual_seed(0)
    for side in ("input", "output"):
        ids = torch.randperm(300, generator=generator)[:150].sort().values
        fork.patch_rows(side, ids, torch.randn(150, 32, generator=generator))
    prompt = texts.ids(13)
    (found,) = answers(fork, [prompt])
    text = list(prompt)
    for token in found:
        assert int(next_probabilities(fork, text).argmax()) == token
        text.append(token)
    assert answers(fork, [texts.ids(3), prompt])[1] == found
    assert found != answers(Fork(layout), [prompt])[0]


@pytest.mark.weights
def test_smollm2_answers_the_same_alone_and_in_company(smollm2):
    questions = [
        "Hi",
        "What is the capital of France?",
        "Name three colours that a ripe apple can have, and nothing else.",
        "Here is a list of numbers. " + "Seven, eight, nine, ten. " * 12 + "How many are there?",
    ]
    tokenizer, fork = smollm2.tokenizer, Fork(smollm2)
    prompts = [prompt_ids(smollm2, prompt_text(tokenizer, each, True)) for each in questions]
    assert len({len(prompt) for prompt in prompts}) == 4
    alone = [answers(fork, [prompt], Sampling(16))[0] for prompt in prompts]
    assert answers(fork, prompts, Sampling(16)) == alone
    assert answers(fork, prompts[2:], Sampling(16)) == alone[2:]
    assert "Paris" in tokenizer.decode(alone[1])


# Ends


@pytest.fixture
def ends(monkeypatch):
    """Make tokens of one's choice the model's end tokens."""

    def choose(base, tokens):
        monkeypatch.setattr(base.model.generation_config, "eos_token_id", tokens)

    return choose


def test_an_end_token_ends_its_row_and_no_other(llama, texts, ends):
    fork, prompts = Fork(llama), [texts.ids(13), texts.ids(2, seed=3)]
    free = answers(fork, prompts)
    place = next(n for n, token in enumerate(free[0]) if n > 0 and token not in free[0][:n])
    assert free[0][place] not in free[1]
    for tokens in (free[0][place], [free[0][place]], [299, free[0][place]]):
        ends(llama, tokens)
        assert answers(fork, prompts) == [free[0][:place], free[1]]
        assert answers(fork, prompts[:1]) == [free[0][:place]]


def test_an_answer_may_end_before_it_begins(llama, texts, ends):
    fork, prompt = Fork(llama), texts.ids(13)
    ends(llama, answers(fork, [prompt])[0][0])
    assert answers(fork, [prompt]) == [[]]
    assert answer_text(llama, Row(13, [])) == ""


def test_an_answer_may_end_before_it_begins_while_others_go_on(llama, texts, ends):
    fork, prompts = Fork(llama), [texts.ids(13), texts.ids(2, seed=3)]
    free = answers(fork, prompts)
    assert free[0][0] not in free[1]
    ends(llama, free[0][0])
    assert answers(fork, prompts) == [[], free[1]]


def test_the_tokenizers_own_end_token_ends_an_answer_too(llama):
    assert generate.end_ids(llama) == {llama.tokenizer.eos_token_id} == {1}


def test_a_row_ends_at_the_most_new_tokens(llama, texts):
    for count in (1, 2, NEW):
        assert [len(ids) for ids in answers(Fork(llama), [[5], [6, 7]], Sampling(count))] == [count, count]


# Steps


def test_the_rows_grow_by_one_token_a_step_and_count_their_prompts(llama, texts):
    lengths, prompts = [], [texts.ids(3), texts.ids(7)]
    for rows in decode(Fork(llama), prompts, Sampling(4)):
        lengths.append([len(row.ids) for row in rows])
    assert lengths == [[1, 1], [2, 2], [3, 3], [4, 4]]
    assert [row.prompt_tokens for row in rows] == [3, 7]
    assert all(row.seconds > 0 for row in rows)


def test_stopping_beforehand_computes_nothing(llama, texts, monkeypatch):
    monkeypatch.setattr(batches, "Batch", lambda *_: pytest.fail("a batch was begun"))
    assert list(decode(Fork(llama), [texts.ids(3)], Sampling(4), lambda: True)) == []


def test_stopping_between_two_prompts_reads_no_further_one(llama, texts, monkeypatch):
    monkeypatch.setattr(batch, "READ_SECONDS", 0.0)  # one piece between two steps
    seen = []
    prompts = [texts.ids(3), texts.ids(4), texts.ids(5)]
    for rows in decode(Fork(llama), prompts, Sampling(4), lambda: len(seen) == 1):
        seen.append([len(row.ids) for row in rows])
    assert seen == [[1, 0, 0]]


def test_stopping_midway_computes_no_further_step(llama, texts, monkeypatch):
    computed, real = [], batches.Batch._step
    monkeypatch.setattr(batches.Batch, "_step", lambda *a: computed.append(1) or real(*a))
    stop = threading.Event()
    for rows in decode(Fork(llama), [texts.ids(3)], Sampling(50), stop.is_set):
        if len(rows[0].ids) == 3:
            stop.set()
    assert len(rows[0].ids) == 3
    assert len(computed) <= 3


# Sampling


def test_sampled_answers_follow_their_seed_alone_and_in_company(layout, texts):
    fork, prompts = Fork(layout), texts.all()[:4]

    def drawn(which, seed):
        return answers(fork, which, Sampling(NEW, 1.0, seed))

    together = drawn(prompts, 5)
    assert drawn(prompts, 5) == together
    assert [drawn([prompt], 5)[0] for prompt in prompts] == together
    assert drawn(prompts[::-1], 5) == together[::-1]
    assert drawn(prompts, 6) != together
    assert together != answers(fork, prompts)


def test_sampling_ignores_and_leaves_alone_torchs_own_seed(llama, texts):
    torch.manual_seed(1)
    first = answers(Fork(llama), [texts.ids(5)], Sampling(NEW, 1.0, 5))
    torch.manual_seed(2)
    expected = torch.rand(1)
    torch.manual_seed(2)
    assert answers(Fork(llama), [texts.ids(5)], Sampling(NEW, 1.0, 5)) == first
    assert torch.equal(torch.rand(1), expected)


def test_tokens_are_drawn_as_often_as_the_softmax_says(llama, texts, logits):
    prompt, temperature, draws = texts.ids(13), 0.5, 500
    truth = (logits(llama, prompt)[-1].double() / temperature).softmax(-1)
    fork, seen = Fork(llama), Counter()
    for seed in range(draws):
        seen.update(answers(fork, [prompt], Sampling(1, temperature, seed))[0])
    likely = truth.topk(5)
    for token, probability in zip(likely.indices.tolist(), likely.values.tolist(), strict=True):
        spread = (probability * (1 - probability) / draws) ** 0.5
        assert abs(seen[token] / draws - probability) < 4 * spread


def test_a_low_temperature_draws_the_likeliest_token(llama, texts):
    prompt = texts.ids(13)
    greedy = answers(Fork(llama), [prompt])
    assert answers(Fork(llama), [prompt], Sampling(NEW, 1e-4, 3)) == greedy


def test_the_lowest_temperatures_that_are_allowed_draw_the_likeliest_token(llama, texts):
    prompt = texts.ids(13)
    greedy = answers(Fork(llama), [prompt])
    for temperature in (1e-40, 5e-324):
        assert answers(Fork(llama), [prompt], Sampling(NEW, temperature, 3)) == greedy


def test_a_whole_number_with_a_decimal_point_is_one():
    assert Sampling(max_new_tokens=8.0, seed=2.0) == Sampling(max_new_tokens=8, seed=2)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"max_new_tokens": 0}, ["New tokens", "0", f"1 to {MAX_NEW_TOKENS}"]),
        ({"max_new_tokens": MAX_NEW_TOKENS + 1}, ["513", str(MAX_NEW_TOKENS)]),
        ({"max_new_tokens": -1}, ["-1"]),
        ({"max_new_tokens": 1.5}, ["1.5", "whole"]),
        ({"max_new_tokens": True}, ["True"]),
        ({"max_new_tokens": None}, ["None"]),
        ({"max_new_tokens": "9"}, ["'9'"]),
        ({"max_new_tokens": 10**300}, ["…"]),
        ({"temperature": -0.1}, ["Temperature", "-0.1", "2.0"]),
        ({"temperature": 2.1}, ["2.1"]),
        ({"temperature": float("nan")}, ["nan"]),
        ({"temperature": float("inf")}, ["inf"]),
        ({"temperature": None}, ["None"]),
        ({"temperature": "1"}, ["'1'"]),
        ({"seed": -1}, ["Seed", "-1", str(2**31 - 1)]),
        ({"seed": 2**31}, [str(2**31)]),
        ({"seed": 1.5}, ["1.5"]),
        ({"seed": None}, ["None"]),
        ({"seed": [1] * 1000}, ["…"]),
    ],
)
def test_sampling_out_of_range_is_refused_with_its_limits(values, words):
    with pytest.raises(PlaygroundError) as caught:
        Sampling(**values)
    assert [word for word in words if word not in str(caught.value)] == []
    assert len(str(caught.value)) < 200


def test_the_limits_of_sampling_are_allowed():
    Sampling(1, 0, 0)
    Sampling(MAX_NEW_TOKENS, 2.0, 2**31 - 1)


# The next token


def test_next_tokens_are_the_softmax_of_the_plain_logits(every_layout, texts, logits):
    for prompt in texts.all():
        truth = logits(every_layout, prompt)[-1].double().softmax(-1)
        found = next_tokens(Fork(every_layout), prompt, 20)
        assert [token.id for token in found] == truth.topk(20).indices.tolist()
        assert [token.probability for token in found] == pytest.approx(truth.topk(20).values.tolist(), rel=1e-5)


def test_next_tokens_of_a_bfloat16_model_use_the_float32_product(tiny, texts):
    base, prompt = tiny.fresh("tiny-llama-untied", torch.bfloat16), texts.ids(13)
    with torch.inference_mode():
        hidden = base.model.model(torch.tensor([prompt])).last_hidden_state[0, -1].double()
    truth = (base.model.lm_head.weight.double() @ hidden).softmax(-1)
    found = next_probabilities(Fork(base), prompt).double()
    torch.testing.assert_close(found, truth, rtol=1e-4, atol=1e-7)


def test_all_next_tokens_add_up_to_one(llama, texts):
    assert float(next_probabilities(Fork(llama), texts.ids(5)).sum()) == pytest.approx(1, abs=1e-5)


def test_k_of_one_and_k_of_the_limit(llama, texts):
    assert len(next_tokens(Fork(llama), [5], 1)) == 1
    assert len(next_tokens(Fork(llama), [5], MAX_NEXT_TOKENS)) == MAX_NEXT_TOKENS


@pytest.mark.parametrize("k", [0, -1, MAX_NEXT_TOKENS + 1, 1.0, None, "3", True])
def test_a_k_out_of_range_is_refused(llama, k):
    with pytest.raises(PlaygroundError, match=rf"^k is .*1 to {MAX_NEXT_TOKENS}"):
        next_tokens(Fork(llama), [5], k)


# Prompts


def test_a_chat_prompt_is_in_the_models_template(llama):
    assert prompt_text(llama.tokenizer, "Hello {{ x }}", True) == (
        "<|im_start|>user\nHello {{ x }}<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_prompt_to_continue_is_left_as_it_is(llama):
    for text in ("Hello", "  two spaces ", "안녕\n", "{braces} %s"):
        assert prompt_text(llama.tokenizer, text, False) == text


def test_a_model_without_template_continues_text_only(llama, monkeypatch):
    monkeypatch.setattr(llama.tokenizer, "chat_template", None)
    assert prompt_text(llama.tokenizer, "Hello", False) == "Hello"
    with pytest.raises(PlaygroundError, match=r"no chat template.*continue the text"):
        prompt_text(llama.tokenizer, "Hello", True)


@pytest.mark.parametrize("prompt", ["", " ", "\n\t ", None, 5, ["a"]])
@pytest.mark.parametrize("chat", [True, False])
def test_an_empty_prompt_is_refused(llama, prompt, chat):
    with pytest.raises(PlaygroundError, match="prompt is empty"):
        prompt_text(llama.tokenizer, prompt, chat)


def test_a_prompt_of_too_many_characters_is_refused_with_both_counts(llama):
    prompt_text(llama.tokenizer, "x" * MAX_PROMPT_CHARACTERS, False)
    with pytest.raises(PlaygroundError, match=r"16001 characters.* 16000"):
        prompt_text(llama.tokenizer, "x" * (MAX_PROMPT_CHARACTERS + 1), False)


def test_the_ids_are_the_tokens_of_the_text_and_no_more(llama):
    assert prompt_ids(llama, " the of") == [260, 266]
    written = "<|im_start|> the<|im_end|>"
    ids = prompt_ids(llama, written)
    assert not {0, 1} & set(ids), "a control token that is typed is text"
    assert llama.tokenizer.decode(ids) == written


def test_a_prompt_and_its_answer_must_fit_the_models_context(layout):
    """These models have room for 1,024 tokens."""
    assert len(prompt_ids(layout, " the" * 1024)) == 1024
    assert len(prompt_ids(layout, " the" * 1000, 24)) == 1000
    with pytest.raises(PlaygroundError, match=r"1001 tokens.*1 to 1000"):
        prompt_ids(layout, " the" * 1001, 24)


def test_a_context_without_room_for_the_answer_is_not_said_to_take_less_than_nothing(llama, monkeypatch):
    monkeypatch.setattr(llama.model.config, "max_position_embeddings", 256)
    with pytest.raises(PlaygroundError) as caught:
        prompt_ids(llama, " the", MAX_NEW_TOKENS)
    assert "-256" not in str(caught.value)


def test_a_prompt_above_this_hosts_limit_is_refused(llama, monkeypatch):
    monkeypatch.setattr(llama.model.config, "max_position_embeddings", 100_000)
    assert len(prompt_ids(llama, " the" * MAX_PROMPT_TOKENS, 64)) == MAX_PROMPT_TOKENS
    with pytest.raises(PlaygroundError, match=rf"1 to {MAX_PROMPT_TOKENS}"):
        prompt_ids(llama, " the" * (MAX_PROMPT_TOKENS + 1))


def test_a_prompt_that_fills_the_context_with_its_answer_is_decoded(layout):
    prompt = prompt_ids(layout, " the cat" * 200, 1024 - 800)
    room = 1024 - len(prompt)
    assert 0 < room <= MAX_NEW_TOKENS
    assert len(answers(Fork(layout), [prompt], Sampling(min(4, room)))[0]) <= 4


def test_a_prompt_with_half_a_character_in_it_is_refused_in_words(llama):
    with pytest.raises(PlaygroundError):
        prompt_ids(llama, prompt_text(llama.tokenizer, "half \ud800", False))


def test_an_answer_is_text_without_special_tokens(llama):
    ids = llama.tokenizer(" the cat", add_special_tokens=False)["input_ids"]
    assert answer_text(llama, Row(1, [0, *ids, 1])) == "the cat"
