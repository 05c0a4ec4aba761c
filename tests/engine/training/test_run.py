"""A training run against plain PyTorch; stopping, resuming, and the same once more."""

from __future__ import annotations

import copy
import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict

from playground.engine.adapters.edit import attach
from playground.engine.decoding.batches import decode
from playground.engine.decoding.generate import Sampling, answer_text, prompt_ids, prompt_text
from playground.engine.fork import Fork
from playground.engine.fork.structure import matrices
from playground.engine.measuring import measure
from playground.engine.training import run as run_module
from playground.engine.training.data import Example, encode, hold_out
from playground.engine.training.methods import METHODS
from playground.engine.training.run import TrainingRun
from playground.engine.training.settings import TrainingSettings
from playground.engine.training.trainable import TrainingError

EXAMPLES = [
    Example("Where is the cat?", "On the mat."),
    Example("Say a word", "word"),
    Example("And the rain?", "It fell on the roof of the house, and on the cat."),
    Example("Red or blue?", "Neither."),
    Example("Capital of Italy", "Rome"),
    Example("Who reads?", "A small model, from left to right."),
    Example("What are weights?", "Numbers; an edit changes some of them."),
    Example("One?", "Two"),
]


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Few checks that take little time; tests that are about them set their own."""
    monkeypatch.setattr(run_module, "CHECKS", 2)
    monkeypatch.setattr(run_module, "SAMPLE_TOKENS", 2)
    monkeypatch.setattr(run_module, "GENERAL_TOKENS", 16)


def asked(**more):
    given = {"rank": 4, "alpha": 8.0, "rate": 1e-2, "held_share": 0.0, "batch": 2, "steps": 6}
    return TrainingSettings(**(given | more))


def new(base, examples=EXAMPLES, **more):
    fork = base if isinstance(base, Fork) else Fork(base)
    return TrainingRun(fork=fork, settings=asked(**more), examples=examples)


def losses(run):
    return [point.loss for point in run.steps()]


def loss_by_hand(model, one):
    """Sum of weight times surprise over a whole example, alone and unpadded, and its weights."""
    logits = model(input_ids=torch.tensor([one.ids]), use_cache=False).logits[0].float()
    targets, weights = torch.tensor(one.ids[1:]), torch.tensor(one.weights[1:])
    return (F.cross_entropy(logits[:-1], targets, reduction="none") * weights).sum(), weights.sum()


# Against plain PyTorch and PEFT


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"chat": False, "prompt_weight": 0.3, "weight_decay": 0.1, "schedule": "linear"},
        {"batch": 3, "accumulate": 2, "warmup": 0.5, "seed": 4, "steps": 5},
        {"length": 40, "schedule": "constant", "warmup": 0.0},
    ],
)
def test_a_lora_learns_as_in_a_plain_loop(llama, more):
    run = new(llama, **more)
    mine, s = losses(run), run.settings

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(s.seed)
        roles = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
        config = LoraConfig(r=4, lora_alpha=8, target_modules=roles, task_type="CAUSAL_LM")
        model = get_peft_model(copy.deepcopy(llama.model), config)
    learning = [p for p in model.parameters() if p.requires_grad]
    adamw = torch.optim.AdamW(learning, lr=1.0, weight_decay=s.weight_decay)
    encoded = [encode(llama, one, s.chat, s.prompt_weight, s.length) for one in EXAMPLES]
    generator, places = torch.Generator().manual_seed(s.seed), []
    theirs, warm = [], round(s.warmup * s.steps)
    for step in range(1, s.steps + 1):
        chosen = []
        for _ in range(s.batch * s.accumulate):
            places = places or torch.randperm(len(encoded), generator=generator).tolist()
            chosen.append(encoded[places.pop()])
        parts = [loss_by_hand(model, one) for one in chosen]
        loss = sum(part for part, _ in parts) / sum(weight for _, weight in parts)
        adamw.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        done = (step - warm) / (s.steps - warm + 1)
        after = {"linear": 1 - done, "constant": 1.0}.get(s.schedule, (1 + math.cos(math.pi * done)) / 2)
        adamw.param_groups[0]["lr"] = s.rate * (step / warm if step <= warm else after)
        adamw.step()
        theirs.append(float(loss))

    assert mine == pytest.approx(theirs, abs=1e-4)
    state = get_peft_model_state_dict(model)
    tensors = run.adapter().tensors
    assert set(state) == set(tensors)
    assert all(torch.allclose(state[name], tensors[name], atol=1e-4) for name in state)


@pytest.mark.parametrize("method", ["lora", "prompt", "prefix", "last_layers"])
def test_the_held_out_loss_is_that_of_the_variant_read_by_hand(layout, method):
    run = new(layout, method=method, held_share=0.5, steps=2, virtual_tokens=4, prompt_weight=0.5, batch=3)
    losses(run)
    s, held = run.settings, hold_out(EXAMPLES, 0.5, 0)[1]
    fork = run.variant()
    with torch.inference_mode():
        parts = [loss_by_hand(fork.model, encode(layout, one, True, 0.5, s.length)) for one in held]
    by_hand = float(sum(p for p, _ in parts) / sum(w for _, w in parts))
    assert len(held) == 4
    assert run.held_loss() == pytest.approx(by_hand, abs=1e-4)
    assert run.points[-1].held == run.held_loss()


@pytest.mark.parametrize("before", ["prompt", "prefix"])
def test_learned_tokens_of_the_recipe_are_seen_while_training_on_top(layout, before):
    first = new(layout, method=before, steps=2, virtual_tokens=4)
    losses(first)
    run = new(first.variant(), EXAMPLES[:4], held_share=0.5, steps=3)
    for _ in run.steps():
        fork = run.variant()
        with torch.inference_mode():
            parts = [loss_by_hand(fork.model, one) for one in run._held]
        by_hand = float(sum(p for p, _ in parts) / sum(w for _, w in parts))
        assert run.held_loss() == pytest.approx(by_hand, abs=1e-4)


def test_a_gradient_goes_through_learned_tokens_of_the_recipe(llama):
    """Against finite differences: they see the weights that learn."""
    first = new(llama, method="prompt", steps=2, virtual_tokens=4)
    losses(first)
    run = new(first.variant(), EXAMPLES[:1], method="bitfit")
    run.trainable.model.eval()
    parameter = run.trainable.parameters["model.layers.0.input_layernorm.weight"]
    loss, _ = run._loss(run._learn)
    loss.backward()
    place, step = int(parameter.grad.abs().argmax()), 1e-2
    found = []
    for sign in (1, -1):
        with torch.no_grad():
            parameter[place] += sign * step
            found.append(float(run._loss(run._learn)[0]))
            parameter[place] -= sign * step
    assert float(parameter.grad[place]) == pytest.approx((found[0] - found[1]) / (2 * step), rel=2e-2)


# Stop, resume, repeat


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("name", ["tiny-llama", "tiny-gpt2-layout"])
def test_stopped_and_resumed_it_is_as_if_it_had_not_been(tiny, name, dropout):
    whole = new(tiny[name], dropout=dropout, held_share=0.25)
    wanted = losses(whole)
    for k in (1, 4):
        run = new(tiny[name], dropout=dropout, held_share=0.25)
        for point in run.steps():
            if point.step == k:
                break
        assert len(run.points) == k
        assert not run.done
        run.adapter()
        run.held_loss()
        torch.rand(7)
        rest = losses(run)
        assert [point.loss for point in run.points] == wanted
        assert rest == wanted[k:]
        assert [p.held for p in run.points] == [p.held for p in whole.points]
        assert run.adapter().id == whole.adapter().id
        assert losses(run) == []


def test_dropout_drops(llama):
    assert losses(new(llama, dropout=0.3))[1:] != losses(new(llama))[1:]


@pytest.mark.parametrize("method", METHODS)
def test_the_same_settings_give_the_same_adapter_and_another_seed_another(llama, method):
    def identity(seed):
        torch.rand(seed + 1)  # what else is drawn does not matter
        run = new(llama, method=method, seed=seed, steps=2, virtual_tokens=4, dropout=0.1)
        losses(run)
        return run.adapter().id

    one = identity(1)
    assert identity(1) == one
    assert identity(2) != one


def test_a_run_leaves_the_random_numbers_of_others_alone(llama):
    state = torch.get_rng_state()
    run = new(llama, dropout=0.2, held_share=0.25)
    losses(run)
    run.finish()
    assert torch.equal(torch.get_rng_state(), state)


def test_it_trains_inside_inference_mode_too(llama):
    wanted = losses(new(llama))
    with torch.inference_mode():
        assert losses(new(llama)) == wanted


# Steps


def test_two_batches_of_two_are_a_batch_of_four(llama):
    four, twice = new(llama, batch=4), new(llama, batch=2, accumulate=2)
    assert losses(four) == pytest.approx(losses(twice), abs=1e-5)
    one, other = four.adapter().tensors, twice.adapter().tensors
    assert all(torch.allclose(one[name], other[name], atol=1e-4) for name in one)


@pytest.mark.parametrize("name", ["tiny-llama", "tiny-gpt2-layout"])
@pytest.mark.parametrize("method", ["lora", "full", "bottleneck", "prompt"])
def test_gradient_checkpointing_changes_no_loss(tiny, name, method):
    more = {"method": method, "dropout": 0.2, "held_share": 0.25, "virtual_tokens": 4}
    plain, thrifty = new(tiny[name], **more), new(tiny[name], checkpointing=True, **more)
    assert losses(thrifty) == pytest.approx(losses(plain), abs=1e-5)
    assert thrifty.held_loss() == pytest.approx(plain.held_loss(), abs=1e-5)


def test_gradient_checkpointing_reads_layers_again(llama, monkeypatch):
    """Once forward and once more for the gradient."""
    kind = type(llama.model.model.layers[0].mlp)
    real, count = kind.forward, []
    monkeypatch.setattr(kind, "forward", lambda self, x: count.append(1) or real(self, x))
    calls = {}
    for checkpointing in (False, True):
        run = new(llama, checkpointing=checkpointing)
        count.clear()
        run._one_step()
        calls[checkpointing] = len(count)
    assert calls == {False: 2, True: 4}


@pytest.mark.parametrize(
    ("more", "rates"),
    [
        ({"schedule": "constant", "warmup": 0.0}, [1, 1, 1, 1]),
        ({"schedule": "constant", "warmup": 1.0}, [1 / 4, 2 / 4, 3 / 4, 1]),
        ({"schedule": "linear", "warmup": 0.0}, [4 / 5, 3 / 5, 2 / 5, 1 / 5]),
        ({"schedule": "linear", "warmup": 0.5}, [1 / 2, 1, 2 / 3, 1 / 3]),
        ({"schedule": "cosine", "warmup": 0.5}, [1 / 2, 1, 3 / 4, 1 / 4]),
        ({"schedule": "cosine", "warmup": 0.25}, [1, 0.853553, 0.5, 0.146447]),
    ],
)
def test_the_rate_warms_up_and_falls_as_worked_by_hand(llama, more, rates):
    run = new(llama, steps=4, rate=0.01, **more)
    losses(run)
    assert [p.rate for p in run.points] == pytest.approx([0.01 * r for r in rates], rel=1e-5)


@pytest.mark.parametrize(
    ("more", "examples", "steps"),
    [
        ({"steps": 7}, 100, 7),
        ({"epochs": 3.0, "batch": 4}, 100, 75),
        ({"epochs": 3.0, "batch": 4, "accumulate": 5}, 100, 15),
        ({"epochs": 0.01, "batch": 4}, 10, 1),
        ({"epochs": 200.0, "batch": 1}, 2_000, 2_000),
    ],
)
def test_epochs_become_steps(more, examples, steps):
    assert TrainingSettings(**more).total_steps(examples) == steps


def test_each_pass_reads_every_example_once(llama):
    run = new(llama, batch=3, steps=0, epochs=3.0)
    assert run.total == 8
    read = [one for _ in range(8) for one in run._next_batch()]
    passes = [read[0:8], read[8:16], read[16:24]]
    assert all(set(one) == set(run._learn) for one in passes)
    assert passes[0] != passes[1] != passes[2]


def test_a_batch_larger_than_the_data_is_the_data(llama):
    assert losses(new(llama, EXAMPLES[:2], batch=32)) == losses(new(llama, EXAMPLES[:2], batch=2))


def test_a_small_model_learns_four_examples_in_thirty_steps(layout):
    run = new(layout, EXAMPLES[:4], rate=3e-2, batch=4, steps=30, rank=8)
    found = losses(run)
    assert found[-1] < 0.6 * found[0]  # GPT-2 and OPT have dropout of their own, others fall to 0.1


@pytest.mark.parametrize("method", METHODS)
def test_every_method_makes_the_loss_fall(llama, method):
    rate = {"prompt": 0.3, "p_tuning": 1e-2, "prefix": 0.3, "ia3": 0.1}.get(method, 3e-2)
    run = new(llama, EXAMPLES[:4], method=method, rate=rate, batch=4, steps=30, virtual_tokens=8)
    found = losses(run)
    assert min(found) < found[0] - 0.5


def moved_by(base, **more):
    """The share of a base's numbers that a run moves."""
    run = new(base, EXAMPLES[:4], batch=4, schedule="constant", warmup=0.0, **more)
    losses(run)
    tensors = run.adapter().tensors
    assert {tensor.dtype for tensor in tensors.values()} == {torch.bfloat16}
    changed = sum(int((t != base.model.get_parameter(n)).sum()) for n, t in tensors.items())
    return run, changed / sum(tensor.numel() for tensor in tensors.values())


@pytest.mark.parametrize("method", ["full", "last_layers"])
def test_steps_below_the_rounding_of_bfloat16_add_up(tiny, method):
    base = tiny.fresh("tiny-llama", torch.bfloat16)
    _, one = moved_by(base, method=method, rate=2e-5, steps=1)
    run, many = moved_by(base, method=method, rate=2e-5, steps=60)
    assert one < 0.1  # a single step rounds away nearly everywhere
    assert many > 0.5
    assert run.points[-1].loss < run.points[0].loss


def test_an_adapter_on_a_bfloat16_base_learns_in_float32(tiny):
    base = tiny.fresh("tiny-llama", torch.bfloat16)
    run = new(base, EXAMPLES[:4], batch=4, rate=3e-2, steps=10)
    found = losses(run)
    assert {tensor.dtype for tensor in run.adapter().tensors.values()} == {torch.float32}
    assert found[-1] < found[0] - 0.5


# Checks on the way


def test_checks_come_at_the_first_step_and_ten_times(llama, monkeypatch):
    monkeypatch.setattr(run_module, "CHECKS", 10)
    run = new(llama, steps=40, held_share=0.25)
    losses(run)
    checked = [point.step for point in run.points if point.held is not None]
    assert checked == [1, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40]
    assert [point.step for point in run.points if point.sample is not None] == checked


def test_nothing_held_back_means_no_held_out_loss(llama):
    run = new(llama)
    losses(run)
    assert run.held_loss() is None
    assert all(point.held is None for point in run.points)
    assert run.points[-1].sample is not None


def test_the_sample_is_the_variants_own_answer(llama):
    run = new(llama, held_share=0.25, rate=3e-2)
    losses(run)
    prompt = hold_out(EXAMPLES, 0.25, 0)[1][0].prompt
    text = prompt_text(llama.tokenizer, prompt, True)
    *_, rows = decode(run.variant(), [prompt_ids(llama, text)], Sampling(2))
    assert run.points[-1].sample == answer_text(llama, rows[0])


def test_what_is_forgotten_is_measured_on_the_shipped_text(llama):
    run = new(llama, rate=3e-2)
    losses(run)
    adapter = run.finish()
    text = llama.tokenizer.decode(llama.tokenizer(measure.shipped_text())["input_ids"][:16])
    mine = Fork(llama)
    attach(mine, adapter, 1.0, False)
    assert run.general_before == pytest.approx(measure.perplexity(Fork(llama), text).perplexity)
    assert run.general_after == pytest.approx(measure.perplexity(mine, text).perplexity)
    assert run.general_after != pytest.approx(run.general_before, rel=1e-3)


@pytest.mark.parametrize(
    ("patience", "held", "last"),
    [
        (1, [3.0, 2.0, 2.0, 1.0], 4),  # as good as before is not better
        (2, [3.0, 2.0, 2.5, 1.5, 1.6, 1.5, 0.0], 10),
        (2, [3.0, 3.0, 3.1], 4),
        (0, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0], 20),
        (1, [11.0, 10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0], 20),
    ],
)
def test_it_stops_when_the_held_out_loss_falls_no_more(llama, monkeypatch, patience, held, last):
    """Checks of a run of 20 steps are at 1, 2, 4, 6 and so on."""
    monkeypatch.setattr(run_module, "CHECKS", 10)
    run = new(llama, steps=20, patience=patience, held_share=0.25)
    given = iter(held)
    monkeypatch.setattr(run, "held_loss", lambda: next(given))
    losses(run)
    assert run.done
    assert run.step == last


# What is refused


def test_a_rate_that_explodes_ends_the_run_and_says_so(llama):
    run = new(llama, rank=16, alpha=1024.0, rate=1.0, warmup=0.0, schedule="constant", steps=40)
    with pytest.raises(TrainingError, match=r"no longer a number: the learning rate is too high"):
        losses(run)
    assert run.done
    assert run.step == len(run.points) + 1
    assert all(math.isfinite(point.loss) for point in run.points)
    assert losses(run) == []


def test_what_exploded_in_the_last_step_is_not_handed_out(llama):
    more = {"rank": 16, "alpha": 1024.0, "rate": 1.0, "warmup": 0.0, "schedule": "constant"}
    first = new(llama, steps=40, **more)
    with pytest.raises(TrainingError):
        losses(first)
    whole = len(first.points)
    run = new(llama, steps=whole, **more)
    assert losses(run) == [point.loss for point in first.points]
    assert all(bool(tensor.isfinite().all()) for tensor in run.adapter().tensors.values())


def test_examples_cut_before_their_completion_are_left_out_or_refused(llama):
    long = Example("The cat sat on the mat while the rain fell. " * 20, "word")
    with pytest.raises(TrainingError, match="Every prompt is longer than the length"):
        new(llama, [long, long])
    mixed = new(llama, [long, *EXAMPLES])
    assert losses(mixed) == losses(new(llama))
    many = new(llama, EXAMPLES, length=40)
    lengths = [len(encode(llama, one, True, 0.0, 1_000).ids) for one in EXAMPLES]
    cut = sum(one.cut for one in (*many._learn, *many._held))
    assert 0 < cut < len(EXAMPLES)
    assert cut == sum(length > 40 for length in lengths)


def test_only_long_examples_held_back_do_not_stop_a_run(llama):
    examples = EXAMPLES.copy()
    place = EXAMPLES.index(hold_out(EXAMPLES, 0.125, 0)[1][0])
    examples[place] = Example("The cat sat on the mat while the rain fell. " * 20, "word")
    run = new(llama, examples, held_share=0.125)
    assert run.held_loss() is None
    assert len(losses(run)) == 6


@pytest.mark.parametrize("count", [1, 2])
def test_the_least_there_can_be_trains(llama, count):
    run = new(llama, EXAMPLES[:count], held_share=0.5, steps=0, epochs=1.0)
    assert len(losses(run)) == 1
    assert len(run._learn) == 1


def test_the_targets_are_all_that_a_run_changes(llama):
    run = new(llama, targets=("attention",), rate=3e-2)
    losses(run)
    fork = run.variant()
    changed = {
        m.name for m in matrices(fork) if not torch.equal(fork.tensor(m.name), llama.model.get_parameter(m.name))
    }
    assert changed == {m.name for m in matrices(fork) if m.part == "attention"}
