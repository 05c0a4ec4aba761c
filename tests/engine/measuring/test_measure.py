from __future__ import annotations

import contextlib
import copy
import math

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from playground.engine.fork import Fork
from playground.engine.measuring import measure
from playground.engine.measuring.measure import MAX_TEXT, MAX_TOKENS, perplexity, shipped_text
from playground.engine.models.loader import Base, frozen
from playground.engine.recipe import parse_edit
from playground.engine.work import Stopped, Work
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
        measure.F,
        "cross_entropy",
        lambda logits, target, **more: scored.extend(target.tolist()) or real_loss(logits, target, **more),
    )
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
        assert math.log(perplexity(Fork(base), text).perplexity) == pytest.approx(float(truth), abs=1e-5)
    assert coarse > 1e-4


def test_a_wildly_edited_model_has_a_large_perplexity_and_no_traceback(llama):
    fork = Fork(llama)
    fork.patch_rows("output", torch.tensor([5]), torch.full((1, 32), 1e5))
    fork.patch_rows("output", torch.tensor([6]), torch.full((1, 32), -1e5))
    with contextlib.suppress(PlaygroundError):  # said in words: as good
        assert perplexity(fork, words(40)).perplexity > 1e300


def test_a_model_with_a_context_shorter_than_a_window_is_measured(llama):
    config = GPT2Config(n_positions=64, n_embd=32, n_layer=1, n_head=2, vocab_size=300)
    base = Base(entry=llama.entry, model=frozen(GPT2LMHeadModel(config)), tokenizer=llama.tokenizer)
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


# A fork against its base


@pytest.fixture
def untimed(monkeypatch):
    """Decoding steps take time and are not what most of these tests are about."""
    monkeypatch.setattr(measure, "step_seconds", lambda fork, prompt, rows, steps: [0.5] * steps)


def pruned(base, sparsity: float, **more) -> Fork:
    fork = Fork(base)
    parse_edit({"kind": "prune", "sparsity": sparsity} | more).apply(fork)
    return fork


def in_float64(fork) -> torch.nn.Module:
    """The fork's weights in a model of their own."""
    model = copy.deepcopy(fork.base.model).double()
    for name, parameter in model.named_parameters():
        parameter.data = fork.tensor(name).double()
    return model


@torch.no_grad()
def logits_of(fork, ids: list[int]) -> np.ndarray:
    """(tokens, vocab) float64 logits of a text of one window, all at once."""
    assert len(ids) <= 512
    return in_float64(fork)(torch.tensor([ids]), use_cache=False).logits[0].numpy()


def log_softmax(row: np.ndarray) -> np.ndarray:
    shifted = row - row.max()
    return shifted - np.log(np.exp(shifted).sum())


def by_hand(base, fork, ids: list[int]) -> tuple[float, float]:
    """KL(base || fork) and the share of equal first choices, position by position."""
    old, new = logits_of(Fork(base), ids), logits_of(fork, ids)
    divergences, same = [], []
    for place in range(len(ids) - 1):  # the last position predicts what is not in the text
        p, q = log_softmax(old[place]), log_softmax(new[place])
        divergences.append(float((np.exp(p) * (p - q)).sum()))
        same.append(old[place].argmax() == new[place].argmax())
    return float(np.mean(divergences)), float(np.mean(same))


def test_the_base_against_itself_differs_in_nothing(layout, untimed):
    found = measure.measure(Fork(layout), Fork(layout), words(40))
    assert (found.kl, found.same_top) == (0, 1)
    assert found.base.text == found.fork.text
    assert found.base.sizes == found.fork.sizes
    assert found.base.text.tokens == 39


@pytest.mark.parametrize("count", [2, 3, 40, 511, 512])
def test_divergence_and_first_choices_are_those_of_the_full_logits(llama, count, untimed):
    text = words(count)
    ids = llama.tokenizer(text)["input_ids"]
    fork = pruned(llama, 0.4)
    kl, same = by_hand(llama, fork, ids)
    found = measure.measure(Fork(llama), fork, text)
    assert found.kl == pytest.approx(kl, rel=1e-4)
    assert found.same_top == pytest.approx(same, abs=1e-12)
    assert kl > 0.01


def test_divergence_is_of_the_fork_from_the_base_and_not_the_other_way_round(tiny, untimed):
    """A fork that is four times as sure of itself: the two differ by far."""
    base, text = tiny["tiny-llama-untied"], words(60)
    ids = base.tokenizer(text)["input_ids"]
    fork = Fork(base)
    fork.replace("lm_head.weight", 4 * base.model.lm_head.weight)
    there, _ = by_hand(base, fork, ids)
    sure, unsure = logits_of(fork, ids)[:-1], logits_of(Fork(base), ids)[:-1]
    pairs = [(log_softmax(a), log_softmax(b)) for a, b in zip(sure, unsure, strict=True)]
    back = np.mean([(np.exp(p) * (p - q)).sum() for p, q in pairs])
    assert there != pytest.approx(back, rel=0.2)
    assert measure.measure(Fork(base), fork, text).kl == pytest.approx(there, rel=1e-4)


@pytest.mark.parametrize("sparsity", [0.05, 0.5, 1.0])
def test_a_small_edit_diverges_little_and_a_large_one_much(layout, sparsity, untimed):
    text = words(30)
    ids = layout.tokenizer(text)["input_ids"]
    fork = pruned(layout, sparsity)
    kl, same = by_hand(layout, fork, ids)
    found = measure.measure(Fork(layout), fork, text)
    assert found.kl == pytest.approx(kl, rel=1e-3, abs=1e-6)
    assert found.same_top == pytest.approx(same, abs=1e-12)


def test_in_a_longer_text_every_position_counts_once(llama, untimed):
    """Each in the window that scores it, as ``nats`` has them."""
    text = words(700)
    ids = llama.tokenizer(text)["input_ids"]
    fork = pruned(llama, 0.4)
    divergences, same = [], []
    seen = {
        begin: (logits_of(Fork(llama), window), logits_of(fork, window))
        for begin in (0, 256)
        for window in [ids[begin : begin + 512]]
    }
    for place in range(1, 700):
        begin = 0 if place < 512 else 256
        old, new = (rows[place - 1 - begin] for rows in seen[begin])
        p, q = log_softmax(old), log_softmax(new)
        divergences.append((np.exp(p) * (p - q)).sum())
        same.append(old.argmax() == new.argmax())
    found = measure.measure(Fork(llama), fork, text)
    assert found.kl == pytest.approx(np.mean(divergences), rel=1e-4)
    assert found.same_top == pytest.approx(np.mean(same), abs=1e-12)
    assert found.fork.text.tokens == 699


def test_both_texts_are_measured_as_perplexity_measures_them(llama, untimed):
    for text in (words(40), words(600)):
        fork = pruned(llama, 0.6)
        found = measure.measure(Fork(llama), fork, text)
        assert found.base.text == perplexity(Fork(llama), text)
        assert found.fork.text == perplexity(fork, text)
        assert found.base.text != found.fork.text


def test_zeros_are_those_that_the_pruning_left(llama, untimed):
    """A quarter of the MLP: six matrices of 1,536 weights."""
    fork = pruned(llama, 0.25, targets=["mlp"])
    found = measure.measure(Fork(llama), fork, words(10))
    total = sum(p.numel() for p in llama.model.parameters())
    assert (found.base.sizes.zeros, found.fork.sizes.zeros) == (0, 6 * 384)
    assert found.base.sizes.weights == found.fork.sizes.weights == total
    assert (found.base.sizes.held_bytes, found.fork.sizes.held_bytes) == (0, 6 * 1536 * 4)
    assert found.base.sizes.file_bytes == found.fork.sizes.file_bytes


def test_no_text_means_the_shipped_one(llama, untimed):
    count = len(llama.tokenizer(shipped_text())["input_ids"])
    found = measure.measure(Fork(llama), Fork(llama))
    assert found.fork.text.tokens == found.base.text.tokens == count - 1


def test_a_new_tokens_time_is_taken_of_both_in_turn(llama, monkeypatch):
    """Against a clock that we made: medians, the first step left out, a batch's over its 8 or 64."""
    asked = []

    def step_seconds(fork, prompt, rows, steps):
        asked.append((fork, len(prompt), rows, steps))
        yield 1000.0  # warming up
        for step in range(steps - 1):
            yield rows * (1.0 if fork is base else 2.0) + step

    base, fork = Fork(llama), Fork(llama)
    monkeypatch.setattr(measure, "step_seconds", step_seconds)
    found = measure.measure(base, fork, words(100))
    middle = 11.5  # of 24 steps, 0 to 23
    assert found.base.speed.one == pytest.approx(1 + middle)
    assert found.fork.speed.one == pytest.approx(2 + middle)
    assert found.base.speed.batch == pytest.approx((8 * 1 + middle) / 8)
    assert found.fork.speed.batch == pytest.approx((8 * 2 + middle) / 8)
    assert found.base.speed.many == pytest.approx((64 * 1 + 3.5) / 64)  # of 8 steps
    assert found.fork.speed.many == pytest.approx((64 * 2 + 3.5) / 64)
    assert asked == [(one, 16, rows, steps) for rows, steps in ((1, 25), (8, 25), (64, 9)) for one in (base, fork)]


def test_time_is_measured_on_every_layout(layout):
    found = measure.measure(Fork(layout), pruned(layout, 0.5), words(3))
    for speed in (found.base.speed, found.fork.speed):
        assert 0 < speed.one < math.inf
        assert 0 < speed.batch < math.inf
        assert 0 < speed.many < math.inf


@pytest.mark.parametrize("patience", [0, 1, 4, 20])
def test_measuring_that_was_stopped_ends(llama, patience):
    """While it reads, and while it times."""
    heard = []
    work = Work(lambda *step: heard.append(step), lambda: len(heard) == patience)
    with pytest.raises(Stopped):
        measure.measure(Fork(llama), Fork(llama), words(600), work)
    assert len(heard) == patience


def test_measuring_says_how_far_it_is(llama, untimed):
    heard = []
    measure.measure(Fork(llama), Fork(llama), words(800), Work(lambda *step: heard.append(step)))
    reading = [(done, of) for done, of, what in heard if what == measure.READING]
    timing = [(done, of) for done, of, what in heard if what == measure.TIMING]
    assert reading == [(0, 3), (1, 3), (2, 3)]  # windows that begin at 0, 256 and 512
    assert [done for done, _ in timing] == sorted(done for done, _ in timing)
    assert len(heard) == len(reading) + len(timing)
    assert all(0 <= done < of for done, of in reading + timing)


@pytest.mark.parametrize("text", [" the", "x" * (MAX_TEXT + 1)])
def test_a_text_that_cannot_be_measured_on_is_refused(llama, text):
    with pytest.raises(PlaygroundError, match="text"):
        measure.measure(Fork(llama), Fork(llama), text)


def test_a_wildly_edited_model_has_figures_and_no_nan(llama, untimed):
    fork = Fork(llama)
    fork.patch_rows("output", torch.tensor([5]), torch.full((1, 32), 1e5))
    fork.patch_rows("output", torch.tensor([6]), torch.full((1, 32), -1e5))
    found = measure.measure(Fork(llama), fork, words(40))
    assert 1000 < found.kl < math.inf
    assert 0 <= found.same_top < 1
