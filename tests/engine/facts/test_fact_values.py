"""The search for values, against the whole model run anew."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from playground.engine.facts import target_values
from playground.engine.facts.facts import Fact
from playground.engine.facts.float32_fork import float32_copy
from playground.engine.facts.keys import look_at_keys
from playground.engine.facts.lines import about_line, fact_line
from playground.engine.facts.target_values import Search, Tail, search_values
from playground.engine.fork import Fork
from playground.engine.fork.structure import mlp_outputs
from playground.engine.pruning.edit import Prune
from playground.engine.quantizing.edit import Quantize
from playground.engine.work import QUIET, Stopped, Work

FACTS = (
    Fact(subject="the cat", prompt="The cat sat, and the cat is on the", target="roof of Rome"),
    Fact(subject="France", prompt="France", target="rain"),
)
BEFORE = ("", "A small model. ", "Weights are numbers. ")


def groups(base):
    return [[*(fact_line(base, before, fact) for before in BEFORE), about_line(base, fact.subject)] for fact in FACTS]


def alone(own, matrix, line, added):
    """Logits (tokens, vocab) of one line, everything computed, with a vector added."""
    module = own.model.get_submodule(matrix.name.rpartition(".")[0])

    def hook(_, __, out):
        shaped = out.view(1, len(line.ids), -1).clone()
        shaped[0, line.subject] += added
        return shaped.view(out.shape)

    handle = module.register_forward_hook(hook)
    out = own.model(input_ids=torch.tensor([line.ids]), use_cache=False).logits[0]
    handle.remove()
    return out


def loss_of(logits, line):
    return F.cross_entropy(logits[-len(line.target) :], torch.tensor(line.target))


def vectors(count, width=32):
    return torch.randn(count, width, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("layer", [0, 1])
def test_logits_and_gradients_are_those_of_the_whole_model(layout, layer):
    own = float32_copy(Fork(layout))
    matrix = mlp_outputs(own)[layer]
    lines = [line for group in groups(layout) for line in group]
    tail = Tail(own, matrix, look_at_keys(own, matrix, lines))
    added = vectors(len(lines)).requires_grad_()
    rows = torch.tensor([2, 0, 3, 7, 5])
    got = tail(added[rows], rows)
    total = sum(
        loss_of(logits[: len(lines[row].target)], lines[row]) if lines[row].target else logits[0].log_softmax(-1)[5]
        for logits, row in zip(got, rows.tolist(), strict=True)
    )
    [gradient] = torch.autograd.grad(total, added)
    again = added.detach().clone().requires_grad_()
    wanted = 0
    for logits, row in zip(got, rows.tolist(), strict=True):
        line = lines[row]
        full = alone(own, matrix, line, again[row])
        count = max(1, len(line.target))
        torch.testing.assert_close(logits[:count], full[-count:], atol=2e-4, rtol=1e-3)
        wanted += loss_of(full, line) if line.target else full[-1].log_softmax(-1)[5]
    [expected] = torch.autograd.grad(wanted, again)
    torch.testing.assert_close(gradient, expected, atol=2e-4, rtol=2e-3)
    assert expected[rows].abs().max() > 1e-3


def test_the_first_steps_are_adam_on_the_papers_loss(llama):
    """Two steps, written out with torch's own Adam on the whole model."""
    own = float32_copy(Fork(llama))
    matrix = mlp_outputs(own)[0]
    search = Search(steps=2, clamp=100.0, kl_weight=0.3, rate=0.1, decay=0.2)
    group = groups(llama)[0]
    [found] = search_values(own, matrix, [group], search, QUIET)
    *told, about = group
    length = look_at_keys(own, matrix, group).after[0].norm()
    unit = length / 32**0.5
    was = alone(own, matrix, about, 0)[-1].log_softmax(-1).detach()
    u = torch.zeros(32, requires_grad=True)
    adam = torch.optim.Adam([u], lr=0.1)
    for _ in range(2):
        adam.zero_grad()
        added = u * unit
        nats = torch.stack([loss_of(alone(own, matrix, one, added), one) for one in told]).mean()
        now = alone(own, matrix, about, added)[-1].log_softmax(-1)
        divergence = (now.exp() * (now - was)).sum()
        (nats + 0.3 * divergence + 0.2 * added.norm() / length).backward()
        adam.step()
    torch.testing.assert_close(found, (u * unit).detach(), atol=1e-3, rtol=1e-2)


def test_the_vector_is_no_longer_than_the_clamp(llama):
    own = float32_copy(Fork(llama))
    matrix = mlp_outputs(own)[0]
    group = groups(llama)[0]
    length = float(look_at_keys(own, matrix, group).after[0].norm())
    [found] = search_values(own, matrix, [group], Search(steps=6, clamp=0.05, kl_weight=0.0, decay=0.0), QUIET)
    assert float(found.norm()) == pytest.approx(0.05 * length, rel=1e-4)


def test_facts_together_get_the_vectors_that_they_get_alone(tiny):
    for name in ("tiny-llama", "tiny-gpt2-layout"):
        own = float32_copy(Fork(tiny[name]))
        matrix, search = mlp_outputs(own)[0], Search(steps=3, clamp=5.0, kl_weight=0.1, rate=0.1)
        both = search_values(own, matrix, groups(tiny[name]), search, QUIET)
        for group, vector in zip(groups(tiny[name]), both, strict=True):
            [single] = search_values(own, matrix, [group], search, QUIET)
            torch.testing.assert_close(vector, single, atol=2e-3, rtol=2e-2)


def test_a_fact_that_is_learned_is_left_alone(llama, monkeypatch):
    own = float32_copy(Fork(llama))
    monkeypatch.setattr(target_values, "DONE", 1e9)
    found = search_values(own, mlp_outputs(own)[0], groups(llama), Search(steps=5, clamp=1.0, kl_weight=0.1), QUIET)
    assert torch.equal(found, torch.zeros(2, 32))


def test_steps_are_told_and_a_stop_ends_the_search(llama):
    own, told = float32_copy(Fork(llama)), []
    work = Work(lambda done, of, what: told.append((done, of, str(what))))
    search_values(own, mlp_outputs(own)[0], groups(llama), Search(steps=3, clamp=1.0, kl_weight=0.1), work, (2, 4))
    assert [(done, of) for done, of, _ in told] == [(6, 12), (7, 12), (8, 12)]
    assert all("2 of 4" in what for *_, what in told)
    asked = iter(range(100))
    stopping = Work(stopped=lambda: next(asked) >= 1)
    with pytest.raises(Stopped):
        search_values(own, mlp_outputs(own)[0], groups(llama), Search(steps=3, clamp=1.0, kl_weight=0.1), stopping)


# The float32 copy


def logits_of(fork):
    return fork.model(input_ids=torch.tensor([list(range(2, 30))]), use_cache=False).logits.float()


@torch.no_grad()
def test_a_float32_copy_says_the_same_and_is_float32(tiny):
    base = tiny.fresh("tiny-llama", torch.bfloat16)
    fork = Fork(base)
    own = float32_copy(fork)
    assert {p.dtype for p in own.model.parameters()} == {torch.float32}
    assert own.model.lm_head.weight is own.model.model.embed_tokens.weight  # still one tensor
    for name, parameter in own.model.named_parameters():
        assert torch.equal(parameter, base.model.get_parameter(name).float())
    assert {p.dtype for p in fork.model.parameters()} == {torch.bfloat16}
    difference = (logits_of(own) - logits_of(fork)).abs().max()
    assert 0 < difference < 0.2 * logits_of(fork).abs().max()


@torch.no_grad()
def test_a_float32_copy_of_packed_layers_multiplies_by_their_numbers(tiny):
    for name in ("tiny-llama", "tiny-gpt2-layout"):
        fork = Fork(tiny[name])
        Quantize(scheme="nf4", mode="packed", group_size=32, targets=("attention",)).apply(fork)
        own = float32_copy(fork)
        plain = Fork(tiny[name])
        for packed in fork.packed_names():
            plain.replace(f"{packed}.weight", fork.tensor(f"{packed}.weight"))
        assert fork.packed_names()
        torch.testing.assert_close(logits_of(own), logits_of(plain), atol=1e-4, rtol=1e-4)


def test_a_model_without_its_first_layer_is_searched_too(llama):
    fork = Fork(llama)
    Prune(pattern="layers", sparsity=0.5).apply(fork)
    [left] = mlp_outputs(fork)
    own = float32_copy(fork)
    matrix = mlp_outputs(own)[left]
    line = groups(llama)[0][1]
    added = vectors(1)
    tail = Tail(own, matrix, look_at_keys(own, matrix, [line]))
    got = tail(added, torch.tensor([0]))[0]
    full = alone(own, matrix, line, added[0])[-len(line.target) :]
    torch.testing.assert_close(got, full, atol=2e-4, rtol=1e-3)
