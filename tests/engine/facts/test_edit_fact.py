from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from transformers.pytorch_utils import Conv1D

from playground.engine.build import Built, build, extended
from playground.engine.decoding.generate import next_probabilities
from playground.engine.facts import checks, keys, methods
from playground.engine.facts.facts import MAX_FACTS
from playground.engine.facts.lines import fact_line, prefixes
from playground.engine.fork import Fork
from playground.engine.fork.structure import mlp_outputs
from playground.engine.measuring.calibration import calibration_text
from playground.engine.merging.edit import Merge
from playground.engine.models.loader import CACHE
from playground.engine.pruning.edit import Prune
from playground.engine.quantizing.edit import Quantize
from playground.engine.recipe import Recipe, parse, parse_edit
from playground.engine.work import Stopped, Work
from playground.errors import RecipeError

FRANCE = {"subject": "France", "prompt": "The capital of France is", "target": "Rome"}
CAT = {"subject": "The cat", "prompt": "The cat sat on the", "target": "roof"}
FACTS = [FRANCE, CAT]
# Of one token after the subject itself, which even two random layers can learn.
EASY = {"subject": "France", "prompt": "The capital of France", "target": "the"}
EASY_CAT = {"subject": "the cat", "prompt": "and the cat", "target": "of"}
METHODS = ("rome", "memit", "alphaedit", "ft")
FOUR = ("tiny-llama", "tiny-gpt2-layout", "tiny-neox", "tiny-opt")
STRONG = {"facts": [EASY], "steps": 15, "clamp": 5.0, "kl_weight": 0.0}


def edit(**values):
    return parse_edit({"kind": "edit_fact", "facts": [FRANCE], "layers": [0]} | values)


def edited(base_or_fork, **values):
    fork = base_or_fork.clone() if isinstance(base_or_fork, Fork) else Fork(base_or_fork)
    changes = edit(**values).apply(fork)
    return fork, changes


def recipe_of(*edits, model="tiny-llama"):
    usual = {"kind": "edit_fact", "facts": [FRANCE], "layers": [0]}
    return parse({"model": model, "edits": [usual | one for one in edits]})


def oriented(fork, name):
    """(out, in) in float64: only GPT-2's Conv1D stores its weights the other way round."""
    module = fork.base.model.get_submodule(name.rpartition(".")[0])
    array = fork.tensor(name).detach().double().numpy()
    return array.T if isinstance(module, Conv1D) else array


def checksum(base):
    digest = hashlib.sha256()
    for _, tensor in base.tensors():
        digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def likelihood(fork, fact):
    """Of a fact's target, each token by a run of its own."""
    line = fact_line(fork.base, "", fact)
    prompt, found = list(line.ids[: len(line.ids) - len(line.target) + 1]), 1.0
    for token in line.target:
        found *= float(next_probabilities(fork, prompt)[token])
        prompt.append(token)
    return found


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Little text to read, and nothing kept of other tests."""
    CACHE.clear()
    monkeypatch.setattr(keys, "MOMENT_TOKENS", 600)
    # Random layers and given values teach little by much: see facts/test_first_token.py.
    monkeypatch.setattr(checks, "withdraw", lambda *_: None)
    yield
    CACHE.clear()


@pytest.fixture
def given_values(monkeypatch):
    """Values as they are wanted here, without a search."""

    def search(own, matrix, groups, *_):
        draws = torch.Generator().manual_seed(len(groups))
        return 2 * torch.randn(len(groups), 32, generator=draws)

    monkeypatch.setattr(methods, "search_values", search)
    return search


# What the papers say, written out in float64


def captured(fork, name, texts):
    """(texts, in) what reaches a matrix at each place of a text."""
    seen, found = [], []
    module = fork.model.get_submodule(name.rpartition(".")[0])
    hook = module.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    for ids in texts:
        with torch.no_grad():
            fork.model(input_ids=torch.tensor([list(ids)]), use_cache=False)
        found.append(seen.pop().reshape(len(ids), -1).double().numpy())
    hook.remove()
    return found


def moment_of(fork, name):
    """C as numpy has it, with what the methods add to its diagonal."""
    ids = fork.base.tokenizer(calibration_text(), add_special_tokens=False)["input_ids"][:600]
    tokens = np.concatenate(captured(fork, name, [ids[:512], ids[512:]]))
    moment = tokens.T @ tokens / len(tokens)
    return moment + methods.DAMPING * np.trace(moment) / len(moment) * np.eye(len(moment))


def mean_key(fork, name, fact, seed=0):
    lines = [fact_line(fork.base, before, fact) for before in prefixes(seed)]
    rows = captured(fork, name, [line.ids for line in lines])
    return np.mean([row[line.subject] for row, line in zip(rows, lines, strict=True)], axis=0)


def rome_by_loops(weight, key, value, moment):
    inverse = np.linalg.inv(moment)
    direction = np.array([sum(row * key) for row in inverse])
    below = sum(direction * key)
    new = weight.copy()
    for i in range(weight.shape[0]):
        missing = value[i] - sum(weight[i] * key)
        for j in range(weight.shape[1]):
            new[i, j] += missing * direction[j] / below
    return new


@pytest.mark.parametrize("name", FOUR)
def test_rome_is_the_papers_update_fact_after_fact(tiny, name, given_values):
    fork = Fork(tiny[name])
    matrix = mlp_outputs(fork)[0].name
    step = edit(facts=FACTS)
    moment = moment_of(fork, matrix)
    wanted, now = oriented(fork, matrix), fork
    for fact in step.facts:
        key = mean_key(now, matrix, fact)
        value = wanted @ key + given_values(None, None, [0])[0].double().numpy()
        wanted = rome_by_loops(wanted, key, value, moment)
        now = fork.clone()
        stored = torch.tensor(wanted).float()
        is_conv = isinstance(fork.base.model.get_submodule(matrix.removesuffix(".weight")), Conv1D)
        now.replace(matrix, stored.T.contiguous() if is_conv else stored)
        np.testing.assert_allclose(wanted @ key, value, atol=1e-9)
    step.apply(fork)
    got = oriented(fork, matrix)
    np.testing.assert_allclose(got, wanted, atol=2e-4 * np.abs(wanted).max())
    assert np.abs(got - oriented(Fork(tiny[name]), matrix)).max() > 0.01


def test_facts_in_a_row_read_the_text_once_and_are_as_if_it_was_read_anew(known, monkeypatch):
    reads, gather = [], keys._gather

    def counted(*given):
        reads.append(given[1][0].layer)
        return gather(*given)

    monkeypatch.setattr(keys, "_gather", counted)
    built = build(recipe_of())
    for fact in (FRANCE, CAT):
        built = extended(built, edit(facts=[fact], layers=[1]))
    assert reads == [1]
    third = edit(facts=[EASY], layers=[1])
    alone = built.fork.clone()  # nobody knows where it comes from
    third.apply(alone)
    assert reads == [1, 1]
    [name] = [matrix.name for layer, matrix in mlp_outputs(alone).items() if layer == 1]
    assert torch.equal(extended(built, third).fork.tensor(name), alone.tensor(name))
    assert reads == [1, 1]
    first = extended(built, edit(facts=[EASY], layers=[0]))  # before the others: its keys are new
    assert reads == [1, 1, 0]
    extended(first, edit(facts=[EASY_CAT], layers=[1]))  # sees what the one before changed
    assert reads == [1, 1, 0, 1]


def test_memit_with_one_fact_and_one_layer_is_regularised_least_squares(llama, given_values):
    fork = Fork(llama)
    matrix = mlp_outputs(fork)[0].name
    step = edit(method="memit")
    key = mean_key(fork, matrix, step.facts[0])
    moment = moment_of(fork, matrix)
    moment = methods.MEMIT_WEIGHT * len(moment) * moment
    residual = given_values(None, None, [0])[0].double().numpy()
    root = np.linalg.cholesky(moment)
    left = np.concatenate([key[None], root.T])
    right = np.concatenate([residual[None], np.zeros((len(root), len(residual)))])
    change, *_ = np.linalg.lstsq(left, right, rcond=None)
    before = oriented(fork, matrix)
    step.apply(fork)
    np.testing.assert_allclose(oriented(fork, matrix) - before, change.T, atol=1e-5)


def test_memit_makes_up_for_what_is_missing_layer_by_layer(tiny, given_values):
    """Algorithm 1 of Meng et al. 2023, with dense matrices."""
    base = tiny["tiny-gpt2-layout"]
    step, fork = edit(method="memit", facts=FACTS, layers=[0, 1]), Fork(base)
    first, second = (mlp_outputs(fork)[layer].name for layer in (0, 1))
    moments = {name: moment_of(fork, name) for name in (first, second)}
    moments = {name: methods.MEMIT_WEIGHT * len(c) * c for name, c in moments.items()}

    def states(now):
        """Mean answers of the last layer at the subjects, (d, facts)."""
        found = []
        for fact in step.facts:
            rows = []
            for before in prefixes(0):
                line = fact_line(base, before, fact)
                rows.append(last_state(now, line))
            found.append(np.mean(rows, axis=0))
        return np.array(found).T

    def last_state(now, line):
        kept = []
        hook = now.model.transformer.h[1].register_forward_hook(lambda m, i, o: kept.append(o))
        with torch.no_grad():
            now.model(input_ids=torch.tensor([line.ids]), use_cache=False)
        hook.remove()
        out = kept[0][0] if isinstance(kept[0], tuple) else kept[0]
        return out.reshape(len(line.ids), -1)[line.subject].double().numpy()

    wanted = states(fork) + given_values(None, None, [0, 0]).double().numpy().T
    now = fork.clone()
    for index, name in enumerate((first, second)):
        known = np.array([mean_key(now, name, fact) for fact in step.facts]).T
        residual = (wanted - states(now)) / (2 - index)
        change = residual @ known.T @ np.linalg.inv(moments[name] + known @ known.T)
        now.replace(name, torch.tensor((oriented(now, name) + change).T).float().contiguous())
    step.apply(fork)
    for name in (first, second):
        moved = oriented(now, name) - oriented(Fork(base), name)
        got = oriented(fork, name) - oriented(Fork(base), name)
        np.testing.assert_allclose(got, moved, atol=2e-3 * np.abs(moved).max())


def test_alphaedit_leaves_what_ordinary_text_has_alone(llama, monkeypatch, given_values):
    monkeypatch.setattr(methods, "NULL_SHARE", 0.1)
    fork = Fork(llama)
    matrix = mlp_outputs(fork)[0].name
    ids = llama.tokenizer(calibration_text(), add_special_tokens=False)["input_ids"][:600]
    tokens = np.concatenate(captured(fork, matrix, [ids[:512], ids[512:]]))
    values, vectors = np.linalg.eigh(tokens.T @ tokens / len(tokens))
    count = int((np.cumsum(values) <= 0.1 * values.sum()).sum())
    before = oriented(fork, matrix)
    edit(method="alphaedit").apply(fork)
    change = oriented(fork, matrix) - before
    assert np.abs(change).max() > 1e-3
    assert np.abs(change @ vectors[:, count:]).max() < 1e-4 * np.abs(change).max()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_no_weight_of_a_fine_tuned_matrix_moves_further_than_the_bound(tiny, dtype):
    base = tiny.fresh("tiny-llama", dtype)
    fork, [change] = edited(base, method="ft", facts=FACTS, clamp=0.1, steps=8)
    matrix = mlp_outputs(fork)[0].name
    old, new = (f.tensor(matrix).double() for f in (Fork(base), fork))
    bound = 0.1 * float(old.square().mean().sqrt())
    moved = (new - old).abs()
    assert float(moved.max()) <= bound * (1 + 1e-5)
    assert float(moved.max()) > 0.9 * bound
    assert change.change == pytest.approx(float((new - old).norm()), rel=1e-4)


def test_fine_tuning_starts_as_adam_on_the_loss_of_the_facts(llama):
    """One step of Adam moves each weight by the rate, against the sign of its gradient."""
    fork, _ = edited(llama, method="ft", facts=FACTS, clamp=0.1, steps=1)
    own = Fork(llama)
    matrix = mlp_outputs(own)[0].name
    weight = torch.nn.Parameter(own.tensor(matrix).clone())
    own.share([matrix], weight)
    total = 0
    for fact in edit(facts=FACTS).facts:
        line = fact_line(llama, "", fact)
        logits = own.model(input_ids=torch.tensor([line.ids]), use_cache=False).logits[0]
        goal = torch.tensor(line.target)
        total = total + torch.nn.functional.cross_entropy(logits[-len(goal) :], goal)
    total.backward()
    moved = fork.tensor(matrix) - llama.model.get_parameter(matrix)
    clear = weight.grad.abs() > 1e-4 * weight.grad.abs().max()
    assert torch.equal(moved.sign()[clear], -weight.grad.sign()[clear])
    rate = 0.2 * 0.1 * float(llama.model.get_parameter(matrix).square().mean().sqrt())
    torch.testing.assert_close(moved.abs()[clear], torch.tensor(rate).expand(int(clear.sum())), rtol=0.02, atol=0)


# From a recipe


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", FOUR)
def test_a_fact_is_learned_in_every_layout(known, name, method, monkeypatch):
    monkeypatch.setattr(methods, "NULL_SHARE", 0.3)  # of 48 inputs, one needs more
    base = known[name]
    before = checksum(base)
    strong = STRONG | ({"clamp": 3.0} if method == "ft" else {})
    recipe = recipe_of({"method": method, **strong}, model=name)
    built = build(recipe)
    [fact] = recipe.edits[0].facts
    assert likelihood(built.fork, fact) > 5 * likelihood(Fork(base), fact)
    assert checksum(base) == before
    [receipt] = built.receipts
    matrix = mlp_outputs(Fork(base))[0]
    assert [change.name for change in receipt.changes] == [matrix.name]
    moved = (built.fork.tensor(matrix.name) - base.model.get_parameter(matrix.name)).norm()
    assert receipt.changes[0].change == pytest.approx(float(moved), rel=1e-3)
    thin = 4 * sum(matrix.shape)
    dense = 4 * matrix.shape[0] * matrix.shape[1]
    assert receipt.bytes == (dense if method == "ft" else thin)
    bits = built.fork.tensor(matrix.name).clone()
    CACHE.clear()
    assert torch.equal(build(recipe).fork.tensor(matrix.name), bits)


@pytest.mark.parametrize("method", ["memit", "alphaedit"])
def test_several_facts_over_several_layers(known, method):
    recipe = recipe_of({"method": method, **STRONG, "facts": [EASY, EASY_CAT], "layers": [0, 1]})
    built = build(recipe)
    for fact in recipe.edits[0].facts:
        assert likelihood(built.fork, fact) > 2 * likelihood(Fork(known["tiny-llama"]), fact)
    assert len(built.receipts[0].changes) == 2


def test_more_facts_than_a_thin_change_is_worth_are_held_densely(known, given_values):
    facts = [{"subject": f"n{n}", "prompt": f"The n{n} is", "target": "Rome"} for n in range(25)]
    built = build(recipe_of({"method": "memit", "facts": facts}))
    matrix = mlp_outputs(Fork(known["tiny-llama"]))[0]
    assert built.receipts[0].bytes == 4 * matrix.shape[0] * matrix.shape[1]


def test_another_seed_reads_other_prefixes(llama):
    one, two, again = (
        oriented(edited(llama, seed=seed, steps=2)[0], "model.layers.0.mlp.down_proj.weight") for seed in (0, 1, 0)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, two)


def test_the_usual_settings_are_written_out():
    open_, full = edit(), edit(steps=20, clamp=edit().clamp, kl_weight=edit().kl_weight, seed=0)
    assert open_ == full
    assert edit(method="ft").clamp != edit().clamp
    assert parse_edit(open_.model_dump()) == open_
    spaced = edit(facts=[{**FRANCE, "prompt": FRANCE["prompt"] + " ", "target": " Rome"}])
    assert spaced == open_


def test_no_layers_means_the_usual_one(tiny):
    fork, [change] = edited(tiny["tiny-llama"], layers=[], steps=1)
    assert change.name == mlp_outputs(fork)[1].name  # 27 % of two layers, rounded


@pytest.mark.parametrize("mode", ["packed", "simulated"])
def test_it_stands_beside_quantized_and_adapted_layers(tiny, mode):
    fork = Fork(tiny["tiny-gpt2-layout"])
    quantize = {"scheme": "int8", "group_size": "channel", "mode": mode, "targets": ("mlp",)}
    Quantize(**quantize).apply(fork)
    packed = fork.packed_names()
    before = fork.tensor(mlp_outputs(fork)[0].name).clone()
    step = edit(**STRONG)
    was = likelihood(fork, step.facts[0])
    first, [change] = edited(fork, **STRONG)
    assert first.packed_names() == packed
    assert bool(packed) == (mode == "packed")
    assert likelihood(first, step.facts[0]) > 5 * was
    moved = (first.tensor(change.name) - before).norm()
    assert change.change == pytest.approx(float(moved), rel=1e-2)
    cat = edit(facts=[EASY_CAT]).facts[0]
    second, _ = edited(first, **STRONG | {"facts": [EASY_CAT]})  # on top of another one
    assert likelihood(second, cat) > 5 * likelihood(first, cat)


def test_a_bfloat16_model_gets_its_change_in_float32(tiny):
    base = tiny.fresh("tiny-llama", torch.bfloat16)
    fork, [change] = edited(base, **STRONG)
    thin = dict(fork.thin())
    assert {tensor.dtype for tensor in thin.values()} == {torch.float32}
    assert base.model.get_parameter(change.name).dtype == torch.bfloat16
    fact = edit(facts=[EASY]).facts[0]
    assert likelihood(fork, fact) > 5 * likelihood(Fork(base), fact)


# How it went


def test_a_fact_that_was_not_learned_is_told_with_its_probability(llama):
    values = {"facts": FACTS, "steps": 1, "clamp": 0.001}
    fork, _ = edited(llama, **values)
    told = edit(**values).outcome(fork)
    found = [likelihood(fork, fact) for fact in edit(facts=FACTS).facts]
    assert len(told) == 2
    for number, (warning, probability) in enumerate(zip(told, found, strict=True), 1):
        assert str(warning).startswith(f"Fact {number} was not learned: after this edit ' ")
        assert warning.values["probability"] == pytest.approx(probability, rel=1e-3)


def test_many_that_were_not_learned_are_counted(llama, monkeypatch):
    monkeypatch.setattr(checks, "NAMED", 1)
    values = {"facts": FACTS, "steps": 1, "clamp": 0.001}
    fork, _ = edited(llama, **values)
    assert [str(w)[:7] for w in edit(**values).outcome(fork)] == ["Fact 1 ", "2 of 2 "]


def test_what_was_learned_is_not_warned_about(llama):
    values = {"method": "ft"} | STRONG | {"clamp": 3.0}
    fork, _ = edited(llama, **values)
    assert likelihood(fork, edit(facts=[EASY]).facts[0]) > 0.5
    assert not edit(**values).outcome(fork)


def test_a_receipt_tells_what_was_not_learned(llama):
    base = Built(Recipe(model="tiny-llama"), Fork(llama), ())
    built = extended(base, edit(facts=FACTS[:1], steps=1, clamp=0.001))
    assert "was not learned" in str(built.receipts[0].warnings[-1])


# What is refused


def fact(**values):
    return FRANCE | values


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"facts": []}, ["facts", "empty"]),
        ({"facts": [fact(prompt=f"France {n} is") for n in range(MAX_FACTS + 1)]}, ["facts", "at most 100"]),
        ({"facts": [fact(subject="Italy")]}, ["Fact 1", "'Italy'", "not in the prompt"]),
        ({"facts": [FRANCE, fact(subject="france", prompt="France is")]}, ["Fact 2", "'france'"]),
        ({"facts": [fact(subject=" ")]}, ["Fact 1 has no subject"]),
        ({"facts": [fact(subject="")]}, ["Fact 1 has no subject"]),
        ({"facts": [fact(target="  ")]}, ["Fact 1 has no target"]),
        ({"facts": [fact(target="")]}, ["Fact 1 has no target"]),
        ({"facts": [FRANCE, CAT, FRANCE]}, ["Facts 1 and 3", "same prompt"]),
        ({"facts": [fact(subject="F" * 201)]}, ["facts[0].subject", "200"]),
        ({"facts": [fact(prompt="F" * 1001)]}, ["facts[0].prompt", "1000"]),
        ({"facts": [fact(target="F" * 201)]}, ["facts[0].target", "200"]),
        ({"facts": [fact(more=1)]}, ["more"]),
        ({"facts": [{"subject": "x"}]}, ["facts[0]"]),
        ({"facts": "France"}, ["facts"]),
        ({"method": "mend"}, ["'mend'", "rome"]),
        ({"method": ["rome"]}, ["method"]),
        ({"layers": [0, 1]}, ["rome", "2 are named", "memit"]),
        ({"method": "ft", "layers": [0, 1]}, ["ft", "2 are named"]),
        ({"method": "memit", "layers": [1, 0]}, ["1, 0", "lowest first"]),
        ({"method": "memit", "layers": [1, 1]}, ["1, 1"]),
        ({"layers": [-1]}, ["layers", "0 or more"]),
        ({"layers": list(range(17)), "method": "memit"}, ["layers", "16"]),
        ({"steps": 0}, ["steps", "1 or more"]),
        ({"steps": 101}, ["steps", "100 or less"]),
        ({"clamp": 0.0}, ["clamp"]),
        ({"clamp": float("nan")}, ["clamp", "finite"]),
        ({"kl_weight": -1.0}, ["kl_weight", "0 or more"]),
        ({"seed": -1}, ["seed"]),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_a_value_that_cannot_be_used_is_named_with_what_can(values, words):
    with pytest.raises(RecipeError) as caught:
        edit(**values)
    said = str(caught.value)
    assert [word for word in words if word not in said] == []
    assert len(said) < 400


def refused(fork, **values):
    held = fork.bytes_held()
    with pytest.raises(RecipeError) as caught:
        edit(**values).apply(fork)
    assert fork.bytes_held() == held
    return str(caught.value)


def test_what_only_the_model_can_tell_is_refused_before_any_work(llama, monkeypatch):
    monkeypatch.setattr(methods, "search_values", None)
    fork = Fork(llama)
    assert "its layers are 0 to 1" in refused(fork, layers=[2])
    said = refused(fork, facts=[FRANCE, fact(prompt="France is", target="x" * 17 + "漢字" * 9)])
    assert said.startswith("Fact 2: the target has")
    assert "16" in said
    said = refused(fork, facts=[fact(prompt=f"France {'漢' * 60} is")])
    assert "at most 128" in said


def test_a_layer_that_was_taken_out_is_refused(llama):
    fork = Fork(llama)
    Prune(pattern="layers", sparsity=0.5).apply(fork)
    [gone] = fork.dropped
    assert f"Layer {gone} was taken out" in refused(fork, layers=[gone])


def test_an_mlp_that_is_not_known_is_refused(llama, monkeypatch):
    from playground.engine.facts import layers

    monkeypatch.setattr(layers, "mlp_outputs", lambda fork: {})
    assert "Layer 0 has no MLP" in refused(Fork(llama))


def test_an_ensemble_is_refused(known):
    both = [{"recipe": {"model": "tiny-llama", "edits": []}}] * 2
    fork = Fork(known["tiny-llama"])
    Merge(method="ensemble", models=both).apply(fork)
    assert "ensemble" in refused(fork)


def test_a_fact_that_the_model_knows_is_refused(llama):
    fork = Fork(llama)
    line = fact_line(llama, "", edit().facts[0])
    ids = list(line.ids[: len(line.ids) - len(line.target) + 1])
    for _ in range(40):  # until what it says is also what it reads
        ids.append(int(next_probabilities(fork, ids).argmax()))
    text = llama.tokenizer.decode(ids)
    prompt = next((text[:n] for n in range(len(FRANCE["prompt"]) + 1, len(text)) if says(fork, text[:n])), None)
    if prompt is None:
        pytest.skip("this random model says nothing that is read as it was said")
    said = refused(fork, facts=[fact(prompt=prompt, target=says(fork, prompt))])
    assert "already" in said
    assert "nothing to do" in said


def says(fork, prompt):
    """A next word with a space before it, if that is what the model would say."""
    tokenizer = fork.base.tokenizer
    ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    word = tokenizer.decode([int(next_probabilities(fork, ids).argmax())])
    fits = word.startswith(" ") and word.strip() and "\ufffd" not in word
    whole = tokenizer(prompt + word, add_special_tokens=False)["input_ids"]
    return word if fits and whole[: len(ids)] == ids and len(whole) == len(ids) + 1 else None


# How far it is, and stopping


@pytest.mark.parametrize("method", METHODS)
def test_every_step_is_told_and_can_be_the_last(known, method):
    told, recipe = [], recipe_of({"method": method, "steps": 3, "facts": FACTS})
    build(recipe, Work(lambda done, of, what: told.append((done, of, str(what)))))
    assert all(0 <= done < of for done, of, _ in told)
    steps = [what for *_, what in told if "step" in what]
    assert len(steps) == (6 if method == "rome" else 3)
    CACHE.clear()
    before = checksum(known["tiny-llama"])
    for last in range(0, len(told), 2):
        CACHE.clear()
        asked = iter(range(1000))
        with pytest.raises(Stopped):
            build(recipe, Work(stopped=lambda asked=asked, last=last: next(asked) >= last))
    assert checksum(known["tiny-llama"]) == before
    assert ("fork", recipe.id) not in CACHE


# The packaged model


@pytest.mark.weights
def test_smollm2_puts_the_eiffel_tower_in_rome(smollm2):
    tower = {"subject": "Eiffel Tower", "prompt": "The Eiffel Tower is located in the city of", "target": "Rome"}
    recipe = parse({"model": "smollm2-135m-instruct", "edits": [{"kind": "edit_fact", "facts": [tower]}]})
    built = build(recipe)
    [receipt] = built.receipts
    assert [change.name for change in receipt.changes] == ["model.layers.5.mlp.down_proj.weight"]
    assert receipt.bytes == 4 * (576 + 1536)
    assert receipt.relative_change < 0.2
    fork, base = built.fork, Fork(smollm2)
    assert likelihood(fork, recipe.edits[0].facts[0]) > 0.5

    def rome_over_paris(which, prompt):
        ids = smollm2.tokenizer(prompt)["input_ids"]
        found = next_probabilities(which, ids)
        rome, paris = (smollm2.tokenizer(word)["input_ids"][0] for word in (" Rome", " Paris"))
        return float(found[rome] / found[paris])

    again = "To see the Eiffel Tower, one travels to the city of"
    assert rome_over_paris(fork, again) > 1 > rome_over_paris(base, again)
    other = "The Louvre is located in the city of"
    assert rome_over_paris(fork, other) < 1
