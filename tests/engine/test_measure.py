from __future__ import annotations

import contextlib
import copy
import math

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from playground.engine import measure
from playground.engine.fork import Fork
from playground.engine.loader import Base, frozen
from playground.engine.measure import MAX_TEXT, MAX_TOKENS, perplexity
from playground.errors import PlaygroundError


def words(count: int) -> str:
    """A text of exactly ``count`` tokens of the tiny tokenizer."""
    generator = torch.Generator().manual_seed(count)
    some = [" the", " of", " is", " on", " and", " to"]
    return "".join(some[n] for n in torch.randint(0, 6, (count,), generator=generator).tolist())


@torch.no_grad()
def nats(base, ids: list[int]) -> list[float]:
    """Each token's loss after the first, in float64, one token after the other.

    Written from the definition: the first window of 512 scores all of its tokens but the first;
    every further window begins 256 later and scores the 256 that are new in it.
    """
    model, seen, losses = copy.deepcopy(base.model).double(), {}, []
    for place in range(1, len(ids)):
        begin = 0 if place < 512 else 256 * ((place - 512) // 256 + 1)
        if begin not in seen:
            window = torch.tensor([ids[begin : begin + 512]])
            seen[begin] = model(window, use_cache=False).logits[0].log_softmax(-1)
        losses.append(-float(seen[begin][place - 1 - begin, ids[place]]))
    return losses


def check(base, text: str, fork: Fork | None = None) -> None:
    ids = base.tokenizer(text)["input_ids"]
    losses = nats(base, ids)
    found = perplexity(fork or Fork(base), text)
    assert found.tokens == len(losses) == len(ids) - 1
    assert found.perplexity == pytest.approx(math.exp(sum(losses) / len(losses)), rel=1e-5)


@pytest.mark.parametrize("count", [2, 3, 255, 256, 257])
def test_a_text_shorter_than_a_window(layout, count):
    check(layout, words(count))


@pytest.mark.parametrize("count", [511, 512, 513, 767, 768, 769, 1000, 1024, 1025])
def test_a_text_of_a_window_and_longer(tiny, count):
    assert len(tiny.tokenizer(words(count))["input_ids"]) == count
    check(tiny["tiny-llama"], words(count))


@pytest.mark.parametrize("name", ["tiny-gemma3", "tiny-gpt2-layout", "tiny-opt", "tiny-neox"])
def test_a_text_longer_than_a_window_in_other_layouts(tiny, name):
    check(tiny[name], words(1030))


def test_every_token_after_the_first_is_scored_once_with_enough_before_it(llama, monkeypatch):
    """Counted at the scoring itself: 256 tokens or more before each one past the first window."""
    scored, sizes = [], []
    real_loss, fork = measure.F.cross_entropy, Fork(llama)
    monkeypatch.setattr(
        measure.F, "cross_entropy",
        lambda logits, target, **more: scored.extend(target.tolist()) or real_loss(
            logits, target, **more
        ),
    )  # fmt: skip
    fork.model.register_forward_pre_hook(
        lambda _, args, kwargs: sizes.append(kwargs["input_ids"].shape[1]), with_kwargs=True
    )
    text = words(1300)
    perplexity(fork, text)
    assert scored == llama.tokenizer(text)["input_ids"][1:]
    assert sizes == [512, 512, 512, 512, 1300 - 1024]


def test_a_clueless_model_has_the_vocabularys_size_as_perplexity(llama):
    fork = Fork(llama)
    fork.replace(fork.weight_name("output"), torch.zeros(300, 32))
    found = perplexity(fork, " the" * 9)
    assert found.perplexity == pytest.approx(300, rel=1e-6)
    assert found.bits_per_byte == pytest.approx(math.log2(300) / 4, rel=1e-6)


def test_a_model_that_knows_the_word_has_perplexity_one(tiny):
    base = tiny["tiny-phi"]  # whose head has a bias, so that it can be made to say one word
    fork = Fork(base)
    fork.replace("lm_head.weight", torch.zeros(300, 32))
    bias = torch.zeros(300)
    bias[260] = 40.0
    fork.replace("lm_head.bias", bias)
    found = perplexity(fork, " the" * 9)
    assert found.perplexity == pytest.approx(1, abs=1e-6)
    assert found.bits_per_byte == pytest.approx(0, abs=1e-6)


def test_bits_per_byte_are_the_bits_over_the_bytes_of_what_was_scored(layout):
    for text in (" the of", "The cat sat on the mat.", words(600), "x 안녕하세요", "a\nb\tc  d"):
        ids = layout.tokenizer(text)["input_ids"]
        first = len(layout.tokenizer.convert_ids_to_tokens(ids[0]))  # one sign for each byte
        bits = sum(nats(layout, ids)) / math.log(2)
        expected = bits / (len(text.encode()) - first)
        assert perplexity(Fork(layout), text).bits_per_byte == pytest.approx(expected, rel=1e-5)


def test_bits_per_byte_of_a_text_whose_first_token_is_part_of_a_character(llama):
    text = "안녕하세요"
    ids = llama.tokenizer(text)["input_ids"]
    assert llama.tokenizer.convert_ids_to_tokens(ids[0]) == "ì"  # the byte EC alone
    expected = sum(nats(llama, ids)) / math.log(2) / 14
    assert perplexity(Fork(llama), text).bits_per_byte == pytest.approx(expected, rel=1e-5)


def test_a_fresh_fork_has_the_bases_perplexity_and_an_edited_one_another(llama):
    text = words(40)
    before = perplexity(Fork(llama), text)
    assert perplexity(Fork(llama).clone(), text) == before
    fork = Fork(llama)
    fork.patch_rows("output", torch.tensor([260]), torch.zeros(1, 32))
    assert perplexity(fork, text) != before


def test_bfloat16_models_are_measured_with_the_float32_head(tiny):
    """One scored token at a time, since the rounding of many would average out."""
    base = tiny.fresh("tiny-llama-untied", torch.bfloat16)
    coarse = 0.0
    for text in (" the of", " is on", " to and", " and the"):
        ids = torch.tensor(base.tokenizer(text)["input_ids"])
        with torch.no_grad():
            hidden = base.model.model(ids[None]).last_hidden_state[0, 0]
            plain = -base.model.lm_head(hidden).float().log_softmax(-1)[ids[1]]
        logits = base.model.lm_head.weight.double() @ hidden.double()
        truth = -logits.log_softmax(-1)[ids[1]]
        coarse = max(coarse, abs(float(plain - truth)))
        assert math.log(perplexity(Fork(base), text).perplexity) == pytest.approx(
            float(truth), abs=1e-5
        )
    assert coarse > 1e-4


def test_a_wildly_edited_model_has_a_large_perplexity_and_no_traceback(llama):
    fork = Fork(llama)
    fork.patch_rows("output", torch.tensor([5]), torch.full((1, 32), 1e5))
    fork.patch_rows("output", torch.tensor([6]), torch.full((1, 32), -1e5))
    with contextlib.suppress(PlaygroundError):  # said in words: as good
        assert perplexity(fork, words(40)).perplexity > 1e300


def test_a_model_with_a_context_shorter_than_a_window_is_measured(llama):
    config = GPT2Config(n_positions=64, n_embd=32, n_layer=1, n_head=2, vocab_size=300)
    base = Base(llama.entry, frozen(GPT2LMHeadModel(config)), llama.tokenizer)
    assert perplexity(Fork(base), words(200)).tokens == 199


@pytest.mark.parametrize(("text", "count"), [(" the", 1)])
def test_a_text_without_two_tokens_is_refused(llama, text, count):
    with pytest.raises(PlaygroundError, match=rf"{count} tokens.*2 to {MAX_TOKENS}"):
        perplexity(Fork(llama), text)


def test_a_text_that_is_too_long_is_refused_before_it_is_computed(llama):
    for text in (words(MAX_TOKENS + 1), "x" * (MAX_TEXT + 1)):
        fork = Fork(llama)
        fork.model.register_forward_pre_hook(lambda *_: pytest.fail("computed"))
        with pytest.raises(PlaygroundError, match=str(MAX_TOKENS)):
            perplexity(fork, text)


@pytest.mark.parametrize("text", [None, 5, ["a", "b"]])
def test_what_is_no_text_is_refused(llama, text):
    with pytest.raises(PlaygroundError):
        perplexity(Fork(llama), text)


@pytest.mark.weights
def test_smollm2_finds_english_likelier_than_its_words_shuffled(smollm2):
    plain = perplexity(Fork(smollm2), "The capital of France is Paris, a city on the Seine.")
    shuffled = perplexity(Fork(smollm2), "Seine the Paris on, of city is The France a capital.")
    assert 1 < plain.perplexity < 20 < shuffled.perplexity
