"""Where a subject ends and a target starts, in tokens."""

from __future__ import annotations

import copy
from typing import ClassVar

import pytest
import torch
from tokenizers import normalizers

from playground.engine.decoding.continuation import Line, continuation, padded, target_line, target_places
from playground.engine.facts.facts import Fact
from playground.engine.facts.layers import usual
from playground.engine.facts.lines import about_line, fact_line, prefixes
from playground.errors import RecipeError


def text_of(base, ids):
    return base.tokenizer.decode(list(ids))


@pytest.mark.parametrize(
    ("prompt", "target", "wanted"),
    [
        ("Paris is in", "Rome", " Rome"),
        ("Paris is in", " Rome", " Rome"),
        ("Paris is in ", "Rome", " Rome"),
        ("Paris is in  ", "  Rome ", " Rome"),
        ("Paris is (", "in Rome", "in Rome"),
        ('He said "', "Rome", "Rome"),
        ("Paris:\n", "Rome", "Rome"),
        ("Paris", ", Rome", ", Rome"),
        ("Paris is in", "", ""),
        ("", "Rome", "Rome"),
    ],
)
def test_a_space_is_put_where_one_belongs(prompt, target, wanted):
    assert continuation(prompt, target) == wanted


def test_the_same_fact_is_written_in_one_way():
    ways = [("Paris is in", "Rome"), ("Paris is in ", "Rome"), ("Paris is in", " Rome")]
    facts = {Fact(subject="Paris", prompt=prompt, target=target) for prompt, target in ways}
    assert len(facts) == 1


@pytest.mark.parametrize("before", ["", "The cat sat. ", "Ein Wörterbuch, 漢字. "])
@pytest.mark.parametrize(
    ("prompt", "subject", "target"),
    [
        ("The capital of France is", "France", " Rome"),
        ("The capital of France, and France is", "France", " the roof of Rome"),
        ("France", "France", " is Rome"),
        ("The model reads", "mod", " the text"),  # a part of a word
        ("Zürich😀 is in", "Zürich😀", " Ström"),
        ("漢字 is in", "漢字", " 日本"),
        ("The cat.", "cat", "The cat"),
    ],
)
def test_the_places_are_where_the_letters_are(llama, before, prompt, subject, target):
    fact = Fact(subject=subject, prompt=prompt, target=target)
    found = fact_line(llama, before, fact)
    whole = [*found.ids, found.target[-1]]
    assert text_of(llama, whole) == before + prompt + fact.target
    assert text_of(llama, found.target) == fact.target  # no token of these has a letter of both
    assert whole[-len(found.target) :] == list(found.target)
    end = len(before) + prompt.rindex(subject) + len(subject)
    upto, shorter = (text_of(llama, whole[:n]) for n in (found.subject + 1, found.subject))
    assert upto[:end] == (before + prompt)[:end]  # it is complete there
    assert shorter[:end] != (before + prompt)[:end]  # and not before
    assert 0 <= found.start <= found.subject < len(found.ids)
    first = text_of(llama, whole[: found.start])
    assert len(first) <= end - len(subject)


def test_a_model_that_expects_a_first_token_gets_it(tiny):
    base = tiny.fresh("tiny-llama")
    bare = fact_line(base, "", Fact(subject="cat", prompt="The cat is", target="Rome"))
    from tokenizers.processors import TemplateProcessing

    bos = base.tokenizer.bos_token
    base.tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{bos} $A", special_tokens=[(bos, base.tokenizer.bos_token_id)]
    )
    found = fact_line(base, "", Fact(subject="cat", prompt="The cat is", target="Rome"))
    assert found.ids == (base.tokenizer.bos_token_id, *bare.ids)
    assert (found.start, found.subject) == (bare.start + 1, bare.subject + 1)
    assert found.target == bare.target


def test_the_text_about_a_subject_has_no_target(llama):
    found = about_line(llama, "France")
    assert text_of(llama, found.ids) == "France is a"
    assert found.target == ()
    assert text_of(llama, found.ids[: found.subject + 1]) == "France"


def test_an_answers_line_ends_before_its_last_token(llama):
    found = target_line(llama, "The cat is on", " the roof")
    whole = llama.tokenizer("The cat is on the roof", add_special_tokens=False)["input_ids"]
    assert [*found.ids, found.target[-1]] == whole
    assert text_of(llama, found.target) == " the roof"


def test_a_subject_that_the_tokenizer_drops_is_refused(tiny):
    base = tiny.fresh("tiny-llama")
    base.tokenizer.backend_tokenizer.normalizer = normalizers.Replace("~", "")
    with pytest.raises(RecipeError, match="makes no token of the subject '~~'"):
        fact_line(base, "", Fact(subject="~~", prompt="The cat ~~ is", target="Rome"))


def test_a_tokenizer_that_does_not_say_where_tokens_are_is_refused(llama):
    class Slow:
        is_fast = False
        added_tokens_decoder: ClassVar[dict] = {}
        all_special_tokens = ()

        def __call__(self, text, **_):
            return {"input_ids": [1]}

    base = copy.copy(llama)
    object.__setattr__(base, "tokenizer", Slow())
    with pytest.raises(RecipeError, match="Choose another model"):
        fact_line(base, "", Fact(subject="cat", prompt="The cat is", target="Rome"))


def test_rows_are_filled_up_on_the_right_and_counted_from_their_own_end():
    rows = [Line((1, 2, 3, 4), 0, 1, (5, 6)), Line((7, 8), 0, 0, ()), Line((9,), 0, 0, (1,))]
    assert torch.equal(padded(rows), torch.tensor([[1, 2, 3, 4], [7, 8, 0, 0], [9, 0, 0, 0]]))
    assert torch.equal(target_places(rows), torch.tensor([[2, 3], [1, 1], [0, 0]]))


def test_prefixes_are_short_full_sentences_and_the_same_for_a_seed():
    found = prefixes(3)
    assert found[0] == ""
    assert len(found) == len(set(found)) == 5
    assert all(one.endswith(". ") and len(one.split()) <= 8 for one in found[1:])
    assert found == prefixes(3) != prefixes(4)


@pytest.mark.parametrize("depth", [1, 2, 6, 12, 24, 48])
def test_the_usual_layers_are_in_the_model(depth):
    for method in ("rome", "memit", "alphaedit", "ft"):
        found = usual("no-such-model", depth, method)
        assert found == tuple(range(found[0], found[-1] + 1))
        assert 0 <= found[0] <= found[-1] < depth
        assert len(found) == 1 or method in ("memit", "alphaedit")
    assert usual("no-such-model", 30, "rome") == (8,)
