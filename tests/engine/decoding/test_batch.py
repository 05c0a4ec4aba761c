"""One batch for all: who joins, leaves and waits, and that company changes nobody's answer."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
import torch

from playground.engine import gate
from playground.engine.decoding import batch, batches, continuation
from playground.engine.decoding.batches import decode
from playground.engine.decoding.generate import Sampling
from playground.engine.decoding.modules_plan import ModulesPlan
from playground.engine.decoding.plan import Plan, plan_of
from playground.engine.decoding.thin import thin_of
from playground.engine.fork import Fork
from playground.engine.fork.side_layers import LowRank, VirtualTokens
from playground.engine.fork.structure import key_shape, matrices

PLANNED = ("tiny-llama", "tiny-llama-untied", "tiny-qwen2", "tiny-gemma3", "tiny-mistral")
NEW = 12
both = pytest.mark.parametrize("name", ["tiny-llama", "tiny-gpt2-layout"])


def alone(fork, prompt, count=NEW):
    *_, rows = decode(fork, [prompt], Sampling(count))
    return rows[0].ids


def nudged(base, side, seed=0):
    fork, draw = Fork(base), torch.Generator().manual_seed(seed)
    ids = torch.randperm(300, generator=draw)[:200].sort().values
    fork.patch_rows(side, ids, torch.randn(200, 32, generator=draw))
    return fork


def low_rank(base, rank=2, seed=0, targets=("q_proj", "v_proj", "o_proj", "gate_proj", "down_proj"), scale=0.05):
    fork, draw = Fork(base), torch.Generator().manual_seed(seed)
    for matrix in matrices(fork):
        if matrix.name.split(".")[-2] in targets:
            out, inputs = matrix.shape
            down, up = torch.randn(rank, inputs, generator=draw), torch.randn(out, rank, generator=draw)
            fork.wrap(matrix.name, lambda inner, across, d=down, u=up: LowRank(inner, across, d, u, scale))
    return fork


def prefixed(base, seed=0, count=3):
    fork, draw = Fork(base), torch.Generator().manual_seed(seed)
    layers, heads, size = key_shape(base.model.config)
    pairs = [tuple(torch.randn(heads, count, size, generator=draw) for _ in range(2)) for _ in range(layers)]
    VirtualTokens(None, pairs).attach(fork.model)
    fork.settle()
    return fork


THIN = {
    "input": lambda base: nudged(base, "input"),
    "output": lambda base: nudged(base, "output"),
    "lora": low_rank,
    "another rank": lambda base: low_rank(base, 5, 1, ("k_proj", "up_proj", "down_proj")),
    "two": lambda base: _twice(base),
    "prefix": prefixed,
    "base": Fork,
}


def _twice(base):
    fork = low_rank(base, 1, 3, ("q_proj", "down_proj"))
    draw = torch.Generator().manual_seed(4)
    for matrix in matrices(fork):
        if matrix.name.endswith("q_proj.weight"):
            out, inputs = matrix.shape
            down, up = torch.randn(3, inputs, generator=draw), torch.randn(out, 3, generator=draw)
            fork.wrap(matrix.name, lambda inner, across, d=down, u=up: LowRank(inner, across, d, u, 0.1))
    fork.patch_rows("input", torch.arange(0, 300, 2), torch.randn(150, 32, generator=draw))
    return fork


def through(plan, prompt, tokens):
    """Logits after a prompt and after each token more, by a plan alone."""
    with torch.inference_mode():
        kept = plan.room(2, 400)
        plan.begin(kept, 0)
        for start in range(0, len(prompt), plan.piece):
            read = plan.read(prompt[start : start + plan.piece], kept, 0)
        found = [plan.logits(read[None])[0]]
        for token in tokens:
            found.append(plan.logits(plan.step([token, 0], kept))[0])
            kept.lengths[0] += 1
    return torch.stack(found)


# The plan


@pytest.mark.parametrize("name", PLANNED)
@pytest.mark.parametrize("kind", THIN)
def test_a_plans_logits_are_the_modules(tiny, texts, name, kind):
    """Prompts of several pieces, past a block's end and the sliding window."""
    fork = THIN[kind](tiny[name])
    for length in (1, 63, 64, 65, 150):
        prompt, tokens = texts.ids(length, seed=length), texts.ids(5, seed=2)
        found, truth = through(plan_of(fork), prompt, tokens), through(ModulesPlan(fork), prompt, tokens)
        assert isinstance(plan_of(fork), Plan)
        torch.testing.assert_close(found, truth, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", PLANNED)
def test_weights_of_one_product_lie_one_behind_the_other_and_are_held_once(tiny, name):
    layer = tiny[name].model.model.layers[1]
    q, k, v = (getattr(layer.self_attn, f"{part}_proj").weight for part in "qkv")
    assert k.data_ptr() == q.data_ptr() + q.nbytes
    assert v.data_ptr() == k.data_ptr() + k.nbytes
    assert len({w.untyped_storage().data_ptr() for w in (q, k, v)}) == 1
    assert all(p.data_ptr() % 4 == 0 for p in tiny[name].model.parameters())


def test_a_bfloat16_plan_is_as_near_to_float32_as_the_modules_are(tiny, texts):
    prompt, tokens = texts.ids(100), texts.ids(6, seed=3)
    for name in PLANNED:
        truth = through(ModulesPlan(Fork(tiny[name])), prompt, tokens)
        half = Fork(tiny.fresh(name, torch.bfloat16))
        ours = (through(plan_of(half), prompt, tokens).float() - truth).abs().max()
        theirs = (through(ModulesPlan(half), prompt, tokens).float() - truth).abs().max()
        assert ours < 2 * theirs + 0.02


def test_a_tie_of_bfloat16_is_decided_in_float32(tiny, texts):
    fork = Fork(tiny.fresh("tiny-llama-untied", torch.bfloat16))
    plan, head = plan_of(fork), fork.model.lm_head.weight
    read = torch.randn(3, 32, generator=torch.Generator().manual_seed(0)).bfloat16()
    logits = plan.logits(read)
    exact = read.float() @ head.float().T
    assert plan.likeliest(read, logits) == exact.argmax(-1).tolist()
    tied = logits.clone()
    best = exact.topk(2).indices
    for row in range(3):  # as if rounding had made the two likeliest one number
        tied[row, best[row]] = tied[row].max()
    assert plan.likeliest(read, tied) == exact.argmax(-1).tolist()


# Company


@pytest.mark.parametrize("name", PLANNED)
def test_rows_with_edits_of_their_own_share_a_batch_and_change_nobodys_answer(tiny, texts, name, monkeypatch):
    monkeypatch.setattr(batches, "end_ids", lambda base: set())
    base = tiny[name]
    forks = {kind: make(base) for kind, make in THIN.items()}
    assert all(thin_of(fork) is not None for fork in forks.values())
    prompts = {kind: texts.ids(10 + 17 * n, seed=n) for n, kind in enumerate(forks)}
    truth = {kind: alone(forks[kind], prompts[kind]) for kind in forks}
    running = {kind: decode(forks[kind], [prompts[kind]], Sampling(NEW)) for kind in forks}
    rows, most = {}, 0
    while running:
        for kind in list(running):
            step = next(running[kind], None)
            if step is None:
                del running[kind]
            else:
                rows[kind] = step[0]
        assert len(batches.BATCHES) <= 1
        most = max([most, *(one.answered for one in batches.BATCHES.values())])
    assert {kind: row.ids for kind, row in rows.items()} == truth
    assert most == len(forks)
    assert len({tuple(ids) for ids in truth.values()}) > 3  # the edits do something
    assert batches.BATCHES == {}


def test_a_dense_fork_has_a_batch_of_its_own(llama):
    fork = Fork(llama)
    name = "model.layers.0.mlp.down_proj.weight"
    fork.replace(name, fork.tensor(name) * 0.5)
    assert thin_of(fork) is None
    dropped = Fork(llama)
    dropped.drop_layer("model.layers", 1)
    assert thin_of(dropped) is None
    biased = Fork(llama)
    biased.replace("model.norm.weight", biased.tensor("model.norm.weight") * 2)
    assert thin_of(biased) is None


def test_a_dropped_layer_is_left_out_of_the_plan(llama, texts):
    fork = Fork(llama)
    fork.drop_layer("model.layers", 0)
    prompt, tokens = texts.ids(70), texts.ids(3)
    found, truth = through(plan_of(fork), prompt, tokens), through(ModulesPlan(fork), prompt, tokens)
    torch.testing.assert_close(found, truth, atol=1e-4, rtol=1e-4)


@both
def test_whoever_comes_later_joins_at_the_next_step(tiny, texts, name):
    fork, first, second = Fork(tiny[name]), texts.ids(70), texts.ids(9, seed=2)
    truth = alone(fork, first, 20), alone(fork, second, 4)
    early = decode(fork, [first], Sampling(20))
    for _ in range(3):
        (row,) = next(early)
    late = decode(fork, [second], Sampling(4))
    (other,) = next(late)
    assert (len(row.ids), len(other.ids)) == (4, 1)
    *_, (other,) = late  # which leads the steps of both
    assert len(row.ids) == 7
    *_, (row,) = early
    assert (row.ids, other.ids) == truth


@both
def test_whoever_leaves_frees_the_seat_at_the_next_step(tiny, texts, name):
    fork = Fork(tiny[name])
    stays, leaves = (decode(fork, [texts.ids(5, seed=n), texts.ids(8, seed=n)], Sampling(NEW)) for n in (1, 2))
    truth = [alone(fork, texts.ids(5, seed=1)), alone(fork, texts.ids(8, seed=1))]
    next(leaves)
    next(stays)
    (here,) = batches.BATCHES.values()
    assert here.answered == 4
    leaves.close()
    next(stays)
    assert (here.answered, len(here.seats)) == (2, 2)
    *_, rows = stays
    assert [row.ids for row in rows] == truth
    assert batches.BATCHES == {}


def test_rows_that_end_early_free_their_seats(llama, texts, monkeypatch):
    fork, prompts = Fork(llama), [texts.ids(n + 3, seed=n) for n in range(5)]
    truth = [alone(fork, prompt) for prompt in prompts]
    ends = truth[0][2]
    monkeypatch.setattr(llama.model.generation_config, "eos_token_id", ends)
    expected = [ids[: ids.index(ends)] if ends in ids else ids for ids in truth]
    *_, rows = decode(fork, prompts, Sampling(NEW))
    assert [row.ids for row in rows] == expected
    assert min(map(len, expected)) < max(map(len, expected))


# Beginnings in common


def test_a_beginning_in_common_is_read_once(llama, texts, monkeypatch):
    monkeypatch.setattr(Plan, "piece", 8)
    monkeypatch.setattr(batches, "end_ids", lambda base: set())
    base, nudge, start = Fork(llama), nudged(llama, "input"), texts.ids(20)
    prompts = [[*start, 5, 6], [*start, 7], [*start, 5, 6], start[:7], [*start[:9], 3]]
    truth = [alone(base, prompt) for prompt in prompts] + [alone(nudge, prompts[0])]
    lengths, real = [], Plan.read
    monkeypatch.setattr(Plan, "read", lambda self, ids, *a: lengths.append(len(ids)) or real(self, ids, *a))
    ours, other = decode(base, prompts, Sampling(NEW)), decode(nudge, prompts[:1], Sampling(NEW))
    next(other)
    *_, rows = ours
    *_, (row,) = other
    assert [row.ids for row in rows] + [row.ids] == truth
    # The nudged alone; 22 = 8 + 8 + 6; of 21 the last 5; nothing of the same 22; 7; of 10 the last 2
    assert lengths == [8, 8, 6, 8, 8, 6, 5, 7, 2]


def test_learned_tokens_lie_before_a_beginning_in_common(llama, texts, monkeypatch):
    monkeypatch.setattr(Plan, "piece", 8)
    fork, start = prefixed(llama), texts.ids(20)
    prompts = [[*start, 5, 6], [*start, 7], [*start, 5, 6]]
    truth = [alone(fork, prompt) for prompt in prompts]
    *_, rows = decode(fork, prompts, Sampling(NEW))
    assert [row.ids for row in rows] == truth


# The line


def test_no_more_rows_are_answered_at_a_time_than_there_are_seats(llama, texts, monkeypatch):
    monkeypatch.setattr(batch, "MOST_ROWS", 4)
    fork, prompts = Fork(llama), [texts.ids(n + 3, seed=n) for n in range(11)]
    truth = [alone(fork, prompt) for prompt in prompts]
    most = 0
    rows = []
    for rows in decode(fork, prompts, Sampling(NEW)):  # noqa: B007
        most = max([most, *(len(one.seats) for one in batches.BATCHES.values())])
    assert most <= 4
    assert [row.ids for row in rows] == truth


def test_no_more_places_are_held_than_there_is_memory_for(llama, texts, monkeypatch):
    monkeypatch.setattr(batch, "MOST_BYTES", 200 * plan_of(Fork(llama)).place_bytes)
    fork, prompts = Fork(llama), [texts.ids(60, seed=n) for n in range(6)]
    truth = [alone(fork, prompt) for prompt in prompts]
    rows = []
    for rows in decode(fork, prompts, Sampling(NEW)):  # noqa: B007
        for one in batches.BATCHES.values():
            assert len(one.seats) <= 2
    assert [row.ids for row in rows] == truth


def test_one_who_asks_for_much_does_not_keep_another_waiting(llama, texts, monkeypatch):
    """Six rows at a time, and those first who have the fewest seats; who waits knows how many turns are before."""
    monkeypatch.setattr(batch, "MOST_ROWS", 8)
    names = iter(["greedy", "modest", "late"])
    monkeypatch.setattr(batches, "who", lambda: next(names))
    fork = Fork(llama)
    much = decode(fork, [texts.ids(4, seed=n) for n in range(30)], Sampling(40))
    next(much)
    little = decode(fork, [texts.ids(4)] * 2, Sampling(3))
    late = decode(fork, [texts.ids(5)] * 7, Sampling(3))
    one, _ = next(little)
    assert (len(one.ids), one.place) == (1, 0)
    rows = next(late)
    assert {(row.place, row.wait) for row in rows} == {(1, 0.0)}
    (shared,) = batches.BATCHES.values()
    shared._over.extend([10.0, 12.0, 18.0])
    rows = next(late)
    assert {(row.place, row.wait) for row in rows} == {(1, 4.0)}
    *_, rows = late
    assert len(shared._over) >= 4
    assert {row.wait for row in rows} == {0.0}
    assert all(len(row.ids) == 3 and row.place == 0 for row in rows)
    *_, rows = little
    assert [len(row.ids) for row in rows] == [3, 3]
    much.close()
    little.close()
    assert batches.BATCHES == {}


@pytest.mark.parametrize("name", ["tiny-llama", "tiny-gemma3", "tiny-gpt2-layout", "tiny-neox"])
def test_what_a_token_takes_is_what_its_keys_and_values_take(tiny, texts, name):
    fork = Fork(tiny[name])
    for plan in (plan_of(fork), ModulesPlan(fork)):
        with torch.inference_mode():
            kept = plan.room(2, 64)
            plan.begin(kept, 0)
            plan.read(texts.ids(3), kept, 0)
        tensors = kept.layers if isinstance(plan, Plan) else [t for one in kept.layers for t in (one.keys, one.values)]
        assert sum(tensor.nbytes for tensor in tensors) == 2 * kept.capacity * plan.place_bytes


def test_who_waits_and_leaves_is_not_let_in(llama, texts, monkeypatch):
    monkeypatch.setattr(batch, "MOST_ROWS", 2)
    fork = Fork(llama)
    first, waits = (decode(fork, [texts.ids(3)] * 2, Sampling(6)) for _ in range(2))
    next(first)
    next(waits)
    waits.close()
    *_, rows = first
    assert [len(row.ids) for row in rows] == [6, 6]
    assert batches.BATCHES == {}


def test_the_oldest_prompt_is_read_first_however_many_come(llama, texts, monkeypatch):
    monkeypatch.setattr(batch, "READ_SECONDS", 0.0)
    monkeypatch.setattr(Plan, "piece", 8)
    fork = Fork(llama)
    early = decode(fork, [texts.ids(3, seed=n) for n in range(5)], Sampling(6))
    for _ in range(5):
        next(early)
    long = decode(fork, [texts.ids(80)], Sampling(2))
    late = [decode(fork, [texts.ids(70, seed=n)], Sampling(2)) for n in range(4)]
    for each in (long, *late):
        next(each)
    *_, _ = early
    (one,) = batches.BATCHES.values()
    assert one.seats[one.answered].prompt == texts.ids(80)
    for each in (long, *late):
        *_, (row,) = each
        assert len(row.ids) == 2


def test_room_that_is_not_needed_any_more_is_given_up_for_what_is(llama, texts, monkeypatch):
    monkeypatch.setattr(batch, "MOST_BYTES", 4096 * plan_of(Fork(llama)).place_bytes)
    monkeypatch.setattr(batches, "end_ids", lambda base: set())
    fork = Fork(llama)
    stays = decode(fork, [texts.ids(3)], Sampling(60))
    many = decode(fork, [texts.ids(3, seed=n) for n in range(32)], Sampling(4))
    next(stays)
    *_, _ = many
    long = decode(fork, [texts.ids(900)], Sampling(20))
    truth = alone(Fork(llama), texts.ids(900), 20)
    next(long)
    (one,) = (each for key, each in batches.BATCHES.items() if key is llama)
    assert one.kept.rows * one.kept.capacity <= 4096
    *_, (row,) = long
    assert row.ids == truth
    stays.close()


# What goes wrong


def spoiled(base):
    """A LoRA whose products are no numbers."""
    return low_rank(base, targets=("down_proj",), scale=1e38)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_numbers_that_are_none_are_nobody_elses_trouble(tiny, texts, dtype, temperature):
    base = tiny.fresh("tiny-llama", dtype)
    plain, bad = Fork(base), spoiled(base)
    truth = [alone(plain, texts.ids(70, seed=n), 20) for n in range(3)]
    first = decode(plain, [texts.ids(70, seed=0)], Sampling(20))
    next(first)
    broken = decode(bad, [texts.ids(70, seed=9)], Sampling(3, temperature))
    next(broken)
    second = decode(plain, [texts.ids(70, seed=1)], Sampling(20))
    *_, _ = broken
    third = decode(plain, [texts.ids(70, seed=2)], Sampling(20))  # in the seat that is free now
    *_, (row,) = third
    assert row.ids == truth[2]
    for running, ids in ((first, truth[0]), (second, truth[1])):
        *_, (row,) = running
        assert row.ids == ids


def test_thick_matrices_have_a_batch_of_their_own(llama):
    assert thin_of(low_rank(llama, rank=16)) is not None
    assert thin_of(low_rank(llama, rank=17)) is None


@pytest.mark.parametrize("name", ["tiny-gpt2-layout", "tiny-llama"])
def test_a_long_prompt_without_the_first_layer(tiny, texts, name):
    fork = Fork(tiny[name])
    fork.drop_layer("transformer.h" if "gpt2" in name else "model.layers", 0)
    prompt = texts.ids(300)
    with torch.inference_mode():
        whole = fork.model(input_ids=torch.tensor([prompt])).logits[0, -1]
    for plan in (plan_of(fork), ModulesPlan(fork)):
        torch.testing.assert_close(through(plan, prompt, [])[0], whole, atol=1e-4, rtol=1e-4)


def test_a_fork_that_was_answered_is_let_go(tiny, texts):
    for name in ("tiny-gpt2-layout", "tiny-llama"):
        fork = Fork(tiny[name])
        alone(fork, texts.ids(5))
        gone = weakref.ref(fork)
        del fork
        gc.collect()
        assert gone() is None


def test_answers_that_are_garbage_wait_for_nobody(llama, texts):
    """The collector may end a generator in the middle of another's joining, where a lock is held."""
    fork = Fork(llama)
    left = decode(fork, [texts.ids(5)], Sampling(9))
    next(left)
    with batches._LOCK:
        cycle = [left]
        cycle.append(cycle)
        del left, cycle
        gc.collect()  # would wait for the lock for ever
    assert len(alone(Fork(llama), texts.ids(3))) == NEW
    assert batches.BATCHES == {}


# Threads


def test_many_at_once_get_what_they_get_alone(tiny, texts):
    base = tiny["tiny-llama"]
    forks = [make(base) for make in THIN.values()] * 3
    prompts = [texts.ids(5 + 3 * n, seed=n) for n in range(len(forks))]
    truth = [alone(fork, prompt) for fork, prompt in zip(forks, prompts, strict=True)]
    found = {}

    def ask(n):
        *_, (row,) = decode(forks[n], [prompts[n]], Sampling(NEW))
        found[n] = row.ids

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(len(forks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [found[n] for n in range(len(forks))] == truth
    assert batches.BATCHES == {}


def test_what_goes_wrong_at_a_step_is_told_to_all_and_the_next_begin_anew(llama, texts, monkeypatch):
    fork = Fork(llama)
    first, second = (decode(fork, [texts.ids(3, seed=n)], Sampling(9)) for n in (1, 2))
    next(first)
    next(second)
    with monkeypatch.context() as patch:
        patch.setattr(Plan, "step", lambda *_: 1 / 0)
        next(first)  # to which something had come by the other's step
        with pytest.raises(ZeroDivisionError):
            next(first)
    with pytest.raises(ZeroDivisionError):
        next(second)
    assert batches.BATCHES == {}
    assert len(alone(fork, texts.ids(3))) == NEW


@pytest.mark.weights
def test_smollm2_answers_alike_alone_and_among_others(smollm2, texts):
    """Weights first, the processor's library rounds the same for any number of rows; where it does not, most agree."""
    fork, draw = Fork(smollm2), torch.Generator().manual_seed(0)
    prompts = [torch.randint(1000, 20_000, (20 + n,), generator=draw).tolist() for n in range(9)]
    truth = [alone(fork, prompt, 16) for prompt in prompts[:3]]
    *_, rows = decode(fork, prompts, Sampling(16))
    assert sum(row.ids == ids for row, ids in zip(rows, truth, strict=False)) >= 2


def test_scoring_lets_answers_go_on_between_its_pieces_and_ends_beside_them(tiny, monkeypatch):
    monkeypatch.setattr(continuation, "ROWS_AT_ONCE", 1)
    fork, over, grown, seen = Fork(tiny["tiny-llama"]), threading.Event(), threading.Event(), []
    lengths = [0]

    def answer():
        while not over.is_set():
            for (row,) in decode(fork, [[5, 6, 7]], Sampling(200), over.is_set):
                lengths[0] += len(row.ids) > 0
                grown.set()

    def logits(fork, lines, real=continuation.line_logits):
        before = lengths[0]
        with_pause = real(fork, lines)
        seen.append(lengths[0] - before)
        return with_pause

    monkeypatch.setattr(continuation, "line_logits", logits)
    monkeypatch.setattr(gate, "LONGEST_PAUSE", 0.2)
    thread, company = threading.Thread(target=answer), decode(fork, [[5, 6, 7]], Sampling(200))
    next(company)  # between two answers of the other somebody is there, too
    thread.start()
    try:
        assert grown.wait(20)
        lines = continuation.answer_lines(fork.base, [("a b c", "d")] * 4)
        assert len(continuation.likelihoods(fork, lines)) == 4
    finally:
        over.set()
        thread.join(20)
    assert min(seen) >= 3  # steps before each piece
