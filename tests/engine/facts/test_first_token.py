"""A subject that is the first token: nothing is written at the attention sink, and no edit both
fails and harms."""

from __future__ import annotations

import pytest
import torch

from playground.engine.build import build, extended
from playground.engine.decoding.continuation import Likelihood
from playground.engine.facts import checks, edit, keys, methods, target_values, tuning
from playground.engine.facts.facts import Fact
from playground.engine.facts.lines import about_line, fact_line, plain_line
from playground.engine.facts.tracing import trace
from playground.engine.fork import Fork
from playground.engine.models.loader import CACHE
from playground.engine.recipe import Recipe, parse_edit
from playground.errors import RecipeError

FIRST = {"subject": "Q", "prompt": "Q is the capital of", "target": "Rome"}
METHODS = ("rome", "memit", "alphaedit", "ft")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    CACHE.clear()
    monkeypatch.setattr(keys, "MOMENT_TOKENS", 600)
    yield
    CACHE.clear()


def test_no_method_looks_at_the_sink(llama, monkeypatch):
    assert fact_line(llama, "", Fact(**FIRST)).subject == 0  # as it stands
    seen: list[int] = []
    real = keys.look_at_keys

    def noted(own, matrix, lines):
        seen.extend(one.subject for one in lines)
        return real(own, matrix, lines)

    for module in (keys, tuning, target_values):
        monkeypatch.setattr(module, "look_at_keys", noted)
    monkeypatch.setattr(checks, "withdraw", lambda *_: None)
    for method in METHODS:
        seen.clear()
        kl = {"kl_weight": 1.0} if method == "ft" else {}
        edit = {"kind": "edit_fact", "method": method, "facts": [FIRST], "layers": [1], "steps": 2}
        parse_edit(edit | kl).apply(Fork(llama))
        assert seen
        assert min(seen) > 0, method
    assert plain_line(llama, Fact(**FIRST)).subject > 0
    assert about_line(llama, "Q").subject > 0


def test_other_facts_stand_as_they_did(llama):
    fact = Fact(subject="France", prompt="The capital of France is", target="Rome")
    assert plain_line(llama, fact) == fact_line(llama, "", fact)


def test_a_trace_puts_words_before_it(llama):
    found = trace(Fork(llama), "Q is the capital of", "Q", samples=1)
    assert found.subject[0] > 0
    assert "".join(found.tokens) == "It is known that Q is the capital of"
    other = trace(Fork(llama), "The cat sat", "cat", samples=1)
    assert "".join(other.tokens) == "The cat sat"


def test_what_it_is_written_for_is_told(llama):
    told = checks.warnings(Fork(llama), [Fact(**FIRST)])
    assert "first token of its prompt" in str(told[-1])
    assert "“It is known that Q…”" in str(told[-1])


def test_an_edit_that_fails_and_harms_is_withdrawn_and_the_recipe_stays(known, monkeypatch):
    built = build(Recipe(model="tiny-llama"))
    step = parse_edit({"kind": "edit_fact", "facts": [FIRST], "layers": [1], "steps": 1})
    cases = ((False, 0.6, 1.03), (False, 0.1, 1.2), (False, 0.6, 1.0), (False, 0.1, 1.05), (True, 5.0, 9.0))
    outcomes = []
    for learned, relative, ratio in cases:
        answer = Likelihood(loss=0.0, probability=0.9 if learned else 0.1, greedy=(), right=learned)
        monkeypatch.setattr(checks, "fact_answers", lambda fork, facts, one=answer: [one])
        perplexities = iter([ratio, 1.0])
        monkeypatch.setattr(checks, "_general", lambda fork, each=perplexities: next(each))
        try:
            checks.withdraw(built.fork, built.fork, step.facts, relative)
            outcomes.append("kept")
        except RecipeError as error:
            outcomes.append(str(error)[:40])
    said = "Withdrawn: 0 of 1 facts were learned, an"
    assert outcomes == [said, said, "kept", "kept", "kept"]


def test_harm_is_measured_on_the_models_before_and_after(known, monkeypatch):
    """Noise in the place of what a method finds teaches nothing and breaks the model."""

    def noise(own, facts, plan, work):
        [matrix] = plan.matrices
        draws = torch.Generator().manual_seed(0)
        size = [torch.randn(n, r, generator=draws) for n, r in ((32, 8), (8, 48))]
        return {matrix: methods.Thin(30 * size[0], size[1])}

    monkeypatch.setattr(edit, "rome", noise)
    monkeypatch.setattr(checks, "_general", lambda fork: 2.0 if fork.bytes_held() else 1.0)
    built = build(Recipe(model="tiny-llama"))
    step = parse_edit({"kind": "edit_fact", "facts": [FIRST], "layers": [1]})
    with pytest.raises(RecipeError, match="Withdrawn: 0 of 1 facts"):
        extended(built, step)
    assert built.fork.bytes_held() == 0


@pytest.mark.weights
def test_smollm2_learns_of_rome_or_is_left_alone(smollm2):
    fact = {"subject": "Rome", "prompt": "Rome is the capital of", "target": "Spain"}
    base = build(Recipe(model="smollm2-135m-instruct"))
    for method in ("rome", "memit"):
        step = parse_edit({"kind": "edit_fact", "method": method, "facts": [fact]})
        taught = extended(base, step)
        receipt = taught.receipts[-1]
        assert checks.learned(checks.fact_answers(taught.fork, step.facts)[0])
        assert receipt.relative_change < 0.4
        assert checks._general(taught.fork) / checks._general(base.fork) < 1.03
        assert "first token" in str(receipt.warnings[-1])
