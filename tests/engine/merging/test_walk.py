"""The path of a merge on tiny models: each place is a model of numpy's making, asked by plain
transformers."""

from __future__ import annotations

import copy
import math
import weakref

import numpy as np
import pytest
import torch
from merge_made import merge, numpy_of, of, pruned, recipe, weights, weights_of

from playground.engine.build import build, extended
from playground.engine.fork import Fork
from playground.engine.merging import MergeError
from playground.engine.merging import walk as walk_module
from playground.engine.merging.walk import MOST_ANSWER, answer_probability, walk
from playground.engine.models.loader import CACHE
from playground.engine.recipe import parse, parse_edit
from playground.engine.work import Stopped, Work
from playground.errors import PlaygroundError

TEXT = "The cat sat on the mat while the rain fell on the roof of the house."
OTHER = "Weights are numbers; an edit changes some of them and leaves the rest."
PLACES = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
ONE, TWO = of("tiny-llama-1", weight=0.75), of("tiny-llama-2", weight=0.25)


def made(*edits, model="tiny-llama"):
    return build(parse(recipe(*edits, model=model)))


def edit_of(*models, method="linear", **more):
    return parse_edit(merge(*models, method=method, **more))


def of_weights(base, numbers):
    """A float64 copy of a base's model with other weights."""
    model = copy.deepcopy(base.model).double()
    for name, value in numbers.items():
        model.get_parameter(name).data = torch.from_numpy(value)
    return model


@torch.no_grad()
def surprise(model, tokenizer, text=TEXT):
    """Perplexity by transformers' own loss: right for a text of one window."""
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    assert ids.shape[1] <= 512
    return math.exp(float(model(ids, labels=ids).loss))


def mean_of_two(known):
    one, two = (weights_of(recipe(model=f"tiny-llama-{n}")) for n in (1, 2))
    return {name: 0.75 * one[name] + 0.25 * two[name] for name in one}


# Where it goes


def test_the_walk_is_eleven_places_from_the_base_to_the_merge(siblings, known):
    base, there = known["tiny-llama"], mean_of_two(known)
    start = weights(Fork(base))
    found = list(walk(made(), edit_of(ONE, TWO), (TEXT, OTHER)))
    assert [point.t for point in found] == [point.edit.t for point in found] == PLACES
    for point in found:
        here = {name: start[name] + point.t * (there[name] - start[name]) for name in there}
        model = of_weights(base, here)
        expected = [surprise(model, base.tokenizer, text) for text in (TEXT, OTHER)]
        assert point.perplexities == pytest.approx(expected, rel=1e-4), point.t
        assert point.probability is None
    own = [surprise(base.model, base.tokenizer, text) for text in (TEXT, OTHER)]
    assert found[0].perplexities == pytest.approx(own, rel=1e-6)
    assert len({point.perplexities for point in found}) == 11


def test_slerps_walk_goes_along_the_arc(siblings, known):
    base = known["tiny-llama"]
    start, end = weights(Fork(base)), weights_of(recipe(model="tiny-llama-1"))

    def arc(one, other, t):
        cosine = (one * other).sum() / np.linalg.norm(one) / np.linalg.norm(other)
        if cosine > 0.9995:
            return (1 - t) * one + t * other
        angle = np.arccos(cosine)
        return (np.sin((1 - t) * angle) * one + np.sin(t * angle) * other) / np.sin(angle)

    points = list(walk(made(), edit_of(of("tiny-llama-1"), method="slerp"), (TEXT,)))
    for place in (3, 5, 10):
        model = of_weights(base, {n: arc(start[n], end[n], PLACES[place]) for n in start})
        assert points[place].perplexities[0] == pytest.approx(surprise(model, base.tokenizer), rel=1e-4)


@pytest.mark.parametrize("t", [0.0, 0.3, [0, 1], {"mlp": 0.5}])
def test_wherever_the_merge_stands_the_walk_goes_all_the_way(siblings, t):
    """A value along the layers or by part gives way to one for all of them."""
    edit = edit_of(ONE, TWO, t=t)
    found = list(walk(made(), edit, (TEXT,)))
    assert [point.edit for point in found] == [edit_of(ONE, TWO, t=place) for place in PLACES]
    assert found == list(walk(made(), edit_of(ONE, TWO), (TEXT,)))


def test_the_path_starts_at_the_recipe_or_at_the_base_that_is_named(siblings, known):
    tokenizer = known["tiny-llama"].tokenizer
    built, other = made(pruned()), known["tiny-llama"]
    changed = surprise(build(parse(recipe(model="tiny-llama-3"))).fork.model, tokenizer)
    for base, start in (
        (None, surprise(built.fork.model, tokenizer)),
        (of("tiny-llama-3"), changed),
        (of("tiny-llama"), surprise(other.model, tokenizer)),
    ):
        first, *_, last = walk(built, edit_of(ONE, TWO, base=base), (TEXT,))
        assert first.perplexities[0] == pytest.approx(start, rel=1e-5)
        model = of_weights(other, mean_of_two(known))
        assert last.perplexities[0] == pytest.approx(surprise(model, tokenizer), rel=1e-4)


def test_without_texts_nothing_is_read(siblings):
    found = list(walk(made(), edit_of(ONE, TWO), ()))
    assert [(point.t, point.perplexities) for point in found] == [(t, ()) for t in PLACES]


def test_a_merge_with_the_recipe_itself_goes_nowhere(known):
    found = list(walk(made(), edit_of(of("tiny-llama")), (TEXT,)))
    assert len({point.perplexities for point in found}) == 1


@pytest.mark.parametrize("method", ["passthrough", "concat", "ensemble"])
def test_a_method_without_a_path_is_refused(known, method):
    models = [of("tiny-llama", layers=[0, 2]), of("tiny-llama", layers=[0, 2])]
    with pytest.raises(MergeError, match=f"^{method} has no path"):
        next(walk(made(), edit_of(*models, method=method), (TEXT,)))


def test_a_text_that_cannot_be_measured_on_is_refused(siblings):
    with pytest.raises(PlaygroundError, match="text"):
        next(walk(made(), edit_of(ONE, TWO), (TEXT, "T")))


# What is left of it


def test_models_on_the_way_are_kept_by_nobody(siblings, monkeypatch):
    built, edit, forks = made(), edit_of(ONE, TWO), []

    def noted(*given):
        longer = extended(*given)
        forks.append(weakref.ref(longer.fork))
        return longer

    monkeypatch.setattr(walk_module, "extended", noted)
    list(walk(built, edit, (TEXT,)))  # which builds the models to merge, and they stay
    entries, total = list(CACHE._entries), CACHE.total()
    for place, point in enumerate(walk(built, edit, (TEXT,))):
        assert ("fork", parse(recipe(point.edit.model_dump())).id) not in CACHE
        assert len(forks) == 11 + place + 1
        assert not any(fork() for fork in forks)
    assert sorted(map(str, CACHE._entries)) == sorted(map(str, entries))
    assert CACHE.total() == total
    assert built.fork.bytes_held() == 0
    assert built.receipts == ()


def test_a_walk_that_is_stopped_has_given_the_points_so_far(siblings):
    pressed, found = [], []
    points = walk(made(), edit_of(ONE, TWO), (TEXT,), None, Work(stopped=lambda: bool(pressed)))
    for point in points:
        found.append(point.t)
        if len(found) == 3:
            pressed.append(True)
            break
    with pytest.raises(Stopped):
        next(points)
    assert found == [0.0, 0.1, 0.2]


def test_stop_reaches_into_a_place(siblings):
    """While tensors are being merged: not only between places."""
    made_before, heard = made(), []
    list(walk(made_before, edit_of(ONE, TWO), ()))
    work = Work(lambda *step: heard.append(step), lambda: len(heard) >= 6)
    with pytest.raises(Stopped):
        next(walk(made_before, edit_of(ONE, TWO), (TEXT,), None, work))
    assert len(heard) == 6


def test_a_walk_says_how_far_it_is_in_steps_of_its_own(siblings):
    heard = []
    work = Work(lambda done, of, what: heard.append((done, of, str(what))))
    list(walk(made(), edit_of(ONE, TWO), (TEXT,), None, work))
    assert [step for step, _, _ in heard] == sorted(step for step, _, _ in heard)
    assert {(step, of) for step, of, _ in heard} == {(n, 11) for n in range(11)}
    assert {what for step, _, what in heard if step == 3} == {"t = 0.3 (4 of 11)…"}


# An answer's probability


@torch.no_grad()
def chance(model, tokenizer, prompt, answer, chat=True):
    """Of an answer after a prompt, from transformers' own logits in float64."""
    if chat:
        asked = [{"role": "user", "content": prompt}]
        before = tokenizer.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
    else:
        before, answer = prompt, f" {answer}"
    start, end = tokenizer(before)["input_ids"], tokenizer(answer)["input_ids"]
    logits = copy.deepcopy(model).double()(torch.tensor([start + end])).logits[0]
    found = 1.0
    for place, token in enumerate(end):
        (row,) = numpy_of(logits[len(start) + place - 1])
        row = np.exp(row - row.max())
        found *= row[token] / row.sum()
    return found


@pytest.mark.parametrize("answer", ["P", "Rome", "Paris, and Rome.", "서울", "x" * MOST_ANSWER])
def test_the_probability_is_that_of_the_whole_answer(layout, answer):
    expected = chance(layout.model, layout.tokenizer, "The capital of France?", answer)
    found = answer_probability(Fork(layout), "The capital of France?", answer)
    assert found == pytest.approx(expected, rel=1e-3)
    assert 0 < found < 1 or len(answer) == MOST_ANSWER  # which may be too little for a float


def test_without_a_chat_template_the_answer_goes_on_after_a_space(llama, monkeypatch):
    monkeypatch.setattr(llama.tokenizer, "chat_template", None)
    found = answer_probability(Fork(llama), "The capital of", "France")
    expected = chance(llama.model, llama.tokenizer, "The capital of", "France", chat=False)
    assert found == pytest.approx(expected, rel=1e-4)


def test_the_probability_is_of_the_fork_and_not_of_its_base(known):
    fork = made(pruned(sparsity=0.9)).fork
    found, base = (answer_probability(one, "The cat", "sat") for one in (fork, Fork(fork.base)))
    expected = chance(fork.model, fork.base.tokenizer, "The cat", "sat")
    assert found == pytest.approx(expected, rel=1e-3)
    assert found != pytest.approx(base, rel=1e-2)


@pytest.mark.parametrize("answer", ["", "x" * (MOST_ANSWER + 1)])
def test_an_answer_without_tokens_or_with_too_many_is_refused(llama, answer):
    with pytest.raises(MergeError, match=f"has {len(answer)} tokens: give 1 to {MOST_ANSWER}"):
        answer_probability(Fork(llama), "The cat", answer)


@pytest.mark.parametrize("prompt", ["", " \n", "x" * 20_000])
def test_a_prompt_that_cannot_be_asked_is_refused(llama, prompt):
    with pytest.raises(PlaygroundError, match="prompt"):
        answer_probability(Fork(llama), prompt, "Rome")


def test_a_walk_follows_the_probability_of_an_answer(siblings, known):
    base, probe = known["tiny-llama"], ("The capital of Italy?", "Rome")
    found = list(walk(made(), edit_of(ONE, TWO), (TEXT,), probe))
    there = of_weights(base, mean_of_two(known))
    ends = [chance(model, base.tokenizer, *probe) for model in (base.model, there)]
    assert [found[0].probability, found[-1].probability] == pytest.approx(ends, rel=1e-3)
    assert len({point.probability for point in found}) == 11
