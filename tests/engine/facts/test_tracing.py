"""Causal tracing, against plain runs of the model."""

from __future__ import annotations

import pytest
import torch

from playground.engine.decoding.generate import next_probabilities
from playground.engine.facts import tracing
from playground.engine.facts.float32_fork import float32_copy
from playground.engine.facts.lines import line
from playground.engine.facts.tracing import probabilities_after, trace
from playground.engine.fork import Fork
from playground.engine.fork.structure import layers
from playground.engine.work import Stopped, Work
from playground.errors import RecipeError

PROMPT, SUBJECT = "The capital of France is", "France"


def asked(base, answer=" Rome"):
    return line(base, "", PROMPT, SUBJECT, answer)


def likelihood(fork, one):
    """Of the answer, token by token, each by a run of its own."""
    prompt = list(one.ids[: len(one.ids) - len(one.target) + 1])
    found = 1.0
    for token in one.target:
        found *= float(next_probabilities(fork, prompt)[token])
        prompt.append(token)
    return found


def test_everything_put_back_is_the_clean_answer_and_nothing_the_corrupted(layout):
    own = float32_copy(Fork(layout))
    one = asked(layout)
    still = torch.zeros(1, len(one.ids), 1)
    clean, likely = tracing._run(own, one, still, 0)
    assert float(likely[0]) == pytest.approx(likelihood(own, one), rel=1e-3)
    noise = still.clone()
    noise[:, one.start : one.subject + 1] = 3.0
    spoiled, unlikely = tracing._run(own, one, noise, 5)
    assert abs(float(unlikely[0]) - float(likely[0])) > 1e-7
    for layer in range(2):
        back = probabilities_after(own, one, layer, clean[layer])
        torch.testing.assert_close(back, likely, atol=1e-6, rtol=1e-3)
        none = probabilities_after(own, one, layer, spoiled[layer])
        torch.testing.assert_close(none, unlikely, atol=1e-6, rtol=1e-3)


def by_hooks(base, seed, samples, token, layer):
    """One cell of the map: a run in which a hook puts one hidden state back."""
    own = float32_copy(Fork(base))
    one = asked(base)
    embedding, stack = own.model.get_input_embeddings(), layers(own.model)[1]
    ids = torch.tensor([one.ids])
    kept = {}
    hook = stack[layer].register_forward_hook(lambda m, i, out: kept.update(clean=out))
    with torch.no_grad():
        own.model(input_ids=ids, use_cache=False)
    hook.remove()
    generator = torch.Generator().manual_seed(seed)
    draws = torch.randn(samples, len(one.ids), 32, generator=generator)
    found = []
    for draw in draws:
        size = 3 * embedding.weight.std()

        def spoil(module, given, out, draw=draw, size=size):
            new = out.clone()
            new[0, one.start : one.subject + 1] += size * draw[one.start : one.subject + 1]
            return new

        def restore(module, given, out):
            new = out.clone()
            new[0, token] = kept["clean"][0, token]
            return new

        hooks = [embedding.register_forward_hook(spoil)]
        if token is not None:
            hooks.append(stack[layer].register_forward_hook(restore))
        found.append(likelihood_in_one(own, one))
        for hook in hooks:
            hook.remove()
    return sum(found) / samples


@torch.no_grad()
def likelihood_in_one(own, one):
    logits = own.model(input_ids=torch.tensor([one.ids]), use_cache=False).logits[0]
    logs = logits[-len(one.target) :].log_softmax(-1)
    return float(logs[torch.arange(len(one.target)), torch.tensor(one.target)].sum().exp())


@pytest.mark.parametrize("name", ["tiny-llama", "tiny-gpt2-layout", "tiny-neox", "tiny-opt"])
def test_a_cell_is_a_run_with_that_state_put_back(tiny, name):
    base = tiny[name]
    found = trace(Fork(base), PROMPT, SUBJECT, "Rome", samples=2, seed=9)
    one = asked(base)
    count = len(one.ids) - len(one.target) + 1
    assert found.restored.shape == (count, 2)
    assert "".join(found.tokens) == PROMPT
    assert found.subject == (one.start, one.subject + 1)
    assert found.answer == " Rome"
    assert found.corrupted == pytest.approx(by_hooks(base, 9, 2, None, 0), rel=1e-3)
    for token, layer in [(one.start, 0), (one.subject, 0), (count - 1, 1), (count - 1, 0)]:
        wanted = by_hooks(base, 9, 2, token, layer)
        assert float(found.restored[token, layer]) == pytest.approx(wanted, rel=2e-3)
    assert bool((found.restored[: one.start] == found.corrupted).all())


def test_the_last_state_of_a_single_token_answer_brings_all_of_it_back(llama):
    found = trace(Fork(llama), PROMPT, SUBJECT, samples=3)
    assert float(found.restored[-1, -1]) == pytest.approx(found.clean, rel=1e-4)
    likeliest = next_probabilities(Fork(llama), list(asked(llama, "").ids))
    assert found.clean == pytest.approx(float(likeliest.max()), rel=1e-3)
    again = trace(Fork(llama), PROMPT, SUBJECT, samples=3)
    assert torch.equal(found.restored, again.restored)


def test_layers_are_told_and_a_stop_ends_it(llama):
    told = []
    work = Work(lambda done, of, what: told.append((done, of)))
    trace(Fork(llama), PROMPT, SUBJECT, samples=1, work=work)
    assert told == [(0, 2), (1, 2)]
    with pytest.raises(Stopped):
        trace(Fork(llama), PROMPT, SUBJECT, work=Work(stopped=lambda: True))


def test_what_cannot_be_traced_is_refused(llama):
    with pytest.raises(RecipeError, match="'Italy' is not in the prompt"):
        trace(Fork(llama), PROMPT, "Italy")
    with pytest.raises(RecipeError, match="tracing takes 64"):
        trace(Fork(llama), f"France {'x' * 80}", "France")
    for samples in (0, 17):
        with pytest.raises(RecipeError, match="1 to 16"):
            trace(Fork(llama), PROMPT, SUBJECT, samples=samples)
